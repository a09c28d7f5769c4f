#include "store/redis/keys.h"
#include <string.h>

int sol_key_prefix_ok(const char *prefix) {
  return strlen(prefix) <= SOL_KEY_PREFIX_MAX && !strpbrk(prefix, "{}");
}

size_t sol_key_write(const char *prefix, solid_bytes user, char out[SOL_KEY_MAX]) {
  size_t n = strlen(prefix);
  memcpy(out, prefix, n);
  out[n++] = '{';
  for (size_t i = 0; i < user.size; i++) {
    char c = user.data[i];
    if (c != '}' && c != '%') {
      out[n++] = c;
      continue;
    }
    memcpy(out + n, c == '}' ? "%7D" : "%25", 3);
    n += 3;
  }
  out[n++] = '}';
  return n;
}

size_t sol_key_write_name(const char *prefix, const char *name, solid_bytes rest, char out[SOL_KEY_MAX]) {
  size_t n = strlen(prefix), m = strlen(name);
  memcpy(out, prefix, n);
  memcpy(out + n, name, m);
  if (rest.size) memcpy(out + n + m, rest.data, rest.size);
  return n + m + rest.size;
}
