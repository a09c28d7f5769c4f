#include "kernels/backend.h"
#include "solid/base/clock.h"
#include "tests/bench/growth.h"
#ifdef __GLIBC__
#include <malloc.h>
#endif
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define GROUP   100
#define BUFFER  ((size_t)1 << 20)
#define LONGEST 160 /* bytes of a line */

static uint64_t mixed(uint64_t x) { /* splitmix64 */
  x += UINT64_C(0x9e3779b97f4a7c15);
  x = (x ^ x >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
  x = (x ^ x >> 27) * UINT64_C(0x94d049bb133111eb);
  return x ^ x >> 31;
}

/* Below n, small numbers more often: density ~ 1 / sqrt. */
static uint64_t skewed(uint64_t bits, uint64_t n) {
  double x = (double)(bits >> 11) * 0x1p-53;
  return (uint64_t)(x * x * (double)n);
}

growth_event growth_event_at(const growth_shape *shape, uint64_t i) {
  uint64_t bits = mixed(i), user = mixed(bits) % shape->users, choice = mixed(bits ^ 1);
  uint64_t groups = (shape->items + GROUP - 1) / GROUP, group = mixed(user ^ 0x5eed) % groups;
  uint64_t size = group + 1 < groups ? GROUP : shape->items - group * GROUP;
  int own = choice % 10 < 7;
  return (growth_event){.user = user,
                        .item = own ? group * GROUP + skewed(bits, size) : skewed(bits, shape->items),
                        .second = 1600000000 + i / 16};
}

uint64_t growth_attribute(const growth_shape *shape, uint64_t item, uint32_t slot) {
  uint64_t of = slot ? item / GROUP : item;
  return mixed(of * GROWTH_LABELS + slot) % shape->attributes;
}

/* Exactly `digits` digits. */
static char *put_digits(char *at, uint64_t value, int digits) {
  for (int i = digits - 1; i >= 0; i--, value /= 10) at[i] = (char)('0' + value % 10);
  return at + digits;
}

static char *put_text(char *at, const char *text) {
  size_t size = strlen(text);
  memcpy(at, text, size);
  return at + size;
}

static char *put_line(char *at, const growth_event *e, growth_format format) {
  static const char *const parts[][5] = {
      [GROWTH_CSV] = {"U", ",B", ",5.0,", "", "\n"},
      [GROWTH_INTER] = {"U", "\tB", "\t5.0\t", "", "\n"},
      [GROWTH_JSON] = {"{\"user\": \"U", "\", \"item\": \"B", "\", \"event\": \"view\", \"ts\": ", "000", "}\n"}};
  at = put_digits(put_text(at, parts[format][0]), e->user, 9);
  at = put_digits(put_text(at, parts[format][1]), e->item, 9);
  at = put_digits(put_text(at, parts[format][2]), e->second, 10);
  return put_text(put_text(at, parts[format][3]), parts[format][4]);
}

static int put_all(int fd, const char *bytes, size_t size) {
  for (ssize_t n; size > 0; bytes += n, size -= (size_t)n)
    if ((n = write(fd, bytes, size)) <= 0) return 0;
  return 1;
}

uint64_t growth_write(const growth_shape *shape, growth_format format, int fd) {
  static const char *const heads[] = {[GROWTH_CSV] = "user_id,item_id,rating,timestamp\n",
                                      [GROWTH_INTER] = "user_id:token\titem_id:token\trating:float\ttimestamp:float\n",
                                      [GROWTH_JSON] = ""};
  char *buffer = malloc(BUFFER), *at = buffer;
  uint64_t total = 0;
  int open = buffer != NULL;
  if (open) at = put_text(at, heads[format]);
  for (uint64_t i = 0; i < shape->events && open; i++) {
    growth_event e = growth_event_at(shape, i);
    at = put_line(at, &e, format);
    if ((size_t)(at - buffer) < BUFFER - LONGEST && i + 1 < shape->events) continue;
    open = put_all(fd, buffer, (size_t)(at - buffer));
    total += (uint64_t)(at - buffer);
    at = buffer;
  }
  free(buffer);
  return open ? total : 0;
}

static solid_bytes id_of(char *text, char kind, uint64_t number) {
  *text = kind;
  put_digits(text + 1, number, 9);
  return (solid_bytes){text, 10};
}

solid_status growth_dataset(const growth_shape *shape, solid_dataset *out) {
  enum { AT_ONCE = 1024 };
  static char ids[AT_ONCE][2][10];
  static solid_event events[AT_ONCE];
  char item[10], label[10];
  solid_collector *collector = NULL;
  const solid_collector_options options = {.sort_by_time = 1, .has_times = 1, .keep_unseen_items = 1};
  solid_status status = solid_collector_new(&collector, &options);
  for (uint64_t i = 0, n; i < shape->events && !status; i += n) {
    for (n = 0; n < AT_ONCE && i + n < shape->events; n++) {
      growth_event e = growth_event_at(shape, i + n);
      events[n] = (solid_event){.user = id_of(ids[n][0], 'U', e.user),
                                .item = id_of(ids[n][1], 'B', e.item),
                                .time_ms = (int64_t)e.second * 1000};
    }
    status = solid_collector_push(collector, events, n, NULL);
  }
  for (uint64_t v = 0; v < shape->items && !status; v++)
    for (uint32_t slot = 0; slot < GROWTH_LABELS && !status; slot++)
      status = solid_collector_attribute(collector, id_of(item, 'B', v),
                                         id_of(label, 'A', growth_attribute(shape, v, slot)));
  if (!status) status = solid_collector_finish(collector, out);
  solid_collector_free(collector);
  return status;
}

/* A line of /proc/self/status, in bytes; 0 where there is none. */
static double status_bytes(const char *name) {
  char line[256];
  double kib = 0;
  FILE *file = fopen("/proc/self/status", "r");
  while (file && fgets(line, sizeof line, file))
    if (strncmp(line, name, strlen(name)) == 0) kib = strtod(line + strlen(name), NULL);
  if (file) fclose(file);
  return 1024 * kib;
}

/* The first line of a file that begins with `name`, behind its colon. */
static void read_fact(const char *path, const char *name, char *text, size_t size) {
  char line[256];
  FILE *file = fopen(path, "r");
  snprintf(text, size, "unknown");
  while (file && fgets(line, sizeof line, file)) {
    const char *colon = strchr(line, ':');
    if (strncmp(line, name, strlen(name)) || !colon) continue;
    snprintf(text, size, "%.*s", (int)strcspn(colon + 2, "\"\\\n"), colon + 2);
    break;
  }
  if (file) fclose(file);
}

void growth_machine(const char *device, char *text, size_t size) {
  char model[80], memory[80], found[160] = "";
  const sk_backend_ops *ops = strcmp(device, "cpu") == 0 ? NULL : sk_backend_find("cuda");
  read_fact("/proc/cpuinfo", "model name", model, sizeof model);
  read_fact("/proc/meminfo", "MemTotal", memory, sizeof memory);
  if (ops) ops->probe(found, sizeof found);
  snprintf(text, size, "%s%s%s, %ld processors, %.0f GB", found, ops ? " beside " : "", model,
           sysconf(_SC_NPROCESSORS_ONLN), strtod(memory, NULL) * 1024e-9);
}

static double cpu_seconds(void) {
  struct timespec t;
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
  return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

/* Memory that was freed goes back to the system, so that a stage does not use what an earlier one is charged for. */
static void give_back(void) {
#ifdef __GLIBC__
  static int is_set;
  if (!is_set) mallopt(M_MMAP_THRESHOLD, 1 << 20); /* a fixed one: blocks above it are returned when they are freed */
  is_set = 1;
  malloc_trim(0);
#endif
}

void growth_begin(growth_meter *meter) {
  give_back();
  FILE *file = fopen("/proc/self/clear_refs", "w"); /* 5: the peak is what is resident now */
  if (file) {
    fputs("5", file);
    fclose(file);
  }
  meter->began_bytes = status_bytes("VmRSS:");
  meter->wall = sol_steady_s();
  meter->cpu = cpu_seconds();
}

void growth_end(growth_meter *meter) {
  meter->cpu = cpu_seconds() - meter->cpu;
  meter->wall = sol_steady_s() - meter->wall;
  double most = status_bytes("VmHWM:");
  meter->bytes = most > meter->began_bytes ? most - meter->began_bytes : 0;
}
