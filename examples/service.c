/*
 * Greets each connection by a file. SIGHUP makes it read the file again, SIGUSR2 start
 * its new version in its place, SIGTERM or Ctrl-C end it when all are answered; none
 * of these refuses a connection. Without an address, it wants a socket passed:
 *     systemd-socket-activate -l 6000 ./service GREETING.txt
 */
#include <greenhub.h>

#include <err.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>

static struct green_server server;
static char greeting[200];
static int listener;
static bool replaced;

static int read_greeting(const char *path)
{
    char text[sizeof greeting] = "";
    int fd = green_open(path, O_RDONLY | O_CLOEXEC);

    if (fd < 0 || green_read(fd, text, sizeof text - 1) < 0)
        warn("%s", path);
    else
        memcpy(greeting, text, sizeof greeting);
    return fd < 0 ? -1 : green_close(fd);
}

static void greet(int fd, void *unused)
{
    char text[sizeof greeting + 20];

    (void)unused;
    snprintf(text, sizeof text, "%d %s", (int)getpid(), greeting);
    green_write_all(fd, text, strlen(text));
}

static void *follow_signals(void *argv)
{
    const struct green_upgrade_options options = {
        .argv = argv, .listeners = &listener, .listener_count = 1};
    sigset_t set;

    sigemptyset(&set);
    sigaddset(&set, SIGHUP);
    sigaddset(&set, SIGUSR2);
    sigprocmask(SIG_BLOCK, &set, NULL);
    while (!replaced) {
        if (green_signal_wait(&set, NULL) == SIGHUP) {
            green_notify_reloading();
            read_greeting(options.argv[1]); /* or keep the old one */
            green_notify("READY=1");
        } else if (green_upgrade(&options) > 0)
            replaced = true;
        else
            warn("upgrade"); /* and go on */
    }
    green_server_stop(&server);
    return NULL;
}

int main(int argc, char **argv)
{
    const struct green_serve_options options = {.server = &server};

    listener = green_listen_fd(NULL);
    if (listener < 0 && argc > 2)
        listener = green_listen(argv[2], NULL);
    if (listener < 0 || read_greeting(argv[1]) < 0 ||
        green_server_stop_on(&server, NULL) < 0 ||
        !green_spawn(follow_signals, argv) || green_sleep(0) < 0)
        errx(1, "it can't start: %s", green_net_error());
    green_notify("READY=1");
    if (green_serve(listener, greet, &options) < 0)
        errx(1, "%s", green_net_error());
    return replaced ? 0 : green_notify("STOPPING=1") < 0;
}
