/*
 * Guard pages can be made in two ways.
 *
 * MADV_GUARD_INSTALL (Linux 6.13) marks pages in the page table and leaves the
 * mapping whole, so a guard costs nothing but its marks, 8 bytes a page, even
 * with a million of them. mprotect splits the mapping in three, and a process
 * may have vm.max_map_count mappings, 65,530 by default: that allows about
 * 32,750 stacks.
 *
 * process_madvise takes many ranges in one call. It accepts any advice for the
 * calling process (6.13), and PIDFD_SELF, which stands for that process without
 * a descriptor (6.15). On an older kernel each guard takes a call.
 *
 * Old headers lack these constants, so they are defined here by number. Whether
 * the kernel supports them is tested by their effect, since an emulator may
 * ignore advice that it does not know and report success.
 */
#include "context/guard.h"

#include <errno.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <sys/mman.h>
#include <sys/uio.h>

#include "base/self.h"
#include "base/system.h"
#include "context/valgrind.h"

#define ADVICE_POPULATE_READ 22
#define ADVICE_GUARD_INSTALL 102

enum way { UNKNOWN, BY_ADVICE, NOT_BY_ADVICE };

static _Atomic enum way known_way = UNKNOWN;  /* for a single guard */
static _Atomic enum way known_many = UNKNOWN; /* for several in one call */

/*
 * Asks the kernel to fault the page in, which fails exactly on a guard page. (A
 * system call that reads the memory would do too, but valgrind would read it as
 * well.)
 */
static bool is_guarded(void *page, size_t size)
{
    return madvise(page, size, ADVICE_POPULATE_READ) < 0 && errno == EFAULT;
}

static int protect(void *memory, size_t size)
{
    if (green__system.protect(memory, size, PROT_NONE) == 0)
        return 0;
    return green__fail(ENOMEM,
                       "no mapping is left for a stack's guard: the kernel "
                       "lacks MADV_GUARD_INSTALL, so each needs one of the "
                       "sysctl vm.max_map_count");
}

static int install(void *memory, size_t size)
{
    enum way way = atomic_load_explicit(&known_way, memory_order_relaxed);

    if (way != NOT_BY_ADVICE &&
        green__system.advise(memory, size, ADVICE_GUARD_INSTALL) == 0) {
        if (way == BY_ADVICE)
            return 0;
        if (is_guarded(memory, size)) {
            atomic_store_explicit(&known_way, BY_ADVICE, memory_order_relaxed);
            return 0;
        }
    }
    if (way == UNKNOWN)
        atomic_store_explicit(&known_way, NOT_BY_ADVICE, memory_order_relaxed);
    return protect(memory, size);
}

/* Returns how many guards it made by one call: 0 if the kernel does not support
 * it. */
static size_t install_together(char *memory, size_t size, size_t stride,
                               size_t count)
{
    enum way way = atomic_load_explicit(&known_many, memory_order_relaxed);
    struct iovec ranges[GREEN__GUARD_BATCH];
    ssize_t done;

    if (atomic_load_explicit(&known_way, memory_order_relaxed) != BY_ADVICE ||
        way == NOT_BY_ADVICE || green__valgrind_is_here())
        return 0;
    for (size_t i = 0; i < count; i++)
        ranges[i] = (struct iovec){memory + i * stride, size};
    done = green__system.advise_many(ranges, count, ADVICE_GUARD_INSTALL);
    if (done == (ssize_t)(count * size) && way == BY_ADVICE)
        return count;
    if (way == BY_ADVICE)
        return 0; /* failed this time only, as when memory is short */
    if (done == (ssize_t)(count * size) &&
        is_guarded(memory + (count - 1) * stride, size))
        way = BY_ADVICE;
    else
        way = NOT_BY_ADVICE;
    atomic_store_explicit(&known_many, way, memory_order_relaxed);
    return way == BY_ADVICE ? count : 0;
}

size_t green__guard_install(char *memory, size_t size, size_t stride,
                            size_t count)
{
    size_t made = 0;

    if (count > 1)
        made = install_together(memory, size, stride, count);
    while (made < count && install(memory + made * stride, size) == 0)
        made++;
    return made;
}
