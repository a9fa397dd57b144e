/* What the dynamic linker knows of a code address. */
#ifndef GREEN_CODE_H
#define GREEN_CODE_H

#include <stdbool.h>

struct green__code {
    const char *file; /* the object that has it, as it was loaded */
    const char *file_at;
    const char *symbol; /* before it, of the dynamic ones; NULL: none */
    const char *symbol_at;
};

/* False if no object has it. */
bool green__code_find(const void *address, struct green__code *code);

/* Has the object of this address stay loaded until the process ends. */
void green__code_keep(const void *address);

#endif
