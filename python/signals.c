/*
 * Signals end a wait. The main thread calls Python's handlers between waits. A
 * signal ends most hubs' waits, but not libevent's, another OS thread may take
 * it, and with every hub it may arrive just before the wait begins. So the main
 * thread's hub has Python write a byte to a pipe for each signal: it sets
 * Python's wake-up descriptor (signal.set_wakeup_fd), unless the program has
 * set one. This changes no signal's disposition.
 *
 * asyncio, among others, sets its own and later none, without a word to us: so
 * signals_look() sets it again. Only the main thread can change it, so it is
 * enough to look when Python code has run.
 *
 * Programs that become daemons close all descriptors, and then open their own
 * under the same numbers. So a forked child at once closes its copy of the pipe
 * and has Python forget the number; and before this file reads from or closes a
 * number, it looks whether that is still the pipe.
 */
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "binding.h"

/* The process has one pipe at most: only the main thread's hub has one. */
static int ends[2] = {-1, -1};
static struct stat identity;
static struct loop *taker; /* whose hub watches it */

/* Programs that close numbers without looking rarely go that far, and those
 * that they open later rarely reach it. */
#define FIRST_NUMBER 512

static bool is_pipe(int fd)
{
    struct stat status;

    return fd >= 0 && fstat(fd, &status) == 0 && S_ISFIFO(status.st_mode) &&
           status.st_ino == identity.st_ino && status.st_dev == identity.st_dev;
}

static void close_end(int *end)
{
    if (is_pipe(*end))
        close(*end);
    *end = -1;
}

/* Leaves the number as it is if there is none so high. */
static void raise_number(int *end)
{
    int raised = fcntl(*end, F_DUPFD_CLOEXEC, FIRST_NUMBER);

    if (raised < 0)
        return;
    close(*end);
    *end = raised;
}

static int make_pipe(void)
{
    if (pipe2(ends, O_CLOEXEC | O_NONBLOCK) < 0)
        return -1;
    raise_number(&ends[0]);
    raise_number(&ends[1]);
    return fstat(ends[0], &identity);
}

/* Calls set_wakeup_fd(fd). Returns the old descriptor, or -2 if this is not the
 * main thread, or fd is one that cannot be set. */
static int exchange(int fd)
{
    PyObject *module = PyImport_ImportModule("signal"), *set = NULL;
    PyObject *arguments = Py_BuildValue("(i)", fd), *result = NULL;
    PyObject *keywords =
        Py_BuildValue("{s:O}", "warn_on_full_buffer", Py_False);
    int old = -2;

    if (module)
        set = PyObject_GetAttrString(module, "set_wakeup_fd");
    if (set && arguments && keywords)
        result = PyObject_Call(set, arguments, keywords);
    if (result)
        old = (int)PyLong_AsLong(result);
    Py_XDECREF(module);
    Py_XDECREF(set);
    Py_XDECREF(arguments);
    Py_XDECREF(keywords);
    Py_XDECREF(result);
    PyErr_Clear();
    return old;
}

static void close_pipe(void)
{
    int old;

    taker = NULL;
    if (ends[1] < 0)
        return;
    old = exchange(-1);
    if (old >= 0 && old != ends[1])
        exchange(old); /* the program has set one meanwhile */
    close_end(&ends[0]);
    close_end(&ends[1]);
}

static void drain(struct green_listener *listener, unsigned events)
{
    struct loop *loop = listener->arg;
    char bytes[64];

    (void)events;
    loop->empty_waits = 0;
    loop->lost = !is_pipe(listener->fd);
    while (!loop->lost &&
           read(listener->fd, bytes, sizeof bytes) == sizeof bytes)
        continue;
}

/* What came while ours was set instead of the program's. */
static void forward(int fd)
{
    char bytes[64];
    ssize_t count = read(ends[0], bytes, sizeof bytes);

    if (count > 0 && write(fd, bytes, (size_t)count) < 0)
        return; /* it is full, so its reader wakes up anyway */
}

/* Returns what was set: ends[1]; -1; or the program's, which stays. */
static int take(void)
{
    int old = exchange(ends[1]);

    if (old < 0 || old == ends[1])
        return old;
    exchange(old);
    forward(old);
    return old;
}

bool signals_look(struct loop *loop)
{
    if (loop != taker)
        return false;
    if (is_pipe(ends[1]))
        return take() == -1;
    loop->lost = true;
    return true;
}

static PyObject *after_fork_in_child(PyObject *module, PyObject *unused)
{
    (void)module;
    (void)unused;
    close_pipe();
    Py_RETURN_NONE;
}

static PyMethodDef in_child = {"after_fork_in_child", after_fork_in_child,
                               METH_NOARGS, NULL};

int signals_import(void)
{
    PyObject *os = PyImport_ImportModule("os"), *result = NULL;
    PyObject *nothing = PyTuple_New(0), *hook = NULL, *keywords = NULL;
    PyObject *function = PyCFunction_New(&in_child, NULL);

    if (os)
        hook = PyObject_GetAttrString(os, "register_at_fork");
    if (function)
        keywords = Py_BuildValue("{s:O}", "after_in_child", function);
    if (hook && nothing && keywords)
        result = PyObject_Call(hook, nothing, keywords);
    Py_XDECREF(os);
    Py_XDECREF(nothing);
    Py_XDECREF(hook);
    Py_XDECREF(keywords);
    Py_XDECREF(function);
    Py_XDECREF(result);
    return result ? 0 : -1;
}

void signals_unwatch(struct loop *loop)
{
    if (loop == taker)
        green_hub_remove(loop->hub, &loop->signal_listener);
}

void signals_close(const struct loop *loop)
{
    if (loop == taker)
        close_pipe();
}

static int watch_pipe(struct loop *loop)
{
    if (make_pipe() < 0)
        return -1;
    loop->signal_listener = (struct green_listener){
        .fd = ends[0],
        .events = GREEN_READ,
        .callback = drain,
        .arg = loop,
    };
    return green_hub_add(loop->hub, &loop->signal_listener);
}

/* Errors are ignored: without the pipe, some signals end a wait late. */
void signals_open(struct loop *loop)
{
    int old = exchange(-1);

    loop->lost = false;
    if (old == -2)
        return;
    if (old >= 0 && old != ends[1])
        exchange(old);
    close_pipe(); /* an earlier hub's */
    taker = loop;
    if (watch_pipe(loop) < 0)
        close_pipe();
    else
        take();
}
