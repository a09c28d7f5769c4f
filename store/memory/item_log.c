#include "store/memory/item_log.h"
#include "solid/base/beside.h"
#include "solid/extend.h"
#include "store/record/entry.h"
#include "store/record/port.h"
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>

enum { FILE_HEAD = 32, FRAME_HEAD = 16, FILE_VERSION = 1, SIZE = 4 };

static const char magic[8] = {'S', 'O', 'L', 'I', 'D', 'L', 'O', 'G'};

static uint32_t number_at(const uint8_t *at) {
  uint32_t number;
  memcpy(&number, at, sizeof number);
  return number;
}

static void put_number(uint8_t *at, size_t value) {
  uint32_t number = (uint32_t)value;
  memcpy(at, &number, sizeof number);
}

static uint32_t crc_of(const uint8_t *data, size_t size) {
  return (uint32_t)crc32_z(0, data, size);
}

static uint32_t crc_of_head(const uint8_t *head) {
  return (uint32_t)crc32_z(crc_of(head, 12), head + 16, FILE_HEAD - 16);
}

/* ---- In memory ---- */

/* Room for n entries of `size` bytes more. */
static int reserve(sol_item_log *log, size_t n, size_t size) {
  if (log->size + size > log->room) {
    size_t room = 2 * (log->size + size);
    uint8_t *bytes = realloc(log->bytes, room);
    if (!bytes) return 0;
    log->bytes = bytes, log->room = room;
  }
  size_t count = (size_t)log->version.count + n;
  if (count <= log->ends_room) return 1;
  size_t *ends = realloc(log->ends, 2 * count * sizeof *ends);
  if (!ends) return 0;
  log->ends = ends, log->ends_room = 2 * count;
  return 1;
}

static void keep(sol_item_log *log, const uint8_t *entry, size_t size) {
  memcpy(log->bytes + log->size, entry, size);
  log->ends[log->version.count++] = log->size += size;
}

/* The entries of a frame whose checksum is right; 0 = they do not fill it. */
static int keep_frame(sol_item_log *log, const uint8_t *at, size_t size, size_t n) {
  if (!reserve(log, n, size)) return 0;
  size_t used = 0;
  for (; n && size - used >= SIZE && size - used - SIZE >= number_at(at + used); n--) {
    size_t entry = number_at(at + used);
    keep(log, at + used + SIZE, entry);
    used += SIZE + entry;
  }
  return n == 0 && used == size;
}

/* ---- The file ---- */

static solid_status fail_at(const sol_item_log *log, const char *what) {
  int error = errno;
  return solid_fail(sol_write_status(error), "%s: %s: %s", log->path, what, strerror(error));
}

static solid_status write_at(const sol_item_log *log, const uint8_t *data, size_t size, uint64_t at) {
  while (size) {
    ssize_t done = pwrite(log->fd, data, size, (off_t)at);
    if (done < 0 && errno == EINTR) continue;
    if (done <= 0) return fail_at(log, "write");
    data += done, at += (uint64_t)done, size -= (size_t)done;
  }
  return fdatasync(log->fd) ? fail_at(log, "sync") : SOLID_OK;
}

static solid_status write_head(sol_item_log *log) {
  uint8_t head[FILE_HEAD] = {0};
  memcpy(head, magic, sizeof magic);
  put_number(head + 8, FILE_VERSION);
  memcpy(head + 16, log->version.log, sizeof log->version.log);
  put_number(head + 12, crc_of_head(head));
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
  if (left < FRAME_HEAD || is_zero(at, left)) return 0;
  size_t payload = number_at(at);
  if (number_at(at + 12) != crc_of(at, 12) || !payload) return -1;
  if (payload > left - FRAME_HEAD) return 0;
  if (number_at(at + 8) == crc_of(at + FRAME_HEAD, payload)) return 1;
  return payload == left - FRAME_HEAD ? 0 : -1;
}

static solid_status cut_off(sol_item_log *log, size_t at, size_t size, solid_log_fn tell, void *tell_user) {
  char line[512];
  snprintf(
      line, sizeof line,
      "item log: %s: the last write was not finished: its %zu bytes from byte %zu on are cut off, and %llu entries "
      "before it are kept",
      log->path, size - at, at, (unsigned long long)log->version.count);
  if (tell) tell(tell_user, SOLID_LOG_WARN, line);
  if (ftruncate(log->fd, (off_t)at) || fdatasync(log->fd)) return fail_at(log, "cut");
  return SOLID_OK;
}

static solid_status take_frames(sol_item_log *log, const uint8_t *data, size_t size, solid_log_fn tell,
                                void *tell_user) {
  size_t at = FILE_HEAD;
  while (at < size) {
    const uint8_t *frame = data + at;
    int is_whole = judge_frame(frame, size - at);
    if (is_whole > 0 && keep_frame(log, frame + FRAME_HEAD, number_at(frame), number_at(frame + 4))) {
      at += FRAME_HEAD + number_at(frame);
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

/* A head that was not finished is all there is; of another file it is not the beginning. */
static solid_status take_head(sol_item_log *log, const uint8_t *data, size_t size) {
  if (memcmp(data, magic, size < sizeof magic ? size : sizeof magic))
    return solid_fail(SOLID_EFORMAT, "%s: is no item log", log->path);
  if (size < FILE_HEAD) return write_head(log);
  if (number_at(data + 8) > FILE_VERSION)
    return solid_fail(SOLID_EUNSUPPORTED, "%s: version %u is newer than %d", log->path, number_at(data + 8),
                      FILE_VERSION);
  if (number_at(data + 8) != FILE_VERSION || number_at(data + 12) != crc_of_head(data))
    return solid_fail(SOLID_EFORMAT, "%s: the head of the item log is damaged", log->path);
  memcpy(log->version.log, data + 16, sizeof log->version.log);
  return SOLID_OK;
}

static solid_status lock_file(const sol_item_log *log) {
  if (!flock(log->fd, LOCK_EX | LOCK_NB)) return SOLID_OK;
  return solid_fail(SOLID_EREFUSED, "%s: another process has this item log: give each its own, or use Redis",
                    log->path);
}

/* The file's name is on disk, too, once its folder is. */
static solid_status sync_folder(const sol_item_log *log) {
  const char *end = strrchr(log->path, '/');
  char *folder = end ? strndup(log->path, (size_t)(end - log->path) + 1) : strdup(".");
  if (!folder) return solid_fail(SOLID_ENOMEM, "item log");
  int fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC), bad = fd < 0 || fsync(fd);
  solid_status status = bad ? fail_at(log, "sync of its folder") : SOLID_OK;
  if (fd >= 0) close(fd);
  free(folder);
  return status;
}

/* With the first entry: a service to which nobody adds items leaves no file behind. */
static solid_status make_file(sol_item_log *log) {
  log->fd = open(log->path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
  if (log->fd < 0) return fail_at(log, "make");
  solid_status status = lock_file(log);
  int is_ours = !status; /* else another process opened it meanwhile, and keeps its entries there */
  if (!status) status = write_head(log);
  if (!status) status = sync_folder(log);
  if (!status) return SOLID_OK;
  if (is_ours) unlink(log->path);
  close(log->fd);
  log->fd = -1;
  return status;
}

static solid_status open_file(sol_item_log *log, solid_log_fn tell, void *tell_user) {
  struct stat found;
  log->fd = open(log->path, O_RDWR | O_CLOEXEC);
  if (log->fd < 0 && errno == ENOENT) return SOLID_OK;
  if (log->fd < 0) return fail_at(log, "open");
  if (fstat(log->fd, &found)) return fail_at(log, "open");
  if (!S_ISREG(found.st_mode)) return solid_fail(SOLID_EFORMAT, "%s: is no regular file", log->path);
  solid_status status = lock_file(log);
  if (status) return status;
  size_t size = (size_t)found.st_size;
  uint8_t *data = malloc(size + 1);
  if (!data) return solid_fail(SOLID_ENOMEM, "%s: item log of %zu bytes", log->path, size);
  status = read_all(log, data, size);
  if (!status) status = take_head(log, data, size);
  if (!status && size >= FILE_HEAD) status = take_frames(log, data, size, tell, tell_user);
  free(data);
  return status;
}

solid_status sol_item_log_open(sol_item_log *log, const char *path, solid_log_fn tell, void *tell_user) {
  solid_store_epoch name;
  *log = (sol_item_log){.fd = -1};
  solid_status status = sol_port_draw_epoch(&name);
  if (status) return status;
  memcpy(log->version.log, name.bytes, sizeof log->version.log);
  if (!path) return SOLID_OK;
  log->path = strdup(path);
  return log->path ? open_file(log, tell, tell_user) : solid_fail(SOLID_ENOMEM, "item log");
}

void sol_item_log_close(sol_item_log *log) {
  if (log->fd >= 0) close(log->fd);
  free(log->path);
  free(log->bytes);
  free(log->ends);
  *log = (sol_item_log){.fd = -1};
}

/* ---- Calls ---- */

solid_status sol_item_log_read(const sol_item_log *log, uint64_t from, size_t most, solid_item_fn take,
                               void *take_user) {
  sol_entry_room *room = malloc(sizeof *room);
  if (!room) return solid_fail(SOLID_ENOMEM, "item log: entry");
  for (uint64_t number = from + 1; number <= log->version.count && number - from <= most; number++) {
    size_t begin = number > 1 ? log->ends[number - 2] : 0;
    solid_item_entry entry;
    int is_bad = sol_entry_decode(log->bytes + begin, log->ends[number - 1] - begin, room, &entry) != SOLID_OK;
    take(take_user, number, is_bad ? NULL : &entry);
  }
  free(room);
  return SOLID_OK;
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

solid_status sol_item_log_begin(sol_item_log *log, const solid_items_version *seen, const solid_item_entry *entries,
                                size_t n, sol_item_frame *out) {
  size_t size = 0, at = FRAME_HEAD;
  *out = (sol_item_frame){.bytes = NULL};
  if (!sol_items_version_same(seen, &log->version)) return SOLID_OK;
  for (size_t i = 0; i < n; i++) size += SIZE + sol_entry_size(&entries[i]);
  uint8_t *frame = malloc(FRAME_HEAD + size);
  if (!frame || !reserve(log, n, size)) {
    free(frame);
    return solid_fail(SOLID_ENOMEM, "item log: %zu entries", n);
  }
  for (size_t i = 0; i < n; i++) {
    size_t bytes = sol_entry_encode(&entries[i], frame + at + SIZE);
    put_number(frame + at, bytes);
    at += SIZE + bytes;
  }
  put_number(frame, size);
  put_number(frame + 4, n);
  put_number(frame + 8, crc_of(frame + FRAME_HEAD, size));
  put_number(frame + 12, crc_of(frame, 12));
  *out = (sol_item_frame){frame, FRAME_HEAD + size, n};
  return SOLID_OK;
}

solid_status sol_item_log_write(sol_item_log *log, const sol_item_frame *frame) {
  solid_status status = log->path && log->fd < 0 ? make_file(log) : SOLID_OK;
  return status || log->fd < 0 ? status : write_frame(log, frame->bytes, frame->size);
}

int sol_item_log_end(sol_item_log *log, const sol_item_frame *frame) {
  return keep_frame(log, frame->bytes + FRAME_HEAD, frame->size - FRAME_HEAD, frame->n);
}
