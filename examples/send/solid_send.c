/* solid_send: the events of a data file, or JSON lines, into a Kafka topic keyed by user, or into a file. */
#include "examples/common/address.h"
#include "examples/common/apart.h"
#include "examples/common/config.h"
#include "examples/common/exit.h"
#include "examples/common/ground.h"
#include "examples/common/program.h"
#include "examples/send/send.h"
#include "solid/extend.h"
#include <errno.h>
#include <inttypes.h>
#include <jansson.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define OPTION(field) offsetof(send_options, field)

static const solid_property properties[] = {
    {"data", SOLID_PROPERTY_STRING, NULL, 0, 0, NULL,
     "data file of any format that solid_train reads (of standard input: /dev/stdin); - = JSON lines", 0, OPTION(data)},
    {"items", SOLID_PROPERTY_STRING, NULL, 0, 0, NULL,
     "instead of --data: items for the topic that solid_ingestd --items-topic reads, one JSON object a line, or a "
     "table "
     "of attributes and titles; - = JSON lines",
     0, OPTION(items)},
    READING_TEXT(
        send_options, table.columns, "attribute-columns",
        "columns of a table of items that are attributes: a list of names or numbers, as solid_train had them"),
    READING_TEXT(send_options, table.item_column, "attribute-item",
                 "column of items in a table of items (recognised: " SOLID_DATA_ITEM_NAMES ")"),
    READING_TEXT(send_options, table.separator, "attribute-separator",
                 "separator of columns in a table of items, as --separator"),
    {"format", SOLID_PROPERTY_STRING, "auto", 0, 0, NULL,
     "rows, pairs, movielens, csv, recbole, table, events, histories, auto; lines = JSON lines unchanged, valid or "
     "not",
     0, OPTION(format)},
    READING_PROPERTIES(send_options, reading),
    {"brokers", SOLID_PROPERTY_STRING, NULL, 0, 0, NULL, "HOST:PORT,HOST:PORT", 0, OPTION(brokers)},
    {"topic", SOLID_PROPERTY_STRING, NULL, 0, 0, NULL, "topic that receives the events", 0, OPTION(topic)},
    {"create-partitions", SOLID_PROPERTY_INT, "0", 0, 10000, NULL,
     "create a missing topic with this many partitions; 0 = do not create it", 0, OPTION(partitions)},
    {"write", SOLID_PROPERTY_STRING, NULL, 0, 0, NULL, "write JSON lines to this file instead of a topic; - = stdout",
     0, OPTION(write)},
    {"from-dead-letters", SOLID_PROPERTY_STRING, NULL, 0, 0, NULL,
     "instead of --data: this topic of dead letters, up to its present end", 0, OPTION(dead_letters)},
    {"reason", SOLID_PROPERTY_STRING, NULL, 0, 0, NULL,
     "send the dead letters of this reason, each once, to the topic and partition that they came from", 0,
     OPTION(reason)},
    {"list", SOLID_PROPERTY_BOOL, "false", 0, 0, NULL,
     "count the dead letters by reason and show the first of each; nothing is sent", 0, OPTION(list)},
    {"forget", SOLID_PROPERTY_STRING, NULL, 0, 0, NULL,
     "instead of --data: the event that forgets this user, behind all that the topic has of him by now", 0,
     OPTION(forget)},
    {"rate", SOLID_PROPERTY_FLOAT, "0", 0, 1e9, NULL, "most events per second; 0 = no limit", 0, OPTION(rate)},
    {"limit", SOLID_PROPERTY_INT, "0", 0, 1e15, NULL, "most events; 0 = all", 0, OPTION(limit)},
    {"timeout-ms", SOLID_PROPERTY_INT, "10000", 100, 600000, NULL, "how long a broker may take to answer at start", 0,
     OPTION(timeout_ms)},
};

#define TABLE_OPTIONS                                                                                                  \
  "user-column item-column time-column rating-column kind-column separator no-header time-unit bad-lines"

static const solid_need needs[] = {
    {"format", "data"},
    {TABLE_OPTIONS, "data"},
    {TABLE_OPTIONS, "!data=-"}, /* JSON lines go out as they are: a table would come out as a table, without a word */
    {TABLE_OPTIONS, "!format=lines"},
    {"attribute-columns attribute-item attribute-separator", "items"},
    {"create-partitions timeout-ms", "brokers"},
    {"brokers topic", "!write"},
    {"reason list", "from-dead-letters"},
};

static const solid_program program = {
    .name = "solid_send",
    .summary = "Sends the events of a file to a Kafka topic, keyed by user.",
    .notes = "Example: solid_send --data events.jsonl --brokers localhost:9092 --topic events --rate 1000\n"
             "         solid_send --items new.jsonl --brokers localhost:9092 --topic items\n"
             "         solid_send --from-dead-letters events.dead-letter --brokers localhost:9092 --list",
    .exits = HAS_EXIT(SOURCE),
    .properties = properties,
    .count = sizeof properties / sizeof *properties,
    .takes_kafka = 1,
    .needs = needs,
    .n_needs = sizeof needs / sizeof *needs,
};

static void on_signal(int number) {
  (void)number;
  send_stopped = 1;
}

static solid_status take(void *user, solid_bytes key, solid_bytes payload) {
  send_output *out = user;
  if (!out->file) return send_put(out, out->options->topic, RD_KAFKA_PARTITION_UA, key, payload);
  send_keep_rate(out);
  if (send_stopped) return solid_fail(SOLID_ECANCELLED, "stopped");
  out->sent++;
  if (fwrite(payload.data, 1, payload.size, out->file) == payload.size && fputc('\n', out->file) != EOF) {
    out->delivered++;
    return SOLID_OK;
  }
  out->refused = 1;
  return solid_fail(SOLID_EIO, "%s: %s", out->options->write, strerror(errno));
}

int send_fail(int code) {
  fprintf(stderr, "solid_send: %s\n", solid_last_error());
  return code;
}

/* Everything that was sent is delivered or failed, then the report; what is wrong stands last. */
int send_finish(send_output *out, solid_status status) {
  int code = EXIT_DONE;
  while (out->rk && rd_kafka_outq_len(out->rk) > 0) rd_kafka_flush(out->rk, 1000); /* ends by message.timeout.ms */
  int unwritten = out->file && fflush(out->file) != 0 ? errno : 0;
  int is_lost = out->is_whole && (unwritten || (status && !send_stopped));
  if (is_lost) out->delivered = 0;
  double passed = sol_steady_s() - out->start;
  fprintf(stderr, "solid_send: %" PRIu64 " events, %" PRIu64 " delivered, %" PRIu64 " failed in %.1f s (%.0f/s)\n",
          out->sent, out->delivered, out->failed, passed, (double)out->delivered / (passed > 1e-3 ? passed : 1e-3));
  if (is_lost && out->sent) fprintf(stderr, "solid_send: nothing is written to %s\n", out->options->write);
  if (out->failed) {
    fprintf(stderr, "solid_send: %s\n", rd_kafka_err2str(out->err));
    code = EXIT_FAILED;
  }
  if (status && !send_stopped) return send_fail(out->refused || status == SOLID_ENOMEM ? EXIT_FAILED : EXIT_SOURCE);
  if (!unwritten) return code;
  fprintf(stderr, "solid_send: %s: %s\n", out->options->write, strerror(unwritten));
  return EXIT_FAILED;
}

static solid_status send_forget(send_output *out, send_take_fn to) {
  const solid_bytes user = {out->options->forget, strlen(out->options->forget)};
  json_t *wish = json_pack("{s:o?, s:b, s:I}", "user", json_stringn(user.data, user.size), "forget", 1, "ts",
                           (json_int_t)sol_wall_ms());
  char *text = wish && user.size >= 1 && user.size <= SOLID_ID_MAX ? json_dumps(wish, JSON_COMPACT) : NULL;
  json_decref(wish);
  if (!text) return solid_fail(SOLID_EINVAL, "--forget: an id has 1 to %d bytes of UTF-8", SOLID_ID_MAX);
  solid_status status = to(out, user, (solid_bytes){text, strlen(text)});
  free(text);
  return status;
}

static int send_all(const send_options *options, const solid_config *config) {
  send_output out = {.options = options};
  send_source source = {options->data, options->format, &options->reading, (uint64_t)options->limit};
  sol_beside beside = {.fd = -1};
  int code = EXIT_DONE;
  if (options->write) {
    if (strcmp(options->write, "-") == 0)
      out.file = stdout;
    else if (sol_beside_open(&beside, options->write, 1))
      return send_fail(EXIT_SOURCE);
    else
      out.file = fdopen(dup(beside.fd), "w");
    if (!out.file) {
      fprintf(stderr, "solid_send: %s: %s\n", options->write, strerror(errno));
      return EXIT_SOURCE;
    }
  } else if (send_open(&out, config)) {
    return send_fail(EXIT_USAGE);
  } else if ((options->partitions && send_create_topic(&out)) || send_check_topic(&out, options->topic)) {
    rd_kafka_set_log_level(out.rk, 2); /* what the library logs while it ends would stand behind the reason */
    code = send_fail(EXIT_SOURCE);
  }
  out.is_whole = beside.temporary != NULL;
  out.start = sol_steady_s();
  if (code == EXIT_DONE)
    code = send_finish(
        &out, options->forget  ? send_forget(&out, take)
              : options->items ? send_read_items(options->items, &options->table, (uint64_t)options->limit, take, &out)
                               : send_read(&source, take, &out));
  if (out.rk) rd_kafka_destroy(out.rk);
  if (out.file && out.file != stdout) {
    if (fclose(out.file) != 0) code = EXIT_FAILED;
    if (code == EXIT_DONE && sol_beside_commit(&beside)) code = send_fail(EXIT_FAILED);
    sol_beside_abandon(&beside);
  }
  return code;
}

/* NULL where the options go together. */
static const char *what_is_wrong(const send_options *o) {
  if (!o->dead_letters) {
    if (!!o->data + !!o->items + !!o->forget != 1)
      return "needs --data, --items, --forget or --from-dead-letters, one of them";
    return o->write || (o->brokers && o->topic) ? NULL : "needs --brokers and --topic, or --write";
  }
  if (o->data || o->items || o->forget || o->topic || o->write || o->partitions)
    return "--from-dead-letters sends to where the letters came from: without --data, --items, --topic, --write, "
           "--create-partitions and --forget";
  if (!o->brokers) return "--from-dead-letters needs --brokers";
  return o->reason || o->list ? NULL : "--from-dead-letters needs --list, or a --reason to send again";
}

static int run(void *user, const solid_config *config) {
  const send_options *options = user;
  if (address_check_brokers("--brokers", options->brokers)) return send_fail(EXIT_USAGE);
  const apart_file written[] = {{"--write", options->write}, {NULL, NULL}};
  const apart_file read[] = {{"--data", options->data}, {"--items", options->items}, {NULL, NULL}};
  if (apart_check(written, read)) return send_fail(EXIT_USAGE);
  const char *wrong = what_is_wrong(options);
  if (!wrong) return options->dead_letters ? send_dead_letters(options, config) : send_all(options, config);
  fprintf(stderr, "solid_send: %s; see --help\n", wrong);
  return EXIT_USAGE;
}

int main(int argc, char **argv) {
  send_options options = {0};
  struct sigaction action = {.sa_handler = on_signal, .sa_flags = (int)SA_RESETHAND};
  sigaction(SIGTERM, &action, NULL);
  sigaction(SIGINT, &action, NULL);
  return program_main(&program, argc, argv, &options, run, &options);
}
