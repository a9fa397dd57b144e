/*
 * Names with two underscores, by which glibc exports some of its functions too:
 * old programs and libraries call them, and some of glibc's own.
 */
#include <resolv.h>
#include <stdarg.h>

#include "patch/real.h"

GREEN__HOOK ssize_t __read(int fd, void *buffer, size_t size)
{
    return read(fd, buffer, size);
}

GREEN__HOOK ssize_t __write(int fd, const void *buffer, size_t size)
{
    return write(fd, buffer, size);
}

GREEN__HOOK ssize_t __send(int fd, const void *buffer, size_t size, int flags)
{
    return send(fd, buffer, size, flags);
}

GREEN__HOOK int __connect(int fd, __CONST_SOCKADDR_ARG address,
                          socklen_t length)
{
    return connect(fd, address, length);
}

GREEN__HOOK int __close(int fd)
{
    return close(fd);
}

GREEN__HOOK int __dup2(int fd, int to_fd)
{
    return dup2(fd, to_fd);
}

GREEN__HOOK int __pipe(int fds[2])
{
    return pipe(fds);
}

GREEN__HOOK int __fcntl(int fd, int command, ...)
{
    va_list arguments;
    void *argument;

    va_start(arguments, command);
    argument = va_arg(arguments, void *);
    va_end(arguments);
    return fcntl(fd, command, argument);
}

/* ---- Waits ------------------------------------------------------------------ */

GREEN__HOOK int __poll(struct pollfd *fds, nfds_t count, int timeout)
{
    return poll(fds, count, timeout);
}

GREEN__HOOK int __select(int nfds, fd_set *readable, fd_set *writable,
                         fd_set *exceptional, struct timeval *timeout)
{
    return select(nfds, readable, writable, exceptional, timeout);
}

GREEN__HOOK int __nanosleep(const struct timespec *time, struct timespec *left)
{
    return nanosleep(time, left);
}

GREEN__HOOK int __sched_yield(void)
{
    return sched_yield();
}

GREEN__HOOK pid_t __wait(int *status)
{
    return wait(status);
}

GREEN__HOOK pid_t __waitpid(pid_t pid, int *status, int options)
{
    return waitpid(pid, status, options);
}

/* ---- Files ------------------------------------------------------------------ */

/* Whether there is a mode or not, one word is passed on. */
GREEN__HOOK int __open(const char *path, int flags, ...)
{
    va_list arguments;
    mode_t mode;

    va_start(arguments, flags);
    mode = va_arg(arguments, mode_t);
    va_end(arguments);
    return open(path, flags, mode);
}

GREEN__HOOK int __open64(const char *path, int flags, ...)
{
    va_list arguments;
    mode_t mode;

    va_start(arguments, flags);
    mode = va_arg(arguments, mode_t);
    va_end(arguments);
    return open64(path, flags, mode);
}

/* ---- Signals, processes, streams ---------------------------------------------- */

GREEN__HOOK int __sigaction(int number, const struct sigaction *action,
                            struct sigaction *before)
{
    return sigaction(number, action, before);
}

GREEN__HOOK int __sigsuspend(const sigset_t *mask)
{
    return sigsuspend(mask);
}

GREEN__HOOK pid_t __fork(void)
{
    return fork();
}

GREEN__HOOK int __vfscanf(FILE *file, const char *format, va_list arguments)
{
    return green__vfscanf(file, format, arguments);
}

/* ---- The resolver, before glibc 2.34 ------------------------------------------ */

GREEN__HOOK int __res_query(const char *name, int class, int type,
                            unsigned char *answer, int size)
{
    return res_query(name, class, type, answer, size);
}

GREEN__HOOK int __res_search(const char *name, int class, int type,
                             unsigned char *answer, int size)
{
    return res_search(name, class, type, answer, size);
}

GREEN__HOOK int __res_querydomain(const char *name, const char *domain,
                                  int class, int type, unsigned char *answer,
                                  int size)
{
    return res_querydomain(name, domain, class, type, answer, size);
}

GREEN__HOOK int __res_send(const unsigned char *message, int message_size,
                           unsigned char *answer, int size)
{
    return res_send(message, message_size, answer, size);
}

GREEN__HOOK int __res_nquery(res_state state, const char *name, int class,
                             int type, unsigned char *answer, int size)
{
    return res_nquery(state, name, class, type, answer, size);
}

GREEN__HOOK int __res_nsearch(res_state state, const char *name, int class,
                              int type, unsigned char *answer, int size)
{
    return res_nsearch(state, name, class, type, answer, size);
}

GREEN__HOOK int __res_nquerydomain(res_state state, const char *name,
                                   const char *domain, int class, int type,
                                   unsigned char *answer, int size)
{
    return res_nquerydomain(state, name, domain, class, type, answer, size);
}

GREEN__HOOK int __res_nsend(res_state state, const unsigned char *message,
                            int message_size, unsigned char *answer, int size)
{
    return res_nsend(state, message, message_size, answer, size);
}
