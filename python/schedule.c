/*
 * The timers of a hub, kept as Eventlet keeps them: in a heap by time, and new
 * ones in a separate array until the next iteration. So a timer made while
 * timers fire does not fire in the same iteration, which makes sleep(0) fair.
 *
 * A cancelled timer drops its callback but stays in the heap until it is due,
 * or until more than a thousand timers, and half of all, are cancelled.
 * `timers_canceled` counts them exactly as Eventlet's hub does.
 *
 * The library's timers would be O(1), but only the loop's own OS thread may use
 * them, and it may be waiting without the GIL while another thread adds a
 * timer. The GIL protects these timers.
 */
#include "binding.h"

/* From this many timers on, cancelled ones are removed when they are half of
 * all. */
#define TIDY_ABOVE 1000

double schedule_clock(void)
{
    return (double)green_now() / 1e9;
}

/* ---- A heap, and an array ----------------------------------------------- */

static int reserve(struct entries *entries)
{
    size_t room = entries->room ? 2 * entries->room : 64;
    struct entry *items = entries->items;

    if (entries->count < entries->room)
        return 0;
    PyMem_Resize(items, struct entry, room);
    if (!items) {
        PyErr_NoMemory();
        return -1;
    }
    entries->items = items;
    entries->room = room;
    return 0;
}

static bool is_before(const struct entry *a, const struct entry *b)
{
    return a->when < b->when || (a->when == b->when && a->order < b->order);
}

static void sift_up(struct entry *items, size_t at)
{
    struct entry moved = items[at];

    while (at > 0 && is_before(&moved, &items[(at - 1) / 4])) {
        items[at] = items[(at - 1) / 4];
        at = (at - 1) / 4;
    }
    items[at] = moved;
}

static size_t first_child(const struct entries *heap, size_t at)
{
    size_t best = 4 * at + 1, end = best + 4;

    if (end > heap->count)
        end = heap->count;
    for (size_t child = best + 1; child < end; child++)
        if (is_before(&heap->items[child], &heap->items[best]))
            best = child;
    return best;
}

static void sift_down(struct entries *heap, size_t at)
{
    struct entry moved = heap->items[at];

    while (4 * at + 1 < heap->count) {
        size_t child = first_child(heap, at);

        if (!is_before(&heap->items[child], &moved))
            break;
        heap->items[at] = heap->items[child];
        at = child;
    }
    heap->items[at] = moved;
}

static PyObject *pop(struct entries *heap)
{
    PyObject *timer = heap->items[0].timer;

    if (--heap->count > 0) {
        heap->items[0] = heap->items[heap->count];
        sift_down(heap, 0);
    }
    return timer;
}

/* ---- Adding ------------------------------------------------------------- */

int schedule_add(struct hub *hub, PyObject *timer, double when)
{
    struct entries *next = &hub->next;

    if (reserve(next) < 0)
        return -1;
    next->items[next->count++] = (struct entry){
        .when = when,
        .order = hub->orders++,
        .timer = Py_NewRef(timer),
    };
    if (hub->loop->sleeping)
        loop_wake(hub->loop);
    return 0;
}

/* Whether a timer was called or cancelled: 1, 0, or -1 with an exception set.
 * Of a timer of another type, reads the attribute `called`. */
static int is_called(PyObject *timer)
{
    PyObject *called;
    int result;

    if (timer_check(timer))
        return ((struct timer *)timer)->called;
    called = PyObject_GetAttr(timer, binding.called);
    if (!called)
        return -1;
    result = PyObject_IsTrue(called);
    Py_DECREF(called);
    return result;
}

int schedule_prepare(struct hub *hub)
{
    struct entries *next = &hub->next, *heap = &hub->timers;
    size_t i = 0;
    int status = 0;

    for (; i < next->count && status == 0; i++) {
        PyObject *timer = next->items[i].timer;
        int called = is_called(timer);

        if (called < 0 || (!called && reserve(heap) < 0)) {
            status = -1;
        } else if (called) {
            hub->timers_canceled--;
            Py_DECREF(timer);
        } else {
            heap->items[heap->count] = next->items[i];
            sift_up(heap->items, heap->count++);
        }
    }
    if (status < 0) {
        Py_DECREF(next->items[i - 1].timer);
        memmove(next->items, next->items + i,
                (next->count - i) * sizeof *next->items);
    }
    next->count -= i;
    return status;
}

/* ---- Firing ------------------------------------------------------------- */

static int call_stranger(PyObject *timer)
{
    PyObject *result = PyObject_CallNoArgs(timer);

    Py_XDECREF(result);
    return result ? 0 : -1;
}

static int call(PyObject *timer)
{
    if (Py_TYPE(timer) == binding.timer ||
        Py_TYPE(timer) == binding.local_timer)
        return timer_fire((struct timer *)timer);
    return call_stranger(timer);
}

static int fire(struct hub *hub, PyObject *timer)
{
    int status = is_called(timer);

    if (status > 0) {
        hub->timers_canceled--;
        return 0;
    }
    hub->loop->ran = true;
    if (status == 0)
        status = call(timer);
    if (status == 0)
        return 0;
    return debug_squelch_or_raise(hub, binding.squelch_timer_exception, timer);
}

int schedule_fire(struct hub *hub, double when)
{
    struct entries *heap = &hub->timers;
    int status = 0;

    while (status == 0 && heap->count > 0 && heap->items[0].when <= when) {
        PyObject *timer = pop(heap);

        status = fire(hub, timer);
        Py_DECREF(timer);
    }
    return status;
}

/* ---- Cancelled timers
 * ----------------------------------------------------- */

/*
 * Removes cancelled timers. Reading another type's attribute and dropping a
 * reference may run any code, so it first moves the timers to an array of its
 * own. Does nothing if there is no memory.
 */
static int tidy(struct entries *entries)
{
    struct entries old = *entries;
    size_t dropped = 0;
    bool failed = false;

    entries->items = PyMem_New(struct entry, old.room);
    if (!entries->items) {
        *entries = old;
        return 0;
    }
    entries->count = 0;
    for (size_t i = 0; i < old.count; i++) {
        struct entry entry = old.items[i];
        int called = failed ? 0 : is_called(entry.timer);

        failed |= called < 0;
        if (called <= 0 && reserve(entries) == 0)
            entries->items[entries->count++] = entry;
        else
            old.items[dropped++] = entry;
    }
    while (dropped > 0)
        Py_DECREF(old.items[--dropped].timer);
    PyMem_Free(old.items);
    return failed ? -1 : 0;
}

static void make_heap(struct entries *heap)
{
    for (size_t i = heap->count / 4 + 1; i-- > 0;)
        if (i < heap->count)
            sift_down(heap, i);
}

int schedule_canceled(struct hub *hub)
{
    size_t count = hub->timers.count + hub->next.count;
    int status;

    hub->timers_canceled++;
    if (count <= TIDY_ABOVE || count > 2 * (size_t)hub->timers_canceled)
        return 0;
    hub->timers_canceled = 0;
    status = tidy(&hub->timers);
    make_heap(&hub->timers);
    return tidy(&hub->next) < 0 ? -1 : status;
}

static void clear_entries(struct entries *entries)
{
    struct entries old = *entries;

    *entries = (struct entries){0};
    while (old.count > 0)
        Py_DECREF(old.items[--old.count].timer);
    PyMem_Free(old.items);
}

void schedule_clear(struct hub *hub)
{
    clear_entries(&hub->timers);
    clear_entries(&hub->next);
}

int schedule_traverse(struct hub *hub, visitproc visit, void *arg)
{
    for (size_t i = 0; i < hub->timers.count; i++)
        Py_VISIT(hub->timers.items[i].timer);
    for (size_t i = 0; i < hub->next.count; i++)
        Py_VISIT(hub->next.items[i].timer);
    return 0;
}

/* ---- Methods ------------------------------------------------------------ */

/* The clock that was passed to the instance, if any. */
static int now_of(struct hub *hub, double *now)
{
    PyObject *result;

    if (hub_is_plain(hub)) {
        *now = schedule_clock();
        return 0;
    }
    result = PyObject_CallMethod((PyObject *)hub, "clock", NULL);
    if (!result)
        return -1;
    *now = PyFloat_AsDouble(result);
    Py_DECREF(result);
    return *now == -1 && PyErr_Occurred() ? -1 : 0;
}

static int time_after(struct hub *hub, PyObject *seconds, double *when)
{
    double after = PyFloat_AsDouble(seconds), now;

    if ((after == -1 && PyErr_Occurred()) || now_of(hub, &now) < 0)
        return -1;
    if (after != after) {
        PyErr_SetString(PyExc_ValueError, "seconds is not a number");
        return -1;
    }
    *when = now + after;
    return 0;
}

int schedule_own(struct hub *hub, struct timer *timer)
{
    double when;

    if (time_after(hub, timer->seconds, &when) < 0 ||
        schedule_add(hub, (PyObject *)timer, when) < 0)
        return -1;
    Py_XSETREF(timer->hub, (struct hub *)Py_NewRef((PyObject *)hub));
    return 0;
}

static PyObject *add_timer(PyObject *self, PyObject *timer)
{
    struct hub *hub = as_hub(self);
    PyObject *seconds = PyObject_GetAttr(timer, binding.seconds);
    double when;
    int status;

    if (!seconds)
        return NULL;
    status = time_after(hub, seconds, &when);
    Py_DECREF(seconds);
    if (status < 0 || schedule_add(hub, timer, when) < 0)
        return NULL;
    if (timer_check(timer))
        Py_XSETREF(((struct timer *)timer)->hub, (struct hub *)Py_NewRef(self));
    return PyFloat_FromDouble(when);
}

static PyObject *schedule(PyObject *self, PyTypeObject *type,
                          PyObject *const *arguments, Py_ssize_t count,
                          PyObject *names)
{
    struct hub *hub = as_hub(self);
    struct timer *timer = timer_new(type, arguments, count, names);
    PyObject *when = NULL;
    int status;

    if (!timer)
        return NULL;
    if (hub_is_plain(hub)) {
        status = schedule_own(hub, timer);
    } else {
        when = PyObject_CallMethod(self, "add_timer", "O", timer);
        status = when ? 0 : -1;
        Py_XDECREF(when);
    }
    if (status < 0)
        Py_CLEAR(timer);
    return (PyObject *)timer;
}

static PyObject *schedule_call_global(PyObject *self,
                                      PyObject *const *arguments,
                                      Py_ssize_t count, PyObject *names)
{
    return schedule(self, binding.timer, arguments, count, names);
}

static PyObject *schedule_call_local(PyObject *self, PyObject *const *arguments,
                                     Py_ssize_t count, PyObject *names)
{
    return schedule(self, binding.local_timer, arguments, count, names);
}

static PyObject *timer_canceled(PyObject *self, PyObject *timer)
{
    (void)timer;
    if (schedule_canceled(as_hub(self)) < 0)
        return NULL;
    Py_RETURN_NONE;
}

static PyObject *prepare_timers(PyObject *self, PyObject *unused)
{
    (void)unused;
    if (schedule_prepare(as_hub(self)) < 0)
        return NULL;
    Py_RETURN_NONE;
}

static PyObject *fire_timers(PyObject *self, PyObject *when)
{
    double time = PyFloat_AsDouble(when);

    if (time == -1 && PyErr_Occurred())
        return NULL;
    if (schedule_fire(as_hub(self), time) < 0)
        return NULL;
    Py_RETURN_NONE;
}

static PyObject *get_timers_count(PyObject *self, PyObject *unused)
{
    struct hub *hub = as_hub(self);

    (void)unused;
    return PyLong_FromSize_t(hub->timers.count + hub->next.count);
}

static PyObject *sleep_until(PyObject *self, PyObject *unused)
{
    struct hub *hub = as_hub(self);

    (void)unused;
    if (hub->timers.count == 0)
        Py_RETURN_NONE;
    return PyFloat_FromDouble(hub->timers.items[0].when);
}

PyObject *schedule_list(const struct entries *entries)
{
    PyObject *list = PyList_New((Py_ssize_t)entries->count), *pair;

    for (size_t i = 0; list && i < entries->count; i++) {
        pair = Py_BuildValue("dO", entries->items[i].when,
                             entries->items[i].timer);
        if (!pair)
            Py_CLEAR(list);
        else
            PyList_SET_ITEM(list, (Py_ssize_t)i, pair);
    }
    return list;
}

#define FAST(function) (PyCFunction)(void (*)(void))(function)

PyMethodDef schedule_methods[] = {
    {"schedule_call_global", FAST(schedule_call_global),
     METH_FASTCALL | METH_KEYWORDS,
     "schedule_call_global(seconds, cb, *args, **kw)\n--\n\n"
     "Calls cb(*args, **kw) after some seconds, in the hub's greenlet.\n"
     "Returns the Timer. Another OS thread may call it too; the hub then\n"
     "wakes up."},
    {"schedule_call_local", FAST(schedule_call_local),
     METH_FASTCALL | METH_KEYWORDS,
     "schedule_call_local(seconds, cb, *args, **kw)\n--\n\n"
     "The same, but calls nothing if the calling greenlet is dead by then.\n"
     "Returns the LocalTimer."},
    {"add_timer", add_timer, METH_O,
     "add_timer(timer)\n--\n\n"
     "Calls a timer after timer.seconds; any object with the attributes\n"
     "seconds and called will do. Returns the time by clock()."},
    {"timer_canceled", timer_canceled, METH_O,
     "timer_canceled(timer)\n--\n\n"
     "Timers call this when they are cancelled."},
    {"prepare_timers", prepare_timers, METH_NOARGS,
     "prepare_timers()\n--\n\n"
     "Moves the new timers into the heap."},
    {"fire_timers", fire_timers, METH_O,
     "fire_timers(when)\n--\n\n"
     "Calls the timers that are due at this time by clock()."},
    {"get_timers_count", get_timers_count, METH_NOARGS,
     "get_timers_count()\n--\n\n"
     "The number of timers, including cancelled ones that are still kept."},
    {"sleep_until", sleep_until, METH_NOARGS,
     "sleep_until()\n--\n\n"
     "When the first timer is due, by clock(); None if there is none."},
    {NULL, NULL, 0, NULL},
};
