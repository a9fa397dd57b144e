/* Signals stop a server: the first drains it, the second kills its handlers. */
#include <pthread.h>

#include "server.h"

static void serve_with_signals(const sigset_t *set)
{
    listen_for_server("tcp://127.0.0.1:0", options.threads > 1);
    ck_ok(green_server_stop_on(&server, set));
    ck_fails(green_server_stop_on(&server, set), EBUSY);
    start_server();
}

static void send_signal(int number)
{
    ck_ok(kill(getpid(), number));
}

/* 0: one OS thread; 1: three. */
START_TEST(the_first_signal_drains)
{
    int fd;

    options.threads = _i ? 3 : 1;
    serve_with_signals(NULL);
    fd = client();
    send_signal(SIGTERM);
    run_others();
    ck_assert_int_eq(serve_result, 1000); /* has not returned */
    round_trip(fd);
    ck_ok(green_close(fd));
    has_ended(0, 0);
    ck_assert_int_eq(ended, 1);
}
END_TEST

START_TEST(the_second_signal_kills)
{
    int fds[2];

    options.threads = _i ? 3 : 1;
    serve_with_signals(NULL);
    fds[0] = client();
    fds[1] = client();
    send_signal(SIGINT);
    run_others();
    round_trip(fds[0]);
    send_signal(SIGTERM);
    sees_the_end(fds[0]);
    sees_the_end(fds[1]);
    has_ended(0, 0);
    ck_assert_int_eq(ended, 2);
}
END_TEST

START_TEST(a_set_of_ones_own)
{
    sigset_t set, blocked;

    sigemptyset(&set);
    ck_fails(green_server_stop_on(&server, &set), EINVAL);
    ck_fails(green_server_stop_on(NULL, NULL), EINVAL);
    sigaddset(&set, SIGUSR1);
    sigaddset(&set, SIGRTMAX);
    serve_with_signals(&set);
    ck_ok(pthread_sigmask(SIG_BLOCK, NULL, &blocked));
    ck_assert_int_eq(sigismember(&blocked, SIGRTMAX), 1);
    ck_assert_int_eq(sigismember(&blocked, SIGTERM), 0);
    run_others();
    send_signal(SIGRTMAX);
    has_ended(0, 0);
}
END_TEST

/* Nothing waits for signals once the server has ended. */
START_TEST(another_server_is_stopped_by_another_signal)
{
    int fds = 0;

    for (int i = 0; i < 3; i++) {
        serve_with_signals(NULL);
        ck_ok(green_close(client()));
        if (i % 2 == 0)
            send_signal(SIGTERM);
        else
            ck_ok(green_server_stop(&server));
        has_ended(0, 0);
        memset(&server, 0xff, sizeof server); /* it is not used any more */
        run_others();
        ck_ok(green_close(listener));
        ck_assert_int_eq(fds == 0 ? count_fds() : fds, count_fds());
        fds = count_fds();
    }
}
END_TEST

START_TEST(a_server_that_does_not_begin)
{
    listen_for_server("tcp://127.0.0.1:0", false);
    ck_ok(green_server_stop_on(&server, NULL));
    run_others();
    ck_fails(green_serve(listener, NULL, &options), EINVAL);
    memset(&server, 0xff, sizeof server); /* it is not used any more */
    send_signal(SIGTERM);
    run_others();
}
END_TEST

START_TEST(a_signal_before_it_begins)
{
    listen_for_server("tcp://127.0.0.1:0", false);
    ck_ok(green_server_stop_on(&server, NULL));
    send_signal(SIGTERM);
    run_others();
    start_server();
    has_ended(0, 0);
}
END_TEST

START_TEST(a_kill_ends_handlers)
{
    int fd;

    ck_fails(green_server_kill(NULL), EINVAL);
    serve_tcp();
    fd = client();
    ck_ok(green_server_kill(&server));
    sees_the_end(fd);
    has_ended(0, 0);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("net_signals");
    TCase *tcase = add_tcase(suite, "signals");

    tcase_add_loop_test(tcase, the_first_signal_drains, 0, 2);
    tcase_add_loop_test(tcase, the_second_signal_kills, 0, 2);
    tcase_add_test(tcase, a_set_of_ones_own);
    tcase_add_test(tcase, another_server_is_stopped_by_another_signal);
    tcase_add_test(tcase, a_server_that_does_not_begin);
    tcase_add_test(tcase, a_signal_before_it_begins);
    tcase_add_test(tcase, a_kill_ends_handlers);
    return run_suite(suite);
}
