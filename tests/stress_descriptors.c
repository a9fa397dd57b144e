/*
 * Descriptors that are closed while other greenthreads wait for them, and whose
 * numbers are reused at once, thousands of times. The bytes of each connection
 * identify it: no greenthread may get data of another connection, or hang.
 */
#include <signal.h>

#include "stress.h"

/* ---- Closed while several wait ---------------------------------------- */

#define READERS 3
#define WRITERS 2

static int fds[2];
static bool bystander_ends;

/* Returns a byte, or minus errno. */
static void *read_one(void *arg)
{
    unsigned char byte;
    ssize_t n = green_read((int)(intptr_t)arg, &byte, 1);

    return (void *)(intptr_t)(n < 0 ? -errno : n == 0 ? 0 : byte);
}

static void *write_until_it_fails(void *arg)
{
    static const char block[1 << 18];
    ssize_t n;

    do
        n = green_write((int)(intptr_t)arg, block, sizeof block);
    while (n == sizeof block);
    if (n < 0)
        return (void *)(intptr_t)-errno;
    /* Part of it was written; the next call fails with the reason. No other
     * descriptor can have taken the number in between. */
    return (void *)(intptr_t)-EBADF;
}

static void *poll_it(void *arg)
{
    struct pollfd entry = {.fd = (int)(intptr_t)arg, .events = POLLIN};

    ck_assert_int_eq(green_poll(&entry, 1, -1), 1);
    return (void *)(intptr_t)entry.revents;
}

static void *close_it(void *arg)
{
    ck_ok(green_close((int)(intptr_t)arg));
    return NULL;
}

static struct green_thread *spawn(void *(*fn)(void *), intptr_t arg)
{
    struct green_thread *thread = green_spawn(fn, (void *)arg);

    ck_assert_ptr_nonnull(thread);
    return thread;
}

static intptr_t join(struct green_thread *thread)
{
    void *result;

    ck_ok(green_join(thread, &result));
    return (intptr_t)result;
}

/* Two greenthreads on another connection, whose bytes are counted. */
static void *ping(void *arg)
{
    uint64_t sent = 0, came = 0, *rounds = arg;
    struct green_thread *echo;
    int pair[2];

    tcp_pair(pair);
    for (*rounds = 0; !bystander_ends; ++*rounds) {
        sent = *rounds * 2654435761u;
        echo = spawn(read_one, pair[0]);
        green_sleep(0);
        ck_assert_int_eq(green_write(pair[1], &sent, 1), 1);
        came = (uint64_t)join(echo);
        ck_assert_uint_eq(came, sent & 0xff);
    }
    ck_ok(green_close(pair[0]));
    ck_ok(green_close(pair[1]));
    return NULL;
}

/*
 * `sent` bytes have arrived when another greenthread closes the descriptor: at
 * most so many readers get one byte each, all others fail with EBADF.
 */
static void close_under_waiters(int kind, unsigned sent, unsigned char mark)
{
    struct green_thread *readers[READERS], *writers[WRITERS], *poller, *closer;
    const int small = 4096;
    unsigned got = 0;
    intptr_t polled;
    char bytes[READERS];

    make_pair(kind, fds);
    /* A small buffer fills sooner; a pipe refuses, and has no writers. */
    setsockopt(fds[0], SOL_SOCKET, SO_SNDBUF, &small, sizeof small);
    memset(bytes, mark, sizeof bytes);
    for (int i = 0; i < READERS; i++)
        readers[i] = spawn(read_one, fds[0]);
    poller = spawn(poll_it, fds[0]);
    for (int i = 0; i < WRITERS && !is_pipe_kind(kind); i++)
        writers[i] = spawn(write_until_it_fails, fds[0]);
    green_sleep(0);
    if (sent)
        ck_assert_int_eq(write(fds[1], bytes, sent), (ssize_t)sent);
    closer = spawn(close_it, fds[0]);
    for (int i = 0; i < READERS; i++) {
        intptr_t result = join(readers[i]);

        ck_assert_msg(result == mark || result == -EBADF, "reader got %ld",
                      (long)result);
        got += result == mark;
    }
    ck_assert_uint_le(got, sent);
    polled = join(poller);
    ck_assert(polled == POLLNVAL || (polled == POLLIN && sent > 0));
    for (int i = 0; i < WRITERS && !is_pipe_kind(kind); i++)
        ck_assert_int_eq(join(writers[i]), -EBADF);
    join(closer);
    ck_ok(green_close(fds[1]));
}

START_TEST(closed_by_another_while_several_wait)
{
    int count = fewer_if_checked(3000, 10), before = count_fds();
    struct green_thread *bystander;
    uint64_t rounds = 0, state = 1;

    ck_ok(green_sleep(0));
    before = count_fds();
    bystander = green_spawn(ping, &rounds);
    for (int i = 0; i < count; i++)
        close_under_waiters(i % PAIR_KINDS, next_random(&state) % (READERS + 1),
                            (unsigned char)(1 + i % 255));
    bystander_ends = true;
    join(bystander);
    fprintf(stderr, "%s: %d closed under %d waiters each, bystanders: %u\n",
            hub_under_test(), count, READERS + WRITERS + 1, (unsigned)rounds);
    ck_assert_uint_gt(rounds, (unsigned)count / 20);
    ck_assert_int_eq(count_fds(), before);
    ck_assert_uint_eq(stats_now().alive, 1);
}
END_TEST

/* ---- Reused numbers --------------------------------------------------- */

#define LANES 64
#define FRAMES 8

/* A frame identifies its connection. */
struct frame {
    uint32_t lane, generation;
};

struct connection {
    int fds[2];
    int users;
    bool closed[2]; /* the number may have been reused then */
    struct frame identity;
};

static unsigned frames_read, woken_closed, generations, numbers_reused;
static struct frame last_owner[1024];

static void release(struct connection *c)
{
    if (--c->users == 0)
        free(c);
}

static void *read_frames(void *arg)
{
    struct connection *c = arg;
    struct frame frame;
    ssize_t n = 1;

    while (!c->closed[0] && n > 0) {
        n = green_read(c->fds[0], &frame, sizeof frame);
        if (n < 0)
            ck_assert_msg(errno == EBADF || errno == ECONNRESET, "read: %s",
                          strerror(errno));
        woken_closed += n < 0 && errno == EBADF;
        if (n <= 0)
            break;
        ck_assert_int_eq(n, sizeof frame);
        ck_assert_msg(memcmp(&frame, &c->identity, sizeof frame) == 0,
                      "lane %u:%u got a frame of lane %u:%u", c->identity.lane,
                      c->identity.generation, frame.lane, frame.generation);
        frames_read++;
    }
    release(c);
    return NULL;
}

static void *write_frames(void *arg)
{
    struct connection *c = arg;
    uint64_t state = c->identity.generation * LANES + c->identity.lane;
    ssize_t n = 1;

    for (int i = 0; i < FRAMES && !c->closed[1] && n > 0; i++) {
        n = green_write(c->fds[1], &c->identity, sizeof c->identity);
        for (uint32_t r = next_random(&state) % 4; r > 0; r--)
            green_sleep(0);
    }
    release(c);
    return NULL;
}

static void close_end(struct connection *c, int end)
{
    c->closed[end] = true;
    ck_ok(green_close(c->fds[end]));
}

static void note_owner(const struct connection *c)
{
    for (int end = 0; end < 2; end++) {
        ck_assert_int_lt(c->fds[end], 1024);
        numbers_reused += last_owner[c->fds[end]].lane != c->identity.lane;
        last_owner[c->fds[end]] = c->identity;
    }
}

/* Opens a connection, lets its users run for a random while, closes it, and
 * opens the next at once. */
static void *lane(void *arg)
{
    uint32_t number = (uint32_t)(intptr_t)arg;
    uint64_t state = number;
    uint32_t count = (uint32_t)fewer_if_checked(200, 10);

    for (uint32_t i = 1; i <= count; i++) {
        struct connection *c = calloc(1, sizeof *c);
        int first = (int)(next_random(&state) % 2);

        ck_assert_ptr_nonnull(c);
        make_pair((int)(next_random(&state) % PAIR_KINDS), c->fds);
        c->identity = (struct frame){.lane = number, .generation = i};
        note_owner(c);
        c->users = 4;
        green_detach(spawn(read_frames, (intptr_t)c));
        green_detach(spawn(write_frames, (intptr_t)c));
        green_detach(spawn(read_frames, (intptr_t)c));
        for (uint32_t r = next_random(&state) % 12; r > 0; r--)
            ck_ok(green_sleep(r % 4 == 3 ? (green_time)r * GREEN_USEC : 0));
        close_end(c, first);
        if (next_random(&state) % 2)
            green_sleep(0);
        close_end(c, !first);
        release(c);
        generations++;
    }
    return NULL;
}

START_TEST(numbers_reused_at_random)
{
    struct green_thread *lanes[LANES];
    int before;

    signal(SIGPIPE, SIG_IGN); /* pipes raise it, as in POSIX */
    ck_ok(green_sleep(0));
    before = count_fds();
    for (int i = 0; i < LANES; i++)
        lanes[i] = spawn(lane, i);
    for (int i = 0; i < LANES; i++)
        join(lanes[i]);
    /* All waiters were woken: no greenthread is left. */
    for (int i = 0; i < 100 && stats_now().alive > 1; i++)
        ck_ok(green_sleep(GREEN_MSEC));
    fprintf(stderr,
            "%s: %u generations, %u numbers from another lane, %u frames, "
            "%u waiters woken by a close\n",
            hub_under_test(), generations, numbers_reused, frames_read,
            woken_closed);
    ck_assert_uint_eq(stats_now().alive, 1);
    ck_assert_int_eq(count_fds(), before);
    ck_assert_uint_gt(frames_read, generations);
    ck_assert_uint_gt(woken_closed, generations / 4);
    ck_assert_uint_gt(numbers_reused, generations / 4);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("stress descriptors");
    TCase *tcase = add_tcase(suite, "descriptors");

    tcase_set_timeout(tcase, 60);
    tcase_add_test(tcase, closed_by_another_while_several_wait);
    tcase_add_test(tcase, numbers_reused_at_random);
    return run_suite(suite);
}
