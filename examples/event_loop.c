/*
 * A hub by itself, as an event loop with callbacks: no greenthread anywhere.
 * It echoes, and counts its connections on stderr once a second.
 *
 *     event_loop [ADDRESS]           default tcp://127.0.0.1:6003
 *     nc 127.0.0.1 6003
 */
#include <greenhub.h>

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static unsigned connections;

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
}

static void on_connection(struct green_listener *server, unsigned events)
{
    int fd = accept4(server->fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
    struct green_listener *client = calloc(1, sizeof *client);

    (void)events;
    if (fd < 0 || client == NULL)
        goto failed;
    client->fd = fd;
    client->events = GREEN_READ;
    client->callback = on_readable;
    if (green_hub_add(green_get_hub(), client) < 0)
        goto failed;
    connections++;
    return;

failed:
    free(client);
    if (fd >= 0)
        close(fd);
}

static void on_second(struct green_timer *timer)
{
    fprintf(stderr, "%u connections\n", connections);
    green_hub_schedule(green_get_hub(), timer, timer->when + GREEN_SEC);
}

int main(int argc, char **argv)
{
    const char *address = argc > 1 ? argv[1] : "tcp://127.0.0.1:6003";
    struct green_hub *hub = green_get_hub();
    struct green_listener server = {.fd = green_listen(address, NULL),
                                    .events = GREEN_READ,
                                    .callback = on_connection};
    struct green_timer timer = {.callback = on_second};
    char here[128];

    if (hub == NULL || green_hub_add(hub, &server) < 0 ||
        green_local_address(server.fd, here, sizeof here) < 0)
        return perror(address), 1;
    printf("listening on %s, hub %s\n", here, green_hub_name(hub));
    fflush(stdout);
    green_hub_schedule(hub, &timer, green_now() + GREEN_SEC);
    return green_hub_run(hub) < 0;
}
