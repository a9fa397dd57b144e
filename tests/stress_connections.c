/*
 * 9,000 connections, each with a running handler at the same moment, on one
 * hub, each with random bytes of its own. The limit on descriptors is per
 * process, so the clients run in several processes; each process has a source
 * address of its own, so that ports cannot run out.
 */
#include <arpa/inet.h>
#include <netinet/in.h>

#include "stress.h"

#define PROCESSES 3
#define ROUNDS 4
#define LARGEST 2048

static int port, ready[2], go[2];

static void echo(int fd, void *arg)
{
    char buffer[LARGEST];
    ssize_t n;

    (void)arg;
    while ((n = green_read(fd, buffer, sizeof buffer)) > 0)
        if (green_write_all(fd, buffer, (size_t)n) < 0)
            break;
}

/* ---- Clients ----------------------------------------------------------- */

static int process, open_now, count_here;

static int dial_from_own_address(void)
{
    struct sockaddr_in address = {.sin_family = AF_INET};
    int fd = green_socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), one = 1;

    child_must(fd >= 0);
    address.sin_addr.s_addr = htonl(0x7f000002u + (unsigned)process);
    setsockopt(fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &one, sizeof one);
    child_must(bind(fd, (struct sockaddr *)&address, sizeof address) == 0);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    address.sin_port = htons((uint16_t)port);
    child_must(green_connect(fd, (struct sockaddr *)&address, sizeof address) ==
               0);
    return fd;
}

static void exchange(int fd, uint64_t *state)
{
    char out[LARGEST], in[LARGEST];
    size_t size = 1 + next_random(state) % LARGEST;

    fill_random(out, size, state);
    child_must(green_write_all(fd, out, size) == 0);
    child_must(green_read_full(fd, in, size) == (ssize_t)size);
    child_must(memcmp(in, out, size) == 0);
}

static void *client(void *arg)
{
    uint64_t state = (uint64_t)process << 32 | (uint32_t)(intptr_t)arg;
    int fd = dial_from_own_address();
    char end;

    exchange(fd, &state);
    if (++open_now == count_here)
        child_must(write(ready[1], "r", 1) == 1);
    /* Thousands wait on one pipe, for its end. */
    child_must(green_read(go[0], &end, 1) == 0);
    for (int i = 1; i < ROUNDS; i++)
        exchange(fd, &state);
    child_must(green_close(fd) == 0);
    return NULL;
}

static void run_clients(int count)
{
    struct green_thread **threads = calloc((size_t)count, sizeof *threads);

    child_must(threads != NULL);
    green_use_hub("epolls"); /* the server's hub is under test */
    close(go[1]);
    count_here = count;
    for (int i = 0; i < count; i++)
        child_must((threads[i] = green_spawn(client, (void *)(intptr_t)i)));
    for (int i = 0; i < count; i++)
        child_must(green_join(threads[i], NULL) == 0);
    free(threads);
    child_must(open_now == count);
}

/* ---- Server ------------------------------------------------------------ */

static struct green_server server;

/* Releases the clients when all are connected; stops the server when all have
 * ended. */
static void *control(void *arg)
{
    int count = *(int *)arg;
    char byte;

    for (int i = 0; i < PROCESSES; i++)
        ck_assert_int_eq(green_read(ready[0], &byte, 1), 1);
    ck_assert_uint_eq(server.active, (unsigned)count);
    ck_assert_uint_ge(stats_now().alive, (unsigned)count);
    ck_ok(green_close(go[1]));
    ck_assert_int_eq(green_read(ready[0], &byte, 1), 0);
    ck_ok(green_server_stop(&server));
    return NULL;
}

static void serve(int listener, int count)
{
    struct green_serve_options options = {.server = &server};
    struct green_thread *conductor = green_spawn(control, &count);
    int before = count_fds();

    ck_assert_ptr_nonnull(conductor);
    ck_ok(green_serve(listener, echo, &options));
    ck_ok(green_join(conductor, NULL));
    ck_assert_uint_eq(server.accepted, (unsigned)count);
    ck_assert_int_eq(count_fds(), before - 1); /* go[1] */
    ck_assert_uint_eq(stats_now().alive, 1);
}

START_TEST(nine_thousand_at_the_same_moment)
{
    int listener = tcp_listener(&port);
    int count = fewer_if_checked(9000, 10);
    pid_t clients[PROCESSES];

    if (!allow_descriptors((rlim_t)count + 100)) {
        SKIP("the limit on descriptors is under 9,100");
        return;
    }
    ck_ok(listen(listener, 4096));
    pipe_pair(ready);
    pipe_pair(go);
    for (process = 0; process < PROCESSES; process++) {
        clients[process] = fork();
        if (clients[process] == 0) {
            close(listener);
            run_clients(count / PROCESSES);
            _exit(0);
        }
    }
    close(ready[1]);
    ck_ok(green_sleep(0)); /* makes the hub before descriptors are counted */
    serve(listener, count);
    for (process = 0; process < PROCESSES; process++)
        ck_assert_int_eq(wait_child(clients[process]), 0);
    fprintf(stderr, "%s: %d connections at once, %d exact answers\n",
            hub_under_test(), count, count * ROUNDS);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("stress connections");
    TCase *tcase = add_tcase(suite, "connections");

    tcase_set_timeout(tcase, 60);
    tcase_add_test(tcase, nine_thousand_at_the_same_moment);
    return run_suite(suite);
}
