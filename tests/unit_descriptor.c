/* hub/table.h, io_waiter.h and descriptor.h: the table, generations, I/O
 * waiters and their order. */
#include "hub/descriptor.h"

#include <unistd.h>

#include "base/system.h"
#include "hub/io_waiter.h"
#include "hub/hub.h"
#include "support.h"

/* A module that records its calls. */
static struct {
    unsigned from, to;
    uint64_t token;
    int changes, error;
} recorded;

#define MANY (2 * GREEN__MAX_EVENTS_PER_ITERATION + 10)

static uint64_t reports[MANY];
static unsigned reported_events[MANY];
static int report_count, waits;

static int interest(struct green_hub *hub, int fd, uint64_t token,
                    unsigned from, unsigned to)
{
    ck_assert_ptr_nonnull(green_hub_descriptor_state(hub, fd));
    recorded.from = from;
    recorded.to = to;
    recorded.token = token;
    recorded.changes++;
    errno = recorded.error;
    return recorded.error ? -1 : 0;
}

static int wait_noted(struct green_hub *hub, green_time timeout)
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
    .wait = wait_noted,
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

static struct numbered waiter_of(int fd, unsigned events, int number)
{
    return (struct numbered){
        .io_waiter = {.fd = fd, .events = events, .callback = note},
        .number = number};
}

/* These numbers are not open: pretend that they are. */
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

static void iterate(void)
{
    ck_ok(green_hub_wait(hub, 0));
    ck_ok(green_hub_dispatch(hub));
}

START_TEST(entries_keep_their_address)
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
    struct numbered waiters[4];

    for (int i = 0; i < 4; i++) {
        waiters[i] = waiter_of(5, i == 1 ? GREEN_WRITE : GREEN_READ, i);
        ck_ok(green__io_waiter_add(hub, d, &waiters[i].io_waiter));
    }
    ck_assert_uint_eq(recorded.to, GREEN_READ | GREEN_WRITE);
    report(recorded.token, GREEN_READ);
    iterate();
    ck_assert_int_eq(calls, 1);
    ck_assert_int_eq(called[0], 0);
    /* It has to wait again: it stays first in line. */
    ck_ok(green__io_waiter_add(hub, d, &waiters[0].io_waiter));
    report(recorded.token, GREEN_READ);
    iterate();
    ck_assert_int_eq(called[1], 0);
    report(recorded.token, GREEN_HANGUP);
    iterate();
    /* A hang-up wakes the first waiter of either direction. */
    ck_assert_int_eq(calls, 4);
    ck_assert_int_eq(called[2], 2);
    ck_assert_int_eq(called[3], 1);
    ck_assert_uint_ne(last_events & GREEN_HANGUP, 0);
    green__io_waiter_remove(hub, &waiters[3].io_waiter);
    iterate();
    ck_assert_uint_eq(recorded.to, 0);
}
END_TEST

START_TEST(old_tokens_wake_no_waiter)
{
    struct green__descriptor *d = green__descriptor_opened(hub, 5);
    struct numbered old = waiter_of(5, GREEN_READ, 1);
    struct numbered fresh = waiter_of(5, GREEN_READ, 2);
    uint64_t token;

    ck_ok(green__io_waiter_add(hub, d, &old.io_waiter));
    token = recorded.token;
    green__descriptor_closed(hub, 5);
    ck_assert_int_eq(calls, 1);
    ck_assert_uint_ne(last_events & GREEN_CLOSED, 0);
    green__descriptor_opened(hub, 5);
    ck_ok(green__io_waiter_add(hub, d, &fresh.io_waiter));
    ck_assert_uint_ne(recorded.token, token);
    report(token, GREEN_READ);
    iterate();
    ck_assert_int_eq(calls, 1);
    report(recorded.token, GREEN_READ);
    iterate();
    ck_assert_int_eq(calls, 2);
    ck_assert_int_eq(called[1], 2);
}
END_TEST

/* With edge-triggering, a trusted descriptor is registered once, for both
 * directions. */
START_TEST(edge_triggering_needs_no_change)
{
    struct green__descriptor *d = green__descriptor_opened(hub, 5);
    struct numbered io_waiter = waiter_of(5, GREEN_READ, 1);
    int changes;

    module.capabilities = GREEN_HUB_EDGE;
    ck_ok(green__io_waiter_add(hub, d, &io_waiter.io_waiter));
    ck_assert_uint_eq(recorded.to, GREEN_READ | GREEN_WRITE | GREEN_EDGE);
    changes = recorded.changes;
    for (int i = 0; i < 10; i++) {
        report(recorded.token, GREEN_READ);
        iterate();
        ck_ok(green__io_waiter_add(hub, d, &io_waiter.io_waiter));
    }
    ck_assert_int_eq(calls, 10);
    ck_assert_int_eq(recorded.changes, changes);
    report(recorded.token, GREEN_HANGUP);
    iterate();
    ck_assert(d->flags & GREEN__ENDED);
}
END_TEST

START_TEST(the_module_refuses)
{
    struct green__descriptor *d = green__descriptor_get(hub, 5);
    struct numbered io_waiter = waiter_of(5, GREEN_READ, 1);

    recorded.error = ENOSPC;
    ck_fails(green__io_waiter_add(hub, d, &io_waiter.io_waiter), ENOSPC);
    ck_assert(green__list_empty(&d->io_waiters));
    recorded.error = EPERM;
    ck_fails(green__io_waiter_add(hub, d, &io_waiter.io_waiter), EPERM);
    ck_assert_uint_ne(d->flags & GREEN__ALWAYS_READY, 0);
    iterate();
    ck_assert_int_eq(calls, 0);
}
END_TEST

START_TEST(passed_on_to_the_next)
{
    struct green__descriptor *d = green__descriptor_get(hub, 5);
    struct numbered a = waiter_of(5, GREEN_READ, 1);
    struct numbered b = waiter_of(5, GREEN_READ, 2);

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

/* ---- Batches ---------------------------------------------------------- */

static void report_many(struct numbered waiters[MANY])
{
    for (int i = 0; i < MANY; i++) {
        struct green__descriptor *d = green__descriptor_get(hub, i);

        waiters[i] = waiter_of(i, GREEN_READ, i);
        ck_ok(green__io_waiter_add(hub, d, &waiters[i].io_waiter));
        report(recorded.token, GREEN_READ);
    }
}

/* The hub does not wait again before it has delivered all of them. */
START_TEST(many_events_are_delivered_in_batches)
{
    struct numbered waiters[MANY];

    report_many(waiters);
    iterate();
    ck_assert_int_eq(calls, GREEN__MAX_EVENTS_PER_ITERATION);
    iterate();
    ck_assert_int_eq(calls, 2 * GREEN__MAX_EVENTS_PER_ITERATION);
    ck_assert_int_eq(waits, 1);
    iterate();
    ck_assert_int_eq(calls, MANY);
    ck_assert_int_eq(waits, 1);
    for (int i = 0; i < MANY && !in_chaos(); i++)
        ck_assert_int_eq(called[i], i);
    iterate();
    ck_assert_int_eq(waits, 2);
}
END_TEST

/* Its number may be reused before its event is delivered. */
START_TEST(closed_before_its_delivery)
{
    struct numbered waiters[MANY], next;
    int undelivered = MANY - 1;

    report_many(waiters);
    iterate();
    for (int i = 0; i < calls; i++)
        if (called[i] ==
            undelivered) { /* only chaos delivers them out of order */
            undelivered--;
            i = -1;
        }
    next = waiter_of(undelivered, GREEN_READ, 1);
    green__descriptor_closed(hub, undelivered);
    ck_assert_int_eq(calls, GREEN__MAX_EVENTS_PER_ITERATION + 1);
    ck_assert_int_eq(called[GREEN__MAX_EVENTS_PER_ITERATION], undelivered);
    ck_assert_uint_ne(last_events & GREEN_CLOSED, 0);
    ck_ok(green__io_waiter_add(hub, green__descriptor_opened(hub, undelivered),
                               &next.io_waiter));
    iterate();
    iterate();
    ck_assert_int_eq(calls, MANY);
    iterate();
    ck_assert_int_eq(waits, 2);
    ck_assert_int_eq(calls, MANY);
}
END_TEST

static void ignore(struct green_listener *listener, unsigned events)
{
    (void)listener, (void)events;
    calls++;
}

/* Descriptors that are always ready do not count as undelivered events of the
 * module. */
START_TEST(always_ready_descriptors_do_not_delay_the_module)
{
    static struct green_listener listeners[MANY];
    int waits_before;

    recorded.error = EPERM;
    for (int i = 0; i < MANY; i++) {
        listeners[i] = (struct green_listener){
            .fd = i, .events = GREEN_READ, .callback = ignore};
        ck_ok(green_hub_add(hub, &listeners[i]));
    }
    for (int i = 0; i < 3; i++)
        iterate();
    ck_assert_int_eq(calls, MANY);
    waits_before = waits;
    for (int i = 0; i < 3; i++)
        iterate();
    ck_assert_int_eq(calls, 2 * MANY);
    ck_assert_int_eq(waits, waits_before + 1);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("descriptor");
    TCase *tcase = add_tcase(suite, "descriptor");

    tcase_add_checked_fixture(tcase, set_up, NULL);
    tcase_add_test(tcase, entries_keep_their_address);
    tcase_add_test(tcase, first_come_first_served);
    tcase_add_test(tcase, old_tokens_wake_no_waiter);
    tcase_add_test(tcase, edge_triggering_needs_no_change);
    tcase_add_test(tcase, the_module_refuses);
    tcase_add_test(tcase, passed_on_to_the_next);
    tcase_add_test(tcase, many_events_are_delivered_in_batches);
    tcase_add_test(tcase, closed_before_its_delivery);
    tcase_add_test(tcase, always_ready_descriptors_do_not_delay_the_module);
    return run_suite(suite);
}
