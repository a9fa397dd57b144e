/* Arrays of buffers, worked off in pieces. */
#include <limits.h>

#include "io/vector.h"
#include "support.h"

static char bytes[64];

START_TEST(it_is_worked_off_in_any_pieces)
{
    struct iovec iov[12], copy[12];
    struct green__vector vector;
    size_t step = (size_t)_i + 1, done = 0;

    for (int i = 0; i < 12; i++)
        iov[i] = (struct iovec){bytes + 3 * i, i % 4 ? 3 : 0};
    memcpy(copy, iov, sizeof iov);
    ck_ok(green__vector_init(&vector, iov, 12));
    ck_assert_uint_eq(vector.size, 27);
    while (done < 27) {
        size_t piece = 27 - done < step ? 27 - done : step;
        size_t rest = 0;

        green__vector_advance(&vector, piece);
        done += piece;
        for (int i = 0; i < vector.count; i++)
            rest += vector.iov[i].iov_len;
        ck_assert_uint_eq(rest, 27 - done);
        ck_assert(rest == 0 || vector.iov[0].iov_len > 0);
    }
    ck_assert_mem_eq(copy, iov, sizeof iov);
    green__vector_free(&vector);
}
END_TEST

START_TEST(it_goes_on_where_it_stopped)
{
    struct iovec iov[2] = {{bytes, 4}, {bytes + 10, 4}};
    struct green__vector vector;

    ck_ok(green__vector_init(&vector, iov, 2));
    green__vector_advance(&vector, 3);
    ck_assert_ptr_eq(vector.iov[0].iov_base, bytes + 3);
    green__vector_advance(&vector, 2);
    ck_assert_int_eq(vector.count, 1);
    ck_assert_ptr_eq(vector.iov[0].iov_base, bytes + 11);
    green__vector_free(&vector);
}
END_TEST

START_TEST(bad_arrays_are_refused)
{
    struct iovec huge[2] = {{bytes, SIZE_MAX}, {bytes, 2}};
    struct green__vector vector;

    ck_fails(green__vector_init(&vector, huge, 2), EINVAL);
    ck_fails(green__vector_init(&vector, huge, 1), EINVAL);
    ck_fails(green__vector_init(&vector, huge, IOV_MAX + 1), EINVAL);
    ck_fails(green__vector_init(&vector, NULL, 1), EINVAL);
    ck_ok(green__vector_init(&vector, NULL, 0));
    ck_assert_uint_eq(vector.size, 0);
    green__vector_free(&vector);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("unit_vector");
    TCase *tcase = add_tcase(suite, "vector");

    tcase_add_loop_test(tcase, it_is_worked_off_in_any_pieces, 0, 27);
    tcase_add_test(tcase, it_goes_on_where_it_stopped);
    tcase_add_test(tcase, bad_arrays_are_refused);
    return run_suite(suite);
}
