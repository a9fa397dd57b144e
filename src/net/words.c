#include "net/words.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include <greenhub/net.h>

#include "base/self.h"

/* A longer address loses its end, so that the message after it fits. */
#define MAX_ADDRESS 180

int green__net_fail(const char *address, const char *why)
{
    int error = errno;

    snprintf(green__self()->net_error, GREEN__ERROR_SIZE, "%.*s: %s",
             MAX_ADDRESS, address ? address : "NULL",
             why ? why : strerror(error));
    errno = error;
    return -1;
}

const char *green_net_error(void)
{
    return green__self()->net_error;
}
