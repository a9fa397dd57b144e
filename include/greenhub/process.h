/*
 * Child processes and signals. Only the greenthread waits.
 *
 *     const char *const argv[] = {"sort", "-n", NULL};
 *     const struct green_process_options options = {
 *         .argv = argv,
 *         .in = {.kind = GREEN_STDIO_PIPE},
 *         .out = {.kind = GREEN_STDIO_PIPE},
 *     };
 *     struct green_exchange exchange = {.input = "2\n1\n", .input_size = 4};
 *     struct green_process process;
 *     int status;
 *
 *     if (green_process_start(&process, &options) < 0)
 *         ...
 *     if (green_process_communicate(&process, &exchange, &status) == 0)
 *         fwrite(exchange.out, 1, exchange.out_size, stdout);
 *     free(exchange.out);
 *     green_process_end(&process);
 *
 * The library installs no handler for SIGCHLD, and waits for no child but those
 * that it is asked to wait for. A program may call fork and waitpid beside it.
 */
#ifndef GREENHUB_PROCESS_H
#define GREENHUB_PROCESS_H

#include <greenhub/base.h>

#include <signal.h>
#include <sys/types.h>

GREEN_BEGIN_DECLS

struct green_server; /* greenhub/net.h */

/* ---- Child processes ------------------------------------------------------ */

/* What a child has as its standard input, output or error. */
enum green_stdio_kind {
    GREEN_STDIO_INHERIT, /* what this process has, unless close-on-exec */
    GREEN_STDIO_PIPE,    /* a pipe to this process: in, out, err below */
    GREEN_STDIO_NULL,    /* /dev/null */
    GREEN_STDIO_FD,      /* this descriptor, which stays open here, too */
    GREEN_STDIO_AS_OUT,  /* for err alone: what out is */
};

struct green_stdio {
    enum green_stdio_kind kind;
    int fd; /* for GREEN_STDIO_FD */
};

/* Zero-initialise it; 0 and NULL select the defaults. */
struct green_process_options {
    const char *const *argv; /* the program's arguments, the last one NULL */
    const char *program;     /* the file to execute, looked up in PATH if it has
                              * no slash. Default: argv[0] */
    const char *const *env;  /* "NAME=value", the last one NULL. Default: this
                              * process's environment */
    const char *directory;   /* where the program starts; a program with a slash
                              * is relative to it. Default: this process's.
                              * Only on Linux; else it fails with ENOSYS */
    struct green_stdio in, out, err; /* default: inherited */
    const int *fds;    /* what the child has as descriptors 3, 4, ...: at most
                        * GREEN_PROCESS_FDS; they stay open here, too */
    unsigned fd_count; /* how many */
    bool new_group;    /* the child leads a process group of its own, so that
                        * its own children can be killed with it, and Ctrl-C
                        * does not reach them. Default: this process's group */
    uint64_t reserved[4]; /* must be zero */
};

#define GREEN_PROCESS_FDS 1024u

/*
 * A child process, from green_process_start to green_process_end. Keep it in
 * place; use it from the OS thread that started it.
 */
struct green_process {
    pid_t pid;
    int in, out, err; /* this process's ends of the pipes, or -1. Use them by
                       * green_read, green_write. To close one, green_close, and
                       * set it to -1 */
    struct {
        int pidfd;
        int status;
        unsigned state;
        bool leads_group;
        void *reserved[2];
    } internal;
};

/*
 * Starts a program: posix_spawn(3), whose cost does not grow with the memory of
 * this process. The child
 * - has the descriptors 0, 1, 2 and those in options->fds, and no other of this
 *   process's, whether close-on-exec or not;
 * - has all signals unblocked, and their default actions.
 * *process need not be initialised. After success, call green_process_end.
 * Returns 0, or -1: EINVAL for NULL, an empty argv, GREEN_STDIO_AS_OUT for
 * another than err, too many fds, or a reserved word that is not zero; ENOENT,
 * EACCES, ENOTDIR, ENOEXEC and the other errors of execve(2) and chdir(2); EBADF
 * if a descriptor is closed; EMFILE, ENFILE, ENOMEM, EAGAIN. No child is left
 * then.
 * Never switches. It blocks the OS thread until the system has loaded the
 * program.
 */
GREEN_API int green_process_start(struct green_process *process,
                                  const struct green_process_options *options);

/*
 * Waits until the child has ended, and stores its status as waitpid(2) does:
 * WIFEXITED(*status) and the like. status may be NULL. Several greenthreads may
 * wait, and a later call returns the same status again.
 * It does not read the pipes: a child that writes more than a pipe holds ends
 * only if the program reads them, as green_process_communicate does.
 * Where the kernel has no pidfds (before Linux 5.4), an OS thread of the thread
 * pool waits.
 * Returns 0, or -1: ECHILD if another part of the program has collected the
 * status, or the program ignores SIGCHLD; EINVAL for NULL or a process that was
 * not started or has been ended; ECANCELED, ETIMEDOUT, EDEADLK if it would have
 * to wait in a hub's callback; EAGAIN or ENOMEM if no OS thread is available. The
 * status is not lost by a failure but ECHILD. May switch.
 */
GREEN_API int green_process_wait(struct green_process *process, int *status);

/*
 * Sends a signal to the child; 0 only asks whether it can be sent. It never
 * goes to a later process with the same number, but to the child or nowhere: the
 * kernel keeps the number until the status is collected. (Without pidfds the
 * program must not collect it elsewhere at the same moment.)
 * Returns 0, also if the child has ended and its status was not collected yet;
 * or -1: ESRCH once it was; EINVAL for NULL, a process that was not started or an
 * invalid signal; EPERM. Never switches.
 */
GREEN_API int green_process_kill(struct green_process *process, int signal);

/*
 * The same for the child's process group: the child, and those that it has
 * started. Fails also with EINVAL without new_group. Never switches.
 */
GREEN_API int green_process_kill_group(struct green_process *process,
                                       int signal);

/*
 * Closes the pipes that are still open. If the child's status has not been
 * collected, kills the child (its process group, with new_group) by SIGKILL, and
 * waits for it, whether the caller is killed or timed out or not. So no zombie
 * is left. NULL, and a process that is all zero or has been ended, are accepted.
 * Returns 0, or -1: EPERM if the child runs as another user, and then it goes on;
 * EDEADLK in a hub's callback, EAGAIN, ENOMEM. May switch.
 */
GREEN_API int green_process_end(struct green_process *process);

/* Zero-initialise it, and fill in the input. */
struct green_exchange {
    const void *input;
    size_t input_size; /* bytes */
    size_t limit;    /* the most bytes to keep of each output. Default: 1 MiB */
    bool until_end;  /* stop at the child's end. Default: at the end of its
                        * output, which processes that it left behind may hold
                        * open */
    char *out, *err; /* what it has written, and a '\0': free(3). NULL if
                        * that is no pipe */
    size_t out_size, err_size; /* without that '\0' */
    size_t sent;               /* bytes of the input that the pipe has taken */
    uint64_t reserved[4];      /* must be zero */
};

/*
 * Writes the input to the child and closes its pipe, reads both outputs up to
 * their ends, all at the same time, and waits for the child. What is no pipe is
 * left out. A child that closes its input early is no failure, and no SIGPIPE is
 * raised.
 * After a failure *exchange has what was read so far, and the child goes on. A
 * second call with the same struct continues.
 * Returns 0 with the status as green_process_wait, or -1: EMSGSIZE if an output
 * is longer than the limit, which leaves the rest in the pipe; EINVAL for NULL or
 * a reserved word that is not zero; ENOMEM; the errors of green_process_wait, of
 * green_read and green_write, and of green_spawn. May switch.
 * Mirrors Python's Popen.communicate.
 */
GREEN_API int green_process_communicate(struct green_process *process,
                                        struct green_exchange *exchange,
                                        int *status);

/*
 * waitpid(2): waits until a child has changed its state, and collects its
 * status. options may contain WNOHANG, WUNTRACED and WCONTINUED.
 * To wait for the end of one particular child it uses pidfd_open(2). Otherwise
 * (any of several children, stops, no pidfd_open) an OS thread of the thread
 * pool waits. That thread keeps waiting until the child changes state, even if
 * the greenthread is killed or timed out. The child's status is never lost.
 * Returns the child's process ID; 0 with WNOHANG if nothing has happened; or
 * -1: EINVAL for other options, ECHILD and the other errors of waitpid,
 * ECANCELED, ETIMEDOUT, EDEADLK if it would have to wait in a hub's callback,
 * EAGAIN or ENOMEM if no OS thread is available. May switch.
 */
GREEN_API pid_t green_waitpid(pid_t pid, int *status, int options);

/* ---- Signals -------------------------------------------------------------- */

/*
 * sigwaitinfo(2): waits for a signal of a set, consumes it, and describes it in
 * *info (info may be NULL).
 * Before the call, the caller's OS thread must block all signals of the set
 * (pthread_sigmask(3)). If the signals are sent to the process, all other OS
 * threads must block them, too. If several greenthreads wait for a signal, one
 * of them gets it.
 * Returns the signal's number, or -1: EINVAL for NULL or if a signal of the set
 * is not blocked, the errors of signalfd(2), ECANCELED, ETIMEDOUT, EDEADLK if
 * it would have to wait in a hub's callback. May switch. With -std=c11,
 * siginfo_t needs _POSIX_C_SOURCE.
 */
GREEN_API int green_signal_wait(const sigset_t *set, siginfo_t *info);

/*
 * Makes signals stop a server: the first one as green_server_stop, which lets the
 * handlers finish, the second one as green_server_kill. So a service ends at
 * SIGTERM without dropping a request, and Ctrl-C twice ends it at once. set NULL
 * stands for SIGINT and SIGTERM.
 * Call it once, before green_serve and from the same OS thread, and, if the
 * program makes OS threads of its own, before these: it blocks the signals in the
 * calling OS thread, and OS threads that are made later inherit that. They stay
 * blocked when green_serve has returned. Children of green_process_start have
 * them unblocked.
 * Returns 0, or -1: EINVAL for NULL or an empty set, EBUSY if it was called for
 * the server before, and the errors of green_spawn. Never switches.
 */
GREEN_API int green_server_stop_on(struct green_server *server,
                                   const sigset_t *set);

GREEN_END_DECLS

#endif
