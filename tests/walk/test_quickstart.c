/* The README's example does what the README says. */
#include "tests/support/tiny_model.h"
#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

/* Runs the example; `out` receives what it prints on either stream. Returns its exit status. */
static int run(const char *arguments, char *out, size_t size) {
  char command[512];
  snprintf(command, sizeof command, "%s %s 2>&1", QUICKSTART, arguments);
  FILE *pipe = popen(command, "r");
  cr_assert_not_null(pipe);
  size_t n = fread(out, 1, size - 1, pipe);
  out[n] = 0;
  int status = pclose(pipe);
  return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static void judge_five_lines(char *out) {
  int lines = 0;
  for (char *line = strtok(out, "\n"); line; line = strtok(NULL, "\n"), lines++) {
    cr_assert_eq(strncmp(line, "item-", 5), 0, "%s", line);
    for (int seen = 0; seen < 3; seen++) {
      char id[16];
      int size = snprintf(id, sizeof id, "item-%d ", seen);
      cr_assert_neq(strncmp(line, id, (size_t)size), 0, "%s was clicked", line);
    }
  }
  cr_assert_eq(lines, 5, "%d lines", lines);
}

Test(quickstart, recommends) {
  char path[128], out[2048];
  sol_config config = tiny_config(SOLID_HEAD_SOLID, 0);
  tiny_model_write(path, sizeof path, &config, 1);
  int status = run(path, out, sizeof out);
  unlink(path);
  cr_assert_eq(status, 0, "%s", out);
  judge_five_lines(out);
}

Test(quickstart, says_what_is_missing) {
  char out[2048];
  cr_assert_eq(run("/nowhere/model.safetensors", out, sizeof out), 1);
  cr_assert_not_null(strstr(out, "/nowhere/model.safetensors"), "%s", out);
}
