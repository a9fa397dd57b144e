/* By dladdr and by dlopen's flags, which are in all systems with ELF and in macOS, and
 * not in POSIX.1-2008: see code.h. */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "base/code.h"

#include <dlfcn.h>
#include <stddef.h>

bool green__code_find(const void *address, struct green__code *code)
{
    Dl_info info;

    if (!dladdr((void *)address, &info) || !info.dli_fname)
        return false;
    *code = (struct green__code){.file = info.dli_fname,
                                 .file_at = info.dli_fbase,
                                 .symbol = info.dli_sname,
                                 .symbol_at = info.dli_saddr};
    return true;
}

/* In a program without dynamic loading dlopen fails, which is harmless. */
void green__code_keep(const void *address)
{
    struct green__code code;
    void *object;

    if (!green__code_find(address, &code))
        return;
    object = dlopen(code.file, RTLD_LAZY | RTLD_NOLOAD | RTLD_NODELETE);
    if (object)
        dlclose(object);
}
