/* The client's side of green_debug_serve, for tests. */
#ifndef TESTS_DOOR_H
#define TESTS_DOOR_H

/* Opens a door at a path of this process's own, and returns the path. */
const char *open_door(void);

/* Connects to a path. These do not switch: they block the OS thread. */
int knock(const char *path);
void say(int fd, const char *text);

/* Reads one answer, without its empty line; NULL at the end of the connection.
 * The text is valid until the next call of the same OS thread. */
const char *hear(int fd);

/* Frees that text, for an OS thread that ends. */
void forget_answer(void);

/* Asks in an OS thread of the pool, while the calling greenthread waits. */
const char *ask_door(const char *line);

/* What the last answer has to have, or must not have. */
void answer_has(const char *words);
void answer_lacks(const char *words);

#endif
