#include "examples/ask/ask.h"
#include "examples/common/item_json.h"
#include "examples/common/program.h"
#include "solid/extend.h"
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

static void print_item(const asking *a, uint32_t item) {
  solid_bytes id = solid_model_item_id(a->model, item), title = solid_model_item_title(a->model, item);
  program_show(stdout, id.data, id.size);
  if (!title.size) return;
  fputs("  ", stdout);
  program_show(stdout, title.data, title.size);
}

/* Where the shown steps of a history begin. */
static size_t first_shown(const asking *a, const solid_window *window) {
  size_t most = (size_t)a->args.history;
  return window->count > most ? window->count - most : 0;
}

/* The ids on one line, for programs; below it, where the model has titles, a line for each item. */
static void print_history(const asking *a, const solid_window *window) {
  size_t first = first_shown(a, window), titled = 0;
  printf("newest %zu of %" PRIu64 " events:", window->count - first, window->seq);
  for (size_t i = first; i < window->count; i++) {
    uint32_t item = solid_model_item_by_hash(a->model, window->steps[i].item);
    solid_bytes id = item == SOLID_NO_ITEM ? (solid_bytes){"?", 1} : solid_model_item_id(a->model, item);
    titled += item != SOLID_NO_ITEM && solid_model_item_title(a->model, item).size > 0;
    putchar(' ');
    program_show(stdout, id.data, id.size);
  }
  putchar('\n');
  for (size_t i = first; i < window->count && titled; i++) {
    uint32_t item = solid_model_item_by_hash(a->model, window->steps[i].item);
    fputs("  ", stdout);
    if (item == SOLID_NO_ITEM)
      fputs("? (not in the model's catalogue)", stdout);
    else
      print_item(a, item);
    putchar('\n');
  }
}

void ask_print(const asking *a, const ask_answer *answer) {
  if (answer->history) print_history(a, answer->history);
  printf("from %s", solid_source_name(answer->source));
  if (a->args.user)
    printf("; window has seen %" PRIu64 " events, parameters %" PRIu64, answer->window_seq, answer->params_seq);
  putchar('\n');
  if (answer->slate) {
    char order[32];
    slate_order_text(answer->slate->order, answer->slate->window, order);
    printf("slate of %zu, %s, guide %g: %u forwards, log likelihood %.3f\n", answer->count, order, answer->guide,
           answer->slate->forwards, answer->slate->log_likelihood);
  }
  for (size_t i = 0; i < answer->count; i++) {
    printf("%4zu  %9.4f  ", i + 1, (double)answer->items[i].score);
    print_item(a, answer->items[i].item);
    putchar('\n');
  }
}

static void add_history(growing *text, const asking *a, const solid_window *window) {
  growing_text(text, ",\"history\":[");
  for (size_t first = first_shown(a, window), i = first; i < window->count; i++) {
    uint32_t item = solid_model_item_by_hash(a->model, window->steps[i].item);
    growing_text(text, i > first ? "," : "");
    if (item == SOLID_NO_ITEM)
      growing_text(text, "{\"item\":null");
    else
      item_json(text, a->model, item);
    growing_add(text, ",\"ts\":%" PRId64 "}", window->steps[i].time_ms);
  }
  growing_text(text, "]");
}

static void add_slate(growing *text, const ask_answer *answer) {
  char order[32];
  slate_order_text(answer->slate->order, answer->slate->window, order);
  growing_add(text, ",\"slate\":{\"order\":\"%s\",\"guide\":%g,\"forwards\":%u,\"log_likelihood\":", order,
              answer->guide, answer->slate->forwards);
  growing_number(text, answer->slate->log_likelihood);
  growing_text(text, "}");
}

solid_status ask_print_json(const asking *a, const ask_answer *answer) {
  growing text = {0};
  growing_text(&text, "{");
  if (a->args.user) {
    solid_bytes user = {a->args.user, 0};
    while (user.data[user.size]) user.size++;
    growing_text(&text, "\"user\":");
    growing_json(&text, user.data, user.size);
    growing_text(&text, ",");
  }
  growing_add(&text,
              "\"source\":\"%s\",\"generation\":\"%016" PRIx64 "\",\"params_seq\":%" PRIu64 ",\"window_seq\":%" PRIu64,
              solid_source_name(answer->source), a->info.generation, answer->params_seq, answer->window_seq);
  if (answer->history) add_history(&text, a, answer->history);
  if (answer->slate) add_slate(&text, answer);
  growing_text(&text, ",\"items\":[");
  for (size_t i = 0; i < answer->count; i++) {
    growing_text(&text, i ? "," : "");
    item_json(&text, a->model, answer->items[i].item);
    growing_text(&text, ",\"score\":");
    growing_number(&text, (double)answer->items[i].score);
    growing_text(&text, "}");
  }
  growing_text(&text, "]}\n");
  solid_status status = text.is_broken ? solid_fail(SOLID_ENOMEM, "no memory for the answer") : SOLID_OK;
  if (!status) fwrite(text.bytes, 1, text.size, stdout);
  growing_clear(&text);
  return status;
}

/* ---- Categories ---- */

typedef struct category {
  solid_bytes name;
  size_t items;
} category;

static int larger(const void *left, const void *right) {
  const category *a = left, *b = right;
  if (a->items != b->items) return a->items > b->items ? -1 : 1;
  return a->name.data < b->name.data ? -1 : a->name.data > b->name.data; /* in the order of the file */
}

solid_status ask_print_categories(const asking *a) {
  uint32_t n = a->info.categories;
  category *all = calloc((size_t)n + 1, sizeof *all);
  growing text = {0};
  if (!all) return solid_fail(SOLID_ENOMEM, "no memory for %u categories", n);
  for (uint32_t i = 0; i < n; i++) {
    const uint32_t *items;
    all[i].name = solid_model_category_name(a->model, i);
    if (solid_model_category_items(a->model, i, &items, &all[i].items)) all[i].items = 0;
  }
  qsort(all, n, sizeof *all, larger);
  for (uint32_t i = 0; i < n; i++) {
    if (a->args.json) {
      growing_text(&text, i ? ",{\"category\":" : "[{\"category\":");
      growing_json(&text, all[i].name.data, all[i].name.size);
      growing_add(&text, ",\"items\":%zu}", all[i].items);
      continue;
    }
    printf("%8zu  ", all[i].items);
    program_show(stdout, all[i].name.data, all[i].name.size);
    putchar('\n');
  }
  solid_status status =
      text.is_broken ? solid_fail(SOLID_ENOMEM, "no memory for the names of %u categories", n) : SOLID_OK;
  if (a->args.json && !status) printf("%s]\n", n ? text.bytes : "[");
  if (!a->args.json && !n) printf("the model has no categories\n");
  growing_clear(&text);
  free(all);
  return status;
}
