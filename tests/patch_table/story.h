/* One run of a row, in a process of its own. */
#ifndef TESTS_PATCH_STORY_H
#define TESTS_PATCH_STORY_H

enum mode {
    NATIVE,
    GREEN,
    KILLED, /* green, and instead of acting the other side kills the caller */
};

/* In memory that the two processes share with the one that compares. */
struct story {
    enum mode mode;
    char text[4096];
    char missing[128]; /* why the row cannot be run here */
};

struct row;

void run_natively(struct story *story, const struct row *row);
void run_green(struct story *story, const struct row *row);

#endif
