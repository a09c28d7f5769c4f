/* Central differences of a reference in double, to judge the gradients of a back end in float. */
#ifndef TESTS_SUPPORT_SLOPE_H
#define TESTS_SUPPORT_SLOPE_H

#include <stddef.h>

/* f reads x through `context` and returns one number; x is restored. */
typedef double (*slope_fn)(void *context);

/* slope_i = df/dx_i for i = 0, step, 2 step ... below n; every other slope_i is 0. */
void slope_fill(slope_fn f, void *context, double *x, size_t n, size_t step, double *slope);

/* Fails the test unless got_i is the slope at those places, within 2e-4 of the largest slope. */
void slope_compare(const char *what, const float *got, const double *slope, size_t n, size_t step);

/* sum_i weight_i y_i: turns an array of outputs into one number whose gradient is `weight`. */
double slope_weigh(const double *weight, const double *y, size_t n);

#endif
