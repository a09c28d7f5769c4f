/* Whole slates in one operation (kernels/slate.h): what it reads of model and grid, kept on the device, and a call for
 * some users: one upload, the scores' product, the operation, one download, one sync. Greedy alone. */
#ifndef SOLID_INFER_SLATE_FUSED_H
#define SOLID_INFER_SLATE_FUSED_H

#include "kernels/slate.h"
#include "solid/infer/slate/decoder.h"
#include "solid/infer/slate/slate.h"
#include "solid/types.h"

typedef struct sol_fused sol_fused;

/* For up to n users at once. `vectors` (items, d): device, of the catalogue. All are borrowed but for the trie, which
 * may have fewer items than the config says. */
solid_status sol_fused_open(sol_fused **out, sk_backend *be, const sol_config *config,
                            const sol_decoder_weights *weights, const sol_trie *trie, const float *vectors, size_t n);
void sol_fused_close(sol_fused *fused);

/* The trie of the calls from now on, of as many items as the config says at most; read here, not kept. */
solid_status sol_fused_set_trie(sol_fused *fused, const sol_trie *trie);

/* The grid of the calls from now on; read here, not kept. */
solid_status sol_fused_set_grid(sol_fused *fused, const sol_grid *grid);

/* What one user brings and gets. */
typedef struct sol_fused_user {
  const float *h, *u;
  const uint64_t *excluded; /* of the config's items; NULL = nothing */
  const solid_scored *top;  /* (n_top), may be NULL */
  uint32_t n_top;
  solid_scored *out; /* room for the grid's rows */
  int short_of;      /* set: 1 = fewer than the grid's rows are left, and nothing was decoded */
  double log_p;      /* set */
} sol_fused_user;

solid_status sol_fused_decode(sol_fused *fused, float guide, sol_fused_user *const *users, size_t n);

/* What it consists of: what users bring goes up; the scores' product, and the operation, are enqueued, as often as one
 * likes; what users get comes down, with the one wait. */
solid_status sol_fused_send(sol_fused *fused, sol_fused_user *const *users, size_t n);
solid_status sol_fused_score(sol_fused *fused, size_t n);
solid_status sol_fused_enqueue(sol_fused *fused, float guide, size_t n);
void sol_fused_arguments(const sol_fused *fused, float guide, size_t n, sk_slate_args *args); /* of the operation */
solid_status sol_fused_take(sol_fused *fused, sol_fused_user *const *users, size_t n);

#endif
