/* What an event is worth, by its kind and its rating: a step of the user's history, a dislike, or nothing. Training,
 * evaluation and the stream use the same rule.
 *
 *   kinds       "view=1,buy=1,dislike=0,login=skip"   1 = a step, 0 = a dislike, skip = nothing; *=... = all others.
 *               A kind that the list does not have is an error.
 *   min_rating  a step with a lower rating is a dislike. For an event without a rating the kind alone decides.
 *
 * Without either, every event is a step. */
#ifndef SOLID_INGEST_WORTH_H
#define SOLID_INGEST_WORTH_H

#include "solid/status.h"
#include "solid/types.h"

#ifdef __cplusplus
extern "C" {
#endif

/* All zero but struct_size: every event is a step. Texts are borrowed. */
typedef struct solid_worth_rule {
  uint32_t struct_size; /* set by SOLID_WORTH_RULE_INIT */
  int has_min_rating;   /* 1 = min_rating is used; set by solid_worth_rule_read */
  double min_rating;
  const char *kinds; /* NULL or "" = all are steps */
} solid_worth_rule;

#define SOLID_WORTH_RULE_INIT                                                                                          \
  { sizeof(solid_worth_rule), 0, 0, NULL }

/* The same for callers who cannot use macros. */
SOLID_API solid_worth_rule solid_worth_rule_default(void);

/* Makes a rule from the texts of options; NULL or "" = no such part. EINVAL: the text says what is wrong. */
SOLID_API SOLID_CHECK_RESULT solid_status solid_worth_rule_read(solid_worth_rule *out, const char *kinds,
                                                                const char *min_rating);

/* 1 if the rule uses kinds, or ratings; 0 for NULL. */
SOLID_API int solid_worth_rule_needs_kinds(const solid_worth_rule *rule);
SOLID_API int solid_worth_rule_needs_ratings(const solid_worth_rule *rule);

/* What an event is worth. `rule` NULL = a step; `rating` NAN = none. EFORMAT: the rule does not list the kind. */
SOLID_API SOLID_CHECK_RESULT solid_status solid_worth_of(const solid_worth_rule *rule, solid_bytes kind, double rating,
                                                         solid_worth *out);

#ifdef __cplusplus
}
#endif
#endif
