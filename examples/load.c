#include "examples/load.h"
#include "ingest/dataset.h"
#include "solid/extend.h"

static solid_status take_events(void *collector, const solid_event *events, size_t count) {
  return sol_collector_push(collector, events, count, NULL);
}

static solid_status take_attributes(void *collector, solid_bytes item, const solid_bytes *attributes, size_t count) {
  solid_status status = SOLID_OK;
  for (size_t i = 0; i < count && !status; i++) status = sol_collector_attribute(collector, item, attributes[i]);
  return status;
}

static solid_status take_vector(void *collector, solid_bytes item, const float *vector, size_t width) {
  return sol_collector_vector(collector, item, vector, (uint32_t)width);
}

solid_status load_history(sol_history *history, const load_files *files) {
  sol_collector *collector = NULL;
  solid_dataset_format format = SOLID_DATASET_AUTO;
  if (files->vectors && !files->vector_width)
    return solid_fail(SOLID_EINVAL, "%s: the width of its vectors is not given", files->vectors);
  solid_status status = files->format ? solid_dataset_format_find(files->format, &format) : SOLID_OK;
  if (!status) status = sol_collector_new(&collector, NULL);
  if (!status) status = solid_dataset_read_events(files->data, format, take_events, collector);
  if (!status && files->attributes)
    status = solid_dataset_read_attributes(files->attributes, take_attributes, collector);
  if (!status && files->vectors)
    status = solid_dataset_read_vectors(files->vectors, files->vector_width, take_vector, collector);
  if (!status) {
    status = sol_collector_finish(collector, history);
    if (status == SOLID_ENOTFOUND) status = solid_fail(status, "%s has no events", files->data);
  }
  sol_collector_free(collector);
  return status;
}
