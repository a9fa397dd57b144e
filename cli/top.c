/* greenhub top: what the greenthreads of a process do, as it goes on. */
#include "top.h"

#include <errno.h>
#include <getopt.h>
#include <locale.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli.h"

static const char usage[] =
    "usage: greenhub top PID|SOCKET [--interval SECONDS] [--once | --json]\n"
    "\n"
    "Shows what a process does: its OS threads, and its greenthreads in groups "
    "of the\n"
    "same name, place where they were spawned, and kind of wait. The process "
    "has to call\n"
    "green_debug_serve, or to be started with GREENHUB_DEBUG=serve.\n"
    "\n"
    "  --interval SECONDS   what is shown is about so long a time (default 1)\n"
    "  --once               print it once, as plain text\n"
    "  --json               print it once, as JSON\n"
    "\n"
    "Keys: q ends, s sorts by something else, / filters, up and down choose a "
    "group,\n"
    "Enter shows the backtrace of the one in it that has waited longest.\n";

static const char keys[] =
    "q end   s sort   / filter   up, down, Enter: a backtrace";

struct top {
    const char *target;
    double interval;
    bool once, json;
    int fd;
    struct cli_answer answer; /* being read */
    struct cli_view view;
    bool types;     /* the filter is being typed */
    bool backtrace; /* is shown in place of the rest */
    bool ended;
};

/* ---- Asking ------------------------------------------------------------- */

static bool ask(struct top *top)
{
    char line[64];

    snprintf(line, sizeof line, "top %s%.9g", top->json ? "json " : "",
             top->interval);
    return cli_ask_send(top->fd, line);
}

static int complain(const struct top *top)
{
    if (top->answer.complete && cli_answer_error(&top->answer))
        return cli_complain(CLI_FAILED, "%s", cli_answer_error(&top->answer));
    return cli_complain(CLI_FAILED, "%s no longer answers", top->target);
}

static int print_once(struct top *top)
{
    size_t i;

    while (!top->answer.complete)
        if (!cli_ask_receive(top->fd, &top->answer))
            return complain(top);
    if (cli_answer_error(&top->answer))
        return complain(top);
    if (top->json) {
        fwrite(top->answer.text, 1, top->answer.length, stdout);
        return CLI_OK;
    }
    if (!cli_view_take(&top->view, &top->answer))
        return cli_complain(CLI_FAILED, "no memory");
    cli_view_compose(&top->view);
    for (i = 0; i < top->view.line_count; i++)
        printf("%s\n", top->view.lines[i].text);
    return CLI_OK;
}

/* ---- The screen --------------------------------------------------------- */

static void show(struct top *top)
{
    static const char *const sorts[CLI_SORTS] = {"number", "time", "name"};
    char prompt[256];

    if (top->types)
        snprintf(prompt, sizeof prompt, "filter: %s_", top->view.filter);
    else if (top->backtrace)
        snprintf(prompt, sizeof prompt, "any key: back");
    else
        snprintf(prompt, sizeof prompt, "%s   (by %s)", keys,
                 sorts[top->view.sort]);
    cli_terminal_show(top->view.lines, top->view.line_count,
                      top->view.chosen_line, prompt);
}

static void compose(struct top *top)
{
    if (!top->backtrace)
        cli_view_compose(&top->view);
}

/* By a connection of its own: the other one waits for an answer. */
static void show_backtrace(struct top *top)
{
    struct cli_answer answer = {.text = NULL};
    char line[64], title[128];
    int fd;

    if (!top->view.oldest[0])
        return;
    fd = cli_ask_connect(top->target);
    if (fd < 0)
        return;
    snprintf(line, sizeof line, "backtrace %s", top->view.oldest);
    snprintf(title, sizeof title, "greenthread %s", top->view.oldest);
    if (cli_ask(fd, line, &answer)) {
        cli_view_compose_text(&top->view, title, answer.text);
        top->backtrace = true;
    }
    cli_answer_free(&answer);
    close(fd);
}

/* ---- Keys --------------------------------------------------------------- */

static void type(struct top *top, int key)
{
    char *filter = top->view.filter;
    size_t length = strlen(filter);

    if (key == '\r' || key == '\n') {
        top->types = false;
    } else if (key == CLI_KEY_ESCAPE || key == 3) {
        filter[0] = '\0';
        top->types = false;
    } else if ((key == 127 || key == 8) && length > 0) {
        filter[length - 1] = '\0';
    } else if (key >= ' ' && key < 256 && key != 127 &&
               length + 1 < sizeof top->view.filter) {
        filter[length] = (char)key;
        filter[length + 1] = '\0';
    }
}

static void move(struct top *top, long by)
{
    long to = (long)top->view.chosen + by;

    top->view.chosen = to < 0 ? 0 : (size_t)to;
}

static void command(struct top *top, int key)
{
    switch (key) {
    case 'q':
    case 3: /* Ctrl-C */
        top->ended = true;
        break;
    case 's':
        top->view.sort = (top->view.sort + 1) % CLI_SORTS;
        break;
    case '/':
        top->types = true;
        break;
    case CLI_KEY_ESCAPE:
        top->view.filter[0] = '\0';
        break;
    case CLI_KEY_UP:
    case 'k':
        move(top, -1);
        break;
    case CLI_KEY_DOWN:
    case 'j':
        move(top, 1);
        break;
    case CLI_KEY_PAGE_UP:
        move(top, -10);
        break;
    case CLI_KEY_PAGE_DOWN:
        move(top, 10);
        break;
    case '\r':
    case '\n':
        show_backtrace(top);
        break;
    default:
        break;
    }
}

static void press(struct top *top, int key)
{
    if (top->types)
        type(top, key);
    else if (top->backtrace && key != 'q' && key != 3)
        top->backtrace = false;
    else
        command(top, key);
}

/* False: the process has ended. */
static bool receive(struct top *top)
{
    if (!cli_ask_receive(top->fd, &top->answer))
        return false;
    if (!top->answer.complete)
        return true;
    if (cli_answer_error(&top->answer) ||
        !cli_view_take(&top->view, &top->answer))
        return false;
    return ask(top);
}

static int run(struct top *top)
{
    bool answers = true;

    cli_terminal_begin();
    while (answers && !top->ended && !cli_terminal_ends()) {
        bool ready;
        int key;

        compose(top);
        show(top);
        key = cli_terminal_wait(top->fd, &ready);
        if (key != CLI_KEY_NONE)
            press(top, key);
        if (ready)
            answers = receive(top);
    }
    cli_terminal_end();
    return answers ? CLI_OK : complain(top);
}

/* ---- The command -------------------------------------------------------- */

/* Returns -1 to go on, or an exit status. */
static int parse(struct top *top, int argc, char **argv)
{
    static const struct option options[] = {
        {"interval", required_argument, NULL, 'i'},
        {"once", no_argument, NULL, 'o'},
        {"json", no_argument, NULL, 'j'},
        {"help", no_argument, NULL, 'h'},
        {0},
    };
    int option;
    char *end;

    while ((option = getopt_long(argc, argv, "", options, NULL)) != -1) {
        switch (option) {
        case 'i':
            top->interval = strtod(optarg, &end);
            if (*end || !(top->interval >= 0.01 && top->interval <= 3600))
                return cli_complain(CLI_USAGE, "an interval is 0.01 to 3600 "
                                               "seconds");
            break;
        case 'o':
            top->once = true;
            break;
        case 'j':
            top->json = true;
            break;
        case 'h':
            fputs(usage, stdout);
            return CLI_OK;
        default:
            return CLI_USAGE;
        }
    }
    if (argc - optind != 1) {
        fputs(usage, stderr);
        return CLI_USAGE;
    }
    top->target = argv[optind];
    return -1;
}

int cli_top(int argc, char **argv)
{
    struct top top = {.interval = 1, .fd = -1};
    int status = parse(&top, argc, argv);

    if (status >= 0)
        return status;
    setlocale(LC_CTYPE, "");
    if (!top.once && !top.json && !cli_terminal_is_usable())
        return cli_complain(CLI_FAILED,
                            "top needs a terminal; --once prints plain text");
    top.fd = cli_ask_connect(top.target);
    if (top.fd < 0)
        return CLI_FAILED;
    if (!ask(&top))
        status = complain(&top);
    else
        status = top.once || top.json ? print_once(&top) : run(&top);
    cli_answer_free(&top.answer);
    cli_view_free(&top.view);
    close(top.fd);
    return status;
}
