/* A DAG's jobs: their inputs, start and end. */
#include "sync/dag.h"

#include "base/system.h"
#include "greenthread/spawn.h"

/* Lies on the job's stack. */
struct job {
    struct green__node *node;
    void *value;
    int error;
};

static void *job_main(void *arg)
{
    struct job *job = arg;
    struct green__node *node = job->node;

    errno = 0;
    if (node->fn(node->dag, node->arg, &job->value) < 0)
        job->error = errno ? errno : EIO;
    return NULL;
}

static void job_ends(struct green_thread *thread, void *arg)
{
    struct job *job = arg;
    struct green_dag *dag = job->node->dag;

    if (thread->flags & GREEN__CANCELLED)
        job->error = ECANCELED;
    job->node->thread = NULL;
    dag->running--;
    green__node_settle(job->node, job->error ? NULL : job->value, job->error);
    if (--dag->alive == 0)
        green__line_wake_all(&dag->destroyers);
}

static int start(struct green__node *node)
{
    struct green_dag *dag = node->dag;
    struct green_thread *thread = green__spawn_prepare(
        job_main, sizeof(struct job), job_ends, (void *)(uintptr_t)node->fn);
    struct job *job;

    if (!thread)
        return -1;
    thread->flags |= GREEN__DETACHED;
    job = green__record_of(thread, sizeof *job);
    *job = (struct job){.node = node};
    node->thread = thread;
    node->state = GREEN__NODE_RUNNING;
    green__list_remove(&node->list);
    green__list_append(&dag->at_work, &node->list);
    dag->waiting--;
    dag->running++;
    dag->alive++;
    green__spawn_start(thread);
    return 0;
}

void green__dag_start_ready(struct green_dag *dag)
{
    while (!green__list_empty(&dag->ready) && !dag->destroying &&
           (dag->limit == 0 || dag->running < dag->limit)) {
        struct green__node *node = green__node_at(dag->ready.next);

        if (start(node) < 0)
            green__node_settle_later(node, NULL, errno, node);
    }
}

/*
 * Whether `from` waits for `goal`, directly or through other nodes. The walk
 * needs no stack: it links the nodes that it will visit.
 */
static bool leads_to(struct green__node *from, const struct green__node *goal)
{
    unsigned visit = ++from->dag->visits;
    struct green__node *last = from;

    from->visit = visit;
    from->next_to_visit = NULL;
    for (; from; from = from->next_to_visit) {
        for (size_t i = 0; i < from->edge_count; i++) {
            struct green__node *input = from->edges[i].input;

            if (input == goal)
                return true;
            if (input->visit == visit || input->state != GREEN__NODE_WAITING)
                continue;
            input->visit = visit;
            input->next_to_visit = NULL;
            last->next_to_visit = input;
            last = input;
        }
    }
    return false;
}

static void drop_edges(struct green__node *node)
{
    for (size_t i = 0; i < node->edge_count; i++)
        green__list_remove(&node->edges[i].list);
    green__system.release(node->edges);
    node->edges = NULL;
    node->edge_count = 0;
}

/* Makes the edges to the inputs, which do not list them as dependents yet. */
static int make_edges(struct green__node *node, const char *const *inputs)
{
    size_t count = 0;

    while (inputs && inputs[count])
        count++;
    if (count == 0)
        return 0;
    node->edges = green__system.allocate(count, sizeof *node->edges);
    if (!node->edges)
        return green__refuse(ENOMEM);
    for (size_t i = 0; i < count; i++) {
        struct green__need *edge = &node->edges[i];

        green__list_init(&edge->list);
        edge->dependent = node;
        edge->input = green__node_get(node->dag, inputs[i]);
        node->edge_count = i + 1;
        if (!edge->input) {
            node->edge_count = i;
            return -1;
        }
    }
    /* A cycle is possible: earlier jobs may have named this node as an
     * input. */
    return leads_to(node, node) ? green__refuse(ELOOP) : 0;
}

/* Registers the node with its inputs. Returns an input that has failed, or
 * NULL. */
static const struct green__node *wait_for_inputs(struct green__node *node)
{
    const struct green__node *failed = NULL;

    for (size_t i = 0; i < node->edge_count; i++) {
        struct green__need *edge = &node->edges[i];

        if (edge->input->state != GREEN__NODE_SETTLED) {
            green__list_append(&edge->input->dependents, &edge->list);
            node->missing++;
        } else if (edge->input->error && !failed) {
            failed = edge->input;
        }
    }
    return failed;
}

static void begin(struct green__node *node)
{
    struct green_dag *dag = node->dag;
    const struct green__node *failed = wait_for_inputs(node);

    node->state = GREEN__NODE_WAITING;
    dag->waiting++;
    if (failed) {
        green__node_settle_later(node, NULL, failed->error, failed->origin);
    } else if (node->missing == 0) {
        node->state = GREEN__NODE_READY;
        green__list_append(&dag->ready, &node->list);
        green__dag_start_ready(dag);
    }
    green__dag_settle_all(dag);
}

/* Returns a node without a job or value, or NULL with errno. */
static struct green__node *claim(struct green_dag *dag, const char *name)
{
    struct green__node *node;

    if (!dag || !name) {
        errno = EINVAL;
        return NULL;
    }
    node = green__node_get(dag, name);
    if (node && node->state != GREEN__NODE_NAMED) {
        errno = EEXIST;
        return NULL;
    }
    return node;
}

int green_dag_spawn(struct green_dag *dag, const char *name,
                    const char *const *inputs,
                    int (*fn)(struct green_dag *dag, void *arg, void **value),
                    void *arg)
{
    struct green__node *node = claim(dag, fn ? name : NULL);
    int error;

    if (!node)
        return -1;
    if (dag->destroying)
        return green__refuse(ECANCELED);
    if (make_edges(node, inputs) < 0) {
        error = errno;
        drop_edges(node);
        return green__refuse(error);
    }
    node->fn = fn;
    node->arg = arg;
    begin(node);
    return 0;
}

int green_dag_post(struct green_dag *dag, const char *name, void *value)
{
    struct green__node *node = claim(dag, name);

    if (!node)
        return -1;
    green__node_settle(node, value, 0);
    return 0;
}

int green_dag_fail(struct green_dag *dag, const char *name, int error)
{
    struct green__node *node = claim(dag, error > 0 ? name : NULL);

    if (!node)
        return -1;
    green__node_settle(node, NULL, error);
    return 0;
}

int green_dag_kill(struct green_dag *dag, const char *name)
{
    struct green__node *node;

    if (!dag || !name)
        return green__refuse(EINVAL);
    node = green__node_find(dag, name);
    if (!node || node->state == GREEN__NODE_NAMED ||
        node->state == GREEN__NODE_SETTLED)
        return green__refuse(ESRCH);
    if (node->thread)
        return green_kill(node->thread);
    green__node_settle(node, NULL, ECANCELED);
    return 0;
}
