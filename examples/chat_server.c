/*
 * A chat with any number of rooms: a line from one member goes to all in the room.
 *
 *     chat_server [ADDRESS]          default tcp://127.0.0.1:6002
 *     nc 127.0.0.1 6002              "/join ROOM" changes the room
 *
 * Greenthreads of a thread run one at a time and change only where they block,
 * so the list needs no lock. A client that does not read misses what is said.
 */
#include <greenhub.h>

#include <err.h>
#include <stdio.h>
#include <string.h>

struct member {
    struct member *next;
    int fd;
    char room[32];
};

static struct member *members;

static void say(const struct member *from, const char *text)
{
    const struct member *to;
    char line[700];
    int n = snprintf(line, sizeof line, "[%s] guest %d: %s\n", from->room,
                     from->fd, text);

    /* Does not switch, so no member can leave during the walk of the list. */
    for (to = members; to != NULL; to = to->next) {
        if (strcmp(to->room, from->room) == 0)
            green_send(to->fd, line, (size_t)n, MSG_DONTWAIT);
    }
}

static void join(struct member *member, const char *room)
{
    say(member, "leaves");
    snprintf(member->room, sizeof member->room, "%s", room);
    say(member, "joins");
}

static void chat(int fd, void *unused)
{
    struct member member = {.next = members, .fd = fd, .room = "lobby"};
    struct member **at = &members;
    struct green_reader reader;
    char buffer[512], *line;

    (void)unused;
    if (green_reader_init(&reader, fd, buffer, sizeof buffer) < 0)
        return;
    members = &member; /* on this stack, as long as the greenthread lives */
    say(&member, "joins");
    while (green_read_line(&reader, &line, NULL) > 0) {
        line[strcspn(line, "\r\n")] = '\0';
        if (strncmp(line, "/join ", 6) == 0)
            join(&member, line + 6);
        else
            say(&member, line);
    }
    while (*at != &member)
        at = &(*at)->next;
    *at = member.next;
    say(&member, "leaves");
}

int main(int argc, char **argv)
{
    const char *address = argc > 1 ? argv[1] : "tcp://127.0.0.1:6002";
    int listener = green_listen(address, NULL);
    char here[128];

    if (listener < 0)
        errx(1, "%s", green_net_error());
    if (green_local_address(listener, here, sizeof here) < 0)
        err(1, "%s", address);
    printf("listening on %s\n", here);
    fflush(stdout);
    if (green_serve(listener, chat, NULL) < 0)
        errx(1, "%s", green_net_error());
    return 0;
}
