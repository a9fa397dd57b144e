/* Dialling with options: a local address, a timeout. */
#include <unistd.h>

#include "net_support.h"

static int ck_dial(const char *to, const char *local)
{
    const struct green_dial_options options = {.local = local};
    int fd = green_dial_with(to, &options);

    ck_assert_msg(fd >= 0, "%s", green_net_error());
    return fd;
}

START_TEST(from_a_local_address)
{
    int listener = listen_at("tcp://127.0.0.1:0"), fd;
    char here[256];

    fd = ck_dial(text, "tcp://127.0.0.3:0");
    ck_assert_int_gt(green_local_address(fd, here, sizeof here), 0);
    ck_assert_int_eq(strncmp(here, "tcp://127.0.0.3:", 16), 0);
    ck_assert_int_ne(flag_of(fd, IPPROTO_TCP, TCP_NODELAY), 0);
    ck_ok(green_close(fd));
    ck_ok(green_close(ck_dial(text, "tcp://*:0")));
    ck_ok(green_close(ck_dial(text, NULL)));
    fd = green_dial_with(text, NULL);
    ck_assert_int_ge(fd, 0);
    ck_ok(green_close(fd));
    ck_ok(green_close(listener));
}
END_TEST

START_TEST(from_a_local_port)
{
    int listener = listen_at("tcp://127.0.0.1:0"), fd;
    char local[64], here[256];
    struct green_dial_options options = {.local = local};

    snprintf(local, sizeof local, "tcp://127.0.0.1:%d", unused_port());
    fd = ck_dial(text, local);
    ck_assert_int_gt(green_local_address(fd, here, sizeof here), 0);
    ck_assert_str_eq(here, local);
    ck_fails(green_dial_with(text, &options), EADDRINUSE);
    ck_ok(green_close(fd));
    ck_ok(green_close(listener));
}
END_TEST

START_TEST(from_a_unix_name)
{
    char to[64], local[64], here[256];
    int listener, fd;

    snprintf(to, sizeof to, "unix://@dial-with-%d", getpid());
    snprintf(local, sizeof local, "unix://@dial-from-%d", getpid());
    listener = listen_at(to);
    fd = ck_dial(to, local);
    ck_assert_int_gt(green_local_address(fd, here, sizeof here), 0);
    ck_assert_str_eq(here, local);
    ck_ok(green_close(fd));
    ck_ok(green_close(listener));
}
END_TEST

static const struct green_keepalive keepalive = {
    .idle = 7 * GREEN_SEC, .interval = GREEN_SEC, .probes = 3};

START_TEST(options_of_tcp)
{
    const struct green_dial_options options = {.fast_open = true,
                                               .keepalive = &keepalive};
    int listener = listen_at("tcp://127.0.0.1:0"), fd, server;
    char byte = 0;

    for (int i = 0; i < 2; i++) { /* the second time by fast open, if at all */
        fd = green_dial_with(text, &options);
        ck_assert_msg(fd >= 0, "%s", green_net_error());
        ck_assert_int_eq(flag_of(fd, SOL_SOCKET, SO_KEEPALIVE), 1);
        ck_assert_int_eq(flag_of(fd, IPPROTO_TCP, TCP_KEEPIDLE), 7);
        ck_assert_int_eq(flag_of(fd, IPPROTO_TCP, TCP_FASTOPEN_CONNECT), 1);
        ck_assert_int_eq(green_write(fd, "x", 1), 1);
        server = green_accept(listener, NULL, NULL);
        ck_assert_int_eq(green_read(server, &byte, 1), 1);
        ck_assert_int_eq(byte, 'x');
        ck_ok(green_close(server));
        ck_ok(green_close(fd));
    }
    ck_ok(green_close(listener));
    listener = listen_at("unix://@dial-with-options");
    ck_fails(green_dial_with(text, &options), EINVAL);
    ck_ok(green_close(listener));
}
END_TEST

static const struct {
    struct green_dial_options options;
    int error;
} wrong[] = {
    {{.local = "tcp://[::1]:0"}, EAFNOSUPPORT},
    {{.local = "unix:///tmp/x"}, EINVAL},
    {{.local = "nonsense"}, EINVAL},
    {{.local = "tcp://203.0.113.1:0"}, EADDRNOTAVAIL},
    {{.timeout = -1}, EINVAL},
    {{.reserved = {1}}, EINVAL},
    {{.reserved = {0, 0, 0, 1}}, EINVAL},
};

#define WRONG (int)(sizeof wrong / sizeof wrong[0])

START_TEST(invalid_options)
{
    int listener = listen_at("tcp://127.0.0.1:0");
    int fds = count_fds();

    ck_fails(green_dial_with(text, &wrong[_i].options), wrong[_i].error);
    ck_assert_int_eq(strncmp(green_net_error(), text, strlen(text)), 0);
    ck_assert_int_eq(count_fds(), fds);
    ck_ok(green_close(listener));
}
END_TEST

static void dials_in_a_callback(struct green_call *call)
{
    const struct green_dial_options options = {.timeout = GREEN_SEC};

    ck_fails(green_dial_with("tcp://127.0.0.1:1", &options), EDEADLK);
    call->arg = NULL;
}

static void *dials(void *arg)
{
    const struct green_dial_options options = {.timeout = GREEN_FOREVER};

    ck_fails(green_dial_with(text, &options), ECANCELED);
    return arg;
}

/* A listener with a full backlog: the next connection has to wait. */
START_TEST(a_timeout_ends_it)
{
    const struct green_dial_options options = {.timeout = 20 * GREEN_MSEC};
    const struct green_listen_options one = {.backlog = 1};
    struct green_call call = {.callback = dials_in_a_callback, .arg = &call};
    struct green_thread *thread;
    int listener, fds[8], n = 0, before;

    snprintf(text, sizeof text, "unix://@dial-full-%d", getpid());
    listener = green_listen(text, &one);
    ck_assert_int_ge(listener, 0);
    while ((fds[n] = green_dial_with(text, &options)) >= 0)
        ck_assert_int_lt(++n, 8);
    ck_assert_int_eq(errno, ETIMEDOUT);
    ck_assert_ptr_nonnull(strstr(green_net_error(), strerror(ETIMEDOUT)));
    before = count_fds();
    thread = green_spawn(dials, NULL);
    ck_ok(green_sleep(5 * GREEN_MSEC));
    ck_ok(green_kill(thread));
    ck_ok(green_join(thread, NULL));
    ck_ok(green_hub_call(green_get_hub(), &call));
    while (call.arg)
        ck_ok(green_sleep(GREEN_MSEC));
    ck_assert_int_eq(count_fds(), before);
    while (n > 0)
        ck_ok(green_close(fds[--n]));
    ck_ok(green_close(listener));
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("net dial with");
    TCase *tcase = add_tcase(suite, "options");

    tcase_add_test(tcase, from_a_local_address);
    tcase_add_test(tcase, from_a_local_port);
    tcase_add_test(tcase, from_a_unix_name);
    tcase_add_test(tcase, options_of_tcp);
    tcase_add_loop_test(tcase, invalid_options, 0, WRONG);
    tcase_add_test(tcase, a_timeout_ends_it);
    return run_suite(suite);
}
