#include "examples/common/item_json.h"

void item_json(growing *out, const solid_model *model, uint32_t item) {
  solid_bytes id = solid_model_item_id(model, item), title = solid_model_item_title(model, item);
  const uint32_t *categories = NULL;
  size_t n = 0;
  growing_text(out, "{\"item\":");
  growing_json(out, id.data, id.size);
  if (title.size) {
    growing_text(out, ",\"title\":");
    growing_json(out, title.data, title.size);
  }
  if (solid_model_item_categories(model, item, &categories, &n) || !n) return;
  growing_text(out, ",\"categories\":[");
  for (size_t i = 0; i < n; i++) {
    solid_bytes name = solid_model_category_name(model, categories[i]);
    if (i) growing_text(out, ",");
    growing_json(out, name.data, name.size);
  }
  growing_text(out, "]");
}
