/* Lines of an access log. */
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "http.h"

struct line {
    char *bytes;
    size_t size, room; /* size counts what does not fit, too */
};

static void put(struct line *line, const char *text, size_t size)
{
    for (size_t i = 0; i < size; i++, line->size++)
        if (line->size + 1 < line->room)
            line->bytes[line->size] = text[i];
}

static void put_text(struct line *line, const char *text)
{
    put(line, text, strlen(text));
}

/* What a client has sent: it must not end the line, or a quotation. */
static void put_escaped(struct line *line, const char *text, const char *form)
{
    for (; *text; text++) {
        unsigned char byte = (unsigned char)*text;
        char escaped[8];

        if (byte >= ' ' && byte < 0x7f && byte != '"' && byte != '\\') {
            put(line, text, 1);
        } else {
            snprintf(escaped, sizeof escaped, form, byte);
            put_text(line, escaped);
        }
    }
}

/* "tcp://HOST:PORT" without what is not the host. */
static void put_host(struct line *line, const char *peer)
{
    const char *at = strstr(peer, "://");
    const char *end;

    at = at ? at + 3 : peer;
    end = strrchr(at, ':');
    if (*at == '[' && end && end > at + 1 && end[-1] == ']') {
        at++;
        end--;
    }
    if (*at == '\0' || strncmp(peer, "unix:", 5) == 0)
        put_text(line, "-");
    else
        put(line, at, end ? (size_t)(end - at) : strlen(at));
}

static void put_version(struct line *line, int version)
{
    char text[24];

    snprintf(text, sizeof text, " HTTP/%d.%d", version / 10, version % 10);
    put_text(line, text);
}

static void put_common(struct line *line,
                       const struct green_http_record *record)
{
    time_t now = time(NULL);
    struct tm parts = {0};
    char text[64];

    localtime_r(&now, &parts);
    put_host(line, record->peer);
    strftime(text, sizeof text, " - - [%d/%b/%Y:%H:%M:%S %z] \"", &parts);
    put_text(line, text);
    if (record->version) {
        put_text(line, record->method);
        put_text(line, " ");
        put_escaped(line, record->target, "\\x%02x");
        put_version(line, record->version);
    } else {
        put_text(line, "-");
    }
    snprintf(text, sizeof text, "\" %03d %llu", record->status,
             (unsigned long long)record->sent);
    put_text(line, text);
}

static void put_quoted(struct line *line, const char *text)
{
    put_text(line, " \"");
    put_escaped(line, *text ? text : "-", "\\x%02x");
    put_text(line, "\"");
}

static void put_member(struct line *line, const char *name, const char *text)
{
    put_text(line, "\"");
    put_text(line, name);
    put_text(line, "\":\"");
    put_escaped(line, text, "\\u%04x");
    put_text(line, "\",");
}

static void put_json(struct line *line, const struct green_http_record *record)
{
    struct timespec now;
    char text[192];

    clock_gettime(CLOCK_REALTIME, &now);
    snprintf(text, sizeof text, "{\"time\":%lld.%03ld,", (long long)now.tv_sec,
             now.tv_nsec / 1000000);
    put_text(line, text);
    put_member(line, "peer", record->peer);
    put_member(line, "method", record->method);
    put_member(line, "target", record->target);
    put_member(line, "host", record->host);
    put_member(line, "referer", record->referer);
    put_member(line, "agent", record->agent);
    snprintf(text, sizeof text,
             "\"version\":%d.%d,\"status\":%d,\"received\":%llu,\"sent\":%llu,"
             "\"duration\":%lld.%06lld,\"cut\":%s}",
             record->version / 10, record->version % 10, record->status,
             (unsigned long long)record->received,
             (unsigned long long)record->sent,
             (long long)(record->duration / GREEN_SEC),
             (long long)(record->duration % GREEN_SEC / GREEN_USEC),
             record->cut ? "true" : "false");
    put_text(line, text);
}

size_t green_http_format(const struct green_http_record *record,
                         enum green_http_log_format format, char *buffer,
                         size_t size)
{
    struct line line = {.bytes = buffer, .room = size};

    switch (format) {
    case GREEN_HTTP_LOG_COMMON:
        put_common(&line, record);
        break;
    case GREEN_HTTP_LOG_COMBINED:
        put_common(&line, record);
        put_quoted(&line, record->referer);
        put_quoted(&line, record->agent);
        break;
    case GREEN_HTTP_LOG_JSON:
        put_json(&line, record);
        break;
    }
    put(&line, "\n", 1);
    if (size > 0)
        buffer[line.size < size ? line.size : size - 1] = '\0';
    return line.size;
}
