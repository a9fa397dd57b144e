/*
 * A trace as JSON, in the format of Chrome's trace events:
 *
 *     {"traceEvents": [
 *      {"ph": "X", "name": "worker", "ts": 1.234, "dur": 0.5, ...},
 *      ...], "otherData": {...}}
 */
#ifndef GREEN_TRACE_JSON_H
#define GREEN_TRACE_JSON_H

#include "base/trace.h"

/* Writes it. Returns 0, or an errno. The OS thread blocks. */
int green__trace_write(int fd, const struct green__trace_copy *copies);

#endif
