/*
 * Descriptors that block although the call asks them not to: FIFOs shared with
 * other processes, terminals, eventfds; empty datagrams.
 * The greenthread waits, and its OS thread runs on.
 */
#include <fcntl.h>
#include <limits.h>
#include <netinet/in.h>
#include <poll.h>
#include <pty.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>

#include "support.h"

static char folder[64], path[80];

static void make_fifo(void)
{
    strcpy(folder, "/tmp/greenhub-kinds-XXXXXX");
    ck_assert_ptr_nonnull(mkdtemp(folder));
    snprintf(path, sizeof path, "%s/fifo", folder);
    ck_ok(mkfifo(path, 0600));
}

static void remove_fifo(void)
{
    unlink(path);
    rmdir(folder);
}

static struct green_thread *spawn(void *(*fn)(void *), void *arg)
{
    struct green_thread *thread = green_spawn(fn, arg);

    ck_assert_ptr_nonnull(thread);
    return thread;
}

static intptr_t join(struct green_thread *thread)
{
    void *result;

    ck_ok(green_join(thread, &result));
    return (intptr_t)result;
}

/* Starts a child process, which dies with this one. */
static pid_t start(void (*fn)(int), int arg)
{
    pid_t child = fork();

    ck_assert_int_ge(child, 0);
    if (child > 0)
        return child;
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    fn(arg);
    _exit(0);
}

/* ---- FIFOs ----------------------------------------------------------- */

#define RECORDS 1000

static void write_records(int letter)
{
    char record[PIPE_BUF];
    int fd = open(path, O_WRONLY);

    memset(record, letter, sizeof record);
    for (int i = 0; i < RECORDS; i++)
        if (green_write(fd, record, sizeof record) != sizeof record)
            _exit(1);
    _exit(0);
}

static bool is_mixed(const char *record)
{
    for (int i = 1; i < PIPE_BUF; i++)
        if (record[i] != record[0])
            return true;
    return false;
}

START_TEST(records_of_two_processes_are_not_mixed)
{
    char record[PIPE_BUF];
    int records = 0, mixed = 0, fd;
    pid_t children[2];

    make_fifo();
    children[0] = start(write_records, 'a');
    children[1] = start(write_records, 'b');
    fd = open(path, O_RDONLY);
    ck_assert_int_ge(fd, 0);
    while (green_read_full(fd, record, sizeof record) == sizeof record) {
        records++;
        mixed += is_mixed(record);
    }
    for (int i = 0; i < 2; i++)
        ck_assert_int_eq(wait_child(children[i]), 0);
    ck_assert_int_eq(records, 2 * RECORDS);
    ck_assert_int_eq(mixed, 0);
    remove_fifo();
}
END_TEST

/*
 * Another process reads every byte that it can, so a read after a poll
 * sometimes finds nothing. A plain read would then block for good, since the
 * last bytes come only after the reader's OS thread has run another
 * greenthread.
 */
static void take_bytes(int fd)
{
    char byte;

    while (read(fd, &byte, 1) == 1)
        ;
}

static void give_bytes(int fd)
{
    for (int i = 0; i < 20000; i++)
        if (write(fd, "x", 1) != 1)
            _exit(1);
}

static void *read_bytes(void *arg)
{
    long count = 0;
    char byte;

    while (green_read(*(int *)arg, &byte, 1) == 1)
        count++;
    return (void *)(intptr_t)count;
}

START_TEST(a_fifo_is_shared_with_another_reader)
{
    struct green_thread *reader;
    pid_t competitor, writer;
    int fd, status;

    if (lacks_linux()) {
        SKIP("POSIX cannot open a FIFO again by its descriptor");
        return;
    }
    make_fifo();
    fd = open(path, O_RDWR | O_CLOEXEC);
    ck_assert_int_ge(fd, 0);
    reader = spawn(read_bytes, &fd);
    green_sleep(0);
    competitor = start(take_bytes, fd);
    for (int round = 0; round < 5; round++) {
        writer = start(give_bytes, fd);
        while (waitpid(writer, &status, WNOHANG) == 0)
            green_sleep(GREEN_MSEC);
        ck_assert_int_eq(status, 0);
    }
    green_kill(reader);
    join(reader);
    kill(competitor, SIGKILL);
    waitpid(competitor, NULL, 0);
    remove_fifo();
}
END_TEST

/* Keeps the FIFO full: writes whenever there is room for a moment. */
static void fill(int fd)
{
    char page[PIPE_BUF] = "";

    while (write(fd, page, sizeof page) == sizeof page)
        ;
}

static bool has_written;

static void *write_page(void *arg)
{
    char page[PIPE_BUF] = "";
    int error = 0;

    for (int i = 0; i < 50 && !error; i++)
        if (green_write(*(int *)arg, page, sizeof page) != sizeof page)
            error = errno;
    has_written = true;
    return (void *)(intptr_t)-error;
}

START_TEST(a_fifo_is_shared_with_another_writer)
{
    char page[PIPE_BUF];
    struct green_thread *writer;
    pid_t competitor;
    int fd;

    if (lacks_linux()) {
        SKIP("POSIX cannot open a FIFO again by its descriptor");
        return;
    }
    make_fifo();
    fd = open(path, O_RDWR | O_CLOEXEC);
    ck_assert_int_ge(fd, 0);
    competitor = start(fill, fd);
    writer = spawn(write_page, &fd);
    for (int i = 0; i < 2000; i++) {
        ck_assert_int_eq(green_read(fd, page, sizeof page), sizeof page);
        green_sleep(0);
    }
    kill(competitor, SIGKILL);
    waitpid(competitor, NULL, 0);
    while (!has_written) { /* drain the FIFO */
        if (poll(&(struct pollfd){.fd = fd, .events = POLLIN}, 1, 0) == 1)
            ck_assert_int_gt(green_read(fd, page, sizeof page), 0);
        green_sleep(GREEN_MSEC);
    }
    ck_assert_int_eq(join(writer), 0);
    remove_fifo();
}
END_TEST

static void *read_one(void *arg)
{
    char byte;

    return (void *)(intptr_t)green_read(*(int *)arg, &byte, 1);
}

/* The library keeps no descriptor open that would hide the end of the FIFO. */
START_TEST(the_end_of_a_fifo_is_reported)
{
    int reads, writes;
    struct green_thread *reader;

    make_fifo();
    reads = open(path, O_RDONLY | O_NONBLOCK);
    writes = open(path, O_WRONLY);
    ck_assert_int_eq(fcntl(reads, F_SETFL, 0), 0);
    ck_assert_int_eq(green_write(writes, "x", 1), 1);
    ck_assert_int_eq((long)read_one(&reads), 1);
    reader = spawn(read_one, &reads);
    green_sleep(0);
    close(writes);
    ck_assert_int_eq(join(reader), 0);
    ck_assert_int_eq(fcntl(reads, F_GETFL) & O_NONBLOCK, 0);
    ck_fails(green_write(reads, "x", 1), EBADF);
    remove_fifo();
}
END_TEST

START_TEST(a_fifo_without_reader_is_a_broken_pipe)
{
    int reads, writes;

    make_fifo();
    reads = open(path, O_RDONLY | O_NONBLOCK);
    writes = open(path, O_WRONLY);
    close(reads);
    signal(SIGPIPE, SIG_IGN);
    ck_fails(green_write(writes, "x", 1), EPIPE);
    ck_fails(green_read(writes, path, 1), EBADF);
    remove_fifo();
}
END_TEST

static void *open_fifo(void *arg)
{
    int fd = green_open(path, (int)(intptr_t)arg | O_CLOEXEC);

    return (void *)(intptr_t)(fd < 0 ? -errno : fd);
}

/* open(2) waits for the other end. */
START_TEST(opening_a_fifo_waits_for_the_other_end)
{
    struct green_thread *opener;
    intptr_t fd;
    int other;

    if (green_hub_can(green_get_hub(), GREEN_OP_OPEN)) {
        SKIP("the hub carries out opens");
        return;
    }
    make_fifo();
    for (int way = O_RDONLY; way <= O_WRONLY; way++) {
        opener = spawn(open_fifo, (void *)(intptr_t)way);
        green_sleep(GREEN_MSEC);
        other = open(path, O_RDWR | O_CLOEXEC);
        fd = join(opener);
        ck_assert_int_ge(fd, 0);
        if (way == O_WRONLY) {
            ck_assert_int_eq(green_write((int)fd, "x", 1), 1);
            ck_assert_int_eq((long)read_one(&other), 1);
        }
        ck_ok(green_close((int)fd));
        close(other);
    }
    remove_fifo();
}
END_TEST

START_TEST(opening_a_fifo_ends_by_a_kill)
{
    struct green_thread *opener;

    if (green_hub_can(green_get_hub(), GREEN_OP_OPEN)) {
        SKIP("the hub carries out opens");
        return;
    }
    make_fifo();
    opener = spawn(open_fifo, (void *)(intptr_t)O_RDONLY);
    green_sleep(GREEN_MSEC);
    green_kill(opener);
    ck_assert_int_eq(join(opener), -ECANCELED);
    ck_assert_int_ge(open(path, O_RDWR | O_CLOEXEC), 0); /* wakes the opener */
    remove_fifo();
}
END_TEST

/* ---- Terminals ------------------------------------------------------- */

#define FLOOD (1 << 19)

static void *write_lines(void *arg)
{
    char *block = malloc(FLOOD);
    ssize_t n;

    memset(block, 'x', FLOOD);
    for (int i = 79; i < FLOOD; i += 80)
        block[i] = '\n';
    n = green_write(*(int *)arg, block, FLOOD);
    free(block);
    return (void *)(intptr_t)n;
}

/* In canonical mode, where a newline becomes two bytes: poll may promise room
 * when there is too little. */
START_TEST(both_ends_of_a_terminal_on_one_os_thread)
{
    struct green_thread *writer;
    struct termios modes;
    int master, terminal;
    char block[4096];
    ssize_t n;

    if (openpty(&master, &terminal, NULL, NULL, NULL) < 0) {
        SKIP("no pseudo-terminal is available");
        return;
    }
    ck_ok(tcgetattr(terminal, &modes));
    modes.c_lflag &= (tcflag_t)~ECHO;
    ck_ok(tcsetattr(terminal, TCSANOW, &modes));
    writer = spawn(write_lines, &terminal);
    for (size_t got = 0; got < FLOOD + FLOOD / 80; got += (size_t)n) {
        n = green_read(master, block, sizeof block);
        ck_assert_int_gt(n, 0);
    }
    ck_assert_int_eq(join(writer), FLOOD);
    ck_assert_int_eq(fcntl(terminal, F_GETFL) & O_NONBLOCK, 0);
    ck_assert_int_eq(fcntl(master, F_GETFL) & O_NONBLOCK, 0);
}
END_TEST

/* The other direction, in raw mode. */
START_TEST(a_master_writes_more_than_its_terminal_takes)
{
    struct green_thread *writer;
    struct termios modes;
    int master, terminal;
    char block[1000];
    ssize_t n;

    if (openpty(&master, &terminal, NULL, NULL, NULL) < 0) {
        SKIP("no pseudo-terminal is available");
        return;
    }
    ck_ok(tcgetattr(terminal, &modes));
    cfmakeraw(&modes);
    ck_ok(tcsetattr(terminal, TCSANOW, &modes));
    writer = spawn(write_lines, &master);
    for (size_t got = 0; got < FLOOD; got += (size_t)n) {
        n = green_read(terminal, block, sizeof block);
        ck_assert_int_gt(n, 0);
    }
    ck_assert_int_eq(join(writer), FLOOD);
}
END_TEST

/* VMIN 0: a read waits at most VTIME tenths of a second, and not for a byte. */
START_TEST(a_terminal_read_that_returns_nothing)
{
    struct termios modes;
    int master, terminal;
    char byte;

    if (openpty(&master, &terminal, NULL, NULL, NULL) < 0) {
        SKIP("no pseudo-terminal is available");
        return;
    }
    ck_ok(tcgetattr(terminal, &modes));
    cfmakeraw(&modes);
    modes.c_cc[VMIN] = 0;
    modes.c_cc[VTIME] = _i ? 1 : 0;
    ck_ok(tcsetattr(terminal, TCSANOW, &modes));
    ck_assert_int_eq(green_read(terminal, &byte, 1), 0);
    ck_assert_int_eq(green_write(master, "x", 1), 1);
    ck_assert_int_eq(green_read(terminal, &byte, 1), 1);
    ck_assert_int_eq(byte, 'x');
    ck_assert_int_eq(green_read(terminal, &byte, 1), 0);
}
END_TEST

/* ---- eventfds -------------------------------------------------------- */

static void *write_256(void *arg)
{
    uint64_t value = 256;
    ssize_t n = green_write(*(int *)arg, &value, sizeof value);

    return (void *)(intptr_t)(n < 0 ? -errno : n);
}

START_TEST(an_eventfd_with_less_room_than_the_value)
{
    uint64_t value = 0xfffffffffffffff0;
    int fd = eventfd(0, EFD_CLOEXEC);
    struct green_thread *writer;
    struct green_timeout timeout;

    if (lacks_linux()) {
        SKIP("POSIX has no eventfds");
        return;
    }
    ck_assert_int_eq(green_write(fd, &value, sizeof value), sizeof value);
    ck_ok(green_timeout_start(&timeout, 20 * GREEN_MSEC));
    ck_assert_int_eq((long)write_256(&fd), -ETIMEDOUT);
    green_timeout_cancel(&timeout);
    writer = spawn(write_256, &fd);
    green_sleep(GREEN_MSEC);
    ck_assert_int_eq(green_read(fd, &value, sizeof value), sizeof value);
    ck_assert_uint_eq(value, 0xfffffffffffffff0);
    ck_assert_int_eq(join(writer), sizeof value);
    ck_assert_int_eq(green_read(fd, &value, sizeof value), sizeof value);
    ck_assert_uint_eq(value, 256);
    ck_ok(fcntl(fd, F_SETFL, O_NONBLOCK));
    value = UINT64_MAX - 1;
    ck_assert_int_eq(green_write(fd, &value, sizeof value), sizeof value);
    ck_assert_int_eq((long)write_256(&fd), -EAGAIN);
}
END_TEST

/* ---- Sockets --------------------------------------------------------- */

static void *send_nothing(void *arg)
{
    for (int i = 0; i < 3000; i++)
        if (green_write(*(int *)arg, "", 0) != 0)
            return (void *)(intptr_t)-errno;
    return NULL;
}

START_TEST(empty_datagrams_wait_for_room)
{
    static const int types[] = {SOCK_DGRAM, SOCK_SEQPACKET};
    struct green_thread *sender;
    int fds[2];
    char byte;

    ck_ok(green_socketpair(AF_UNIX, types[_i], 0, fds));
    sender = spawn(send_nothing, &fds[1]);
    for (int i = 0; i < 3000; i++)
        ck_assert_int_eq(green_recv(fds[0], &byte, 1, 0), 0);
    ck_assert_int_eq(join(sender), 0);
    ck_fails(green_write(-1, "", 0), EBADF);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("io_kinds");
    TCase *tcase = add_tcase(suite, "kinds");

    tcase_add_test(tcase, records_of_two_processes_are_not_mixed);
    tcase_add_test(tcase, a_fifo_is_shared_with_another_reader);
    tcase_add_test(tcase, a_fifo_is_shared_with_another_writer);
    tcase_add_test(tcase, the_end_of_a_fifo_is_reported);
    tcase_add_test(tcase, a_fifo_without_reader_is_a_broken_pipe);
    tcase_add_test(tcase, opening_a_fifo_waits_for_the_other_end);
    tcase_add_test(tcase, opening_a_fifo_ends_by_a_kill);
    tcase_add_test(tcase, both_ends_of_a_terminal_on_one_os_thread);
    tcase_add_test(tcase, a_master_writes_more_than_its_terminal_takes);
    tcase_add_loop_test(tcase, a_terminal_read_that_returns_nothing, 0, 2);
    tcase_add_test(tcase, an_eventfd_with_less_room_than_the_value);
    tcase_add_loop_test(tcase, empty_datagrams_wait_for_room, 0, 2);
    return run_suite(suite);
}
