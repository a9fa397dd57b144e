#ifndef GREEN_PATCH_ONCE_H
#define GREEN_PATCH_ONCE_H

/* Learns libc's format. 0, or -1 with errno, and words for ENOTSUP. */
int green__once_prepare(void);

#endif
