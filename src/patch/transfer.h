/* Transfers as libc makes them, for those that it makes itself. */
#ifndef GREEN_PATCH_TRANSFER_H
#define GREEN_PATCH_TRANSFER_H

#include <sys/types.h>

/* read(2) and write(2) if the caller is green in `group`, with SIGPIPE and as a
 * cancellation point; otherwise libc's own. */
ssize_t green__read_in(unsigned group, int fd, void *buffer, size_t size);
ssize_t green__write_in(unsigned group, int fd, const void *buffer,
                        size_t size);

/* All of it; returns how much it wrote before an error, which is in errno. */
size_t green__write_all_in(unsigned group, int fd, const char *buffer,
                           size_t size);

#endif
