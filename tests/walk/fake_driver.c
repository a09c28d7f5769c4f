/* Stands for libcuda.so.1: a driver of version SOLID_FAKE_DRIVER, whose cuInit answers SOLID_FAKE_INIT. Everything else
 * of the driver is missing. */
#include <stdlib.h>
#include <string.h>

int cuDriverGetVersion(int *version);
int cuInit(unsigned flags);
int cuGetProcAddress(const char *name, void **out, int version, unsigned long long flags);

static int number(const char *name) {
  const char *text = getenv(name);
  return text ? atoi(text) : 0;
}

int cuDriverGetVersion(int *version) {
  *version = number("SOLID_FAKE_DRIVER");
  return 0;
}

int cuInit(unsigned flags) {
  (void)flags;
  return number("SOLID_FAKE_INIT");
}

typedef void (*any_function)(void);

static void give(void **out, any_function function) {
  memcpy(out, &function, sizeof function);
}

int cuGetProcAddress(const char *name, void **out, int version, unsigned long long flags) {
  (void)version, (void)flags;
  *out = NULL;
  if (strcmp(name, "cuDriverGetVersion") == 0) give(out, (any_function)cuDriverGetVersion);
  if (strcmp(name, "cuInit") == 0) give(out, (any_function)cuInit);
  if (strcmp(name, "cuGetProcAddress") == 0) give(out, (any_function)cuGetProcAddress);
  return *out ? 0 : 500; /* CUDA_ERROR_NOT_FOUND */
}
