#include "examples/common/address.h"
#include "solid/extend.h"
#include <string.h>
#include <strings.h>

/* Length of the scheme before "://", 0 if there is none. */
static size_t scheme_of(const char *text) {
  size_t size = strspn(text, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789+-_.");
  return strncmp(text + size, "://", 3) == 0 ? size : 0;
}

solid_status address_check_brokers(const char *flag, const char *brokers) {
  static const char *const known[] = {"plaintext", "ssl", "sasl_plaintext", "sasl_ssl"};
  for (const char *at = brokers; at && *at; at += strcspn(at, ","), at += *at == ',') {
    size_t scheme = scheme_of(at), i = 0;
    while (scheme && i < sizeof known / sizeof *known &&
           !(strlen(known[i]) == scheme && strncasecmp(known[i], at, scheme) == 0))
      i++;
    if (scheme && i == sizeof known / sizeof *known)
      return solid_fail(SOLID_EINVAL, "%s: '%.*s' is a URL: want HOST:PORT,HOST:PORT", flag, (int)strcspn(at, ","), at);
  }
  return SOLID_OK;
}
