/*
 * The door: a unix socket on which the process answers questions about itself. An OS
 * thread of the library has it and all its connections; it waits in poll(2), on no
 * hub, since it is hubs that it is asked about.
 */
#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/un.h>
#include <unistd.h>

#include <greenhub/debug.h>

#include "base/environment.h"
#include "base/system.h"
#include "greenthread/blocking.h"
#include "greenthread/schedulers.h"
#include "tools/debug_connection.h"

#define CONNECTIONS 16
/* Milliseconds between looks for a new eventfd, if the program has closed it. */
#define LOST 100

static struct {
    pthread_mutex_t lock; /* the OS thread has it but while it waits */
    struct green__descriptor_id listener, wakeup;
    char path[sizeof((struct sockaddr_un *)0)->sun_path]; /* empty: closed */
    pid_t process; /* that has the door */
    struct green__connection connections[CONNECTIONS];
} door = {
    .lock = PTHREAD_MUTEX_INITIALIZER,
    .listener = {.fd = -1},
    .wakeup = {.fd = -1},
};

static atomic_int helper_process;
static atomic_int wakeup_fd = -1; /* door.wakeup's, for other OS threads */

void green__door_wake(void)
{
    const uint64_t one = 1;
    int fd = atomic_load(&wakeup_fd), saved = errno;

    if (fd >= 0 && green__system.write(fd, &one, sizeof one) < 0) {
        /* It is awake already. */
    }
    errno = saved;
}

/* ---- The OS thread --------------------------------------------------- */

static const char crowded[] = "error: too many connections\n\n";
static const char refused[] = "error: another user's process\n\n";

static struct green__connection *find_unused(void)
{
    for (unsigned i = 0; i < CONNECTIONS; i++)
        if (door.connections[i].id.fd < 0)
            return &door.connections[i];
    return NULL;
}

static void turn_away(int fd, const char *why)
{
    green__system.send(fd, why, strlen(why), MSG_NOSIGNAL | MSG_DONTWAIT);
    green__system.close(fd);
}

static void accept_one(void)
{
    struct green__connection *connection = find_unused();
    int fd;

    if (!green__descriptor_is_ours(&door.listener))
        return;
    fd = green__system.accept4(door.listener.fd, NULL, NULL,
                               SOCK_CLOEXEC | SOCK_NONBLOCK);
    if (fd < 0)
        return;
    if (!green__debug_is_allowed(fd))
        turn_away(fd, refused);
    else if (!connection)
        turn_away(fd, crowded);
    else
        green__connection_begin(connection, fd);
}

static void drain_wakeup(void)
{
    uint64_t count;

    if (green__descriptor_is_ours(&door.wakeup) &&
        green__system.read(door.wakeup.fd, &count, sizeof count) < 0)
        return;
}

/* Milliseconds, rounded up; -1: none. */
static int timeout_until(green_time due)
{
    green_time left = due - green__clock();

    if (due == GREEN_FOREVER)
        return -1;
    if (left <= 0)
        return 0;
    left = (left + GREEN_MSEC - 1) / GREEN_MSEC;
    return left > INT_MAX ? INT_MAX : (int)left;
}

static void wait_for_events(struct pollfd fds[CONNECTIONS + 2])
{
    green_time due = GREEN_FOREVER;
    int timeout;

    fds[0] = (struct pollfd){.fd = door.wakeup.fd, .events = POLLIN};
    fds[1] = (struct pollfd){.fd = door.listener.fd, .events = POLLIN};
    for (unsigned i = 0; i < CONNECTIONS; i++) {
        const struct green__connection *connection = &door.connections[i];

        fds[i + 2] = (struct pollfd){.fd = connection->id.fd};
        if (connection->id.fd >= 0)
            fds[i + 2].events = green__connection_events(connection, &due);
    }
    timeout = timeout_until(due);
    if (door.wakeup.fd < 0 && (unsigned)timeout > LOST) /* or -1 */
        timeout = LOST;
    green__system.pthread_mutex_unlock(&door.lock);
    green__system.poll(fds, CONNECTIONS + 2, timeout);
    green__system.pthread_mutex_lock(&door.lock);
}

/* A number that the program has closed would be reported for ever. The report may
 * be about a listener that was replaced meanwhile. */
static void forget_if_lost(const struct pollfd *fd,
                           struct green__descriptor_id *id)
{
    if ((fd->revents & POLLNVAL) && !green__descriptor_is_ours(id))
        green__descriptor_end(id);
}

static void *attend(void *arg)
{
    struct pollfd fds[CONNECTIONS + 2];

    green__system.pthread_mutex_lock(&door.lock);
    for (;;) {
        wait_for_events(fds);
        forget_if_lost(&fds[0], &door.wakeup);
        forget_if_lost(&fds[1], &door.listener);
        if (fds[0].revents)
            drain_wakeup();
        for (unsigned i = 0; i < CONNECTIONS; i++)
            if (door.connections[i].id.fd >= 0)
                green__connection_step(&door.connections[i],
                                       fds[i + 2].revents);
        if (fds[1].revents)
            accept_one();
    }
    return arg;
}

/* ---- Opening and closing --------------------------------------------- */

/* Leaves the file alone in a forked child. */
static void close_door(void)
{
    if (door.path[0] && door.process == getpid())
        unlink(door.path);
    door.path[0] = '\0';
    green__descriptor_end(&door.listener);
    for (unsigned i = 0; i < CONNECTIONS; i++)
        green__connection_end(&door.connections[i]);
}

static void reset(void)
{
    for (unsigned i = 0; i < CONNECTIONS; i++)
        door.connections[i] = (struct green__connection){
            .id = GREEN__NO_DESCRIPTOR, .answer = GREEN__NO_DESCRIPTOR};
}

/*
 * The OS thread is not in the child, and was in the middle of something perhaps:
 * what it had allocated stays. A fork does not wait for it, since it may wait for
 * locks that the fork holds.
 */
static void forget_in_child(void)
{
    green__system.pthread_mutex_init(&door.lock, NULL);
    door.path[0] = '\0';
    green__errands_forget();
    green__descriptor_end(&door.listener);
    green__descriptor_end(&door.wakeup);
    atomic_store(&wakeup_fd, -1);
    for (unsigned i = 0; i < CONNECTIONS; i++) {
        green__descriptor_end(&door.connections[i].id);
        green__descriptor_end(&door.connections[i].answer);
    }
    reset();
}

static void prepare(void)
{
    reset();
    (void)pthread_atfork(NULL, NULL, forget_in_child);
}

__attribute__((destructor)) static void remove_socket(void)
{
    if (door.path[0] && door.process == getpid())
        unlink(door.path);
}

/* The program has closed the eventfd, and the OS thread waits for what nobody
 * can write to any more. The listener that it waits for is still there. */
static void wake_by_knocking(void)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    int fd = green__system.socket(
        AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

    snprintf(address.sun_path, sizeof address.sun_path, "%s", door.path);
    if (fd >= 0 && green__system.connect(fd, (const struct sockaddr *)&address,
                                         sizeof address) < 0) {
        /* It does not wait there. */
    }
    if (fd >= 0)
        green__system.close(fd);
}

static int open_wakeup(void)
{
    if (door.wakeup.fd >= 0 && green__descriptor_is_ours(&door.wakeup))
        return 0;
    if (door.path[0])
        wake_by_knocking();
    door.wakeup = green__descriptor_own(
        green__system.eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
    atomic_store(&wakeup_fd, door.wakeup.fd);
    return door.wakeup.fd < 0 ? -1 : 0;
}

static int open_door(const char *path)
{
    bool is_there = strcmp(path, door.path) == 0;
    int fd;

    if (is_there && green__descriptor_is_ours(&door.listener))
        return 0;
    if (open_wakeup() < 0)
        return -1;
    if (is_there) /* the program has closed the listener */
        close_door();
    fd = green__debug_listen(path);
    if (fd < 0)
        return -1;
    if (green__helper_start(&helper_process, attend) < 0) {
        unlink(path);
        green__system.close(fd);
        return green__refuse(EAGAIN);
    }
    close_door();
    door.listener = green__descriptor_own(fd);
    door.process = getpid();
    memcpy(door.path, path, strlen(path) + 1);
    return 0;
}

static int serve(const char *path)
{
    int result = 0;

    if (path)
        result = open_door(path);
    else if (!door.path[0])
        result = green__refuse(ENOENT);
    else
        close_door();
    green__door_wake();
    return result;
}

int green_debug_serve(const char *where)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    char path[sizeof door.path];
    int result;

    if (where && green__debug_path(where, path, sizeof path) < 0)
        return -1;
    green__system.pthread_once(&once, prepare);
    green__system.pthread_mutex_lock(&door.lock);
    result = serve(where ? path : NULL);
    green__system.pthread_mutex_unlock(&door.lock);
    return result;
}

/* ---- The environment ------------------------------------------------- */

/* GREENHUB_DEBUG=serve, serve=PATH, alone or among others with commas. */
static void read_environment(void)
{
    const char *text = green__getenv("GREENHUB_DEBUG");
    char where[PATH_MAX] = "unix:";
    size_t length;

    for (; text; text = strchr(text, ',') ? strchr(text, ',') + 1 : NULL) {
        length = strcspn(text, ",");
        if (strncmp(text, "serve", strlen("serve")) != 0 ||
            (text[5] != '\0' && text[5] != ',' && text[5] != '='))
            continue;
        if (text[5] == '=' && length - 6 < sizeof where - 5)
            snprintf(where + 5, sizeof where - 5, "%.*s", (int)(length - 6),
                     text + 6);
        green_debug_serve(where);
        return;
    }
}

static void begin(void)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;

    green__system.pthread_once(&once, read_environment);
}

__attribute__((constructor)) static void ask_for_begin(void)
{
    green__schedulers_begin = begin;
}
