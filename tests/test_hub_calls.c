/* Calls: functions to run in the next iteration, asked for on this OS thread,
 * on others, and in signal handlers. */
#include "support.h"

#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>

static struct green_hub *hub;
static int order[64], called;

static void set_up(void)
{
    hub = green_get_hub();
    ck_assert_ptr_nonnull(hub);
}

static void iterate(green_time timeout)
{
    ck_ok(green_hub_wait(hub, timeout));
    ck_ok(green_hub_dispatch(hub));
}

static void note(struct green_call *call)
{
    order[called++] = (int)(intptr_t)call->arg;
}

START_TEST(in_the_order_of_the_requests)
{
    struct green_call calls[10] = {0};

    for (int i = 0; i < 10; i++) {
        calls[i].callback = note;
        calls[i].arg = (void *)(intptr_t)i;
        ck_ok(green_hub_call(hub, &calls[i]));
    }
    ck_fails(green_hub_call(hub, &calls[3]), EALREADY);
    iterate(GREEN_FOREVER);
    ck_assert_int_eq(called, 10);
    for (int i = 0; i < 10; i++)
        ck_assert_int_eq(order[i], i);
    iterate(0);
    ck_assert_int_eq(called, 10);
    ck_ok(green_hub_call(hub, &calls[3]));
    iterate(GREEN_FOREVER);
    ck_assert_int_eq(called, 11);
}
END_TEST

static void again(struct green_call *call)
{
    called++;
    ck_ok(green_hub_call(hub, call));
}

START_TEST(requested_in_a_call_runs_in_the_next_iteration)
{
    struct green_call call = {.callback = again};

    ck_ok(green_hub_call(hub, &call));
    for (int i = 1; i <= 5; i++) {
        iterate(GREEN_FOREVER);
        ck_assert_int_eq(called, i);
    }
}
END_TEST

static void release(struct green_call *call)
{
    called++;
    free(call);
}

START_TEST(a_callback_may_free_its_call)
{
    for (int i = 0; i < 10; i++) {
        struct green_call *call = calloc(1, sizeof *call);

        call->callback = release;
        ck_ok(i % 2 ? green_hub_call(hub, call)
                    : green_hub_call_threadsafe(hub, call));
    }
    iterate(GREEN_FOREVER);
    ck_assert_int_eq(called, 10);
}
END_TEST

START_TEST(arguments)
{
    struct green_call call = {.callback = note}, empty = {0};

    ck_fails(green_hub_call(NULL, &call), EINVAL);
    ck_fails(green_hub_call(hub, NULL), EINVAL);
    ck_fails(green_hub_call(hub, &empty), EINVAL);
    ck_fails(green_hub_call_threadsafe(NULL, &call), EINVAL);
    ck_fails(green_hub_call_threadsafe(hub, NULL), EINVAL);
    ck_fails(green_hub_call_threadsafe(hub, &empty), EINVAL);
    iterate(0);
    ck_assert_int_eq(called, 0);
}
END_TEST

/* ---- From other OS threads ------------------------------------------- */

#define THREADS 4
#define EACH 2000

static struct green_call foreign[THREADS][EACH];
static int last_of[THREADS], wrong_order;

static void count_foreign(struct green_call *call)
{
    size_t index = (size_t)(call - foreign[0]);
    int thread = (int)(index / EACH), number = (int)(index % EACH) + 1;

    wrong_order += number != last_of[thread] + 1;
    last_of[thread] = number;
    called++;
}

static void *request(void *arg)
{
    struct green_call *calls = arg;

    for (int i = 0; i < EACH; i++) {
        calls[i].callback = count_foreign;
        if (green_hub_call_threadsafe(hub, &calls[i]) < 0)
            return arg;
    }
    return NULL;
}

/* No call is lost, each OS thread's calls run in its order, and each wakes a
 * hub that waits without a time limit. */
START_TEST(many_threads_at_once)
{
    pthread_t threads[THREADS];
    void *failed;

    for (int i = 0; i < THREADS; i++)
        ck_ok(pthread_create(&threads[i], NULL, request, foreign[i]));
    while (called < THREADS * EACH)
        iterate(GREEN_FOREVER);
    for (int i = 0; i < THREADS; i++) {
        ck_ok(pthread_join(threads[i], &failed));
        ck_assert_ptr_null(failed);
    }
    ck_assert_int_eq(called, THREADS * EACH);
    ck_assert_int_eq(wrong_order, 0);
}
END_TEST

static struct green_call ping;
static atomic_int pongs;

static void pong(struct green_call *call)
{
    (void)call;
    atomic_fetch_add(&pongs, 1);
}

static void *request_repeatedly(void *arg)
{
    for (int i = 0; i < 200; i++) {
        ping.callback = pong;
        green_hub_call_threadsafe(hub, &ping);
        while (atomic_load(&pongs) == i)
            sched_yield();
    }
    return arg;
}

/* Each time, the hub may be asleep or about to sleep. */
START_TEST(woken_each_time)
{
    pthread_t thread;

    ck_ok(pthread_create(&thread, NULL, request_repeatedly, NULL));
    while (atomic_load(&pongs) < 200)
        iterate(GREEN_FOREVER);
    ck_ok(pthread_join(thread, NULL));
}
END_TEST

static struct green_call from_signal = {.callback = note};
static volatile sig_atomic_t signalled;

static void on_signal(int number)
{
    int saved = errno;

    (void)number;
    if (!signalled) {
        errno = ESTALE;
        green_hub_call_threadsafe(hub, &from_signal);
        signalled = errno == ESTALE ? 1 : 2;
    }
    errno = saved;
}

static void *interrupt(void *arg)
{
    pthread_kill(*(pthread_t *)arg, SIGUSR1);
    return NULL;
}

START_TEST(from_a_signal_handler)
{
    struct sigaction action = {.sa_handler = on_signal};
    pthread_t thread, here = pthread_self();

    ck_ok(sigaction(SIGUSR1, &action, NULL));
    ck_ok(pthread_create(&thread, NULL, interrupt, &here));
    while (called == 0)
        iterate(GREEN_FOREVER);
    ck_assert_int_eq(signalled, 1);
    ck_ok(pthread_join(thread, NULL));
}
END_TEST

static struct green_call last_call = {.callback = note};

/* The OS thread has a pending cancellation, and would end at its next
 * cancellation point. The call must not be one. */
static void *request_while_cancelled(void *arg)
{
    int state;

    pthread_cancel(pthread_self());
    green_hub_call_threadsafe(hub, &last_call);
    pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &state);
    return arg;
}

START_TEST(by_a_cancelled_os_thread)
{
    pthread_t thread;
    void *result = NULL;

    ck_ok(pthread_create(&thread, NULL, request_while_cancelled, hub));
    ck_ok(pthread_join(thread, &result));
    ck_assert_ptr_eq(result, hub);
    while (called == 0)
        iterate(GREEN_FOREVER);
    ck_ok(green_use_hub(hub_under_test())); /* waits for no OS thread */
}
END_TEST

/* A greenthread waits in its own hub while another OS thread calls into it. */
START_TEST(while_greenthreads_sleep)
{
    pthread_t thread;

    if (on_sim()) {
        SKIP(
            "needs calls of another OS thread in time: not on a virtual clock");
        return;
    }
    ck_ok(pthread_create(&thread, NULL, request_repeatedly, NULL));
    while (atomic_load(&pongs) < 200)
        ck_ok(green_sleep(GREEN_MSEC));
    ck_ok(pthread_join(thread, NULL));
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("hub calls");
    TCase *own = add_tcase(suite, "own");
    TCase *others = add_tcase(suite, "from other OS threads");

    tcase_add_checked_fixture(own, set_up, NULL);
    tcase_add_checked_fixture(others, set_up, NULL);
    tcase_add_test(own, in_the_order_of_the_requests);
    tcase_add_test(own, requested_in_a_call_runs_in_the_next_iteration);
    tcase_add_test(own, a_callback_may_free_its_call);
    tcase_add_test(own, arguments);
    tcase_add_test(others, many_threads_at_once);
    tcase_add_test(others, woken_each_time);
    tcase_add_test(others, from_a_signal_handler);
    tcase_add_test(others, by_a_cancelled_os_thread);
    tcase_add_test(others, while_greenthreads_sleep);
    return run_suite(suite);
}
