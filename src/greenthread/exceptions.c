/*
 * Finds C++ runtimes without linking to them. A weak symbol finds the runtime
 * that the program is linked with. A runtime that a plugin loaded with
 * RTLD_LOCAL is found by file name among the loaded objects; it is then kept
 * loaded, since this library writes to its data.
 */
#include "greenthread/exceptions.h"

#include <dlfcn.h>
#include <limits.h>
#include <link.h>
#include <stddef.h>
#include <string.h>

typedef struct green__exceptions *find_function(void);

extern __attribute__((weak)) find_function __cxa_get_globals;

static void add(struct green__runtimes *runtimes, find_function *find)
{
    struct green__exceptions *found = find ? find() : NULL;

    for (unsigned i = 0; i < runtimes->count; i++)
        if (runtimes->of[i] == found)
            return;
    if (found && runtimes->count < GREEN__RUNTIMES)
        runtimes->of[runtimes->count++] = found;
}

/* ---- Loaded runtimes ------------------------------------------------- */

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

static find_function *find_in(const char *path)
{
    union {
        void *address;
        find_function *function;
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
    add(runtimes, __cxa_get_globals);
    for (unsigned i = 0; i < GREEN__RUNTIMES; i++) {
        walk.skip = i;
        if (!dl_iterate_phdr(visit, &walk))
            break;
        add(runtimes, find_in(walk.path));
    }
}

/* ---- The switch ------------------------------------------------------ */

unsigned green__exceptions_take(const struct green__runtimes *runtimes,
                                struct green__exceptions kept[GREEN__RUNTIMES])
{
    for (unsigned i = 0; i < runtimes->count; i++) {
        kept[i] = *runtimes->of[i];
        *runtimes->of[i] = (struct green__exceptions){.caught = NULL};
    }
    return runtimes->count;
}

void green__exceptions_put(const struct green__runtimes *runtimes,
                           const struct green__exceptions kept[GREEN__RUNTIMES],
                           unsigned count)
{
    for (unsigned i = 0; i < count; i++)
        *runtimes->of[i] = kept[i];
}
