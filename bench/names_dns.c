/*
 * names_dns getaddrinfo|greenhub|system [COUNT]: look-ups of the A and AAAA
 * records of one name, one after the other, by the C library, by libgreenhub-dns,
 * or by greenhub with the system's resolver. A dnsmasq of its own answers, in a
 * network and a mount namespace. Nothing is kept: the TTL is 0.
 */
#include <greenhub.h>
#include <greenhub/dns.h>

#include <err.h>
#include <fcntl.h>
#include <net/if.h>
#include <netdb.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#define NAME "name.test"

static pid_t server;

static void put_over(const char *path, const char *text)
{
    char from[] = "/tmp/names-XXXXXX";
    int fd = mkstemp(from);

    if (fd < 0 || write(fd, text, strlen(text)) < 0 ||
        mount(from, path, NULL, MS_BIND, NULL) < 0)
        err(1, "%s", path);
    close(fd);
    unlink(from);
}

static void enter_namespace(void)
{
    struct ifreq lo = {.ifr_name = "lo", .ifr_flags = IFF_UP | IFF_RUNNING};
    int fd;

    if (unshare(CLONE_NEWNET | CLONE_NEWNS) < 0 &&
        unshare(CLONE_NEWUSER | CLONE_NEWNET | CLONE_NEWNS) < 0)
        err(1, "unshare");
    if (mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0)
        err(1, "mount");
    put_over("/etc/resolv.conf", "nameserver 127.0.0.1\n");
    put_over("/etc/nsswitch.conf", "hosts: files dns\n");
    fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (ioctl(fd, SIOCSIFFLAGS, &lo) < 0)
        err(1, "lo");
    close(fd);
}

static void start_server(void)
{
    struct addrinfo *found;

    server = fork();
    if (server == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        execl("/usr/sbin/dnsmasq", "dnsmasq", "--conf-file=/dev/null",
              "--no-resolv", "--keep-in-foreground", "--no-hosts",
              "--user=root", "--group=root", "--pid-file=", "--bind-interfaces",
              "--listen-address=127.0.0.1", "--local=/test/",
              "--log-facility=/dev/null",
              "--host-record=" NAME ",192.0.2.1,2001:db8::1", (char *)NULL);
        _exit(127);
    }
    while (getaddrinfo(NAME, NULL, NULL, &found) != 0) {
        if (waitpid(server, NULL, WNOHANG) != 0)
            errx(1, "dnsmasq does not start");
        usleep(1000);
    }
    freeaddrinfo(found);
}

static int by_libc(const char *name)
{
    const struct addrinfo hints = {.ai_socktype = SOCK_STREAM};
    struct addrinfo *found;

    if (getaddrinfo(name, NULL, &hints, &found) != 0)
        return -1;
    freeaddrinfo(found);
    return 0;
}

static int by_greenhub(const char *name)
{
    return green_resolve(name, NULL, NULL, 0) == 2 ? 0 : -1;
}

static double cpu_us(void)
{
    struct rusage used;

    getrusage(RUSAGE_SELF, &used);
    return (double)(used.ru_utime.tv_sec + used.ru_stime.tv_sec) * 1e6 +
           (double)(used.ru_utime.tv_usec + used.ru_stime.tv_usec);
}

int main(int argc, char **argv)
{
    const char *who = argc > 1 ? argv[1] : "greenhub";
    long count = argc > 2 ? atol(argv[2]) : 20000;
    int (*look_up)(const char *) =
        strcmp(who, "getaddrinfo") == 0 ? by_libc : by_greenhub;
    green_time began;
    double cpu;

    enter_namespace();
    start_server();
    if (strcmp(who, "greenhub") == 0 && green_use_dns() < 0)
        err(1, "green_use_dns");
    cpu = cpu_us();
    began = green_now();
    for (long i = 0; i < count; i++)
        if (look_up(NAME) < 0)
            errx(1, "%s: no answer", who);
    printf(
        "%.2f us a look-up, of which %.2f us are this process's own CPU time\n",
        (double)(green_now() - began) / 1e3 / (double)count,
        (cpu_us() - cpu) / (double)count);
    kill(server, SIGKILL);
    waitpid(server, NULL, 0);
    return 0;
}
