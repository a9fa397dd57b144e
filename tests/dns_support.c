#include "dns_support.h"

#include <arpa/inet.h>
#include <ctype.h>
#include <fcntl.h>
#include <net/if.h>
#include <netinet/in.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

/* ---- The namespace ------------------------------------------------------ */

static char folder[64];

void write_etc(const char *name, const char *text)
{
    char path[128];
    FILE *file;

    snprintf(path, sizeof path, "%s/%s", folder, name);
    file = fopen(path, "w");
    ck_assert_ptr_nonnull(file);
    ck_assert_int_ge(fputs(text, file), 0);
    ck_ok(fclose(file));
}

static bool loopback_up(void)
{
    struct ifreq lo = {.ifr_name = "lo", .ifr_flags = IFF_UP | IFF_RUNNING};
    int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    bool done = ioctl(fd, SIOCSIFFLAGS, &lo) == 0;

    close(fd);
    return done;
}

bool put_over_etc(const char *name, const char *text)
{
    char from[128], to[128];

    write_etc(name, text);
    snprintf(from, sizeof from, "%s/%s", folder, name);
    snprintf(to, sizeof to, "/etc/%s", name);
    return mount(from, to, NULL, MS_BIND, NULL) == 0;
}

static bool enter(void)
{
    if (unshare(CLONE_NEWNET | CLONE_NEWNS) < 0 &&
        unshare(CLONE_NEWUSER | CLONE_NEWNET | CLONE_NEWNS) < 0)
        return false;
    if (mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0)
        return false;
    snprintf(folder, sizeof folder, "/tmp/dns-test-XXXXXX");
    if (!mkdtemp(folder) || mount("none", folder, "tmpfs", 0, NULL) < 0)
        return false;
    return loopback_up() && put_over_etc("hosts", "127.0.0.1 localhost\n") &&
           put_over_etc("resolv.conf", "nameserver 127.0.0.1\n") &&
           put_over_etc("nsswitch.conf", "hosts: files dns\n");
}

bool enter_namespace(const char *function)
{
    if (on_sim()) {
        skip_case(function, "the hub's clock is virtual, the servers' is not");
        return false;
    }
    if (enter())
        return true;
    skip_case(function, "needs network and mount namespaces");
    return false;
}

/* ---- The server ---------------------------------------------------------- */

#define MOST_QUESTIONS 1000

static char asked[MOST_QUESTIONS][64];
static unsigned asked_count;
static int udp = -1, tcp = -1;
static struct green_thread *udp_thread, *tcp_thread;

unsigned questions(const char *name)
{
    unsigned count = 0;

    for (unsigned i = 0; i < asked_count; i++)
        count += strncmp(asked[i], name, strlen(name)) == 0;
    return count;
}

/* A reply as it grows. */
struct reply {
    unsigned char bytes[4096];
    int size;
};

static void put16(struct reply *it, unsigned value)
{
    it->bytes[it->size++] = (unsigned char)(value >> 8);
    it->bytes[it->size++] = (unsigned char)value;
}

static void put(struct reply *it, const void *bytes, int size)
{
    memcpy(it->bytes + it->size, bytes, (size_t)size);
    it->size += size;
}

/* A record of the name asked for (a pointer to it), or of one of its own. */
static void put_record(struct reply *it, const char *name, int name_size,
                       int type, unsigned ttl, const void *data, int size)
{
    if (name)
        put(it, name, name_size);
    else
        put16(it, 0xc00c);
    put16(it, (unsigned)type);
    put16(it, 1);
    put16(it, ttl >> 16);
    put16(it, ttl & 0xffff);
    put16(it, (unsigned)size);
    put(it, data, size);
}

static const char plain[] = "\5plain\4test";

static void put_address(struct reply *it, bool alias, int type, unsigned ttl,
                        int last)
{
    unsigned char v4[4] = {192, 0, 2, (unsigned char)last};
    unsigned char v6[16] = {0x20, 0x01, 0x0d, 0xb8, [15] = (unsigned char)last};

    put_record(it, alias ? plain : NULL, sizeof plain, type, ttl,
               type == 28 ? v6 : v4, type == 28 ? 16 : 4);
    it->bytes[7]++;
}

/* "No such name", or no such record; it holds for `ttl`. */
static void put_none(struct reply *it, int code, unsigned ttl)
{
    unsigned char soa[2 + 20] = {0};

    it->bytes[3] = (unsigned char)(0x80 | code);
    if (ttl == 0)
        return;
    soa[20] = (unsigned char)(ttl >> 8);
    soa[21] = (unsigned char)ttl;
    put_record(it, "\4test", 6, 6, ttl, soa, sizeof soa);
    it->bytes[9] = 1;
}

static bool is(const char *name, const char *label)
{
    size_t length = strlen(label);

    return strncmp(name, label, length) == 0 && name[length] == '.';
}

static void answer_alias(struct reply *it, int type)
{
    put_record(it, NULL, 0, 5, 60, plain, sizeof plain);
    it->bytes[7] = 1;
    put_address(it, true, type, 300, 1);
}

static void answer_cut(struct reply *it, int type, bool by_tcp)
{
    if (!by_tcp)
        it->bytes[2] |= 2;
    else
        for (int i = 0; i < 100; i++)
            put_address(it, false, type, 300, i);
}

static unsigned ttl_of(const char *name)
{
    return is(name, "ttl0") ? 0 : is(name, "ttl1") ? 1 : 300;
}

/* Returns whether there is an answer at all. */
static bool answer(struct reply *it, const char *name, int type, bool by_tcp)
{
    if (is(name, "silent") || (is(name, "silent6") && type == 28) ||
        (is(name, "lost") && questions(name) % 2 == 1))
        return false;
    if (type != 1 && type != 28)
        put_none(it, 0, 300);
    else if (is(name, "cut"))
        answer_cut(it, type, by_tcp);
    else if (is(name, "none") || is(name, "none0") || !strstr(name, ".test"))
        put_none(it, 3, is(name, "none0") ? 0 : 300);
    else if (is(name, "v4") && type == 28)
        put_none(it, 0, 300);
    else if (is(name, "alias"))
        answer_alias(it, type);
    else if (is(name, "failing"))
        put_none(it, 2, 0);
    else
        put_address(it, false, type, ttl_of(name), 1);
    if (is(name, "broken"))
        it->size -= 3;
    return true;
}

/* The name as text; returns the offset behind it. */
static int read_name(const unsigned char *question, int size, char name[64])
{
    int at = 12, end = 0;

    while (at < size && question[at] && end + question[at] + 2 < 64) {
        for (int i = 0; i < question[at]; i++)
            name[end + i] = (char)tolower(question[at + 1 + i]);
        end += question[at];
        name[end++] = '.';
        at += question[at] + 1;
    }
    name[end] = '\0';
    return at + 1;
}

/* Makes the reply, with two bytes in front for TCP. False: none. */
static bool make_reply(struct reply *it, const unsigned char *question,
                       int size, bool by_tcp)
{
    char name[64];
    int end = read_name(question, size, name), type;

    ck_assert_int_le(end + 4, size);
    type = question[end] << 8 | question[end + 1];
    strcpy(asked[asked_count++ % MOST_QUESTIONS], name);
    it->size = 0;
    put(it, question, end + 4);
    it->bytes[2] = 0x81;
    it->bytes[3] = 0x80;
    memset(it->bytes + 6, 0, 6);
    if (is(name, "slow"))
        green_sleep(50 * GREEN_MSEC);
    return answer(it, name, type, by_tcp);
}

struct datagram {
    unsigned char question[512];
    int size;
    struct sockaddr_in from;
};

/* A greenthread for each question, so that slow ones keep nobody waiting. */
static void answer_datagram(void *arg)
{
    struct datagram *it = arg;
    struct reply reply;

    if (make_reply(&reply, it->question, it->size, false))
        green_sendto(udp, reply.bytes, (size_t)reply.size, 0,
                     (struct sockaddr *)&it->from, sizeof it->from);
    free(it);
}

static void *serve_udp(void *unused)
{
    for (;;) {
        struct datagram *it = calloc(1, sizeof *it);
        socklen_t length = sizeof it->from;

        it->size =
            (int)green_recvfrom(udp, it->question, sizeof it->question, 0,
                                (struct sockaddr *)&it->from, &length);
        if (it->size < 0) {
            free(it);
            return unused;
        }
        ck_ok(green_spawn_n(answer_datagram, it));
    }
}

static void *serve_tcp(void *unused)
{
    unsigned char question[514];
    struct reply reply;
    int fd;

    while ((fd = green_accept4(tcp, NULL, NULL, SOCK_CLOEXEC)) >= 0) {
        ck_assert_int_eq(green_read_full(fd, question, 2), 2);
        ck_assert_int_eq(green_read_full(fd, question + 2, question[1]),
                         question[1]);
        if (make_reply(&reply, question + 2, question[1], true)) {
            unsigned char head[2] = {(unsigned char)(reply.size >> 8),
                                     (unsigned char)reply.size};

            ck_ok(green_write_all(fd, head, 2));
            ck_ok(green_write_all(fd, reply.bytes, (size_t)reply.size));
        }
        ck_ok(green_close(fd));
    }
    return unused;
}

static int bound(int type)
{
    const struct sockaddr_in at = {.sin_family = AF_INET,
                                   .sin_port = htons(53),
                                   .sin_addr = {htonl(INADDR_LOOPBACK)}};
    int fd = green_socket(AF_INET, type | SOCK_CLOEXEC, 0), one = 1;

    ck_ok(setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one));
    ck_ok(bind(fd, (const struct sockaddr *)&at, sizeof at));
    return fd;
}

void start_server(void)
{
    udp = bound(SOCK_DGRAM);
    tcp = bound(SOCK_STREAM);
    ck_ok(listen(tcp, 10));
    udp_thread = green_spawn(serve_udp, NULL);
    tcp_thread = green_spawn(serve_tcp, NULL);
}

void stop_server(void)
{
    ck_ok(green_close(udp));
    ck_ok(green_close(tcp));
    ck_ok(green_join(udp_thread, NULL));
    ck_ok(green_join(tcp_thread, NULL));
}
