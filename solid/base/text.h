/* Texts: appending to a buffer of fixed size, what an id looks like in an error text or a log, lists with commas. */
#ifndef SOLID_BASE_TEXT_H
#define SOLID_BASE_TEXT_H

#include "solid/export.h"
#include <stddef.h>

/* A buffer that is filled from the front and always ends with a zero byte. SOL_TEXT(buffer) starts one in an array. */
typedef struct sol_text {
  char *at;
  size_t size, used; /* of the buffer; without the zero byte */
  int is_cut;        /* something did not fit */
} sol_text;

#define SOL_TEXT(buffer) sol_text_start((buffer), sizeof(buffer))

/* `size` must not be 0. */
sol_text sol_text_start(char *buffer, size_t size);

/* Text that does not fit is cut off; after a cut nothing more is added. */
void sol_text_add(sol_text *text, const char *format, ...) SOLID_PRINTF(2, 3);

/* Bytes of unknown origin in a form that one line can hold: `sol_show(id.data, id.size).text` as an argument. */
#define SOL_SHOWN 120 /* bytes that are shown at most; "..." stands for the others */
typedef struct sol_shown {
  char text[4 * SOL_SHOWN + 4];
} sol_shown;

/* UTF-8 stays as it is; `\`, control characters and bytes that are no UTF-8 become \\ and \xNN, so that no id can end a
 * line, forge another one or speak to a terminal. */
sol_shown sol_show(const void *data, size_t size);

/* Bytes of the UTF-8 character at `at`, of which `left` > 0 bytes are there; 0 = none (RFC 3629: nothing longer than
 * need be, no half of a UTF-16 pair, nothing above U+10FFFF). */
size_t sol_utf8_bytes(const void *at, size_t left);

/* How many bytes from the front on are UTF-8: `size` = all. */
size_t sol_utf8_end(const void *data, size_t size);
int sol_is_utf8(const void *data, size_t size);

/* What could speak to a terminal, or is no UTF-8, becomes '?'. */
void sol_text_mute(char *text);

/* The next part of a list with commas between: 1 with *part and *size, *list behind it, or 0 at its end. n commas part
 * n + 1 parts, empty ones too, NULL none. *list is a pointer into the text, NULL once all is read. */
int sol_text_part(const char **list, const char **part, size_t *size);

#endif
