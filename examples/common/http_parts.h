/* Parses parts of a request's head: paths and their encoding, tokens. Without network code. */
#ifndef EXAMPLES_COMMON_HTTP_PARTS_H
#define EXAMPLES_COMMON_HTTP_PARTS_H

#include "solid/types.h"

/* Turns each %XX into its byte, in place, in a text that http_text_fault finds right. Returns the size. */
size_t http_decode(char *text, size_t size);

/* What is wrong with an encoded text, written into `why` with its place; NULL = nothing. A % without two hexadecimal
 * digits behind it; or the decoded text is not UTF-8 without U+0000, as ids of events and of bodies in JSON must be. */
enum { HTTP_FAULT_TEXT = 128 };
const char *http_text_fault(const char *encoded, char why[HTTP_FAULT_TEXT]);

/* The path of a request's target without its arguments: behind scheme and host where it has these (RFC 9112, 3.2.2),
 * else all of it. */
const char *http_target_path(const char *target);

/* 1 where the path has the form of a route ("/items/{id}/similar"); *part is what stands for {...}, still encoded. */
int http_path_fits(const char *form, const char *path, solid_bytes *part);

/* The place of `name` in a list of names with a blank between, from 0 on; -1 = it is not among them. */
int http_place(const char *names, const char *name);

/* 1 where the header's value is "Bearer TOKEN"; compared in a time that does not depend on how much of it is right. */
int http_token_fits(const char *given, const char *token);

#endif
