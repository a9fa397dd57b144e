/* Messages that are received. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "websocket.h"

static int refuse(int error)
{
    errno = error;
    return -1;
}

/* ---- What comes --------------------------------------------------------------------- */

static void give_back(struct green__websocket_input *input)
{
    green_buffer_return(input->lent);
    input->lent = NULL;
    free(input->first);
    input->first = NULL;
}

/* Waits for more. When the server stops, the wait fails with ECANCELED, and
 * *stopped is set. */
static ssize_t wait_for_input(struct green_websocket *websocket, bool *stopped)
{
    struct green__websocket_input *input = &websocket->input;
    struct green_idle idle;
    bool is_idle = websocket->http && !input->stopped &&
                   !websocket->output.closing &&
                   green_idle_begin(&idle, NULL) == 0;
    ssize_t n;

    input->waiting = true;
    n = green_stream_lend(websocket->stream, &input->lent);
    input->waiting = false;
    if (is_idle) {
        green_idle_end(&idle);
        *stopped = n < 0 && errno == ECANCELED && green_idle_stopped(&idle);
    }
    return n;
}

/* What the end of the connection means. */
static int on_end(struct green_websocket *websocket, int error)
{
    if (websocket->expired || websocket->output.deadline.expired)
        error = ETIMEDOUT;
    websocket->result =
        websocket->output.closed && error == ECONNRESET ? 0 : -error;
    return refuse(error);
}

static int on_failure(struct green_websocket *websocket, ssize_t n, int error)
{
    if (n == 0)
        return on_end(websocket, ECONNRESET);
    if (websocket->expired || (error != ECANCELED && error != ETIMEDOUT &&
                               error != EAGAIN && error != ENOMEM))
        return on_end(websocket, error);
    websocket->input.error = error;
    return refuse(error);
}

static int fill(struct green_websocket *websocket)
{
    struct green__websocket_input *input = &websocket->input;
    bool stopped = false;
    ssize_t n;

    give_back(input);
    n = wait_for_input(websocket, &stopped);
    if (stopped) {
        input->stopped = true;
        green__websocket_send_close(websocket, GREEN__WEBSOCKET_GOING_AWAY, "");
        n = wait_for_input(websocket, &stopped);
    }
    if (n <= 0)
        return on_failure(websocket, n, errno);
    websocket->heard = green_now();
    websocket->pinged = 0;
    input->at = input->lent->data;
    input->end = input->at + n;
    return 0;
}

ssize_t green__websocket_on_input(uint8_t *bytes, size_t size, int flags,
                                  void *arg)
{
    struct green_websocket *websocket = arg;
    struct green__websocket_input *input = &websocket->input;
    size_t there;

    (void)flags;
    if (input->at == input->end && fill(websocket) < 0)
        return -1;
    there = (size_t)(input->end - input->at);
    if (size > there)
        size = there;
    memcpy(bytes, input->at, size);
    input->at += size;
    return (ssize_t)size;
}

/* ---- Whole messages ------------------------------------------------------------------- */

/* Room for a message that grows, and a '\0'. */
static int make_room(struct green__http_text *text)
{
    size_t room = text->room ? 2 * text->room : 1024;
    char *larger;

    if (text->room - text->size > 1)
        return 0;
    larger = realloc(text->bytes, room);
    if (!larger)
        return -1;
    text->bytes = larger;
    text->room = room;
    return 0;
}

/* Forgets what was delivered; what is large is not kept. */
static void begin(struct green__websocket_input *input)
{
    if (input->delivered)
        input->message.size = 0;
    input->delivered = false;
    if (input->message.size == 0 &&
        input->message.room > GREEN__WEBSOCKET_PART) {
        free(input->message.bytes);
        input->message = (struct green__http_text){0};
    }
}

/* How much to take: one byte more than the limit shows that this is passed. */
static size_t room_for(const struct green__websocket_input *input)
{
    size_t room = input->message.room - input->message.size - 1;
    uint64_t most = input->most - input->total;

    return room <= most ? room : (size_t)most + 1;
}

static int take_whole(struct green_websocket *websocket)
{
    struct green__websocket_input *input = &websocket->input;
    struct green__http_text *text = &input->message;
    bool over = false;
    size_t size;
    int result;

    input->most = websocket->options.max_message;
    input->total = text->size;
    do {
        if (make_room(text) < 0)
            return -1;
        result = green__websocket_take(websocket, text->bytes + text->size,
                                       room_for(input), &size, &over);
        if (result <= 0)
            return result;
        text->size += size;
    } while (!over);
    text->bytes[text->size] = '\0';
    return 1;
}

/* ---- Parts ------------------------------------------------------------------------------ */

static int make_part(struct green__http_text *text)
{
    char *bytes;

    if (text->room >= GREEN__WEBSOCKET_PART)
        return 0;
    bytes = realloc(text->bytes, GREEN__WEBSOCKET_PART);
    if (!bytes)
        return -1;
    text->bytes = bytes;
    text->room = GREEN__WEBSOCKET_PART;
    return 0;
}

static int take_part(struct green_websocket *websocket, bool *over)
{
    struct green__websocket_input *input = &websocket->input;
    struct green__http_text *text = &input->message;

    *over = false;
    if (text->size > 0) /* of a whole message that was given up */
        return 1;
    if (make_part(text) < 0)
        return -1;
    input->most = UINT64_MAX;
    input->total = 0;
    return green__websocket_take(websocket, text->bytes, GREEN__WEBSOCKET_PART,
                                 &text->size, over);
}

/* ---- Calls --------------------------------------------------------------------------------- */

static int receive(struct green_websocket *websocket,
                   struct green_websocket_message *message, bool whole)
{
    struct green__websocket_input *input = &websocket->input;
    bool last = true;
    int result = websocket->result;

    if (result <= 0)
        return result == 0 ? 0 : refuse(-result);
    begin(input);
    result = whole ? take_whole(websocket) : take_part(websocket, &last);
    if (result <= 0)
        return result;
    input->delivered = true;
    *message = (struct green_websocket_message){
        .kind = input->kind,
        .last = last,
        .bytes = input->message.bytes,
        .size = input->message.size,
    };
    return 1;
}

static int call(struct green_websocket *websocket,
                struct green_websocket_message *message, bool whole)
{
    int result;

    if (!websocket || !message)
        return refuse(EINVAL);
    if (websocket->receiving)
        return refuse(EBUSY);
    websocket->receiving = true;
    green__websocket_enter(websocket);
    result = receive(websocket, message, whole);
    websocket->receiving = false;
    green__websocket_leave(websocket);
    return result;
}

int green_websocket_receive(struct green_websocket *websocket,
                            struct green_websocket_message *message)
{
    return call(websocket, message, true);
}

int green_websocket_receive_part(struct green_websocket *websocket,
                                 struct green_websocket_message *message)
{
    return call(websocket, message, false);
}

void green__websocket_drain(struct green_websocket *websocket)
{
    char bytes[1024];
    size_t size;
    bool over;

    websocket->receiving = true;
    websocket->input.most = UINT64_MAX;
    websocket->input.total = 0;
    while (websocket->result > 0 &&
           green__websocket_take(websocket, bytes, sizeof bytes, &size, &over) >
               0)
        ;
    websocket->receiving = false;
}
