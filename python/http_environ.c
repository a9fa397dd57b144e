/* WSGI's environ of a request, as eventlet.wsgi makes it. */
#include <ctype.h>
#include <string.h>

#include "http.h"

PyObject *http_text(const struct http_connection *connection,
                    struct http_span span)
{
    return PyUnicode_DecodeLatin1(http_head(connection) + span.at, span.size,
                                  NULL);
}

/* Takes over the value. */
static int set(PyObject *environ, const char *key, PyObject *value)
{
    int status = value ? PyDict_SetItemString(environ, key, value) : -1;

    Py_XDECREF(value);
    return status;
}

/* ---- The request line --------------------------------------------------- */

static int hex_digit(char c)
{
    if (isdigit((unsigned char)c))
        return c - '0';
    c = (char)tolower((unsigned char)c);
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* Whether three characters are a quoted byte; stores that. */
static bool is_quoted(const char *text, size_t size, char *byte)
{
    if (size < 3 || *text != '%' || hex_digit(text[1]) < 0 ||
        hex_digit(text[2]) < 0)
        return false;
    *byte = (char)(16 * hex_digit(text[1]) + hex_digit(text[2]));
    return true;
}

static PyObject *unquote(const char *text, size_t size)
{
    char *result = PyMem_Malloc(size + 1);
    PyObject *string;
    size_t length = 0;

    if (!result)
        return PyErr_NoMemory();
    for (size_t i = 0; i < size; length++) {
        bool quoted = is_quoted(text + i, size - i, &result[length]);

        if (!quoted)
            result[length] = text[i];
        i += quoted ? 3 : 1;
    }
    string = PyUnicode_DecodeLatin1(result, (Py_ssize_t)length, NULL);
    PyMem_Free(result);
    return string;
}

static int set_target(const struct http_connection *connection,
                      PyObject *environ)
{
    struct http_span path = connection->target, query = {0};
    const char *head = http_head(connection), *mark;

    /* As http.server does: no path begins like a URL without scheme. */
    while (path.size > 1 && memcmp(head + path.at, "//", 2) == 0) {
        path.at++;
        path.size--;
    }
    mark = memchr(head + path.at, '?', path.size);
    if (mark) {
        query.at = (uint32_t)(mark + 1 - head);
        query.size = path.at + path.size - query.at;
        path.size = (uint32_t)(mark - head) - path.at;
        if (set(environ, "QUERY_STRING", http_text(connection, query)) < 0)
            return -1;
    }
    if (set(environ, "RAW_PATH_INFO", http_text(connection, path)) < 0)
        return -1;
    return set(environ, "PATH_INFO", unquote(head + path.at, path.size));
}

static int set_request_line(struct http_connection *connection,
                            PyObject *environ)
{
    struct http_span line = {0, (uint32_t)connection->line_size - 2};

    Py_XSETREF(connection->request_line, http_text(connection, line));
    if (!connection->request_line)
        return -1;
    if (set(environ, "REQUEST_METHOD",
            http_text(connection, connection->method)) < 0)
        return -1;
    return set_target(connection, environ);
}

/* ---- Fields ------------------------------------------------------------- */

static char in_key(char c)
{
    if (c == '-')
        return '_';
    return (char)toupper((unsigned char)c);
}

static PyObject *key_of(const struct http_connection *connection,
                        struct http_span name)
{
    const char *from = http_head(connection) + name.at;
    static const char prefix[] = {'H', 'T', 'T', 'P', '_'};
    char *key = PyMem_Malloc(sizeof prefix + name.size);
    PyObject *text;

    if (!key)
        return PyErr_NoMemory();
    for (size_t i = 0; i < sizeof prefix; i++)
        key[i] = prefix[i];
    for (uint32_t i = 0; i < name.size; i++)
        key[sizeof prefix + i] = in_key(from[i]);
    text = PyUnicode_DecodeLatin1(key, (Py_ssize_t)(sizeof prefix + name.size),
                                  NULL);
    PyMem_Free(key);
    return text;
}

/* Further fields of a name follow after a comma. */
static int add_value(PyObject *environ, PyObject *key, PyObject *value)
{
    PyObject *before = PyDict_GetItemWithError(environ, key), *all;
    int status;

    if (!before)
        return PyErr_Occurred() ? -1 : PyDict_SetItem(environ, key, value);
    all = PyUnicode_FromFormat("%S,%S", before, value);
    status = all ? PyDict_SetItem(environ, key, all) : -1;
    Py_XDECREF(all);
    return status;
}

/* Those have no prefix, and the first of each counts. */
static const char *plain_key(const struct http_connection *connection,
                             const struct http_field *field)
{
    switch (field->name.size) {
    case 12:
        if (http_field_is(connection, field, "content-type"))
            return "CONTENT_TYPE";
        return http_field_is(connection, field, "content_type") ? "" : NULL;
    case 14:
        if (http_field_is(connection, field, "content-length"))
            return "CONTENT_LENGTH";
        return http_field_is(connection, field, "content_length") ? "" : NULL;
    default:
        return NULL;
    }
}

static int set_plain(PyObject *environ, const char *key, PyObject *value)
{
    PyObject *name = PyUnicode_InternFromString(key);
    int has = name && *key ? PyDict_Contains(environ, name) : 1;

    if (has == 0)
        has = PyDict_SetItem(environ, name, value);
    Py_XDECREF(name);
    return has < 0 || !name ? -1 : 0;
}

static int set_field(struct http_connection *connection, PyObject *environ,
                     const struct http_field *field, PyObject *value)
{
    const char *plain = plain_key(connection, field);
    PyObject *key;
    int status;

    if (plain)
        return set_plain(environ, plain, value);
    key = key_of(connection, field->name);
    status = key ? add_value(environ, key, value) : -1;
    Py_XDECREF(key);
    if (status == 0 && field->name.size == 15 && !connection->forwarded_for &&
        http_field_is(connection, field, "x-forwarded-for"))
        connection->forwarded_for = Py_NewRef(value);
    return status;
}

static PyObject *set_one(struct http_connection *connection, PyObject *environ,
                         const struct http_field *field)
{
    PyObject *name = http_text(connection, field->name);
    PyObject *value = http_text(connection, field->value), *pair = NULL;

    if (name && value && set_field(connection, environ, field, value) == 0)
        pair = PyTuple_Pack(2, name, value);
    Py_XDECREF(name);
    Py_XDECREF(value);
    return pair;
}

static int set_fields(struct http_connection *connection, PyObject *environ)
{
    PyObject *raw = PyTuple_New(connection->field_count);

    Py_CLEAR(connection->forwarded_for);
    for (unsigned i = 0; raw && i < connection->field_count; i++) {
        PyObject *pair = set_one(connection, environ, &connection->fields[i]);

        if (pair)
            PyTuple_SET_ITEM(raw, i, pair);
        else
            Py_CLEAR(raw);
    }
    return set(environ, "headers_raw", raw);
}

/* ---- The whole ---------------------------------------------------------- */

static int set_all(struct http_connection *connection, PyObject *environ)
{
    PyObject *input;

    if (set_request_line(connection, environ) < 0 ||
        set_fields(connection, environ) < 0 ||
        set_plain(environ, "CONTENT_TYPE", binding.text_plain) < 0)
        return -1;
    input = http_input_new(connection);
    if (set(environ, "wsgi.input", Py_XNewRef(input)) < 0 ||
        set(environ, "eventlet.input", Py_XNewRef(input)) < 0) {
        Py_XDECREF(input);
        return -1;
    }
    Py_DECREF(input);
    return set(environ, "eventlet.posthooks", PyList_New(0));
}

PyObject *http_environ(struct http_connection *connection,
                       PyObject *template_environ)
{
    PyObject *environ = PyDict_Copy(template_environ);

    if (environ && set_all(connection, environ) < 0)
        Py_CLEAR(environ);
    /* The body follows. */
    connection->start += connection->head_size;
    connection->head_size = 0;
    return environ;
}
