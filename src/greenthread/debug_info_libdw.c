/* Debug information by libdw. It is not linked: a program that never looks does not
 * load it, nor the five libraries that it needs. */
#include <dlfcn.h>
#include <elfutils/libdwfl.h>
#include <stdatomic.h>
#include <string.h>
#include <unistd.h>

#include "base/system.h"
#include "greenthread/debug_info.h"

#define LIBRARY "libdw.so.1"

#define FUNCTIONS(FUNCTION)                                                    \
    FUNCTION(dwfl_begin)                                                       \
    FUNCTION(dwfl_end)                                                         \
    FUNCTION(dwfl_report_begin)                                                \
    FUNCTION(dwfl_report_end)                                                  \
    FUNCTION(dwfl_linux_proc_report)                                           \
    FUNCTION(dwfl_linux_proc_find_elf)                                         \
    FUNCTION(dwfl_build_id_find_debuginfo)                                     \
    FUNCTION(dwfl_addrmodule)                                                  \
    FUNCTION(dwfl_module_addrinfo)                                             \
    FUNCTION(dwfl_module_getsrc)                                               \
    FUNCTION(dwfl_lineinfo)

static struct {
/* NOLINTNEXTLINE(bugprone-macro-parentheses): it declares this name */
#define FUNCTION(name) __typeof__(name) *name;
    FUNCTIONS(FUNCTION)
#undef FUNCTION
    bool loaded, missing;
} libdw;

struct green__debug_info {
    Dwfl *dwfl;
};

/* libdw is not for several OS threads at once. The process that uses it: a forked
 * child may find its parent's number here. */
static atomic_int user;

static bool enter(void)
{
    int found = atomic_load(&user);

    return found != getpid() &&
           atomic_compare_exchange_strong(&user, &found, getpid());
}

static void leave(void)
{
    atomic_store(&user, 0);
}

/* ---- Loading --------------------------------------------------------- */

static bool load(void)
{
    void *library = dlopen(LIBRARY, RTLD_NOW | RTLD_LOCAL);
    bool found = library != NULL;

#define FUNCTION(name)                                                         \
    *(void **)(void *)&libdw.name = found ? dlsym(library, #name) : NULL;      \
    found = found && libdw.name;
    FUNCTIONS(FUNCTION)
#undef FUNCTION
    return found;
}

static bool is_loaded(void)
{
    if (!libdw.loaded && !libdw.missing) {
        libdw.loaded = load();
        libdw.missing = !libdw.loaded;
    }
    return libdw.loaded;
}

static bool is_in(const char *path, const char *folder)
{
    return strncmp(path, folder, strlen(folder)) == 0;
}

/*
 * Separate files of debug information are looked for below /usr/lib/debug alone:
 * libdw's usual function may ask servers of the network (DEBUGINFOD_URLS). The
 * system's libraries do without: to unpack that of the C library takes longer than
 * the rest of a table.
 */
static int find_separate(Dwfl_Module *module, void **data, const char *name,
                         Dwarf_Addr base, const char *file, const char *link,
                         GElf_Word checksum, char **found)
{
    if (is_in(name, "/lib/") || is_in(name, "/usr/lib/"))
        return -1;
    return libdw.dwfl_build_id_find_debuginfo(module, data, name, base, file,
                                              link, checksum, found);
}

static struct green__debug_info *open_info(void)
{
    static Dwfl_Callbacks callbacks;
    struct green__debug_info *info;

    if (!is_loaded())
        return NULL;
    info = green__system.allocate(1, sizeof *info);
    if (!info)
        return NULL;
    callbacks.find_elf = libdw.dwfl_linux_proc_find_elf;
    callbacks.find_debuginfo = find_separate;
    info->dwfl = libdw.dwfl_begin(&callbacks);
    if (!info->dwfl) {
        green__system.release(info);
        return NULL;
    }
    libdw.dwfl_report_begin(info->dwfl);
    libdw.dwfl_linux_proc_report(info->dwfl, getpid());
    libdw.dwfl_report_end(info->dwfl, NULL, NULL);
    return info;
}

/* ---- Looking up ------------------------------------------------------ */

static const char *without_folders(const char *path)
{
    const char *slash = path ? strrchr(path, '/') : NULL;

    return slash ? slash + 1 : path;
}

static void find(Dwfl_Module *module, Dwarf_Addr address,
                 struct green__code_place *place)
{
    GElf_Off offset = 0;
    GElf_Sym symbol;
    Dwfl_Line *line;

    place->function = libdw.dwfl_module_addrinfo(module, address, &offset,
                                                 &symbol, NULL, NULL, NULL);
    place->offset = (size_t)offset;
    line = libdw.dwfl_module_getsrc(module, address);
    if (line)
        place->source = without_folders(
            libdw.dwfl_lineinfo(line, NULL, &place->line, NULL, NULL, NULL));
}

bool green__debug_info_find(struct green__debug_info **info,
                            const void *address,
                            struct green__code_place *place)
{
    Dwfl_Module *module = NULL;

    *place = (struct green__code_place){.function = NULL};
    if (!enter())
        return false;
    if (!*info)
        *info = open_info();
    if (*info)
        module = libdw.dwfl_addrmodule((*info)->dwfl, (uintptr_t)address);
    if (module)
        find(module, (uintptr_t)address, place);
    leave();
    return place->function != NULL;
}

/* What another OS thread keeps it from freeing stays. */
void green__debug_info_end(struct green__debug_info *info)
{
    if (!info || !enter())
        return;
    libdw.dwfl_end(info->dwfl);
    leave();
    green__system.release(info);
}
