/*
 * name_lookup NAME...: asks name servers for the addresses of all names at once,
 * and of numbers for their names. Prints a line for each, in the order of the
 * answers.
 */
#include <greenhub.h>
#include <greenhub/dns.h>

#include <err.h>
#include <netdb.h>
#include <stdio.h>

#define MOST 16

static int failures;

/* A number is in `address` already; prints the name that it has. */
static void print_name(const char *host,
                       const struct green_socket_address *address)
{
    char name[NI_MAXHOST];
    int code = green_getnameinfo(&address->at.any, address->length, name,
                                 sizeof name, NULL, 0, NI_NAMEREQD);

    failures += code != 0;
    printf("%s: %s\n", host, code == 0 ? name : gai_strerror(code));
}

static void print_addresses(const char *host,
                            const struct green_socket_address *found, int count)
{
    char number[NI_MAXHOST];

    printf("%s:", host);
    for (int i = 0; i < count; i++)
        if (green_getnameinfo(&found[i].at.any, found[i].length, number,
                              sizeof number, NULL, 0, NI_NUMERICHOST) == 0)
            printf(" %s", number);
    putchar('\n');
}

static int look_up(void *arg)
{
    const char *host = arg;
    const struct addrinfo number = {.ai_flags = AI_NUMERICHOST};
    struct green_socket_address found[MOST];
    struct addrinfo *unused;
    int count = green_resolve(host, NULL, found, MOST);

    if (count < 0) {
        printf("%s\n", green_net_error());
        failures++;
    } else if (green_getaddrinfo(host, NULL, &number, &unused) == 0) {
        freeaddrinfo(unused);
        print_name(host, &found[0]);
    } else {
        print_addresses(host, found, count < MOST ? count : MOST);
    }
    return 0;
}

int main(int argc, char **argv)
{
    struct green_scope scope;

    if (argc < 2)
        errx(2, "usage: name_lookup NAME...");
    if (green_use_dns() < 0)
        err(1, "green_use_dns");
    if (green_scope_begin(&scope, 30 * GREEN_SEC) < 0)
        err(1, "scope");
    for (int i = 1; i < argc; i++)
        if (green_scope_spawn(&scope, look_up, argv[i]) < 0)
            err(1, "greenthread");
    if (green_scope_end(&scope) < 0)
        err(1, "look-ups");
    return failures > 0;
}
