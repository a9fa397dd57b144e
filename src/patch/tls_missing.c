/* Own TLS where it cannot be had: on other architectures, and under sanitizers,
 * which keep thread-local data of their own that they must not lose. */
#include <errno.h>
#include <stddef.h>

#include "base/self.h"
#include "patch/tls.h"

int green__tls_prepare(void)
{
    return green__fail(ENOTSUP,
                       "thread-local data for each greenthread are not "
                       "supported in this build");
}

int green__tls_here(struct green__scheduler *s)
{
    (void)s;
    return green__tls_prepare();
}

struct green__tls *green__tls_make(void)
{
    errno = ENOTSUP;
    return NULL;
}

struct green__tls *green__tls_make_for(struct green__tls_home *home)
{
    (void)home;
    return green__tls_make();
}

struct green__tls_home *green__tls_home_here(void)
{
    return NULL;
}

void green__tls_free(struct green__tls *tls)
{
    (void)tls;
}

void green__tls_begins(void)
{
}

void green__tls_ends(void)
{
}

void *green__tls_enter_os(void)
{
    return NULL;
}

void green__tls_leave_os(void *entered)
{
    (void)entered;
}

struct green__tls *green__tls_current(void)
{
    return NULL;
}

pthread_t green__tls_id(const struct green__tls *tls)
{
    (void)tls;
    return 0;
}

struct green__tls *green__tls_of(pthread_t id)
{
    (void)id;
    return NULL;
}
