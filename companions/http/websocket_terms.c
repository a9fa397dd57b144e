/* The negotiation of permessage-deflate: the field Sec-WebSocket-Extensions. */
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "websocket.h"

/* An extension as it was offered or accepted. Bits: 0: not said; -1: wanted
 * without a number. */
struct offer {
    bool valid;
    bool server_fresh, client_fresh;
    int server_bits, client_bits;
};

/* ---- Reading --------------------------------------------------------------------- */

static const char *skip_blanks(const char *at)
{
    return at + strspn(at, " \t");
}

/* Reads a token, or a quoted one, into a word. Returns where it ends; NULL: there
 * is none. */
static const char *read_word(const char *at, char *word, size_t room)
{
    bool quoted = *at == '"';
    size_t n = 0;

    at += quoted;
    while (n < room - 1 && green__http_is_token(at, 1))
        word[n++] = *at++;
    word[n] = '\0';
    if (n == 0 || (quoted && *at++ != '"'))
        return NULL;
    return at;
}

/* A number of bits, without leading zeros; 0: it is none. */
static int bits_of(const char *value)
{
    int bits = 0;

    if (*value < '1' || *value > '9' || strlen(value) > 2)
        return 0;
    for (; *value >= '0' && *value <= '9'; value++)
        bits = 10 * bits + (*value - '0');
    return *value == '\0' && bits >= 8 && bits <= 15 ? bits : 0;
}

static bool take_flag(bool *flag, const char *value)
{
    bool is_new = !*flag && !*value;

    *flag = true;
    return is_new;
}

static bool take_bits(int *bits, const char *value, bool may_lack)
{
    bool is_new = *bits == 0;

    *bits = *value ? bits_of(value) : may_lack ? -1 : 0;
    return is_new && *bits != 0;
}

/* A parameter; an empty value: it has none. Returns whether it is one, and the
 * first of its name. */
static bool take_parameter(struct offer *offer, const char *name,
                           const char *value)
{
    if (strcasecmp(name, "server_no_context_takeover") == 0)
        return take_flag(&offer->server_fresh, value);
    if (strcasecmp(name, "client_no_context_takeover") == 0)
        return take_flag(&offer->client_fresh, value);
    if (strcasecmp(name, "server_max_window_bits") == 0)
        return take_bits(&offer->server_bits, value, false);
    if (strcasecmp(name, "client_max_window_bits") == 0)
        return take_bits(&offer->client_bits, value, true);
    return false;
}

/* Reads "; NAME" or "; NAME=VALUE". Returns where it ends; NULL: it is none. */
static const char *read_parameter(const char *at, struct offer *offer)
{
    char name[32], value[32] = "";

    at = read_word(skip_blanks(at + 1), name, sizeof name);
    if (!at)
        return NULL;
    at = skip_blanks(at);
    if (*at == '=') {
        at = read_word(skip_blanks(at + 1), value, sizeof value);
        if (!at)
            return NULL;
    }
    offer->valid &= take_parameter(offer, name, value);
    return skip_blanks(at);
}

/* Reads one extension of a list. Returns where the next one begins; NULL: this is
 * no list. An extension of another kind is not valid. */
static const char *read_offer(const char *at, struct offer *offer)
{
    char name[32];

    *offer = (struct offer){0};
    at = read_word(skip_blanks(at), name, sizeof name);
    if (!at)
        return NULL;
    offer->valid = strcasecmp(name, "permessage-deflate") == 0;
    at = skip_blanks(at);
    while (at && *at == ';')
        at = read_parameter(at, offer);
    if (!at || (*at != ',' && *at != '\0'))
        return NULL;
    return at + (*at == ',');
}

/* ---- A server's -------------------------------------------------------------------- */

/* zlib cannot compress with a window of 8 bits. */
static bool can_take(const struct offer *offer)
{
    return offer->valid && offer->server_bits != 8;
}

static int smaller(int bits, int limit)
{
    return limit > 0 && limit < bits ? limit : bits;
}

static void accept_offer(const struct offer *offer,
                         const struct green_websocket_options *options,
                         struct green__websocket_deflate_terms *terms)
{
    terms->on = true;
    terms->own_bits = smaller(options->window_bits, offer->server_bits);
    terms->own_fresh = offer->server_fresh || options->no_context_takeover;
    terms->peer_fresh = offer->client_fresh || options->no_context_takeover;
    /* Only a client that says so can be asked for less than 15. */
    terms->peer_bits = offer->client_bits == 0
                           ? 15
                           : smaller(options->window_bits, offer->client_bits);
}

void green__websocket_take_offer(const char *value,
                                 const struct green_websocket_options *options,
                                 struct green__websocket_deflate_terms *terms)
{
    struct offer offer;

    while (value && *skip_blanks(value) && !terms->on) {
        value = read_offer(value, &offer);
        if (value && can_take(&offer))
            accept_offer(&offer, options, terms);
    }
}

void green__websocket_print_terms(
    const struct green__websocket_deflate_terms *terms,
    char text[GREEN__WEBSOCKET_EXTENSION])
{
    char bits[64] = "", own[32];

    snprintf(own, sizeof own, "; server_max_window_bits=%d", terms->own_bits);
    if (terms->peer_bits < 15)
        snprintf(bits, sizeof bits, "; client_max_window_bits=%d",
                 terms->peer_bits);
    snprintf(text, GREEN__WEBSOCKET_EXTENSION, "permessage-deflate%s%s%s%s",
             terms->own_fresh ? "; server_no_context_takeover" : "",
             terms->peer_fresh ? "; client_no_context_takeover" : "",
             terms->own_bits < 15 ? own : "", bits);
}

/* ---- A client's -------------------------------------------------------------------- */

void green__websocket_print_offer(const struct green_websocket_options *options,
                                  char text[GREEN__WEBSOCKET_EXTENSION])
{
    snprintf(text, GREEN__WEBSOCKET_EXTENSION,
             "permessage-deflate; client_max_window_bits%s",
             options->no_context_takeover ? "; server_no_context_takeover"
                                            "; client_no_context_takeover"
                                          : "");
}

bool green__websocket_take_answer(const char *value,
                                  const struct green_websocket_options *options,
                                  struct green__websocket_deflate_terms *terms)
{
    struct offer answer;
    const char *rest = read_offer(value, &answer);

    if (!rest || *skip_blanks(rest) || !answer.valid || terms->on ||
        answer.client_bits < 0 || answer.client_bits == 8 ||
        (options->no_context_takeover && !answer.server_fresh))
        return false;
    terms->on = true;
    terms->own_bits = smaller(options->window_bits, answer.client_bits);
    terms->own_fresh = answer.client_fresh || options->no_context_takeover;
    terms->peer_fresh = answer.server_fresh;
    terms->peer_bits = answer.server_bits > 0 ? answer.server_bits : 15;
    return true;
}
