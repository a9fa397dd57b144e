/*
 * Server-sent events: a page that shows the time, each second, as long as it is open. Each
 * page is a greenthread that sleeps; a write fails when the page is closed.
 *
 *     http_events tcp://127.0.0.1:8080
 *     curl http://127.0.0.1:8080/events      or a browser at http://127.0.0.1:8080/
 */
#include <greenhub.h>
#include <greenhub/http.h>

#include <err.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

static const char page[] =
    "<!doctype html><title>The time</title><h1 id=now></h1><script>\n"
    "new EventSource('/events').onmessage =\n"
    "    event => document.getElementById('now').textContent = event.data\n"
    "</script>\n";

static int send_events(struct green_http *http)
{
    unsigned number = 0;

    if (green_http_add(http, "Content-Type", "text/event-stream") < 0 ||
        green_http_add(http, "Cache-Control", "no-store") < 0)
        return -1;
    while (!green_server_stopping(NULL)) {
        time_t now = time(NULL);
        char text[32];

        strftime(text, sizeof text, "%H:%M:%S", localtime(&now));
        if (green_http_print(http, "id: %u\ndata: %s\n\n", number++, text) <
                0 ||
            green_http_flush(http) < 0 || green_sleep(GREEN_SEC) < 0)
            return -1;
    }
    return 0;
}

static int handle(struct green_http *http, void *unused)
{
    const char *path = green_http_path(http);

    (void)unused;
    if (strcmp(path, "/events") == 0)
        return send_events(http);
    if (strcmp(path, "/") != 0)
        return green_http_error(http, 404);
    return green_http_reply(http, 200, "text/html; charset=utf-8", page,
                            sizeof page - 1);
}

int main(int argc, char **argv)
{
    char address[128];
    int listener;

    if (argc != 2)
        errx(2, "usage: http_events ADDRESS");
    listener = green_listen(argv[1], NULL);
    if (listener < 0)
        errx(1, "%s", green_net_error());
    green_local_address(listener, address, sizeof address);
    printf("listening on %s\n", address);
    fflush(stdout);
    if (green_http_serve(listener, handle, NULL) < 0)
        errx(1, "%s", green_net_error());
    return 0;
}
