/* The differences between versions of CPython, from 3.9 on. */
#ifndef GREENHUB_PYTHON_COMPAT_H
#define GREENHUB_PYTHON_COMPAT_H

#define PY_SSIZE_T_CLEAN
#include <Python.h>
#include <structmember.h>

#if PY_VERSION_HEX < 0x03090000
#error "greenhub needs CPython 3.9 or newer"
#endif
#ifdef Py_GIL_DISABLED
#error "greenhub relies on the GIL: build it for a CPython that has it"
#endif

/* Public since 3.13. Returns 1 and a new reference, 0 if there is no such
 * attribute, or -1 with an exception set. */
#if PY_VERSION_HEX >= 0x030D0000
#define find_attribute PyObject_GetOptionalAttr
#else
#define find_attribute _PyObject_LookupAttr
#endif

#if PY_VERSION_HEX >= 0x030D0000
#define weak_get PyWeakref_GetRef
#else
/* Returns 1 and a new reference; or 0 and NULL if the object was freed. */
static inline int weak_get(PyObject *weak, PyObject **object)
{
    PyObject *found = PyWeakref_GetObject(weak); /* borrowed */

    *object = found == Py_None ? NULL : Py_NewRef(found);
    return *object != NULL;
}
#endif

#if PY_VERSION_HEX < 0x030A0000
static inline PyObject *Py_NewRef(PyObject *object)
{
    Py_INCREF(object);
    return object;
}

static inline PyObject *Py_XNewRef(PyObject *object)
{
    Py_XINCREF(object);
    return object;
}
#endif

/* Changes when the type changes; 0 if unknown. */
static inline unsigned type_version(PyTypeObject *type)
{
    return PyType_HasFeature(type, Py_TPFLAGS_VALID_VERSION_TAG)
               ? type->tp_version_tag
               : 0;
}

#if PY_VERSION_HEX >= 0x030A0000
#define GREENHUB_TYPE_FLAGS Py_TPFLAGS_IMMUTABLETYPE
#else
#define GREENHUB_TYPE_FLAGS 0
#endif

#endif
