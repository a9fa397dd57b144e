/* green_dial to an address that does not answer yet: killed, timed out, and
 * answered. */
#include <netinet/in.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

#include "support.h"

static char text[64];
static int listener;

/*
 * Fills a listener's backlog, so that the next connect has to wait. On TCP the
 * kernel queues one connection more than the backlog, and then leaves further
 * ones half-open.
 */
static void fill_backlog(int family, const void *address, socklen_t length)
{
    struct timeval moment = {.tv_usec = 20000};
    int fd, count = 0;

    do {
        fd = socket(family, SOCK_STREAM | SOCK_CLOEXEC, 0);
        ck_assert_int_lt(count++, 10);
        ck_ok(setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &moment, sizeof moment));
    } while (connect(fd, address, length) == 0);
    ck_assert(errno == EINPROGRESS || errno == EAGAIN);
}

/* An address of each kind where connect has to wait. */
static const char *busy_address(int kind)
{
    struct sockaddr_in tcp;
    struct sockaddr_un local = {.sun_family = AF_UNIX};
    socklen_t length = sizeof tcp;
    int port;

    ck_ok(green_sleep(GREEN_MSEC)); /* the hub has all its descriptors now */
    if (kind == 0) {
        listener = tcp_listener(&port);
        ck_ok(listen(listener, 0));
        ck_ok(getsockname(listener, (struct sockaddr *)&tcp, &length));
        fill_backlog(AF_INET, &tcp, length);
        snprintf(text, sizeof text, "tcp://127.0.0.1:%d", port);
        return text;
    }
    snprintf(text, sizeof text, "unix://@greenhub-test-busy-%d", getpid());
    listener = green_listen(text, NULL);
    ck_assert_int_ge(listener, 0);
    ck_ok(listen(listener, 0));
    length = sizeof local;
    ck_ok(getsockname(listener, (struct sockaddr *)&local, &length));
    fill_backlog(AF_UNIX, &local, length);
    return text;
}

static void *dial(void *address)
{
    int fd = green_dial(address);

    return (void *)(intptr_t)(fd < 0 ? errno : 0);
}

#define KINDS 2

START_TEST(killed_while_it_connects)
{
    const char *address = busy_address(_i);
    struct green_thread *dialler;
    void *error;
    int fds = count_fds();

    dialler = green_spawn(dial, (void *)(uintptr_t)address);
    for (int i = 0; i < 5; i++)
        ck_ok(green_sleep(0));
    ck_assert_int_eq(count_fds(), fds + 1); /* it is connecting */
    ck_ok(green_kill(dialler));
    ck_ok(green_join(dialler, &error));
    ck_assert_int_eq((int)(intptr_t)error, ECANCELED);
    ck_assert_int_eq(count_fds(), fds);
}
END_TEST

START_TEST(timed_out_while_it_connects)
{
    const char *address = busy_address(_i);
    struct green_timeout timeout;
    int fds = count_fds();

    ck_ok(green_timeout_start(&timeout, 20 * GREEN_MSEC));
    ck_fails(green_dial(address), ETIMEDOUT);
    ck_assert(green_timeout_fired(&timeout));
    ck_ok(green_timeout_cancel(&timeout));
    ck_assert_int_eq(count_fds(), fds);
}
END_TEST

/* The backlog has room again: the waiting greenthread gets its connection. */
START_TEST(accepted_later)
{
    struct green_thread *dialler;
    const char *address = busy_address(1);
    void *error;

    dialler = green_spawn(dial, (void *)(uintptr_t)address);
    ck_ok(green_sleep(5 * GREEN_MSEC));
    ck_ok(green_close(green_accept(listener, NULL, NULL)));
    ck_ok(green_join(dialler, &error));
    ck_assert_int_eq((int)(intptr_t)error, 0);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("net connect");
    TCase *waits = add_tcase(suite, "waits");

    tcase_add_loop_test(waits, killed_while_it_connects, 0, KINDS);
    tcase_add_loop_test(waits, timed_out_while_it_connects, 0, KINDS);
    tcase_add_test(waits, accepted_later);
    return run_suite(suite);
}
