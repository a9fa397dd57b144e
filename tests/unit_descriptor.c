/* hub/table.h, edge.h and descriptor.h: the table, generations, edges and their order. */
#include "hub/descriptor.h"

#include <unistd.h>

#include "base/system.h"
#include "hub/io_waiter.h"
#include "hub/hub.h"
#include "support.h"

/* A module that only writes down what it is told. */
static struct {
    unsigned from, to;
    uint64_t token;
    int changes, error;
} told;

#define MANY (2 * GREEN__MAX_EVENTS_PER_ITERATION + 10)

static uint64_t reports[MANY];
static unsigned reported_events[MANY];
static int report_count, waits;

static int interest(struct green_hub *hub, int fd, uint64_t token,
                    unsigned from, unsigned to)
{
    ck_assert_ptr_nonnull(green_hub_descriptor_state(hub, fd));
    told.from = from;
    told.to = to;
    told.token = token;
    told.changes++;
    errno = told.error;
    return told.error ? -1 : 0;
}

static int wait(struct green_hub *hub, green_time timeout)
{
    (void)timeout;
    waits++;
    for (int i = 0; i < report_count; i++)
        green_hub_ready(hub, reports[i], reported_events[i]);
    report_count = 0;
    return 0;
}

static void wakeup(struct green_hub *hub)
{
    (void)hub;
}

static struct green_hub_module module = {
    .abi = GREEN_HUB_ABI,
    .name = "notes",
    .descriptor_size = 8,
    .interest = interest,
    .wait = wait,
    .wakeup = wakeup,
};

static struct green_hub *hub;
static int called[MANY], calls;
static unsigned last_events;

struct numbered {
    struct green__io_waiter io_waiter;
    int number;
};

static void note(struct green__io_waiter *io_waiter, unsigned events)
{
    called[calls++] =
        container_of(io_waiter, struct numbered, io_waiter)->number;
    last_events = events;
}

static struct numbered edge_of(int fd, unsigned events, int number)
{
    return (struct numbered){
        .io_waiter = {.fd = fd, .events = events, .callback = note},
        .number = number};
}

/* The numbers here are made up. */
static int all_are_open(int fd, int command, ...)
{
    (void)fd, (void)command;
    return 0;
}

static void set_up(void)
{
    green__system.fcntl = all_are_open;
    module.capabilities = 0;
    ck_ok(green_use_hub_module(&module));
    hub = green_get_hub();
}

static void report(uint64_t token, unsigned events)
{
    reports[report_count] = token;
    reported_events[report_count++] = events;
}

static void turn(void)
{
    ck_ok(green_hub_wait(hub, 0));
    ck_ok(green_hub_dispatch(hub));
}

START_TEST(entries_keep_their_place)
{
    struct green__descriptor *first = green__descriptor_get(hub, 3);

    ck_assert_ptr_null(green__descriptor_peek(hub, 70000));
    for (int fd = 0; fd < 70001; fd += 997)
        ck_assert_int_eq(green__descriptor_get(hub, fd)->fd, fd);
    ck_assert_ptr_eq(green__descriptor_get(hub, 3), first);
    ck_assert_ptr_eq(green__descriptor_peek(hub, 3), first);
    ck_fails_null(green__descriptor_get(hub, -1), EBADF);
    ck_assert_ptr_null(green__descriptor_peek(hub, -1));
    ck_assert_int_eq(green_hub_token_fd(UINT64_C(7) << 32 | 70000), 70000);
}
END_TEST

START_TEST(first_come_first_served)
{
    struct green__descriptor *d = green__descriptor_get(hub, 5);
    struct numbered edges[4];

    for (int i = 0; i < 4; i++) {
        edges[i] = edge_of(5, i == 1 ? GREEN_WRITE : GREEN_READ, i);
        ck_ok(green__io_waiter_add(hub, d, &edges[i].io_waiter));
    }
    ck_assert_uint_eq(told.to, GREEN_READ | GREEN_WRITE);
    report(told.token, GREEN_READ);
    turn();
    ck_assert_int_eq(calls, 1);
    ck_assert_int_eq(called[0], 0);
    /* It has to wait again: it stays the first. */
    ck_ok(green__io_waiter_add(hub, d, &edges[0].io_waiter));
    report(told.token, GREEN_READ);
    turn();
    ck_assert_int_eq(called[1], 0);
    report(told.token, GREEN_HANGUP);
    turn();
    /* A hang-up wakes the first of either direction. */
    ck_assert_int_eq(calls, 4);
    ck_assert_int_eq(called[2], 2);
    ck_assert_int_eq(called[3], 1);
    ck_assert_uint_ne(last_events & GREEN_HANGUP, 0);
    green__io_waiter_remove(hub, &edges[3].io_waiter);
    turn();
    ck_assert_uint_eq(told.to, 0);
}
END_TEST

START_TEST(old_tokens_mean_nobody)
{
    struct green__descriptor *d = green__descriptor_opened(hub, 5);
    struct numbered old = edge_of(5, GREEN_READ, 1);
    struct numbered fresh = edge_of(5, GREEN_READ, 2);
    uint64_t token;

    ck_ok(green__io_waiter_add(hub, d, &old.io_waiter));
    token = told.token;
    green__descriptor_closed(hub, 5);
    ck_assert_int_eq(calls, 1);
    ck_assert_uint_ne(last_events & GREEN_CLOSED, 0);
    green__descriptor_opened(hub, 5);
    ck_ok(green__io_waiter_add(hub, d, &fresh.io_waiter));
    ck_assert_uint_ne(told.token, token);
    report(token, GREEN_READ);
    turn();
    ck_assert_int_eq(calls, 1);
    report(told.token, GREEN_READ);
    turn();
    ck_assert_int_eq(calls, 2);
    ck_assert_int_eq(called[1], 2);
}
END_TEST

/* With edges a trusted descriptor is registered once, for both directions. */
START_TEST(edges_cost_no_change)
{
    struct green__descriptor *d = green__descriptor_opened(hub, 5);
    struct numbered io_waiter = edge_of(5, GREEN_READ, 1);
    int changes;

    module.capabilities = GREEN_HUB_EDGE;
    ck_ok(green__io_waiter_add(hub, d, &io_waiter.io_waiter));
    ck_assert_uint_eq(told.to, GREEN_READ | GREEN_WRITE | GREEN_EDGE);
    changes = told.changes;
    for (int i = 0; i < 10; i++) {
        report(told.token, GREEN_READ);
        turn();
        ck_ok(green__io_waiter_add(hub, d, &io_waiter.io_waiter));
    }
    ck_assert_int_eq(calls, 10);
    ck_assert_int_eq(told.changes, changes);
    report(told.token, GREEN_HANGUP);
    turn();
    ck_assert(d->flags & GREEN__ENDED);
}
END_TEST

START_TEST(refused_by_the_module)
{
    struct green__descriptor *d = green__descriptor_get(hub, 5);
    struct numbered io_waiter = edge_of(5, GREEN_READ, 1);

    told.error = ENOSPC;
    ck_fails(green__io_waiter_add(hub, d, &io_waiter.io_waiter), ENOSPC);
    ck_assert(green__list_empty(&d->io_waiters));
    told.error = EPERM;
    ck_fails(green__io_waiter_add(hub, d, &io_waiter.io_waiter), EPERM);
    ck_assert_uint_ne(d->flags & GREEN__ALWAYS_READY, 0);
    turn();
    ck_assert_int_eq(calls, 0);
}
END_TEST

START_TEST(passed_on_to_the_next)
{
    struct green__descriptor *d = green__descriptor_get(hub, 5);
    struct numbered a = edge_of(5, GREEN_READ, 1);
    struct numbered b = edge_of(5, GREEN_READ, 2);

    ck_ok(green__io_waiter_add(hub, d, &a.io_waiter));
    ck_ok(green__io_waiter_add(hub, d, &b.io_waiter));
    green__io_waiter_pass(d, GREEN_WRITE);
    ck_assert_int_eq(calls, 0);
    green__io_waiter_pass(d, GREEN_READ);
    green__io_waiter_pass(d, GREEN_READ);
    green__io_waiter_pass(d, GREEN_READ);
    ck_assert_int_eq(calls, 2);
    ck_assert_int_eq(called[0], 1);
    ck_assert_int_eq(called[1], 2);
}
END_TEST

/* ---- Portions -------------------------------------------------------- */

static void report_many(struct numbered edges[MANY])
{
    for (int i = 0; i < MANY; i++) {
        struct green__descriptor *d = green__descriptor_get(hub, i);

        edges[i] = edge_of(i, GREEN_READ, i);
        ck_ok(green__io_waiter_add(hub, d, &edges[i].io_waiter));
        report(told.token, GREEN_READ);
    }
}

/* And nothing else is asked for before. */
START_TEST(many_come_in_portions)
{
    struct numbered edges[MANY];

    report_many(edges);
    turn();
    ck_assert_int_eq(calls, GREEN__MAX_EVENTS_PER_ITERATION);
    turn();
    ck_assert_int_eq(calls, 2 * GREEN__MAX_EVENTS_PER_ITERATION);
    ck_assert_int_eq(waits, 1);
    turn();
    ck_assert_int_eq(calls, MANY);
    ck_assert_int_eq(waits, 1);
    for (int i = 0; i < MANY && !in_chaos(); i++)
        ck_assert_int_eq(called[i], i);
    turn();
    ck_assert_int_eq(waits, 2);
}
END_TEST

/* Its number may be somebody else's when its turn comes. */
START_TEST(closed_before_its_portion)
{
    struct numbered edges[MANY], next;
    int owed = MANY - 1;

    report_many(edges);
    turn();
    for (int i = 0; i < calls; i++)
        if (called[i] == owed) { /* by chaos alone they come out of order */
            owed--;
            i = -1;
        }
    next = edge_of(owed, GREEN_READ, 1);
    green__descriptor_closed(hub, owed);
    ck_assert_int_eq(calls, GREEN__MAX_EVENTS_PER_ITERATION + 1);
    ck_assert_int_eq(called[GREEN__MAX_EVENTS_PER_ITERATION], owed);
    ck_assert_uint_ne(last_events & GREEN_CLOSED, 0);
    ck_ok(green__io_waiter_add(hub, green__descriptor_opened(hub, owed),
                               &next.io_waiter));
    turn();
    turn();
    ck_assert_int_eq(calls, MANY);
    turn();
    ck_assert_int_eq(waits, 2);
    ck_assert_int_eq(calls, MANY);
}
END_TEST

static void ignore(struct green_listener *listener, unsigned events)
{
    (void)listener, (void)events;
    calls++;
}

/* Those that are ready in each turn are not what the module owes. */
START_TEST(always_ready_ones_do_not_keep_the_module_waiting)
{
    static struct green_listener listeners[MANY];
    int waits_before;

    told.error = EPERM;
    for (int i = 0; i < MANY; i++) {
        listeners[i] = (struct green_listener){
            .fd = i, .events = GREEN_READ, .callback = ignore};
        ck_ok(green_hub_add(hub, &listeners[i]));
    }
    for (int i = 0; i < 3; i++)
        turn();
    ck_assert_int_eq(calls, MANY);
    waits_before = waits;
    for (int i = 0; i < 3; i++)
        turn();
    ck_assert_int_eq(calls, 2 * MANY);
    ck_assert_int_eq(waits, waits_before + 1);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("descriptor");
    TCase *tcase = add_tcase(suite, "descriptor");

    tcase_add_checked_fixture(tcase, set_up, NULL);
    tcase_add_test(tcase, entries_keep_their_place);
    tcase_add_test(tcase, first_come_first_served);
    tcase_add_test(tcase, old_tokens_mean_nobody);
    tcase_add_test(tcase, edges_cost_no_change);
    tcase_add_test(tcase, refused_by_the_module);
    tcase_add_test(tcase, passed_on_to_the_next);
    tcase_add_test(tcase, many_come_in_portions);
    tcase_add_test(tcase, closed_before_its_portion);
    tcase_add_test(tcase, always_ready_ones_do_not_keep_the_module_waiting);
    return run_suite(suite);
}
