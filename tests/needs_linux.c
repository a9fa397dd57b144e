/* Replaces tests of what a build for POSIX alone leaves out. */
#include "support.h"

START_TEST(needs_linux)
{
    SKIP("needs what Linux alone has, which this build leaves out");
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("needs_linux");

    tcase_add_test(add_tcase(suite, "needs_linux"), needs_linux);
    return run_suite(suite);
}
