/*
 * A report of rows, as JSON for programs or as lines for people and for those who
 * have no JSON at hand. A row is an object of the array by its kind's name, or a line
 * "kind<tab>key=value<tab>..."; a control character in a value becomes a '?'.
 */
#ifndef GREEN_DEBUG_REPORT_H
#define GREEN_DEBUG_REPORT_H

#include <stdbool.h>
#include <stdint.h>

#include "base/text.h"

struct green__report {
    struct green__text *out;
    bool json;
    const char *kind; /* of the rows that are being reported */
    bool more;        /* not the first row of its kind */
    bool inside;      /* not the first value of its row */
};

void green__report_begin(struct green__report *report, struct green__text *out,
                         bool json);
void green__report_end(struct green__report *report);

/* The rows that follow are of this kind. */
void green__report_kind(struct green__report *report, const char *kind);
void green__report_row(struct green__report *report);
void green__report_row_end(struct green__report *report);

void green__report_number(struct green__report *report, const char *key,
                          uint64_t value);
/* In six digits or so. */
void green__report_real(struct green__report *report, const char *key,
                        double value);
/* NULL: null, or nothing. */
void green__report_string(struct green__report *report, const char *key,
                          const char *value);
void green__report_flag(struct green__report *report, const char *key,
                        bool value);

#endif
