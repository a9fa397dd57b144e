/*
 * The queue for a file's own position.
 *
 * The system calls that use it read it, advance it and write it back one after
 * the other. The kernel's asynchronous operations do not: two in flight at once
 * read the same bytes, or overwrite each other. So a call that uses the
 * position waits for its turn.
 */
#ifndef GREEN_POSITION_H
#define GREEN_POSITION_H

#include "io/wait.h"

/* A direction that only src/io uses; the hub does not know it. */
#define GREEN__POSITION 4u

/* Waits for the position: 0, or -1 with errno. */
int green__position_take(struct green__io *io, struct green__place *place);

/* Passes it on. Leaves errno alone. */
void green__position_pass(struct green__io *io, struct green__place *place);

#endif
