#include "ingest/data/times.h"
#include "solid/base/number.h"
#include "solid/base/text.h"
#include "solid/extend.h"
#include <math.h>
#include <string.h>

/* Beyond these a number is of the next finer unit: 1e11 seconds are in the year 5138, 1e11 milliseconds in 1973. */
static const struct {
  const char *name, *flag;
  double below, ms;
} units[] = {
    [SOLID_TIME_AUTO] = {"a time", "auto", 1e17, 1},
    [SOLID_TIME_SECONDS] = {"seconds", "s", 1e11, 1e3},
    [SOLID_TIME_MILLISECONDS] = {"milliseconds", "ms", 1e14, 1},
    [SOLID_TIME_MICROSECONDS] = {"microseconds", "us", 1e17, 1e-3},
    [SOLID_TIME_ISO] = {"ISO 8601", "iso", 0, 1},
};

const char *sol_time_unit_name(solid_time_unit unit) {
  return units[unit].name;
}

/* `digits` digits from *at on, moving it; -1 when there are not so many. */
static int take_number(const char **at, const char *end, int digits) {
  int value = 0;
  for (int i = 0; i < digits; i++, ++*at) {
    if (*at == end || **at < '0' || **at > '9') return -1;
    value = 10 * value + (**at - '0');
  }
  return value;
}

static int take_mark(const char **at, const char *end, const char *marks) {
  if (*at == end || !**at || !strchr(marks, **at)) return 0;
  ++*at;
  return 1;
}

/* Days from 1970-01-01 to a day of the Gregorian calendar: years begin in March, so that the leap day comes last. */
static int64_t days_of(int year, int month, int day) {
  int64_t y = month <= 2 ? year - 1 : year, era = y / 400, of_era = y - era * 400;
  int64_t of_year = (153 * (month > 2 ? month - 3 : month + 9) + 2) / 5 + day - 1;
  return era * 146097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719468;
}

static int days_in(int year, int month) {
  static const int days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
  int is_leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
  return days[month - 1] + (month == 2 && is_leap);
}

/* The 5 of ".5" in milliseconds, cut; -1 without a digit. */
static int take_fraction(const char **at, const char *end) {
  int ms = *at < end && **at >= '0' && **at <= '9' ? 0 : -1, weight = 100;
  for (; *at < end && **at >= '0' && **at <= '9'; ++*at, weight /= 10) ms += weight * (**at - '0');
  return ms;
}

/* "Z", "+02:00", "+0200", "+02" or nothing, in minutes; -10000 for anything else. */
static int take_zone(const char **at, const char *end) {
  if (*at == end || take_mark(at, end, "Zz")) return 0;
  int sign = **at == '-' ? -1 : 1;
  if (!take_mark(at, end, "+-")) return -10000;
  int hours = take_number(at, end, 2), minutes = 0;
  int has_colon = take_mark(at, end, ":");
  if (has_colon || *at < end) minutes = take_number(at, end, 2);
  return hours < 0 || hours > 23 || minutes < 0 || minutes > 59 ? -10000 : sign * (60 * hours + minutes);
}

/* 1 when all of the text is a date, or a date and a time. */
static int read_iso(solid_bytes text, int64_t *out) {
  const char *at = text.data, *end = text.data + text.size;
  int hour = 0, minute = 0, second = 0, ms = 0, zone = 0;
  int year = take_number(&at, end, 4);
  if (year < 0 || !take_mark(&at, end, "-")) return 0;
  int month = take_number(&at, end, 2);
  if (month < 1 || month > 12 || !take_mark(&at, end, "-")) return 0;
  int day = take_number(&at, end, 2);
  if (day < 1 || day > days_in(year, month)) return 0;
  if (take_mark(&at, end, "Tt ")) {
    hour = take_number(&at, end, 2);
    if (!take_mark(&at, end, ":")) return 0;
    minute = take_number(&at, end, 2);
    if (take_mark(&at, end, ":")) second = take_number(&at, end, 2);
    if (take_mark(&at, end, ".,")) ms = take_fraction(&at, end);
    zone = take_zone(&at, end);
  }
  if (at != end || hour < 0 || hour > 23 || minute < 0 || minute > 59 || second < 0 || second > 60 || ms < 0 ||
      zone == -10000)
    return 0;
  *out = ((days_of(year, month, day) * 24 + hour) * 60 + minute - zone) * 60000 + 1000 * second + ms;
  return 1;
}

static solid_time_unit unit_of(double value) {
  double size = fabs(value);
  return size < units[SOLID_TIME_SECONDS].below        ? SOLID_TIME_SECONDS
         : size < units[SOLID_TIME_MILLISECONDS].below ? SOLID_TIME_MILLISECONDS
                                                       : SOLID_TIME_MICROSECONDS;
}

static solid_status no_time(solid_bytes text, solid_time_unit unit) {
  sol_shown shown = sol_show(text.data, text.size);
  if (unit == SOLID_TIME_AUTO)
    return solid_fail(SOLID_EFORMAT,
                      "\"%s\" is not a time in seconds, milliseconds, microseconds or ISO 8601 (2023-07-22 06:40:00)",
                      shown.text);
  return solid_fail(SOLID_EFORMAT, "\"%s\" is not a time in %s", shown.text, units[unit].name);
}

/* Nearly all times: digits alone, few enough to be exact in a double. */
static int read_digits(solid_bytes text, double *out) {
  int64_t value = 0;
  if (text.size < 1 || text.size > 15) return 0;
  for (size_t i = 0; i < text.size; i++) {
    if (text.data[i] < '0' || text.data[i] > '9') return 0;
    value = 10 * value + (text.data[i] - '0');
  }
  *out = (double)value;
  return 1;
}

solid_status solid_time_read(solid_bytes text, solid_time_unit *unit, int is_given, int64_t *out) {
  double value = 0;
  int64_t iso = 0;
  if (!unit || !out || (text.size > 0 && !text.data)) return solid_fail(SOLID_EINVAL, "time: NULL argument");
  int is_whole = read_digits(text, &value);
  int is_number = is_whole || sol_number_double(text.data, text.size, &value);
  int is_iso = !is_number && read_iso(text, &iso);
  solid_time_unit wanted = *unit;
  if (!is_number && !is_iso) return no_time(text, wanted);
  if (is_number && !(fabs(value) < units[SOLID_TIME_AUTO].below)) return no_time(text, wanted);
  solid_time_unit seen = is_iso ? SOLID_TIME_ISO : unit_of(value);
  if (wanted == SOLID_TIME_AUTO) wanted = seen;
  int is_early = is_given && is_number && wanted != SOLID_TIME_ISO && seen < wanted; /* a time near 1970, said to be */
  if (seen != wanted && !is_early)
    return solid_fail(SOLID_EFORMAT, "\"%s\" looks like %s, where the times are %s: one unit a file (--time-unit %s?)",
                      sol_show(text.data, text.size).text, units[seen].name, units[wanted].name, units[seen].flag);
  *unit = wanted;
  if (is_whole && units[wanted].ms >= 1)
    *out = (int64_t)value * (int64_t)units[wanted].ms;
  else
    *out = is_iso ? iso : (int64_t)llround(value * units[wanted].ms);
  return SOLID_OK;
}
