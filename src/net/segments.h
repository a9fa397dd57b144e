/* Datagrams that the kernel cuts and joins. */
#ifndef GREEN_SEGMENTS_H
#define GREEN_SEGMENTS_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/socket.h>
#include <sys/types.h>

/* Whether the kernel cuts what is sent by this socket. */
bool green__can_segment(int fd);

/* One system call's worth, cut by the kernel. */
ssize_t green__send_cut(int fd, struct iovec *bytes, size_t segment);

/* The size of those that the kernel has joined; 0: it is one. */
size_t green__joined_size(struct msghdr *message);

#endif
