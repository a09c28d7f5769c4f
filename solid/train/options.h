/* Options of training, one row each. A row makes the field of solid_train_options, its default and its check, the flag
 * of a program, its text in a checkpoint and its entry in a model's provenance, so none of them can disagree.
 *
 * The defaults suit sparse data of any size; tests/bench/ACCURACY.md says what each option gained. */
#ifndef SOLID_TRAIN_OPTIONS_H
#define SOLID_TRAIN_OPTIONS_H

#include "solid/status.h"
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Type of a value. */
typedef enum solid_option_kind {
  SOLID_OPTION_COUNT = 0,  /* uint32_t */
  SOLID_OPTION_SEED = 1,   /* uint64_t, up to 2^53 so that every file format holds it */
  SOLID_OPTION_REAL = 2,   /* double */
  SOLID_OPTION_SWITCH = 3, /* int, 0 or 1 */
  SOLID_OPTION_CHOICE = 4  /* int, the index of a word */
} solid_option_kind;

/* May training continue from a checkpoint that has another value? */
typedef enum solid_option_change {
  SOLID_OPTION_FREE = 0,      /* yes, or the checkpoint's model and data settle it */
  SOLID_OPTION_FIXED = 1,     /* no */
  SOLID_OPTION_SCHEDULED = 2, /* not while the learning rate falls over it (rate_end below 1) or windows grow over it */
} solid_option_change;

/* X(kind, name, flag, default, least, most, change, words, meaning): both ends are included; words "a|b" of a choice.
 *
 * `head` is a solid_head. `rate_end` is the share of the rate that a half cosine over all `epochs` ends at. `average`
 * is what each step keeps of the moving average of weights; validation judges the average, and the model file holds it.
 * `swap` follows stochastic shared embeddings (Wu et al. 2019); the first code takes the place of the graph.
 * `learn_share` is the length of the learned part beside the parts of a content vector. */
#define SOLID_TRAIN_OPTIONS(X)                                                                                         \
  X(CHOICE, head, "head", 3, 0, 3, FREE, "static|duet|semantic|solid",                                                 \
    "generated layers: none, from the items, from their codes, from both")                                             \
  X(COUNT, rank, "rank", 0, 0, 1024, FREE, NULL, "rank of the generated layers; 0 = full width")                       \
  X(COUNT, width, "width", 64, 1, 1024, FREE, NULL, "floats of an item vector")                                        \
  X(COUNT, window, "window", 50, 1, 131072, FREE, NULL, "newest events that the model reads")                          \
  X(COUNT, window_from, "window-from", 0, 0, 131072, FIXED, NULL,                                                      \
    "train on pieces of so many events at first, which grow to the window by half of the epochs; 0 = whole windows")   \
  X(COUNT, generator_window, "generator-window", 256, 1, 131072, FREE, NULL,                                           \
    "newest events that the generator reads, where the window is longer")                                              \
  X(COUNT, blocks, "blocks", 1, 1, 8, FREE, NULL, "blocks of the encoder")                                             \
  X(COUNT, heads, "heads", 1, 1, 1024, FREE, NULL, "attention heads")                                                  \
  X(CHOICE, positions, "positions", 0, 0, 2, FREE, "learned|rotary|distance",                                          \
    "encoding of positions: a learned vector per age, rotary, or a bias by distance")                                  \
  X(CHOICE, attention, "attention", 0, 0, 1, FREE, "dense|sparse",                                                     \
    "what an event reads: everything older in the window, or the keys that lists keep")                                \
  X(COUNT, chunk, "chunk", 512, 16, 4096, FREE, NULL, "sparse: make lists anew after so many events, which all read")  \
  X(REAL, mass, "mass", 0.95, 0.001, 1, FREE, NULL,                                                                    \
    "sparse: share of the attention that the keys of a list must have had in its chunk")                               \
  X(COUNT, budget, "budget", 1024, 0, 4096, FREE, NULL, "sparse: most keys of a list and head that this share takes")  \
  X(COUNT, always, "always", 64, 0, 4096, FREE, NULL, "sparse: newest keys that every list keeps")                     \
  X(COUNT, first, "first", 4, 0, 4096, FREE, NULL, "sparse: oldest keys that every list keeps")                        \
  X(COUNT, dense_below, "dense-below", 2048, 0, 6144, FREE, NULL,                                                      \
    "sparse: windows of up to so many events keep everything, and attend as dense ones do")                            \
  X(COUNT, levels, "levels", 3, 0, 8, FREE, NULL, "levels of the semantic codebook; 0 = no codes")                     \
  X(COUNT, codes, "codes", 256, 1, 65536, FREE, NULL, "codes per level")                                               \
  X(COUNT, slots, "slots", 16, 0, 64, FREE, NULL,                                                                      \
    "most attributes per item that get an embedding, the first ones in the file; 0 = none, codes only")                \
  X(COUNT, content, "content", 64, 1, 4096, FREE, NULL, "floats of each part of a content vector")                     \
  X(COUNT, cooccurrence, "cooccurrence", 3, 0, 1000, FREE, NULL,                                                       \
    "distance up to which two events co-occur; 0 = no co-occurrence")                                                  \
  X(REAL, clip, "clip", 0.1, 0, 1e6, FREE, NULL, "bound of the item branch's generated weights")                       \
  X(COUNT, epochs, "epochs", 200, 1, 1e6, SCHEDULED, NULL, "most epochs")                                              \
  X(COUNT, patience, "patience", 20, 0, 1e6, FREE, NULL,                                                               \
    "stop after this many epochs without a better validation NDCG@10; 0 = do not stop early")                          \
  X(COUNT, check, "check", 1, 1, 1e6, FIXED, NULL,                                                                     \
    "validate and write a checkpoint after this many epochs, and after the last")                                      \
  X(COUNT, batch, "batch", 256, 1, 65536, FIXED, NULL, "most users per step")                                          \
  X(COUNT, rows, "rows", 65536, 1, 16777216, FIXED, NULL,                                                              \
    "most events per step, at least those of the longest window: fewer users make a step where they are long")         \
  X(REAL, rate, "rate", 0.001, 0, 10, FIXED, NULL, "learning rate (Adam)")                                             \
  X(REAL, rate_end, "rate-end", 1, 0, 1, FIXED, NULL,                                                                  \
    "share of --rate at the end of a half cosine over --epochs; 1 = constant rate")                                    \
  X(REAL, item_scale, "item-scale", 0.02, 0, 10, FIXED, NULL, "standard deviation of the first item vectors")          \
  X(REAL, decay, "decay", 0, 0, 10, FIXED, NULL, "decoupled weight decay; the generator has none")                     \
  X(REAL, max_norm, "max-norm", 5, 1e-9, 1e9, FIXED, NULL,                                                             \
    "largest norm of the gradient; longer ones are scaled down")                                                       \
  X(REAL, dropout, "dropout", 0.5, 0, 0.99, FIXED, NULL,                                                               \
    "dropout of embeddings, attention, feed-forward and the generator's inputs")                                       \
  X(REAL, dropout_z, "dropout-z", 0.5, 0, 0.99, FIXED, NULL, "dropout inside and after the generator's MLPs")          \
  X(REAL, dropout_y, "dropout-y", 0.5, 0, 0.99, FIXED, NULL, "dropout of the generated layers' output")                \
  X(REAL, smoothing, "smoothing", 0.1, 0, 0.99, FIXED, NULL, "label smoothing")                                        \
  X(COUNT, negatives, "negatives", 0, 0, 4194304, FIXED, NULL,                                                         \
    "items drawn in each step, of which and the batch's own the softmax is taken; 0 = of the whole catalogue")         \
  X(REAL, item_dropout, "item-dropout", 0, 0, 0.99, FIXED, NULL,                                                       \
    "share of the items that a step represents by codes and attributes alone")                                         \
  X(REAL, average, "average", 0, 0, 0.999999, FIXED, NULL,                                                             \
    "share of the moving average of weights that a step keeps; 0 = no average")                                        \
  X(REAL, cuts, "cuts", 0, 0, 1, FIXED, NULL,                                                                          \
    "probability that a history longer than the window gives a random part, not the newest")                           \
  X(REAL, swap, "swap", 0, 0, 0.99, FIXED, NULL,                                                                       \
    "probability that one of the ten most similar items with the same first code replaces an item of a window")        \
  X(COUNT, learn_codes, "learn-codes", 0, 0, 1e6, FIXED, NULL,                                                         \
    "recompute the codes from the trained items after this many epochs; 0 = keep the codes made from content")         \
  X(REAL, learn_share, "learn-share", 1, 0, 100, FIXED, NULL,                                                          \
    "weight of the trained vector beside each part of the content")                                                    \
  X(REAL, learn_keep, "learn-keep", 0.9, 0, 0.9999, FIXED, NULL, "share of a centroid that each recomputation keeps")  \
  X(SEED, seed, "seed", 0, 0, 9007199254740992.0, FIXED, NULL, "seed of codebook, initial weights, order and dropout") \
  X(REAL, hide, "hide", 0, 0, 0.99, FREE, NULL,                                                                        \
    "share of the items to hide from training, which then get codes from content; 0 = none")                           \
  X(SEED, hide_seed, "hide-seed", 0, 0, 9007199254740992.0, FREE, NULL, "seed of the choice of hidden items")          \
  X(CHOICE, hidden_codes, "hidden-codes", 0, 0, 1, FREE, "content|random",                                             \
    "codes of hidden items: from content, or, for comparison, those of a random item")                                 \
  X(SWITCH, repeats, "repeats", 0, 0, 1, FIXED, NULL,                                                                  \
    "validation also ranks what a user has had already, for data in which items come again")                           \
  X(SWITCH, refit, "refit", 0, 0, 1, FREE, NULL,                                                                       \
    "afterwards train again for the best number of epochs, with the validation events")

#define SOLID_OPTION_TYPE_COUNT                                                          uint32_t
#define SOLID_OPTION_TYPE_SEED                                                           uint64_t
#define SOLID_OPTION_TYPE_REAL                                                           double
#define SOLID_OPTION_TYPE_SWITCH                                                         int
#define SOLID_OPTION_TYPE_CHOICE                                                         int
#define SOLID_OPTION_FIELD(kind, name, flag, preset, low, high, change, words, meaning)  SOLID_OPTION_TYPE_##kind name;
#define SOLID_OPTION_PRESET(kind, name, flag, preset, low, high, change, words, meaning) preset,
#define SOLID_OPTION_ONE(kind, name, flag, preset, low, high, change, words, meaning)    +1

typedef struct solid_train_options {
  SOLID_TRAIN_OPTIONS(SOLID_OPTION_FIELD)
} solid_train_options;

#define SOLID_TRAIN_OPTIONS_INIT                                                                                       \
  { SOLID_TRAIN_OPTIONS(SOLID_OPTION_PRESET) }

enum { SOLID_TRAIN_OPTIONS_COUNT = 0 SOLID_TRAIN_OPTIONS(SOLID_OPTION_ONE) };

/* A row as data, for programs that make flags or list the options. */
typedef struct solid_option_row {
  const char *name, *flag;
  solid_option_kind kind;
  double low, high;
  solid_option_change change;
  const char *words; /* of a choice, else NULL */
  const char *meaning;
  size_t offset; /* in solid_train_options */
} solid_option_row;

#define SOLID_OPTION_TEXT 64 /* size of a buffer for any value as text */

/* The defaults, as SOLID_TRAIN_OPTIONS_INIT. */
SOLID_API solid_train_options solid_train_options_default(void);

/* The rows, SOLID_TRAIN_OPTIONS_COUNT of them, in their order. */
SOLID_API const solid_option_row *solid_train_option_rows(void);

/* The value of one row: a number, 0 or 1, or the index of a word. ERANGE: out of range, or not a whole number; the text
 * has the name and the value, and nothing is set. */
SOLID_API double solid_train_option_get(const solid_train_options *options, const solid_option_row *row);
SOLID_API SOLID_CHECK_RESULT solid_status solid_train_option_set(solid_train_options *options,
                                                                 const solid_option_row *row, double value);

/* The value as text: the shortest number that reads back the same, true or false, or the word. */
SOLID_API void solid_train_option_text(const solid_train_options *options, const solid_option_row *row,
                                       char text[SOLID_OPTION_TEXT]);

/* ERANGE, with the name and the value that is wrong. solid_trainer_new checks what depends on the data. */
SOLID_API SOLID_CHECK_RESULT solid_status solid_train_options_check(const solid_train_options *options);

#ifdef __cplusplus
}
#endif
#endif
