/* The module greenhub._hub. */
#include "binding.h"
#include "http_types.h"
#include "late.h"

struct binding binding;
char late_failure[160];

static int intern(PyObject **place, const char *text)
{
    *place = PyUnicode_InternFromString(text);
    return *place ? 0 : -1;
}

static int intern_all(void)
{
    const struct {
        PyObject **place;
        const char *text;
    } all[] = {
        {&binding.nothing, ""},
        {&binding.read, "read"},
        {&binding.write, "write"},
        {&binding.switch_out, "switch_out"},
        {&binding.called, "called"},
        {&binding.seconds, "seconds"},
        {&binding.run, "run"},
        {&binding.hub_name, "hub_name"},
        {&binding.g_debug, "_g_debug"},
        {&binding.squelch_exception, "squelch_exception"},
        {&binding.squelch_timer_exception, "squelch_timer_exception"},
        {&binding.squelch_generic_exception, "squelch_generic_exception"},
        {&binding.text_plain, "text/plain"},
    };

    for (size_t i = 0; i < sizeof all / sizeof *all; i++)
        if (intern(all[i].place, all[i].text) < 0)
            return -1;
    return 0;
}

static PyObject *hub_names(PyObject *module, PyObject *unused)
{
    PyObject *list = PyList_New(0);

    (void)module;
    (void)unused;
    for (const char *const *name = green_hub_names(); list && *name; name++) {
        PyObject *text = PyUnicode_FromString(*name);

        if (!text || PyList_Append(list, text) < 0)
            Py_CLEAR(list);
        Py_XDECREF(text);
    }
    return list;
}

static PyMethodDef methods[] = {
    {"hub_names", hub_names, METH_NOARGS,
     "hub_names()\n--\n\n"
     "The names of the library's hubs, the default first."},
    {"make_trampoline", trampoline_make, METH_VARARGS,
     "make_trampoline(original, thread_local, timeout_exc)\n--\n\n"
     "eventlet.hubs.trampoline in C; it calls the original for all other\n"
     "cases."},
    {NULL, NULL, 0, NULL},
};

/* Types and strings are made once in a process, even if the module is imported
 * again. */
static int fill(PyObject *module)
{
    PyTypeObject *types[] = {binding.hub, binding.listener,
                             binding.debug_listener, binding.timer,
                             binding.local_timer};

    for (size_t i = 0; i < sizeof types / sizeof *types; i++)
        if (PyModule_AddType(module, types[i]) < 0)
            return -1;
    return http_types(module);
}

static int execute(PyObject *module)
{
    if (PyInterpreterState_Get() != PyInterpreterState_Main()) {
        PyErr_SetString(
            PyExc_ImportError,
            "greenhub works in the main interpreter only: greenlets "
            "and hubs belong to it");
        return -1;
    }
    if (PyModule_AddStringConstant(module, "library_version", green_version()) <
        0)
        return -1;
    if (binding.hub)
        return fill(module);
    if (intern_all() < 0 || greenlets_import() < 0 || signals_import() < 0 ||
        listener_types() < 0 || timer_types() < 0 || hub_type() < 0)
        return -1;
    return fill(module);
}

static PyModuleDef_Slot slots[] = {
    {Py_mod_exec, execute},
#if PY_VERSION_HEX >= 0x030C0000
    {Py_mod_multiple_interpreters, Py_MOD_MULTIPLE_INTERPRETERS_NOT_SUPPORTED},
#endif
    {0, NULL},
};

static struct PyModuleDef definition = {
    PyModuleDef_HEAD_INIT,
    .m_name = "greenhub._hub",
    .m_doc = "greenhub's event loop as a hub for Eventlet, in C.",
    .m_size = 0,
    .m_methods = methods,
    .m_slots = slots,
};

PyMODINIT_FUNC PyInit__hub(void);

PyMODINIT_FUNC PyInit__hub(void)
{
    return PyModuleDef_Init(&definition);
}
