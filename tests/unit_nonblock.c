/* The process's table of listeners that the library made non-blocking. */
#include "support.h"

#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <unistd.h>

#include "base/system.h"
#include "io/nonblock.h"

#define WELL 42

static atomic_bool is_inside, is_forking;

/* Keeps the OS thread inside until the fork is requested, and a while
 * longer. */
static int slow_fcntl(int fd, int command, ...)
{
    if (command == F_GETFL)
        return fcntl(fd, command);
    atomic_store(&is_inside, true);
    while (!atomic_load(&is_forking))
        sched_yield();
    for (int i = 0; i < 1000; i++)
        sched_yield();
    return fcntl(fd, command, fcntl(fd, F_GETFL) | O_NONBLOCK);
}

static void *sets(void *listener)
{
    ck_assert_int_eq(green__nonblock_set(*(int *)listener), 1);
    return NULL;
}

START_TEST(a_fork_while_another_thread_is_inside)
{
    int port, listener = tcp_listener(&port);
    pthread_t thread;
    pid_t pid;

    if (is_emulated()) {
        SKIP("qemu-user ends the child of many threads with 127");
        return;
    }
    if (checker() && strcmp(checker(), "tsan") == 0) {
        SKIP("ThreadSanitizer keeps the parent's threads and locks in the "
             "child");
        return;
    }
    green__system.fcntl = slow_fcntl;
    ck_ok(pthread_create(&thread, NULL, sets, &listener));
    while (!atomic_load(&is_inside))
        sched_yield();
    atomic_store(&is_forking, true);
    pid = fork();
    if (pid == 0)
        _exit(green_close(listener) == 0 ? WELL : 1);
    ck_assert_int_eq(wait_child(pid), WELL);
    ck_ok(pthread_join(thread, NULL));
    ck_assert_int_eq(green__nonblock_set(listener), 1);
    ck_ok(green_close(listener));
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("nonblock");
    TCase *tcase = add_tcase(suite, "nonblock");

    tcase_add_test(tcase, a_fork_while_another_thread_is_inside);
    return run_suite(suite);
}
