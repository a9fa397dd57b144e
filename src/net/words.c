#include "net/words.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include <greenhub/net.h>

#include "base/self.h"

/* Of a longer address the end is cut off, not the words after it. */
#define ADDRESS_MOST 180

int green__net_fail(const char *address, const char *why)
{
    int error = errno;

    snprintf(green__self()->net_error, GREEN__ERROR_SIZE, "%.*s: %s",
             ADDRESS_MOST, address ? address : "NULL",
             why ? why : strerror(error));
    errno = error;
    return -1;
}

const char *green_net_error(void)
{
    return green__self()->net_error;
}
