/* Shared by the command's files, which include <greenhub.h> alone. */
#ifndef CLI_H
#define CLI_H

/* Exit statuses. */
#define CLI_OK 0
#define CLI_FAILED 1
#define CLI_USAGE 2

/*
 * Runs one command; argv[0] is its name, as getopt_long expects. Returns the
 * exit status.
 */
int cli_hubs(int argc, char **argv);
int cli_run(int argc, char **argv);
int cli_get(int argc, char **argv);
int cli_serve(int argc, char **argv);
int cli_check(int argc, char **argv);
int cli_top(int argc, char **argv);
int cli_dump(int argc, char **argv);
int cli_stats(int argc, char **argv);
int cli_trace(int argc, char **argv);

/* Prints "greenhub: " and the message to stderr; returns `status`. */
int cli_complain(int status, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

#endif
