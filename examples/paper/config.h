/* The configuration of the SOLID paper's models, as the authors coded them (faithful) and with repairs (fixed). They
 * live beside the library's own model, for comparison with published figures: fixed windows, sampled candidates, tables
 * with a padding row 0. Items and semantics count from 1. */
#ifndef EXAMPLES_PAPER_CONFIG_H
#define EXAMPLES_PAPER_CONFIG_H

#include "solid/status.h"
#include <stddef.h>
#include <stdint.h>

typedef enum sol_paper_backbone { SOL_PAPER_SASREC, SOL_PAPER_GRU4REC, SOL_PAPER_DIN } sol_paper_backbone;

/* base: static layers. duet: generated from items. solid: generated from semantics, plus a clipped part from items that
 * went through the semantic codebook. */
typedef enum sol_paper_head { SOL_PAPER_BASE, SOL_PAPER_DUET, SOL_PAPER_SOLID } sol_paper_head;

/* faithful: as the authors' code computes. The generators are random and never trained; padding is attended to and
 *   counts in the codebook's loss; nothing flows back through the nearest code; codes are sought among all rows.
 * fixed: generators trained, from values scaled by 1 / sqrt(width); padding left out everywhere; the gradient passes
 *   straight through the codebook; codes are sought among the rows of real semantics, 1 .. clusters. */
typedef enum sol_paper_form { SOL_PAPER_FAITHFUL, SOL_PAPER_FIXED } sol_paper_form;

extern const char *const sol_paper_backbones[3];
extern const char *const sol_paper_heads[3];
extern const char *const sol_paper_forms[2];

typedef struct sol_paper_config {
  sol_paper_backbone backbone;
  sol_paper_head head;
  sol_paper_form form;
  uint32_t items;               /* rows of the item table, padding included */
  uint32_t semantics, clusters; /* rows of the semantic table; how many of them, from 1 on, are real; 0 without */
  uint32_t width, heads, window;
  float clip;   /* t, of the item part's weights */
  float weight; /* lambda, of the codebook's loss */
} sol_paper_config;

/* EINVAL names the member and its range. */
solid_status sol_paper_config_check(const sol_paper_config *config);

#define SOL_PAPER_LAYERS 3

/* Layers of the head, and layer n's sides: two of (d, d); for din 2d -> 4d -> 2d -> 1. */
uint32_t sol_paper_layer_count(const sol_paper_config *config);
void sol_paper_layer_sides(const sol_paper_config *config, uint32_t n, int32_t *in, int32_t *out);

#endif
