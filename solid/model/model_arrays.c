#include "solid/model/model_arrays.h"
#include <stdlib.h>
#include <string.h>

void sol_model_file_clear(sol_model_file *file) {
  free(file->weights);
  free(file->codes);
  free(file->attributes);
  free(file->centroids);
  free(file->popularity);
  free(file->items.offsets);
  free(file->items.bytes);
  free(file->categories.offsets);
  free(file->categories.bytes);
  free(file->category_offsets);
  free(file->category_items);
  free(file->titles.offsets);
  free(file->titles.bytes);
  free(file->training);
  memset(file, 0, sizeof *file);
}
