/* Runs each row twice, and compares the texts. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "patch_support.h"
#include "patch_table/story.h"
#include "patch_table/table.h"

#define MOST_ROWS 4096

function *subject;

static struct row table[MOST_ROWS];
static size_t row_count;

static void add_row(struct row row)
{
    if (row_count == MOST_ROWS)
        abort();
    table[row_count++] = row;
}

void add_rows(const struct row *rows, size_t count)
{
    for (size_t i = 0; i < count; i++)
        add_row(rows[i]);
}

void add_product(const struct call *calls, size_t call_count,
                 const struct row *rows, size_t count)
{
    for (size_t i = 0; i < call_count; i++) {
        for (size_t j = 0; j < count; j++) {
            struct row row = rows[j];

            if ((row.flags & ON_FILES) && (calls[i].flags & SOCKETS_ONLY))
                continue;
            row.call = calls[i].name;
            row.subject = calls[i].subject;
            add_row(row);
        }
    }
}

/* ---- Running ---------------------------------------------------------- */

#define GROUPS                                                                 \
    (GREEN_PATCH_LIBRARIES | GREEN_PATCH_SIGNALS | GREEN_PATCH_STDIO |         \
     GREEN_PATCH_FILES)

/* With GREENHUB_PATCH_TLS rows run in threads, as in a program of `greenhub
 * run`: "shared" or "own". */
static unsigned groups(void)
{
    return GROUPS | (getenv("GREENHUB_PATCH_TLS") ? GREEN_PATCH_THREADS : 0);
}

static void run_in_child(struct story *story, const struct row *row)
{
    subject = row->subject;
    if (story->mode == NATIVE) {
        run_natively(story, row);
        return;
    }
    if (green_patch(groups()) < 0)
        snprintf(story->missing, sizeof story->missing, "%s",
                 green_hub_error());
    else
        run_green(story, row);
}

static void note_death(struct story *story, int status)
{
    size_t length = strlen(story->text);

    snprintf(story->text + length, sizeof story->text - length,
             WIFSIGNALED(status) ? "; died of signal %d" : "; status %d",
             WIFSIGNALED(status) ? WTERMSIG(status) : status);
}

static struct story *run(enum mode mode, const struct row *row)
{
    struct story *story = mmap(NULL, sizeof *story, PROT_READ | PROT_WRITE,
                               MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    int status;
    pid_t child;

    if (story == MAP_FAILED)
        abort();
    story->mode = mode;
    child = fork();
    if (child == 0) {
        run_in_child(story, row);
        _exit(0);
    }
    if (child < 0 || waitpid(child, &status, 0) != child)
        abort();
    if (status != 0)
        note_death(story, status);
    return story;
}

static bool is_skipped(const struct row *row, const struct story *story)
{
    char why[256];

    if (!*story->missing)
        return false;
    snprintf(why, sizeof why, "%s, %s: %s", row->call, row->what,
             story->missing);
    skip_case("native_and_green_fn", why);
    return true;
}

static void compare(const struct row *row)
{
    const struct story *native, *green = run(GREEN, row);

    if (is_skipped(row, green))
        return;
    if (row->flags & GREEN_ONLY) {
        ck_assert_msg(strcmp(row->expected, green->text) == 0,
                      "%s, %s:\n    expected %s\n    green    %s", row->call,
                      row->what, row->expected, green->text);
        return;
    }
    native = run(NATIVE, row);
    if (!is_skipped(row, native))
        ck_assert_msg(strcmp(native->text, green->text) == 0,
                      "%s, %s:\n    native %s\n    green  %s", row->call,
                      row->what, native->text, green->text);
}

START_TEST(native_and_green)
{
    compare(&table[_i]);
}
END_TEST

/* The call fails with ECANCELED, whatever its way to say so is. */
START_TEST(killed)
{
    const struct story *story;

    if (!(table[_i].flags & BLOCKS))
        return;
    story = run(KILLED, &table[_i]);
    if (!is_skipped(&table[_i], story))
        ck_assert_msg(strstr(story->text, "ECANCELED"), "%s, %s, killed: %s",
                      table[_i].call, table[_i].what, story->text);
}
END_TEST

/* ---- The suite -------------------------------------------------------- */

static void add_all(void)
{
    add_readers();
    add_waiting_readers();
    add_receivers();
    add_writers();
    add_senders();
    add_many();
    add_sockets();
    add_flags();
    add_numbers();
    add_polls();
    add_selects();
    add_epolls();
    add_sleeps();
    add_names();
    add_threads();
    add_processes();
    add_streams_read();
    add_streams_write();
    add_streams_open();
    add_signals();
    add_moves();
    add_queues();
    add_message_queues();
    add_queries();
    add_older_names();
}

static void show_row(const struct row *row)
{
    const char *native = row->flags & GREEN_ONLY ? row->expected
                                                 : run(NATIVE, row)->text,
               *green = run(GREEN, row)->text;

    printf("%-10s %s\n%10s %s\n",
           strcmp(native, green) == 0 ? "same" : "DIFFERENT", row->what, "",
           native);
    if (strcmp(native, green) != 0)
        printf("%10s %s\n", "", green);
    if (row->flags & BLOCKS)
        printf("%-10s %s\n", "killed", run(KILLED, row)->text);
}

/* PROGRAM CALL: all of one function. */
static int show(const char *call)
{
    for (size_t i = 0; i < row_count; i++)
        if (strcmp(table[i].call, call) == 0)
            show_row(&table[i]);
    return 0;
}

int main(int argc, char **argv)
{
    Suite *suite = suite_create("patch_table");

    add_all();
    if (argc > 1)
        return show(argv[1]);
    tcase_add_loop_test(add_tcase(suite, "row"), native_and_green, 0,
                        (int)row_count);
    tcase_add_loop_test(add_tcase(suite, "killed"), killed, 0, (int)row_count);
    return run_suite_with_tls(suite);
}
