/* A library with thread-local data, for a program that loads it late. */
#include <greenhub.h>

GREEN_API int *thread_local_number(void);
GREEN_API char *thread_local_room(void);

static _Thread_local int number = 42;
static _Thread_local char room[3000];

int *thread_local_number(void)
{
    return &number;
}

char *thread_local_room(void)
{
    return room;
}
