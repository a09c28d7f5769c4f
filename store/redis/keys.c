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

size_t sol_key_write_part(const char *prefix, solid_bytes user, const char *part, char out[SOL_KEY_MAX]) {
  size_t n = sol_key_write(prefix, user, out), m = strlen(part);
  memcpy(out + n, part, m);
  return n + m;
}

solid_bytes sol_key_read(const char *prefix, char *key, size_t size) {
  size_t n = strlen(prefix), used = 0;
  if (size < n + 3 || memcmp(key, prefix, n) != 0 || key[n] != '{' || key[size - 1] != '}')
    return (solid_bytes){NULL, 0};
  char *id = key + n + 1;
  for (size_t i = 0; i < size - n - 2; i++) {
    int is_brace = size - n - 2 - i >= 3 && memcmp(id + i, "%7D", 3) == 0;
    int is_percent = size - n - 2 - i >= 3 && memcmp(id + i, "%25", 3) == 0;
    if (id[i] == '}' || (id[i] == '%' && !is_brace && !is_percent)) return (solid_bytes){NULL, 0};
    id[used++] = is_brace ? '}' : is_percent ? '%' : id[i];
    if (is_brace || is_percent) i += 2;
  }
  return used <= SOLID_ID_MAX ? (solid_bytes){id, used} : (solid_bytes){NULL, 0};
}

size_t sol_key_write_name(const char *prefix, const char *name, solid_bytes rest, char out[SOL_KEY_MAX]) {
  size_t n = strlen(prefix), m = strlen(name);
  memcpy(out, prefix, n);
  memcpy(out + n, name, m);
  if (rest.size) memcpy(out + n + m, rest.data, rest.size);
  return n + m + rest.size;
}
