/*
 * The register by which code finds its thread-local data. On x86-64 the kernel
 * says by AT_HWCAP2 whether a program may write it; a switch by arch_prctl(2)
 * would take 20 times as long.
 */
#ifndef GREEN_THREAD_POINTER_H
#define GREEN_THREAD_POINTER_H

#include <stdbool.h>
#include <sys/auxv.h>

#if defined(__x86_64__)

static inline bool green__thread_pointer_may_change(void)
{
    return getauxval(AT_HWCAP2) & 2; /* HWCAP2_FSGSBASE */
}

static inline void *green__thread_pointer(void)
{
    void *pointer;

    __asm__ volatile("movq %%fs:0, %0" : "=r"(pointer));
    return pointer;
}

static inline void green__thread_pointer_change(void *pointer)
{
    __asm__ volatile("wrfsbase %0" : : "r"(pointer) : "memory");
}

#elif defined(__aarch64__)

static inline bool green__thread_pointer_may_change(void)
{
    return true;
}

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

static inline bool green__thread_pointer_may_change(void)
{
    return false;
}

static inline void *green__thread_pointer(void)
{
    return __builtin_thread_pointer();
}

/* Not called where it may not change. */
static inline void green__thread_pointer_change(void *pointer)
{
    (void)pointer;
}

#endif

#endif
