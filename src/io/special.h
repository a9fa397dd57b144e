/*
 * Reads and writes of FIFOs, terminals, eventfds and devices: no flag of a call
 * keeps these from blocking. The functions return as the system calls do,
 * EAGAIN when they would block. They never set O_NONBLOCK on the caller's open
 * file: other processes may share it.
 *
 * - FIFOs and terminals are opened again for the one call, with O_NONBLOCK. An
 *   open file kept for later would hide from the other end that the caller has
 *   closed its own.
 * - Where that fails (no /proc, no permission, a terminal known by an alias),
 *   poll(2) says whether to try, and a thread of the worker pool makes the
 *   plain call: it may block if another process was faster.
 * - poll promises that a pseudo-terminal's master has room for a small piece.
 * - An eventfd that poll reports writable has room for a 1.
 * - For the rest, poll's answer is relied on.
 */
#ifndef GREEN_SPECIAL_H
#define GREEN_SPECIAL_H

#include "io/wait.h"

ssize_t green__special_readv(struct green__io *io, unsigned kind,
                             const struct iovec *iov, int count);
ssize_t green__special_writev(struct green__io *io, unsigned kind,
                              const struct iovec *iov, int count);

#endif
