/* Replaces exceptions.cpp where it cannot be built. */
#include "support.h"

START_TEST(exceptions)
{
    SKIP("needs a C++ compiler and this C++ library");
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("exceptions");

    tcase_add_test(add_tcase(suite, "handlers"), exceptions);
    return run_suite(suite);
}
