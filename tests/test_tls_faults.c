/*
 * A peer that stalls, cuts the connection or changes a byte in each state of a handshake; kills
 * and time limits anywhere. Nothing may hang, crash, or succeed by half.
 */
#include <sys/socket.h>
#include <unistd.h>

#include "tls_pair.h"

enum fault { STALL, CUT, CHANGE, FAULTS };

/* What lies between a client and a server: it hands over so many bytes in one direction, and
 * then there is a fault. */
static struct {
    struct tls_end client, server;
    int near[2]; /* [0] to the client, [1] to the server */
    int faulty;  /* the direction: from near[faulty] */
    size_t limit;
    enum fault fault;
    size_t carried;
    bool happened;
} between;

static void fail_here(int i, unsigned char *bytes, size_t size)
{
    between.happened = true;
    if (between.fault == CUT) {
        (void)shutdown(between.near[0], SHUT_RDWR);
        (void)shutdown(between.near[1], SHUT_RDWR);
    } else if (between.fault == CHANGE) {
        bytes[0] ^= 0x10;
        (void)green_write_all(between.near[1 - i], bytes, size);
    }
}

static void *carries(void *arg)
{
    int i = (int)(intptr_t)arg;
    unsigned char bytes[16384];
    ssize_t n;

    while ((n = green_read(between.near[i], bytes, sizeof bytes)) > 0) {
        size_t size = (size_t)n, first = size;

        if (i == between.faulty && !between.happened) {
            first = between.limit - between.carried;
            first = first < size ? first : size;
            between.carried += first;
        }
        if (between.happened && between.fault == STALL && i == between.faulty)
            continue;
        (void)green_write_all(between.near[1 - i], bytes, first);
        if (first < size)
            fail_here(i, bytes + first, size - first);
    }
    (void)shutdown(between.near[1 - i], SHUT_WR);
    return NULL;
}

static struct green_tls_config *limited(green_time limit)
{
    return tls_config(
        &(struct green_tls_options){.certificate = tls_path("good.crt"),
                                    .key = tls_path("good.key"),
                                    .authorities = tls_path("ca.crt"),
                                    .handshake_timeout = limit});
}

/* A stall lasts that long, so it is short; but a handshake must have the time to get as far
 * as the fault. */
static green_time patience = 50 * GREEN_MSEC;

static void use_patience(void)
{
    green_tls_config_free(between.client.config);
    green_tls_config_free(between.server.config);
    between.client.config = limited(patience);
    between.server.config = limited(patience);
}

/* Returns whether the fault came before both ends were done. */
static bool try_fault(int direction, enum fault fault, size_t limit)
{
    struct green_thread *carriers[2];
    int fds[2];

    between.faulty = direction;
    between.fault = fault;
    between.limit = limit;
    between.carried = 0;
    between.happened = false;
    for (int i = 0; i < 2; i++) {
        struct tls_end *end = i ? &between.server : &between.client;

        unix_pair(fds);
        between.near[i] = fds[0];
        end->fd = fds[1];
        end->error = 0;
        carriers[i] = green_spawn(carries, (void *)(intptr_t)i);
    }
    tls_begin(&between.client);
    tls_begin(&between.server);
    tls_await(&between.client);
    if (between.client.error)
        ck_ok(shutdown(between.client.fd, SHUT_RDWR));
    tls_await(&between.server);
    tls_drop(&between.client);
    tls_drop(&between.server);
    for (int i = 0; i < 2; i++)
        ck_ok(green_join(carriers[i], NULL));
    close(between.near[0]);
    close(between.near[1]);
    return between.happened;
}

/* The same; but an end that has lost its patience before the fault gets more. */
static bool reach_fault(int direction, enum fault fault, size_t limit)
{
    while (!try_fault(direction, fault, limit)) {
        if (between.client.error != ETIMEDOUT &&
            between.server.error != ETIMEDOUT)
            return false;
        patience *= 2;
        use_patience();
    }
    return true;
}

static void is_plausible(const struct tls_end *end)
{
    static const int plausible[] = {0,          EPROTO, EKEYREJECTED,
                                    ECONNRESET, EPIPE,  ETIMEDOUT};

    for (size_t i = 0; i < sizeof plausible / sizeof *plausible; i++)
        if (end->error == plausible[i])
            return;
    ck_abort_msg("%s: %s", strerror(end->error), end->reason);
}

static void prepare(int version)
{
    tls_at_most(tls_versions[version]);
    between.client.host = "host.test";
    use_patience();
}

/* After each byte of each direction, in steps: a stall takes the whole time limit. */
START_TEST(a_fault_after_some_bytes)
{
    int direction = _i & 1, version = _i >> 1 & 1;
    enum fault fault = (enum fault)(_i >> 2);
    size_t step = fault == STALL ? 97
                  : checker()    ? 31
                                 : 7,
           limit, tries = 0, failed = 0;

    prepare(version);
    for (limit = 0; reach_fault(direction, fault, limit); limit += step) {
        is_plausible(&between.client);
        is_plausible(&between.server);
        /* The last bytes are those of the end, after both handshakes. */
        failed += between.client.error || between.server.error;
        tries++;
    }
    ck_assert_uint_gt(tries, 2);
    ck_assert_uint_gt(failed, tries / 2);
}
END_TEST

START_TEST(nothing_leaks_by_faults)
{
    int fds;

    prepare(1);
    ck_assert(reach_fault(0, CUT, 100));
    fds = count_fds();
    for (size_t limit = 0; limit < 1000; limit += 50)
        ck_assert(reach_fault(1, CUT, limit));
    ck_assert_int_eq(count_fds(), fds);
}
END_TEST

/* ---- Kills ---------------------------------------------------------------------- */

struct victim {
    struct green_stream *stream;
    int fd;
    struct green_tls_config *config;
    bool made;
};

static void *lives(void *arg)
{
    struct victim *victim = arg;
    struct green_stream *stream = green_tls_server(victim->fd, victim->config);
    char buffer[3000];

    if (!stream) {
        ck_assert_int_eq(errno, ECANCELED);
        ck_ok(green_close(victim->fd));
        return NULL;
    }
    victim->made = true;
    while (green_stream_read(stream, buffer, sizeof buffer) > 0 &&
           green_stream_write(stream, buffer, sizeof buffer) > 0)
        ;
    ck_ok(green_stream_close(stream));
    return NULL;
}

static void *talks(void *arg)
{
    struct tls_end *client = arg;
    char buffer[3000] = {0};

    client->stream = green_tls_client(client->fd, client->config, "host.test");
    while (client->stream &&
           green_stream_write(client->stream, buffer, sizeof buffer) > 0 &&
           green_stream_read(client->stream, buffer, sizeof buffer) > 0)
        ;
    tls_drop(client);
    return NULL;
}

/* On sim no time passes while others run. */
static void wait_for_a_while(int tries)
{
    if (on_sim())
        for (int i = 0; i < tries; i++)
            ck_ok(green_yield());
    else if (tries > 0)
        ck_ok(green_sleep(tries * 20 * GREEN_USEC));
}

/* Later each time, wherever the victim is then, until some handshakes have ended
 * before. */
START_TEST(killed_anywhere)
{
    struct tls_end client = {.config = tls_client_config()};
    struct victim victim = {.config = tls_server_config("good")};
    int fds[2], before = -1, made = 0, tries;

    for (tries = 0; made < 5 && tries < 2000; tries++) {
        struct green_thread *threads[2];

        unix_pair(fds);
        client.fd = fds[0];
        victim.fd = fds[1];
        victim.made = false;
        threads[0] = green_spawn(talks, &client);
        threads[1] = green_spawn(lives, &victim);
        wait_for_a_while(tries);
        if (green_kill(threads[1]) == 0 && tries == 0) {
            ck_cancelled(threads[1]);
            ck_ok(green_close(victim.fd));
        } else {
            ck_ok(green_join(threads[1], NULL));
        }
        ck_ok(green_join(threads[0], NULL));
        made += victim.made;
        before = before < 0 ? count_fds() : before;
        ck_assert_int_eq(count_fds(), before);
    }
    ck_assert_int_lt(made, tries);
}
END_TEST

START_TEST(a_stalled_peer_takes_the_time_limit)
{
    struct tls_end ends[2] = {
        {.config = limited(50 * GREEN_MSEC), .host = "host.test"},
        {.config = limited(50 * GREEN_MSEC)}};
    int fds[2];

    unix_pair(fds);
    ends[_i].fd = fds[0];
    tls_begin(&ends[_i]);
    tls_await(&ends[_i]);
    ck_assert_int_eq(ends[_i].error, ETIMEDOUT);
    ck_assert_str_eq(ends[_i].reason, "the handshake took longer than 0.05 s");
    tls_drop(&ends[_i]);
    close(fds[1]);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("tls faults");
    TCase *tcase = add_tcase(suite, "faults");

    tls_files();
    tcase_set_timeout(tcase, 60);
    tcase_add_loop_test(tcase, a_fault_after_some_bytes, 0, 4 * FAULTS);
    tcase_add_test(tcase, nothing_leaks_by_faults);
    tcase_add_test(tcase, killed_anywhere);
    tcase_add_loop_test(tcase, a_stalled_peer_takes_the_time_limit, 0, 2);
    return run_suite(suite);
}
