/*
 * Clients that misbehave, among good ones whose bytes must stay exact. The
 * server answers whole messages (a length, then as many bytes), so that it
 * detects a client that disappears in the middle of one.
 */
#include <sys/wait.h>

#include "stress.h"

#define PROCESSES 2
#define LARGEST 4000
#define ROUNDS 20
#define HALF_MESSAGES 10 /* they fit into the sockets' buffers */
#define BOTH_WAYS 200

enum kind {
    GOOD,
    VANISHES,   /* closes in the middle of a message */
    HALF_CLOSE, /* shutdown(SHUT_WR), then reads all answers */
    RESETS,     /* resets with answers unread */
    SILENT,     /* connects, sends nothing, stays */
    DEAF,       /* sends until nothing fits, reads nothing, resets */
    BOTH,       /* reads in one greenthread and writes in another */
    KINDS
};

static char address[64];
static struct green_server server;

/* What the server saw: ends between messages, ends within one, resets; and the
 * answers that it sent. */
static unsigned ends, broken, failures, answers;

struct message {
    uint32_t size;
    char bytes[LARGEST];
};

/* Answers one message. Returns 1; 0 at the end of the stream, -1 on an error,
 * -2 at an end within the message. */
static int answer_one(int fd)
{
    struct message message;
    ssize_t n = green_read_full(fd, &message.size, 4);

    if (n <= 0)
        return (int)n;
    if (n < 4)
        return -2;
    n = green_read_full(fd, message.bytes, message.size);
    if (n < (ssize_t)message.size)
        return n < 0 ? -1 : -2;
    return green_write_all(fd, &message, 4 + message.size) < 0 ? -1 : 1;
}

static void answer(int fd, void *arg)
{
    int result;

    (void)arg;
    while ((result = answer_one(fd)) == 1)
        answers++;
    ends += result == 0;
    failures += result == -1;
    broken += result == -2;
}

/* ---- Clients ----------------------------------------------------------- */

static int rude_left, silent_fds[4096], silents;

static void compose(struct message *message, uint64_t *state)
{
    message->size = 1 + next_random(state) % LARGEST;
    fill_random(message->bytes, message->size, state);
}

static void expect(int fd, uint64_t *state)
{
    struct message wanted, found;
    ssize_t size;

    compose(&wanted, state);
    size = 4 + (ssize_t)wanted.size;
    child_must(green_read_full(fd, &found, (size_t)size) == size);
    child_must(memcmp(&found, &wanted, (size_t)size) == 0);
}

static void say(int fd, uint64_t *state)
{
    struct message message;

    compose(&message, state);
    child_must(green_write_all(fd, &message, 4 + message.size) == 0);
}

static void reset(int fd)
{
    const struct linger linger = {.l_onoff = 1, .l_linger = 0};

    child_must(setsockopt(fd, SOL_SOCKET, SO_LINGER, &linger, sizeof linger) ==
               0);
    child_must(green_close(fd) == 0);
}

/* Runs at least ROUNDS, and as long as a bad client runs. */
static void run_good(int fd, uint64_t *state)
{
    for (int i = 0; i < ROUNDS || rude_left > 0; i++) {
        uint64_t same = *state;

        say(fd, state);
        expect(fd, &same);
    }
    child_must(green_close(fd) == 0);
}

static void vanish(int fd, uint64_t *state)
{
    struct message message;
    uint64_t same = *state;

    say(fd, state);
    expect(fd, &same);
    compose(&message, state);
    child_must(green_write_all(fd, &message, 4 + message.size / 2) == 0);
    child_must(green_close(fd) == 0);
}

static void close_half(int fd, uint64_t *state)
{
    uint64_t same = *state;
    char none;

    for (int i = 0; i < HALF_MESSAGES; i++)
        say(fd, state);
    child_must(green_shutdown(fd, SHUT_WR) == 0);
    for (int i = 0; i < HALF_MESSAGES; i++)
        expect(fd, &same);
    child_must(green_read(fd, &none, 1) == 0);
    child_must(green_close(fd) == 0);
}

static void send_only(int fd)
{
    struct message message = {.size = LARGEST};
    struct green_timeout timeout;

    child_must(green_timeout_start(&timeout, 100 * GREEN_MSEC) == 0);
    while (green_write_all(fd, &message, sizeof message) == 0)
        ;
    child_must(errno == ETIMEDOUT);
    child_must(green_timeout_cancel(&timeout) == 0);
    reset(fd);
}

struct other_half {
    int fd;
    uint64_t state;
};

static void *say_all(void *arg)
{
    struct other_half *half = arg;

    for (int i = 0; i < BOTH_WAYS; i++)
        say(half->fd, &half->state);
    child_must(green_shutdown(half->fd, SHUT_WR) == 0);
    return NULL;
}

/* More data is in transit than the sockets' buffers hold. */
static void send_and_receive(int fd, uint64_t *state)
{
    struct other_half half = {.fd = fd, .state = *state};
    struct green_thread *thread = green_spawn(say_all, &half);
    char none;

    child_must(thread != NULL);
    for (int i = 0; i < BOTH_WAYS; i++)
        expect(fd, state);
    child_must(green_read(fd, &none, 1) == 0);
    child_must(green_join(thread, NULL) == 0);
    child_must(green_close(fd) == 0);
}

static void *client(void *arg)
{
    uint64_t state = (uint64_t)getpid() << 32 | (uint32_t)(intptr_t)arg;
    enum kind kind = (enum kind)((intptr_t)arg % KINDS);
    int fd = green_dial(address);

    child_must(fd >= 0);
    if (kind == GOOD)
        run_good(fd, &state);
    else if (kind == VANISHES)
        vanish(fd, &state);
    else if (kind == HALF_CLOSE)
        close_half(fd, &state);
    else if (kind == RESETS)
        say(fd, &state), reset(fd);
    else if (kind == SILENT)
        silent_fds[silents++] = fd;
    else if (kind == DEAF)
        send_only(fd);
    else
        send_and_receive(fd, &state);
    rude_left -= kind != GOOD;
    return NULL;
}

static void run_clients(int each)
{
    int count = each * KINDS;
    struct green_thread **threads = calloc((size_t)count, sizeof *threads);

    child_must(threads != NULL);
    rude_left = each * (KINDS - 1);
    for (int i = 0; i < count; i++)
        child_must((threads[i] = green_spawn(client, (void *)(intptr_t)i)));
    for (int i = 0; i < count; i++)
        child_must(green_join(threads[i], NULL) == 0);
    child_must(silents == each);
    /* Half of them close; the process's end closes the others. */
    for (int i = 0; i < silents / 2; i++)
        child_must(green_close(silent_fds[i]) == 0);
    free(threads);
}

/* ---- Server ------------------------------------------------------------ */

static int alive[2];

static void *stop_at_the_end(void *arg)
{
    char none;

    (void)arg;
    ck_assert_int_eq(green_read(alive[0], &none, 1), 0);
    ck_ok(green_server_stop(&server));
    return NULL;
}

static void check_what_was_seen(unsigned each)
{
    fprintf(stderr,
            "%s: %u connections of %d kinds, %u answers; %u ended, %u broke "
            "off, %u failed\n",
            hub_under_test(), (unsigned)server.accepted, KINDS, answers, ends,
            broken, failures);
    ck_assert_uint_eq(server.accepted, each * KINDS);
    ck_assert_uint_eq(server.active, 0);
    ck_assert_uint_eq(ends + broken + failures, each * KINDS);
    ck_assert_uint_eq(broken, each);
    ck_assert_uint_eq(ends, 4 * each);
    ck_assert_uint_eq(failures, 2 * each);
    ck_assert_uint_ge(answers, each * (ROUNDS + 1 + HALF_MESSAGES + BOTH_WAYS));
}

START_TEST(bad_clients_among_good_ones)
{
    struct green_serve_options options = {.server = &server};
    int listener = green_listen("tcp://127.0.0.1:0", NULL), before;
    int each = fewer_if_checked(100, 5);
    struct green_thread *thread;
    pid_t clients[PROCESSES];

    ck_assert_int_gt(green_local_address(listener, address, sizeof address), 0);
    pipe_pair(alive);
    for (int i = 0; i < PROCESSES; i++) {
        clients[i] = fork();
        if (clients[i] == 0) {
            child_must(close(listener) == 0);
            run_clients(each);
            _exit(0);
        }
    }
    close(alive[1]);
    before = count_fds();
    thread = green_spawn(stop_at_the_end, NULL);
    ck_ok(green_serve(listener, answer, &options));
    ck_ok(green_join(thread, NULL));
    for (int i = 0; i < PROCESSES; i++)
        ck_assert_int_eq(wait_child(clients[i]), 0);
    check_what_was_seen((unsigned)each * PROCESSES);
    ck_assert_int_eq(count_fds(), before);
    ck_assert_uint_eq(stats_now().alive, 1);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("stress clients");
    TCase *tcase = add_tcase(suite, "clients");

    tcase_set_timeout(tcase, 60);
    tcase_add_test(tcase, bad_clients_among_good_ones);
    return run_suite(suite);
}
