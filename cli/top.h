/* The parts of greenhub top: what is shown, and the terminal. */
#ifndef CLI_TOP_H
#define CLI_TOP_H

#include <stdbool.h>
#include <stddef.h>

#include "ask.h"

enum cli_style {
    CLI_PLAIN,
    CLI_TITLE,   /* the first line */
    CLI_HEAD,    /* the names of columns */
    CLI_WARNING, /* something is slow */
    CLI_CHOSEN,  /* the chosen row */
    CLI_DIM,
};

struct cli_line {
    enum cli_style style;
    char text[400];
};

/* ---- What is shown: top_view.c ----------------------------------------- */

#define CLI_SORTS 3

struct cli_view {
    struct cli_answer answer;
    struct cli_row *rows;
    size_t row_count;
    unsigned sort; /* of the groups: by how many, by time, by name */
    char filter[64];
    size_t chosen;   /* the group; the count of shown ones at most */
    size_t shown;    /* groups that the filter lets through */
    char oldest[32]; /* the address of the chosen group's oldest */
    struct cli_line *lines;
    size_t line_count, line_room;
    size_t chosen_line;
};

/* Takes an answer to "top"; false without memory. */
bool cli_view_take(struct cli_view *view, struct cli_answer *answer);

/* Makes the lines. */
void cli_view_compose(struct cli_view *view);

/* Makes lines of a text, such as a backtrace. */
void cli_view_compose_text(struct cli_view *view, const char *title,
                           char *text);

void cli_view_free(struct cli_view *view);

/* ---- The terminal: top_terminal.c -------------------------------------- */

enum cli_key {
    CLI_KEY_NONE = 0, /* characters are themselves */
    CLI_KEY_UP = 256,
    CLI_KEY_DOWN,
    CLI_KEY_PAGE_UP,
    CLI_KEY_PAGE_DOWN,
    CLI_KEY_ESCAPE,
};

/* Whether standard input and output are a terminal that can be used so. */
bool cli_terminal_is_usable(void);

/* Takes the terminal, and gives it back as it was. */
void cli_terminal_begin(void);
void cli_terminal_end(void);

/* A signal has asked the program to end. */
bool cli_terminal_ends(void);

/* Waits for a key, for data of fd (-1: none) or for a change of the size. Returns
 * a key, or CLI_KEY_NONE; *ready says whether fd has data. */
int cli_terminal_wait(int fd, bool *ready);

/* Shows the lines from the first on, `prompt` in the last row. If they do not all
 * fit, the chosen one is visible. */
void cli_terminal_show(const struct cli_line *lines, size_t count,
                       size_t chosen, const char *prompt);

#endif
