/*
 * C++ runtimes by the list of loaded objects that systems with ELF have. A runtime
 * that a plugin loaded with RTLD_LOCAL is found by file name; it is then kept
 * loaded, since this library writes to its data.
 */
#include "greenthread/exceptions.h"

#include <dlfcn.h>
#include <limits.h>
#include <link.h>
#include <stddef.h>
#include <string.h>

struct walk {
    unsigned long long loads;
    unsigned skip; /* as many as were found before */
    char path[PATH_MAX];
};

static bool is_runtime(const char *path)
{
    static const char *const names[] = {"libstdc++.so", "libc++abi.so",
                                        "libc++.so", "libcxxrt.so"};
    const char *slash = strrchr(path, '/');
    const char *file = slash ? slash + 1 : path;

    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        if (strncmp(file, names[i], strlen(names[i])) == 0)
            return true;
    return false;
}

static int note_loads(struct dl_phdr_info *info, size_t size, void *arg)
{
    struct walk *walk = arg;

    (void)size;
    walk->loads = info->dlpi_adds;
    return 1;
}

/* Do not call dlopen in here: its locks are taken before this walk's. */
static int visit(struct dl_phdr_info *info, size_t size, void *arg)
{
    struct walk *walk = arg;
    size_t length = info->dlpi_name ? strlen(info->dlpi_name) : 0;

    (void)size;
    if (length == 0 || length >= sizeof walk->path ||
        !is_runtime(info->dlpi_name) || walk->skip-- > 0)
        return 0;
    memcpy(walk->path, info->dlpi_name, length + 1);
    return 1;
}

static green__exceptions_find *find_in(const char *path)
{
    union {
        void *address;
        green__exceptions_find *function;
    } found = {NULL};
    void *library = dlopen(path, RTLD_LAZY | RTLD_NOLOAD | RTLD_NODELETE);

    if (!library)
        return NULL;
    found.address = dlsym(library, "__cxa_get_globals");
    dlclose(library);
    return found.function;
}

void green__runtimes_look(struct green__runtimes *runtimes)
{
    struct walk walk = {.loads = 0};

    dl_iterate_phdr(note_loads, &walk);
    if (walk.loads == runtimes->loads)
        return;
    runtimes->loads = walk.loads;
    green__runtimes_add_linked(runtimes);
    for (unsigned i = 0; i < GREEN__RUNTIMES; i++) {
        walk.skip = i;
        if (!dl_iterate_phdr(visit, &walk))
            break;
        green__runtimes_add(runtimes, find_in(walk.path));
    }
}
