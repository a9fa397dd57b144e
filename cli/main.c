/* The command greenhub: runs the subcommand that argv names. */
#include <greenhub.h>

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "cli.h"

static const char usage[] =
    "usage: greenhub COMMAND [OPTIONS]\n"
    "\n"
    "  hubs [--json]        list the hubs, and which is the default\n"
    "  get URL...           fetch URLs, many at once\n"
    "  serve --echo         run a server that sends back what it receives\n"
    "  run PROGRAM ...      run a program with greenthreads for its threads\n"
    "  check FILE.so|NAME   check that a hub keeps the contract of hubs\n"
    "  top PID|SOCKET       show what a running program does\n"
    "  dump PID|SOCKET      print what its greenthreads do\n"
    "  stats PID|SOCKET     print its counters\n"
    "  trace PID|SOCKET     record what it does over some seconds\n"
    "\n"
    "  --help               print this; for a command: greenhub COMMAND "
    "--help\n"
    "  --version            print the version\n"
    "\n"
    "The environment variable GREENHUB_HUB names the default hub.\n";

static const struct {
    const char *name;
    int (*run)(int argc, char **argv);
} commands[] = {
    {"hubs", cli_hubs}, {"get", cli_get},     {"serve", cli_serve},
    {"run", cli_run},   {"check", cli_check}, {"top", cli_top},
    {"dump", cli_dump}, {"stats", cli_stats}, {"trace", cli_trace},
};

int cli_complain(int status, const char *format, ...)
{
    va_list args;

    fflush(stdout);
    fputs("greenhub: ", stderr);
    va_start(args, format);
    vfprintf(stderr, format, args);
    va_end(args);
    fputc('\n', stderr);
    return status;
}

/* Output lost to a full disk or a closed pipe is a failure too. */
static int finish(int status)
{
    if (fflush(stdout) == 0 && !ferror(stdout))
        return status;
    return cli_complain(CLI_FAILED, "cannot write to standard output");
}

static int run(int argc, char **argv)
{
    size_t i;

    if (argc < 2) {
        fputs(usage, stderr);
        return CLI_USAGE;
    }
    if (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "help") == 0) {
        fputs(usage, stdout);
        return CLI_OK;
    }
    if (strcmp(argv[1], "--version") == 0) {
        printf("greenhub %s\n", green_version());
        return CLI_OK;
    }
    for (i = 0; i < sizeof commands / sizeof commands[0]; i++) {
        if (strcmp(argv[1], commands[i].name) == 0)
            return commands[i].run(argc - 1, argv + 1);
    }
    return cli_complain(
        CLI_USAGE, "unknown command %s; greenhub --help lists the commands",
        argv[1]);
}

int main(int argc, char **argv)
{
    return finish(run(argc, argv));
}
