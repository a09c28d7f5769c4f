/* What an event is worth: a step of the user's history, a dislike, or nothing; by its kind and its rating. One rule for
 * training, evaluation and the stream.
 *
 *   kinds       "view=1,buy=1,dislike=0,login=skip"   1 = a step, 0 = a dislike, skip = nothing; *=... = all others.
 *               A kind that the list does not have is an error: nobody can tell what it means.
 *   min_rating  a step whose rating is below is a dislike. An event without a rating is judged by its kind alone.
 *
 * Without either every event is a step. */
#ifndef SOLID_INGEST_WORTH_H
#define SOLID_INGEST_WORTH_H

#include "solid/status.h"
#include "solid/types.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Zero-initialised but for struct_size, it lets every event be a step. Texts are borrowed. */
typedef struct solid_worth_rule {
  uint32_t struct_size; /* set by SOLID_WORTH_RULE_INIT */
  int has_min_rating;   /* 1 = min_rating counts; set by solid_worth_rule_read */
  double min_rating;
  const char *kinds; /* NULL or "" = all are steps */
} solid_worth_rule;

#define SOLID_WORTH_RULE_INIT                                                                                          \
  { sizeof(solid_worth_rule), 0, 0, NULL }

/* The same for callers who cannot use macros. */
SOLID_API solid_worth_rule solid_worth_rule_default(void);

/* A rule from texts as options give them; NULL or "" = no such part. EINVAL names what is wrong. */
SOLID_API SOLID_CHECK_RESULT solid_status solid_worth_rule_read(solid_worth_rule *out, const char *kinds,
                                                                const char *min_rating);

/* 1 when the rule says something about kinds, about ratings; 0 for NULL. */
SOLID_API int solid_worth_rule_needs_kinds(const solid_worth_rule *rule);
SOLID_API int solid_worth_rule_needs_ratings(const solid_worth_rule *rule);

/* What an event is worth. `rule` NULL = a step; `rating` NAN = none. EFORMAT: the rule does not know the kind. */
SOLID_API SOLID_CHECK_RESULT solid_status solid_worth_of(const solid_worth_rule *rule, solid_bytes kind, double rating,
                                                         solid_worth *out);

#ifdef __cplusplus
}
#endif
#endif
