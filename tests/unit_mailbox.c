/* What OS threads share, at the moments in which a hub, a process or the thing
 * itself comes or goes. */
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

static void have_it_sent(void)
{
    pthread_t thread;

    ck_ok(pthread_create(&thread, NULL, sends, &one));
    ck_ok(pthread_join(thread, NULL));
}

/* A greenthread of ours waits, and another OS thread wakes it. */
static void be_woken_from_outside(void)
{
    struct green_thread *thread = green_spawn(receives, NULL);
    void *result = NULL;

    ck_ok(green_sleep(0));
    have_it_sent();
    ck_ok(green_join(thread, &result));
    ck_assert_int_eq((int)(intptr_t)result, 1);
}

/* ---- A hub goes ------------------------------------------------------------ */

static void send_before_the_mailbox_knows(struct green__hub_ref *lease,
                                          bool forked)
{
    (void)lease, (void)forked;
    have_it_sent();
}

/* The old hub has forgotten its calls already, and is rung once more. */
START_TEST(rung_between_two_hubs)
{
    struct green__hub_ref lease = {.end = send_before_the_mailbox_knows};
    int number = 0;

    make_channel();
    ck_assert_ptr_nonnull(green_spawn(receives, NULL));
    ck_ok(green_sleep(0));
    green__hub_ref_add(green_get_hub(),
                       &lease); /* ended before the mailbox's */
    ck_ok(green_use_hub(NULL));
    ck_ok(green_shared_channel_try_receive(channel, &number)); /* given back */
    ck_assert_int_eq(number, 1);
    be_woken_from_outside();
    green_shared_channel_destroy(channel);
}
END_TEST

/* ---- A fork ----------------------------------------------------------------- */

static sem_t is_ringing, may_go_on;

/* As an OS thread leaves it that is about to ring when the fork comes. */
static void *is_held_up(void *arg)
{
    struct green__mailbox *mailbox = arg;

    ck_ok(pthread_mutex_lock(&mailbox->mutex));
    mailbox->wakeup = GREEN__WAKEUP_CLAIMED;
    mailbox->call.internal.pending = true;
    ck_ok(sem_post(&is_ringing));
    ck_ok(sem_wait(&may_go_on));
    mailbox->call.internal.pending = false;
    mailbox->wakeup = GREEN__WAKEUP_IDLE;
    ck_ok(pthread_mutex_unlock(&mailbox->mutex));
    return NULL;
}

/* What is the parent's the child cannot free, but has not lost either. */
static void *volatile of_the_parent;

/* With a hub that the mailbox stands for, and with one that it has outlived. */
START_TEST(a_fork_while_it_is_rung)
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
    ck_ok(sem_init(&is_ringing, 0, 0));
    ck_ok(sem_init(&may_go_on, 0, 0));
    make_channel();
    be_woken_from_outside();
    if (_i)
        ck_ok(green_use_hub(NULL));
    ck_ok(pthread_create(&thread, NULL, is_held_up, green__mailbox()));
    ck_ok(sem_wait(&is_ringing));
    pid = fork();
    if (pid == 0) {
        of_the_parent = channel;
        make_channel();
        be_woken_from_outside();
        _exit(WELL);
    }
    ck_assert_int_eq(wait_child(pid), WELL);
    ck_ok(sem_post(&may_go_on));
    ck_ok(pthread_join(thread, NULL));
    be_woken_from_outside();
}
END_TEST

/* ---- The thing itself goes --------------------------------------------------- */

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

static void *both_are_waited_for(void *unused)
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

/* One who waited may free the thing as soon as he goes on: whoever woke him must
 * be through with it. That he is rung for something else comes just too early. */
START_TEST(the_waker_is_through_before_the_woken_one_goes_on)
{
    struct green__visit visits[2];
    pthread_t thread;

    for (int i = 0; i < 2; i++) {
        green__list_init(&things[i].line);
        ck_ok(green__biased_lock_init(&things[i].shared.lock));
    }
    ck_ok(pthread_create(&thread, NULL, both_are_waited_for, NULL));
    for (int i = 0; i < 2; i++)
        begin_and_post(&visits[i], &things[i]);
    green__visit_end(&visits[0]); /* rings */
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

    tcase_add_test(tcase, rung_between_two_hubs);
    tcase_add_loop_test(tcase, a_fork_while_it_is_rung, 0, 2);
    tcase_add_test(tcase, the_waker_is_through_before_the_woken_one_goes_on);
    return run_suite(suite);
}
