/*
 * Green I/O and the network while the n-th allocation or system call fails, for
 * each n: the call that needed it returns the error, nothing leaks, and the
 * same call works afterwards.
 */
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "base/system.h"
#include "support.h"

static int calls_left; /* until one fails */
static bool has_failed;

static bool fails_now(int error)
{
    if (calls_left < 0 || calls_left-- != 0)
        return false;
    has_failed = true;
    errno = error;
    return true;
}

static void *bad_allocate(size_t count, size_t size)
{
    return fails_now(ENOMEM) ? NULL : calloc(count, size);
}

static void *bad_reallocate(void *memory, size_t size)
{
    return fails_now(ENOMEM) ? NULL : realloc(memory, size);
}

static int bad_socket(int domain, int type, int protocol)
{
    return fails_now(EMFILE) ? -1 : socket(domain, type, protocol);
}

static int bad_socketpair(int domain, int type, int protocol, int *fds)
{
    return fails_now(EMFILE) ? -1 : socketpair(domain, type, protocol, fds);
}

static int bad_pipe2(int *fds, int flags)
{
    return fails_now(EMFILE) ? -1 : pipe2(fds, flags);
}

static int bad_accept4(int fd, struct sockaddr *address, socklen_t *length,
                       int flags)
{
    return fails_now(EMFILE) ? -1 : accept4(fd, address, length, flags);
}

static int bad_connect(int fd, const struct sockaddr *address, socklen_t length)
{
    return fails_now(ENETUNREACH) ? -1 : connect(fd, address, length);
}

static ssize_t bad_recv(int fd, void *buffer, size_t size, int flags)
{
    return fails_now(ENOBUFS) ? -1 : recv(fd, buffer, size, flags);
}

static ssize_t bad_send(int fd, const void *buffer, size_t size, int flags)
{
    return fails_now(ENOBUFS) ? -1 : send(fd, buffer, size, flags);
}

static int bad_poll(struct pollfd *fds, unsigned long count, int timeout)
{
    return fails_now(ENOMEM) ? -1 : poll(fds, count, timeout);
}

static int bad_eventfd(unsigned count, int flags)
{
    return fails_now(EMFILE) ? -1 : eventfd(count, flags);
}

static int bad_dup(int fd)
{
    return fails_now(EMFILE) ? -1 : dup(fd);
}

static void fail_call(int n)
{
    calls_left = n;
    has_failed = false;
    green__system.allocate = bad_allocate;
    green__system.reallocate = bad_reallocate;
    green__system.socket = bad_socket;
    green__system.socketpair = bad_socketpair;
    green__system.pipe2 = bad_pipe2;
    green__system.accept4 = bad_accept4;
    green__system.connect = bad_connect;
    green__system.recv = bad_recv;
    green__system.send = bad_send;
    green__system.poll = bad_poll;
    green__system.eventfd = bad_eventfd;
    green__system.dup = bad_dup;
}

/* ---- Scenarios: 0, or -1 with errno and without leaks ------------------- */

static int closing(int result, int first, int second)
{
    int error = errno;

    if (first >= 0)
        green_close(first);
    if (second >= 0)
        green_close(second);
    errno = error;
    return result;
}

static void *write_it(void *arg)
{
    int error = green_write(*(int *)arg, "x", 1) == 1 ? 0 : errno;

    green_shutdown(*(int *)arg, SHUT_WR);
    return (void *)(intptr_t)error;
}

static int exchange(void)
{
    struct green_thread *writer;
    void *wrote = NULL;
    int fds[2], result, error;
    char byte;

    if (green_socketpair(AF_UNIX, SOCK_STREAM, 0, fds) < 0)
        return -1;
    writer = green_spawn_after(GREEN_MSEC, write_it, &fds[1]);
    if (!writer)
        return closing(-1, fds[0], fds[1]);
    result = green_read(fds[0], &byte, 1) == 1 ? 0 : -1;
    error = errno;
    green_join(writer, &wrote);
    errno = wrote ? (int)(intptr_t)wrote : error;
    return closing(result, fds[0], fds[1]);
}

static int poll_many(void)
{
    struct pollfd set[50];
    int fds[2], copy, result;

    if (green_pipe2(fds, O_CLOEXEC) < 0)
        return -1;
    for (int i = 0; i < 50; i++)
        set[i] = (struct pollfd){.fd = fds[0], .events = POLLIN};
    result = green_poll(set, 50, 2);
    if (result < 0)
        return closing(-1, fds[0], fds[1]);
    copy = green_dup(fds[0]);
    return closing(copy < 0 ? -1 : closing(0, copy, -1), fds[0], fds[1]);
}

static int many_buffers(void)
{
    struct iovec iov[20];
    char bytes[20] = "";
    int fds[2], result;

    if (green_pipe2(fds, O_CLOEXEC) < 0)
        return -1;
    for (int i = 0; i < 20; i++)
        iov[i] = (struct iovec){bytes + i, 1};
    result = green_writev(fds[1], iov, 20) == 20 &&
                     green_readv(fds[0], iov, 20) == 20
                 ? 0
                 : -1;
    return closing(result, fds[0], fds[1]);
}

static int connection(void)
{
    char address[64];
    int listener = green_listen("tcp://127.0.0.1:0", NULL), client, server;

    if (listener < 0)
        return -1;
    if (green_local_address(listener, address, sizeof address) < 0)
        return closing(-1, listener, -1);
    client = green_dial(address);
    if (client < 0)
        return closing(-1, listener, -1);
    server = green_accept(listener, NULL, NULL);
    if (server < 0)
        return closing(-1, listener, client);
    return closing(closing(0, server, -1), listener, client);
}

static int listen_by_name(void)
{
    int listener = green_listen("tcp://localhost:0", NULL);

    return listener < 0 ? -1 : closing(0, listener, -1);
}

static int select_one(void)
{
    struct timeval timeout = {.tv_usec = 1000};

    return green_select(0, NULL, NULL, NULL, &timeout);
}

static struct green_server *running;

static void stop_it(int fd, void *arg)
{
    (void)fd;
    (void)arg;
    green_server_stop(running);
}

/* The server does not fail on a shortage: it pauses, and continues. */
static int serve_one(void)
{
    struct green_server server = {0};
    struct green_serve_options options = {.server = &server};
    int listener = green_listen("unix://@greenhub-inject", NULL);
    int client, result, saved = calls_left;

    if (listener < 0)
        return -1;
    running = &server;
    calls_left = -1;
    client = green_dial("unix://@greenhub-inject");
    calls_left = saved;
    ck_assert_int_ge(client, 0);
    result = green_serve(listener, stop_it, &options);
    ck_assert_uint_eq(server.active, 0);
    return closing(result, listener, client);
}

static const struct {
    const char *name;
    int (*run)(void);
} scenarios[] = {
    {"exchange", exchange},    {"poll", poll_many},
    {"vectors", many_buffers}, {"connection", connection},
    {"name", listen_by_name},  {"select", select_one},
    {"serve", serve_one},
};
#define SCENARIOS (int)(sizeof scenarios / sizeof scenarios[0])

static bool is_injected(int error)
{
    return error == ENOMEM || error == EMFILE || error == ENOBUFS ||
           error == ENETUNREACH;
}

/* The resolver's OS threads close their descriptors a moment later. */
static void no_more_than(int fds, const char *name, int n)
{
    for (int i = 0; i < 2000 && count_fds() != fds; i++)
        usleep(1000);
    ck_assert_msg(count_fds() == fds, "%s, call %d: %d descriptors, not %d",
                  name, n, count_fds(), fds);
}

START_TEST(each_call_may_fail)
{
    int fds, n, failures = 0;

    ck_ok(green_sleep(0)); /* makes what stays */
    fds = count_fds();
    ck_ok(scenarios[_i].run());
    for (n = 0; n < 1000; n++) {
        fail_call(n);
        if (scenarios[_i].run() < 0) {
            failures++;
            ck_assert_msg(has_failed && is_injected(errno),
                          "%s, call %d: errno %d", scenarios[_i].name, n,
                          errno);
        }
        calls_left = -1;
        no_more_than(fds, scenarios[_i].name, n);
        ck_ok(scenarios[_i].run());
        if (!has_failed)
            break;
    }
    ck_assert_int_gt(failures, 0);
    ck_assert_int_lt(n, 1000);
    ck_assert_uint_le(stats_now().alive, 1);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("unit_inject_io");
    TCase *tcase = add_tcase(suite, "inject");

    tcase_set_timeout(tcase, 60);
    tcase_add_loop_test(tcase, each_call_may_fail, 0, SCENARIOS);
    return run_suite(suite);
}
