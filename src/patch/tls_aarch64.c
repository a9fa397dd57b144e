/*
 * The thread control block of aarch64. At the thread pointer (TPIDR_EL0) are two
 * words, the first of them the vector of thread-local blocks, which the C
 * library's allocation fills in. struct pthread lies below, thread-local
 * variables above. The stack guard is a global variable, and so is all else
 * that x86-64 keeps here.
 */
#include "patch/tls_parts.h"

void green__tls_head_fill(void *thread_pointer, const void *from)
{
    (void)thread_pointer, (void)from;
}

void ***green__tls_vector(void *thread_pointer)
{
    return thread_pointer;
}
