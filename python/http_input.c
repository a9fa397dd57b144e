/*
 * wsgi.input: the body of a request, in one piece or in chunks. Chunks are read
 * strictly: a size is hexadecimal digits alone, and each line ends by CR LF; so
 * no two servers in a row can disagree on where a request ends.
 */
#include <string.h>

#include "http.h"

#define MAX_CHUNK_LINE 4096
#define PIECE 65536
#define ALL INT64_MAX

static struct http_connection *connection_of(PyObject *input)
{
    return ((struct http_input *)input)->connection;
}

/* ---- Bytes that were read ------------------------------------------------- */

/* How many of the bytes that are there belong to the result. */
static size_t usable(const struct http_connection *connection, int64_t most,
                     bool line)
{
    size_t size = connection->end - connection->start;
    const char *data = connection->data + connection->start, *end;

    if ((uint64_t)most < size)
        size = (size_t)most;
    end = line && size > 0 ? memchr(data, '\n', size) : NULL;
    return end ? (size_t)(end + 1 - data) : size;
}

/* A buffer that becomes a bytes object. */
struct result {
    PyObject *bytes;
    Py_ssize_t size;
};

static char *result_room(struct result *result, size_t more)
{
    Py_ssize_t room = result->bytes ? PyBytes_GET_SIZE(result->bytes) : 0;
    Py_ssize_t needed = result->size + (Py_ssize_t)more;

    if (!result->bytes)
        result->bytes = PyBytes_FromStringAndSize(NULL, needed);
    else if (needed > room)
        _PyBytes_Resize(&result->bytes, needed > 2 * room ? needed : 2 * room);
    return result->bytes ? PyBytes_AS_STRING(result->bytes) + result->size
                         : NULL;
}

static PyObject *result_end(struct result *result, int status)
{
    if (status < 0)
        Py_CLEAR(result->bytes);
    else if (!result->bytes)
        return PyBytes_FromStringAndSize(NULL, 0);
    else if (PyBytes_GET_SIZE(result->bytes) != result->size)
        _PyBytes_Resize(&result->bytes, result->size);
    return result->bytes;
}

static int take(struct http_connection *connection, struct result *result,
                size_t size)
{
    char *to = result_room(result, size);

    if (!to)
        return -1;
    memcpy(to, connection->data + connection->start, size);
    connection->start += size;
    connection->body.position += (int64_t)size;
    result->size += (Py_ssize_t)size;
    return 0;
}

/* Reads into the result itself, for much. Returns 1, 0 at the end, -1. */
static int take_directly(struct http_connection *connection,
                         struct result *result, int64_t most)
{
    size_t room = most < PIECE ? (size_t)most : PIECE;
    char *to = result_room(result, room);
    Py_ssize_t count = to ? http_receive(connection, to, room) : -1;

    if (count <= 0)
        return (int)count;
    connection->body.position += count;
    result->size += count;
    return 1;
}

/*
 * Reads up to `most` bytes, or a line of them. Returns how many are left to
 * read, -1 with an exception set, or -2 at the end of the stream.
 */
static int64_t take_piece(struct http_connection *connection,
                          struct result *result, int64_t most, bool line)
{
    Py_ssize_t before = result->size;
    int filled = 1;

    if (connection->start < connection->end) {
        if (take(connection, result, usable(connection, most, line)) < 0)
            return -1;
    } else if (!line && most >= PIECE / 4) {
        filled = take_directly(connection, result, most);
    } else {
        filled = http_fill(connection);
    }
    if (filled <= 0)
        return filled - 2 * (filled == 0);
    most -= result->size - before;
    if (line && result->size > before &&
        PyBytes_AS_STRING(result->bytes)[result->size - 1] == '\n')
        return 0;
    return most;
}

/* ---- A body in one piece --------------------------------------------------- */

static int read_plain(struct http_connection *connection, struct result *result,
                      int64_t most, bool line)
{
    const struct http_body *body = &connection->body;
    int64_t rest = body->length < 0 ? 0 : body->length - body->position;

    most = most < rest ? most : rest;
    while (most > 0)
        most = take_piece(connection, result, most, line);
    return most == -1 ? -1 : 0; /* less, if the client has gone */
}

/* ---- Chunks ----------------------------------------------------------------- */

static int bad_chunk(const char *why)
{
    PyErr_SetString(http_names.chunk_error, why);
    return -1;
}

/* Returns the size of the next line with its end, at data[start]; -1. */
static Py_ssize_t next_line(struct http_connection *connection)
{
    for (;;) {
        size_t size = connection->end - connection->start;
        const char *line = connection->data + connection->start, *end = NULL;
        int filled;

        if (size > 0)
            end = memchr(line, '\n', size);
        if (end && (end == line || end[-1] != '\r'))
            return bad_chunk("a line of chunked data without CR");
        if (end)
            return end + 1 - line;
        if (size > MAX_CHUNK_LINE)
            return bad_chunk("a line of chunked data is too long");
        filled = http_fill(connection);
        if (filled == 0)
            return bad_chunk("unexpected end of chunked data");
        if (filled < 0)
            return -1;
    }
}

static int digit_of(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

/* Digits, then the end or an extension. Returns -1 if it is no size. */
static int64_t parse_size(const char *line, Py_ssize_t length)
{
    int64_t size = 0;
    Py_ssize_t i = 0;

    for (; i < 15 && i < length && digit_of(line[i]) >= 0; i++)
        size = 16 * size + digit_of(line[i]);
    if (i == 0)
        return -1;
    return line[i] == ';' || i == length - 2 ? size : -1;
}

/* The lines behind the last chunk, an empty one at their end. */
static int skip_trailers(struct http_connection *connection)
{
    Py_ssize_t size, all = 0;

    do {
        size = next_line(connection);
        if (size < 0)
            return -1;
        connection->start += (size_t)size;
        all += size;
    } while (size > 2 && all <= HTTP_MAX_FIELDS_SIZE);
    return size == 2 ? 0 : bad_chunk("the trailers are too large");
}

static int begin_chunk(struct http_connection *connection)
{
    struct http_body *body = &connection->body;
    Py_ssize_t size = next_line(connection);

    if (size < 0)
        return -1;
    body->remaining = parse_size(connection->data + connection->start, size);
    connection->start += (size_t)size;
    if (body->remaining < 0)
        return bad_chunk("invalid size of a chunk");
    return body->remaining == 0 ? skip_trailers(connection) : 0;
}

static int end_chunk(struct http_connection *connection)
{
    Py_ssize_t size = next_line(connection);

    if (size < 0)
        return -1;
    if (size != 2)
        return bad_chunk("a chunk is longer than its size");
    connection->start += 2;
    connection->body.remaining = -1;
    return 0;
}

/* Takes some of a chunk. Returns what is left of `most`, or -1. */
static int64_t read_chunk(struct http_connection *connection,
                          struct result *result, int64_t most, bool line)
{
    struct http_body *body = &connection->body;
    int64_t want = most < body->remaining ? most : body->remaining;
    Py_ssize_t before = result->size;
    int64_t left = take_piece(connection, result, want, line);

    if (left == -2)
        PyErr_SetString(PyExc_OSError,
                        "unexpected end of file while parsing chunked data");
    if (left < 0)
        return -1;
    body->remaining -= result->size - before;
    if (body->remaining == 0 && end_chunk(connection) < 0)
        return -1;
    return left == 0 && want > result->size - before
               ? 0 /* a line */
               : most - (result->size - before);
}

static bool ends_line(const struct result *result)
{
    return result->size > 0 &&
           PyBytes_AS_STRING(result->bytes)[result->size - 1] == '\n';
}

static int read_chunks(struct http_connection *connection,
                       struct result *result, int64_t most, bool line)
{
    while (most > 0 && connection->body.remaining != 0 &&
           !(line && ends_line(result))) {
        if (connection->body.remaining < 0) {
            if (begin_chunk(connection) < 0)
                return -1;
            continue;
        }
        most = read_chunk(connection, result, most, line);
        if (most < 0)
            return -1;
    }
    return 0;
}

/* ---- 100 Continue ------------------------------------------------------------ */

static int append_continue(struct http_connection *connection)
{
    static const char line[] = "HTTP/1.1 100 Continue\r\n";
    PyObject *headers = connection->continue_headers, *text;
    int status = http_append(connection, line, sizeof line - 1);

    for (Py_ssize_t i = 0;
         status == 0 && headers && i < PyList_GET_SIZE(headers); i++) {
        text = PyList_GET_ITEM(headers, i);
        status = http_append(connection, PyBytes_AS_STRING(text),
                             (size_t)PyBytes_GET_SIZE(text));
    }
    return status < 0 ? -1 : http_append(connection, "\r\n", 2);
}

/* Too late once the response has begun. */
static int send_continue(struct http_connection *connection)
{
    size_t before = connection->out_size;
    struct iovec part;
    int status;

    connection->body.expects = false;
    if (connection->sent)
        return 0;
    status = append_continue(connection);
    part =
        (struct iovec){connection->out + before, connection->out_size - before};
    connection->out_size = before;
    if (status == 0)
        status = http_send(connection, &part, 1);
    connection->body.remaining = -1; /* more may follow */
    return status;
}

/* ---- Methods ------------------------------------------------------------------- */

static PyObject *read_body(PyObject *self, int64_t most, bool line)
{
    struct http_connection *connection = connection_of(self);
    struct result result = {0};
    int status = 0;

    /* What follows belongs to another request. */
    if (((struct http_input *)self)->request != connection->requests)
        most = 0;
    else if (connection->body.expects)
        status = send_continue(connection);
    if (status == 0)
        status = connection->body.chunked
                     ? read_chunks(connection, &result, most, line)
                     : read_plain(connection, &result, most, line);
    if (status < 0)
        connection->closes =
            true; /* where the next request begins is unknown */
    return result_end(&result, status);
}

/* None or a negative number: all. */
static int number_argument(PyObject *const *arguments, Py_ssize_t count,
                           int64_t *number)
{
    *number = ALL;
    if (count > 1) {
        PyErr_SetString(PyExc_TypeError, "takes at most one argument");
        return -1;
    }
    if (count == 0 || arguments[0] == Py_None)
        return 0;
    *number = PyLong_AsLongLong(arguments[0]);
    if (*number == -1 && PyErr_Occurred())
        return -1;
    if (*number < 0)
        *number = ALL;
    return 0;
}

static PyObject *read_method(PyObject *self, PyObject *const *arguments,
                             Py_ssize_t count)
{
    int64_t most;

    if (number_argument(arguments, count, &most) < 0)
        return NULL;
    return read_body(self, most, false);
}

static PyObject *readline(PyObject *self, PyObject *const *arguments,
                          Py_ssize_t count)
{
    int64_t most;

    if (number_argument(arguments, count, &most) < 0)
        return NULL;
    return read_body(self, most, true);
}

/* Returns the line's size, 0 at the end, or -1. */
static Py_ssize_t append_line(PyObject *self, PyObject *lines)
{
    PyObject *line = read_body(self, ALL, true);
    Py_ssize_t size = line ? PyBytes_GET_SIZE(line) : -1;

    if (size > 0 && PyList_Append(lines, line) < 0)
        size = -1;
    Py_XDECREF(line);
    return size;
}

static PyObject *readlines(PyObject *self, PyObject *const *arguments,
                           Py_ssize_t count)
{
    PyObject *lines;
    int64_t most;
    Py_ssize_t size = 1;

    if (number_argument(arguments, count, &most) < 0)
        return NULL;
    if (most == 0)
        most = ALL;
    /* As Eventlet's: lines of chunks end at the hint, others behind it. */
    most += most < ALL && !connection_of(self)->body.chunked;
    lines = PyList_New(0);
    for (; lines && size > 0 && most > 0; most -= size)
        if ((size = append_line(self, lines)) < 0)
            Py_CLEAR(lines);
    return lines;
}

static PyObject *iterate(PyObject *self)
{
    PyObject *read = PyObject_GetAttrString(self, "read");
    PyObject *end = PyBytes_FromStringAndSize(NULL, 0), *iterator = NULL;

    if (read && end)
        iterator = PyCallIter_New(read, end);
    Py_XDECREF(read);
    Py_XDECREF(end);
    return iterator;
}

static PyObject *discard(PyObject *self, PyObject *const *arguments,
                         Py_ssize_t count)
{
    Py_ssize_t size = 1;

    (void)arguments;
    (void)count;
    while (size > 0) {
        PyObject *piece = read_body(self, PIECE, false);

        size = piece ? PyBytes_GET_SIZE(piece) : -1;
        Py_XDECREF(piece);
    }
    if (size < 0)
        return NULL;
    Py_RETURN_NONE;
}

static PyObject *get_socket(PyObject *self, PyObject *unused)
{
    (void)unused;
    return Py_NewRef(connection_of(self)->socket);
}

static PyObject *send_hundred(PyObject *self, PyObject *unused)
{
    (void)unused;
    if (send_continue(connection_of(self)) < 0)
        return NULL;
    Py_RETURN_NONE;
}

/* greenhub/wsgi.py has made a list of bytes of them. */
static PyObject *set_hundred_lines(PyObject *self, PyObject *lines)
{
    if (!PyList_Check(lines)) {
        PyErr_SetString(PyExc_TypeError, "not a list");
        return NULL;
    }
    for (Py_ssize_t i = 0; i < PyList_GET_SIZE(lines); i++)
        if (!PyBytes_Check(PyList_GET_ITEM(lines, i))) {
            PyErr_SetString(PyExc_TypeError, "not a list of bytes");
            return NULL;
        }
    Py_XSETREF(connection_of(self)->continue_headers, Py_NewRef(lines));
    Py_RETURN_NONE;
}

/* ---- Attributes ---------------------------------------------------------------- */

static PyObject *get_position(PyObject *self, void *unused)
{
    (void)unused;
    return PyLong_FromLongLong(connection_of(self)->body.position);
}

static PyObject *get_length(PyObject *self, void *unused)
{
    int64_t length = connection_of(self)->body.length;

    (void)unused;
    if (length < 0)
        Py_RETURN_NONE;
    return PyLong_FromLongLong(length);
}

static PyObject *get_chunked(PyObject *self, void *unused)
{
    (void)unused;
    return PyBool_FromLong(connection_of(self)->body.chunked);
}

static PyObject *get_expects(PyObject *self, void *unused)
{
    (void)unused;
    return PyBool_FromLong(connection_of(self)->body.expects);
}

static int traverse(PyObject *self, visitproc visit, void *arg)
{
    Py_VISIT(Py_TYPE(self));
    Py_VISIT(connection_of(self));
    return 0;
}

static void deallocate(PyObject *self)
{
    PyTypeObject *type = Py_TYPE(self);

    PyObject_GC_UnTrack(self);
    Py_XDECREF(connection_of(self));
    type->tp_free(self);
    Py_DECREF(type);
}

#define FAST(function) (PyCFunction)(void (*)(void))(function)

static PyMethodDef methods[] = {
    {"read", FAST(read_method), METH_FASTCALL,
     "read(length=None)\n--\n\n"
     "Returns that many bytes of the body, fewer at its end. Raises OSError\n"
     "if the client breaks off in a chunk, ChunkReadError for what is no\n"
     "chunk."},
    {"readline", FAST(readline), METH_FASTCALL,
     "readline(size=None)\n--\n\nReturns a line, of at most that many bytes."},
    {"readlines", FAST(readlines), METH_FASTCALL,
     "readlines(hint=None)\n--\n\n"
     "Returns a list of lines, which ends when it has that many bytes."},
    {"discard", FAST(discard), METH_FASTCALL,
     "discard(buffer_size=16384)\n--\n\nReads the rest of the body."},
    {"get_socket", get_socket, METH_NOARGS,
     "get_socket()\n--\n\nThe connection's socket."},
    {"send_hundred_continue_response", send_hundred, METH_NOARGS,
     "send_hundred_continue_response()\n--\n\n"
     "Sends 100 Continue, unless the response has begun."},
    {"_set_hundred_continue_lines", set_hundred_lines, METH_O,
     "_set_hundred_continue_lines(lines)\n--\n\n"
     "Sets the fields of the 100 Continue: a list of bytes."},
    {NULL, NULL, 0, NULL},
};

static PyGetSetDef properties[] = {
    {"position", get_position, NULL, "The bytes read of the body.", NULL},
    {"content_length", get_length, NULL, "The body's length, or None.", NULL},
    {"chunked_input", get_chunked, NULL, "Whether it is in chunks.", NULL},
    {"should_send_hundred_continue", get_expects, NULL,
     "Whether the client waits for 100 Continue.", NULL},
    {NULL, NULL, NULL, NULL, NULL},
};

static PyType_Slot slots[] = {
    {Py_tp_doc, "The body of a request."},
    {Py_tp_dealloc, deallocate},
    {Py_tp_traverse, traverse},
    {Py_tp_iter, iterate},
    {Py_tp_methods, methods},
    {Py_tp_getset, properties},
    {0, NULL},
};

static PyType_Spec spec = {
    .name = "greenhub._hub.HttpInput",
    .basicsize = sizeof(struct http_input),
    .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_BASETYPE | Py_TPFLAGS_HAVE_GC,
    .slots = slots,
};

static PyTypeObject *base_type;

PyTypeObject *http_input_type(void)
{
    if (!base_type)
        base_type = (PyTypeObject *)PyType_FromSpec(&spec);
    return base_type;
}

PyObject *http_input_new(struct http_connection *connection)
{
    PyTypeObject *type = (PyTypeObject *)http_names.input;
    struct http_input *input = (struct http_input *)type->tp_alloc(type, 0);

    if (!input)
        return NULL;
    input->connection =
        (struct http_connection *)Py_NewRef((PyObject *)connection);
    input->request = connection->requests;
    return (PyObject *)input;
}
