/*
 * Runs a command on a hundred machines at once, by libssh2's blocking calls;
 * here they are all the same one.
 *
 *     patch_ssh ADDRESS PORT USER KEY-FILE COMMAND
 */
#include <greenhub.h>
#include <greenhub/patch.h>

#include <arpa/inet.h>
#include <err.h>
#include <libssh2.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

static char **words;
static int done;

static int run_command(LIBSSH2_SESSION *session)
{
    LIBSSH2_CHANNEL *channel = libssh2_channel_open_session(session);
    char bytes[4096];
    ssize_t count = -1;

    if (channel && libssh2_channel_exec(channel, words[5]) == 0)
        while ((count = libssh2_channel_read(channel, bytes, sizeof bytes)) > 0)
            fwrite(bytes, 1, (size_t)count, stdout);
    if (channel)
        libssh2_channel_free(channel);
    return (int)count;
}

static void *log_in_and_run(void *unused)
{
    struct sockaddr_in address = {.sin_family = AF_INET,
                                  .sin_port = htons((uint16_t)atoi(words[2]))};
    LIBSSH2_SESSION *session = libssh2_session_init();
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    char *why = "cannot connect";

    inet_pton(AF_INET, words[1], &address.sin_addr);
    if (connect(fd, (struct sockaddr *)&address, sizeof address) == 0 &&
        libssh2_session_handshake(session, fd) == 0 &&
        libssh2_userauth_publickey_fromfile(session, words[3], NULL, words[4],
                                            NULL) == 0 &&
        run_command(session) == 0) {
        done++;
    } else {
        libssh2_session_last_error(session, &why, NULL, 0);
        warnx("%s", why);
    }
    libssh2_session_free(session);
    close(fd);
    return unused;
}

int main(int argc, char **argv)
{
    struct green_thread *threads[100];

    if (argc < 6)
        errx(2, "usage: %s ADDRESS PORT USER KEY-FILE COMMAND", argv[0]);
    words = argv;
    if (libssh2_init(0) != 0 || green_patch(GREEN_PATCH_LIBRARIES) < 0)
        errx(1, "%s", green_hub_error());
    for (int i = 0; i < 100; i++) {
        threads[i] = green_spawn(log_in_and_run, NULL);
        if (!threads[i])
            err(1, "greenthread");
    }
    for (int i = 0; i < 100; i++)
        green_join(threads[i], NULL);
    fprintf(stderr, "%d of 100 sessions\n", done);
    return done < 100;
}
