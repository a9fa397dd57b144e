/* Memory of the system's own, for stacks: whole pages, zeroed. */
#ifndef GREEN_MEMORY_H
#define GREEN_MEMORY_H

#include <stddef.h>

/* Only pages that are touched take memory. NULL if there is none. */
void *green__memory_map(size_t size);

/* Returns the pages to the system; they are zeroed when they are touched again. */
void green__memory_return(void *memory, size_t size);

#endif
