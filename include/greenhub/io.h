/*
 * Green mirrors of POSIX: the same signatures and results as on a blocking
 * descriptor, but only the greenthread waits.
 *
 * What holds for all of them:
 * - They try the system call first and wait only when it would block.
 * - A descriptor with O_NONBLOCK set by the user fails with EAGAIN, as asked.
 *   The library itself leaves a descriptor's flags as they are, but for
 *   listening sockets, which it makes non-blocking; green_connect and
 *   green_sendfile set O_NONBLOCK for the length of one system call.
 * - SO_RCVTIMEO and SO_SNDTIMEO are obeyed (EAGAIN, as in the kernel). They and
 *   O_NONBLOCK are looked up before a wait: once for a descriptor that a green
 *   call made, after which green_setsockopt and green_fcntl change them; before
 *   each wait for one from elsewhere, and for one whose open file is shared, by
 *   green_dup, SCM_RIGHTS or fork(2) (but not posix_spawn(3)).
 * - What no flag of a call keeps from blocking, FIFOs and terminals, is opened
 *   anew by /proc/self/fd for one call; without /proc, or permission, an OS thread
 *   of the thread pool makes the call. A write of at most PIPE_BUF bytes to a pipe
 *   or FIFO is never mixed with others'.
 * - Any number of greenthreads may wait for one descriptor; first come, first
 *   served.
 * - Writing to a socket whose peer has gone fails with EPIPE and raises no
 *   SIGPIPE. Writing to a pipe or FIFO without readers raises it.
 * - Regular files and block devices: a hub that carries out operations (uring)
 *   waits for the disk, and the greenthread for the hub; with another one the OS
 *   thread waits for the disk. Calls that read or write at a descriptor's own
 *   position take turns.
 * - Close with green_close: it wakes all who wait, with EBADF. A transfer
 *   stops if its descriptor is closed, even if the number is reused.
 * - A descriptor belongs to one OS thread's hub at a time.
 * - They may switch, unless their comment says otherwise, and then fail as
 *   greenhub/thread.h says, with ECANCELED and ETIMEDOUT. A transfer that was
 *   begun returns the number of bytes done so far instead.
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

/* ---- Reading and writing --------------------------------------------- */

/* read(2). May switch. */
GREEN_API ssize_t green_read(int fd, void *buffer, size_t size);
/* write(2): all of it, unless an error intervenes. May switch. */
GREEN_API ssize_t green_write(int fd, const void *buffer, size_t size);
/* readv(2). May switch. */
GREEN_API ssize_t green_readv(int fd, const struct iovec *iov, int count);
/* writev(2): all of it, unless an error intervenes. May switch. */
GREEN_API ssize_t green_writev(int fd, const struct iovec *iov, int count);
/* sendfile(2): all of it, up to the end of the file. May switch. */
GREEN_API ssize_t green_sendfile(int out_fd, int in_fd, off_t *offset,
                                 size_t count);

/* ---- Messages -------------------------------------------------------- */

/* recv(2), MSG_WAITALL, MSG_PEEK and MSG_DONTWAIT included. May switch. */
GREEN_API ssize_t green_recv(int fd, void *buffer, size_t size, int flags);
/* recvfrom(2). May switch. */
GREEN_API ssize_t green_recvfrom(int fd, void *buffer, size_t size, int flags,
                                 struct sockaddr *address, socklen_t *length);
/* recvmsg(2). May switch. */
GREEN_API ssize_t green_recvmsg(int fd, struct msghdr *message, int flags);
/* send(2): on a stream all of it, unless an error intervenes. May switch. */
GREEN_API ssize_t green_send(int fd, const void *buffer, size_t size,
                             int flags);
/* sendto(2). May switch. */
GREEN_API ssize_t green_sendto(int fd, const void *buffer, size_t size,
                               int flags, const struct sockaddr *address,
                               socklen_t length);
/* sendmsg(2): on a stream all of it. May switch. */
GREEN_API ssize_t green_sendmsg(int fd, const struct msghdr *message,
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
/* connect(2). Interrupted by a kill or a timeout it goes on in the background,
 * as POSIX says of EINTR: close the socket. May switch. */
GREEN_API int green_connect(int fd, const struct sockaddr *address,
                            socklen_t length);
/* shutdown(2). Never switches. */
GREEN_API int green_shutdown(int fd, int how);
/*
 * close(2). Greenthreads that wait for it get EBADF. May switch with SO_LINGER only,
 * while a thread of the thread pool waits for the peer; killed or timed out
 * meanwhile it fails with ECANCELED or ETIMEDOUT, and the descriptor is closed.
 */
GREEN_API int green_close(int fd);
/* dup(2). Never switches. */
GREEN_API int green_dup(int fd);
/* dup2(2). Greenthreads that wait for to_fd get EBADF. May switch as green_close of
 * to_fd may. */
GREEN_API int green_dup2(int fd, int to_fd);
/* dup3(2). The same. May switch. */
GREEN_API int green_dup3(int fd, int to_fd, int flags);
/* fcntl(2): F_SETFL is noticed at once. One argument at most, as large as a
 * pointer. Never switches; locks (F_SETLKW) block the OS thread. */
GREEN_API int green_fcntl(int fd, int command, ...);
/* setsockopt(2): SO_RCVTIMEO and SO_SNDTIMEO are noticed at once. Never
 * switches. */
GREEN_API int green_setsockopt(int fd, int level, int name, const void *value,
                               socklen_t length);

/* ---- Files ----------------------------------------------------------- */

/*
 * On a hub that carries out operations (uring) the greenthread alone waits;
 * elsewhere they are the plain calls, which block the OS thread.
 */

/* open(2). For a FIFO the hub, or a thread of the thread pool, waits for its other
 * end. May switch. */
GREEN_API int green_open(const char *path, int flags, ...);
/* openat(2). The same. May switch. */
GREEN_API int green_openat(int folder, const char *path, int flags, ...);
/* pread(2), of a file. May switch. */
GREEN_API ssize_t green_pread(int fd, void *buffer, size_t size, off_t offset);
/* pwrite(2), of a file. May switch. */
GREEN_API ssize_t green_pwrite(int fd, const void *buffer, size_t size,
                               off_t offset);
/* fsync(2). May switch. */
GREEN_API int green_fsync(int fd);
/* fdatasync(2). The same. May switch. */
GREEN_API int green_fdatasync(int fd);
/* stat(2). May switch. */
GREEN_API int green_stat(const char *path, struct stat *status);
/* fstat(2). Never switches: nothing is read for it. */
GREEN_API int green_fstat(int fd, struct stat *status);

/* ---- Waiting --------------------------------------------------------- */

/* poll(2). May switch. Besides its errors ENOMEM. */
GREEN_API int green_poll(struct pollfd *fds, nfds_t count, int timeout_ms);
/* select(2), for sets of any size: nfds may be over FD_SETSIZE. May switch. */
GREEN_API int green_select(int nfds, fd_set *readable, fd_set *writable,
                           fd_set *exceptional, struct timeval *timeout);
/*
 * Waits until a descriptor can be read (GREEN_READ) or written (GREEN_WRITE), or
 * either if both are asked for.
 * deadline  absolute, as green_after gives it; GREEN_FOREVER: none; one in the
 *           past, such as 0: looks, and does not wait
 * Returns those of the events that it is ready for, with GREEN_ERROR and
 * GREEN_HANGUP if so; or -1: EAGAIN if it is not by the deadline, EINVAL for no or
 * unknown events, EBADF if it is not open or was closed meanwhile, ENOMEM, ENOSPC.
 * A file is always ready. May switch.
 */
GREEN_API int green_wait(int fd, unsigned events, green_time deadline);
/* nanosleep(2). May switch. */
GREEN_API int green_nanosleep(const struct timespec *duration,
                              struct timespec *remaining);

/* ---- Helpers --------------------------------------------------------- */

/*
 * Writes all of it. Returns 0, or -1 with errno as green_write; how much was
 * written before is told by green_write_all_counted. May switch.
 */
GREEN_API int green_write_all(int fd, const void *buffer, size_t size);

/*
 * The same. *done is the number of bytes written, also when it fails.
 * Returns 0, or -1: EINVAL if done is NULL, errors as green_write. May switch.
 */
GREEN_API int green_write_all_counted(int fd, const void *buffer, size_t size,
                                      size_t *done);

/*
 * Reads until the buffer is full or the input ends. Returns the number of bytes,
 * less than size only at the end; or -1 with errno as green_read, and what was
 * read before is in the buffer: green_read_full_counted tells how much. May
 * switch.
 */
GREEN_API ssize_t green_read_full(int fd, void *buffer, size_t size);

/*
 * The same. *done is the number of bytes read, also when it fails; without an
 * error less than size only at the end of the input.
 * Returns 0, or -1: EINVAL if done is NULL, errors as green_read. May switch.
 */
GREEN_API int green_read_full_counted(int fd, void *buffer, size_t size,
                                      size_t *done);

/*
 * Reads lines through a buffer of the caller's. Initialise it with
 * green_reader_init; it holds nothing that needs to be released.
 */
struct green_reader {
    int fd;
    char *buffer;
    size_t size;
    struct {
        size_t start, end; /* the library's */
        void *reserved[2];
    } internal;
};

/*
 * Prepares a reader of fd with a buffer that bounds the length of a line.
 * Returns 0, or -1 and EINVAL: NULL or a size under 2. Never switches.
 */
GREEN_API int green_reader_init(struct green_reader *reader, int fd,
                                char *buffer, size_t size);

/*
 * The next line, in *line until the next call: its '\n' replaced by '\0', a '\r'
 * before it left. The last line need not end in '\n'. *length is the number of its
 * bytes without the '\n', so 0 for an empty line; length may be NULL.
 * Returns 1 for a line; 0 at the end of the input; or -1: EINVAL if reader or line
 * is NULL, EMSGSIZE if the line does not fit (green_reader_read gives it in pieces,
 * green_reader_skip_line drops it), errors as green_read. With 0 and -1 *line and
 * *length are left alone. May switch.
 */
GREEN_API int green_read_line(struct green_reader *reader, char **line,
                              size_t *length);

/*
 * Drops what has not been read of the current line, however long it is, and its
 * '\n': the whole line after EMSGSIZE, the rest after green_reader_read. After
 * green_read_line has given a line, the current one is the next.
 * Returns 1 when the end of a line was passed; 0 when the input ended first; or
 * -1: EINVAL for NULL, errors as green_read. What was dropped before an error
 * stays dropped: called again, it goes on. May switch.
 */
GREEN_API int green_reader_skip_line(struct green_reader *reader);

/*
 * Reads like green_read, what the reader has buffered first. May switch.
 */
GREEN_API ssize_t green_reader_read(struct green_reader *reader, void *buffer,
                                    size_t size);

GREEN_END_DECLS

#endif
