/* What the files of the command share. They see <greenhub.h> alone. */
#ifndef CLI_H
#define CLI_H

/* Exit statuses. */
#define CLI_OK 0
#define CLI_FAILED 1
#define CLI_USAGE 2

/*
 * One command: gets its own name as argv[0], as getopt_long wants it, and
 * returns the exit status.
 */
int cli_hubs(int argc, char **argv);
int cli_serve(int argc, char **argv);
int cli_check(int argc, char **argv);

/* A message on stderr, with "greenhub: " before it; returns `status`. */
int cli_complain(int status, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

#endif
