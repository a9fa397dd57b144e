/* Times, version, and the attributes that the other headers use. */
#ifndef GREENHUB_BASE_H
#define GREENHUB_BASE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>
#include <time.h>

/* GREEN_ATOMIC(type): an atomic member, with the same layout in C and C++; C compilers
 * for i386 differ in how they align it by themselves. */
#ifdef __cplusplus
#include <atomic>
#define GREEN_ATOMIC(type) std::atomic<type>
#define GREEN_BEGIN_DECLS extern "C" {
#define GREEN_END_DECLS }
#else
#define GREEN_ATOMIC(type)                                                     \
    __extension__ _Atomic(type) __attribute__((aligned(sizeof(type))))
#define GREEN_BEGIN_DECLS
#define GREEN_END_DECLS
#endif

#define GREEN_API __attribute__((visibility("default")))

GREEN_BEGIN_DECLS

/*
 * An array of negative size if the program is compiled with other types than the
 * library: on a 32-bit system both take -D_TIME_BITS=64 -D_FILE_OFFSET_BITS=64,
 * which `pkg-config --cflags greenhub` prints there.
 */
typedef char green__compile_with_64_bit_time_and_file_offsets
    [sizeof(time_t) == 8 && sizeof(off_t) == 8 ? 1 : -1];

/*
 * A time in nanoseconds: a duration or, where a comment says "absolute", a
 * point in time. Points in time are read from CLOCK_MONOTONIC, or from the
 * hub's own clock if it has one.
 */
typedef int64_t green_time;

#define GREEN_NSEC ((green_time)1)
#define GREEN_USEC ((green_time)1000)
#define GREEN_MSEC ((green_time)1000000)
#define GREEN_SEC ((green_time)1000000000)
/* As a duration: no limit. As a point in time: never. */
#define GREEN_FOREVER ((green_time)INT64_MAX)

/*
 * A link of the library's lists, inside structs that users own. Do not touch.
 */
struct green_list {
    struct green_list *next, *prev;
};

/*
 * Returns the current time, absolute. The clock is CLOCK_MONOTONIC unless this
 * OS thread's hub has a clock of its own, as the sim hub has.
 * Cannot fail. Never switches. From any thread.
 */
GREEN_API green_time green_now(void);

/*
 * Returns the absolute time `duration` from now, to be used as a deadline.
 * Returns GREEN_FOREVER if duration is GREEN_FOREVER or the sum would overflow,
 * and the current time if duration is negative.
 * Cannot fail. Never switches. From any thread.
 */
GREEN_API green_time green_after(green_time duration);

/* The version of these headers: its parts, and one number to compare in #if. */
#define GREEN_VERSION_MAJOR 0
#define GREEN_VERSION_MINOR 1
#define GREEN_VERSION_PATCH 0
#define GREEN_VERSION_NUMBER(major, minor, patch)                              \
    ((major)*1000000 + (minor)*1000 + (patch))
#define GREEN_VERSION                                                          \
    GREEN_VERSION_NUMBER(GREEN_VERSION_MAJOR, GREEN_VERSION_MINOR,             \
                         GREEN_VERSION_PATCH)

/*
 * Returns the version of the running library as "major.minor.patch".
 * Cannot fail; the string is static. Never switches. From any thread.
 */
GREEN_API const char *green_version(void);

GREEN_END_DECLS

#endif
