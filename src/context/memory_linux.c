/* Memory for stacks on Linux: see memory.h. */
#include "context/memory.h"

#include <sys/mman.h>

#include "base/system.h"

void *green__memory_map(size_t size)
{
    void *memory = green__system.map(
        NULL, size, PROT_READ | PROT_WRITE,
        MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_STACK, -1, 0);

    if (memory == MAP_FAILED)
        return NULL;
    /* With huge pages each stack would occupy its whole slot and more. */
    green__system.advise(memory, size, MADV_NOHUGEPAGE);
    return memory;
}

void green__memory_return(void *memory, size_t size)
{
    green__system.advise(memory, size, MADV_DONTNEED);
}
