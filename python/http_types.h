/* For the module: adds the types of http.h to it, where llhttp is. */
#ifndef GREENHUB_PYTHON_HTTP_TYPES_H
#define GREENHUB_PYTHON_HTTP_TYPES_H

#include "compat.h"

/* Returns 0, or -1 with an exception set. */
int http_types(PyObject *module);

#endif
