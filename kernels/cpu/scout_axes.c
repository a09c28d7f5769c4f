/* The axes of a scout: eigenvectors of sum e e^T, by Jacobi's rotations in double. */
#include "kernels/scout.h"
#include <math.h>

#define SWEEPS 30
#define DONE   1e-24 /* of the squares: what is left beside the diagonal */

static int is_ordinary(const float *row, int64_t d) {
  double sum = 0.0;
  for (int64_t c = 0; c < d; c++) sum += (double)row[c] * (double)row[c];
  return sum <= (double)SK_SCOUT_MOST * (double)SK_SCOUT_MOST; /* no NaN either */
}

static void add_square(double *a, const float *row, int64_t d) {
  for (int64_t i = 0; i < d; i++)
    for (int64_t j = 0; j < d; j++) a[i * d + j] += (double)row[i] * (double)row[j];
}

static double sum_beside(const double *a, int64_t d, double *all) {
  double beside = 0.0;
  *all = 0.0;
  for (int64_t i = 0; i < d; i++)
    for (int64_t j = 0; j < d; j++) {
      *all += a[i * d + j] * a[i * d + j];
      if (i != j) beside += a[i * d + j] * a[i * d + j];
    }
  return beside;
}

/* Rows p and q of m, (x, y) -> (c x - s y, s x + c y), elements `step` apart. */
static void rotate(double *p, double *q, int64_t n, int64_t step, double c, double s) {
  for (int64_t i = 0; i < n * step; i += step) {
    double x = p[i], y = q[i];
    p[i] = c * x - s * y;
    q[i] = s * x + c * y;
  }
}

/* a becomes diagonal, v its eigenvectors by rows. */
static void diagonalise(double *a, double *v, int64_t d) {
  double all = 0.0;
  for (int sweep = 0; sweep < SWEEPS && sum_beside(a, d, &all) > DONE * all; sweep++)
    for (int64_t p = 0; p < d; p++)
      for (int64_t q = p + 1; q < d; q++) {
        double apq = a[p * d + q];
        if (apq == 0.0) continue;
        double theta = (a[q * d + q] - a[p * d + p]) / (2.0 * apq);
        double t = copysign(1.0, theta) / (fabs(theta) + sqrt(theta * theta + 1.0));
        double c = 1.0 / sqrt(t * t + 1.0), s = t * c;
        rotate(a + p, a + q, d, d, c, s);
        rotate(a + p * d, a + q * d, d, 1, c, s);
        rotate(v + p * d, v + q * d, d, 1, c, s);
      }
}

/* ||I - R^T R|| by its entries, and what a product of d inputs in FP32 can lose for each of R's d rows. */
static float skew_of(const float *axes, int64_t d) {
  double sum = 0.0;
  for (int64_t i = 0; i < d; i++)
    for (int64_t j = 0; j < d; j++) {
      double dot = i == j ? -1.0 : 0.0;
      for (int64_t c = 0; c < d; c++) dot += (double)axes[c * d + i] * (double)axes[c * d + j];
      sum += dot * dot;
    }
  return (float)(1.01 * sqrt(sum) + 4.0 * (double)d * sqrt((double)d) * 0x1p-24);
}

/* 127 grains are the longest that the rows reach on an axis. */
static void find_grains(const sk_scout *scout, const float *e, int64_t n) {
  int64_t d = scout->d;
  for (int64_t r = 0; r < SK_SCOUT_LEAD; r++) {
    double most = 0.0;
    for (int64_t i = 0; i < n && r < d; i++) {
      double dot = 0.0;
      if (!is_ordinary(e + i * d, d)) continue;
      for (int64_t c = 0; c < d; c++) dot += (double)scout->axes[r * d + c] * (double)e[i * d + c];
      most = fabs(dot) > most ? fabs(dot) : most;
    }
    scout->grain[r] = (float)(most / 127.0);
  }
}

void sk_scout_turn(const sk_scout *scout, const float *e, int64_t n, double *work) {
  int64_t d = scout->d;
  double *a = work, *v = work + d * d;
  for (int64_t i = 0; i < d * d; i++) a[i] = 0.0, v[i] = i % (d + 1) == 0 ? 1.0 : 0.0;
  for (int64_t i = 0; i < n; i++)
    if (is_ordinary(e + i * d, d)) add_square(a, e + i * d, d);
  diagonalise(a, v, d);
  for (int64_t r = 0; r < d; r++) { /* the longest axis that is left */
    int64_t longest = 0;
    for (int64_t i = 1; i < d; i++)
      if (a[i * d + i] > a[longest * d + longest]) longest = i;
    for (int64_t c = 0; c < d; c++) scout->axes[r * d + c] = (float)v[longest * d + c];
    a[longest * d + longest] = -1.0;
  }
  *scout->skew = skew_of(scout->axes, d);
  find_grains(scout, e, n);
}
