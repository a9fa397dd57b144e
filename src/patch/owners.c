/*
 * Owners of locks. libc compares the id of the thread, which it reads from the
 * thread's control block; the switch stores an id of its own there for each
 * greenthread (greenthread/identity.h).
 */
#include <dlfcn.h>
#include <stdint.h>
#include <unistd.h>

#include "base/self.h"
#include "base/system.h"
#include "patch/kinds.h"
#include "patch/lock.h"
#include "patch/once.h"
#include "patch/real.h"
#include "patch/tls.h"

/* Its offset in the control block, whose address is pthread_self(). */
static size_t place_of_tid;

static int *tid_here(void)
{
    pthread_t self = green__system_table()->pthread_self();

    return (int *)(void *)((char *)(uintptr_t)self + place_of_tid);
}

/* libc describes it for debuggers: size in bits, count, offset. */
static int find_place(void)
{
    const uint32_t *field = dlsym(RTLD_DEFAULT, "_thread_db_pthread_tid");

    if (field && field[0] == 8 * sizeof(int)) {
        place_of_tid = field[2];
        if (green__running() && green__running()->tid_place)
            return 0;
        if (*tid_here() == green__real()->gettid())
            return 0;
    }
    return green__fail(ENOTSUP, "this C library hides where it keeps the id of "
                                "a thread, by which locks know their owners");
}

/* In the OS thread's own control block: others have their own ids. */
GREEN__COLD void green__owners_begin(struct green__scheduler *s)
{
    void *entered = green__tls_enter_os();

    green__tids_begin(s, tid_here(), green__real()->gettid());
    green__tls_leave_os(entered);
}

int green__owner_here(void)
{
    return *tid_here();
}

int green__locks_prepare(void)
{
    if (find_place() < 0 || green__kinds_find() < 0)
        return -1;
    return green__once_prepare();
}
