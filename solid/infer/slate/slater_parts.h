/* What the files of the slater share. */
#ifndef SOLID_INFER_SLATE_SLATER_PARTS_H
#define SOLID_INFER_SLATE_SLATER_PARTS_H

#include "solid/infer/slate/adaptive.h"
#include "solid/infer/slate/fused.h"
#include "solid/infer/slate/slater.h"
#include "solid/model/model_parts.h"

struct sol_slater {
  const solid_model *model;
  const sol_config *config; /* of the items that the trie has, into `own` */
  sol_config own;
  uint32_t items; /* V: rows of the model, of which the trie has those that are in use */
  sk_backend *be;
  sol_trie trie;
  sol_slate_room room; /* of `memory` */
  uint32_t sent;       /* items of the trie that `fused` has */
  sol_stepper *stepper;
  sol_fused *fused;
  size_t at_once;
  sol_grid full, part; /* of the last plan: K rows, and fewer */
  sol_slate_plan plan; /* of `full`; rows 0 = there is none */

  void *device; /* vectors (at_once, d), scores (at_once, V) */
  float *device_u, *device_scores;
  char *memory; /* behind the rest */
  sol_adaptive adaptive;
  sol_slate *slates;       /* (at_once) */
  float *scores;           /* (at_once, V) */
  float *h, *u;            /* (at_once, d) */
  uint32_t *codes;         /* (at_once, K, C) */
  uint32_t *top;           /* (K) items and */
  float *top_scores;       /* (K) scores of one user's list */
  sol_fused_user *calls;   /* (at_once) */
  sol_fused_user **called; /* (at_once) those of the call */
  size_t *group;           /* (at_once) users of a group, by place in the chunk */
};

/* The grid of a plan for so many rows. */
solid_status sol_slater_make_grid(const sol_slater *s, const sol_slate_plan *plan, uint32_t rows, sol_grid *grid);

/* Decodes at most s->at_once users under s->plan, over the items of s->trie. */
solid_status sol_slater_decode_some(sol_slater *s, const sol_slate_plan *plan, sol_slate_user *users, size_t n,
                                    uint64_t seed);

#endif
