/* A paper model in a file: safetensors with "format": "solid-paper" in its metadata, and the config beside it. */
#ifndef EXAMPLES_PAPER_FILE_H
#define EXAMPLES_PAPER_FILE_H

#include "examples/paper/fit.h"

typedef struct sol_paper_origin {
  uint64_t data_hash; /* solid_dataset_hash */
  uint64_t seed;      /* of the weights and the order */
  uint64_t negatives; /* seed of the negatives */
  uint32_t epochs;
} sol_paper_origin;

solid_status sol_paper_file_write(const char *path, const sol_paper_model *model, const sol_paper_origin *origin);

/* EFORMAT: not a paper model, or one that contradicts itself; EIO; ENOMEM. */
solid_status sol_paper_file_read(const char *path, sol_paper_model *model, sol_paper_origin *origin);

#endif
