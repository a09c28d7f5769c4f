#include "examples/common/reading.h"
#include "solid/extend.h"
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

static solid_status read_bad_lines(const char *text, uint64_t *out) {
  *out = 0;
  if (!text || strcmp(text, "stop") == 0) return SOLID_OK;
  const char *number = strncmp(text, "skip:", 5) == 0 ? text + 5 : "";
  char *end;
  errno = 0;
  unsigned long long value = strtoull(number, &end, 10);
  if (end == number || *end || errno || strchr(number, '-'))
    return solid_fail(SOLID_EINVAL, "--bad-lines '%s' is neither stop nor skip:N with a whole number N", text);
  *out = value;
  return SOLID_OK;
}

solid_status reading_open(solid_data_file **out, const char *path, const char *format, const reading_options *options,
                          solid_worth_rule *rule, preparing_read *shown) {
  solid_data_options o = SOLID_DATA_OPTIONS_INIT;
  solid_status status = format ? solid_data_format_find(format, &o.format) : SOLID_OK;
  if (!status && options) {
    o.user_column = options->user_column, o.item_column = options->item_column;
    o.time_column = options->time_column, o.rating_column = options->rating_column;
    o.kind_column = options->kind_column, o.separator = options->separator;
    o.no_header = options->no_header, o.time_unit = (solid_time_unit)options->time_unit;
    status = read_bad_lines(options->bad_lines, &o.bad_lines);
    if (!status) status = solid_worth_rule_read(rule, options->kinds, options->min_rating);
    o.worth = rule;
  }
  if (shown) o.progress = preparing_read_on, o.progress_user = shown;
  return status ? status : solid_data_file_open(out, path, &o);
}

static void say_first(const char *const *texts, uint64_t count) {
  for (int i = 0; i < SOLID_DATA_SAID && texts[i]; i++) fprintf(stderr, "  %s\n", texts[i]);
  if (count > SOLID_DATA_SAID) fprintf(stderr, "  and %" PRIu64 " more\n", count - SOLID_DATA_SAID);
}

/* " of N": not where a reading that failed has given fewer events than it counted; those of a file with times are given
 * at its end. */
static const char *of_all(char text[32], uint64_t count, uint64_t all) {
  text[0] = 0;
  if (count <= all) snprintf(text, 32, " of %" PRIu64, all);
  return text;
}

void reading_say(const char *program, const solid_data_file *file) {
  solid_data_report report = SOLID_DATA_REPORT_INIT;
  if (solid_data_file_get_report(file, &report)) return;
  if (report.bad_lines) {
    fprintf(stderr, "%s: warning: %" PRIu64 " lines are not understood and left out:\n", program, report.bad_lines);
    say_first(report.bad, report.bad_lines);
  }
  char all[32];
  if (report.dislikes || report.nothing)
    fprintf(stderr, "%s: %" PRIu64 "%s events are dislikes and no steps, %" PRIu64 " are left out\n", program,
            report.dislikes, of_all(all, report.dislikes, report.events + report.nothing), report.nothing);
  if (report.implausible) {
    fprintf(stderr, "%s: warning: %" PRIu64 "%s times are odd; is their unit right (--time-unit)?\n", program,
            report.implausible, of_all(all, report.implausible, report.events));
    say_first(report.odd_time, report.implausible);
  }
}

void reading_say_untimed(const char *program, const char *path, const solid_data_info *info) {
  if (info->columns == 0 || info->has_times) return;
  fprintf(stderr,
          "%s: %s: users are in column \"%s\", items in \"%s\", and no column is known to hold times (%s): events "
          "count as oldest first, as in the file; --time-column says otherwise\n",
          program, path, info->user_column, info->item_column, SOLID_DATA_TIME_NAMES);
}
