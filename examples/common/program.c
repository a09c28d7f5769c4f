#include "examples/common/program.h"
#include "examples/common/exit.h"
#include "examples/common/ground.h"
#include "solid/extend.h"
#include <errno.h>
#include <stdio.h>
#include <string.h>

solid_status program_flush(void) {
  errno = 0;
  if (fflush(stdout) == 0 && !ferror(stdout)) return SOLID_OK;
  return solid_fail(SOLID_EIO, "standard output: %s", errno ? strerror(errno) : "cannot be written");
}

void program_show(FILE *stream, const void *data, size_t size) {
  const char *at = data;
  while (size) { /* in pieces that sol_show takes whole, which end between characters */
    size_t piece = size < SOL_SHOWN ? size : SOL_SHOWN;
    while (piece < size && piece > SOL_SHOWN - 4 && ((unsigned char)at[piece] & 0xc0) == 0x80) piece--;
    fputs(sol_show(at, piece).text, stream);
    at += piece;
    size -= piece;
  }
}

int program_run(const solid_program *program, int argc, char **argv, void *values, solid_status (*run)(void *user),
                void *user) {
  solid_config *config = NULL;
  solid_status status = solid_config_load(&config, program, argc, argv, values);
  int usage = status != SOLID_OK;
  if (status == SOLID_OK) {
    solid_config_request request = solid_config_get_request(config);
    status = request == SOLID_CONFIG_HELP      ? solid_config_write_help(program, stdout)
             : request == SOLID_CONFIG_VERSION ? solid_config_write_version(program, stdout)
                                               : run(user);
    if (status == SOLID_OK) status = program_flush();
  }
  if (status != SOLID_OK) fprintf(stderr, "%s: %s\n", program->name, solid_last_error());
  solid_config_free(config);
  return status == SOLID_OK ? EXIT_DONE : usage || status == SOLID_EINVAL ? EXIT_USAGE : EXIT_FAILED;
}
