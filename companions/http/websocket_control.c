/* Pings, pongs, Close frames, and the time that a peer may be silent. */
#include <errno.h>
#include <linux/sockios.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include "websocket.h"

/* Bytes of pongs that wait to be sent. */
#define PONGS 2048

static int refuse(int error)
{
    errno = error;
    return -1;
}

/* ---- Pings and pongs --------------------------------------------------------------- */

static bool is_pending(const struct green__websocket_output *output)
{
    return (output->ping_is_due || output->pongs.size > 0) &&
           !output->closing && !output->broken;
}

/* Takes the next pong. Returns its size. */
static size_t next_pong(struct green__http_text *pongs,
                        char bytes[GREEN__WEBSOCKET_CONTROL])
{
    size_t size = (unsigned char)pongs->bytes[0];

    memcpy(bytes, pongs->bytes + 1, size);
    pongs->size -= 1 + size;
    memmove(pongs->bytes, pongs->bytes + 1 + size, pongs->size);
    return size;
}

/* Sends what is pending now: others may come meanwhile. */
int green__websocket_flush_control(struct green_websocket *websocket)
{
    struct green__websocket_output *output = &websocket->output;
    char bytes[GREEN__WEBSOCKET_CONTROL];
    size_t left = output->pongs.size, size;

    if (output->ping_is_due) {
        output->ping_is_due = false;
        if (green__websocket_frame(websocket, GREEN__WEBSOCKET_PING, true,
                                   false, "", 0) < 0)
            return -1;
    }
    while (left > 0 && output->pongs.size > 0) {
        size = next_pong(&output->pongs, bytes);
        left -= left < 1 + size ? left : 1 + size;
        if (green__websocket_frame(websocket, GREEN__WEBSOCKET_PONG, true,
                                   false, bytes, size) < 0)
            return -1;
    }
    return 0;
}

/* A greenthread of its own: whoever receives must not wait until the peer reads,
 * which may wait until it is read from. */
static void send_pending(void *arg)
{
    struct green_websocket *websocket = arg;
    struct green__websocket_output *output = &websocket->output;

    if (green_lock_acquire(&output->frame) == 0) {
        while (is_pending(output) &&
               green__websocket_flush_control(websocket) == 0)
            ;
        green_lock_release(&output->frame);
    }
    output->helper = false;
    green__websocket_leave(websocket);
}

static void start_helper(struct green_websocket *websocket)
{
    if (websocket->output.helper)
        return;
    websocket->output.helper =
        true; /* a build for tests may run it in the spawn */
    green__websocket_enter(websocket);
    if (green_spawn_n(send_pending, websocket) == 0)
        return;
    websocket->output.helper = false;
    green__websocket_leave(websocket);
}

/* Of more pings than can be answered, the last one is. */
void green__websocket_pong(struct green_websocket *websocket,
                           const uint8_t *bytes, size_t size)
{
    struct green__http_text *pongs = &websocket->output.pongs;
    char length = (char)size;

    if (websocket->output.closing)
        return;
    if (pongs->size + 1 + size > PONGS)
        pongs->size = 0;
    if (green__http_text_add(pongs, &length, 1, PONGS) < 0)
        return;
    if (green__http_text_add(pongs, (const char *)bytes, size, PONGS) < 0) {
        pongs->size--;
        return;
    }
    start_helper(websocket);
}

static int send_ping(struct green_websocket *websocket, const void *bytes,
                     size_t size)
{
    struct green__websocket_output *output = &websocket->output;
    int result;

    if (green_lock_acquire(&output->frame) < 0)
        return -1;
    result = output->closing
                 ? refuse(EPIPE)
                 : green__websocket_frame(websocket, GREEN__WEBSOCKET_PING,
                                          true, false, bytes, size);
    green_lock_release(&output->frame);
    return result;
}

int green_websocket_ping(struct green_websocket *websocket, const void *bytes,
                         size_t size)
{
    int result;

    if (!websocket || (!bytes && size > 0) || size > GREEN__WEBSOCKET_CONTROL)
        return refuse(EINVAL);
    green__websocket_enter(websocket);
    result = send_ping(websocket, bytes, size);
    green__websocket_leave(websocket);
    return result;
}

/* ---- Silence ------------------------------------------------------------------------ */

static green_time later(green_time time, green_time by)
{
    return by > INT64_MAX - time ? INT64_MAX : time + by;
}

static void expire(struct green_websocket *websocket)
{
    websocket->expired = true;
    shutdown(websocket->stream->fd, SHUT_RDWR);
}

/* Whether a ping is or was behind something that the peer has not taken. */
static bool is_behind(const struct green_websocket *websocket)
{
    int unsent = 0;

    ioctl(websocket->stream->fd, SIOCOUTQ, &unsent);
    return unsent > 0 || green_lock_held(&websocket->output.frame);
}

/* A peer that takes much, slowly, gets the ping late. Returns whether it has gone on
 * since the last look. */
static bool is_slow(struct green_websocket *websocket)
{
    uint64_t before = websocket->progress;
    bool was_behind = websocket->behind;

    websocket->behind = is_behind(websocket);
    websocket->progress = green__http_progress_of(websocket->stream->fd);
    return was_behind && websocket->progress != before;
}

/* Sends a ping if it is time. Returns when to look again. */
static green_time look_at_silence(struct green_websocket *websocket,
                                  green_time now)
{
    const struct green_websocket_options *options = &websocket->options;
    green_time due = later(websocket->heard, options->ping_interval);

    if (!websocket->input.waiting) {
        websocket->pinged = 0;
        return later(now, options->ping_interval);
    }
    if (websocket->pinged) {
        due = later(websocket->pinged, options->ping_timeout);
        if (now < due)
            return due;
        if (is_slow(websocket))
            websocket->pinged = now;
        else
            expire(websocket);
        return later(now, options->ping_timeout);
    }
    if (now < due)
        return due;
    websocket->pinged = now;
    is_slow(websocket);
    websocket->output.ping_is_due = true;
    start_helper(websocket);
    return later(now, options->ping_timeout);
}

static void on_timer(struct green_timer *timer)
{
    struct green_websocket *websocket = timer->arg;
    green_time now = green_now(), next;

    if (!websocket->close_by) {
        next = look_at_silence(websocket, now);
    } else if (now < websocket->close_by) {
        next = websocket->close_by;
    } else {
        expire(websocket);
        return;
    }
    green_hub_schedule(websocket->hub, timer, next);
}

int green__websocket_timer_begin(struct green_websocket *websocket)
{
    green_time interval = websocket->options.ping_interval;

    websocket->hub = green_get_hub();
    websocket->timer.callback = on_timer;
    websocket->timer.arg = websocket;
    return green_hub_schedule(websocket->hub, &websocket->timer,
                              later(green_now(), interval));
}

void green__websocket_timer_end(struct green_websocket *websocket)
{
    green_hub_cancel(websocket->hub, &websocket->timer);
}

/* ---- Close frames ---------------------------------------------------------------------- */

/* Codes that may be in a frame: those that are registered, and the program's. */
static bool is_code(int code)
{
    return (code >= 1000 && code <= 1003) || (code >= 1007 && code <= 1014) ||
           (code >= 3000 && code <= 4999);
}

static void limit_close(struct green_websocket *websocket)
{
    websocket->close_by = later(green_now(), websocket->options.close_timeout);
    green_hub_schedule(websocket->hub, &websocket->timer, websocket->close_by);
}

static int write_close(struct green_websocket *websocket, int code,
                       const char *reason)
{
    char bytes[GREEN__WEBSOCKET_CONTROL] = {(char)(code >> 8), (char)code};
    size_t size = code == 0 ? 0 : 2 + strlen(reason);

    memcpy(bytes + 2, reason, strlen(reason));
    if (green__websocket_flush_control(websocket) < 0 ||
        green__websocket_frame(websocket, GREEN__WEBSOCKET_CLOSE, true, false,
                               bytes, size) < 0)
        return -1;
    websocket->output.closed = true;
    return 0;
}

int green__websocket_send_close(struct green_websocket *websocket, int code,
                                const char *reason)
{
    struct green__websocket_output *output = &websocket->output;
    int result;

    if (output->closing)
        return 0;
    output->closing = true; /* those who wait to send, fail */
    limit_close(websocket);
    result = green_lock_acquire(&output->frame);
    if (result == 0) {
        result = write_close(websocket, code, reason);
        green_lock_release(&output->frame);
    }
    return result;
}

/* Takes the frame apart. Returns whether it is valid. */
static bool parse_close(struct green_websocket *websocket)
{
    const uint8_t *bytes = websocket->input.control;
    size_t size = websocket->input.control_size;

    websocket->code = GREEN__WEBSOCKET_NO_CODE;
    if (size == 0)
        return true;
    if (size == 1 || !is_code(bytes[0] << 8 | bytes[1]))
        return false;
    websocket->code = bytes[0] << 8 | bytes[1];
    memcpy(websocket->reason, bytes + 2, size - 2);
    websocket->reason[size - 2] = '\0';
    return true;
}

static bool is_text(const char *bytes, size_t size)
{
    struct green__utf8 utf8 = {0};

    return green__utf8_check(&utf8, bytes, size) && green__utf8_is_whole(&utf8);
}

int green__websocket_on_close(struct green_websocket *websocket)
{
    size_t size = websocket->input.control_size;

    if (!parse_close(websocket))
        return green__websocket_fail(websocket, GREEN__WEBSOCKET_PROTOCOL_ERROR,
                                     EPROTO);
    if (size > 2 && !is_text(websocket->reason, size - 2)) {
        websocket->reason[0] = '\0';
        return green__websocket_fail(websocket, GREEN__WEBSOCKET_INVALID,
                                     EILSEQ);
    }
    green__websocket_send_close(websocket, size > 0 ? websocket->code : 0, "");
    websocket->result = 0;
    return 0;
}

static bool may_close_with(int code, const char *reason)
{
    size_t size = strlen(reason);

    if (code == 0)
        return size == 0;
    return is_code(code) && size <= GREEN__WEBSOCKET_CONTROL - 2 &&
           is_text(reason, size);
}

int green_websocket_close(struct green_websocket *websocket, int code,
                          const char *reason)
{
    int result;

    if (!websocket || !may_close_with(code, reason ? reason : ""))
        return refuse(EINVAL);
    green__websocket_enter(websocket);
    result = green__websocket_send_close(websocket, code, reason ? reason : "");
    green__websocket_leave(websocket);
    return result;
}

int green_websocket_close_code(const struct green_websocket *websocket)
{
    return websocket->code;
}

const char *
green_websocket_close_reason(const struct green_websocket *websocket)
{
    return websocket->reason;
}
