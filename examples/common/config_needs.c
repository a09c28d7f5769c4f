#include "examples/common/config_needs.h"
#include "examples/common/config_value.h"
#include "solid/extend.h"
#include <stdio.h>
#include <string.h>

/* One of the things that a row needs. */
typedef struct condition {
  const solid_property *property;
  char value[64]; /* "" = it is on */
  int is_not, sets;
} condition;

/* Cuts the next word off *list: 0 where there is none. */
static int next_word(const char **list, const char **word, size_t *size) {
  *word = *list + strspn(*list, " ");
  *size = strcspn(*word, " ");
  *list = *word + *size;
  return *size > 0;
}

/* 1 = the word names an option of the program. */
static int read_condition(condition *out, const solid_program *program, const char *word, size_t size) {
  *out = (condition){.is_not = *word == '!', .sets = *word == '+'};
  word += out->is_not || out->sets, size -= (size_t)(out->is_not || out->sets);
  const char *equals = memchr(word, '=', size);
  size_t name = equals ? (size_t)(equals - word) : size, value = equals ? size - name - 1 : 0;
  if (value >= sizeof out->value) return 0;
  if (equals) memcpy(out->value, equals + 1, value);
  out->property = sol_property_find(program, word, name);
  return out->property != NULL;
}

static int is_on(const condition *c, const void *values) {
  const void *field = (const char *)values + c->property->offset;
  const char *text;
  switch (c->property->type) {
  case SOLID_PROPERTY_STRING:
    text = *(const char *const *)field;
    return text && (*c->value ? strcmp(text, c->value) == 0 : *text != 0);
  case SOLID_PROPERTY_INT:
    return *(const int64_t *)field != 0;
  case SOLID_PROPERTY_FLOAT:
    return *(const double *)field != 0;
  case SOLID_PROPERTY_BOOL:
    return *(const int *)field;
  default:
    return *(const int *)field == sol_choice_index(c->property->choices, c->value);
  }
}

static size_t place_of(const config_given *given, const solid_property *property) {
  return (size_t)(property - given->program->properties);
}

static void add_condition(sol_text *text, const condition *c, int is_first) {
  sol_text_add(text, "%s--%s%s%s", is_first ? "" : " or ", c->property->name, *c->value ? " " : "", c->value);
}

/* 1 = one of them holds, or a flag that took it away overrules the `line` of the file. Else `text` has them, and
 * *is_not that they are in the way. */
static int holds(const config_given *given, const char *of, int line, sol_text *text, int *is_not) {
  const char *word;
  size_t size;
  condition c;
  for (int first = 1; next_word(&of, &word, &size) && read_condition(&c, given->program, word, size); first = 0) {
    if (is_on(&c, given->values) != c.is_not) return 1;
    if (line > 0 && given->line_of[place_of(given, c.property)] < 0) return 1;
    add_condition(text, &c, first);
    *is_not = c.is_not;
  }
  return 0;
}

static solid_status refuse(const config_given *given, int line, const char *name, const char *needs, int is_not) {
  char where[256];
  if (line > 0)
    snprintf(where, sizeof where, "%s:%d: %s", given->path, line, name);
  else
    snprintf(where, sizeof where, "--%s", name);
  if (is_not) return solid_fail(SOLID_EINVAL, "%s: has no effect with %s; leave one of them out", where, needs);
  return solid_fail(SOLID_EINVAL, "%s: needs %s, without which it has no effect", where, needs);
}

static solid_status check_option(const config_given *given, const solid_property *property, const char *of) {
  char text[256];
  sol_text needs = SOL_TEXT(text);
  int line = given->line_of[place_of(given, property)], is_not = 0;
  int is_true = property->preset && strcmp(property->preset, "true") == 0; /* as it would be without it */
  int is_usual = property->type == SOLID_PROPERTY_BOOL &&
                 *(const int *)((const char *)given->values + property->offset) == is_true;
  if (!line || is_usual || holds(given, of, line, &needs, &is_not)) return SOLID_OK;
  return refuse(given, line, property->name, text, is_not);
}

/* "+store=redis", and nobody gave --store. */
static solid_status set_beside(const config_given *given, const solid_property *property, const char *of) {
  condition c;
  if (!given->line_of[place_of(given, property)] || *of != '+') return SOLID_OK;
  if (!read_condition(&c, given->program, of, strlen(of)) || given->line_of[place_of(given, c.property)])
    return SOLID_OK;
  return sol_property_set(c.property, c.value, c.property->name, given->values);
}

/* Calls `each` for every option of every row. */
static solid_status walk(const config_given *given,
                         solid_status (*each)(const config_given *, const solid_property *, const char *of)) {
  const solid_program *program = given->program;
  solid_status status = SOLID_OK;
  for (size_t i = 0; i < program->n_needs; i++) {
    const char *names = program->needs[i].options, *of = program->needs[i].of, *word;
    size_t size;
    while (!status && next_word(&names, &word, &size)) {
      const solid_property *property = sol_property_find(program, word, size);
      if (!property) return solid_fail(SOLID_EINTERNAL, "needs: %s has no option %s", program->name, word);
      status = each(given, property, of);
    }
  }
  return status;
}

static solid_status check_names(const config_given *given, const solid_property *unused, const char *of) {
  const char *word;
  size_t size;
  condition c;
  (void)unused;
  while (next_word(&of, &word, &size)) {
    int is_known = read_condition(&c, given->program, word, size);
    int is_choice = is_known && c.property->type == SOLID_PROPERTY_CHOICE;
    int may_have_value = is_choice || (is_known && c.property->type == SOLID_PROPERTY_STRING);
    if (!is_known || (is_choice && !*c.value) || (*c.value && !may_have_value) ||
        (is_choice && sol_choice_index(c.property->choices, c.value) < 0))
      return solid_fail(SOLID_EINTERNAL, "needs: \"%s\" is no option of %s, or no value of it", word,
                        given->program->name);
  }
  return SOLID_OK;
}

static solid_status check_required(const config_given *given) {
  for (size_t i = 0; i < given->program->count; i++)
    if (given->program->properties[i].required && !given->line_of[i])
      return solid_fail(SOLID_EINVAL, "--%s is required: %s; see %s --help", given->program->properties[i].name,
                        given->program->properties[i].meaning, given->program->name);
  return SOLID_OK;
}

solid_status sol_options_check(const config_given *given) {
  solid_status status = check_required(given);
  if (!status) status = walk(given, check_names);
  if (!status) status = walk(given, set_beside);
  if (!status) status = walk(given, check_option);
  int has_brokers = sol_property_find(given->program, "brokers", strlen("brokers")) != NULL;
  for (size_t i = 0; i < given->n_settings && has_brokers && !status; i++) {
    char name[128], text[32];
    sol_text needs = SOL_TEXT(text);
    int is_not;
    snprintf(name, sizeof name, "kafka.%s", given->settings[i].name);
    if (!holds(given, "brokers", given->setting_line[i], &needs, &is_not))
      status = refuse(given, given->setting_line[i], name, "--brokers", 0);
  }
  return status;
}

void sol_options_add_needs(sol_text *text, const solid_program *program, const char *option) {
  size_t size, length = strlen(option), before = text->used;
  for (size_t i = 0; i < program->n_needs; i++) {
    const char *names = program->needs[i].options, *of = program->needs[i].of, *word;
    condition c;
    while (next_word(&names, &word, &size) && (size != length || memcmp(word, option, size) != 0)) continue;
    for (int first = size > 0; size && next_word(&of, &word, &size); first = 0) {
      if (!read_condition(&c, program, word, size)) break;
      if (first)
        sol_text_add(text, "%s%s", text->used > before ? ", " : "", c.is_not ? "not" : c.sets ? "means" : "only");
      if (first) sol_text_add(text, "%s", c.sets ? " " : " with ");
      add_condition(text, &c, first);
    }
  }
}
