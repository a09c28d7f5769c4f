/* A slot over one memory, and three models of another rank each over the same items. */
#ifndef TESTS_SOLID_SERVE_SLOT_RIG_H
#define TESTS_SOLID_SERVE_SLOT_RIG_H

#include "solid/slot.h"

enum { SLOT_USERS = 40, SLOT_THREADS = 3, SLOT_MODELS = 3 };

/* .init and .fini of a suite. */
extern solid_context *slot_ctx;
void slot_begin(void);
void slot_end(void);

typedef struct rig_slot {
  solid_slot *slot;
  solid_store *stores[SLOT_THREADS + 1]; /* the last one is for switches */
} rig_slot;

rig_slot slot_open(void);
void slot_close(rig_slot *rig);
solid_model *slot_model(int which);
uint64_t slot_generation(const solid_model *model);
uint64_t slot_add(rig_slot *rig, int which); /* its generation */
void slot_switch(rig_slot *rig, uint64_t generation, uint32_t share);
solid_bytes slot_user(int user, char text[16]);

#endif
