/*
 * A look inside a running program. Everything here is off until it is called.
 * What looks at other OS threads, and the door, fail with ENOSYS where there is no
 * Linux.
 */
#ifndef GREENHUB_DEBUG_H
#define GREENHUB_DEBUG_H

#include <greenhub/base.h>

GREEN_BEGIN_DECLS

/*
 * Writes a table of the calling OS thread's greenthreads to descriptor fd. For
 * each it gives the name, the state, what it waits for and since when, where it
 * was spawned, and its backtrace. If the OS thread has no greenthreads, the
 * table says so, and no hub is made. fd may be blocking; the OS thread blocks
 * then.
 * Returns 0, or -1: EBADF and the errors of write. Never switches to any of the
 * greenthreads.
 */
GREEN_API int green_dump(int fd);

/*
 * Writes one table of the greenthreads of all OS threads to descriptor fd, the
 * running ones first: what green_dump says of each, and the most of its stack
 * that it, or an earlier user of the stack, has had in use, in whole pages.
 * Each OS thread is interrupted by a signal, one after another, for as long as
 * it takes to copy what its greenthreads do; so it works while one of them
 * computes. The signal is a real-time signal that has the default action at the
 * first call; system calls that it interrupts are restarted, but those
 * that signal(7) lists fail with EINTR. An OS thread that blocks it for a second
 * is named as one that does not answer. The handler needs about 8 KiB of the
 * stack that it interrupts.
 * Returns 0, or -1: EBADF, ENOMEM and the errors of write. Never switches; the
 * OS thread blocks. From any thread. Not for signal handlers.
 */
GREEN_API int green_dump_all(int fd);

/*
 * Makes the library write green_dump_all's table to descriptor fd each time the
 * process gets the signal. The signal's handler only wakes an OS thread of the
 * library, which writes; so it works while greenthreads compute, and fd may
 * block. A negative fd restores the signal's former action. One signal at a
 * time: another one replaces it. As long as the process has that OS thread, the
 * library finds fewer deadlocks (green_debug_deadlock). It ends with the
 * process; a forked child calls this again.
 * Returns 0, or -1: EBADF, EINVAL for a number that is no signal or cannot be
 * handled, EAGAIN if there can be no OS thread. Never switches. From any
 * thread.
 */
GREEN_API int green_debug_dump_on_signal(int number, int fd);

/*
 * With on = true, makes the library report a greenthread's stack overflow on
 * stderr: which greenthread, the size of its stack, and where it was spawned.
 * The process then dies of SIGSEGV, as it does without the report. This
 * installs SIGSEGV and SIGBUS handlers for the process, and an alternate signal
 * stack for the calling OS thread and each one that uses greenthreads later.
 * Other faults go to the previous handlers.
 * With on = false, restores the previous handlers.
 * Returns 0, or -1: ENOMEM and the errors of sigaction. Never switches.
 */
GREEN_API int green_debug_stack_overflow(bool on);

/*
 * Makes the library report each greenthread that keeps its OS thread for
 * `longest` nanoseconds or more, on descriptor fd, while it still does: its
 * name, how long, its backtrace, and the system call that it is in. There is
 * one report for each such stretch, and at most ten a second; the next one
 * counts those left out. A negative fd turns the reports off, which is the
 * default. GREENHUB_DEBUG=blocking=50ms (us, ms, s) in the environment does the
 * same, on stderr.
 * An OS thread of the library looks twice in each `longest`, at least 1 ms;
 * what takes less than one and a half of it may be missed. The backtrace is
 * taken as by green_dump_all, but not in a system call that a signal would end,
 * such as poll or nanosleep. A forked child calls this again.
 * Returns 0, or -1: EBADF, EINVAL if longest <= 0, EAGAIN if there can be no OS
 * thread. Never switches. From any thread.
 */
GREEN_API int green_debug_blocking(green_time longest, int fd);

/*
 * Makes the library report each deadlock that it finds, in any OS thread, on
 * descriptor fd: one line, then green_dump's table of that OS thread. It does
 * so before it ends the deadlock. fd may be blocking; the OS thread blocks
 * then. A negative fd turns the reports off, which is the default.
 * The library finds a deadlock when the greenthreads of an OS thread wait only
 * for each other (greenhub/thread.h). All of them then fail with EDEADLK,
 * whether or not reports are on.
 * Returns 0, or -1: EBADF. Never switches. From any thread.
 */
GREEN_API int green_debug_deadlock(int fd);

/* ---- The door ---------------------------------------------------------- */

/*
 * Has the process answer questions about itself on a unix socket: `greenhub top`,
 * `greenhub dump` and `greenhub stats` ask them, and so does socat; greenhub-top(1)
 * describes the lines. `where` is "unix:" and the socket's path; with "unix:"
 * alone that is greenhub-PID.sock in $XDG_RUNTIME_DIR, or in /tmp. NULL closes the
 * door again, and removes the socket. One door at a time: another call moves it.
 * The socket has mode 0600, and only processes of the same user, or of root, get an
 * answer. They can read, but change nothing, see green_debug_allow.
 * GREENHUB_DEBUG=serve, or serve=PATH, in the environment does the same when the
 * first greenthread is used. Programs that gain privileges by their file
 * (AT_SECURE) ignore that.
 * An OS thread of the library answers, also while greenthreads compute. It looks
 * as green_dump_all does, and as long as the process has it, the library finds
 * fewer deadlocks. A socket that was left behind is replaced. The socket is
 * removed when the process ends by exit. A forked child has no door; it calls this
 * again.
 * Returns 0, or -1: EINVAL if `where` does not begin with "unix:" or the path is too
 * long, EADDRINUSE if another process answers there, ENOENT with NULL and no door,
 * EAGAIN if there can be no OS thread, and the errors of socket, bind, listen and
 * eventfd. Never switches; the OS thread may block for a second. From any thread.
 */
GREEN_API int green_debug_serve(const char *where);

/* What may be changed through the door. */
#define GREEN_DEBUG_KILL 1u /* the command kill: green_kill */

/* Allows what the bits say, and nothing else, to those who may ask at all; 0, the
 * default, allows nothing. Returns 0, or -1: EINVAL for other bits. Never
 * switches. From any thread. */
GREEN_API int green_debug_allow(unsigned bits);

/*
 * Adds a command of the program's own to those that the door answers. A greenthread
 * of the calling OS thread runs fn(fd, words, arg) each time somebody asks: what fn
 * writes to fd, by dprintf or by green_dump for example, is the answer. words[0] is
 * the name, words[1] and so on what followed it; the last one is NULL. fn may
 * switch; if the asker leaves, it runs on. fd never blocks, and is closed
 * afterwards.
 * name  up to 31 of the characters a-z, 0-9, - and _; an earlier command of that
 *       name is replaced
 * fn    NULL removes the command. It may still run
 * Returns 0, or -1: EINVAL for a name that cannot be one, EEXIST if the door has a
 * command of its own by that name, ENOENT if there is none to remove, ENOSPC if
 * there are 32, and the errors of green_get_hub. Never switches.
 */
GREEN_API int green_debug_command(const char *name,
                                  void (*fn)(int fd, char **words, void *arg),
                                  void *arg);

GREEN_END_DECLS

#endif
