#include "examples/common/program.h"
#include "examples/common/exit.h"
#include "examples/common/ground.h"
#include "solid/extend.h"
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

static int step = EXIT_FAILED;

void program_step(int code) {
  step = code;
}

int program_exit_of(solid_status status) {
  if (status == SOLID_OK) return EXIT_DONE;
  if (status == SOLID_EINVAL) return EXIT_USAGE;
  if (status == SOLID_ESTALE) return EXIT_MODEL;
  return status == SOLID_ENOMEM || status == SOLID_EINTERNAL ? EXIT_FAILED : step;
}

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
  signal(SIGXFSZ, SIG_IGN); /* a limit on the size of files is reported as an error, as a full disk is */
  solid_status status = solid_config_load(&config, program, argc, argv, values);
  int usage = status != SOLID_OK;
  if (status == SOLID_OK) {
    solid_config_request request = solid_config_get_request(config);
    status = request == SOLID_CONFIG_HELP      ? solid_config_write_help(program, stdout)
             : request == SOLID_CONFIG_VERSION ? solid_config_write_version(program, stdout)
                                               : run(user);
    if (status == SOLID_OK) {
      program_step(EXIT_FAILED);
      status = program_flush();
    }
  }
  if (status != SOLID_OK) fprintf(stderr, "%s: %s\n", program->name, solid_last_error());
  solid_config_free(config);
  return usage ? EXIT_USAGE : program_exit_of(status);
}

int program_main(const solid_program *program, int argc, char **argv, void *values,
                 int (*run)(void *user, const solid_config *config), void *user) {
  solid_config *config = NULL;
  signal(SIGXFSZ, SIG_IGN); /* as above */
  solid_status status = solid_config_load(&config, program, argc, argv, values);
  int code = status ? EXIT_USAGE : EXIT_FAILED;
  if (!status) {
    solid_config_request request = solid_config_get_request(config);
    if (request == SOLID_CONFIG_HELP)
      status = solid_config_write_help(program, stdout);
    else if (request == SOLID_CONFIG_VERSION)
      status = solid_config_write_version(program, stdout);
    else if ((code = run(user, config)) != EXIT_DONE)
      goto done; /* run has said why */
    if (!status) status = program_flush();
    code = status ? EXIT_FAILED : EXIT_DONE;
  }
  if (status) fprintf(stderr, "%s: %s\n", program->name, solid_last_error());
done:
  solid_config_free(config);
  return code;
}
