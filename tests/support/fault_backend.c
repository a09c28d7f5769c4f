#include "tests/support/fault_backend.h"

static const sk_backend_ops *inner;
static sk_backend_ops faulty;
static fault_plan *current;

static solid_status open_faulty(sk_backend **out, const sk_options *options) {
  solid_status status = inner->open(out, options);
  if (status == SOLID_OK) (*out)->ops = &faulty;
  return status;
}

static solid_status sync(sk_backend *be) {
  solid_status status = inner->sync(be);
  if (status != SOLID_OK || current->syncs_left-- > 0) return status;
  current->syncs_left = 0;
  return sk_fail(be, current->status, "%s", current->text);
}

const sk_backend_ops *fault_backend(const sk_backend_ops *ops, fault_plan *plan) {
  inner = ops;
  current = plan;
  faulty = *ops;
  faulty.open = open_faulty;
  faulty.sync = sync;
  return &faulty;
}
