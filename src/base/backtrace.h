/* Backtraces of the calling stack, and code addresses as text. */
#ifndef GREEN_BACKTRACE_H
#define GREEN_BACKTRACE_H

/* The return addresses, innermost first, beginning in the caller; at most `room`.
 * Returns how many. The first call may load a library; later ones are
 * async-signal-safe. */
int green__backtrace(void **frames, int room);

/* A line for each, with the file, the dynamic symbol and the address. */
void green__backtrace_print(void *const *frames, int count, int fd);

#endif
