#include "ingest/intake/line_reader.h"
#include "ingest/decode.h"
#include "solid/extend.h"
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

enum { LINE_MOST = SOLID_PAYLOAD_MAX + 1 }; /* bytes of a line that are kept: enough to see that it is too large */

static solid_status open_file(FILE **out, const char *path, int *is_file) {
  struct stat about;
  *is_file = 0;
  if (strcmp(path, "-") == 0) return *out = stdin, SOLID_OK;
  *out = fopen(path, "r");
  if (!*out || fstat(fileno(*out), &about) != 0) return solid_fail(SOLID_EIO, "%s: %s", path, strerror(errno));
  if (S_ISDIR(about.st_mode)) return solid_fail(SOLID_EIO, "%s: is a folder: give a file in it", path);
  if (!S_ISREG(about.st_mode)) return SOLID_OK;
  *is_file = 1;
  unsigned char mark[2] = {0};
  if (fread(mark, 1, sizeof mark, *out) == sizeof mark && mark[0] == 0x1f && mark[1] == 0x8b)
    return solid_fail(SOLID_EFORMAT, "%s: compressed with gzip, want lines of JSON: pipe them (zcat) and read \"-\"",
                      path);
  rewind(*out);
  return SOLID_OK;
}

solid_status sol_line_reader_open(sol_line_reader *r, const char *path, const atomic_int *stopped) {
  r->stopped = stopped;
  solid_status status = open_file(&r->file, path, &r->is_file);
  if (status || r->is_file) return status;
  r->piped.fd = fileno(r->file);
  r->piped.stopped = stopped;
  return SOLID_OK;
}

void sol_line_reader_close(sol_line_reader *r) {
  if (r->file && r->file != stdin) fclose(r->file);
}

size_t sol_line_reader_take(void *reader, void *room, size_t size) {
  sol_line_reader *r = reader;
  size_t got = r->is_file ? fread(room, 1, size, r->file) : sol_piped_take(&r->piped, room, size);
  if (!sol_line_reader_has_failed(r)) return got;
  if (!r->is_file) errno = r->piped.read_errno;
  return SIZE_MAX;
}

static int make_room(sol_line *l) {
  size_t room = l->room ? 2 * l->room : 256;
  if (room > LINE_MOST) room = LINE_MOST;
  char *text = realloc(l->text, room + 1);
  if (!text) return 0;
  l->text = text;
  l->room = room;
  return 1;
}

static int next_char(sol_line_reader *r) {
  return r->is_file ? getc_unlocked(r->file) : sol_piped_next(&r->piped);
}

int sol_line_reader_has_failed(const sol_line_reader *r) {
  return r->is_file ? ferror(r->file) : r->piped.read_errno != 0;
}

/* What is behind LINE_MOST bytes: counted and hashed, and not kept. Returns its last character; EOF also where a stop
 * comes before its end, if it has one. */
static int pass_rest(sol_line_reader *r) {
  char piece[4096];
  int c = 0;
  while (c != '\n' && c != EOF && !atomic_load(r->stopped)) {
    size_t n = 0;
    while (n < sizeof piece && c != '\n' && (c = next_char(r)) != EOF) piece[n++] = (char)c;
    if (r->known) sol_known_file_more(r->known, piece, n);
    r->at += n;
  }
  return c == '\n' ? c : EOF;
}

solid_status sol_line_reader_next(sol_line_reader *r, sol_line *l, int *is_there) {
  int c = 0;
  l->size = 0;
  while (l->size < LINE_MOST && c != '\n' && (c = next_char(r)) != EOF) {
    if (l->size == l->room && !make_room(l)) return solid_fail(SOLID_ENOMEM, "file source: out of memory");
    l->text[l->size++] = (char)c;
  }
  *is_there = l->size > 0 && !sol_line_reader_has_failed(r);
  if (!*is_there) return SOLID_OK;
  l->text[l->size] = 0;
  l->number = ++r->lines;
  r->at += l->size;
  if (r->known) sol_known_file_line(r->known, l->text, l->size);
  if (l->size == LINE_MOST && c != '\n') c = pass_rest(r);
  l->is_open = c != '\n';
  return SOLID_OK;
}
