#include "examples/serve/producer.h"
#include "examples/common/ground.h"
#include "solid/extend.h"
#ifdef SOLID_WITH_KAFKA
#include "examples/common/kafka_log.h"
#include "examples/common/logging.h"
#include <librdkafka/rdkafka.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { POLL_MS = 10, LAST_MS = 2000 };

struct serve_producer {
  rd_kafka_t *rk;
  char *topic;
  pthread_t thread;
  pthread_mutex_t lock; /* guards `stop` and every batch */
  pthread_cond_t answered;
  int stop;
  kafka_outage outage;
};

struct delivery;

typedef struct message {
  struct delivery *of;
  solid_status status; /* EUNKNOWN until it is reported */
} message;

/* The messages of one request. Freed by whoever takes the last reference: one that was given up still has deliveries to
 * come. */
typedef struct delivery {
  serve_producer *producer;
  size_t left, references;
  rd_kafka_resp_err_t err; /* of the first that failed */
  message messages[];
} delivery;

/* Under the lock. */
static void let_go(delivery *d) {
  if (--d->references == 0) free(d);
}

static solid_status status_of(rd_kafka_resp_err_t err, rd_kafka_msg_status_t persisted) {
  if (!err) return SOLID_OK;
  if (err == RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE) return SOLID_ERANGE;
  return persisted == RD_KAFKA_MSG_STATUS_NOT_PERSISTED ? SOLID_EIO : SOLID_EUNKNOWN;
}

/* Under the lock: what became of a message. */
static void settle(message *m, rd_kafka_resp_err_t err, rd_kafka_msg_status_t persisted) {
  delivery *d = m->of;
  m->status = status_of(err, persisted);
  if (err && !d->err) d->err = err;
  if (!--d->left) pthread_cond_broadcast(&d->producer->answered);
  let_go(d);
}

static void on_delivery(rd_kafka_t *rk, const rd_kafka_message_t *reported, void *unused) {
  message *m = reported->_private;
  serve_producer *p = m->of->producer;
  (void)rk, (void)unused;
  pthread_mutex_lock(&p->lock);
  if (!reported->err) kafka_log_delivered(&p->outage, reported);
  settle(m, reported->err, rd_kafka_message_status(reported));
  pthread_mutex_unlock(&p->lock);
}

static void on_log(const rd_kafka_t *rk, int level, const char *facility, const char *text) {
  serve_producer *p = rd_kafka_opaque(rk);
  char line[512];
  if (!kafka_log_is_news(&p->outage, level, facility)) return;
  snprintf(line, sizeof line, "kafka: %s: %s", facility, text);
  logging_line(NULL, level <= LOG_ERR ? SOLID_LOG_ERROR : level == LOG_WARNING ? SOLID_LOG_WARN : SOLID_LOG_INFO, line);
}

static void on_error(rd_kafka_t *rk, int err, const char *reason, void *opaque) {
  serve_producer *p = opaque;
  (void)rk;
  if (!kafka_log_is_new_error(&p->outage, err)) return;
  logging_say(SOLID_LOG_ERROR, "kafka: %s", reason);
}

static void *poll_deliveries(void *user) {
  serve_producer *p = user;
  for (int stop = 0; !stop;) {
    rd_kafka_poll(p->rk, POLL_MS);
    pthread_mutex_lock(&p->lock);
    stop = p->stop;
    pthread_mutex_unlock(&p->lock);
  }
  return NULL;
}

static solid_status configure(rd_kafka_conf_t *conf, const char *name, const char *value) {
  char text[256];
  if (rd_kafka_conf_set(conf, name, value, text, sizeof text) == RD_KAFKA_CONF_OK) return SOLID_OK;
  return solid_fail(SOLID_EINVAL, "kafka.%s: %s", name, text);
}

static solid_status start(serve_producer *p, rd_kafka_conf_t *conf) {
  char text[256];
  pthread_condattr_t attributes;
  rd_kafka_conf_set_opaque(conf, p);
  rd_kafka_conf_set_dr_msg_cb(conf, on_delivery);
  rd_kafka_conf_set_log_cb(conf, on_log);
  rd_kafka_conf_set_error_cb(conf, on_error);
  p->rk = rd_kafka_new(RD_KAFKA_PRODUCER, conf, text, sizeof text);
  if (!p->rk) {
    rd_kafka_conf_destroy(conf);
    return solid_fail(SOLID_EINVAL, "--brokers: %s", text);
  }
  pthread_mutex_init(&p->lock, NULL);
  pthread_condattr_init(&attributes);
  pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
  pthread_cond_init(&p->answered, &attributes);
  pthread_condattr_destroy(&attributes);
  if (pthread_create(&p->thread, NULL, poll_deliveries, p) == 0) return SOLID_OK;
  rd_kafka_destroy(p->rk);
  return solid_fail(SOLID_ENOMEM, "no thread for the producer");
}

solid_status producer_open(serve_producer **out, const serve_options *o, const solid_setting *settings,
                           size_t n_settings) {
  char timeout[24];
  /* librdkafka looks every second or two for what is too old, and the answer is to say what was not delivered */
  snprintf(timeout, sizeof timeout, "%lld", (long long)(o->deadline_ms + 1) / 2);
  serve_producer *p = calloc(1, sizeof *p);
  rd_kafka_conf_t *conf = rd_kafka_conf_new();
  if (p) p->topic = strdup(o->topic);
  solid_status status = p && p->topic ? SOLID_OK : solid_fail(SOLID_ENOMEM, "out of memory: producer");
  if (!status) status = configure(conf, "bootstrap.servers", o->brokers);
  if (!status) status = configure(conf, "enable.idempotence", "true");
  if (!status) status = configure(conf, "linger.ms", "2");
  if (!status) status = configure(conf, "log.thread.name", "false");
  if (!status) status = configure(conf, "message.timeout.ms", timeout);
  for (size_t i = 0; i < n_settings && !status; i++) status = configure(conf, settings[i].name, settings[i].value);
  if (status)
    rd_kafka_conf_destroy(conf);
  else
    status = start(p, conf);
  if (!status) {
    *out = p;
    return SOLID_OK;
  }
  if (p) free(p->topic);
  free(p);
  return status;
}

/* librdkafka copies what it is given, yet its arguments are not const. */
static void *not_const(const void *data) {
  return (void *)(uintptr_t)data;
}

static rd_kafka_resp_err_t produce(serve_producer *p, message *m, const solid_event *event, const char *payload) {
  return rd_kafka_producev(p->rk, RD_KAFKA_V_TOPIC(p->topic), RD_KAFKA_V_MSGFLAGS(RD_KAFKA_MSG_F_COPY),
                           RD_KAFKA_V_KEY(not_const(event->user.data), event->user.size),
                           RD_KAFKA_V_VALUE(not_const(payload), strlen(payload)), RD_KAFKA_V_OPAQUE(m), RD_KAFKA_V_END);
}

/* Under the lock, when all is reported or it is too late. */
static solid_status judge(const delivery *d, size_t n, solid_status *statuses) {
  solid_status worst = SOLID_OK;
  for (size_t i = 0; i < n; i++) {
    statuses[i] = d->messages[i].status;
    if (statuses[i] && (!worst || worst == SOLID_ERANGE)) worst = statuses[i];
  }
  if (d->left) return solid_fail(SOLID_ETIMEDOUT, "%zu of %zu events were not acknowledged in time", d->left, n);
  if (!worst) return SOLID_OK;
  return solid_fail(worst == SOLID_ERANGE ? worst : SOLID_EIO, "the broker did not take an event: %s",
                    rd_kafka_err2str(d->err));
}

solid_status producer_send(serve_producer *p, const solid_event *events, char *const *payloads, size_t n,
                           int64_t deadline_ns, solid_status *statuses) {
  delivery *d = n ? calloc(1, sizeof *d + n * sizeof *d->messages) : NULL;
  for (size_t i = 0; i < n && !d; i++) statuses[i] = SOLID_ENOMEM;
  if (!n) return SOLID_OK;
  if (!d) return solid_fail(SOLID_ENOMEM, "out of memory: events");
  *d = (delivery){.producer = p, .left = n, .references = n + 1};
  for (size_t i = 0; i < n; i++) d->messages[i] = (message){d, SOLID_EUNKNOWN};
  for (size_t i = 0; i < n; i++) {
    rd_kafka_resp_err_t err = produce(p, &d->messages[i], &events[i], payloads[i]);
    if (!err) continue;
    pthread_mutex_lock(&p->lock);
    settle(&d->messages[i], err, RD_KAFKA_MSG_STATUS_NOT_PERSISTED);
    pthread_mutex_unlock(&p->lock);
  }
  struct timespec until = {deadline_ns / 1000000000, deadline_ns % 1000000000};
  int late = 0;
  pthread_mutex_lock(&p->lock);
  while (d->left && !late) late = pthread_cond_timedwait(&p->answered, &p->lock, &until);
  solid_status status = judge(d, n, statuses);
  let_go(d);
  pthread_mutex_unlock(&p->lock);
  return status;
}

void producer_close(serve_producer *p) {
  if (!p) return;
  pthread_mutex_lock(&p->lock);
  p->stop = 1;
  pthread_mutex_unlock(&p->lock);
  pthread_join(p->thread, NULL);
  rd_kafka_flush(p->rk, LAST_MS);
  rd_kafka_purge(p->rk, RD_KAFKA_PURGE_F_QUEUE | RD_KAFKA_PURGE_F_INFLIGHT);
  rd_kafka_flush(p->rk, LAST_MS);
  rd_kafka_destroy(p->rk);
  pthread_cond_destroy(&p->answered);
  pthread_mutex_destroy(&p->lock);
  free(p->topic);
  free(p);
}
#else
solid_status producer_open(serve_producer **out, const serve_options *o, const solid_setting *settings,
                           size_t n_settings) {
  (void)out, (void)settings, (void)n_settings;
  return solid_fail(SOLID_EUNSUPPORTED, "--brokers %s: built without Kafka", o->brokers);
}

solid_status producer_send(serve_producer *producer, const solid_event *events, char *const *payloads, size_t n,
                           int64_t deadline_ns, solid_status *statuses) {
  (void)producer, (void)events, (void)payloads, (void)deadline_ns;
  for (size_t i = 0; i < n; i++) statuses[i] = SOLID_EUNSUPPORTED;
  return solid_fail(SOLID_EUNSUPPORTED, "built without Kafka");
}

void producer_close(serve_producer *producer) {
  (void)producer;
}
#endif
