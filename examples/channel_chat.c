/*
 * A chat on channels: each guest has one, through which the others tell it what
 * they say, and alone writes to its socket.
 *
 *     channel_chat [ADDRESS]         default tcp://127.0.0.1:6003
 *     nc 127.0.0.1 6003              (several times)
 *
 * A guest waits for two things at once by green_choose: a line from its socket, and
 * something to be told. One that does not listen misses what is said.
 */
#include <greenhub.h>

#include <err.h>
#include <stdio.h>
#include <string.h>

struct guest {
    struct guest *next;
    struct green_channel told;
};

#define TEXT 300 /* bytes that are told at a time */

static struct guest *guests;

/* Does not switch, so no member can leave during the walk of the list. */
static void tell_others(const struct guest *from, const char *text)
{
    for (struct guest *to = guests; to; to = to->next)
        if (to != from)
            green_channel_try_send(&to->told, text);
}

static void chat(int fd, void *unused)
{
    struct guest guest = {.next = guests}, **at = &guests;
    char line[256], text[TEXT] = "joined the chat\n";
    struct green_case cases[] = {
        {.kind = GREEN_CASE_DESCRIPTOR, .fd = fd, .events = GREEN_READ},
        {.kind = GREEN_CASE_RECEIVE, .channel = &guest.told, .value = text},
    };
    ssize_t n = 0;

    (void)unused;
    if (green_channel_init(&guest.told, TEXT, 16) < 0)
        return;
    guests = &guest; /* on this stack, as long as the greenthread lives */
    tell_others(&guest, text);
    while (n >= 0) {
        int chosen = green_choose(cases, 2, GREEN_FOREVER);

        if (chosen == 1) {
            n = green_write_all(fd, text, strlen(text));
        } else if (chosen < 0 || (n = green_read(fd, line, sizeof line)) <= 0) {
            break;
        } else {
            snprintf(text, TEXT, "guest %d: %.*s", fd, (int)n, line);
            tell_others(&guest, text);
        }
    }
    while (*at != &guest)
        at = &(*at)->next;
    *at = guest.next;
    green_channel_destroy(&guest.told);
}

int main(int argc, char **argv)
{
    const char *address = argc > 1 ? argv[1] : "tcp://127.0.0.1:6003";
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
