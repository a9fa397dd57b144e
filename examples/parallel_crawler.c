/*
 * Fetches many pages, ten at once, each within two seconds, and tells of them in
 * the order in which they come on the standard input, a line each.
 *
 *     parallel_crawler <urls.txt
 */
#include "http.h"

#include <err.h>

#define AT_ONCE 10
#define LIMIT (2 * GREEN_SEC)

struct page {
    char *url;
    long length; /* or -1 */
    int error;
};

/* All that may block is in here, and all of it under one timeout. */
static void *fetch(void *url)
{
    struct page *page = malloc(sizeof *page);
    struct green_timeout timeout;
    char *text;

    if (!page || green_timeout_start(&timeout, LIMIT) < 0)
        err(1, "%s", (char *)url);
    text = http_get(url);
    *page = (struct page){
        .url = url,
        .length = text ? (long)strlen(text) : -1,
        .error = errno,
    };
    green_timeout_cancel(&timeout);
    free(text);
    return page;
}

/* The next line; it is read when there is room for more. */
static int next_line(void *source, void **url)
{
    char *line;
    int n = green_read_line(source, &line, NULL);

    if (n <= 0)
        return n;
    *url = strndup(line, strcspn(line, "\r\n"));
    return *url ? 1 : -1;
}

int main(void)
{
    char buffer[2048];
    struct green_reader lines;
    struct green_pool pool;
    struct green_pile pile;
    void *result;
    int failed = 0;

    if (green_reader_init(&lines, 0, buffer, sizeof buffer) < 0 ||
        green_pool_init(&pool, AT_ONCE) < 0 ||
        green_pile_init(&pile, &pool) < 0 ||
        green_pile_map(&pile, fetch, next_line, &lines) < 0)
        err(1, "map");
    while (green_pile_next(&pile, &result) == 1) {
        struct page *page = result;

        failed += page->length < 0;
        printf("%s: %ld bytes, %s\n", page->url, page->length,
               page->length < 0 ? strerror(page->error) : "ok");
        free(page->url);
        free(page);
    }
    if (errno) /* the input has not come to its end */
        err(1, "input");
    if (green_pile_end(&pile, NULL) < 0)
        err(1, "end");
    return failed > 0;
}
