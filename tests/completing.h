/*
 * A stranger's hub that carries out operations: the hub under test, and beside it
 * plain system calls that are tried at each wait. So what the library does with
 * operations is tested on every hub. Where the hub under test carries them out
 * itself (uring), it is used as it is.
 */
#ifndef TESTS_COMPLETING_H
#define TESTS_COMPLETING_H

#include "support.h"

/* Puts this thread on a hub that carries out operations; whether the hub under
 * test does so by itself. */
bool use_completing_hub(void);

#endif
