/* A DAG's names and values: how they settle and wake their waiters. */
#include "sync/dag.h"

#include <search.h>
#include <string.h>

#include "base/system.h"
#include "sync/outcome.h"

struct taker {
    struct green_place place;
    struct green__node *node; /* NULL: none left */
};

static const struct green__wait_kind for_value = {.name = "value of a DAG",
                                                  .inside = true};
static const struct green__wait_kind for_next = {.name = "next of a DAG",
                                                 .inside = true};
static const struct green__wait_kind for_all = {.name = "end of a DAG's jobs",
                                                .inside = true};

/* ---- Names ----------------------------------------------------------- */

static int by_name(const void *a, const void *b)
{
    return strcmp(((const struct green__node *)a)->name,
                  ((const struct green__node *)b)->name);
}

struct green__node *green__node_find(const struct green_dag *dag,
                                     const char *name)
{
    const struct green__node wanted = {.name = (char *)(uintptr_t)name};
    struct green__node **found =
        tfind(&wanted, (void *const *)&dag->names, by_name);

    return found ? *found : NULL;
}

static struct green__node *make_node(struct green_dag *dag, const char *name)
{
    size_t size = strlen(name) + 1;
    struct green__node *node = green__system.allocate(1, sizeof *node + size);

    if (!node)
        return NULL;
    node->dag = dag;
    node->name = (char *)(node + 1);
    memcpy(node->name, name, size);
    green__list_init(&node->list);
    green__list_init(&node->dependents);
    if (tsearch(node, &dag->names, by_name))
        return node;
    green__system.release(node);
    return NULL;
}

/* Returns NULL with ENOMEM on failure. */
struct green__node *green__node_get(struct green_dag *dag, const char *name)
{
    struct green__node *node = green__node_find(dag, name);

    if (!node)
        node = make_node(dag, name);
    if (!node)
        errno = ENOMEM;
    return node;
}

/* ---- Settling -------------------------------------------------------- */

/* Whether no job is waiting or running. */
static bool is_idle(const struct green_dag *dag)
{
    return dag->running == 0 && dag->waiting == 0;
}

/* Takes the next settled node for green_dag_next. */
static struct green__node *take_settled(struct green_dag *dag)
{
    struct green__node *node = green__node_at(dag->settled.next);

    green__list_remove(&node->list);
    green__list_append(&dag->given, &node->list);
    return node;
}

/* Wakes callers of green_dag_next, and of green_dag_wait_all if idle. */
static void wake_takers(struct green_dag *dag)
{
    while (!green__line_empty(&dag->takers)) {
        struct green__node *node = green__list_empty(&dag->settled)
                                       ? NULL
                                       : green__node_at(dag->settled.next);
        struct green_place *place;

        if (!node && !is_idle(dag))
            break;
        if (node)
            take_settled(dag);
        place = green__line_take(&dag->takers);
        container_of(place, struct taker, place)->node = node;
        green__line_wake(place);
    }
    if (is_idle(dag))
        green__line_wake_all(&dag->idlers);
}

/* Records the outcome; green__dag_settle_all settles the dependents. */
void green__node_settle_later(struct green__node *node, void *value, int error,
                              const struct green__node *origin)
{
    struct green_dag *dag = node->dag;

    if (node->state == GREEN__NODE_WAITING || node->state == GREEN__NODE_READY)
        dag->waiting--;
    node->state = GREEN__NODE_SETTLED;
    node->value = value;
    node->error = error;
    node->origin = error ? origin : NULL;
    if (error && !dag->failed)
        dag->failed = node;
    green__list_remove(&node->list);
    green__list_append(&dag->to_settle, &node->list);
}

static void input_arrived(struct green__node *dependent)
{
    if (dependent->state != GREEN__NODE_WAITING || --dependent->missing > 0)
        return;
    dependent->state = GREEN__NODE_READY;
    green__list_append(&dependent->dag->ready, &dependent->list);
}

static void settle_dependents(struct green__node *node)
{
    while (!green__list_empty(&node->dependents)) {
        struct green__need *edge =
            container_of(node->dependents.next, struct green__need, list);

        green__list_remove(&edge->list);
        if (!node->error)
            input_arrived(edge->dependent);
        else if (edge->dependent->state == GREEN__NODE_WAITING)
            green__node_settle_later(edge->dependent, NULL, node->error,
                                     node->origin);
    }
}

void green__dag_settle_all(struct green_dag *dag)
{
    while (!green__list_empty(&dag->to_settle)) {
        struct green__node *node = green__node_at(dag->to_settle.next);

        green__list_remove(&node->list);
        green__list_append(&dag->settled, &node->list);
        settle_dependents(node);
        green__line_wake_all(&node->waiters);
        green__dag_start_ready(dag);
    }
    wake_takers(dag);
}

void green__node_settle(struct green__node *node, void *value, int error)
{
    green__node_settle_later(node, value, error, node);
    green__dag_settle_all(node->dag);
}

/* ---- Values ---------------------------------------------------------- */

static int return_value(const struct green__node *node, void **value)
{
    return green__outcome(node->value, node->error, value);
}

int green_dag_get(struct green_dag *dag, const char *name, void **value)
{
    const struct green__node *node;

    if (!dag || !name)
        return green__refuse(EINVAL);
    node = green__node_find(dag, name);
    if (!node || node->state != GREEN__NODE_SETTLED)
        return green__refuse(EAGAIN);
    return return_value(node, value);
}

int green_dag_wait(struct green_dag *dag, const char *name, void **value)
{
    struct green_place here;
    struct green__node *node;

    if (!dag || !name)
        return green__refuse(EINVAL);
    if (green__unlikely(green__call_begins() < 0))
        return -1;
    node = green__node_get(dag, name);
    if (!node)
        return -1;
    if (node->state != GREEN__NODE_SETTLED &&
        green__line_wait(&node->waiters, &here, &for_value) < 0)
        return -1;
    return green__call_done(return_value(node, value));
}

/* Returns 1 with the node, 0 if none is left, or -1 with errno. */
static int wait_for_next(struct green_dag *dag, struct green__node **node)
{
    struct taker taker = {.node = NULL};

    if (green__line_empty(&dag->takers)) {
        if (!green__list_empty(&dag->settled)) {
            *node = take_settled(dag);
            return 1;
        }
        if (is_idle(dag))
            return 0;
    }
    if (green__line_wait(&dag->takers, &taker.place, &for_next) < 0)
        return -1;
    *node = taker.node;
    return taker.node ? 1 : 0;
}

int green_dag_next(struct green_dag *dag, const char **name, void **value)
{
    struct green__node *node = NULL;
    int result;

    if (name)
        *name = NULL;
    if (!dag)
        return green__refuse(EINVAL);
    if (green__unlikely(green__call_begins() < 0))
        return -1;
    result = wait_for_next(dag, &node);
    if (result != 1)
        return result;
    if (name)
        *name = node->name;
    errno = 0;
    return_value(node, value);
    return green__call_done(1);
}

int green_dag_wait_all(struct green_dag *dag)
{
    struct green_place here;

    if (!dag)
        return green__refuse(EINVAL);
    if (green__unlikely(green__call_begins() < 0))
        return -1;
    if (!is_idle(dag) && green__line_wait(&dag->idlers, &here, &for_all) < 0)
        return -1;
    return green__call_done(dag->failed ? return_value(dag->failed, NULL) : 0);
}

const char *green_dag_origin(struct green_dag *dag, const char *name)
{
    const struct green__node *node =
        dag && name ? green__node_find(dag, name) : NULL;

    return node && node->origin ? node->origin->name : NULL;
}

size_t green_dag_running(const struct green_dag *dag)
{
    return dag ? dag->running : 0;
}

size_t green_dag_waiting(const struct green_dag *dag)
{
    return dag ? dag->waiting : 0;
}

/* ---- Beginning and end ----------------------------------------------- */

struct green_dag *green_dag_create(size_t limit)
{
    struct green_dag *dag = green__system.allocate(1, sizeof *dag);

    if (!dag) {
        errno = ENOMEM;
        return NULL;
    }
    dag->limit = limit;
    green__list_init(&dag->ready);
    green__list_init(&dag->at_work);
    green__list_init(&dag->to_settle);
    green__list_init(&dag->settled);
    green__list_init(&dag->given);
    return dag;
}

static void free_node(void *arg)
{
    struct green__node *node = arg;

    green__system.release(node->edges);
    green__system.release(node);
}

static void wait_for_end(struct green_dag *dag)
{
    struct green_shield shield;
    struct green_place here;

    green_shield_begin(&shield);
    while (dag->alive > 0)
        green__line_wait(&dag->destroyers, &here, &for_all);
    green_shield_end(&shield);
}

/* If no job is alive it uses no hub: there may be none, and none can be
 * made. */
int green_dag_destroy(struct green_dag *dag)
{
    struct green_list *link;

    if (!dag)
        return 0;
    if (green__in_callback())
        return green__refuse(EDEADLK);
    dag->destroying = true;
    green__list_each (&dag->at_work, link)
        green_kill(green__node_at(link)->thread);
    if (dag->alive > 0)
        wait_for_end(dag);
    while (dag->names) {
        struct green__node *node = *(struct green__node **)dag->names;

        tdelete(node, &dag->names, by_name);
        free_node(node);
    }
    green__system.release(dag);
    return 0;
}
