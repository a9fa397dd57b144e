/*
 * A DAG of named jobs. A node is a name that a caller has used. It lives as
 * long as the DAG, in a tree by name (tsearch); edges lead to the nodes that
 * wait for it. A settled node may settle others: these go to a list, so that
 * long chains need no deep stack.
 */
#ifndef GREEN_DAG_H
#define GREEN_DAG_H

#include <greenhub/pool.h>

#include "base/list.h"
#include "sync/waiters.h"

enum green__node_state {
    GREEN__NODE_NAMED,   /* an input or waited for, without a job */
    GREEN__NODE_WAITING, /* for inputs */
    GREEN__NODE_READY,   /* for a free slot under the limit */
    GREEN__NODE_RUNNING,
    GREEN__NODE_SETTLED, /* it has a value or an error */
};

struct green__node;

/* `dependent` needs `input`; an element of the dependent's `edges`. */
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
    size_t edge_count, missing; /* all inputs; unsettled inputs */
    unsigned visit;             /* the last walk that visited it */
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
    const struct green__node *failed; /* the first that failed */
    struct green_list ready, at_work, to_settle;
    struct green_list settled; /* green_dag_next has not returned these yet */
    struct green_list given;   /* settled, and returned */
    struct green_waiters takers, idlers, destroyers;
};

static inline struct green__node *green__node_at(struct green_list *link)
{
    return container_of(link, struct green__node, list);
}

/* dag.c: returns a name's node, or NULL. _get makes it if there is none; NULL
 * then means ENOMEM. */
struct green__node *green__node_find(const struct green_dag *dag,
                                     const char *name);
struct green__node *green__node_get(struct green_dag *dag, const char *name);

/* Records a node's outcome; green__dag_settle_all settles its dependents and
 * wakes the waiters. */
void green__node_settle_later(struct green__node *node, void *value, int error,
                              const struct green__node *origin);
void green__dag_settle_all(struct green_dag *dag);

/* Does both; an error has this node as its origin. */
void green__node_settle(struct green__node *node, void *value, int error);

/* dag_jobs.c: starts ready jobs, up to the DAG's limit. */
void green__dag_start_ready(struct green_dag *dag);

#endif
