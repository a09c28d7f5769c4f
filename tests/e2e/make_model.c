/* make_model FILE [ITEMS]: writes the tests' tiny model (40 items or so many: item-0, item-1 ...; window 10). */
#include "tests/support/tiny_model.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int main(int argc, char **argv) {
  char path[256];
  sol_config config = tiny_config(SOLID_HEAD_SOLID, 4);
  if (argc != 2 && argc != 3) return 2;
  if (argc == 3) config.items = (uint32_t)atoi(argv[2]);
  tiny_model_write(path, sizeof path, &config, 7);
  if (rename(path, argv[1])) {
    perror(argv[1]);
    return 1;
  }
  return 0;
}
