#include "greenthread/symbols.h"

#include <dlfcn.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

static const char *file_of(const Dl_info *info)
{
    const char *slash = strrchr(info->dli_fname, '/');

    return slash ? slash + 1 : info->dli_fname;
}

/* Names of dynamic symbols alone: for what is static, addr2line takes the file
 * and the offset. */
static void look_up(struct green__symbol *symbol)
{
    Dl_info info;
    const char *address = symbol->address;
    /* The call: a function may end with it. */
    int found = dladdr(address - 1, &info);

    if (found && info.dli_sname)
        snprintf(
            symbol->text, sizeof symbol->text, "%s+0x%zx (%s)", info.dli_sname,
            (size_t)(address - (const char *)info.dli_saddr), file_of(&info));
    else if (found && info.dli_fname)
        snprintf(symbol->text, sizeof symbol->text, "%s(+0x%zx)",
                 file_of(&info),
                 (size_t)(address - (const char *)info.dli_fbase));
    else
        snprintf(symbol->text, sizeof symbol->text, "%p", symbol->address);
}

/* A slot that is taken by another address is used for this one. */
const char *green__symbol_of(struct green__symbols *symbols, void *address)
{
    struct green__symbol *slot =
        &symbols->slots[((uintptr_t)address * 0x9e3779b97f4a7c15u >> 32) %
                        GREEN__SYMBOL_SLOTS];

    if (!address)
        return "-";
    if (slot->address != address) {
        slot->address = address;
        look_up(slot);
    }
    return slot->text;
}
