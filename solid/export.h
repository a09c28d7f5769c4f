/* SOLID_API marks what the libraries export; everything else is hidden. */
#ifndef SOLID_EXPORT_H
#define SOLID_EXPORT_H

#if defined(__GNUC__) || defined(__clang__)
#define SOLID_API                  __attribute__((visibility("default")))
#define SOLID_CHECK_RESULT         __attribute__((warn_unused_result))
#define SOLID_PRINTF(text, values) __attribute__((format(printf, text, values)))
#else
#define SOLID_API
#define SOLID_CHECK_RESULT
#define SOLID_PRINTF(text, values)
#endif

#endif
