/* The pieces of a request's head: paths, what is encoded in them, tokens. No network. */
#ifndef EXAMPLES_COMMON_HTTP_PARTS_H
#define EXAMPLES_COMMON_HTTP_PARTS_H

#include "solid/types.h"

/* %XX become bytes, in place; what is no %XX stays as it is. Returns the size. */
size_t http_decode(char *text, size_t size);

/* 1 where the path has the form of a route ("/items/{id}/similar"); *part is what stands for {...}, still encoded. */
int http_path_fits(const char *form, const char *path, solid_bytes *part);

/* 1 where the header's value is "Bearer TOKEN"; in a time that does not tell how much of it was right. */
int http_token_fits(const char *given, const char *token);

#endif
