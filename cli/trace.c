/* greenhub trace: what a process does in some seconds, as JSON trace events. */
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "ask.h"
#include "cli.h"

static const char usage[] =
    "usage: greenhub trace PID|SOCKET [--seconds SECONDS] [-o FILE]\n"
    "\n"
    "Records what a process does from now on, and prints it as JSON trace "
    "events, for\n"
    "https://ui.perfetto.dev, chrome://tracing or speedscope. The process has "
    "to call\n"
    "green_debug_serve, or to be started with GREENHUB_DEBUG=serve.\n"
    "\n"
    "  --seconds SECONDS   for so long (default 5)\n"
    "  -o, --output FILE   write it to a file\n";

/* The end of an answer, of two bytes at most, is not known for sure until there is
 * more. */
#define HELD 2

struct trace {
    const char *target, *file;
    double seconds;
    FILE *out;
    struct cli_answer answer;
};

/* ---- The answer --------------------------------------------------------- */

/* An error is kept until it is complete. */
static bool is_error(const struct cli_answer *answer)
{
    return answer->length > 0 && answer->text[0] != '{';
}

/* Writes what has been received, which may be more than fits into memory. */
static bool pass_on(struct trace *trace)
{
    struct cli_answer *answer = &trace->answer;
    size_t ready = answer->complete        ? answer->length
                   : answer->length > HELD ? answer->length - HELD
                                           : 0;

    if (fwrite(answer->text, 1, ready, trace->out) != ready)
        return false;
    answer->length -= ready;
    memmove(answer->text, answer->text + ready, answer->length);
    return true;
}

static int complain_of_file(const struct trace *trace)
{
    return cli_complain(CLI_FAILED, "cannot write to %s: %s",
                        trace->file ? trace->file : "standard output",
                        strerror(errno));
}

static int receive(struct trace *trace, int fd)
{
    struct cli_answer *answer = &trace->answer;
    bool begun = false;

    while (!answer->complete) {
        if (!cli_ask_receive(fd, answer))
            return cli_complain(CLI_FAILED, "%s no longer answers: %s",
                                trace->target, strerror(errno));
        if (!begun && is_error(answer))
            continue;
        begun = true;
        if (!pass_on(trace))
            return complain_of_file(trace);
    }
    if (!begun)
        return cli_complain(CLI_FAILED, "%s", cli_answer_error(answer));
    return CLI_OK;
}

static int ask(struct trace *trace)
{
    int fd = cli_ask_connect(trace->target), status;
    char line[64];

    if (fd < 0)
        return CLI_FAILED;
    snprintf(line, sizeof line, "trace %.9g", trace->seconds);
    if (cli_ask_send(fd, line))
        status = receive(trace, fd);
    else
        status = cli_complain(CLI_FAILED, "%s does not answer: %s",
                              trace->target, strerror(errno));
    cli_answer_free(&trace->answer);
    close(fd);
    return status;
}

/* ---- The file ----------------------------------------------------------- */

/* It is opened before the process is asked, so that no trace is lost. */
static bool open_file(struct trace *trace)
{
    int fd = open(trace->file, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

    trace->out = fd < 0 ? NULL : fdopen(fd, "w");
    return trace->out;
}

/* An empty file would be taken for a trace. */
static void remove_if_empty(const struct trace *trace)
{
    struct stat status;

    if (stat(trace->file, &status) == 0 && S_ISREG(status.st_mode) &&
        status.st_size == 0)
        unlink(trace->file);
}

static int ask_into_file(struct trace *trace)
{
    int status;

    if (!open_file(trace))
        return complain_of_file(trace);
    status = ask(trace);
    if (fclose(trace->out) != 0 && status == CLI_OK)
        status = complain_of_file(trace);
    if (status != CLI_OK)
        remove_if_empty(trace);
    return status;
}

/* ---- The command -------------------------------------------------------- */

static int parse_seconds(struct trace *trace, const char *text)
{
    char *end;

    trace->seconds = strtod(text, &end);
    if (*end || !(trace->seconds >= 0.01 && trace->seconds <= 3600))
        return cli_complain(CLI_USAGE, "a trace takes 0.01 to 3600 seconds");
    return -1;
}

/* Returns -1 to go on, or an exit status. */
static int parse(struct trace *trace, int argc, char **argv)
{
    static const struct option options[] = {
        {"seconds", required_argument, NULL, 's'},
        {"output", required_argument, NULL, 'o'},
        {"help", no_argument, NULL, 'h'},
        {0},
    };
    int option, status = -1;

    while (status < 0 &&
           (option = getopt_long(argc, argv, "o:", options, NULL)) != -1) {
        switch (option) {
        case 's':
            status = parse_seconds(trace, optarg);
            break;
        case 'o':
            trace->file = optarg;
            break;
        case 'h':
            fputs(usage, stdout);
            return CLI_OK;
        default:
            return CLI_USAGE;
        }
    }
    if (status < 0 && argc - optind != 1) {
        fputs(usage, stderr);
        return CLI_USAGE;
    }
    trace->target = argv[optind];
    return status;
}

int cli_trace(int argc, char **argv)
{
    struct trace trace = {.seconds = 5, .out = stdout};
    int status = parse(&trace, argc, argv);

    if (status >= 0)
        return status;
    if (trace.file)
        return ask_into_file(&trace);
    if (isatty(STDOUT_FILENO))
        return cli_complain(CLI_USAGE, "a trace is for a file: give it by -o");
    return ask(&trace);
}
