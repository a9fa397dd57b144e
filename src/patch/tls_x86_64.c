/*
 * The thread control block of x86-64. The ABI and compilers fix what lies at the
 * thread pointer (%fs):
 *
 *     tp + 0x00   its own address
 *     tp + 0x08   the vector of thread-local blocks
 *     tp + 0x10   struct pthread: the same address
 *     tp + 0x18   whether there are threads; the system call entry
 *     tp + 0x28   stack guard
 *     tp + 0x30   pointer guard
 *     tp + 0x48   features of branch protection
 *
 * Thread-local variables of the program and its libraries lie below tp.
 */
#include <string.h>

#include "patch/tls_parts.h"

#define ITSELF 0
#define VECTOR 1
#define THREAD 2
#define COPIED_FROM 0x18
#define COPIED_TO 0x50

void green__tls_head_fill(void *thread_pointer, const void *from)
{
    void **words = thread_pointer;

    words[ITSELF] = thread_pointer;
    words[THREAD] = thread_pointer;
    memcpy((char *)thread_pointer + COPIED_FROM,
           (const char *)from + COPIED_FROM, COPIED_TO - COPIED_FROM);
}

void ***green__tls_vector(void *thread_pointer)
{
    return (void ***)thread_pointer + VECTOR;
}
