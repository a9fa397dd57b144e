/* Events and channels between OS threads. Nothing is lost when one of the OS
 * threads ends. */
#include "support.h"

#include <pthread.h>
#include <semaphore.h>
#include <unistd.h>

static struct green_shared_channel *channel, *back;
static struct green_shared_event *event;
static sem_t reached, go_on; /* OS threads wait for each other by these */

static void make_all(size_t capacity)
{
    channel = green_shared_channel_create(sizeof(int), capacity);
    back = green_shared_channel_create(sizeof(int), capacity);
    event = green_shared_event_create();
    ck_assert(channel && back && event);
    ck_ok(sem_init(&reached, 0, 0));
    ck_ok(sem_init(&go_on, 0, 0));
}

static void destroy_all(void)
{
    green_shared_channel_destroy(channel);
    green_shared_channel_destroy(back);
    green_shared_event_destroy(event);
}

static pthread_t begin(void *(*fn)(void *), void *arg)
{
    pthread_t thread;

    ck_ok(pthread_create(&thread, NULL, fn, arg));
    return thread;
}

/* Blocks the OS thread until another one has reached the same point. */
static void meet(sem_t *mine, sem_t *others)
{
    ck_ok(sem_post(mine));
    while (sem_wait(others) < 0)
        ck_assert_int_eq(errno, EINTR);
}

/* ---- Between OS threads -------------------------------------------------- */

#define NUMBERS 300

static void *add_one(void *unused)
{
    int number;

    while (green_shared_channel_receive(channel, &number) == 0) {
        number++;
        ck_ok(green_shared_channel_send(back, &number));
    }
    ck_assert_int_eq(errno, EPIPE);
    return unused;
}

START_TEST(sent_and_returned)
{
    pthread_t other;

    make_all((size_t)_i);
    other = begin(add_one, NULL);
    for (int i = 0; i < NUMBERS; i++) {
        int number = 0;

        ck_ok(green_shared_channel_send(channel, &i));
        ck_ok(green_shared_channel_receive(back, &number));
        ck_assert_int_eq(number, i + 1);
    }
    ck_ok(green_shared_channel_close(channel));
    ck_ok(pthread_join(other, NULL));
    destroy_all();
}
END_TEST

static void *send_numbers(void *unused)
{
    for (int i = 0; i < NUMBERS; i++)
        ck_ok(green_shared_channel_send(channel, &i));
    ck_ok(green_shared_channel_close(channel));
    ck_ok(green_shared_channel_close(channel));
    ck_fails(green_shared_channel_send(channel, &(int){0}), EPIPE);
    return unused;
}

START_TEST(in_the_order_of_sending)
{
    int number, count = 0;
    pthread_t other;

    make_all((size_t)_i);
    other = begin(send_numbers, NULL);
    while (green_shared_channel_receive(channel, &number) == 0)
        ck_assert_int_eq(number, count++);
    ck_assert_int_eq(errno, EPIPE);
    ck_assert_int_eq(count, NUMBERS);
    ck_ok(pthread_join(other, NULL));
    destroy_all();
}
END_TEST

static void *wait_for_event(void *result)
{
    void *value = NULL;

    if (green_shared_event_wait(event, &value) != 0)
        *(int *)result = errno;
    else
        *(int *)result = *(int *)value;
    return NULL;
}

static void *two_wait_for_event(void *results)
{
    struct green_thread *one = green_spawn(wait_for_event, results);
    struct green_thread *two = green_spawn(wait_for_event, (int *)results + 1);

    ck_ok(green_join(one, NULL));
    ck_ok(green_join(two, NULL));
    return NULL;
}

START_TEST(an_event_wakes_all_everywhere)
{
    pthread_t threads[4];
    int results[8] = {0}, value = 4711;

    make_all(0);
    for (int i = 0; i < 4; i++)
        threads[i] = begin(two_wait_for_event, &results[2 * i]);
    usleep(10000); /* some wait by now; it does not matter which */
    ck_fails(green_shared_event_try_wait(event, NULL), EAGAIN);
    ck_ok(_i ? green_shared_event_fail(event, ENETDOWN)
             : green_shared_event_send(event, &value));
    ck_fails(green_shared_event_send(event, NULL), EALREADY);
    ck_fails(green_shared_event_fail(event, EIO), EALREADY);
    for (int i = 0; i < 4; i++)
        ck_ok(pthread_join(threads[i], NULL));
    for (int i = 0; i < 8; i++)
        ck_assert_int_eq(results[i], _i ? ENETDOWN : 4711);
    destroy_all();
}
END_TEST

/* This OS thread has no hub, and needs none to send. */
static void *send_later(void *number)
{
    /* Succeeds once the other waits. */
    while (green_shared_channel_try_send(channel, number) < 0) {
        ck_assert_int_eq(errno, EAGAIN);
        usleep(1000);
    }
    return NULL;
}

START_TEST(a_thread_without_a_hub)
{
    int number = 7, got = 0;
    pthread_t other;

    make_all(0);
    other = begin(send_later, &number);
    /* No greenthread of this hub can wake it, yet it is no deadlock. */
    ck_ok(green_shared_channel_receive(channel, &got));
    ck_assert_int_eq(got, 7);
    ck_ok(pthread_join(other, NULL));
    destroy_all();
}
END_TEST

/* ---- Kills and timeouts racing with a delivery ----------------------------- */

static unsigned char seen[20 * NUMBERS];
static int count_seen;

/* Times out repeatedly, at the very moments when values arrive. */
static void *receive_with_timeouts(void *arg)
{
    green_time limit = GREEN_USEC;

    (void)arg;
    for (;;) {
        struct green_timeout timeout;
        int number, result, error;

        ck_ok(green_timeout_start(&timeout, limit));
        result = green_shared_channel_receive(channel, &number);
        error = errno;
        ck_ok(green_timeout_cancel(&timeout));
        if (result == 0) {
            ck_assert_int_eq(seen[number]++, 0);
            count_seen++;
        } else if (error == EPIPE) {
            return NULL;
        } else {
            ck_assert_int_eq(error, ETIMEDOUT);
            limit = limit % (50 * GREEN_USEC) + GREEN_USEC;
        }
    }
}

static void *send_many(void *unused)
{
    for (int i = 0; i < 20 * NUMBERS; i++)
        ck_ok(green_shared_channel_send(channel, &i));
    ck_ok(green_shared_channel_close(channel));
    return unused;
}

START_TEST(nothing_is_lost_to_timeouts)
{
    struct green_thread *threads[3];
    pthread_t other;

    if (on_sim()) {
        SKIP("a virtual clock runs ahead of the other OS thread");
        return;
    }
    make_all((size_t)_i);
    other = begin(send_many, NULL);
    for (int i = 0; i < 3; i++)
        threads[i] = green_spawn(receive_with_timeouts, NULL);
    for (int i = 0; i < 3; i++)
        ck_ok(green_join(threads[i], NULL));
    ck_ok(pthread_join(other, NULL));
    ck_assert_int_eq(count_seen, 20 * NUMBERS);
    destroy_all();
}
END_TEST

static int received, error_of_receiver;

static void *receive_one(void *unused)
{
    int number = 0;

    error_of_receiver =
        green_shared_channel_receive(channel, &number) < 0 ? errno : 0;
    received = number;
    return unused;
}

/* On another OS thread. A greenthread waits; while its OS thread is blocked,
 * main's OS thread sends to it; then it is killed before it has run. */
static void *kill_when_served(void *unused)
{
    struct green_thread *thread = green_spawn(receive_one, NULL);

    ck_ok(green_sleep(0));
    ck_ok(green_sleep(0));
    meet(&reached, &go_on);
    ck_ok(green_kill(thread));
    ck_ok(green_join(thread, NULL));
    return unused;
}

START_TEST(a_kill_after_another_thread_has_served)
{
    int number = 5;
    pthread_t other;

    make_all(0);
    other = begin(kill_when_served, NULL);
    while (sem_wait(&reached) < 0)
        ck_assert_int_eq(errno, EINTR);
    ck_ok(green_shared_channel_try_send(channel, &number));
    ck_ok(sem_post(&go_on));
    ck_ok(pthread_join(other, NULL));
    ck_assert_int_eq(error_of_receiver, 0);
    ck_assert_int_eq(received, 5);
    destroy_all();
}
END_TEST

/* ---- The end of a hub, of an OS thread ------------------------------------ */

static void *ends_when_served(void *how)
{
    struct green_thread *threads[2];

    for (int i = 0; i < 2; i++)
        threads[i] = green_spawn(receive_one, NULL);
    ck_ok(green_detach(threads[0]));
    ck_ok(green_detach(threads[1]));
    ck_ok(green_sleep(0));
    ck_ok(green_sleep(0));
    meet(&reached, &go_on);
    if (*(int *)how == 1)
        ck_ok(green_use_hub(NULL)); /* eliminates the hub that they wait on */
    if (*(int *)how == 1)
        meet(&reached, &go_on);
    return NULL;
}

/* Two greenthreads of another OS thread were given a value each, and are gone
 * before they run: the values return to the channel. */
START_TEST(undelivered_values_return_to_the_channel)
{
    int how = _i, first = 1, second = 2, third = 3, got;
    pthread_t other;

    make_all(1);
    other = begin(ends_when_served, &how);
    while (sem_wait(&reached) < 0)
        ck_assert_int_eq(errno, EINTR);
    ck_ok(green_shared_channel_try_send(channel, &first));
    ck_ok(green_shared_channel_try_send(channel, &second));
    ck_assert_uint_eq(green_shared_channel_length(channel), 0);
    ck_ok(green_shared_channel_try_send(channel, &third)); /* there is room */
    ck_ok(sem_post(&go_on));
    if (how == 1)
        meet(&go_on, &reached);
    ck_ok(pthread_join(other, NULL));
    ck_assert_uint_eq(green_shared_channel_length(channel), 3);
    for (int i = 1; i <= 3; i++) {
        ck_ok(green_shared_channel_receive(channel, &got));
        ck_assert_int_eq(got, i);
    }
    ck_fails(green_shared_channel_try_receive(channel, &got), EAGAIN);
    destroy_all();
}
END_TEST

#define IN_STOCK 10000

static void *receive_and_count(void *count)
{
    int number;

    while (green_shared_channel_receive(channel, &number) == 0)
        ++*(int *)count;
    return NULL;
}

/* A greenthread that receives without waiting lets others run now and then. One
 * of them eliminates the hub: what had been taken has been counted. */
START_TEST(a_receiver_makes_way_with_nothing_in_its_hands)
{
    struct green_thread *receiver;
    int count = 0;

    make_all(IN_STOCK);
    for (int i = 0; i < IN_STOCK; i++)
        ck_ok(green_shared_channel_try_send(channel, &i));
    receiver = green_spawn(receive_and_count, &count);
    ck_ok(green_detach(receiver));
    ck_ok(green_sleep(0));
    if (!in_chaos()) /* there it may run later */
        ck_assert_int_gt(count, 0);
    ck_ok(green_use_hub(NULL));
    ck_assert_uint_eq(green_shared_channel_length(channel) + (unsigned)count,
                      IN_STOCK);
    destroy_all();
}
END_TEST

static void *receive_here(void *got)
{
    ck_ok(green_shared_channel_receive(channel, got));
    return NULL;
}

/* By then others wait: they get the values. */
START_TEST(undelivered_values_go_to_other_waiters)
{
    int how = _i, number = 1, got[2] = {0};
    struct green_thread *threads[2];
    pthread_t other;

    make_all(0);
    other = begin(ends_when_served, &how);
    while (sem_wait(&reached) < 0)
        ck_assert_int_eq(errno, EINTR);
    ck_ok(green_shared_channel_try_send(channel, &number));
    number++;
    ck_ok(green_shared_channel_try_send(channel, &number));
    for (int i = 0; i < 2; i++)
        threads[i] = green_spawn(receive_here, &got[i]);
    ck_ok(green_sleep(0));
    ck_ok(green_sleep(0));
    ck_ok(sem_post(&go_on));
    if (how == 1)
        meet(&go_on, &reached);
    ck_ok(pthread_join(other, NULL));
    ck_ok(green_join(threads[0], NULL));
    ck_ok(green_join(threads[1], NULL));
    ck_assert_int_eq(got[0] + got[1], 3);
    ck_assert_int_eq(got[0] * got[1], 2);
    ck_assert_uint_eq(green_shared_channel_length(channel), 0);
    destroy_all();
}
END_TEST

/* No value was sent: the ended waiters have left the line. */
START_TEST(ended_waiters_leave_the_line)
{
    int how = _i, number = 9, got = 0;
    pthread_t other;

    make_all(0);
    other = begin(ends_when_served, &how);
    meet(&go_on, &reached);
    if (how == 1)
        meet(&go_on, &reached);
    ck_ok(pthread_join(other, NULL));
    ck_fails(green_shared_channel_try_send(channel, &number), EAGAIN);
    ck_fails(green_shared_channel_try_receive(channel, &got), EAGAIN);
    destroy_all();
}
END_TEST

/* The same with a single OS thread. */
START_TEST(on_its_own_hub)
{
    int number = 6, got = 0;

    make_all(0);
    ck_ok(green_detach(green_spawn(receive_one, NULL)));
    ck_ok(green_sleep(0));
    ck_ok(green_shared_channel_try_send(channel, &number));
    ck_ok(green_use_hub(hub_under_test()));
    ck_ok(green_shared_channel_receive(channel, &got));
    ck_assert_int_eq(got, 6);
    ck_assert_int_eq(received, 0);
    /* The channel works on the new hub. */
    ck_ok(green_detach(green_spawn(receive_one, NULL)));
    ck_ok(green_sleep(0));
    ck_ok(green_shared_channel_send(channel, &number));
    ck_ok(green_sleep(0));
    ck_assert_int_eq(received, 6);
    destroy_all();
}
END_TEST

START_TEST(signals_without_a_value)
{
    struct green_shared_channel *signals = green_shared_channel_create(0, 1);

    ck_assert_ptr_nonnull(signals);
    ck_ok(green_shared_channel_send(signals, NULL));
    ck_fails(green_shared_channel_try_send(signals, NULL), EAGAIN);
    ck_ok(green_shared_channel_receive(signals, NULL));
    ck_fails(green_shared_channel_try_receive(signals, NULL), EAGAIN);
    green_shared_channel_destroy(signals);
}
END_TEST

/* Keeps the parent's objects reachable for leak checkers; the child cannot free
 * them. */
static void *volatile of_the_parent[3];

/* A child makes objects of its own. */
START_TEST(in_a_forked_child)
{
    pid_t child;

    make_all(0);
    ck_ok(green_detach(green_spawn(receive_one, NULL)));
    ck_ok(green_sleep(0));
    child = fork();
    if (child == 0) {
        int number = 3;

        of_the_parent[0] = channel;
        of_the_parent[1] = back;
        of_the_parent[2] = event;
        make_all(0);
        ck_ok(green_detach(green_spawn(receive_one, NULL)));
        ck_ok(green_sleep(0));
        ck_ok(green_shared_channel_send(channel, &number));
        ck_ok(green_sleep(0));
        _exit(received);
    }
    ck_assert_int_eq(wait_child(child), 3);
    ck_ok(green_shared_channel_send(channel, &(int){4}));
    ck_ok(green_sleep(0));
    ck_assert_int_eq(received, 4);
    destroy_all();
}
END_TEST

START_TEST(misuse_of_shared_objects)
{
    int value = 0;

    make_all(1);
    ck_fails_null(green_shared_channel_create(SIZE_MAX / 2, 4), ENOMEM);
    ck_fails(green_shared_channel_send(NULL, &value), EINVAL);
    ck_fails(green_shared_channel_send(channel, NULL), EINVAL);
    ck_fails(green_shared_channel_try_send(NULL, &value), EINVAL);
    ck_fails(green_shared_channel_receive(NULL, &value), EINVAL);
    ck_fails(green_shared_channel_try_receive(NULL, &value), EINVAL);
    ck_fails(green_shared_channel_close(NULL), EINVAL);
    ck_assert_uint_eq(green_shared_channel_length(NULL), 0);
    ck_fails(green_shared_event_send(NULL, NULL), EINVAL);
    ck_fails(green_shared_event_fail(NULL, EIO), EINVAL);
    ck_fails(green_shared_event_fail(event, 0), EINVAL);
    ck_fails(green_shared_event_wait(NULL, NULL), EINVAL);
    ck_fails(green_shared_event_try_wait(NULL, NULL), EINVAL);
    green_shared_channel_destroy(NULL);
    green_shared_event_destroy(NULL);
    destroy_all();
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("sync shared");
    TCase *across = add_tcase(suite, "between OS threads");
    TCase *ends = add_tcase(suite, "end");

    tcase_add_loop_test(across, sent_and_returned, 0, 3);
    tcase_add_loop_test(across, in_the_order_of_sending, 0, 3);
    tcase_add_loop_test(across, an_event_wakes_all_everywhere, 0, 2);
    tcase_add_test(across, a_thread_without_a_hub);
    tcase_add_loop_test(across, nothing_is_lost_to_timeouts, 0, 2);
    tcase_add_test(across, a_kill_after_another_thread_has_served);
    tcase_add_loop_test(ends, undelivered_values_return_to_the_channel, 0, 2);
    tcase_add_test(ends, a_receiver_makes_way_with_nothing_in_its_hands);
    tcase_add_loop_test(ends, undelivered_values_go_to_other_waiters, 0, 2);
    tcase_add_loop_test(ends, ended_waiters_leave_the_line, 0, 2);
    tcase_add_test(ends, on_its_own_hub);
    tcase_add_test(ends, signals_without_a_value);
    tcase_add_test(ends, in_a_forked_child);
    tcase_add_test(ends, misuse_of_shared_objects);
    return run_suite(suite);
}
