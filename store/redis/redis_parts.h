/* What the files of the Redis store share: redis_open.c makes it, redis_batch.c runs the scripts of a call and reads
 * the epoch behind them, redis_apart.c asks who was forgotten while a slot moves, redis_store.c answers the calls about
 * users, with redis_history.c for what is in pages and redis_states.c for states, redis_forget.c forgets users,
 * redis_epoch.c and redis_streams.c answer those about epoch and streams, redis_safety.c says what outlives a server,
 * redis_server.c looks at how servers are set up, redis_adopt.c takes over records of the layout before. */
#ifndef STORE_REDIS_REDIS_PARTS_H
#define STORE_REDIS_REDIS_PARTS_H

#include "solid/base/text.h"
#include "store/redis/cluster.h"
#include "store/redis_store.h"

/* Places of the scripts in sol_redis_options.scripts. */
enum {
  SOL_SCRIPT_ADVANCE = 0,
  SOL_SCRIPT_PUT = 1,
  SOL_SCRIPT_GET = 2,
  SOL_SCRIPT_STREAM = 3,
  SOL_SCRIPT_SETTLE = 4,
  SOL_SCRIPT_PUT_PAGES = 5,
  SOL_SCRIPT_GET_PAGES = 6,
  SOL_SCRIPT_PUT_STATE = 7,
  SOL_SCRIPT_GET_STATE = 8,
  SOL_SCRIPT_FORGET = 9,
  SOL_SCRIPT_ITEMS_APPEND = 10,
  SOL_SCRIPT_ITEMS_READ = 11,
  SOL_SCRIPT_ITEMS_DROP = 12,
  SOL_SCRIPT_GONE = 13,
  SOL_SCRIPT_GET_SEEN = 14
};

/* The commands of a call about one user, in this order. */
enum { SOL_OF_RECORD = 0, SOL_OF_STATE = 1, SOL_OF_PAGES = 2, SOL_OF_SEEN = 3, SOL_KINDS = 4 };

/* What a writer to a cluster knows of its slots: (SOL_SLOTS) each. */
typedef struct sol_slot_marks {
  uint32_t *proven; /* the connection over which the epoch was last found in the slot; 0 = none */
  uint64_t *asked;  /* number of the batch that asks for the slot's epoch, and of the command that does */
} sol_slot_marks;

/* What an append says about histories, as advance.lua reads it. */
typedef struct sol_history_needs {
  uint32_t most, leaves;
  int64_t now_ms, renew_ms;
  uint64_t birth;
} sol_history_needs;

/* What the record of one user of a call said about pages, and what is left to do because of it. */
typedef struct sol_history_note {
  uint64_t begun;         /* number of the first step of the history */
  uint64_t first;         /* of the first one that is in the record */
  size_t full_at, n_full; /* steps that are to become pages, in store->full */
  int is_read;            /* the record was answered */
  int needs_pages;        /* steps of the window are in pages that are not read yet */
  int needs_seen;
  int is_large; /* the state is larger than the room for it: it is not asked for by HMGET */
  int is_gone;  /* the history went while its pages were read: its user was forgotten */
  int renew;    /* the lifetime of what lies beside the record */
  int clear;    /* what lies beside the record is of a history that is gone */
} sol_history_note;

/* A user who is on another node than the list of who was forgotten, and what that said: bytes of store->told. */
typedef struct sol_redis_apart {
  size_t user, at, size;
} sol_redis_apart;

typedef struct sol_redis_store {
  solid_store base;
  solid_redis_store_options options;
  sol_tls_options tls;
  sol_cluster cluster;
  char *strings;   /* copies of the options' strings */
  uint8_t *record; /* room for the params of one user */
  size_t record_room;
  sol_random random; /* of times to live */
  int is_writer;     /* it writes under `epoch`, and stops where the server has another */
  int is_careful;    /* it says EREWIND where a server may lack what was written */
  solid_store_epoch epoch;
  uint32_t *tags;       /* (SOL_SLOTS) by which a key that is no user's is in a slot; NULL = not needed yet */
  sol_slot_marks marks; /* NULL = not needed yet */
  uint32_t batches;
  size_t last_of_node[SOL_NODES_MAX]; /* the last user of the batch who is with this node */
  int64_t items_ms;                   /* when it was asked for last */
  int64_t looked_ms;                  /* when evicted keys were last counted */
  int64_t careful_ms; /* until when scripts are asked for what would come faster without one, and in any size */
  uint64_t damaged, stale, set_aside, renewed, evicted, dropped;
  sol_history_note *notes; /* of the users of the call */
  size_t *list;            /* of those of a later exchange, by number */
  size_t notes_room;       /* of both */
  solid_step *full;
  size_t n_full, full_room;
  uint8_t *blob; /* pages or parts on their way out */
  size_t blob_room;
  uint8_t state_head[64];
  sol_redis_apart *apart; /* of the users of the call, as their commands said */
  uint8_t *told;
  size_t n_apart, apart_room, n_told, told_room;
  char newer[512]; /* of the call: what was said of a user whose record is of a later version; "" = of nobody */
} sol_redis_store;

/* One call, as what makes its commands and takes its replies sees it; only the fields of that call are set. `make`
 * leaves cmd.argc 0 where there is no command of this kind (b->kind) for this user. */
typedef struct sol_redis_batch sol_redis_batch;
typedef void (*sol_redis_make_fn)(sol_redis_batch *b, size_t i);
typedef solid_status (*sol_redis_take_fn)(sol_redis_batch *b, sol_redis_conn *conn, size_t i, const redisReply *reply);
struct sol_redis_batch {
  sol_redis_store *store;
  const solid_append *appends;
  const solid_bytes *users;
  const solid_params *made;
  const solid_forgetting *forgettings;
  solid_window *windows;
  solid_params *params;
  size_t *applied;
  uint8_t *found, *had;
  solid_status *statuses;
  int is_settling; /* the commands of this exchange decide what is done: whose is lost is EUNKNOWN */
  const solid_state_put *puts;
  solid_state *states;    /* of get_states */
  const uint64_t *births; /* of their histories */
  uint8_t *stored;
  uint64_t generation;
  int64_t now_ms;           /* wall clock */
  int64_t asked_ms;         /* of the forgetting at hand */
  solid_store_epoch secret; /* for lists of who was forgotten that have none yet: 128 bits as well */
  sol_history_needs needs;  /* of the next command */
  size_t n;
  const size_t *list;           /* the users of this exchange; NULL = all, of the call's arrays */
  const sol_redis_apart *apart; /* these instead, where not NULL */
  size_t kinds;                 /* commands a user, at most; 0 = one */
  size_t kind;                  /* of the command at hand */
  size_t at;                    /* place of its user in this exchange */
  size_t epochs;                /* questions for epochs, behind the users; behind those one for the item log */
  sol_redis_make_fn make;       /* the script of user i, into `cmd` */
  sol_redis_take_fn take;       /* its answer, which may be an error */
  sol_command cmd;
};

extern const solid_store_ops sol_redis_ops;

/* redis_store.c: a record's time to live, some of it drawn. */
int64_t sol_redis_draw_ttl(sol_redis_store *store);

/* redis_params.c: slot of solid_store_ops. */
solid_status sol_redis_put_params(solid_store *store, const solid_bytes *users, const solid_params *params, size_t n,
                                  solid_status *statuses);

/* redis_forget.c: slot of solid_store_ops. */
solid_status sol_redis_forget(solid_store *store, const solid_forgetting *forgettings, size_t n, uint8_t *had,
                              solid_status *statuses);

/* redis_batch.c: runs the script of each of n users in one exchange; of a writer the epoch is read behind them. ELOST:
 * it is another one. */
solid_status sol_redis_run(sol_redis_batch *b, size_t n, sol_redis_make_fn make, sol_redis_take_fn take);
/* A failure of one user alone goes to his status: a key of another type, and a record of a newer version. The rest is
 * everybody's. */
solid_status sol_redis_judge_user(sol_redis_batch *b, sol_redis_conn *conn, size_t i, solid_bytes user,
                                  const redisReply *reply);
/* The same of the command that decides what is done, whose status is the user's in any case. */
solid_status sol_redis_judge_write(sol_redis_batch *b, sol_redis_conn *conn, size_t i, solid_bytes user,
                                   const redisReply *reply);
/* Before a call that writes: of no user it is known that it was done. Behind it: whom a call that failed did not reach
 * has its status, and the text is that of a record of a newer version, if there is one. Returns `status`. */
void sol_redis_begin_writing(sol_redis_batch *b, size_t n);
solid_status sol_redis_end_writing(sol_redis_batch *b, size_t n, solid_status status);
void sol_redis_tell_damaged(sol_redis_store *store, sol_redis_conn *conn, solid_bytes user, const char *what,
                            const char *then);
void sol_redis_tell_items_damaged(sol_redis_store *store, sol_redis_conn *conn);
/* Grows *buffer to `size` bytes of which *room are there. ENOMEM: it is as it was. */
solid_status sol_redis_grow(void *buffer, size_t *room, size_t size, const char *what);
/* Key, script and how many keys: what every script's command begins with. */
void sol_redis_begin_script(sol_command *cmd, int script);
/* The tag of the slot of the command's key, by which scripts find who was forgotten. */
void sol_redis_add_tag(const sol_redis_store *store, sol_command *cmd);
solid_status sol_redis_make_tags(sol_redis_store *store); /* ENOMEM */

/* redis_apart.c: 1 if user i is, as the reply says; *status: ENOMEM. The commands of all such users once more, with
 * what the list said, behind the exchange; and that, for who makes them. */
int sol_redis_note_apart(sol_redis_batch *b, size_t i, const redisReply *reply, solid_status *status);
solid_status sol_redis_join_apart(sol_redis_batch *b);
void sol_redis_add_told(sol_redis_batch *b);

solid_status sol_redis_out_of_step(sol_redis_conn *conn);
/* An answer was longer than any may be: for a minute scripts are asked, which look at sizes first. */
void sol_redis_be_careful(sol_redis_store *store);
int sol_redis_is_careful(const sol_redis_store *store);
/* A user's key for a log or an error text, escaped. */
sol_shown sol_redis_show_key(const sol_redis_store *store, solid_bytes user);

/* The user whom a command of a batch of windows is about. */
static inline solid_bytes sol_redis_user_of(const sol_redis_batch *b, size_t i) {
  return b->appends ? b->appends[i].user : b->users[i];
}

/* redis_history.c: a call begins with notes about its n users. ENOMEM. */
solid_status sol_redis_begin_notes(sol_redis_store *store, size_t n);
/* How long what lies beside a record is kept: longer than the record, whatever was used last. */
int64_t sol_redis_long_ttl(const sol_redis_store *store);
/* A window of nobody, with the room that it had. */
void sol_redis_empty(solid_window *window);
/* Takes what the record of user i said: the 24 bytes of its head (NULL = it has no history), and its newest steps, all
 * of them where they are fewer than is asked for. 0: out of step. */
int sol_redis_take_record(sol_redis_batch *b, size_t i, const void *history, const redisReply *steps, uint64_t seq);
/* And of an append: the steps that are to become pages, and the number of the record's first step. ENOMEM goes to
 * *status. */
int sol_redis_take_full(sol_redis_batch *b, size_t i, const redisReply *full, uint64_t first, int renew,
                        solid_status *status);
/* redis_pages.c. Of a question that asks for pages: the command in the first exchange, that for what is needed once the
 * record is known, and the answer to either. */
int sol_redis_is_long(const sol_redis_batch *b, size_t i); /* user i's window may need more than a record has */
void sol_redis_make_pages(sol_redis_batch *b, size_t i);
void sol_redis_make_needed(sol_redis_batch *b, size_t i);
solid_status sol_redis_take_pages(sol_redis_batch *b, sol_redis_conn *conn, size_t i, const redisReply *reply);
void sol_redis_make_seen(sol_redis_batch *b, size_t i);
solid_status sol_redis_take_seen(sol_redis_batch *b, sol_redis_conn *conn, size_t i, const redisReply *reply);
#define SOL_SEEN_DAMAGED "set of what was taken"
/* Whether any window of the call asks for more steps than a record may have. What was ever taken is asked for once it
 * is known that there are pages: who has none, as most users, shall cost nothing. */
int sol_redis_asks_more(const sol_redis_batch *b, size_t n);
/* What is left after the first exchange: full pages are written and leave their records, pages are read. */
solid_status sol_redis_follow(sol_redis_batch *b, size_t n);

/* redis_states.c: slots of solid_store_ops. */
solid_status sol_redis_put_states(solid_store *store, const solid_state_put *puts, size_t n, uint8_t *stored,
                                  solid_status *statuses);
solid_status sol_redis_get_states(solid_store *store, const solid_bytes *users, const uint64_t *births, size_t n,
                                  solid_state *states, solid_status *statuses);
/* The question for a state, and its answer. */
void sol_redis_make_state(sol_redis_batch *b, solid_bytes user, const solid_state *state, uint32_t count);
solid_status sol_redis_take_state(sol_redis_batch *b, sol_redis_conn *conn, size_t i, solid_bytes user,
                                  const redisReply *reply, solid_state *state);
/* What a state is to a history of this birth and seq. */
void sol_redis_judge_state(solid_state *state, uint64_t birth, uint64_t seq);

/* redis_epoch.c: slots of solid_store_ops. */
solid_status sol_redis_epoch(solid_store *store, solid_store_epoch *out);
/* Ready; who the servers are is asked of those that are connected, and at every connection from now on. */
solid_status sol_redis_ask_who(sol_redis_store *store);
solid_status sol_redis_epoch_begin(solid_store *store, int anew, solid_store_epoch *out);
/* Of a cluster: what is known of slots is there from now on. ENOMEM. */
solid_status sol_redis_make_marks(sol_redis_store *store);
/* The question for the epoch: of a server, or of one slot. */
void sol_redis_ask_epoch(const sol_redis_store *store, sol_command *cmd, int of_slot, uint32_t slot);
/* OK, or ELOST: what this store wrote is worth nothing where the server has not, behind it, the epoch under which it
 * was written. */
solid_status sol_redis_judge_epoch(const sol_redis_store *store, sol_redis_conn *conn, const redisReply *reply);

/* redis_safety.c: slot of solid_store_ops. */
solid_status sol_redis_safe_age(solid_store *store, int64_t *age_ms);

/* redis_streams.c: slots of solid_store_ops. */
solid_status sol_redis_stream_load(solid_store *store, solid_bytes name, void *room, size_t *size);
solid_status sol_redis_stream_save(solid_store *store, solid_bytes name, solid_bytes seen, solid_bytes record,
                                   int *saved);

/* redis_items.c: slots of solid_store_ops. */
solid_status sol_redis_items_read(solid_store *store, uint64_t from, size_t most, solid_item_fn take, void *take_user,
                                  solid_items_version *now);
solid_status sol_redis_items_append(solid_store *store, const solid_items_version *seen,
                                    const solid_item_entry *entries, size_t n, solid_items_version *now, int *appended);
solid_status sol_redis_items_drop(solid_store *store, const solid_items_version *seen, const uint64_t *numbers,
                                  size_t n, int *dropped);
/* 1 if the head of the log is to be read with this call; the question, and what becomes of its answer. */
int sol_redis_asks_items(sol_redis_store *store);
void sol_redis_ask_items(sol_redis_batch *b);
void sol_redis_note_items(sol_redis_store *store, sol_redis_conn *conn, const redisReply *reply);

/* redis_users.c: a slot of solid_store_ops. */
solid_status sol_redis_list(solid_store *store, size_t most, uint64_t *cursor, solid_user_fn take, void *take_user);

/* redis_server.c: warns of servers that evict or keep nothing on disk. */
solid_status sol_redis_look(sol_redis_store *store);
/* Counts evicted keys where they were last counted long enough ago, of those servers that answer. */
void sol_redis_count_evicted(sol_redis_store *store);
/* Counts them once more at the end, so that a short run reports them too. */
void sol_redis_count_last(sol_redis_store *store);

/* redis_adopt.c: EFORMAT, saying what may be done, where records of the layout before are there and no epoch is. */
solid_status sol_redis_check_old(sol_redis_store *store);

/* redis_streams.c: what lies under <prefix><name>, at most `most` bytes and one more, 0 = nothing; sets it to an epoch
 * (where `only_new` is 1 only if there is nothing); removes it; whether an empty string lies there. */
solid_status sol_redis_read_name(sol_redis_store *store, const char *name, size_t most, void *room, size_t *size);
solid_status sol_redis_set_name(sol_redis_store *store, const char *name, const solid_store_epoch *epoch, int only_new);
solid_status sol_redis_remove_name(sol_redis_store *store, const char *name);
solid_status sol_redis_is_empty(sol_redis_store *store, const char *name, int *is_empty);

/* Sends one command and gives its answer to `take`. */
solid_status sol_redis_ask(sol_redis_store *store, const sol_command *cmd, sol_redis_reply_fn take, void *user);

/* NULL is a no-op. */
void sol_redis_store_free(sol_redis_store *store);

#endif
