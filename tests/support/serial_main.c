/* Runs a Criterion program's tests one after the other in this process, without Criterion's runner: the runner maps
 * memory where the thread sanitizer has its own and does not start. A failed assertion aborts the program. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

/* Criterion leaves a pointer to every test and suite in sections of these names; the linker sets the ends. A program
 * without a TestSuite has no second section. */
extern struct criterion_test *__start_cr_tst[], *__stop_cr_tst[];
extern struct criterion_suite *__start_cr_sts[] __attribute__((weak)), *__stop_cr_sts[] __attribute__((weak));

/* What a test calls around its body, in place of the runner's own, which expect the runner. */
void criterion_internal_test_setup(void) {}

void criterion_internal_test_main(void (*body)(void)) {
  body();
}

void criterion_internal_test_teardown(void) {}

static const struct criterion_suite *suite_of(const struct criterion_test *test) {
  for (struct criterion_suite **s = __start_cr_sts; s != __stop_cr_sts; s++)
    if (*s && strcmp((*s)->name, test->category) == 0) return *s;
  return NULL;
}

int main(void) {
  int tests = 0;
  for (struct criterion_test **t = __start_cr_tst; t != __stop_cr_tst; t++) {
    if (!*t || !(*t)->test) continue;
    const struct criterion_suite *suite = suite_of(*t);
    const struct criterion_test_extra_data *shared = suite ? suite->data : NULL, *own = (*t)->data;
    printf("%s::%s\n", (*t)->category, (*t)->name);
    fflush(stdout);
    if (shared && shared->init) shared->init();
    if (own && own->init) own->init();
    (*t)->test();
    if (own && own->fini) own->fini();
    if (shared && shared->fini) shared->fini();
    tests++;
  }
  printf("%d tests\n", tests);
  return tests == 0;
}
