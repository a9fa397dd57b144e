/*
 * Reads and writes of FIFOs, terminals, eventfds and devices: no flag of a call
 * keeps these from blocking. The functions return as the system calls do,
 * EAGAIN when they would block. They set O_NONBLOCK on no open file that other
 * processes may share.
 *
 * - FIFOs and terminals are opened again for the one call, with O_NONBLOCK. An
 *   open file kept for later would hide from the other end that the caller has
 *   closed its own.
 * - Where that fails (no /proc, no permission, a terminal known by an alias), a
 *   pipe that a green call has made and no other process has gets O_NONBLOCK for
 *   the one call; else
 *   poll(2) says whether to try, and a thread of the worker pool makes the
 *   plain call: it may block if another process was faster.
 * - poll promises that a pseudo-terminal's master has room for a small piece.
 * - An eventfd that poll reports writable has room for a 1.
 * - For the rest, poll's answer is relied on.
 */
#ifndef GREEN_SPECIAL_H
#define GREEN_SPECIAL_H

#include <stdbool.h>
#include <stdint.h>

#include "io/wait.h"

ssize_t green__special_readv(struct green__io *io, unsigned kind,
                             const struct iovec *iov, int count);
ssize_t green__special_writev(struct green__io *io, unsigned kind,
                              const struct iovec *iov, int count);

/* ---- What special_linux.c finds in /proc; special_posix.c has nothing ------ */

/* Opens the file of a descriptor anew. Returns the descriptor, or -1 with errno. */
int green__open_again(int fd, int flags);

/* An eventfd's counter. False if it is unknown. */
bool green__counter_of(int fd, uint64_t *counter);

#endif
