/* make_dataset: a generated data set for demonstrations and tests. Nothing in it is real.
 *
 *   items   belong to one of G genres and carry two of the genre's tags; popularity within a genre is Zipf's.
 *           Every item has a few *sequels*: items of its genre that tend to follow it.
 *   users   have a latent taste, two genres, and drift: before each event one of the two may be replaced.
 *   events  a sequel of the last item (45 %), an item of a current genre (45 %), anything popular (10 %).
 *
 * Writes DIR/events.jsonl (oldest first, all users interleaved by time) and DIR/items.json (item -> attributes). The
 * same seed gives the same bytes.
 *
 * With --long, DIR/histories.txt: users of thousands of events (long_histories.h), without times. */
#include "examples/common/ground.h"
#include "examples/quickstart/long_histories.h"
#include <errno.h>
#include <getopt.h>
#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { TAGS_PER_GENRE = 12, SEQUELS = 3 };

typedef struct dataset {
  const char *dir;
  uint32_t users, items, genres, mean_events; /* 0: as many as the kind of set has */
  uint32_t longest;
  int is_long;
  sol_random random;
  sol_beside beside;
} dataset;

typedef struct event {
  int64_t time_ms;
  uint32_t user, item;
} event;

static double uniform(dataset *d) {
  return sol_random_uniform(&d->random);
}

static uint32_t below(dataset *d, uint32_t n) {
  return (uint32_t)(uniform(d) * n);
}

/* Zipf with exponent 1 over ranks 0 .. n-1, by inverting the continuous distribution. */
static uint32_t zipf(dataset *d, uint32_t n) {
  uint32_t rank = (uint32_t)(exp(uniform(d) * log(n + 1.0)) - 1.0);
  return rank < n ? rank : n - 1;
}

/* Genre g owns the items g, g + G, g + 2G, ..., the most popular first. */
static uint32_t genre_item(const dataset *d, uint32_t genre, uint32_t rank) {
  return genre + rank * d->genres;
}
static uint32_t genre_size(const dataset *d, uint32_t genre) {
  return (d->items - genre + d->genres - 1) / d->genres;
}

static uint32_t sequel(dataset *d, uint32_t item) {
  uint32_t genre = item % d->genres, size = genre_size(d, genre), rank = item / d->genres;
  return genre_item(d, genre, (rank * 7 + 1 + 13 * below(d, SEQUELS)) % size);
}

static uint32_t next_item(dataset *d, uint32_t last, const uint32_t taste[2]) {
  double choice = uniform(d);
  if (last != UINT32_MAX && choice < 0.45) return sequel(d, last);
  uint32_t genre = choice < 0.9 ? taste[below(d, 2)] : below(d, d->genres);
  return genre_item(d, genre, zipf(d, genre_size(d, genre)));
}

static size_t user_events(dataset *d, uint32_t user, event *events) {
  uint32_t taste[2] = {below(d, d->genres), below(d, d->genres)}, last = UINT32_MAX;
  size_t count = 5 + (size_t)(-log(1.0 - uniform(d)) * (d->mean_events - 5.0));
  if (count > 200) count = 200;
  int64_t time_ms = 1690000000000 + (int64_t)(uniform(d) * 30 * 86400e3);
  for (size_t i = 0; i < count; i++) {
    if (uniform(d) < 0.05) taste[below(d, 2)] = below(d, d->genres);
    last = next_item(d, last, taste);
    time_ms += 1000 + (int64_t)(uniform(d) * 86400e3);
    events[i] = (event){time_ms, user, last};
  }
  return count;
}

static int by_time(const void *a, const void *b) {
  const event *x = a, *y = b;
  if (x->time_ms != y->time_ms) return x->time_ms < y->time_ms ? -1 : 1;
  return (x->user > y->user) - (x->user < y->user);
}

/* One file at a time. */
static FILE *create(dataset *d, const char *name) {
  char path[4096];
  snprintf(path, sizeof path, "%s/%s", d->dir, name);
  FILE *file = sol_beside_open(&d->beside, path, 1) ? NULL : fdopen(dup(d->beside.fd), "w");
  if (!file) fprintf(stderr, "make_dataset: %s: %s\n", path, d->beside.path ? strerror(errno) : solid_last_error());
  return file;
}

static int finish(dataset *d, FILE *file, const char *name) {
  int bad = ferror(file);
  if (fclose(file) != 0 || bad) {
    fprintf(stderr, "make_dataset: %s: %s\n", name, strerror(errno));
    sol_beside_abandon(&d->beside);
    return 1;
  }
  if (!sol_beside_commit(&d->beside)) return 0;
  fprintf(stderr, "make_dataset: %s\n", solid_last_error());
  return 1;
}

static int write_items(dataset *d) {
  FILE *file = create(d, "items.json");
  if (!file) return 1;
  fputs("{\n", file);
  for (uint32_t i = 0; i < d->items; i++) {
    uint32_t genre = i % d->genres, tag = below(d, TAGS_PER_GENRE);
    uint32_t other = (tag + 1 + below(d, TAGS_PER_GENRE - 1)) % TAGS_PER_GENRE;
    fprintf(file, "\"item-%u\": [\"genre-%u\", \"tag-%u-%u\", \"tag-%u-%u\"]%s\n", i, genre, genre, tag, genre, other,
            i + 1 < d->items ? "," : "");
  }
  fputs("}\n", file);
  return finish(d, file, "items.json");
}

/* For people: "Copper Harbour 17", the first word by genre, so that a list of titles shows what its items share. */
static int write_titles(dataset *d) {
  static const char *const first[] = {"Copper", "Silent", "Winter", "Electric", "Paper", "Golden", "Midnight", "Wild"};
  static const char *const second[] = {"Harbour", "Garden", "Letters", "Engine", "Summer", "Mirror", "Orchard", "Road"};
  FILE *file = create(d, "titles.json");
  if (!file) return 1;
  fputs("{\n", file);
  for (uint32_t i = 0; i < d->items; i++)
    fprintf(file, "\"item-%u\": \"%s %s %u\"%s\n", i, first[i % d->genres % 8], second[i / d->genres % 8], i,
            i + 1 < d->items ? "," : "");
  fputs("}\n", file);
  return finish(d, file, "titles.json");
}

static int write_events(dataset *d) {
  event *events = malloc((size_t)d->users * 200 * sizeof *events);
  if (!events) {
    fprintf(stderr, "make_dataset: no memory for %u users\n", d->users);
    return 1;
  }
  size_t count = 0;
  for (uint32_t user = 0; user < d->users; user++) count += user_events(d, user, events + count);
  qsort(events, count, sizeof *events, by_time);
  FILE *file = create(d, "events.jsonl");
  for (size_t i = 0; file && i < count; i++)
    fprintf(file, "{\"user\":\"user-%u\",\"item\":\"item-%u\",\"event\":\"view\",\"ts\":%lld}\n", events[i].user,
            events[i].item, (long long)events[i].time_ms);
  free(events);
  if (!file || finish(d, file, "events.jsonl")) return 1;
  printf("%s: %u users, %u items in %u genres, %zu events\n", d->dir, d->users, d->items, d->genres, count);
  return 0;
}

static int write_histories(dataset *d) {
  const long_histories h = {d->users, d->items, d->genres, d->longest, d->random.state};
  FILE *file = create(d, "histories.txt");
  if (!file) return 1;
  size_t events = long_write(&h, file);
  if (!events) fprintf(stderr, "make_dataset: no memory for a history\n");
  if (finish(d, file, "histories.txt") || !events) return 1;
  printf("%s: %u users, %u items in %u genres, %zu events\n", d->dir, d->users, d->items, d->genres, events);
  return 0;
}

static uint32_t number(const char *name, const char *text, uint32_t low, uint32_t high) {
  char *end;
  unsigned long value = strtoul(text, &end, 10);
  if (*end || end == text || value < low || value > high) {
    fprintf(stderr, "make_dataset: --%s %s: not a number from %u to %u\n", name, text, low, high);
    exit(2);
  }
  return (uint32_t)value;
}

static const char usage[] =
    "usage: make_dataset --out DIR [--users 3000] [--items 2000] [--genres 20] [--events 14] [--seed 1]\n"
    "       make_dataset --long --out DIR [--users 1000] [--items 4000] [--genres 100] [--longest 49332] [--seed 1]\n";

enum { GO_ON = -1, DONE = 0, FAILED = 1, USAGE = 2 };

static int print_usage(void) {
  fputs(usage, stdout);
  if (fflush(stdout) == 0 && !ferror(stdout)) return DONE;
  fprintf(stderr, "make_dataset: standard output: %s\n", strerror(errno));
  return FAILED;
}

/* GO_ON, or the exit code. */
static int read_flags(dataset *d, int argc, char **argv) {
  int refused = 0;
  static const struct option flags[] = {
      {"out", 1, 0, 'o'},  {"users", 1, 0, 'u'}, {"items", 1, 0, 'i'},   {"genres", 1, 0, 'g'}, {"events", 1, 0, 'e'},
      {"seed", 1, 0, 's'}, {"long", 0, 0, 'l'},  {"longest", 1, 0, 'm'}, {"help", 0, 0, 'h'},   {0, 0, 0, 0}};
  for (int flag; (flag = getopt_long(argc, argv, "", flags, NULL)) != -1;) {
    if (flag == 'h') return print_usage();
    if (flag == 'o') d->dir = optarg;
    if (flag == 'u') d->users = number("users", optarg, 1, 10000000);
    if (flag == 'i') d->items = number("items", optarg, 100, 10000000);
    if (flag == 'g') d->genres = number("genres", optarg, 2, 100);
    if (flag == 'e') d->mean_events = number("events", optarg, 6, 100);
    if (flag == 's') d->random.state = number("seed", optarg, 0, UINT32_MAX);
    if (flag == 'l') d->is_long = 1;
    if (flag == 'm') d->longest = number("longest", optarg, 20, LONG_LONGEST);
    if (flag == '?') refused = 1;
  }
  int other = d->is_long ? d->mean_events != 0 : d->longest != 0;
  if (other)
    fprintf(stderr, "make_dataset: --%s\n", d->is_long ? "events has no effect with --long" : "longest needs --long");
  if (d->dir && !refused && !other && optind == argc) return GO_ON;
  fputs(usage, stderr);
  return USAGE;
}

int main(int argc, char **argv) {
  dataset d = {.random = {1}, .beside = {.fd = -1}};
  int code = read_flags(&d, argc, argv);
  if (code != GO_ON) return code;
  if (mkdir(d.dir, 0777) != 0 && errno != EEXIST) {
    fprintf(stderr, "make_dataset: %s: %s\n", d.dir, strerror(errno));
    return FAILED;
  }
  if (!d.users) d.users = d.is_long ? 1000 : 3000;
  if (!d.items) d.items = d.is_long ? 4000 : 2000;
  if (!d.mean_events) d.mean_events = 14;
  if (!d.genres) d.genres = d.is_long ? 100 : 20;
  return d.is_long ? write_histories(&d) : write_items(&d) || write_titles(&d) || write_events(&d);
}
