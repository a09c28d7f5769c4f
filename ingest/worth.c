#include "ingest/worth.h"
#include "solid/base/number.h"
#include "solid/base/text.h"
#include "solid/extend.h"
#include <string.h>

/* One "kind=worth" of the list. */
typedef struct part {
  solid_bytes kind;
  solid_worth worth;
} part;

/* Reads the next part; *more becomes 0 at the end of the list. EINVAL. */
static solid_status next_part(const char **list, part *out, int *more) {
  const char *text = NULL;
  size_t size = 0;
  *more = sol_text_part(list, &text, &size);
  if (!*more) return SOLID_OK;
  const char *equals = memchr(text, '=', size);
  size_t kind = equals ? (size_t)(equals - text) : 0, value = equals ? size - kind - 1 : 0;
  int is_step = value == 1 && equals[1] == '1', is_dislike = value == 1 && equals[1] == '0';
  int is_nothing = value == 4 && memcmp(equals + 1, "skip", 4) == 0;
  if (!kind || kind > SOLID_ID_MAX || !(is_step || is_dislike || is_nothing))
    return solid_fail(SOLID_EINVAL,
                      "kinds: \"%s\": want KIND=1 for a step, KIND=0 for a dislike, KIND=skip for what is left out",
                      sol_show(text, size).text);
  out->kind = (solid_bytes){text, kind};
  out->worth = is_step ? SOLID_WORTH_STEP : is_dislike ? SOLID_WORTH_DISLIKE : SOLID_WORTH_NOTHING;
  return SOLID_OK;
}

static int is_same(solid_bytes a, solid_bytes b) {
  return a.size == b.size && a.size > 0 && memcmp(a.data, b.data, a.size) == 0;
}

static solid_status check_kinds(const char *kinds) {
  part one = {0}, other = {0};
  int more = 1;
  solid_status status = SOLID_OK;
  for (const char *at = kinds; status == SOLID_OK;) {
    status = next_part(&at, &one, &more);
    if (status != SOLID_OK || !more) break;
    const char *rest = at;
    for (int go_on = 1; status == SOLID_OK && go_on;) {
      status = next_part(&rest, &other, &go_on);
      if (status == SOLID_OK && go_on && is_same(one.kind, other.kind))
        return solid_fail(SOLID_EINVAL, "kinds: \"%s\" is there twice", sol_show(one.kind.data, one.kind.size).text);
    }
  }
  return status;
}

solid_worth_rule solid_worth_rule_default(void) {
  return (solid_worth_rule)SOLID_WORTH_RULE_INIT;
}

solid_status solid_worth_rule_read(solid_worth_rule *out, const char *kinds, const char *min_rating) {
  if (!out) return solid_fail(SOLID_EINVAL, "worth: out is NULL");
  *out = (solid_worth_rule)SOLID_WORTH_RULE_INIT;
  if (kinds && *kinds) out->kinds = kinds;
  if (min_rating && *min_rating) {
    if (!sol_number_double(min_rating, strlen(min_rating), &out->min_rating))
      return solid_fail(SOLID_EINVAL, "min-rating: \"%s\" is not a number",
                        sol_show(min_rating, strlen(min_rating)).text);
    out->has_min_rating = 1;
  }
  return out->kinds ? check_kinds(out->kinds) : SOLID_OK;
}

int solid_worth_rule_needs_kinds(const solid_worth_rule *rule) {
  return rule && rule->kinds && *rule->kinds;
}

int solid_worth_rule_needs_ratings(const solid_worth_rule *rule) {
  return rule && rule->has_min_rating;
}

/* By the kind alone. */
static solid_status worth_of_kind(const char *kinds, solid_bytes kind, solid_worth *out) {
  part p = {0};
  int more = 1, found = 0;
  for (const char *at = kinds; more;) {
    solid_status status = next_part(&at, &p, &more);
    if (status != SOLID_OK) return status;
    if (!more) break;
    if (is_same(p.kind, kind)) return *out = p.worth, SOLID_OK;
    if (p.kind.size == 1 && *p.kind.data == '*') *out = p.worth, found = 1;
  }
  if (found) return SOLID_OK;
  if (!kind.size) return solid_fail(SOLID_EFORMAT, "an event without a kind, and kinds have no *=... for it");
  return solid_fail(SOLID_EFORMAT, "kind \"%s\" is none of \"%s\": add it, or *=1, *=0, *=skip for all others",
                    sol_show(kind.data, kind.size).text, sol_show(kinds, strlen(kinds)).text);
}

solid_status solid_worth_of(const solid_worth_rule *rule, solid_bytes kind, double rating, solid_worth *out) {
  if (!out) return solid_fail(SOLID_EINVAL, "worth: out is NULL");
  *out = SOLID_WORTH_STEP;
  if (solid_worth_rule_needs_kinds(rule)) {
    solid_status status = worth_of_kind(rule->kinds, kind, out);
    if (status != SOLID_OK) return status;
  }
  if (*out == SOLID_WORTH_STEP && solid_worth_rule_needs_ratings(rule) && rating < rule->min_rating)
    *out = SOLID_WORTH_DISLIKE; /* false for NAN */
  return SOLID_OK;
}
