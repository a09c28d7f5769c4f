#include "examples/common/config.h"
#include "examples/common/config_needs.h"
#include "examples/common/exit.h"
#include "examples/common/ground.h"
#include "solid/extend.h"
#include "solid/version.h"
#include <string.h>

enum { MEANING_COLUMN = 32, LAST_COLUMN = 110 };

/* What stands for the value in the help text. */
static const char *value_word(const solid_property *property) {
  switch (property->type) {
  case SOLID_PROPERTY_INT:
    return "N";
  case SOLID_PROPERTY_FLOAT:
    return "X";
  case SOLID_PROPERTY_CHOICE:
    return property->choices;
  default:
    return "TEXT";
  }
}

/* "  --name WORD" padded to the column where the meaning begins. */
static void write_flag(FILE *stream, const char *dashes, const char *name, const char *word) {
  int width = fprintf(stream, "  %s%s%s%s", dashes, name, *word ? " " : "", word);
  if (width >= MEANING_COLUMN) {
    fputc('\n', stream);
    width = 0;
  }
  fprintf(stream, "%*s", MEANING_COLUMN - width, "");
}

/* The text from MEANING_COLUMN on, broken between words before LAST_COLUMN. */
static void write_meaning(FILE *stream, const char *text) {
  for (size_t room = LAST_COLUMN - MEANING_COLUMN, size; *text; text += size) {
    size = strlen(text);
    if (size > room) {
      size = room;
      while (size && text[size] != ' ') size--;
      if (!size) size = strcspn(text, " ");
    }
    fprintf(stream, "%.*s", (int)size, text);
    if (!text[size]) break;
    fprintf(stream, "\n%*s", MEANING_COLUMN, "");
    size++;
  }
  fputc('\n', stream);
}

static void write_property(FILE *stream, const solid_program *program, const solid_property *property) {
  int is_negative = strncmp(property->name, "no-", 3) == 0 || strstr(property->name, "-no-");
  if (property->type == SOLID_PROPERTY_BOOL)
    write_flag(stream, is_negative ? "--" : "--[no-]", property->name, "");
  else
    write_flag(stream, "--", property->name, value_word(property));
  char text[1024], needs[256];
  sol_text line = SOL_TEXT(text), of = SOL_TEXT(needs);
  sol_text_add(&line, "%s", property->meaning);
  sol_options_add_needs(&of, program, property->name);
  int limited = property->type != SOLID_PROPERTY_STRING && (property->min != 0 || property->max != 0);
  const char *separator = " (";
  if (*needs) {
    sol_text_add(&line, "%s%s", separator, needs);
    separator = ", ";
  }
  if (limited) {
    const char *format = property->type == SOLID_PROPERTY_INT ? "%s%.0f .. %.0f" : "%s%.15g .. %.15g";
    sol_text_add(&line, format, separator, property->min, property->max);
    separator = ", ";
  }
  if (property->required)
    sol_text_add(&line, "%srequired)", separator);
  else if (property->preset)
    sol_text_add(&line, "%sdefault %s)", separator, *property->preset ? property->preset : "empty");
  else if (limited || *needs)
    sol_text_add(&line, ")");
  write_meaning(stream, text);
}

static void write_exits(FILE *stream, const solid_program *program) {
  static const struct {
    int code;
    const char *meaning;
  } all[] = {
#define PROGRAM_EXIT_ROW(name, code, meaning) {code, meaning},
      PROGRAM_EXIT_MAP(PROGRAM_EXIT_ROW)
#undef PROGRAM_EXIT_ROW
  };
  fputs("\nexit codes:\n", stream);
  for (size_t i = 0; i < sizeof all / sizeof *all; i++)
    if (all[i].code <= EXIT_USAGE || program->exits & 1u << all[i].code)
      fprintf(stream, "  %d  %s%s\n", all[i].code, all[i].meaning,
              all[i].code == EXIT_DONE && !program->cut ? ", or ended by a signal with everything kept" : "");
  if (program->cut)
    fprintf(stream, "  128 + N  ended at once by signal N (SIGTERM: 143, Ctrl-C: 130)%s\n", program->cut);
}

solid_status solid_config_write_help(const solid_program *program, FILE *stream) {
  if (!program || !stream) return solid_fail(SOLID_EINVAL, "help: program or stream is NULL");
  fprintf(stream, "%s: %s\n\nusage: %s [--config FILE] [--NAME VALUE]...\n\n", program->name, program->summary,
          program->name);
  for (size_t i = 0; i < program->count; i++) write_property(stream, program, &program->properties[i]);
  if (program->takes_kafka) {
    write_flag(stream, "--", "kafka.PROPERTY", "TEXT");
    fputs("any property of librdkafka, passed on unchanged\n", stream);
  }
  write_flag(stream, "--", "config", "FILE");
  fputs("read options from a file of `name = value` lines; flags override the file\n", stream);
  write_flag(stream, "--", "help", "");
  fputs("print this text\n", stream);
  write_flag(stream, "--", "version", "");
  fputs("print the version\n", stream);
  if (program->notes) fprintf(stream, "\n%s\n", program->notes);
  write_exits(stream, program);
  if (ferror(stream)) return solid_fail(SOLID_EIO, "help: the stream took no more");
  return SOLID_OK;
}

solid_status solid_config_write_version(const solid_program *program, FILE *stream) {
  if (!program || !stream) return solid_fail(SOLID_EINVAL, "version: program or stream is NULL");
  fprintf(stream, "%s %s\n", program->name, SOLID_VERSION_STRING);
  if (ferror(stream)) return solid_fail(SOLID_EIO, "version: the stream took no more");
  return SOLID_OK;
}
