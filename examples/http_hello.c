/*
 * The smallest HTTP server: greets, by name if the path has one. Ctrl-C lets exchanges
 * finish, and ends it.
 *
 *     http_hello tcp://127.0.0.1:8080
 *     curl http://127.0.0.1:8080/world
 */
#include <greenhub.h>
#include <greenhub/http.h>

#include <err.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int hello(struct green_http *http, void *greeting)
{
    char *name = strdup(green_http_path(http) + 1);
    int result;

    if (!name || green_http_decode(name) < 0) {
        free(name);
        return green_http_error(http, 400);
    }
    green_http_add(http, "Content-Type", "text/plain; charset=utf-8");
    result = green_http_print(http, "%s, %s!\n", (const char *)greeting,
                              *name ? name : "nobody");
    free(name);
    return result;
}

static void log_line(const struct green_http_record *record, void *unused)
{
    char line[1024];

    (void)unused;
    green_http_format(record, GREEN_HTTP_LOG_COMMON, line, sizeof line);
    fputs(line, stdout);
    fflush(stdout);
}

int main(int argc, char **argv)
{
    static struct green_server server;
    struct green_serve_options serve = {.server = &server};
    struct green_http_options options = {
        .arg = "Hello", .serve = &serve, .log = log_line};
    char address[128];
    sigset_t stop;
    int listener;

    if (argc != 2)
        errx(2, "usage: http_hello ADDRESS");
    sigemptyset(&stop);
    sigaddset(&stop, SIGINT);
    sigaddset(&stop, SIGTERM);
    sigprocmask(SIG_BLOCK, &stop, NULL);
    listener = green_listen(argv[1], NULL);
    if (listener < 0 || green_server_stop_on(&server, &stop) < 0)
        errx(1, "%s", green_net_error());
    green_local_address(listener, address, sizeof address);
    printf("listening on %s\n", address);
    fflush(stdout);
    if (green_http_serve(listener, hello, &options) < 0)
        errx(1, "%s", green_net_error());
    return 0;
}
