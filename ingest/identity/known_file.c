#include "ingest/identity/known_file.h"
#include "solid/base/clock.h"
#include "solid/extend.h"
#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <xxhash.h>

enum { SAVE_MS = 1000, TRIES = 3, PIECE = 1 << 16, NAME_ROOM = SOLID_ID_MAX + 1, FIRST_MOST = 1 << 17 };

struct sol_known_file {
  solid_streams streams;
  char *path, *title; /* path NULL = a named input; what it is called in texts */
  int fd;             /* of the file, borrowed with the start */
  int is_new_wanted, is_new, is_registered, is_dirty;
  sol_take_fn take;
  void *take_user;
  solid_log_fn log;
  void *log_user;
  char name[NAME_ROOM]; /* of the record */
  unsigned char seen[SOL_FILE_RECORD_MAX];
  size_t seen_size;
  sol_file_record record;
  sol_file_entry entry;         /* of this stream */
  XXH3_state_t *read, *before;  /* hashes of all that was read; of that without the last line */
  uint64_t bytes, bytes_before; /* likewise */
  sol_hash128 first;            /* of the first line alone */
  uint64_t first_bytes;
  int64_t saved_ms;
};

static void say(const sol_known_file *known, const char *format, ...) SOLID_PRINTF(2, 3);
static void say(const sol_known_file *known, const char *format, ...) {
  char text[512];
  va_list args;
  if (!known->log) return;
  va_start(args, format);
  vsnprintf(text, sizeof text, format, args);
  va_end(args);
  known->log(known->log_user, SOLID_LOG_WARN, text);
}

static sol_hash128 digest(const XXH3_state_t *state) {
  XXH128_hash_t hash = XXH3_128bits_digest(state);
  return (sol_hash128){hash.low64, hash.high64};
}

static int is_equal(sol_hash128 a, sol_hash128 b) {
  return a.low == b.low && a.high == b.high;
}

/* Both hashes at the beginning. */
static void rewind_hash(sol_known_file *known) {
  XXH3_128bits_reset(known->read);
  XXH3_128bits_reset(known->before);
  known->bytes = known->bytes_before = 0;
}

solid_status sol_known_file_open(sol_known_file **out, const sol_known_file_options *o) {
  sol_known_file *known = calloc(1, sizeof *known);
  if (!known) return solid_fail(SOLID_ENOMEM, "file source: out of memory");
  known->streams = *o->streams;
  known->is_new_wanted = o->is_new;
  known->take = o->take;
  known->take_user = o->take_user;
  known->log = o->log;
  known->log_user = o->log_user;
  known->title = strdup(o->path ? o->path : o->name);
  known->path = o->path ? strdup(o->path) : NULL;
  known->read = XXH3_createState();
  known->before = XXH3_createState();
  if (!known->title || (o->path && !known->path) || !known->read || !known->before) {
    sol_known_file_close(known);
    return solid_fail(SOLID_ENOMEM, "file source: out of memory");
  }
  if (o->name) snprintf(known->name, sizeof known->name, "input/%s", o->name);
  rewind_hash(known);
  *out = known;
  return SOLID_OK;
}

void sol_known_file_close(sol_known_file *known) {
  if (!known) return;
  if (known->read) XXH3_freeState(known->read);
  if (known->before) XXH3_freeState(known->before);
  free(known->title);
  free(known->path);
  free(known);
}

uint64_t sol_known_file_stream(const sol_known_file *known, int *is_new) {
  *is_new = known->is_new;
  return known->entry.stream;
}

void sol_known_file_line(sol_known_file *known, const void *bytes, size_t size) {
  XXH3_copyState(known->before, known->read);
  known->bytes_before = known->bytes;
  sol_known_file_more(known, bytes, size);
}

void sol_known_file_more(sol_known_file *known, const void *bytes, size_t size) {
  XXH3_128bits_update(known->read, bytes, size);
  known->bytes += size;
  if (known->bytes_before) return;
  known->first = digest(known->read);
  known->first_bytes = known->bytes;
}

static solid_status load(sol_known_file *known) {
  known->seen_size = sizeof known->seen;
  solid_status status = known->streams.load(known->streams.user, (solid_bytes){known->name, strlen(known->name)},
                                            known->seen, &known->seen_size);
  memset(&known->record, 0, sizeof known->record);
  if (status != SOLID_OK || !known->seen_size) return status;
  status = sol_file_record_read(&known->record, known->seen, known->seen_size);
  return status == SOLID_OK ? SOLID_OK : solid_fail(status, "%s: %s", known->title, solid_last_error());
}

/* A fault of the disk, which waiting does not cure. */
static solid_status failed(const sol_known_file *known) {
  return solid_fail(SOLID_EDEVICE, "%s: %s", known->title, strerror(errno ? errno : EIO));
}

static solid_status begin(sol_known_file *known) {
  known->is_new = 1;
  known->is_registered = 0;
  memset(&known->entry, 0, sizeof known->entry);
  return sol_stream_draw(&known->entry.stream);
}

/* Hashes `bytes` bytes of the file and counts lines. *size: how many there were. */
static solid_status pass_over(sol_known_file *known, uint64_t bytes, uint64_t *lines, uint64_t *size) {
  char *piece = malloc(PIECE);
  size_t got = 0;
  int last = '\n';
  if (!piece) return solid_fail(SOLID_ENOMEM, "file source: out of memory");
  *size = 0;
  while (*size < bytes) {
    size_t wanted = bytes - *size < PIECE ? (size_t)(bytes - *size) : PIECE;
    got = known->take(known->take_user, piece, wanted);
    if (got == SIZE_MAX) break;
    for (size_t i = 0; i < got; i++) *lines += piece[i] == '\n';
    if (got) last = piece[got - 1];
    XXH3_128bits_update(known->read, piece, got);
    *size += got;
    if (got < wanted) break;
  }
  *lines += last != '\n';
  known->bytes = known->bytes_before = *size;
  XXH3_copyState(known->before, known->read);
  free(piece);
  return got == SIZE_MAX ? failed(known) : SOLID_OK;
}

/* The record of a file lies under its first line (or as much of it as could be an event), which has the same name
 * before and after it got its newline. One that cannot be read is named by whoever reads on. */
static solid_status name_by_first_line(sol_known_file *known, FILE *file) {
  char *line = malloc(FIRST_MOST + 1);
  size_t size = 0;
  int c = 0;
  if (!line) return solid_fail(SOLID_ENOMEM, "file source: out of memory");
  while (size < FIRST_MOST && c != '\n' && (c = getc_unlocked(file)) != EOF) line[size++] = (char)c;
  if (size && c == EOF) line[size++] = '\n';
  sol_hash128 hash = sol_anchor_hash(0, NULL, 0, line, size);
  free(line);
  rewind(file);
  snprintf(known->name, sizeof known->name, "file/%016" PRIx64 "%016" PRIx64, hash.high, hash.low);
  return SOLID_OK;
}

/* A file that begins like a longer one may be that file without its end, whose events would count twice. */
static solid_status check_cut(const sol_known_file *known) {
  struct stat about;
  uint64_t read = 0;
  if (fstat(known->fd, &about) != 0) return failed(known);
  for (size_t i = 0; i < known->record.count; i++)
    if (known->record.entries[i].bytes > read) read = known->record.entries[i].bytes;
  if ((uint64_t)about.st_size >= read) return SOLID_OK;
  return solid_fail(SOLID_EMISMATCH,
                    "%s: begins with the same line as a file of which %" PRIu64 " bytes were read, and has %" PRIu64
                    ": if it is that file, cut off, its events would count twice; if not, --stream new reads it",
                    known->title, read, (uint64_t)about.st_size);
}

static solid_status start_file(sol_known_file *known, FILE *file, uint64_t *lines) {
  size_t found = 0;
  uint64_t size;
  solid_status status = name_by_first_line(known, file);
  if (status == SOLID_OK) status = load(known);
  if (status == SOLID_OK) status = sol_file_record_match(&known->record, known->fd, &found);
  if (status != SOLID_OK) return status;
  if (known->is_new_wanted || found == known->record.count) {
    if (!known->is_new_wanted) status = check_cut(known);
    if (status != SOLID_OK) return status;
    if (known->record.count && !known->is_new_wanted)
      say(known, "%s: begins with the same line as %zu that were read before, and goes on differently: a new stream",
          known->title, known->record.count);
    return begin(known);
  }
  known->entry = known->record.entries[found];
  known->is_registered = 1;
  return pass_over(known, known->entry.next, lines, &size);
}

static solid_status other_input(const sol_known_file *known) {
  return solid_fail(
      SOLID_EMISMATCH,
      "stream %s: the first %llu bytes are not those that were read under this name: give it another name",
      known->title, (unsigned long long)known->entry.bytes);
}

static solid_status start_input(sol_known_file *known, uint64_t *lines) {
  uint64_t size;
  solid_status status = load(known);
  if (status != SOLID_OK) return status;
  if (!known->record.count) return begin(known);
  known->entry = known->record.entries[0];
  known->is_registered = 1;
  if (!known->entry.next) return SOLID_OK; /* the first line is compared before it is applied */
  status = pass_over(known, known->entry.next, lines, &size);
  if (status != SOLID_OK) return status;
  return size == known->entry.bytes && is_equal(digest(known->read), known->entry.hash) ? SOLID_OK : other_input(known);
}

solid_status sol_known_file_start(sol_known_file *known, FILE *file, uint64_t *at, uint64_t *lines) {
  *lines = 0;
  known->fd = fileno(file);
  rewind_hash(known);
  solid_status status = known->path ? start_file(known, file, lines) : start_input(known, lines);
  *at = known->bytes;
  return status;
}

static solid_status save(sol_known_file *known, int *saved) {
  unsigned char bytes[SOL_FILE_RECORD_MAX];
  sol_file_record record = known->record;
  int is_pushed = sol_file_record_put(&record, known->entry);
  size_t size = sol_file_record_write(&record, bytes);
  solid_status status = known->streams.save(known->streams.user, (solid_bytes){known->name, strlen(known->name)},
                                            (solid_bytes){(const char *)known->seen, known->seen_size},
                                            (solid_bytes){(const char *)bytes, size}, saved);
  if (status != SOLID_OK || !*saved) return status;
  if (is_pushed)
    say(known,
        "%s: more than %d files begin with its first line: the one that was read longest ago is forgotten, and "
        "would be applied again",
        known->title, SOL_FILE_STREAMS);
  known->record = record;
  memcpy(known->seen, bytes, size);
  known->seen_size = size;
  known->is_registered = 1;
  known->saved_ms = sol_steady_ms();
  return SOLID_OK;
}

/* Another program has registered it meanwhile: it is the same stream if that program read the same bytes. */
static solid_status meet_winner(sol_known_file *known) {
  size_t found = 0;
  solid_status status = load(known);
  if (status == SOLID_OK && known->path) status = sol_file_record_match(&known->record, known->fd, &found);
  if (status != SOLID_OK || found == known->record.count) return status;
  sol_file_entry theirs = known->record.entries[found];
  if (!known->path && (theirs.bytes != known->first_bytes || !is_equal(theirs.hash, known->first)))
    return solid_fail(SOLID_EMISMATCH, "stream %s: another reads under this name at the same time", known->title);
  known->entry = theirs;
  known->is_new = 0;
  known->is_registered = 1;
  return SOLID_OK;
}

solid_status sol_known_file_register(sol_known_file *known) {
  if (known->is_registered) {
    int is_first = !known->path && !known->entry.next && known->entry.bytes;
    if (!is_first || (known->entry.bytes == known->first_bytes && is_equal(known->entry.hash, known->first)))
      return SOLID_OK;
    return other_input(known);
  }
  for (int tries = 0; tries < TRIES; tries++) {
    int saved = 0;
    known->entry.next = 0;
    known->entry.bytes = known->path ? known->bytes : known->first_bytes;
    known->entry.hash = known->path ? digest(known->read) : known->first;
    solid_status status = save(known, &saved);
    if (status == SOLID_OK && !saved) status = meet_winner(known);
    if (status != SOLID_OK || known->is_registered) return status;
  }
  return solid_fail(SOLID_EIO, "%s: others change the record of its stream", known->title);
}

/* A save that fails is made up for by a later one. */
static void save_late(sol_known_file *known) {
  int saved = 0;
  if (!known->is_dirty) return;
  known->saved_ms = sol_steady_ms();
  known->is_dirty = 0;
  if (save(known, &saved) != SOLID_OK || saved) return;
  if (load(known) == SOLID_OK) known->is_dirty = save(known, &saved) != SOLID_OK; /* another program saved its stream */
}

void sol_known_file_applied(sol_known_file *known, int is_open) {
  known->entry.bytes = known->entry.next = is_open ? known->bytes_before : known->bytes;
  known->entry.hash = digest(is_open ? known->before : known->read);
  known->is_dirty = known->entry.bytes != 0;
  if (sol_steady_ms() - known->saved_ms >= SAVE_MS) save_late(known);
}

void sol_known_file_end(sol_known_file *known) {
  save_late(known);
}
