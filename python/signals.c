/*
 * Signals end a wait. The main thread calls Python's handlers between waits. A
 * signal ends most hubs' waits, but not libevent's, and with every hub a signal
 * may arrive just before the wait begins. So the main thread's hub sets
 * Python's wake-up descriptor (signal.set_wakeup_fd), unless the program has
 * set one: Python writes a byte to it for each signal. This changes no signal's
 * disposition.
 */
#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include "binding.h"

/* The end of the pipe that Python writes to; -1 if no hub has set it. */
static int writing_end = -1;

static void drain(struct green_listener *listener, unsigned events)
{
    struct loop *loop = listener->arg;
    char bytes[64];

    (void)events;
    loop->empty_waits = 0;
    while (read(listener->fd, bytes, sizeof bytes) == sizeof bytes)
        continue;
}

/* Calls set_wakeup_fd(fd). Returns the old descriptor, or -2 if this is not the
 * main thread. */
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

/* Sets Python's wake-up descriptor if none was set, or if an earlier hub set
 * it. */
static bool take(int fd)
{
    int old = exchange(fd);

    if (old == -2)
        return false;
    if (old == -1 || old == writing_end) {
        writing_end = fd;
        return true;
    }
    exchange(old);
    return false;
}

void signals_close(struct loop *loop)
{
    if (loop->signals[1] < 0)
        return;
    if (loop->signals[1] == writing_end) {
        int old = exchange(-1);

        if (old >= 0 && old != writing_end)
            exchange(old); /* the program has set one meanwhile */
        writing_end = -1;
    }
    close(loop->signals[0]);
    close(loop->signals[1]);
    loop->signals[0] = loop->signals[1] = -1;
}

/* Errors are ignored: without the pipe, some signals end a wait late. */
void signals_open(struct loop *loop)
{
    int old[2] = {loop->signals[0], loop->signals[1]};

    loop->signals[0] = loop->signals[1] = -1;
    if (pipe2(loop->signals, O_CLOEXEC | O_NONBLOCK) < 0)
        return;
    loop->signal_listener = (struct green_listener){
        .fd = loop->signals[0],
        .events = GREEN_READ,
        .callback = drain,
        .arg = loop,
    };
    if (!take(loop->signals[1]) ||
        green_hub_add(loop->hub, &loop->signal_listener) < 0)
        signals_close(loop);
    if (old[0] >= 0) {
        close(old[0]);
        close(old[1]);
    }
}
