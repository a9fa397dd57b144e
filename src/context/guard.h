/* Guard pages: whoever runs over the end of a stack stops there. */
#ifndef GREEN_GUARD_H
#define GREEN_GUARD_H

#include <stddef.h>

/*
 * Makes the page at `page` one that any access to dies of. Returns 0, or -1 with
 * ENOMEM and words for green_hub_error().
 */
int green__guard_install(void *page, size_t page_size);

#endif
