/*
 * An HTTP connection of greenhub.wsgi: what eventlet.wsgi does in Python for
 * each request, in C. greenhub/wsgi.py has the server around it.
 *
 *     http_socket.c      bytes from and to a green socket
 *     http_head.c        the head of a request, by llhttp
 *     http_environ.c     WSGI's environ
 *     http_input.c       wsgi.input
 *     http_response.c    start_response, and what is sent
 *     http_connection.c  the type
 *
 * A connection waits as a green socket does, by trampoline, so it works on any
 * hub of Eventlet.
 */
#ifndef GREENHUB_PYTHON_HTTP_H
#define GREENHUB_PYTHON_HTTP_H

#include <sys/uio.h>

#include "binding.h"
#include "http_types.h"

/* eventlet.wsgi's limits, and http.client's. */
#define HTTP_MAX_LINE 8192
#define HTTP_MAX_FIELDS_SIZE 65536
#define HTTP_MAX_FIELDS 100

/* A part of the head, by its offset from the head's beginning. */
struct http_span {
    uint32_t at, size;
};

struct http_field {
    struct http_span name, value;
};

/* A request's body, as far as it was read. */
struct http_body {
    bool chunked;
    bool expects;     /* the client waits for 100 Continue */
    int64_t length;   /* of Content-Length; -1: none */
    int64_t position; /* bytes given to the application */
    int64_t
        remaining; /* of the chunk; -1: a chunk's size is next; 0: the end */
};

struct http_connection {
    PyObject_HEAD PyObject *socket;
    PyObject *fileno;   /* a bound method; or NULL: not a plain green socket, */
    PyObject *receive;  /* which is read by this function */
    PyObject *send_all; /* and written by this one */
    PyObject *mark_as_closed;
    int fd;
    bool drained; /* the last read took all that there was */
    /* Bytes read: data[start] to data[end - 1] are not used yet. */
    char *data;
    size_t start, end, room;
    /* The head. */
    size_t line_limit;
    size_t line_size, head_size; /* with their ends */
    struct http_span method, target;
    struct http_field fields[HTTP_MAX_FIELDS];
    unsigned field_count;
    unsigned minor; /* HTTP/1.minor */
    bool is_head;   /* the method HEAD */
    PyObject *request_line, *forwarded_for;
    PyObject *idle_timeout; /* seconds between requests, or NULL */
    bool used;              /* there was a request */
    uint64_t requests;      /* begun so far */
    bool idle;              /* nothing of the next one has come */
    struct http_body body;
    PyObject *continue_headers;
    /* The response. */
    PyObject *start_response, *write;
    PyObject *protocol; /* "HTTP/1.1" or "HTTP/1.0" */
    bool keep_alive;    /* the server wants to */
    bool capitalize;
    bool client_keeps, client_keeps_1_0; /* "keep-alive" was said */
    bool started, sent, chunks, bodiless;
    bool has_length, has_date, has_connection, has_encoding;
    bool closes;
    int64_t written;  /* bytes, for the log */
    int64_t promised; /* of Content-Length; -1: none, or no number */
    int64_t given;    /* of the body */
    PyObject *status_code;
    char *out; /* the response's head */
    size_t out_size, out_room;
};

struct http_input {
    PyObject_HEAD struct http_connection *connection;
    uint64_t request; /* that the body belongs to */
};

/* What greenhub/wsgi.py gives: Eventlet's and its own objects. */
struct http_names {
    PyObject *trampoline, *timeout, *io_closed, *chunk_error;
    PyObject *input;       /* the type of wsgi.input */
    bool strict;           /* no Content-Length beside chunks */
    PyObject *keywords[2]; /* of trampoline: reading, writing */
};

extern struct http_names http_names;

/* http_socket.c: -1 with an exception set. */
Py_ssize_t http_receive(struct http_connection *connection, char *to,
                        size_t size);
/* Waits for the next request, without a buffer meanwhile. */
int http_await(struct http_connection *connection); /* 1; 0: the end */
int http_fill(struct http_connection *connection);  /* 1; 0: the end */
int http_send(struct http_connection *connection, struct iovec *parts,
              int count);

/* http_head.c: 1; 0: the end, after the answer to a bad request; -1 with an
 * exception set. */
int http_read_head(struct http_connection *connection);

static inline const char *http_head(const struct http_connection *connection)
{
    return connection->data + connection->start;
}

/* Whether the field has this name, which is in lower case. */
bool http_field_is(const struct http_connection *connection,
                   const struct http_field *field, const char *name);

/* http_environ.c */
PyObject *http_environ(struct http_connection *connection,
                       PyObject *template_environ);
PyObject *http_text(const struct http_connection *connection,
                    struct http_span span);

/* http_input.c */
PyTypeObject *http_input_type(void); /* NULL with an exception set */
PyObject *http_input_new(struct http_connection *connection);

/* http_response.c */
void http_reset(struct http_connection *connection);
PyObject *http_start_response(PyObject *self, PyObject *args,
                              PyObject *keywords);
PyObject *http_write(PyObject *self, PyObject *data);
PyObject *http_respond(PyObject *self, PyObject *const *arguments,
                       Py_ssize_t count);
int http_append(struct http_connection *connection, const char *text,
                size_t size);

#endif
