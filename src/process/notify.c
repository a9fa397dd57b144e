/*
 * Messages to a service manager: datagrams to a unix socket whose name is in the
 * environment. A name that begins with '@' is abstract.
 */
#include <greenhub/service.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include <greenhub/io.h>
#include <greenhub/thread.h>

#include "base/system.h"
#include "greenthread/park.h"
#include "process/environment.h"

/* Returns the address's length, or 0 if the name is none. */
static socklen_t make_address(const char *name, struct sockaddr_un *address)
{
    size_t length = strlen(name);

    memset(address, 0, sizeof *address);
    address->sun_family = AF_UNIX;
    if ((*name != '/' && *name != '@') || length < 2 ||
        length >= sizeof address->sun_path)
        return 0;
    memcpy(address->sun_path, name, length);
    if (*name == '@')
        address->sun_path[0] = '\0';
    return (socklen_t)(offsetof(struct sockaddr_un, sun_path) + length);
}

static int send_message(const char *name, const char *message)
{
    struct sockaddr_un address;
    socklen_t length = make_address(name, &address);
    int fd, error;
    ssize_t n;

    if (length == 0)
        return green__refuse(EINVAL);
    fd = green__system.socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return -1;
    n = green_sendto(fd, message, strlen(message), MSG_NOSIGNAL,
                     (struct sockaddr *)&address, length);
    error = errno;
    green_close(fd);
    return n < 0 ? green__refuse(error) : 1;
}

bool green__notification_says(const char *message, const char *line)
{
    size_t length = strlen(line);

    while (message) {
        if (strncmp(message, line, length) == 0 &&
            (message[length] == '\0' || message[length] == '\n'))
            return true;
        message = strchr(message, '\n');
        if (message)
            message++;
    }
    return false;
}

/* The old process of an upgrade may have gone, which is no failure. */
static int tell_the_old_one(const char *state)
{
    const char *name = getenv(GREEN__UPGRADE_SOCKET);

    if (!name || !*name || !green__notification_says(state, "READY=1"))
        return 0;
    return send_message(name, state) > 0;
}

int green_notify(const char *state)
{
    const char *name = getenv("NOTIFY_SOCKET");
    int told;

    if (!state || !*state)
        return green__refuse(EINVAL);
    told = tell_the_old_one(state);
    return name && *name ? send_message(name, state) : told;
}

int green_notify_reloading(void)
{
    struct timespec now;
    char state[64];

    clock_gettime(CLOCK_MONOTONIC, &now);
    snprintf(state, sizeof state, "RELOADING=1\nMONOTONIC_USEC=%lld",
             (long long)now.tv_sec * 1000000 + now.tv_nsec / 1000);
    return green_notify(state);
}

/* ---- The watchdog ---------------------------------------------------------- */

green_time green_watchdog_time(void)
{
    unsigned long long pid, microseconds;
    int error = errno;
    int found = green__environment_number("WATCHDOG_PID", &pid);

    if (found < 0 || (found > 0 && pid != (unsigned long long)getpid()) ||
        green__environment_number("WATCHDOG_USEC", &microseconds) <= 0 ||
        microseconds > INT64_MAX / GREEN_USEC)
        microseconds = 0;
    errno = error;
    return (green_time)microseconds * GREEN_USEC;
}

/* Until it is killed or dropped. What can't be sent now is sent the next time. */
static void *feed_watchdog(void *arg)
{
    do
        (void)green_notify("WATCHDOG=1");
    while (green_sleep(green_watchdog_time() / 2) == 0);
    return arg;
}

int green_watchdog_start(void)
{
    const struct green_attr attr = {.name = "green_watchdog_start"};
    struct green_thread *thread;

    if (green_watchdog_time() == 0)
        return 0;
    thread = green_spawn_with(&attr, feed_watchdog, NULL);
    return thread ? green_detach(thread), 1 : -1;
}
