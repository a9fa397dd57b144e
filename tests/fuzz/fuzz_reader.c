/*
 * The line reader, compared with a model that has all of the input in memory.
 *
 * The first byte is the size of the reader's buffer, the second the size of the
 * pieces in which the input arrives; each of the next eight bytes chooses a
 * call; the rest is the input. A greenthread writes the input while the reader
 * waits.
 */
#include <errno.h>
#include <greenhub.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>

#include "fuzz.h"

#define CALLS 8
#define HEAD (2 + CALLS)

struct feed {
    int fd;
    const uint8_t *data;
    size_t size, piece;
};

/* The unread input, and how many bytes the reader's buffer can hold. */
struct model {
    const uint8_t *data;
    size_t size, room;
};

static void *feed_in_pieces(void *arg)
{
    struct feed *feed = arg;

    while (feed->size > 0) {
        size_t n = feed->size < feed->piece ? feed->size : feed->piece;

        if (green_write_all(feed->fd, feed->data, n) < 0)
            break; /* the reader is closed */
        feed->data += n;
        feed->size -= n;
        green_sleep(0);
    }
    must(green_close(feed->fd) == 0);
    return NULL;
}

/* The length of the next line with its newline, if there is a newline. */
static size_t line_of(const struct model *model, bool *newline)
{
    const uint8_t *end =
        model->size ? memchr(model->data, '\n', model->size) : NULL;

    *newline = end != NULL;
    return end ? (size_t)(end - model->data) + 1 : model->size;
}

static void pass(struct model *model, size_t size)
{
    model->data += size;
    model->size -= size;
}

/* Returns whether the call got a line: not at the end of the input, nor if the
 * line does not fit. */
static bool read_line(struct green_reader *reader, struct model *model)
{
    char *line = NULL;
    bool newline;
    size_t size = line_of(model, &newline), length = size - newline, found;
    int result = green_read_line(reader, &line, &found);

    /* Without a newline the buffer needs room for the '\0'. */
    if (size + !newline > model->room) {
        must(result == -1 && errno == EMSGSIZE);
        return false;
    }
    must(result == (size > 0));
    if (result == 0)
        return false;
    must(found == length && memcmp(line, model->data, length) == 0);
    must(line[length] == '\0');
    pass(model, size);
    return true;
}

static void skip_line(struct green_reader *reader, struct model *model)
{
    bool newline;
    size_t length = line_of(model, &newline);

    must(green_reader_skip_line(reader) == newline);
    pass(model, length);
}

static void read_some(struct green_reader *reader, struct model *model,
                      size_t size)
{
    uint8_t buffer[64];
    ssize_t n;

    n = green_reader_read(reader, buffer, size);
    must(n >= 0 && (size_t)n <= size && (size_t)n <= model->size);
    must(n > 0 || size == 0 || model->size == 0);
    must(memcmp(buffer, model->data, (size_t)n) == 0);
    pass(model, (size_t)n);
}

static void call_all(struct green_reader *reader, struct model *model,
                     const uint8_t *calls)
{
    for (size_t i = 0; model->size > 0; i++) {
        uint8_t call = calls[i % CALLS];

        if (call % 4 == 0)
            skip_line(reader, model);
        else if (call % 4 == 1)
            read_some(reader, model, call / 4);
        else if (!read_line(reader, model) && model->size > 0)
            read_some(reader, model, 1 + call / 8);
        if (i > 4096)
            return; /* only reads of 0 bytes */
    }
    must(!read_line(reader, model) && model->size == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct green_reader reader;
    struct model model;
    struct green_thread *feeder;
    struct feed feed;
    int fds[2];
    char *buffer;
    size_t room;

    if (size < HEAD)
        return 0;
    room = 2 + data[0] % 62;
    buffer = malloc(room);
    must(buffer != NULL && green_pipe2(fds, 0) == 0);
    must(green_reader_init(&reader, fds[0], buffer, room) == 0);
    feed = (struct feed){fds[1], data + HEAD, size - HEAD, 1 + data[1] % 64};
    model = (struct model){data + HEAD, size - HEAD, room};
    feeder = green_spawn(feed_in_pieces, &feed);
    must(feeder != NULL);
    call_all(&reader, &model, data + 2);
    must(green_close(fds[0]) == 0);
    must(green_join(feeder, NULL) == 0);
    free(buffer);
    return 0;
}

int LLVMFuzzerInitialize(int *argc, char ***argv);

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
    (void)argc, (void)argv;
    signal(SIGPIPE, SIG_IGN); /* the reader may close early */
    must(green_use_hub("poll") == 0);
    return 0;
}
