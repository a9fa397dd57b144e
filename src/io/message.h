/* Receiving a message, for message.c and for those that read a stream. */
#ifndef GREEN_MESSAGE_H
#define GREEN_MESSAGE_H

#include <sys/socket.h>

#include "io/wait.h"

/* Of its buffers, in all. */
size_t green__message_size(const struct msghdr *message);

/* recvmsg within a call that was begun, as green_recvmsg. */
ssize_t green__receive_message(struct green__io *io, struct msghdr *message,
                               int flags);

/* No more will come. A look at what is there does not show it. */
bool green__has_ended(int fd);

#endif
