#include "examples/train/train_options.h"
#include "examples/common/apart.h"
#include "examples/common/exit.h"
#include "examples/common/load_options.h"
#include "solid/train/choose.h"
#include <stdio.h>
#include <string.h>

#define TEXT(name_, field, preset_, meaning_, required_)                                                               \
  {                                                                                                                    \
    .name = (name_), .type = SOLID_PROPERTY_STRING, .preset = (preset_), .meaning = (meaning_),                        \
    .required = (required_), .offset = offsetof(train_arguments, field)                                                \
  }
#define WHOLE(name_, field, preset_, min_, max_, meaning_)                                                             \
  {                                                                                                                    \
    .name = (name_), .type = SOLID_PROPERTY_INT, .preset = (preset_), .min = (min_), .max = (max_),                    \
    .meaning = (meaning_), .offset = offsetof(train_arguments, field)                                                  \
  }
#define REAL(name_, field, preset_, max_, meaning_)                                                                    \
  {                                                                                                                    \
    .name = (name_), .type = SOLID_PROPERTY_FLOAT, .preset = (preset_), .min = 0, .max = (max_),                       \
    .meaning = (meaning_), .offset = offsetof(train_arguments, field)                                                  \
  }
#define SWITCH(name_, field, meaning_)                                                                                 \
  {                                                                                                                    \
    .name = (name_), .type = SOLID_PROPERTY_BOOL, .preset = "false", .meaning = (meaning_),                            \
    .offset = offsetof(train_arguments, field)                                                                         \
  }

/* Options of the program; those of training follow, one for each row of SOLID_TRAIN_OPTIONS. */
static const solid_property own[] = {
    TEXT("data", data, NULL, "file of events", 1),
    TEXT("format", format, "auto",
         "rows, pairs, movielens, csv, recbole, table, events, histories; auto = decided by its first lines", 0),
    LOAD_READING_PROPERTIES(train_arguments),
    LOAD_ITEMS_PROPERTIES(train_arguments),
    LOAD_SPLIT_PROPERTIES(train_arguments),
    TEXT("out", out, NULL, "model file to write", 1),
    {.name = "defaults",
     .type = SOLID_PROPERTY_CHOICE,
     .preset = "data",
     .choices = "data|fixed",
     .meaning = "options of training that are not given: data = chosen by the data, and said; fixed = the defaults "
                "below, as published recipes take them",
     .offset = offsetof(train_arguments, fixed)},
    TEXT("titles", titles, NULL,
         "file of item titles to keep in the model (a column called title or name); default: --attributes, if it has "
         "them",
         0),
    TEXT(
        "from", from, NULL,
        "model file to go on from: --data has the old events and the newer ones, since items that are not in it are "
        "left out; attributes and titles are the model's where --attributes and --titles are not given, and options of "
        "training that are not given are those that it was trained with, but not what says how data is read (--kinds, "
        "--min-rating, --min-user, --min-item, --split) nor --slate: give them again",
        0),
    WHOLE("search", search, "0", 0, 1000,
          "train this many models with other options (rate, batch, dropout, smoothing, swap) and keep the best by "
          "validation; 0 = only the given ones"),
    REAL("limit", limit, "0", 1e9,
         "stop after this many seconds of epochs, within one too but for the first, and write the best model so far; "
         "without --epochs the schedule is fitted to the time, and short times get a smaller model; codes are made "
         "before "
         "and do not count; 0 = no limit"),
    WHOLE("threads", threads, "0", 0, 1024, "CPU threads; 0 = as many as the machine has"),
    TEXT("device", device, "cpu", "cpu, cuda or cuda:N", 0),
    {.name = "precision",
     .type = SOLID_PROPERTY_CHOICE,
     .preset = "auto",
     .choices = "auto|fp32|tf32",
     .meaning = "precision of products; auto = tf32 on cuda, fp32 on the CPU (which has only that)",
     .offset = offsetof(train_arguments, precision)},
    TEXT("log", log, NULL, "file for one line of JSON per epoch", 0),
    SWITCH("fresh", fresh, "start again instead of continuing from a checkpoint"),
    SWITCH("keep-checkpoint", keep_checkpoint, "keep the checkpoint after the model is written"),
    WHOLE("slate", slate.rows, "0", 0, 1000,
          "after the ranker, also train a decoder of slates of up to this many items; 0 = none"),
    TEXT("slate-of", slate.of, NULL, "model file whose ranker stays unchanged; only the decoder is trained", 0),
    {.name = "slate-order",
     .type = SOLID_PROPERTY_CHOICE,
     .preset = "raster",
     .choices = "raster|near-to-far",
     .meaning = "order of decoding to train for; raster also serves zipar",
     .offset = offsetof(train_arguments, slate.order)},
    WHOLE("slate-blocks", slate.blocks, "2", 1, 8, "blocks of the decoder; near-to-far has one more"),
    WHOLE("slate-epochs", slate.epochs, "30", 1, 1000000, "epochs of the decoder, each with one random cut per user"),
    WHOLE("slate-batch", slate.batch, "128", 1, 65536, "users per step of the decoder"),
    REAL("slate-rate", slate.rate, "0.001", 1, "learning rate of the decoder (AdamW)"),
    REAL("slate-dropout", slate.dropout, "0.1", 0.99, "dropout in the decoder"),
    WHOLE("slate-seed", slate.seed, "0", 0, 9e15, "seed of the decoder"),
};

static const solid_need needs[] = {
    LOAD_SPLIT_NEEDS,
    LOAD_ITEMS_NEEDS,
    {"attribute-item", "attributes titles"},
    {"slate-of slate-order slate-blocks slate-epochs slate-batch slate-rate slate-dropout slate-seed", "slate"},
    {"chunk mass budget always first dense-below", "attention=sparse from"}, /* a model may bring it */
    {"learn-share learn-keep", "learn-codes from"},
    {"hide-seed hidden-codes", "hide"},
};

#define OWN (sizeof own / sizeof *own)

static const solid_property_type types[] = {[SOLID_OPTION_COUNT] = SOLID_PROPERTY_INT,
                                            [SOLID_OPTION_SEED] = SOLID_PROPERTY_INT,
                                            [SOLID_OPTION_REAL] = SOLID_PROPERTY_FLOAT,
                                            [SOLID_OPTION_SWITCH] = SOLID_PROPERTY_BOOL,
                                            [SOLID_OPTION_CHOICE] = SOLID_PROPERTY_CHOICE};

const solid_program *train_program(void) {
  static char presets[SOLID_TRAIN_OPTIONS_COUNT][SOLID_OPTION_TEXT];
  static solid_property properties[OWN + SOLID_TRAIN_OPTIONS_COUNT];
  static const solid_program program = {
      .name = "solid_train",
      .summary = "Trains a recommendation model on a file of events and writes one safetensors file.",
      .notes =
          "Examples: solid_train --data ratings.csv --attributes movies.csv --out m.safetensors\n"
          "          solid_train --data purchases.csv --user-column customer --item-column sku --time-column day --out "
          "m.safetensors\n\n"
          "Window, dropout, codes, batch, epochs and schedule are chosen by the data, and the program says which and "
          "why; an\n"
          "option that you give stays as given. --limit 60 fits the training into a minute.\n"
          "The checkpoint is OUT.checkpoint; the same command continues from it.",
      .exits = HAS_EXIT(MODEL) | HAS_EXIT(SOURCE),
      .cut = ": no model is written, and the checkpoint of\n           the last validation stays, from which the same "
             "command continues",
      .properties = properties,
      .count = sizeof properties / sizeof *properties,
      .needs = needs,
      .n_needs = sizeof needs / sizeof *needs};
  const solid_option_row *rows = solid_train_option_rows();
  solid_train_options defaults = solid_train_options_default();
  memcpy(properties, own, sizeof own);
  for (size_t i = 0; i < SOLID_TRAIN_OPTIONS_COUNT; i++) {
    int bounded = types[rows[i].kind] == SOLID_PROPERTY_INT || types[rows[i].kind] == SOLID_PROPERTY_FLOAT;
    solid_train_option_text(&defaults, &rows[i], presets[i]);
    properties[OWN + i] = (solid_property){.name = rows[i].flag,
                                           .type = types[rows[i].kind],
                                           .preset = presets[i],
                                           .min = bounded ? rows[i].low : 0,
                                           .max = bounded ? rows[i].high : 0,
                                           .choices = rows[i].words,
                                           .meaning = rows[i].meaning,
                                           .offset = offsetof(train_arguments, option) + i * sizeof(train_value)};
  }
  return &program;
}

solid_status train_options(const train_arguments *a, solid_train_options *options) {
  const solid_option_row *rows = solid_train_option_rows();
  solid_status status = SOLID_OK;
  for (size_t i = 0; i < SOLID_TRAIN_OPTIONS_COUNT && status == SOLID_OK; i++) {
    const train_value *value = &a->option[i];
    double number = types[rows[i].kind] == SOLID_PROPERTY_INT     ? (double)value->whole
                    : types[rows[i].kind] == SOLID_PROPERTY_FLOAT ? value->real
                                                                  : value->flag;
    status = solid_train_option_set(options, &rows[i], number);
  }
  return status;
}

solid_status train_check_files(const train_arguments *a) {
  const apart_file written[] = {{"--out", a->out}, {"--log", a->log}, {NULL, NULL}};
  const apart_file read[] = {{"--data", a->data},
                             {"--valid-data", a->order.valid_data},
                             {"--test-data", a->order.test_data},
                             {"--times", a->order.times},
                             {"--attributes", a->items.attributes},
                             {"--titles", a->titles},
                             {"--vectors", a->items.vectors},
                             {"--vector-ids", a->items.vector_ids},
                             {NULL, NULL}};
  const apart_file parts[] = {read[0], read[1], read[2], {NULL, NULL}};
  solid_status status = apart_check(written, read);
  return status ? status : apart_check_parts(parts);
}

void train_given(train_arguments *a, const solid_config *config) {
  const solid_option_row *rows = solid_train_option_rows();
  for (size_t i = 0; i < SOLID_TRAIN_OPTIONS_COUNT; i++)
    a->given[i] = (unsigned char)solid_config_is_set(config, rows[i].flag);
}

int train_is_given(const train_arguments *a, const char *name) {
  const solid_option_row *rows = solid_train_option_rows();
  size_t i = 0;
  while (strcmp(rows[i].name, name) != 0) i++;
  return a->given[i];
}

/* Events a second that are learned from: of two cores, and of a GPU at the least. Constants, so that the choice is one
 * of the command and not of a clock. Of several trainings each has its share of the time. */
#define CPU_PACE 12e3
#define GPU_PACE 500e3

static double room_of(const train_arguments *a) {
  double pace = strncmp(a->device, "cuda", 4) == 0 ? GPU_PACE : CPU_PACE;
  return a->limit * pace / (a->search > 0 ? (double)a->search : 1);
}

/* What depends on the time goes on as it was begun, whatever time the command has now. Whether the checkpoint is whole
 * is said when it is loaded. 1 = there was one. */
static int take_begun(const train_arguments *a, solid_train_options *options, unsigned char *given) {
  static const char *const names[] = {"window", "blocks", "heads", "dropout", "batch"};
  const solid_option_row *rows = solid_train_option_rows();
  char path[4096];
  int begun = 0;
  snprintf(path, sizeof path, "%s.checkpoint", a->out);
  for (size_t i = 0; i < SOLID_TRAIN_OPTIONS_COUNT && !a->fresh && !a->search; i++)
    for (size_t k = 0; k < sizeof names / sizeof *names && !given[i]; k++) {
      double value;
      if (strcmp(rows[i].name, names[k]) != 0 || solid_checkpoint_option(path, &rows[i], &value) != SOLID_OK) continue;
      given[i] = solid_train_option_set(options, &rows[i], value) == SOLID_OK;
      begun |= given[i];
    }
  return begun;
}

solid_status train_choose(const train_arguments *a, const solid_dataset *dataset, solid_train_options *options) {
  char why[SOLID_CHOICE_LINES][SOLID_CHOICE_TEXT];
  solid_data_facts facts;
  if (a->fixed || a->from) return SOLID_OK;
  solid_status status = solid_data_facts_of(&facts, dataset);
  if (status != SOLID_OK) return status;
  unsigned char given[SOLID_TRAIN_OPTIONS_COUNT];
  memcpy(given, a->given, sizeof given);
  int begun = take_begun(a, options, given);
  solid_train_choose(options, given, &facts, begun ? 0 : room_of(a), why);
  for (int i = 0; i < SOLID_CHOICE_LINES; i++) printf("defaults: %s\n", why[i]);
  return SOLID_OK;
}

solid_status train_fitting_of(train_fitting *out, const train_arguments *a, const solid_train_options *options,
                              const solid_dataset *dataset) {
  int fits = a->limit > 0 && !a->fixed && !train_is_given(a, "epochs") && options->window_from == 0;
  *out = (train_fitting){.most = fits ? options->epochs : 0, .arguments = a, .options = *options};
  return fits && !a->from ? solid_data_facts_of(&out->facts, dataset) : SOLID_OK;
}

solid_schedule train_schedule_of(const train_fitting *fitting, uint32_t epochs) {
  const train_arguments *a = fitting->arguments;
  solid_schedule schedule = {.epochs = epochs};
  solid_train_options then = fitting->options;
  then.epochs = epochs;
  if (fitting->facts.items == 0) return schedule;
  solid_train_choose_pace(&then, a->given, &fitting->facts);
  if (!train_is_given(a, "check")) schedule.check = then.check;
  if (!train_is_given(a, "average")) schedule.average = then.average;
  return schedule;
}

enum { PRECISION_AUTO, PRECISION_FP32, PRECISION_TF32 }; /* in the order of the choices */

solid_precision train_precision(const train_arguments *a) {
  int tf32 = a->precision == PRECISION_TF32 || (a->precision == PRECISION_AUTO && strncmp(a->device, "cuda", 4) == 0);
  return tf32 ? SOLID_PRECISION_TF32 : SOLID_PRECISION_FP32;
}
