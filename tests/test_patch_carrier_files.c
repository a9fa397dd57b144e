/* A program's threads on two OS threads (GREENHUB_PATCH_THREADS=2) use the same
 * descriptors. */
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <semaphore.h>
#include <stdint.h>
#include <sys/socket.h>
#include <unistd.h>

#include "patch_support.h"

#define MANY 8

static sem_t begun;

static void setup(void)
{
    patch_threads();
    sem_init(&begun, 0, 0);
}

/* ---- Numbers and flags ---------------------------------------------------- */

static int ends[2];

/* Returns the byte, or -errno. */
static void *reads_byte(void *arg)
{
    char byte;
    ssize_t n = read(ends[0], &byte, 1);

    (void)arg;
    return (void *)(intptr_t)(n == 1 ? byte : -errno);
}

/* The first thread after main goes to the other OS thread. */
static intptr_t read_elsewhere(bool write_first)
{
    pthread_t there;

    if (write_first)
        ck_assert_int_eq(write(ends[1], "x", 1), 1);
    there = start_thread(reads_byte, NULL);
    return (intptr_t)join_thread(there);
}

static void *waits_for_a_byte(void *arg)
{
    sem_post(&begun);
    return reads_byte(arg);
}

/* It most likely waits when the byte comes: then it has looked at the flags. */
static intptr_t wait_elsewhere(void)
{
    pthread_t there = start_thread(waits_for_a_byte, NULL);

    ck_assert_int_eq(sem_wait(&begun), 0);
    usleep(1000);
    ck_assert_int_eq(write(ends[1], "y", 1), 1);
    return (intptr_t)join_thread(there);
}

static void close_ends(void)
{
    ck_ok(close(ends[0]));
    ck_ok(close(ends[1]));
}

/* What the other hub knows of a number ends with the number's life. */
START_TEST(a_number_that_is_used_again)
{
    int number = -1;

    for (int i = 0; i < 20; i++) {
        ck_ok(pipe(ends));
        ck_assert(number < 0 || ends[0] == number);
        number = ends[0];
        ck_assert_int_eq(wait_elsewhere(), 'y');
        close_ends();
        ck_ok(pipe2(ends, O_NONBLOCK));
        ck_assert_int_eq(ends[0], number);
        ck_assert_int_eq(read_elsewhere(false), -EAGAIN);
        ck_assert_int_eq(read_elsewhere(true), 'x');
        close_ends();
    }
}
END_TEST

/* What one OS thread changes, the other one knows. */
START_TEST(flags_that_another_os_thread_changes)
{
    ck_ok(pipe(ends));
    for (int i = 0; i < 20; i++) {
        ck_assert_int_eq(wait_elsewhere(), 'y');
        ck_ok(fcntl(ends[0], F_SETFL, O_NONBLOCK));
        ck_assert_int_eq(read_elsewhere(false), -EAGAIN);
        ck_ok(fcntl(ends[0], F_SETFL, 0));
    }
}
END_TEST

/* In the first second of a wait, by the hub's sweep. */
START_TEST(a_close_ends_waits_of_another_os_thread)
{
    pthread_t there;

    if (on_sim()) {
        SKIP("its second is over before the other OS thread closes");
        return;
    }
    ck_ok(pipe(ends));
    there = start_thread(waits_for_a_byte, NULL);
    ck_assert_int_eq(sem_wait(&begun), 0);
    ck_ok(close(ends[0]));
    ck_assert_int_eq((intptr_t)join_thread(there), -EBADF);
}
END_TEST

/* ---- A thread for each connection ----------------------------------------- */

static void *echoes(void *arg)
{
    int fd = (int)(intptr_t)arg;
    char buffer[64];
    ssize_t n;

    while ((n = read(fd, buffer, sizeof buffer)) > 0)
        ck_assert_int_eq(write(fd, buffer, (size_t)n), n);
    ck_ok(close(fd));
    return NULL;
}

static int listener;

static void *accepts(void *arg)
{
    for (int i = 0; i < 3 * MANY; i++) {
        int fd = accept(listener, NULL, NULL);

        ck_assert_int_ge(fd, 0);
        ck_assert_int_eq(
            pthread_detach(start_thread(echoes, (void *)(intptr_t)fd)), 0);
    }
    return arg;
}

static void *asks(void *arg)
{
    struct sockaddr_in *address = arg;
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    char text[8];

    ck_ok(connect(fd, (struct sockaddr *)address, sizeof *address));
    for (int i = 0; i < 200; i++) {
        ck_assert_int_eq(write(fd, "hello", 5), 5);
        ck_assert_int_eq(read(fd, text, sizeof text), 5);
    }
    ck_ok(close(fd));
    return NULL;
}

START_TEST(a_thread_for_each_connection)
{
    struct sockaddr_in address = {.sin_family = AF_INET,
                                  .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t length = sizeof address;
    pthread_t server, clients[MANY];

    listener = socket(AF_INET, SOCK_STREAM, 0);
    ck_ok(bind(listener, (struct sockaddr *)&address, sizeof address));
    ck_ok(listen(listener, MANY));
    ck_ok(getsockname(listener, (struct sockaddr *)&address, &length));
    server = start_thread(accepts, NULL);
    for (int round = 0; round < 3; round++) { /* numbers are used again */
        for (int i = 0; i < MANY; i++)
            clients[i] = start_thread(asks, &address);
        for (int i = 0; i < MANY; i++)
            join_thread(clients[i]);
    }
    join_thread(server);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("carriers' files");
    TCase *tcase = add_tcase(suite, "descriptors");

    tcase_add_checked_fixture(tcase, setup, NULL);
    tcase_add_test(tcase, a_number_that_is_used_again);
    tcase_add_test(tcase, flags_that_another_os_thread_changes);
    tcase_add_test(tcase, a_close_ends_waits_of_another_os_thread);
    tcase_add_test(tcase, a_thread_for_each_connection);
    return run_suite_with_tls(suite);
}
