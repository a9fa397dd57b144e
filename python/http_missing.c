/* In place of http_connection.c where the build has not found llhttp. */
#include "http_types.h"

int http_types(PyObject *module)
{
    (void)module;
    return 0;
}
