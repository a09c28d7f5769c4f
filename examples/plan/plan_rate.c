#include "examples/plan/plan_rate.h"
#include <math.h>
#include <stdio.h>

/* Every core is planned half busy: the rest is for the hour of the day, a process that is away, and a rebuild. */
static const double BUSY = 0.5;
/* A topic's partitions are hard to change, processes are not. */
static const double PARTITIONS_A_PROCESS = 2;

static double at_least_one(double cores) {
  return cores > 1 ? ceil(cores - 1e-9) : 1;
}

void plan_rate(const rate_options *o, double user_bytes, const solid_plan_traffic *t) {
  double writers = at_least_one(o->events * o->event_us / 1e6 / BUSY);
  double servers = at_least_one(o->answers * o->answer_us / 1e6 / BUSY);
  double redis = (o->events * o->redis_event_us + o->answers * o->redis_answer_us) / 1e6;
  double by_time = at_least_one(redis / BUSY), by_size = at_least_one(user_bytes / o->node_bytes);
  printf("for %.0f events/s and %.0f answers/s, with every core %.0f %% busy:\n", o->events, o->answers, 100 * BUSY);
  printf("  solid_ingestd    %6.0f processes of one thread (%.4g us an event)\n", writers, o->event_us);
  if (o->answers > 0) printf("  solid_serve      %6.0f threads (%.4g us an answer)\n", servers, o->answer_us);
  printf("  Redis            %6.0f nodes, f16: %.0f for the commands (%.2f cores), %.0f for the memory\n",
         by_time > by_size ? by_time : by_size, by_time, redis, by_size);
  printf("  to Redis         %6.1f MB/s in, %.1f MB/s out; an event %zu bytes in, %zu out (eager, %u round trips a "
         "batch), an "
         "answer %zu in, %zu out (%u)\n",
         (o->events * (double)t->event_in + o->answers * (double)t->answer_in) / 1e6,
         (o->events * (double)t->event_out + o->answers * (double)t->answer_out) / 1e6, t->event_in, t->event_out,
         t->event_trips, t->answer_in, t->answer_out, t->answer_trips);
  printf("  partitions       %6.0f: %.0f a process, so that processes can be added\n", PARTITIONS_A_PROCESS * writers,
         PARTITIONS_A_PROCESS);
}
