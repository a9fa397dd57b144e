/* Regular files: the same results on all hubs, waiting or not. */
#include "completing.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

static char folder[] = "/tmp/greenhub-XXXXXX";
static char path[64];

/* _i: the hub as it is, and one that carries out operations. */
static void begin(int completing)
{
    if (completing)
        use_completing_hub();
    ck_assert_ptr_nonnull(mkdtemp(folder));
    snprintf(path, sizeof path, "%s/file", folder);
}

static void end(void)
{
    unlink(path);
    ck_ok(rmdir(folder));
}

START_TEST(written_and_read)
{
    struct stat ours, theirs;
    char got[16] = "";
    int fd;

    begin(_i);
    fd = green_open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0640);
    ck_assert_int_ge(fd, 0);
    ck_assert_int_eq(green_write(fd, "hello", 5), 5);
    ck_assert_int_eq(green_pwrite(fd, "J", 1, 0), 1);
    ck_ok(green_fsync(fd));
    ck_ok(green_fdatasync(fd));
    ck_assert_int_eq(green_pread(fd, got, 16, 1), 4);
    ck_assert_str_eq(got, "ello");
    ck_assert_int_eq(green_read(fd, got, 16), 0);
    ck_assert_int_eq(lseek(fd, 0, SEEK_SET), 0);
    ck_assert_int_eq(green_read(fd, got, 16), 5);
    ck_assert_str_eq(got, "Jello");
    ck_assert_int_eq(green_pread(fd, got, 16, 100), 0);
    memset(&ours, 0, sizeof ours);
    memset(&theirs, 0, sizeof theirs);
    ck_ok(green_stat(path, &ours));
    ck_ok(stat(path, &theirs));
    ck_assert_uint_eq(ours.st_dev, theirs.st_dev);
    ck_assert_uint_eq(ours.st_ino, theirs.st_ino);
    ck_assert_uint_eq(ours.st_mode, theirs.st_mode);
    ck_assert_int_eq(ours.st_size, theirs.st_size);
    ck_assert_int_eq(ours.st_mtim.tv_nsec, theirs.st_mtim.tv_nsec);
    ck_ok(green_fstat(fd, &ours));
    ck_assert_uint_eq(ours.st_ino, theirs.st_ino);
    ck_ok(green_close(fd));
    end();
}
END_TEST

START_TEST(what_is_wrong_is_told)
{
    struct stat status;
    char byte;
    int at, fd;

    begin(_i);
    ck_fails(green_open(path, O_RDONLY), ENOENT);
    ck_fails(green_stat(path, &status), ENOENT);
    ck_fails(green_fsync(-1), EBADF);
    ck_fails(green_pread(-1, &byte, 1, 0), EBADF);
    at = open(folder, O_PATH | O_DIRECTORY);
    fd = green_openat(at, "file", O_WRONLY | O_CREAT | O_EXCL, 0600);
    ck_assert_int_ge(fd, 0);
    ck_fails(green_openat(at, "file", O_WRONLY | O_CREAT | O_EXCL, 0600),
             EEXIST);
    ck_fails(green_pread(fd, &byte, 1, 0), EBADF); /* not for reading */
    ck_fails(green_pread(fd, &byte, 1, -1), EINVAL);
    ck_fails(green_pwrite(fd, &byte, 1, -1), EINVAL);
    close(at);
    ck_ok(green_close(fd));
    end();
}
END_TEST

static int turns;

static void *take_turns(void *unused)
{
    while (green_sleep(0) == 0)
        turns++;
    return unused;
}

/* Others run meanwhile, where the hub carries it out. */
START_TEST(others_run_meanwhile)
{
    struct green_thread *other;
    int fd;

    begin(1);
    fd = green_open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
    other = green_spawn(take_turns, NULL);
    ck_ok(green_sleep(0));
    turns = 0;
    ck_assert_int_eq(green_write(fd, "hello", 5), 5);
    ck_ok(green_fsync(fd));
    ck_assert_int_gt(turns, 0);
    ck_ok(green_kill(other));
    ck_ok(green_join(other, NULL));
    ck_ok(green_close(fd));
    end();
}
END_TEST

static void *write_killed(void *arg)
{
    ck_ok(green_kill(green_self()));
    ck_assert_int_eq(green_write((int)(intptr_t)arg, "bye", 3), 3);
    ck_ok(green_fsync((int)(intptr_t)arg));
    return NULL;
}

/* The last words of one who unwinds get written. */
START_TEST(the_killed_may_write)
{
    char got[8];
    int fd;

    begin(_i);
    fd = green_open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    ck_ok(green_join(green_spawn(write_killed, (void *)(intptr_t)fd), NULL));
    ck_assert_int_eq(green_pread(fd, got, 8, 0), 3);
    ck_ok(green_close(fd));
    end();
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("io_file");
    TCase *tcase = add_tcase(suite, "files");

    tcase_add_loop_test(tcase, written_and_read, 0, 2);
    tcase_add_loop_test(tcase, what_is_wrong_is_told, 0, 2);
    tcase_add_test(tcase, others_run_meanwhile);
    tcase_add_loop_test(tcase, the_killed_may_write, 0, 2);
    return run_suite(suite);
}
