/*
 * Reads and writes of what no flag of a call keeps from blocking: FIFOs,
 * terminals, eventfds, devices. They return as the system calls do, EAGAIN when it
 * would block. O_NONBLOCK is never set on the caller's open file: other processes
 * may share it.
 *
 * - FIFOs and terminals are opened anew for the one call, with O_NONBLOCK. An open
 *   file kept for later would keep the other end from seeing that the caller's was
 *   closed.
 * - Where that cannot be (no /proc, no permission, a terminal known by an alias),
 *   poll(2) says whether it is worth while, and an OS thread of the worker pool makes the
 *   plain call: it may block when another process was faster.
 * - Of a pseudo-terminal's master poll promises room for a small piece.
 * - An eventfd that poll calls writable has room for a 1.
 * - Of the rest what poll says is relied on.
 */
#ifndef GREEN_SPECIAL_H
#define GREEN_SPECIAL_H

#include "io/wait.h"

ssize_t green__special_readv(struct green__io *io, unsigned kind,
                             const struct iovec *iov, int count);
ssize_t green__special_writev(struct green__io *io, unsigned kind,
                              const struct iovec *iov, int count);

#endif
