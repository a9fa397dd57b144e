/* Objects shared by OS threads, at the moments when a hub ends, the process
 * forks, or the object is freed. */
#include "support.h"

#include <pthread.h>
#include <sched.h>
#include <semaphore.h>
#include <unistd.h>

#include "hub/hub.h"
#include "sync/visit.h"

#define WELL 42

static struct green_shared_channel *channel;
static int one = 1;

static void make_channel(void)
{
    channel = green_shared_channel_create(sizeof(int), 4);
    ck_assert_ptr_nonnull(channel);
}

static void *receives(void *arg)
{
    int number = 0;

    ck_ok(green_shared_channel_receive(channel, &number));
    (void)arg;
    return (void *)(intptr_t)number;
}

static void *sends(void *number)
{
    ck_ok(green_shared_channel_send(channel, number));
    return NULL;
}

static void send_on_thread(void)
{
    pthread_t thread;

    ck_ok(pthread_create(&thread, NULL, sends, &one));
    ck_ok(pthread_join(thread, NULL));
}

/* A greenthread waits, and another OS thread wakes it. */
static void wake_from_another_thread(void)
{
    struct green_thread *thread = green_spawn(receives, NULL);
    void *result = NULL;

    ck_ok(green_sleep(0));
    send_on_thread();
    ck_ok(green_join(thread, &result));
    ck_assert_int_eq((int)(intptr_t)result, 1);
}

/* ---- A hub is eliminated
 * ----------------------------------------------------- */

static void send_before_the_mailbox_ends(struct green__hub_ref *ref,
                                         bool forked)
{
    (void)ref, (void)forked;
    send_on_thread();
}

/* The old hub has dropped its calls already, and gets one more wake-up. */
START_TEST(woken_between_two_hubs)
{
    struct green__hub_ref ref = {.end = send_before_the_mailbox_ends};
    int number = 0;

    make_channel();
    ck_assert_ptr_nonnull(green_spawn(receives, NULL));
    ck_ok(green_sleep(0));
    green__hub_ref_add(green_get_hub(), &ref); /* ended before the mailbox's */
    ck_ok(green_use_hub(NULL));
    ck_ok(green_shared_channel_try_receive(channel, &number)); /* returned */
    ck_assert_int_eq(number, 1);
    wake_from_another_thread();
    green_shared_channel_destroy(channel);
}
END_TEST

/* ---- A fork ----------------------------------------------------------------- */

static sem_t is_waking, may_continue;

/* The state in which a fork finds an OS thread that is about to wake the
 * hub. */
static void *is_waking_during_the_fork(void *arg)
{
    struct green__mailbox *mailbox = arg;

    ck_ok(pthread_mutex_lock(&mailbox->mutex));
    mailbox->wakeup = GREEN__WAKEUP_CLAIMED;
    mailbox->call.internal.pending = true;
    ck_ok(sem_post(&is_waking));
    ck_ok(sem_wait(&may_continue));
    mailbox->call.internal.pending = false;
    mailbox->wakeup = GREEN__WAKEUP_IDLE;
    ck_ok(pthread_mutex_unlock(&mailbox->mutex));
    return NULL;
}

/* Keeps the parent's channel reachable for leak checkers; the child cannot free
 * it. */
static void *volatile of_the_parent;

/* 0: on the mailbox's hub; 1: the mailbox's hub has ended. */
START_TEST(a_fork_during_a_wakeup)
{
    pthread_t thread;
    pid_t pid;

    if (is_emulated()) {
        SKIP("qemu-user ends the child of many threads with 127");
        return;
    }
    if (checker() && strcmp(checker(), "tsan") == 0) {
        SKIP("ThreadSanitizer keeps the parent's threads and locks in the "
             "child");
        return;
    }
    ck_ok(sem_init(&is_waking, 0, 0));
    ck_ok(sem_init(&may_continue, 0, 0));
    make_channel();
    wake_from_another_thread();
    if (_i)
        ck_ok(green_use_hub(NULL));
    ck_ok(pthread_create(&thread, NULL, is_waking_during_the_fork,
                         green__mailbox()));
    ck_ok(sem_wait(&is_waking));
    pid = fork();
    if (pid == 0) {
        of_the_parent = channel;
        make_channel();
        wake_from_another_thread();
        _exit(WELL);
    }
    ck_assert_int_eq(wait_child(pid), WELL);
    ck_ok(sem_post(&may_continue));
    ck_ok(pthread_join(thread, NULL));
    wake_from_another_thread();
}
END_TEST

/* ---- The object is freed
 * ----------------------------------------------------- */

struct thing {
    struct green__shared shared;
    struct green_list line;
    atomic_bool has_waited;
};

static struct thing things[2];

static void *waits(void *arg)
{
    static const struct green__wait_kind kind = {.name = "thing"};
    struct thing *thing = arg;
    struct green__shared_place here;
    struct green__visit visit;

    green__visit_begin(&visit, &thing->shared);
    ck_ok(green__shared_wait(&visit, &thing->line, &here, &kind));
    atomic_store(&thing->has_waited, true);
    return NULL;
}

static void *wait_for_both(void *unused)
{
    struct green_thread *first = green_spawn(waits, &things[0]);
    struct green_thread *second = green_spawn(waits, &things[1]);

    ck_ok(green_join(first, NULL));
    ck_ok(green_join(second, NULL));
    return unused;
}

static void begin_and_post(struct green__visit *visit, struct thing *thing)
{
    for (;;) {
        green__visit_begin(visit, &thing->shared);
        if (!green__list_empty(&thing->line))
            break;
        green__visit_end(visit);
        sched_yield();
    }
    green__shared_post(visit, green__shared_take(&thing->line), 0);
}

/* A waiter may free the object as soon as it runs, so its waker must have left
 * the object by then. Here the wake-up for the other object reaches the
 * waiter's OS thread while the waker is still inside. */
START_TEST(the_waker_leaves_before_the_waiter_continues)
{
    struct green__visit visits[2];
    pthread_t thread;

    for (int i = 0; i < 2; i++) {
        green__list_init(&things[i].line);
        ck_ok(green__biased_lock_init(&things[i].shared.lock));
    }
    ck_ok(pthread_create(&thread, NULL, wait_for_both, NULL));
    for (int i = 0; i < 2; i++)
        begin_and_post(&visits[i], &things[i]);
    green__visit_end(&visits[0]); /* wakes the hub */
    while (!atomic_load(&things[0].has_waited))
        sched_yield();
    for (int i = 0; i < 1000; i++)
        sched_yield();
    ck_assert(!atomic_load(&things[1].has_waited));
    green__visit_end(&visits[1]);
    ck_ok(pthread_join(thread, NULL));
    ck_assert(atomic_load(&things[1].has_waited));
    for (int i = 0; i < 2; i++)
        green__biased_lock_destroy(&things[i].shared.lock);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("mailbox");
    TCase *tcase = add_tcase(suite, "mailbox");

    tcase_add_test(tcase, woken_between_two_hubs);
    tcase_add_loop_test(tcase, a_fork_during_a_wakeup, 0, 2);
    tcase_add_test(tcase, the_waker_leaves_before_the_waiter_continues);
    return run_suite(suite);
}
