/* --from-dead-letters. Every reason has a consumer group of its own, which remembers what was sent: a second run sends
 * only what came since. Offsets are committed once all before them is delivered, so a killed run sends again at most
 * what it sent since the last commit. */
#include "examples/common/exit.h"
#include "examples/common/ground.h"
#include "examples/common/program.h"
#include "examples/send/letters.h"
#include "examples/send/send.h"
#include "ingest/decode.h"
#include "solid/extend.h"
#include <inttypes.h>
#include <string.h>

enum { SHOWN_LETTERS = 3, SHOWN_BYTES = 200, COMMIT_EVERY = 1000, UNKNOWN = SOLID_REJECT_COUNT };

typedef struct replay {
  const send_options *options;
  letter_box *box;
  solid_reject reason; /* to choose; SOLID_REJECT_NONE = all */
  uint64_t counts[SOLID_REJECT_COUNT + 1];
  uint64_t left_cut, left_homeless; /* of the reason, and cannot be sent */
  char checked[256];                /* topic that is known to be there */
  send_output out;
} replay;

/* UNKNOWN for what is no reason of ours. */
static int reason_of(solid_bytes text) {
  for (int i = SOLID_REJECT_NONE + 1; i < SOLID_REJECT_COUNT; i++) {
    const char *code = solid_reject_code((solid_reject)i);
    if (strlen(code) == text.size && memcmp(code, text.data, text.size) == 0) return i;
  }
  return UNKNOWN;
}

static void show(const letter *it, int reason) {
  size_t size = it->payload.size < SHOWN_BYTES ? it->payload.size : SHOWN_BYTES;
  printf("%s, ", reason == UNKNOWN ? "unknown reason" : solid_reject_code((solid_reject)reason));
  program_show(stdout, it->topic, strlen(it->topic));
  printf(" [%" PRId32 "] at %" PRId64 ": ", it->partition, it->offset);
  program_show(stdout, it->payload.data, size);
  puts(size < it->payload.size ? " ..." : "");
}

static solid_status list_letter(void *user, const letter *it) {
  replay *r = user;
  int reason = reason_of(it->reason);
  if (r->reason && reason != (int)r->reason) return SOLID_OK;
  if (r->counts[reason]++ < SHOWN_LETTERS) show(it, reason);
  return SOLID_OK;
}

static solid_status print_counts(const replay *r) {
  uint64_t sum = 0;
  for (int i = 0; i <= SOLID_REJECT_COUNT; i++) {
    sum += r->counts[i];
    if (!r->counts[i]) continue;
    printf("%10" PRIu64 "  %-15s %s\n", r->counts[i], i == UNKNOWN ? "-" : solid_reject_code((solid_reject)i),
           i == UNKNOWN ? "no known reason: not from solid_ingestd, or from another version"
                        : solid_reject_meaning((solid_reject)i));
  }
  printf("%10" PRIu64 "  dead letters\n", sum);
  return program_flush();
}

/* Waits until all that was sent is delivered, then lets the group remember it. */
static solid_status settle(replay *r) {
  while (rd_kafka_outq_len(r->out.rk) > 0) rd_kafka_flush(r->out.rk, 1000); /* ends by message.timeout.ms */
  if (r->out.failed)
    return solid_fail(SOLID_EIO, "not delivered, and not committed as sent: %s", rd_kafka_err2str(r->out.err));
  return letters_commit(r->box);
}

static solid_status send_letter(void *user, const letter *it) {
  replay *r = user;
  solid_status status = SOLID_OK;
  if (reason_of(it->reason) != (int)r->reason) return SOLID_OK;
  if (it->is_cut || !*it->topic) {
    ++*(it->is_cut ? &r->left_cut : &r->left_homeless);
    return SOLID_OK;
  }
  if (r->options->limit && r->out.sent >= (uint64_t)r->options->limit)
    return solid_fail(SOLID_ECANCELLED, "the limit of %" PRId64 " events", r->options->limit);
  if (strcmp(r->checked, it->topic) != 0) status = send_check_topic(&r->out, it->topic);
  if (status) return status;
  memcpy(r->checked, it->topic, sizeof r->checked);
  if (r->out.sent && r->out.sent % COMMIT_EVERY == 0) status = settle(r);
  return status ? status : send_put(&r->out, it->topic, it->partition, it->key, it->payload);
}

static int send_again(replay *r) {
  r->out.start = sol_steady_s();
  solid_status status = letters_read(r->box, &send_stopped, send_letter, r);
  if (status == SOLID_ECANCELLED) status = SOLID_OK; /* the limit, or a signal: what was sent counts */
  int code = send_finish(&r->out, status);
  if (r->left_cut)
    fprintf(stderr, "solid_send: %" PRIu64 " not sent: too large for a dead letter, the end is lost\n", r->left_cut);
  if (r->left_homeless)
    fprintf(stderr, "solid_send: %" PRIu64 " not sent: no header says where they came from\n", r->left_homeless);
  if (!r->out.failed && settle(r)) code = send_fail(EXIT_SOURCE);
  return code;
}

static int list(replay *r) {
  solid_status status = letters_read(r->box, &send_stopped, list_letter, r);
  if (status && status != SOLID_ECANCELLED) return send_fail(EXIT_SOURCE);
  return print_counts(r) ? send_fail(EXIT_FAILED) : EXIT_DONE;
}

static int open_and_run(replay *r, const solid_config *config) {
  const send_options *o = r->options;
  char group[64];
  rd_kafka_t *reader = NULL;
  snprintf(group, sizeof group, "solid_send.%s", o->list ? "list" : o->reason);
  if (send_open_reader(&reader, o->brokers, config, group)) return send_fail(EXIT_USAGE);
  if (letters_open(&r->box, reader, o->dead_letters, !o->list, o->timeout_ms)) return send_fail(EXIT_SOURCE);
  if (o->list) return list(r);
  return send_open(&r->out, config) ? send_fail(EXIT_USAGE) : send_again(r);
}

int send_dead_letters(const send_options *options, const solid_config *config) {
  replay r = {.options = options, .out = {.options = options}};
  if (options->reason) {
    int reason = reason_of((solid_bytes){options->reason, strlen(options->reason)});
    if (reason == UNKNOWN) {
      fprintf(stderr, "solid_send: --reason %s is none; the reasons are", options->reason);
      for (int i = SOLID_REJECT_NONE + 1; i < SOLID_REJECT_COUNT; i++)
        fprintf(stderr, " %s", solid_reject_code((solid_reject)i));
      fputc('\n', stderr);
      return EXIT_USAGE;
    }
    r.reason = (solid_reject)reason;
  }
  int code = open_and_run(&r, config);
  if (r.out.rk) rd_kafka_destroy(r.out.rk);
  letters_close(r.box);
  return code;
}
