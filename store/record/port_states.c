/* Decisions about attention states that every implementation of solid/store.h shares. */
#include "store/record/port.h"
#include <string.h>

int sol_port_judge_put(const solid_state_stamp *there, size_t n_parts, const solid_state_put *put, size_t *n) {
  const solid_state_stamp *stamp = &put->stamp;
  *n = put->n;
  int is_same = there && there->birth == stamp->birth && there->generation == stamp->generation &&
                there->selector == stamp->selector;
  if (!put->after) return is_same && there->seq > stamp->seq ? SOL_PUT_REFUSED : SOL_PUT_WRITTEN;
  if (!is_same) return SOL_PUT_REFUSED;
  if (there->seq == stamp->seq && there->events == stamp->events && put->after != stamp->seq) return SOL_PUT_WAS;
  if (there->seq != put->after) return SOL_PUT_REFUSED;
  *n = n_parts;
  for (size_t i = 0; i < put->n; i++) {
    if (put->parts[i].number > *n) return SOL_PUT_REFUSED; /* a gap */
    *n += put->parts[i].number == *n;
  }
  return SOL_PUT_WRITTEN;
}

solid_state_found sol_port_judge_state(const solid_state_stamp *stamp, uint64_t seq, const solid_state *asked) {
  if (stamp->generation != asked->generation || stamp->selector != asked->selector) return SOLID_STATE_OTHER;
  return stamp->seq > seq || stamp->events > stamp->seq ? SOLID_STATE_DAMAGED : SOLID_STATE_FOUND;
}

void sol_port_begin_state(solid_state *state, solid_state_found found, const solid_state_stamp *stamp,
                          uint32_t n_parts) {
  state->found = (uint32_t)found;
  state->stamp = stamp ? *stamp : (solid_state_stamp){0};
  state->n_parts = stamp ? n_parts : 0;
  state->n_read = 0;
  state->size = 0;
}

void sol_port_add_part(solid_state *state, uint32_t number, const uint8_t *data, uint32_t size) {
  size_t at = state->size, room = ((size_t)size + 7) / 8 * 8;
  state->size += room;
  if (state->size > state->room_size) return;
  if (size) memcpy(state->room + at, data, size);
  memset(state->room + at + size, 0, room - size);
  state->parts[state->n_read++] = (solid_state_part){number, size, state->room + at};
}

void sol_port_end_state(solid_state *state) {
  if (state->size <= state->room_size) return;
  state->found = SOLID_STATE_LARGE;
  state->n_read = 0;
}
