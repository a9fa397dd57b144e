#include "door.h"

#include "support.h"

#include <greenhub.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

static char path[100];
static _Thread_local char *text;
static const char *last = "";

const char *open_door(void)
{
    char where[120];

    snprintf(path, sizeof path, "/tmp/greenhub-test-door-%d", getpid());
    snprintf(where, sizeof where, "unix:%s", path);
    ck_ok(green_debug_serve(where));
    return path;
}

int knock(const char *to)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

    ck_assert_int_ge(fd, 0);
    snprintf(address.sun_path, sizeof address.sun_path, "%s", to);
    ck_ok(connect(fd, (struct sockaddr *)&address, sizeof address));
    return fd;
}

void say(int fd, const char *words)
{
    ck_assert_int_eq(send(fd, words, strlen(words), MSG_NOSIGNAL),
                     (ssize_t)strlen(words));
}

void forget_answer(void)
{
    free(text);
    text = NULL;
}

/* Byte by byte, so that the next answer stays where it is. */
const char *hear(int fd)
{
    size_t have = 0, room = 4096;

    text = realloc(text, room);
    for (;;) {
        ssize_t n = recv(fd, text + have, 1, 0);

        if (n <= 0)
            return NULL;
        have++;
        text[have] = '\0';
        if (text[have - 1] == '\n' && (have == 1 || text[have - 2] == '\n'))
            break;
        if (have + 1 == room) {
            room *= 2;
            text = realloc(text, room);
        }
    }
    text[have - 1] = '\0';
    return text;
}

static long ask(void *line)
{
    int fd = knock(path);

    say(fd, line);
    say(fd, "\n");
    last = hear(fd);
    close(fd);
    return last ? 0 : -1;
}

const char *ask_door(const char *line)
{
    char copy[2048];

    snprintf(copy, sizeof copy, "%s", line);
    ck_assert_int_eq(on_thread(ask, copy), 0);
    return last;
}

void answer_has(const char *words)
{
    ck_assert_msg(strstr(last, words) != NULL, "no \"%s\" in\n%s", words, last);
}

void answer_lacks(const char *words)
{
    ck_assert_msg(strstr(last, words) == NULL, "\"%s\" in\n%s", words, last);
}
