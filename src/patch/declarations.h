/* Declares every name of names.h. */
#ifndef GREEN_PATCH_DECLARATIONS_H
#define GREEN_PATCH_DECLARATIONS_H

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <mqueue.h>
#include <netdb.h>
#include <poll.h>
#include <pthread.h>
#include <resolv.h>
#include <sched.h>
#include <semaphore.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/file.h>
#include <sys/ioctl.h>
#include <sys/msg.h>
#include <sys/select.h>
#include <sys/sem.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <syslog.h>
#include <threads.h>
#include <time.h>
#include <unistd.h>

#define GREEN__HOOK __attribute__((visibility("default")))

/* Of glibc, for -D_FORTIFY_SOURCE: no header declares them without it. */
void __chk_fail(void) __attribute__((noreturn));
ssize_t __read_chk(int fd, void *buffer, size_t size, size_t room);
ssize_t __recv_chk(int fd, void *buffer, size_t size, size_t room, int flags);
ssize_t __recvfrom_chk(int fd, void *buffer, size_t size, size_t room,
                       int flags, __SOCKADDR_ARG address, socklen_t *length);
int __poll_chk(struct pollfd *fds, nfds_t count, int timeout, size_t room);
int __ppoll_chk(struct pollfd *fds, nfds_t count,
                const struct timespec *timeout, const sigset_t *mask,
                size_t room);
size_t __fread_chk(void *buffer, size_t room, size_t size, size_t count,
                   FILE *file);
char *__fgets_chk(char *line, size_t room, int size, FILE *file);
int __fprintf_chk(FILE *file, int flag, const char *format, ...);
int __vfprintf_chk(FILE *file, int flag, const char *format, va_list arguments);
int __printf_chk(int flag, const char *format, ...);
int __vprintf_chk(int flag, const char *format, va_list arguments);
int __dprintf_chk(int fd, int flag, const char *format, ...);
int __vdprintf_chk(int fd, int flag, const char *format, va_list arguments);
int __vasprintf_chk(char **text, int flag, const char *format,
                    va_list arguments);
void __syslog_chk(int priority, int flag, const char *format, ...);
void __vsyslog_chk(int priority, int flag, const char *format,
                   va_list arguments);
int __open_2(const char *path, int flags);
int __open64_2(const char *path, int flags);
int __openat_2(int folder, const char *path, int flags);
int __openat64_2(int folder, const char *path, int flags);

/* stdio.h gives scanf and its kin these names, by the standard in force. */
int __isoc99_fscanf(FILE *file, const char *format, ...);
int __isoc99_vfscanf(FILE *file, const char *format, va_list arguments);
int __isoc99_scanf(const char *format, ...);
int __isoc99_vscanf(const char *format, va_list arguments);
int __isoc23_fscanf(FILE *file, const char *format, ...);
int __isoc23_vfscanf(FILE *file, const char *format, va_list arguments);
int __isoc23_scanf(const char *format, ...);
int __isoc23_vscanf(const char *format, va_list arguments);

/* And so these are what it calls by that name without any of them. */
int green__fscanf(FILE *file, const char *format, ...) __asm__("fscanf");
int green__vfscanf(FILE *file, const char *format,
                   va_list arguments) __asm__("vfscanf");
int green__scanf(const char *format, ...) __asm__("scanf");
int green__vscanf(const char *format, va_list arguments) __asm__("vscanf");

/* Of glibc, behind pthread_cleanup_push; pthread.h declares them in a program
 * without -fexceptions alone. */
void __pthread_register_cancel(__pthread_unwind_buf_t *buffer);
void __pthread_unregister_cancel(__pthread_unwind_buf_t *buffer);
void __pthread_register_cancel_defer(__pthread_unwind_buf_t *buffer);
void __pthread_unregister_cancel_restore(__pthread_unwind_buf_t *buffer);
void __pthread_unwind_next(__pthread_unwind_buf_t *buffer);

/* Of glibc, second names of what headers declare by another one. */
ssize_t __read(int fd, void *buffer, size_t size);
ssize_t __write(int fd, const void *buffer, size_t size);
ssize_t __send(int fd, const void *buffer, size_t size, int flags);
int __connect(int fd, __CONST_SOCKADDR_ARG address, socklen_t length);
int __close(int fd);
int __dup2(int fd, int to_fd);
int __pipe(int fds[2]);
int __fcntl(int fd, int command, ...);
int __poll(struct pollfd *fds, nfds_t count, int timeout);
int __select(int nfds, fd_set *readable, fd_set *writable, fd_set *exceptional,
             struct timeval *timeout);
int __nanosleep(const struct timespec *time, struct timespec *left);
int __sched_yield(void);
pid_t __wait(int *status);
pid_t __waitpid(pid_t pid, int *status, int options);
int __open(const char *path, int flags, ...);
int __open64(const char *path, int flags, ...);
int __sigaction(int number, const struct sigaction *action,
                struct sigaction *before);
int __sigsuspend(const sigset_t *mask);
pid_t __fork(void);
pid_t __vfork(void);
int __vfscanf(FILE *file, const char *format, va_list arguments);

/* The same of its resolver, before glibc 2.34. */
int __res_query(const char *name, int class, int type, unsigned char *answer,
                int size);
int __res_search(const char *name, int class, int type, unsigned char *answer,
                 int size);
int __res_querydomain(const char *name, const char *domain, int class, int type,
                      unsigned char *answer, int size);
int __res_send(const unsigned char *message, int message_size,
               unsigned char *answer, int size);
int __res_nquery(res_state state, const char *name, int class, int type,
                 unsigned char *answer, int size);
int __res_nsearch(res_state state, const char *name, int class, int type,
                  unsigned char *answer, int size);
int __res_nquerydomain(res_state state, const char *name, const char *domain,
                       int class, int type, unsigned char *answer, int size);
int __res_nsend(res_state state, const unsigned char *message, int message_size,
                unsigned char *answer, int size);

/* Of the C++ runtime, by its binary interface. */
int __cxa_guard_acquire(uint64_t *guard);
void __cxa_guard_release(uint64_t *guard);
void __cxa_guard_abort(uint64_t *guard);

#endif
