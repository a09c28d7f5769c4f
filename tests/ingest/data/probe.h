/* Small data files that a test writes, and everything that a reader gives, as text. */
#ifndef TESTS_INGEST_DATA_PROBE_H
#define TESTS_INGEST_DATA_PROBE_H

#include "ingest/data_file.h"
#include <stddef.h>

/* "user item kind time[ rating][ dislike]\n" an event, "item:attribute,attribute\n" an item, "item:value value " a
 * vector. */
typedef struct record {
  char text[8192];
  size_t used, events, calls;
  solid_status answer; /* what the sink says */
} record;

solid_status probe_events(void *context, const solid_event *events, const double *ratings, size_t count);
solid_status probe_attributes(void *context, solid_bytes item, const solid_bytes *attributes, size_t count);
solid_status probe_vector(void *context, solid_bytes item, const float *vector, size_t width);

/* The test's file: a new name by probe_make, gone by probe_remove (.init and .fini of a suite). */
extern char probe_path[];
void probe_make(void);
void probe_remove(void);
void probe_write(const void *data, size_t size);
void probe_write_text(const char *text);
/* Compressed; `cut` bytes are missing at the end. */
void probe_write_gzip(const char *text, size_t cut);

/* Opens, reads and closes the test's file. */
solid_status probe_read(const solid_data_options *options, record *r);

solid_data_options probe_format(solid_data_format format);

/* What reading `text` gives, under its format's name and under auto. */
void expect_events(const char *text, solid_data_format format, const char *want);
/* The same with options. */
void expect_with(const char *text, const solid_data_options *options, const char *want);
/* Reading is refused with "path" and `rest`. */
void expect_bad(const char *text, solid_data_format format, const char *rest);
/* Reading is refused (EFORMAT or EINVAL) with a message that holds every one of `words`, separated by |. */
void expect_refusal(const char *text, const solid_data_options *options, const char *words);
void expect_message(const char *rest);

#endif
