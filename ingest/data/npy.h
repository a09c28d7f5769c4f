/* The header of a NumPy array file. */
#ifndef INGEST_DATA_NPY_H
#define INGEST_DATA_NPY_H

#include "ingest/data/text.h"

typedef struct sol_npy {
  uint64_t rows;
  size_t width;
  size_t element; /* bytes of a value: 4 or 8 */
} sol_npy;

/* 1 when the bytes begin a .npy file. */
int sol_npy_is(const char *bytes, size_t size);

/* Reads the header, up to the first value. EFORMAT: not float32 or float64, little-endian, in rows (C order), of two
 * dimensions; the text says what the file has. */
solid_status sol_npy_read(sol_npy *out, sol_lines *file);

#endif
