/* recvmmsg and sendmmsg; eventfd_read and eventfd_write. */
#include <errno.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include "table.h"

#define MANY 4

static struct iovec parts[MANY];
static struct mmsghdr messages[MANY];

/* Three bytes for each. */
static void make_messages(void)
{
    for (int i = 0; i < MANY; i++) {
        parts[i] = (struct iovec){buffer + 3 * i, 3};
        messages[i] = (struct mmsghdr){
            .msg_hdr = {.msg_iov = &parts[i], .msg_iovlen = 1}};
    }
    begin();
}

static void receives(int fd, unsigned count, int flags, struct timespec *time)
{
    int result;

    make_messages();
    result = recvmmsg(fd, messages, count, flags, time);
    said(result);
    say("%u %u %u %u", messages[0].msg_len, messages[1].msg_len,
        messages[2].msg_len, messages[3].msg_len);
}

static void receive_wrong(void)
{
    struct timespec wrong = {0, -1};

    receives(-1, 1, 0, NULL);
    datagram_ends();
    receives(ends[0], 0, 0, NULL);
    receives(ends[0], 1, 0, &wrong);
    receives(ends[0], 1, MSG_DONTWAIT, NULL);
    pipe_ends();
    receives(ends[0], 1, 0, NULL);
}

static void receive_there(void)
{
    struct timespec time = {1000, 0}, none = {0, 0};

    datagram_ends();
    for (int i = 0; i < 8; i++)
        write_abc();
    receives(ends[0], 2, 0, NULL);
    receives(ends[0], 4, 0, &none);
    receives(ends[0], 2, 0, &time);
    say("%d", time.tv_sec >= 990 && time.tv_sec <= 1000);
    receives(ends[0], 4, MSG_WAITFORONE, NULL);
    receives(ends[0], 4, MSG_DONTWAIT, NULL);
}

static void write_twice(void)
{
    write_abc();
    await_caller();
    write_def();
}

static void receive_later(void)
{
    datagram_ends();
    later(write_twice);
    receives(ends[0], 2, 0, NULL);
}

static void receive_one_later(void)
{
    datagram_ends();
    later(write_abc);
    receives(ends[0], 4, MSG_WAITFORONE, NULL);
}

static void receive_and_end(void)
{
    const struct timeval time = {.tv_usec = 5000};

    datagram_ends();
    setsockopt(ends[0], SOL_SOCKET, SO_RCVTIMEO, &time, sizeof time);
    write_abc();
    receives(ends[0], 4, 0, NULL);
    receives(ends[0], 4, 0, NULL);
}

static void sends(int fd, unsigned count, int flags)
{
    int result;

    make_messages();
    result = sendmmsg(fd, messages, count, flags);
    said(result);
    say("%u %u", messages[0].msg_len, messages[3].msg_len);
}

static void send_wrong(void)
{
    sends(-1, 1, 0);
    datagram_ends();
    sends(ends[1], 0, 0);
    make_messages();
    messages[2].msg_hdr.msg_iov = NULL;
    said(sendmmsg(ends[1], messages, 4, 0));
    pipe_ends();
    sends(ends[1], 1, 0);
    unix_ends();
    close(ends[0]);
    sends(ends[1], 2, MSG_NOSIGNAL);
    sends(ends[1], 2, 0);
}

static void send_there(void)
{
    datagram_ends();
    sends(ends[1], 4, 0);
    said(recv(ends[0], buffer, 8, 0));
}

static void send_later(void)
{
    datagram_ends();
    fill();
    sends(ends[1], 4, MSG_DONTWAIT);
    later(drain);
    sends(ends[1], 4, 0);
}

/* ---- Counters -------------------------------------------------------------- */

static void count_up(void)
{
    eventfd_write(ends[0], 5);
}

static void counts(void)
{
    eventfd_t value = 0;

    ends[0] = eventfd(3, 0);
    begin();
    said(eventfd_read(ends[0], &value));
    say("%lu", (unsigned long)value);
    later(count_up);
    said(eventfd_read(ends[0], &value));
    say("%lu", (unsigned long)value);
    said(eventfd_read(-1, &value));
}

static void count_down(void)
{
    eventfd_t value;

    eventfd_read(ends[0], &value);
}

static void counts_up(void)
{
    ends[0] = eventfd(0, 0);
    begin();
    said(eventfd_write(ends[0], UINT64_MAX));
    said(eventfd_write(ends[0], UINT64_MAX - 1));
    later(count_down);
    said(eventfd_write(ends[0], 2));
    said(eventfd_write(-1, 2));
}

static const struct row rows[] = {
    {"recvmmsg", "errors", receive_wrong},
    {"recvmmsg", "messages are there", receive_there},
    {"recvmmsg", "messages later", receive_later, BLOCKS},
    {"recvmmsg", "one message later", receive_one_later, BLOCKS},
    {"recvmmsg", "SO_RCVTIMEO", receive_and_end},
    {"sendmmsg", "errors", send_wrong},
    {"sendmmsg", "room is there", send_there},
    {"sendmmsg", "room later", send_later, BLOCKS},
    {"eventfd_read", "a count, and one later", counts, BLOCKS},
    {"eventfd_write", "a count, and room later", counts_up, BLOCKS},
};

void add_many(void)
{
    add_rows(rows, COUNT(rows));
}
