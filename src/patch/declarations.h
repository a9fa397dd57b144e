/* Declares every name of names.h. */
#ifndef GREEN_PATCH_DECLARATIONS_H
#define GREEN_PATCH_DECLARATIONS_H

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <netdb.h>
#include <poll.h>
#include <pthread.h>
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
#include <sys/select.h>
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

/* Of glibc, a second name of what unistd.h declares. */
pid_t __vfork(void);

/* Of the C++ runtime, by its binary interface. */
int __cxa_guard_acquire(uint64_t *guard);
void __cxa_guard_release(uint64_t *guard);
void __cxa_guard_abort(uint64_t *guard);

#endif
