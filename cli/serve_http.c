/*
 * greenhub serve --http: a folder's files, by libgreenhub-http, which is loaded where it is
 * asked for, as libgreenhub-tls is.
 */
#include <greenhub.h>
#include <greenhub/http.h>

#include <errno.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>

#include "cli.h"
#include "library.h"
#include "serve_http.h"

static struct {
    struct green_http_folder *(*open)(
        const char *path, const struct green_http_folder_options *options);
    int (*handler)(struct green_http *http, void *folder);
    int (*serve)(int listener,
                 int (*handler)(struct green_http *http, void *arg),
                 const struct green_http_options *options);
    const char *const *(*protocols)(void);
    size_t (*format)(const struct green_http_record *record,
                     enum green_http_log_format format, char *buffer,
                     size_t size);
} http;

static const struct serve_http *chosen;
static struct green_http_folder *folder;
static _Atomic uint64_t exchanges, sent;

static int load(void)
{
    const struct cli_symbol symbols[] = {
        {"green_http_folder_open", &http.open},
        {"green_http_folder_handler", &http.handler},
        {"green_http_serve", &http.serve},
        {"green_http_format", &http.format},
        {"green_http_protocols", &http.protocols},
        {NULL, NULL},
    };

    return cli_load_companion("--http", "http", symbols);
}

int serve_http_prepare(const struct serve_http *settings)
{
    struct green_http_folder_options options = {.list = true, .prepared = true};
    int status = load();

    if (status != CLI_OK)
        return status;
    chosen = settings;
    folder = http.open(settings->folder, &options);
    if (!folder)
        return cli_complain(CLI_FAILED, "cannot serve the folder %s: %s",
                            settings->folder, strerror(errno));
    return CLI_OK;
}

const char *const *serve_http_protocols(void)
{
    return http.protocols();
}

static void count(const struct green_http_record *record, void *arg)
{
    char line[4096];

    (void)arg;
    atomic_fetch_add_explicit(&exchanges, 1, memory_order_relaxed);
    atomic_fetch_add_explicit(&sent, record->sent, memory_order_relaxed);
    if (!chosen->log)
        return;
    if (http.format(record, GREEN_HTTP_LOG_COMBINED, line, sizeof line) >=
        sizeof line)
        line[sizeof line - 2] = '\n'; /* it was cut */
    fputs(line, stdout);
    fflush(stdout);
}

int serve_http_run(int listener, const struct green_serve_options *serve)
{
    struct green_http_options options = {
        .arg = folder,
        .serve = serve,
        .log = count,
        .max_per_address = chosen->max_per_address,
    };

    return http.serve(listener, http.handler, &options);
}

void serve_http_count(uint64_t *all, uint64_t *bytes)
{
    *all = exchanges;
    *bytes = sent;
}
