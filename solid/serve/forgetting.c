#include "solid/serve/forgetting.h"
#include "solid/extend.h"
#include "solid/serve/grouping.h"
#include <stdio.h>
#include <string.h>

enum { AT_ONCE = 64 };

solid_status solid_forget(solid_store *store, const solid_bytes *users, size_t n, uint8_t *had) {
  solid_status of_some = SOLID_OK;
  if (!store || (n && !users)) return solid_fail(SOLID_EINVAL, "forget: store or users are NULL");
  if (!store->ops->forget) return solid_fail(SOLID_EINVAL, "store %s cannot forget", store->ops->name);
  for (size_t from = 0; from < n; from += AT_ONCE) {
    solid_forgetting asked[AT_ONCE] = {{.time_ms = 0}};
    solid_status statuses[AT_ONCE];
    size_t count = n - from < AT_ONCE ? n - from : AT_ONCE;
    for (size_t i = 0; i < count; i++) asked[i].user = users[from + i];
    solid_status status = store->ops->forget(store, asked, count, had ? had + from : NULL, statuses);
    if (status) return status;
    for (size_t i = 0; i < count && !of_some; i++) of_some = statuses[i];
  }
  return of_some;
}

static int same_user(const solid_event *a, const solid_event *b) {
  return a->user.size == b->user.size && memcmp(a->user.data, b->user.data, a->user.size) == 0;
}

solid_status sol_forget_users(const sol_forgetting_batch *batch, const solid_event *events, size_t n) {
  solid_store *store = batch->store;
  for (size_t i = 0; i < n; i++) {
    if (events[i].worth != SOLID_WORTH_FORGET || sol_id_check(events[i].user)) continue;
    if (!store->ops->forget) return solid_fail(SOLID_EUNSUPPORTED, "store %s cannot forget", store->ops->name);
    const solid_forgetting asked = {events[i].user, events[i].position, events[i].time_ms > 0 ? events[i].time_ms : 0};
    solid_status of_user = SOLID_EUNKNOWN, status = store->ops->forget(store, &asked, 1, NULL, &of_user);
    if (batch->verdicts) batch->verdicts[i] = of_user;
    for (size_t k = 0; k < i; k++) {
      if (!batch->keep[k] || !same_user(&events[k], &events[i])) continue;
      batch->keep[k] = 0;
      if (batch->verdicts) batch->verdicts[k] = of_user;
    }
    if (status) return status;
    if (of_user == SOLID_EUNSUPPORTED) snprintf(batch->newer, SOL_NEWER_TEXT, "%s", solid_last_error());
    batch->stats->set_aside += of_user != SOLID_OK;
    batch->stats->forgotten += of_user == SOLID_OK;
  }
  return SOLID_OK;
}
