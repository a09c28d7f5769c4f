/* Comparisons that name the place and both values. */
#ifndef TESTS_SUPPORT_COMPARE_H
#define TESTS_SUPPORT_COMPARE_H

#include <stddef.h>
#include <stdint.h>

/* 1 when |got - want| <= absolute + relative |want|, or both are NaN, or both are the same infinity. */
int compare_is_close(double got, double want, double absolute, double relative);

/* Fails the Criterion test at the first places that are not close, printing `what`, index, both values and the seed. */
void compare_floats(const char *what, const float *got, const double *want, size_t n, double absolute, double relative);
void compare_doubles(const char *what, const double *got, const double *want, size_t n, double absolute,
                     double relative);
void compare_ints(const char *what, const int32_t *got, const int32_t *want, size_t n);

/* The same bits. */
void compare_bits(const char *what, const float *got, const float *want, size_t n);

/* Central differences judge an analytic gradient: gradient_i against (f(x + h e_i) - f(x - h e_i)) / 2h for every i,
 * all in double. f reads x through `context`; x is restored. */
void compare_gradient(const char *what, double (*f)(void *context), void *context, double *x, size_t n,
                      const double *gradient);

#endif
