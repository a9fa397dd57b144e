/* Queries of DNS by the resolver's older interface; the other side is the
 * server. */
#include <arpa/inet.h>
#include <netdb.h>
#include <netinet/in.h>
#include <resolv.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "table.h"

int __res_query(const char *name, int class, int type, unsigned char *answer,
                int size);
int __res_search(const char *name, int class, int type, unsigned char *answer,
                 int size);
int __res_querydomain(const char *name, const char *domain, int class, int type,
                      unsigned char *answer, int size);
int __res_send(const unsigned char *message, int message_size,
               unsigned char *answer, int size);
int __res_nquery(res_state state, const char *name, int class, int type,
                 unsigned char *answer, int size);
int __res_nsearch(res_state state, const char *name, int class, int type,
                  unsigned char *answer, int size);
int __res_nquerydomain(res_state state, const char *name, const char *domain,
                       int class, int type, unsigned char *answer, int size);
int __res_nsend(res_state state, const unsigned char *message, int message_size,
                unsigned char *answer, int size);

static unsigned char answer[512];
static struct __res_state own; /* of those that are given one */

/* ---- The calls: for the address of a.example ------------------------------------ */

static int by_query(void)
{
    return res_query("a.example", ns_c_in, ns_t_a, answer, sizeof answer);
}

static int by_search(void)
{
    return res_search("a.example.", ns_c_in, ns_t_a, answer, sizeof answer);
}

static int by_domain(void)
{
    return res_querydomain("a", "example", ns_c_in, ns_t_a, answer,
                           sizeof answer);
}

static int by_nquery(void)
{
    return res_nquery(&own, "a.example", ns_c_in, ns_t_a, answer,
                      sizeof answer);
}

static int by_nsearch(void)
{
    return res_nsearch(&own, "a.example.", ns_c_in, ns_t_a, answer,
                       sizeof answer);
}

static int by_ndomain(void)
{
    return res_nquerydomain(&own, "a", "example", ns_c_in, ns_t_a, answer,
                            sizeof answer);
}

static int message_of(unsigned char *message, int size)
{
    return res_mkquery(ns_o_query, "a.example", ns_c_in, ns_t_a, NULL, 0, NULL,
                       message, size);
}

static int by_send(void)
{
    unsigned char message[128];

    return res_send(message, message_of(message, sizeof message), answer,
                    sizeof answer);
}

static int by_nsend(void)
{
    unsigned char message[128];

    return res_nsend(&own, message, message_of(message, sizeof message), answer,
                     sizeof answer);
}

static int by_older_query(void)
{
    return __res_query("a.example", ns_c_in, ns_t_a, answer, sizeof answer);
}

static int by_older_search(void)
{
    return __res_search("a.example.", ns_c_in, ns_t_a, answer, sizeof answer);
}

static int by_older_domain(void)
{
    return __res_querydomain("a", "example", ns_c_in, ns_t_a, answer,
                             sizeof answer);
}

static int by_older_nquery(void)
{
    return __res_nquery(&own, "a.example", ns_c_in, ns_t_a, answer,
                        sizeof answer);
}

static int by_older_nsearch(void)
{
    return __res_nsearch(&own, "a.example.", ns_c_in, ns_t_a, answer,
                         sizeof answer);
}

static int by_older_ndomain(void)
{
    return __res_nquerydomain(&own, "a", "example", ns_c_in, ns_t_a, answer,
                              sizeof answer);
}

static int by_older_send(void)
{
    unsigned char message[128];

    return __res_send(message, message_of(message, sizeof message), answer,
                      sizeof answer);
}

static int by_older_nsend(void)
{
    unsigned char message[128];

    return __res_nsend(&own, message, message_of(message, sizeof message),
                       answer, sizeof answer);
}

static const struct call calls[] = {
    {"res_query", (function *)by_query},
    {"res_search", (function *)by_search},
    {"res_querydomain", (function *)by_domain},
    {"res_send", (function *)by_send},
    {"res_nquery", (function *)by_nquery},
    {"res_nsearch", (function *)by_nsearch},
    {"res_nquerydomain", (function *)by_ndomain},
    {"res_nsend", (function *)by_nsend},
    {"__res_query", (function *)by_older_query},
    {"__res_search", (function *)by_older_search},
    {"__res_querydomain", (function *)by_older_domain},
    {"__res_send", (function *)by_older_send},
    {"__res_nquery", (function *)by_older_nquery},
    {"__res_nsearch", (function *)by_older_nsearch},
    {"__res_nquerydomain", (function *)by_older_ndomain},
    {"__res_nsend", (function *)by_older_nsend},
};

/* ---- The server ----------------------------------------------------------------- */

static int server;

static void ask_there(struct __res_state *state, const struct sockaddr_in *at)
{
    state->options = RES_INIT | RES_RECURSE;
    state->nscount = 1;
    state->nsaddr_list[0] = *at;
    state->retrans = 5;
    state->retry = 1;
}

static void make_server(void)
{
    struct sockaddr_in at = {.sin_family = AF_INET};
    socklen_t length = sizeof at;

    at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    server = socket(AF_INET, SOCK_DGRAM, 0);
    needs(bind(server, (struct sockaddr *)&at, sizeof at) == 0 &&
              getsockname(server, (struct sockaddr *)&at, &length) == 0,
          "a port for the server");
    needs(res_init() == 0 && res_ninit(&own) == 0, "the resolver");
    ask_there(&_res, &at);
    ask_there(&own, &at);
    begin();
}

/* The question again, as an answer with this code and, without one, an
 * address. */
static void reply(unsigned char code)
{
    static const unsigned char record[] = {0xc0, 12, 0, 1, 0,   1, 0, 0,
                                           0,    60, 0, 4, 192, 0, 2, 7};
    unsigned char message[512];
    struct sockaddr_in peer;
    socklen_t length = sizeof peer;
    ssize_t size =
        recvfrom(server, message, 256, 0, (struct sockaddr *)&peer, &length);

    if (size < 12)
        abort();
    message[2] |= 0x80;
    message[3] = code;
    message[7] = code ? 0 : 1;
    if (!code) {
        memcpy(message + size, record, sizeof record);
        size += (ssize_t)sizeof record;
    }
    if (sendto(server, message, (size_t)size, 0, (struct sockaddr *)&peer,
               length) != size)
        abort();
}

static void reply_address(void)
{
    reply(ns_r_noerror);
}

static void reply_no_such_name(void)
{
    reply(ns_r_nxdomain);
}

static void asks(void)
{
    int size;

    h_errno = 77;
    begin();
    size = ((int (*)(void))subject)();
    say("%d, h_errno %d", size, h_errno);
    if (size > 4)
        say("%d.%d", answer[size - 2], answer[size - 1]);
}

static void an_answer(void)
{
    make_server();
    later(reply_address);
    asks();
}

static void no_such_name(void)
{
    make_server();
    later(reply_no_such_name);
    asks();
}

static void nobody_answers(void)
{
    make_server();
    close(server);
    asks();
}

static const struct row rows[] = {
    {"", "an answer", an_answer},
    {"", "no such name", no_such_name},
    {"", "nobody answers", nobody_answers},
};

void add_queries(void)
{
    add_product(calls, COUNT(calls), rows, COUNT(rows));
}
