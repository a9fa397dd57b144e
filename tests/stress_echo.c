/*
 * Nine thousand clients at once, byte-exact; clients that misbehave; running
 * out of descriptors. The clients are a process of their own, since the limit
 * on descriptors is per process; they run on the same hub.
 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "support.h"

#define ROUNDS 3

static char address[64];
static int listener;
static struct green_server server;

static void echo(int fd, void *arg)
{
    char buffer[4096];
    ssize_t n;

    (void)arg;
    while ((n = green_read(fd, buffer, sizeof buffer)) > 0)
        if (green_write_all(fd, buffer, (size_t)n) < 0)
            break;
}

static void *serve(void *arg)
{
    struct green_serve_options options = {.server = &server,
                                          .kill_on_stop = true};

    (void)arg;
    return (void *)(intptr_t)green_serve(listener, echo, &options);
}

static void start_listening(void)
{
    listener = green_listen("tcp://127.0.0.1:0", NULL);
    ck_assert_int_ge(listener, 0);
    ck_assert_int_gt(green_local_address(listener, address, sizeof address), 0);
}

/* ---- Good clients ----------------------------------------------------- */

static unsigned served, wrong, connected, wanted;

/* Each message names its client and its number. */
static void *client(void *arg)
{
    char out[300], in[300];
    int fd = green_dial(address), size;

    if (fd < 0) {
        fprintf(stderr, "client: %s\n", strerror(errno));
        wrong++;
        return NULL;
    }
    connected++;
    while (connected + wrong < wanted)
        green_sleep(20 * GREEN_MSEC); /* until all are connected */
    for (int i = 0; i < ROUNDS; i++) {
        size = snprintf(out, sizeof out, "client %d message %d %0*d",
                        (int)(intptr_t)arg, i, (int)(intptr_t)arg % 200 + 1, i);
        if (green_write_all(fd, out, (size_t)size) < 0 ||
            green_read_full(fd, in, (size_t)size) != size ||
            memcmp(in, out, (size_t)size) != 0)
            wrong++;
        else
            served++;
    }
    green_close(fd);
    return NULL;
}

static struct green_thread *spawn(void *(*fn)(void *), intptr_t arg)
{
    struct green_attr small = {.stack_size = 32 << 10};

    return green_spawn_with(&small, fn, (void *)arg);
}

/* Returns the child's exit status: 0 if every answer was right. */
static int run_clients(unsigned count)
{
    struct green_thread **threads = calloc(count, sizeof *threads);

    wanted = count;
    for (unsigned i = 0; i < count; i++) {
        threads[i] = spawn(client, i);
        if (!threads[i])
            return 3;
    }
    for (unsigned i = 0; i < count; i++)
        green_join(threads[i], NULL);
    if (wrong || served != count * ROUNDS) {
        fprintf(stderr, "%u right, %u wrong of %u\n", served, wrong,
                count * ROUNDS);
        return 2;
    }
    return 0;
}

/* Runs the server until the child ends. Returns the child's exit status. */
static int serve_child(pid_t child)
{
    struct green_thread *thread = green_spawn(serve, NULL);
    int status;
    void *result;

    ck_assert_int_gt(child, 0);
    ck_assert_ptr_nonnull(thread);
    while (waitpid(child, &status, WNOHANG) == 0)
        green_sleep(10 * GREEN_MSEC);
    ck_ok(green_server_stop(&server));
    ck_ok(green_join(thread, &result));
    ck_assert_int_eq((intptr_t)result, 0);
    return WIFEXITED(status) ? WEXITSTATUS(status) : 1000 + WTERMSIG(status);
}

START_TEST(nine_thousand_at_once)
{
    struct rlimit limit;
    unsigned count = 9000;
    pid_t child;

    ck_ok(getrlimit(RLIMIT_NOFILE, &limit));
    limit.rlim_cur = limit.rlim_max;
    ck_ok(setrlimit(RLIMIT_NOFILE, &limit));
    if (limit.rlim_max < count + 100) {
        SKIP("the limit on descriptors is under 9,100");
        return;
    }
    start_listening();
    child = fork();
    if (child == 0)
        _exit(green_close(listener) < 0 || run_clients(count));
    ck_assert_int_eq(serve_child(child), 0);
    ck_assert_uint_eq(server.accepted, count);
    ck_assert_uint_eq(server.active, 0);
}
END_TEST

/* ---- Bad clients ------------------------------------------------------ */

static void reset(int fd)
{
    struct linger linger = {.l_onoff = 1, .l_linger = 0};

    setsockopt(fd, SOL_SOCKET, SO_LINGER, &linger, sizeof linger);
}

static void *bad_client(void *arg)
{
    static char block[100000];
    int fd = green_dial(address), kind = (int)(intptr_t)arg % 6;

    if (fd < 0)
        return NULL;
    if (kind == 0) /* closes in the middle of a message */
        green_send(fd, block, 1000, 0);
    if (kind == 1) { /* sends, never reads, resets */
        green_send(fd, block, sizeof block, MSG_DONTWAIT);
        reset(fd);
    }
    if (kind == 2) { /* half-closes, and reads the answers */
        green_send(fd, block, 5000, 0);
        green_shutdown(fd, SHUT_WR);
        if (green_read_full(fd, block, sizeof block) != 5000)
            wrong++;
    }
    if (kind == 3) /* connects and sends nothing */
        green_sleep(50 * GREEN_MSEC);
    if (kind == 4) /* resets at once */
        reset(fd);
    if (kind == 5) { /* reads nothing of a large answer, and closes */
        green_send(fd, block, sizeof block, MSG_DONTWAIT);
        green_sleep(10 * GREEN_MSEC);
    }
    green_close(fd);
    return NULL;
}

static int run_bad_clients(void)
{
    enum { AT_ONCE = 300 };
    struct green_thread *threads[AT_ONCE];

    for (int round = 0; round < 10; round++) {
        for (int i = 0; i < AT_ONCE; i++)
            threads[i] = spawn(bad_client, i);
        for (int i = 0; i < AT_ONCE; i++)
            green_join(threads[i], NULL);
    }
    if (wrong)
        return 2;
    /* Good clients are served as before. */
    return run_clients(100);
}

START_TEST(clients_that_behave_badly)
{
    int before;
    pid_t child;

    green_get_hub();
    before = count_fds();
    start_listening();
    child = fork();
    if (child == 0)
        _exit(green_close(listener) < 0 || run_bad_clients());
    ck_assert_int_eq(serve_child(child), 0);
    ck_assert_uint_ge(server.accepted, 2000);
    ck_assert_uint_eq(server.active, 0);
    ck_ok(green_close(listener));
    ck_assert_int_eq(count_fds(), before);
}
END_TEST

/* ---- Out of descriptors ------------------------------------------------ */

START_TEST(descriptors_run_out_and_are_freed)
{
    struct rlimit limit;
    pid_t child;

    start_listening();
    child = fork();
    if (child == 0)
        _exit(green_close(listener) < 0 || run_bad_clients());
    ck_ok(getrlimit(RLIMIT_NOFILE, &limit));
    limit.rlim_cur = (rlim_t)count_fds() + 40;
    ck_ok(setrlimit(RLIMIT_NOFILE, &limit));
    wanted = 0;
    ck_assert_int_eq(serve_child(child), 0);
    ck_assert_uint_gt(server.pauses, 0);
    ck_assert_uint_eq(server.active, 0);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("stress_echo");
    TCase *tcase = add_tcase(suite, "echo");

    tcase_set_timeout(tcase, 60);
    tcase_add_test(tcase, nine_thousand_at_once);
    tcase_add_test(tcase, clients_that_behave_badly);
    tcase_add_test(tcase, descriptors_run_out_and_are_freed);
    return run_suite(suite);
}
