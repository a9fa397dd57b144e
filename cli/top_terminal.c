/*
 * The terminal of greenhub top: the sequences of ECMA-48 that every terminal of
 * today knows, and termios.
 */
#include "top.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <termios.h>
#include <unistd.h>
#include <wchar.h>

/* The other screen, and no cursor. */
#define ENTER "\033[?1049h\033[?25l"
#define LEAVE "\033[?25h\033[?1049l"

static struct {
    struct termios before;
    bool colour;
} terminal;

static volatile sig_atomic_t ends;

static const char *const colours[] = {
    [CLI_PLAIN] = "",         [CLI_TITLE] = "\033[1m",
    [CLI_HEAD] = "\033[7m",   [CLI_WARNING] = "\033[1;31m",
    [CLI_CHOSEN] = "\033[7m", [CLI_DIM] = "\033[2m",
};

/* ---- Begin and end ------------------------------------------------------ */

bool cli_terminal_is_usable(void)
{
    const char *kind = getenv("TERM");

    return isatty(STDIN_FILENO) && isatty(STDOUT_FILENO) && kind &&
           strcmp(kind, "dumb") != 0;
}

static void on_end(int number)
{
    (void)number;
    ends = 1;
}

/* Only wakes the wait. */
static void on_resize(int number)
{
    (void)number;
}

static void catch (int number, void (*handler)(int))
{
    struct sigaction action;

    memset(&action, 0, sizeof action);
    action.sa_handler = handler;
    sigaction(number, &action, NULL);
}

/* Keys come at once; Ctrl-C and Ctrl-Z are keys too. */
void cli_terminal_begin(void)
{
    const char *no_colour = getenv("NO_COLOR");
    struct termios raw;

    terminal.colour = !no_colour || !*no_colour;
    catch (SIGTERM, on_end);
    catch (SIGHUP, on_end);
    catch (SIGWINCH, on_resize);
    if (tcgetattr(STDIN_FILENO, &terminal.before) == 0) {
        raw = terminal.before;
        raw.c_lflag &= ~(tcflag_t)(ICANON | ECHO | ISIG);
        raw.c_cc[VMIN] = 0;
        raw.c_cc[VTIME] = 0;
        tcsetattr(STDIN_FILENO, TCSAFLUSH, &raw);
    }
    fputs(ENTER, stdout);
    fflush(stdout);
}

void cli_terminal_end(void)
{
    fputs(LEAVE, stdout);
    fflush(stdout);
    tcsetattr(STDIN_FILENO, TCSAFLUSH, &terminal.before);
}

bool cli_terminal_ends(void)
{
    return ends;
}

/* ---- Keys --------------------------------------------------------------- */

/* What a terminal sends after Escape. */
static int key_of_sequence(const char *text)
{
    static const struct {
        const char *text;
        int key;
    } sequences[] = {
        {"[A", CLI_KEY_UP},       {"OA", CLI_KEY_UP},
        {"[B", CLI_KEY_DOWN},     {"OB", CLI_KEY_DOWN},
        {"[5~", CLI_KEY_PAGE_UP}, {"[6~", CLI_KEY_PAGE_DOWN},
    };
    size_t i;

    for (i = 0; i < sizeof sequences / sizeof sequences[0]; i++)
        if (strcmp(text, sequences[i].text) == 0)
            return sequences[i].key;
    return *text ? CLI_KEY_NONE : CLI_KEY_ESCAPE;
}

static int read_key(void)
{
    char first, rest[8] = "";
    size_t have = 0;

    if (read(STDIN_FILENO, &first, 1) != 1) {
        ends = 1; /* the terminal is gone */
        return CLI_KEY_NONE;
    }
    if (first != '\033')
        return (unsigned char)first;
    while (have < sizeof rest - 1 && read(STDIN_FILENO, rest + have, 1) == 1) {
        char last = rest[have++];

        if (have > 1 && last >= '@' && last <= '~')
            break;
    }
    rest[have] = '\0';
    return key_of_sequence(rest);
}

int cli_terminal_wait(int fd, bool *ready)
{
    struct pollfd fds[2];
    int count;

    fds[0].fd = STDIN_FILENO;
    fds[0].events = POLLIN;
    fds[1].fd = fd;
    fds[1].events = POLLIN;
    *ready = false;
    count = poll(fds, 2, -1);
    if (count <= 0)
        return CLI_KEY_NONE;
    *ready = fd >= 0 && fds[1].revents != 0;
    return fds[0].revents ? read_key() : CLI_KEY_NONE;
}

/* ---- The screen --------------------------------------------------------- */

static void find_size(size_t *rows, size_t *columns)
{
    struct winsize size;

    *rows = 24;
    *columns = 80;
    if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_row > 0 &&
        size.ws_col > 0) {
        *rows = size.ws_row;
        *columns = size.ws_col;
    }
}

/* As much as fits; what cannot be shown as it is becomes a '?'. Returns the
 * columns. */
static size_t put_text(const char *text, size_t columns)
{
    mbstate_t state;
    size_t used = 0;

    memset(&state, 0, sizeof state);
    while (*text) {
        wchar_t c;
        size_t length = mbrtowc(&c, text, strlen(text), &state);
        int width = length <= strlen(text) ? wcwidth(c) : -1;

        if (width < 0) {
            memset(&state, 0, sizeof state);
            length = 1;
            width = 1;
        }
        if (used + (size_t)width > columns)
            break;
        if (length == 1 && wcwidth((wchar_t)(unsigned char)*text) < 0)
            putchar('?');
        else
            fwrite(text, 1, length, stdout);
        used += (size_t)width;
        text += length;
    }
    return used;
}

static void put_line(const struct cli_line *line, size_t columns)
{
    bool styled = line->style != CLI_PLAIN &&
                  (terminal.colour || line->style != CLI_WARNING);
    bool bar = line->style == CLI_HEAD || line->style == CLI_CHOSEN;
    size_t used;

    if (styled)
        fputs(colours[line->style], stdout);
    used = put_text(line->text, columns);
    if (bar)
        printf("%*s", (int)(columns - used), "");
    if (styled)
        fputs("\033[0m", stdout);
    if (used < columns && !bar)
        fputs("\033[K", stdout);
    fputs("\r\n", stdout);
}

void cli_terminal_show(const struct cli_line *lines, size_t count,
                       size_t chosen, const char *prompt)
{
    size_t rows, columns, first = 0, i;

    find_size(&rows, &columns);
    if (chosen + 2 > rows)
        first = chosen + 2 - rows;
    fputs("\033[H", stdout);
    for (i = first; i < count && i - first + 1 < rows; i++)
        put_line(&lines[i], columns);
    fputs("\033[J", stdout);
    printf("\033[%zu;1H", rows);
    put_text(prompt, columns - 1);
    fputs("\033[K", stdout);
    fflush(stdout);
}
