/*
 * Many OS threads on one channel. Greenthreads that time out or are killed send
 * numbers; others that do as well receive them, on hubs that are eliminated and
 * on OS threads that end meanwhile. Each number arrives once.
 */
#include <pthread.h>
#include <stdatomic.h>

#include "stress.h"

#define SENDERS 3   /* OS threads */
#define RECEIVERS 4 /* OS threads at a time */
#define EACH 8      /* greenthreads per OS thread */
#define CAPACITY 5

static struct green_shared_channel *channel;
static atomic_int next_number, sent, received, gave_up, eliminated;
static atomic_uchar *seen;
static int count;

/* ---- Sending ------------------------------------------------------------- */

/* Sends one number, with as many attempts as that takes. */
static void send_until_done(int number, uint64_t *state)
{
    struct green_timeout timeout;
    int result;

    do {
        ck_ok(green_timeout_start(&timeout,
                                  (1 + next_random(state) % 40) * GREEN_USEC));
        result = green_shared_channel_send(channel, &number);
        if (result < 0) {
            ck_assert_int_eq(errno, ETIMEDOUT);
            gave_up++;
        }
        ck_ok(green_timeout_cancel(&timeout));
    } while (result < 0);
    sent++;
}

static void *send_some(void *seed)
{
    uint64_t state = (uint64_t)(uintptr_t)seed;
    int number;

    while ((number = next_number++) < count)
        send_until_done(number, &state);
    return NULL;
}

static void *send_on_thread(void *seed)
{
    struct green_thread *threads[EACH];

    ck_ok(green_use_hub(hub_under_test()));
    for (uintptr_t i = 0; i < EACH; i++)
        threads[i] =
            green_spawn(send_some, (void *)((uintptr_t)seed * 100 + i + 1));
    for (int i = 0; i < EACH; i++)
        ck_ok(green_join(threads[i], NULL));
    return NULL;
}

/* ---- Receiving ----------------------------------------------------------- */

static void *receive_some(void *seed)
{
    uint64_t state = (uint64_t)(uintptr_t)seed;
    struct green_timeout timeout;
    int number, result, error;

    do {
        ck_ok(green_timeout_start(&timeout,
                                  (1 + next_random(&state) % 60) * GREEN_USEC));
        result = green_shared_channel_receive(channel, &number);
        error = errno;
        ck_ok(green_timeout_cancel(&timeout));
        if (result == 0) {
            ck_assert_int_eq(atomic_fetch_add(&seen[number], 1), 0);
            received++;
        }
    } while (result == 0 || error == ETIMEDOUT);
    ck_assert(error == EPIPE || error == ECANCELED);
    return NULL;
}

static bool is_over(void)
{
    return received >= count;
}

/* Receives for a while; then kills some receivers, drops all with their hub,
 * and at last ends the OS thread while others receive. */
static void *receive_on_thread(void *seed)
{
    uint64_t state = (uint64_t)(uintptr_t)seed;
    int rounds = 1 + (int)(next_random(&state) % 4);

    ck_ok(green_use_hub(hub_under_test()));
    for (int round = 0; round < rounds && !is_over(); round++) {
        struct green_thread *victim = NULL;

        for (uintptr_t i = 0; i < EACH; i++) {
            struct green_thread *one = green_spawn(
                receive_some, (void *)((uintptr_t)next_random(&state) | 1));

            if (i == 0)
                victim = one;
            else
                ck_ok(green_detach(one));
        }
        ck_ok(green_sleep((1 + next_random(&state) % 3) * GREEN_MSEC));
        green_kill(victim); /* unless it has ended by itself */
        ck_ok(green_join(victim, NULL));
        if (round + 1 < rounds) {
            ck_ok(green_use_hub(hub_under_test()));
            eliminated++;
        }
    }
    return NULL;
}

static void receive_all(void)
{
    pthread_t threads[RECEIVERS];
    uintptr_t seed = 1;

    while (!is_over()) {
        for (int i = 0; i < RECEIVERS; i++)
            ck_ok(pthread_create(&threads[i], NULL, receive_on_thread,
                                 (void *)seed++));
        for (int i = 0; i < RECEIVERS; i++)
            ck_ok(pthread_join(threads[i], NULL));
    }
}

START_TEST(each_number_arrives_once)
{
    pthread_t senders[SENDERS];
    int fds = count_fds();

    count = fewer_if_checked(100000, 20);
    seen = calloc((size_t)count, sizeof *seen);
    channel = green_shared_channel_create(sizeof(int), _i ? CAPACITY : 0);
    ck_assert(seen && channel);
    for (uintptr_t i = 0; i < SENDERS; i++)
        ck_ok(
            pthread_create(&senders[i], NULL, send_on_thread, (void *)(i + 1)));
    receive_all();
    for (int i = 0; i < SENDERS; i++)
        ck_ok(pthread_join(senders[i], NULL));
    for (int i = 0; i < count; i++)
        ck_assert_int_eq(seen[i], 1);
    ck_assert_int_eq(sent, count);
    ck_assert_uint_eq(green_shared_channel_length(channel), 0);
    green_shared_channel_destroy(channel);
    free(seen);
    ck_assert_int_eq(count_fds(), fds);
    fprintf(stderr,
            "%s, capacity %d: %d arrived once; %d sends timed out, %d "
            "hubs eliminated under receivers\n",
            hub_under_test(), _i ? CAPACITY : 0, count, gave_up, eliminated);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("stress shared");
    TCase *tcase = add_tcase(suite, "shared");

    tcase_set_timeout(tcase, 100);
    tcase_add_loop_test(tcase, each_number_arrives_once, 0, 2);
    return run_suite(suite);
}
