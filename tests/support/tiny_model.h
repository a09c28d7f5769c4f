/* A small, valid, seeded random model for tests: ids "item-0", "item-1", ...; categories "even", "third" and "none"
 * (the items whose number is a multiple of 2, of 3, and no item); popularity that falls with the number. No layer is
 * zero, so that everything a model has shows in its answers. */
#ifndef TESTS_SUPPORT_TINY_MODEL_H
#define TESTS_SUPPORT_TINY_MODEL_H

#include "solid/model.h"
#include "solid/model/model_file.h"

/* 40 items, d 16, L 10, 2 blocks, 2 heads, 3 x 8 codes, content 6, head and rank as given. */
sol_config tiny_config(solid_head head, uint32_t rank);

/* That new items can join: content of the categories and of given vectors of 3 floats reduced to 2, and the
 * categories' embeddings in 2 slots. */
sol_config tiny_joinable(solid_head head, uint32_t rank);
/* The same with sparse attention over so many steps. */
void tiny_long(sol_config *config, uint32_t window);

/* Fills *file, sealed; sol_model_file_clear ends it. Fails the running test when there is no memory. */
void tiny_model_file(sol_model_file *file, const sol_config *config, uint64_t seed);

/* The same as a model in memory; solid_model_free ends it. */
solid_model *tiny_model(const solid_context *ctx, const sol_config *config, uint64_t seed);

/* The same written to a new file under TMPDIR or /tmp; its path goes into `path`. The caller unlinks it. */
void tiny_model_write(char *path, size_t size, const sol_config *config, uint64_t seed);

#endif
