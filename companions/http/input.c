/* What a connection receives, and the buffers that it lies in. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "http.h"

ssize_t green__http_input(struct green__http_connection *connection,
                          char *bytes, size_t size, green_time limit)
{
    ssize_t n;
    int error;

    green__http_deadline_set(&connection->deadline, GREEN__HTTP_READS, limit);
    n = green_stream_read(connection->stream, bytes, size);
    error = errno;
    connection->ended |= n == 0;
    green__http_deadline_clear(&connection->deadline);
    errno = error;
    /* A layer calls the end that the time limit makes an error. */
    return n < 0 && connection->deadline.expired ? 0 : n;
}

static bool is_within(const struct green__http_connection *connection,
                      const char *bytes, size_t size)
{
    return bytes && connection->at >= bytes && connection->at < bytes + size;
}

static void use_head(struct green__http_connection *connection)
{
    size_t size = (size_t)(connection->end - connection->at);

    memmove(connection->head, connection->at, size);
    connection->at = connection->head;
    connection->end = connection->head + size;
}

/* Keeps the buffer in which something lies that was not used. */
void green__http_input_settle(struct green__http_connection *connection)
{
    struct green_buffer *lent = connection->lent;
    bool some = connection->at < connection->end;

    if (some && is_within(connection, connection->chunk, GREEN__HTTP_BUFFER)) {
        free(connection->head);
        connection->head = connection->chunk;
        connection->head_size = GREEN__HTTP_BUFFER;
        connection->chunk = NULL;
    }
    free(connection->chunk);
    connection->chunk = NULL;
    if (some && lent && is_within(connection, lent->data, lent->size)) {
        free(connection->head);
        connection->head = NULL;
        return;
    }
    green_buffer_return(lent);
    connection->lent = NULL;
    if (some) {
        use_head(connection);
        return;
    }
    free(connection->head);
    connection->head = NULL;
    connection->at = connection->end = NULL;
}
