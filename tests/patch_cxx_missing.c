/* In place of patch_cxx.cpp where it cannot be built. */
#include "support.h"

START_TEST(locks)
{
    SKIP("needs a C++ compiler and this C++ library, with C++20");
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("patch_cxx");

    tcase_add_test(add_tcase(suite, "locks"), locks);
    return run_suite(suite);
}
