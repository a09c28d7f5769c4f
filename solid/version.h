/* Version of the library and how it was built.
 *
 * ABI policy: SOVERSION is the major version. Within a major version functions are only added, configuration structs
 * only grow at their end, enumerators keep their values. 0.x makes no such promise between minor versions.
 *
 * Such structs begin with `struct_size`. If it is smaller than the library's, the caller is older: missing options have
 * their defaults, and missing fields of a result are not filled in. If it is larger, the caller is newer than the
 * library: EINVAL. */
#ifndef SOLID_VERSION_H
#define SOLID_VERSION_H

#include "solid/export.h"

#define SOLID_VERSION_MAJOR  0
#define SOLID_VERSION_MINOR  1
#define SOLID_VERSION_PATCH  0
#define SOLID_VERSION_STRING "0.1.0"

#ifdef __cplusplus
extern "C" {
#endif

/* Version of the library that is linked, e.g. "0.1.0". Any thread. */
SOLID_API const char *solid_version(void);

/* One line: version, compiler, devices compiled in and the instruction set chosen on this machine. Any thread. */
SOLID_API const char *solid_build_info(void);

#ifdef __cplusplus
}
#endif
#endif
