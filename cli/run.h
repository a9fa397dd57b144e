/*
 * greenhub run: an unmodified program with greenthreads for its threads.
 *
 * Each function that returns a status has printed why if it is not CLI_OK.
 */
#ifndef CLI_RUN_H
#define CLI_RUN_H

#include <limits.h>
#include <stdbool.h>

/* Exit statuses, as those of a shell, of env(1) and of timeout(1). */
#define RUN_REFUSED 126
#define RUN_NOT_FOUND 127

/* A thread's stack, in bytes. */
#define RUN_SMALLEST_STACK (16ul << 10)
#define RUN_LARGEST_STACK (8ul << 20)
#define RUN_MOST_THREADS 64

/* ---- run_image.c: a file that is to be executed ------------------------- */

enum run_kind { RUN_ELF, RUN_SCRIPT, RUN_NEITHER };

struct run_image {
    enum run_kind kind;
    /* Of an ELF file. */
    unsigned char class, order; /* as in its header */
    unsigned machine;           /* likewise */
    bool go;                    /* built by the Go compiler */
    char interpreter[PATH_MAX]; /* empty: none, it is static */
    /* Of a script: what its first line says. */
    char command[PATH_MAX];
    char argument[PATH_MAX]; /* empty: none */
};

/* Returns 0, or -1 with errno if the file cannot be read. */
int run_read_image(const char *path, struct run_image *image);

/* Copies as much of a path as there is room for. */
void run_copy_path(char to[PATH_MAX], const char *from);

/* ---- run_program.c: which program it is ----------------------------------- */

struct run_program {
    char path[PATH_MAX];        /* what to execute */
    char **argv;                /* with these arguments */
    char script[PATH_MAX];      /* among them, if env is left out; else empty */
    char interpreter[PATH_MAX]; /* likewise */
};

/*
 * Finds argv[0] by PATH, and refuses it if its calls could not be patched. The
 * program of a script that begins with #!/usr/bin/env NAME is NAME.
 */
int run_find(char **argv, struct run_program *program);

/* ---- run_library.c: the library to preload ------------------------------- */

/* The path of libgreenhub-patch.so that belongs to this command. */
int run_find_library(char path[PATH_MAX]);

/* Has this command run itself with the environment that the program will get,
 * by `run --tls TLS --self-test`. */
int run_self_test(const char *tls);

/* What that does. The library has removed its variables by then. */
int run_be_tested(const char *tls);

#endif
