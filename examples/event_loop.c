/*
 * A hub by itself, as an event loop with callbacks: no greenthread anywhere.
 * It echoes, and counts its connections on stderr once a second.
 *
 *     event_loop [ADDRESS]           default tcp://127.0.0.1:6003
 *     nc 127.0.0.1 6003
 */
#include <greenhub.h>

#include <err.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static void on_connection(struct green_listener *server, unsigned events);

static struct green_listener server = {.events = GREEN_READ,
                                       .callback = on_connection};
static bool paused;
static unsigned connections;

/*
 * Out of descriptors or memory: the connection waits in the backlog, and the
 * listener stays readable. To be called again at once would be to spin.
 */
static void pause_accepting(void)
{
    warn("accepting pauses");
    paused = green_hub_remove(green_get_hub(), &server) == 0;
}

static void resume_accepting(void)
{
    if (paused && green_hub_add(green_get_hub(), &server) == 0)
        paused = false;
}

/* What does not fit into the socket is dropped: keeping it is a longer story. */
static void on_readable(struct green_listener *client, unsigned events)
{
    char buffer[4096];
    ssize_t n = read(client->fd, buffer, sizeof buffer);

    (void)events;
    if (n > 0 && send(client->fd, buffer, (size_t)n, MSG_NOSIGNAL) == n)
        return;
    green_hub_remove(green_get_hub(), client); /* before it is closed */
    close(client->fd);
    free(client);
    connections--;
    resume_accepting();
}

static void serve(int fd)
{
    struct green_listener *client = calloc(1, sizeof *client);

    if (client != NULL) {
        *client = (struct green_listener){
            .fd = fd, .events = GREEN_READ, .callback = on_readable};
        if (green_hub_add(green_get_hub(), client) == 0) {
            connections++;
            return;
        }
    }
    warn("a connection is closed");
    free(client);
    close(fd);
}

static void on_connection(struct green_listener *listener, unsigned events)
{
    int fd = accept4(listener->fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);

    (void)events;
    if (fd >= 0)
        serve(fd);
    else if (errno != EAGAIN && errno != EINTR && errno != ECONNABORTED)
        pause_accepting();
}

static void on_second(struct green_timer *timer)
{
    fprintf(stderr, "%u connections\n", connections);
    resume_accepting();
    if (green_hub_schedule(green_get_hub(), timer, timer->when + GREEN_SEC) < 0)
        err(1, "timer");
}

int main(int argc, char **argv)
{
    const char *address = argc > 1 ? argv[1] : "tcp://127.0.0.1:6003";
    struct green_hub *hub = green_get_hub();
    struct green_timer timer = {.callback = on_second};
    char here[128];

    if (hub == NULL)
        errx(1, "%s", green_hub_error());
    server.fd = green_listen(address, NULL);
    if (server.fd < 0)
        errx(1, "%s", green_net_error());
    if (green_local_address(server.fd, here, sizeof here) < 0 ||
        green_hub_add(hub, &server) < 0 ||
        green_hub_schedule(hub, &timer, green_after(GREEN_SEC)) < 0)
        err(1, "%s", address);
    printf("listening on %s, hub %s\n", here, green_hub_name(hub));
    fflush(stdout);
    if (green_hub_run(hub) < 0)
        err(1, "the loop");
    return 0;
}
