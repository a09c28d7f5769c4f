/* Whether the process lives, whether it should be asked, and what it counts. */
#include "examples/common/ground.h"
#include "examples/serve/serve.h"
#include "solid/version.h"
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

void serve_live(void *user, const http_request *request, http_reply *reply) {
  (void)user, (void)request;
  growing_text(&reply->body, "{\"status\":\"live\"}");
}

/* Liveness is not readiness: a process that drains, or whose store is away, or whose model's file was spoilt, lives and
 * is not to be asked. */
void serve_ready(void *user, const http_request *request, http_reply *reply) {
  serve *s = user;
  (void)request;
  int draining = atomic_load(&s->draining), away = atomic_load(&s->store_away);
  char error[sizeof s->models.error];
  pthread_mutex_lock(&s->models.lock);
  memcpy(error, s->models.error, sizeof error);
  int loading = s->models.busy || s->models.wants_load || s->models.wants_back; /* the one before answers */
  pthread_mutex_unlock(&s->models.lock);
  int strange = strncmp(error, "follow", 6) == 0; /* the store's record cannot be read, or names what is not loaded */
  int changed = atomic_load(&s->model_spoilt) == atomic_load(&s->models_live) + 1;
  if (draining || away || strange || changed) reply->status = 503;
  growing_add(&reply->body,
              "{\"status\":\"%s\",\"draining\":%s,\"store\":\"%s\",\"model\":\"%s\",\"loading\":%s,\"uptime_s\":%.1f,"
              "\"model_error\":",
              reply->status ? "not ready" : "ready", draining ? "true" : "false", away ? "away" : "ok",
              changed ? "changed" : "ok", loading ? "true" : "false", (double)(sol_steady_ms() - s->started_ms) / 1e3);
  growing_json(&reply->body, error, strlen(error));
  growing_text(&reply->body, "}");
}

static void write_answers(const serve *s, growing *out) {
  const serve_counts *c = &s->counts;
  char labels[64];
  metrics_head(out, "solid_answers_total", "counter", "Answers by where the user's vector came from.");
  for (int i = 0; i < SERVE_SOURCES; i++) {
    snprintf(labels, sizeof labels, "source=\"%s\"", solid_source_name((solid_source)i));
    metrics_count(out, "solid_answers_total", labels, c->answers[i]);
  }
  metrics_head(out, "solid_answers_by_mode_total", "counter", "Answers by how the question was asked.");
  for (int i = 0; i < SERVE_MODES; i++) {
    snprintf(labels, sizeof labels, "mode=\"%s\"", serve_mode_names[i]);
    metrics_count(out, "solid_answers_by_mode_total", labels, c->modes[i]);
  }
  metrics_head(out, "solid_answer_seconds", "histogram", "From the question's beginning to its ranked items.");
  for (int i = 0; i < SERVE_SOURCES; i++) {
    snprintf(labels, sizeof labels, "source=\"%s\"", solid_source_name((solid_source)i));
    metrics_write(out, "solid_answer_seconds", labels, &c->answer_seconds[i]);
  }
  metrics_head(out, "solid_params_age_events", "histogram", "Events that stored parameters had not seen when asked.");
  metrics_write(out, "solid_params_age_events", "", &c->params_age);
}

static void write_requests(const serve *s, growing *out) {
  char labels[128];
  metrics_head(out, "solid_http_requests_total", "counter", "Requests by route and hundreds of the status.");
  for (size_t r = 0; r <= serve_n_routes; r++)
    for (int hundred = 1; hundred < 6; hundred++) {
      if (!s->counts.requests[r][hundred]) continue;
      snprintf(labels, sizeof labels, "method=\"%s\",path=\"%s\",status=\"%dxx\"",
               r < serve_n_routes ? serve_routes[r].method : "", r < serve_n_routes ? serve_routes[r].path : "none",
               hundred);
      metrics_count(out, "solid_http_requests_total", labels, s->counts.requests[r][hundred]);
    }
  metrics_head(out, "solid_http_request_seconds", "histogram", "From a request's head to the end of its answer.");
  metrics_write(out, "solid_http_request_seconds", "", &s->counts.request_seconds);
}

static void write_followed(growing *out, const char *name, const char *help, serve_followed counts) {
  static const char *const whiches[] = {"current", "previous", "other"};
  char labels[96];
  metrics_head(out, name, "counter", help);
  for (int w = 0; w < SERVE_WHICHES; w++)
    for (int i = 0; i < SERVE_SOURCES; i++)
      for (int m = 0; m < SERVE_MODES; m++) {
        if (!counts[w][i][m]) continue;
        snprintf(labels, sizeof labels, "generation=\"%s\",source=\"%s\",mode=\"%s\"", whiches[w],
                 solid_source_name((solid_source)i), serve_mode_names[m]);
        metrics_count(out, name, labels, counts[w][i][m]);
      }
}

/* The click rate of a kind of answer is the one over the other. */
static void write_clicks(serve *s, growing *out) {
  write_followed(out, "solid_impressions_total", "Events \"impression\" with the id of an answer, by its making.",
                 s->counts.shown);
  write_followed(out, "solid_clicks_total", "Events \"click\" with the id of an answer, by its making.",
                 s->counts.clicked);
}

static void write_events(const serve *s, growing *out) {
  char labels[64];
  metrics_head(out, "solid_events_total", "counter", "Events that came by HTTP, by what became of them.");
  for (int i = 0; i < SERVE_VERDICTS; i++) {
    snprintf(labels, sizeof labels, "verdict=\"%s\"", serve_verdict_names[i]);
    metrics_count(out, "solid_events_total", labels, s->counts.events[i]);
  }
}

static void write_state(serve *s, growing *out) {
  char labels[64];
  solid_live live = solid_slot_get_live(s->slot);
  metrics_head(out, "solid_build_info", "gauge", "1, with the version.");
  metrics_gauge(out, "solid_build_info", "version=\"" SOLID_VERSION_STRING "\"", 1);
  metrics_head(out, "solid_generation_info", "gauge", "1, with the generations that are live.");
  snprintf(labels, sizeof labels, "generation=\"%016" PRIx64 "\",which=\"current\"", live.current);
  metrics_gauge(out, "solid_generation_info", labels, 1);
  snprintf(labels, sizeof labels, "generation=\"%016" PRIx64 "\",which=\"previous\"", live.previous);
  if (live.previous) metrics_gauge(out, "solid_generation_info", labels, 1);
  metrics_head(out, "solid_generation_share", "gauge", "Users who have the current generation, as a share.");
  metrics_gauge(out, "solid_generation_share", "", live.share * 1.0 / SOLID_SHARES);
  metrics_head(out, "solid_generations_in_memory", "gauge", "Models that are loaded.");
  metrics_gauge(out, "solid_generations_in_memory", "", (double)solid_slot_count(s->slot));
  metrics_head(out, "solid_store_up", "gauge", "1 where the last call to the store went well.");
  metrics_gauge(out, "solid_store_up", "", !atomic_load(&s->store_away));
  metrics_head(out, "solid_uptime_seconds", "gauge", "Since the process began.");
  metrics_gauge(out, "solid_uptime_seconds", "", (double)(sol_steady_ms() - s->started_ms) / 1e3);
  const struct {
    const char *name, *help;
    uint64_t value;
  } counters[] = {
      {"solid_store_failures_total", "Calls to the store that it did not answer.", s->counts.store_failures},
      {"solid_model_switches_total", "Changes of the model that went well.", s->counts.switches},
      {"solid_model_switch_failures_total", "Changes of the model that did not.", s->counts.switch_failures},
      {"solid_repeated_requests_total", "Retries that an Idempotency-Key kept from doing it again.",
       s->counts.repeated_keys}};
  for (size_t i = 0; i < sizeof counters / sizeof *counters; i++) {
    metrics_head(out, counters[i].name, "counter", counters[i].help);
    metrics_count(out, counters[i].name, "", counters[i].value);
  }
}

static void write_states(const serve_counts *c, growing *out) {
  const solid_state_stats states = {.cached = c->states_cached,
                                    .read = c->states_read,
                                    .made = c->states_made,
                                    .refused = c->states_refused,
                                    .unsaved = c->states_unsaved};
  metrics_states(out, &states);
}

static void write_items(serve *s, growing *out) {
  solid_item_log_info info = {.struct_size = sizeof info};
  if (solid_item_log_get_info(s->items, &info)) return;
  metrics_head(out, "solid_item_log_entries", "gauge", "Entries of the item log, as far as it was read.");
  metrics_gauge(out, "solid_item_log_entries", "", (double)info.version.count);
  metrics_head(out, "solid_item_log_items", "gauge", "Items that were added and are there.");
  metrics_gauge(out, "solid_item_log_items", "", (double)info.items);
  metrics_head(out, "solid_item_log_hidden", "gauge", "Items that are hidden.");
  metrics_gauge(out, "solid_item_log_hidden", "", (double)info.hidden);
  metrics_head(out, "solid_item_log_unreadable", "gauge", "Entries that were passed over.");
  metrics_gauge(out, "solid_item_log_unreadable", "", (double)info.unreadable);
  metrics_head(out, "solid_items_appended_total", "counter", "Entries that came by HTTP and said something new.");
  metrics_count(out, "solid_items_appended_total", "", s->counts.items_in);
}

static void write_warm_up(serve_warm_up *warm, growing *out) {
  if (!warm->per_s) return;
  metrics_head(out, "solid_warm_up_running", "gauge", "1 while parameters of known users are made for a new model.");
  metrics_gauge(out, "solid_warm_up_running", "", atomic_load(&warm->is_running));
  metrics_head(out, "solid_warm_up_users", "gauge", "Users looked at since the newest change of the model.");
  metrics_gauge(out, "solid_warm_up_users", "", (double)atomic_load(&warm->users));
  metrics_head(out, "solid_warm_up_made", "gauge", "Of them, those whose parameters were made.");
  metrics_gauge(out, "solid_warm_up_made", "", (double)atomic_load(&warm->made));
  metrics_head(out, "solid_warm_up_rounds_total", "counter",
               "Changes of the model after which all users were looked at.");
  metrics_count(out, "solid_warm_up_rounds_total", "", atomic_load(&warm->rounds));
}

/* A desk's store knows what its server evicted; the models' thread reads the epoch. */
static void write_store(serve *s, growing *out) {
  timed_store_counts *times = &s->counts.store_seconds;
  serve_desk *desk = serve_take_desk(s);
  pthread_mutex_lock(&s->models.lock);
  store_facts facts = s->models.facts;
  pthread_mutex_unlock(&s->models.lock);
  store_facts_count(&facts, timed_store_inner(desk->store));
  serve_give_desk(s, desk);
  store_facts_write(out, &facts);
  metrics_head(out, "solid_store_round_trip_seconds", "histogram", "Calls to the store.");
  metrics_write(out, "solid_store_round_trip_seconds", "call=\"advance\"", &times->advance);
  metrics_write(out, "solid_store_round_trip_seconds", "call=\"put_params\"", &times->put_params);
  metrics_write(out, "solid_store_round_trip_seconds", "call=\"get\"", &times->get);
  metrics_head(out, "solid_generate_seconds", "histogram", "Making the parameters of a request's events.");
  metrics_write(out, "solid_generate_seconds", "", &s->counts.generate_seconds);
}

void serve_metrics(void *user, const http_request *request, http_reply *reply) {
  serve *s = user;
  (void)request;
  reply->type = METRICS_TYPE;
  write_answers(s, &reply->body);
  write_requests(s, &reply->body);
  write_events(s, &reply->body);
  write_clicks(s, &reply->body);
  write_state(s, &reply->body);
  write_store(s, &reply->body);
  write_states(&s->counts, &reply->body);
  write_items(s, &reply->body);
  write_warm_up(&s->warm_up, &reply->body);
  metrics_process(&reply->body);
}
