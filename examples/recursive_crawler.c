/*
 * Begins at one page and follows its links, and theirs, as far as they stay on the
 * same server; each page once, and ten at once. When all places of the pool are
 * taken, what a job spawns runs in the job itself.
 *
 *     recursive_crawler http://127.0.0.1/
 */
#include "http.h"

#include <err.h>
#include <search.h>

#define AT_ONCE 10
#define LIMIT (5 * GREEN_SEC)

static struct green_pool pool;
static void *seen; /* tsearch's tree of paths */
static char server[256];
static int pages, failed;

static int by_text(const void *a, const void *b)
{
    return strcmp(a, b);
}

static void crawl(void *path);

/* Each path once. No lock is needed: no other greenthread runs in between. */
static void visit(char *path)
{
    char **place = path ? tsearch(path, &seen, by_text) : NULL;

    if (!place)
        err(1, "path");
    if (*place != path) {
        free(path);
    } else if (green_pool_spawn_n(&pool, crawl, path) < 0) {
        warn("%s", path);
        failed++;
    }
}

/* The links of the kind href="/path". */
static void follow(const char *text)
{
    static const char mark[] = "href=\"/";

    while ((text = strstr(text, mark)) != NULL) {
        text += sizeof mark - 2;
        visit(strndup(text, strcspn(text, "\"#")));
    }
}

static void crawl(void *path)
{
    struct green_timeout timeout;
    char url[1024], *text;

    snprintf(url, sizeof url, "%s%s", server, (char *)path);
    if (green_timeout_start(&timeout, LIMIT) < 0)
        err(1, "timeout");
    text = http_get(url);
    green_timeout_cancel(&timeout);
    printf("%s: %s\n", (char *)path, text ? "ok" : strerror(errno));
    text ? pages++ : failed++;
    if (text)
        follow(text);
    free(text);
}

int main(int argc, char **argv)
{
    int end = 0;

    if (argc < 2 || sscanf(argv[1], "http://%200[^/]%n", server, &end) != 1)
        return fprintf(stderr, "usage: %s http://HOST/\n", argv[0]), 2;
    snprintf(server, sizeof server, "%.*s", end, argv[1]);
    if (green_pool_init(&pool, AT_ONCE) < 0)
        err(1, "pool");
    visit(strdup(argv[1][end] ? argv[1] + end : "/"));
    if (green_pool_wait(&pool) < 0)
        err(1, "wait");
    printf("%d pages, %d failed\n", pages, failed);
    tdestroy(seen, free);
    return failed > 0;
}
