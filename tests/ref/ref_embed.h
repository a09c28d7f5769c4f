/* embed in double. Sizes, index and scale come from `a`. */
#ifndef TESTS_REF_EMBED_H
#define TESTS_REF_EMBED_H

#include "kernels/embed.h"

void ref_embed(const sk_embed_args *a, const double *table, double *out);
void ref_embed_backward(const sk_embed_backward_args *a, const double *dout, double *dtable);

#endif
