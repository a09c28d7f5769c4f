#include "examples/common/config_text.h"
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

static char *skip_blanks(char *text) {
  return text + strspn(text, " \t\r\n");
}

/* Cuts the blanks at the end off. */
static void trim(char *text, size_t size) {
  while (size && strchr(" \t\r\n", text[size - 1])) size--;
  text[size] = 0;
}

/* Bytes before a comment. */
static size_t before_comment(const char *line) {
  for (size_t i = 0; line[i]; i++)
    if (line[i] == '#' && (i == 0 || line[i - 1] == ' ' || line[i - 1] == '\t')) return i;
  return strlen(line);
}

/* The text between quotes, moved to where they begin. */
static config_line unquote(char *value) {
  char quote = *value, *to = value, *at = value + 1;
  for (; *at && *at != quote; at++) {
    if (quote == '"' && *at == '\\' && (at[1] == '"' || at[1] == '\\')) at++;
    *to++ = *at;
  }
  if (!*at) return CONFIG_LINE_OPEN;
  char *behind = skip_blanks(at + 1);
  int is_comment = *behind == '#' && behind > at + 1;
  config_line result = *behind && !is_comment ? CONFIG_LINE_BEHIND : CONFIG_LINE_VALUE;
  *to = 0;
  return result;
}

config_line config_line_split(char *line, char **name, char **value) {
  *name = skip_blanks(line);
  if (!**name || **name == '#') return CONFIG_LINE_BLANK;
  size_t size = strcspn(*name, "=#");
  char *equals = *name + size;
  if (*equals != '=') return CONFIG_LINE_NO_VALUE;
  *value = skip_blanks(equals + 1);
  trim(*name, size);
  if (!**name) return CONFIG_LINE_NO_VALUE;
  if (**value == '"' || **value == '\'') return unquote(*value);
  /* The byte before the value decides whether a # at its start is a comment: `name = # none` has no value. */
  size = *value > equals + 1 || **value != '#' ? before_comment(*value) : strlen(*value);
  trim(*value, size);
  return CONFIG_LINE_VALUE;
}

int config_is_secret(const char *name) {
  static const char *const words[] = {"password", "passphrase", "secret"};
  size_t size = strlen(name);
  if (size > 5 && strcmp(name + size - 5, "-file") == 0) return 0;
  for (size_t i = 0; i < sizeof words / sizeof *words; i++)
    if (strstr(name, words[i])) return 1;
  return 0;
}

void config_warn_readable(const char *program, const char *path, const char *what) {
  struct stat about;
  if (stat(path, &about) != 0 || !S_ISREG(about.st_mode) || !(about.st_mode & S_IROTH)) return;
  fprintf(stderr, "%s: warning: %s: holds %s, and everybody can read it: chmod o-r\n", program, path, what);
}
