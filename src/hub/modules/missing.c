#include "hub/modules/missing.h"

#include <errno.h>

#include "base/self.h"

int green__missing_open(const char *library)
{
    return green__fail(ENOSYS, "this greenhub was built without %s", library);
}

int green__missing_interest(struct green_hub *hub, int fd, uint64_t token,
                            unsigned from, unsigned to)
{
    (void)hub;
    (void)fd;
    (void)token;
    (void)from;
    (void)to;
    return green__refuse(ENOSYS);
}

int green__missing_wait(struct green_hub *hub, green_time timeout)
{
    (void)hub;
    (void)timeout;
    return green__refuse(ENOSYS);
}
