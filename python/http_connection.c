/* The type of a connection, which greenhub/wsgi.py makes for each client. */
#include <string.h>

#include "http.h"

struct http_names http_names;

#define CONNECTION(object) ((struct http_connection *)(object))

/* ---- Making one ------------------------------------------------------------ */

static PyCFunctionObject *method_object(PyObject *self, PyMethodDef *method)
{
    return (PyCFunctionObject *)PyCFunction_New(method, self);
}

static PyMethodDef start_response_method = {
    "start_response", (PyCFunction)(void (*)(void))http_start_response,
    METH_VARARGS | METH_KEYWORDS,
    "start_response(status, response_headers, exc_info=None)\n--\n\n"
    "PEP 3333's: begins the response, and returns write()."};

static PyMethodDef write_method = {
    "write", http_write, METH_O,
    "write(data)\n--\n\nSends a part of the response's body."};

static int make_methods(struct http_connection *self)
{
    self->start_response =
        (PyObject *)method_object((PyObject *)self, &start_response_method);
    self->write = (PyObject *)method_object((PyObject *)self, &write_method);
    return self->start_response && self->write ? 0 : -1;
}

static int use_number(struct http_connection *self)
{
    PyObject *number;

    self->fileno = PyObject_GetAttrString(self->socket, "fileno");
    number = self->fileno ? PyObject_CallNoArgs(self->fileno) : NULL;
    self->fd = number ? (int)PyLong_AsLong(number) : -1;
    Py_XDECREF(number);
    self->mark_as_closed =
        PyObject_GetAttrString(self->socket, "_mark_as_closed");
    return PyErr_Occurred() ? -1 : 0;
}

/* None for a server without a timeout of its own between requests. */
static int set_idle_timeout(struct http_connection *self, PyObject *idle)
{
    if (idle == Py_None)
        return 0;
    if (!PyFloat_Check(idle)) {
        PyErr_SetString(PyExc_TypeError, "the idle timeout is not a float");
        return -1;
    }
    self->idle_timeout = Py_NewRef(idle);
    return 0;
}

static int set_up(struct http_connection *self, PyObject *args,
                  PyObject *keywords)
{
    static char *names[] = {"socket",     "receive",    "send_all",
                            "line_limit", "protocol",   "keep_alive",
                            "idle",       "capitalize", NULL};
    PyObject *socket, *receive, *send_all, *protocol, *idle;
    int keep_alive, capitalize;
    Py_ssize_t limit;

    if (!PyArg_ParseTupleAndKeywords(args, keywords, "OOOnUpOp", names, &socket,
                                     &receive, &send_all, &limit, &protocol,
                                     &keep_alive, &idle, &capitalize))
        return -1;
    self->socket = Py_NewRef(socket);
    self->protocol = Py_NewRef(protocol);
    self->line_limit = limit > 0 ? (size_t)limit : 0;
    self->keep_alive = keep_alive;
    self->capitalize = capitalize;
    if (set_idle_timeout(self, idle) < 0 || make_methods(self) < 0)
        return -1;
    if (receive == Py_None)
        return use_number(self);
    self->receive = Py_NewRef(receive);
    self->send_all = Py_NewRef(send_all);
    return 0;
}

static PyObject *new_connection(PyTypeObject *type, PyObject *args,
                                PyObject *keywords)
{
    struct http_connection *self = CONNECTION(type->tp_alloc(type, 0));

    if (self && set_up(self, args, keywords) < 0)
        Py_CLEAR(self);
    return (PyObject *)self;
}

/* ---- Methods ----------------------------------------------------------------- */

static PyObject *read_head(PyObject *object, PyObject *unused)
{
    struct http_connection *self = CONNECTION(object);
    int found;

    (void)unused;
    self->requests++;
    http_reset(self);
    found = http_read_head(self);
    return found < 0 ? NULL : PyBool_FromLong(found);
}

static PyObject *environ_method(PyObject *self, PyObject *template_environ)
{
    if (!PyDict_Check(template_environ)) {
        PyErr_SetString(PyExc_TypeError, "the environ is no dict");
        return NULL;
    }
    return http_environ(CONNECTION(self), template_environ);
}

static PyMethodDef methods[] = {
    {"read_head", read_head, METH_NOARGS,
     "read_head()\n--\n\n"
     "Waits for the head of a request. Returns False at the end, or after the\n"
     "answer to a bad request."},
    {"environ", environ_method, METH_O,
     "environ(template)\n--\n\nMakes WSGI's environ of it, from a template."},
    {"respond", (PyCFunction)(void (*)(void))http_respond, METH_FASTCALL,
     "respond(result, minimum, handled)\n--\n\n"
     "Sends what the application has returned, parts of at least `minimum`\n"
     "bytes at once; not the end if handled() is true, which it returns."},
    {NULL, NULL, 0, NULL},
};

#define FIELD(name) offsetof(struct http_connection, name)

static PyMemberDef members[] = {
    {"start_response", T_OBJECT_EX, FIELD(start_response), READONLY,
     "For the application."},
    {"write", T_OBJECT_EX, FIELD(write), READONLY, "What that returns."},
    {"request_line", T_OBJECT, FIELD(request_line), READONLY,
     "The request's first line."},
    {"forwarded_for", T_OBJECT, FIELD(forwarded_for), READONLY,
     "X-Forwarded-For, or None."},
    {"status_code", T_OBJECT, FIELD(status_code), READONLY,
     "The first word of the status, or None."},
    {"written", T_LONGLONG, FIELD(written), READONLY,
     "The bytes of the response."},
    {"sent", T_BOOL, FIELD(sent), READONLY,
     "Whether the response's head was sent."},
    {"closes", T_BOOL, FIELD(closes), 0,
     "Whether the connection is closed after the response."},
    {NULL, 0, 0, 0, NULL},
};

static PyObject *get_rest(PyObject *object, void *unused)
{
    const struct http_body *body = &CONNECTION(object)->body;

    (void)unused;
    return PyBool_FromLong(body->chunked ? body->remaining != 0
                                         : body->position < body->length);
}

static PyGetSetDef properties[] = {
    {"has_rest", get_rest, NULL, "Whether some of the body was not read.",
     NULL},
    {NULL, NULL, NULL, NULL, NULL},
};

/* ---- Memory -------------------------------------------------------------------- */

static int traverse(PyObject *object, visitproc visit, void *arg)
{
    struct http_connection *self = CONNECTION(object);

    Py_VISIT(Py_TYPE(object));
    Py_VISIT(self->socket);
    Py_VISIT(self->fileno);
    Py_VISIT(self->receive);
    Py_VISIT(self->send_all);
    Py_VISIT(self->mark_as_closed);
    Py_VISIT(self->start_response);
    Py_VISIT(self->write);
    return 0;
}

static int clear(PyObject *object)
{
    struct http_connection *self = CONNECTION(object);

    Py_CLEAR(self->socket);
    Py_CLEAR(self->fileno);
    Py_CLEAR(self->receive);
    Py_CLEAR(self->send_all);
    Py_CLEAR(self->mark_as_closed);
    Py_CLEAR(self->start_response);
    Py_CLEAR(self->write);
    Py_CLEAR(self->request_line);
    Py_CLEAR(self->forwarded_for);
    Py_CLEAR(self->idle_timeout);
    Py_CLEAR(self->continue_headers);
    Py_CLEAR(self->protocol);
    Py_CLEAR(self->status_code);
    return 0;
}

static void deallocate(PyObject *object)
{
    PyTypeObject *type = Py_TYPE(object);

    PyObject_GC_UnTrack(object);
    clear(object);
    PyMem_Free(CONNECTION(object)->data);
    PyMem_Free(CONNECTION(object)->out);
    type->tp_free(object);
    Py_DECREF(type);
}

static PyType_Slot slots[] = {
    {Py_tp_doc, "HttpConnection(socket, receive, send_all, line_limit, "
                "protocol, keep_alive, idle, capitalize)\n--\n\n"
                "A client's connection. For receive None it uses the socket's "
                "descriptor."},
    {Py_tp_new, new_connection},
    {Py_tp_dealloc, deallocate},
    {Py_tp_traverse, traverse},
    {Py_tp_clear, clear},
    {Py_tp_methods, methods},
    {Py_tp_members, members},
    {Py_tp_getset, properties},
    {0, NULL},
};

static PyType_Spec spec = {
    .name = "greenhub._hub.HttpConnection",
    .basicsize = sizeof(struct http_connection),
    .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC | GREENHUB_TYPE_FLAGS,
    .slots = slots,
};

/* ---- The module ------------------------------------------------------------------ */

static PyObject *words(const char *direction)
{
    PyObject *tuple = Py_BuildValue("(ssss)", direction, "timeout",
                                    "timeout_exc", "mark_as_closed");

    /* The trampoline in C compares interned names. */
    for (Py_ssize_t i = 0; tuple && i < PyTuple_GET_SIZE(tuple); i++)
        PyUnicode_InternInPlace(&PyTuple_GET_ITEM(tuple, i));
    return tuple;
}

static PyObject *use_names(PyObject *module, PyObject *args)
{
    struct http_names *n = &http_names;
    PyObject *trampoline, *timeout, *io_closed, *chunk_error, *input;
    int strict;

    (void)module;
    if (!PyArg_ParseTuple(args, "OOOOOp", &trampoline, &timeout, &io_closed,
                          &chunk_error, &input, &strict))
        return NULL;
    if (!PyType_Check(input) ||
        !PyType_IsSubtype((PyTypeObject *)input, http_input_type())) {
        PyErr_SetString(PyExc_TypeError, "not a type of HttpInput");
        return NULL;
    }
    n->strict = strict;
    Py_XSETREF(n->trampoline, Py_NewRef(trampoline));
    Py_XSETREF(n->timeout, Py_NewRef(timeout));
    Py_XSETREF(n->io_closed, Py_NewRef(io_closed));
    Py_XSETREF(n->chunk_error, Py_NewRef(chunk_error));
    Py_XSETREF(n->input, Py_NewRef(input));
    if (!n->keywords[READING])
        n->keywords[READING] = words("read");
    if (!n->keywords[WRITING])
        n->keywords[WRITING] = words("write");
    if (!n->keywords[READING] || !n->keywords[WRITING])
        return NULL;
    Py_RETURN_NONE;
}

static PyMethodDef functions[] = {
    {"use_http_names", use_names, METH_VARARGS,
     "use_http_names(trampoline, timeout, io_closed, chunk_error, input,\n"
     "               strict)\n"
     "--\n\nWhat HttpConnection needs of Eventlet and of greenhub.wsgi;\n"
     "whether to refuse a Content-Length beside chunks."},
    {NULL, NULL, 0, NULL},
};

int http_types(PyObject *module)
{
    static PyTypeObject *type;

    if (!type)
        type = (PyTypeObject *)PyType_FromSpec(&spec);
    if (!type || !http_input_type() || PyModule_AddType(module, type) < 0 ||
        PyModule_AddType(module, http_input_type()) < 0)
        return -1;
    return PyModule_AddFunctions(module, functions);
}
