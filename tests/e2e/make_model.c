/* make_model FILE: writes the tests' tiny model (items item-0 .. item-39, window 10). */
#include "tests/support/tiny_model.h"
#include <stdio.h>
#include <string.h>

int main(int argc, char **argv) {
  char path[256];
  sol_config config = tiny_config(SOLID_HEAD_SOLID, 4);
  if (argc != 2) return 2;
  tiny_model_write(path, sizeof path, &config, 7);
  if (rename(path, argv[1])) {
    perror(argv[1]);
    return 1;
  }
  return 0;
}
