/* Guard pages by mprotect, which splits the mapping: see guard.h. */
#include "context/guard.h"

#include <errno.h>
#include <sys/mman.h>

#include "base/self.h"
#include "base/system.h"

size_t green__guard_install(char *memory, size_t size, size_t stride,
                            size_t count)
{
    for (size_t made = 0; made < count; made++)
        if (green__system.protect(memory + made * stride, size, PROT_NONE) <
            0) {
            green__fail(ENOMEM, "no mapping is left for a stack's guard: the "
                                "system limits how many a process has");
            return made;
        }
    return count;
}
