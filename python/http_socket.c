/*
 * Bytes from and to a green socket: system calls where it is Eventlet's own and
 * nothing of it is overridden, else its methods, as for TLS.
 */
#include <errno.h>
#include <limits.h>
#include <string.h>
#include <sys/socket.h>

#include "http.h"

#define PIECE ((size_t)8192) /* the least room for a read */

/* Raises EBADF if the socket was closed: its number may be another's now. */
static int check_open(const struct http_connection *connection)
{
    PyObject *number = PyObject_CallNoArgs(connection->fileno);
    long fd = number ? PyLong_AsLong(number) : -1;

    Py_XDECREF(number);
    if (fd == connection->fd)
        return 0;
    if (PyErr_Occurred())
        return -1;
    errno = EBADF;
    PyErr_SetFromErrno(PyExc_OSError);
    return -1;
}

/* The seconds that a wait may take, None for ever. */
static PyObject *timeout_of(const struct http_connection *connection,
                            enum direction direction)
{
    if (direction == READING && connection->idle && connection->idle_timeout)
        return Py_NewRef(connection->idle_timeout);
    return PyObject_CallMethod(connection->socket, "gettimeout", NULL);
}

static PyObject *timed_out(PyObject *timeout)
{
    if (timeout == Py_None)
        return Py_NewRef(Py_None);
    return PyObject_CallFunction(http_names.timeout, "s", "timed out");
}

/* Returns 1; 0 if the descriptor was closed meanwhile; -1. */
static int wait_for(struct http_connection *connection,
                    enum direction direction)
{
    PyObject *timeout = timeout_of(connection, direction), *result = NULL;
    PyObject *exception = timeout ? timed_out(timeout) : NULL;
    PyObject *arguments[6] = {NULL,      PyLong_FromLong(connection->fd),
                              Py_True,   timeout,
                              exception, connection->mark_as_closed};

    if (exception && arguments[1])
        result = PyObject_Vectorcall(http_names.trampoline, arguments + 1,
                                     1 | PY_VECTORCALL_ARGUMENTS_OFFSET,
                                     http_names.keywords[direction]);
    Py_XDECREF(arguments[1]);
    Py_XDECREF(timeout);
    Py_XDECREF(exception);
    Py_XDECREF(result);
    if (result)
        return 1;
    if (!PyErr_ExceptionMatches(http_names.io_closed))
        return -1;
    PyErr_Clear();
    return 0;
}

/* ---- Reading ------------------------------------------------------------ */

static Py_ssize_t receive_by_method(struct http_connection *connection,
                                    char *to, size_t size)
{
    PyObject *data = PyObject_CallFunction(connection->receive, "n", size);
    char *bytes;
    Py_ssize_t count;

    if (!data)
        return -1;
    if (PyBytes_AsStringAndSize(data, &bytes, &count) < 0 ||
        (size_t)count > size)
        count = -1;
    else
        memcpy(to, bytes, (size_t)count);
    Py_DECREF(data);
    return count;
}

Py_ssize_t http_receive(struct http_connection *connection, char *to,
                        size_t size)
{
    ssize_t count;
    int open = 1;

    if (!connection->fileno)
        return receive_by_method(connection, to, size);
    /* After a read that took all, there is hardly more already. */
    if (connection->drained)
        open = wait_for(connection, READING);
    for (; open > 0; open = wait_for(connection, READING)) {
        if (check_open(connection) < 0)
            return -1;
        count = recv(connection->fd, to, size, MSG_DONTWAIT);
        connection->drained = count >= 0 && (size_t)count < size;
        if (count >= 0)
            return count;
        if (errno == EINTR && PyErr_CheckSignals() < 0)
            return -1;
        if (errno != EAGAIN && errno != EINTR) {
            PyErr_SetFromErrno(PyExc_OSError);
            return -1;
        }
    }
    return open;
}

static int make_room(struct http_connection *connection)
{
    size_t used = connection->end - connection->start, room;
    char *data;

    if (connection->start > 0) {
        memmove(connection->data, connection->data + connection->start, used);
        connection->start = 0;
        connection->end = used;
    }
    if (connection->room - used >= PIECE)
        return 0;
    room = connection->room ? 2 * connection->room : 2 * PIECE;
    data = PyMem_Realloc(connection->data, room);
    if (!data) {
        PyErr_NoMemory();
        return -1;
    }
    connection->data = data;
    connection->room = room;
    return 0;
}

int http_await(struct http_connection *connection)
{
    if (!connection->drained || connection->start < connection->end)
        return 1;
    PyMem_Free(connection->data);
    connection->data = NULL;
    connection->start = connection->end = connection->room = 0;
    connection->drained = false;
    return wait_for(connection, READING);
}

int http_fill(struct http_connection *connection)
{
    Py_ssize_t count;

    if (connection->room - connection->end < PIECE && make_room(connection) < 0)
        return -1;
    count = http_receive(connection, connection->data + connection->end,
                         connection->room - connection->end);
    if (count <= 0)
        return (int)count;
    connection->end += (size_t)count;
    connection->idle = false;
    return 1;
}

/* ---- Writing ------------------------------------------------------------ */

/* Takes away what was sent. Returns how many parts are left. */
static int advance(struct iovec **parts, int count, size_t sent)
{
    while (count > 0 && sent >= (*parts)->iov_len) {
        sent -= (*parts)->iov_len;
        (*parts)++;
        count--;
    }
    if (count > 0) {
        (*parts)->iov_base = (char *)(*parts)->iov_base + sent;
        (*parts)->iov_len -= sent;
    }
    return count;
}

static int send_by_method(const struct http_connection *connection,
                          const struct iovec *parts, int count)
{
    PyObject *all, *result = NULL;
    size_t size = 0;
    char *at;

    for (int i = 0; i < count; i++)
        size += parts[i].iov_len;
    all = PyBytes_FromStringAndSize(NULL, (Py_ssize_t)size);
    if (!all)
        return -1;
    at = PyBytes_AS_STRING(all);
    for (int i = 0; i < count; at += parts[i++].iov_len)
        memcpy(at, parts[i].iov_base, parts[i].iov_len);
    result = PyObject_CallOneArg(connection->send_all, all);
    Py_DECREF(all);
    Py_XDECREF(result);
    return result ? 0 : -1;
}

static int wait_to_send(struct http_connection *connection)
{
    int open;

    if (errno == EINTR)
        return PyErr_CheckSignals();
    if (errno != EAGAIN)
        goto failed;
    open = wait_for(connection, WRITING);
    if (open != 0)
        return open < 0 ? -1 : 0;
    errno = ECONNRESET;

failed:
    PyErr_SetFromErrno(PyExc_OSError);
    return -1;
}

int http_send(struct http_connection *connection, struct iovec *parts,
              int count)
{
    if (!connection->fileno)
        return send_by_method(connection, parts, count);
    while (count > 0) {
        struct msghdr message = {.msg_iov = parts, .msg_iovlen = (size_t)count};
        ssize_t sent;

        if (check_open(connection) < 0)
            return -1;
        sent = sendmsg(connection->fd, &message, MSG_DONTWAIT | MSG_NOSIGNAL);
        if (sent >= 0)
            count = advance(&parts, count, (size_t)sent);
        else if (wait_to_send(connection) < 0)
            return -1;
    }
    return 0;
}
