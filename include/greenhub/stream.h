/*
 * Streams: a descriptor, or a layer over one, such as TLS, that is read and
 * written the same way. greenhub/io.h has the calls on plain descriptors.
 *
 * A stream whose `ops` is NULL is the plain descriptor, and each call is the
 * one of greenhub/io.h: same results, same errors. The calls that a program
 * makes most test this in line, so plain streams cost three instructions.
 * Otherwise `ops` carries the calls out: it is a table that a layer fills in.
 *
 * Rules for all calls on streams:
 * - A stream belongs to one OS thread. At most one greenthread reads from it
 *   and one writes to it at a time, unless it is plain or its layer allows more.
 * - A stream must not be NULL where the call is in line.
 * - If a kill or a timeout ends a call in a layer, only green_stream_close is
 *   sure to work afterwards, unless the layer says more.
 */
#ifndef GREENHUB_STREAM_H
#define GREENHUB_STREAM_H

#include <greenhub/base.h>
#include <greenhub/io.h>

GREEN_BEGIN_DECLS

struct green_buffer;
struct green_stream_ops;

/*
 * A stream. A layer puts it at the begin of a struct of its own; plain ones are
 * initialised with green_stream_init, or are all zero but for `fd`.
 */
struct green_stream {
    int fd;                             /* what the hub waits for */
    const struct green_stream_ops *ops; /* NULL: the plain descriptor */
    struct {
        size_t shown; /* the library's: how much one read has found */
        struct green_buffer *unread; /* what a copy has put back, or NULL */
        size_t unread_taken;         /* how much of it was read since */
        void *reserved[1];
    } internal;
};

/*
 * What a layer does. Each function has the results and errors of the call with
 * its name and may switch, `pending` excepted, which never does. NULL is allowed
 * where a comment says what happens then.
 */
struct green_stream_ops {
    const char *name; /* in a word, such as "tls" */
    /* Returns 0 at the end of the input only. Never called for 0 bytes. */
    ssize_t (*read)(struct green_stream *stream, void *bytes, size_t size);
    /* Writes all unless an error occurs. Returns the number of bytes, or -1 if
     * none was written; then a later call reports the error again. */
    ssize_t (*writev)(struct green_stream *stream, const struct iovec *iov,
                      int count);
    /* NULL: the library reads the file and calls writev. */
    ssize_t (*sendfile)(struct green_stream *stream, int in_fd, off_t *offset,
                        size_t count);
    /* How many bytes a read would return without looking at the descriptor.
     * NULL: none. */
    size_t (*pending)(const struct green_stream *stream);
    /* SHUT_WR sends the peer the end of the stream. NULL: green_shutdown. */
    int (*shutdown)(struct green_stream *stream, int how);
    /* Frees what the layer has, and closes the descriptor, also if it fails.
     * NULL: green_close. */
    int (*close)(struct green_stream *stream);
    void (*reserved[4])(void); /* must be NULL */
};

/*
 * Makes streams of descriptors, for code that does not know the layer: a server
 * takes one from its caller, who got it from the layer. Zero-initialise it.
 */
struct green_stream_wrap {
    /*
     * Makes a stream of a connected descriptor, with what the layer has to do
     * first, such as a handshake. `host` is the name that a client wants to
     * reach; NULL on the server's side.
     * Returns the stream, which now owns fd; or NULL with errno, and fd is
     * still the caller's. May switch.
     */
    struct green_stream *(*wrap)(int fd, const char *host, void *arg);
    /*
     * Returns the protocol on which the layers of both peers have agreed, such
     * as "h2"; NULL: none. Valid until the stream is closed. Never switches.
     * NULL: no layer agrees on any.
     */
    const char *(*protocol)(const struct green_stream *stream);
    void *arg;            /* passed to wrap */
    uint64_t reserved[4]; /* must be zero */
};

/*
 * Makes a plain stream of a descriptor, which stays the caller's to close, by
 * green_stream_close or green_close.
 * Returns 0, or -1: EINVAL for NULL. Never switches.
 */
GREEN_API int green_stream_init(struct green_stream *stream, int fd);

/* ---- Reading --------------------------------------------------------- */

/*
 * Like green_read. Returns the number of bytes; 0 at the end of the input; or
 * -1 with the errors of green_read and of the layer. Reading 0 bytes from a
 * layer returns 0. May switch.
 */
static inline ssize_t green_stream_read(struct green_stream *stream,
                                        void *bytes, size_t size)
{
    if (__builtin_expect(stream->ops != NULL, 0))
        return size ? stream->ops->read(stream, bytes, size) : 0;
    return green_read(stream->fd, bytes, size);
}

/*
 * Returns how many bytes can be read though the descriptor may not be readable:
 * what the layer has decoded. So look at it before you wait for the descriptor.
 * Always 0 for a plain stream. Never switches.
 */
static inline size_t green_stream_pending(const struct green_stream *stream)
{
    return stream->ops && stream->ops->pending ? stream->ops->pending(stream)
                                               : 0;
}

/*
 * Like green_read_full_counted: reads until the bytes is full or the input
 * ends, and stores the number of bytes in *done, also when it fails.
 * Returns 0, or -1: EINVAL for NULL, and the errors of green_stream_read. May
 * switch.
 */
GREEN_API int green_stream_read_full_counted(struct green_stream *stream,
                                             void *bytes, size_t size,
                                             size_t *done);

/*
 * Like green_read_full. Returns the number of bytes, less than size only at the
 * end of the input; or -1: EINVAL for NULL, and the errors of
 * green_stream_read. May switch.
 */
GREEN_API ssize_t green_stream_read_full(struct green_stream *stream,
                                         void *bytes, size_t size);

/*
 * Like green_reader_init, for a stream: the calls of the line reader then read
 * from it. They fail with EBADF once its descriptor is closed.
 * Returns 0, or -1: EINVAL for NULL or a size below 2. Never switches.
 */
GREEN_API int green_reader_init_stream(struct green_reader *reader,
                                       struct green_stream *stream,
                                       char *buffer, size_t size);

/* A buffer that the library lends. */
struct green_buffer {
    char *data;
    size_t size; /* bytes in it */
    struct {
        struct green_buffer *next; /* the library's */
        size_t room;
        void *reserved[2];
    } internal;
};

/*
 * Like green_stream_read, but waits without a buffer: when there is something to
 * read, it takes the buffer that was returned last in this OS thread, which is
 * the one most likely in the processor's cache, and lends it to the caller. So
 * idle connections need no buffers. A buffer has 2 KiB to 64 KiB, as the
 * stream's earlier reads have shown to be useful; the caller may write to those
 * of its bytes that hold data.
 * A layer that has got only part of what it decodes as a whole waits for the
 * rest with the buffer.
 * Returns the number of bytes, also in (*buffer)->size, and the caller must
 * return the buffer; 0 at the end of the input, or -1: EINVAL for NULL, ENOMEM,
 * and the errors of green_stream_read, and *buffer is NULL. May switch.
 */
GREEN_API ssize_t green_stream_lend(struct green_stream *stream,
                                    struct green_buffer **buffer);

/*
 * Returns a lent buffer; in the OS thread that it was lent in, and before that
 * OS thread ends. NULL is allowed. The OS thread keeps free buffers of up to 1
 * MiB until it ends. Leaves errno unchanged. Never switches.
 */
GREEN_API void green_buffer_return(struct green_buffer *buffer);

/* ---- Writing --------------------------------------------------------- */

/*
 * Like green_writev: writes all buffers unless an error occurs. Returns the
 * number of bytes; or -1 with the errors of green_writev and of the layer. May
 * switch.
 */
static inline ssize_t green_stream_writev(struct green_stream *stream,
                                          const struct iovec *iov, int count)
{
    if (__builtin_expect(stream->ops != NULL, 0))
        return stream->ops->writev(stream, iov, count);
    return green_writev(stream->fd, iov, count);
}

/*
 * Like green_write: writes the whole bytes unless an error occurs. Returns the
 * number of bytes; or -1 with the errors of green_write and of the layer. May
 * switch.
 */
static inline ssize_t green_stream_write(struct green_stream *stream,
                                         const void *bytes, size_t size)
{
    if (__builtin_expect(stream->ops != NULL, 0)) {
        struct iovec iov;

        iov.iov_base = (void *)(uintptr_t)bytes; /* writev only reads it */
        iov.iov_len = size;
        return stream->ops->writev(stream, &iov, 1);
    }
    return green_write(stream->fd, bytes, size);
}

/*
 * Like green_write_all_counted: writes the whole bytes, and stores the number
 * of bytes written in *done, also when it fails.
 * Returns 0, or -1: EINVAL for NULL, and the errors of green_stream_write. May
 * switch.
 */
GREEN_API int green_stream_write_all_counted(struct green_stream *stream,
                                             const void *bytes, size_t size,
                                             size_t *done);

/*
 * Like green_write_all: writes the whole bytes. Returns 0, or -1 with the
 * errors of green_stream_write. May switch.
 */
static inline int green_stream_write_all(struct green_stream *stream,
                                         const void *bytes, size_t size)
{
    size_t done;

    if (__builtin_expect(stream->ops != NULL, 0))
        return green_stream_write_all_counted(stream, bytes, size, &done);
    return green_write_all(stream->fd, bytes, size);
}

/*
 * Like green_sendfile: sends a file's bytes, up to `count` or the end of the
 * file. With offset, starts there and moves *offset; with NULL, uses the file's
 * own position. If the layer has no way of its own, the library reads the file
 * and writes it to the stream.
 * Returns the number of bytes; or -1: EINVAL for NULL, ESPIPE if a file has to
 * be read that has no position, ENOMEM, and the errors of green_sendfile,
 * green_pread and green_stream_writev. May switch.
 */
GREEN_API ssize_t green_stream_sendfile(struct green_stream *stream, int in_fd,
                                        off_t *offset, size_t count);

/* ---- From stream to stream --------------------------------------------- */

/*
 * Copies bytes until the input ends, through lent buffers; if much comes from a
 * plain stream and goes to one, and both are stream sockets or pipes, through a
 * pipe in the kernel (splice). Shuts down and closes neither stream.
 * copied  the number of bytes written so far, also when it fails; may be NULL.
 * Returns 0 at the end of the input; or -1: EINVAL for NULL, and the errors of
 * green_stream_lend and green_stream_write.
 * If it fails, or is killed or timed out, and had read what it could not write,
 * a plain stream has that back: the next reads of `from` as a stream return it.
 * So close it by green_stream_close then, which frees it. With a layer, up to 64
 * KiB are lost. May switch.
 */
GREEN_API int green_stream_copy(struct green_stream *from,
                                struct green_stream *to, uint64_t *copied);

/*
 * Copies in both directions at once, as green_stream_copy, until both inputs have
 * ended. When one does, it shuts the other stream down for writing (SHUT_WR) and
 * goes on with the other direction. If one direction fails, the other ends, too,
 * but if a peer takes nothing more (EPIPE, ECONNRESET in a write), what it has
 * sent is copied first. Both end if the caller is killed or timed out. Closes
 * neither stream.
 * Returns 0, or -1 with the first error: EINVAL for NULL, and those of
 * green_stream_copy, green_stream_shutdown and green_spawn. May switch.
 */
GREEN_API int green_stream_relay(struct green_stream *left,
                                 struct green_stream *right);

/* ---- The end --------------------------------------------------------- */

/*
 * Like green_shutdown; with SHUT_WR or SHUT_RDWR a layer first sends the peer
 * the end of the stream.
 * Returns 0, or -1: EINVAL for NULL or an unknown `how`, and the errors of
 * green_shutdown and of the layer. May switch if the stream is not plain.
 */
GREEN_API int green_stream_shutdown(struct green_stream *stream, int how);

/*
 * Closes the descriptor and frees what the layer has; the stream of a layer is
 * gone then, also if the call fails. It waits for no peer, but as green_close
 * may.
 * Returns 0, or -1: EINVAL for NULL, and the errors of green_close and of the
 * layer. May switch.
 */
GREEN_API int green_stream_close(struct green_stream *stream);

GREEN_END_DECLS

#endif
