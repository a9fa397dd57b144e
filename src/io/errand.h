/*
 * What may have to wait for a disk, carried out by the hub while others run.
 *
 * It ends early only when its number is closed, its greenthread killed or timed
 * out; and it is left only when the system has let go of its buffers.
 *
 * The system calls that go by the file's own position take it, move on, and put
 * it back, one after the other. Operations of the system do not: two that are
 * under way at once read the same bytes, or write over each other. So who goes by
 * the position waits in line for it.
 */
#ifndef GREEN_ERRAND_H
#define GREEN_ERRAND_H

#include "greenthread/park.h"
#include "io/wait.h"

/*
 * True: the hub has carried it out, *result is the system call's, errno is set if
 * it is -1, and io->closed if the number is another's by now. False: it is to be
 * done by the plain call. The fd of io is a folder's or -1 where the operation
 * goes by a path.
 */
bool green__errand_run(struct green__io *io, struct green_operation *operation,
                       int64_t *result);

/* A direction of src/io's own, which the hub knows nothing of. */
#define GREEN__POSITION 4u

/* A place in the line for a file's position. */
struct green__position {
    struct green__waiter waiter;
    struct green__edge edge;
    bool closed;
};

/* Waits for the position: 0, or -1 with errno. */
int green__position_take(struct green__io *io,
                         struct green__position *position);
/* Hands it on. Leaves errno alone. */
void green__position_pass(struct green__io *io,
                          struct green__position *position);

#endif
