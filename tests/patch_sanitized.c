/* In place of the tests of libgreenhub-patch in a build with a sanitizer. */
#include "support.h"

START_TEST(patched)
{
    SKIP("a sanitizer's functions are in front of the patch library's");
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("patch");

    tcase_add_test(add_tcase(suite, "sanitized"), patched);
    return run_suite(suite);
}
