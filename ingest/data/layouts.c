/* Public data sets whose files do not say, or say in their own words, which column is what. A file is one of them if
 * its first line is the header to the letter or, where there is none, if every line of the sample has the pattern. What
 * is found are options, as somebody would have given them. */
#include "ingest/data/file.h"
#include "ingest/data/times.h"
#include "solid/base/number.h"
#include <ctype.h>
#include <string.h>

enum { SAMPLE_LINES = 50 };

typedef struct layout {
  const char *header;  /* the first line; NULL = none */
  const char *pattern; /* without a header: a letter a field, as in `is_like` */
  const char *words;   /* kinds, for the letter k */
  const char *separator;
  const char *user, *item, *time, *rating, *kind; /* columns: names, or numbers where there is no header */
} layout;

static const layout layouts[] = {
    /* Amazon 2014 ratings_*.csv: A39HTATAQ9V7YF,0205616461,5.0,1369699200 */
    {NULL, "AP#s", NULL, "comma", "1", "2", "4", "3", NULL},
    /* Amazon 2018 *.csv: 0143026860,A1V6B6TNIC10QE,1.0,1424304000 */
    {NULL, "PA#s", NULL, "comma", "2", "1", "4", "3", NULL},
    /* Amazon 2023, 0core and 5core */
    {"user_id,parent_asin,rating,timestamp", NULL, NULL, "comma", "user_id", "parent_asin", "timestamp", "rating",
     NULL},
    {"user_id,parent_asin,rating,timestamp,history", NULL, NULL, "comma", "user_id", "parent_asin", "timestamp",
     "rating", NULL},
    /* Retailrocket events.csv */
    {"timestamp,visitorid,event,itemid,transactionid", NULL, NULL, "comma", "visitorid", "itemid", "timestamp", NULL,
     "event"},
    /* Taobao UserBehavior.csv: 1,2268318,2520377,pv,1511544070 */
    {NULL, "nnnks", "pv buy cart fav", "comma", "1", "2", "5", NULL, "4"},
    /* YooChoose yoochoose-clicks.dat: 1,2014-04-07T10:51:09.277Z,214536502,0; and -buys.dat: ...,12462,1 */
    {NULL, "ndn*", NULL, "comma", "1", "3", "2", NULL, NULL},
    {NULL, "ndnnn", NULL, "comma", "1", "3", "2", NULL, NULL},
    /* KuaiRec big_matrix.csv, small_matrix.csv; watch_ratio says how well a video was liked */
    {"user_id,video_id,play_duration,video_duration,time,date,timestamp,watch_ratio", NULL, NULL, "comma", "user_id",
     "video_id", "timestamp", "watch_ratio", NULL},
    /* goodbooks-10k ratings.csv; no times: oldest first */
    {"user_id,book_id,rating", NULL, NULL, "comma", "user_id", "book_id", NULL, "rating", NULL},
    {"book_id,user_id,rating", NULL, NULL, "comma", "user_id", "book_id", NULL, "rating", NULL},
    /* Steam steam-200k.csv: 151603712,"The Elder Scrolls V Skyrim",purchase,1.0,0; the number are hours */
    {NULL, "n*k#n", "purchase play", "comma", "1", "2", NULL, NULL, "3"},
    /* Steam recommendations.csv; the kind is True or False */
    {"app_id,helpful,funny,date,is_recommended,hours,user_id,review_id", NULL, NULL, "comma", "user_id", "app_id",
     "date", NULL, "is_recommended"},
    /* Gowalla loc-gowalla_totalCheckins.txt: 0 <tab> 2010-10-19T23:55:27Z <tab> 30.23 <tab> -97.79 <tab> 22847 */
    {NULL, "nd##n", NULL, "tab", "1", "5", "2", NULL, NULL},
};

static int all(solid_bytes field, int (*is)(int)) {
  size_t n = 0;
  while (n < field.size && is((unsigned char)field.data[n])) n++;
  return n == field.size && n > 0;
}

static int is_code(int c) {
  return isdigit(c) || (c >= 'A' && c <= 'Z');
}

static int is_word_of(solid_bytes field, const char *words) {
  for (const char *at = words; *at; at += strspn(at, " ")) {
    size_t size = strcspn(at, " ");
    if (size == field.size && memcmp(at, field.data, size) == 0) return 1;
    at += size;
  }
  return 0;
}

/* 1 if the field is what the letter says. */
static int is_like(solid_bytes field, char letter, const char *words) {
  solid_time_unit unit = letter == 'd' ? SOLID_TIME_ISO : SOLID_TIME_SECONDS;
  int64_t ms = 0;
  double number;
  switch (letter) {
  case 'n': /* digits */
    return all(field, isdigit);
  case '#': /* a number */
    return sol_number_double(field.data, field.size, &number);
  case 's': /* seconds of our days */
    return all(field, isdigit) && solid_time_read(field, &unit, 1, &ms) == SOLID_OK && sol_time_is_plausible(ms);
  case 'd': /* 2014-04-07T10:51:09.277Z */
    return memchr(field.data, 'T', field.size) && solid_time_read(field, &unit, 1, &ms) == SOLID_OK;
  case 'A': /* A39HTATAQ9V7YF */
    return field.size > 10 && field.data[0] == 'A' && all(field, is_code);
  case 'P': /* 0205616461, B00YQ6X8EO */
    return field.size == 10 && all(field, is_code);
  case 'k':
    return is_word_of(field, words);
  default: /* anything */
    return field.size > 0;
  }
}

static int has_pattern(const sol_fields *fields, const layout *l) {
  if (fields->count != strlen(l->pattern)) return 0;
  for (size_t i = 0; i < fields->count; i++)
    if (!is_like(fields->at[i], l->pattern[i], l->words)) return 0;
  return 1;
}

/* *fits = 1 if the lines of the sample are of the layout. */
static solid_status try_layout(solid_data_file *file, const layout *l, int *fits) {
  sol_separator separator;
  sol_lines sample;
  int more = 1;
  *fits = 0;
  solid_status status = sol_separator_find(l->separator, &separator);
  if (status == SOLID_OK) status = sol_lines_sample(&file->lines, &sample);
  if (status != SOLID_OK) return status;
  for (size_t i = 0; i < SAMPLE_LINES && status == SOLID_OK; i++) {
    status = sol_lines_next(&sample, &more);
    if (status != SOLID_OK || !more) break;
    *fits = 0;
    if (l->header) *fits = sample.size == strlen(l->header) && memcmp(sample.line, l->header, sample.size) == 0;
    if (l->header) break;
    if (sample.is_cut && i == 0 && !strchr(sample.line, '\n') && sample.size > 4096) break; /* no line of these */
    separator.quotes = strcmp(l->separator, "comma") == 0;
    if (sol_fields_split(&file->fields, &sample, &separator) != SOLID_OK || !has_pattern(&file->fields, l)) break;
    *fits = 1;
  }
  sol_lines_close(&sample);
  return status;
}

solid_status sol_layout_find(solid_data_file *file, int *found) {
  *found = 0;
  for (size_t i = 0; i < sizeof layouts / sizeof *layouts; i++) {
    const layout *l = &layouts[i];
    solid_status status = try_layout(file, l, found);
    if (status != SOLID_OK) return status;
    if (!*found) continue;
    solid_data_options *o = &file->options;
    o->user_column = l->user, o->item_column = l->item, o->time_column = l->time;
    o->rating_column = l->rating, o->kind_column = l->kind;
    o->no_header = !l->header;
    status = sol_separator_find(l->separator, &file->separator);
    file->separator.quotes = strcmp(l->separator, "comma") == 0;
    file->format = strcmp(l->separator, "comma") == 0 ? SOLID_DATA_CSV : SOLID_DATA_TABLE;
    return status;
  }
  return SOLID_OK;
}
