/* The time limit of what a connection waits for. When it has passed, a shutdown
 * of the socket ends the wait, or what the connection wants. */
#include <linux/sockios.h>
#include <netinet/in.h>
#include <linux/tcp.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include "http.h"

uint64_t green__http_progress_of(int fd)
{
    struct tcp_info info = {0};
    socklen_t size = sizeof info;
    int unsent = 0;

    if (getsockopt(fd, IPPROTO_TCP, TCP_INFO, &info, &size) == 0)
        return info.tcpi_bytes_acked;
    ioctl(fd, SIOCOUTQ, &unsent);
    return (uint64_t)unsent;
}

static bool has_progressed(struct green__http_deadline *deadline)
{
    uint64_t before = deadline->progress;

    if (deadline->wait != GREEN__HTTP_WRITES)
        return false;
    deadline->progress = green__http_progress_of(deadline->fd);
    return deadline->progress != before;
}

static void end_wait(struct green__http_deadline *deadline)
{
    if (deadline->expire)
        deadline->expire(deadline);
    else
        shutdown(deadline->fd,
                 deadline->wait == GREEN__HTTP_READS ? SHUT_RD : SHUT_RDWR);
}

static void look_again(struct green__http_deadline *deadline, green_time now)
{
    green_time next = now + deadline->shortest;

    if (deadline->wait != GREEN__HTTP_WAITS_NOT && deadline->when < next)
        next = deadline->when;
    green_hub_schedule(deadline->hub, &deadline->timer, next);
}

static void on_timer(struct green_timer *timer)
{
    struct green__http_deadline *deadline = timer->arg;
    green_time now = green_now();

    if (deadline->wait != GREEN__HTTP_WAITS_NOT && now >= deadline->when) {
        if (!has_progressed(deadline)) {
            deadline->expired = true;
            end_wait(deadline);
        }
        deadline->when = now + deadline->limit;
    }
    look_again(deadline, now);
}

int green__http_deadline_begin(struct green__http_deadline *deadline, int fd,
                               green_time shortest)
{
    deadline->hub = green_get_hub();
    deadline->fd = fd;
    deadline->shortest = shortest;
    deadline->timer.callback = on_timer;
    deadline->timer.arg = deadline;
    return green_hub_schedule(deadline->hub, &deadline->timer,
                              green_after(shortest));
}

void green__http_deadline_set(struct green__http_deadline *deadline,
                              enum green__http_wait wait, green_time limit)
{
    deadline->wait = wait;
    deadline->limit = limit;
    deadline->when = green_after(limit);
    /* A limit that is what is left of one. */
    if (deadline->when < deadline->timer.when)
        green_hub_schedule(deadline->hub, &deadline->timer, deadline->when);
}

void green__http_deadline_clear(struct green__http_deadline *deadline)
{
    deadline->wait = GREEN__HTTP_WAITS_NOT;
}

void green__http_deadline_end(struct green__http_deadline *deadline)
{
    green_hub_cancel(deadline->hub, &deadline->timer);
}
