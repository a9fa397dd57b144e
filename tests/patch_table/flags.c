/* fcntl, ioctl, setsockopt. */
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "table.h"

/* ---- fcntl --------------------------------------------------------------- */

typedef int controller(int fd, int command, ...);

static const struct call calls[] = {
    {"fcntl", (function *)fcntl},
    {"fcntl64", (function *)fcntl64},
};

static int controls(int fd, int command, long argument)
{
    return ((controller *)subject)(fd, command, argument);
}

static void status_flags(void)
{
    unix_ends();
    said(controls(ends[0], F_GETFL, 0));
    said(controls(ends[0], F_SETFL, O_NONBLOCK | O_ASYNC));
    said(controls(ends[0], F_GETFL, 0));
    said(controls(ends[0], F_SETFL, O_RDONLY | O_CREAT | O_EXCL));
    said(controls(ends[0], F_GETFL, 0));
    pipe_ends();
    said(controls(ends[1], F_SETFL, O_NONBLOCK));
    said(controls(ends[1], F_GETFL, 0));
    said(controls(ends[1], F_SETFL, O_DIRECT));
    said(controls(ends[1], F_GETFL, 0));
}

static void descriptor_flags(void)
{
    unix_ends();
    said(controls(ends[0], F_GETFD, 0));
    said(controls(ends[0], F_SETFD, FD_CLOEXEC));
    said(controls(ends[0], F_GETFD, 0));
    said(controls(ends[0], F_SETFD, 0));
    said(controls(ends[0], F_GETFD, 0));
}

static void duplicates(void)
{
    int one, two;

    pipe_ends();
    one = controls(ends[0], F_DUPFD, 100);
    said(one);
    two = controls(ends[0], F_DUPFD_CLOEXEC, 100);
    said(two);
    said(controls(one, F_GETFD, 0));
    said(controls(two, F_GETFD, 0));
    write_abc();
    begin();
    said(read(one, buffer, 2));
    said(read(two, buffer, 2));
    said(controls(ends[0], F_DUPFD, -1));
    said(controls(ends[0], F_DUPFD, 1 << 30));
    said(controls(-1, F_DUPFD, 0));
}

static void control_errors(void)
{
    unix_ends();
    said(controls(-1, F_GETFL, 0));
    said(controls(-1, F_GETFD, 0));
    said(controls(-1, F_SETFL, 0));
    said(controls(ends[0], 9999, 0));
    said(controls(ends[0], -1, 0));
    said(controls(ends[0], F_GETLK, 0));
    said(controls(ends[0], F_SETPIPE_SZ, 4096));
}

static void locks(void)
{
    struct flock lock = {.l_type = F_WRLCK, .l_len = 10};
    int fd = file_with("abc");

    said(controls(fd, F_SETLK, (long)&lock));
    said(controls(fd, F_SETLKW, (long)&lock));
    said(controls(fd, F_GETLK, (long)&lock));
    say("%d %d", lock.l_type, lock.l_pid);
    lock = (struct flock){.l_type = F_RDLCK, .l_start = -1};
    said(controls(fd, F_SETLK, (long)&lock));
    lock = (struct flock){.l_type = F_RDLCK};
    said(controls(fd, F_OFD_SETLK, (long)&lock));
    said(controls(fd, F_OFD_GETLK, (long)&lock));
    said(controls(fd, F_SETLK, 1));
}

static void owners_and_sizes(void)
{
    struct f_owner_ex owner = {0};

    pipe_ends();
    said(controls(ends[0], F_GETOWN, 0));
    said(controls(ends[0], F_GETOWN_EX, (long)&owner));
    said(controls(ends[0], F_SETSIG, 0));
    said(controls(ends[0], F_SETPIPE_SZ, 8192));
    said(controls(ends[0], F_GETPIPE_SZ, 0));
    said(controls(ends[0], F_ADD_SEALS, 1));
}

static void again_nonblocking(void)
{
    unix_ends();
    controls(ends[0], F_SETFL, O_NONBLOCK);
    begin();
    said(read(ends[0], buffer, 1));
    controls(ends[0], F_SETFL, 0);
    later(write_abc);
    said(read(ends[0], buffer, 8));
    controls(dup(ends[0]), F_SETFL, O_NONBLOCK);
    begin();
    said(read(ends[0], buffer, 8));
}

static const struct row control_rows[] = {
    {"", "status flags", status_flags},
    {"", "descriptor flags", descriptor_flags},
    {"", "duplicates", duplicates},
    {"", "errors", control_errors},
    {"", "locks", locks},
    {"", "owners and sizes", owners_and_sizes},
    {"", "non-blocking and back", again_nonblocking},
};

/* ---- ioctl --------------------------------------------------------------- */

static void device_errors(void)
{
    int on = 1;

    unix_ends();
    said(ioctl(-1, FIONBIO, &on));
    said(ioctl(-1, FIONREAD, &on));
    said(ioctl(ends[0], FIONBIO, NULL));
    said(ioctl(ends[0], FIONBIO, (void *)1));
    said(ioctl(ends[0], FIONREAD, NULL));
    said(ioctl(ends[0], TIOCGWINSZ, buffer));
    said(ioctl(ends[0], 0));
    said(ioctl(ends[0], 0xffffffff, 1));
}

static void bytes_to_read(void)
{
    int count = -1;

    unix_ends();
    write_abc();
    begin();
    said(ioctl(ends[0], FIONREAD, &count));
    say("%d", count);
}

static void nonblocking_by_device(void)
{
    int on = 7, off = 0;

    pipe_ends();
    said(ioctl(ends[0], FIONBIO, &on));
    say("%x", (unsigned)fcntl(ends[0], F_GETFL));
    said(read(ends[0], buffer, 1));
    said(ioctl(ends[0], FIONBIO, &off));
    say("%x", (unsigned)fcntl(ends[0], F_GETFL));
    later(write_abc);
    said(read(ends[0], buffer, 8));
    said(ioctl(dup(ends[0]), FIONBIO, &on));
    said(read(ends[0], buffer, 8));
}

static void close_on_exec(void)
{
    unix_ends();
    said(ioctl(ends[0], FIOCLEX));
    say("%x", (unsigned)fcntl(ends[0], F_GETFD));
    said(ioctl(ends[0], FIONCLEX));
    say("%x", (unsigned)fcntl(ends[0], F_GETFD));
}

/* ---- setsockopt ---------------------------------------------------------- */

static int sets(int name, const void *value, socklen_t length)
{
    return setsockopt(ends[0], SOL_SOCKET, name, value, length);
}

static void option_errors(void)
{
    const struct timeval wrong = {0, 1000000}, negative = {-1, 0};
    int on = 1;

    pipe_ends();
    said(setsockopt(-1, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on));
    said(sets(SO_REUSEADDR, &on, sizeof on));
    unix_ends();
    said(sets(SO_REUSEADDR, NULL, sizeof on));
    said(sets(SO_REUSEADDR, &on, 1));
    said(sets(SO_RCVTIMEO, &on, sizeof on));
    said(sets(SO_RCVTIMEO, &wrong, sizeof wrong));
    said(sets(SO_RCVTIMEO, &negative, sizeof negative));
    said(sets(SO_RCVLOWAT, NULL, sizeof on));
    said(sets(9999, &on, sizeof on));
    said(setsockopt(ends[0], IPPROTO_TCP, TCP_NODELAY, &on, sizeof on));
}

static void options(void)
{
    const struct timeval time = {1, 500000};
    struct timeval read_back = {0};
    socklen_t length = sizeof read_back;
    int low = 5;

    unix_ends();
    said(sets(SO_RCVTIMEO, &time, sizeof time));
    said(getsockopt(ends[0], SOL_SOCKET, SO_RCVTIMEO, &read_back, &length));
    say("%ld %ld", (long)read_back.tv_sec, (long)read_back.tv_usec / 10000);
    said(sets(SO_RCVLOWAT, &low, sizeof low));
    low = 0;
    length = sizeof low;
    said(getsockopt(ends[0], SOL_SOCKET, SO_RCVLOWAT, &low, &length));
    say("%d", low);
}

/* Nothing waits. */
static void negative_timeout(void)
{
    const struct timeval negative = {-5, 0};

    unix_ends();
    sets(SO_RCVTIMEO, &negative, sizeof negative);
    begin();
    said(read(ends[0], buffer, 1));
}

static const struct row rows[] = {
    {"ioctl", "errors", device_errors},
    {"ioctl", "FIONREAD", bytes_to_read},
    {"ioctl", "FIONBIO", nonblocking_by_device, BLOCKS},
    {"ioctl", "FIOCLEX", close_on_exec},
    {"setsockopt", "errors", option_errors},
    {"setsockopt", "read back", options},
    {"setsockopt", "a negative timeout", negative_timeout},
};

void add_flags(void)
{
    add_product(calls, COUNT(calls), control_rows, COUNT(control_rows));
    add_rows(rows, COUNT(rows));
}
