/* The client of the door that green_debug_serve opens: finds it, asks, and reads
 * what comes back. */
#ifndef CLI_ASK_H
#define CLI_ASK_H

#include <stdbool.h>
#include <stddef.h>

/* Connects to a process by its number, or to a socket by its path. Returns a
 * descriptor, or -1 after a complaint. */
int cli_ask_connect(const char *target);

/* An answer as it is read. All zero: none. */
struct cli_answer {
    char *text; /* ends with a 0 byte, without the empty line */
    size_t length, room;
    bool complete;
};

void cli_answer_free(struct cli_answer *answer);

/* Sends a line; false, with errno. */
bool cli_ask_send(int fd, const char *line);

/* Reads what there is, and waits if there is nothing. False: the other end has
 * closed the connection, or an error. */
bool cli_ask_receive(int fd, struct cli_answer *answer);

/* Both, until the answer is complete. */
bool cli_ask(int fd, const char *line, struct cli_answer *answer);

/* What an answer says that is an error, else NULL. */
const char *cli_answer_error(const struct cli_answer *answer);

/* ---- Rows ------------------------------------------------------------- */

#define CLI_ROW_FIELDS 32

/* A line "kind<tab>key=value<tab>...". */
struct cli_row {
    const char *kind;
    int count;
    const char *keys[CLI_ROW_FIELDS], *values[CLI_ROW_FIELDS];
};

/* Cuts the answer's text into rows; NULL without memory. */
struct cli_row *cli_rows(struct cli_answer *answer, size_t *count);

/* The value of a key, "" if there is none. */
const char *cli_row_value(const struct cli_row *row, const char *key);
double cli_row_number(const struct cli_row *row, const char *key);

#endif
