/* The parts of solid_batch: options; who is asked and what is known of them; answers; lines; the file they go into. */
#ifndef EXAMPLES_BATCH_BATCH_H
#define EXAMPLES_BATCH_BATCH_H

#include "examples/batch/batch_people.h"
#include "examples/common/config.h"
#include "examples/common/growing.h"
#include "examples/common/id_list.h"
#include "examples/common/reading.h"
#include "examples/common/slate_options.h"
#include "solid/solid.h"
#include <jansson.h>

enum { BATCH_AUTO, BATCH_JSON, BATCH_CSV }; /* batch_arguments.form */

typedef struct batch_arguments {
  const char *model, *data, *format, *users, *out, *device, *category, *blocked;
  int64_t k, batch, threads;
  int form, seen, fresh;
  reading_options reading;
  slate_options slate;
} batch_arguments;

extern const solid_program batch_program;

typedef struct batch_run {
  batch_arguments args;
  solid_context *ctx;
  solid_model *model;
  solid_model_info info;
  batch_people people;
  id_list blocked;
} batch_run;

/* ---- Answers ---- */

/* One user's list, valid until the next call. */
typedef struct batch_list {
  const solid_scored *items;
  size_t count;
  solid_source source;
} batch_list;

typedef struct batch_answerer batch_answerer;

/* For up to `most` users at once. ENOTFOUND: no such category. ERANGE, EUNSUPPORTED as solid_recommend, solid_slate. */
solid_status batch_answerer_new(batch_answerer **out, const batch_run *run, size_t most);
void batch_answerer_free(batch_answerer *answerer);

/* The lists of the asked users first .. first + n - 1 into lists (n). */
solid_status batch_answer(batch_answerer *answerer, size_t first, size_t n, batch_list *lists);

/* ---- Lines ---- */

typedef struct batch_lines batch_lines;

/* What is the same for every user is written once: each item's id and title. */
solid_status batch_lines_new(batch_lines **out, const solid_model *model, int form);
void batch_lines_free(batch_lines *lines);

void batch_lines_head(const batch_lines *lines, growing *text); /* csv: the names of the columns */

/* The lines of n users, in their order, into one text behind the other; a large batch is written by several threads.
 * Returns how many texts there are; users[i] are those of text i. The texts were there before: they are emptied. */
enum { BATCH_TEXTS = 16 };
size_t batch_lines_write(const batch_lines *lines, const solid_bytes *asked, const batch_list *lists, size_t n,
                         growing texts[BATCH_TEXTS], size_t users[BATCH_TEXTS]);

/* ---- The file ---- */

/* OUT.part grows; OUT.part.json says how far it is good and what was asked; at the end it is renamed to OUT. What is
 * no regular file (-, a pipe, a device) is written through. */
typedef struct batch_file {
  char *path, *part, *note; /* owned; part NULL = written through */
  int fd;
  json_t *question; /* owned: what a resumed run must have asked as well */
  size_t done;      /* users that are in it; after opening: those of an earlier run */
  uint64_t bytes;   /* of these */
  double noted_s;   /* when the last note was taken; 0 before the file is open */
  int is_whole;
} batch_file;

/* Takes `question`. EMISMATCH: OUT.part is of another question, which is named. EIO. */
solid_status batch_file_open(batch_file *file, const char *path, json_t *question, int fresh);
/* Appends the lines of n more users; every few seconds what is there is made to last. */
solid_status batch_file_add(batch_file *file, const growing *text, size_t n);
solid_status batch_file_finish(batch_file *file);
void batch_file_close(batch_file *file);

#endif
