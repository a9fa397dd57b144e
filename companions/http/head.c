/* What the head of a request means, and whether it can have one meaning only. */
#include <string.h>
#include <strings.h>

#include "http.h"

/* The fields that decide it. */
struct found {
    const char *length, *host, *coding;
    unsigned lengths, hosts, codings;
    bool close, keep_alive, unknown_expectation;
};

static void find_connection(struct found *found, const char *value)
{
    found->close |= green__http_list_has(value, "close");
    found->keep_alive |= green__http_list_has(value, "keep-alive");
}

static void find_field(struct green_http *http, struct found *found,
                       const char *name, const char *value)
{
    if (strcasecmp(name, "Host") == 0) {
        found->hosts++;
        found->host = value;
    } else if (strcasecmp(name, "Content-Length") == 0) {
        found->lengths++;
        found->length = value;
    } else if (strcasecmp(name, "Transfer-Encoding") == 0) {
        found->codings++;
        found->coding = value;
    } else if (strcasecmp(name, "Connection") == 0) {
        find_connection(found, value);
    } else if (strcasecmp(name, "Expect") == 0) {
        http->expects = strcasecmp(value, "100-continue") == 0;
        found->unknown_expectation |= !http->expects;
    } else if (strcasecmp(name, "Upgrade") == 0) {
        http->upgrade = value;
    }
}

static void find_fields(struct green_http *http, struct found *found)
{
    for (unsigned i = 0; i < http->field_count; i++) {
        const char *name = http->base + http->field[i].name;

        if (strchr("hHcCtTeEuU", name[0]))
            find_field(http, found, name, http->base + http->field[i].value);
    }
}

/* RFC 9112, 6: of two lengths, another server may believe the other. */
static int find_body(struct green_http *http, const struct found *found)
{
    if (found->codings > 0) {
        if (found->lengths > 0 || found->codings > 1 || http->version < 11)
            return 400;
        if (strcasecmp(found->coding, "chunked") != 0)
            return green__http_list_has(found->coding, "chunked") ? 400 : 501;
        http->body = GREEN__HTTP_CHUNKED;
        return 0;
    }
    if (found->lengths == 0)
        return 0;
    if (found->lengths > 1 || !*found->length ||
        strspn(found->length, "0123456789") != strlen(found->length))
        return 400;
    for (const char *at = found->length; *at; at++) {
        if (http->remaining > (INT64_MAX - 9) / 10)
            return 413;
        http->remaining = 10 * http->remaining + (uint64_t)(*at - '0');
    }
    http->body = http->remaining ? GREEN__HTTP_LENGTH : GREEN__HTTP_NO_BODY;
    return 0;
}

/* RFC 9112, 3.2: one Host, and a valid one. */
static int find_host(struct green_http *http, const struct found *found)
{
    if (found->hosts > 1 || (found->hosts == 0 && http->version >= 11))
        return 400;
    if (found->hosts == 1 && *found->host &&
        !green__http_is_authority(found->host))
        return 400;
    http->host = found->hosts == 1 ? found->host : "";
    return 0;
}

int green__http_head_check(struct green_http *http)
{
    struct found found = {0};
    int status;

    find_fields(http, &found);
    http->is_head = strcmp(http->method, "HEAD") == 0;
    status = find_host(http, &found);
    if (status == 0)
        status = find_body(http, &found);
    if (status == 0)
        status = green__http_target_check(http);
    if (status == 0 && http->version >= 11 && found.unknown_expectation)
        status = 417;
    if (http->version < 11)
        http->expects = false;
    if (http->body == GREEN__HTTP_NO_BODY)
        http->expects = false;
    http->keep = status == 0 && !found.close &&
                 (http->version >= 11 || found.keep_alive);
    return status;
}
