/* The buffers that an OS thread lends to those who read. */
#ifndef GREEN_BUFFERS_H
#define GREEN_BUFFERS_H

#include <greenhub/stream.h>

/* The smallest and the largest buffer. */
#define GREEN__BUFFER_LEAST ((size_t)2 << 10)
#define GREEN__BUFFER_MOST ((size_t)64 << 10)

/*
 * Takes the buffer of the OS thread that was returned last among those of the
 * size, or a new one. `room` is a power of two between the two limits. NULL with
 * ENOMEM.
 */
struct green_buffer *green__buffer_take(size_t room);

/* A new buffer of any size, for what was read by larger pieces. */
struct green_buffer *green__buffer_take_large(size_t room);

#endif
