/*
 * Names, with a resolver of the test's own in place of the system's: it knows a
 * few names, and answers for one of them only when the test releases it.
 */
#include <arpa/inet.h>
#include <netdb.h>
#include <netinet/in.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <unistd.h>

#include "support.h"

/* ---- The resolver ------------------------------------------------------- */

static const struct {
    const char *name;
    const char *addresses[3];
    int error, system_error;
} names[] = {
    {"one.test", {"127.0.0.1"}, 0, 0},
    {"slow.test", {"127.0.0.1"}, 0, 0},
    /* At the first address there is no listener, or connect fails at once. */
    {"second.test", {"127.0.0.2", "127.0.0.1"}, 0, 0},
    {"third.test", {"255.255.255.255", "127.0.0.2", "127.0.0.1"}, 0, 0},
    {"refused-last.test", {"255.255.255.255", "127.0.0.2"}, 0, 0},
    {"odd-last.test", {"127.0.0.2", "255.255.255.255"}, 0, 0},
    {"six.test", {"::1"}, 0, 0},
    /* The first address is busy, and connect to the second fails at once. */
    {"busy-first.test", {"127.0.0.1", "255.255.255.255"}, 0, 0},
    {"unknown.test", {NULL}, EAI_NONAME, 0},
    {"failed.test", {NULL}, EAI_FAIL, 0},
    {"later.test", {NULL}, EAI_AGAIN, 0},
    {"memory.test", {NULL}, EAI_MEMORY, 0},
    {"service.test", {NULL}, EAI_SERVICE, 0},
    {"system.test", {NULL}, EAI_SYSTEM, ENFILE},
};

#define NAMES (int)(sizeof names / sizeof names[0])

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t released = PTHREAD_COND_INITIALIZER;
static bool may_answer;
/* Lookups of slow.test that have begun; answers that are not freed yet. */
static _Atomic int slow, answers;

static struct addrinfo *answer(const char *text, int port, int family)
{
    struct addrinfo *one = calloc(1, sizeof *one + sizeof(struct sockaddr_in6));
    struct sockaddr_in *v4 = (struct sockaddr_in *)(one + 1);
    struct sockaddr_in6 *v6 = (struct sockaddr_in6 *)(one + 1);

    one->ai_addr = (struct sockaddr *)(one + 1);
    one->ai_socktype = SOCK_STREAM;
    answers++;
    if (family != AF_INET6 && inet_pton(AF_INET, text, &v4->sin_addr) == 1) {
        one->ai_family = v4->sin_family = AF_INET;
        one->ai_addrlen = sizeof *v4;
        v4->sin_port = htons((uint16_t)port);
        return one;
    }
    if (inet_pton(AF_INET6, text, &v6->sin6_addr) == 1) {
        one->ai_family = v6->sin6_family = AF_INET6;
        one->ai_addrlen = sizeof *v6;
        v6->sin6_port = htons((uint16_t)port);
        return one;
    }
    freeaddrinfo(one);
    return NULL;
}

static void wait_for_release(void)
{
    slow++;
    pthread_mutex_lock(&lock);
    while (!may_answer)
        pthread_cond_wait(&released, &lock);
    pthread_mutex_unlock(&lock);
}

static void release(void)
{
    pthread_mutex_lock(&lock);
    may_answer = true;
    pthread_cond_broadcast(&released);
    pthread_mutex_unlock(&lock);
}

/* The library calls this one: the linker finds the program's symbols first. */
int getaddrinfo(const char *restrict name, const char *restrict service,
                const struct addrinfo *restrict hints,
                struct addrinfo **restrict found)
{
    int port = atoi(service), i;

    *found = NULL;
    if (hints->ai_flags & AI_NUMERICHOST) {
        *found = answer(name, port, hints->ai_family);
        return *found ? 0 : EAI_NONAME;
    }
    for (i = 0; i < NAMES - 1 && strcmp(name, names[i].name) != 0; i++)
        ;
    if (strcmp(name, "slow.test") == 0)
        wait_for_release();
    for (int j = 0; j < 3 && names[i].addresses[j]; j++) {
        *found = answer(names[i].addresses[j], port, hints->ai_family);
        if (*found == NULL)
            return EAI_NONAME;
        found = &(*found)->ai_next;
    }
    errno = names[i].system_error;
    return names[i].error;
}

void freeaddrinfo(struct addrinfo *list)
{
    struct addrinfo *next;

    for (; list; list = next) {
        next = list->ai_next;
        free(list);
        answers--;
    }
}

/* ---- The kernel's choice of a port
 * ---------------------------------------- */

static bool to_itself;

/* The kernel chooses the local port of a socket; here, once, it is the port
 * that the socket connects to. */
int connect(int fd, __CONST_SOCKADDR_ARG address, socklen_t length)
{
    const struct sockaddr *to = (const struct sockaddr *)address.__sockaddr__;

    if (to_itself) {
        ck_ok(bind(fd, address, length));
        to_itself = false;
    }
    return (int)syscall(SYS_connect, fd, to, length);
}

/* ---- Known names --------------------------------------------------------- */

static int port, listener;
static char text[64];

static const char *at(const char *name)
{
    snprintf(text, sizeof text, "tcp://%s:%d", name, port);
    return text;
}

static void listen_somewhere(void)
{
    listener = tcp_listener(&port);
    green_get_hub();
}

/* The resolver's OS thread frees its memory a moment after it has answered. */
static void nothing_leaks(int fds)
{
    while (count_fds() != fds || answers != 0)
        ck_ok(green_sleep(GREEN_MSEC));
}

static const char *const reached[] = {"one.test", "second.test", "third.test"};

START_TEST(addresses_are_tried_in_order)
{
    char peer[64], expected[64];
    int fd, fds;

    listen_somewhere();
    fds = count_fds();
    fd = green_dial(at(reached[_i]));
    ck_assert_msg(fd >= 0, "%s", strerror(errno));
    ck_assert_int_gt(green_peer_address(fd, peer, sizeof peer), 0);
    snprintf(expected, sizeof expected, "tcp://127.0.0.1:%d", port);
    ck_assert_str_eq(peer, expected);
    ck_ok(green_close(fd));
    nothing_leaks(fds);
}
END_TEST

/* The error of connect to the broadcast address on this system. */
static int odd_error(void)
{
    struct sockaddr_in address = {.sin_family = AF_INET,
                                  .sin_port = htons(1),
                                  .sin_addr = {htonl(INADDR_BROADCAST)}};
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), error;

    ck_assert_int_lt(connect(fd, (void *)&address, sizeof address), 0);
    error = errno;
    close(fd);
    ck_assert_int_ne(error, ECONNREFUSED);
    return error;
}

START_TEST(the_last_addresss_error_is_returned)
{
    int error = odd_error(), fds;

    listen_somewhere();
    fds = count_fds();
    ck_fails(green_dial(at("refused-last.test")), ECONNREFUSED);
    ck_fails(green_dial(at("odd-last.test")), error);
    nothing_leaks(fds);
}
END_TEST

/* The kernel queues one connection more than the backlog, and then leaves
 * further ones half-open. */
static void fill_backlog(void)
{
    struct timeval moment = {.tv_usec = 20000};
    struct sockaddr_in address;
    socklen_t length = sizeof address;
    int fd, count = 0;

    ck_ok(listen(listener, 0));
    ck_ok(getsockname(listener, (struct sockaddr *)&address, &length));
    do {
        fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
        ck_assert_int_lt(count++, 10);
        ck_ok(setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &moment, sizeof moment));
    } while (connect(fd, (struct sockaddr *)&address, length) == 0);
    ck_assert_int_eq(errno, EINPROGRESS);
}

static void *dials_busy(void *arg)
{
    (void)arg;
    return (void *)(intptr_t)(green_dial(at("busy-first.test")) < 0 ? errno
                                                                    : 0);
}

/* A server that is down, on a port that the kernel gives to clients. */
START_TEST(a_socket_that_connects_to_itself)
{
    const char *hosts[] = {"127.0.0.1", "[::1]"};
    int fd, fds;

    if (_i == 1 && (fd = green_listen("tcp6://[::1]:0", NULL)) < 0) {
        SKIP("needs IPv6");
        return;
    }
    port = unused_port();
    fds = (green_get_hub(), count_fds());
    to_itself = true;
    ck_fails(green_dial(at(hosts[_i])), ECONNREFUSED);
    ck_assert(!to_itself);
    ck_assert_int_eq(count_fds(), fds);
    /* The server can start again at once. */
    fd = green_listen(at(hosts[_i]), NULL);
    ck_assert_msg(fd >= 0, "%s", strerror(errno));
    ck_ok(green_close(fd));
}
END_TEST

/* After a timeout or a kill, dial tries no other address. */
START_TEST(a_timeout_or_kill_ends_the_attempts)
{
    struct green_thread *thread;
    struct green_timeout timeout;
    void *error;

    listen_somewhere();
    fill_backlog();
    ck_ok(green_timeout_start(&timeout, 20 * GREEN_MSEC));
    ck_assert_int_eq((long)(intptr_t)dials_busy(NULL), ETIMEDOUT);
    ck_ok(green_timeout_cancel(&timeout));
    thread = green_spawn(dials_busy, NULL);
    ck_ok(green_sleep(20 * GREEN_MSEC));
    ck_ok(green_kill(thread));
    ck_ok(green_join(thread, &error));
    ck_assert_int_eq((long)(intptr_t)error, ECANCELED);
}
END_TEST

START_TEST(tcp6_needs_an_ipv6_address)
{
    char address[64];

    listen_somewhere();
    snprintf(address, sizeof address, "tcp6://one.test:%d", port);
    ck_fails(green_dial(address), ENOENT);
    ck_fails(green_listen("tcp6://one.test:0", NULL), ENOENT);
    /* No listener at ::1; without IPv6 it is another error. */
    snprintf(address, sizeof address, "tcp6://six.test:%d", port);
    errno = 0;
    ck_assert_int_eq(green_dial(address), -1);
    ck_assert_int_ne(errno, ENOENT);
}
END_TEST

START_TEST(a_name_to_listen_at)
{
    int fds = (green_get_hub(), count_fds()), fd;
    char local[64];

    fd = green_listen("tcp://one.test:0", NULL);
    ck_assert_msg(fd >= 0, "%s", strerror(errno));
    ck_assert_int_gt(green_local_address(fd, local, sizeof local), 0);
    ck_assert_int_eq(strncmp(local, "tcp://127.0.0.1:", 16), 0);
    ck_ok(green_close(fd));
    nothing_leaks(fds);
}
END_TEST

/* ---- Unknown names
 * --------------------------------------------------------- */

static const struct {
    const char *address;
    int error;
} unknown[] = {
    {"tcp://unknown.test:1", ENOENT}, {"tcp://failed.test:1", ENOENT},
    {"tcp://later.test:1", EAGAIN},   {"tcp://memory.test:1", ENOMEM},
    {"tcp://service.test:1", EINVAL}, {"tcp://system.test:1", ENFILE},
};

START_TEST(a_name_that_cannot_be_looked_up)
{
    int fds = (green_get_hub(), count_fds());

    ck_fails(green_dial(unknown[_i].address), unknown[_i].error);
    ck_fails(green_listen(unknown[_i].address, NULL), unknown[_i].error);
    nothing_leaks(fds);
}
END_TEST

static struct addrinfo *found;

static int look_up(const char *name)
{
    const struct addrinfo hints = {.ai_family = AF_UNSPEC};

    errno = 0;
    return green_getaddrinfo(name, "80", &hints, &found);
}

static void looks_up_in_a_callback(struct green_call *call)
{
    ck_assert_int_eq(look_up("127.0.0.1"), 0); /* needs no OS thread */
    freeaddrinfo(found);
    ck_assert_int_eq(look_up("one.test"), EAI_SYSTEM);
    ck_assert_int_eq(errno, EDEADLK);
    call->arg = NULL;
}

START_TEST(getaddrinfo_returns_what_the_systems_does)
{
    struct green_call call = {.callback = looks_up_in_a_callback, .arg = &call};
    int fds = (green_get_hub(), count_fds());

    ck_assert_int_eq(look_up("second.test"), 0);
    ck_assert_int_eq(found->ai_addrlen, sizeof(struct sockaddr_in));
    ck_assert_ptr_nonnull(found->ai_next);
    freeaddrinfo(found);
    ck_assert_int_eq(look_up("unknown.test"), EAI_NONAME);
    ck_assert_int_eq(look_up("later.test"), EAI_AGAIN);
    ck_assert_int_eq(look_up("system.test"), EAI_SYSTEM);
    ck_assert_int_eq(errno, ENFILE);
    ck_assert_int_eq(green_getaddrinfo("one.test", "80", NULL, NULL),
                     EAI_SYSTEM);
    ck_assert_int_eq(errno, EINVAL);
    ck_ok(green_hub_call(green_get_hub(), &call));
    while (call.arg)
        ck_ok(green_sleep(GREEN_MSEC));
    nothing_leaks(fds);
}
END_TEST

static void *looks_up_slowly(void *unused)
{
    ck_assert_int_eq(look_up("slow.test"), EAI_SYSTEM);
    ck_assert_int_eq(errno, ECANCELED);
    return unused;
}

START_TEST(getaddrinfo_is_interrupted)
{
    int fds = (green_get_hub(), count_fds());
    struct green_thread *thread = green_spawn(looks_up_slowly, NULL);
    struct green_timeout timeout;

    while (slow == 0)
        ck_ok(green_sleep(GREEN_MSEC));
    ck_ok(green_kill(thread));
    ck_ok(green_join(thread, NULL));
    ck_ok(green_timeout_start(&timeout, 20 * GREEN_MSEC));
    ck_assert_int_eq(look_up("slow.test"), EAI_SYSTEM);
    ck_assert_int_eq(errno, ETIMEDOUT);
    ck_ok(green_timeout_cancel(&timeout));
    release();
    nothing_leaks(fds);
}
END_TEST

/* ---- During a lookup ----------------------------------------------------- */

#define DIALLERS 20

static struct green_thread *diallers[DIALLERS];

static void *dial_slow(void *unused)
{
    char address[64];
    int fd, error;

    (void)unused;
    snprintf(address, sizeof address, "tcp://slow.test:%d", port);
    fd = green_dial(address);
    error = fd < 0 ? errno : 0;
    if (fd >= 0)
        ck_ok(green_close(fd));
    return (void *)(intptr_t)error;
}

static void start_diallers(void)
{
    for (int i = 0; i < DIALLERS; i++) {
        diallers[i] = green_spawn(dial_slow, NULL);
        ck_assert_ptr_nonnull(diallers[i]);
    }
    while (slow == 0)
        ck_ok(green_sleep(GREEN_MSEC));
}

static int result_of(int i)
{
    void *error;

    ck_ok(green_join(diallers[i], &error));
    return (int)(intptr_t)error;
}

/* More lookups than OS threads; others run while they wait. */
START_TEST(many_look_up_at_once)
{
    int fds;

    listen_somewhere();
    fds = count_fds();
    start_diallers();
    ck_ok(green_sleep(GREEN_MSEC));
    release();
    for (int i = 0; i < DIALLERS; i++)
        ck_assert_int_eq(result_of(i), 0);
    ck_assert_int_ge(slow, DIALLERS); /* late ones are asked for again */
    nothing_leaks(fds);
}
END_TEST

START_TEST(killed_while_it_looks_up)
{
    int fds;

    listen_somewhere();
    fds = count_fds();
    start_diallers();
    for (int i = 0; i < DIALLERS; i += 2) {
        ck_ok(green_kill(diallers[i]));
        ck_assert_int_eq(result_of(i), ECANCELED);
    }
    release();
    for (int i = 1; i < DIALLERS; i += 2)
        ck_assert_int_eq(result_of(i), 0);
    nothing_leaks(fds);
}
END_TEST

START_TEST(timed_out_while_it_looks_up)
{
    struct green_timeout timeout;
    int fds;

    listen_somewhere();
    fds = count_fds();
    ck_ok(green_timeout_start(&timeout, 20 * GREEN_MSEC));
    ck_fails(green_dial(at("slow.test")), ETIMEDOUT);
    ck_assert(green_timeout_fired(&timeout));
    ck_fails(green_listen("tcp://slow.test:0", NULL), ETIMEDOUT);
    ck_ok(green_timeout_cancel(&timeout));
    release();
    ck_assert_int_eq((int)(intptr_t)dial_slow(NULL), 0);
    nothing_leaks(fds);
}
END_TEST

/* The library runs so many lookups at once, and queues the rest. */
#define WORKERS 16

/*
 * The child has no lookups or OS threads of the parent; both continue. No OS
 * thread is just starting at the fork: ASan's allocator may be locked then, and
 * would stay locked in the child.
 */
START_TEST(fork_while_it_looks_up)
{
    pid_t pid;
    int fds;

    if (is_emulated()) {
        SKIP("qemu-user ends the child of many threads with 127");
        return;
    }
    listen_somewhere();
    fds = count_fds();
    start_diallers();
    while (slow < WORKERS)
        ck_ok(green_sleep(GREEN_MSEC));
    pid = fork();
    ck_assert_int_ge(pid, 0);
    if (pid == 0) {
        int fd = green_dial(at("one.test"));

        _exit(fd >= 0 ? 0 : errno);
    }
    ck_assert_int_eq(wait_child(pid), 0);
    release();
    for (int i = 0; i < DIALLERS; i++)
        ck_assert_int_eq(result_of(i), 0);
    nothing_leaks(fds);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("net dial");
    TCase *known = add_tcase(suite, "known");
    TCase *waits = add_tcase(suite, "waits");

    tcase_add_loop_test(known, addresses_are_tried_in_order, 0, 3);
    tcase_add_test(known, the_last_addresss_error_is_returned);
    tcase_add_test(known, a_timeout_or_kill_ends_the_attempts);
    tcase_add_loop_test(known, a_socket_that_connects_to_itself, 0, 2);
    tcase_add_test(known, tcp6_needs_an_ipv6_address);
    tcase_add_test(known, a_name_to_listen_at);
    tcase_add_loop_test(known, a_name_that_cannot_be_looked_up, 0, 6);
    tcase_add_test(known, getaddrinfo_returns_what_the_systems_does);
    tcase_add_test(waits, getaddrinfo_is_interrupted);
    tcase_add_test(waits, many_look_up_at_once);
    tcase_add_test(waits, killed_while_it_looks_up);
    tcase_add_test(waits, timed_out_while_it_looks_up);
    tcase_add_test(waits, fork_while_it_looks_up);
    return run_suite(suite);
}
