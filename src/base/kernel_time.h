/*
 * The numbers of system calls that take a struct timespec, for syscall(2). On a
 * 32-bit system, where the library is compiled with 64-bit times, the kernel has
 * each call twice, since Linux 5.1.
 */
#ifndef GREEN_KERNEL_TIME_H
#define GREEN_KERNEL_TIME_H

#include <sys/syscall.h>

#if defined(SYS_pselect6_time64)

enum {
    GREEN__SYS_CLOCK_NANOSLEEP = SYS_clock_nanosleep_time64,
    GREEN__SYS_FUTEX = SYS_futex_time64,
    GREEN__SYS_PPOLL = SYS_ppoll_time64,
    GREEN__SYS_PSELECT6 = SYS_pselect6_time64,
};

#else

enum {
    GREEN__SYS_CLOCK_NANOSLEEP = SYS_clock_nanosleep,
    GREEN__SYS_FUTEX = SYS_futex,
    GREEN__SYS_PPOLL = SYS_ppoll,
    GREEN__SYS_PSELECT6 = SYS_pselect6,
};

#endif

#endif
