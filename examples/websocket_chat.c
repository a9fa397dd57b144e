/*
 * A chat with a page. What anybody says goes to all; each connection has a greenthread
 * that receives and one that sends. Who is too slow misses lines, and delays nobody.
 *
 *     websocket_chat tcp://127.0.0.1:8080      and browsers at http://127.0.0.1:8080/
 */
#include <greenhub.h>
#include <greenhub/websocket.h>

#include <err.h>
#include <stdio.h>
#include <string.h>

static const char page[] =
    "<!doctype html><title>Chat</title><pre id=lines></pre>\n"
    "<form id=form><input id=text><button>Say</button></form><script>\n"
    "const socket = new WebSocket(location.href.replace('http', 'ws'))\n"
    "socket.onmessage = event => lines.append(event.data + '\\n')\n"
    "socket.onclose = event => lines.append('closed: ' + event.code)\n"
    "form.onsubmit = () => (socket.send(text.value), form.reset(), false)\n"
    "</script>\n";

static char said[100][200]; /* the last lines */
static unsigned count, most = sizeof said / sizeof said[0];
static struct green_event more;

static int send_lines(void *websocket)
{
    char line[sizeof said[0]];

    for (unsigned at = count;;) {
        if (at == count && green_event_wait(&more, NULL) < 0)
            return -1;
        at = count - at > most ? count - most : at;
        strcpy(line, said[at++ % most]); /* it may change during the send */
        if (green_websocket_print(websocket, "%s", line) < 0)
            return -1;
    }
}

static int chat(struct green_http *http)
{
    struct green_websocket_options options = {.max_message = sizeof *said - 1};
    struct green_websocket *websocket = green_websocket_accept(http, &options);
    struct green_websocket_message message;
    struct green_scope scope;

    if (!websocket || green_scope_begin(&scope, GREEN_FOREVER) < 0)
        return -1;
    green_scope_spawn(&scope, send_lines, websocket);
    while (green_websocket_receive(websocket, &message) > 0) {
        strcpy(said[count++ % most], message.bytes);
        green_event_send(&more, NULL);
        green_event_reset(&more);
    }
    green_scope_stop(&scope);
    green_scope_end(&scope);
    return 0;
}

static int handle(struct green_http *http, void *unused)
{
    (void)unused;
    if (green_http_header(http, "Upgrade"))
        return chat(http);
    return green_http_reply(http, 200, "text/html", page, sizeof page - 1);
}

int main(int argc, char **argv)
{
    int listener = argc == 2 ? green_listen(argv[1], NULL) : -1;
    char address[128];

    if (listener < 0)
        errx(1, "usage: websocket_chat ADDRESS: %s", green_net_error());
    green_local_address(listener, address, sizeof address);
    printf("listening on %s\n", address), fflush(stdout);
    return green_http_serve(listener, handle, NULL) < 0;
}
