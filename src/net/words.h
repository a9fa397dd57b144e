/* What failed, in words: green_net_error(). */
#ifndef GREEN_WORDS_H
#define GREEN_WORDS_H

/*
 * Sets the words of the calling OS thread to "ADDRESS: WHY"; `why` NULL: errno's
 * words. Called last of all, with errno set: what may switch comes before, so that
 * the caller reads its own words. Keeps errno; returns -1.
 */
int green__net_fail(const char *address, const char *why);

#endif
