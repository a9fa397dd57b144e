/*
 * A DAG of named jobs. A node is a name that somebody has used; it lives as long
 * as the DAG, in a tree by name (tsearch), with the nodes that wait for it as
 * edges. A node that is settled settles others; what is to be settled stands in a
 * line, so that long chains need no deep stack.
 */
#ifndef GREEN_DAG_H
#define GREEN_DAG_H

#include <greenhub/pool.h>

#include "base/list.h"
#include "sync/waiters.h"

enum green__node_state {
    GREEN__NODE_NAMED,   /* an input of somebody, or waited for; nobody's job */
    GREEN__NODE_WAITING, /* for inputs */
    GREEN__NODE_READY,   /* for its turn */
    GREEN__NODE_RUNNING,
    GREEN__NODE_SETTLED, /* it has a value or an error */
};

struct green__node;

/* "`dependent` needs `input`"; the dependent's array holds them. */
struct green__need {
    struct green_list list; /* in the input's dependents */
    struct green__node *dependent, *input;
};

struct green__node {
    struct green_list list; /* ready, running, being settled, or settled */
    struct green_dag *dag;
    char *name;
    enum green__node_state state;
    int (*fn)(struct green_dag *dag, void *arg, void **value);
    void *arg;
    void *value;
    int error;
    const struct green__node *origin; /* of the error */
    struct green_thread *thread;
    struct green__need *edges;  /* to its inputs */
    size_t edge_count, missing; /* all inputs, and those not there yet */
    unsigned visit;             /* the walk that came here last */
    struct green__node *next_to_visit;
    struct green_list dependents;
    struct green_waiters waiters;
};

struct green_dag {
    void *names; /* tsearch's tree of struct green__node, by name */
    size_t limit, running, waiting;
    size_t alive; /* greenthreads that may still touch it */
    unsigned visits;
    bool destroying;
    const struct green__node *failed; /* the first */
    struct green_list ready, at_work, to_settle;
    struct green_list settled; /* not given by green_dag_next yet */
    struct green_list given;   /* and the rest of them */
    struct green_waiters takers, idlers, destroyers;
};

static inline struct green__node *green__node_at(struct green_list *link)
{
    return container_of(link, struct green__node, list);
}

/* dag.c: a name's node. NULL; the second makes it, and fails with ENOMEM. */
struct green__node *green__node_find(const struct green_dag *dag,
                                     const char *name);
struct green__node *green__node_get(struct green_dag *dag, const char *name);

/* Notes what became of one; green__dag_settle_all does the rest. */
void green__node_settle_later(struct green__node *node, void *value, int error,
                              const struct green__node *origin);
void green__dag_settle_all(struct green_dag *dag);

/* Both, for one that has failed, if it has, by itself. */
void green__node_settle(struct green__node *node, void *value, int error);

/* dag_jobs.c: starts those that are ready, as far as there may be more. */
void green__dag_start_ready(struct green_dag *dag);

#endif
