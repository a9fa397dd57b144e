/* The names with two underscores by which glibc exports some functions too: one
 * case of each, as what they do is in the rows of the other name. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/select.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "streams.h"
#include "table.h"

ssize_t __read(int fd, void *bytes, size_t size);
ssize_t __write(int fd, const void *bytes, size_t size);
ssize_t __send(int fd, const void *bytes, size_t size, int flags);
int __connect(int fd, const struct sockaddr *address, socklen_t length);
int __close(int fd);
int __dup2(int fd, int to_fd);
int __pipe(int fds[2]);
int __fcntl(int fd, int command, ...);
int __poll(struct pollfd *fds, nfds_t count, int timeout);
int __select(int nfds, fd_set *readable, fd_set *writable, fd_set *exceptional,
             struct timeval *timeout);
int __nanosleep(const struct timespec *time, struct timespec *left);
int __sched_yield(void);
pid_t __wait(int *status);
pid_t __waitpid(pid_t pid, int *status, int options);
int __open(const char *path, int flags, ...);
int __open64(const char *path, int flags, ...);
int __sigaction(int number, const struct sigaction *action,
                struct sigaction *before);
int __sigsuspend(const sigset_t *mask);
pid_t __fork(void);
pid_t __vfork(void);
int __vfscanf(FILE *file, const char *format, va_list arguments);

/* ---- Transfers ---------------------------------------------------------------- */

static void reads(void)
{
    unix_ends();
    later(write_abc);
    said(__read(ends[0], buffer, 8));
    said(__read(-1, buffer, 8));
}

static void writes(void)
{
    unix_ends();
    fill();
    later(drain);
    said(__write(ends[1], buffer, 8));
    said(__write(-1, buffer, 8));
}

static void sends(void)
{
    unix_ends();
    fill();
    later(drain);
    said(__send(ends[1], buffer, 8, 0));
    said(__send(-1, buffer, 8, 0));
}

static void connects(void)
{
    const struct sockaddr_un nobody = {.sun_family = AF_UNIX,
                                       .sun_path = "/no/such/socket"};

    said(__connect(socket(AF_UNIX, SOCK_STREAM, 0),
                   (const struct sockaddr *)&nobody, sizeof nobody));
}

/* ---- Descriptors ---------------------------------------------------------------- */

static void numbers(void)
{
    int fds[2];

    said(__pipe(fds));
    said(__fcntl(fds[0], F_SETFL, O_NONBLOCK));
    say("%d", (__fcntl(fds[0], F_GETFL) & O_NONBLOCK) != 0);
    said(__read(fds[0], buffer, 8));
    said(__dup2(fds[1], fds[0]) == fds[0] ? 0 : -1);
    said(__close(fds[0]));
    said(__close(fds[0]));
}

static void opens(void)
{
    int file = __open("/dev/null", O_RDONLY), large;

    said(__read(file, buffer, 8));
    large = __open64("/dev/null", O_RDONLY | O_CREAT, 0600);
    said(__read(large, buffer, 8));
    said(__open("/no/such/file", O_RDONLY));
    said(__open64("/no/such/file", O_RDONLY));
}

static void scans(const char *format, ...)
{
    FILE *stream = fdopen(ends[0], "r");
    va_list arguments;

    va_start(arguments, format);
    begin();
    said(__vfscanf(stream, format, arguments));
    va_end(arguments);
}

static void scans_stream(void)
{
    char word[8] = "";

    pipe_ends();
    later(write_lines);
    scans("%7s", word);
    say("%s", word);
}

/* ---- Waits ---------------------------------------------------------------------- */

static void polls(void)
{
    struct pollfd one;

    unix_ends();
    one = (struct pollfd){.fd = ends[0], .events = POLLIN};
    later(write_abc);
    said(__poll(&one, 1, -1));
    say("%x", (unsigned)one.revents);
}

static void selects(void)
{
    fd_set set;

    unix_ends();
    FD_ZERO(&set);
    FD_SET(ends[0], &set);
    later(write_abc);
    said(__select(ends[0] + 1, &set, NULL, NULL, NULL));
}

static void sleeps(void)
{
    const struct timespec time = {.tv_nsec = 20000000};

    later(act_nothing);
    said(__nanosleep(&time, NULL));
}

static void yields(void)
{
    said(__sched_yield());
}

/* ---- Processes and signals -------------------------------------------------------- */

static void children(void)
{
    int status = 0;
    pid_t child = __fork();

    if (child == 0)
        _exit(3);
    said(__waitpid(child, &status, 0) == child ? WEXITSTATUS(status) : -1);
    child = __vfork();
    if (child == 0)
        _exit(4); /* NOLINT */
    said(__wait(&status) == child ? WEXITSTATUS(status) : -1);
    said(__wait(&status));
}

static void handles(void)
{
    struct sigaction action = {.sa_handler = SIG_IGN}, before;

    said(__sigaction(SIGUSR2, &action, NULL));
    said(__sigaction(SIGUSR2, NULL, &before));
    say("%d", before.sa_handler == SIG_IGN);
    said(__sigaction(SIGKILL, &action, NULL));
}

static void raise_at_main(void)
{
    raise_at_caller(SIGUSR1);
}

static void suspends(void)
{
    sigset_t none;

    sigemptyset(&none);
    catch_signal(SIGUSR1, SA_RESTART);
    later(raise_at_main);
    said(__sigsuspend(&none));
}

static const struct row rows[] = {
    {"__read", "bytes later", reads, BLOCKS},
    {"__write", "room later", writes, BLOCKS},
    {"__send", "room later", sends, BLOCKS},
    {"__connect", "nobody there", connects},
    {"__pipe", "numbers", numbers},
    {"__fcntl", "numbers", numbers},
    {"__dup2", "numbers", numbers},
    {"__close", "numbers", numbers},
    {"__open", "files", opens},
    {"__open64", "files", opens},
    {"__vfscanf", "a line later", scans_stream},
    {"__poll", "bytes later", polls, BLOCKS},
    {"__select", "bytes later", selects, BLOCKS},
    {"__nanosleep", "a while", sleeps, BLOCKS},
    {"__sched_yield", "once", yields},
    {"__fork", "children", children},
    {"__vfork", "children", children},
    {"__wait", "children", children},
    {"__waitpid", "children", children},
    {"__sigaction", "a disposition", handles},
    {"__sigsuspend", "a signal later", suspends, ON_MAIN},
};

void add_older_names(void)
{
    add_rows(rows, COUNT(rows));
}
