/* base/list.h */
#include "base/list.h"

#include "support.h"

struct item {
    struct green_list link;
    int number;
};

static struct item items[6];
static struct green_list list, other;

static void set_up(void)
{
    green__list_init(&list);
    green__list_init(&other);
    for (int i = 0; i < 6; i++) {
        items[i].number = i;
        green__list_init(&items[i].link);
    }
}

/* The list's numbers as the digits of one number; walks in both directions. */
static int digits(const struct green_list *head)
{
    const struct green_list *link;
    int forth = 0, back = 0, place = 1;

    for (link = head->next; link != head; link = link->next)
        forth =
            forth * 10 + container_of(link, const struct item, link)->number;
    for (link = head->prev; link != head; link = link->prev, place *= 10)
        back += place * container_of(link, const struct item, link)->number;
    ck_assert_int_eq(forth, back);
    return forth;
}

START_TEST(append_prepend_insert_remove)
{
    ck_assert(green__list_empty(&list));
    green__list_append(&list, &items[2].link);
    green__list_append(&list, &items[3].link);
    green__list_prepend(&list, &items[1].link);
    ck_assert_int_eq(digits(&list), 123);
    green__list_insert(&items[3].link, &items[5].link);
    ck_assert_int_eq(digits(&list), 1253);
    green__list_remove(&items[2].link);
    green__list_remove(&items[2].link);
    ck_assert_int_eq(digits(&list), 153);
    ck_assert(!green__list_empty(&list));
}
END_TEST

START_TEST(splice)
{
    green__list_splice(&list, &other);
    ck_assert(green__list_empty(&list));
    green__list_append(&other, &items[3].link);
    green__list_append(&other, &items[4].link);
    green__list_append(&list, &items[1].link);
    green__list_splice(&list, &other);
    ck_assert_int_eq(digits(&list), 134);
    ck_assert(green__list_empty(&other));
    green__list_splice(&other, &list);
    ck_assert_int_eq(digits(&other), 134);
}
END_TEST

START_TEST(removing_during_a_walk)
{
    struct green_list *link, *following;
    int seen = 0;

    for (int i = 1; i < 6; i++)
        green__list_append(&list, &items[i].link);
    green__list_each_safe (&list, link, following) {
        seen++;
        if (container_of(link, struct item, link)->number % 2)
            green__list_remove(link);
    }
    ck_assert_int_eq(seen, 5);
    ck_assert_int_eq(digits(&list), 24);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("list");
    TCase *tcase = add_tcase(suite, "list");

    tcase_add_checked_fixture(tcase, set_up, NULL);
    tcase_add_test(tcase, append_prepend_insert_remove);
    tcase_add_test(tcase, splice);
    tcase_add_test(tcase, removing_during_a_walk);
    return run_suite(suite);
}
