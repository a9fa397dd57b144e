/*
 * A server that reads feeds for its clients: they send addresses, a line each,
 * and get the feeds' titles back, in the same order, when they have sent all. All feeds of all clients go
 * through one pool; each client's are a pile of its own.
 *
 *     feed_scraper tcp://127.0.0.1:6005
 *     printf 'http://127.0.0.1/feed.xml\n' | nc -N 127.0.0.1 6005
 */
#include "http.h"

#include <err.h>

#define AT_ONCE 50
#define LIMIT (5 * GREEN_SEC)

static struct green_pool pool;

static char *title_of(const char *text)
{
    const char *start = strstr(text, "<title>");

    return start ? strndup(start + 7, strcspn(start + 7, "<")) : NULL;
}

/* The title of a feed, or NULL. */
static void *scrape(void *url)
{
    struct green_timeout timeout;
    char *text, *title = NULL;

    if (green_timeout_start(&timeout, LIMIT) < 0)
        err(1, "timeout");
    text = http_get(url);
    green_timeout_cancel(&timeout);
    if (text)
        title = title_of(text);
    free(text);
    free(url);
    return title;
}

/* 0, or -1 when there is no memory for one more. */
static int ask(struct green_pile *pile, const char *line)
{
    char *url = strndup(line, strcspn(line, "\r"));

    if (url && green_pile_spawn(pile, scrape, url) == 0)
        return 0;
    warn("%s", line);
    free(url);
    return -1;
}

static void handle(int fd, void *arg)
{
    char buffer[2048], *line, answer[1100];
    struct green_reader reader;
    struct green_pile pile;
    void *title;

    if (green_pile_init(&pile, arg) < 0 ||
        green_reader_init(&reader, fd, buffer, sizeof buffer) < 0)
        err(1, "client");
    while (green_read_line(&reader, &line, NULL) > 0)
        if (ask(&pile, line) < 0)
            break;
    while (green_pile_next(&pile, &title) == 1) {
        int length = snprintf(answer, sizeof answer, "%.1000s\n",
                              title ? (char *)title : "?");

        free(title);
        if (green_write_all(fd, answer, (size_t)length) < 0)
            break;
    }
    green_pile_end(&pile, free);
}

int main(int argc, char **argv)
{
    const struct green_serve_options options = {.arg = &pool};
    const char *address = argc > 1 ? argv[1] : "tcp://127.0.0.1:6005";
    int listener = green_listen(address, NULL);
    char here[128];

    if (listener < 0)
        errx(1, "%s", green_net_error());
    if (green_pool_init(&pool, AT_ONCE) < 0 ||
        green_local_address(listener, here, sizeof here) < 0)
        err(1, "%s", address);
    printf("listening on %s\n", here);
    fflush(stdout);
    if (green_serve(listener, handle, &options) < 0)
        errx(1, "%s", green_net_error());
    return 0;
}
