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

/* With the name of a static function, and the line of the source. */
static void print_place(struct green__symbol *symbol,
                        const struct green__code_place *place, const char *file)
{
    char source[64] = "";

    if (place->source)
        snprintf(source, sizeof source, " %.40s:%d", place->source,
                 place->line);
    snprintf(symbol->text, sizeof symbol->text, "%.60s+0x%zx%s (%.20s)",
             place->function, place->offset + 1, source, file);
}

/* Without debug information there are names of dynamic symbols alone: for what is
 * static, addr2line takes the file and the offset. */
static void look_up(struct green__symbols *symbols,
                    struct green__symbol *symbol)
{
    Dl_info info;
    const char *address = symbol->address;
    struct green__code_place place;
    /* The call: a function may end with it. */
    int found = dladdr(address - 1, &info);

    if (green__debug_info_find(&symbols->info, address - 1, &place))
        print_place(symbol, &place,
                    found && info.dli_fname ? file_of(&info) : "?");
    else if (found && info.dli_sname)
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
        look_up(symbols, slot);
    }
    return slot->text;
}

void green__symbols_end(struct green__symbols *symbols)
{
    green__debug_info_end(symbols->info);
    symbols->info = NULL;
}
