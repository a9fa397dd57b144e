/* vfork: the child runs on its parent's memory, and its calls are native. */
/* NOLINTBEGIN(clang-analyzer-unix.Vfork,clang-analyzer-security.*): it calls more
 * than POSIX allows, as programs do. */
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "patch_support.h"

static int ends[2];
static char *const no_environment[] = {NULL};

static void setup(void)
{
    patch_threads();
    ck_ok(pipe(ends));
}

/* Executes the program with its output in the pipe; in the child of a vfork. */
static void execute(char *const arguments[])
{
    close(ends[0]);
    dup2(ends[1], STDOUT_FILENO);
    close(ends[1]);
    execve(arguments[0], arguments, no_environment);
    _exit(127);
}

static void ended(pid_t child, int status)
{
    ck_assert_int_gt(child, 0);
    ck_assert_int_eq(wait_child(child), status);
}

static void expect(const char *text)
{
    char seen[256] = "";
    size_t length = 0;
    ssize_t n;

    ck_ok(close(ends[1]));
    while ((n = read(ends[0], seen + length, sizeof seen - 1 - length)) > 0)
        length += (size_t)n;
    ck_assert_str_eq(seen, text);
}

/* ---- The parent ----------------------------------------------------------- */

static void *echoes(void *arg)
{
    char *const echo[] = {(char[]){"/bin/echo"}, (char[]){"hello"}, NULL};
    pid_t child;

    errno = 77;
    child = vfork();
    if (child == 0)
        execute(echo);
    ck_assert_int_eq(errno, 77);
    ended(child, 0);
    return arg;
}

START_TEST(executes_a_program)
{
    ck_ok(green_join(green_spawn(echoes, NULL), NULL));
    expect("hello\n");
}
END_TEST

START_TEST(executes_one_in_main)
{
    echoes(NULL);
    expect("hello\n");
}
END_TEST

START_TEST(executes_one_in_a_thread)
{
    join_thread(start_thread(echoes, NULL));
    expect("hello\n");
}
END_TEST

static long echoes_on_worker(void *arg)
{
    echoes(arg);
    return 0;
}

START_TEST(executes_one_in_an_os_thread)
{
    long result;

    ck_ok(green_thread_pool_run(echoes_on_worker, NULL, &result));
    expect("hello\n");
}
END_TEST

static void *reads_byte(void *arg)
{
    char *byte = arg;

    ck_assert_int_eq(read(ends[0], byte, 1), 1);
    return arg;
}

/* A greenthread waits for a descriptor that the child closes, and replaces. */
START_TEST(the_childs_descriptors_are_its_own)
{
    struct green_thread *reader;
    char byte = 0;
    pid_t child;

    reader = green_spawn(reads_byte, &byte);
    ck_ok(green_sleep(0));
    child = vfork();
    if (child == 0) {
        close(ends[0]);
        dup2(STDIN_FILENO, ends[1]);
        fcntl(ends[0], F_SETFL, O_NONBLOCK);
        _exit(3);
    }
    ended(child, 3);
    ck_assert_int_eq(write(ends[1], "x", 1), 1);
    ck_ok(green_join(reader, NULL));
    ck_assert_int_eq(byte, 'x');
}
END_TEST

static volatile sig_atomic_t handled;

static void counts(int number)
{
    (void)number;
    handled++;
}

START_TEST(the_childs_handlers_are_its_own)
{
    struct sigaction action = {.sa_handler = counts}, before;
    pid_t child;

    ck_ok(sigaction(SIGUSR1, &action, NULL));
    child = vfork();
    if (child == 0) {
        action.sa_handler = SIG_IGN;
        _exit(sigaction(SIGUSR1, &action, &before) == 0 &&
                      before.sa_handler == counts
                  ? 0
                  : 1);
    }
    ended(child, 0);
    ck_ok(raise(SIGUSR1));
    ck_assert_int_eq(handled, 1);
    ck_ok(sigaction(SIGUSR1, NULL, &before));
    ck_assert(before.sa_handler == counts);
}
END_TEST

/* ---- Masks ------------------------------------------------------------------ */

static void *blocks_and_executes(void *arg)
{
    char *const grep[] = {(char[]){"/bin/grep"}, (char[]){"SigBlk"},
                          (char[]){"/proc/self/status"}, NULL};
    sigset_t set;
    pid_t child;

    sigemptyset(&set);
    sigaddset(&set, SIGHUP);
    ck_ok(pthread_sigmask(SIG_BLOCK, &set, NULL));
    child = vfork();
    if (child == 0)
        execute(grep);
    ended(child, 0);
    return arg;
}

static int blocked_by_kernel(int number)
{
    char line[256];
    unsigned long mask = 0;
    FILE *file = fopen("/proc/thread-self/status", "r");

    ck_assert_ptr_nonnull(file);
    while (fgets(line, sizeof line, file))
        if (strncmp(line, "SigBlk:", 7) == 0)
            mask = strtoul(line + 7, NULL, 16);
    fclose(file);
    return (mask >> (number - 1) & 1) != 0;
}

/* Main blocks nothing, so the OS thread blocks nothing, but for the child. */
START_TEST(the_child_has_its_threads_mask)
{
    join_thread(start_thread(blocks_and_executes, NULL));
    expect("SigBlk:\t0000000000000001\n");
    ck_assert_int_eq(blocked_by_kernel(SIGHUP), 0);
}
END_TEST

START_TEST(the_childs_mask_is_its_own)
{
    sigset_t set, after;
    pid_t child;

    sigfillset(&set);
    child = vfork();
    if (child == 0) {
        pthread_sigmask(SIG_SETMASK, &set, NULL);
        _exit(0);
    }
    ended(child, 0);
    ck_ok(pthread_sigmask(SIG_SETMASK, NULL, &after));
    ck_assert(!sigismember(&after, SIGHUP));
    ck_assert_int_eq(blocked_by_kernel(SIGHUP), 0);
}
END_TEST

/* ---- Native and green ---------------------------------------------------------- */

pid_t __vfork(void); /* of glibc; no header declares it */

static pid_t exits(int status)
{
    pid_t child = status % 2 ? vfork() : __vfork();

    if (child == 0)
        _exit(status);
    return child;
}

static void *notes(void *arg)
{
    *(bool *)arg = true;
    return arg;
}

static void *calls_are_green(void *arg)
{
    bool ran = false;
    struct green_thread *other;

    ended(exits(5), 5);
    other = green_spawn(notes, &ran);
    ck_ok(usleep(1000));
    ck_assert(ran);
    ck_ok(green_join(other, NULL));
    return arg;
}

START_TEST(later_calls_are_green)
{
    calls_are_green(NULL);
    ck_ok(green_join(green_spawn(calls_are_green, NULL), NULL));
}
END_TEST

START_TEST(a_native_region_goes_on)
{
    struct green_native region;
    struct green_thread *other;
    bool ran = false;

    green_native_begin(&region);
    ended(exits(6), 6);
    other = green_spawn(notes, &ran);
    ck_ok(usleep(1000));
    ck_assert(!ran || in_chaos()); /* a chaos build may switch at the spawn */
    green_native_end(&region);
    ck_ok(green_join(other, NULL));
}
END_TEST

/* It has no hub before its first green call, which is not one of its child's. */
START_TEST(in_a_forked_child)
{
    int status;
    pid_t child = fork(), grandchild;

    ck_assert_int_ge(child, 0);
    if (child == 0) {
        grandchild = vfork();
        if (grandchild == 0) {
            close(ends[0]);
            _exit(usleep(10) == 0 ? 7 : 1);
        }
        if (waitpid(grandchild, &status, 0) != grandchild ||
            WEXITSTATUS(status) != 7 || write(ends[1], "x", 1) != 1)
            _exit(1);
        calls_are_green(NULL);
        _exit(0);
    }
    ended(child, 0);
    expect("x");
}
END_TEST

/* A child of a child, as a program does that becomes nobody's child. */
START_TEST(in_a_child_of_its_own)
{
    pid_t child = vfork();

    if (child == 0) {
        if (vfork() == 0)
            _exit(0);
        close(ends[0]);
        _exit(8);
    }
    ended(child, 8);
    ck_assert_int_eq(write(ends[1], "x", 1), 1);
    expect("x");
    calls_are_green(NULL);
}
END_TEST

static void *many(void *arg)
{
    for (int i = 0; i < 20; i++) {
        ended(exits(i), i);
        ck_ok(green_sleep(0));
    }
    return arg;
}

START_TEST(many_at_once)
{
    pthread_t threads[10];

    for (int i = 0; i < 10; i++)
        threads[i] = start_thread(many, NULL);
    for (int i = 0; i < 10; i++)
        join_thread(threads[i]);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("patch vfork");
    TCase *tcase = add_tcase(suite, "vfork");

    tcase_add_checked_fixture(tcase, setup, NULL);
    tcase_add_test(tcase, executes_a_program);
    tcase_add_test(tcase, executes_one_in_main);
    tcase_add_test(tcase, executes_one_in_a_thread);
    tcase_add_test(tcase, executes_one_in_an_os_thread);
    tcase_add_test(tcase, the_childs_descriptors_are_its_own);
    tcase_add_test(tcase, the_childs_handlers_are_its_own);
    tcase_add_test(tcase, the_child_has_its_threads_mask);
    tcase_add_test(tcase, the_childs_mask_is_its_own);
    tcase_add_test(tcase, later_calls_are_green);
    tcase_add_test(tcase, a_native_region_goes_on);
    tcase_add_test(tcase, in_a_forked_child);
    tcase_add_test(tcase, in_a_child_of_its_own);
    tcase_add_test(tcase, many_at_once);
    return run_suite_with_tls(suite);
}
/* NOLINTEND(clang-analyzer-unix.Vfork,clang-analyzer-security.*) */
