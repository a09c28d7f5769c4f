/* xent in two phases over blocks of ROWS rows and chunks of CHUNK items.
 *
 * Phase 1, parallel over row blocks, walks the chunks once:   S = U E^T (a panel that stays in the second-level cache),
 *   m = max_v S,   X = exp(S - m),   sum and du' = X E accumulated under a running maximum as in an online softmax.
 *   At the end   lse = m + log sum,   du = weight (du' / sum - (1 - eps) e_target - eps mean_v e_v).
 * Phase 2, parallel over chunks, each the only writer of its rows of de:
 *   de += X^T (weight exp(m - lse) u) - weight (1 - eps) [v = target] u - weight eps / items sum_rows u.
 *
 * With offsets X = exp(S + o - m), and the terms of smoothing weigh item v by exp(o_v).
 *
 * The scale of a row never touches the panel: it goes into u, which is CHUNK / d times smaller. The label terms are of
 * rank one and never touch it either.
 *
 * While a tile of at least TILE_ROWS_MIN rows by all items fits into TILE_FLOATS, phase 1 keeps its panels for phase 2
 * and no exponential is taken twice. A larger catalogue is recomputed in phase 2 from lse, one panel at a time. */
#include "kernels/cpu/cpu.h"
#include "kernels/cpu/gemm.h"
#include "kernels/cpu/vmath.h"
#include <string.h>

#define ROWS          64
#define CHUNK         512
#define PANEL_LD      (CHUNK + 16) /* not a power of two, so that the rows of a panel fall into different cache sets */
#define TILE_FLOATS   (6 << 20)
#define TILE_ROWS_MIN 256
#define TILE_ROWS_MAX 512
#define SUM_ITEMS     4096 /* items a block when e is summed */

typedef struct xent_job {
  const sk_xent_args *a;
  int64_t chunks, sum_blocks;
  int64_t tile_rows; /* rows whose panels are kept at a time; 0: recompute */
  int64_t row0, row_end;
  float *panels;    /* (chunks, tile_rows, PANEL_LD): X */
  float *chunk_max; /* (chunks, tile_rows): m */
  float *lse;       /* (n) */
  float *u_sum;     /* (d): sum of the rows that count */
  float *e_sum;     /* (d): sum of all items */
  float *e_parts;   /* (sum_blocks, d) */
} xent_job;

/* A row block's state, in a thread's scratch. */
typedef struct row_state {
  float *max, *sum;            /* (ROWS): running maximum, sum of exponentials under it */
  float *du, *product, *panel; /* (ROWS, d), (ROWS, d), (ROWS, PANEL_LD) */
} row_state;

static size_t local_floats(const xent_job *job) {
  int64_t rows = job->tile_rows > ROWS ? job->tile_rows : ROWS;
  return (size_t)(2 * ROWS + (2 * ROWS + rows) * job->a->d + ROWS * PANEL_LD);
}

static row_state row_state_at(float *local, int64_t d) {
  row_state s = {.panel = local, .max = local + ROWS * PANEL_LD};
  s.sum = s.max + ROWS;
  s.du = s.sum + ROWS;
  s.product = s.du + ROWS * d;
  return s;
}

/* x_v = exp(x_v - m), m the maximum of the row; returns the sum. */
static float exp_row(float *x, int64_t n, float *m_out) {
  float m = sk_max(x, n), sum = 0.0f;
#pragma omp simd reduction(+ : sum)
  for (int64_t v = 0; v < n; v++) {
    float y = sk_exp(x[v] - m);
    x[v] = y;
    sum += y;
  }
  *m_out = m;
  return sum;
}

static void exp_row_from(float *x, int64_t n, float m) {
#pragma omp simd
  for (int64_t v = 0; v < n; v++) x[v] = sk_exp(x[v] - m);
}

/* One chunk of a row block: panel, running maxima and sums, du'. */
static void forward_chunk(const xent_job *job, int64_t row, int64_t rows, int64_t chunk, float *panel, row_state *s) {
  const sk_xent_args *a = job->a;
  int64_t d = a->d, v = chunk * CHUNK, width = sk_cpu_block_end(a->items, CHUNK, chunk) - v;
  const float *e = a->e + v * d;
  sk_gemm_nt(rows, width, d, a->u + row * d, d, e, d, 0.0f, panel, PANEL_LD);
  const float *offset = a->offset ? a->offset + v : NULL;
  float shrink[ROWS], grow[ROWS];
  for (int64_t i = 0; i < rows; i++) {
    float *x = panel + i * PANEL_LD, m;
    if (a->target[row + i] < 0) {
      memset(x, 0, sizeof(float) * (size_t)width);
      shrink[i] = grow[i] = 0.0f;
      continue;
    }
    if (offset) sk_axpy(1.0f, offset, x, width);
    float sum = exp_row(x, width, &m);
    float max = m > s->max[i] ? m : s->max[i];
    shrink[i] = expf(s->max[i] - max);
    grow[i] = expf(m - max);
    s->sum[i] = s->sum[i] * shrink[i] + sum * grow[i];
    s->max[i] = max;
    if (job->tile_rows) job->chunk_max[chunk * job->tile_rows + row + i - job->row0] = m;
  }
  if (!a->du) return;
  sk_gemm_nn(rows, d, width, panel, PANEL_LD, e, d, 0.0f, s->product, d);
  for (int64_t i = 0; i < rows; i++) {
    float *du = s->du + i * d, *p = s->product + i * d;
#pragma omp simd
    for (int64_t c = 0; c < d; c++) du[c] = du[c] * shrink[i] + p[c] * grow[i];
  }
}

static float whole_of(const sk_xent_args *a) {
  return (float)(a->offset ? a->whole : a->items);
}

/* lse, loss and du of one row from its state. */
static void finish_row(const xent_job *job, int64_t row, float max, float sum, const float *du_sum) {
  const sk_xent_args *a = job->a;
  int64_t d = a->d;
  int32_t target = a->target[row];
  float *du = a->du ? a->du + row * d : NULL;
  if (target < 0) {
    job->lse[row] = a->loss[row] = 0.0f;
    if (du) memset(du, 0, sizeof(float) * (size_t)d);
    return;
  }
  const float *u = a->u + row * d, *e = a->e + target * d;
  float keep = 1.0f - a->smoothing, share = a->smoothing / whole_of(a);
  float lse = max + logf(sum);
  float mean = a->smoothing > 0.0f ? share * sk_dot(u, job->e_sum, d) : 0.0f;
  job->lse[row] = lse;
  a->loss[row] = lse - keep * sk_dot(u, e, d) - mean;
  if (!du) return;
#pragma omp simd
  for (int64_t c = 0; c < d; c++) du[c] = a->weight * (du_sum[c] / sum - keep * e[c] - share * job->e_sum[c]);
}

static void row_block(const void *arg, int64_t block, void *local) {
  const xent_job *job = arg;
  int64_t d = job->a->d, row = job->row0 + block * ROWS;
  int64_t rows = (row + ROWS < job->row_end ? row + ROWS : job->row_end) - row;
  row_state s = row_state_at(local, d);
  for (int64_t i = 0; i < ROWS; i++) s.max[i] = -INFINITY, s.sum[i] = 0.0f;
  memset(s.du, 0, sizeof(float) * (size_t)(ROWS * d));
  for (int64_t chunk = 0; chunk < job->chunks; chunk++) {
    float *panel = s.panel;
    if (job->tile_rows) panel = job->panels + (chunk * job->tile_rows + row - job->row0) * PANEL_LD;
    forward_chunk(job, row, rows, chunk, panel, &s);
  }
  for (int64_t i = 0; i < rows; i++) finish_row(job, row + i, s.max[i], s.sum[i], s.du + i * d);
}

/* scaled_i = scale_i u_i, zero for a row that does not count, whatever it holds. */
static void scale_row(const sk_xent_args *a, int64_t row, float scale, float *scaled) {
  const float *u = a->u + row * a->d;
  if (a->target[row] < 0) {
    memset(scaled, 0, sizeof(float) * (size_t)a->d);
    return;
  }
#pragma omp simd
  for (int64_t c = 0; c < a->d; c++) scaled[c] = scale * u[c];
}

/* How many items of the whole catalogue item v speaks for. */
static float stands_for(const sk_xent_args *a, int64_t v) {
  return a->offset ? expf(a->offset[v]) : 1.0f;
}

/* The label terms of one chunk of de, for the rows of this job in their order. */
static void add_labels(const xent_job *job, int64_t first, int64_t end) {
  const sk_xent_args *a = job->a;
  for (int64_t row = job->row0; row < job->row_end; row++) {
    int32_t v = a->target[row];
    if (v >= first && v < end)
      sk_axpy(-a->weight * (1.0f - a->smoothing), a->u + row * a->d, a->de + (int64_t)v * a->d, a->d);
  }
  if (a->smoothing <= 0.0f) return;
  float share = -a->weight * a->smoothing / whole_of(a);
  for (int64_t v = first; v < end; v++) sk_axpy(share * stands_for(a, v), job->u_sum, a->de + v * a->d, a->d);
}

static void kept_chunk_block(const void *arg, int64_t chunk, void *local) {
  const xent_job *job = arg;
  const sk_xent_args *a = job->a;
  int64_t d = a->d, v = chunk * CHUNK, end = sk_cpu_block_end(a->items, CHUNK, chunk), rows = job->row_end - job->row0;
  float *scaled = local;
  const float *max = job->chunk_max + chunk * job->tile_rows;
  for (int64_t i = 0; i < rows; i++) {
    float scale = a->target[job->row0 + i] < 0 ? 0.0f : a->weight * expf(max[i] - job->lse[job->row0 + i]);
    scale_row(a, job->row0 + i, scale, scaled + i * d);
  }
  const float *panel = job->panels + chunk * job->tile_rows * PANEL_LD;
  sk_gemm_tn(end - v, d, rows, panel, PANEL_LD, scaled, d, 1.0f, a->de + v * d, d);
  add_labels(job, v, end);
}

static void recomputed_chunk_block(const void *arg, int64_t chunk, void *local) {
  const xent_job *job = arg;
  const sk_xent_args *a = job->a;
  int64_t d = a->d, v = chunk * CHUNK, end = sk_cpu_block_end(a->items, CHUNK, chunk);
  row_state s = row_state_at(local, d);
  for (int64_t row = job->row0; row < job->row_end; row += ROWS) {
    int64_t rows = row + ROWS < job->row_end ? ROWS : job->row_end - row;
    sk_gemm_nt(rows, end - v, d, a->u + row * d, d, a->e + v * d, d, 0.0f, s.panel, PANEL_LD);
    for (int64_t i = 0; i < rows; i++) {
      float *x = s.panel + i * PANEL_LD;
      if (a->target[row + i] < 0) {
        memset(x, 0, sizeof(float) * (size_t)(end - v));
      } else {
        if (a->offset) sk_axpy(1.0f, a->offset + v, x, end - v);
        exp_row_from(x, end - v, job->lse[row + i]);
      }
      scale_row(a, row + i, a->weight, s.product + i * d);
    }
    sk_gemm_tn(end - v, d, rows, s.panel, PANEL_LD, s.product, d, 1.0f, a->de + v * d, d);
  }
  add_labels(job, v, end);
}

static void sum_items_block(const void *arg, int64_t block, void *local) {
  (void)local;
  const xent_job *job = arg;
  int64_t d = job->a->d;
  float *part = job->e_parts + block * d;
  memset(part, 0, sizeof(float) * (size_t)d);
  for (int64_t v = block * SUM_ITEMS; v < sk_cpu_block_end(job->a->items, SUM_ITEMS, block); v++)
    sk_axpy(stands_for(job->a, v), job->a->e + v * d, part, d);
}

/* e_sum by parts of SUM_ITEMS items: the parts are short enough for float. Zero without smoothing. */
static void sum_items(sk_backend *be, const xent_job *job) {
  int64_t d = job->a->d;
  memset(job->e_sum, 0, sizeof(float) * (size_t)d);
  if (job->a->smoothing <= 0.0f) return;
  sk_cpu_parallel(be, job->sum_blocks, sum_items_block, job);
  for (int64_t c = 0; c < d; c++) {
    double sum = 0;
    for (int64_t block = 0; block < job->sum_blocks; block++) sum += (double)job->e_parts[block * d + c];
    job->e_sum[c] = (float)sum;
  }
}

static void sum_rows(const xent_job *job) {
  const sk_xent_args *a = job->a;
  memset(job->u_sum, 0, sizeof(float) * (size_t)a->d);
  for (int64_t row = job->row0; row < job->row_end; row++)
    if (a->target[row] >= 0) sk_axpy(1.0f, a->u + row * a->d, job->u_sum, a->d);
}

static int64_t rows_to_keep(const sk_xent_args *a, int64_t chunks) {
  if (!a->du) return 0;
  int64_t rows = sk_cpu_blocks(a->n, ROWS) * ROWS, fit = TILE_FLOATS / (chunks * PANEL_LD) / ROWS * ROWS;
  if (fit > TILE_ROWS_MAX) fit = TILE_ROWS_MAX;
  if (fit >= rows) return rows;
  return fit >= TILE_ROWS_MIN ? fit : 0;
}

static solid_status prepare(sk_backend *be, xent_job *job) {
  const sk_xent_args *a = job->a;
  size_t panel_floats = (size_t)(job->chunks * job->tile_rows * PANEL_LD), d = (size_t)a->d;
  size_t floats = panel_floats + (size_t)(job->chunks * job->tile_rows + a->n) + (2 + (size_t)job->sum_blocks) * d;
  solid_status status = sk_cpu_reserve(be, sizeof(float) * local_floats(job), sizeof(float) * floats);
  if (status != SOLID_OK) return status;
  job->panels = sk_cpu_shared(be);
  job->chunk_max = job->panels + panel_floats;
  job->lse = job->chunk_max + job->chunks * job->tile_rows;
  job->u_sum = job->lse + a->n;
  job->e_sum = job->u_sum + d;
  job->e_parts = job->e_sum + d;
  return SOLID_OK;
}

solid_status SK_CPU(xent)(sk_backend *be, const sk_xent_args *a) {
  if (a->n <= 0) return SOLID_OK;
  xent_job job = {.a = a, .chunks = sk_cpu_blocks(a->items, CHUNK), .sum_blocks = sk_cpu_blocks(a->items, SUM_ITEMS)};
  job.tile_rows = rows_to_keep(a, job.chunks);
  solid_status status = prepare(be, &job);
  if (status != SOLID_OK) return status;
  sum_items(be, &job);
  int64_t step = job.tile_rows ? job.tile_rows : a->n;
  for (job.row0 = 0; job.row0 < a->n; job.row0 = job.row_end) {
    job.row_end = job.row0 + step < a->n ? job.row0 + step : a->n;
    sk_cpu_parallel(be, sk_cpu_blocks(job.row_end - job.row0, ROWS), row_block, &job);
    if (!a->de) continue;
    sum_rows(&job);
    sk_cpu_parallel(be, job.chunks, job.tile_rows ? kept_chunk_block : recomputed_chunk_block, &job);
  }
  return SOLID_OK;
}
