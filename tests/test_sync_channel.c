/* Channels: values of all sizes, with and without buffer, and their end. */
#include "support.h"

#include <stdint.h>
#include <stdlib.h>

static struct green_channel channel;
static int received[64], received_count, refused;

static void *receive_all(void *unused)
{
    int value;

    while (green_channel_receive(&channel, &value) == 0)
        received[received_count++] = value;
    ck_assert_int_eq(errno, EPIPE);
    return unused;
}

static void *send_one(void *arg)
{
    int value = (int)(intptr_t)arg;

    if (green_channel_send(&channel, &value) < 0) {
        ck_assert_int_eq(errno, EPIPE);
        refused++;
    }
    return NULL;
}

START_TEST(sent_values_are_received)
{
    static const size_t capacities[] = {0, 1, 7};
    struct green_thread *receiver;

    ck_ok(green_channel_init(&channel, sizeof(int), capacities[_i]));
    receiver = green_spawn(receive_all, NULL);
    for (int i = 0; i < 50; i++)
        ck_ok(green_channel_send(&channel, &i));
    ck_ok(green_channel_close(&channel));
    ck_ok(green_join(receiver, NULL));
    ck_assert_int_eq(received_count, 50);
    for (int i = 0; i < 50; i++)
        ck_assert_int_eq(received[i], i);
    green_channel_destroy(&channel);
}
END_TEST

static const size_t sizes[] = {0, 1, 3, 4, 8, 12, 1000};

/* Copies values into and out of the channel's buffer, with guard bytes on both
 * sides. */
START_TEST(values_of_all_sizes)
{
    unsigned char value[1000], back[1002];
    size_t size = sizes[_i];

    ck_ok(green_channel_init(&channel, size, 3));
    for (int round = 0; round < 10; round++) {
        for (int i = 0; i < 3; i++) {
            memset(value, 'a' + i, sizeof value);
            ck_ok(green_channel_send(&channel, size ? value : NULL));
        }
        ck_fails(green_channel_try_send(&channel, value), EAGAIN);
        ck_assert_uint_eq(green_channel_length(&channel), 3);
        for (int i = 0; i < 3; i++) {
            memset(back, '.', sizeof back);
            memset(value, 'a' + i, sizeof value);
            ck_ok(green_channel_receive(&channel, back + 1));
            ck_assert_mem_eq(back + 1, value, size);
            ck_assert_int_eq(back[0], '.');
            ck_assert_int_eq(back[size + 1], '.');
        }
        ck_fails(green_channel_try_receive(&channel, back), EAGAIN);
    }
    green_channel_destroy(&channel);
}
END_TEST

START_TEST(senders_in_order_of_arrival)
{
    struct green_thread *threads[5];
    int value;

    ck_ok(green_channel_init(&channel, sizeof value, 2));
    for (intptr_t i = 0; i < 5; i++)
        threads[i] = green_spawn(send_one, (void *)i);
    ck_ok(green_sleep(0));
    ck_assert_uint_eq(green_channel_length(&channel), 2);
    for (int i = 0; i < 5; i++) {
        ck_ok(green_channel_try_receive(&channel, &value));
        ck_assert_int_eq(value, i);
        ck_assert_uint_eq(green_channel_length(&channel), i < 3 ? 2 : 4 - i);
    }
    for (int i = 0; i < 5; i++)
        ck_ok(green_join(threads[i], NULL));
    green_channel_destroy(&channel);
}
END_TEST

START_TEST(received_and_dropped)
{
    int value = 1;

    ck_ok(green_channel_init(&channel, sizeof value, 1));
    ck_ok(green_channel_send(&channel, &value));
    ck_ok(green_channel_receive(&channel, NULL));
    ck_assert_uint_eq(green_channel_length(&channel), 0);
    green_channel_destroy(&channel);
}
END_TEST

START_TEST(closed_with_values_and_a_sender)
{
    struct green_thread *sender;
    int value = 5;

    ck_ok(green_channel_init(&channel, sizeof value, 1));
    ck_ok(green_channel_send(&channel, &value));
    sender = green_spawn(send_one, (void *)(intptr_t)6);
    ck_ok(green_sleep(0));
    ck_ok(green_channel_close(&channel));
    ck_ok(green_channel_close(&channel));
    ck_fails(green_channel_send(&channel, &value), EPIPE);
    ck_fails(green_channel_try_send(&channel, &value), EPIPE);
    ck_ok(green_join(sender, NULL));
    ck_assert_int_eq(refused, 1);
    value = 0;
    ck_ok(green_channel_receive(&channel, &value));
    ck_assert_int_eq(value, 5);
    ck_fails(green_channel_receive(&channel, &value), EPIPE);
    ck_fails(green_channel_try_receive(&channel, &value), EPIPE);
    green_channel_destroy(&channel);
}
END_TEST

START_TEST(destroyed_while_receivers_wait)
{
    struct green_thread *threads[2];

    ck_ok(green_channel_init(&channel, sizeof(int), 4));
    threads[0] = green_spawn(receive_all, NULL);
    threads[1] = green_spawn(receive_all, NULL);
    ck_ok(green_sleep(0));
    green_channel_destroy(&channel);
    ck_ok(green_join(threads[0], NULL));
    ck_ok(green_join(threads[1], NULL));
    green_channel_destroy(&channel);
    green_channel_destroy(NULL);
}
END_TEST

static void *receive_signal(void *count)
{
    ck_ok(green_channel_receive(&channel, NULL));
    ++*(int *)count;
    return NULL;
}

START_TEST(all_zero_is_for_signals)
{
    int count = 0;
    struct green_thread *thread = green_spawn(receive_signal, &count);

    ck_ok(green_channel_send(&channel, NULL));
    ck_ok(green_join(thread, NULL));
    ck_assert_int_eq(count, 1);
    ck_fails(green_channel_try_send(&channel, NULL), EAGAIN);
}
END_TEST

START_TEST(misuse_of_channels)
{
    int value = 0;

    ck_fails(green_channel_init(NULL, 1, 1), EINVAL);
    ck_fails(green_channel_init(&channel, SIZE_MAX / 2, 4), ENOMEM);
    ck_ok(green_channel_init(&channel, sizeof value, 1));
    ck_fails(green_channel_send(NULL, &value), EINVAL);
    ck_fails(green_channel_send(&channel, NULL), EINVAL);
    ck_fails(green_channel_try_send(NULL, &value), EINVAL);
    ck_fails(green_channel_receive(NULL, &value), EINVAL);
    ck_fails(green_channel_try_receive(NULL, &value), EINVAL);
    ck_fails(green_channel_close(NULL), EINVAL);
    ck_assert_uint_eq(green_channel_length(NULL), 0);
    green_channel_destroy(&channel);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("sync channel");
    TCase *values = add_tcase(suite, "values");
    TCase *ends = add_tcase(suite, "end");

    tcase_add_loop_test(values, sent_values_are_received, 0, 3);
    tcase_add_loop_test(values, values_of_all_sizes, 0, 7);
    tcase_add_test(values, senders_in_order_of_arrival);
    tcase_add_test(values, received_and_dropped);
    tcase_add_test(ends, closed_with_values_and_a_sender);
    tcase_add_test(ends, destroyed_while_receivers_wait);
    tcase_add_test(ends, all_zero_is_for_signals);
    tcase_add_test(ends, misuse_of_channels);
    return run_suite(suite);
}
