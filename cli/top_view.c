/* What greenhub top shows, as lines. */
#include "top.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SLOW 0.1 /* seconds */

/* ---- Lines -------------------------------------------------------------- */

static void add(struct cli_view *view, enum cli_style style, const char *format,
                ...) __attribute__((format(printf, 3, 4)));

static void add(struct cli_view *view, enum cli_style style, const char *format,
                ...)
{
    struct cli_line *line;
    va_list args;

    if (view->line_count == view->line_room) {
        size_t room = view->line_room ? view->line_room * 2 : 64;
        void *lines = realloc(view->lines, room * sizeof *view->lines);

        if (!lines)
            return;
        view->lines = lines;
        view->line_room = room;
    }
    line = &view->lines[view->line_count++];
    line->style = style;
    va_start(args, format);
    vsnprintf(line->text, sizeof line->text, format, args);
    va_end(args);
}

/* ---- Numbers ------------------------------------------------------------ */

struct number {
    char text[24];
};

static struct number duration(double seconds)
{
    struct number number;

    if (seconds < 0 || seconds == 0)
        snprintf(number.text, sizeof number.text, "-");
    else if (seconds < 1e-3)
        snprintf(number.text, sizeof number.text, "%.1fus", seconds * 1e6);
    else if (seconds < 1)
        snprintf(number.text, sizeof number.text, "%.1fms", seconds * 1e3);
    else if (seconds < 600)
        snprintf(number.text, sizeof number.text, "%.1fs", seconds);
    else
        snprintf(number.text, sizeof number.text, "%.1fh", seconds / 3600);
    return number;
}

static struct number mebibytes(double bytes)
{
    struct number number;

    snprintf(number.text, sizeof number.text, "%.1f MiB", bytes / 1048576);
    return number;
}

/* ---- The parts ---------------------------------------------------------- */

static bool is(const struct cli_row *row, const char *kind)
{
    return strcmp(row->kind, kind) == 0;
}

static void add_title(struct cli_view *view)
{
    const struct cli_row *row = &view->rows[0];

    if (view->row_count == 0 || !is(row, "process"))
        return;
    add(view, CLI_TITLE,
        "process %s: %s OS threads, %s greenthreads, %s resident; the last %s",
        cli_row_value(row, "pid"), cli_row_value(row, "os_threads"),
        cli_row_value(row, "greenthreads"),
        mebibytes(cli_row_number(row, "resident")).text,
        duration(cli_row_number(row, "interval")).text);
}

static void add_thread(struct cli_view *view, const struct cli_row *row)
{
    const char *running = cli_row_value(row, "running");
    double slowest = cli_row_number(row, "slowest");

    if (strcmp(cli_row_value(row, "answers"), "true") != 0) {
        add(view, CLI_WARNING, "%7s  does not answer",
            cli_row_value(row, "id"));
        return;
    }
    add(view, slowest >= SLOW ? CLI_WARNING : CLI_PLAIN,
        "%7s %-8s %6s %8.0f %8.0f %9.0f %5.1f %6s %8s %8s %8s %6s  %s",
        cli_row_value(row, "id"), cli_row_value(row, "hub"),
        cli_row_value(row, "greenthreads"), cli_row_number(row, "iterations"),
        cli_row_number(row, "events"), cli_row_number(row, "switches"),
        100 * cli_row_number(row, "waiting"), cli_row_value(row, "queue"),
        duration(cli_row_number(row, "delay_median")).text,
        duration(cli_row_number(row, "delay_99")).text, duration(slowest).text,
        cli_row_value(row, "timers"), *running ? running : "-");
}

static void add_threads(struct cli_view *view)
{
    size_t i;

    add(view, CLI_HEAD, "%7s %-8s %6s %8s %8s %9s %5s %6s %8s %8s %8s %6s  %s",
        "THREAD", "HUB", "GREEN", "ITER/s", "EVENT/s", "SWITCH/s", "WAIT%",
        "QUEUE", "DELAY", "DELAY99", "SLOWEST", "TIMERS", "RUNS");
    for (i = 0; i < view->row_count; i++)
        if (is(&view->rows[i], "threads"))
            add_thread(view, &view->rows[i]);
}

static void add_stacks(struct cli_view *view)
{
    double stacks = 0, idle = 0, bytes = 0;
    size_t i;

    for (i = 0; i < view->row_count; i++) {
        stacks += cli_row_number(&view->rows[i], "stacks");
        idle += cli_row_number(&view->rows[i], "idle_stacks");
        bytes += cli_row_number(&view->rows[i], "stack_bytes");
    }
    add(view, CLI_PLAIN, "stacks: %.0f, %.0f of them idle, %s of address space",
        stacks, idle, mebibytes(bytes).text);
}

static void add_pools(struct cli_view *view)
{
    size_t i;

    for (i = 0; i < view->row_count; i++) {
        const struct cli_row *row = &view->rows[i];

        if (is(row, "pools") && (cli_row_number(row, "os_threads") > 0 ||
                                 cli_row_number(row, "queued") > 0))
            add(view,
                cli_row_number(row, "queued") > 0 ? CLI_WARNING : CLI_PLAIN,
                "pool %s: %s of %s OS threads, %s running, %s queued",
                cli_row_value(row, "name"), cli_row_value(row, "os_threads"),
                cli_row_value(row, "size"), cli_row_value(row, "running"),
                cli_row_value(row, "queued"));
    }
}

static void add_servers(struct cli_view *view)
{
    size_t i;

    for (i = 0; i < view->row_count; i++) {
        const struct cli_row *row = &view->rows[i];

        if (is(row, "servers"))
            add(view,
                strcmp(cli_row_value(row, "state"), "accepts") ? CLI_WARNING
                                                               : CLI_PLAIN,
                "server %s: %s, %s accepted, %s active, paused %s times",
                cli_row_value(row, "address"), cli_row_value(row, "state"),
                cli_row_value(row, "accepted"), cli_row_value(row, "active"),
                cli_row_value(row, "pauses"));
    }
}

/* ---- Groups ------------------------------------------------------------- */

static int by_count(const void *a, const void *b)
{
    double first = cli_row_number(*(const struct cli_row *const *)a, "count");
    double second = cli_row_number(*(const struct cli_row *const *)b, "count");

    return (first < second) - (first > second);
}

static int by_time(const void *a, const void *b)
{
    double first = cli_row_number(*(const struct cli_row *const *)a, "longest");
    double second =
        cli_row_number(*(const struct cli_row *const *)b, "longest");

    return (first < second) - (first > second);
}

static int by_name(const void *a, const void *b)
{
    return strcmp(cli_row_value(*(const struct cli_row *const *)a, "name"),
                  cli_row_value(*(const struct cli_row *const *)b, "name"));
}

static const struct {
    const char *name;
    int (*compare)(const void *a, const void *b);
} sorts[CLI_SORTS] = {
    {"number", by_count},
    {"time", by_time},
    {"name", by_name},
};

static void describe(const struct cli_row *row, char *text, size_t size)
{
    const char *name = cli_row_value(row, "name");
    const char *wait = cli_row_value(row, "wait");

    snprintf(text, size, "%7s  %-20s %-11s %-20s %8s %7s  %s",
             cli_row_value(row, "count"), *name ? name : "-",
             cli_row_value(row, "state"), *wait ? wait : "-",
             duration(cli_row_number(row, "longest")).text,
             cli_row_value(row, "os_thread"), cli_row_value(row, "spawned_at"));
}

static size_t choose_groups(const struct cli_view *view,
                            const struct cli_row **groups)
{
    char text[400];
    size_t i, count = 0;

    for (i = 0; i < view->row_count; i++) {
        if (!is(&view->rows[i], "groups"))
            continue;
        describe(&view->rows[i], text, sizeof text);
        if (strcasestr(text, view->filter))
            groups[count++] = &view->rows[i];
    }
    qsort(groups, count, sizeof *groups, sorts[view->sort].compare);
    return count;
}

static void add_groups(struct cli_view *view)
{
    const struct cli_row **groups = calloc(view->row_count + 1, sizeof *groups);
    char text[400];
    size_t i;

    if (!groups)
        return;
    view->shown = choose_groups(view, groups);
    if (view->chosen >= view->shown)
        view->chosen = view->shown ? view->shown - 1 : 0;
    add(view, CLI_HEAD, "%7s  %-20s %-11s %-20s %8s %7s  %s", "NUMBER", "NAME",
        "STATE", "WAITS FOR", "SINCE", "THREAD", "SPAWNED AT");
    view->oldest[0] = '\0';
    for (i = 0; i < view->shown; i++) {
        describe(groups[i], text, sizeof text);
        if (i == view->chosen) {
            view->chosen_line = view->line_count;
            snprintf(view->oldest, sizeof view->oldest, "%s",
                     cli_row_value(groups[i], "oldest"));
        }
        add(view, i == view->chosen ? CLI_CHOSEN : CLI_PLAIN, "%s", text);
    }
    free(groups);
}

/* ---- The whole ---------------------------------------------------------- */

bool cli_view_take(struct cli_view *view, struct cli_answer *answer)
{
    size_t count = 0;
    struct cli_row *rows = cli_rows(answer, &count);

    if (!rows)
        return false;
    free(view->rows);
    cli_answer_free(&view->answer);
    view->answer = *answer;
    view->rows = rows;
    view->row_count = count;
    memset(answer, 0, sizeof *answer);
    return true;
}

void cli_view_compose(struct cli_view *view)
{
    view->line_count = 0;
    view->chosen_line = 0;
    add_title(view);
    add_stacks(view);
    add_pools(view);
    add_servers(view);
    add(view, CLI_PLAIN, "%s", "");
    add_threads(view);
    add(view, CLI_DIM, "%s%s%s%s", "", view->filter[0] ? "only " : "",
        view->filter, "");
    add_groups(view);
}

void cli_view_compose_text(struct cli_view *view, const char *title, char *text)
{
    char *state = NULL, *line;

    view->line_count = 0;
    view->chosen_line = 0;
    add(view, CLI_TITLE, "%s", title);
    for (line = strtok_r(text, "\n", &state); line;
         line = strtok_r(NULL, "\n", &state))
        add(view, CLI_PLAIN, "%s", line);
}

void cli_view_free(struct cli_view *view)
{
    cli_answer_free(&view->answer);
    free(view->rows);
    free(view->lines);
    memset(view, 0, sizeof *view);
}
