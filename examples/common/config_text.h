/* Lines of a configuration file, and which of its values are secret. */
#ifndef EXAMPLES_COMMON_CONFIG_TEXT_H
#define EXAMPLES_COMMON_CONFIG_TEXT_H

typedef enum config_line {
  CONFIG_LINE_BLANK,    /* nothing, or a comment */
  CONFIG_LINE_VALUE,    /* *name and *value are set */
  CONFIG_LINE_NO_VALUE, /* not `name = value` */
  CONFIG_LINE_OPEN,     /* a quote that is not closed */
  CONFIG_LINE_BEHIND    /* text behind the closing quote */
} config_line;

/* Cuts `line` into a name and a value, in place. A # at the start or after a blank begins a comment. A value in "..."
 * or
 * '...' keeps blanks and #; in "..." a backslash stands before a quote or a backslash. */
config_line config_line_split(char *line, char **name, char **value);

/* 1 if the value of the property is secret: its name contains "password", "passphrase" or "secret", and it does not
 * name a file. */
int config_is_secret(const char *name);

/* Says on stderr, after "program: warning: ", that everybody can read the file `path`, which holds `what`. Says nothing
 * otherwise. */
void config_warn_readable(const char *program, const char *path, const char *what);

#endif
