/*
 * A hub module that carries out operations as another program's module might:
 * it wraps the hub under test, and retries plain system calls at each wait. So
 * each hub tests what the library does with operations. If the hub under test
 * carries operations out by itself (uring), it is used unchanged.
 */
#ifndef TESTS_COMPLETING_H
#define TESTS_COMPLETING_H

#include "support.h"

/* Switches this OS thread to a hub that carries out operations. Returns whether
 * the hub under test does so by itself. */
bool use_completing_hub(void);

#endif
