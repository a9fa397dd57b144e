/*
 * Descriptors closed while greenthreads wait for them, and their numbers reused
 * at random. Each message identifies its connection: the test finds a
 * greenthread that gets another connection's message, or that hangs.
 */
#include <unistd.h>

#include "support.h"

#define SLOTS 64
#define STEPS 20000

struct slot {
    int fds[2]; /* [0] is read */
    unsigned serial;
    bool closed; /* the reader must get EBADF or the end */
    bool open;
    struct green_thread *reader;
};

static struct slot slots[SLOTS];
static unsigned serials, received, expected;
static uint32_t random_state = 2463534242u;

static unsigned dice(unsigned sides)
{
    random_state ^= random_state << 13;
    random_state ^= random_state >> 17;
    random_state ^= random_state << 5;
    return random_state % sides;
}

static void *read_messages(void *arg)
{
    struct slot *slot = arg;
    unsigned mine = slot->serial, got;
    int fd = slot->fds[0];
    ssize_t n;

    while ((n = green_read_full(fd, &got, sizeof got)) == sizeof got) {
        if (got != mine)
            ck_abort_msg("%u got a message of %u", mine, got);
        received++;
    }
    if (n < 0 && errno != EBADF)
        ck_abort_msg("%u: errno %d", mine, errno);
    if (slot->serial == mine && !slot->closed)
        ck_abort_msg("%u got no message", mine);
    return NULL;
}

static void open_slot(struct slot *slot)
{
    make_pair((int)dice(PAIR_KINDS), slot->fds);
    slot->serial = ++serials;
    slot->open = true;
    slot->closed = false;
    slot->reader = green_spawn(read_messages, slot);
    ck_assert_ptr_nonnull(slot->reader);
}

static void write_to(struct slot *slot)
{
    ck_assert_int_eq(
        green_write(slot->fds[1], &slot->serial, sizeof slot->serial),
        sizeof slot->serial);
    expected++;
}

/* Closes the connection in one of several ways. */
static void close_slot(struct slot *slot)
{
    unsigned way = dice(3);

    slot->closed = true;
    slot->open = false;
    if (way == 0) /* the peer first: the reader sees the end */
        ck_ok(green_close(slot->fds[1]));
    if (way < 2) {
        ck_ok(green_close(slot->fds[0]));
    } else { /* with close(2), and green_hub_forget tells the hub */
        close(slot->fds[0]);
        ck_ok(green_hub_forget(green_get_hub(), slot->fds[0]));
    }
    if (way != 0)
        ck_ok(green_close(slot->fds[1]));
    ck_ok(green_join(slot->reader, NULL));
}

START_TEST(numbers_reused_at_random)
{
    int before;

    green_get_hub();
    before = count_fds();
    for (int i = 0; i < STEPS; i++) {
        struct slot *slot = &slots[dice(SLOTS)];

        if (!slot->open)
            open_slot(slot);
        else if (dice(4))
            write_to(slot);
        else
            close_slot(slot);
        if (dice(8) == 0)
            green_sleep(0);
    }
    /* A reader that is still open still gets its messages. */
    green_sleep(10 * GREEN_MSEC);
    expected = received;
    for (int i = 0; i < SLOTS; i++)
        if (slots[i].open)
            write_to(&slots[i]);
    while (received < expected)
        green_sleep(GREEN_MSEC);
    for (int i = 0; i < SLOTS; i++)
        if (slots[i].open)
            close_slot(&slots[i]);
    ck_assert_uint_eq(received, expected);
    ck_assert_int_eq(count_fds(), before);
}
END_TEST

static int waited_for[2];

static void *wait_until_closed(void *arg)
{
    char byte;

    (void)arg;
    ck_assert_int_eq(green_read(waited_for[0], &byte, 1), -1);
    return (void *)(intptr_t)errno;
}

START_TEST(a_thousand_wait_for_descriptors_that_another_closes)
{
    enum { COUNT = 1000 };
    static struct green_thread *threads[COUNT];
    void *error;

    for (int round = 0; round < PAIR_KINDS; round++) {
        make_pair(round, waited_for);
        for (int i = 0; i < COUNT; i++)
            threads[i] = green_spawn(wait_until_closed, NULL);
        green_sleep(0);
        ck_ok(green_close(waited_for[0]));
        for (int i = 0; i < COUNT; i++) {
            ck_ok(green_join(threads[i], &error));
            ck_assert_int_eq((intptr_t)error, EBADF);
        }
        ck_ok(green_close(waited_for[1]));
    }
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("stress_reuse");
    TCase *tcase = add_tcase(suite, "reuse");

    tcase_set_timeout(tcase, 60);
    tcase_add_test(tcase, numbers_reused_at_random);
    tcase_add_test(tcase, a_thousand_wait_for_descriptors_that_another_closes);
    return run_suite(suite);
}
