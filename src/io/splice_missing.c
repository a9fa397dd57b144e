/* Without splice(2): what is copied goes through a buffer. See splice.h. */
#include "io/splice.h"

#include <errno.h>
#include <stddef.h>

#include "base/self.h"

bool green__can_splice(int from, int to)
{
    (void)from, (void)to;
    return false;
}

bool green__pipe_open(struct green__pipe *pipe)
{
    (void)pipe;
    return false;
}

void green__pipe_close(struct green__pipe *pipe)
{
    (void)pipe;
}

struct green_buffer *green__pipe_drain(struct green__pipe *pipe)
{
    (void)pipe;
    errno = ENOSYS;
    return NULL;
}

ssize_t green__splice_in(int fd, struct green__pipe *pipe)
{
    (void)fd, (void)pipe;
    return green__refuse(ENOSYS);
}

int green__splice_out(struct green__pipe *pipe, int fd, size_t *written)
{
    (void)pipe, (void)fd, (void)written;
    return green__refuse(ENOSYS);
}
