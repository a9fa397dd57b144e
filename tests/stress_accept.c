/*
 * The server runs out of descriptors while it accepts: it pauses, and serves
 * all clients in the end. Nothing depends on timing: clients keep their
 * connections, or a greenthread holds all descriptors, until the server has
 * paused.
 */
#include "stress.h"

#define CLIENTS 300
#define ROOM 40 /* descriptors that the server has for clients */

static char address[64];
static struct green_server server;
static int go[2], alive[2];

static void echo(int fd, void *arg)
{
    char buffer[512];
    ssize_t n;

    (void)arg;
    while ((n = green_read(fd, buffer, sizeof buffer)) > 0)
        if (green_write_all(fd, buffer, (size_t)n) < 0)
            break;
}

static void exchange(int fd, uint64_t *state)
{
    char out[500], in[500];

    fill_random(out, sizeof out, state);
    child_must(green_write_all(fd, out, sizeof out) == 0);
    child_must(green_read_full(fd, in, sizeof in) == sizeof in);
    child_must(memcmp(in, out, sizeof in) == 0);
}

static void *client(void *arg)
{
    uint64_t state = (uint64_t)(intptr_t)arg;
    int fd = green_dial(address);
    char end;

    child_must(fd >= 0);
    exchange(fd, &state);
    child_must(green_read(go[0], &end, 1) == 0);
    exchange(fd, &state);
    child_must(green_close(fd) == 0);
    return NULL;
}

static void run_clients(void)
{
    struct green_thread *threads[CLIENTS];

    close(go[1]);
    for (int i = 0; i < CLIENTS; i++)
        child_must((threads[i] = green_spawn(client, (void *)(intptr_t)i)));
    for (int i = 0; i < CLIENTS; i++)
        child_must(green_join(threads[i], NULL) == 0);
}

static void limit_descriptors(int room)
{
    struct rlimit limit;

    ck_ok(getrlimit(RLIMIT_NOFILE, &limit));
    limit.rlim_cur = (rlim_t)(count_fds() + room);
    ck_ok(setrlimit(RLIMIT_NOFILE, &limit));
}

static void *control(void *arg)
{
    bool takes_descriptors = *(int *)arg;
    int held[ROOM], count = 0;
    char none;

    /* Takes all descriptors, before the server accepts the first client. */
    while (takes_descriptors && count < ROOM &&
           (held[count] = green_dup(go[0])) >= 0)
        count++;
    while (server.pauses == 0)
        ck_ok(green_sleep(GREEN_MSEC));
    if (takes_descriptors) {
        ck_assert_int_gt(count, 0);
        ck_assert_uint_eq(server.accepted, 0);
    }
    while (count > 0)
        ck_ok(green_close(held[--count]));
    ck_ok(green_close(go[1]));
    ck_assert_int_eq(green_read(alive[0], &none, 1), 0);
    ck_ok(green_server_stop(&server));
    return NULL;
}

START_TEST(all_are_served_in_the_end)
{
    struct green_serve_options options = {.server = &server};
    int listener = green_listen("tcp://127.0.0.1:0", NULL), before;
    struct green_thread *thread;
    pid_t child;

    ck_assert_int_gt(green_local_address(listener, address, sizeof address), 0);
    pipe_pair(go);
    pipe_pair(alive);
    ck_ok(green_sleep(0));
    child = fork();
    if (child == 0) {
        child_must(close(listener) == 0);
        run_clients();
        _exit(0);
    }
    close(alive[1]);
    before = count_fds();
    limit_descriptors(ROOM);
    thread = green_spawn(control, &_i);
    ck_ok(green_serve(listener, echo, &options));
    ck_ok(green_join(thread, NULL));
    ck_assert_int_eq(wait_child(child), 0);
    fprintf(stderr, "%s: %u clients, room for %d, %u pauses\n",
            hub_under_test(), (unsigned)server.accepted, ROOM,
            (unsigned)server.pauses);
    ck_assert_uint_eq(server.accepted, CLIENTS);
    ck_assert_uint_gt(server.pauses, 0);
    ck_assert_uint_eq(stats_now().alive, 1);
    ck_assert_int_eq(count_fds(), before - 1); /* go[1] */
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("stress accept");
    TCase *tcase = add_tcase(suite, "accept");

    tcase_set_timeout(tcase, 60);
    tcase_add_loop_test(tcase, all_are_served_in_the_end, 0, 2);
    return run_suite(suite);
}
