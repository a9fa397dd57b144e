/* Locks of files, which other processes may have. */
#ifndef GREEN_PATCH_FILE_LOCK_H
#define GREEN_PATCH_FILE_LOCK_H

#include <stdbool.h>

/* Whether the command of fcntl(2) waits for a lock, or gives one up. */
bool green__is_file_lock(int command);

/* fcntl(2) with such a command, of a caller that is green. */
int green__file_lock(int fd, int command, void *lock);

#endif
