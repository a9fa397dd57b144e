/* The locks of streams: several greenthreads, and OS threads, that use one. */
#include <fcntl.h>
#include <pthread.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "patch_stream_support.h"

static int ends[2];

/* ---- Greenthreads, or a program's threads that are ones ---------------------- */

static bool as_threads;

static void setup_threads(int threads)
{
    as_threads = threads;
    if (as_threads)
        ck_assert_msg(green_patch(GREEN_PATCH_THREADS) == 0, "%s",
                      green_hub_error());
}

static pthread_t start(void *(*fn)(void *), void *arg)
{
    pthread_t thread;

    if (!as_threads)
        return (pthread_t)green_spawn(fn, arg);
    ck_assert_int_eq(pthread_create(&thread, NULL, fn, arg), 0);
    return thread;
}

static void finish(pthread_t thread)
{
    if (as_threads)
        ck_assert_int_eq(pthread_join(thread, NULL), 0);
    else
        join((struct green_thread *)thread); /* NOLINT */
}

/* ---- One stream, several greenthreads --------------------------------------- */

#define WRITERS 10

static FILE *shared;
static bool by_hand;

static void *writes_lines(void *arg)
{
    char letter = (char)('a' + (int)(intptr_t)arg);

    for (int i = 0; i < LINES; i++) {
        if (by_hand)
            flockfile(shared);
        for (int n = by_hand ? 4 : 1; n > 0; n--) {
            ck_assert_int_gt(fprintf(shared, "%c%c%c", letter, letter, letter),
                             0);
            green_yield();
        }
        ck_assert_int_eq(by_hand ? putc('\n', shared) : '\n', '\n');
        if (by_hand)
            funlockfile(shared);
    }
    return NULL;
}

static void write_by_all(void)
{
    pthread_t threads[WRITERS];

    for (int i = 0; i < WRITERS; i++)
        threads[i] = start(writes_lines, (void *)(intptr_t)i);
    for (int i = 0; i < WRITERS; i++)
        finish(threads[i]);
}

static void *closes_after_all(void *arg)
{
    write_by_all();
    ck_ok(fclose(shared));
    return arg;
}

/* Each line of one letter, all of its length. */
static int count_lines(FILE *file)
{
    char line[64];
    int count = 0;

    for (; fgets(line, sizeof line, file); count++) {
        ck_assert_uint_eq(strlen(line), 13);
        ck_assert_uint_eq(strspn(line, (char[]){line[0], 0}), 12);
    }
    return count;
}

START_TEST(lines_of_several_writers_are_not_mixed)
{
    pthread_t thread;
    FILE *file;

    setup_threads(_i);
    by_hand = true;
    ck_ok(pipe(ends));
    fcntl(ends[1], F_SETPIPE_SZ, 4096);
    shared = stream_on(ends[1], "w");
    setvbuf(shared, NULL, _IOFBF, 16);
    file = stream_on(ends[0], "r");
    thread = start(closes_after_all, NULL);
    ck_assert_int_eq(count_lines(file), WRITERS * LINES);
    finish(thread);
    ck_ok(fclose(file));
}
END_TEST

/* A file is libc's own stream. */
START_TEST(flockfile_of_a_file_keeps_others_out)
{
    setup_threads(_i);
    by_hand = true;
    shared = tmpfile();
    ck_assert_ptr_nonnull(shared);
    write_by_all();
    rewind(shared);
    ck_assert_int_eq(count_lines(shared), WRITERS * LINES);
    ck_ok(fclose(shared));
}
END_TEST

/* A write that waits in the middle of the call. */
START_TEST(a_call_that_waits_keeps_others_out)
{
    pthread_t thread;
    char text[4];
    FILE *file;
    int count = 0;

    setup_threads(_i);
    by_hand = false;
    ck_ok(pipe(ends));
    fcntl(ends[1], F_SETPIPE_SZ, 4096);
    shared = stream_on(ends[1], "w");
    setvbuf(shared, malloc(16), _IOFBF, 16);
    file = stream_on(ends[0], "r");
    thread = start(closes_after_all, NULL);
    for (; fread(text, 3, 1, file) == 1; count++)
        ck_assert(text[0] == text[1] && text[1] == text[2]);
    ck_assert_int_eq(count, WRITERS * LINES);
    finish(thread);
    ck_ok(fclose(file));
}
END_TEST

static int lines_read;

static void *reads_lines(void *arg)
{
    char line[64];

    while (fgets(line, sizeof line, shared)) {
        ck_assert_uint_eq(strlen(line), 13);
        ck_assert_uint_eq(strspn(line, (char[]){line[0], 0}), 12);
        lines_read++;
    }
    return arg;
}

/* In pieces that are no lines. */
START_TEST(several_readers_get_whole_lines)
{
    pthread_t threads[WRITERS];
    const char *text = "aaaaaaaaaaaa\nbbbbbbbbbbbb\n";

    setup_threads(_i);
    ck_ok(socketpair(AF_UNIX, SOCK_STREAM, 0, ends));
    shared = stream_on(ends[0], "r");
    for (int i = 0; i < WRITERS; i++)
        threads[i] = start(reads_lines, NULL);
    for (int i = 0; i < 260; i++) {
        ck_assert_int_eq(write(ends[1], text + i % 26, 1), 1);
        if (i % 5 == 0)
            let_all_wait();
    }
    ck_ok(close(ends[1]));
    for (int i = 0; i < WRITERS; i++)
        finish(threads[i]);
    ck_assert_int_eq(lines_read, 20);
    ck_ok(fclose(shared));
}
END_TEST

START_TEST(a_call_without_a_hook_does_not_wait)
{
    pthread_t thread;

    setup_threads(_i);
    ck_ok(pipe(ends));
    shared = stream_on(ends[0], "r");
    thread = start(reads_lines, NULL);
    let_all_wait();
    errno = 0;
    ck_assert_int_eq(fgetc_unlocked(shared), EOF);
    ck_assert_int_eq(errno, EDEADLK);
    clearerr(shared);
    ck_assert_int_eq(write(ends[1], "aaaaaaaaaaaa\n", 13), 13);
    ck_ok(close(ends[1]));
    finish(thread);
    ck_assert_int_eq(lines_read, 1);
    ck_ok(fclose(shared));
}
END_TEST

/* ---- OS threads -------------------------------------------------------------- */

static void *writes_from_an_os_thread(void *arg)
{
    for (int i = 0; i < LINES; i++) {
        flockfile(shared);
        fputs("zzzzzz", shared);
        fputs("zzzzzz\n", shared);
        funlockfile(shared);
    }
    return arg;
}

static void *writes_beside_an_os_thread(void *arg)
{
    pthread_t thread;

    ck_assert_int_eq(
        pthread_create(&thread, NULL, writes_from_an_os_thread, NULL), 0);
    write_by_all();
    while (pthread_tryjoin_np(thread, NULL) != 0)
        green_sleep(GREEN_MSEC);
    ck_ok(fclose(shared));
    return arg;
}

START_TEST(an_os_thread_waits_its_turn)
{
    pthread_t thread;
    FILE *file;

    by_hand = true;
    ck_ok(pipe(ends));
    shared = stream_on(ends[1], "w");
    file = stream_on(ends[0], "r");
    thread = start(writes_beside_an_os_thread, NULL);
    ck_assert_int_eq(count_lines(file), (WRITERS + 1) * LINES);
    finish(thread);
    ck_ok(fclose(file));
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("patch_stream_locks");
    TCase *tcase = add_tcase(suite, "locks");

    tcase_add_checked_fixture(tcase, setup_streams, NULL);
    tcase_add_loop_test(tcase, lines_of_several_writers_are_not_mixed, 0, 2);
    tcase_add_loop_test(tcase, flockfile_of_a_file_keeps_others_out, 0, 2);
    tcase_add_loop_test(tcase, a_call_that_waits_keeps_others_out, 0, 2);
    tcase_add_loop_test(tcase, several_readers_get_whole_lines, 0, 2);
    tcase_add_loop_test(tcase, a_call_without_a_hook_does_not_wait, 0, 2);
    tcase_add_test(tcase, an_os_thread_waits_its_turn);
    return run_suite(suite);
}
