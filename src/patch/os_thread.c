/* What is done as the OS thread: signals to itself, fork, credentials. */
#include "patch/os_thread.h"

#include <grp.h>
#include <stdlib.h>

/* ---- Signals to the calling thread -------------------------------------- */

/* libc sends it to the thread's id, and the kernel knows the OS thread's. */
GREEN__HOOK int raise(int number)
{
    struct green__as_os_thread os;
    int result;

    green__as_os_thread_begin(&os);
    result = green__real()->raise(number);
    green__as_os_thread_end(&os);
    return result;
}

GREEN__HOOK void abort(void)
{
    struct green__as_os_thread os;

    green__as_os_thread_begin(&os);
    green__real()->abort();
    __builtin_unreachable();
}

/* ---- fork ------------------------------------------------------------------ */

/* In the child the id is another: green__identity_forked has set it. */
GREEN__HOOK pid_t fork(void)
{
    struct green__as_os_thread os;
    pid_t child;

    green__as_os_thread_begin(&os);
    child = green__real()->fork();
    if (child == 0)
        os.tid_place = NULL;
    green__as_os_thread_end(&os);
    return child;
}

GREEN__HOOK int daemon(int keep_folder, int keep_output)
{
    struct green__as_os_thread os;
    int result;

    green__as_os_thread_begin(&os);
    result = green__real()->daemon(keep_folder, keep_output);
    os.tid_place = NULL; /* another process by now */
    green__as_os_thread_end(&os);
    return result;
}

/* ---- Credentials ---------------------------------------------------------- */

/* libc changes them in every OS thread that it knows. */

GREEN__HOOK int setuid(uid_t user)
{
    struct green__as_os_thread os;
    int result;

    green__as_os_thread_begin(&os);
    result = green__real()->setuid(user);
    green__as_os_thread_end(&os);
    return result;
}

GREEN__HOOK int setgid(gid_t group)
{
    struct green__as_os_thread os;
    int result;

    green__as_os_thread_begin(&os);
    result = green__real()->setgid(group);
    green__as_os_thread_end(&os);
    return result;
}

GREEN__HOOK int seteuid(uid_t user)
{
    struct green__as_os_thread os;
    int result;

    green__as_os_thread_begin(&os);
    result = green__real()->seteuid(user);
    green__as_os_thread_end(&os);
    return result;
}

GREEN__HOOK int setegid(gid_t group)
{
    struct green__as_os_thread os;
    int result;

    green__as_os_thread_begin(&os);
    result = green__real()->setegid(group);
    green__as_os_thread_end(&os);
    return result;
}

GREEN__HOOK int setreuid(uid_t real, uid_t effective)
{
    struct green__as_os_thread os;
    int result;

    green__as_os_thread_begin(&os);
    result = green__real()->setreuid(real, effective);
    green__as_os_thread_end(&os);
    return result;
}

GREEN__HOOK int setregid(gid_t real, gid_t effective)
{
    struct green__as_os_thread os;
    int result;

    green__as_os_thread_begin(&os);
    result = green__real()->setregid(real, effective);
    green__as_os_thread_end(&os);
    return result;
}

GREEN__HOOK int setresuid(uid_t real, uid_t effective, uid_t saved)
{
    struct green__as_os_thread os;
    int result;

    green__as_os_thread_begin(&os);
    result = green__real()->setresuid(real, effective, saved);
    green__as_os_thread_end(&os);
    return result;
}

GREEN__HOOK int setresgid(gid_t real, gid_t effective, gid_t saved)
{
    struct green__as_os_thread os;
    int result;

    green__as_os_thread_begin(&os);
    result = green__real()->setresgid(real, effective, saved);
    green__as_os_thread_end(&os);
    return result;
}

GREEN__HOOK int setgroups(size_t count, const gid_t *groups)
{
    struct green__as_os_thread os;
    int result;

    green__as_os_thread_begin(&os);
    result = green__real()->setgroups(count, groups);
    green__as_os_thread_end(&os);
    return result;
}
