/* What the rest of libsolid, the trainer and tests read of a model. */
#ifndef SOLID_MODEL_MODEL_PARTS_H
#define SOLID_MODEL_MODEL_PARTS_H

#include "solid/model/catalogue.h"
#include "solid/model/context.h"
#include "solid/model/growth.h"
#include "solid/model/id_index.h"
#include "solid/model/model_arrays.h"

/* Immutable once made, but for `be`, which only solid_model_free and what joins the model use, and `growth`. With spare
 * rows config.items is the number of rows, and every array has as many but for ids, titles and categories. */
struct solid_model {
  const solid_context *ctx;
  sol_model_file file; /* all but the weights, which live on the device */
  sol_id_index items, categories;
  sk_backend *be;        /* owns the buffers below */
  float *device_weights; /* sol_tensors_total floats, of sol_model_layout */
  int32_t *device_codes; /* (C, V), then attributes (S, V); NULL once the tables of host_rows are made */
  float *device_tables;  /* semantic (V, d), vectors (V, d); in host_rows, if that is not NULL */
  float *host_rows;      /* pinned: E (V, d), then the tables, of a large catalogue (solid/model.h); else NULL */
  sol_weights weights;   /* into device_weights and host_rows */
  sol_catalogue catalogue;
  sk_rows rows;              /* where E stays in the file: of all items, and */
  float *late;               /* the rows behind those that it was trained on (spare, d); else NULL */
  float *first_kv;           /* of `be`, (V, 2 d) as block 0 makes keys and values of items; NULL: of the items then */
  sk_scout scout;            /* of the catalogue's vectors, on a CPU with many items; else it has no items */
  uint64_t *late_items;      /* (V / 64), with a scout: `late` of kernels/topk.h; else NULL */
  sk_planes planes;          /* the same on a GPU, of all rows */
  void *scout_memory;        /* of `be`, for either */
  uint32_t *item_categories; /* turned from the file's: item v has those from category_starts[v] to [v + 1] */
  uint32_t *category_starts; /* (V + 1); NULL without categories */
  sol_growth *growth;        /* NULL: nothing joins or leaves it */
};

/* Makes a model of a file that was read or sealed, and takes over what *file points at: *file is zeroed, on failure
 * too. EFORMAT: an id occurs twice. ENOMEM, EDEVICE. */
solid_status sol_model_new(solid_model **out, const solid_context *ctx, sol_model_file *file);

/* The same with spare rows; items may join and leave it. */
solid_status sol_model_new_growing(solid_model **out, const solid_context *ctx, sol_model_file *file, uint32_t spare);

/* Either, by whether it `grows`; where host and device do not share memory, rows of `stay` items or more stay on the
 * host. */
solid_status sol_model_make(solid_model **out, const solid_context *ctx, sol_model_file *file, int grows,
                            uint32_t stay);

/* Reads the file and makes a model of it, which items may join and leave where there are `spare` percent of them, 0 or
 * more; E of `stay` items or more stays in the file, or on the host. Texts begin with the path. */
solid_status sol_model_open(solid_model **out, const solid_context *ctx, const char *path, int32_t spare,
                            uint32_t stay);

/* Items that it was trained on. */
static inline uint32_t sol_model_trained(const solid_model *model) {
  return model->file.items.count;
}

/* What joined it under this index; NULL: it is another's, or no item's any more. */
static inline const sol_joined *sol_model_joined(const solid_model *model, uint32_t item) {
  if (!model->growth || item < model->growth->trained) return NULL;
  const sol_joined *joined = sol_growth_joined(model->growth, item);
  return joined && !atomic_load_explicit(&joined->is_gone, memory_order_acquire) ? joined : NULL;
}

/* How many entries of the item log it has. What is looked up afterwards knows them all. */
static inline uint64_t sol_model_applied(const solid_model *model) {
  return model->growth ? atomic_load_explicit(&model->growth->applied, memory_order_acquire) : 0;
}

/* Rows that a device ranks for k places: with a recording all there are, else those in use, so that none is read while
 * it is written. */
static inline int32_t sol_model_ranked(const solid_model *model, const sk_backend *be, size_t k) {
  size_t rows = be->ops->records ? model->file.config.items : solid_model_item_count(model);
  return (int32_t)(rows > k ? rows : k);
}

static inline const solid_context *sol_model_context(const solid_model *model) {
  return model->ctx;
}
static inline const sol_config *sol_model_config(const solid_model *model) {
  return &model->file.config;
}
/* Device pointers, for any backend on the context's device. */
static inline const sol_weights *sol_model_weights(const solid_model *model) {
  return &model->weights;
}
static inline const sol_catalogue *sol_model_catalogue(const solid_model *model) {
  return &model->catalogue;
}
/* Whether its file was changed while it reads rows of it, so that every question fails. */
static inline int sol_model_is_spoilt(const solid_model *model) {
  return model->file.rows && sk_rows_check(&model->rows) != SK_ROWS_OK;
}
/* NULL: rank without. */
static inline const sk_scout *sol_model_scout(const solid_model *model) {
  return model->scout.items ? &model->scout : NULL;
}
static inline const sk_planes *sol_model_planes(const solid_model *model) {
  return model->planes.items ? &model->planes : NULL;
}
/* Makes the scout or the planes of a model whose catalogue is computed, if it has so many items that they pay. ENOMEM,
 * EDEVICE. */
solid_status sol_model_make_scout(solid_model *model);
/* Bytes of the planes that it will have; 0: none. */
size_t sol_model_planes_bytes(const solid_model *model);
/* What is ranked of an item follows its row. */
solid_status sol_model_refill(const solid_model *model, uint32_t item);
/* How device_weights are laid out: without E where that stays apart. */
static inline sol_config sol_model_layout(const solid_model *model) {
  sol_config layout = sol_model_file_layout(&model->file);
  if (model->host_rows) layout.items = 0;
  return layout;
}
/* Bytes of pinned memory of the host that the device reads in place of its own. */
static inline uint64_t sol_model_host_bytes(const solid_model *model) {
  const sol_config *c = &model->file.config;
  return model->host_rows ? (uint64_t)(c->levels ? 3 : 1) * c->items * c->width * sizeof(float) : 0;
}

/* Makes first_kv of a model whose encoder has states, unless that takes more bytes. ENOMEM, EDEVICE. */
#define SOL_FIRST_KV_MOST ((size_t)64 << 20)
solid_status sol_model_make_first_kv(solid_model *model);

/* Its rows of n items from `first` on, enqueued. */
solid_status sol_model_fill_first_kv(const solid_model *model, size_t first, size_t n);

/* (rows) on the host. */
static inline const float *sol_model_popularity(const solid_model *model) {
  return model->file.popularity;
}

#endif
