/* Rules of greenhub check: the module, opening and closing, greenthreads. */
#include "check.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

/* ---- The module ---------------------------------------------------------- */

static const struct green_hub_module *module(void)
{
    return green_hub_get_module(check_hub());
}

static void abi(void)
{
    check_that(module()->abi == GREEN_HUB_ABI,
               "its ABI is %u, this library's is %u; rebuild the module",
               module()->abi, GREEN_HUB_ABI);
    check_that(module()->interest != NULL, "it has no function `interest`");
    check_that(module()->wait != NULL, "it has no function `wait`");
    check_that((module()->capabilities & GREEN_HUB_VIRTUAL_TIME) == 0 ||
                   module()->now != NULL,
               "its time is virtual, but it has no function `now`");
    check_that((module()->capabilities &
                ~(GREEN_HUB_EDGE | GREEN_HUB_VIRTUAL_TIME)) == 0,
               "it has capabilities that this library does not know: 0x%x",
               module()->capabilities);
}

static void name(void)
{
    const char *text = module()->name;

    check_that(text != NULL && text[0] != '\0', "it has no name");
    if (!text)
        return;
    check_that(
        strspn(text, "abcdefghijklmnopqrstuvwxyz0123456789_") == strlen(text),
        "its name has other characters than a-z, 0-9 and _: \"%s\"", text);
}

/* ---- Opening and closing ------------------------------------------------- */

static unsigned open_descriptors(void)
{
    DIR *dir = opendir("/proc/self/fd");
    unsigned count = 0;

    if (!dir)
        check_skip("/proc/self/fd: %s", strerror(errno));
    while (readdir(dir))
        count++;
    closedir(dir);
    return count;
}

static void reopen_hub(void)
{
    check_that(green_use_hub(check_target) == 0,
               "the hub does not open again: %s", green_hub_error());
}

/*
 * Opens a hub, which reports an event, and leaves listeners added. The probes
 * are static because they must outlive the hub.
 */
static void one_life(const int fds[2])
{
    static struct check_probe in, out;

    reopen_hub(); /* closes the previous hub */
    check_watch(&in, fds[0], GREEN_READ);
    check_watch(&out, fds[0], GREEN_WRITE);
    check_iterate(0);
    check_that(out.calls != 0, "writable not reported");
}

static void opens_and_closes(void)
{
    unsigned before, after;
    int fds[2], i;

    check_socketpair(fds);
    one_life(fds);
    before = open_descriptors();
    for (i = 0; i < 200; i++)
        one_life(fds);
    after = open_descriptors();
    check_that(after <= before, "after 200 hubs %u more descriptors are open",
               after - before);
}

static void replaced_hub_is_silent(void)
{
    struct check_probe old, new;
    int fds[2], others[2];

    check_socketpair(fds);
    check_socketpair(others);
    check_watch(&old, fds[0], GREEN_READ);
    check_iterate(0);
    reopen_hub();
    check_send(fds[1]);
    check_watch(&new, others[0], GREEN_READ);
    check_quiet(&new, "readable reported with nothing to read");
    check_that(old.calls == 0,
               "the new hub reports events to the old hub's listener");
    check_send(others[1]);
    check_until(&new, GREEN_READ, "readable not reported after data arrived");
}

/* ---- Fork ---------------------------------------------------------------- */

/* In the child: uses the same descriptors on a hub of its own. */
static void use_hub_in_child(const int fds[2])
{
    struct check_probe probe;
    int own[2];

    reopen_hub();
    check_watch(&probe, fds[0], GREEN_READ | GREEN_WRITE);
    check_until(&probe, GREEN_WRITE,
                "in a forked child: writable not reported");
    check_unwatch(&probe);
    check_socketpair(own);
    check_watch(&probe, own[0], GREEN_READ);
    check_send(own[1]);
    check_until(&probe, GREEN_READ, "in a forked child: readable not reported");
    green_hub_forget(check_hub(), fds[0]);
    close(fds[0]);
    reopen_hub();
    _exit(0);
}

static void forked_child_disturbs_nothing(void)
{
    struct check_probe probe;
    int fds[2], status;
    pid_t child;

    check_socketpair(fds);
    check_watch(&probe, fds[0], GREEN_READ);
    check_iterate(0);
    child = fork();
    if (child < 0)
        check_skip("fork: %s", strerror(errno));
    if (child == 0)
        use_hub_in_child(fds);
    if (waitpid(child, &status, 0) != child || status != 0)
        check_fail("the forked child fails");
    check_quiet(&probe, "the child's events are reported in the parent");
    check_send(fds[1]);
    check_until(&probe, GREEN_READ,
                "events are not reported in the parent after the child's work");
}

/* ---- Threads ------------------------------------------------------------- */

#define ROUNDS 500

static pthread_barrier_t together;

static void *ping_pong(void *unused)
{
    struct check_probe ends[2];
    int fds[2], round, i;

    reopen_hub();
    check_socketpair(fds);
    pthread_barrier_wait(&together); /* both hubs are open */
    for (i = 0; i < 2; i++)
        check_watch(&ends[i], fds[i], GREEN_READ);
    for (round = 0; round < ROUNDS; round++) {
        i = round % 2;
        ends[0].seen = ends[1].seen = 0;
        check_send(fds[!i]);
        check_until(&ends[i], GREEN_READ,
                    "readable not reported while another hub runs");
        check_that(ends[!i].seen == 0, "an event of another hub is reported");
        check_drain(fds[i]);
    }
    for (i = 0; i < 2; i++)
        check_unwatch(&ends[i]);
    return unused;
}

static void two_threads(void)
{
    pthread_t threads[2];
    int i;

    pthread_barrier_init(&together, NULL, 2);
    for (i = 0; i < 2; i++) {
        if (pthread_create(&threads[i], NULL, ping_pong, NULL) != 0)
            check_skip("cannot create a thread");
    }
    for (i = 0; i < 2; i++)
        pthread_join(threads[i], NULL);
}

/* ---- Greenthreads -------------------------------------------------------- */

#define TOTAL (1 << 20)

static void *send_all(void *arg)
{
    int fd = *(int *)arg;
    char block[1000];
    size_t sent, size;

    for (sent = 0; sent < TOTAL; sent += size) {
        size = TOTAL - sent < sizeof block ? TOTAL - sent : sizeof block;
        memset(block, (int)(sent / sizeof block % 251), size);
        check_that(green_write(fd, block, size) == (ssize_t)size, "write: %s",
                   strerror(errno));
    }
    green_shutdown(fd, SHUT_WR);
    return NULL;
}

static void *echo_all(void *arg)
{
    int fd = *(int *)arg;
    char block[1500];
    ssize_t n;

    while ((n = green_read(fd, block, sizeof block)) > 0)
        check_that(green_write(fd, block, (size_t)n) == n, "echo: %s",
                   strerror(errno));
    check_that(n == 0, "read: %s", strerror(errno));
    green_close(fd);
    return NULL;
}

/* Every byte comes back in order; the block sizes differ on purpose. */
static void receive_all(int fd)
{
    char block[777];
    size_t got = 0;
    ssize_t n, i;

    while ((n = green_read(fd, block, sizeof block)) > 0) {
        for (i = 0; i < n; i++, got++) {
            check_that((unsigned char)block[i] == got / 1000 % 251,
                       "byte %zu is wrong", got);
        }
    }
    check_that(n == 0 && got == TOTAL, "%zu of %d bytes came back", got, TOTAL);
}

static void echo_between(int fds[2])
{
    struct green_thread *sender = green_spawn(send_all, &fds[0]);
    struct green_thread *echoer = green_spawn(echo_all, &fds[1]);

    check_that(sender != NULL && echoer != NULL,
               "cannot spawn a greenthread: %s", green_hub_error());
    receive_all(fds[0]);
    green_join(sender, NULL);
    green_join(echoer, NULL);
    green_close(fds[0]);
}

static void blocking(int fd)
{
    green_fcntl(fd, F_SETFL, green_fcntl(fd, F_GETFL) & ~O_NONBLOCK);
}

static void greenthreads_echo(void)
{
    int fds[2];

    check_that(green_socketpair(AF_UNIX, SOCK_STREAM, 0, fds) == 0,
               "green_socketpair: %s", strerror(errno));
    echo_between(fds);
    check_tcp_pair(fds);
    blocking(fds[0]);
    blocking(fds[1]);
    echo_between(fds);
}

static void *drip(void *arg)
{
    int i;

    for (i = 0; i < 100; i++) {
        check_that(green_write(*(int *)arg, "abcdef", 6) == 6, "write: %s",
                   strerror(errno));
        green_yield();
    }
    green_close(*(int *)arg);
    return NULL;
}

/* A reader that leaves data unread must not wait for a new event forever. */
static void greenthreads_read_bytewise(void)
{
    struct green_thread *writer;
    int fds[2], count = 0;
    char byte;

    check_that(green_pipe2(fds, O_CLOEXEC) == 0, "green_pipe2: %s",
               strerror(errno));
    writer = green_spawn(drip, &fds[1]);
    check_that(writer != NULL, "cannot spawn a greenthread: %s",
               green_hub_error());
    while (green_read(fds[0], &byte, 1) == 1)
        count++;
    check_that(count == 600, "%d of 600 bytes are read", count);
    green_join(writer, NULL);
}

static void *sleep_a_little(void *arg)
{
    green_sleep(*(int *)arg * GREEN_MSEC);
    return arg;
}

static void greenthreads_sleep(void)
{
    struct green_thread *threads[20];
    int delays[20], i;
    void *result;

    for (i = 0; i < 20; i++) {
        delays[i] = i * 7 % 20;
        threads[i] = green_spawn(sleep_a_little, &delays[i]);
        check_that(threads[i] != NULL, "cannot spawn a greenthread: %s",
                   green_hub_error());
    }
    for (i = 0; i < 20; i++)
        check_that(green_join(threads[i], &result) == 0 && result == &delays[i],
                   "a sleeping greenthread does not return its result");
}

const struct check_rule check_rules_life[] = {
    {"the module is complete and has this library's ABI", abi, false},
    {"the module's name is valid", name, false},
    {"200 hubs opened and closed leave no descriptor open", opens_and_closes,
     false},
    {"a replaced hub reports nothing", replaced_hub_is_silent, false},
    {"a forked child does not disturb its parent's hub",
     forked_child_disturbs_nothing, false},
    {"two hubs run in two OS threads at once", two_threads, false},
    {"greenthreads echo 1 MiB, edge-triggered if the hub claims it",
     greenthreads_echo, false},
    {"greenthreads read a pipe byte by byte", greenthreads_read_bytewise,
     false},
    {"greenthreads sleep and wake", greenthreads_sleep, false},
    {0},
};
