/*
 * The load: echo clients in lock-step. Each sends a message and waits for its
 * exact echo before it sends the next.
 *
 *   load PORT CONNECTIONS AMOUNT SIZE [fresh]
 *
 * With "fresh", each message gets a new connection: connect, send, receive,
 * close; CONNECTIONS is then the number open at a time. AMOUNT is a number of
 * requests, or of seconds if it ends in 's'. The load exchanges lines with the
 * measuring program while no request is outstanding, so that the server is idle
 * whenever its CPU time is read. For each slice:
 *
 *   load prints  start                       connected and warmed up
 *   load reads   (a line)
 *   load prints  stop REQUESTS NANOSECONDS   the number of answers, the time
 *   load reads   (a line)                    warm up for the next slice
 *                (the end of its input)      close all and end
 *
 * or at any point `failed REASON`, with exit status 1. After success, the last
 * line is `correct REQUESTS`, including the warm-up: the number of echoes that
 * were compared byte for byte, without a byte beyond them.
 *
 * The load sends a connection's next request as soon as it has the answer, and
 * does as much per request as an echo server does, so the server always finds
 * many sockets ready and rarely sleeps. (Requests in waves, one on every
 * connection before all answers are read, were tried: the server keeps up with
 * the wave and finds few sockets ready at a time, so its figure depends on the
 * client's timing more than on the server.)
 */
#include "common.h"

#include <stdarg.h>
#include <stdbool.h>
#include <sys/epoll.h>
#include <unistd.h>

#define EVENTS 512
#define FIRST_WARM_UP_NS 200000000
#define WARM_UP_NS 30000000
#define PATIENCE_MS 10000
#define MAX_SIZE 65536
/* So large that a send buffer accepts any message whole and no send waits for
 * the server: twice the largest amount outstanding. */
#define SEND_BUFFER (2 * MAX_SIZE)
/* Fresh connections use this many source addresses in turn, from 127.0.0.1 on.
 * A closed connection occupies its pair of ports for a minute; one address
 * would run out of them. */
#define SOURCES 200

struct client {
    int fd;            /* -1: closed */
    size_t received;   /* of the outstanding echo */
    uint64_t sequence; /* of the outstanding message */
};

static struct client *clients;
static int client_count;
static size_t size;
static bool fresh;
static struct sockaddr_in server;
static int poller;
static uint64_t total;
static char expected[MAX_SIZE], received[MAX_SIZE + 1];

static void __attribute__((noreturn, format(printf, 1, 2)))
fail(const char *format, ...)
{
    va_list arguments;

    printf("failed ");
    va_start(arguments, format);
    vprintf(format, arguments);
    va_end(arguments);
    printf("\n");
    exit(1);
}

/* Fills in bytes that differ for each connection and each of its messages. */
static void fill(char *message, int index, uint64_t sequence)
{
    uint64_t word = ((uint64_t)index << 40) ^ sequence;
    size_t chunk;

    for (size_t i = 0; i < size; i += chunk) {
        word = (word + 0x9e3779b97f4a7c15) * 0xbf58476d1ce4e5b9;
        chunk = size - i < sizeof word ? size - i : sizeof word;
        memcpy(message + i, &word, chunk);
    }
}

/* Binds a socket to the next of the source addresses. */
static void choose_source(int fd)
{
    static uint32_t next;
    struct sockaddr_in source = {
        .sin_family = AF_INET,
        .sin_addr.s_addr = htonl(INADDR_LOOPBACK + next),
    };
    int one = 1;

    next = (next + 1) % SOURCES;
    setsockopt(fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &one, sizeof one);
    if (bind(fd, (struct sockaddr *)&source, sizeof source) < 0)
        fail("bind: %s", strerror(errno));
}

/* Time limits, so that connect and send do not hang if the server does not
 * answer. */
static void set_options(int fd)
{
    struct timeval patience = {.tv_sec = PATIENCE_MS / 1000};
    int bytes = SEND_BUFFER;

    setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience);
    if (size > BENCH_SMALL_BUFFER)
        setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &bytes, sizeof bytes);
    bench_no_delay(fd);
}

static void connect_one(int index)
{
    struct epoll_event event = {.events = EPOLLIN | EPOLLET};
    struct client *c = &clients[index];

    c->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (c->fd < 0)
        fail("socket %d: %s", index, strerror(errno));
    set_options(c->fd);
    if (fresh)
        choose_source(c->fd);
    if (connect(c->fd, (struct sockaddr *)&server, sizeof server) < 0)
        fail("connect %d: %s", index,
             errno == EINPROGRESS ? "no answer" : strerror(errno));
    event.data.u32 = (uint32_t)index;
    if (epoll_ctl(poller, EPOLL_CTL_ADD, c->fd, &event) < 0)
        fail("epoll_ctl: %s", strerror(errno));
}

static void send_one(int index)
{
    struct client *c = &clients[index];
    ssize_t n;

    if (fresh)
        connect_one(index);
    c->sequence++;
    c->received = 0;
    fill(expected, index, c->sequence);
    n = send(c->fd, expected, size, MSG_NOSIGNAL);
    if (n != (ssize_t)size)
        fail("send on %d: %s", index, n < 0 ? strerror(errno) : "cut short");
}

/* Returns true when the echo is complete, false if more is to come. */
static bool receive_one(int index)
{
    struct client *c = &clients[index];
    ssize_t n;

    while (c->received < size) {
        n = recv(c->fd, received, size - c->received + 1, MSG_DONTWAIT);
        if (n < 0 && errno == EAGAIN)
            return false;
        if (n < 0)
            fail("recv on %d: %s", index, strerror(errno));
        if (n == 0)
            fail("connection %d closed by the server", index);
        fill(expected, index, c->sequence);
        if ((size_t)n > size - c->received ||
            memcmp(received, expected + c->received, (size_t)n) != 0)
            fail("wrong bytes on connection %d, message %llu", index,
                 (unsigned long long)c->sequence);
        c->received += (size_t)n;
    }
    if (fresh) {
        close(c->fd);
        c->fd = -1;
    }
    return true;
}

struct amount {
    uint64_t requests;
    int64_t duration; /* in nanoseconds; 0: AMOUNT is a number of requests */
};

static bool is_over(const struct amount *amount, int64_t began, uint64_t sent)
{
    if (amount->duration)
        return bench_now() - began >= amount->duration;
    return sent >= amount->requests;
}

/*
 * Waits for echoes; returns the number of events. It sleeps: a client that
 * spins would read each echo separately and so send the server one request at a
 * time, after which the server sleeps more, not less.
 */
static int wait_for_echoes(struct epoll_event *events, int missing)
{
    int n = epoll_wait(poller, events, EVENTS, PATIENCE_MS);

    if (n == 0)
        fail("%d answers did not arrive within %d ms", missing, PATIENCE_MS);
    if (n < 0 && errno != EINTR)
        fail("epoll_wait: %s", strerror(errno));
    return n;
}

/* Sends this amount and reads every answer; returns their number. */
static uint64_t run(struct amount amount)
{
    struct epoll_event events[EVENTS];
    int64_t began = bench_now();
    int missing = client_count;
    uint64_t sent = (uint64_t)client_count;
    bool over = false;

    for (int i = 0; i < client_count; i++)
        send_one(i);
    while (missing > 0) {
        int n = wait_for_echoes(events, missing);

        over = over || is_over(&amount, began, sent);
        for (int i = 0; i < n; i++) {
            if (!receive_one((int)events[i].data.u32))
                continue;
            if (over) {
                missing--;
            } else {
                send_one((int)events[i].data.u32);
                sent++;
            }
        }
    }
    total += sent;
    return sent;
}

/* A byte beyond the last echo is a wrong byte too. */
static void check_silence(void)
{
    for (int i = 0; i < client_count && !fresh; i++)
        if (recv(clients[i].fd, received, 1, MSG_DONTWAIT) >= 0)
            fail("connection %d: a byte after its echo, or closed", i);
}

/* With a linger time of 0, closing leaves no socket in TIME_WAIT for the next
 * round. */
static void close_all(void)
{
    struct linger now = {.l_onoff = 1};

    for (int i = 0; i < client_count && !fresh; i++) {
        setsockopt(clients[i].fd, SOL_SOCKET, SO_LINGER, &now, sizeof now);
        close(clients[i].fd);
    }
}

/* False at the end of the input. */
static bool wait_for_line(void)
{
    int c;

    fflush(stdout);
    while ((c = getchar()) != '\n' && c != EOF)
        ;
    return c != EOF;
}

static struct amount parse_amount(const char *text)
{
    struct amount amount = {0};
    size_t length = strlen(text);

    if (length > 0 && text[length - 1] == 's')
        amount.duration = (int64_t)(strtod(text, NULL) * 1e9);
    else
        amount.requests = (uint64_t)bench_number(text, 1L << 40);
    return amount;
}

static void connect_all(void)
{
    clients = calloc((size_t)client_count, sizeof *clients);
    poller = epoll_create1(EPOLL_CLOEXEC);
    if (!clients || poller < 0)
        fail("no memory or no epoll: %s", strerror(errno));
    for (int i = 0; i < client_count && !fresh; i++)
        connect_one(i);
}

static void parse(int argc, char **argv)
{
    fresh = argc == 6 && strcmp(argv[5], "fresh") == 0;
    if (argc != 5 && !fresh) {
        fprintf(stderr, "usage: load PORT CONNECTIONS AMOUNT SIZE [fresh]\n");
        exit(2);
    }
    server = (struct sockaddr_in){
        .sin_family = AF_INET,
        .sin_port = htons((uint16_t)bench_number(argv[1], 65535)),
        .sin_addr.s_addr = htonl(INADDR_LOOPBACK),
    };
    client_count = (int)bench_number(argv[2], 1000000);
    size = (size_t)bench_number(argv[4], MAX_SIZE);
    if (client_count == 0 || size == 0)
        fail("no connections, or no bytes to send");
}

/* Runs one slice. Returns false if it was the last. */
static bool slice(struct amount amount)
{
    int64_t began;
    uint64_t done;

    printf("start\n");
    if (!wait_for_line())
        return false;
    began = bench_now();
    done = run(amount);
    printf("stop %llu %lld\n", (unsigned long long)done,
           (long long)(bench_now() - began));
    return wait_for_line();
}

int main(int argc, char **argv)
{
    struct amount amount;

    parse(argc, argv);
    amount = parse_amount(argv[3]);
    bench_raise_descriptor_limit();
    connect_all();
    run((struct amount){.duration = FIRST_WARM_UP_NS});
    while (slice(amount))
        run((struct amount){.duration = WARM_UP_NS});
    check_silence();
    close_all();
    printf("correct %llu\n", (unsigned long long)total);
    return 0;
}
