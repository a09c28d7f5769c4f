#include "examples/train/train_options.h"
#include "examples/common/load_options.h"
#include "solid/train/data/attributes.h"
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

static const solid_property properties[] = {
    TEXT("data", data, NULL, "file of events", 1),
    TEXT("format", format, "auto", "format of the data; auto = by its first lines", 0),
    LOAD_READING_PROPERTIES(train_arguments),
    LOAD_ITEMS_PROPERTIES(train_arguments),
    LOAD_SPLIT_PROPERTIES(train_arguments),
    TEXT("out", out, NULL, "model file to write", 1),
    {.name = "head",
     .type = SOLID_PROPERTY_CHOICE,
     .preset = "solid",
     .choices = "static|duet|semantic|solid",
     .meaning = "generated layers: none, from items, from codes, from both (the paper's own models: solid_paper)",
     .offset = offsetof(train_arguments, head)},
    WHOLE("rank", rank, "0", 0, 1024, "of the generated layers; 0 = full width"),
    WHOLE("width", width, "64", 1, 1024, "floats of an item vector"),
    WHOLE("window", window, "50", 1, 4096, "newest events that are read"),
    WHOLE("blocks", blocks, "1", 1, 8, "of the encoder"),
    WHOLE("heads", heads, "1", 1, 1024, "of attention"),
    WHOLE("levels", levels, "3", 0, 8, "of the semantic codebook; 0 = no codes"),
    WHOLE("codes", codes, "256", 1, 65536, "codes a level"),
    WHOLE("slots", slots, "16", 0, 64,
          "attributes of an item that have an embedding each: at most so many, those seen first in the file; 0 = codes "
          "alone"),
    WHOLE("content", content, "64", 1, 4096, "floats of each part of a content vector"),
    WHOLE("cooccurrence", cooccurrence, "3", 0, 1000, "distance up to which events co-occur; 0 = leave it out"),
    REAL("clip", clip, "0.1", 1e6, "bound of the item branch's generated weights"),
    WHOLE("epochs", epochs, "200", 1, 1e6, "at most"),
    WHOLE("patience", patience, "20", 0, 1e6, "epochs without a better validation before it stops; 0 = never stops"),
    REAL("limit", limit, "0", 1e9, "seconds after which the best so far is written; 0 = none"),
    WHOLE("check", check, "1", 1, 1e6, "validates, and leaves a checkpoint, after every so many epochs"),
    WHOLE("batch", batch, "256", 1, 65536, "users a step"),
    REAL("rate", rate, "0.001", 10, "learning rate"),
    REAL("rate-end", rate_end, "1", 1, "share of --rate that a half cosine over --epochs ends at; 1 = constant rate"),
    REAL("decay", decay, "0", 10, "weight decay, of all but the generator"),
    REAL("max-norm", max_norm, "5", 1e9, "the gradient's norm is cut to this"),
    REAL("dropout", dropout, "0.5", 0.99, "of embeddings, attention, feed-forward and the generator's inputs"),
    REAL("dropout-z", dropout_z, "0.5", 0.99, "of the generator's states"),
    REAL("dropout-y", dropout_y, "0.5", 0.99, "of the generated layers' output"),
    REAL("smoothing", smoothing, "0.1", 0.99, "of the labels"),
    REAL("item-dropout", item_dropout, "0", 0.99,
         "share of the items that a step knows by their codes and attributes alone"),
    REAL("average", average, "0", 0.999999, "moving average of weights: kept at each step; 0 = none"),
    REAL("cuts", cuts, "0", 1, "how often a history longer than the window gives a random cut, not its newest"),
    REAL("swap", swap, "0", 0.99,
         "how often one of the ten items most like it, of the same first code, stands in an item's place in a window"),
    WHOLE("learn-codes", learn_codes, "0", 0, 1e6,
          "the codes follow what is learned after every so many epochs; 0 = they stay those of content"),
    REAL("learn-share", learn_share, "1", 100, "how much the learned vector says beside each part of the content"),
    REAL("learn-keep", learn_keep, "0.9", 0.9999, "how much of a centroid each change of codes keeps"),
    WHOLE("seed", seed, "0", 0, 9007199254740992.0, "of codebook, initial weights, order and dropout"),
    WHOLE("threads", threads, "0", 0, 1024, "CPU threads; 0 = as many as the machine has"),
    TEXT("device", device, "cpu", "cpu, cuda or cuda:N", 0),
    {.name = "precision",
     .type = SOLID_PROPERTY_CHOICE,
     .preset = "auto",
     .choices = "auto|fp32|tf32",
     .meaning = "of products; auto = tf32 on cuda, fp32 on the CPU, which has nothing else",
     .offset = offsetof(train_arguments, precision)},
    TEXT("log", log, NULL, "file for one line of JSON an epoch", 0),
    REAL("hide", hide, "0", 0.99, "share of the items to hide from training and to give codes from content; 0 = none"),
    WHOLE("hide-seed", hide_seed, "0", 0, 9007199254740992.0, "of the choice of hidden items"),
    {.name = "hidden-codes",
     .type = SOLID_PROPERTY_CHOICE,
     .preset = "content",
     .choices = "content|random",
     .meaning = "codes of hidden items: from content, or another item's, to compare with",
     .offset = offsetof(train_arguments, hidden_codes)},
    SWITCH("refit", refit, "then train again for the best number of epochs, with the validation events"),
    SWITCH("fresh", fresh, "do not go on from a checkpoint"),
    SWITCH("keep-checkpoint", keep_checkpoint, "leave the checkpoint after the model is written"),
};

const solid_program train_program = {
    .name = "solid_train",
    .summary = "Trains a recommendation model on a file of events and writes one safetensors file.",
    .notes =
        "The defaults suit data of any size: they stop by themselves. Where the number of epochs is known, a schedule "
        "is\nsteadier: --epochs 42 --rate-end 0.05 --average 0.999 --patience 0; where attributes are given, --batch "
        "128\n--codes 512 --swap 0.05 were best on sets of twelve thousand items (tests/bench/ACCURACY.md).\n"
        "The checkpoint is OUT.checkpoint; the same command goes on from it.\n"
        "Exit code: 0 done, 1 the model could not be made, 2 wrong usage.",
    .properties = properties,
    .count = sizeof properties / sizeof *properties};

enum { PRECISION_AUTO, PRECISION_FP32, PRECISION_TF32 }; /* in the order of the choices */

solid_precision train_precision(const train_arguments *a) {
  int tf32 = a->precision == PRECISION_TF32 || (a->precision == PRECISION_AUTO && strncmp(a->device, "cuda", 4) == 0);
  return tf32 ? SOLID_PRECISION_TF32 : SOLID_PRECISION_FP32;
}

sol_config train_config(const train_arguments *a, uint32_t items, const sol_history *history) {
  uint32_t slots = a->levels > 0 ? sol_attributes_slots(history, (uint32_t)a->slots) : 0;
  return (sol_config){.items = items,
                      .width = (uint32_t)a->width,
                      .window = (uint32_t)a->window,
                      .blocks = (uint32_t)a->blocks,
                      .heads = (uint32_t)a->heads,
                      .levels = (uint32_t)a->levels,
                      .codes = a->levels > 0 ? (uint32_t)a->codes : 0,
                      .attributes = slots > 0 ? history->attributes.count : 0,
                      .slots = slots,
                      .rank = (uint32_t)a->rank,
                      .head = (solid_head)a->head,
                      .clip = (float)a->clip};
}

sol_train_options train_options(const train_arguments *a) {
  return (sol_train_options){.epochs = (uint32_t)a->epochs,
                             .patience = (uint32_t)a->patience,
                             .check = (uint32_t)a->check,
                             .batch = (uint32_t)a->batch,
                             .seed = (uint64_t)a->seed,
                             .rate = (float)a->rate,
                             .rate_end = (float)a->rate_end,
                             .decay = (float)a->decay,
                             .max_norm = (float)a->max_norm,
                             .dropout = (float)a->dropout,
                             .dropout_z = (float)a->dropout_z,
                             .dropout_y = (float)a->dropout_y,
                             .smoothing = (float)a->smoothing,
                             .item_dropout = (float)a->item_dropout,
                             .average = (float)a->average,
                             .cuts = (float)a->cuts,
                             .swap = (float)a->swap,
                             .learn_codes = (uint32_t)a->learn_codes,
                             .learn_share = (float)a->learn_share,
                             .learn_keep = (float)a->learn_keep};
}

sol_features_options train_features(const train_arguments *a) {
  sol_features_options options = SOL_FEATURES_OPTIONS_INIT;
  options.dims = (uint32_t)a->content, options.window = (uint32_t)a->cooccurrence, options.seed = (uint64_t)a->seed;
  return options;
}

sol_codebook_options train_codebook(const train_arguments *a) {
  sol_codebook_options options = SOL_CODEBOOK_OPTIONS_INIT;
  options.levels = (uint32_t)a->levels, options.codes = (uint32_t)a->codes, options.seed = (uint64_t)a->seed;
  return options;
}
