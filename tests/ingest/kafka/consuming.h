/* A consumer on a mock cluster, and a sink that remembers what it took and follows a script of failures. */
#ifndef TESTS_INGEST_KAFKA_CONSUMING_H
#define TESTS_INGEST_KAFKA_CONSUMING_H

#include "ingest/consumer.h"
#include "tests/ingest/fake_streams.h"
#include "tests/ingest/kafka/mock_kafka.h"
#include <stdatomic.h>

enum { MAX_EVENTS = 1000, MAX_STREAMS = 16 };

/* A sink that remembers what it took, by item number, and follows a script of failures. */
typedef struct fake_sink {
  atomic_int times[MAX_EVENTS]; /* how often event i was stored */
  atomic_int stored;
  int stop_at; /* stops the consumer once so many are stored; 0 = never */
  int away;    /* so many calls answer EIO first */
  int fail_at; /* the call that would store this event ends in EDEVICE; 0 = none */
  int calls, largest;
  solid_consumer *consumer;
  uint64_t streams[MAX_STREAMS];
  int n_streams;
} fake_sink;

extern mock_kafka consuming_kafka;        /* of this test */
extern solid_ingest_stats consuming_last; /* what the consumer reported last */
extern fake_streams consuming_kept;       /* beside all sinks of a test: they stand for one store */

/* The mock lets a group settle for the session timeout less a second. A heartbeat every 3 s, the default, would come
 * too late for such a session wherever a test takes so long. */
enum { QUICK = 2 };
extern const solid_setting consuming_quick[QUICK];

void consuming_start(void);
void consuming_stop(void);
solid_consumer_options consuming_options(fake_sink *sink);
solid_status consuming_run(fake_sink *sink, const solid_consumer_options *options);
void *consuming_thread(void *user);
void consuming_each_once(const fake_sink *sink, int first, int n);
void consuming_refused(const solid_consumer_options *options, solid_status expected, const char *text);

#endif
