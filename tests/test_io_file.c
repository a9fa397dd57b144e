/* Regular files: the same results on all hubs, with and without a wait. */
#include "completing.h"

#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

static char folder[] = "/tmp/greenhub-XXXXXX";
static char path[64];
static int file_fd;

/* _i: the plain hub, or one that carries out operations. */
static void begin(int completing)
{
    if (completing)
        use_completing_hub();
    ck_assert_ptr_nonnull(mkdtemp(folder));
    snprintf(path, sizeof path, "%s/file", folder);
}

/* Also, nothing is written into a pipe or socket. */
START_TEST(without_an_offset_it_is_espipe)
{
    char byte;
    int fds[2];

    if (_i)
        use_completing_hub();
    ck_ok(green_pipe2(fds, O_CLOEXEC));
    ck_fails(green_pwrite(fds[1], "x", 1, 0), ESPIPE);
    ck_fails(green_pread(fds[0], &byte, 1, 0), ESPIPE);
    ck_ok(pipe2(fds, O_CLOEXEC | O_NONBLOCK));
    ck_fails(green_pwrite(fds[1], "x", 1, 0), ESPIPE);
    ck_fails(read(fds[0], &byte, 1), EAGAIN);
    unix_pair(fds);
    ck_fails(green_pwrite(fds[1], "x", 1, 0), ESPIPE);
    ck_fails(green_pread(fds[0], &byte, 1, 0), ESPIPE);
}
END_TEST

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

START_TEST(errors)
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
    ck_fails(green_pread(fd, &byte, 1, 0), EBADF); /* not open for reading */
    ck_fails(green_pread(fd, &byte, 1, -1), EINVAL);
    ck_fails(green_pwrite(fd, &byte, 1, -1), EINVAL);
    close(at);
    ck_ok(green_close(fd));
    end();
}
END_TEST

static int runs;

static void *count_runs(void *unused)
{
    while (green_sleep(0) == 0)
        runs++;
    return unused;
}

/* Others run meanwhile, if the hub carries out the write. */
START_TEST(others_run_meanwhile)
{
    struct green_thread *other;
    int fd;

    begin(1);
    fd = green_open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
    other = green_spawn(count_runs, NULL);
    ck_ok(green_sleep(0));
    runs = 0;
    ck_assert_int_eq(green_write(fd, "hello", 5), 5);
    ck_ok(green_fsync(fd));
    ck_assert_int_gt(runs, 0);
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

/* A killed greenthread can still write to files, for clean-up. */
START_TEST(a_killed_greenthread_may_write)
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

/* ---- The file offset -------------------------------------------------- */

#define BLOCK 16384
#define BLOCKS 32

/* A file of numbered blocks that is not in the page cache, if possible. */
static int numbered_file(void)
{
    static char block[BLOCK];
    int fd = green_open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);

    for (int i = 0; i < BLOCKS; i++) {
        memset(block, i, sizeof block);
        ck_assert_int_eq(write(fd, block, sizeof block), BLOCK);
    }
    ck_ok(fsync(fd));
    ck_ok(posix_fadvise(fd, 0, 0, POSIX_FADV_RANDOM));
    ck_ok(posix_fadvise(fd, 0, 0, POSIX_FADV_DONTNEED));
    ck_assert_int_eq(lseek(fd, 0, SEEK_SET), 0);
    return fd;
}

static bool is_numbered(const char *bytes, int blocks)
{
    for (int i = 0; i < blocks * BLOCK; i++)
        if (bytes[i] != i / BLOCK)
            return false;
    return true;
}

/* A read returns less than it was asked for only at the end of the file. */
START_TEST(a_partly_cached_read_is_complete)
{
    static char got[BLOCKS * BLOCK + 1];
    int fd;

    begin(_i);
    fd = numbered_file();
    ck_assert_int_eq(pread(fd, got, 1, 0), 1); /* one page of it is cached */
    ck_assert_int_eq(green_pread(fd, got, 3 * BLOCK, 0), 3 * BLOCK);
    ck_assert(is_numbered(got, 3));
    ck_assert_int_eq(green_read(fd, got, sizeof got), BLOCKS * BLOCK);
    ck_assert(is_numbered(got, BLOCKS));
    ck_ok(green_close(fd));
    end();
}
END_TEST

/* Such a read waits for the disk each time, so the hub carries it out. */
START_TEST(direct_reads_are_operations)
{
    uint64_t before;
    void *got;
    int fd;

    if (lacks_linux()) {
        SKIP("POSIX has no O_DIRECT");
        return;
    }
    begin(1);
    ck_ok(posix_memalign(&got, 4096, BLOCK));
    ck_ok(green_close(numbered_file()));
    fd = green_open(path, O_RDONLY | O_DIRECT | O_CLOEXEC);
    if (fd < 0) {
        SKIP("this file system does not support O_DIRECT");
        end();
        return;
    }
    for (int i = 1; i < 3; i++) {
        before = stats_now().operations;
        ck_assert_int_eq(green_pread(fd, got, BLOCK, i * BLOCK), BLOCK);
        ck_assert_int_eq(*(char *)got, i);
        ck_assert_uint_eq(stats_now().operations, before + 1);
    }
    /* A read from the page cache is no operation, once the flag is off. */
    ck_ok(green_fcntl(fd, F_SETFL, O_RDONLY));
    ck_assert_int_eq(pread(fd, got, BLOCK, 0), BLOCK);
    before = stats_now().operations;
    ck_assert_int_eq(green_pread(fd, got, BLOCK, 0), BLOCK);
    ck_assert_uint_eq(stats_now().operations, before);
    free(got);
    ck_ok(green_close(fd));
    end();
}
END_TEST

static int times_read[BLOCKS];

static void *read_blocks(void *arg)
{
    char *block = malloc(BLOCK);
    ssize_t n;

    while ((n = green_read(*(int *)arg, block, BLOCK)) > 0) {
        ck_assert_int_eq(n, BLOCK);
        times_read[(int)block[0]]++;
    }
    ck_assert_int_eq(n, 0);
    free(block);
    return NULL;
}

START_TEST(many_readers_get_each_block_once)
{
    struct green_thread *readers[8];
    int fd;

    begin(_i);
    fd = numbered_file();
    for (int i = 0; i < 8; i++)
        readers[i] = green_spawn(read_blocks, &fd);
    for (int i = 0; i < 8; i++)
        ck_ok(green_join(readers[i], NULL));
    for (int i = 0; i < BLOCKS; i++)
        ck_assert_int_eq(times_read[i], 1);
    ck_ok(green_close(fd));
    end();
}
END_TEST

static void *write_mark(void *arg)
{
    const char mark = *(const char *)arg;
    char block[600];

    memset(block, mark, sizeof block);
    for (int i = 0; i < 5; i++)
        ck_assert_int_eq(green_write(file_fd, block, sizeof block), 600);
    return NULL;
}

/* No write overwrites another. */
START_TEST(many_writers_lose_nothing)
{
    struct green_thread *writers[26];
    int counts[26] = {0};
    char marks[26], got[600];

    begin(_i);
    file_fd = green_open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    for (int i = 0; i < 26; i++) {
        marks[i] = (char)('a' + i);
        writers[i] = green_spawn(write_mark, &marks[i]);
    }
    for (int i = 0; i < 26; i++)
        ck_ok(green_join(writers[i], NULL));
    ck_assert_int_eq(lseek(file_fd, 0, SEEK_CUR), 26L * 5 * 600);
    for (int i = 0; i < 26 * 5; i++) {
        ck_assert_int_eq(pread(file_fd, got, 600, i * 600L), 600);
        ck_assert_mem_eq(got, got + 1, 599);
        counts[got[0] - 'a']++;
    }
    for (int i = 0; i < 26; i++)
        ck_assert_int_eq(counts[i], 5);
    ck_ok(green_close(file_fd));
    end();
}
END_TEST

static void *write_result(void *arg)
{
    ssize_t n = green_write(file_fd, arg, strlen(arg));

    return (void *)(intptr_t)(n < 0 ? -errno : n);
}

static intptr_t join(struct green_thread *thread)
{
    void *result;

    ck_ok(green_join(thread, &result));
    return (intptr_t)result;
}

/* Of three in line for the file offset the second is killed: it must not write,
 * and the third must. If the hub iterates more often than necessary, the second
 * may have written before. */
START_TEST(one_in_line_for_the_offset_is_killed)
{
    struct green_thread *writers[3];
    char got[16] = "";
    intptr_t second;

    begin(1);
    file_fd = green_open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    writers[0] = green_spawn(write_result, "one");
    writers[1] = green_spawn(write_result, "two");
    writers[2] = green_spawn(write_result, "three");
    ck_ok(green_sleep(0));
    ck_ok(green_kill(writers[1]));
    ck_assert_int_eq(join(writers[0]), 3);
    second = join(writers[1]);
    ck_assert(second == -ECANCELED ||
              (second == 3 && (in_chaos() || under_valgrind())));
    ck_assert_int_eq(join(writers[2]), 5);
    ck_assert_int_ge(pread(file_fd, got, sizeof got - 1, 0), 8);
    ck_assert_str_eq(got, second < 0 ? "onethree" : "onetwothree");
    ck_ok(green_close(file_fd));
    end();
}
END_TEST

/* ---- Closed meanwhile ------------------------------------------------ */

static off_t size_of(int fd)
{
    struct stat status;

    ck_ok(fstat(fd, &status));
    return status.st_size;
}

/* Closes fd and reuses its number for another file. */
static void replace(int fd, int by)
{
    ck_ok(green_close(fd));
    ck_assert_int_eq(dup2(by, fd), fd);
}

static int another_file(void)
{
    FILE *file = tmpfile();

    ck_assert_ptr_nonnull(file);
    return fileno(file);
}

/* The first has submitted its write, which the hub has not begun; the others
 * wait for the file offset. */
START_TEST(closed_before_the_hub_has_begun)
{
    struct green_thread *writers[3];
    struct stat status;
    int next, written = 0;

    begin(_i);
    file_fd = green_open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
    next = another_file();
    for (int i = 0; i < 3; i++)
        writers[i] = green_spawn(write_result, "word");
    ck_ok(green_sleep(0));
    replace(file_fd, next);
    for (int i = 0; i < 3; i++) {
        intptr_t result = join(writers[i]);

        ck_assert(result == 4 || result == -EBADF);
        written += result == 4;
    }
    ck_assert_int_eq(size_of(next), 0);
    ck_ok(stat(path, &status));
    ck_assert_int_eq(status.st_size, 4 * written);
    end();
}
END_TEST

#define LIMIT 65536

static void *write_over_the_limit(void *arg)
{
    static char block[3 * LIMIT / 2];
    ssize_t n = *(int *)arg ? green_write_all(file_fd, block, sizeof block)
                            : green_write(file_fd, block, sizeof block);

    return (void *)(intptr_t)(n < 0 ? -errno : n);
}

/* A part is written, and the number is reused before the call can continue. */
START_TEST(a_write_does_not_continue_on_a_reused_number)
{
    const struct rlimit limit = {LIMIT, LIMIT};
    struct green_thread *writer;
    int next, all = _i / 2;
    struct stat status;
    intptr_t result;

    begin(_i % 2);
    signal(SIGXFSZ, SIG_IGN);
    ck_ok(setrlimit(RLIMIT_FSIZE, &limit));
    file_fd = green_open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
    next = another_file();
    writer = green_spawn(write_over_the_limit, &all);
    ck_ok(green_sleep(0));
    ck_ok(green_sleep(1)); /* timers run before ended operations */
    while (fstat(file_fd, &status) == 0 && status.st_size < LIMIT)
        sched_yield(); /* the kernel works by itself */
    replace(file_fd, next);
    result = join(writer);
    if (all)
        ck_assert(result == -EFBIG || result == -EBADF);
    else
        ck_assert_int_eq(result, LIMIT);
    ck_assert_int_eq(size_of(next), 0);
    end();
}
END_TEST

static void *read_result(void *arg)
{
    char byte = 0;
    ssize_t n = green_read(*(int *)arg, &byte, 1);

    return (void *)(intptr_t)(n < 0 ? -errno : byte);
}

/* A file takes the number of a pipe that close(2) closed: the greenthread that
 * waited for the pipe fails with EBADF, and never touches the file. */
START_TEST(a_file_takes_the_number_of_a_pipe)
{
    green_time start = green_now();
    struct green_thread *reader;
    int old[2], fd;

    begin(_i);
    ck_ok(green_pipe2(old, O_CLOEXEC));
    reader = green_spawn(read_result, &old[0]);
    ck_ok(green_sleep(0));
    ck_ok(close(old[0]));
    fd = green_open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    ck_assert_int_eq(fd, old[0]);
    ck_assert_int_eq(join(reader), -EBADF);
    /* Long before the sweep could have found the close, which takes at least a
     * second. */
    ck_assert_int_lt(green_now() - start, GREEN_SEC);
    ck_assert_int_eq(green_pwrite(fd, "f", 1, 0), 1);
    ck_assert_int_eq((intptr_t)read_result(&fd), 'f');
    ck_ok(green_close(fd));
    end();
}
END_TEST

static void *write_four(void *arg)
{
    (void)green_write(*(int *)arg, "abcd", 4); /* or its file is closed */
    return NULL;
}

/* fds[1] gets the bytes after the four that are being written. */
START_TEST(sendfile_is_in_line_for_the_offset)
{
    struct green_thread *writer;
    char got[8];
    int fds[2], fd;

    begin(_i);
    fd = green_open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    ck_assert_int_eq(green_pwrite(fd, "01234567", 8, 0), 8);
    ck_ok(green_socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds));
    writer = green_spawn(write_four, &fd);
    ck_ok(green_sleep(0)); /* the hub has the operation */
    ck_assert_int_eq(green_sendfile(fds[1], fd, NULL, 4), 4);
    ck_ok(green_join(writer, NULL));
    ck_assert_int_eq(green_read(fds[0], got, 8), 4);
    ck_assert_mem_eq(got, "4567", 4);
    ck_assert_int_eq(lseek(fd, 0, SEEK_CUR), 8);
    end();
}
END_TEST

static int send_to, send_from;

static void *send_four(void *arg)
{
    ssize_t n = green_sendfile(send_to, send_from, NULL, 4);

    (void)arg;
    return (void *)(intptr_t)(n < 0 ? -errno : n);
}

/* Closed while sendfile is in line: nothing goes to the reused number. */
START_TEST(closed_while_sendfile_is_in_line)
{
    struct green_thread *writer, *sender;
    char got[8];
    int fds[2], next[2], from;

    begin(1);
    from = green_open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    ck_assert_int_eq(green_pwrite(from, "01234567", 8, 0), 8);
    ck_ok(green_socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds));
    ck_ok(green_socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, next));
    send_to = fds[1];
    send_from = from;
    writer = green_spawn(write_four, &from);
    sender = green_spawn(send_four, NULL);
    ck_ok(green_sleep(0));
    ck_assert_int_ge(green_dup2(next[1], _i ? from : fds[1]), 0);
    ck_assert_int_eq(join(sender), -EBADF);
    ck_ok(green_detach(writer));
    ck_assert_int_eq(recv(fds[0], got, 8, MSG_DONTWAIT), _i ? -1 : 0);
    ck_fails((int)recv(next[0], got, 8, MSG_DONTWAIT), EAGAIN);
    end();
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("io_file");
    TCase *tcase = add_tcase(suite, "files");

    tcase_add_loop_test(tcase, written_and_read, 0, 2);
    tcase_add_loop_test(tcase, errors, 0, 2);
    tcase_add_loop_test(tcase, without_an_offset_it_is_espipe, 0, 2);
    tcase_add_test(tcase, others_run_meanwhile);
    tcase_add_loop_test(tcase, a_killed_greenthread_may_write, 0, 2);
    tcase_add_loop_test(tcase, a_partly_cached_read_is_complete, 0, 2);
    tcase_add_test(tcase, direct_reads_are_operations);
    tcase_add_loop_test(tcase, many_readers_get_each_block_once, 0, 2);
    tcase_add_loop_test(tcase, many_writers_lose_nothing, 0, 2);
    tcase_add_test(tcase, one_in_line_for_the_offset_is_killed);
    tcase_add_loop_test(tcase, closed_before_the_hub_has_begun, 0, 2);
    tcase_add_loop_test(tcase, a_write_does_not_continue_on_a_reused_number, 0,
                        4);
    tcase_add_loop_test(tcase, a_file_takes_the_number_of_a_pipe, 0, 2);
    tcase_add_loop_test(tcase, sendfile_is_in_line_for_the_offset, 0, 2);
    tcase_add_loop_test(tcase, closed_while_sendfile_is_in_line, 0, 2);
    return run_suite(suite);
}
