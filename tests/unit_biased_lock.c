/*
 * The guard of what OS threads share: no lock while one is alone, a mutex when
 * another one comes, and a mutex from the beginning without membarrier(2).
 */
#include "support.h"

#include <pthread.h>
#include <sched.h>

#include "base/system.h"
#include "sync/biased_lock.h"
#include "sync/mailbox.h"

#define ROUNDS 200000

static struct green__biased_lock guard;
static long number; /* what it guards */
static int barriers;
static int (*real_membarrier)(int command, unsigned flags);

static int counting_membarrier(int command, unsigned flags)
{
    barriers++;
    return real_membarrier(command, flags);
}

static int no_membarrier(int command, unsigned flags)
{
    (void)command;
    (void)flags;
    errno = ENOSYS;
    return -1;
}

static int stage(void)
{
    return atomic_load(&guard.stage);
}

START_TEST(alone_there_is_no_lock)
{
    ck_ok(green__biased_lock_init(&guard));
    if (stage() == GREEN__SHARED) {
        SKIP("this kernel has no membarrier");
        return;
    }
    pthread_mutex_lock(&guard.mutex); /* taking it would hang */
    for (int i = 0; i < 10; i++) {
        ck_assert(green__biased_lock_enter(&guard, green__mailbox()));
        ck_assert(atomic_load(&guard.busy));
        green__biased_lock_leave(&guard, true);
        ck_assert(!atomic_load(&guard.busy));
    }
    ck_assert_int_eq(stage(), GREEN__BIASED);
    pthread_mutex_unlock(&guard.mutex);
    green__biased_lock_destroy(&guard);
}
END_TEST

static void *add(void *unused)
{
    for (int i = 0; i < ROUNDS; i++) {
        bool biased = green__biased_lock_enter(&guard, green__mailbox());

        number++;
        green__biased_lock_leave(&guard, biased);
    }
    return unused;
}

/* The owner is in the midst of it when the others come. */
static void add_by_three(void)
{
    pthread_t others[2];
    bool biased = green__biased_lock_enter(&guard, green__mailbox());

    green__biased_lock_leave(&guard, biased);
    for (int i = 0; i < 2; i++)
        ck_ok(pthread_create(&others[i], NULL, add, NULL));
    add(NULL);
    for (int i = 0; i < 2; i++)
        ck_ok(pthread_join(others[i], NULL));
    ck_assert_int_eq(number, 3 * ROUNDS);
    ck_assert_int_eq(stage(), GREEN__SHARED);
    green__biased_lock_destroy(&guard);
}

START_TEST(when_others_come)
{
    real_membarrier = green__system.membarrier;
    green__system.membarrier = counting_membarrier;
    ck_ok(green__biased_lock_init(&guard));
    add_by_three();
    if (real_membarrier(0, 0) > 0) /* asked, registered, and once used */
        ck_assert_int_eq(barriers, 3);
}
END_TEST

START_TEST(without_membarrier)
{
    green__system.membarrier = no_membarrier;
    ck_ok(green__biased_lock_init(&guard));
    ck_assert_int_eq(stage(), GREEN__SHARED);
    add_by_three();
}
END_TEST

static atomic_bool entered;

static void *enter_once(void *unused)
{
    bool biased = green__biased_lock_enter(&guard, green__mailbox());

    atomic_store(&entered, true);
    green__biased_lock_leave(&guard, biased);
    return unused;
}

/* The other one does not get in before the owner has left. */
START_TEST(the_owner_is_waited_for)
{
    pthread_t other;
    bool biased;

    ck_ok(green__biased_lock_init(&guard));
    biased = green__biased_lock_enter(&guard, green__mailbox());
    ck_ok(pthread_create(&other, NULL, enter_once, NULL));
    for (int i = 0; i < 1000; i++)
        sched_yield();
    ck_assert(!atomic_load(&entered));
    green__biased_lock_leave(&guard, biased);
    ck_ok(pthread_join(other, NULL));
    ck_assert(atomic_load(&entered));
    ck_assert(!green__biased_lock_enter(&guard, green__mailbox()));
    green__biased_lock_leave(&guard, false);
    green__biased_lock_destroy(&guard);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("guard");
    TCase *tcase = add_tcase(suite, "guard");

    tcase_add_test(tcase, alone_there_is_no_lock);
    tcase_add_test(tcase, when_others_come);
    tcase_add_test(tcase, without_membarrier);
    tcase_add_test(tcase, the_owner_is_waited_for);
    return run_suite(suite);
}
