/* greenhub dump, greenhub stats: what a process answers, printed. */
#include <errno.h>
#include <getopt.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "ask.h"
#include "cli.h"

static const char dump_usage[] =
    "usage: greenhub dump PID|SOCKET [ADDRESS]\n"
    "\n"
    "Prints what the greenthreads of a process do, with their backtraces; with "
    "the\n"
    "address of one, that one alone. The process has to call "
    "green_debug_serve, or to\n"
    "be started with GREENHUB_DEBUG=serve.\n";

static const char stats_usage[] =
    "usage: greenhub stats PID|SOCKET [--prometheus]\n"
    "\n"
    "Prints counters of a process. The process has to call green_debug_serve, "
    "or to be\n"
    "started with GREENHUB_DEBUG=serve.\n"
    "\n"
    "  --prometheus   in the text format that Prometheus reads\n";

/* Prints the answer of the process to a line. */
static int print_answer(const char *target, const char *line)
{
    struct cli_answer answer = {.text = NULL};
    int status = CLI_OK, fd = cli_ask_connect(target);

    if (fd < 0)
        return CLI_FAILED;
    if (!cli_ask(fd, line, &answer))
        status = cli_complain(CLI_FAILED, "%s does not answer: %s", target,
                              strerror(errno));
    else if (cli_answer_error(&answer))
        status = cli_complain(CLI_FAILED, "%s", cli_answer_error(&answer));
    else
        fwrite(answer.text, 1, answer.length, stdout);
    cli_answer_free(&answer);
    close(fd);
    return status;
}

/* Returns -1 to go on, or an exit status. */
static int parse(int argc, char **argv, const char *usage, bool *prometheus)
{
    static const struct option options[] = {
        {"prometheus", no_argument, NULL, 'p'},
        {"help", no_argument, NULL, 'h'},
        {0},
    };
    int option;

    while ((option = getopt_long(argc, argv, "", options, NULL)) != -1) {
        if (option == 'h') {
            fputs(usage, stdout);
            return CLI_OK;
        }
        if (option != 'p' || !prometheus) {
            fputs(usage, stderr);
            return CLI_USAGE;
        }
        *prometheus = true;
    }
    return -1;
}

static int misused(const char *usage)
{
    fputs(usage, stderr);
    return CLI_USAGE;
}

int cli_dump(int argc, char **argv)
{
    int status = parse(argc, argv, dump_usage, NULL);
    char line[128] = "dump";

    if (status >= 0)
        return status;
    if (argc - optind < 1 || argc - optind > 2)
        return misused(dump_usage);
    if (argc - optind == 2)
        snprintf(line, sizeof line, "backtrace %.64s", argv[optind + 1]);
    return print_answer(argv[optind], line);
}

int cli_stats(int argc, char **argv)
{
    bool prometheus = false;
    int status = parse(argc, argv, stats_usage, &prometheus);

    if (status >= 0)
        return status;
    if (argc - optind != 1)
        return misused(stats_usage);
    return print_answer(argv[optind],
                        prometheus ? "stats prometheus" : "stats");
}
