/* Times, version, and the attributes that the other headers use. */
#ifndef GREENHUB_BASE_H
#define GREENHUB_BASE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* GREEN_ATOMIC(type): an atomic member, laid out alike in C and in C++. */
#ifdef __cplusplus
#include <atomic>
#define GREEN_ATOMIC(type) std::atomic<type>
#define GREEN_BEGIN_DECLS extern "C" {
#define GREEN_END_DECLS }
#else
#define GREEN_ATOMIC(type) __extension__ _Atomic(type)
#define GREEN_BEGIN_DECLS
#define GREEN_END_DECLS
#endif

#define GREEN_API __attribute__((visibility("default")))

GREEN_BEGIN_DECLS

/*
 * A time in nanoseconds: a duration, or, where a function says "absolute", a
 * point of CLOCK_MONOTONIC (of the hub's own clock, if it has one).
 */
typedef int64_t green_time;

#define GREEN_NSEC ((green_time)1)
#define GREEN_USEC ((green_time)1000)
#define GREEN_MSEC ((green_time)1000000)
#define GREEN_SEC ((green_time)1000000000)
/* As a duration: without end. As a point in time: never. */
#define GREEN_FOREVER ((green_time)INT64_MAX)

/* A link of the library's lists, inside what users own. Not theirs to touch. */
struct green_list {
    struct green_list *next, *prev;
};

/*
 * The time now, absolute. It is CLOCK_MONOTONIC unless this thread's hub has a
 * clock of its own, as the sim hub has.
 * Cannot fail. Never switches. From any thread.
 */
GREEN_API green_time green_now(void);

/*
 * The point in time that is `duration` from now, absolute: for what takes a
 * deadline. GREEN_FOREVER if duration is that, or the sum would be later than any
 * point in time; the time now if duration is negative.
 * Cannot fail. Never switches. From any thread.
 */
GREEN_API green_time green_after(green_time duration);

/* The version of these headers: a number for #if, and its parts. */
#define GREEN_VERSION_MAJOR 0
#define GREEN_VERSION_MINOR 1
#define GREEN_VERSION_PATCH 0
#define GREEN_VERSION_NUMBER(major, minor, patch)                              \
    ((major)*1000000 + (minor)*1000 + (patch))
#define GREEN_VERSION                                                          \
    GREEN_VERSION_NUMBER(GREEN_VERSION_MAJOR, GREEN_VERSION_MINOR,             \
                         GREEN_VERSION_PATCH)

/*
 * The version of the library that is running, as "major.minor.patch".
 * Cannot fail; the string is static. Never switches. From any thread.
 */
GREEN_API const char *green_version(void);

GREEN_END_DECLS

#endif
