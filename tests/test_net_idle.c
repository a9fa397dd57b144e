/* Graceful stops of green_serve: idle regions, and a limit of the drain. */
#include "server.h"

/* Whether a handler saw the stop where it was idle, or where it was busy. */
static _Atomic int idle_ends, told;

static ssize_t read_when_idle(int fd, char *buffer, size_t size)
{
    struct green_idle idle;
    ssize_t n;
    int error;

    ck_ok(green_idle_begin(&idle, &server));
    n = green_read(fd, buffer, size);
    error = errno;
    if (n < 0) {
        ck_assert_int_eq(error, ECANCELED);
        ck_assert(green_idle_stopped(&idle));
        ck_assert(!green_killed());
        idle_ends++;
    }
    errno = EILSEQ;
    ck_ok(green_idle_end(&idle));
    ck_assert_int_eq(errno, EILSEQ);
    return n;
}

/* A request is two bytes, an answer too; only its first byte is waited for in an
 * idle region. The second byte of the last answer says that it is the last. */
static void polite(int fd, void *arg)
{
    char byte[2];

    (void)arg;
    begun++;
    while (read_when_idle(fd, byte, 1) > 0) {
        if (green_read(fd, byte + 1, 1) != 1)
            break;
        byte[1] = green_server_stopping(&server) ? '.' : '+';
        ck_assert(green_server_stopping(NULL) == (byte[1] == '.'));
        if (green_write_all(fd, byte, 2) < 0)
            break;
        told += byte[1] == '.';
    }
    ended++;
}

static void answers(int fd, char mark)
{
    char answer[2];

    ck_assert_int_eq(green_read_full(fd, answer, 2), 2);
    ck_assert_int_eq(answer[0], 'a');
    ck_assert_int_eq(answer[1], mark);
}

static int polite_client(void)
{
    int fd = dial_server();

    ck_ok(green_write_all(fd, "ab", 2));
    answers(fd, '+');
    return fd;
}

START_TEST(idle_connections_end_at_once)
{
    int fds[3];

    handler = polite;
    serve_tcp();
    for (int i = 0; i < 3; i++)
        fds[i] = i < 2 ? polite_client() : dial_server();
    wait_until(begun == 3);
    run_others();
    stop_server();
    ck_assert_int_eq(idle_ends, 3);
    for (int i = 0; i < 3; i++)
        sees_the_end(fds[i]);
}
END_TEST

START_TEST(a_request_is_answered_in_full)
{
    int fd;

    handler = polite;
    serve_tcp();
    fd = polite_client();
    ck_ok(green_write_all(fd, "a", 1));
    run_others();
    ck_ok(green_server_stop(&server));
    run_others();
    ck_assert_int_eq(serve_result, 1000); /* it waits for the request */
    ck_ok(green_write_all(fd, "b", 1));
    answers(fd, '.');
    has_ended(0, 0);
    ck_assert_int_eq(told, 1);
    ck_assert_int_eq(idle_ends, 1);
    sees_the_end(fd);
}
END_TEST

/* What has come before the stop is read in the region. */
static void stops_first(int fd, void *arg)
{
    char byte;

    (void)arg;
    ck_assert_int_gt(green_wait(fd, GREEN_READ, GREEN_FOREVER), 0);
    ck_ok(green_server_stop(&server));
    ck_assert_int_eq(read_when_idle(fd, &byte, 1), 1);
    ck_assert_int_eq(read_when_idle(fd, &byte, 1), -1);
    ended++;
}

START_TEST(after_a_stop_a_region_fails_only_where_it_would_block)
{
    int fd;

    handler = stops_first;
    serve_tcp();
    fd = dial_server();
    ck_ok(green_write_all(fd, "a", 1));
    has_ended(0, 0);
    ck_assert_int_eq(idle_ends, 1);
    sees_the_end(fd);
}
END_TEST

/* ---- A limit ------------------------------------------------------------ */

/* Sends more than any buffer holds. */
static void sends_much(int fd, void *arg)
{
    static char bytes[1 << 20];

    (void)arg;
    begun++;
    for (int i = 0; i < 256; i++)
        if (green_write_all(fd, bytes, sizeof bytes) < 0)
            break;
    told = errno;
    ended++;
}

START_TEST(a_client_that_never_reads_does_not_hold_up_a_stop)
{
    int fd;

    handler = sends_much;
    options.stop_timeout = 50 * GREEN_MSEC;
    serve_tcp();
    fd = dial_server();
    wait_until(begun == 1);
    run_others();
    stop_server();
    ck_assert_int_eq(ended, 1);
    ck_assert_int_eq(told, ECANCELED);
    ck_ok(green_close(fd));
}
END_TEST

START_TEST(within_the_limit_a_handler_can_finish)
{
    int fd;

    options.stop_timeout = 1000 * GREEN_SEC;
    serve_tcp();
    fd = client();
    ck_ok(green_server_stop(&server));
    run_others();
    round_trip(fd);
    ck_ok(green_close(fd));
    has_ended(0, 0);
    ck_assert_int_eq(ended, 1);
}
END_TEST

START_TEST(a_kill_cuts_a_stop_short)
{
    int fd;

    if (_i)
        options.stop_timeout = 1000 * GREEN_SEC;
    serve_tcp();
    fd = client();
    ck_ok(green_server_stop(&server));
    run_others();
    ck_assert_int_eq(serve_result, 1000);
    ck_ok(green_server_kill(&server));
    has_ended(0, 0);
    ck_assert_int_eq(ended, 1);
    sees_the_end(fd);
}
END_TEST

START_TEST(a_kill_needs_no_stop_before)
{
    int fd;

    serve_tcp();
    fd = client();
    ck_ok(green_server_kill(&server));
    ck_assert(green_server_stopping(&server));
    has_ended(0, 0);
    sees_the_end(fd);
}
END_TEST

/* ---- Several OS threads -------------------------------------------------- */

START_TEST(each_os_thread_ends_its_idle_connections)
{
    enum { MANY = 16 };
    int fds[MANY];

    handler = polite;
    options.threads = 3;
    serve_tcp();
    for (int i = 0; i < MANY; i++)
        fds[i] = polite_client();
    stop_server();
    ck_assert_int_eq(idle_ends, MANY);
    for (int i = 0; i < MANY; i++)
        sees_the_end(fds[i]);
}
END_TEST

/* ---- Use and misuse ------------------------------------------------------ */

START_TEST(a_region_needs_a_server_that_runs_here)
{
    struct green_idle idle;

    ck_fails(green_idle_begin(&idle, NULL), EINVAL);
    serve_tcp();
    run_others();
    ck_fails(green_idle_begin(NULL, &server), EINVAL);
    ck_fails(green_idle_begin(&idle, &(struct green_server){0}), EINVAL);
    ck_ok(green_idle_begin(&idle, NULL));
    ck_assert(!green_idle_stopped(&idle));
    ck_ok(green_idle_end(&idle));
    ck_fails(green_idle_end(&idle), EINVAL);
    ck_fails(green_idle_end(NULL), EINVAL);
    ck_assert(!green_idle_stopped(NULL));
    ck_assert(!green_server_stopping(NULL));
    stop_server();
    ck_fails(green_idle_begin(&idle, &server), EINVAL);
    ck_fails(green_server_kill(NULL), EINVAL);
    ck_assert(!green_server_stopping(NULL));
    ck_assert(green_server_stopping(&server));
}
END_TEST

/* Begun by another greenthread, which outlives the server. */
static void *outlives(void *stopper)
{
    struct green_shield shield;
    struct green_idle idle;

    ck_ok(green_idle_begin(&idle, &server));
    ck_fails(green_sleep(GREEN_FOREVER), ECANCELED);
    ck_fails(green_sleep(GREEN_FOREVER), ECANCELED);
    ck_ok(green_shield_begin(&shield));
    ck_ok(green_join(stopper, NULL));
    ck_ok(green_shield_end(&shield));
    ck_ok(green_idle_end(&idle));
    ck_ok(green_sleep(0));
    return NULL;
}

static void *stop_and_wait(void *unused)
{
    ck_ok(green_server_stop(&server));
    ck_ok(green_join(keeper, NULL));
    return unused;
}

START_TEST(a_region_may_outlive_its_server)
{
    struct green_thread *stopper, *other;

    serve_tcp();
    run_others();
    stopper = green_spawn(stop_and_wait, NULL);
    other = green_spawn(outlives, stopper);
    ck_ok(green_join(other, NULL));
    ck_assert_int_eq(serve_result, 0);
}
END_TEST

START_TEST(a_shield_inside_a_region_keeps_the_stop_out)
{
    struct green_shield shield;
    struct green_idle idle;

    serve_tcp();
    run_others();
    ck_ok(green_idle_begin(&idle, &server));
    ck_ok(green_shield_begin(&shield));
    stop_server();
    ck_ok(green_sleep(GREEN_MSEC));
    ck_ok(green_shield_end(&shield));
    ck_fails(green_sleep(GREEN_MSEC), ECANCELED);
    ck_ok(green_idle_end(&idle));
    ck_ok(green_sleep(0));
}
END_TEST

START_TEST(a_negative_limit_is_refused)
{
    options.stop_timeout = -1;
    serve_tcp();
    has_ended(-1, EINVAL);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("net idle");
    TCase *tcase = add_tcase(suite, "idle");

    tcase_add_test(tcase, idle_connections_end_at_once);
    tcase_add_test(tcase, a_request_is_answered_in_full);
    tcase_add_test(tcase,
                   after_a_stop_a_region_fails_only_where_it_would_block);
    tcase_add_test(tcase, each_os_thread_ends_its_idle_connections);
    tcase_add_test(tcase, a_region_needs_a_server_that_runs_here);
    tcase_add_test(tcase, a_region_may_outlive_its_server);
    tcase_add_test(tcase, a_shield_inside_a_region_keeps_the_stop_out);
    tcase = add_tcase(suite, "limit");
    tcase_add_test(tcase, a_client_that_never_reads_does_not_hold_up_a_stop);
    tcase_add_test(tcase, within_the_limit_a_handler_can_finish);
    tcase_add_loop_test(tcase, a_kill_cuts_a_stop_short, 0, 2);
    tcase_add_test(tcase, a_kill_needs_no_stop_before);
    tcase_add_test(tcase, a_negative_limit_is_refused);
    return run_suite(suite);
}
