// A plugin in C++, for a program in C.
#include "../rethrows.h"

extern "C" int plugin_rethrows(void)
{
    return rethrows::all_are_well();
}
