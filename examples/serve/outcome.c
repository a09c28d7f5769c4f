#include "examples/serve/outcome.h"
#include "solid/extend.h"
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

/* Whether to send the event again, as it is, can help. */
static const char *again(serve_verdict verdict) {
  return verdict == SERVE_FAILED ? "yes" : verdict == SERVE_UNKNOWN ? "unsure" : "no";
}

void outcome_add(serve_outcome *outcome, const outcome_entry *entry) {
  growing *out = &outcome->rejects;
  int is_final = entry->verdict != SERVE_FAILED && entry->verdict != SERVE_UNKNOWN;
  outcome->counts[entry->verdict]++;
  growing_add(out, "%s{\"number\":%zu", out->size ? "," : "", entry->number);
  if (entry->user.size) {
    growing_text(out, ",\"user\":");
    growing_json(out, entry->user.data, entry->user.size);
  }
  const char *code = entry->verdict == SERVE_UNKNOWN ? "unknown" : entry->failure.name;
  growing_add(out, ",\"code\":\"%s\",\"again\":\"%s\",\"message\":", code, again(entry->verdict));
  growing_json(out, entry->text, strlen(entry->text));
  growing_text(out, "}");
  if (!entry->failure.code || outcome->failure.code) return;
  *(is_final ? &outcome->rejected : &outcome->failure) = entry->failure;
  snprintf(outcome->text, sizeof outcome->text, "%s", entry->text);
}

void outcome_add_status(serve_outcome *outcome, size_t number, solid_bytes user, solid_status of_event,
                        solid_status call, const char *away) {
  char text[768];
  const char *said = of_event == call || of_event == SOLID_EUNKNOWN ? solid_last_error() : solid_status_text(of_event);
  outcome_entry entry = {number, user, SERVE_REJECTED, {400, "bad_event", 0}, text};
  snprintf(text, sizeof text, "%s", said);
  if (of_event == SOLID_ENOTFOUND) {
    entry.verdict = SERVE_UNKNOWN_ITEM;
    entry.failure = (serve_failure){0, "unknown_item", 0};
    entry.text = "the item is neither in the model nor in the item log: POST /items adds it";
  } else if (of_event == SOLID_EFORMAT) {
    entry.failure.name = "bad_record";
    entry.text = "what the store has of this user is no record of ours";
  } else if (of_event == SOLID_EUNSUPPORTED) {
    entry.failure = (serve_failure){501, "newer_record", 0};
    entry.text = "what the store has of this user was written by a later version: use a version that knows it";
  } else if (of_event == SOLID_EUNKNOWN) {
    entry.verdict = SERVE_UNKNOWN;
    entry.failure = serve_failure_of(call, away);
    snprintf(text, sizeof text, "it was asked for, and no answer says whether it was done (%s): sent again, %s", said,
             strcmp(away, "broker_away") ? "it may count twice unless it has stream and offset" : "it may count twice");
  } else if (of_event == SOLID_ERANGE) {
    entry.failure = (serve_failure){413, "too_large", 0};
    if (call != of_event) entry.text = "larger than is taken";
  } else if (of_event != SOLID_EINVAL) {
    entry.verdict = SERVE_FAILED;
    entry.failure = serve_failure_of(of_event, away);
  }
  outcome_add(outcome, &entry);
}

static int status_of(const serve_outcome *outcome, const serve *s) {
  if (outcome->failure.code) return outcome->failure.code;
  if (outcome->total == 1 && outcome->rejected.code) return outcome->rejected.code;
  return s->producer ? 202 : 200;
}

void outcome_write(serve_outcome *outcome, serve *s, http_reply *reply) {
  growing *out = &reply->body;
  reply->status = status_of(outcome, s);
  reply->retry_after_s = outcome->failure.retry_after_s;
  growing_text(out, "{");
  if (reply->status >= 400) {
    growing_add(out, "\"error\":{\"code\":\"%s\",\"message\":",
                outcome->failure.code ? outcome->failure.name : outcome->rejected.name);
    growing_json(out, outcome->text, strlen(outcome->text));
    growing_text(out, "},");
  }
  for (int i = 0; i < SERVE_VERDICTS; i++) {
    atomic_fetch_add_explicit(&s->counts.events[i], outcome->counts[i], memory_order_relaxed);
    growing_add(out, "\"%s\":%" PRIu64 ",", serve_verdict_names[i], outcome->counts[i]);
  }
  growing_text(out, "\"rejects\":[");
  if (outcome->rejects.size) growing_bytes(out, outcome->rejects.bytes, outcome->rejects.size);
  growing_text(out, "]}");
  if (outcome->rejects.is_broken) out->is_broken = 1;
}

void outcome_clear(serve_outcome *outcome) {
  growing_clear(&outcome->rejects);
}
