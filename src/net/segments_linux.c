/* UDP_SEGMENT and UDP_GRO: see segments.h. */
#include "net/segments.h"

#include <netinet/in.h>
#include <netinet/udp.h>
#include <stdint.h>
#include <string.h>

#include <greenhub/io.h>
#include <greenhub/socket.h>

/* Linux 4.18 and 5.0; the C library may not know them. */
#ifndef UDP_SEGMENT
#define UDP_SEGMENT 103
#endif
#ifndef UDP_GRO
#define UDP_GRO 104
#endif

/* An old kernel ignores the control message, and would send one datagram. */
bool green__can_segment(int fd)
{
    int segment;
    socklen_t length = sizeof segment;

    return getsockopt(fd, IPPROTO_UDP, UDP_SEGMENT, &segment, &length) == 0;
}

ssize_t green__send_cut(int fd, struct iovec *bytes, size_t segment)
{
    union {
        struct cmsghdr header;
        char room[CMSG_SPACE(sizeof(uint16_t))];
    } control;
    struct msghdr message = {.msg_iov = bytes,
                             .msg_iovlen = 1,
                             .msg_control = &control,
                             .msg_controllen = sizeof control};
    uint16_t size = (uint16_t)segment;

    memset(&control, 0, sizeof control);
    control.header.cmsg_level = IPPROTO_UDP;
    control.header.cmsg_type = UDP_SEGMENT;
    control.header.cmsg_len = CMSG_LEN(sizeof size);
    memcpy(CMSG_DATA(&control.header), &size, sizeof size);
    return green_sendmsg(fd, &message, 0);
}

int green_join_segments(int fd, bool on)
{
    int value = on;

    return green_setsockopt(fd, IPPROTO_UDP, UDP_GRO, &value, sizeof value);
}

size_t green__joined_size(struct msghdr *message)
{
    struct cmsghdr *c;
    int size = 0;

    for (c = CMSG_FIRSTHDR(message); c; c = CMSG_NXTHDR(message, c))
        if (c->cmsg_level == IPPROTO_UDP && c->cmsg_type == UDP_GRO)
            memcpy(&size, CMSG_DATA(c), sizeof size);
    return size > 0 ? (size_t)size : 0;
}
