/* What the library reads of its environment. */
#ifndef GREEN_ENVIRONMENT_H
#define GREEN_ENVIRONMENT_H

/* getenv(3); NULL in a program with the rights of somebody else than who has
 * started it (set-user-ID and its like), who must not choose what it loads or
 * writes. */
const char *green__getenv(const char *name);

/* The program's name without a folder; "" if nobody knows it. */
const char *green__program_name(void);

#endif
