/*
 * The response: start_response and write, as PEP 3333 has them, and the
 * iteration over what the application returns. The head is made when
 * start_response is called, and sent together with the first of the body.
 *
 * Beyond eventlet.wsgi: fields with a CR, LF or NUL in them are refused, and
 * nothing follows the head of an answer to HEAD, or with the status 204 or 304.
 */
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <time.h>

#include "http.h"

int http_append(struct http_connection *connection, const char *text,
                size_t size)
{
    size_t room = connection->out_room ? connection->out_room : 512;
    char *out;

    while (room - connection->out_size < size)
        room *= 2;
    if (room != connection->out_room) {
        out = PyMem_Realloc(connection->out, room);
        if (!out) {
            PyErr_NoMemory();
            return -1;
        }
        connection->out = out;
        connection->out_room = room;
    }
    memcpy(connection->out + connection->out_size, text, size);
    connection->out_size += size;
    return 0;
}

static int append_string(struct http_connection *connection, const char *text)
{
    return http_append(connection, text, strlen(text));
}

/* Appends a value's text in Latin-1; raises ValueError if it has a line's end
 * in it. */
static int append_object(struct http_connection *connection, PyObject *value)
{
    PyObject *text = PyObject_Str(value);
    PyObject *bytes = text ? PyUnicode_AsLatin1String(text) : NULL;
    int status = -1;

    if (bytes) {
        const char *data = PyBytes_AS_STRING(bytes);
        size_t size = (size_t)PyBytes_GET_SIZE(bytes);

        if (memchr(data, '\r', size) || memchr(data, '\n', size) ||
            memchr(data, '\0', size))
            PyErr_Format(PyExc_ValueError,
                         "%R would end its line in the response", text);
        else
            status = http_append(connection, data, size);
    }
    Py_XDECREF(text);
    Py_XDECREF(bytes);
    return status;
}

/* ---- start_response ------------------------------------------------------ */

static char lower(char c)
{
    if (c >= 'A' && c <= 'Z')
        return (char)(c + 32);
    return c;
}

static char upper(char c)
{
    if (c >= 'a' && c <= 'z')
        return (char)(c - 32);
    return c;
}

/* content-TYPE becomes Content-Type. */
static void capitalize(char *name, size_t size)
{
    for (size_t i = 0; i < size; i++)
        if (i == 0 || name[i - 1] == '-')
            name[i] = upper(name[i]);
        else
            name[i] = lower(name[i]);
}

static bool is_name(const char *name, size_t size, const char *of)
{
    return size == strlen(of) && strncasecmp(name, of, size) == 0;
}

/* -1 if it is no number. */
static int64_t to_length(const char *value, size_t size)
{
    int64_t length = 0;

    for (size_t i = 0; i < size && length >= 0; i++)
        length = value[i] >= '0' && value[i] <= '9' && i < 18
                     ? 10 * length + (value[i] - '0')
                     : -1;
    return size > 0 ? length : -1;
}

static void note_length(struct http_connection *connection, int64_t length)
{
    connection->has_length = true;
    connection->promised = length;
}

static void note_field(struct http_connection *connection, const char *name,
                       size_t size, const char *value, size_t value_size)
{
    if (is_name(name, size, "content-length"))
        note_length(connection, to_length(value, value_size));
    else if (is_name(name, size, "date"))
        connection->has_date = true;
    else if (is_name(name, size, "transfer-encoding"))
        connection->has_encoding = true;
    else if (is_name(name, size, "connection") &&
             is_name(value, value_size, "close"))
        connection->has_connection = connection->closes = true;
}

static int append_field(struct http_connection *connection, PyObject *name,
                        PyObject *value)
{
    size_t begin = connection->out_size, size, middle;

    if (append_object(connection, name) < 0)
        return -1;
    size = connection->out_size - begin;
    if (connection->capitalize)
        capitalize(connection->out + begin, size);
    if (append_string(connection, ": ") < 0)
        return -1;
    middle = connection->out_size;
    if (append_object(connection, value) < 0)
        return -1;
    note_field(connection, connection->out + begin, size,
               connection->out + middle, connection->out_size - middle);
    return append_string(connection, "\r\n");
}

static int append_pair(struct http_connection *connection, PyObject *pair)
{
    PyObject *both = PySequence_Fast(pair, "a header is not a pair");
    int status = -1;

    if (!both)
        return -1;
    if (PySequence_Fast_GET_SIZE(both) != 2)
        PyErr_SetString(PyExc_ValueError, "a header is not a pair");
    else
        status = append_field(connection, PySequence_Fast_GET_ITEM(both, 0),
                              PySequence_Fast_GET_ITEM(both, 1));
    Py_DECREF(both);
    return status;
}

static int append_fields(struct http_connection *connection, PyObject *headers)
{
    PyObject *fields = PySequence_Fast(headers, "headers are not a list");
    int status = fields ? 0 : -1;

    for (Py_ssize_t i = 0; status == 0 && i < PySequence_Fast_GET_SIZE(fields);
         i++)
        status = append_pair(connection, PySequence_Fast_GET_ITEM(fields, i));
    Py_XDECREF(fields);
    return status;
}

/* The status is for the log; those without a body are known by it. */
static int set_status(struct http_connection *connection, PyObject *status)
{
    PyObject *words = PyObject_CallMethod(status, "split", NULL);
    PyObject *code = words ? PySequence_GetItem(words, 0) : NULL;
    const char *text = code ? PyUnicode_AsUTF8(code) : NULL;

    Py_XDECREF(words);
    if (!text) {
        Py_XDECREF(code);
        return -1;
    }
    if (!connection->sent)
        connection->bodiless = connection->is_head || *text == '1' ||
                               strcmp(text, "204") == 0 ||
                               strcmp(text, "304") == 0;
    Py_XSETREF(connection->status_code, code);
    return 0;
}

static int start(struct http_connection *connection, PyObject *status,
                 PyObject *headers)
{
    connection->started = false;
    connection->out_size = 0;
    connection->has_length = connection->has_date = false;
    connection->has_encoding = connection->has_connection = false;
    connection->promised = -1;
    if (set_status(connection, status) < 0 ||
        append_object(connection, connection->protocol) < 0 ||
        append_string(connection, " ") < 0 ||
        append_object(connection, status) < 0 ||
        append_string(connection, "\r\n") < 0 ||
        append_fields(connection, headers) < 0)
        return -1;
    connection->started = true;
    return 0;
}

/* Raises the application's exception again. */
static PyObject *raise_again(PyObject *exc_info)
{
    PyObject *type, *value, *traceback;

    if (!PyTuple_Check(exc_info) ||
        !PyArg_ParseTuple(exc_info, "OOO", &type, &value, &traceback))
        return NULL;
    PyErr_Restore(Py_NewRef(type), Py_NewRef(value),
                  traceback == Py_None ? NULL : Py_NewRef(traceback));
    return NULL;
}

PyObject *http_start_response(PyObject *self, PyObject *args,
                              PyObject *keywords)
{
    static char *names[] = {"status", "response_headers", "exc_info", NULL};
    struct http_connection *connection = (struct http_connection *)self;
    PyObject *status, *headers, *exc_info = Py_None;

    if (!PyArg_ParseTupleAndKeywords(args, keywords, "OO|O", names, &status,
                                     &headers, &exc_info))
        return NULL;
    /* Once sent, there is no other head. */
    if (connection->sent ? set_status(connection, status) < 0
                         : start(connection, status, headers) < 0)
        return NULL;
    if (exc_info != Py_None && connection->sent)
        return raise_again(exc_info);
    return Py_NewRef(connection->write);
}

/* ---- The head ------------------------------------------------------------- */

/* Made once a second. */
static int append_date(struct http_connection *connection)
{
    static char line[64];
    static time_t made;
    time_t now = time(NULL);
    struct tm tm;

    if (now != made) {
        static const char *const days[] = {"Sun", "Mon", "Tue", "Wed",
                                           "Thu", "Fri", "Sat"};
        static const char *const months[] = {"Jan", "Feb", "Mar", "Apr",
                                             "May", "Jun", "Jul", "Aug",
                                             "Sep", "Oct", "Nov", "Dec"};

        gmtime_r(&now, &tm);
        snprintf(line, sizeof line,
                 "Date: %s, %02d %s %4d %02d:%02d:%02d GMT\r\n",
                 days[tm.tm_wday], tm.tm_mday, months[tm.tm_mon],
                 tm.tm_year + 1900, tm.tm_hour, tm.tm_min, tm.tm_sec);
        made = now;
    }
    return append_string(connection, line);
}

static int append_keep_alive(struct http_connection *connection)
{
    char line[64];

    if (connection->closes)
        return connection->has_connection
                   ? 0
                   : append_string(connection, "Connection: close\r\n");
    if (!connection->client_keeps_1_0)
        return 0;
    if (append_string(connection, "Connection: keep-alive\r\n") < 0)
        return -1;
    if (!connection->idle_timeout)
        return 0;
    snprintf(line, sizeof line, "Keep-Alive: timeout=%ld\r\n",
             (long)PyFloat_AsDouble(connection->idle_timeout));
    return append_string(connection, line);
}

static int end_head(struct http_connection *connection)
{
    if (!connection->has_date && append_date(connection) < 0)
        return -1;
    if (!connection->keep_alive || !connection->client_keeps)
        connection->closes = true;
    connection->chunks = false;
    if (!connection->has_length && !connection->bodiless) {
        if (connection->minor == 0) {
            connection->closes = true; /* the client reads to the end */
        } else if (!connection->has_encoding) {
            connection->chunks = true;
            if (append_string(connection, "Transfer-Encoding: chunked\r\n") < 0)
                return -1;
        }
    }
    if (append_keep_alive(connection) < 0)
        return -1;
    return append_string(connection, "\r\n");
}

/* ---- Writing ---------------------------------------------------------------- */

/* What is sent at once. */
struct message {
    struct iovec parts[5];
    int count;
    char line[32]; /* with the size of a chunk */
};

static void add_part(struct message *message, const char *data, size_t size)
{
    message->parts[message->count++] = (struct iovec){(char *)data, size};
}

static int add_head(struct http_connection *connection, struct message *message)
{
    if (!connection->started) {
        PyErr_SetString(PyExc_AssertionError,
                        "write() before start_response()");
        return -1;
    }
    if (connection->sent)
        return 0;
    connection->sent = true;
    if (end_head(connection) < 0)
        return -1;
    add_part(message, connection->out, connection->out_size);
    return 0;
}

/* Sends a part of the body, behind the head if that was not sent; and the last
 * chunk if the body ends with it. */
static int write_bytes(struct http_connection *connection, const char *data,
                       size_t size, bool last)
{
    struct message message = {.count = 0};
    bool chunk;

    if (add_head(connection, &message) < 0)
        return -1;
    connection->given += (int64_t)size;
    chunk = connection->chunks && size > 0;
    if (chunk) {
        int length =
            snprintf(message.line, sizeof message.line, "%zx\r\n", size);

        add_part(&message, message.line, (size_t)length);
    }
    if (!connection->bodiless && size > 0)
        add_part(&message, data, size);
    if (chunk)
        add_part(&message, "\r\n", 2);
    if (connection->chunks && last)
        add_part(&message, "0\r\n\r\n", 5);
    for (int i = 0; i < message.count; i++)
        connection->written += (int64_t)message.parts[i].iov_len;
    return http_send(connection, message.parts, message.count);
}

/* The bytes of what an application yields; a new reference. */
static PyObject *to_bytes(PyObject *data)
{
    if (PyBytes_Check(data))
        return Py_NewRef(data);
    if (PyUnicode_Check(data))
        return PyUnicode_AsASCIIString(data);
    return PyBytes_FromObject(data);
}

PyObject *http_write(PyObject *self, PyObject *data)
{
    PyObject *bytes = to_bytes(data);
    int status;

    if (!bytes)
        return NULL;
    status =
        write_bytes((struct http_connection *)self, PyBytes_AS_STRING(bytes),
                    (size_t)PyBytes_GET_SIZE(bytes), false);
    Py_DECREF(bytes);
    if (status < 0)
        return NULL;
    Py_RETURN_NONE;
}

/* ---- What the application returns --------------------------------------------- */

/* Parts of the body that were not sent yet, since they are small. */
struct pending {
    PyObject *list; /* more than one; or NULL */
    PyObject *only; /* or one */
    Py_ssize_t size, minimum;
};

static int write_pending(struct http_connection *connection,
                         struct pending *pending, bool last)
{
    PyObject *nothing, *data = Py_XNewRef(pending->only);
    int status = -1;

    if (pending->list) {
        nothing = PyBytes_FromStringAndSize(NULL, 0);
        data = nothing
                   ? PyObject_CallMethod(nothing, "join", "O", pending->list)
                   : NULL;
        Py_XDECREF(nothing);
    }
    pending->size = 0;
    Py_CLEAR(pending->list);
    Py_CLEAR(pending->only);
    if (data)
        status = write_bytes(connection, PyBytes_AS_STRING(data),
                             (size_t)PyBytes_GET_SIZE(data), last);
    Py_XDECREF(data);
    return status;
}

/* Takes over the reference. */
static int append_pending(struct pending *pending, PyObject *data)
{
    int status = 0;

    pending->size += PyBytes_GET_SIZE(data);
    if (!pending->list && !pending->only) {
        pending->only = data;
        return 0;
    }
    if (!pending->list) {
        pending->list = PyList_New(0);
        if (!pending->list || PyList_Append(pending->list, pending->only) < 0)
            status = -1;
        Py_CLEAR(pending->only);
    }
    if (status == 0)
        status = PyList_Append(pending->list, data);
    Py_DECREF(data);
    return status;
}

static int take_item(struct http_connection *connection,
                     struct pending *pending, PyObject *item)
{
    Py_ssize_t length = PyObject_Size(item);
    PyObject *data;

    if (length <= 0)
        return (int)length;
    data = to_bytes(item);
    if (!data || append_pending(pending, data) < 0)
        return -1;
    if (pending->size < pending->minimum)
        return 0;
    return write_pending(connection, pending, false);
}

static int take_items(struct http_connection *connection,
                      struct pending *pending, PyObject *result)
{
    PyObject *iterator = PyObject_GetIter(result), *item;
    int status = iterator ? 0 : -1;

    while (status == 0 && (item = PyIter_Next(iterator)) != NULL) {
        status = take_item(connection, pending, item);
        Py_DECREF(item);
    }
    Py_XDECREF(iterator);
    return PyErr_Occurred() ? -1 : status;
}

/* The sum of the lengths of the parts; -1 with an exception set. */
static Py_ssize_t whole_length(PyObject *result)
{
    PyObject *iterator = PyObject_GetIter(result), *item;
    Py_ssize_t sum = 0;

    while (iterator && (item = PyIter_Next(iterator)) != NULL) {
        Py_ssize_t length = PyObject_Size(item);

        Py_DECREF(item);
        if (length < 0)
            break;
        sum += length;
    }
    Py_XDECREF(iterator);
    return PyErr_Occurred() ? -1 : sum;
}

/* The response is complete: tells its length. */
static int set_length(struct http_connection *connection, PyObject *result)
{
    Py_ssize_t length;
    char line[64];

    /* The client was not asked for the body, and may send it or not. */
    if (connection->body.expects)
        connection->closes = true;
    if (connection->has_length || connection->has_encoding ||
        (connection->bodiless && !connection->is_head))
        return 0;
    length = whole_length(result);
    if (length < 0)
        return -1;
    snprintf(line, sizeof line, "Content-Length: %zd\r\n", length);
    note_length(connection, length);
    return append_string(connection, line);
}

static int has_length(PyObject *result)
{
    return PyList_CheckExact(result) || PyTuple_CheckExact(result) ||
           PyObject_HasAttrString(result, "__len__");
}

/* All that remains to be sent. */
static int finish(struct http_connection *connection, struct pending *pending)
{
    int status = 0;

    if (pending->size > 0)
        status = write_pending(connection, pending, true);
    else if (!connection->sent || connection->chunks)
        status = write_bytes(connection, NULL, 0, true);
    /* The client would take the next response for a part of this one. */
    if (connection->promised >= 0 && !connection->bodiless &&
        connection->given != connection->promised)
        connection->closes = true;
    return status;
}

/* respond(result, minimum, handled): `handled()` tells whether the application
 * has taken the connection over. Returns whether it has. */
PyObject *http_respond(PyObject *self, PyObject *const *arguments,
                       Py_ssize_t count)
{
    struct http_connection *connection = (struct http_connection *)self;
    struct pending pending = {0};
    PyObject *handled = NULL;
    int status = 0;

    if (count != 3) {
        PyErr_SetString(PyExc_TypeError, "respond() takes 3 arguments");
        return NULL;
    }
    pending.minimum = PyLong_AsSsize_t(arguments[1]);
    if (pending.minimum == -1 && PyErr_Occurred())
        return NULL;
    if (connection->started && !connection->sent && has_length(arguments[0]))
        status = set_length(connection, arguments[0]);
    if (status == 0)
        status = take_items(connection, &pending, arguments[0]);
    if (status == 0)
        handled = PyObject_CallNoArgs(arguments[2]);
    if (handled == Py_False)
        status = finish(connection, &pending);
    Py_XDECREF(pending.list);
    Py_XDECREF(pending.only);
    if (status < 0)
        Py_CLEAR(handled);
    return handled;
}

void http_reset(struct http_connection *connection)
{
    connection->started = connection->sent = connection->chunks = false;
    connection->bodiless = connection->closes = false;
    connection->has_length = connection->has_date = false;
    connection->has_connection = connection->has_encoding = false;
    connection->written = connection->given = 0;
    connection->promised = -1;
    connection->out_size = 0;
    Py_CLEAR(connection->continue_headers);
    Py_CLEAR(connection->status_code);
}
