/* The item log's file written anew: entries that were dropped are left out. */
#include "solid/base/beside.h"
#include "solid/extend.h"
#include "store/memory/item_log_parts.h"
#include "store/record/entry.h"
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

enum { FRAME_BYTES = 1 << 20 };

/* Frames on their way into a new file. */
typedef struct writing {
  int fd;
  uint8_t *frame; /* room for FRAME_BYTES and one entry more */
  size_t size, n; /* behind its head */
  uint64_t at;    /* in the file */
} writing;

static int put(writing *w, const uint8_t *data, size_t size) {
  while (size) {
    ssize_t done = pwrite(w->fd, data, size, (off_t)w->at);
    if (done < 0 && errno == EINTR) continue;
    if (done <= 0) return 0;
    data += done, w->at += (uint64_t)done, size -= (size_t)done;
  }
  return 1;
}

static int put_frame(writing *w) {
  if (!w->n) return 1;
  sol_item_frame_seal(w->frame, w->size, w->n);
  size_t size = SOL_ITEM_FRAME_HEAD + w->size;
  w->size = w->n = 0;
  return put(w, w->frame, size);
}

static int put_entry(writing *w, const uint8_t *entry, size_t size) {
  uint8_t *to = w->frame + SOL_ITEM_FRAME_HEAD + w->size;
  sol_item_put_number(to, size);
  memcpy(to + SOL_ITEM_SIZE, entry, size);
  w->size += SOL_ITEM_SIZE + size;
  w->n++;
  return w->size < FRAME_BYTES || put_frame(w);
}

static int put_entries(writing *w, const sol_item_rest *rest) {
  int ok = 1;
  for (uint64_t i = 0; i < rest->count && ok; i++) {
    size_t begin = i ? rest->ends[i - 1] : 0;
    if (rest->ends[i] > begin) {
      ok = put_entry(w, rest->bytes + begin, rest->ends[i] - begin);
      continue;
    }
    uint8_t gap[SOL_GAP] = {0};
    while (i + 1 < rest->count && rest->ends[i + 1] == begin) i++;
    uint64_t last = i + 1;
    memcpy(gap + 1, &last, sizeof last);
    ok = put_entry(w, gap, SOL_GAP);
  }
  return ok && put_frame(w);
}

/* Who may read the file may read the new one, and nobody else. */
static int keep_mode(int from, int to) {
  struct stat old, made;
  if (fstat(from, &old) || fstat(to, &made)) return 0;
  mode_t mode = old.st_mode & 07777;
  return mode == (made.st_mode & 07777) || !fchmod(to, mode);
}

/* The new file, complete and under its name; *w has a descriptor of it that outlives its writing, and so its lock. */
static solid_status write_anew(const sol_item_log *log, const sol_item_rest *rest, writing *w) {
  uint8_t head[SOL_ITEM_FILE_HEAD];
  sol_beside beside = {.fd = -1};
  solid_status status = sol_beside_open(&beside, log->path, 0);
  if (status) return status;
  sol_item_file_head(log, SOL_ITEM_FILE_VERSION, head);
  w->fd = fcntl(beside.fd, F_DUPFD_CLOEXEC, 0);
  if (w->fd < 0 || !keep_mode(log->fd, w->fd) || !put(w, head, sizeof head) || !put_entries(w, rest))
    status = sol_item_file_fail(log, "write");
  if (!status) status = sol_beside_commit(&beside);
  sol_beside_abandon(&beside);
  return status;
}

/* A name that is not on disk would bring the old file back after a crash, without what is appended from now on. */
solid_status sol_item_file_replace(sol_item_log *log, const sol_item_rest *rest) {
  if (log->is_broken)
    return solid_fail(SOLID_EIO, "%s: a write has failed before and could not be undone: start again", log->path);
  writing w = {.fd = -1, .frame = malloc(SOL_ITEM_FRAME_HEAD + FRAME_BYTES + SOL_ITEM_SIZE + SOL_ENTRY_MAX)};
  if (!w.frame) return solid_fail(SOLID_ENOMEM, "%s: item log", log->path);
  solid_status status = write_anew(log, rest, &w);
  free(w.frame);
  if (status) {
    if (w.fd >= 0) close(w.fd);
    return status;
  }
  close(log->fd);
  log->fd = w.fd;
  log->file_size = w.at;
  status = sol_item_file_sync_folder(log);
  log->is_broken = status != SOLID_OK;
  return status;
}
