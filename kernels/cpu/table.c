/* The table of one instruction level; compiled once for each. */
#include "kernels/cpu/cpu.h"

static solid_status open_level(sk_backend **out, const sk_options *options) {
  return sk_cpu_open(out, options, &SK_CPU(table));
}

const sk_backend_ops SK_CPU(table) = {.name = "cpu",
                                      .tile_rows = 256,
                                      .unified = 1,
                                      .probe = sk_cpu_probe,
                                      .open = open_level,
                                      .close = sk_cpu_close,
                                      .alloc = sk_cpu_alloc,
                                      .free = sk_cpu_free,
                                      .upload = sk_cpu_upload,
                                      .download = sk_cpu_download,
                                      .copy = sk_cpu_copy,
                                      .zero = sk_cpu_zero,
                                      .sync = sk_cpu_sync,
                                      .alloc_host = sk_cpu_alloc,
                                      .free_host = sk_cpu_free,
                                      .memory = sk_cpu_memory,
                                      .lane = sk_cpu_lane,
                                      .join = sk_cpu_join,
                                      .replay = sk_cpu_replay,
                                      .forget = sk_cpu_forget,
#define FILL_SLOT(op) .op = SK_CPU(op),
                                      SK_OPS(FILL_SLOT)
#undef FILL_SLOT
};
