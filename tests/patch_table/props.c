/* What rows need: descriptors, and acts of the other side. */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "table.h"

int ends[2];
char buffer[65536];

static void made(int result)
{
    needs(result >= 0, "descriptors");
    begin();
}

void unix_ends(void)
{
    made(socketpair(AF_UNIX, SOCK_STREAM, 0, ends));
}

void datagram_ends(void)
{
    made(socketpair(AF_UNIX, SOCK_DGRAM, 0, ends));
}

void pipe_ends(void)
{
    made(pipe(ends));
}

void tcp_ends(void)
{
    struct sockaddr_in address = {.sin_family = AF_INET};
    socklen_t length = sizeof address;
    int listener = socket(AF_INET, SOCK_STREAM, 0);

    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    made(bind(listener, (struct sockaddr *)&address, sizeof address));
    made(listen(listener, 1));
    made(getsockname(listener, (struct sockaddr *)&address, &length));
    made(ends[1] = socket(AF_INET, SOCK_STREAM, 0));
    made(connect(ends[1], (struct sockaddr *)&address, length));
    made(ends[0] = accept(listener, NULL, NULL));
    close(listener);
}

static ssize_t filled;

static void fill_by(size_t size)
{
    ssize_t n;

    while ((n = write(ends[1], buffer, size)) > 0)
        filled += n;
}

/* Without blocking, whichever kind the end is of. */
void fill(void)
{
    int flags = fcntl(ends[1], F_GETFL);

    fcntl(ends[1], F_SETFL, flags | O_NONBLOCK);
    fill_by(4096);
    fill_by(1);
    fcntl(ends[1], F_SETFL, flags);
    made(0);
}

void write_abc(void)
{
    if (write(ends[1], "abc", 3) != 3)
        abort();
}

void write_def(void)
{
    if (write(ends[1], "def", 3) != 3)
        abort();
}

void close_reader(void)
{
    close(ends[0]);
}

void close_writer(void)
{
    close(ends[1]);
}

/* Reads all that fill has written: TCP sends it little by little, and a part of
 * it may still leave too little room. */
void drain(void)
{
    static char sink[65536];

    while (filled > 0) {
        ssize_t n = read(ends[0], sink, sizeof sink);

        if (n <= 0)
            abort();
        filled -= n;
    }
}

void act_nothing(void)
{
}

int file_with(const char *text)
{
    FILE *file = tmpfile();
    int fd;

    needs(file != NULL, "a temporary file");
    fd = dup(fileno(file));
    fclose(file);
    made((int)write(fd, text, strlen(text)));
    made((int)lseek(fd, 0, SEEK_SET));
    return fd;
}
