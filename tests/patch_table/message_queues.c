/* POSIX's message queues. */
#include <errno.h>
#include <fcntl.h>
#include <mqueue.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "table.h"

static mqd_t messages;

typedef ssize_t receiver(mqd_t from, char *bytes, size_t size, unsigned *prio);
typedef int sender(mqd_t to, const char *bytes, size_t size, unsigned prio);

static struct timespec after(time_t seconds)
{
    struct timespec time;

    clock_gettime(CLOCK_REALTIME, &time);
    time.tv_sec += seconds;
    return time;
}

static ssize_t by_timedreceive(mqd_t from, char *bytes, size_t size,
                               unsigned *priority)
{
    struct timespec until = after(100);

    return mq_timedreceive(from, bytes, size, priority, &until);
}

static int by_timedsend(mqd_t to, const char *bytes, size_t size,
                        unsigned priority)
{
    struct timespec until = after(100);

    return mq_timedsend(to, bytes, size, priority, &until);
}

static const struct call receivers[] = {
    {"mq_receive", (function *)mq_receive},
    {"mq_timedreceive", (function *)by_timedreceive},
};
static const struct call senders[] = {
    {"mq_send", (function *)mq_send},
    {"mq_timedsend", (function *)by_timedsend},
};

static void raise_at_main(void)
{
    raise_at_caller(SIGUSR1);
}

/* Of two messages of 8 bytes, without a name. */
static void open_queue(void)
{
    struct mq_attr limits = {.mq_maxmsg = 2, .mq_msgsize = 8};
    char name[64];

    snprintf(name, sizeof name, "/greenhub-test-%d", (int)getpid());
    messages = mq_open(name, O_CREAT | O_EXCL | O_RDWR, 0600, &limits);
    needs(messages >= 0, "POSIX's message queues");
    mq_unlink(name);
    begin();
}

static void full_queue(void)
{
    open_queue();
    if (mq_send(messages, "a", 1, 0) < 0 || mq_send(messages, "b", 1, 5) < 0)
        abort();
    begin();
}

static void takes_message(size_t size)
{
    unsigned priority = 77;

    memset(buffer, 0, 8);
    begin();
    said(((receiver *)subject)(messages, buffer, size, &priority));
    say("%s %u", buffer, priority);
}

static void puts_message(size_t size)
{
    said(((sender *)subject)(messages, "message", size, 3));
}

static void put_one(void)
{
    if (mq_send(messages, "late", 4, 1) < 0)
        abort();
}

static void take_one(void)
{
    if (mq_receive(messages, buffer, 8, NULL) < 0)
        abort();
}

static void nonblocking_queue(void)
{
    struct mq_attr attributes = {.mq_flags = O_NONBLOCK};

    if (mq_setattr(messages, &attributes, NULL) < 0)
        abort();
    begin();
}

static void take_errors(void)
{
    messages = -1;
    takes_message(8);
    unix_ends();
    messages = ends[0];
    takes_message(8);
    open_queue();
    takes_message(7);
    nonblocking_queue();
    takes_message(8);
}

static void take_there(void)
{
    full_queue();
    takes_message(8);
    takes_message(8);
}

static void take_later(void)
{
    open_queue();
    later(put_one);
    takes_message(8);
}

static void raise_and_put(void)
{
    raise_at_caller(SIGUSR1);
    await_caller();
    put_one();
}

static void take_after_a_signal(void)
{
    open_queue();
    catch_signal(SIGUSR1, SA_RESTART);
    later(raise_and_put);
    takes_message(8);
}

static void take_interrupted(void)
{
    open_queue();
    catch_signal(SIGUSR1, 0);
    later(raise_at_main);
    takes_message(8);
}

static void take_in_time(void)
{
    struct timespec until = after(0), past = {0}, wrong = {.tv_nsec = -1};

    until.tv_nsec += 5000000;
    until.tv_sec += until.tv_nsec / 1000000000;
    until.tv_nsec %= 1000000000;
    open_queue();
    said(mq_timedreceive(messages, buffer, 8, NULL, &until));
    said(mq_timedreceive(messages, buffer, 8, NULL, &past));
    said(mq_timedreceive(messages, buffer, 8, NULL, &wrong));
    put_one();
    begin();
    said(mq_timedreceive(messages, buffer, 8, NULL, &wrong));
    said(mq_timedreceive(messages, buffer, 8, NULL, &past));
}

static void put_errors(void)
{
    messages = -1;
    puts_message(7);
    full_queue();
    puts_message(9);
    said(((sender *)subject)(messages, "", 0, 1 << 30));
    nonblocking_queue();
    puts_message(7);
}

static void put_there(void)
{
    open_queue();
    puts_message(0);
    puts_message(8);
    said(mq_receive(messages, buffer, 8, NULL));
}

static void put_later(void)
{
    full_queue();
    later(take_one);
    puts_message(7);
}

static void put_interrupted(void)
{
    full_queue();
    catch_signal(SIGUSR1, 0);
    later(raise_at_main);
    puts_message(7);
}

static void put_in_time(void)
{
    struct timespec past = {0}, wrong = {.tv_nsec = 1000000000};

    full_queue();
    said(mq_timedsend(messages, "x", 1, 0, &past));
    said(mq_timedsend(messages, "x", 1, 0, &wrong));
    take_one();
    begin();
    said(mq_timedsend(messages, "x", 1, 0, &past));
}

static void closes(void)
{
    open_queue();
    said(mq_close(messages));
    said(mq_close(messages));
}

static const struct row take_rows[] = {
    {"", "errors", take_errors},
    {"", "a message is there", take_there},
    {"", "a message later", take_later, BLOCKS},
    {"", "a signal meanwhile, SA_RESTART", take_after_a_signal, ON_MAIN},
    {"", "a signal meanwhile", take_interrupted, ON_MAIN},
};

static const struct row put_rows[] = {
    {"", "errors", put_errors},
    {"", "room is there", put_there},
    {"", "room later", put_later, BLOCKS},
    {"", "a signal meanwhile", put_interrupted, ON_MAIN},
};

static const struct row rows[] = {
    {"mq_timedreceive", "times", take_in_time},
    {"mq_timedsend", "times", put_in_time},
    {"mq_close", "twice", closes},
};

void add_message_queues(void)
{
    add_rows(rows, COUNT(rows));
    add_product(receivers, COUNT(receivers), take_rows, COUNT(take_rows));
    add_product(senders, COUNT(senders), put_rows, COUNT(put_rows));
}
