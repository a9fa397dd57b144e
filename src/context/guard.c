/*
 * Two ways to make a guard page.
 *
 * MADV_GUARD_INSTALL (Linux 6.13) marks the page in the page table and leaves
 * the mapping whole, so a million of them cost nothing but the marks.
 * mprotect splits the mapping in three, and a process may have vm.max_map_count
 * mappings, 65,530 by default: it ends at about 32,750 stacks.
 *
 * Old headers lack the name, so it is called by number; and whether it works is
 * found out by looking, since an emulator may ignore advice that it does not
 * know and report success.
 */
#include "context/guard.h"

#include <errno.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <sys/mman.h>

#include "base/self.h"
#include "base/system.h"

#define ADVICE_POPULATE_READ 22
#define ADVICE_GUARD_INSTALL 102

enum way { UNKNOWN, BY_ADVICE, BY_PROTECTION };

static _Atomic enum way known_way = UNKNOWN;

/*
 * The kernel is asked to fault the page in, which fails exactly on a guard page.
 * (A system call that reads memory would do too, but valgrind reads along.)
 */
static bool is_guarded(void *page, size_t size)
{
    return madvise(page, size, ADVICE_POPULATE_READ) < 0 && errno == EFAULT;
}

static int protect(void *page, size_t size)
{
    if (green__system.protect(page, size, PROT_NONE) == 0)
        return 0;
    return green__fail(ENOMEM,
                       "no mapping is left for a stack's guard page: the "
                       "kernel lacks MADV_GUARD_INSTALL, so each needs one "
                       "of the sysctl vm.max_map_count");
}

int green__guard_install(void *page, size_t page_size)
{
    enum way way = atomic_load_explicit(&known_way, memory_order_relaxed);

    if (way != BY_PROTECTION &&
        green__system.advise(page, page_size, ADVICE_GUARD_INSTALL) == 0) {
        if (way == BY_ADVICE)
            return 0;
        if (is_guarded(page, page_size)) {
            atomic_store_explicit(&known_way, BY_ADVICE, memory_order_relaxed);
            return 0;
        }
    }
    if (way == UNKNOWN)
        atomic_store_explicit(&known_way, BY_PROTECTION, memory_order_relaxed);
    return protect(page, page_size);
}
