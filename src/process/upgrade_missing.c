/* Upgrades need Linux: the new process is known by the credentials that its socket
 * passes, at an abstract address. */
#include <greenhub/service.h>

#include <errno.h>

#include "base/self.h"

pid_t green_upgrade(const struct green_upgrade_options *options)
{
    return green__refuse(options ? ENOSYS : EINVAL);
}
