// The headers are C++ too.
#include <cstdio>
#include <solid/solid.h>

int main() {
  std::printf("%s\n", solid_build_info());
  return solid_status_is_retriable(SOLID_EIO) ? 0 : 1;
}
