/*
 * A service: what systemd and other service managers do for it, without their
 * libraries. Sockets that they opened (socket activation), what they are told
 * (sd_notify), and an upgrade of the program that refuses no connection.
 *
 *     int listener = green_listen_fd(NULL);
 *
 *     if (listener < 0 && errno == ENOENT)
 *         listener = green_listen("tcp://127.0.0.1:8080", NULL);
 *     green_server_stop_on(&server, NULL);
 *     green_notify("READY=1");
 *     green_serve(listener, handler, &options);
 */
#ifndef GREENHUB_SERVICE_H
#define GREENHUB_SERVICE_H

#include <greenhub/base.h>

#include <sys/types.h>

GREEN_BEGIN_DECLS

/* ---- Socket activation ---------------------------------------------------- */

/*
 * Returns how many descriptors the service manager has passed to this process, as
 * sd_listen_fds(3): 3, 4 and so on, by LISTEN_PID and LISTEN_FDS. Makes them
 * close-on-exec. 0 if it has passed none.
 * -1: EINVAL if LISTEN_PID or LISTEN_FDS is no number, EBADF if one of the
 * descriptors is closed. Never switches. From any thread that nothing changes the
 * environment in meanwhile.
 */
GREEN_API int green_listen_fds(void);

/*
 * Returns the first of these descriptors that has a name in LISTEN_FDNAMES
 * (FileDescriptorName= in a .socket unit); for NULL the first one of all.
 * -1: ENOENT if there is none, and the errors of green_listen_fds. Never switches.
 */
GREEN_API int green_listen_fd(const char *name);

/* ---- Notifications --------------------------------------------------------- */

/*
 * Tells the service manager about this process, as sd_notify(3): lines such as
 * "READY=1", "STOPPING=1", "WATCHDOG=1" or "STATUS=words", separated by '\n'.
 * With "READY=1", a process that green_upgrade has started tells the old one, too.
 * Returns 1 if the message was sent; 0 if no service manager waits for messages
 * (NOTIFY_SOCKET is not set); or -1: EINVAL for NULL, an empty state, or a NOTIFY_SOCKET that is no
 * path and no abstract name; the errors of socket and sendto; ECANCELED,
 * ETIMEDOUT, EDEADLK if it would have to wait in a hub's callback. May switch.
 */
GREEN_API int green_notify(const char *state);

/*
 * "RELOADING=1" with the time, which Type=notify-reload demands. Send "READY=1"
 * when the configuration has been read. Returns what green_notify does. May switch.
 */
GREEN_API int green_notify_reloading(void);

/*
 * Returns the time within which the service manager wants "WATCHDOG=1" again and
 * again (WatchdogSec= in the unit), or 0 if it does not. Never switches.
 */
GREEN_API green_time green_watchdog_time(void);

/*
 * If the service manager wants it, spawns a greenthread that sends "WATCHDOG=1" at
 * half that time, as long as the calling OS thread's greenthreads run: if one of
 * them blocks all others, the service is restarted.
 * Returns 1, or 0 if it does not want it, or -1 with the errors of green_spawn.
 * Never switches.
 */
GREEN_API int green_watchdog_start(void);

/* ---- Upgrade --------------------------------------------------------------- */

/* Zero-initialise it; 0 and NULL select the defaults. */
struct green_upgrade_options {
    const char *const *argv; /* the new program and its arguments */
    const int *listeners;    /* sockets that it shares with this process */
    unsigned listener_count; /* at most GREEN_PROCESS_FDS */
    const char *names;       /* their names, separated by ':'. Default: none */
    green_time timeout;      /* until it must be ready. Default: 30 s */
    uint64_t reserved[4];    /* must be zero */
};

/*
 * Starts a new process of the service, usually with the new version of the program,
 * and passes it the listeners as a service manager does (green_listen_fds). Waits
 * until it sends "READY=1" by green_notify. From then on both accept; now stop
 * this process's server, let its handlers finish, and exit. No connection is
 * refused or reset, since the listeners are never closed. (But see `threads` in
 * struct green_serve_options.)
 * If the service manager waits for notifications, this call tells it the new main
 * process (MAINPID=, READY=1); afterwards this process must send it none, not even
 * STOPPING=1.
 * Returns the new process's ID, or -1, and then the new process is gone and this
 * one goes on: ECHILD if it ended before it was ready, also if there is no such
 * program; ETIMEDOUT; EINVAL for NULL, an empty argv, or a reserved word that is
 * not zero; ECANCELED; ENOSYS where there is no Linux; the errors of
 * green_process_start. May switch. The program is started by /bin/sh, which sets
 * LISTEN_PID.
 */
GREEN_API pid_t green_upgrade(const struct green_upgrade_options *options);

GREEN_END_DECLS

#endif
