/* The stages of the model without a store: one thread's memory and device queue, and the functions that run on them.
 * solid_worker_new takes all memory; no stage allocates. One worker per thread at a time. */
#ifndef SOLID_WORKER_H
#define SOLID_WORKER_H

#include "solid/model.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct solid_worker solid_worker;

/* A batch of windows: `offsets` has n + 1 entries, window i is items[offsets[i] .. offsets[i+1]) oldest first, dense
 * item indices < V. Windows longer than L use their newest L items; an empty window is allowed (h = 0,
 * z = 0). */
typedef struct solid_windows {
  size_t n;
  const uint32_t *offsets;
  const uint32_t *items;
} solid_windows;

/* Takes memory for batches of up to max_batch windows. *out is owned by the caller: solid_worker_free. The model must
 * outlive it. EINVAL: max_batch is 0 or larger than kernels can count. ENOMEM, EDEVICE. */
SOLID_API SOLID_CHECK_RESULT solid_status solid_worker_new(solid_worker **out, const solid_model *model,
                                                           size_t max_batch);

/* NULL is a no-op. */
SOLID_API void solid_worker_free(solid_worker *worker);

/* h (n, d): the encoder's state at the newest step of each window. Caller-owned output.
 * EINVAL: n > max_batch. ERANGE: an item >= V. */
SOLID_API SOLID_CHECK_RESULT solid_status solid_worker_encode(solid_worker *worker, const solid_windows *windows,
                                                              float *h);

/* h (n, d) as above and params (n, P): the user's generated layers (W = clip(G_i z_i) + G_s z_s, biases
 * likewise; for each layer the weights [in][out], then the biases [out]). params may be NULL when P = 0. Errors as
 * solid_worker_encode. */
SOLID_API SOLID_CHECK_RESULT solid_status solid_worker_generate(solid_worker *worker, const solid_windows *windows,
                                                                float *h, float *params);

/* u (n, d) = h + y, y = W2 tanh(W1 h + b1) + b2 under each row's params (n, P), through the shared down/up projections
 * when the model has a rank; u = h for the static head, which ignores params. u may be h. */
SOLID_API SOLID_CHECK_RESULT solid_status solid_worker_apply(solid_worker *worker, size_t n, const float *h,
                                                             const float *params, float *u);

/* For each row of u (n, d) the k best items by u . e_v, best first, ties to the lowest index, into out (n, k);
 * counts (n) says how many there are (fewer than k only when fewer are left). `excluded`: n rows of
 * solid_worker_mask_words() 64-bit words, bit v of a row set = item v is left out; NULL = nothing is.
 * EINVAL: n > max_batch. ERANGE: k = 0 or k > V. */
SOLID_API SOLID_CHECK_RESULT solid_status solid_worker_rank(solid_worker *worker, size_t n, const float *u,
                                                            const uint64_t *excluded, size_t k, solid_scored *out,
                                                            size_t *counts);

/* One row of solid_worker_answer: what is known about a user, and room for the answer. */
typedef struct solid_question {
  const uint32_t *window; /* dense item indices, oldest first, of which the newest L count */
  size_t n_window;
  const uint32_t *session; /* newer items, which the encoder reads and the generator does not */
  size_t n_session;
  const float *h;           /* (d) the window's state as stored; NULL: the encoder reads the window */
  const float *params;      /* (P) layers as stored; NULL: made from the window, and so is h where it is NULL */
  int32_t keep;             /* 1: return what is made in made_h and made_params */
  const uint64_t *excluded; /* as a row of solid_worker_rank's; NULL: no item is left out */
  solid_scored *best;       /* room for k items, best first; places that remain are {SOLID_NO_ITEM, -INFINITY} */
  float *state, *vector;    /* room for (d) each, or NULL: the state that was read, and the user vector that ranks */

  /* Set by the call. */
  size_t count;       /* items found */
  float *made_h;      /* (d) and (P): of the window without session items, if they were made and `keep` is set; */
  float *made_params; /* memory of the worker, valid until it is used again */
} solid_question;

/* From windows, states or layers to items: the same as solid_worker_generate, _encode, _apply and _rank in turn, but
 * nothing in between passes through the host. Rows may differ in what is known. EINVAL: n > max_batch, a row without
 * `best`. ERANGE: k = 0, k > V or an item >= V. */
SOLID_API SOLID_CHECK_RESULT solid_status solid_worker_answer(solid_worker *worker, solid_question *questions, size_t n,
                                                              size_t k);

/* 64-bit words of one exclusion row: ceil(V / 64). */
SOLID_API size_t solid_worker_mask_words(const solid_worker *worker);

#ifdef __cplusplus
}
#endif
#endif
