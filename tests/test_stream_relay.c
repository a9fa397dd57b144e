/* Lent buffers; copies from stream to stream, one way and both. */
#include <sys/socket.h>
#include <unistd.h>

#include "stream_layer.h"

/* Two socket pairs: outer[0] - inner[0] | inner[1] - outer[1]. The relay is
 * between the inner ends, the test has the outer ones. */
static int outer[2];
static struct green_stream plains[2], *inner[2];
static struct layer layers[2];

/* Which of the inner ends have a layer: 0 none, 1 the left, 2 the right, 3 both.
 */
static void make_inner(int layered)
{
    for (int i = 0; i < 2; i++) {
        int fds[2];

        make_pair(1, fds);
        outer[i] = fds[0];
        ck_ok(green_stream_init(&plains[i], fds[1]));
        layer_init(&layers[i], fds[1]);
        inner[i] = layered & 1 << i ? &layers[i].stream : &plains[i];
    }
}

/* ---- Lent buffers ------------------------------------------------------- */

static size_t lend_of(struct green_stream *stream, char first)
{
    struct green_buffer *buffer = NULL;
    ssize_t n = green_stream_lend(stream, &buffer);
    size_t room;

    ck_assert_int_gt(n, 0);
    ck_assert_uint_eq(buffer->size, (size_t)n);
    ck_assert_int_eq(buffer->data[0], first);
    room = buffer->internal.room;
    green_buffer_return(buffer);
    return room;
}

START_TEST(a_buffer_is_lent_with_what_was_read)
{
    struct green_buffer *buffer = NULL;

    make_inner(_i);
    ck_ok(green_write_all(outer[0], "abc", 3));
    ck_assert_int_eq(green_stream_lend(inner[0], &buffer), 3);
    ck_assert_uint_eq(buffer->size, 3);
    ck_assert_int_eq(buffer->data[0], _i ? 'a' ^ LAYER_MASK : 'a');
    green_buffer_return(buffer);
    ck_ok(green_close(outer[0]));
    ck_assert_int_eq(green_stream_lend(inner[0], &buffer), 0);
    ck_assert_ptr_null(buffer);
    ck_ok(green_stream_close(inner[0]));
    ck_fails(green_stream_lend(inner[0], &buffer), EBADF);
    green_buffer_return(NULL);
}
END_TEST

static struct green_buffer *last;

static void *lend_once(void *stream)
{
    struct green_buffer *buffer;
    ssize_t n = green_stream_lend(stream, &buffer);

    if (n > 0) {
        last = buffer;
        green_buffer_return(buffer);
    }
    return (void *)(intptr_t)(n < 0 ? errno : n);
}

/* If the one that waits held a buffer, the other would get another one. */
START_TEST(a_wait_holds_no_buffer)
{
    struct green_thread *waits;
    struct green_buffer *first;
    void *n;

    make_inner(_i);
    ck_ok(green_write_all(outer[1], "x", 1));
    ck_assert_ptr_eq(lend_once(inner[1]), (void *)1);
    first = last;
    waits = green_spawn(lend_once, inner[0]);
    ck_ok(green_sleep(0));
    ck_ok(green_write_all(outer[1], "y", 1));
    ck_assert_ptr_eq(lend_once(inner[1]), (void *)1);
    ck_assert_ptr_eq(last, first);
    ck_ok(green_write_all(outer[0], "z", 1));
    ck_ok(green_join(waits, &n));
    ck_assert_ptr_eq(n, (void *)1);
    ck_assert_ptr_eq(last, first);
}
END_TEST

START_TEST(a_kill_ends_the_wait_of_a_loan)
{
    struct green_thread *waits;
    void *error;

    make_inner(_i);
    waits = green_spawn(lend_once, inner[0]);
    ck_ok(green_sleep(0));
    ck_ok(green_kill(waits));
    ck_ok(green_join(waits, &error));
    ck_assert_int_eq((intptr_t)error, ECANCELED);
}
END_TEST

START_TEST(buffers_follow_what_a_stream_shows)
{
    static char much[1 << 16];
    size_t room = 0;

    make_inner(0);
    for (int i = 0; i < 8; i++) {
        ck_ok(green_write_all(outer[0], much, sizeof much));
        for (size_t got = 0; got < sizeof much;) {
            struct green_buffer *buffer;

            ck_assert_int_gt(green_stream_lend(inner[0], &buffer), 0);
            ck_assert_uint_ge(buffer->internal.room, room);
            room = buffer->internal.room;
            got += buffer->size;
            green_buffer_return(buffer);
        }
        if (room == sizeof much)
            break;
    }
    ck_assert_uint_ge(room, 32768);
    for (int i = 0; i < 8; i++) {
        ck_ok(green_write_all(outer[0], "x", 1));
        room = lend_of(inner[0], 'x');
    }
    ck_assert_uint_eq(room, 2048);
}
END_TEST

START_TEST(loans_without_arguments_are_refused)
{
    struct green_buffer *buffer;

    make_inner(0);
    ck_fails(green_stream_lend(NULL, &buffer), EINVAL);
    ck_fails(green_stream_lend(inner[0], NULL), EINVAL);
    ck_fails(green_stream_copy(NULL, inner[0], NULL), EINVAL);
    ck_fails(green_stream_copy(inner[0], NULL, NULL), EINVAL);
    ck_fails(green_stream_relay(NULL, inner[0]), EINVAL);
    ck_fails(green_stream_relay(inner[0], NULL), EINVAL);
}
END_TEST

/* ---- Copies -------------------------------------------------------------- */

static struct green_thread *spawned(void *(*fn)(void *))
{
    struct green_thread *thread = green_spawn(fn, NULL);

    ck_assert_ptr_nonnull(thread);
    return thread;
}

static uint64_t copied;

static void *copy(void *unused)
{
    (void)unused;
    return (void *)(intptr_t)(green_stream_copy(inner[0], inner[1], &copied) < 0
                                  ? errno
                                  : 0);
}

static void *relay(void *unused)
{
    (void)unused;
    return (void *)(intptr_t)(green_stream_relay(inner[0], inner[1]) < 0 ? errno
                                                                         : 0);
}

static int error_of(struct green_thread *thread)
{
    void *error;

    ck_ok(green_join(thread, &error));
    return (int)(intptr_t)error;
}

enum { MUCH = 3 << 16 };

static char byte_at(size_t i, unsigned mask)
{
    return (char)((i % 251) ^ mask);
}

static void *send_much(void *end)
{
    static char bytes[MUCH];
    int fd = *(int *)end;

    for (size_t i = 0; i < MUCH; i++)
        bytes[i] = byte_at(i, 0);
    ck_ok(green_write_all(fd, bytes, MUCH));
    ck_ok(green_shutdown(fd, SHUT_WR));
    return NULL;
}

/* All of send_much arrives, and then the end. */
static void receives_much(int fd, unsigned mask)
{
    static char bytes[MUCH + 1];
    int wrong = 0;

    ck_assert_int_eq(green_read_full(fd, bytes, sizeof bytes), MUCH);
    for (size_t i = 0; i < MUCH; i++)
        wrong += bytes[i] != byte_at(i, mask);
    ck_assert_int_eq(wrong, 0);
}

/* One layer turns the bytes over, two do so twice. */
static unsigned mask_of(int layered)
{
    return layered == 1 || layered == 2 ? LAYER_MASK : 0;
}

START_TEST(a_copy_ends_with_its_input)
{
    struct green_thread *copier, *sender;
    int count = _i ? 4096 : MUCH;
    char *bytes = calloc(1, MUCH);

    make_inner(_i);
    copier = spawned(copy);
    if (count == MUCH) {
        sender = green_spawn(send_much, &outer[0]);
        ck_assert_int_eq(green_read_full(outer[1], bytes, MUCH), MUCH);
        ck_ok(green_join(sender, NULL));
    } else {
        ck_ok(green_write_all(outer[0], bytes, (size_t)count));
        ck_ok(green_shutdown(outer[0], SHUT_WR));
    }
    ck_assert_int_eq(error_of(copier), 0);
    ck_assert_uint_eq(copied, (unsigned)count);
    ck_assert_int_gt(green_write(inner[1]->fd, "x", 1), 0); /* still open */
    free(bytes);
}
END_TEST

START_TEST(a_copy_says_how_much_it_wrote)
{
    struct green_thread *copier;

    make_inner(2);
    layers[1].fail_writes = EPROTO;
    copier = spawned(copy);
    ck_ok(green_write_all(outer[0], "abc", 3));
    ck_assert_int_eq(error_of(copier), EPROTO);
    ck_assert_uint_eq(copied, 1);
}
END_TEST

/* ---- Relays -------------------------------------------------------------- */

START_TEST(a_relay_carries_the_end_across)
{
    struct green_thread *relayer, *sender;
    char byte;

    make_inner(_i);
    relayer = spawned(relay);
    sender = green_spawn(send_much, &outer[0]);
    receives_much(outer[1], mask_of(_i));
    ck_ok(green_join(sender, NULL));
    ck_fails(green_recv(outer[0], &byte, 1, MSG_DONTWAIT), EAGAIN);
    /* The other direction goes on. */
    sender = green_spawn(send_much, &outer[1]);
    receives_much(outer[0], mask_of(_i));
    ck_ok(green_join(sender, NULL));
    ck_assert_int_eq(error_of(relayer), 0);
}
END_TEST

START_TEST(both_directions_at_once)
{
    struct green_thread *relayer, *senders[2];

    make_inner(_i);
    relayer = spawned(relay);
    for (int i = 0; i < 2; i++)
        senders[i] = green_spawn(send_much, &outer[i]);
    for (int i = 0; i < 2; i++)
        receives_much(outer[i], mask_of(_i));
    for (int i = 0; i < 2; i++)
        ck_ok(green_join(senders[i], NULL));
    ck_assert_int_eq(error_of(relayer), 0);
}
END_TEST

/* Its other direction waits for data that never come. */
START_TEST(an_error_in_one_direction_ends_both)
{
    struct green_thread *relayer;

    make_inner(_i ? 1 : 2);
    layers[_i ? 0 : 1].fail_writes = EPROTO;
    relayer = spawned(relay);
    ck_ok(green_sleep(0));
    ck_ok(green_write_all(outer[_i ? 1 : 0], "abc", 3));
    ck_assert_int_eq(error_of(relayer), EPROTO);
}
END_TEST

static void send_and_close(void *answer)
{
    ck_ok(green_write_all(outer[1], answer, 1 << 17));
    ck_ok(green_close(outer[1]));
}

START_TEST(a_peer_that_vanishes_ends_both)
{
    struct green_thread *relayer;

    make_inner(0);
    relayer = spawned(relay);
    ck_ok(green_sleep(0));
    ck_ok(green_close(outer[1]));
    for (int i = 0; i < 5; i++)
        ck_ok(green_sleep(GREEN_MSEC));
    ck_ok(green_write_all(outer[0], "abc", 3));
    ck_assert_int_eq(error_of(relayer), EPIPE);
}
END_TEST

/* As a server that refuses a long request: it answers, and closes with bytes unread.
 * The relay finds out when it writes, and the client reads slowly. (libuv's issue 2643) */
START_TEST(what_a_peer_has_sent_before_it_left_arrives)
{
    struct green_thread *relayer;
    static char answer[1 << 17];
    int error;

    make_inner(_i);
    memset(answer, _i ? 'a' ^ LAYER_MASK : 'a', sizeof answer);
    ck_ok(setsockopt(inner[0]->fd, SOL_SOCKET, SO_SNDBUF, &(int){20000},
                     sizeof(int)));
    relayer = spawned(relay);
    ck_ok(green_sleep(0));
    ck_ok(green_spawn_n(send_and_close, answer));
    for (int i = 0; i < 5; i++)
        ck_ok(green_sleep(GREEN_MSEC));
    for (int i = 0; i < 3; i++) {
        ck_ok(green_write_all(outer[0], "more", 4));
        ck_ok(green_sleep(GREEN_MSEC));
    }
    ck_assert_int_eq(green_read_full(outer[0], answer, sizeof answer),
                     sizeof answer);
    for (size_t i = 0; i < sizeof answer; i++)
        error = answer[i] == 'a' ? 0 : EILSEQ;
    ck_assert_int_eq(error, 0);
    error = error_of(relayer);
    ck_assert_msg(error == EPIPE || error == ECONNRESET, "%s", strerror(error));
}
END_TEST

START_TEST(a_kill_ends_a_relay)
{
    struct green_thread *relayer;

    make_inner(_i);
    relayer = spawned(relay);
    ck_ok(green_sleep(0));
    ck_ok(green_kill(relayer));
    ck_assert_int_eq(error_of(relayer), ECANCELED);
    ck_ok(green_stream_close(inner[0])); /* no one waits for it */
}
END_TEST

START_TEST(a_timeout_ends_a_relay)
{
    struct green_timeout timeout;

    make_inner(_i);
    ck_ok(green_timeout_start(&timeout, GREEN_MSEC));
    ck_fails(green_stream_relay(inner[0], inner[1]), ETIMEDOUT);
    ck_assert(green_timeout_fired(&timeout));
    ck_ok(green_timeout_cancel(&timeout));
}
END_TEST

/* A receiver that does not read: the relay is killed in a write. */
START_TEST(a_kill_ends_a_relay_that_cannot_write)
{
    static char much[1 << 22];
    struct green_thread *relayer;

    make_inner(0);
    relayer = spawned(relay);
    while (green_send(outer[0], much, sizeof much, MSG_DONTWAIT) > 0)
        ck_ok(green_sleep(0));
    ck_ok(green_kill(relayer));
    ck_assert_int_eq(error_of(relayer), ECANCELED);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("stream relay");
    TCase *tcase = add_tcase(suite, "lend");

    tcase_add_loop_test(tcase, a_buffer_is_lent_with_what_was_read, 0, 2);
    tcase_add_loop_test(tcase, a_wait_holds_no_buffer, 0, 2);
    tcase_add_loop_test(tcase, a_kill_ends_the_wait_of_a_loan, 0, 2);
    tcase_add_test(tcase, buffers_follow_what_a_stream_shows);
    tcase_add_test(tcase, loans_without_arguments_are_refused);
    tcase = add_tcase(suite, "copy");
    tcase_add_loop_test(tcase, a_copy_ends_with_its_input, 0, 2);
    tcase_add_test(tcase, a_copy_says_how_much_it_wrote);
    tcase = add_tcase(suite, "relay");
    tcase_add_loop_test(tcase, a_relay_carries_the_end_across, 0, 4);
    tcase_add_loop_test(tcase, both_directions_at_once, 0, 4);
    tcase_add_loop_test(tcase, an_error_in_one_direction_ends_both, 0, 2);
    tcase_add_test(tcase, a_peer_that_vanishes_ends_both);
    tcase_add_loop_test(tcase, what_a_peer_has_sent_before_it_left_arrives, 0,
                        2);
    tcase_add_loop_test(tcase, a_kill_ends_a_relay, 0, 4);
    tcase_add_loop_test(tcase, a_timeout_ends_a_relay, 0, 4);
    tcase_add_test(tcase, a_kill_ends_a_relay_that_cannot_write);
    return run_suite(suite);
}
