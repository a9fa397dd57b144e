/* The error message of green_net_error(). */
#ifndef GREEN_WORDS_H
#define GREEN_WORDS_H

/*
 * Sets the calling OS thread's message to "ADDRESS: WHY"; if `why` is NULL,
 * errno's text. Call it last, with errno set, after all calls that may switch:
 * otherwise another greenthread may replace the message. Keeps errno; returns
 * -1.
 */
int green__net_fail(const char *address, const char *why);

#endif
