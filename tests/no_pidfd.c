/*
 * Linux before 5.3, which has no pidfds: the library makes such calls by
 * syscall(2), and the linker finds the program's first.
 */
#include <dlfcn.h>
#include <errno.h>
#include <stdarg.h>
#include <sys/syscall.h>
#include <unistd.h>

#ifndef SYS_pidfd_open
#define SYS_pidfd_open 434
#endif

/* Six arguments: what the caller has not given is not looked at by the kernel. */
long syscall(long number, ...)
{
    static long (*real)(long number, ...);
    long args[6];
    va_list list;

    if (number == SYS_pidfd_open) {
        errno = ENOSYS;
        return -1;
    }
    if (!real)
        *(void **)&real = dlsym(RTLD_NEXT, "syscall");
    va_start(list, number);
    for (int i = 0; i < 6; i++)
        args[i] = va_arg(list, long);
    va_end(list);
    return real(number, args[0], args[1], args[2], args[3], args[4], args[5]);
}
