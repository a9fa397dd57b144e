/* What greenhub get says: on a terminal how far it is, what has failed, JSON. */
#include "get.h"

#include <stdio.h>
#include <string.h>

#include "cli.h"

static bool shown; /* a line on the terminal, without its end */

/* ---- JSON ------------------------------------------------------------------------- */

static void print_text(const char *name, const char *text)
{
    printf(", \"%s\": \"", name);
    for (; *text; text++) {
        unsigned char byte = (unsigned char)*text;

        if (byte == '"' || byte == '\\')
            printf("\\%c", byte);
        else if (byte < ' ' || byte == 0x7f)
            printf("\\u%04x", byte);
        else
            putchar(byte);
    }
    putchar('"');
}

void get_report_json(const struct get_job *job)
{
    get_report_end();
    printf("{\"status\": %d, \"bytes\": %llu, \"seconds\": %.3f", job->status,
           (unsigned long long)job->bytes, (double)job->time / 1e9);
    print_text("url", job->url);
    if (*job->last_url && strcmp(job->last_url, job->url) != 0)
        print_text("last_url", job->last_url);
    if (job->status)
        print_text("type", job->type);
    if (*job->file)
        print_text("file", job->file);
    if (*job->error)
        print_text("error", job->error);
    printf("}\n");
    fflush(stdout);
}

void get_report_error(const struct get_job *job)
{
    if (!*job->error && job->status < 400)
        return;
    get_report_end();
    if (*job->error)
        cli_complain(CLI_FAILED, "%s: %s", job->url, job->error);
    else
        cli_complain(CLI_FAILED, "%s: status %d", job->url, job->status);
}

/* ---- Progress ------------------------------------------------------------------------ */

static const char *readable(uint64_t bytes, char text[32])
{
    static const char *const units[] = {"B", "KiB", "MiB", "GiB", "TiB"};
    double value = (double)bytes;
    size_t unit = 0;

    while (value >= 1024 && unit < 4) {
        value /= 1024;
        unit++;
    }
    snprintf(text, 32, unit ? "%.1f %s" : "%.0f %s", value, units[unit]);
    return text;
}

static void show(const struct get_jobs *jobs, green_time begun)
{
    double seconds = (double)(green_now() - begun) / 1e9;
    size_t done = 0, running = 0, failed = 0;
    uint64_t bytes = 0, length = 0;
    char have[32], speed[32], all[40] = "";

    for (size_t i = 0; i < jobs->count; i++) {
        const struct get_job *job = &jobs->jobs[i];

        done += job->done;
        running += job->begun && !job->done;
        failed += job->done && (*job->error || job->status >= 400);
        bytes += job->bytes;
        length += job->length > 0 ? (uint64_t)job->length : 0;
    }
    if (jobs->count == 1 && length > 0)
        snprintf(all, sizeof all, " (%.0f %%)",
                 100 * (double)bytes / (double)length);
    fprintf(
        stderr, "\r%zu of %zu done, %zu running, %zu failed, %s%s, %s/s\033[K",
        done, jobs->count, running, failed, readable(bytes, have), all,
        readable((uint64_t)((double)bytes / (seconds > 0.1 ? seconds : 0.1)),
                 speed));
    fflush(stderr);
    shown = true;
}

void *get_report_progress(void *jobs)
{
    green_time begun = green_now();

    while (green_sleep(200 * GREEN_MSEC) == 0)
        show(jobs, begun);
    return NULL;
}

void get_report_end(void)
{
    if (shown)
        fputs("\r\033[K", stderr);
    shown = false;
}
