#include "ask.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define ERROR "error: "

void cli_answer_free(struct cli_answer *answer)
{
    free(answer->text);
    memset(answer, 0, sizeof *answer);
}

bool cli_ask_send(int fd, const char *line)
{
    char text[256];
    int length = snprintf(text, sizeof text, "%s\n", line), sent = 0;

    while (sent < length) {
        ssize_t n =
            send(fd, text + sent, (size_t)(length - sent), MSG_NOSIGNAL);

        if (n < 0 && errno != EINTR)
            return false;
        if (n > 0)
            sent += (int)n;
    }
    return true;
}

static bool make_room(struct cli_answer *answer)
{
    size_t room = answer->room ? answer->room * 2 : 65536;
    char *text;

    if (answer->length + 1 < answer->room)
        return true;
    text = realloc(answer->text, room);
    if (!text)
        return false;
    answer->text = text;
    answer->room = room;
    return true;
}

/* It ends with an empty line, and may be nothing else. */
static void look_for_end(struct cli_answer *answer)
{
    size_t length = answer->length;

    if (length == 0 || answer->text[length - 1] != '\n')
        return;
    if (length > 1 && answer->text[length - 2] != '\n')
        return;
    answer->complete = true;
    answer->length--;
}

bool cli_ask_receive(int fd, struct cli_answer *answer)
{
    ssize_t n;

    if (!make_room(answer)) {
        errno = ENOMEM;
        return false;
    }
    do
        n = recv(fd, answer->text + answer->length,
                 answer->room - answer->length - 1, 0);
    while (n < 0 && errno == EINTR);
    if (n == 0)
        errno = ECONNRESET;
    if (n <= 0)
        return false;
    answer->length += (size_t)n;
    look_for_end(answer);
    answer->text[answer->length] = '\0';
    return true;
}

bool cli_ask(int fd, const char *line, struct cli_answer *answer)
{
    if (!cli_ask_send(fd, line))
        return false;
    while (!answer->complete)
        if (!cli_ask_receive(fd, answer))
            return false;
    return true;
}

const char *cli_answer_error(const struct cli_answer *answer)
{
    if (!answer->text || strncmp(answer->text, ERROR, strlen(ERROR)) != 0)
        return NULL;
    answer->text[strcspn(answer->text, "\n")] = '\0';
    return answer->text + strlen(ERROR);
}

/* ---- Rows ------------------------------------------------------------- */

static void cut_row(struct cli_row *row, char *line)
{
    char *state = NULL, *field;

    memset(row, 0, sizeof *row);
    row->kind = strtok_r(line, "\t", &state);
    if (!row->kind)
        row->kind = "";
    while ((field = strtok_r(NULL, "\t", &state)) != NULL &&
           row->count < CLI_ROW_FIELDS) {
        char *equals = strchr(field, '=');

        if (!equals)
            continue;
        *equals = '\0';
        row->keys[row->count] = field;
        row->values[row->count++] = equals + 1;
    }
}

struct cli_row *cli_rows(struct cli_answer *answer, size_t *count)
{
    size_t lines = 0, found = 0;
    char *state = NULL, *line;
    struct cli_row *rows;

    for (const char *c = answer->text; *c; c++)
        lines += *c == '\n';
    rows = calloc(lines + 1, sizeof *rows);
    if (!rows)
        return NULL;
    for (line = strtok_r(answer->text, "\n", &state); line && found <= lines;
         line = strtok_r(NULL, "\n", &state))
        cut_row(&rows[found++], line);
    *count = found;
    return rows;
}

const char *cli_row_value(const struct cli_row *row, const char *key)
{
    int i;

    for (i = 0; i < row->count; i++)
        if (strcmp(row->keys[i], key) == 0)
            return row->values[i];
    return "";
}

double cli_row_number(const struct cli_row *row, const char *key)
{
    return strtod(cli_row_value(row, key), NULL);
}
