/* All that wait: woken, killed, timed out, in order, in callbacks. */
#include "waiting.h"

static struct green_event event;
static struct green_semaphore semaphore, capped;
static struct green_lock lock, other_lock;
static struct green_recursive_lock recursive;
static struct green_condition condition;
static struct green_rwlock rwlock;
static struct green_wait_group group;

static void nothing(void)
{
}

static int wait_event(void)
{
    return green_event_wait(&event, NULL);
}

static void serve_event(void)
{
    ck_ok(green_event_send(&event, NULL));
}

static int wait_semaphore(void)
{
    return green_semaphore_acquire(&semaphore);
}

static void serve_semaphore(void)
{
    ck_ok(green_semaphore_release(&semaphore));
}

static void fill_capped(void)
{
    ck_ok(green_semaphore_init(&capped, 2, 2));
}

static int wait_capped(void)
{
    return green_semaphore_release_wait(&capped);
}

static void serve_capped(void)
{
    ck_ok(green_semaphore_try_acquire(&capped));
}

static void hold_lock(void)
{
    ck_ok(green_lock_acquire(&lock));
}

static int wait_lock(void)
{
    return green_lock_acquire(&lock);
}

static void serve_lock(void)
{
    ck_ok(green_lock_release(&lock));
}

static void hold_recursive(void)
{
    ck_ok(green_recursive_lock_acquire(&recursive));
    ck_ok(green_recursive_lock_acquire(&recursive));
    ck_ok(green_recursive_lock_release(&recursive));
}

/* Its holder alone can release it, so each lets the next one through. */
static int wait_recursive(void)
{
    int result = green_recursive_lock_acquire(&recursive);

    if (result == 0)
        ck_ok(green_recursive_lock_release(&recursive));
    return result;
}

static void serve_recursive(void)
{
    ck_ok(green_recursive_lock_release(&recursive));
}

static int wait_condition(void)
{
    int result, error;

    ck_ok(green_lock_acquire(&other_lock));
    result = green_condition_wait(&condition, &other_lock);
    error = errno;
    ck_ok(green_lock_release(&other_lock));
    errno = error;
    return result;
}

static void serve_condition(void)
{
    ck_ok(green_condition_signal(&condition));
}

static void hold_rwlock(void)
{
    ck_ok(green_rwlock_write(&rwlock));
}

static int wait_read(void)
{
    return green_rwlock_read(&rwlock);
}

static int wait_write(void)
{
    return green_rwlock_write(&rwlock);
}

static void serve_rwlock(void)
{
    ck_ok(green_rwlock_release(&rwlock));
}

static void begin_group(void)
{
    ck_ok(green_wait_group_add(&group, 1));
}

static int wait_group(void)
{
    return green_wait_group_wait(&group);
}

static void serve_group(void)
{
    ck_ok(green_wait_group_done(&group));
}

static const struct subject subjects[] = {
    {.kind = "event",
     .prepare = nothing,
     .wait = wait_event,
     .serve = serve_event,
     .serves_all = true,
     .keeps_open = true},
    {.kind = "semaphore",
     .prepare = nothing,
     .wait = wait_semaphore,
     .serve = serve_semaphore},
    {.kind = "semaphore to be taken",
     .prepare = fill_capped,
     .wait = wait_capped,
     .serve = serve_capped},
    {.kind = "lock",
     .prepare = hold_lock,
     .wait = wait_lock,
     .serve = serve_lock},
    {.kind = "recursive lock",
     .prepare = hold_recursive,
     .wait = wait_recursive,
     .serve = serve_recursive,
     .needs_thread = true,
     .serves_all = true,
     .keeps_open = true},
    {.kind = "condition",
     .prepare = nothing,
     .wait = wait_condition,
     .serve = serve_condition},
    {.kind = "lock to read",
     .prepare = hold_rwlock,
     .wait = wait_read,
     .serve = serve_rwlock,
     .serves_all = true,
     .keeps_open = true},
    {.kind = "lock to write",
     .prepare = hold_rwlock,
     .wait = wait_write,
     .serve = serve_rwlock},
    {.kind = "wait group",
     .prepare = begin_group,
     .wait = wait_group,
     .serve = serve_group,
     .serves_all = true,
     .keeps_open = true},
};

int main(void)
{
    Suite *suite = suite_create("sync waiting");

    add_waiting_cases(suite, subjects, sizeof subjects / sizeof subjects[0]);
    return run_suite(suite);
}
