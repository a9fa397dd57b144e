/* Receiving a message, for message.c and stream.c. */
#ifndef GREEN_MESSAGE_H
#define GREEN_MESSAGE_H

#include <sys/socket.h>

#include "io/wait.h"

/* The size of all its buffers. */
size_t green__message_size(const struct msghdr *message);

/* As green_recvmsg, within a call that green__io_begin began. */
ssize_t green__receive_message(struct green__io *io, struct msghdr *message,
                               int flags);

/* Whether the peer has ended. The number of bytes there does not show it. */
bool green__has_ended(int fd);

#endif
