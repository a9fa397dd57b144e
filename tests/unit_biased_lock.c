/*
 * The biased lock: no mutex while one OS thread uses it, a mutex once another
 * enters, and a mutex from the beginning without membarrier(2).
 */
#include "support.h"

#include <pthread.h>
#include <sched.h>

#include "base/system.h"
#include "sync/biased_lock.h"
#include "sync/mailbox.h"

#define ROUNDS 200000

static struct green__biased_lock lock;
static long number; /* protected by the lock */
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
    return atomic_load(&lock.stage);
}

START_TEST(one_os_thread_takes_no_mutex)
{
    ck_ok(green__biased_lock_init(&lock));
    if (stage() == GREEN__SHARED) {
        SKIP("this kernel has no membarrier");
        return;
    }
    pthread_mutex_lock(&lock.mutex); /* an enter that takes it would hang */
    for (int i = 0; i < 10; i++) {
        ck_assert(green__biased_lock_enter(&lock, green__mailbox()));
        ck_assert(atomic_load(&lock.busy));
        green__biased_lock_leave(&lock, true);
        ck_assert(!atomic_load(&lock.busy));
    }
    ck_assert_int_eq(stage(), GREEN__BIASED);
    pthread_mutex_unlock(&lock.mutex);
    green__biased_lock_destroy(&lock);
}
END_TEST

static void *add(void *unused)
{
    for (int i = 0; i < ROUNDS; i++) {
        bool biased = green__biased_lock_enter(&lock, green__mailbox());

        number++;
        green__biased_lock_leave(&lock, biased);
    }
    return unused;
}

/* The owner keeps entering and leaving while the others begin to. */
static void add_on_three_threads(void)
{
    pthread_t others[2];
    bool biased = green__biased_lock_enter(&lock, green__mailbox());

    green__biased_lock_leave(&lock, biased);
    for (int i = 0; i < 2; i++)
        ck_ok(pthread_create(&others[i], NULL, add, NULL));
    add(NULL);
    for (int i = 0; i < 2; i++)
        ck_ok(pthread_join(others[i], NULL));
    ck_assert_int_eq(number, 3 * ROUNDS);
    ck_assert_int_eq(stage(), GREEN__SHARED);
    green__biased_lock_destroy(&lock);
}

START_TEST(when_others_enter)
{
    if (lacks_linux()) {
        SKIP("POSIX has no membarrier");
        return;
    }
    real_membarrier = green__system.membarrier;
    green__system.membarrier = counting_membarrier;
    ck_ok(green__biased_lock_init(&lock));
    add_on_three_threads();
    if (real_membarrier(0, 0) > 0) /* queried, registered, and used once */
        ck_assert_int_eq(barriers, 3);
}
END_TEST

START_TEST(without_membarrier)
{
    green__system.membarrier = no_membarrier;
    ck_ok(green__biased_lock_init(&lock));
    ck_assert_int_eq(stage(), GREEN__SHARED);
    add_on_three_threads();
}
END_TEST

static atomic_bool entered;

static void *enter_once(void *unused)
{
    bool biased = green__biased_lock_enter(&lock, green__mailbox());

    atomic_store(&entered, true);
    green__biased_lock_leave(&lock, biased);
    return unused;
}

/* Another OS thread enters only after the owner has left. */
START_TEST(others_wait_for_the_owner)
{
    pthread_t other;
    bool biased;

    ck_ok(green__biased_lock_init(&lock));
    biased = green__biased_lock_enter(&lock, green__mailbox());
    ck_ok(pthread_create(&other, NULL, enter_once, NULL));
    for (int i = 0; i < 1000; i++)
        sched_yield();
    ck_assert(!atomic_load(&entered));
    green__biased_lock_leave(&lock, biased);
    ck_ok(pthread_join(other, NULL));
    ck_assert(atomic_load(&entered));
    ck_assert(!green__biased_lock_enter(&lock, green__mailbox()));
    green__biased_lock_leave(&lock, false);
    green__biased_lock_destroy(&lock);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("biased lock");
    TCase *tcase = add_tcase(suite, "biased lock");

    tcase_add_test(tcase, one_os_thread_takes_no_mutex);
    tcase_add_test(tcase, when_others_enter);
    tcase_add_test(tcase, without_membarrier);
    tcase_add_test(tcase, others_wait_for_the_owner);
    return run_suite(suite);
}
