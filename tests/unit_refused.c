/* pthread_cancel of an OS thread whose hub waits by select(2), because poll(2) is
 * refused: all of its memory is released. */
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdlib.h>

#include "base/system.h"
#include "support.h"

static const char *const hubs[] = {"poll", "epolls"};
static atomic_int allocations, selects;

static void *allocate(size_t count, size_t size)
{
    void *memory = calloc(count, size);

    if (memory)
        atomic_fetch_add(&allocations, 1);
    return memory;
}

static void *reallocate(void *memory, size_t size)
{
    void *larger = realloc(memory, size);

    if (larger && !memory)
        atomic_fetch_add(&allocations, 1);
    return larger;
}

static void release(void *memory)
{
    if (memory)
        atomic_fetch_sub(&allocations, 1);
    free(memory);
}

/* As beyond RLIMIT_NOFILE. */
static int refused_ppoll(struct pollfd *fds, unsigned long count,
                         const struct timespec *time, const sigset_t *set)
{
    (void)fds, (void)count, (void)time, (void)set;
    errno = EINVAL;
    return -1;
}

static int counted_pselect(int count, fd_set *readable, fd_set *writable,
                           fd_set *urgent, const struct timespec *time,
                           const sigset_t *set)
{
    atomic_fetch_add(&selects, 1);
    return pselect(count, readable, writable, urgent, time, set);
}

/* Without epoll_pwait2 the hub epolls waits by ppoll. */
static long no_syscall(long number, ...)
{
    (void)number;
    errno = ENOSYS;
    return -1;
}

static void *sleeps(void *hub)
{
    ck_ok(green_use_hub(hub));
    green_sleep(1000 * GREEN_SEC);
    return hub;
}

static void cancel_a_wait(const char *hub)
{
    pthread_t thread;
    void *result;

    atomic_store(&selects, 0);
    ck_ok(pthread_create(&thread, NULL, sleeps, (void *)(uintptr_t)hub));
    while (!atomic_load(&selects))
        sched_yield();
    ck_ok(pthread_cancel(thread));
    ck_ok(pthread_join(thread, &result));
    ck_assert_ptr_eq(result, PTHREAD_CANCELED);
}

/* What the first OS thread leaves is the process's. */
START_TEST(a_cancelled_wait_leaves_no_memory)
{
    int before;

    if (!green_hub_available(hubs[_i], NULL)) {
        SKIP(green_hub_error());
        return;
    }
    green__system.allocate = allocate;
    green__system.reallocate = reallocate;
    green__system.release = release;
    green__system.ppoll = refused_ppoll;
    green__system.pselect = counted_pselect;
    green__system.syscall = no_syscall;
    cancel_a_wait(hubs[_i]);
    before = atomic_load(&allocations);
    cancel_a_wait(hubs[_i]);
    ck_assert_int_eq(atomic_load(&allocations), before);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("refused");
    TCase *tcase = add_tcase(suite, "refused");

    tcase_add_loop_test(tcase, a_cancelled_wait_leaves_no_memory, 0, 2);
    return run_suite(suite);
}
