/*
 * Green versions of POSIX calls: the same signatures and results as on a
 * blocking descriptor, but only the greenthread waits.
 *
 * Rules for all of them:
 * - They try the system call first and wait only if it would block.
 * - O_NONBLOCK: if the program has set it on a descriptor, calls fail with
 *   EAGAIN instead of waiting. The library does not change a descriptor's
 *   flags, with two exceptions: it makes listening sockets non-blocking, and
 *   green_connect and green_sendfile set O_NONBLOCK for the duration of one
 *   system call.
 * - SO_RCVTIMEO and SO_SNDTIMEO work as in the kernel: the call fails with
 *   EAGAIN.
 * - The library reads SO_RCVTIMEO, SO_SNDTIMEO and O_NONBLOCK before a wait. If
 *   a green call made the descriptor, the library reads them once and then
 *   notices only changes by green_setsockopt and green_fcntl. For other
 *   descriptors, and for those whose open file is shared through green_dup,
 *   SCM_RIGHTS or fork(2) (but not posix_spawn(3)), it reads them before each
 *   wait.
 * - FIFOs and terminals: no flag of a call keeps it from blocking on them. The
 *   library reopens them through /proc/self/fd for each such call; without
 *   /proc, or without permission, an OS thread of the thread pool makes the
 *   call.
 * - A write of at most PIPE_BUF bytes to a pipe or FIFO is never interleaved
 *   with other writes.
 * - Any number of greenthreads may wait for one descriptor: first come, first
 *   served.
 * - Writing to a socket whose peer has gone fails with EPIPE and raises no
 *   SIGPIPE. Writing to a pipe or FIFO without readers raises SIGPIPE.
 * - Regular files and block devices: if the hub carries out operations (uring),
 *   only the greenthread waits for the disk; otherwise the OS thread does.
 *   Calls that read or write at a descriptor's own position take turns.
 * - Close descriptors with green_close: calls that wait for the descriptor then
 *   fail with EBADF. A transfer stops if its descriptor is closed, even if the
 *   number is reused.
 * - A descriptor belongs to one OS thread's hub at a time.
 * - Calls may switch, unless their comment says otherwise. Those that may
 *   switch also fail with ECANCELED and ETIMEDOUT, as greenhub/thread.h says. A
 *   transfer that has begun returns the number of bytes done so far instead.
 */
#ifndef GREENHUB_IO_H
#define GREENHUB_IO_H

#include <greenhub/base.h>
#include <greenhub/hub.h>

#include <poll.h>
#include <sys/select.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/types.h>
#include <sys/uio.h>
#include <time.h>

GREEN_BEGIN_DECLS

struct mmsghdr; /* <sys/socket.h>, with _GNU_SOURCE */

/* ---- Reading and writing --------------------------------------------- */

/* read(2). May switch. */
GREEN_API ssize_t green_read(int fd, void *buffer, size_t size);
/* write(2), of the whole buffer unless an error occurs. May switch. */
GREEN_API ssize_t green_write(int fd, const void *buffer, size_t size);
/* readv(2). May switch. */
GREEN_API ssize_t green_readv(int fd, const struct iovec *iov, int count);
/* writev(2), of all buffers unless an error occurs. May switch. */
GREEN_API ssize_t green_writev(int fd, const struct iovec *iov, int count);
/* sendfile(2), of all bytes up to the end of the file. May switch. */
GREEN_API ssize_t green_sendfile(int out_fd, int in_fd, off_t *offset,
                                 size_t count);

/* ---- Messages -------------------------------------------------------- */

/* recv(2); MSG_WAITALL, MSG_PEEK and MSG_DONTWAIT work, too. May switch. */
GREEN_API ssize_t green_recv(int fd, void *buffer, size_t size, int flags);
/* recvfrom(2). May switch. */
GREEN_API ssize_t green_recvfrom(int fd, void *buffer, size_t size, int flags,
                                 struct sockaddr *address, socklen_t *length);
/* recvmsg(2). May switch. */
GREEN_API ssize_t green_recvmsg(int fd, struct msghdr *message, int flags);
/* send(2); on a stream, the whole buffer unless an error occurs. May switch. */
GREEN_API ssize_t green_send(int fd, const void *buffer, size_t size,
                             int flags);
/* sendto(2). May switch. */
GREEN_API ssize_t green_sendto(int fd, const void *buffer, size_t size,
                               int flags, const struct sockaddr *address,
                               socklen_t length);
/* sendmsg(2); on a stream, the whole message. May switch. */
GREEN_API ssize_t green_sendmsg(int fd, const struct msghdr *message,
                                int flags);
/*
 * recvmmsg(2): up to `count` messages, at most 1024; one system call for all
 * that are there. Waits until all have come, or with MSG_WAITFORONE only for
 * the first. It differs in the timeout, which also ends a wait: the call
 * returns what has come by then, or fails with EAGAIN if nothing has. A timeout
 * replaces SO_RCVTIMEO; afterwards it holds the time left. An error that comes
 * after a message is left for the next call. Also EINVAL for an invalid
 * timeout. May switch.
 */
GREEN_API int green_recvmmsg(int fd, struct mmsghdr *messages, unsigned count,
                             int flags, struct timespec *timeout);
/*
 * sendmmsg(2): at most 1024 messages; on a stream, each of them whole. Returns
 * the number of messages sent, less than `count` if one could not be sent after
 * the first, or if a kill or a timeout ended the wait. May switch.
 */
GREEN_API int green_sendmmsg(int fd, struct mmsghdr *messages, unsigned count,
                             int flags);

/* ---- Sockets, pipes and their numbers -------------------------------- */

/* socket(2). Never switches. */
GREEN_API int green_socket(int domain, int type, int protocol);
/* socketpair(2). Never switches. */
GREEN_API int green_socketpair(int domain, int type, int protocol, int fds[2]);
/* pipe2(2). Never switches. */
GREEN_API int green_pipe2(int fds[2], int flags);
/* accept(2). May switch. */
GREEN_API int green_accept(int fd, struct sockaddr *address, socklen_t *length);
/* accept4(2). May switch. */
GREEN_API int green_accept4(int fd, struct sockaddr *address, socklen_t *length,
                            int flags);
/*
 * connect(2). If a kill or a timeout interrupts it, it continues in the
 * background, as POSIX specifies for EINTR: close the socket. May switch.
 */
GREEN_API int green_connect(int fd, const struct sockaddr *address,
                            socklen_t length);
/* shutdown(2). Never switches. */
GREEN_API int green_shutdown(int fd, int how);
/*
 * close(2). Greenthreads that wait for the descriptor get EBADF.
 * May switch only if SO_LINGER is set with a time above 0: an OS thread of the
 * thread pool then waits for the peer. If the caller is killed or timed out
 * during that wait, the call fails with ECANCELED or ETIMEDOUT, and the
 * descriptor is closed.
 */
GREEN_API int green_close(int fd);
/* dup(2). Never switches. */
GREEN_API int green_dup(int fd);
/*
 * dup2(2). Greenthreads that wait for to_fd get EBADF. Like dup2(2), it ignores
 * errors of closing to_fd: if the caller is killed or timed out during that, the
 * call succeeds, and the next one that would block fails. May switch as
 * green_close(to_fd) may.
 */
GREEN_API int green_dup2(int fd, int to_fd);
/* dup3(2). Like green_dup2. May switch. */
GREEN_API int green_dup3(int fd, int to_fd, int flags);
/*
 * fcntl(2). F_SETFL takes effect at once. Takes at most one further argument,
 * no larger than a pointer. Never switches: locks (F_SETLKW) block the OS
 * thread.
 */
GREEN_API int green_fcntl(int fd, int command, ...);
/*
 * setsockopt(2). SO_RCVTIMEO and SO_SNDTIMEO take effect at once. Never
 * switches.
 */
GREEN_API int green_setsockopt(int fd, int level, int name, const void *value,
                               socklen_t length);

/* ---- Files ----------------------------------------------------------- */

/*
 * If the hub carries out operations (uring), only the greenthread waits.
 * Otherwise these are the plain calls, which block the OS thread.
 */

/*
 * open(2). For a FIFO, the hub or an OS thread of the thread pool waits for its
 * other end. May switch.
 */
GREEN_API int green_open(const char *path, int flags, ...);
/* openat(2). Like green_open. May switch. */
GREEN_API int green_openat(int folder, const char *path, int flags, ...);
/* pread(2), of a file. May switch. */
GREEN_API ssize_t green_pread(int fd, void *buffer, size_t size, off_t offset);
/* pwrite(2), of a file. May switch. */
GREEN_API ssize_t green_pwrite(int fd, const void *buffer, size_t size,
                               off_t offset);
/* fsync(2). May switch. */
GREEN_API int green_fsync(int fd);
/* fdatasync(2). May switch. */
GREEN_API int green_fdatasync(int fd);
/* stat(2). May switch. */
GREEN_API int green_stat(const char *path, struct stat *status);
/* fstat(2). Never switches: it reads nothing from the disk. */
GREEN_API int green_fstat(int fd, struct stat *status);

/* ---- Waiting --------------------------------------------------------- */

/* poll(2). Also fails with ENOMEM. May switch. */
GREEN_API int green_poll(struct pollfd *fds, nfds_t count, int timeout_ms);
/* select(2), for sets of any size: nfds may exceed FD_SETSIZE. May switch. */
GREEN_API int green_select(int nfds, fd_set *readable, fd_set *writable,
                           fd_set *exceptional, struct timeval *timeout);
/*
 * Waits until a descriptor is readable (GREEN_READ) or writable (GREEN_WRITE);
 * if events contains both, until it is either.
 * deadline  absolute, as from green_after. GREEN_FOREVER: no limit. In the
 *           past, such as 0: check only, do not wait.
 * Returns the requested events for which it is ready, plus GREEN_ERROR and
 * GREEN_HANGUP where they apply; or -1: EAGAIN if it is not ready by the
 * deadline, EINVAL for no or unknown events, EBADF if it is not open or is
 * closed during the wait, ENOMEM, ENOSPC. A file is always ready. May switch.
 */
GREEN_API int green_wait(int fd, unsigned events, green_time deadline);
/* nanosleep(2). May switch. */
GREEN_API int green_nanosleep(const struct timespec *duration,
                              struct timespec *remaining);

/* ---- Helpers --------------------------------------------------------- */

/*
 * Writes the whole buffer.
 * Returns 0, or -1 with the errors of green_write. To learn how much was
 * written before an error, use green_write_all_counted. May switch.
 */
GREEN_API int green_write_all(int fd, const void *buffer, size_t size);

/*
 * Like green_write_all, and stores the number of bytes written in *done, also
 * when it fails.
 * Returns 0, or -1: EINVAL if done is NULL, and the errors of green_write. May
 * switch.
 */
GREEN_API int green_write_all_counted(int fd, const void *buffer, size_t size,
                                      size_t *done);

/*
 * Reads until the buffer is full or the input ends.
 * Returns the number of bytes, less than size only at the end of the input; or
 * -1 with the errors of green_read. Bytes read before an error are in the
 * buffer; to learn how many, use green_read_full_counted. May switch.
 */
GREEN_API ssize_t green_read_full(int fd, void *buffer, size_t size);

/*
 * Like green_read_full, and stores the number of bytes read in *done, also when
 * it fails. Without an error, *done is less than size only at the end of the
 * input.
 * Returns 0, or -1: EINVAL if done is NULL, and the errors of green_read. May
 * switch.
 */
GREEN_API int green_read_full_counted(int fd, void *buffer, size_t size,
                                      size_t *done);

struct green_stream; /* greenhub/stream.h */

/*
 * Reads lines through a buffer that the caller owns. Initialise it with
 * green_reader_init; it needs no clean-up.
 */
struct green_reader {
    int fd;
    char *buffer;
    size_t size;
    struct {
        size_t start, end; /* the library's */
        struct green_stream *stream;
        void *reserved[1];
    } internal;
};

/*
 * Prepares a reader of fd. For a reader of a stream, see
 * green_reader_init_stream. A line may have size - 1 bytes, its '\n' not counted.
 * Returns 0, or -1: EINVAL for NULL or a size below 2. Never switches.
 */
GREEN_API int green_reader_init(struct green_reader *reader, int fd,
                                char *buffer, size_t size);

/*
 * Reads the next line. *line points to it until the next call, with its '\n'
 * replaced by '\0'; a '\r' before that is kept. The last line need not end in
 * '\n'. *length is the line's number of bytes without the '\n', so 0 for an
 * empty line; length may be NULL.
 * Returns 1 for a line; 0 at the end of the input; or -1: EINVAL if reader or
 * line is NULL, EMSGSIZE if the line does not fit, and the errors of
 * green_read. After EMSGSIZE, read the line in pieces with green_reader_read or
 * drop it with green_reader_skip_line. With 0 and -1, *line and *length are
 * unchanged. May switch.
 */
GREEN_API int green_read_line(struct green_reader *reader, char **line,
                              size_t *length);

/*
 * Drops the unread rest of the current line, however long it is, and its '\n'.
 * After EMSGSIZE that is the whole line; after green_reader_read, its rest;
 * after green_read_line has returned a line, the line that follows.
 * Returns 1 at the end of a line; 0 if the input ended first; or -1: EINVAL for
 * NULL, and the errors of green_read. After an error, call it again to
 * continue: bytes already dropped stay dropped. May switch.
 */
GREEN_API int green_reader_skip_line(struct green_reader *reader);

/*
 * Reads like green_read, but takes buffered bytes first. May switch.
 */
GREEN_API ssize_t green_reader_read(struct green_reader *reader, void *buffer,
                                    size_t size);

GREEN_END_DECLS

#endif
