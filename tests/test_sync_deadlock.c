/* Deadlocks: the library finds them when no event can wake any greenthread, and
 * only then. */
#include "support.h"

#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <sys/time.h>
#include <unistd.h>

static struct green_event event, never;
static struct green_semaphore semaphore, capped;
static struct green_lock lock, other_lock;
static struct green_recursive_lock recursive;
static struct green_condition condition;
static struct green_rwlock rwlock, written;
static struct green_wait_group group;
static struct green_barrier barrier;
static struct green_queue queue, full;
static struct green_channel channel;
static int errors[32], ended;

static int choose(void)
{
    struct green_case cases[] = {
        {.kind = GREEN_CASE_RECEIVE, .channel = &channel},
        {.kind = GREEN_CASE_SEND, .channel = &channel},
    };

    return green_choose(cases, 2, GREEN_FOREVER);
}

static int wait_condition(void)
{
    int result, error;

    if (green_lock_acquire(&other_lock) < 0)
        return -1;
    result = green_condition_wait(&condition, &other_lock);
    error = errno;
    ck_assert(green_lock_held(&other_lock));
    ck_ok(green_lock_release(&other_lock));
    errno = error;
    return result;
}

/* Waits in one of all possible ways. */
static int wait_by(int way)
{
    void *item;

    switch (way) {
    case 0:
        return green_event_wait(&never, NULL);
    case 1:
        return green_semaphore_acquire(&semaphore);
    case 2:
        return green_semaphore_release_wait(&capped);
    case 3:
        return green_lock_acquire(&lock);
    case 4:
        return green_recursive_lock_acquire(&recursive);
    case 5:
        return wait_condition();
    case 6:
        return green_rwlock_write(&rwlock);
    case 7:
        return green_rwlock_read(&written);
    case 8:
        return green_wait_group_wait(&group);
    case 9:
        return green_barrier_wait(&barrier);
    case 10:
        return green_queue_get(&queue, &item);
    case 11:
        return green_queue_put(&full, NULL);
    case 12:
        return green_queue_join(&full);
    case 13:
        return green_channel_send(&channel, NULL);
    case 14:
        return green_channel_receive(&channel, NULL);
    default:
        return choose();
    }
}

#define WAYS 16

static void prepare_ways(void)
{
    static int item;

    ck_ok(green_semaphore_init(&capped, 1, 1));
    ck_ok(green_lock_acquire(&lock));
    ck_ok(green_recursive_lock_acquire(&recursive));
    ck_ok(green_rwlock_read(&rwlock));
    ck_ok(green_rwlock_write(&written));
    ck_ok(green_wait_group_add(&group, 1));
    ck_ok(green_barrier_init(&barrier, 2));
    ck_ok(green_queue_init(&queue, 1));
    ck_ok(green_queue_init(&full, 1));
    ck_ok(green_queue_put(&full, &item));
    ck_ok(green_channel_init(&channel, 0, 0));
}

static void *waits(void *arg)
{
    int way = (int)(intptr_t)arg;

    errors[way] = wait_by(way) < 0 ? errno : 0;
    ended++;
    return NULL;
}

START_TEST(each_way_of_waiting)
{
    struct green_thread *thread;

    prepare_ways();
    thread = green_spawn(waits, (void *)(intptr_t)_i);
    ck_fails(green_join(thread, NULL), EDEADLK);
    ck_ok(green_join(thread, NULL)); /* it has failed too, and ended */
    ck_assert_int_eq(errors[_i], EDEADLK);
}
END_TEST

START_TEST(of_all_at_once)
{
    struct green_thread *threads[WAYS - 3];

    prepare_ways();
    for (int i = 0; i < WAYS - 3; i++)
        threads[i] = green_spawn(waits, (void *)(intptr_t)i);
    ck_fails(green_event_wait(&event, NULL), EDEADLK);
    ck_assert_int_eq(ended, 0);
    ck_ok(green_event_send(&event, NULL));
    for (int i = 0; i < WAYS - 3; i++) {
        ck_ok(green_join(threads[i], NULL));
        ck_assert_int_eq(errors[i], EDEADLK);
    }
}
END_TEST

static void *waits_shielded(void *unused)
{
    struct green_shield shield;

    ck_ok(green_shield_begin(&shield));
    ck_fails(green_event_wait(&never, NULL), EDEADLK);
    ck_ok(green_shield_end(&shield));
    return unused;
}

START_TEST(a_shield_does_not_help)
{
    struct green_thread *thread = green_spawn(waits_shielded, NULL);

    ck_ok(green_sleep(0));
    ck_ok(green_kill(thread));
    ck_fails(green_join(thread, NULL), EDEADLK);
    ck_ok(green_join(thread, NULL));
}
END_TEST

static struct green_thread *joined;

static void *joins(void *unused)
{
    /* The joined greenthread fails first and ends, so this join succeeds. */
    ck_ok(green_join(joined, NULL));
    ended++;
    return unused;
}

START_TEST(a_chain_of_joins)
{
    struct green_thread *other;

    joined = green_spawn(waits, (void *)0);
    other = green_spawn(joins, NULL);
    ck_fails(green_join(other, NULL), EDEADLK);
    ck_ok(green_join(other, NULL));
    ck_assert_int_eq(ended, 2);
}
END_TEST

static void *waits_and_fails(void *unused)
{
    ck_fails(green_event_wait(&never, NULL), EDEADLK);
    ended++;
    return unused;
}

START_TEST(repeatedly)
{
    for (int i = 1; i <= 3; i++) {
        ck_ok(green_detach(green_spawn(waits_and_fails, NULL)));
        ck_fails(green_event_wait(&event, NULL), EDEADLK);
        ck_ok(green_sleep(0));
        ck_assert_int_eq(ended, i);
        ck_ok(green_sleep(GREEN_MSEC)); /* the hub still works */
    }
}
END_TEST

/* The hub's own timers, for stacks and descriptors, wake no greenthread. */
START_TEST(after_stacks_and_descriptors_were_used)
{
    struct green_thread *threads[2000];
    int ends[2];
    char byte;

    for (int i = 0; i < 2000; i++)
        threads[i] = green_spawn(waits, (void *)0);
    ck_ok(green_sleep(0));
    ck_ok(green_event_send(&never, NULL));
    for (int i = 0; i < 2000; i++)
        ck_ok(green_join(threads[i], NULL));
    ck_ok(green_event_reset(&never));
    make_pair(FIRST_GREEN_KIND, ends);
    ck_fails(green_event_try_wait(&event, NULL), EAGAIN);
    ck_assert_int_eq(write(ends[1], "x", 1), 1);
    ck_assert_int_eq(green_read(ends[0], &byte, 1), 1);
    ck_fails(green_event_wait(&event, NULL), EDEADLK);
}
END_TEST

static void *another_thread(void *unused)
{
    ck_fails(green_event_wait(&event, NULL), EDEADLK);
    return unused;
}

/* Other OS threads that run do not matter. */
START_TEST(in_each_os_thread)
{
    pthread_t thread;

    ck_ok(pthread_create(&thread, NULL, another_thread, NULL));
    ck_ok(pthread_join(thread, NULL));
    ck_fails(green_event_wait(&never, NULL), EDEADLK);
}
END_TEST

/* ---- The report ---------------------------------------------------------- */

static void *named(void *unused)
{
    ck_ok(green_set_name(green_self(), "philosopher"));
    ck_fails(green_semaphore_acquire(&semaphore), EDEADLK);
    return unused;
}

START_TEST(the_report_names_the_waiters)
{
    struct green_thread *thread = green_spawn(named, NULL);
    char text[8192];
    ssize_t length;
    int ends[2];

    pipe_pair(ends);
    ck_ok(green_debug_deadlock(ends[1]));
    ck_fails(green_join(thread, NULL), EDEADLK);
    ck_ok(green_debug_deadlock(-1));
    length = read(ends[0], text, sizeof text - 1);
    ck_assert_int_gt(length, 0);
    text[length] = '\0';
    ck_assert_ptr_nonnull(strstr(text, "deadlock"));
    ck_assert_ptr_nonnull(strstr(text, "philosopher"));
    ck_assert_ptr_nonnull(strstr(text, "semaphore since"));
    ck_assert_ptr_nonnull(strstr(text, "join since"));
    ck_ok(green_join(thread, NULL));
    /* Once more, without a report. */
    ck_fails(green_semaphore_acquire(&semaphore), EDEADLK);
    close(ends[1]);
    ck_assert_int_eq(read(ends[0], text, sizeof text), 0);
    ck_fails(green_debug_deadlock(ends[1]), EBADF);
}
END_TEST

/* ---- Not a deadlock ------------------------------------------------------ */

static void *sends_later(void *unused)
{
    ck_ok(green_sleep(2 * GREEN_MSEC));
    ck_ok(green_event_send(&event, NULL));
    return unused;
}

START_TEST(a_timer_is_pending)
{
    struct green_thread *thread;
    struct green_timeout timeout;

    ck_ok(green_timeout_start(&timeout, GREEN_MSEC));
    ck_fails(green_event_wait(&event, NULL), ETIMEDOUT);
    ck_ok(green_timeout_cancel(&timeout));
    thread = green_spawn_after(GREEN_MSEC, sends_later, NULL);
    ck_ok(green_event_wait(&event, NULL));
    ck_ok(green_join(thread, NULL));
}
END_TEST

/* An OS thread without a hub acts a while later. */
static int pair[2];

static void *write_outside(void *unused)
{
    usleep(20000);
    ck_assert_int_eq(write(pair[1], "x", 1), 1);
    return unused;
}

static void *reads_and_sends(void *unused)
{
    char byte;

    ck_assert_int_eq(green_read(pair[0], &byte, 1), 1);
    ck_ok(green_event_send(&event, NULL));
    return unused;
}

static void *chooses_and_sends(void *unused)
{
    struct green_case cases[] = {
        {.kind = GREEN_CASE_RECEIVE, .channel = &channel},
        {.kind = GREEN_CASE_DESCRIPTOR, .fd = pair[0], .events = GREEN_READ},
    };

    ck_assert_int_eq(green_choose(cases, 2, GREEN_FOREVER), 1);
    ck_ok(green_event_send(&event, NULL));
    return unused;
}

START_TEST(a_greenthread_waits_for_a_descriptor)
{
    struct green_thread *many[20], *thread;
    pthread_t outside;

    make_pair(_i % PAIR_KINDS, pair);
    for (int i = 0; i < 20; i++) /* they wait for the event too */
        many[i] = green_spawn(waits, (void *)0);
    thread = green_spawn(_i < PAIR_KINDS ? reads_and_sends : chooses_and_sends,
                         NULL);
    ck_ok(pthread_create(&outside, NULL, write_outside, NULL));
    ck_ok(green_event_wait(&event, NULL));
    ck_ok(pthread_join(outside, NULL));
    ck_ok(green_join(thread, NULL));
    ck_assert_int_eq(ended, 0);
    if (on_sim()) /* elsewhere it takes a second or two after I/O */
        ck_fails(green_join(many[0], NULL), EDEADLK);
}
END_TEST

static struct green_hub *hub;

static void send_event(struct green_call *call)
{
    (void)call;
    ck_ok(green_event_send(&event, NULL));
}

static struct green_call call = {.callback = send_event};

static void *call_outside(void *unused)
{
    usleep(20000);
    ck_ok(green_hub_call_threadsafe(hub, &call));
    return unused;
}

START_TEST(another_os_thread_may_call)
{
    pthread_t outside;

    hub = green_get_hub();
    ck_ok(pthread_create(&outside, NULL, call_outside, NULL));
    ck_ok(green_event_wait(&event, NULL));
    ck_ok(pthread_join(outside, NULL));
}
END_TEST

static void call_from_handler(int number)
{
    (void)number;
    green_hub_call_threadsafe(hub, &call);
}

/* Another process sends the signal, so this hub has no timer pending. */
START_TEST(a_signal_handler_may_call)
{
    const struct sigaction action = {.sa_handler = call_from_handler};
    pid_t child, parent = getpid();

    hub = green_get_hub();
    ck_ok(sigaction(SIGUSR1, &action, NULL));
    child = fork();
    if (child == 0) {
        usleep(20000);
        kill(parent, SIGUSR1);
        _exit(0);
    }
    ck_ok(green_event_wait(&event, NULL));
    ck_assert_int_eq(wait_child(child), 0);
}
END_TEST

static void is_readable(struct green_listener *listener, unsigned events)
{
    (void)events;
    ck_ok(green_hub_remove(hub, listener));
    ck_ok(green_event_send(&event, NULL));
}

START_TEST(a_listener_may_be_called)
{
    struct green_listener listener = {.events = GREEN_READ,
                                      .callback = is_readable};
    pid_t child;

    pipe_pair(pair);
    listener.fd = pair[0];
    hub = green_get_hub();
    ck_ok(green_hub_add(hub, &listener));
    child = fork();
    if (child == 0) {
        usleep(20000);
        _exit(write(pair[1], "x", 1) != 1);
    }
    ck_ok(green_event_wait(&event, NULL));
    ck_assert_int_eq(wait_child(child), 0);
}
END_TEST

static void call_soon(struct green_call *unused)
{
    (void)unused;
    ck_ok(green_event_send(&event, NULL));
}

START_TEST(a_call_is_pending)
{
    struct green_call soon = {.callback = call_soon};

    ck_ok(green_hub_call(green_get_hub(), &soon));
    ck_ok(green_event_wait(&event, NULL));
}
END_TEST

/* The program has asked for its hub, but no OS thread or handler can call
 * it. */
START_TEST(nothing_may_call)
{
    if (checker() || is_emulated()) {
        SKIP("checkers and emulators have OS threads of their own");
        return;
    }
    for (int i = 1; i < NSIG; i++) /* libcheck leaves handlers */
        signal(i, SIG_DFL);
    hub = green_get_hub();
    ck_fails(green_event_wait(&event, NULL), EDEADLK);
}
END_TEST

static long job(void *unused)
{
    (void)unused;
    usleep(20000);
    return 0;
}

static void *runs_job(void *unused)
{
    ck_assert_int_eq(on_thread(job, NULL), 0);
    ck_ok(green_event_send(&event, NULL));
    return unused;
}

START_TEST(a_thread_pool_works)
{
    ck_ok(green_detach(green_spawn(runs_job, NULL)));
    ck_ok(green_event_wait(&event, NULL));
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("sync deadlock");
    TCase *found = add_tcase(suite, "found");
    TCase *none = add_tcase(suite, "not a deadlock");

    tcase_add_loop_test(found, each_way_of_waiting, 0, WAYS);
    tcase_add_test(found, of_all_at_once);
    tcase_add_test(found, a_shield_does_not_help);
    tcase_add_test(found, a_chain_of_joins);
    tcase_add_test(found, repeatedly);
    tcase_add_test(found, after_stacks_and_descriptors_were_used);
    tcase_add_test(found, in_each_os_thread);
    tcase_add_test(found, the_report_names_the_waiters);
    tcase_add_test(found, nothing_may_call);
    tcase_add_test(none, a_timer_is_pending);
    tcase_add_loop_test(none, a_greenthread_waits_for_a_descriptor, 0,
                        2 * PAIR_KINDS);
    tcase_add_test(none, another_os_thread_may_call);
    tcase_add_test(none, a_signal_handler_may_call);
    tcase_add_test(none, a_listener_may_be_called);
    tcase_add_test(none, a_call_is_pending);
    tcase_add_test(none, a_thread_pool_works);
    return run_suite(suite);
}
