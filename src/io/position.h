/*
 * The line for a file's own position.
 *
 * The system calls that go by it take it, move on, and put it back, one after the
 * other. Operations of the system do not: two that are under way at once read the
 * same bytes, or write over each other. So who goes by the position waits for it.
 */
#ifndef GREEN_POSITION_H
#define GREEN_POSITION_H

#include "io/wait.h"

/* A direction of src/io's own, which the hub knows nothing of. */
#define GREEN__POSITION 4u

/* Waits for the position: 0, or -1 with errno. */
int green__position_take(struct green__io *io, struct green__place *place);

/* Passes it on. Leaves errno alone. */
void green__position_pass(struct green__io *io, struct green__place *place);

#endif
