/* UDP datagrams that the kernel cuts (UDP_SEGMENT) and joins (UDP_GRO). */
#include <greenhub/socket.h>

#include <errno.h>
#include <netinet/in.h>
#include <string.h>

#include <greenhub/io.h>

#include "base/mmsghdr.h"
#include "base/self.h"
#include "net/segments.h"

/* The kernel's UDP_MAX_SEGMENTS; later ones take 128. */
#define MAX_SEGMENTS 64
/* Of IPv4 and IPv6 alike, the headers not counted. */
#define MAX_DATAGRAM 65507

/* The same without the kernel's help. */
static ssize_t send_each(int fd, const struct iovec *bytes, size_t segment)
{
    struct iovec parts[MAX_SEGMENTS];
    struct mmsghdr messages[MAX_SEGMENTS];
    unsigned count = 0;
    size_t at;
    int n;

    memset(messages, 0, sizeof messages);
    for (at = 0; at < bytes->iov_len; at += segment, count++) {
        size_t left = bytes->iov_len - at;

        parts[count].iov_base = (char *)bytes->iov_base + at;
        parts[count].iov_len = left < segment ? left : segment;
        messages[count].msg_hdr.msg_iov = &parts[count];
        messages[count].msg_hdr.msg_iovlen = 1;
    }
    n = green_sendmmsg(fd, messages, count, 0);
    if (n <= 0)
        return -1;
    at = (size_t)n * segment;
    return (ssize_t)(at < bytes->iov_len ? at : bytes->iov_len);
}

/* Errors of the cutting: of a device without checksums, of a kernel that takes
 * fewer or none. EINVAL and EMSGSIZE may have other causes; the datagrams that
 * are sent by themselves then fail as they must. */
static bool is_refusal(int error)
{
    return error == EIO || error == EINVAL || error == EMSGSIZE ||
           error == ENOPROTOOPT || error == EOPNOTSUPP;
}

/* The bytes of the next system call. */
static size_t next_size(size_t left, size_t segment)
{
    size_t most = MAX_DATAGRAM / segment;

    if (most > MAX_SEGMENTS)
        most = MAX_SEGMENTS;
    return left < most * segment ? left : most * segment;
}

/* One system call's worth. *cuts: whether the kernel is asked to cut. */
static ssize_t send_some(int fd, struct iovec *bytes, size_t segment,
                         bool *cuts)
{
    ssize_t n;

    if (*cuts && bytes->iov_len > segment) {
        n = green__send_cut(fd, bytes, segment);
        if (n >= 0 || !is_refusal(errno))
            return n;
        *cuts = false;
    }
    return bytes->iov_len > 0 ? send_each(fd, bytes, segment)
                              : green_send(fd, "", 0, 0);
}

ssize_t green_send_segments(int fd, const void *buffer, size_t size,
                            size_t segment)
{
    bool cuts;
    size_t done = 0;
    ssize_t n;

    if (!buffer || segment == 0)
        return green__refuse(EINVAL);
    if (segment > MAX_DATAGRAM)
        return green__refuse(EMSGSIZE);
    cuts = size > segment && green__can_segment(fd);
    do {
        struct iovec bytes = {.iov_base = (char *)buffer + done,
                              .iov_len = next_size(size - done, segment)};

        n = send_some(fd, &bytes, segment, &cuts);
        if (n > 0)
            done += (size_t)n;
    } while (n > 0 && done < size);
    return done > 0 ? (ssize_t)done : n;
}

ssize_t green_recv_segments(int fd, void *buffer, size_t size, size_t *segment,
                            struct sockaddr *address, socklen_t *length)
{
    /* Room for what other options (SO_TIMESTAMP, IP_PKTINFO) put in front. */
    union {
        struct cmsghdr header;
        char room[512];
    } control;
    struct iovec bytes = {.iov_base = buffer, .iov_len = size};
    struct msghdr message = {.msg_name = address,
                             .msg_namelen = address && length ? *length : 0,
                             .msg_iov = &bytes,
                             .msg_iovlen = 1,
                             .msg_control = &control,
                             .msg_controllen = sizeof control};
    ssize_t n;

    if (!buffer || !segment || (address && !length))
        return green__refuse(EINVAL);
    n = green_recvmsg(fd, &message, 0);
    if (n < 0)
        return -1;
    if (message.msg_flags & MSG_TRUNC)
        return green__refuse(EMSGSIZE);
    if (address)
        *length = message.msg_namelen;
    *segment = green__joined_size(&message);
    if (*segment == 0)
        *segment = (size_t)n;
    return n;
}
