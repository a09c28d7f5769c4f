/* What cold_live.sh needs of a model that was trained without some items (solid_train --hide), and of its data:
 *
 *   cold_live MODEL DATA FOLDER [ATTRIBUTES [VECTORS VECTOR-IDS VECTOR-WIDTH]]
 *
 *   FOLDER/model.safetensors  the model as if it had never heard of them
 *   FOLDER/items.jsonl        what a shop says of each of them: id, attributes, vector
 *   FOLDER/events.jsonl       of the users whose test target is one of them, what was known before it, the newest 4,096
 *   FOLDER/targets.tsv        those users and their targets */
#include "examples/common/load.h"
#include "solid/model/model_file.h"
#include "solid/solid.h"
#include "solid/train/evaluate.h"
#include "tests/support/strip_hidden.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { NEWEST = 4096 };

static void must(solid_status status, const char *what) {
  if (!status) return;
  fprintf(stderr, "cold_live: %s: %s\n", what, solid_last_error());
  exit(1);
}

static FILE *make(const char *folder, const char *name) {
  char path[4096];
  snprintf(path, sizeof path, "%s/%s", folder, name);
  FILE *out = fopen(path, "w");
  if (!out) perror(path), exit(1);
  return out;
}

static void put_text(FILE *out, solid_bytes text) {
  fputc('"', out);
  for (size_t i = 0; i < text.size; i++) {
    unsigned char c = (unsigned char)text.data[i];
    if (c < ' ')
      fprintf(out, "\\u%04x", c);
    else
      fprintf(out, c == '"' || c == '\\' ? "\\%c" : "%c", c);
  }
  fputc('"', out);
}

static void write_items(FILE *out, const solid_dataset *d, const solid_hidden *hidden) {
  for (uint32_t v = 0; v < d->items; v++) {
    if (!hidden->mask[v]) continue;
    fputs("{\"item\": ", out);
    put_text(out, solid_vocab_id(&d->item_ids, v));
    fputs(", \"attributes\": [", out);
    for (size_t i = d->attribute_offsets ? d->attribute_offsets[v] : 0, first = i;
         d->attribute_offsets && i < d->attribute_offsets[v + 1]; i++) {
      if (i > first) fputs(", ", out);
      put_text(out, solid_vocab_id(&d->attributes, d->attribute_ids[i]));
    }
    fputs("]", out);
    for (uint32_t j = 0; j < d->vector_width; j++)
      fprintf(out, "%s%.9g", j ? ", " : ", \"vector\": [", (double)d->vectors[(size_t)v * d->vector_width + j]);
    fputs(d->vector_width ? "]}\n" : "}\n", out);
  }
}

static void write_users(FILE *events, FILE *targets, const solid_dataset *d, const solid_hidden *hidden) {
  for (uint32_t u = 0; u < d->users; u++) {
    solid_range known = {0, 0};
    solid_bytes user = solid_vocab_id(&d->user_ids, u);
    if (!solid_split_question(d, u, SOLID_PART_TEST, &known) || !hidden->mask[d->sequence[known.end]]) continue;
    solid_bytes target = solid_vocab_id(&d->item_ids, d->sequence[known.end]);
    fprintf(targets, "%.*s\t%.*s\n", (int)user.size, user.data, (int)target.size, target.data);
    if (known.end - known.begin > NEWEST) known.begin = known.end - NEWEST;
    for (size_t e = known.begin; e < known.end; e++) {
      fputs("{\"user\": ", events);
      put_text(events, user);
      fputs(", \"item\": ", events);
      put_text(events, solid_vocab_id(&d->item_ids, d->sequence[e]));
      fputs("}\n", events);
    }
  }
}

int main(int argc, char **argv) {
  if (argc != 4 && argc != 5 && argc != 8)
    return fputs("cold_live MODEL DATA FOLDER [ATTRIBUTES [VECTORS VECTOR-IDS VECTOR-WIDTH]]\n", stderr), 2;
  const char *folder = argv[3];
  const items_options items = {.attributes = argc > 4 && *argv[4] ? argv[4] : NULL,
                               .vectors = argc > 5 ? argv[5] : NULL,
                               .vector_ids = argc > 6 ? argv[6] : NULL,
                               .vector_width = argc > 7 ? atoi(argv[7]) : 0};
  const load_files files = {.data = argv[2], .program = "cold_live", .items = &items};
  solid_context *ctx = NULL;
  solid_model *model = NULL;
  solid_dataset dataset;
  solid_hidden hidden;
  sol_model_file file;
  char path[4096];
  must(solid_context_new(&ctx, NULL), "context");
  must(solid_model_load(&model, ctx, argv[1]), "model");
  must(load_history(&dataset, &files), "data");
  must(solid_evaluate_hidden(&hidden, model, &dataset), "model");
  must(sol_model_file_read(&file, argv[1]), "model");
  must(strip_hidden(&file, &hidden), "model");
  snprintf(path, sizeof path, "%s/model.safetensors", folder);
  must(sol_model_file_write(&file, path), path);
  FILE *out[] = {make(folder, "items.jsonl"), make(folder, "events.jsonl"), make(folder, "targets.tsv")};
  write_items(out[0], &dataset, &hidden);
  write_users(out[1], out[2], &dataset, &hidden);
  for (int i = 0; i < 3; i++)
    if (fclose(out[i])) perror(folder), exit(1);
  printf("%u of %u items are hidden\n", hidden.items - hidden.visible, hidden.items);
  sol_model_file_clear(&file);
  solid_hidden_clear(&hidden);
  solid_dataset_clear(&dataset);
  solid_model_free(model);
  solid_context_free(ctx);
  return 0;
}
