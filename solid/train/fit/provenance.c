#include "solid/train/fit/provenance.h"
#include "solid/extend.h"
#include "solid/model/model_parts.h"
#include <inttypes.h>
#include <jansson.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *const precisions[] = {"fp32", "tf32"};

static json_t *value_of(const solid_train_options *options, const solid_option_row *row) {
  double value = solid_train_option_get(options, row);
  char text[SOLID_OPTION_TEXT];
  switch (row->kind) {
  case SOLID_OPTION_COUNT:
  case SOLID_OPTION_SEED:
    return json_integer((json_int_t)value);
  case SOLID_OPTION_REAL:
    return json_real(value);
  case SOLID_OPTION_SWITCH:
    return json_boolean(value != 0);
  case SOLID_OPTION_CHOICE:
    solid_train_option_text(options, row, text);
    return json_string(text);
  }
  return NULL;
}

static json_t *json_of_options(const solid_train_options *options) {
  json_t *object = json_object();
  const solid_option_row *rows = solid_train_option_rows();
  int lost = object == NULL;
  for (size_t i = 0; i < SOLID_TRAIN_OPTIONS_COUNT && !lost; i++)
    lost = json_object_set_new(object, rows[i].flag, value_of(options, &rows[i])) != 0;
  if (!lost) return object;
  json_decref(object);
  return NULL;
}

char *sol_provenance_write(const solid_provenance *p) {
  char data[17];
  snprintf(data, sizeof data, "%016" PRIx64, p->data);
  json_t *root = json_pack("{s:s, s:s, s:s, s:s, s:I, s:I, s:f, s:o}", "version", p->version, "data", data, "split",
                           p->split, "precision", precisions[p->precision == SOLID_PRECISION_TF32], "epochs",
                           (json_int_t)p->epochs, "best_epoch", (json_int_t)p->best_epoch, "valid_ndcg@10",
                           p->valid_ndcg10, "options", json_of_options(&p->options));
  char *text = root != NULL ? json_dumps(root, JSON_REAL_PRECISION(15)) : NULL;
  json_decref(root);
  return text;
}

/* The index of the word of `row` that is `text`, or -1. */
static double word_index(const solid_option_row *row, const char *text) {
  solid_train_options any = solid_train_options_default();
  for (double index = row->low; index <= row->high; index++) {
    char word[SOLID_OPTION_TEXT];
    if (solid_train_option_set(&any, row, index) != SOLID_OK) return -1;
    solid_train_option_text(&any, row, word);
    if (text != NULL && strcmp(word, text) == 0) return index;
  }
  return -1;
}

static solid_status read_option(const json_t *object, const solid_option_row *row, solid_train_options *options) {
  const json_t *said = json_object_get(object, row->flag);
  if (said == NULL) return SOLID_OK;
  double value = NAN;
  if (row->kind == SOLID_OPTION_SWITCH && json_is_boolean(said))
    value = json_is_true(said);
  else if (row->kind == SOLID_OPTION_CHOICE)
    value = word_index(row, json_string_value(said));
  else if (row->kind != SOLID_OPTION_SWITCH && json_is_number(said))
    value = json_number_value(said);
  if (solid_train_option_set(options, row, value) == SOLID_OK) return SOLID_OK;
  return solid_fail(SOLID_EFORMAT, "the model's provenance: option %s is not of its kind and range", row->flag);
}

static void read_text(const json_t *root, const char *key, char text[SOLID_PROVENANCE_TEXT]) {
  const char *said = json_string_value(json_object_get(root, key));
  if (said != NULL) snprintf(text, SOLID_PROVENANCE_TEXT, "%s", said);
}

static uint32_t read_count(const json_t *root, const char *key) {
  json_int_t value = json_integer_value(json_object_get(root, key));
  return value > 0 && value <= UINT32_MAX ? (uint32_t)value : 0;
}

static void read_data(const json_t *root, solid_provenance *p) {
  const char *said = json_string_value(json_object_get(root, "data"));
  char *end = NULL;
  if (said == NULL || strlen(said) != 16) return;
  p->data = strtoull(said, &end, 16);
  p->has_data = *end == '\0';
}

solid_status sol_provenance_parse(const char *text, solid_provenance *out) {
  json_t *root = text != NULL ? json_loads(text, 0, NULL) : NULL;
  if (!json_is_object(root)) {
    json_decref(root);
    return solid_fail(SOLID_ENOTFOUND, "the model's file does not say how it was trained");
  }
  solid_provenance made = {.options = solid_train_options_default()};
  const json_t *options = json_object_get(root, "options");
  const solid_option_row *rows = solid_train_option_rows();
  solid_status status = SOLID_OK;
  for (size_t i = 0; i < SOLID_TRAIN_OPTIONS_COUNT && status == SOLID_OK; i++)
    status = read_option(options, &rows[i], &made.options);
  read_text(root, "version", made.version);
  read_text(root, "split", made.split);
  read_data(root, &made);
  const char *precision = json_string_value(json_object_get(root, "precision"));
  if (precision != NULL && strcmp(precision, "tf32") == 0) made.precision = SOLID_PRECISION_TF32;
  made.epochs = read_count(root, "epochs");
  made.best_epoch = read_count(root, "best_epoch");
  made.valid_ndcg10 = json_number_value(json_object_get(root, "valid_ndcg@10"));
  json_decref(root);
  if (status == SOLID_OK) *out = made;
  return status;
}

solid_status solid_provenance_read(const solid_model *model, solid_provenance *out) {
  if (model == NULL || out == NULL) return solid_fail(SOLID_EINVAL, "provenance: NULL argument");
  return sol_provenance_parse(model->file.training, out);
}

const char *solid_provenance_text(const solid_model *model) {
  return model != NULL ? model->file.training : NULL;
}
