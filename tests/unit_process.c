/* Child processes where the kernel has no pidfds, or older ones than the library
 * uses, or where it has no memory. */
#include <greenhub/process.h>

#include <sys/syscall.h>

#include "base/system.h"
#include "children.h"

static struct green__system real;

static int no_pidfd(pid_t pid, unsigned flags)
{
    (void)pid;
    (void)flags;
    errno = ENOSYS;
    return -1;
}

/* Linux 5.3: waitid knows no pidfds. */
static int waitid_by_number(idtype_t type, id_t id, siginfo_t *info,
                            int options)
{
    if (type == (idtype_t)3) {
        errno = EINVAL;
        return -1;
    }
    return real.waitid(type, id, info, options);
}

/* A sandbox that knows pidfds but no signals by them, which also is Linux before
 * 6.9 for groups. Its other system calls by this function are not needed here. */
static long no_signal_by_pidfd(long number, ...)
{
    errno = number == SYS_pidfd_send_signal ? ENOSYS : EPERM;
    return -1;
}

static int open_pidfd(pid_t pid, unsigned flags)
{
    return (int)syscall(SYS_pidfd_open, pid, flags);
}

static void setup_without(void)
{
    real = green__system;
    ck_ok(green_use_hub("poll"));
    green__system.pidfd_open = no_pidfd;
}

static void setup_old(void)
{
    real = green__system;
    ck_ok(green_use_hub("poll"));
    green__system.waitid = waitid_by_number;
}

static void setup_sandboxed(void)
{
    real = green__system;
    ck_ok(green_use_hub("poll"));
    green__system.pidfd_open = open_pidfd;
    green__system.syscall = no_signal_by_pidfd;
}

static void setup_plain(void)
{
    real = green__system;
    ck_ok(green_use_hub("poll"));
}

static void *waits(void *process)
{
    ck_fails(green_process_wait(process, NULL), ECANCELED);
    return NULL;
}

START_TEST(a_child_ends)
{
    struct green_process process;
    struct green_timeout timeout;
    struct green_thread *thread;
    int status;

    start_shell(&process, "read line; exit 7");
    thread = green_spawn(waits, &process);
    ck_ok(green_timeout_start(&timeout, 5 * GREEN_MSEC));
    ck_fails(green_process_wait(&process, NULL), ETIMEDOUT);
    ck_ok(green_timeout_cancel(&timeout));
    ck_ok(green_kill(thread));
    ck_ok(green_join(thread, NULL));
    ck_assert_int_eq(green_write(process.in, "x\n", 2), 2);
    ck_ok(green_process_wait(&process, &status));
    ck_assert_int_eq(WEXITSTATUS(status), 7);
    ck_fails(green_process_kill(&process, SIGTERM), ESRCH);
    ck_ok(green_process_end(&process));
    ck_no_child();
}
END_TEST

START_TEST(a_child_is_killed)
{
    struct green_process process;
    int status;

    start_shell(&process, "read line");
    ck_ok(green_process_kill(&process, 0));
    ck_ok(green_process_kill(&process, SIGTERM));
    ck_ok(green_process_wait(&process, &status));
    ck_assert_int_eq(WTERMSIG(status), SIGTERM);
    ck_ok(green_process_end(&process));
    start_shell(&process, "read line");
    ck_ok(green_process_end(&process));
    ck_no_child();
}
END_TEST

START_TEST(a_group_is_killed)
{
    SHELL(argv, "sleep 1000 & echo up; wait");
    const struct green_process_options options = {
        .argv = argv, .out = STDIO_PIPE, .new_group = true};
    struct green_process process;
    char byte;

    ck_ok(green_process_start(&process, &options));
    ck_says(&process, "up\n");
    ck_ok(green_process_kill_group(&process, SIGTERM));
    ck_assert_int_eq(green_read(process.out, &byte, 1), 0);
    ck_ok(green_process_end(&process));
}
END_TEST

/* Its number may be another child's by now: nothing is sent to that. */
START_TEST(the_program_collects_the_status)
{
    struct green_process process;

    start_shell(&process, "exit 6");
    ck_assert_int_eq(waitpid(process.pid, NULL, 0), process.pid);
    ck_fails(green_process_kill(&process, SIGTERM), ESRCH);
    ck_fails(green_process_wait(&process, NULL), ECHILD);
    ck_ok(green_process_end(&process));
}
END_TEST

static void *talks(void *arg)
{
    struct green_exchange exchange = {.input = "hello", .input_size = 5};
    struct green_process process;
    int status = -1;

    start_shell(&process, "cat");
    exchange.until_end = arg;
    ck_ok(green_process_communicate(&process, &exchange, &status));
    ck_assert_int_eq(status, 0);
    ck_assert_str_eq(exchange.out, "hello");
    free(exchange.out);
    ck_ok(green_process_end(&process));
    return NULL;
}

START_TEST(many_at_once)
{
    struct green_thread *threads[50];

    for (int i = 0; i < 50; i++)
        threads[i] = green_spawn(talks, i % 2 ? &threads : NULL);
    for (int i = 0; i < 50; i++)
        ck_ok(green_join(threads[i], NULL));
    ck_no_child();
}
END_TEST

START_TEST(an_upgrade_fails)
{
    const char *const ends[] = {"false", NULL};
    struct green_upgrade_options options = {.argv = ends,
                                            .timeout = GREEN_FOREVER};
    SHELL(hangs, "exec sleep 1000");

    if (lacks_linux()) {
        SKIP("an upgrade needs Linux");
        return;
    }
    ck_fails(green_upgrade(&options), ECHILD);
    options.argv = hangs;
    options.timeout = 20 * GREEN_MSEC;
    ck_fails(green_upgrade(&options), ETIMEDOUT);
    ck_no_child();
}
END_TEST

/* ---- Failures --------------------------------------------------------------- */

static int allocations_left;

static void *allocate_some(size_t count, size_t size)
{
    return allocations_left-- > 0 ? real.allocate(count, size) : NULL;
}

START_TEST(no_memory)
{
    SHELL(argv, "exit 0");
    const struct green_process_options options = {.argv = argv};
    struct green_process process;

    green_get_hub();
    green__system.allocate = allocate_some;
    ck_fails(green_process_start(&process, &options), ENOMEM);
    green__system.allocate = real.allocate;
    ck_no_child();
}
END_TEST

static void *reallocate_never(void *memory, size_t size)
{
    (void)memory;
    (void)size;
    return NULL;
}

START_TEST(no_memory_for_the_output)
{
    struct green_exchange exchange = {.input = NULL};
    struct green_process process;

    start_shell(&process, "cat; echo kept");
    green__system.reallocate = reallocate_never;
    ck_fails(green_process_communicate(&process, &exchange, NULL), ENOMEM);
    green__system.reallocate = real.reallocate;
    ck_ok(green_process_communicate(&process, &exchange, NULL));
    ck_assert_str_eq(exchange.out, "kept\n");
    free(exchange.out);
    ck_ok(green_process_end(&process));
}
END_TEST

/* Another part of the program collects the status before the pidfd is opened, and
 * the number goes to another process: here, the one that runs the tests. */
static int reused_pidfd(pid_t pid, unsigned flags)
{
    (void)pid;
    return (int)syscall(SYS_pidfd_open, getppid(), flags);
}

START_TEST(its_number_is_another_processs)
{
    struct green_process process;
    pid_t child;

    if (lacks_linux()) {
        SKIP("POSIX has no pidfds");
        return;
    }
    green__system.pidfd_open = reused_pidfd;
    start_shell(&process, "read line");
    child = process.pid;
    ck_fails(green_process_kill(&process, 0), ESRCH);
    ck_fails(green_process_wait(&process, NULL), ECHILD);
    ck_ok(green_process_end(&process));
    ck_ok(kill(child, SIGKILL));
    ck_assert_int_eq(waitpid(child, NULL, 0), child);
}
END_TEST

static void add_all(Suite *suite, const char *name, void (*setup)(void))
{
    TCase *tcase = add_tcase(suite, name);

    tcase_add_checked_fixture(tcase, setup, NULL);
    tcase_add_test(tcase, a_child_ends);
    tcase_add_test(tcase, a_child_is_killed);
    tcase_add_test(tcase, a_group_is_killed);
    tcase_add_test(tcase, the_program_collects_the_status);
    tcase_add_test(tcase, many_at_once);
    tcase_add_test(tcase, an_upgrade_fails);
}

int main(void)
{
    Suite *suite = suite_create("process");
    TCase *failures = add_tcase(suite, "failures");

    add_all(suite, "no pidfd", setup_without);
    add_all(suite, "old pidfd", setup_old);
    add_all(suite, "no signal by pidfd", setup_sandboxed);
    tcase_add_checked_fixture(failures, setup_plain, NULL);
    tcase_add_test(failures, its_number_is_another_processs);
    tcase_add_test(failures, no_memory);
    tcase_add_test(failures, no_memory_for_the_output);
    return run_suite(suite);
}
