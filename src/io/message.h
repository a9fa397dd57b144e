/* Messages, for message.c, batch.c and stream.c. */
#ifndef GREEN_MESSAGE_H
#define GREEN_MESSAGE_H

#include <sys/socket.h>

#include "io/vector.h"
#include "io/wait.h"

/* The size of all its buffers. */
size_t green__message_size(const struct msghdr *message);

/* As green_recvmsg, within a call that green__io_begin began. */
ssize_t green__receive_message(struct green__io *io, struct msghdr *message,
                               int flags);

/* Sends all of the vector; the address and the ancillary data go with the first
 * piece. */
ssize_t green__send_vector(struct green__io *io, const struct msghdr *message,
                           struct green__vector *vector, int flags);

/* Descriptors were sent: the receiver may change their open files' flags. */
void green__share_rights(const struct msghdr *message);

/* Whether the peer has ended. The number of bytes there does not show it. */
bool green__has_ended(int fd);

#endif
