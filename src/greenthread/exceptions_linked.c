/* Without a list of the objects that are loaded: the C++ runtime that the program is
 * linked with, and none that a plugin has for itself. */
#include "greenthread/exceptions.h"

void green__runtimes_look(struct green__runtimes *runtimes)
{
    if (runtimes->count == 0)
        green__runtimes_add_linked(runtimes);
}
