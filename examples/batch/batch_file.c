#include "examples/batch/batch.h"
#include "examples/common/ground.h"
#include "examples/common/manifest.h"
#include "solid/extend.h"
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#define NOTE_EVERY_S 2.0

static solid_status failed(const char *path) {
  return solid_fail(errno == ENOSPC ? SOLID_EFULL : SOLID_EIO, "%s: %s", path, strerror(errno));
}

static char *beside(const char *path, const char *end) {
  size_t size = strlen(path) + strlen(end) + 1;
  char *text = malloc(size);
  if (text) snprintf(text, size, "%s%s", path, end);
  return text;
}

/* The first thing that an earlier run was asked and this one is not. */
static solid_status check_question(const batch_file *f, const json_t *before) {
  const char *key;
  json_t *now;
  json_object_foreach(f->question, key, now) {
    const json_t *then = json_object_get(before, key);
    if (json_equal(then, now)) continue;
    char *a = json_dumps(then, JSON_ENCODE_ANY), *b = json_dumps(now, JSON_ENCODE_ANY);
    solid_status status = solid_fail(SOLID_EMISMATCH, "%s was begun with %s %s, and this is %s; --fresh starts again",
                                     f->part, key, a ? a : "none", b ? b : "none");
    free(a);
    free(b);
    return status;
  }
  return SOLID_OK;
}

/* How far an earlier run came: done and bytes. */
static solid_status read_note(batch_file *f) {
  json_error_t error;
  struct stat about;
  if (fstat(f->fd, &about)) return failed(f->part);
  if (!about.st_size) return SOLID_OK; /* the note, if there is one, is of a run that ended */
  json_t *note = json_load_file(f->note, 0, &error);
  if (!note) return SOLID_OK; /* it stopped before the first one */
  solid_status status = check_question(f, json_object_get(note, "question"));
  f->done = (size_t)json_integer_value(json_object_get(note, "users"));
  f->bytes = (uint64_t)json_integer_value(json_object_get(note, "bytes"));
  json_decref(note);
  if (!status && (uint64_t)about.st_size < f->bytes)
    status = solid_fail(SOLID_EMISMATCH, "%s is shorter than %s says; --fresh starts again", f->part, f->note);
  return status;
}

static solid_status open_part(batch_file *f, int fresh) {
  f->fd = open(f->part, O_WRONLY | O_CREAT | O_CLOEXEC, 0644);
  if (f->fd < 0) return failed(f->part);
  if (flock(f->fd, LOCK_EX | LOCK_NB) && errno == EWOULDBLOCK)
    return solid_fail(SOLID_EIO, "%s: another program is writing it", f->part);
  solid_status status = fresh ? SOLID_OK : read_note(f);
  if (status) return status;
  if (ftruncate(f->fd, (off_t)f->bytes) || lseek(f->fd, 0, SEEK_END) < 0) return failed(f->part);
  f->noted_s = sol_steady_s();
  return SOLID_OK;
}

solid_status batch_file_open(batch_file *file, const char *path, json_t *question, int fresh) {
  struct stat about;
  *file = (batch_file){.fd = -1, .question = question};
  int is_output = strcmp(path, "-") == 0, is_there = !is_output && stat(path, &about) == 0;
  file->path = beside(is_output ? "standard output" : path, "");
  if (!question || !file->path) return solid_fail(SOLID_ENOMEM, "%s: out of memory", path);
  if (is_output || (is_there && !S_ISREG(about.st_mode) && !S_ISDIR(about.st_mode))) {
    file->fd = is_output ? dup(STDOUT_FILENO) : open(path, O_WRONLY | O_CLOEXEC);
    return file->fd < 0 ? failed(file->path) : SOLID_OK;
  }
  solid_status status = manifest_check(path);
  if (status) return status;
  file->part = beside(path, ".part");
  file->note = beside(path, ".part.json");
  if (!file->part || !file->note) return solid_fail(SOLID_ENOMEM, "%s: out of memory", path);
  return open_part(file, fresh);
}

static solid_status write_all(batch_file *f, const char *bytes, size_t size) {
  while (size) {
    ssize_t written = write(f->fd, bytes, size);
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) return failed(f->part ? f->part : f->path);
    bytes += written;
    size -= (size_t)written;
  }
  return SOLID_OK;
}

/* First the lines, then the word that they are there. */
static solid_status take_note(batch_file *f) {
  if (fdatasync(f->fd)) return failed(f->part);
  f->noted_s = sol_steady_s();
  return manifest_write(json_pack("{s:O, s:I, s:I}", "question", f->question, "users", (json_int_t)f->done, "bytes",
                                  (json_int_t)f->bytes),
                        f->note);
}

solid_status batch_file_add(batch_file *file, const growing *text, size_t n) {
  if (text->is_broken) return solid_fail(SOLID_ENOMEM, "no memory for the lines of %zu users", n);
  solid_status status = write_all(file, text->bytes, text->size);
  if (status) return status;
  file->done += n;
  file->bytes += text->size;
  return file->part && sol_steady_s() - file->noted_s > NOTE_EVERY_S ? take_note(file) : SOLID_OK;
}

solid_status batch_file_finish(batch_file *file) {
  if (!file->part) return SOLID_OK;
  if (fsync(file->fd)) return failed(file->part);
  if (rename(file->part, file->path)) return failed(file->path);
  (void)unlink(file->note);
  file->is_whole = 1;
  return SOLID_OK;
}

void batch_file_close(batch_file *file) {
  int is_begun = file->part && file->fd > 0 && file->noted_s > 0;
  if (is_begun && !file->is_whole && take_note(file)) { /* the next run begins where an earlier note says */
  }
  if (file->fd > 0) close(file->fd);
  free(file->path);
  free(file->part);
  free(file->note);
  json_decref(file->question);
  *file = (batch_file){.fd = -1};
}
