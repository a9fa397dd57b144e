#include "tools/debug_report.h"

#include <inttypes.h>

void green__report_begin(struct green__report *report, struct green__text *out,
                         bool json)
{
    *report = (struct green__report){.out = out, .json = json};
    if (json)
        green__print(out, "{");
}

static void end_kind(const struct green__report *report)
{
    if (report->json && report->kind)
        green__print(report->out, "]");
}

void green__report_end(struct green__report *report)
{
    end_kind(report);
    if (report->json)
        green__print(report->out, "}\n");
}

void green__report_kind(struct green__report *report, const char *kind)
{
    end_kind(report);
    if (report->json)
        green__print(report->out, "%s\"%s\": [", report->kind ? ",\n " : "",
                     kind);
    report->kind = kind;
    report->more = false;
}

void green__report_row(struct green__report *report)
{
    if (report->json)
        green__print(report->out, "%s{", report->more ? ",\n  " : "");
    else
        green__print(report->out, "%s", report->kind);
    report->more = true;
    report->inside = false;
}

void green__report_row_end(struct green__report *report)
{
    green__print(report->out, report->json ? "}" : "\n");
}

static void print_key(struct green__report *report, const char *key)
{
    if (report->json)
        green__print(report->out, "%s\"%s\": ", report->inside ? ", " : "",
                     key);
    else
        green__print(report->out, "\t%s=", key);
    report->inside = true;
}

void green__report_number(struct green__report *report, const char *key,
                          uint64_t value)
{
    print_key(report, key);
    green__print(report->out, "%" PRIu64, value);
}

void green__report_real(struct green__report *report, const char *key,
                        double value)
{
    print_key(report, key);
    green__print(report->out, "%.6g", value);
}

void green__report_flag(struct green__report *report, const char *key,
                        bool value)
{
    print_key(report, key);
    green__print(report->out, value ? "true" : "false");
}

/* A byte above ASCII becomes U+FFFD in JSON: names need not be UTF-8. */
static void print_character(struct green__report *report, unsigned char c)
{
    if (!report->json)
        green__print(report->out, "%c", c < 0x20 || c == 0x7f ? '?' : c);
    else if (c == '"' || c == '\\')
        green__print(report->out, "\\%c", c);
    else if (c < 0x20 || c > 0x7e)
        green__print(report->out, "\\u%04x", c < 0x80 ? c : 0xfffdu);
    else
        green__print(report->out, "%c", c);
}

void green__report_string(struct green__report *report, const char *key,
                          const char *value)
{
    const char *quote = report->json ? "\"" : "";

    print_key(report, key);
    if (!value) {
        green__print(report->out, "%s", report->json ? "null" : "");
        return;
    }
    green__print(report->out, "%s", quote);
    for (; *value; value++)
        print_character(report, (unsigned char)*value);
    green__print(report->out, "%s", quote);
}
