#include "tests/ingest/data/probe.h"
#include <criterion/criterion.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <zlib.h>

char probe_path[] = "/tmp/solid_dataset_XXXXXX";

void probe_make(void) {
  int fd = mkstemp(probe_path);
  cr_assert(fd >= 0);
  close(fd);
}

void probe_remove(void) {
  unlink(probe_path);
}

void probe_write(const void *data, size_t size) {
  FILE *file = fopen(probe_path, "wb");
  cr_assert(file && fwrite(data, 1, size, file) == size && fclose(file) == 0);
}

void probe_write_text(const char *text) {
  probe_write(text, strlen(text));
}

void probe_write_gzip(const char *text, size_t cut) {
  gzFile file = gzopen(probe_path, "wb");
  cr_assert(file && gzwrite(file, text, (unsigned)strlen(text)) == (int)strlen(text) && gzclose(file) == Z_OK);
  if (cut > 0) {
    FILE *plain = fopen(probe_path, "rb");
    char bytes[4096];
    size_t size = fread(bytes, 1, sizeof bytes, plain);
    fclose(plain);
    probe_write(bytes, size - cut);
  }
}

static void note(record *r, const char *format, size_t size, const char *text) {
  int written = snprintf(r->text + r->used, sizeof r->text - r->used, format, (int)size, text);
  cr_assert(r->used + (size_t)written < sizeof r->text);
  r->used += (size_t)written;
}

solid_status probe_events(void *context, const solid_event *events, const double *ratings, size_t count) {
  record *r = context;
  char rest[64];
  r->calls++;
  for (size_t i = 0; i < count; i++) {
    const solid_event *e = &events[i];
    r->events++;
    cr_assert_eq(e->position.stream, 0);
    note(r, "%.*s ", e->user.size, e->user.data);
    note(r, "%.*s ", e->item.size, e->item.data);
    note(r, "%.*s ", e->kind.size, e->kind.data);
    int size = snprintf(rest, sizeof rest, "%lld", (long long)e->time_ms);
    if (ratings && !isnan(ratings[i])) size += snprintf(rest + size, sizeof rest - (size_t)size, " %g", ratings[i]);
    if (e->worth == SOLID_WORTH_DISLIKE) snprintf(rest + size, sizeof rest - (size_t)size, " dislike");
    note(r, "%.*s\n", strlen(rest), rest);
  }
  return r->answer;
}

solid_status probe_attributes(void *context, solid_bytes item, const solid_bytes *attributes, size_t count) {
  record *r = context;
  note(r, "%.*s:", item.size, item.data);
  for (size_t i = 0; i < count; i++) note(r, i ? ",%.*s" : "%.*s", attributes[i].size, attributes[i].data);
  note(r, "%.*s", 1, "\n");
  return r->answer;
}

solid_status probe_vector(void *context, solid_bytes item, const float *vector, size_t width) {
  record *r = context;
  char value[32];
  note(r, "%.*s:", item.size, item.data);
  for (size_t i = 0; i < width; i++) {
    snprintf(value, sizeof value, "%g", (double)vector[i]);
    note(r, "%.*s ", strlen(value), value);
  }
  return r->answer;
}

solid_data_options probe_format(solid_data_format format) {
  solid_data_options options = SOLID_DATA_OPTIONS_INIT;
  options.format = format;
  return options;
}

solid_status probe_read(const solid_data_options *options, record *r) {
  solid_data_file *file = NULL;
  solid_status status = solid_data_file_open(&file, probe_path, options);
  if (status == SOLID_OK) status = solid_data_file_read(file, probe_events, r);
  solid_data_file_close(file);
  return status;
}

void expect_with(const char *text, const solid_data_options *options, const char *want) {
  record r = {.answer = SOLID_OK};
  probe_write_text(text);
  solid_status status = probe_read(options, &r);
  cr_assert_eq(status, SOLID_OK, "%s: %s, from %s", solid_status_name(status), solid_last_error(), text);
  cr_expect_str_eq(r.text, want, "%s: read as\n%s", text, r.text);
}

void expect_events(const char *text, solid_data_format format, const char *want) {
  solid_data_options named = probe_format(format), found = probe_format(SOLID_DATA_AUTO);
  expect_with(text, &named, want);
  expect_with(text, &found, want);
}

void expect_message(const char *rest) {
  char want[1024];
  snprintf(want, sizeof want, "%s%s", probe_path, rest);
  cr_expect_str_eq(solid_last_error(), want, "said: %s\nwant: %s", solid_last_error(), want);
}

void expect_bad(const char *text, solid_data_format format, const char *rest) {
  record r = {.answer = SOLID_OK};
  solid_data_options options = probe_format(format);
  probe_write_text(text);
  solid_status status = probe_read(&options, &r);
  cr_assert_eq(status, SOLID_EFORMAT, "%s from %s", solid_status_name(status), text);
  expect_message(rest);
}

void expect_refusal(const char *text, const solid_data_options *options, const char *words) {
  record r = {.answer = SOLID_OK};
  char word[128];
  probe_write_text(text);
  solid_status status = probe_read(options, &r);
  cr_assert(status == SOLID_EFORMAT || status == SOLID_EINVAL, "%s, read as\n%s", text, r.text);
  for (const char *at = words; *at;) {
    size_t size = strcspn(at, "|");
    snprintf(word, sizeof word, "%.*s", (int)size, at);
    cr_expect(strstr(solid_last_error(), word), "\"%s\" is not in: %s", word, solid_last_error());
    at += size + (at[size] == '|');
  }
}
