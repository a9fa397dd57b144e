/*
 * libssh2, blocking as it is, on sshd.
 *
 *     ssh CASE PORT USER KEY
 *
 * A session's command waits until main has made a file; each such session has
 * made one before, which main counts.
 */
#include "crowd.h"

#include <arpa/inet.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <libssh2.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

struct session {
    int fd;
    LIBSSH2_SESSION *ssh;
    LIBSSH2_CHANNEL *channel;
};

static char folder[] = "/tmp/greenhub-ssh-XXXXXX"; /* where the files are */

/* ---- A session --------------------------------------------------------- */

static bool failed(struct member *me, struct session *s, const char *what)
{
    char *words = NULL;

    if (libssh2_session_last_error(s->ssh, &words, NULL, 0) == 0)
        words = strerror(errno);
    crowd_failed(me, "%s: %s", what, words);
    return false;
}

static bool connect_to_server(struct member *me, struct session *s)
{
    struct sockaddr_in address = {
        .sin_family = AF_INET,
        .sin_port = htons((uint16_t)atoi(crowd_argument(0))),
        .sin_addr.s_addr = htonl(INADDR_LOOPBACK),
    };

    s->fd = socket(AF_INET, SOCK_STREAM, 0);
    if (connect(s->fd, (struct sockaddr *)&address, sizeof address) < 0) {
        crowd_failed(me, "connect: %s", strerror(errno));
        return false;
    }
    return true;
}

static bool begin(struct member *me, struct session *s)
{
    char public_key[200];

    snprintf(public_key, sizeof public_key, "%s.pub", crowd_argument(2));
    if (!connect_to_server(me, s))
        return false;
    if (libssh2_session_handshake(s->ssh, s->fd) != 0)
        return failed(me, s, "handshake");
    if (libssh2_userauth_publickey_fromfile(s->ssh, crowd_argument(1),
                                            public_key, crowd_argument(2),
                                            NULL) != 0)
        return failed(me, s, "key");
    s->channel = libssh2_channel_open_session(s->ssh);
    return s->channel || failed(me, s, "channel");
}

/* What a command prints, up to the end. Returns how much, -1 if it fails. */
static ssize_t run(struct member *me, struct session *s, const char *command,
                   char *output, size_t size)
{
    ssize_t count, sum = 0;

    if (libssh2_channel_exec(s->channel, command) != 0) {
        failed(me, s, "exec");
        return -1;
    }
    while ((count = libssh2_channel_read(s->channel, output + sum,
                                         size - (size_t)sum)) > 0)
        sum += count;
    if (count < 0) {
        failed(me, s, "read");
        return -1;
    }
    return sum;
}

static void end(struct session *s)
{
    if (s->channel)
        libssh2_channel_free(s->channel);
    libssh2_session_disconnect(s->ssh, "done");
    libssh2_session_free(s->ssh);
    close(s->fd);
}

/* A whole session; the command has to print what is wanted, again and again. */
static void session(struct member *me, const char *command, const char *wanted,
                    size_t times)
{
    struct session s = {.fd = -1, .ssh = libssh2_session_init()};
    size_t length = strlen(wanted), size = times * length + 1;
    char *output = calloc(1, size);
    ssize_t count = -1;

    if (begin(me, &s)) {
        crowd_enter();
        count = run(me, &s, command, output, size);
        crowd_leave();
    }
    if (count >= 0 && (size_t)count != times * length)
        crowd_failed(me, "%zd bytes", count);
    for (size_t i = 0; !me->failed && i < times; i++)
        if (memcmp(output + i * length, wanted, length) != 0)
            crowd_failed(me, "line %zu is wrong", i);
    free(output);
    end(&s);
}

static void is_well(void)
{
    struct member me = {.number = 0};

    session(&me, "echo well", "well\n", 1);
    if (me.failed)
        crowd_give_up("afterwards: %s", me.error);
}

/* ---- The files ----------------------------------------------------------- */

static int files(void)
{
    DIR *open_folder = opendir(folder);
    int count = -2;

    while (readdir(open_folder))
        count++;
    closedir(open_folder);
    return count;
}

static void make_folder(void)
{
    if (!mkdtemp(folder) || chmod(folder, 0777) < 0)
        crowd_give_up("%s: %s", folder, strerror(errno));
}

static void remove_folder(void)
{
    char path[100];

    for (int i = -1; i < CROWD; i++) {
        snprintf(path, sizeof path, i < 0 ? "%s/go" : "%s/%d", folder, i);
        unlink(path);
    }
    rmdir(folder);
}

static void let_the_command_go_on(void)
{
    char path[100];

    snprintf(path, sizeof path, "%s/go", folder);
    close(open(path, O_CREAT | O_WRONLY, 0666));
}

static void wait_one(struct member *me)
{
    char command[300], wanted[20];

    snprintf(command, sizeof command,
             "touch %s/%d; while [ ! -e %s/go ]; do sleep 0.2; done; echo %d",
             folder, me->number, folder, me->number);
    snprintf(wanted, sizeof wanted, "%d\n", me->number);
    session(me, command, wanted, 1);
}

static void until_all_are_there(void)
{
    while (files() < CROWD)
        usleep(5000);
}

/* ---- The cases ---------------------------------------------------------- */

static void commands(void)
{
    make_folder();
    crowd_start(wait_one);
    until_all_are_there();
    let_the_command_go_on();
    crowd_wait();
    remove_folder();
    is_well();
}

static void large_one(struct member *me)
{
    session(me, "yes 'a line of the answer' | head -n 20000",
            "a line of the answer\n", 20000);
}

static void large(void)
{
    crowd_run(large_one);
    is_well();
}

static void kill_in_command(void)
{
    make_folder();
    crowd_start(wait_one);
    until_all_are_there();
    crowd_kill(0);
    crowd_wait();
    let_the_command_go_on(); /* the commands end */
    is_well();
    remove_folder();
}

static void kill_anywhere(void)
{
    make_folder();
    crowd_start(wait_one);
    crowd_kill(20 * GREEN_MSEC);
    crowd_wait();
    let_the_command_go_on();
    is_well();
    remove_folder();
}

int main(int argc, char **argv)
{
    static const struct program_case cases[] = {
        {"commands", commands},
        {"large", large},
        {"kill_in_command", kill_in_command},
        {"kill_anywhere", kill_anywhere},
        {NULL, NULL},
    };

    if (libssh2_init(0) != 0)
        crowd_give_up("libssh2_init");
    return crowd_main(argc, argv, cases);
}
