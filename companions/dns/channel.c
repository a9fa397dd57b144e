#include "channel.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "question.h"

/* ---- Sockets ----------------------------------------------------------- */

struct green__dns_watch {
    struct green_listener listener;
    LIST_ENTRY(green__dns_watch) link;
};

static void set_timer(struct green__dns *it);

/* c-ares may close the socket, and the watch go, while it processes. */
static void is_ready(struct green_listener *listener, unsigned events)
{
    const unsigned readable = GREEN_READ | GREEN_ERROR | GREEN_HANGUP;
    struct green__dns *it = listener->arg;
    int fd = listener->fd;

    ares_process_fd(it->channel, events & readable ? fd : ARES_SOCKET_BAD,
                    events & GREEN_WRITE ? fd : ARES_SOCKET_BAD);
    set_timer(it);
}

static struct green__dns_watch *watch_of(struct green__dns *it, int fd)
{
    struct green__dns_watch *watch;

    LIST_FOREACH(watch, &it->watches, link)
    if (watch->listener.fd == fd)
        return watch;
    watch = calloc(1, sizeof *watch);
    if (!watch)
        return NULL;
    watch->listener.fd = fd;
    watch->listener.callback = is_ready;
    watch->listener.arg = it;
    LIST_INSERT_HEAD(&it->watches, watch, link);
    return watch;
}

/* c-ares tells what it waits for; 0 and 0: it closes the socket. If a socket
 * cannot be watched, the question times out. */
static void watch(void *arg, int fd, int readable, int writable)
{
    struct green__dns *it = arg;
    struct green__dns_watch *watch = watch_of(it, fd);

    if (!watch)
        return;
    green_hub_remove(it->hub, &watch->listener);
    watch->listener.events =
        (readable ? GREEN_READ : 0) | (writable ? GREEN_WRITE : 0);
    if (watch->listener.events) {
        green_hub_add(it->hub, &watch->listener);
        return;
    }
    LIST_REMOVE(watch, link);
    free(watch);
}

static int open_socket(int family, int type, int protocol, void *arg)
{
    (void)arg;
    return socket(family, type | SOCK_CLOEXEC | SOCK_NONBLOCK, protocol);
}

static int close_socket(int fd, void *arg)
{
    struct green__dns *it = arg;

    if (!it->ended)
        green_hub_forget(it->hub, fd);
    return close(fd);
}

static int connect_socket(int fd, const struct sockaddr *address,
                          socklen_t length, void *arg)
{
    (void)arg;
    return connect(fd, address, length);
}

static ssize_t receive(int fd, void *buffer, size_t size, int flags,
                       struct sockaddr *from, socklen_t *length, void *arg)
{
    (void)arg;
    return recvfrom(fd, buffer, size, flags, from, length);
}

static ssize_t transmit(int fd, const struct iovec *parts, int count, void *arg)
{
    const struct msghdr message = {.msg_iov = (struct iovec *)parts,
                                   .msg_iovlen = (size_t)count};

    (void)arg;
    return sendmsg(fd, &message, MSG_NOSIGNAL);
}

static const struct ares_socket_functions functions = {
    open_socket, close_socket, connect_socket, receive, transmit};

/* ---- Time -------------------------------------------------------------- */

static void is_due(struct green_timer *timer)
{
    struct green__dns *it = timer->arg;

    ares_process_fd(it->channel, ARES_SOCKET_BAD, ARES_SOCKET_BAD);
    set_timer(it);
}

static void set_timer(struct green__dns *it)
{
    struct timeval left;

    if (!it->channel || !ares_timeout(it->channel, NULL, &left)) {
        green_hub_cancel(it->hub, &it->timer);
        return;
    }
    green_hub_schedule(it->hub, &it->timer,
                       green_after(left.tv_sec * GREEN_SEC +
                                   (left.tv_usec + 999) / 1000 * GREEN_MSEC));
}

/* ---- The channel ------------------------------------------------------- */

/* "fb", "bf", "f" or "b" of nsswitch.conf. */
static void read_order(struct green__dns *it)
{
    struct ares_options options = {0};
    const char *order = "fb";
    int mask;

    if (ares_save_options(it->channel, &options, &mask) == ARES_SUCCESS &&
        options.lookups)
        order = options.lookups;
    it->uses_files = strchr(order, 'f') != NULL;
    it->uses_servers = strchr(order, 'b') != NULL;
    it->files_first = order[0] == 'f';
    ares_destroy_options(&options);
}

static int open_channel(struct green__dns *it)
{
    struct green__dns_settings settings;
    struct ares_options options = {.sock_state_cb = watch,
                                   .sock_state_cb_data = it};
    struct ares_options files = {.lookups = (char *)"f"};
    int status;

    free(it->hosts);
    it->hosts = green__dns_hosts_read();
    green__dns_settings_read(&settings);
    options.timeout = settings.timeout_ms;
    options.tries = settings.tries;
    options.flags = settings.tcp ? ARES_FLAG_USEVC : 0;
    status = ares_init_options(&it->channel, &options,
                               ARES_OPT_TIMEOUTMS | ARES_OPT_TRIES |
                                   ARES_OPT_FLAGS | ARES_OPT_SOCK_STATE_CB |
                                   (settings.no_search ? ARES_OPT_DOMAINS : 0));
    if (status != ARES_SUCCESS) {
        it->channel = NULL;
        return status;
    }
    ares_set_socket_functions(it->channel, &functions, it);
    read_order(it);
    status = ares_init_options(&it->files, &files, ARES_OPT_LOOKUPS);
    if (status != ARES_SUCCESS)
        it->files = NULL;
    return ARES_SUCCESS;
}

/* What was being asked comes back to the queue (question.c). */
static void close_channel(struct green__dns *it)
{
    ares_channel channel = it->channel, files = it->files;

    it->channel = it->files = NULL;
    if (files)
        ares_destroy(files);
    if (channel)
        ares_destroy(channel);
}

static void answer_queues(struct green_call *call)
{
    struct green__dns *it = call->arg;
    int status = ARES_SUCCESS;

    it->called = false;
    if (it->stale || !it->channel) {
        close_channel(it);
        status = open_channel(it);
        it->stale = false;
    }
    green__dns_ask_all(it, status);
    green__dns_reverse_all(it, status);
    set_timer(it);
}

void green__dns_check_files(struct green__dns *it)
{
    if (it->called || !green__dns_files_changed(&it->seen))
        return;
    it->stale = true;
    green__dns_cache_clear(&it->cache);
}

void green__dns_call(struct green__dns *it)
{
    if (!it->called)
        it->called = green_hub_call(it->hub, &it->call) == 0;
}

int green__dns_error_of(int status)
{
    switch (status) {
    case ARES_SUCCESS:
        return 0;
    case ARES_ENODATA:
        return ENODATA;
    case ARES_ENOTFOUND:
    case ARES_EBADNAME:
        return ENOENT;
    case ARES_ENOMEM:
        return ENOMEM;
    case ARES_EBADRESP:
        return EIO;
    default: /* no answer, or none that helps: another try may succeed */
        return EAGAIN;
    }
}

/* ---- One for each hub -------------------------------------------------- */

static void hub_ends(struct green_hub_end *end, bool forked)
{
    struct green__dns *it = end->arg;

    (void)forked;
    it->ended = true;
    green_hub_cancel(it->hub, &it->timer);
    close_channel(it);
    green__dns_cache_end(&it->cache);
    green__dns_reverse_end(it);
    free(it->hosts);
    free(it);
}

static struct green__dns *create(struct green_hub *hub)
{
    struct green__dns *it = calloc(1, sizeof *it);

    if (!it) {
        errno = ENOMEM;
        return NULL;
    }
    it->hub = hub;
    it->timer = (struct green_timer){.callback = is_due, .arg = it};
    it->call = (struct green_call){.callback = answer_queues, .arg = it};
    it->end = (struct green_hub_end){.callback = hub_ends, .arg = it};
    LIST_INIT(&it->watches);
    green__dns_cache_init(&it->cache);
    TAILQ_INIT(&it->to_ask);
    TAILQ_INIT(&it->reverses);
    green_hub_at_end(hub, &it->end);
    return it;
}

struct green__dns *green__dns_here(void)
{
    struct green_hub *hub = green_get_hub();
    struct green_hub_end *end;

    if (!hub)
        return NULL;
    end = green_hub_find_end(hub, hub_ends);
    return end ? end->arg : create(hub);
}
