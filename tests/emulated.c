/* What qemu-user (7.2) cannot do, and the cases that need it. */
#include <stdlib.h>
#include <string.h>

#include "support.h"

/* On all processors, or on those with 32 bits alone. */
enum { ALL, SHORT };

#define NO_PREADV2 "qemu-user has no preadv2, and so no RWF_NOWAIT"
#define OTHER_THREADS "qemu-user has OS threads of its own in the process"
#define NO_OPTIONS "qemu-user does not know these options of sockets"
#define NO_LONG_TIMES "qemu-user does not know SO_RCVTIMEO with 64-bit times"
#define OWN_SIGNALS "qemu-user keeps the last real-time signals to itself"
#define THE_HOSTS "the kernel shows the system calls of the emulator"
#define FORKS "in qemu-user a child of vfork shares no memory"
#define ONE_PROCESS "the kernel cannot execute a program of another processor"
#define FORK_OF_MANY "qemu-user aborts in a forked child that starts OS threads"

static const struct limit {
    const char *file, *name; /* no name: all cases of the file */
    int where;
    const char *why;
} limits[] = {
    {"test_blocking.c", "one_that_computes", ALL, THE_HOSTS},
    {"test_blocking.c", "one_in_a_system_call", ALL, THE_HOSTS},
    {"test_blocking.c", "a_sleep_is_not_cut_short", ALL, THE_HOSTS},
    {"test_debug_serve.c", "a_forked_child_has_no_door", ALL, FORK_OF_MANY},
    {"test_io_batch.c", "invalid_arguments", ALL,
     "qemu-user looks at no descriptor to receive no message"},
    {"test_io_batch.c", "the_sockets_own_timeout", SHORT, NO_LONG_TIMES},
    {"test_io_file.c", "errors", ALL, NO_PREADV2},
    {"test_io_file.c", "without_an_offset_it_is_espipe", ALL, NO_PREADV2},
    {"test_io_file.c", "direct_reads_are_operations", ALL, NO_PREADV2},
    {"test_io_file.c", "one_in_line_for_the_offset_is_killed", ALL, NO_PREADV2},
    {"test_io_flags.c", "receive_timeouts_work", SHORT, NO_LONG_TIMES},
    {"test_io_flags.c", "send_timeouts_work", SHORT, NO_LONG_TIMES},
    {"test_io_flags.c", "the_receive_timeout_applies_to_accept", SHORT,
     NO_LONG_TIMES},
    {"test_io_kinds.c", "the_end_of_a_fifo_is_reported", ALL, NO_PREADV2},
    {"test_io_kinds.c", "a_fifo_without_reader_is_a_broken_pipe", ALL,
     NO_PREADV2},
    {"test_io_kinds.c", "both_ends_of_a_terminal_on_one_os_thread", ALL,
     NO_PREADV2},
    {"test_io_kinds.c", "a_master_writes_more_than_its_terminal_takes", ALL,
     NO_PREADV2},
    {"test_io_kinds.c", "a_terminal_read_that_returns_nothing", ALL,
     NO_PREADV2},
    {"test_io_operations.c", "the_sockets_own_timeout", SHORT, NO_LONG_TIMES},
    {"test_io_posix.c", "permanent_errors_come_at_once", ALL, NO_PREADV2},
    {"test_io_posix.c", "connect_to_a_full_unix_socket_times_out", SHORT,
     NO_LONG_TIMES},
    {"test_io_posix.c", "a_timeout_set_by_a_duplicate_works", SHORT,
     NO_LONG_TIMES},
    {"test_io_stream.c", "the_wrong_end_of_a_pipe_is_ebadf", ALL, NO_PREADV2},
    {"test_io_waiters.c", "a_killed_write_returns_what_was_done", ALL,
     NO_PREADV2},
    {"test_net_multicast.c", NULL, ALL, NO_OPTIONS},
    {"test_net_signals.c", "a_set_of_ones_own", ALL, OWN_SIGNALS},
    {"test_patch_join.c", NULL, ALL, OTHER_THREADS},
    {"test_patch_reports.c", NULL, ALL, OTHER_THREADS},
    {"test_patch_signals.c", NULL, ALL, OTHER_THREADS},
    {"test_patch_stream_locks.c", NULL, ALL, OTHER_THREADS},
    {"test_patch_threads.c", NULL, ALL, OTHER_THREADS},
    {"test_patch_vfork.c", NULL, ALL, OTHER_THREADS},
    {"test_process_start.c", "signals_are_as_a_program_expects", ALL,
     OWN_SIGNALS},
    {"test_process_start.c", "there_is_no_such_program", ALL, FORKS},
    {"test_service.c", "a_new_process_takes_over", ALL, ONE_PROCESS},
};

enum { LIMITS = sizeof limits / sizeof limits[0] };

static const struct limit *limit_of(const TTest *test)
{
    const char *slash = strrchr(test->file, '/');
    const char *file = slash ? slash + 1 : test->file;

    for (const struct limit *limit = limits; limit < limits + LIMITS; limit++)
        if (strcmp(file, limit->file) == 0 &&
            (!limit->name || strcmp(test->name, limit->name) == 0) &&
            (limit->where == ALL || sizeof(void *) == 4))
            return limit;
    return NULL;
}

/* What is skipped, by the number of a loop's round. */
static const TTest *skipped[256];

static void skip_it(int round)
{
    skip_case(skipped[round]->name, limit_of(skipped[round])->why);
}

/* In place of check's function, which its macros call. */
void add_case(TCase *tcase, const TTest *test, int signal, int status,
              int start, int end)
{
    static int count;
    TTest *stand_in;

    if (!is_emulated() || !limit_of(test) || count == 256) {
        (_tcase_add_test)(tcase, test, signal, status, start, end);
        return;
    }
    stand_in = malloc(sizeof *stand_in);
    if (!stand_in)
        abort();
    *stand_in = *test;
    stand_in->fn = skip_it;
    skipped[count] = test;
    (_tcase_add_test)(tcase, stand_in, 0, 0, count, count + 1);
    count++;
}
