#include "examples/common/ground.h"
#include "examples/common/growing.h"
#include "examples/eval/eval.h"
#include "solid/extend.h"
#include <errno.h>
#include <string.h>
#include <unistd.h>

static void add_rank(growing *text, const char *name, const solid_evaluation *e, uint32_t i) {
  growing_add(text, ",\"%s\":", name);
  if (e->ranks[i] == SOLID_RANK_BEYOND)
    growing_text(text, "null");
  else
    growing_add(text, "%u", e->ranks[i]);
}

static void add_user(growing *text, const eval_run *r, uint32_t i) {
  const solid_evaluation *e = &r->popularity.evaluation;
  solid_range known = {0, 0};
  solid_split_question(&r->dataset, e->who[i], r->args.part ? SOLID_PART_TEST : SOLID_PART_VALID, &known);
  solid_bytes user = solid_vocab_id(&r->dataset.user_ids, e->who[i]);
  solid_bytes item = solid_vocab_id(&r->dataset.item_ids, r->dataset.sequence[known.end]);
  growing_text(text, "{\"user\":");
  growing_json(text, user.data, user.size);
  growing_text(text, ",\"item\":");
  growing_json(text, item.data, item.size);
  eval_ranking ranking[EVAL_RANKINGS];
  size_t n = eval_rankings(r, ranking);
  for (size_t a = 0; a < n; a++)
    add_rank(text, *ranking[a].key ? ranking[a].key : "model", &ranking[a].figures->evaluation, i);
  growing_text(text, "}\n");
}

static solid_status write_all(int fd, const growing *text, const char *path) {
  for (size_t at = 0; at < text->size;) {
    ssize_t written = write(fd, text->bytes + at, text->size - at);
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) return solid_fail(SOLID_EIO, "%s: %s", path, strerror(errno));
    at += (size_t)written;
  }
  return SOLID_OK;
}

solid_status eval_write_results(const eval_run *r) {
  growing text = {0};
  sol_beside file = {0};
  for (uint32_t i = 0; i < r->popularity.evaluation.users; i++) add_user(&text, r, i);
  solid_status status = text.is_broken ? solid_fail(SOLID_ENOMEM, "%s: no memory for the results", r->args.results)
                                       : sol_beside_open(&file, r->args.results, 1);
  if (!status) status = write_all(file.fd, &text, r->args.results);
  if (!status) status = sol_beside_commit(&file);
  if (status) sol_beside_abandon(&file);
  growing_clear(&text);
  return status;
}
