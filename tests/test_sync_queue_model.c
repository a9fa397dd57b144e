/* Queues beside a model of a queue, under random operations and kills. */
#include "model.h"

#include <stdint.h>

#define OPERATIONS 400
#define PENDING -1

enum order { FIFO, LIFO, PRIORITY };

struct operation {
    struct green_thread *thread;
    bool puts, killed;
    int number;       /* the item that is put, or that the model's getter got */
    int result, item; /* what the real call returned */
    int expected;     /* 0, an errno, or PENDING */
};

static struct green_queue queue;
static struct operation operations[OPERATIONS];
static int begun;

static struct {
    enum order order;
    size_t limit;
    bool closed;
    struct row items, getters, putters;
} model;

static int compare(const void *a, const void *b)
{
    return (int)((intptr_t)a % 5 - (intptr_t)b % 5);
}

/* ---- The model ----------------------------------------------------------- */

static int model_next(void)
{
    struct row *items = &model.items;
    int best = model.order == LIFO ? items->length - 1 : 0;

    if (model.order == PRIORITY)
        for (int i = 1; i < items->length; i++)
            if (items->at[i] % 5 < items->at[best] % 5)
                best = i;
    return row_take(items, best);
}

static void model_settle(int operation, int expected)
{
    operations[operation].expected = expected;
}

static void model_admit(void)
{
    while (model.putters.length > 0 &&
           (size_t)model.items.length < model.limit) {
        int putter = row_take(&model.putters, 0);

        row_append(&model.items, operations[putter].number);
        model_settle(putter, 0);
    }
}

/* EAGAIN: it would wait. */
static int model_put(int number)
{
    if (model.closed)
        return EPIPE;
    if (model.getters.length > 0) {
        int getter = row_take(&model.getters, 0);

        operations[getter].number = number;
        model_settle(getter, 0);
        return 0;
    }
    if ((size_t)model.items.length >= model.limit)
        return EAGAIN;
    row_append(&model.items, number);
    return 0;
}

static int model_get(int *number)
{
    if (model.items.length > 0) {
        *number = model_next();
        /* An item has left, so a waiting putter's item enters if there is
         * room. */
        if ((size_t)model.items.length < model.limit)
            model_admit();
        return 0;
    }
    if (model.putters.length > 0) {
        int putter = row_take(&model.putters, 0);

        *number = operations[putter].number;
        model_settle(putter, 0);
        return 0;
    }
    return model.closed ? EPIPE : EAGAIN;
}

static void model_close(void)
{
    model.closed = true;
    while (model.getters.length > 0)
        model_settle(row_take(&model.getters, 0), EPIPE);
    while (model.putters.length > 0)
        model_settle(row_take(&model.putters, 0), EPIPE);
}

/* Ends the operations that were killed before they were served. */
static void model_end_killed(void)
{
    for (int i = 0; i < begun; i++)
        if (operations[i].killed && operations[i].expected == PENDING) {
            row_remove(&model.getters, i);
            row_remove(&model.putters, i);
            model_settle(i, ECANCELED);
        }
}

/* ---- The real queue ------------------------------------------------------ */

static void *operate(void *arg)
{
    struct operation *o = arg;
    void *item = NULL;

    if (o->puts)
        o->result = green_queue_put(&queue, (void *)(intptr_t)o->number);
    else
        o->result = green_queue_get(&queue, &item);
    o->result = o->result < 0 ? errno : 0;
    o->item = (int)(intptr_t)item;
    return NULL;
}

static void begin_one(void)
{
    struct operation *o = &operations[begun];

    *o = (struct operation){
        .puts = random_below(2), .number = begun + 1, .result = PENDING};
    o->expected = o->puts ? model_put(o->number) : model_get(&o->number);
    if (o->expected == EAGAIN) {
        o->expected = PENDING;
        row_append(o->puts ? &model.putters : &model.getters, begun);
    }
    o->thread = green_spawn(operate, o);
    begun++;
}

static void try_one(void)
{
    void *item = NULL;
    int expected, got = 0, result;

    if (random_below(2)) {
        expected = model_put(1000 + begun);
        result = green_queue_try_put(&queue, (void *)(intptr_t)(1000 + begun));
    } else {
        expected = model_get(&got);
        result = green_queue_try_get(&queue, &item);
        ck_assert(expected || (int)(intptr_t)item == got);
    }
    ck_assert_int_eq(result < 0 ? errno : 0, expected);
}

static void kill_one(void)
{
    struct row *row = random_below(2) ? &model.getters : &model.putters;

    if (row->length > 0) {
        int victim = row->at[random_below(row->length)];

        operations[victim].killed = true;
        ck_ok(green_kill(operations[victim].thread));
    }
}

static void resize(void)
{
    model.limit = (size_t)random_below(5);
    model_admit();
    ck_ok(green_queue_resize(&queue, model.limit));
}

static void act(int step)
{
    if (random_below(3)) {
        begin_one();
        return;
    }
    for (int i = random_below(4); i >= 0; i--) {
        if (random_below(2))
            try_one();
        else if (random_below(4))
            kill_one();
        else
            resize();
    }
    if (step == OPERATIONS - 20) {
        model_close();
        ck_ok(green_queue_close(&queue));
    }
}

static void compare_all(void)
{
    for (int i = 0; i < begun; i++) {
        const struct operation *o = &operations[i];

        ck_assert_msg(o->result == o->expected, "%d: %s %d: %d, not %d", i,
                      o->puts ? "put" : "get", o->number, o->result,
                      o->expected);
        if (!o->puts && o->result == 0)
            ck_assert_int_eq(o->item, o->number);
    }
    ck_assert_uint_eq(green_queue_length(&queue), (size_t)model.items.length);
    ck_assert_uint_eq(green_queue_getting(&queue),
                      (size_t)model.getters.length);
    ck_assert_uint_eq(green_queue_putting(&queue),
                      (size_t)model.putters.length);
}

START_TEST(a_queue_matches_its_model)
{
    begin_random(_i);
    model.order = (enum order)(_i % 3);
    model.limit = (size_t)random_below(5);
    if (model.order == FIFO)
        ck_ok(green_queue_init(&queue, model.limit));
    else if (model.order == LIFO)
        ck_ok(green_queue_init_lifo(&queue, model.limit));
    else
        ck_ok(green_queue_init_priority(&queue, model.limit, compare));
    for (int step = 0; step < OPERATIONS; step++) {
        act(step);
        run_others();
        model_end_killed();
        compare_all();
    }
    model_close();
    green_queue_destroy(&queue);
    for (int i = 0; i < begun; i++)
        ck_ok(green_join(operations[i].thread, NULL));
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("sync queue model");
    TCase *tcase = add_tcase(suite, "model");

    tcase_add_loop_test(tcase, a_queue_matches_its_model, 0, 12);
    return run_suite(suite);
}
