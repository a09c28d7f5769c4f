#define _XOPEN_SOURCE 700 /* realpath */
#include "solid/base/beside.h"
#include "solid/extend.h"
#include "store/memory/item_log_parts.h"
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

enum { FILE_HEAD = SOL_ITEM_FILE_HEAD, FILE_VERSION = SOL_ITEM_FILE_VERSION };

static const char magic[8] = {'S', 'O', 'L', 'I', 'D', 'L', 'O', 'G'};

static uint32_t crc_of(const uint8_t *data, size_t size) {
  return (uint32_t)crc32_z(0, data, size);
}

static uint32_t crc_of_head(const uint8_t *head) {
  return (uint32_t)crc32_z(crc_of(head, 12), head + 16, FILE_HEAD - 16);
}

void sol_item_frame_seal(uint8_t *frame, size_t size, size_t n) {
  sol_item_put_number(frame, size);
  sol_item_put_number(frame + 4, n);
  sol_item_put_number(frame + 8, crc_of(frame + SOL_ITEM_FRAME_HEAD, size));
  sol_item_put_number(frame + 12, crc_of(frame, 12));
}

solid_status sol_item_file_fail(const sol_item_log *log, const char *what) {
  int error = errno;
  return solid_fail(sol_write_status(error), "%s: %s: %s", log->path, what, strerror(error));
}

static solid_status write_at(const sol_item_log *log, const uint8_t *data, size_t size, uint64_t at) {
  while (size) {
    ssize_t done = pwrite(log->fd, data, size, (off_t)at);
    if (done < 0 && errno == EINTR) continue;
    if (done <= 0) return sol_item_file_fail(log, "write");
    data += done, at += (uint64_t)done, size -= (size_t)done;
  }
  return fdatasync(log->fd) ? sol_item_file_fail(log, "sync") : SOLID_OK;
}

void sol_item_file_head(const sol_item_log *log, uint32_t version, uint8_t head[FILE_HEAD]) {
  memset(head, 0, FILE_HEAD);
  memcpy(head, magic, sizeof magic);
  sol_item_put_number(head + 8, version);
  memcpy(head + 16, log->version.log, sizeof log->version.log);
  sol_item_put_number(head + 12, crc_of_head(head));
}

/* Of version 1, which earlier programs read, until entries are dropped. */
static solid_status write_head(sol_item_log *log) {
  uint8_t head[FILE_HEAD];
  sol_item_file_head(log, 1, head);
  log->file_size = FILE_HEAD;
  return write_at(log, head, FILE_HEAD, 0);
}

static solid_status read_all(const sol_item_log *log, uint8_t *data, size_t size) {
  for (size_t at = 0; at < size;) {
    ssize_t done = pread(log->fd, data + at, size - at, (off_t)at);
    if (done < 0 && errno == EINTR) continue;
    if (done <= 0) return solid_fail(SOLID_EIO, "%s: read: %s", log->path, done ? strerror(errno) : "cut while read");
    at += (size_t)done;
  }
  return SOLID_OK;
}

static int is_zero(const uint8_t *data, size_t size) {
  for (size_t i = 0; i < size; i++)
    if (data[i]) return 0;
  return 1;
}

/* A frame as it should be, a frame that was not finished, or neither: 1, 0, -1. Unfinished is the last one, of which
 * the end is missing, or all that a file system wrote was its size. */
static int judge_frame(const uint8_t *at, size_t left) {
  if (left < SOL_ITEM_FRAME_HEAD || is_zero(at, left)) return 0;
  size_t payload = sol_item_number_at(at);
  if (sol_item_number_at(at + 12) != crc_of(at, 12) || !payload) return -1;
  if (payload > left - SOL_ITEM_FRAME_HEAD) return 0;
  if (sol_item_number_at(at + 8) == crc_of(at + SOL_ITEM_FRAME_HEAD, payload)) return 1;
  return payload == left - SOL_ITEM_FRAME_HEAD ? 0 : -1;
}

static solid_status cut_off(sol_item_log *log, size_t at, size_t size, solid_log_fn tell, void *tell_user) {
  char line[512];
  snprintf(
      line, sizeof line,
      "item log: %s: the last write was not finished: its %zu bytes from byte %zu on are cut off, and %llu entries "
      "before it are kept",
      log->path, size - at, at, (unsigned long long)log->version.count);
  if (tell) tell(tell_user, SOLID_LOG_WARN, line);
  if (ftruncate(log->fd, (off_t)at) || fdatasync(log->fd)) return sol_item_file_fail(log, "cut");
  return SOLID_OK;
}

static solid_status take_frames(sol_item_log *log, const uint8_t *data, size_t size, solid_log_fn tell,
                                void *tell_user) {
  size_t at = FILE_HEAD;
  while (at < size) {
    const uint8_t *frame = data + at;
    int is_whole = judge_frame(frame, size - at);
    if (is_whole > 0 && sol_item_keep_frame(log, frame + SOL_ITEM_FRAME_HEAD, sol_item_number_at(frame),
                                            sol_item_number_at(frame + 4))) {
      at += SOL_ITEM_FRAME_HEAD + sol_item_number_at(frame);
      continue;
    }
    if (is_whole)
      return solid_fail(SOLID_EFORMAT,
                        "%s: damaged at byte %zu of %zu, behind %llu entries that are sound: restore it, or move it "
                        "away and add the items again",
                        log->path, at, size, (unsigned long long)log->version.count);
    solid_status status = cut_off(log, at, size, tell, tell_user);
    if (status) return status;
    break;
  }
  log->file_size = at;
  return SOLID_OK;
}

/* A head that was not finished is all there is, and so is one of which a file system wrote the size alone. Nobody was
 * told of an entry behind it, unless somebody else has cut the file. */
static solid_status begin_anew(sol_item_log *log, size_t size, solid_log_fn tell, void *tell_user) {
  char line[512];
  snprintf(
      line, sizeof line,
      "item log: %s: its head of %d bytes is not there, but %zu bytes: its first write was not finished, or it was "
      "cut: it is begun anew, with no entries; if it had some, stop the service and put a copy of it back",
      log->path, FILE_HEAD, size);
  if (tell) tell(tell_user, SOLID_LOG_WARN, line);
  return write_head(log);
}

/* Of another file the bytes are not the beginning of a head. */
static solid_status take_head(sol_item_log *log, const uint8_t *data, size_t size, solid_log_fn tell, void *tell_user) {
  if (size <= FILE_HEAD && is_zero(data, size)) return begin_anew(log, size, tell, tell_user);
  if (memcmp(data, magic, size < sizeof magic ? size : sizeof magic))
    return solid_fail(SOLID_EFORMAT, "%s: is no item log", log->path);
  if (size < FILE_HEAD) return begin_anew(log, size, tell, tell_user);
  if (sol_item_number_at(data + 8) > FILE_VERSION)
    return solid_fail(SOLID_EUNSUPPORTED, "%s: version %u is newer than %d", log->path, sol_item_number_at(data + 8),
                      FILE_VERSION);
  if (!sol_item_number_at(data + 8) || sol_item_number_at(data + 12) != crc_of_head(data))
    return solid_fail(SOLID_EFORMAT, "%s: the head of the item log is damaged", log->path);
  memcpy(log->version.log, data + 16, sizeof log->version.log);
  return SOLID_OK;
}

static int is_same_file(const struct stat *a, const struct stat *b) {
  return a->st_dev == b->st_dev && a->st_ino == b->st_ino;
}

/* The lock is worth something while the file has its name: another process may have put a new one in its place since it
 * was opened, and what would be appended to the old one would be gone. */
static solid_status lock_file(const sol_item_log *log) {
  struct stat ours, there;
  int is_ours = !flock(log->fd, LOCK_EX | LOCK_NB) && !fstat(log->fd, &ours) && !stat(log->path, &there) &&
                is_same_file(&ours, &there);
  if (is_ours) return SOLID_OK;
  return solid_fail(SOLID_EREFUSED, "%s: another process has this item log: give each its own, or use Redis",
                    log->path);
}

/* The file's name is on disk, too, once its folder is. */
solid_status sol_item_file_sync_folder(const sol_item_log *log) {
  const char *end = strrchr(log->path, '/');
  char *folder = end ? strndup(log->path, (size_t)(end - log->path) + 1) : strdup(".");
  if (!folder) return solid_fail(SOLID_ENOMEM, "item log");
  int fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC), bad = fd < 0 || fsync(fd);
  solid_status status = bad ? sol_item_file_fail(log, "sync of its folder") : SOLID_OK;
  if (fd >= 0) close(fd);
  free(folder);
  return status;
}

/* With the first entry: a service to which nobody adds items leaves no file behind. */
static solid_status make_file(sol_item_log *log) {
  log->fd = open(log->path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
  if (log->fd < 0) return sol_item_file_fail(log, "make");
  solid_status status = lock_file(log);
  int is_ours = !status; /* else another process opened it meanwhile, and keeps its entries there */
  if (!status) status = write_head(log);
  if (!status) status = sol_item_file_sync_folder(log);
  if (!status) return SOLID_OK;
  if (is_ours) unlink(log->path);
  close(log->fd);
  log->fd = -1;
  return status;
}

/* A file that a link names is what a new one has to take the place of, not the link. */
static solid_status follow_link(sol_item_log *log) {
  struct stat found;
  if (lstat(log->path, &found) || !S_ISLNK(found.st_mode)) return SOLID_OK;
  char *real = realpath(log->path, NULL);
  if (!real) return sol_item_file_fail(log, "follow the link");
  free(log->path);
  log->path = real;
  return SOLID_OK;
}

static solid_status read_file(sol_item_log *log, size_t size, solid_log_fn tell, void *tell_user) {
  uint8_t *data = malloc(size + 1);
  if (!data) return solid_fail(SOLID_ENOMEM, "%s: item log of %zu bytes", log->path, size);
  solid_status status = read_all(log, data, size);
  if (!status) status = take_head(log, data, size, tell, tell_user);
  if (!status && size >= FILE_HEAD) status = take_frames(log, data, size, tell, tell_user);
  free(data);
  return status;
}

/* Its size is looked at under the lock: who had it before may have appended until then. */
solid_status sol_item_file_open(sol_item_log *log, solid_log_fn tell, void *tell_user) {
  struct stat found;
  log->fd = open(log->path, O_RDWR | O_CLOEXEC);
  if (log->fd < 0 && errno == ENOENT) return SOLID_OK;
  if (log->fd < 0) return sol_item_file_fail(log, "open");
  if (fstat(log->fd, &found)) return sol_item_file_fail(log, "open");
  if (!S_ISREG(found.st_mode)) return solid_fail(SOLID_EFORMAT, "%s: is no regular file", log->path);
  solid_status status = follow_link(log);
  if (!status) status = lock_file(log);
  if (!status && fstat(log->fd, &found)) status = sol_item_file_fail(log, "open");
  return status ? status : read_file(log, (size_t)found.st_size, tell, tell_user);
}

/* What could not be written whole goes again, so that the next append stands where this one should have. */
static solid_status write_frame(sol_item_log *log, const uint8_t *frame, size_t size) {
  if (log->is_broken)
    return solid_fail(SOLID_EIO, "%s: a write has failed before and could not be undone: start again", log->path);
  solid_status status = write_at(log, frame, size, log->file_size);
  if (!status) {
    log->file_size += size;
    return SOLID_OK;
  }
  log->is_broken = ftruncate(log->fd, (off_t)log->file_size) || fdatasync(log->fd);
  return status;
}

solid_status sol_item_file_append(sol_item_log *log, const uint8_t *frame, size_t size) {
  char why[512];
  solid_status status = log->fd < 0 ? make_file(log) : SOLID_OK;
  if (!status) status = write_frame(log, frame, size);
  if (status != SOLID_EFULL) return status;
  snprintf(why, sizeof why, "%s", solid_last_error());
  return solid_fail(status, "%s: %s", why,
                    log->is_broken ? "what was written of it could not be removed: make room, and start again"
                                   : "nothing of it is kept: make room, and add the items again");
}
