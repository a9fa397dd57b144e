/* Whose code called: the first address that is neither libc's nor ours. */
#include <dlfcn.h>
#include <execinfo.h>
#include <link.h>
#include <stddef.h>
#include <string.h>

#include "patch/report.h"

#define FRAMES 32

/* Where code is, by the loader's list when the report began. Libraries that
 * are loaded later are callers, as the program is. */
struct range {
    uintptr_t begin, end;
    bool passed_over; /* libc and greenhub */
};
static struct range ranges[256];
static unsigned range_count;

static bool is_passed_over(const char *path)
{
    const char *name = strrchr(path, '/');

    name = name ? name + 1 : path;
    return strncmp(name, "libc.so", 7) == 0 ||
           strncmp(name, "ld-linux", 8) == 0 ||
           strncmp(name, "linux-vdso", 10) == 0 ||
           strncmp(name, "libgreenhub", 11) == 0;
}

static int add_object(struct dl_phdr_info *object, size_t size, void *unused)
{
    (void)size;
    (void)unused;
    for (unsigned i = 0; i < object->dlpi_phnum; i++) {
        const ElfW(Phdr) *part = &object->dlpi_phdr[i];

        if (part->p_type != PT_LOAD || !(part->p_flags & PF_X) ||
            range_count == sizeof ranges / sizeof *ranges)
            continue;
        ranges[range_count].begin = object->dlpi_addr + part->p_vaddr;
        ranges[range_count].end = ranges[range_count].begin + part->p_memsz;
        ranges[range_count++].passed_over = is_passed_over(object->dlpi_name);
    }
    return 0;
}

static const struct range *range_of(uintptr_t address)
{
    for (unsigned i = 0; i < range_count; i++)
        if (address >= ranges[i].begin && address < ranges[i].end)
            return &ranges[i];
    return NULL;
}

/* The first call of backtrace loads libgcc_s: no signal handler may do it. */
void green__report_find_libraries(void)
{
    void *frame;

    dl_iterate_phdr(add_object, NULL);
    (void)backtrace(&frame, 1);
}

const void *green__report_caller(void)
{
    void *frames[FRAMES];
    int count = backtrace(frames, FRAMES);

    for (int i = 0; i < count; i++) {
        const struct range *range = range_of((uintptr_t)frames[i]);

        if (!range || !range->passed_over)
            return frames[i];
    }
    return NULL;
}

/* The first address of a function is a pointer to it, and no return address. */
static bool is_function(const void *address)
{
    Dl_info info;

    return dladdr(address, &info) && info.dli_saddr == address;
}

const void *green__report_scan(const uintptr_t *stack, unsigned count)
{
    for (unsigned i = 0; i < count; i++) {
        const struct range *range = range_of(stack[i]);
        const void *address = (const void *)stack[i];

        if (range && !range->passed_over && !is_function(address))
            return address;
    }
    return NULL;
}
