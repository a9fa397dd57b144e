/*
 * Bytes from one descriptor to another without a copy, through a pipe. Each
 * splice has the pipe at one end, and the pipe is empty before bytes go in, so
 * that EAGAIN always means the other end.
 *
 * It pays for large pieces alone: with a pipe of 64 KiB it took as much time as
 * a buffer of that size, with 1 MiB half of it (docs/decisions.md).
 */
#ifndef GREEN_SPLICE_H
#define GREEN_SPLICE_H

#include <greenhub/stream.h>

struct green__pipe {
    int fds[2];  /* [0] reads; -1: not open */
    size_t held; /* bytes in it */
};

#define GREEN__PIPE_NONE                                                       \
    {                                                                          \
        .fds = { -1, -1 }                                                      \
    }

/* Whether both are stream sockets, pipes or FIFOs. A file's pages would go to
 * the reader by reference, and change if the file does. */
bool green__can_splice(int from, int to);

/* False if there is no large pipe to be had. */
bool green__pipe_open(struct green__pipe *pipe);
void green__pipe_close(struct green__pipe *pipe);

/* As green_read, into the empty pipe. EINVAL: the descriptor cannot do it. */
ssize_t green__splice_in(int fd, struct green__pipe *pipe);

/* Writes some of what the pipe holds, or all. Adds to *written. 0, or -1 with
 * the errors of green_write; EINVAL: the descriptor cannot do it. */
int green__splice_out(struct green__pipe *pipe, int fd, size_t *written);

/* All that the pipe holds, in a buffer for the caller to return; NULL with
 * errno. Never switches. */
struct green_buffer *green__pipe_drain(struct green__pipe *pipe);

#endif
