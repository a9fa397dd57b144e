/* Arrays of buffers, consumed in pieces. */
#include <limits.h>
#include <unistd.h>

#include "base/system.h"
#include "io/vector.h"
#include "support.h"

static char bytes[64];

START_TEST(it_is_consumed_in_any_pieces)
{
    struct iovec iov[12], copy[12];
    struct green__vector vector;
    size_t step = (size_t)_i + 1, done = 0;

    for (int i = 0; i < 12; i++)
        iov[i] = (struct iovec){bytes + 3 * i, i % 4 ? 3 : 0};
    memcpy(copy, iov, sizeof iov);
    ck_ok(green__vector_init(&vector, iov, 12));
    ck_assert_uint_eq(vector.size, 27);
    while (done < 27) {
        size_t piece = 27 - done < step ? 27 - done : step;
        size_t rest = 0;

        green__vector_advance(&vector, piece);
        done += piece;
        for (int i = 0; i < vector.count; i++)
            rest += vector.iov[i].iov_len;
        ck_assert_uint_eq(rest, 27 - done);
        ck_assert(rest == 0 || vector.iov[0].iov_len > 0);
    }
    ck_assert_mem_eq(copy, iov, sizeof iov);
    green__vector_free(&vector);
}
END_TEST

START_TEST(it_continues_where_it_stopped)
{
    struct iovec iov[2] = {{bytes, 4}, {bytes + 10, 4}};
    struct green__vector vector;

    ck_ok(green__vector_init(&vector, iov, 2));
    green__vector_advance(&vector, 3);
    ck_assert_ptr_eq(vector.iov[0].iov_base, bytes + 3);
    green__vector_advance(&vector, 2);
    ck_assert_int_eq(vector.count, 1);
    ck_assert_ptr_eq(vector.iov[0].iov_base, bytes + 11);
    green__vector_free(&vector);
}
END_TEST

START_TEST(bad_arrays_fail)
{
    struct iovec huge[2] = {{bytes, SIZE_MAX}, {bytes, 2}};
    struct green__vector vector;

    ck_fails(green__vector_init(&vector, huge, 2), EINVAL);
    ck_fails(green__vector_init(&vector, huge, 1), EINVAL);
    ck_fails(green__vector_init(&vector, huge, IOV_MAX + 1), EINVAL);
    ck_fails(green__vector_init(&vector, NULL, 1), EFAULT);
    ck_ok(green__vector_init(&vector, NULL, 0));
    ck_assert_uint_eq(vector.size, 0);
    green__vector_free(&vector);
}
END_TEST

static int calls, server;

static ssize_t counted_recvmsg(int fd, struct msghdr *message, int flags)
{
    calls++;
    return recvmsg(fd, message, flags);
}

static void *read_words(void *arg)
{
    char text[8];
    struct iovec iov[] = {{text, 2}, {text + 2, 6}};
    int words = 0;

    while (green_readv(server, iov, 2) == 4)
        words++;
    *(int *)arg = words;
    return NULL;
}

/* TCP returns less than was asked for when it has no more data: the library
 * makes no further call to find that out. */
START_TEST(a_short_read_is_the_last)
{
    int listener = green_listen("tcp://127.0.0.1:0", NULL), client, words = 0;
    struct green_thread *reader;
    char address[64];

    ck_assert_int_ge(green_local_address(listener, address, sizeof address), 0);
    client = green_dial(address);
    server = green_accept(listener, NULL, NULL);
    ck_assert_int_ge(server, 0);
    green__system.recvmsg = counted_recvmsg;
    reader = green_spawn(read_words, &words);
    for (int i = 0; i < 5; i++) {
        ck_ok(green_sleep(GREEN_MSEC)); /* it waits for the next */
        ck_assert_int_eq(write(client, "word", 4), 4);
    }
    ck_ok(green_sleep(GREEN_MSEC));
    ck_ok(green_close(client));
    ck_ok(green_join(reader, NULL));
    ck_assert_int_eq(words, 5);
    ck_assert_int_le(calls, 7); /* five words, the end, and one without data */
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("unit_vector");
    TCase *tcase = add_tcase(suite, "vector");

    tcase_add_loop_test(tcase, it_is_consumed_in_any_pieces, 0, 27);
    tcase_add_test(tcase, it_continues_where_it_stopped);
    tcase_add_test(tcase, bad_arrays_fail);
    tcase_add_test(tcase, a_short_read_is_the_last);
    return run_suite(suite);
}
