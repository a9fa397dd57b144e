/* select and pselect. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/select.h>
#include <sys/socket.h>
#include <unistd.h>

#include "table.h"

/* In microseconds; negative for none. */
typedef int selecter(int count, fd_set *readable, fd_set *writable,
                     fd_set *exceptional, int64_t time);

static int by_select(int count, fd_set *readable, fd_set *writable,
                     fd_set *exceptional, int64_t time)
{
    struct timeval limit = {time / 1000000, time % 1000000};

    return select(count, readable, writable, exceptional,
                  time < 0 ? NULL : &limit);
}

static int by_pselect(int count, fd_set *readable, fd_set *writable,
                      fd_set *exceptional, int64_t time)
{
    struct timespec limit = {time / 1000000, time % 1000000 * 1000};

    return pselect(count, readable, writable, exceptional,
                   time < 0 ? NULL : &limit, NULL);
}

static const struct call calls[] = {
    {"select", (function *)by_select},
    {"pselect", (function *)by_pselect},
};

static int selects(int count, fd_set *readable, fd_set *writable,
                   fd_set *exceptional, int64_t time)
{
    return ((selecter *)subject)(count, readable, writable, exceptional, time);
}

/* One descriptor in each set where asked ("r", "w", "e"). */
static void selects_one(int fd, const char *where, int64_t time)
{
    fd_set sets[3];
    fd_set *given[3] = {NULL, NULL, NULL};
    int result;

    for (; *where; where++) {
        int i = *where == 'r' ? 0 : *where == 'w' ? 1 : 2;

        given[i] = &sets[i];
        FD_ZERO(given[i]);
        FD_SET(fd, given[i]);
    }
    result = selects(fd + 1, given[0], given[1], given[2], time);
    said(result);
    for (int i = 0; i < 3; i++)
        if (given[i])
            say("%d", FD_ISSET(fd, given[i]) != 0);
}

static void wrong_arguments(void)
{
    fd_set set;

    FD_ZERO(&set);
    said(selects(-1, NULL, NULL, NULL, 0));
    said(selects(-1, NULL, NULL, NULL, -1));
    said(selects(0, NULL, NULL, NULL, 0));
    said(selects(FD_SETSIZE, &set, NULL, NULL, 0));
}

/* The sets stay as they were. */
static void closed_descriptor(void)
{
    pipe_ends();
    close(ends[0]);
    begin();
    selects_one(ends[0], "rwe", 0);
    selects_one(ends[0], "r", -1);
    selects_one(60, "r", -1);
}

static void kinds(void)
{
    pipe_ends();
    selects_one(ends[0], "rwe", 0);
    selects_one(ends[1], "rwe", 0);
    write_abc();
    begin();
    selects_one(ends[0], "rwe", -1);
    close(ends[1]);
    read(ends[0], buffer, 8);
    begin();
    selects_one(ends[0], "rwe", -1);
    unix_ends();
    selects_one(ends[0], "rwe", -1);
    close(ends[1]);
    begin();
    selects_one(ends[0], "rwe", -1);
    selects_one(open("/etc/passwd", O_RDONLY), "rwe", -1);
    pipe_ends();
    close(ends[0]);
    begin();
    selects_one(ends[1], "w", -1);
}

static void urgent_data(void)
{
    tcp_ends();
    send(ends[1], "!", 1, MSG_OOB);
    begin();
    selects_one(ends[0], "e", 1000000);
}

static void times_out(void)
{
    unix_ends();
    selects_one(ends[0], "r", 5000);
    say_waited(5000000);
}

static void sleeps(void)
{
    begin();
    said(selects(0, NULL, NULL, NULL, 5000));
    say_waited(5000000);
}

static void bytes_later(void)
{
    unix_ends();
    later(write_abc);
    selects_one(ends[0], "re", -1);
}

static void end_later(void)
{
    pipe_ends();
    later(close_writer);
    selects_one(ends[0], "r", 100000000);
}

static void room_later(void)
{
    unix_ends();
    fill();
    later(drain);
    selects_one(ends[1], "rw", -1);
}

static void closed_meanwhile(void)
{
    unix_ends();
    later(close_reader);
    selects_one(ends[0], "r", -1);
}

static const struct row rows[] = {
    {"", "wrong arguments", wrong_arguments},
    {"", "a closed descriptor", closed_descriptor},
    {"", "kinds", kinds},
    {"", "urgent data", urgent_data},
    {"", "a timeout", times_out},
    {"", "as a sleep", sleeps},
    {"", "bytes later", bytes_later, BLOCKS},
    {"", "the end later", end_later, BLOCKS},
    {"", "room later", room_later, BLOCKS},
    {"", "closed meanwhile", closed_meanwhile, GREEN_ONLY, "-1 EBADF; 1"},
};

/* ---- The time -------------------------------------------------------------- */

static void wrong_times(void)
{
    struct timeval wrong[] = {{-1, 0}, {0, -1}, {1, -1}};

    for (size_t i = 0; i < COUNT(wrong); i++) {
        said(select(0, NULL, NULL, NULL, &wrong[i]));
        say("%ld %ld", (long)wrong[i].tv_sec, (long)wrong[i].tv_usec);
    }
}

/* Linux writes what is left. Microseconds may be more than a second. */
static void time_left(void)
{
    struct timeval time = {0, 3000}, many = {0, 1500000}, huge = {INT64_MAX, 0};
    fd_set set;

    said(select(0, NULL, NULL, NULL, &time));
    say("%ld %ld", (long)time.tv_sec, (long)time.tv_usec);
    pipe_ends();
    write_abc();
    FD_ZERO(&set);
    FD_SET(ends[0], &set);
    begin();
    said(select(ends[0] + 1, &set, NULL, NULL, &many));
    say("%ld", (long)many.tv_sec);
    said(select(ends[0] + 1, &set, NULL, NULL, &huge));
    say("%d", huge.tv_sec > 1000000);
}

static void wrong_times_of_pselect(void)
{
    const struct timespec wrong[] = {{-1, 0}, {0, -1}, {0, 1000000000}};

    for (size_t i = 0; i < COUNT(wrong); i++)
        said(pselect(0, NULL, NULL, NULL, &wrong[i], NULL));
    said(pselect(-1, NULL, NULL, NULL, &wrong[2], NULL));
}

static void time_is_kept(void)
{
    const struct timespec time = {0, 3000001};

    begin();
    said(pselect(0, NULL, NULL, NULL, &time, NULL));
    say_waited(3000001);
    say("%ld %ld", (long)time.tv_sec, time.tv_nsec);
}

static void mask_of_the_wait(void)
{
    const struct timespec time = {0, 1000000};
    sigset_t all, now;

    sigfillset(&all);
    begin();
    said(pselect(0, NULL, NULL, NULL, &time, &all));
    pthread_sigmask(SIG_SETMASK, NULL, &now);
    say("%d", sigismember(&now, SIGUSR2));
}

static const struct row single_rows[] = {
    {"select", "wrong times", wrong_times},
    {"select", "the time left", time_left},
    {"pselect", "wrong times", wrong_times_of_pselect},
    {"pselect", "the time is kept", time_is_kept},
    {"pselect", "a mask", mask_of_the_wait},
};

void add_selects(void)
{
    add_product(calls, COUNT(calls), rows, COUNT(rows));
    add_rows(single_rows, COUNT(single_rows));
}
