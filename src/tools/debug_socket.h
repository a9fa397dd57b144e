/* The socket of the door, and the descriptors that it has. */
#ifndef GREEN_DEBUG_SOCKET_H
#define GREEN_DEBUG_SOCKET_H

#include <stdbool.h>
#include <sys/types.h>

/* The program may close numbers that it does not know, and open files of its own
 * under them. */
struct green__descriptor_id {
    int fd; /* -1: none */
    dev_t device;
    ino_t number;
};

#define GREEN__NO_DESCRIPTOR ((struct green__descriptor_id){.fd = -1})

/* Notes what is open as fd, which the library has for itself from now on. */
struct green__descriptor_id green__descriptor_own(int fd);
bool green__descriptor_is_ours(const struct green__descriptor_id *id);
/* Closes it if it is ours. */
void green__descriptor_end(struct green__descriptor_id *id);

/* Puts the path of "unix:PATH" into path. 0, or -1 with EINVAL. */
int green__debug_path(const char *where, char *path, size_t size);

/* Returns a listening socket of mode 0600, or -1. */
int green__debug_listen(const char *path);

/* Whether the other end is a process of this user, or of root. */
bool green__debug_is_allowed(int fd);

#endif
