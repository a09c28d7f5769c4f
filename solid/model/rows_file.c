#include "solid/model/rows_file.h"
#include "kernels/scout.h"
#include "kernels/topk.h"
#include "solid/extend.h"
#include "solid/model/tensors.h"
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

enum { PIECE = 1 << 18 }; /* floats */

_Static_assert((int)SK_SCOUT_MAX_D <= (int)SK_ROWS_MAX_D, "a row that is made has room on the stack");

uint32_t sol_rows_stay(const solid_context *ctx, uint32_t items) {
  return ctx->ops->unified && sk_scout_is_fast() ? items : UINT32_MAX;
}

int sol_rows_may_stay(const sol_config *config) {
  return config->items >= SK_TOPK_LARGE && config->width <= SK_SCOUT_MAX_D && !config->slate_rows;
}

static solid_status fail(solid_status status, int error) {
  char text[160];
  return solid_fail(status, "%s", sk_rows_text(error, text, sizeof text));
}

/* A descriptor of its own for the file of `fd`. */
static solid_status open_again(sk_rows_file **out, int fd, int64_t at) {
  sk_rows_file *made = malloc(sizeof *made);
  if (!made) return solid_fail(SOLID_ENOMEM, "out of memory: rows of a model's file");
  *made = (sk_rows_file){.fd = fcntl(fd, F_DUPFD_CLOEXEC, 0), .at = at};
  int error = made->fd < 0 ? errno : sk_rows_file_note(made);
  if (error) {
    sol_rows_file_close(made);
    return fail(SOLID_EIO, error);
  }
  *out = made;
  return SOLID_OK;
}

solid_status sol_rows_file_open(sk_rows_file **out, const sol_safetensors *st) {
  return open_again(out, st->fd, 0);
}

void sol_rows_file_place(sk_rows_file *file, const sol_safetensors *st, const sol_tensor_entry *entry) {
  file->at = (int64_t)(st->data_start + entry->begin);
}

solid_status sol_rows_file_hash(const sk_rows_file *file, size_t floats, XXH3_state_t *state) {
  float *piece = malloc(PIECE * sizeof *piece);
  if (!piece) return solid_fail(SOLID_ENOMEM, "out of memory: a piece of a model's file");
  solid_status status = SOLID_OK;
  for (size_t at = 0; at < floats && !status; at += PIECE) {
    size_t n = floats - at < PIECE ? floats - at : PIECE;
    int error = sk_rows_file_read(file, at, n, piece);
    status = error ? fail(SOLID_EIO, error) : sol_check_weights("item.embedding", piece, at, n);
    XXH3_64bits_update(state, piece, n * sizeof *piece);
  }
  free(piece);
  return status;
}

solid_status sol_rows_file_copy(sk_rows_file **out, const sk_rows_file *file) {
  sk_rows now = {.file = file};
  int error = sk_rows_check(&now);
  return error ? fail(SOLID_ESTALE, error) : open_again(out, file->fd, file->at);
}

void sol_rows_file_close(sk_rows_file *file) {
  if (!file) return;
  if (file->fd >= 0) close(file->fd);
  free(file);
}
