/* All primitives with a wait: woken, killed, timed out, in order, in
 * callbacks. */
#include "waiting.h"

#include <pthread.h>

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

/* Only its holder can release it, so each caller releases it for the next. */
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

/* ---- Queues and channels ----------------------------------------------- */

static struct green_queue queue;
static struct green_channel channel, other_channel;
static int sent = 7;

static void empty_queue(void)
{
    ck_ok(green_queue_init(&queue, 1));
}

static void full_queue(void)
{
    ck_ok(green_queue_init(&queue, 1));
    ck_ok(green_queue_put(&queue, &sent));
}

static int wait_get(void)
{
    void *item;
    int result = green_queue_get(&queue, &item);

    ck_assert(result < 0 || item == &sent);
    return result;
}

static void serve_get(void)
{
    ck_ok(green_queue_try_put(&queue, &sent));
}

static int wait_put(void)
{
    return green_queue_put(&queue, &sent);
}

static void serve_put(void)
{
    void *item;

    ck_ok(green_queue_try_get(&queue, &item));
    ck_assert_ptr_eq(item, &sent);
}

static int wait_done(void)
{
    return green_queue_join(&queue);
}

static void serve_done(void)
{
    ck_ok(green_queue_task_done(&queue));
}

static void rendezvous(void)
{
    ck_ok(green_channel_init(&channel, sizeof sent, 0));
}

static void full_channel(void)
{
    ck_ok(green_channel_init(&channel, sizeof sent, 1));
    ck_ok(green_channel_send(&channel, &sent));
}

static int wait_receive(void)
{
    int value = 0, result = green_channel_receive(&channel, &value);

    ck_assert(result < 0 || value == sent);
    return result;
}

static void serve_receive(void)
{
    ck_ok(green_channel_try_send(&channel, &sent));
}

static int wait_send(void)
{
    return green_channel_send(&channel, &sent);
}

static void serve_send(void)
{
    int value = 0;

    ck_ok(green_channel_try_receive(&channel, &value));
    ck_assert_int_eq(value, sent);
}

static int wait_either(enum green_case_kind kind)
{
    int value = kind == GREEN_CASE_SEND ? sent : 0, unused, chosen;
    struct green_case cases[] = {
        {.kind = GREEN_CASE_RECEIVE,
         .channel = &other_channel,
         .value = &unused},
        {.kind = kind, .channel = &channel, .value = &value},
        {.kind = kind, .channel = &channel, .value = &value},
    };

    chosen = green_choose(cases, 3, GREEN_FOREVER);
    ck_assert(chosen < 0 || (chosen > 0 && value == sent));
    return chosen;
}

static int wait_choose_receive(void)
{
    return wait_either(GREEN_CASE_RECEIVE);
}

static int wait_choose_send(void)
{
    return wait_either(GREEN_CASE_SEND);
}

/* ---- Shared with other OS threads -------------------------------------- */

static struct green_shared_event *shared_event;
static struct green_shared_channel *shared_channel;

static void unshared_event(void)
{
    shared_event = green_shared_event_create();
    ck_assert_ptr_nonnull(shared_event);
}

static void *touch_event(void *unused)
{
    ck_fails(green_shared_event_try_wait(shared_event, NULL), EAGAIN);
    return unused;
}

static void touch(void *(*from_outside)(void *unused))
{
    pthread_t other;

    from_outside(NULL);
    ck_ok(pthread_create(&other, NULL, from_outside, NULL));
    ck_ok(pthread_join(other, NULL));
}

static void event_of_two_threads(void)
{
    unshared_event();
    touch(touch_event);
}

static int wait_shared_event(void)
{
    return green_shared_event_wait(shared_event, NULL);
}

static void serve_shared_event(void)
{
    ck_ok(green_shared_event_send(shared_event, NULL));
}

static void unshared_channel(void)
{
    shared_channel = green_shared_channel_create(sizeof sent, 0);
    ck_assert_ptr_nonnull(shared_channel);
}

static void *touch_channel(void *unused)
{
    ck_assert_uint_eq(green_shared_channel_length(shared_channel), 0);
    return unused;
}

static void channel_of_two_threads(void)
{
    unshared_channel();
    touch(touch_channel);
}

static int wait_shared_receive(void)
{
    int value = 0;
    int result = green_shared_channel_receive(shared_channel, &value);

    ck_assert(result < 0 || value == sent);
    return result;
}

static void serve_shared_receive(void)
{
    ck_ok(green_shared_channel_try_send(shared_channel, &sent));
}

static int wait_shared_send(void)
{
    return green_shared_channel_send(shared_channel, &sent);
}

static void serve_shared_send(void)
{
    int value = 0;

    ck_ok(green_shared_channel_try_receive(shared_channel, &value));
    ck_assert_int_eq(value, sent);
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
    {.kind = "queue to get",
     .prepare = empty_queue,
     .wait = wait_get,
     .serve = serve_get},
    {.kind = "queue to put",
     .prepare = full_queue,
     .wait = wait_put,
     .serve = serve_put},
    {.kind = "queue to get", /* a rendezvous */
     .prepare = nothing,
     .wait = wait_get,
     .serve = serve_get},
    {.kind = "queue to put",
     .prepare = nothing,
     .wait = wait_put,
     .serve = serve_put},
    {.kind = "queue to be done",
     .prepare = full_queue,
     .wait = wait_done,
     .serve = serve_done,
     .serves_all = true,
     .keeps_open = true},
    {.kind = "channel to receive",
     .prepare = rendezvous,
     .wait = wait_receive,
     .serve = serve_receive},
    {.kind = "channel to send",
     .prepare = rendezvous,
     .wait = wait_send,
     .serve = serve_send},
    {.kind = "channel to send",
     .prepare = full_channel,
     .wait = wait_send,
     .serve = serve_send},
    {.kind = "choose among 3",
     .prepare = rendezvous,
     .wait = wait_choose_receive,
     .serve = serve_receive},
    {.kind = "choose among 3",
     .prepare = full_channel,
     .wait = wait_choose_send,
     .serve = serve_send},
    {.kind = "shared event",
     .prepare = unshared_event,
     .wait = wait_shared_event,
     .serve = serve_shared_event,
     .serves_all = true,
     .keeps_open = true},
    {.kind = "shared event",
     .prepare = event_of_two_threads,
     .wait = wait_shared_event,
     .serve = serve_shared_event,
     .serves_all = true,
     .keeps_open = true},
    {.kind = "shared channel to receive",
     .prepare = unshared_channel,
     .wait = wait_shared_receive,
     .serve = serve_shared_receive},
    {.kind = "shared channel to receive",
     .prepare = channel_of_two_threads,
     .wait = wait_shared_receive,
     .serve = serve_shared_receive},
    {.kind = "shared channel to send",
     .prepare = channel_of_two_threads,
     .wait = wait_shared_send,
     .serve = serve_shared_send},
};

int main(void)
{
    Suite *suite = suite_create("sync waiting");

    add_waiting_cases(suite, subjects, sizeof subjects / sizeof subjects[0]);
    return run_suite(suite);
}
