/*
 * A new process takes over a service. Both have the listeners meanwhile:
 *
 *     old                                   new
 *     ---                                   ---
 *     starts it, with the listeners         reads its configuration
 *     waits on a socket of its own          sends READY=1 there; accepts
 *     tells the service manager MAINPID
 *     returns: its caller stops to accept,
 *     lets its handlers finish, exits
 *
 * posix_spawn can't put the child's own number into its environment, but a shell
 * can, and keeps the number when it executes the program.
 */
#include <greenhub/service.h>

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <greenhub/io.h>
#include <greenhub/process.h>
#include <greenhub/thread.h>

#include "base/reserved.h"
#include "base/system.h"
#include "greenthread/park.h"
#include "process/environment.h"
#include "process/process.h"

extern char **environ;

#define DEFAULT_TIMEOUT (30 * GREEN_SEC)
#define LOOK_MS                                                                \
    50 /* without a pidfd: so often it looks whether the child lives */

struct upgrade {
    const struct green_upgrade_options *options;
    struct green_process process;
    char where[sizeof GREEN__UPGRADE_SOCKET + sizeof(struct sockaddr_un)];
    char count[32]; /* LISTEN_FDS=... */
    char *names;    /* LISTEN_FDNAMES=... */
    const char **argv, **env;
    int socket;
};

/* ---- The socket ------------------------------------------------------------ */

/* An abstract name that the kernel chooses. */
static int open_socket(struct upgrade *it)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    socklen_t length = sizeof address.sun_family;
    int one = 1;

    it->socket = green__system.socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (it->socket < 0 ||
        green__system.setsockopt(it->socket, SOL_SOCKET, SO_PASSCRED, &one,
                                 sizeof one) < 0 ||
        bind(it->socket, (struct sockaddr *)&address, length) < 0)
        return -1;
    length = sizeof address;
    if (getsockname(it->socket, (struct sockaddr *)&address, &length) < 0)
        return -1;
    snprintf(it->where, sizeof it->where, GREEN__UPGRADE_SOCKET "=@%.*s",
             (int)(length - offsetof(struct sockaddr_un, sun_path) - 1),
             address.sun_path + 1);
    return 0;
}

/* Who has sent it, or 0 if it is not this user or root. */
static pid_t sender_of(struct msghdr *message)
{
    struct cmsghdr *header = CMSG_FIRSTHDR(message);
    struct ucred sender;

    if (!header || header->cmsg_level != SOL_SOCKET ||
        header->cmsg_type != SCM_CREDENTIALS)
        return 0;
    memcpy(&sender, CMSG_DATA(header), sizeof sender);
    return sender.uid == geteuid() || sender.uid == 0 ? sender.pid : 0;
}

/* A message: the process that is ready; 0 for another message; -1 with errno. */
static pid_t receive(int fd)
{
    char text[1024];
    union {
        struct cmsghdr header;
        char room[CMSG_SPACE(sizeof(struct ucred))];
    } control;
    struct iovec vector = {.iov_base = text, .iov_len = sizeof text - 1};
    struct msghdr message = {.msg_iov = &vector,
                             .msg_iovlen = 1,
                             .msg_control = &control,
                             .msg_controllen = sizeof control};
    ssize_t n = green_recvmsg(fd, &message, MSG_CMSG_CLOEXEC);

    if (n < 0)
        return -1;
    text[n] = '\0';
    return green__notification_says(text, "READY=1") ? sender_of(&message) : 0;
}

/* ---- Environment and arguments ---------------------------------------------- */

static const char *const script =
    "export LISTEN_PID=$$ WATCHDOG_PID=$$; exec \"$0\" \"$@\"";

static bool is_named(const char *entry, const char *name)
{
    size_t length = strlen(name);

    return strncmp(entry, name, length) == 0 && entry[length] == '=';
}

static bool is_replaced(const char *entry)
{
    return is_named(entry, "LISTEN_FDS") || is_named(entry, "LISTEN_FDNAMES") ||
           is_named(entry, GREEN__UPGRADE_SOCKET);
}

static int make_env(struct upgrade *it)
{
    size_t count = 0;

    while (environ[count])
        count++;
    it->env = green__system.allocate(count + 4, sizeof *it->env);
    if (!it->env)
        return green__refuse(ENOMEM);
    count = 0;
    for (char **entry = environ; *entry; entry++)
        if (!is_replaced(*entry))
            it->env[count++] = *entry;
    it->env[count++] = it->where;
    it->env[count++] = it->count;
    if (it->names)
        it->env[count] = it->names;
    return 0;
}

static int make_argv(struct upgrade *it)
{
    const char *const *argv = it->options->argv;
    size_t count = 0;

    while (argv[count])
        count++;
    it->argv = green__system.allocate(count + 4, sizeof *it->argv);
    if (!it->argv)
        return green__refuse(ENOMEM);
    it->argv[0] = "/bin/sh";
    it->argv[1] = "-c";
    it->argv[2] = script;
    memcpy(it->argv + 3, argv, count * sizeof *argv);
    return 0;
}

static int make_names(struct upgrade *it)
{
    const char *names = it->options->names;
    size_t size = sizeof "LISTEN_FDNAMES=";

    snprintf(it->count, sizeof it->count, "LISTEN_FDS=%u",
             it->options->listener_count);
    if (!names)
        return 0;
    size += strlen(names);
    it->names = green__system.allocate(1, size);
    if (!it->names)
        return green__refuse(ENOMEM);
    snprintf(it->names, size, "LISTEN_FDNAMES=%s", names);
    return 0;
}

/* ---- The new process --------------------------------------------------------- */

static int start(struct upgrade *it)
{
    struct green_process_options options = {
        .fds = it->options->listeners, .fd_count = it->options->listener_count};

    if (open_socket(it) < 0 || make_names(it) < 0 || make_env(it) < 0 ||
        make_argv(it) < 0)
        return -1;
    options.argv = it->argv;
    options.env = it->env;
    return green_process_start(&it->process, &options);
}

/* Returns the process that is ready, or -1 with errno. */
static pid_t wait_until_ready(struct upgrade *it)
{
    struct pollfd fds[] = {
        {.fd = it->socket, .events = POLLIN},
        {.fd = it->process.internal.pidfd, .events = POLLIN},
    };
    pid_t ready = 0;

    if (green__process_look(&it->process) < 0)
        return -1;
    while (ready == 0) {
        if (green_poll(fds, 2, fds[1].fd < 0 ? LOOK_MS : -1) < 0)
            return -1;
        if (fds[0].revents)
            ready = receive(it->socket);
        else if (green__process_look(&it->process) < 0)
            return -1;
        else if (!green__process_runs(&it->process))
            return green__refuse(ECHILD);
    }
    return ready;
}

static pid_t wait_in_time(struct upgrade *it)
{
    green_time time = it->options->timeout;
    struct green_timeout timeout;
    pid_t ready;
    int error;

    if (green_timeout_start(&timeout, time ? time : DEFAULT_TIMEOUT) < 0)
        return -1;
    ready = wait_until_ready(it);
    error = errno;
    green_timeout_cancel(&timeout);
    errno = error;
    return ready;
}

static void clean_up(struct upgrade *it)
{
    int error = errno;

    if (it->socket >= 0)
        green_close(it->socket);
    green__system.release(it->names);
    green__system.release((void *)it->argv);
    green__system.release((void *)it->env);
    errno = error;
}

/* What the caller is told has happened, though telling the manager may fail: both
 * processes accept by now. */
static void take_over(struct upgrade *it, pid_t ready)
{
    char state[64];

    /* The manager may listen to the main process alone, and have ignored the new
     * one's READY=1. */
    snprintf(state, sizeof state, "MAINPID=%d\nREADY=1", (int)ready);
    (void)green_notify(state);
    green__process_let_go(&it->process);
}

static bool is_valid_upgrade(const struct green_upgrade_options *options)
{
    return options && options->argv && options->argv[0] &&
           options->listener_count <= GREEN_PROCESS_FDS &&
           (options->listeners || options->listener_count == 0) &&
           options->timeout >= 0 && GREEN__RESERVED_IS_ZERO(options);
}

pid_t green_upgrade(const struct green_upgrade_options *options)
{
    struct upgrade it = {.options = options, .socket = -1};
    pid_t ready;
    int error;

    if (!is_valid_upgrade(options))
        return green__refuse(EINVAL);
    if (green__check_open(options->listeners, options->listener_count) < 0)
        return -1;
    ready = start(&it) < 0 ? -1 : wait_in_time(&it);
    clean_up(&it);
    if (ready > 0) {
        take_over(&it, ready);
        return ready;
    }
    error = errno;
    green_process_end(&it.process);
    return green__refuse(error);
}
