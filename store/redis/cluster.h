/* The servers behind a store: one, or the masters of a Redis Cluster.
 *
 * That a server is of a cluster is learnt from itself, when it is asked who it is or says MOVED. From then on a command
 * goes to the node that has the slot of its key, the commands of a run to all their nodes at once. What a node does not
 * do is sent again within the same run:
 *
 *   MOVED      the map of slots is read again from who said so, and the command goes to the new owner
 *   ASK        ASKING and the command go to the node that is named; the map stays
 *   NOSCRIPT   the scripts are loaded there, and the command is repeated, behind ASKING if need be
 *   TRYAGAIN   the command waits alone, and is repeated until the run's time is over
 *
 * A node that fails makes the run fail with a status that passes; the next run reads the map again first. */
#ifndef STORE_REDIS_CLUSTER_H
#define STORE_REDIS_CLUSTER_H

#include "store/redis/address.h"
#include "store/redis/connection.h"
#include "store/redis/slots.h"

enum { SOL_NODES_MAX = 256, SOL_NO_NODE = 0xffff };

typedef struct sol_node {
  sol_redis_conn conn; /* first: a connection is a node */
  sol_place place;
  int is_master;     /* of some slots */
  uint64_t named;    /* number of the map when somebody named it last */
  int is_used;       /* in the round that is under way */
  int lacks_scripts; /* said NOSCRIPT in it */
} sol_node;

/* What is known of a command of a run. */
typedef struct sol_route {
  uint16_t slot;
  uint16_t ask;    /* 1 + the node that has to be asked instead of the owner; 0 = none */
  uint16_t is_out; /* it was sent, and no reply has come */
} sol_route;

typedef struct sol_cluster {
  sol_redis_options options;
  sol_address address;
  sol_node *nodes[SOL_NODES_MAX]; /* the first one is reached by the address */
  size_t n_nodes;
  uint16_t *owners; /* (SOL_SLOTS) nodes; NULL = one server has everything */
  uint16_t *fresh;  /* (SOL_SLOTS) the map while it is read */
  uint64_t map;     /* how often it was read, or tried to be */
  int is_stale;     /* a node failed: the map is to be read again */
  int is_changed;   /* another node has taken over from a master, which had taken what is not safe yet */
  size_t *pending;  /* commands of the run that are not done */
  sol_route *routes;
  size_t room; /* of both */
} sol_cluster;

/* The commands of a run, numbered from 0. */
typedef struct sol_calls {
  size_t n;
  const sol_command *(*make)(void *user, size_t number); /* NULL = none has this number */
  sol_redis_reply_fn take;                 /* replies, in any order; those of the table above do not come here */
  void (*lost)(void *user, size_t number); /* of a run that failed: it was sent, and no reply came. NULL = not told */
  void *user;
  int is_write;   /* what it writes is to outlive its server: it is waited for by safety.c */
  int is_settled; /* none of it is done in a slot that is being moved: what would be asked elsewhere waits */
  int is_careful; /* EREWIND instead, where another server may lack what the one before had taken */
} sol_calls;

/* Does not connect. Options and address are copied, their strings borrowed. ENOMEM. */
solid_status sol_cluster_init(sol_cluster *c, const sol_redis_options *options, const sol_address *address);
void sol_cluster_end(sol_cluster *c);

/* The first node is connected; if it is of a cluster, the map is read. */
solid_status sol_cluster_ready(sol_cluster *c);

/* cluster_run.c. Retriable: a node failed, or did not do it in time; what others did is done. */
solid_status sol_cluster_run(sol_cluster *c, const sol_calls *calls);

/* Sends n commands, which have no keys, to every master, or with `who_is_there` to those that are connected; their
 * numbers are their places. */
solid_status sol_cluster_ask(sol_cluster *c, int who_is_there, const sol_command *const *cmds, size_t n,
                             sol_redis_reply_fn take, void *user);

/* Reads the map; asks `first` (may be NULL) before the others. */
solid_status sol_cluster_learn(sol_cluster *c, sol_node *first);

/* The node at this place, which is made where there is none; where there are too many, of one that has no slots and
 * that nobody has named since the map before this one. NULL: no memory, or all are needed. */
sol_node *sol_cluster_node(sol_cluster *c, const char *host, size_t size, uint32_t port);

/* The owner of a slot; the first node where there is none, which says what is the matter. */
sol_node *sol_cluster_owner(const sol_cluster *c, uint32_t slot);

/* 1 if a server that had taken what is not safe is gone or another; said once, and then nothing waits to be safe. */
int sol_cluster_has_changed(sol_cluster *c);
/* EREWIND, in words. */
solid_status sol_cluster_say_changed(const sol_cluster *c);

/* Is one of the masters, or the only server. */
int sol_cluster_is_master(const sol_cluster *c, const sol_node *node);

/* Connections made, and exchanges. */
uint64_t sol_cluster_connections(const sol_cluster *c);
uint64_t sol_cluster_exchanges(const sol_cluster *c);

/* Number of a node's connection among all: another one after each reconnection. Never 0 while it is connected. */
uint32_t sol_cluster_token(const sol_cluster *c, uint32_t slot);

#endif
