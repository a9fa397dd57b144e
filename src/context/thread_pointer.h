/*
 * The register by which code finds its thread-local data. On x86-64 the kernel
 * says by AT_HWCAP2 whether a program may write it (Linux 5.9, unless a virtual
 * machine hides the feature); else each change is an arch_prctl(2), which takes 10
 * to 20 times as long, and much longer in some virtual machines.
 */
#ifndef GREEN_THREAD_POINTER_H
#define GREEN_THREAD_POINTER_H

#include "base/attributes.h"

#include <stdbool.h>
#include <stddef.h>

/* Changes are system calls. green__thread_pointer_may_change() finds it out. */
GREEN__PRIVATE extern bool green__thread_pointer_by_call;

/* Call it before the first change. */
GREEN__PRIVATE bool green__thread_pointer_may_change(void);

#if defined(__x86_64__)

static inline void *green__thread_pointer(void)
{
    void *pointer;

    __asm__ volatile("movq %%fs:0, %0" : "=r"(pointer));
    return pointer;
}

/* Not by syscall(3), whose errno is thread-local. */
static inline void green__thread_pointer_call(void *pointer)
{
    enum { ARCH_PRCTL = 158, ARCH_SET_FS_BASE = 0x1002 };
    long result = ARCH_PRCTL;

    __asm__ volatile("syscall"
                     : "+a"(result)
                     : "D"((long)ARCH_SET_FS_BASE), "S"(pointer)
                     : "rcx", "r11", "memory");
}

static inline void green__thread_pointer_change(void *pointer)
{
    if (green__thread_pointer_by_call)
        green__thread_pointer_call(pointer);
    else
        __asm__ volatile("wrfsbase %0" : : "r"(pointer) : "memory");
}

#elif defined(__aarch64__)

static inline void *green__thread_pointer(void)
{
    void *pointer;

    __asm__ volatile("mrs %0, tpidr_el0" : "=r"(pointer));
    return pointer;
}

static inline void green__thread_pointer_change(void *pointer)
{
    __asm__ volatile("msr tpidr_el0, %0" : : "r"(pointer) : "memory");
}

#else

/* Not used where it may not change; not all compilers can tell it. */
static inline void *green__thread_pointer(void)
{
    return NULL;
}

static inline void green__thread_pointer_change(void *pointer)
{
    (void)pointer;
}

#endif

#endif
