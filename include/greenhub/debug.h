/* A look inside a running program. All of it is off until it is called. */
#ifndef GREENHUB_DEBUG_H
#define GREENHUB_DEBUG_H

#include <greenhub/base.h>

GREEN_BEGIN_DECLS

/*
 * Writes a table of the calling OS thread's greenthreads to a descriptor: name,
 * state, what each waits for and since when, where it was spawned, and its
 * backtrace. Of an OS thread without greenthreads it says so; no hub is made. fd
 * may be blocking; the OS thread blocks then.
 * Returns 0, or -1: EBADF and what write fails with. Never switches to run any
 * of them on.
 */
GREEN_API int green_dump(int fd);

/*
 * Has an overflow of a greenthread's stack reported on stderr: which one, how
 * large its stack is, where it was spawned; then the process dies of SIGSEGV as
 * it would have. Installs a SIGSEGV and a SIGBUS handler for the process and an
 * alternate signal stack for each OS thread that uses greenthreads afterwards
 * (the calling one included); other faults go to the handler that was there.
 * on = false puts the former handler back.
 * Returns 0, or -1: ENOMEM and what sigaction fails with. Never switches.
 */
GREEN_API int green_debug_stack_overflow(bool on);

/*
 * Has each deadlock that is found, in any OS thread, written to a descriptor before
 * it is ended: a line, and then green_dump's table of that OS thread. fd may be
 * blocking; the OS thread blocks then. A negative fd ends that, which is how it
 * begins.
 * A deadlock is found when an OS thread's greenthreads wait for each other alone
 * (greenhub/thread.h): all of them fail with EDEADLK then, asked for or not.
 * Returns 0, or -1: EBADF. Never switches. From any thread.
 */
GREEN_API int green_debug_deadlock(int fd);

GREEN_END_DECLS

#endif
