/* Parts of a block of the encoder that other ways through it share. */
#ifndef SOLID_INFER_BLOCK_H
#define SOLID_INFER_BLOCK_H

#include "kernels/formula.h"
#include "solid/infer/forward.h"

/* The feed-forward half, over n rows: y = mid + drop(drop(gelu(up(norm2 mid))) down^T); y may be s->mid. `site` is the
 * block's first dropout site, `work` (n, d) is used with dropout only. */
void sol_feed_forward(sol_run *run, const sol_config *config, const sol_block_weights *w, int32_t n,
                      const sol_dropout *drop, uint64_t site, const sol_block_state *s, float *work, float *y);

#endif
