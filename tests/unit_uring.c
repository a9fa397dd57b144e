/*
 * The uring hub when the kernel is short of something: the submission queue is
 * full, the kernel refuses entries, is interrupted, does a part, does not do an
 * operation, or has more results than its queue holds. No call hangs, and no
 * result is lost or comes twice.
 *
 * This program replaces the functions of liburing that enter the kernel: they
 * refuse on demand, and see each entry and each result.
 */
#include <dlfcn.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "hub/modules/uring_ring.h"
#include "support.h"

/* ---- Replacements of liburing's functions ----------------------------- */

static int refuse_with;    /* with this errno */
static int refuse_after;   /* after so many calls */
static int refuse_times;   /* so many times */
static int refused;        /* how often it was refused */
static bool spare_waits;   /* do not refuse calls that wait */
static bool seen_overflow; /* of the completion queue */
static void (*before)(struct io_uring_sqe *entry); /* sees each new entry */
static void (*after)(struct io_uring_cqe *entry);  /* sees each result */
static unsigned seen_until; /* up to this entry of the submission queue */

/* Stores a pointer to the library's own function. */
static void find_real(const char *name, void *pointer)
{
    void *function = dlsym(RTLD_NEXT, name);

    ck_assert_ptr_nonnull(function);
    memcpy(pointer, &function, sizeof function);
}

static bool is_refused(bool waits)
{
    if (refuse_times <= 0 || (spare_waits && waits) || refuse_after-- > 0)
        return false;
    refuse_after = 0;
    refuse_times--;
    refused++;
    return true;
}

static void see_entries(const struct io_uring *ring)
{
    const struct io_uring_sq *queue = &ring->sq;

    if ((int)(seen_until - queue->sqe_head) < 0)
        seen_until = queue->sqe_head;
    for (; seen_until != queue->sqe_tail; seen_until++)
        if (before)
            before(&queue->sqes[seen_until & queue->ring_mask]);
}

static int see_results(struct io_uring *ring, int result)
{
    struct io_uring_cqe *entry;
    unsigned head;

    seen_overflow |= (__atomic_load_n(ring->sq.kflags, __ATOMIC_RELAXED) &
                      IORING_SQ_CQ_OVERFLOW) != 0;
    io_uring_for_each_cqe(ring, head, entry) if (after) after(entry);
    return result;
}

int io_uring_submit(struct io_uring *ring)
{
    int (*submit)(struct io_uring *);

    find_real(__func__, &submit);
    if (is_refused(false))
        return -refuse_with;
    see_entries(ring);
    return see_results(ring, submit(ring));
}

int io_uring_submit_and_get_events(struct io_uring *ring)
{
    int (*submit)(struct io_uring *);

    find_real(__func__, &submit);
    if (is_refused(false))
        return -refuse_with;
    see_entries(ring);
    return see_results(ring, submit(ring));
}

int io_uring_submit_and_wait(struct io_uring *ring, unsigned count)
{
    int (*submit)(struct io_uring *, unsigned);

    find_real(__func__, &submit);
    if (is_refused(true))
        return -refuse_with;
    see_entries(ring);
    return see_results(ring, submit(ring, count));
}

int io_uring_submit_and_wait_timeout(struct io_uring *ring,
                                     struct io_uring_cqe **entry,
                                     unsigned count,
                                     struct __kernel_timespec *time,
                                     sigset_t *signals)
{
    int (*submit)(struct io_uring *, struct io_uring_cqe **, unsigned,
                  struct __kernel_timespec *, sigset_t *);

    find_real(__func__, &submit);
    if (is_refused(true))
        return -refuse_with;
    see_entries(ring);
    return see_results(ring, submit(ring, entry, count, time, signals));
}

static void refuse(int error, int from, int times)
{
    refuse_with = error;
    refuse_after = from;
    refuse_times = times;
    refused = 0;
}

static bool use_uring(void)
{
    const char *reason = "";

    if (green_use_hub("uring") == 0 &&
        green_hub_can(green_get_hub(), GREEN_OP_RECV))
        return true;
    (void)green_hub_available("uring", &reason);
    skip_case("unit_uring",
              reason && *reason ? reason : "no operations on this kernel");
    return false;
}

/* ---- Refusals -------------------------------------------------------- */

static int fds[2], listener, port;

static void *write_one(void *arg)
{
    ck_assert_int_eq(green_write(*(int *)arg, "x", 1), 1);
    return NULL;
}

static void *connect_one(void *arg)
{
    struct sockaddr_in *at = arg;
    int fd = green_socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

    ck_ok(green_connect(fd, (struct sockaddr *)at, sizeof *at));
    ck_ok(green_close(fd));
    return NULL;
}

static void listen_green(void)
{
    struct sockaddr_in at;
    socklen_t length = sizeof at;

    listener = green_listen("tcp://127.0.0.1:0", NULL);
    ck_assert_int_ge(listener, 0);
    ck_ok(getsockname(listener, (struct sockaddr *)&at, &length));
    port = ntohs(at.sin_port);
}

/* A read, an accept, a poll, a file and a kill: all uses of the hub. */
static void use_all(void)
{
    struct sockaddr_in at = {.sin_family = AF_INET,
                             .sin_port = htons((uint16_t)port),
                             .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    struct pollfd poll_fd = {.fd = fds[0], .events = POLLIN};
    struct green_timeout limit;
    struct green_thread *other;
    FILE *file = tmpfile();
    char byte = 0;
    int fd;

    other = green_spawn_after(GREEN_USEC, write_one, &fds[1]);
    ck_assert_int_eq(green_poll(&poll_fd, 1, -1), 1);
    ck_assert_int_eq(green_read(fds[0], &byte, 1), 1);
    ck_ok(green_join(other, NULL));
    ck_ok(green_timeout_start(&limit, GREEN_USEC));
    ck_fails(green_read(fds[0], &byte, 1), ETIMEDOUT);
    ck_ok(green_timeout_cancel(&limit));
    other = green_spawn(write_one, &fds[1]);
    ck_assert_int_eq(green_read(fds[0], &byte, 1), 1);
    ck_ok(green_join(other, NULL));
    other = green_spawn_after(GREEN_USEC, connect_one, &at);
    fd = green_accept(listener, NULL, NULL);
    ck_assert_int_ge(fd, 0);
    ck_assert_int_eq(green_read(fd, &byte, 1), 0);
    ck_ok(green_close(fd));
    ck_ok(green_join(other, NULL));
    ck_assert_int_eq(green_write(fileno(file), "abc", 3), 3);
    ck_ok(green_fsync(fileno(file)));
    ck_assert_int_eq(green_pread(fileno(file), &byte, 1, 2), 1);
    ck_assert_int_eq(byte, 'c');
    ck_ok(fclose(file));
}

static const int passing[] = {EINTR, EBUSY, EAGAIN, ENOMEM, ETIME};

START_TEST(any_call_of_the_kernel_may_be_refused)
{
    const int times = _i % 2 ? 3 : 1;
    int n = 0, open_files;

    if (!use_uring())
        return;
    ck_ok(green_socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds));
    listen_green();
    use_all();
    open_files = count_fds();
    do {
        refuse(passing[_i / 2], n++, times);
        use_all();
        ck_assert_int_lt(n, 1000);
    } while (refused > 0);
    ck_assert_int_gt(n, 5);
    ck_assert_int_eq(count_fds(), open_files);
}
END_TEST

/* ---- A full submission queue ----------------------------------------- */

#define MANY 700 /* more than the queue holds */

static int many[MANY][2];

static void *echo_one(void *arg)
{
    int fd = *(int *)arg;
    char byte = 0;

    ck_assert_int_eq(green_read(fd, &byte, 1), 1);
    ck_assert_int_eq(green_write(fd, &byte, 1), 1);
    return NULL;
}

/* The hub's sweep would wake the readers only after a second at least. */
static void came_at_once(green_time start)
{
    if (!checker())
        ck_assert_int_lt(green_now() - start, GREEN_SEC);
}

/* Writes to the last reader first, and waits for each answer: nothing else
 * wakes the hub. */
static void write_backwards(void)
{
    char byte;

    if (read(fds[0], &byte, 1) != 1)
        _exit(1);
    for (int i = MANY - 1; i >= 0; i--)
        if (write(many[i][1], "q", 1) != 1 || read(many[i][1], &byte, 1) != 1 ||
            byte != 'q')
            _exit(1);
    _exit(0);
}

START_TEST(a_full_queue_delays_no_reader)
{
    struct green_thread *readers[MANY];
    green_time start = green_now();
    pid_t child;

    if (!use_uring())
        return;
    pipe_pair(fds);
    for (int i = 0; i < MANY; i++)
        ck_ok(
            green_socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, many[i]));
    child = fork();
    if (child == 0)
        write_backwards();
    spare_waits = true;
    refuse(EBUSY, 0, 2 * MANY);
    for (int i = 0; i < MANY; i++)
        readers[i] = green_spawn(echo_one, &many[i][0]);
    ck_ok(green_join(green_spawn(write_one, &fds[1]), NULL)); /* all wait */
    for (int i = 0; i < MANY; i++)
        ck_ok(green_join(readers[i], NULL));
    ck_assert_int_gt(refused, 0);
    ck_assert_int_eq(wait_child(child), 0);
    came_at_once(start);
}
END_TEST

/* ---- Results of the kernel ------------------------------------------- */

static unsigned picked_code;   /* entries of this kind ... */
static int picked_result;      /* ... get this result instead */
static int picks;              /* so many of them */
static uint64_t picked[MANY];  /* user data of those in flight */
static size_t in_flight, done; /* their numbers */

/* Replaces the operation by a no-op; `answer` replaces its result. */
static void pick(struct io_uring_sqe *entry)
{
    uint64_t data = entry->user_data;

    if (entry->opcode != picked_code || picks == 0)
        return;
    picks--;
    picked[in_flight++] = data;
    io_uring_prep_nop(entry);
    entry->user_data = data;
}

static void answer(struct io_uring_cqe *entry)
{
    for (size_t i = 0; i < in_flight; i++)
        if (picked[i] == entry->user_data) {
            picked[i] = picked[--in_flight];
            entry->res = picked_result;
            done++;
            return;
        }
}

static void answer_with(int error, unsigned code, int count)
{
    before = pick;
    after = answer;
    picked_code = code;
    picked_result = -error;
    picks = count;
    done = 0;
}

static const int unexpected[] = {EAGAIN, ECANCELED, EINTR};
static const unsigned codes[] = {IORING_OP_RECV, IORING_OP_READV,
                                 IORING_OP_WRITEV, IORING_OP_FSYNC,
                                 IORING_OP_POLL_ADD};
#define UNEXPECTED (int)(sizeof unexpected / sizeof unexpected[0])
#define CODES (int)(sizeof codes / sizeof codes[0])

/* The hub tries again or in another way; the caller does not see this. */
START_TEST(unfinished_operations_are_done_anyway)
{
    if (!use_uring())
        return;
    ck_ok(green_socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds));
    listen_green();
    answer_with(unexpected[_i / CODES], codes[_i % CODES], 1);
    use_all();
    if (codes[_i % CODES] != IORING_OP_READV) /* may be cached */
        ck_assert_uint_eq(done, 1);
    use_all();
}
END_TEST

/* ---- No room, no results ----------------------------------------------- */

static int read_error;

static void *read_and_note(void *arg)
{
    read_error = 0;
    if (green_read(*(int *)arg, &(char){0}, 1) < 0)
        read_error = errno;
    return NULL;
}

static struct io_uring *ring(void)
{
    return &((struct green__uring *)green_hub_state(green_get_hub()))->ring;
}

static struct green_thread *start_reader(void)
{
    struct green_thread *reader = green_spawn(read_and_note, &fds[0]);

    ck_assert_ptr_nonnull(reader);
    ck_ok(green_sleep(GREEN_MSEC)); /* the kernel has the operation */
    return reader;
}

static void *end_refusals(void *arg)
{
    refuse_times = 0;
    return arg;
}

/* The hub cannot submit a cancellation now, and submits it later. No other
 * greenthread waits for that; one of them ends the refusals. */
START_TEST(a_cancellation_without_room)
{
    struct green_thread *reader, *other;
    struct io_uring_sqe *filler;
    char byte;

    if (!use_uring())
        return;
    ck_ok(green_socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds));
    reader = start_reader();
    while ((filler = io_uring_get_sqe(ring())) != NULL) {
        io_uring_prep_nop(filler);
        filler->user_data = NOTHING;
    }
    other = green_spawn_after(GREEN_MSEC, end_refusals, NULL);
    refuse(EBUSY, 0, 1 << 30);
    if (_i == 1)
        ck_assert_int_eq(write(fds[1], "x", 1), 1); /* ends the read */
    if (_i == 2)
        ck_ok(green_close(fds[0]));
    else
        ck_ok(green_kill(reader));
    ck_ok(green_join(reader, NULL));
    ck_ok(green_join(other, NULL));
    ck_assert_int_gt(refused, 0);
    if (_i == 1 && read_error == 0)
        return;
    ck_assert_int_eq(read_error, _i == 2 ? EBADF : ECANCELED);
    if (_i == 0) {
        ck_assert_int_eq(write(fds[1], "y", 1), 1);
        ck_assert_int_eq(recv(fds[0], &byte, 1, MSG_DONTWAIT), 1);
    }
}
END_TEST

/* A ring that fails for good: waiting calls fail, and the hub ends. */
START_TEST(the_kernel_refuses_for_good)
{
    struct green_thread *reader;

    if (!use_uring())
        return;
    ck_ok(green_socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds));
    reader = start_reader();
    refuse(EBADFD, 0, 1 << 30);
    ck_fails(green_read(fds[1], &(char){0}, 1), EIO);
    ck_ok(green_join(reader, NULL));
    ck_assert_int_eq(read_error, EIO);
    ck_ok(green_use_hub("poll"));
    ck_ok(green_join(green_spawn(write_one, &fds[1]), NULL));
    read_and_note(&fds[0]);
    ck_assert_int_eq(read_error, 0);
}
END_TEST

/* ---- Parts ----------------------------------------------------------- */

static int halved_sends, halved_receives, halved_writes;

static void halve(struct io_uring_sqe *entry)
{
    struct iovec *iov = (struct iovec *)(uintptr_t)entry->addr;

    if (entry->opcode == IORING_OP_RECV && entry->len > 1) {
        halved_receives++;
        entry->len /= 2;
    } else if (entry->opcode == IORING_OP_SEND && entry->len > 1) {
        halved_sends++;
        entry->len /= 2;
    } else if (entry->opcode == IORING_OP_WRITEV && iov->iov_len > 1) {
        halved_writes++;
        iov->iov_len /= 2;
    }
}

#define TALKERS 16
#define TALK 4000

static char sent[TALK];

static void *talk(void *arg)
{
    for (int i = 0; i < 20; i++)
        ck_ok(green_write_all(*(int *)arg, sent, TALK));
    return NULL;
}

static void *listen_to(void *arg)
{
    char heard[TALK];

    for (int i = 0; i < 20; i++) {
        ck_assert_int_eq(green_read_full(*(int *)arg, heard, TALK), TALK);
        ck_assert_mem_eq(heard, sent, TALK);
    }
    return NULL;
}

START_TEST(parts_add_up)
{
    struct green_thread *all[2 * TALKERS];
    const int small = 4096; /* the socket's buffer is often full */
    char got[TALK];
    FILE *file = tmpfile();

    if (!use_uring())
        return;
    for (int i = 0; i < TALK; i++)
        sent[i] = (char)(i * 7);
    before = halve;
    for (int i = 0; i < TALKERS; i++) {
        ck_ok(
            green_socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, many[i]));
        ck_ok(setsockopt(many[i][1], SOL_SOCKET, SO_SNDBUF, &small,
                         sizeof small));
        all[2 * i] = green_spawn(listen_to, &many[i][0]);
        all[2 * i + 1] = green_spawn(talk, &many[i][1]);
    }
    for (int i = 0; i < 2 * TALKERS; i++)
        ck_ok(green_join(all[i], NULL));
    ck_assert_int_gt(halved_receives, 0);
    ck_assert_int_gt(halved_sends, 0);
    ck_assert_int_eq(green_write(fileno(file), sent, TALK), TALK);
    ck_assert_int_gt(halved_writes, 3);
    ck_assert_int_eq(pread(fileno(file), got, TALK, 0), TALK);
    ck_assert_mem_eq(got, sent, TALK);
    ck_ok(fclose(file));
}
END_TEST

/* ---- More results than their queue holds ----------------------------- */

#define FLOOD 20000

static int ended;

static void note(struct green_operation *operation)
{
    ck_assert_int_eq(operation->result, 1);
    ended++;
}

START_TEST(no_result_is_lost_when_many_arrive)
{
    struct green_operation *all = calloc(FLOOD, sizeof *all);
    char *bytes = calloc(FLOOD, 1);
    FILE *file = tmpfile();
    struct green_hub *hub;

    if (!use_uring())
        return;
    hub = green_get_hub();
    ck_assert_int_eq(write(fileno(file), "f", 1), 1);
    for (int i = 0; i < FLOOD; i++) {
        all[i] = (struct green_operation){.kind = GREEN_OP_READ,
                                          .fd = fileno(file),
                                          .buffer = bytes + i,
                                          .size = 1,
                                          .callback = note};
        ck_ok(green_hub_submit(hub, &all[i]));
    }
    ck_assert(seen_overflow);
    while (ended < FLOOD) {
        ck_ok(green_hub_wait(hub, GREEN_FOREVER));
        ck_ok(green_hub_dispatch(hub));
    }
    ck_assert_ptr_null(memchr(bytes, 0, FLOOD));
    ck_ok(green_hub_wait(hub, 0));
    ck_ok(green_hub_dispatch(hub));
    ck_assert_int_eq(ended, FLOOD);
    free(all);
    free(bytes);
    ck_ok(fclose(file));
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("unit_uring");
    TCase *tcase = add_tcase(suite, "shortages");

    tcase_add_loop_test(tcase, any_call_of_the_kernel_may_be_refused, 0,
                        2 * (int)(sizeof passing / sizeof passing[0]));
    tcase_add_test(tcase, a_full_queue_delays_no_reader);
    tcase_add_loop_test(tcase, unfinished_operations_are_done_anyway, 0,
                        UNEXPECTED * CODES);
    tcase_add_loop_test(tcase, a_cancellation_without_room, 0, 3);
    tcase_add_test(tcase, the_kernel_refuses_for_good);
    tcase_add_test(tcase, parts_add_up);
    tcase_add_test(tcase, no_result_is_lost_when_many_arrive);
    return run_suite(suite);
}
