/*
 * Signals end a wait. Python's handlers are called between waits, by the main
 * thread. Most hubs' waits end by themselves when a signal comes; libevent's goes on,
 * and with any hub a signal may come when the wait has just not begun. So, unless
 * the program has one of its own, the main thread's hub is Python's wake-up
 * descriptor (signal.set_wakeup_fd): to that Python writes a byte for each signal.
 * No signal's disposition is changed.
 */
#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include "binding.h"

/* The end that Python writes to, of the hub that has it; -1 if none has. */
static int writing_end = -1;

static void drain(struct green_listener *listener, unsigned events)
{
    struct loop *loop = listener->arg;
    char bytes[64];

    (void)events;
    loop->vain = 0;
    while (read(listener->fd, bytes, sizeof bytes) == sizeof bytes)
        continue;
}

/* set_wakeup_fd(fd): the old one, or -2 if this is not the main thread. */
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

/* Python's descriptor is this one if it was nobody's, or a former hub's. */
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
            exchange(old); /* the program's own by now */
        writing_end = -1;
    }
    close(loop->signals[0]);
    close(loop->signals[1]);
    loop->signals[0] = loop->signals[1] = -1;
}

/* What cannot be had is done without. */
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
