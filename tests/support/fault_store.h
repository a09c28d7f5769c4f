/* A store around another one that counts its calls and fails the one it is told to, before or after the other store
 * has done it. */
#ifndef TESTS_SUPPORT_FAULT_STORE_H
#define TESTS_SUPPORT_FAULT_STORE_H

#include "solid/store.h"

typedef struct fault_slot {
  size_t calls;
  size_t users;        /* over all calls */
  size_t fail_in;      /* the fail_in-th call from now fails, once; 0 = none */
  int after;           /* 1 = it is done first and reported as failed */
  solid_status status; /* with which it fails */
} fault_slot;

typedef struct fault_store {
  solid_store base; /* what is handed to the code under test */
  solid_store *inner;
  fault_slot advance, put_params, get, put_states, forget, items_read;
  const char *foreign;      /* a user of whom every call says EFORMAT; NULL = nobody */
  const char *newer;        /* a user of whom `advance` and `forget` say EUNSUPPORTED; NULL = nobody */
  const char *newer_params; /* the same of `put_params` */
} fault_store;

/* Wraps `inner`, which stays the caller's; base.ops->close does nothing. */
void fault_store_wrap(fault_store *store, solid_store *inner);

#endif
