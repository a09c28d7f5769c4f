/* Parses parts of a request's head: paths and their encoding, tokens. Without network code. */
#ifndef EXAMPLES_COMMON_HTTP_PARTS_H
#define EXAMPLES_COMMON_HTTP_PARTS_H

#include "solid/types.h"

/* Turns each %XX into its byte, in place; anything else stays. Returns the size. */
size_t http_decode(char *text, size_t size);

/* 1 where the path has the form of a route ("/items/{id}/similar"); *part is what stands for {...}, still encoded. */
int http_path_fits(const char *form, const char *path, solid_bytes *part);

/* The place of `name` in a list of names with a blank between, from 0 on; -1 = it is not among them. */
int http_place(const char *names, const char *name);

/* 1 where the header's value is "Bearer TOKEN"; compared in a time that does not depend on how much of it is right. */
int http_token_fits(const char *given, const char *token);

#endif
