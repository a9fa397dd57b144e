/* All kinds of locks, and conditions. */
#include "support.h"

static struct green_lock lock;
static struct green_recursive_lock recursive;
static struct green_condition condition;
static struct green_rwlock rwlock;
static int inside, done;

static void *add_carefully(void *number)
{
    for (int i = 0; i < 10; i++) {
        ck_ok(green_lock_acquire(&lock));
        ck_assert_int_eq(inside++, 0);
        ck_ok(green_sleep(0));
        inside--;
        ++*(int *)number;
        ck_ok(green_lock_release(&lock));
    }
    return NULL;
}

START_TEST(one_at_a_time)
{
    struct green_thread *threads[10];
    int number = 0;

    for (int i = 0; i < 10; i++)
        threads[i] = green_spawn(add_carefully, &number);
    for (int i = 0; i < 10; i++)
        ck_ok(green_join(threads[i], NULL));
    ck_assert_int_eq(number, 100);
    ck_assert(!green_lock_held(&lock));
}
END_TEST

static void *release_it(void *unused)
{
    ck_ok(green_lock_release(&lock));
    return unused;
}

START_TEST(another_may_release_it)
{
    ck_ok(green_lock_acquire(&lock));
    ck_assert(green_lock_held(&lock));
    ck_fails(green_lock_try_acquire(&lock), EAGAIN);
    ck_ok(green_detach(green_spawn(release_it, NULL)));
    ck_ok(green_lock_acquire(&lock));
    ck_ok(green_lock_release(&lock));
    ck_ok(green_lock_try_acquire(&lock));
    ck_ok(green_lock_release(&lock));
}
END_TEST

START_TEST(misuse_of_locks)
{
    ck_fails(green_lock_release(&lock), EPERM);
    ck_fails(green_lock_acquire(NULL), EINVAL);
    ck_fails(green_lock_try_acquire(NULL), EINVAL);
    ck_fails(green_lock_release(NULL), EINVAL);
    ck_assert(!green_lock_held(NULL));
    ck_fails(green_recursive_lock_acquire(NULL), EINVAL);
    ck_fails(green_recursive_lock_try_acquire(NULL), EINVAL);
    ck_fails(green_recursive_lock_release(NULL), EINVAL);
    ck_fails(green_recursive_lock_release(&recursive), EPERM);
    ck_fails(green_condition_wait(&condition, NULL), EINVAL);
    ck_fails(green_condition_wait(NULL, &lock), EINVAL);
    ck_fails(green_condition_wait(&condition, &lock), EPERM);
    ck_fails(green_condition_signal(NULL), EINVAL);
    ck_fails(green_condition_broadcast(NULL), EINVAL);
    ck_fails(green_rwlock_read(NULL), EINVAL);
    ck_fails(green_rwlock_try_read(NULL), EINVAL);
    ck_fails(green_rwlock_write(NULL), EINVAL);
    ck_fails(green_rwlock_try_write(NULL), EINVAL);
    ck_fails(green_rwlock_release(NULL), EINVAL);
    ck_fails(green_rwlock_release(&rwlock), EPERM);
    ck_fails(green_rwlock_downgrade(NULL), EINVAL);
    ck_fails(green_rwlock_downgrade(&rwlock), EPERM);
    ck_ok(green_rwlock_read(&rwlock));
    ck_fails(green_rwlock_downgrade(&rwlock), EPERM);
}
END_TEST

/* ---- Recursive --------------------------------------------------------- */

static void *fails_to_acquire_it(void *unused)
{
    ck_fails(green_recursive_lock_try_acquire(&recursive), EAGAIN);
    ck_fails(green_recursive_lock_release(&recursive), EPERM);
    ck_ok(green_recursive_lock_acquire(&recursive));
    done = 1;
    ck_ok(green_recursive_lock_try_acquire(&recursive));
    ck_ok(green_recursive_lock_release(&recursive));
    ck_ok(green_recursive_lock_release(&recursive));
    return unused;
}

START_TEST(released_as_often_as_acquired)
{
    struct green_thread *other;

    for (int i = 0; i < 3; i++)
        ck_ok(green_recursive_lock_acquire(&recursive));
    other = green_spawn(fails_to_acquire_it, NULL);
    for (int i = 0; i < 3; i++) {
        ck_ok(green_sleep(0));
        ck_assert_int_eq(done, 0);
        ck_ok(green_recursive_lock_release(&recursive));
    }
    ck_fails(green_recursive_lock_release(&recursive), EPERM);
    ck_ok(green_join(other, NULL));
    ck_assert_int_eq(done, 1);
    ck_ok(green_recursive_lock_try_acquire(&recursive));
    ck_ok(green_recursive_lock_release(&recursive));
}
END_TEST

static void try_in_callback(struct green_timer *timer)
{
    (void)timer;
    ck_fails(green_recursive_lock_try_acquire(&recursive), EDEADLK);
    ck_fails(green_recursive_lock_release(&recursive), EPERM);
    done++;
}

START_TEST(a_callback_cannot_hold_it)
{
    struct green_timer timer = {.callback = try_in_callback};

    ck_ok(green_hub_schedule(green_get_hub(), &timer, green_now()));
    ck_ok(green_sleep(GREEN_MSEC));
    ck_assert_int_eq(done, 1);
}
END_TEST

/* ---- Condition --------------------------------------------------------- */

static int stock;

static void *consume(void *unused)
{
    ck_ok(green_lock_acquire(&lock));
    while (stock == 0)
        ck_ok(green_condition_wait(&condition, &lock));
    stock--;
    ck_ok(green_sleep(0)); /* waiters outside do not get the lock in between */
    done++;
    ck_ok(green_lock_release(&lock));
    return unused;
}

START_TEST(conditions_with_a_lock)
{
    struct green_thread *threads[4];

    for (int i = 0; i < 4; i++)
        threads[i] = green_spawn(consume, NULL);
    ck_ok(green_sleep(0));
    for (int i = 0; i < 2; i++) {
        ck_ok(green_lock_acquire(&lock));
        stock++;
        ck_ok(green_condition_signal(&condition));
        ck_ok(green_lock_release(&lock));
    }
    ck_ok(green_join(threads[0], NULL));
    ck_ok(green_join(threads[1], NULL));
    ck_assert_int_eq(done, 2);
    stock = 2;
    ck_ok(green_condition_broadcast(&condition));
    ck_ok(green_join(threads[2], NULL));
    ck_ok(green_join(threads[3], NULL));
    ck_assert_int_eq(done, 4);
    ck_ok(green_condition_signal(&condition)); /* no waiter */
}
END_TEST

static void *waits_and_is_killed(void *unused)
{
    ck_ok(green_lock_acquire(&lock));
    ck_fails(green_condition_wait(&condition, &lock), ECANCELED);
    ck_assert_int_eq(inside, 0); /* it has waited for the lock, though killed */
    ck_assert(green_lock_held(&lock));
    done = 1;
    ck_ok(green_lock_release(&lock));
    return unused;
}

START_TEST(a_killed_waiter_has_the_lock_again)
{
    struct green_thread *thread = green_spawn(waits_and_is_killed, NULL);

    ck_ok(green_sleep(0));
    ck_ok(green_lock_acquire(&lock));
    inside = 1;
    ck_ok(green_kill(thread));
    for (int i = 0; i < 5; i++)
        ck_ok(green_sleep(0));
    ck_assert_int_eq(done, 0);
    inside = 0;
    ck_ok(green_lock_release(&lock));
    ck_ok(green_join(thread, NULL));
    ck_assert_int_eq(done, 1);
    ck_assert(!green_lock_held(&lock));
}
END_TEST

/* ---- Read-write lock --------------------------------------------------- */

static char trace[64];

static void *read_some(void *name)
{
    ck_ok(green_rwlock_read(&rwlock));
    strcat(trace, name);
    ck_ok(green_sleep(GREEN_MSEC));
    ck_ok(green_rwlock_release(&rwlock));
    return NULL;
}

static void *write_some(void *name)
{
    if (green_rwlock_write(&rwlock) < 0)
        return NULL;
    strcat(trace, name);
    ck_assert_int_eq(inside++, 0);
    ck_ok(green_sleep(GREEN_MSEC));
    inside--;
    ck_ok(green_rwlock_release(&rwlock));
    return NULL;
}

START_TEST(readers_together_in_order_of_arrival)
{
    struct green_thread *threads[6];

    if (in_chaos()) {
        SKIP("chaos changes the order of arrival");
        return;
    }
    threads[0] = green_spawn(read_some, "a");
    threads[1] = green_spawn(read_some, "b");
    threads[2] = green_spawn(write_some, "W");
    threads[3] = green_spawn(read_some, "c"); /* waits behind the writer */
    threads[4] = green_spawn(read_some, "d");
    threads[5] = green_spawn(write_some, "X");
    ck_ok(green_sleep(0));
    ck_ok(green_sleep(0));
    ck_assert_str_eq(trace, "ab");
    ck_fails(green_rwlock_try_read(&rwlock), EAGAIN);
    ck_fails(green_rwlock_try_write(&rwlock), EAGAIN);
    for (int i = 0; i < 6; i++)
        ck_ok(green_join(threads[i], NULL));
    ck_assert_str_eq(trace, "abWcdX");
    ck_ok(green_rwlock_try_read(&rwlock));
    ck_ok(green_rwlock_try_read(&rwlock));
    ck_ok(green_rwlock_release(&rwlock));
    ck_fails(green_rwlock_try_write(&rwlock), EAGAIN);
    ck_ok(green_rwlock_release(&rwlock));
    ck_ok(green_rwlock_try_write(&rwlock));
}
END_TEST

START_TEST(a_killed_writer_blocks_no_readers)
{
    struct green_thread *writer, *reader;

    ck_ok(green_rwlock_read(&rwlock));
    writer = green_spawn(write_some, "W");
    reader = green_spawn(read_some, "a");
    ck_ok(green_sleep(0));
    ck_assert_str_eq(trace, "");
    ck_ok(green_kill(writer));
    ck_ok(green_join(reader, NULL));
    ck_ok(green_join(writer, NULL));
    ck_assert_str_eq(trace, "a");
}
END_TEST

START_TEST(a_writer_becomes_a_reader)
{
    struct green_thread *reader, *writer;

    ck_ok(green_rwlock_write(&rwlock));
    reader = green_spawn(read_some, "a");
    writer = green_spawn(write_some, "W");
    ck_ok(green_sleep(0));
    ck_ok(green_rwlock_downgrade(&rwlock));
    ck_ok(green_sleep(0));
    ck_assert_str_eq(trace, "a");
    ck_ok(green_join(reader, NULL));
    ck_assert_str_eq(trace, "a");
    ck_ok(green_rwlock_release(&rwlock));
    ck_ok(green_join(writer, NULL));
    ck_assert_str_eq(trace, "aW");
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("sync lock");
    TCase *locks = add_tcase(suite, "lock");
    TCase *again = add_tcase(suite, "recursive lock");
    TCase *conditions = add_tcase(suite, "condition");
    TCase *rwlocks = add_tcase(suite, "read-write lock");

    tcase_add_test(locks, one_at_a_time);
    tcase_add_test(locks, another_may_release_it);
    tcase_add_test(locks, misuse_of_locks);
    tcase_add_test(again, released_as_often_as_acquired);
    tcase_add_test(again, a_callback_cannot_hold_it);
    tcase_add_test(conditions, conditions_with_a_lock);
    tcase_add_test(conditions, a_killed_waiter_has_the_lock_again);
    tcase_add_test(rwlocks, readers_together_in_order_of_arrival);
    tcase_add_test(rwlocks, a_killed_writer_blocks_no_readers);
    tcase_add_test(rwlocks, a_writer_becomes_a_reader);
    return run_suite(suite);
}
