/* Bytes of what is kept of a user: params, steps, dislikes, marks. Everything is little-endian and the layout is the
 * same for every store, so that a record can be read by whoever finds it. store/record/head.h has what stands before.
 *
 * Params are a head and a body, which lie apart so that the head can be judged without the body:
 *
 *   offset      bytes  what
 *   0           8      seq: watermark, number of events the params have seen
 *   8           8      when they were stored, ms since 1970
 *   16          8      generation of the model that made them
 *   24          4      d: floats of h
 *   28          4      P: values
 *   32          1      element: 0 = f32, 1 = f16, 2 = i8 (solid_element)
 *   33          3      zero
 *   36          4      CRC-32 (the one of zlib) of the 36 bytes before it and the body
 *
 *   body: 4 d    h, f32
 *         v(P)   values, as solid/base/values.h has them
 *
 * Steps: 16 bytes each, oldest first: hash of the item (8, unsigned), time in ms since 1970 (8, two's complement).
 * Positions: 16 bytes each: stream (8), offset (8), both unsigned. Dislikes: hashes of items, 8 bytes each. */
#ifndef STORE_RECORD_CODEC_H
#define STORE_RECORD_CODEC_H

#include "solid/base/values.h"
#include "solid/store.h"

enum { SOL_PARAMS_HEAD = 40, SOL_STEP_SIZE = 16, SOL_POSITION_SIZE = 16, SOL_DISLIKE_SIZE = 8 };

/* Why a record is, or is not, the answer to a question. */
typedef enum sol_record_verdict {
  SOL_RECORD_OK = 0,
  SOL_RECORD_STALE = 1,  /* sound, but of another generation, width or size */
  SOL_RECORD_DAMAGED = 2 /* not a record, cut, flipped, or with values that are not finite */
} sol_record_verdict;

/* Bytes of the body of params. */
size_t sol_body_size(solid_element element, uint32_t width, uint32_t params);

/* The values or halves of params to bytes, the latter only as f16. */
void sol_params_pack(const solid_params *params, uint8_t *out);

/* Writes SOL_PARAMS_HEAD and sol_body_size() bytes. h and values must be finite. */
void sol_params_encode(const solid_params *params, uint8_t *head, uint8_t *body);

/* Sets the checksum of a head, all of whose other bytes are set, and its body. */
void sol_params_seal(uint8_t *head, const uint8_t *body, size_t size);

/* Reads params of any element type into params->h (params->width) and params->values (params->count), and sets seq,
 * made_ms, generation and element. Trusts nothing in the SOL_PARAMS_HEAD bytes of `head` and the `size` bytes of
 * `body`. On another verdict than OK, h and values hold rubbish and the rest is untouched. */
sol_record_verdict sol_params_decode(const uint8_t *head, const uint8_t *body, size_t size, uint64_t generation,
                                     solid_params *params);

/* n steps to 16 n bytes, and back. */
void sol_steps_encode(const solid_step *steps, size_t n, uint8_t *out);
void sol_steps_decode(const uint8_t *in, size_t n, solid_step *steps);

#endif
