/* The file of the memory store's item log: it outlives the process; what a kill leaves is cut off, damage is refused,
 * and nothing is ever read as what was not written. */
#include "store/memory_store.h"
#include "tests/support/seed.h"
#include <criterion/criterion.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { MOST = 64000, APPENDS = 60 }; /* items of a log; appends of at most 40 before a kill, however late it comes */

static char folder[] = "/tmp/solid-items-XXXXXX", path[64], other[64], said[512];

static void make_folder(void) {
  cr_assert(mkdtemp(folder));
  snprintf(path, sizeof path, "%s/items", folder);
  snprintf(other, sizeof other, "%s/other", folder);
}

static void remove_folder(void) {
  unlink(path);
  unlink(other);
  rmdir(folder);
}

TestSuite(item_log, .init = make_folder, .fini = remove_folder, .timeout = 600);

static void tell(void *user, solid_log_level level, const char *line) {
  (void)user, (void)level;
  snprintf(said, sizeof said, "%s", line);
}

static solid_status open_log(solid_store **store, const char *file) {
  solid_memory_store_options options = SOLID_MEMORY_STORE_OPTIONS_INIT;
  options.window = 1;
  options.items_path = file;
  options.log = tell;
  said[0] = 0;
  return solid_store_open_memory(store, NULL, &options);
}

/* Entries that were read: each is number k of those that add_some writes. */
typedef struct counted {
  uint64_t n;
} counted;

static void count(void *user, uint64_t number, const solid_item_entry *entry) {
  counted *c = user;
  char id[32], title[64];
  cr_assert(entry, "%s", solid_last_error());
  cr_assert_eq(number, c->n + 1);
  size_t size = (size_t)snprintf(id, sizeof id, "item %llu", (unsigned long long)number);
  size_t title_size = (size_t)snprintf(title, sizeof title, "title of number %llu", (unsigned long long)number);
  cr_assert(entry->id.size == size && !memcmp(entry->id.data, id, size), "entry %llu", (unsigned long long)number);
  cr_assert(entry->title.size == title_size && !memcmp(entry->title.data, title, title_size));
  c->n++;
}

static uint64_t count_all(solid_store *store) {
  solid_items_version now;
  counted c = {0};
  cr_assert_eq(store->ops->items_read(store, 0, MOST, count, &c, &now), SOLID_OK, "%s", solid_last_error());
  cr_assert_eq(c.n, now.count);
  return c.n;
}

/* Appends entries `from` + 1 .. `from` + n. */
static solid_status add_some(solid_store *store, solid_items_version *now, size_t n) {
  char ids[64][32], titles[64][64];
  solid_item_entry entries[64];
  int appended = 0;
  for (size_t i = 0; i < n; i++) {
    unsigned long long number = now->count + i + 1;
    entries[i] = (solid_item_entry){.id = {ids[i], (size_t)snprintf(ids[i], 32, "item %llu", number)}};
    entries[i].title = (solid_bytes){titles[i], (size_t)snprintf(titles[i], 64, "title of number %llu", number)};
  }
  solid_status status = store->ops->items_append(store, now, entries, n, now, &appended);
  if (!status) cr_assert(appended);
  return status;
}

static void write_log(const size_t *sizes, size_t n) {
  solid_store *store = NULL;
  solid_items_version now = {.count = 0};
  cr_assert_eq(open_log(&store, path), SOLID_OK, "%s", solid_last_error());
  for (size_t i = 0; i < n; i++) cr_assert_eq(add_some(store, &now, sizes[i]), SOLID_OK, "%s", solid_last_error());
  solid_store_close(store);
}

static unsigned char *read_file(const char *file, size_t *size) {
  FILE *in = fopen(file, "rb");
  unsigned char *bytes = malloc(1 << 22);
  cr_assert(in && bytes);
  *size = fread(bytes, 1, 1 << 22, in);
  fclose(in);
  return bytes;
}

static void write_file(const char *file, const unsigned char *bytes, size_t size) {
  FILE *out = fopen(file, "wb");
  cr_assert(out && fwrite(bytes, 1, size, out) == size && !fclose(out));
}

Test(item_log, outlives_the_process) {
  const size_t sizes[] = {1, 3, 2};
  write_log(sizes, 3);
  solid_store *store = NULL, *second = NULL;
  cr_assert_eq(open_log(&store, path), SOLID_OK, "%s", solid_last_error());
  cr_assert_eq(count_all(store), 6);
  cr_assert_eq(store->items.count, 6, "known from the beginning");
  cr_assert(!said[0], "%s", said);
  cr_assert_eq(open_log(&second, path), SOLID_EREFUSED);
  cr_assert(strstr(solid_last_error(), path), "%s", solid_last_error());
  solid_items_version now = store->items;
  cr_assert_eq(add_some(store, &now, 1), SOLID_OK);
  cr_assert_eq(count_all(store), 7);
  solid_store_close(store);
}

/* Whatever the byte after which the process died: whole appends are there, the unfinished one is named and gone, and
 * the log goes on behind them. */
Test(item_log, a_cut_leaves_whole_appends) {
  const size_t sizes[] = {1, 3, 2};
  write_log(sizes, 3);
  size_t size, before = 0;
  unsigned char *bytes = read_file(path, &size);
  for (size_t cut = 0; cut <= size; cut++) {
    solid_store *store = NULL;
    write_file(other, bytes, cut);
    cr_assert_eq(open_log(&store, other), SOLID_OK, "cut at %zu: %s", cut, solid_last_error());
    uint64_t n = count_all(store);
    cr_assert(n == 0 || n == 1 || n == 4 || n == 6, "%llu entries", (unsigned long long)n);
    cr_assert_geq(n, before);
    before = n;
    struct stat found;
    cr_assert(!stat(other, &found));
    cr_assert(((size_t)found.st_size == cut) == !said[0], "cut at %zu: %s", cut, said);
    cr_assert(cut >= 32 || strstr(said, "begun anew, with no entries"), "cut at %zu: %s", cut, said);
    cr_assert(!said[0] || strstr(said, other), "%s", said);
    solid_items_version now = store->items;
    cr_assert_eq(add_some(store, &now, 2), SOLID_OK);
    cr_assert_eq(count_all(store), n + 2);
    solid_store_close(store);
  }
  cr_assert_eq(before, 6);
  free(bytes);
}

/* What of the first write a lost machine leaves may be its size alone. */
Test(item_log, a_head_of_zeros_is_none) {
  static const unsigned char zeros[33];
  for (size_t size = 1; size <= 33; size++) {
    solid_store *store = NULL;
    write_file(other, zeros, size);
    solid_status status = open_log(&store, other);
    cr_assert_eq(status, size <= 32 ? SOLID_OK : SOLID_EFORMAT, "%zu bytes: %s", size, solid_last_error());
    if (!status) cr_assert(strstr(said, other) && strstr(said, "begun anew"), "%zu bytes: %s", size, said);
    if (!status) solid_store_close(store);
  }
}

static void limit_files(rlim_t most) {
  struct rlimit limit;
  getrlimit(RLIMIT_FSIZE, &limit);
  signal(SIGXFSZ, SIG_IGN);
  limit.rlim_cur = most < limit.rlim_max ? most : limit.rlim_max;
  cr_assert_eq(setrlimit(RLIMIT_FSIZE, &limit), 0);
}

/* With the first append, which makes the file, and with a later one: what happened, where, and what to do. */
Test(item_log, a_full_disk_is_named_and_takes_nothing) {
  solid_store *store = NULL;
  solid_items_version now = {.count = 0};
  cr_assert_eq(open_log(&store, path), SOLID_OK);
  for (uint64_t n = 0; n < 2; n++) {
    struct stat found = {.st_size = 0}, after;
    cr_assert(!n == !!stat(path, &found));
    for (rlim_t more = 0; more < 100; more += 20) {
      solid_items_version seen = now;
      limit_files((rlim_t)found.st_size + more);
      solid_status status = add_some(store, &seen, 10);
      limit_files(RLIM_INFINITY);
      cr_assert_eq(status, SOLID_EFULL, "%s", solid_last_error());
      cr_assert(strstr(solid_last_error(), path) && strstr(solid_last_error(), "File too large") &&
                    strstr(solid_last_error(), "nothing of it is kept: make room, and add the items again"),
                "%s", solid_last_error());
      int is_there = !stat(path, &after);
      cr_assert(is_there ? after.st_size == (n ? found.st_size : 32) : !n, "a file without entries, or none");
      cr_assert_eq(count_all(store), n);
    }
    cr_assert_eq(add_some(store, &now, 1), SOLID_OK, "%s", solid_last_error());
    cr_assert_eq(count_all(store), n + 1);
  }
  solid_store_close(store);
  cr_assert_eq(open_log(&store, path), SOLID_OK);
  cr_assert(count_all(store) == 2 && !said[0], "%s", said);
  solid_store_close(store);
}

/* A changed byte is found: the file is refused, or what ends it is cut off; the entries that are read are right. */
Test(item_log, a_changed_byte_is_never_read) {
  const size_t sizes[] = {1, 3, 2};
  write_log(sizes, 3);
  size_t size, refused = 0, shorter = 0;
  unsigned char *bytes = read_file(path, &size);
  seed_rng rng = seed_start(1);
  for (size_t at = 0; at < size; at++) {
    solid_store *store = NULL;
    unsigned char kept = bytes[at];
    bytes[at] = (unsigned char)(kept ^ (1 + seed_below(&rng, 255)));
    write_file(other, bytes, size);
    bytes[at] = kept;
    solid_status status = open_log(&store, other);
    refused += status != SOLID_OK;
    if (status) {
      cr_assert(status == SOLID_EFORMAT || status == SOLID_EUNSUPPORTED, "byte %zu: %s", at, solid_last_error());
      cr_assert(strstr(solid_last_error(), other), "%s", solid_last_error());
      continue;
    }
    uint64_t n = count_all(store);
    cr_assert(n == 4 && said[0], "byte %zu: %llu entries", at, (unsigned long long)n);
    shorter++;
    solid_store_close(store);
  }
  cr_assert(refused + shorter == size && refused > size / 2, "%zu refused, %zu shorter, of %zu", refused, shorter,
            size);
  free(bytes);
}

Test(item_log, other_files_are_refused_and_left) {
  solid_store *store = NULL;
  write_file(other, (const unsigned char *)"my notes", 8);
  cr_assert_eq(open_log(&store, other), SOLID_EFORMAT);
  size_t size;
  unsigned char *bytes = read_file(other, &size);
  cr_assert(size == 8 && !memcmp(bytes, "my notes", 8));
  free(bytes);
  cr_assert_eq(open_log(&store, folder), SOLID_EIO);
  cr_assert_eq(open_log(&store, "/dev/full"), SOLID_EFORMAT);
  cr_assert_eq(open_log(&store, "/nowhere/items"), SOLID_OK, "there is none yet");
  solid_items_version now = {.count = 0};
  cr_assert_eq(add_some(store, &now, 1), SOLID_EIO);
  cr_assert(strstr(solid_last_error(), "/nowhere/items"), "%s", solid_last_error());
  solid_store_close(store);
}

/* Killed while it appends, again and again: nothing of which it was told that it is kept is missing. */
Test(item_log, kills_lose_nothing_that_was_acknowledged) {
  uint64_t kept = 0;
  for (int round = 0; round < 12; round++) {
    int told[2];
    cr_assert(!pipe(told));
    pid_t child = fork();
    if (!child) {
      solid_store *store = NULL;
      if (open_log(&store, path)) _exit(1);
      solid_items_version now = store->items;
      for (int i = 0; i < APPENDS; i++) {
        if (add_some(store, &now, 1 + now.count % 40)) _exit(2);
        if (write(told[1], &now.count, sizeof now.count) != sizeof now.count) _exit(3);
      }
      for (;;) pause();
    }
    close(told[1]);
    uint64_t acknowledged = kept;
    for (int i = 0; i < 3 + round; i++)
      cr_assert_eq(read(told[0], &acknowledged, sizeof acknowledged), (ssize_t)sizeof acknowledged);
    kill(child, SIGKILL);
    cr_assert_eq(waitpid(child, NULL, 0), child);
    for (uint64_t more; read(told[0], &more, sizeof more) == (ssize_t)sizeof more;) acknowledged = more;
    close(told[0]);
    solid_store *store = NULL;
    cr_assert_eq(open_log(&store, path), SOLID_OK, "%s", solid_last_error());
    kept = count_all(store);
    cr_assert_geq(kept, acknowledged);
    solid_store_close(store);
  }
}

/* ---- Dropping ---- */

/* Every second one of the entries `below` a number, all but the newest. */
static solid_status drop_half(solid_store *store, uint64_t below) {
  static uint64_t numbers[MOST];
  size_t n = 0;
  int dropped = 0;
  for (uint64_t number = 2; number < store->items.count && number < below; number += 2) numbers[n++] = number;
  return store->ops->items_drop(store, &store->items, numbers, n, &dropped);
}

typedef struct half {
  uint64_t last, even; /* number that was read last; even ones that are there */
} half;

/* No odd one is missing, and each is what was written under its number. */
static void take_half(void *user, uint64_t number, const solid_item_entry *entry) {
  half *h = user;
  char id[32];
  cr_assert(entry, "%s", solid_last_error());
  cr_assert(number > h->last && number <= h->last + 1 + h->last % 2, "%llu behind %llu", (unsigned long long)number,
            (unsigned long long)h->last);
  size_t size = (size_t)snprintf(id, sizeof id, "item %llu", (unsigned long long)number);
  cr_assert(entry->id.size == size && !memcmp(entry->id.data, id, size));
  h->last = number;
  h->even += number % 2 == 0;
}

static uint64_t count_half(solid_store *store, uint64_t *even) {
  solid_items_version now;
  half h = {0, 0};
  cr_assert_eq(store->ops->items_read(store, 0, MOST, take_half, &h, &now), SOLID_OK, "%s", solid_last_error());
  cr_assert_eq(h.last, now.count, "the newest is there");
  *even = h.even;
  return now.count;
}

Test(item_log, what_was_dropped_stays_so_in_the_file) {
  const size_t sizes[] = {30, 31, 30};
  uint64_t even;
  struct stat before, after;
  write_log(sizes, 3);
  cr_assert(!stat(path, &before));
  for (int round = 0; round < 3; round++) {
    solid_store *store = NULL;
    cr_assert_eq(open_log(&store, path), SOLID_OK, "%s", solid_last_error());
    solid_items_version now = store->items;
    cr_assert_eq(drop_half(store, 90), SOLID_OK, "%s", solid_last_error());
    cr_assert_eq(count_half(store, &even), 91 + (uint64_t)round);
    cr_assert_leq(even, 2);
    cr_assert_eq(add_some(store, &now, 1), SOLID_OK, "%s", solid_last_error());
    solid_store *second = NULL;
    cr_assert_eq(open_log(&second, path), SOLID_EREFUSED, "the new file is locked as the old one was");
    solid_store_close(store);
    cr_assert(!stat(path, &after));
    cr_assert_lt(after.st_size, before.st_size * 3 / 4);
  }
}

/* The file's version, behind eight bytes. */
static int version_of_file(void) {
  size_t size;
  unsigned char *bytes = read_file(path, &size);
  int version = bytes[8];
  cr_assert(size > 32 && !bytes[9] && !bytes[10] && !bytes[11]);
  free(bytes);
  return version;
}

/* A program that knows no dropping reads the file until something was dropped, and then says that it is newer. */
Test(item_log, is_of_version_1_until_an_entry_is_dropped) {
  const size_t sizes[] = {30, 1};
  const int versions[] = {1, 1, 2, 2};
  uint64_t even, count = 31;
  write_log(sizes, 2);
  for (int round = 0; round < 4; round++) {
    solid_store *store = NULL;
    cr_assert_eq(open_log(&store, path), SOLID_OK, "%s", solid_last_error());
    cr_assert(!said[0], "%s", said);
    cr_assert_eq(version_of_file(), round ? versions[round - 1] : 1);
    solid_items_version now = store->items;
    cr_assert_eq(now.count, count);
    if (round == 2) cr_assert_eq(drop_half(store, MOST), SOLID_OK, "%s", solid_last_error());
    cr_assert_eq(add_some(store, &now, 2), SOLID_OK, "%s", solid_last_error());
    cr_assert_eq(count_half(store, &even), count += 2);
    cr_assert(round < 2 ? even == count / 2 : even < 5, "round %d: %llu", round, (unsigned long long)even);
    solid_store_close(store);
    cr_assert_eq(version_of_file(), versions[round]);
  }
  size_t size;
  unsigned char *bytes = read_file(path, &size);
  solid_store *store = NULL;
  bytes[8] = 3;
  write_file(path, bytes, size);
  cr_assert_eq(open_log(&store, path), SOLID_EUNSUPPORTED);
  cr_assert(strstr(solid_last_error(), path) && strstr(solid_last_error(), "version 3 is newer than 2"), "%s",
            solid_last_error());
  free(bytes);
}

/* Killed at any time while entries are dropped and others appended: whatever was acknowledged is there, what was being
 * dropped is there or not, and nothing is read under another's number. */
Test(item_log, kills_while_dropping_lose_nothing) {
  uint64_t kept = 0, fewest = UINT64_MAX, most = 0;
  seed_rng rng = seed_start(7);
  for (int round = 0; round < 25; round++) {
    int told[2];
    cr_assert(!pipe(told));
    pid_t child = fork();
    if (!child) {
      solid_store *store = NULL;
      if (open_log(&store, path)) _exit(1);
      solid_items_version now = store->items;
      for (int i = 0; i < APPENDS; i++) {
        if (add_some(store, &now, 1 + now.count % 40)) _exit(2);
        if (drop_half(store, now.count - now.count % 64)) _exit(4);
        if (write(told[1], &now.count, sizeof now.count) != sizeof now.count) _exit(3);
      }
      for (;;) pause();
    }
    close(told[1]);
    uint64_t acknowledged = kept, even;
    cr_assert_eq(read(told[0], &acknowledged, sizeof acknowledged), (ssize_t)sizeof acknowledged);
    nanosleep(&(struct timespec){0, 1000 * seed_below(&rng, 20000)}, NULL);
    kill(child, SIGKILL);
    cr_assert_eq(waitpid(child, NULL, 0), child);
    for (uint64_t more; read(told[0], &more, sizeof more) == (ssize_t)sizeof more;) acknowledged = more;
    close(told[0]);
    solid_store *store = NULL;
    cr_assert_eq(open_log(&store, path), SOLID_OK, "%s", solid_last_error());
    kept = count_half(store, &even);
    cr_assert_geq(kept, acknowledged);
    if (even < fewest) fewest = even;
    if (even > most) most = even;
    solid_store_close(store);
  }
  char left[80];
  snprintf(left, sizeof left, "%s.tmp", path);
  unlink(left);
  cr_assert_lt(fewest, most, "the kills met one and the same state");
}
