/*
 * Checks many URLs at once, one from each line of the standard input, and prints the status
 * and the time of each. Redirects are followed; connections are kept.
 *
 *     printf '%s\n' http://example.org/ http://example.net/ | http_check
 */
#include <greenhub.h>
#include <greenhub/http_client.h>

#include <err.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static struct green_http_client *client;
static int failed;

static void check(void *arg)
{
    char *url = arg, reason[200] = "";
    struct green_http_fetch_options options = {
        .timeout = 20 * GREEN_SEC,
        .reason = reason,
        .reason_size = sizeof reason,
    };
    green_time begin = green_now();
    struct green_http_fetched *page = green_http_fetch(client, url, &options);
    double milliseconds = (double)(green_now() - begin) / 1e6;

    if (page)
        printf("%d %6.1f ms %8zu bytes  %s\n", page->status, milliseconds,
               page->size, page->url);
    else
        printf("--- %6.1f ms  %s: %s\n", milliseconds, url, reason);
    failed |= !page || page->status >= 400;
    green_http_fetched_free(page);
    free(url);
}

int main(void)
{
    struct green_http_client_options options = {.max_per_origin = 4};
    struct green_pool pool;
    char line[4096], *url;

    client = green_http_client_create(&options);
    if (!client || green_pool_init(&pool, 50) < 0)
        err(1, "no client");
    while (fgets(line, sizeof line, stdin)) {
        line[strcspn(line, "\r\n")] = '\0';
        url = strdup(line);
        if (!url || green_pool_spawn_n(&pool, check, url) < 0)
            err(1, "%s", line);
    }
    green_pool_wait(&pool);
    green_http_client_destroy(client);
    return failed;
}
