/* greenhub get: one URL. */
#include "get.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

static int fail(struct get_job *job,
                const struct green_http_client_exchange *exchange)
{
    const char *reason = job->tls_reason;

    if (*job->error)
        return -1;
    if (!*reason)
        reason = get_library.reason(exchange);
    snprintf(job->error, sizeof job->error, "%s",
             *reason ? reason : strerror(errno));
    return -1;
}

static int send_request(struct get_job *job,
                        struct green_http_client_exchange *exchange)
{
    const struct get_settings *settings = job->settings;

    for (size_t i = 0; i < settings->field_count; i++) {
        if (get_library.add(exchange, settings->names[i], settings->values[i]) <
            0) {
            snprintf(job->error, sizeof job->error,
                     "the field %.100s can not be sent", settings->names[i]);
            return -1;
        }
    }
    if (settings->data &&
        get_library.body(exchange, settings->data, settings->data_size) < 0)
        return fail(job, exchange);
    job->status = get_library.response(exchange);
    if (job->status < 0) {
        job->status = 0;
        return fail(job, exchange);
    }
    return 0;
}

static void note_response(struct get_job *job,
                          const struct green_http_client_exchange *exchange)
{
    const char *type = get_library.header(exchange, "Content-Type");

    job->length = get_library.length(exchange);
    snprintf(job->type, sizeof job->type, "%s", type ? type : "");
    for (char *at = job->type; *at; at++)
        if ((unsigned char)*at >= 0x80)
            *at = '?'; /* what it means, nobody knows */
    snprintf(job->last_url, sizeof job->last_url, "%s",
             get_library.url(exchange));
}

static int read_body(struct get_job *job,
                     struct green_http_client_exchange *exchange,
                     struct get_output *output)
{
    char bytes[32768];
    ssize_t n;

    while ((n = get_library.read(exchange, bytes, sizeof bytes)) > 0) {
        if (get_output_write(job, output, bytes, (size_t)n) < 0)
            return -1;
        job->bytes += (uint64_t)n;
    }
    return n < 0 ? fail(job, exchange) : 0;
}

static void fetch(struct get_job *job)
{
    const struct get_settings *settings = job->settings;
    const char *usual = settings->data ? "POST" : "GET";
    struct green_http_client_exchange *exchange;
    struct get_output output;
    bool good;

    exchange = get_library.open(
        job->client, settings->method ? settings->method : usual, job->url);
    if (!exchange) {
        snprintf(job->error, sizeof job->error, "%s",
                 errno == EINVAL ? "not a URL of http or https"
                                 : strerror(errno));
        return;
    }
    if (send_request(job, exchange) == 0) {
        note_response(job, exchange);
        if (get_output_open(job, &output) == 0) {
            good = read_body(job, exchange, &output) == 0;
            get_output_close(job, &output, good);
        }
    }
    get_library.close(exchange);
    if (*job->error)
        job->file[0] = '\0';
}

void get_job_run(void *arg)
{
    struct get_job *job = arg;

    job->begun = green_now();
    job->length = -1;
    get_client_keep_reason(job->tls_reason);
    fetch(job);
    job->time = green_now() - job->begun;
    job->done = true;
    if (job->settings->json)
        get_report_json(job);
    else if (!job->settings->quiet)
        get_report_error(job);
    /* The next one's output comes behind this one's. */
    if (job->before && !job->settings->output && !job->settings->json)
        green_event_wait(&job->before->over, NULL);
    green_event_send(&job->over, NULL);
}
