/* The messages of recvmmsg and sendmmsg: POSIX has no such calls, but green ones
 * take them. */
#ifndef GREEN_MMSGHDR_H
#define GREEN_MMSGHDR_H

#include <sys/socket.h>

/* The build looks whether <sys/socket.h> has it; with _GNU_SOURCE Linux's does. */
#if !defined GREEN__HAS_MMSGHDR && !defined _GNU_SOURCE
struct mmsghdr {
    struct msghdr msg_hdr;
    unsigned msg_len;
};
#endif

#endif
