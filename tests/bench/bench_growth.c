/* What grows, and how: seconds and bytes of every stage from a text of events to an answer, for one size of made data.
 *
 *   bench_growth --axis items|users|events|attributes|windows --size N [--device cpu|cuda] [--threads N]
 *                [--memory GIB] [--file PATH] [--text PATH] [--from STAGE] [--to STAGE] [--skip STAGE] [--out FILE]
 *
 * One number of the data is `size`, the others follow:
 *   items        N items, N / 2 users, 5 N events         users     N users, 10^5 items, 5 N events
 *   events       N events, 10^5 users and items           attributes   N attributes, 10^5 items, 5 10^4 users
 *   windows      windows of N events, 256 users of N + 3 events each in the mean, 10^4 items
 *
 * Text comes through a pipe from another process or, with --text, from a file that is written before. A stage that
 * wants more than --memory is said not to have been run, as are those that need it. Seconds are those of the processor
 * on a CPU (a loaded machine changes them little) and of the clock on a GPU; bytes are the most resident memory above
 * what was there when the stage began. An epoch is timed for a few steps, a validation for a thousand users, and both
 * are extrapolated: along items and attributes to 10,000 users, else to all. --from, --to: the stages to run, by their
 * names as printed; --from is the reading of a format or "vocabulary". --skip "PPMI and SVD": codes of attributes
 * alone, where only training and answers are looked at. --out: a line of JSON a stage is added to
 * the file, which growth_table.py reads; growth.sh goes through sizes. */
#define BENCH "bench_growth"
#include "tests/bench/bench.h"
#include "tests/bench/growth_stages.h"
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

typedef struct arguments {
  const char *axis, *out;
  uint64_t size;
  double memory;
  int from, to, skip; /* stages */
  char machine[320];
} arguments;

static growth_shape shape_of(const char *axis, uint64_t n) {
  growth_shape s = {.items = 100000, .users = 50000, .events = 500000, .attributes = 1000, .window = 50};
  if (!strcmp(axis, "items"))
    s.items = n, s.users = n / 2, s.events = 5 * n;
  else if (!strcmp(axis, "users"))
    s.users = n, s.events = 5 * n;
  else if (!strcmp(axis, "events"))
    s.users = 100000, s.events = n;
  else if (!strcmp(axis, "attributes"))
    s.attributes = n;
  else if (!strcmp(axis, "windows"))
    s.items = 10000, s.users = 256, s.events = 256 * (n + 3), s.window = (uint32_t)n;
  else
    die("--axis", "items, users, events, attributes or windows");
  return s;
}

static int stage_of(const char *name) {
  for (int i = 0; i < GROWTH_STAGES; i++)
    if (!strcmp(name, growth_stages[i].name)) return i;
  die(name, "no such stage");
  return 0;
}

static void read_arguments(int argc, char **argv, arguments *a, growth_run *run) {
  for (int i = 1; i < argc; i += 2) {
    const char *name = argv[i], *value = i + 1 < argc ? argv[i + 1] : NULL;
    if (!value) die(name, "wants a value");
    if (!strcmp(name, "--axis"))
      a->axis = value;
    else if (!strcmp(name, "--size"))
      a->size = strtoull(value, NULL, 10);
    else if (!strcmp(name, "--device"))
      run->device = value;
    else if (!strcmp(name, "--threads"))
      run->threads = (uint32_t)strtoul(value, NULL, 10);
    else if (!strcmp(name, "--memory"))
      a->memory = strtod(value, NULL);
    else if (!strcmp(name, "--file"))
      run->file = value;
    else if (!strcmp(name, "--from"))
      a->from = stage_of(value);
    else if (!strcmp(name, "--text"))
      run->text = value;
    else if (!strcmp(name, "--skip"))
      a->skip = stage_of(value);
    else if (!strcmp(name, "--to"))
      a->to = stage_of(value);
    else if (!strcmp(name, "--out"))
      a->out = value;
    else
      die(name, "no such option");
  }
  if (a->size < 1000 && strcmp(a->axis, "windows") && strcmp(a->axis, "attributes")) die("--size", "at least 1000");
  if (a->size < 10) die("--size", "at least 10");
  if (a->skip >= 0 && strcmp(growth_stages[a->skip].name, "PPMI and SVD")) die("--skip", "only PPMI and SVD");
  if (a->from > GROWTH_READERS) die("--from", "stages need those before them, from vocabulary on");
  run->shape = shape_of(a->axis, a->size);
  if (!strcmp(a->axis, "items") || !strcmp(a->axis, "attributes")) run->asked = 10000;
}

/* Processes that ran or waited for a processor, in the mean of the last minute. */
static double load(void) {
  double value = 0;
  FILE *file = fopen("/proc/loadavg", "r");
  if (file && fscanf(file, "%lf", &value) != 1) value = 0;
  if (file) fclose(file);
  return value;
}

/* JSON for the table, and a line to look at. */
static void say(const arguments *a, const growth_run *run, const growth_stage *stage, const growth_result *r,
                FILE *out) {
  int is_cpu = strcmp(run->device, "cpu") == 0;
  double seconds = is_cpu ? r->seconds_cpu : r->seconds_wall;
  printf("%-10s %9llu  %-15s %12.6f s %10.1f MiB", a->axis, (unsigned long long)a->size, stage->name, seconds,
         r->meter.bytes / (1 << 20));
  if (stage->is_reader) printf("  %.0f MB/s", r->amount / seconds);
  if (r->extrapolated) printf("  extrapolated from %.0f %s", r->amount, stage->unit);
  printf("\n");
  fflush(stdout);
  if (!out) return;
  fprintf(out,
          "{\"axis\": \"%s\", \"size\": %llu, \"stage\": \"%s\", \"device\": \"%s\", \"threads\": %u, \"seconds\": "
          "%.9g, \"wall\": %.9g, \"bytes\": %.0f, \"amount\": %.9g, \"extrapolated\": %d, \"asked\": %llu, "
          "\"machine\": \"%s\", \"load\": %.1f}\n",
          a->axis, (unsigned long long)a->size, stage->name, run->device, run->threads, seconds, r->seconds_wall,
          r->meter.bytes, r->amount, r->extrapolated, (unsigned long long)run->asked, a->machine, load());
  fflush(out);
}

static void say_not_run(const arguments *a, const growth_stage *stage, const char *why, FILE *out) {
  printf("%-10s %9llu  %-15s not run: %s\n", a->axis, (unsigned long long)a->size, stage->name, why);
  if (out)
    fprintf(out, "{\"axis\": \"%s\", \"size\": %llu, \"stage\": \"%s\", \"not_run\": \"%s\"}\n", a->axis,
            (unsigned long long)a->size, stage->name, why);
}

/* Memory above the limit is refused as if there were none. */
static void limit_memory(double gib) {
  struct rlimit limit = {0};
  if (getrlimit(RLIMIT_AS, &limit)) die("memory", "the limit cannot be read");
  limit.rlim_cur = (rlim_t)(gib * (1 << 30));
  if (setrlimit(RLIMIT_AS, &limit)) die("memory", "the limit cannot be set");
}

int main(int argc, char **argv) {
  arguments a = {.axis = "items", .size = 10000, .memory = 6, .to = GROWTH_STAGES - 1, .skip = -1};
  growth_run run = {.device = "cpu", .threads = 1, .file = "bench_growth.safetensors"};
  FILE *out = NULL;
  char why[160] = "";
  read_arguments(argc, argv, &a, &run);
  if (a.out && !(out = fopen(a.out, "a"))) die(a.out, "cannot be written");
  solid_context_options options = SOLID_CONTEXT_OPTIONS_INIT;
  options.device = run.device, options.threads = (int32_t)run.threads;
  if (strcmp(run.device, "cpu") == 0) limit_memory(a.memory); /* a driver of GPUs reserves more addresses than that */
  must(solid_context_new(&run.ctx, &options), "context");
  growth_machine(run.device, a.machine, sizeof a.machine);
  printf("%s\n", a.machine);
  for (int i = a.from; i <= a.to; i++) {
    if (i == a.skip) continue;
    const growth_stage *stage = &growth_stages[i];
    growth_result result = {0};
    solid_status status = *why && !stage->is_reader ? SOLID_ENOMEM : stage->run(&run, &result);
    if (status && status != SOLID_ENOMEM) die(stage->name, solid_last_error());
    if (status && (stage->is_reader || !*why)) snprintf(why, sizeof why, "%.150s", solid_last_error());
    if (status)
      say_not_run(&a, stage, why, out);
    else
      say(&a, &run, stage, &result, out);
    if (stage->is_reader) *why = 0;
  }
  unlink(run.file);
  growth_run_close(&run);
  return out && fclose(out) ? 1 : 0;
}
