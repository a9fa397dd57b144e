#include "greenthread/symbols.h"

#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "base/code.h"

static const char *file_of(const struct green__code *code)
{
    const char *slash = strrchr(code->file, '/');

    return slash ? slash + 1 : code->file;
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
    struct green__code code;
    const char *address = symbol->address;
    struct green__code_place place;
    /* The call: a function may end with it. */
    bool found = green__code_find(address - 1, &code);

    if (green__debug_info_find(&symbols->info, address - 1, &place))
        print_place(symbol, &place, found ? file_of(&code) : "?");
    else if (found && code.symbol)
        snprintf(symbol->text, sizeof symbol->text, "%s+0x%zx (%s)",
                 code.symbol, (size_t)(address - code.symbol_at),
                 file_of(&code));
    else if (found)
        snprintf(symbol->text, sizeof symbol->text, "%s(+0x%zx)",
                 file_of(&code), (size_t)(address - code.file_at));
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
