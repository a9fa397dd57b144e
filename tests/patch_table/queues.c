/* System V's message queues and semaphores. */
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/ipc.h>
#include <sys/msg.h>
#include <sys/sem.h>
#include <time.h>

#include "table.h"

struct message {
    long type;
    char text[8];
};

static const struct message one = {1, "one"}, two = {2, "two"};
static int id;

/* ---- System V's messages -------------------------------------------------- */

static void queue(void)
{
    id = msgget(IPC_PRIVATE, IPC_CREAT | 0600);
    needs(id >= 0, "System V's message queues");
    begin();
}

static void remove_queue(void)
{
    msgctl(id, IPC_RMID, NULL);
}

/* Room for one message. */
static void small_queue(void)
{
    struct msqid_ds limits;

    queue();
    if (msgctl(id, IPC_STAT, &limits) < 0)
        abort();
    limits.msg_qbytes = 4;
    if (msgctl(id, IPC_SET, &limits) < 0 || msgsnd(id, &one, 4, 0) < 0)
        abort();
    begin();
}

static void gets_message(long type, size_t size, int flags)
{
    struct message message = {0, "-"};

    said(msgrcv(id, &message, size, type, flags));
    say("%ld %.4s", message.type, message.text);
}

static void send_one(void)
{
    if (msgsnd(id, &one, 4, 0) < 0)
        abort();
}

static void receive_one(void)
{
    struct message message;

    if (msgrcv(id, &message, 4, 0, IPC_NOWAIT) < 0)
        abort();
}

static void receive_errors(void)
{
    id = -1;
    gets_message(0, 4, 0);
    queue();
    gets_message(0, 4, IPC_NOWAIT);
    gets_message(0, (size_t)-1, 0);
    send_one();
    gets_message(0, 2, 0);
    gets_message(2, 4, IPC_NOWAIT);
    remove_queue();
    begin();
    gets_message(0, 4, 0);
}

static void receive_there(void)
{
    queue();
    send_one();
    if (msgsnd(id, &two, 4, 0) < 0)
        abort();
    begin();
    gets_message(2, 4, 0);
    gets_message(-5, 2, MSG_NOERROR);
    remove_queue();
}

static void receive_later(void)
{
    queue();
    later(send_one);
    gets_message(0, 4, 0);
    remove_queue();
}

static void receive_removed(void)
{
    queue();
    later(remove_queue);
    gets_message(0, 4, 0);
}

static void send_errors(void)
{
    struct message wrong = {0, ""};

    said(msgsnd(-1, &one, 4, 0));
    small_queue();
    said(msgsnd(id, &one, 4, IPC_NOWAIT));
    said(msgsnd(id, &wrong, 4, 0));
    said(msgsnd(id, &one, 1 << 30, 0));
    remove_queue();
    begin();
    said(msgsnd(id, &one, 4, 0));
}

static void send_there(void)
{
    queue();
    said(msgsnd(id, &one, 4, 0));
    gets_message(0, 4, 0);
    remove_queue();
}

static void send_later(void)
{
    small_queue();
    later(receive_one);
    said(msgsnd(id, &two, 4, 0));
    remove_queue();
}

static void send_removed(void)
{
    small_queue();
    later(remove_queue);
    said(msgsnd(id, &two, 4, 0));
}

static void raise_at_main(void)
{
    raise_at_caller(SIGUSR1);
}

static void receive_interrupted(void)
{
    queue();
    catch_signal(SIGUSR1, SA_RESTART);
    later(raise_at_main);
    gets_message(0, 4, 0);
    remove_queue();
}

static void send_interrupted(void)
{
    small_queue();
    catch_signal(SIGUSR1, SA_RESTART);
    later(raise_at_main);
    said(msgsnd(id, &two, 4, 0));
    remove_queue();
}

/* ---- System V's semaphores -------------------------------------------------- */

typedef int semaphore_call(int set, struct sembuf *operations, size_t count);

static int by_semtimedop(int set, struct sembuf *operations, size_t count)
{
    const struct timespec time = {.tv_sec = 100};

    return semtimedop(set, operations, count, &time);
}

static const struct call semaphore_calls[] = {
    {"semop", (function *)semop},
    {"semtimedop", (function *)by_semtimedop},
};

/* Two of 0. */
static void set(void)
{
    id = semget(IPC_PRIVATE, 2, IPC_CREAT | 0600);
    needs(id >= 0, "System V's semaphores");
    begin();
}

static void remove_set(void)
{
    semctl(id, 0, IPC_RMID);
}

static void operates(unsigned short number, short change, short flags)
{
    struct sembuf operation = {number, change, flags};

    said(((semaphore_call *)subject)(id, &operation, 1));
}

static void operate_errors(void)
{
    struct sembuf many[600] = {{0, 0, 0}};

    id = -1;
    operates(0, 1, 0);
    set();
    operates(2, 1, 0);
    operates(0, -1, IPC_NOWAIT);
    said(((semaphore_call *)subject)(id, many, 0));
    said(((semaphore_call *)subject)(id, many, 600));
    operates(0, 32767, 0);
    operates(0, 1, 0);
    remove_set();
    begin();
    operates(0, 1, 0);
}

static void operate_there(void)
{
    struct sembuf both[2] = {{0, -1, 0}, {1, 2, 0}};

    set();
    operates(0, 2, 0);
    operates(0, -1, 0);
    operates(1, 0, 0);
    said(((semaphore_call *)subject)(id, both, 2));
    say("%d %d", semctl(id, 0, GETVAL), semctl(id, 1, GETVAL));
    remove_set();
}

static void post_set(void)
{
    struct sembuf operation = {0, 1, 0};

    if (semop(id, &operation, 1) < 0)
        abort();
}

static void operate_later(void)
{
    set();
    later(post_set);
    operates(0, -1, 0);
    say("%d", semctl(id, 0, GETVAL));
    remove_set();
}

static void operate_removed(void)
{
    set();
    later(remove_set);
    operates(0, -1, 0);
}

/* The second would wait, and must not. */
static void operate_mixed(void)
{
    struct sembuf both[2] = {{0, 1, 0}, {1, -1, IPC_NOWAIT}};

    set();
    said(((semaphore_call *)subject)(id, both, 2));
    say("%d", semctl(id, 0, GETVAL));
    remove_set();
}

static void operate_interrupted(void)
{
    set();
    catch_signal(SIGUSR1, SA_RESTART);
    later(raise_at_main);
    operates(0, -1, 0);
    remove_set();
}

static void operate_in_time(void)
{
    struct sembuf operation = {0, -1, 0};
    const struct timespec time = {.tv_nsec = 5000000}, none = {0},
                          wrong = {.tv_nsec = -1};

    set();
    said(semtimedop(id, &operation, 1, &time));
    say_waited(5000000);
    said(semtimedop(id, &operation, 1, &none));
    said(semtimedop(id, &operation, 1, &wrong));
    remove_set();
}

static const struct row semaphore_rows[] = {
    {"", "errors", operate_errors},
    {"", "no wait", operate_there},
    {"", "a post later", operate_later, BLOCKS},
    {"", "removed meanwhile", operate_removed, BLOCKS},
    {"", "one must not wait", operate_mixed},
    {"", "a signal meanwhile", operate_interrupted, ON_MAIN},
};

static const struct row rows[] = {
    {"msgrcv", "errors", receive_errors},
    {"msgrcv", "messages are there", receive_there},
    {"msgrcv", "a message later", receive_later, BLOCKS},
    {"msgrcv", "removed meanwhile", receive_removed, BLOCKS},
    {"msgrcv", "a signal meanwhile", receive_interrupted, ON_MAIN},
    {"msgsnd", "errors", send_errors},
    {"msgsnd", "room is there", send_there},
    {"msgsnd", "room later", send_later, BLOCKS},
    {"msgsnd", "removed meanwhile", send_removed, BLOCKS},
    {"msgsnd", "a signal meanwhile", send_interrupted, ON_MAIN},
    {"semtimedop", "a timeout", operate_in_time},
};

void add_queues(void)
{
    add_rows(rows, COUNT(rows));
    add_product(semaphore_calls, COUNT(semaphore_calls), semaphore_rows,
                COUNT(semaphore_rows));
}
