/* Files: libgreenhub-patch's group FILES. */
#include <fcntl.h>
#include <greenhub/patch.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "support.h"

/* Behind -D_FORTIFY_SOURCE. */
int __open_2(const char *path, int flags);
int __open64_2(const char *path, int flags);
int __openat_2(int folder, const char *path, int flags);
int __openat64_2(int folder, const char *path, int flags);

static char folder[] = "/tmp/patch_files.XXXXXX";
static char path[64];

static void setup(void)
{
    ck_assert_msg(green_patch(GREEN_PATCH_LIBRARIES | GREEN_PATCH_FILES) == 0,
                  "%s", green_hub_error());
    ck_assert_ptr_nonnull(mkdtemp(folder));
    snprintf(path, sizeof path, "%s/file", folder);
}

static void teardown(void)
{
    unlink(path);
    rmdir(folder);
}

static void join(struct green_thread *thread)
{
    ck_assert_ptr_nonnull(thread);
    ck_ok(green_join(thread, NULL));
}

static void let_all_wait(void)
{
    for (int i = 0; i < 32; i++)
        green_sleep(0);
}

/* ---- open -------------------------------------------------------------------- */

static int by_open(int flags)
{
    return open(path, flags, 0600);
}

static int by_open64(int flags)
{
    return open64(path, flags, 0600);
}

static int by_openat(int flags)
{
    return openat(AT_FDCWD, path, flags, 0600);
}

static int by_openat64(int flags)
{
    return openat64(AT_FDCWD, path, flags, 0600);
}

static int by_open_2(int flags)
{
    return __open_2(path, flags);
}

static int by_open64_2(int flags)
{
    return __open64_2(path, flags);
}

static int by_openat_2(int flags)
{
    return __openat_2(AT_FDCWD, path, flags);
}

static int by_openat64_2(int flags)
{
    return __openat64_2(AT_FDCWD, path, flags);
}

static int by_creat(int flags)
{
    return flags == O_RDONLY ? open(path, O_RDONLY) : creat(path, 0600);
}

static int by_creat64(int flags)
{
    return flags == O_RDONLY ? open64(path, O_RDONLY) : creat64(path, 0600);
}

static int (*const openers[])(int flags) = {
    by_open,     by_open64,   by_openat,     by_openat64, by_open_2,
    by_open64_2, by_openat_2, by_openat64_2, by_creat,    by_creat64,
};

#define OPENERS (int)(sizeof openers / sizeof *openers)

static void *opens_to_write(void *arg)
{
    int fd = openers[*(int *)arg](O_WRONLY);

    ck_assert_int_ge(fd, 0);
    ck_assert_int_eq(write(fd, "abc", 3), 3);
    ck_ok(close(fd));
    return NULL;
}

static void *opens_to_read(void *arg)
{
    int fd = openers[*(int *)arg](O_RDONLY);
    char text[8];

    ck_assert_int_ge(fd, 0);
    ck_assert_int_eq(read(fd, text, sizeof text), 3);
    ck_ok(close(fd));
    return NULL;
}

START_TEST(a_fifo_is_opened_when_the_other_end_is)
{
    struct green_thread *threads[2];
    int which = _i;

    ck_ok(mkfifo(path, 0600));
    threads[0] = green_spawn(opens_to_read, &which);
    let_all_wait();
    threads[1] = green_spawn(opens_to_write, &which);
    join(threads[1]);
    join(threads[0]);
}
END_TEST

static void *opens_in_vain(void *arg)
{
    ck_fails(openers[*(int *)arg](O_RDONLY), ECANCELED);
    return NULL;
}

START_TEST(a_kill_ends_an_open)
{
    struct green_thread *thread;
    int which = _i;

    ck_ok(mkfifo(path, 0600));
    thread = green_spawn(opens_in_vain, &which);
    let_all_wait();
    ck_ok(green_kill(thread));
    join(thread);
    /* lets the OS thread that is still in open go on */
    ck_ok(close(open(path, O_RDWR)));
}
END_TEST

START_TEST(errors_of_open_are_the_kernels)
{
    ck_fails(openers[_i](O_RDONLY), ENOENT);
    ck_ok(close(open(path, O_WRONLY | O_CREAT | O_EXCL, 0600)));
    ck_fails(open(path, O_WRONLY | O_CREAT | O_EXCL, 0600), EEXIST);
    errno = EXDEV;
    ck_ok(close(openers[_i](O_WRONLY)));
    ck_assert_int_eq(errno, EXDEV);
    ck_fails(openat(-1, "x", O_RDONLY), EBADF);
}
END_TEST

START_TEST(a_mode_that_is_missing_ends_the_program)
{
    openers[4 + _i](O_WRONLY | O_CREAT);
}
END_TEST

/* ---- fsync ------------------------------------------------------------------- */

static int others_ran;

static void *runs_meanwhile(void *arg)
{
    others_ran++;
    return arg;
}

START_TEST(others_run_while_a_file_is_synced)
{
    int (*const sync)(int fd) = _i ? fdatasync : fsync;
    struct green_thread *thread;
    int fd = open(path, O_RDWR | O_CREAT, 0600);

    ck_assert_int_eq(write(fd, "abc", 3), 3);
    thread = green_spawn(runs_meanwhile, NULL);
    errno = EXDEV;
    ck_ok(sync(fd));
    ck_assert_int_eq(errno, EXDEV);
    ck_assert_int_eq(others_ran, 1);
    join(thread);
    ck_ok(close(fd));
    ck_fails(sync(fd), EBADF);
    ck_fails(sync(-1), EBADF);
}
END_TEST

START_TEST(what_calls_sync_by_name)
{
    ck_fails(fsync(-1), EBADF);
    ck_fails(fdatasync(-1), EBADF);
}
END_TEST

/* ---- Locks ------------------------------------------------------------------- */

struct kind {
    const char *name;
    int (*lock)(int fd);
    int (*unlock)(int fd);
};

static int lock_by_flock(int fd)
{
    return flock(fd, LOCK_EX);
}

static int unlock_by_flock(int fd)
{
    return flock(fd, LOCK_UN);
}

static int lock_by_fcntl(int fd, int command, short type)
{
    struct flock lock = {.l_type = type, .l_whence = SEEK_SET};

    return fcntl(fd, command, &lock);
}

static int lock_by_ofd(int fd)
{
    return lock_by_fcntl(fd, F_OFD_SETLKW, F_WRLCK);
}

static int unlock_by_ofd(int fd)
{
    return lock_by_fcntl(fd, F_OFD_SETLK, F_UNLCK);
}

static int lock_by_posix(int fd)
{
    return lock_by_fcntl(fd, F_SETLKW, F_WRLCK);
}

static int unlock_by_posix(int fd)
{
    return lock_by_fcntl(fd, F_SETLKW, F_UNLCK);
}

static int lock_by_lockf(int fd)
{
    return lockf(fd, F_LOCK, 0);
}

static int unlock_by_lockf(int fd)
{
    return lockf(fd, F_ULOCK, 0);
}

static int lock_by_lockf64(int fd)
{
    return lockf64(fd, F_LOCK, 0);
}

static int unlock_by_lockf64(int fd)
{
    return lockf64(fd, F_ULOCK, 0);
}

static const struct kind kinds[] = {
    {"flock", lock_by_flock, unlock_by_flock},
    {"F_OFD_SETLKW", lock_by_ofd, unlock_by_ofd},
    {"F_SETLKW", lock_by_posix, unlock_by_posix},
    {"lockf", lock_by_lockf, unlock_by_lockf},
    {"lockf64", lock_by_lockf64, unlock_by_lockf64},
};

#define KINDS (int)(sizeof kinds / sizeof *kinds)
#define FILE_KINDS 2 /* the first ones: greenthreads can have one each */

static const struct kind *kind;
static int holders;

static int open_file(void)
{
    int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);

    ck_assert_int_ge(fd, 0);
    return fd;
}

static void *holds_in_turn(void *arg)
{
    int fd = open_file();

    for (int i = 0; i < 20; i++) {
        errno = EXDEV;
        ck_ok(kind->lock(fd));
        ck_assert_int_eq(errno, EXDEV);
        ck_assert_int_eq(holders++, 0);
        ck_ok(green_yield());
        holders--;
        ck_ok(kind->unlock(fd));
    }
    ck_ok(close(fd));
    return arg;
}

START_TEST(greenthreads_have_a_lock_in_turn)
{
    struct green_thread *threads[5];

    kind = &kinds[_i];
    for (int i = 0; i < 5; i++)
        threads[i] = green_spawn(holds_in_turn, NULL);
    for (int i = 0; i < 5; i++)
        join(threads[i]);
}
END_TEST

static void *locks_in_vain(void *arg)
{
    int fd = open_file();

    *(bool *)arg = true;
    ck_fails(kind->lock(fd), ECANCELED);
    ck_ok(close(fd));
    return arg;
}

START_TEST(a_kill_ends_a_wait_for_a_lock)
{
    struct green_thread *thread;
    int fd = open_file();
    bool waits = false;

    kind = &kinds[_i];
    ck_ok(kind->lock(fd));
    thread = green_spawn(locks_in_vain, &waits);
    while (!waits)
        green_sleep(GREEN_MSEC);
    let_all_wait();
    ck_ok(green_kill(thread));
    join(thread);
    ck_ok(kind->unlock(fd));
    ck_ok(close(fd));
}
END_TEST

/* Has the lock until the pipe is closed. */
static pid_t child_with_lock(int fds[2])
{
    pid_t child;
    char c;

    pipe_pair(fds);
    child = fork();
    ck_assert_int_ge(child, 0);
    if (child == 0) {
        struct green_native region;
        int fd;

        green_native_begin(&region);
        close(fds[1]);
        fd = open_file();
        if (kind->lock(fd) < 0)
            _exit(1);
        kill(getppid(), SIGUSR1);
        _exit(read(fds[0], &c, 1) == 0 ? 0 : 2);
    }
    ck_ok(close(fds[0]));
    return child;
}

static volatile sig_atomic_t locked;

static void note_signal(int signal)
{
    (void)signal;
    locked = 1;
}

static bool others_may_go_on;

static void *lets_go(void *arg)
{
    let_all_wait();
    others_may_go_on = true;
    ck_ok(close(*(int *)arg));
    return NULL;
}

START_TEST(a_lock_of_another_process_is_waited_for)
{
    struct green_thread *thread;
    pid_t child;
    int fds[2], fd = open_file();

    kind = &kinds[_i];
    signal(SIGUSR1, note_signal);
    child = child_with_lock(fds);
    while (!locked)
        green_sleep(GREEN_MSEC);
    thread = green_spawn(lets_go, &fds[1]);
    ck_ok(kind->lock(fd));
    ck_assert(others_may_go_on);
    join(thread);
    ck_assert_int_eq(wait_child(child), 0);
    ck_ok(kind->unlock(fd));
    ck_ok(close(fd));
}
END_TEST

START_TEST(errors_of_locks_are_the_kernels)
{
    struct flock odd = {.l_type = 77};
    int fd = open_file(), other = open_file();

    ck_fails(kinds[_i].lock(-1), EBADF);
    ck_fails(kinds[_i].unlock(-1), EBADF);
    ck_fails(flock(fd, 0), EINVAL);
    ck_fails(fcntl(fd, F_SETLKW, &odd), EINVAL);
    if (!under_valgrind()) /* it reports what the kernel refuses */
        ck_fails(fcntl(fd, F_SETLKW, NULL), EFAULT);
    ck_fails(lockf(fd, 77, 0), EINVAL);
    ck_ok(flock(fd, LOCK_EX));
    ck_fails(flock(other, LOCK_EX | LOCK_NB), EWOULDBLOCK);
    ck_ok(lock_by_ofd(fd));
    ck_fails(lock_by_fcntl(other, F_OFD_SETLK, F_WRLCK), EAGAIN);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("patch_files");
    TCase *tcase = add_tcase(suite, "open");

    tcase_add_checked_fixture(tcase, setup, teardown);
    tcase_add_loop_test(tcase, a_fifo_is_opened_when_the_other_end_is, 0,
                        OPENERS);
    tcase_add_loop_test(tcase, a_kill_ends_an_open, 0, OPENERS - 2);
    tcase_add_loop_test(tcase, errors_of_open_are_the_kernels, 0, OPENERS);
    tcase_add_loop_test_raise_signal(
        tcase, a_mode_that_is_missing_ends_the_program, SIGABRT, 0, 4);

    tcase = add_tcase(suite, "fsync");
    tcase_add_checked_fixture(tcase, setup, teardown);
    tcase_add_loop_test(tcase, others_run_while_a_file_is_synced, 0, 2);
    tcase_add_test(tcase, what_calls_sync_by_name);

    tcase = add_tcase(suite, "locks");
    tcase_add_checked_fixture(tcase, setup, teardown);
    tcase_add_loop_test(tcase, greenthreads_have_a_lock_in_turn, 0, FILE_KINDS);
    tcase_add_loop_test(tcase, a_kill_ends_a_wait_for_a_lock, 0, FILE_KINDS);
    tcase_add_loop_test(tcase, a_lock_of_another_process_is_waited_for, 0,
                        KINDS);
    tcase_add_loop_test(tcase, errors_of_locks_are_the_kernels, 0, KINDS);
    return run_suite(suite);
}
