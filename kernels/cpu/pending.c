/* Temporary: operations that have no CPU implementation yet. A line goes when its operation lands; the last one takes
 * the file with it. */
#include "kernels/cpu/cpu.h"

#define NOT_YET(op)                                                                                                    \
  solid_status SK_CPU(op)(sk_backend * be, const sk_##op##_args *a) {                                                  \
    (void)a;                                                                                                           \
    return sk_fail(be, SOLID_EUNSUPPORTED, "cpu: %s is not implemented yet", #op);                                     \
  }

// clang-format off

NOT_YET(attend)
NOT_YET(attend_backward)
NOT_YET(gru)
NOT_YET(gru_backward)
NOT_YET(generate)
NOT_YET(generate_backward)
NOT_YET(apply)
NOT_YET(apply_backward)
NOT_YET(xent)
NOT_YET(quantize)
NOT_YET(topk)
// clang-format on
