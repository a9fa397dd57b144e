/* Copies of streams, for the relay. */
#ifndef GREEN_COPY_H
#define GREEN_COPY_H

#include <greenhub/stream.h>

/* As green_stream_copy. *writing: whether a write failed, if it fails. */
int green__stream_copy(struct green_stream *from, struct green_stream *to,
                       uint64_t *copied, bool *writing);

#endif
