/*
 * Bytes that a copy has read and could not write. They go back in front of the
 * stream's input: until they have been read, a plain stream has operations of
 * its own (green_stream_ops), so that plain streams without any pay nothing.
 */
#ifndef GREEN_UNREAD_H
#define GREEN_UNREAD_H

#include <greenhub/stream.h>

/*
 * Puts the last `size` bytes of a lent buffer back, and takes the buffer. False,
 * with nothing done, if the stream has a layer.
 */
bool green__unread(struct green_stream *stream, struct green_buffer *buffer,
                   size_t size);

/* Takes what was put back, if anything. Never switches. */
struct green_buffer *green__unread_take(struct green_stream *stream);

#endif
