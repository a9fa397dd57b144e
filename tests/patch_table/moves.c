/* splice, tee, vmsplice; preadv2 and pwritev2. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#include "table.h"

static int tube[2]; /* a second pipe */

static void make_tube(void)
{
    needs(pipe(tube) == 0, "descriptors");
    begin();
}

static void fill_tube(void)
{
    int before[2] = {ends[0], ends[1]};

    ends[1] = tube[1];
    fill();
    ends[0] = before[0];
    ends[1] = before[1];
}

static void says_tube(void)
{
    ssize_t n = read(tube[0], buffer, sizeof buffer);

    say("%ld %.*s", (long)n, n > 0 && n < 16 ? (int)n : 0, buffer);
}

/* ---- splice ------------------------------------------------------------------- */

static ssize_t moves(int in, int out, size_t size, unsigned flags)
{
    ssize_t n = splice(in, NULL, out, NULL, size, flags);

    said(n);
    return n;
}

static void splice_errors(void)
{
    off64_t offset = 0;

    make_tube();
    unix_ends();
    moves(-1, tube[1], 3, 0);
    moves(ends[0], -1, 3, 0);
    moves(ends[0], ends[1], 3, 0);
    moves(ends[0], tube[0], 3, 0);
    moves(ends[0], tube[1], 0, 0);
    moves(ends[0], tube[1], 3, SPLICE_F_NONBLOCK);
    moves(tube[0], ends[1], 3, SPLICE_F_NONBLOCK);
    moves(tube[0], tube[1], 3, 0);
    said(splice(tube[0], &offset, ends[1], NULL, 3, 0));
    moves(ends[0], tube[1], 3, 1 << 20);
}

static void splice_there(void)
{
    make_tube();
    unix_ends();
    write_abc();
    moves(ends[0], tube[1], 100, 0);
    says_tube();
    if (write(tube[1], "xy", 2) != 2)
        abort();
    moves(tube[0], ends[1], 100, 0);
    said(read(ends[0], buffer, 100));
}

static void splice_file(void)
{
    off64_t offset = 1;
    int file = file_with("abcdef");

    make_tube();
    said(splice(file, &offset, tube[1], NULL, 3, 0));
    say("%d", (int)offset);
    says_tube();
    moves(file, tube[1], 100, 0);
    says_tube();
    moves(file, tube[1], 100, 0);
}

static void splice_nonblocking(void)
{
    make_tube();
    unix_ends();
    fcntl(ends[0], F_SETFL, O_NONBLOCK);
    begin();
    moves(ends[0], tube[1], 3, 0);
    fcntl(tube[1], F_SETFL, O_NONBLOCK);
    pipe_ends();
    moves(ends[0], tube[1], 3, 0);
    say("%d", (fcntl(ends[0], F_GETFL) & O_NONBLOCK) != 0);
}

static void splice_later(void)
{
    make_tube();
    unix_ends();
    later(write_abc);
    moves(ends[0], tube[1], 100, 0);
    says_tube();
    say("%d", (fcntl(ends[0], F_GETFL) & O_NONBLOCK) != 0);
}

static void splice_later_of_tcp(void)
{
    make_tube();
    tcp_ends();
    later(write_abc);
    moves(ends[0], tube[1], 100, 0);
    says_tube();
}

static void splice_later_of_pipe(void)
{
    make_tube();
    pipe_ends();
    later(write_abc);
    moves(ends[0], tube[1], 100, 0);
    says_tube();
}

static void splice_end_later(void)
{
    make_tube();
    unix_ends();
    later(close_writer);
    moves(ends[0], tube[1], 100, 0);
}

static void drain_tube(void)
{
    if (read(tube[0], buffer, sizeof buffer) <= 0)
        abort();
}

static void splice_room_later(void)
{
    make_tube();
    unix_ends();
    fill_tube();
    write_abc();
    later(drain_tube);
    moves(ends[0], tube[1], 100, 0);
}

static void splice_room_in_socket_later(void)
{
    make_tube();
    unix_ends();
    if (write(tube[1], "xy", 2) != 2)
        abort();
    fill();
    later(drain);
    moves(tube[0], ends[1], 100, 0);
}

static void splice_nobody_reads(void)
{
    make_tube();
    unix_ends();
    if (write(tube[1], "xy", 2) != 2)
        abort();
    close(ends[0]);
    begin();
    moves(tube[0], ends[1], 100, 0);
    pipe_ends();
    close(ends[0]);
    begin();
    moves(tube[0], ends[1], 100, 0);
}

static void splice_closed(void)
{
    make_tube();
    unix_ends();
    later(close_reader);
    moves(ends[0], tube[1], 100, 0);
}

/* ---- tee and vmsplice ----------------------------------------------------------- */

static void tee_pipes(void)
{
    make_tube();
    pipe_ends();
    said(tee(-1, tube[1], 3, 0));
    said(tee(ends[0], tube[1], 3, SPLICE_F_NONBLOCK));
    said(tee(ends[0], tube[0], 3, 0));
    write_abc();
    said(tee(ends[0], tube[1], 100, 0));
    says_tube();
    said(read(ends[0], buffer, 100));
    close(ends[1]);
    begin();
    said(tee(ends[0], tube[1], 100, 0));
}

static void tee_later(void)
{
    make_tube();
    pipe_ends();
    later(write_abc);
    said(tee(ends[0], tube[1], 100, 0));
    says_tube();
}

static void vmsplice_pipes(void)
{
    struct iovec part = {(char[]){"abc"}, 3}, into = {buffer, 8};

    make_tube();
    said(vmsplice(-1, &part, 1, 0));
    said(vmsplice(tube[0], &into, 1, SPLICE_F_NONBLOCK));
    said(vmsplice(tube[1], &part, 1, 0));
    said(vmsplice(tube[0], &into, 1, 0));
    say("%.3s", buffer);
    unix_ends();
    said(vmsplice(ends[1], &part, 1, 0));
}

static void vmsplice_later(void)
{
    struct iovec part = {buffer, 3};

    pipe_ends();
    fill();
    later(drain);
    said(vmsplice(ends[1], &part, 1, 0));
}

static void vmsplice_from_pipe_later(void)
{
    struct iovec part = {buffer, 3};

    pipe_ends();
    later(write_abc);
    said(vmsplice(ends[0], &part, 1, 0));
}

/* ---- preadv2 and pwritev2 ------------------------------------------------------- */

typedef ssize_t vector_call(int fd, const struct iovec *iov, int count,
                            off_t offset, int flags);

static const struct call readers[] = {
    {"preadv2", (function *)preadv2},
    {"preadv64v2", (function *)preadv64v2},
};
static const struct call writers[] = {
    {"pwritev2", (function *)pwritev2},
    {"pwritev64v2", (function *)pwritev64v2},
};

static void transfers(int fd, void *bytes, size_t size, off_t offset, int flags)
{
    struct iovec part = {bytes, size};

    said(((vector_call *)subject)(fd, &part, 1, offset, flags));
}

static void read_errors(void)
{
    transfers(-1, buffer, 3, -1, 0);
    unix_ends();
    transfers(ends[0], buffer, 3, 0, 0);
    transfers(ends[0], buffer, 3, -2, 0);
    transfers(ends[0], buffer, 3, -1, 1 << 20);
    transfers(ends[0], buffer, 3, -1, RWF_NOWAIT);
    pipe_ends();
    transfers(ends[0], buffer, 3, -1, RWF_NOWAIT);
}

static void read_there(void)
{
    int file = file_with("abcdef");

    transfers(file, buffer, 3, 2, 0);
    say("%.3s", buffer);
    transfers(file, buffer, 4, -1, 0);
    say("%.4s", buffer);
    transfers(file, buffer, 4, -1, RWF_HIPRI);
    say("%.2s", buffer);
    transfers(file, buffer, 4, -1, 0);
}

static void read_later(void)
{
    unix_ends();
    later(write_abc);
    transfers(ends[0], buffer, 100, -1, 0);
    say("%.3s", buffer);
}

static void read_later_with_flags(void)
{
    pipe_ends();
    later(write_abc);
    transfers(ends[0], buffer, 100, -1, RWF_HIPRI);
    say("%.3s", buffer);
}

static void write_errors(void)
{
    transfers(-1, buffer, 3, -1, 0);
    unix_ends();
    transfers(ends[1], buffer, 3, 0, 0);
    transfers(ends[1], buffer, 3, -1, 1 << 20);
    fill();
    transfers(ends[1], buffer, 3, -1, RWF_NOWAIT);
    close(ends[0]);
    begin();
    transfers(ends[1], buffer, 3, -1, 0);
}

static void write_there(void)
{
    int file = file_with("abcdef");

    transfers(file, "XY", 2, 2, 0);
    transfers(file, "12", 2, -1, RWF_DSYNC);
    transfers(file, "34", 2, 0, RWF_APPEND);
    memset(buffer, 0, 16);
    said(pread(file, buffer, 16, 0));
    say("%s", buffer);
}

static void write_later(void)
{
    unix_ends();
    fill();
    later(drain);
    transfers(ends[1], buffer, 100, -1, 0);
}

static const struct row rows[] = {
    {"splice", "errors", splice_errors},
    {"splice", "bytes are there", splice_there},
    {"splice", "a file", splice_file},
    {"splice", "non-blocking", splice_nonblocking},
    {"splice", "bytes later", splice_later, BLOCKS},
    {"splice", "bytes later, TCP", splice_later_of_tcp, BLOCKS},
    {"splice", "bytes later, pipe", splice_later_of_pipe, BLOCKS},
    {"splice", "the end later", splice_end_later, BLOCKS},
    {"splice", "room later", splice_room_later, BLOCKS},
    {"splice", "room in a socket later", splice_room_in_socket_later, BLOCKS},
    {"splice", "nobody reads", splice_nobody_reads},
    {"splice", "closed meanwhile", splice_closed, GREEN_ONLY, "-1 EBADF"},
    {"tee", "pipes", tee_pipes},
    {"tee", "bytes later", tee_later, BLOCKS},
    {"vmsplice", "pipes", vmsplice_pipes},
    {"vmsplice", "room later", vmsplice_later, BLOCKS},
    {"vmsplice", "bytes later", vmsplice_from_pipe_later, BLOCKS},
};

static const struct row reader_rows[] = {
    {"", "errors", read_errors},
    {"", "bytes are there", read_there},
    {"", "bytes later", read_later, BLOCKS},
    {"", "bytes later, a flag", read_later_with_flags, BLOCKS},
};

static const struct row writer_rows[] = {
    {"", "errors", write_errors},
    {"", "a file", write_there},
    {"", "room later", write_later, BLOCKS},
};

void add_moves(void)
{
    add_rows(rows, COUNT(rows));
    add_product(readers, COUNT(readers), reader_rows, COUNT(reader_rows));
    add_product(writers, COUNT(writers), writer_rows, COUNT(writer_rows));
}
