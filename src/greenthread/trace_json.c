#include "greenthread/trace_json.h"

#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/code.h"
#include "base/environment.h"
#include "base/system.h"

/* ---- Text ------------------------------------------------------------ */

/* A look-up takes microseconds, and thousands of events have the same few. */
#define CODE_NAMES 256

struct code_name {
    const void *code;
    char text[120];
};

struct writer {
    int fd, error;
    int process;
    bool first; /* no event is written yet */
    size_t used;
    char text[32768];
    /* of the OS thread whose events are written */
    int os_thread;
    struct known *table;
    size_t mask;
    uint64_t flows;
    struct code_name codes[CODE_NAMES]; /* by address */
};

/* More than any one piece of text. */
#define PIECE 512

static void flush(struct writer *w)
{
    size_t written = 0;

    while (written < w->used && !w->error) {
        ssize_t n =
            green__system.write(w->fd, w->text + written, w->used - written);

        if (n >= 0)
            written += (size_t)n;
        else if (errno != EINTR)
            w->error = errno;
    }
    w->used = 0;
}

__attribute__((format(printf, 2, 3))) static void put(struct writer *w,
                                                      const char *format, ...)
{
    va_list arguments;

    if (w->used > sizeof w->text - PIECE)
        flush(w);
    va_start(arguments, format);
    w->used += (size_t)vsnprintf(w->text + w->used, PIECE, format, arguments);
    va_end(arguments);
}

/* How many bytes the character has; 0 if that is no UTF-8. */
static size_t utf8_length(const unsigned char *at)
{
    size_t length = at[0] < 0x80                    ? 1
                    : at[0] >= 0xc2 && at[0] < 0xe0 ? 2
                    : at[0] >= 0xe0 && at[0] < 0xf0 ? 3
                    : at[0] >= 0xf0 && at[0] < 0xf5 ? 4
                                                    : 0;

    for (size_t i = 1; i < length; i++)
        if ((at[i] & 0xc0) != 0x80)
            return 0;
    if (at[0] == 0xe0 && at[1] < 0xa0)
        return 0; /* longer than need be */
    if (at[0] == 0xed && at[1] > 0x9f)
        return 0; /* half of a UTF-16 pair */
    if (at[0] == 0xf0 && at[1] < 0x90)
        return 0;
    return at[0] == 0xf4 && at[1] > 0x8f ? 0 : length;
}

/* What needs no other form. Returns how long it is. */
static size_t put_plain(struct writer *w, const char *text)
{
    size_t length = 0;

    while (length < PIECE / 2 && text[length] >= ' ' && text[length] < 0x7f &&
           text[length] != '"' && text[length] != '\\')
        length++;
    if (w->used > sizeof w->text - PIECE)
        flush(w);
    memcpy(w->text + w->used, text, length);
    w->used += length;
    return length;
}

static void put_string(struct writer *w, const char *text)
{
    const unsigned char *at = (const unsigned char *)text;

    put(w, "\"");
    at += put_plain(w, text);
    while (*at) {
        size_t length = utf8_length(at);

        if (*at == '"' || *at == '\\')
            put(w, "\\%c", *at);
        else if (*at < ' ' || *at == 0x7f)
            put(w, "\\u%04x", *at);
        else if (length)
            put(w, "%.*s", (int)length, (const char *)at);
        else
            put(w, "\\ufffd");
        at += length ? length : 1;
    }
    put(w, "\"");
}

/* Microseconds, as the format has them. */
static void put_time(struct writer *w, const char *key, green_time time)
{
    put(w, ",\"%s\":%" PRId64 ".%03d", key, time / 1000, (int)(time % 1000));
}

static void describe_code(const void *code, char *text, size_t size)
{
    struct green__code found;
    const char *slash;

    if (!code || !green__code_find(code, &found)) {
        snprintf(text, size, "%p", code);
    } else if (found.symbol && found.symbol_at == code) {
        snprintf(text, size, "%s", found.symbol);
    } else {
        slash = strrchr(found.file, '/');
        snprintf(text, size, "%s+0x%zx", slash ? slash + 1 : found.file,
                 (size_t)((const char *)code - found.file_at));
    }
}

static void put_code(struct writer *w, const void *code)
{
    struct code_name *name =
        &w->codes[((uintptr_t)code * 0x9e3779b97f4a7c15u >> 32) % CODE_NAMES];

    if (name->code != code || !name->text[0]) {
        name->code = code;
        describe_code(code, name->text, sizeof name->text);
    }
    put_string(w, name->text);
}

/* ---- What is known of greenthreads ----------------------------------- */

/* By the greenthread's address, which another one has later. */
struct known {
    const void *thread; /* NULL: free */
    const char *name;   /* in an event; NULL: none */
    const void *code;
    uint64_t flow; /* the wake-up after which it has not run yet; 0: none */
};

static struct known *known_of(struct writer *w, const void *thread)
{
    size_t at = ((uintptr_t)thread >> 7) * 0x9e3779b97f4a7c15u >> 20;

    for (;; at++) {
        struct known *known = &w->table[at & w->mask];

        if (known->thread == thread)
            return known;
        if (!known->thread) {
            known->thread = thread;
            return known;
        }
    }
}

static bool make_table(struct writer *w, size_t events)
{
    size_t room = 64;

    while (room < 2 * events)
        room *= 2;
    w->table = green__system.allocate(room, sizeof *w->table);
    w->mask = room - 1;
    return w->table;
}

static void put_name(struct writer *w, const struct known *known)
{
    if (known->name)
        put_string(w, known->name);
    else
        put_code(w, known->code);
}

/* ---- Events ---------------------------------------------------------- */

/* Up to the name, which the caller puts. */
static void begin_event(struct writer *w, const char *phase)
{
    put(w, "%s\n{\"ph\":\"%s\",\"pid\":%d,\"tid\":%d,\"name\":",
        w->first ? "" : ",", phase, w->process, w->os_thread);
    w->first = false;
}

/* A nanosecond shorter: viewers add floating-point numbers, and would take what
 * begins at the end of another interval for a part of that. */
static void put_interval(struct writer *w, green_time begin, green_time end)
{
    put_time(w, "ts", begin);
    put_time(w, "dur", end > begin ? end - begin - 1 : 0);
}

static void put_thread(struct writer *w, const void *thread)
{
    put(w, "\"greenthread\":\"0x%" PRIxPTR "\"", (uintptr_t)thread);
}

/* The arrow from who woke it to its next run. */
static void put_flow(struct writer *w, const char *phase, uint64_t flow,
                     green_time time)
{
    begin_event(w, phase);
    put(w, "\"wake\",\"cat\":\"wake\",\"id\":%" PRIu64, flow);
    put_time(w, "ts", time);
    put(w, "%s}", phase[0] == 'f' ? ",\"bp\":\"e\"" : "");
}

static void put_run(struct writer *w, struct known *known, green_time begin,
                    green_time end)
{
    begin_event(w, "X");
    put_name(w, known);
    put(w, ",\"cat\":\"greenthread\"");
    put_interval(w, begin, end);
    put(w, ",\"args\":{");
    put_thread(w, known->thread);
    if (known->code) {
        put(w, ",\"function\":");
        put_code(w, known->code);
    }
}

static void write_hub(struct writer *w, green_time begin, green_time end)
{
    begin_event(w, "X");
    put(w, "\"hub\",\"cat\":\"hub\"");
    put_interval(w, begin, end);
    put(w, "}");
}

static void write_run(struct writer *w, const struct green__trace_event *event)
{
    struct known *known;

    if (!event->thread) {
        write_hub(w, event->begin, event->end);
        return;
    }
    known = known_of(w, event->thread);
    known->code = event->code;
    put_run(w, known, event->begin, event->end);
    put(w, ",\"then\":");
    put_string(w, event->what);
    if (event->number >= 0)
        put(w, ",\"descriptor\":%" PRId64, event->number);
    put(w, "}}");
    if (known->flow)
        put_flow(w, "f", known->flow, event->begin);
    known->flow = 0;
    if (strcmp(event->what, "end") == 0)
        known->name = NULL;
}

static void write_instant(struct writer *w,
                          const struct green__trace_event *event,
                          const char *name)
{
    struct known *known = known_of(w, event->thread);

    known->code = event->code;
    begin_event(w, "i");
    put(w, "\"%s\",\"cat\":\"greenthread\",\"s\":\"t\"", name);
    put_time(w, "ts", event->begin);
    put(w, ",\"args\":{");
    put_thread(w, event->thread);
    put(w, ",\"whom\":");
    put_name(w, known);
    put(w, "}}");
    known->flow = ++w->flows;
    put_flow(w, "s", known->flow, event->begin);
}

static void write_call(struct writer *w, const struct green__trace_event *event)
{
    begin_event(w, "X");
    put(w, "\"%s\",\"cat\":\"call\"", event->what);
    put_interval(w, event->begin, event->end);
    put(w, ",\"args\":{\"descriptor\":%" PRId64 ",\"%s\":%" PRId64 "}}",
        event->number, event->result < 0 ? "errno" : "result",
        event->result < 0 ? -event->result : event->result);
}

static void write_wait(struct writer *w, const struct green__trace_event *event)
{
    begin_event(w, "X");
    put(w, "\"wait\",\"cat\":\"hub\"");
    put_interval(w, event->begin, event->end);
    put(w, "}");
}

static void write_timer(struct writer *w,
                        const struct green__trace_event *event)
{
    begin_event(w, "i");
    put(w, "\"timer\",\"cat\":\"hub\",\"s\":\"t\"");
    put_time(w, "ts", event->begin);
    put(w, ",\"args\":{\"callback\":");
    put_code(w, event->code);
    put(w, "}}");
}

static void write_event(struct writer *w,
                        const struct green__trace_event *event)
{
    switch ((enum green__trace_kind)event->kind) {
    case GREEN__TRACE_RUN:
        write_run(w, event);
        break;
    case GREEN__TRACE_NAME:
        known_of(w, event->thread)->name = event->name;
        break;
    case GREEN__TRACE_SPAWN:
        known_of(w, event->thread)->name = NULL;
        write_instant(w, event, "spawn");
        break;
    case GREEN__TRACE_WAKE:
        write_instant(w, event, "wake");
        break;
    case GREEN__TRACE_WAIT:
        write_wait(w, event);
        break;
    case GREEN__TRACE_CALL:
        write_call(w, event);
        break;
    case GREEN__TRACE_TIMER:
        write_timer(w, event);
        break;
    }
}

/* ---- OS threads ------------------------------------------------------ */

static void write_title(struct writer *w, const char *kind, const char *title)
{
    begin_event(w, "M");
    put(w, "\"%s\",\"args\":{\"name\":", kind);
    put_string(w, title);
    put(w, "}}");
}

/* What runs now began before the trace ended. */
static void write_last(struct writer *w, const struct green__trace_copy *copy,
                       green_time now)
{
    struct known *known;

    if (!copy->since || copy->since > now)
        return;
    if (!copy->thread) {
        write_hub(w, copy->since, now);
        return;
    }
    known = known_of(w, copy->thread);
    known->code = copy->code;
    put_run(w, known, copy->since, now);
    put(w, ",\"then\":\"it still runs\"}}");
    if (known->flow)
        put_flow(w, "f", known->flow, copy->since);
}

static void write_os_thread(struct writer *w,
                            const struct green__trace_copy *copy,
                            green_time now)
{
    w->os_thread = copy->os_thread;
    if (!make_table(w, copy->count + 1)) {
        w->error = ENOMEM;
        return;
    }
    write_title(w, "thread_name", copy->name);
    for (size_t i = 0; i < copy->count && !w->error; i++)
        write_event(w, &copy->events[i]);
    write_last(w, copy, now);
    green__system.release(w->table);
}

static void write_all(struct writer *w, const struct green__trace_copy *copies,
                      green_time now)
{
    uint64_t dropped = 0;

    put(w, "{\"displayTimeUnit\":\"ns\",\"traceEvents\":[");
    w->os_thread = w->process;
    write_title(w, "process_name", green__program_name());
    for (; copies && !w->error; copies = copies->next) {
        write_os_thread(w, copies, now);
        dropped += copies->dropped;
    }
    put(w,
        "\n],\"otherData\":{\"version\":\"greenhub %s\",\"dropped_events\":"
        "%" PRIu64 "}}\n",
        green_version(), dropped);
    flush(w);
}

int green__trace_write(int fd, const struct green__trace_copy *copies)
{
    green_time now = green__clock();
    struct writer *w = green__system.allocate(1, sizeof *w);
    int error;

    if (!w)
        return ENOMEM;
    w->fd = fd;
    w->process = getpid();
    w->first = true;
    write_all(w, copies, now);
    error = w->error;
    green__system.release(w);
    return error;
}
