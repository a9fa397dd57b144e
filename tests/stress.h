/* What the stress programs share beyond support.h. */
#ifndef TESTS_STRESS_H
#define TESTS_STRESS_H

#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <unistd.h>

#include "support.h"

/*
 * For child processes of a case: libcheck's assertions work only in the case's
 * own process. A failure ends the child with a status of its own.
 */
#define CHILD_FAILED 99
#define child_must(condition)                                                  \
    do {                                                                       \
        if (!(condition)) {                                                    \
            fprintf(stderr, "%s:%d: in a child: %s (errno: %s)\n", __FILE__,   \
                    __LINE__, #condition, strerror(errno));                    \
            _exit(CHILD_FAILED);                                               \
        }                                                                      \
    } while (0)

/* Raises the limit on descriptors. Returns whether `least` are allowed. */
static inline bool allow_descriptors(rlim_t least)
{
    struct rlimit limit;

    ck_ok(getrlimit(RLIMIT_NOFILE, &limit));
    limit.rlim_cur = limit.rlim_max;
    ck_ok(setrlimit(RLIMIT_NOFILE, &limit));
    return limit.rlim_max >= least;
}

/* Pseudo-random numbers, the same in each run. */
static inline uint32_t next_random(uint64_t *state)
{
    *state = *state * 6364136223846793005u + 1442695040888963407u;
    return (uint32_t)(*state >> 33);
}

/* Bytes that no other stream has. */
static inline void fill_random(void *buffer, size_t size, uint64_t *state)
{
    unsigned char *bytes = buffer;

    for (size_t i = 0; i < size; i++)
        bytes[i] = (unsigned char)next_random(state);
}

/* Memory shared by the case and its children. */
static inline void *share_memory(size_t size)
{
    void *memory = mmap(NULL, size, PROT_READ | PROT_WRITE,
                        MAP_SHARED | MAP_ANONYMOUS, -1, 0);

    ck_assert_ptr_ne(memory, MAP_FAILED);
    return memory;
}

#endif
