#include "examples/common/nearest.h"

#include <ctype.h>

enum { NAME_ROOM = 64 };

static int is_alike(char a, char b) {
  return tolower((unsigned char)a) == tolower((unsigned char)b);
}

/* One row of the usual table: row[j] = cost of a's first i bytes against b's first j. */
size_t nearest_distance(const char *a, size_t a_size, const char *b, size_t b_size) {
  size_t row[NAME_ROOM + 1];
  if (a_size > NAME_ROOM) a_size = NAME_ROOM;
  if (b_size > NAME_ROOM) b_size = NAME_ROOM;
  for (size_t j = 0; j <= b_size; j++) row[j] = j;
  for (size_t i = 1; i <= a_size; i++) {
    size_t diagonal = row[0];
    row[0] = i;
    for (size_t j = 1; j <= b_size; j++) {
      size_t replaced = diagonal + !is_alike(a[i - 1], b[j - 1]);
      size_t one_more = (row[j] < row[j - 1] ? row[j] : row[j - 1]) + 1;
      diagonal = row[j];
      row[j] = replaced < one_more ? replaced : one_more;
    }
  }
  return row[b_size];
}
