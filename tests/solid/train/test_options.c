/* A row is an option everywhere: field, default, check, checkpoint text, provenance. */
#include "solid/train/fit/options.h"
#include "solid/train/fit/provenance.h"
#include <criterion/criterion.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ROWS SOLID_TRAIN_OPTIONS_COUNT

Test(options, the_defaults_pass_their_own_check) {
  const solid_train_options macro = SOLID_TRAIN_OPTIONS_INIT, made = solid_train_options_default();
  const solid_option_row *rows = solid_train_option_rows();
  cr_expect_eq(solid_train_options_check(&made), SOLID_OK, "%s", solid_last_error());
  for (size_t i = 0; i < ROWS; i++)
    cr_expect_eq(solid_train_option_get(&macro, &rows[i]), solid_train_option_get(&made, &rows[i]), "%s", rows[i].name);
}

/* Two rows of one field, flag or name would be two truths. */
Test(options, no_two_rows_share_a_name_a_flag_or_a_field) {
  const solid_option_row *rows = solid_train_option_rows();
  for (size_t i = 0; i < ROWS; i++) {
    char dashed[64];
    snprintf(dashed, sizeof dashed, "%s", rows[i].name);
    for (char *at = dashed; *at; at++)
      if (*at == '_') *at = '-';
    cr_expect_str_eq(rows[i].flag, dashed);
    for (size_t j = 0; j < i; j++)
      cr_expect(strcmp(rows[i].name, rows[j].name) != 0 && rows[i].offset != rows[j].offset, "%s", rows[i].name);
  }
}

/* Both ends of every row are in, what lies beyond is out, by both ways in. */
Test(options, each_row_is_held_to_its_ends) {
  const solid_option_row *rows = solid_train_option_rows();
  for (size_t i = 0; i < ROWS; i++) {
    solid_train_options o = solid_train_options_default(), kept = o;
    cr_expect_eq(solid_train_option_set(&o, &rows[i], rows[i].low), SOLID_OK, "%s", solid_last_error());
    cr_expect_eq(solid_train_option_set(&o, &rows[i], rows[i].high), SOLID_OK, "%s", solid_last_error());
    cr_expect_eq(solid_train_option_get(&o, &rows[i]), rows[i].high, "%s", rows[i].name);
    cr_expect_eq(solid_train_options_check(&o), SOLID_OK, "%s", solid_last_error());
    const double out[] = {rows[i].low - 1, rows[i].high * 2 + 1, NAN, INFINITY};
    for (int k = 0; k < 4; k++) {
      cr_expect_eq(solid_train_option_set(&kept, &rows[i], out[k]), SOLID_ERANGE, "%s = %g", rows[i].name, out[k]);
      cr_expect(strstr(solid_last_error(), rows[i].name) == solid_last_error(), "%s", solid_last_error());
    }
    if (rows[i].kind != SOLID_OPTION_REAL)
      cr_expect_eq(solid_train_option_set(&kept, &rows[i], rows[i].low + 0.5), SOLID_ERANGE, "%s", rows[i].name);
    solid_train_options defaults = solid_train_options_default();
    cr_expect_eq(solid_train_option_get(&kept, &rows[i]), solid_train_option_get(&defaults, &rows[i]),
                 "%s: a refused value was set", rows[i].name);
    if (rows[i].kind != SOLID_OPTION_REAL) continue;
    *(double *)(void *)((char *)&kept + rows[i].offset) = rows[i].high + 1;
    cr_expect_eq(solid_train_options_check(&kept), SOLID_ERANGE, "%s", rows[i].name);
  }
}

/* A value of each row that is not its default. */
static solid_train_options other_than_default(void) {
  solid_train_options o = solid_train_options_default();
  const solid_option_row *rows = solid_train_option_rows();
  for (size_t i = 0; i < ROWS; i++) {
    double now = solid_train_option_get(&o, &rows[i]), other = now == rows[i].low ? now + 1 : rows[i].low;
    if (rows[i].kind == SOLID_OPTION_REAL) other = now == 0.3 ? 0.7 : 0.3;
    cr_assert_eq(solid_train_option_set(&o, &rows[i], other), SOLID_OK, "%s", solid_last_error());
  }
  return o;
}

/* Each row alone: a fixed one changes the text that a checkpoint is compared by, a free one does not. */
Test(options, a_checkpoint_is_bound_to_the_fixed_rows) {
  const solid_option_row *rows = solid_train_option_rows();
  const solid_train_options other = other_than_default();
  char before[SOL_OPTIONS_TEXT], after[SOL_OPTIONS_TEXT];
  for (int falls = 0; falls < 2; falls++)
    for (size_t i = 0; i < ROWS; i++) {
      solid_train_options o = solid_train_options_default();
      o.rate_end = falls ? 0.5 : 1;
      sol_train_options_text(&o, before);
      cr_assert_eq(solid_train_option_set(&o, &rows[i], solid_train_option_get(&other, &rows[i])), SOLID_OK);
      sol_train_options_text(&o, after);
      int bound = rows[i].change == SOLID_OPTION_FIXED || (rows[i].change == SOLID_OPTION_SCHEDULED && falls);
      cr_expect_eq(strcmp(before, after) != 0, bound, "%s", rows[i].name);
    }
}

Test(provenance, gives_back_what_was_written) {
  solid_provenance p = {.version = "1.2.3",
                        .split = "per-user-ratio 0.8 0.1",
                        .has_data = 1,
                        .data = 0x0123456789abcdef,
                        .precision = SOLID_PRECISION_TF32,
                        .epochs = 12,
                        .best_epoch = 9,
                        .valid_ndcg10 = 0.0625,
                        .options = other_than_default()},
                   back;
  char *text = sol_provenance_write(&p);
  cr_assert_not_null(text);
  cr_assert_eq(sol_provenance_parse(text, &back), SOLID_OK, "%s", solid_last_error());
  cr_expect_str_eq(back.version, p.version);
  cr_expect_str_eq(back.split, p.split);
  cr_expect(back.has_data && back.data == p.data && back.precision == p.precision);
  cr_expect(back.epochs == 12 && back.best_epoch == 9 && back.valid_ndcg10 == 0.0625);
  const solid_option_row *rows = solid_train_option_rows();
  for (size_t i = 0; i < ROWS; i++)
    cr_expect_eq(solid_train_option_get(&back.options, &rows[i]), solid_train_option_get(&p.options, &rows[i]), "%s",
                 rows[i].name);
  free(text);
}

/* What a file does not say is the default; what it says wrongly is no default. */
Test(provenance, tells_silence_from_nonsense) {
  static const char *const silent[] = {NULL, "", "no JSON", "[1]"};
  static const char *const wrong[] = {"{\"options\": {\"refit\": 1}}",         "{\"options\": {\"head\": \"solide\"}}",
                                      "{\"options\": {\"dropout\": \"0.1\"}}", "{\"options\": {\"dropout\": 7}}",
                                      "{\"options\": {\"batch\": 2.5}}",       "{\"options\": {\"seed\": -1}}"};
  solid_provenance p;
  for (size_t i = 0; i < sizeof silent / sizeof *silent; i++)
    cr_expect_eq(sol_provenance_parse(silent[i], &p), SOLID_ENOTFOUND, "text %zu", i);
  for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++)
    cr_expect_eq(sol_provenance_parse(wrong[i], &p), SOLID_EFORMAT, "%s", wrong[i]);
  cr_assert_eq(sol_provenance_parse("{\"seed\": 1, \"data\": 5, \"options\": {\"teachers\": \"x\"}}", &p), SOLID_OK);
  cr_expect(!p.has_data && p.split[0] == '\0' && p.options.batch == solid_train_options_default().batch);
}
