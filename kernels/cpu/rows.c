/* Rows of a catalogue from the model's file (kernels/rows.h). */
#include "kernels/rows.h"
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define AT_ONCE (1 << 30) /* bytes of one read */

static int look(int fd, sk_rows_file *out) {
  struct stat info;
  if (fstat(fd, &info)) return errno;
  out->size = info.st_size;
  out->seconds = info.st_mtim.tv_sec, out->nanoseconds = info.st_mtim.tv_nsec;
  return SK_ROWS_OK;
}

int sk_rows_file_note(sk_rows_file *file) {
  return look(file->fd, file);
}

int sk_rows_check(const sk_rows *rows) {
  const sk_rows_file *file = rows->file;
  sk_rows_file now = {.fd = file->fd};
  int error = look(file->fd, &now);
  if (error) return error;
  if (now.size < file->size) return SK_ROWS_SHORT;
  int is_same = now.size == file->size && now.seconds == file->seconds && now.nanoseconds == file->nanoseconds;
  return is_same ? SK_ROWS_OK : SK_ROWS_CHANGED;
}

static int read_at(int fd, void *data, size_t size, int64_t at) {
  char *to = data;
  while (size) {
    ssize_t n = pread(fd, to, size < AT_ONCE ? size : AT_ONCE, (off_t)at);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return errno;
    if (n == 0) return SK_ROWS_SHORT;
    to += n, at += n, size -= (size_t)n;
  }
  return SK_ROWS_OK;
}

int sk_rows_file_read(const sk_rows_file *file, uint64_t first, size_t n, float *out) {
  return read_at(file->fd, out, n * sizeof *out, file->at + (int64_t)(first * sizeof *out));
}

/* E of n items of the file. */
static int read_own(const sk_rows *rows, int64_t v, int64_t n, float *out) {
  return sk_rows_file_read(rows->file, (uint64_t)(v * rows->d), (size_t)(n * rows->d), out);
}

/* y = x, or y += x. */
static void take(float *y, const float *x, int32_t d, int adds) {
  for (int32_t j = 0; j < d; j++) y[j] = adds ? y[j] + x[j] : x[j];
}

/* The shared row of an item of the file; `sum` gets it by itself, because whole_v adds E to it last. */
static void share(const sk_rows *rows, int64_t v, float *sum) {
  int64_t d = rows->d;
  if (!rows->levels) memset(sum, 0, (size_t)d * sizeof *sum);
  for (int32_t c = 0; c < rows->levels; c++)
    take(sum, rows->metacodes + ((int64_t)c * rows->codes + rows->code[v * rows->levels + c]) * d, rows->d, c > 0);
  for (int32_t s = 0; s < rows->slots; s++) {
    uint32_t a = rows->attribute[v * rows->slots + s];
    if (a != UINT32_MAX) take(sum, rows->attributes + (int64_t)a * d, rows->d, 1);
  }
}

/* What stands in out, E of an item of the file, becomes the part that is asked for. */
static void finish(const sk_rows *rows, sk_rows_part part, int64_t v, float *out) {
  float sum[SK_ROWS_MAX_D];
  if (part == SK_ROWS_OWN || (part == SK_ROWS_WHOLE && !rows->levels)) return;
  share(rows, v, sum);
  if (part == SK_ROWS_SHARED)
    memcpy(out, sum, (size_t)rows->d * sizeof *out);
  else
    take(out, sum, rows->d, 1);
}

static void read_late(const sk_rows *rows, sk_rows_part part, int64_t v, float *out) {
  size_t bytes = (size_t)rows->d * sizeof *out;
  if (part == SK_ROWS_OWN)
    memset(out, 0, bytes);
  else
    memcpy(out, rows->late + (v - rows->filed) * rows->d, bytes);
}

int sk_rows_read(const sk_rows *rows, sk_rows_part part, int64_t n, const int32_t *index, float *out) {
  int error = SK_ROWS_OK;
  for (int64_t i = 0; i < n && !error; i++, out += rows->d) {
    if (index[i] < 0) {
      memset(out, 0, (size_t)rows->d * sizeof *out);
    } else if (index[i] >= rows->filed) {
      read_late(rows, part, index[i], out);
    } else {
      if (part != SK_ROWS_SHARED) error = read_own(rows, index[i], 1, out);
      finish(rows, part, index[i], out);
    }
  }
  return error;
}

int sk_rows_run(const sk_rows *rows, sk_rows_part part, int64_t first, int64_t n, float *out) {
  int64_t filed = first >= rows->filed ? 0 : first + n > rows->filed ? rows->filed - first : n;
  int error = filed && part != SK_ROWS_SHARED ? read_own(rows, first, filed, out) : SK_ROWS_OK;
  for (int64_t i = 0; i < n && !error; i++) {
    if (i < filed)
      finish(rows, part, first + i, out + i * rows->d);
    else
      read_late(rows, part, first + i, out + i * rows->d);
  }
  return error;
}

const char *sk_rows_text(int error, char *room, size_t size) {
  static const char advice[] = "load it again; replace it by renaming another one";
  if (error == SK_ROWS_SHORT || error == SK_ROWS_CHANGED)
    snprintf(room, size, "the model's file was %s while in use: %s", error == SK_ROWS_SHORT ? "cut short" : "changed",
             advice);
  else
    snprintf(room, size, "the model's file cannot be read: error %d; load it again", error);
  return room;
}
