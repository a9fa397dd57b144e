/*
 * websocket_peer serve ADDRESS [OPTION...]     sends back all messages
 * websocket_peer dial URL [OPTION...]          sends each line of standard input, and
 *                                              prints the answer; "binary N" and
 *                                              "text N" send that many bytes
 *
 * Options: compress, fresh, bits=N, fragment=N, protocol=NAME, tls=CERTIFICATE,KEY (a
 * server's), trust=AUTHORITIES (a client's).
 */
#include <greenhub.h>
#include <greenhub/websocket.h>

#include <err.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "websocket_layer.h"

static const char *protocols[2];
static struct green_websocket_options options;
static struct green_stream_wrap wrap;

static const char *value_of(const char *text, const char *name)
{
    size_t length = strlen(name);

    return strncmp(text, name, length) == 0 && text[length] == '='
               ? text + length + 1
               : NULL;
}

static void take_option(char *text)
{
    const char *value;

    if (strcmp(text, "compress") == 0)
        options.compress = true;
    else if (strcmp(text, "fresh") == 0)
        options.no_context_takeover = true;
    else if ((value = value_of(text, "bits")))
        options.window_bits = atoi(value);
    else if ((value = value_of(text, "fragment")))
        options.fragment = (size_t)atoi(value);
    else if ((value = value_of(text, "protocol")))
        options.protocols = protocols, protocols[0] = value;
    else if (!take_layer(text, &wrap))
        errx(2, "%s", text);
    options.max_message = 32 << 20;
}

static int echo(struct green_http *http, void *unused)
{
    struct green_websocket *websocket = green_websocket_accept(http, &options);
    struct green_websocket_message message;
    int n = -1;

    (void)unused;
    while (websocket && (n = green_websocket_receive(websocket, &message)) > 0)
        if (green_websocket_send(websocket, message.kind, message.bytes,
                                 message.size) < 0)
            return -1;
    return n;
}

static int serve(const char *address)
{
    struct green_serve_options serve_options = {.wrap =
                                                    wrap.wrap ? &wrap : NULL};
    struct green_http_options http = {.serve = &serve_options,
                                      .max_per_address = 1000};
    int listener = green_listen(address, NULL);
    char text[128];

    if (listener < 0)
        errx(1, "%s", green_net_error());
    green_local_address(listener, text, sizeof text);
    printf("listening on %s\n", text);
    fflush(stdout);
    return green_http_serve(listener, echo, &http) < 0;
}

/* ---- A client -------------------------------------------------------------------- */

static int send_line(struct green_websocket *websocket, char *line)
{
    bool is_binary = strncmp(line, "binary ", 7) == 0;
    bool is_text = strncmp(line, "text ", 5) == 0;
    size_t size = strlen(line);
    char *bytes = line;
    int result;

    if (is_binary || is_text) {
        size = (size_t)atoi(strchr(line, ' ') + 1);
        bytes = malloc(size + 1);
        for (size_t i = 0; i < size; i++)
            bytes[i] = (char)('a' + i % 23);
    }
    result = green_websocket_send(
        websocket, is_binary ? GREEN_WEBSOCKET_BINARY : GREEN_WEBSOCKET_TEXT,
        bytes, size);
    if (bytes != line)
        free(bytes);
    return result;
}

static bool is_pattern(const struct green_websocket_message *message)
{
    for (size_t i = 0; i < message->size; i++)
        if (message->bytes[i] != (char)('a' + i % 23))
            return false;
    return message->size > 0;
}

static void print(const struct green_websocket_message *message)
{
    const char *kind =
        message->kind == GREEN_WEBSOCKET_TEXT ? "text" : "binary";

    if (is_pattern(message))
        printf("%s %zu\n", kind, message->size);
    else
        printf("%s: %s\n", kind, message->bytes);
    fflush(stdout);
}

static int talk(struct green_websocket *websocket)
{
    struct green_websocket_message message;
    char line[4096];
    int n = 1;

    while (n > 0 && fgets(line, sizeof line, stdin)) {
        line[strcspn(line, "\n")] = '\0';
        if (send_line(websocket, line) < 0)
            break;
        n = green_websocket_receive(websocket, &message);
        if (n > 0)
            print(&message);
    }
    if (n > 0)
        n = green_websocket_close(websocket, 1000, "done");
    while (n >= 0 && (n = green_websocket_receive(websocket, &message)) > 0)
        print(&message);
    printf("%s %d %s\n", n < 0 ? strerrorname_np(errno) : "closed",
           green_websocket_close_code(websocket),
           green_websocket_close_reason(websocket));
    return n < 0;
}

static int dial(const char *url)
{
    struct green_websocket *websocket;
    int status, result;

    options.wrap = &wrap;
    options.status = &status;
    websocket = green_websocket_dial(url, &options);
    if (!websocket) {
        printf("dial: %s, status %d\n", strerrorname_np(errno), status);
        return 1;
    }
    printf("protocol %s\n", green_websocket_protocol(websocket)
                                ? green_websocket_protocol(websocket)
                                : "-");
    fflush(stdout);
    result = talk(websocket);
    green_websocket_free(websocket);
    return result;
}

int main(int argc, char **argv)
{
    if (argc < 3)
        errx(2, "usage: websocket_peer serve|dial ADDRESS [OPTION...]");
    for (int i = 3; i < argc; i++)
        take_option(argv[i]);
    return strcmp(argv[1], "serve") == 0 ? serve(argv[2]) : dial(argv[2]);
}
