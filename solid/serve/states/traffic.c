/* States from the store into slots, and back. */
#include "solid/base/text.h"
#include "solid/base/values.h"
#include "solid/model/model_parts.h"
#include "solid/serve/states/parts.h"

/* The store's parts are those of an image under another name: infer/ knows no store. */
static void read_parts(sol_keeper *k, const solid_state_part *from, size_t n) {
  for (size_t i = 0; i < n; i++) k->image_parts[i] = (sol_part){from[i].number, from[i].size, from[i].data};
}

static void give_parts(const sol_image *image, solid_state_part *to) {
  for (size_t i = 0; i < image->n; i++)
    to[i] = (solid_state_part){image->parts[i].number, image->parts[i].size, image->parts[i].data};
}

static void take_state(sol_keeper *k, size_t slot, const sol_wish *wish, const solid_state *state) {
  const solid_window *window = wish->window;
  sol_place *p = &k->places[slot];
  uint64_t seq = 0;
  if (state->found == SOLID_STATE_NONE) return;
  solid_status status = SOLID_EFORMAT;
  if (state->found == SOLID_STATE_FOUND && state->n_read == state->n_parts) {
    read_parts(k, state->parts, state->n_read);
    status = sol_image_unpack(k->states, slot, k->image_parts, state->n_read, &seq);
  }
  if (!status && seq == state->stamp.seq) {
    p->birth = window->birth, p->seq = p->stored_seq = seq;
    p->is_newer = seq > window->seq;
    p->stored_events = sol_states_events(k->states, slot);
    if (sol_keeper_is_good(k, slot, window)) {
      k->stats.read++;
      return;
    }
  }
  if (status && state->found != SOLID_STATE_OTHER)
    sol_log(sol_model_context(k->model), SOLID_LOG_WARN, "user %s: %s", sol_show(wish->user.data, wish->user.size).text,
            state->found == SOLID_STATE_FOUND ? solid_last_error() : "the attention state in the store is damaged");
  k->stats.refused++;
  sol_states_clear(k->states, slot);
  p->seq = p->stored_seq = p->stored_events = 0, p->is_newer = 0;
}

solid_status sol_keeper_read(sol_keeper *k, const sol_wish *wishes, size_t n) {
  size_t which[SOL_READ_AT_ONCE], wanted = 0;
  solid_bytes users[SOL_READ_AT_ONCE];
  uint64_t births[SOL_READ_AT_ONCE];
  solid_state states[SOL_READ_AT_ONCE];
  solid_status statuses[SOL_READ_AT_ONCE], status = SOLID_OK;
  for (size_t i = 0; i <= n && !status; i++) {
    if (wanted == SOL_READ_AT_ONCE || (i == n && wanted)) {
      status = k->store->ops->get_states(k->store, users, births, wanted, states, statuses);
      for (size_t j = 0; j < wanted && !status; j++)
        if (!statuses[j]) take_state(k, k->slot_of[which[j]], &wishes[which[j]], &states[j]);
      wanted = 0;
    }
    if (i == n || !wishes[i].user.size || !wishes[i].window->birth ||
        sol_keeper_is_good(k, k->slot_of[i], wishes[i].window))
      continue;
    which[wanted] = i, users[wanted] = wishes[i].user, births[wanted] = wishes[i].window->birth;
    states[wanted] = (solid_state){.generation = k->generation,
                                   .selector = k->selector,
                                   .count = (uint32_t)k->most,
                                   .parts = k->parts + wanted * k->most,
                                   .room = k->room + wanted * k->image,
                                   .room_size = k->image};
    wanted++;
  }
  return status;
}

static void put_all(sol_keeper *k, size_t n) {
  uint8_t stored[SOL_KEPT_AT_ONCE];
  solid_status statuses[SOL_KEPT_AT_ONCE], status = SOLID_OK;
  if (!n) return;
  status = k->store->ops->put_states(k->store, k->puts, n, stored, statuses);
  for (size_t i = 0; i < n; i++) {
    sol_place *p = &k->places[k->put_slots[i]];
    int is_stored = !status && !statuses[i] && stored[i];
    k->stats.unsaved += !is_stored;
    p->stored_seq = is_stored ? p->seq : 0;
    p->stored_events = is_stored ? sol_states_events(k->states, k->put_slots[i]) : 0;
  }
}

void sol_keeper_write(sol_keeper *k, const sol_wish *wishes, size_t n) {
  size_t used = 0, parts = 0, puts = 0;
  for (size_t i = 0; i < n; i++) {
    size_t slot = k->slot_of[i];
    sol_place *p = &k->places[slot];
    if (!wishes[i].user.size || !p->birth || !p->seq || (p->stored_seq && p->seq - p->stored_seq < k->behind)) continue;
    if (used + k->image > SOL_READ_AT_ONCE * k->image || parts + k->most > SOL_READ_AT_ONCE * k->most)
      put_all(k, puts), used = parts = puts = 0;
    sol_image image = {.room = k->room + used, .parts = k->image_parts};
    uint64_t since = p->stored_seq ? p->stored_events : 0;
    if (sol_image_pack(k->states, slot, p->seq, SOL_VALUES_I8, since, &image)) {
      k->stats.unsaved++;
      continue;
    }
    give_parts(&image, k->parts + parts);
    k->put_slots[puts] = slot;
    k->puts[puts++] = (solid_state_put){.user = wishes[i].user,
                                        .stamp = {.birth = p->birth,
                                                  .seq = p->seq,
                                                  .generation = k->generation,
                                                  .selector = k->selector,
                                                  .events = sol_states_events(k->states, slot)},
                                        .after = image.whole ? 0 : p->stored_seq,
                                        .parts = k->parts + parts,
                                        .n = image.n};
    used += (image.bytes + 63) / 64 * 64, parts += image.n;
  }
  put_all(k, puts);
}
