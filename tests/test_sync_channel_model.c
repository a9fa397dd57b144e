/*
 * Three channels beside a model of them, under random operations, kills, and
 * choices among several cases. The model predicts which waiter is served; it
 * cannot predict which of several possible cases green_choose takes, so it
 * accepts any of them.
 */
#include "model.h"

#define OPERATIONS 300
#define CHANNELS 3
#define CASES 4
#define PENDING -1
#define NONE -1

/* The lines of a channel. An entry is the operation's number times CASES plus
 * the number of its case. */
struct line {
    size_t capacity;
    bool closed;
    struct row values, senders, receivers;
};

struct operation {
    struct green_thread *thread;
    bool killed;
    int count; /* of cases; 1: a plain send or receive */
    int channels[CASES];
    bool sends[CASES];
    int values[CASES];   /* sent, or received by the real call */
    int expected, value; /* the chosen case or PENDING; the value it received */
    int expected_error, chosen, error;
};

static struct green_channel channels[CHANNELS];
static struct line lines[CHANNELS];
static struct operation operations[OPERATIONS];
static int begun;

/* ---- The real channels ------------------------------------------------- */

static void single(struct operation *o)
{
    struct green_channel *channel = &channels[o->channels[0]];
    int result = o->sends[0] ? green_channel_send(channel, &o->values[0])
                             : green_channel_receive(channel, &o->values[0]);

    o->error = result < 0 ? errno : 0;
    o->chosen = 0;
}

static void *operate(void *arg)
{
    struct green_case cases[CASES] = {{0}};
    struct operation *o = arg;

    if (o->count == 1) {
        single(o);
        return NULL;
    }
    for (int i = 0; i < o->count; i++)
        cases[i] = (struct green_case){
            .kind = o->sends[i] ? GREEN_CASE_SEND : GREEN_CASE_RECEIVE,
            .channel = &channels[o->channels[i]],
            .value = &o->values[i],
        };
    o->chosen = green_choose(cases, (size_t)o->count, GREEN_FOREVER);
    o->error = o->chosen < 0 ? errno : cases[o->chosen].error;
    o->chosen = o->chosen < 0 ? 0 : o->chosen;
    return NULL;
}

/* ---- The model ------------------------------------------------------------ */

/* Ends an operation's wait and removes it from all lines. */
static void model_settle(int operation, int chosen, int error)
{
    operations[operation].expected = chosen;
    operations[operation].expected_error = error;
    for (int c = 0; c < CHANNELS; c++)
        for (int i = 0; i < CASES; i++) {
            row_remove(&lines[c].senders, operation * CASES + i);
            row_remove(&lines[c].receivers, operation * CASES + i);
        }
}

static bool model_can(bool sends, const struct line *line)
{
    if (line->closed)
        return true;
    if (sends)
        return line->receivers.length > 0 ||
               (size_t)line->values.length < line->capacity;
    return line->values.length > 0 || line->senders.length > 0;
}

/* Called when the send can be done without a wait. Returns the error. */
static int model_send(struct line *line, int value)
{
    if (line->closed)
        return EPIPE;
    if (line->receivers.length > 0) {
        int place = line->receivers.at[0];

        operations[place / CASES].value = value;
        model_settle(place / CASES, place % CASES, 0);
        return 0;
    }
    row_append(&line->values, value);
    return 0;
}

static int model_receive(struct line *line, int *value)
{
    int place = line->senders.length > 0 ? line->senders.at[0] : NONE;
    int sent =
        place == NONE ? 0 : operations[place / CASES].values[place % CASES];

    if (line->values.length > 0) {
        *value = row_take(&line->values, 0);
        if (place != NONE)
            row_append(&line->values, sent);
    } else if (place != NONE) {
        *value = sent;
    } else {
        return EPIPE;
    }
    if (place != NONE)
        model_settle(place / CASES, place % CASES, 0);
    return 0;
}

/* Whether the operation will wait. Called before it runs. */
static bool model_waits(const struct operation *o)
{
    for (int i = 0; i < o->count; i++)
        if (model_can(o->sends[i], &lines[o->channels[i]]))
            return false;
    return true;
}

/* The operation did not wait: checks that its choice was possible, and repeats
 * it in the model. */
static void model_follow(struct operation *o)
{
    int chosen = o->chosen;
    struct line *line;

    ck_assert_int_ne(chosen, PENDING);
    line = &lines[o->channels[chosen]];
    ck_assert(model_can(o->sends[chosen], line));
    o->expected = chosen;
    o->expected_error = o->sends[chosen] ? model_send(line, o->values[chosen])
                                         : model_receive(line, &o->value);
}

static void model_close(struct line *line)
{
    line->closed = true;
    while (line->senders.length > 0)
        model_settle(line->senders.at[0] / CASES, line->senders.at[0] % CASES,
                     EPIPE);
    while (line->receivers.length > 0)
        model_settle(line->receivers.at[0] / CASES,
                     line->receivers.at[0] % CASES, EPIPE);
}

static void model_end_killed(void)
{
    for (int i = 0; i < begun; i++)
        if (operations[i].killed && operations[i].expected == PENDING)
            model_settle(i, 0, ECANCELED);
}

/* ---- Both ------------------------------------------------------------------ */

static void begin_one(void)
{
    struct operation *o = &operations[begun];
    bool waits;

    *o = (struct operation){.count = 1 + random_below(CASES),
                            .chosen = PENDING,
                            .expected = PENDING};
    for (int i = 0; i < o->count; i++) {
        o->channels[i] = random_below(CHANNELS);
        o->sends[i] = random_below(2);
        o->values[i] = o->sends[i] ? begun * CASES + i + 1 : 0;
    }
    waits = model_waits(o);
    for (int i = 0; waits && i < o->count; i++) {
        struct line *line = &lines[o->channels[i]];

        row_append(o->sends[i] ? &line->senders : &line->receivers,
                   begun * CASES + i);
    }
    begun++;
    o->thread = green_spawn(operate, o);
    run_others();
    if (!waits)
        model_follow(o);
}

static void try_one(void)
{
    int at = random_below(CHANNELS), value = 100000 + begun, wanted = 0;
    bool sends = random_below(2), can = model_can(sends, &lines[at]);
    int expected = EAGAIN, result;

    if (can)
        expected = sends ? model_send(&lines[at], value)
                         : model_receive(&lines[at], &wanted);
    result = sends ? green_channel_try_send(&channels[at], &value)
                   : green_channel_try_receive(&channels[at], &value);
    ck_assert_int_eq(result < 0 ? errno : 0, expected);
    if (!sends && expected == 0)
        ck_assert_int_eq(value, wanted);
}

static void kill_one(void)
{
    struct line *line = &lines[random_below(CHANNELS)];
    struct row *row = random_below(2) ? &line->senders : &line->receivers;

    if (row->length > 0) {
        int victim = row->at[random_below(row->length)] / CASES;

        operations[victim].killed = true;
        ck_ok(green_kill(operations[victim].thread));
    }
}

static void act(void)
{
    if (random_below(3)) {
        begin_one();
        return;
    }
    for (int i = random_below(4); i >= 0; i--) {
        if (random_below(2))
            try_one();
        else
            kill_one();
    }
    run_others();
    model_end_killed();
}

static void compare_all(void)
{
    for (int i = 0; i < begun; i++) {
        const struct operation *o = &operations[i];

        ck_assert_msg(o->chosen == o->expected, "%d chose %d, not %d", i,
                      o->chosen, o->expected);
        if (o->chosen == PENDING)
            continue;
        ck_assert_int_eq(o->error, o->expected_error);
        if (!o->sends[o->chosen] && o->error == 0)
            ck_assert_int_eq(o->values[o->chosen], o->value);
    }
    for (int c = 0; c < CHANNELS; c++)
        ck_assert_uint_eq(green_channel_length(&channels[c]),
                          (size_t)lines[c].values.length);
}

static void close_all(void)
{
    for (int c = 0; c < CHANNELS; c++) {
        model_close(&lines[c]);
        ck_ok(green_channel_close(&channels[c]));
        run_others();
        compare_all();
    }
}

START_TEST(channels_match_their_model)
{
    begin_random(_i);
    for (int c = 0; c < CHANNELS; c++) {
        lines[c].capacity = (size_t)random_below(3);
        ck_ok(green_channel_init(&channels[c], sizeof(int), lines[c].capacity));
    }
    for (int step = 0; step < OPERATIONS; step++) {
        act();
        compare_all();
    }
    close_all();
    for (int i = 0; i < begun; i++)
        ck_ok(green_join(operations[i].thread, NULL));
    for (int c = 0; c < CHANNELS; c++)
        green_channel_destroy(&channels[c]);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("sync channel model");
    TCase *tcase = add_tcase(suite, "model");

    tcase_add_loop_test(tcase, channels_match_their_model, 0, 12);
    return run_suite(suite);
}
