/* Rules of greenhub check: time, thread-safe calls, signals. */
#include "check.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <string.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

/* ---- Time --------------------------------------------------------------- */

/* A wait without events ends neither early nor more than 2 s late. */
static void wait_takes_its_time(void)
{
    static const green_time timeouts[] = {
        300 * GREEN_USEC,   999 * GREEN_USEC, 1700 * GREEN_USEC,
        20400 * GREEN_USEC, 50 * GREEN_MSEC,
    };
    green_time start, took;
    size_t i;

    check_iterate(0);
    for (i = 0; i < sizeof timeouts / sizeof timeouts[0]; i++) {
        start = check_clock();
        check_iterate(timeouts[i]);
        took = check_clock() - start;
        check_that(took >= timeouts[i], "a wait of %lld us ends after %lld us",
                   (long long)(timeouts[i] / 1000), (long long)(took / 1000));
        check_that(took < timeouts[i] + 2 * GREEN_SEC,
                   "a wait of %lld us takes %lld us",
                   (long long)(timeouts[i] / 1000), (long long)(took / 1000));
    }
}

static void no_wait(void)
{
    green_time start = check_clock();
    int i;

    for (i = 0; i < 200; i++)
        check_iterate(0);
    check_that(check_clock() - start < 2 * GREEN_SEC,
               "200 waits with a timeout of 0 take %lld ms",
               (long long)((check_clock() - start) / GREEN_MSEC));
}

static void note_time(struct green_timer *timer)
{
    *(green_time *)timer->arg = green_now();
}

static void timer_precision(green_time duration)
{
    green_time fired = 0, start = green_now();
    struct green_timer timer = {.callback = note_time, .arg = &fired};
    uint64_t waits = check_waits();

    green_hub_schedule(check_hub(), &timer, start + duration);
    while (fired == 0)
        check_iterate(GREEN_FOREVER);
    waits = check_waits() - waits;
    check_that(
        fired >= start + duration, "a timer of %lld us fires after %lld us",
        (long long)(duration / 1000), (long long)((fired - start) / 1000));
    check_that(waits <= 3, "it takes %llu waits for a timer of %lld us",
               (unsigned long long)waits, (long long)(duration / 1000));
}

static void timers_neither_early_nor_spun(void)
{
    int i;

    for (i = 0; i < 5; i++) {
        timer_precision(20400 * GREEN_USEC);
        timer_precision(300 * GREEN_USEC);
        timer_precision(1500 * GREEN_USEC);
    }
}

static unsigned fired_count;
static int fired_order[16];

static void note_order(struct green_timer *timer)
{
    fired_order[fired_count++] = *(int *)timer->arg;
}

static void timers_in_order(void)
{
    static const int delays[] = {7, 2, 9, 2, 1, 30, 7, 0, 12, 3};
    enum { COUNT = sizeof delays / sizeof delays[0] };
    struct green_timer timers[COUNT] = {0};
    green_time start = green_now();
    int i, place[COUNT];
    unsigned at;

    for (i = 0; i < COUNT; i++) {
        place[i] = i;
        timers[i].callback = note_order;
        timers[i].arg = &place[i];
        green_hub_schedule(check_hub(), &timers[i],
                           start + delays[i] * GREEN_MSEC);
    }
    while (fired_count < COUNT)
        check_iterate(GREEN_FOREVER);
    for (at = 1; at < COUNT; at++) {
        int earlier = fired_order[at - 1];
        int later = fired_order[at];

        bool armed_first = earlier < later;

        check_that(delays[earlier] < delays[later] ||
                       (delays[earlier] == delays[later] && armed_first),
                   "a timer of %d ms fires before one of %d ms",
                   delays[earlier], delays[later]);
    }
}

/* ---- Thread-safe calls --------------------------------------------------- */

#define THREADS 4
#define CALLS 500

static struct green_hub *target_hub;
static unsigned called; /* on the hub's thread */

static void count_call(struct green_call *call)
{
    (void)call;
    called++;
}

struct caller {
    green_time delay;
    unsigned count;
    struct green_call calls[CALLS];
};

static void *call_from_thread(void *arg)
{
    struct caller *caller = arg;
    struct timespec delay = {.tv_nsec = caller->delay};
    unsigned i;

    if (caller->delay > 0)
        nanosleep(&delay, NULL);
    for (i = 0; i < caller->count; i++) {
        caller->calls[i].callback = count_call;
        green_hub_call_threadsafe(target_hub, &caller->calls[i]);
    }
    return NULL;
}

static void start_caller(pthread_t *thread, struct caller *caller)
{
    if (pthread_create(thread, NULL, call_from_thread, caller) != 0)
        check_skip("cannot create a thread");
}

/* A call must end the wait, no matter when it comes. */
static void called_during_wait(void)
{
    struct caller caller = {.count = 1};
    green_time start = check_clock();
    pthread_t thread;
    unsigned round;

    target_hub = check_hub();
    for (round = 1; round <= 30; round++) {
        memset(caller.calls, 0, sizeof caller.calls);
        caller.delay = (green_time)(round % 6) * 3 * GREEN_MSEC;
        start_caller(&thread, &caller);
        while (called < round && check_clock() - start < 8 * GREEN_SEC)
            check_iterate(10 * GREEN_SEC);
        check_that(called == round && check_clock() - start < 8 * GREEN_SEC,
                   "a call from another thread does not end the wait");
        pthread_join(thread, NULL);
    }
}

static void called_before_wait(void)
{
    struct caller caller = {.count = 1};
    green_time start = check_clock();
    pthread_t thread;

    target_hub = check_hub();
    start_caller(&thread, &caller);
    pthread_join(thread, NULL);
    check_iterate(10 * GREEN_SEC);
    check_that(called == 1, "a call made before the wait is not delivered");
    check_that(check_clock() - start < 8 * GREEN_SEC,
               "a call made before the wait does not end it");
}

static void calls_from_many(void)
{
    static struct caller callers[THREADS];
    green_time start = check_clock();
    pthread_t threads[THREADS];
    int i;

    target_hub = check_hub();
    for (i = 0; i < THREADS; i++) {
        callers[i].count = CALLS;
        start_caller(&threads[i], &callers[i]);
    }
    while (called < THREADS * CALLS && check_clock() - start < 8 * GREEN_SEC)
        check_iterate(10 * GREEN_SEC);
    check_that(called == THREADS * CALLS, "%u of %d calls are delivered",
               called, THREADS * CALLS);
    for (i = 0; i < THREADS; i++)
        pthread_join(threads[i], NULL);
    check_that(check_idle(20 * GREEN_MSEC) <= 10,
               "it spins after calls from other threads");
}

static void *send_later(void *arg)
{
    struct timespec delay = {.tv_nsec = 30 * 1000000L};

    nanosleep(&delay, NULL);
    check_send(*(int *)arg);
    return NULL;
}

static void event_ends_endless_wait(void)
{
    struct check_probe probe;
    pthread_t thread;
    int fds[2];

    check_socketpair(fds);
    check_watch(&probe, fds[0], GREEN_READ);
    if (pthread_create(&thread, NULL, send_later, &fds[1]) != 0)
        check_skip("cannot create a thread");
    while (probe.calls == 0)
        check_iterate(GREEN_FOREVER);
    pthread_join(thread, NULL);
}

/* ---- Signals ------------------------------------------------------------- */

static struct green_call signal_call = {.callback = count_call};
static volatile sig_atomic_t signals;

static void call_from_handler(int signal)
{
    (void)signal;
    green_hub_call_threadsafe(target_hub, &signal_call);
}

static void count_signal(int signal)
{
    (void)signal;
    signals++;
}

static void arm_signal(void (*handler)(int), int first_ms, int interval_ms)
{
    struct sigaction action = {.sa_handler = handler};
    struct itimerval when = {.it_value = {.tv_usec = first_ms * 1000L},
                             .it_interval = {.tv_usec = interval_ms * 1000L}};

    sigaction(SIGALRM, &action, NULL);
    setitimer(ITIMER_REAL, &when, NULL);
}

static void called_from_handler(void)
{
    green_time start = check_clock();

    target_hub = check_hub();
    arm_signal(call_from_handler, 30, 0);
    while (called == 0 && check_clock() - start < 8 * GREEN_SEC)
        check_iterate(10 * GREEN_SEC);
    check_that(called == 1 && check_clock() - start < 8 * GREEN_SEC,
               "a call from a signal handler does not end the wait");
}

/* Signals arrive every 2 ms while a timer runs and data arrives. */
static void signals_disturb_nothing(void)
{
    green_time fired = 0, start = green_now();
    struct green_timer timer = {.callback = note_time, .arg = &fired};
    struct check_probe probe;
    pthread_t thread;
    int fds[2];

    check_socketpair(fds);
    check_watch(&probe, fds[0], GREEN_READ);
    green_hub_schedule(check_hub(), &timer, start + 100 * GREEN_MSEC);
    arm_signal(count_signal, 2, 2);
    if (pthread_create(&thread, NULL, send_later, &fds[1]) != 0)
        check_skip("cannot create a thread");
    while (fired == 0) {
        check_iterate(GREEN_SEC);
        if (probe.calls != 0)
            check_drain(fds[0]);
    }
    pthread_join(thread, NULL);
    check_until(&probe, GREEN_READ, "an event is lost while signals arrive");
    check_that(fired >= start + 100 * GREEN_MSEC,
               "a timer of 100 ms fires after %lld us",
               (long long)((fired - start) / 1000));
    check_that(signals > 0, "no signal arrived");
}

/* A wait that a signal interrupts must not start again with its full
 * timeout. */
static void signals_and_timers(void)
{
    green_time fired, start;
    struct green_timer timer = {.callback = note_time, .arg = &fired};
    int i;

    arm_signal(count_signal, 10, 10);
    for (i = 0; i < 10; i++) {
        fired = 0;
        start = green_now();
        green_hub_schedule(check_hub(), &timer, start + 25 * GREEN_MSEC);
        while (fired == 0)
            check_iterate(GREEN_FOREVER);
        check_that(fired >= start + 25 * GREEN_MSEC &&
                       fired < start + 2 * GREEN_SEC,
                   "with a signal every 10 ms a timer of 25 ms takes %lld us",
                   (long long)((fired - start) / 1000));
    }
    check_that(signals > 0, "no signal arrived");
}

const struct check_rule check_rules_time[] = {
    {"a wait of 0.3 to 50 ms never ends early", wait_takes_its_time, true},
    {"a timeout of 0 does not wait", no_wait, false},
    {"timers never fire early and take at most 3 waits",
     timers_neither_early_nor_spun, true},
    {"timers fire in order", timers_in_order, false},
    {"an event ends a wait without a timeout", event_ends_endless_wait, false},
    {"a call from another thread ends a wait", called_during_wait, true},
    {"a call made before the wait ends it", called_before_wait, false},
    {"2,000 calls from 4 threads are all delivered", calls_from_many, true},
    {"a call from a signal handler ends a wait", called_from_handler, true},
    {"signals cause no lost event and no failed wait", signals_disturb_nothing,
     true},
    {"a signal every 10 ms delays no timer", signals_and_timers, true},
    {0},
};
