/*
 * System V's message queues and semaphores. They are no descriptors, so a
 * greenthread that would wait tries again (retry.h). As natively no handler's
 * SA_RESTART makes such a call go on.
 */
#include <stdlib.h>
#include <string.h>
#include <sys/msg.h>
#include <sys/sem.h>

#include "greenthread/call.h"
#include "patch/cancel.h"
#include "patch/retry.h"
#include "patch/times.h"
#include "patch/worker.h"

/* All who wait, for queues and for semaphores: which object changes is not
 * looked at. */
static const char all_objects;

static const struct green__wait_kind waiting_for_ipc = {
    .name = "System V IPC", .signals = GREEN__INTERRUPTS};

/* One call; the members that it does not have are 0. */
struct attempt {
    ssize_t (*call)(const struct attempt *it);
    int id, flags;
    void *buffer;
    size_t size;
    long type;
};

/* The object was there, and has been removed meanwhile. */
static int removed_is(int error)
{
    return error == EINVAL ? EIDRM : error;
}

static bool would_block(int error)
{
    return error == EAGAIN || error == ENOMSG;
}

/* EAGAIN at the deadline. */
static ssize_t wait_for(const struct attempt *it, green_time deadline)
{
    struct green__retry retry = {&all_objects, &waiting_for_ipc, deadline, 0};
    int before = errno;
    ssize_t n;

    if (green__call_begins() < 0)
        return -1;
    while ((n = it->call(it)) < 0) {
        if (!would_block(errno))
            return green__refuse(retry.nap ? removed_is(errno) : errno);
        if (green__retry_wait(&retry) < 0)
            return -1;
    }
    green__retry_wake(&all_objects);
    green__call_ends(GREEN__COST_SYSTEM_CALL);
    return green__kept(before, n);
}

static ssize_t noted(ssize_t result)
{
    if (result >= 0)
        green__retry_wake(&all_objects);
    return result;
}

/* ---- Messages --------------------------------------------------------------- */

static ssize_t try_send(const struct attempt *it)
{
    return green__real()->msgsnd(it->id, it->buffer, it->size,
                                 it->flags | IPC_NOWAIT);
}

GREEN__HOOK int msgsnd(int id, const void *message, size_t size, int flags)
{
    const struct attempt it = {.call = try_send,
                               .id = id,
                               .flags = flags,
                               .buffer = (void *)(uintptr_t)message,
                               .size = size};

    if (green__is_green_point(GREEN_PATCH_IO) && !(flags & IPC_NOWAIT))
        return (int)green__point_ends(wait_for(&it, GREEN_FOREVER));
    return (int)noted(green__real()->msgsnd(id, message, size, flags));
}

static ssize_t try_receive(const struct attempt *it)
{
    return green__real()->msgrcv(it->id, it->buffer, it->size, it->type,
                                 it->flags | IPC_NOWAIT);
}

GREEN__HOOK ssize_t msgrcv(int id, void *message, size_t size, long type,
                           int flags)
{
    const struct attempt it = {.call = try_receive,
                               .id = id,
                               .flags = flags,
                               .buffer = message,
                               .size = size,
                               .type = type};

    if (green__is_green_point(GREEN_PATCH_IO) && !(flags & IPC_NOWAIT))
        return green__point_ends(wait_for(&it, GREEN_FOREVER));
    return noted(green__real()->msgrcv(id, message, size, type, flags));
}

/* ---- Semaphores --------------------------------------------------------------- */

#define FEW_OPERATIONS 16

struct semop_call {
    int id, result;
    struct sembuf *operations;
    size_t count;
    const struct timespec *timeout;
};

static long run_semop(void *arg)
{
    struct semop_call *it = arg;

    it->result = green__real()->semtimedop(it->id, it->operations, it->count,
                                           it->timeout);
    return 0;
}

static int semop_natively(struct semop_call *it)
{
    (void)run_semop(it);
    return (int)noted(it->result);
}

/* How many of the operations must not wait. */
static size_t count_impatient(const struct semop_call *it)
{
    size_t found = 0;

    for (size_t i = 0; i < it->count; i++)
        found += (it->operations[i].sem_flg & IPC_NOWAIT) != 0;
    return found;
}

static ssize_t try_semop(const struct attempt *it)
{
    return green__real()->semop(it->id, it->buffer, it->size);
}

static int semop_green(const struct semop_call *call, green_time time)
{
    struct sembuf operations[FEW_OPERATIONS];
    const struct attempt it = {.call = try_semop,
                               .id = call->id,
                               .buffer = operations,
                               .size = call->count};

    for (size_t i = 0; i < call->count; i++) {
        operations[i] = call->operations[i];
        operations[i].sem_flg |= IPC_NOWAIT;
    }
    return (int)wait_for(&it, green_after(time));
}

/* If one operation may wait and another must not, EAGAIN would not tell which
 * of them it is of: an OS thread waits. */
static int semop_on_worker(struct semop_call *it)
{
    if (!green__on_worker(GREEN__THREAD_POOL, run_semop, it))
        (void)run_semop(it);
    return (int)noted(it->result);
}

static int semop_waits(struct semop_call *it)
{
    green_time time;
    size_t impatient;

    if (it->count == 0 || it->count > FEW_OPERATIONS ||
        !green__duration_of(it->timeout, &time))
        return semop_natively(it);
    impatient = count_impatient(it);
    if (impatient == it->count)
        return semop_natively(it);
    return impatient ? semop_on_worker(it) : semop_green(it, time);
}

GREEN__HOOK int semtimedop(int id, struct sembuf *operations, size_t count,
                           const struct timespec *timeout)
{
    struct semop_call it = {
        .id = id, .operations = operations, .count = count, .timeout = timeout};

    return green__is_green(GREEN_PATCH_IO) ? semop_waits(&it)
                                           : semop_natively(&it);
}

GREEN__HOOK int semop(int id, struct sembuf *operations, size_t count)
{
    return semtimedop(id, operations, count, NULL);
}
