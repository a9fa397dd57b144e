/* What the head of a response means, and whether it can have one meaning only. */
#include <errno.h>
#include <string.h>
#include <strings.h>

#include "http.h"

/* ---- Its first line --------------------------------------------------------- */

static bool is_digit(char byte)
{
    return byte >= '0' && byte <= '9';
}

/* "HTTP/1." DIGIT " " 3DIGIT, from 100 to 599. */
static bool begins_well(const char *base)
{
    return memcmp(base, "HTTP/1.", 7) == 0 && is_digit(base[7]) &&
           base[8] == ' ' && base[9] >= '1' && base[9] <= '5' &&
           is_digit(base[10]) && is_digit(base[11]);
}

/* Many servers send no blank where they send no reason. */
size_t green__http_status_line_end(const char *base, size_t size)
{
    size_t at = 12;

    if (size < 14 || !begins_well(base))
        return 0;
    if (base[at] == ' ')
        for (at++; at < size &&
                   ((unsigned char)base[at] >= ' ' || base[at] == '\t') &&
                   base[at] != 0x7f;)
            at++;
    return at + 2 <= size && memcmp(base + at, "\r\n", 2) == 0 ? at + 2 : 0;
}

/* ---- Where its body ends ---------------------------------------------------- */

struct found_body {
    const char *length, *coding;
    unsigned lengths, codings;
    bool close, keep_alive;
};

static void find_framing(const struct green_http *http,
                         struct found_body *found)
{
    for (unsigned i = 0; i < http->field_count; i++) {
        const char *name = http->base + http->field[i].name;
        const char *value = http->base + http->field[i].value;

        if (strcasecmp(name, "Content-Length") == 0) {
            found->lengths++;
            found->length = value;
        } else if (strcasecmp(name, "Transfer-Encoding") == 0) {
            found->codings++;
            found->coding = value;
        } else if (strcasecmp(name, "Connection") == 0) {
            found->close |= green__http_list_has(value, "close");
            found->keep_alive |= green__http_list_has(value, "keep-alive");
        }
    }
}

static int take_length(struct green_http *http, const char *text)
{
    if (!*text || strspn(text, "0123456789") != strlen(text))
        return -1;
    for (; *text; text++) {
        if (http->remaining > (INT64_MAX - 9) / 10)
            return -1;
        http->remaining = 10 * http->remaining + (uint64_t)(*text - '0');
    }
    return 0;
}

/* RFC 9112, 6.3; but where that lets a client guess, this one does not. */
static int find_end(struct green_http *http, const struct found_body *found)
{
    if (found->codings > 0) {
        if (found->lengths > 0 || found->codings > 1 || http->version < 11 ||
            strcasecmp(found->coding, "chunked") != 0)
            return -1;
        http->body = GREEN__HTTP_CHUNKED;
        return 0;
    }
    if (found->lengths > 1)
        return -1;
    if (found->lengths == 0) {
        http->body = GREEN__HTTP_TO_THE_END;
        return 0;
    }
    if (take_length(http, found->length) < 0)
        return -1;
    http->body = http->remaining ? GREEN__HTTP_LENGTH : GREEN__HTTP_NO_BODY;
    return 0;
}

static bool has_no_body(const struct green_http *http)
{
    return http->is_head || http->status < 200 || http->status == 204 ||
           http->status == 304;
}

int green__http_response_check(struct green_http *http)
{
    struct found_body found = {0};

    find_framing(http, &found);
    if (find_end(http, &found) < 0) {
        errno = EPROTO;
        return -1;
    }
    http->keep = !found.close && (http->version >= 11 || found.keep_alive) &&
                 (has_no_body(http) || http->body != GREEN__HTTP_TO_THE_END);
    if (has_no_body(http)) {
        http->body = GREEN__HTTP_NO_BODY;
        http->shown_length = found.lengths ? (int64_t)http->remaining : -1;
        http->remaining = 0;
    }
    return 0;
}
