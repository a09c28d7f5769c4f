#include "solid/version.h"
#include "kernels/backend.h"
#include "solid/base/text.h"

#if defined(__clang__)
#define COMPILER "clang " __clang_version__
#elif defined(__GNUC__)
#define COMPILER "gcc " __VERSION__
#else
#define COMPILER "unknown compiler"
#endif

const char *solid_version(void) {
  return SOLID_VERSION_STRING;
}

const char *solid_build_info(void) {
  static _Thread_local char text[256];
  sol_text info = SOL_TEXT(text);
  sol_text_add(&info, "solid %s, %s, devices:", SOLID_VERSION_STRING, COMPILER);
  for (size_t i = 0; sk_backend_names[i]; i++)
    if (sk_backend_find(sk_backend_names[i])) sol_text_add(&info, " %s", sk_backend_names[i]);
  sol_text_add(&info, ", cpu level %s", sk_cpu_level());
  return text;
}
