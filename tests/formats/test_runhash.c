/* Hashes of runs of bytes: whatever the marks, a run has the hash of its bytes alone. */
#include "formats/runhash.h"
#include "tests/check_main.h"

enum { SEED = 1, TRIES = 20000, MOST = 700 };

static uint8_t value[MOST];

static void make(void)
{
    srand(SEED);
    for (size_t i = 0; i < sizeof value; i++)
        value[i] = (uint8_t)(rand() % 3 * 127); /* many runs that are alike, and many zeros */
}

START_TEST(a_run_has_the_hash_of_its_bytes)
{
    struct runhash r;
    make();
    runhash_open(&r);
    for (unsigned i = 0; i < TRIES; i++) {
        size_t whole = (size_t)rand() % (MOST + 1), at = (size_t)rand() % (whole + 1);
        size_t size = (size_t)rand() % (whole - at + 1);
        struct bytes all = bytes_of(value, whole);
        if (i % 16 == 0 || r.value.size != whole)
            ck_assert(runhash_take(&r, all));
        ck_assert_uint_eq(runhash_run(&r, at, size), runhash_of(&r, bytes_of(value + at, size)));
    }
    runhash_close(&r);
}
END_TEST

START_TEST(runs_that_differ_have_different_hashes)
{
    struct runhash r;
    uint8_t other[64];
    make();
    runhash_open(&r);
    for (unsigned i = 0; i < TRIES; i++) {
        size_t size = 1 + (size_t)rand() % sizeof other;
        memcpy(other, value, size);
        other[(size_t)rand() % size] ^= (uint8_t)(1 + rand() % 255);
        ck_assert_uint_ne(runhash_of(&r, bytes_of(other, size)),
                          runhash_of(&r, bytes_of(value, size)));
    }
    runhash_close(&r);
}
END_TEST

START_TEST(two_places_are_not_the_same)
{
    struct runhash a, b;
    runhash_open(&a);
    runhash_open(&b);
    ck_assert_uint_ne(a.doubled[0], b.doubled[0]);
    ck_assert_uint_lt(a.doubled[0], ((uint64_t)1 << 61) - 1);
    runhash_close(&a);
    runhash_close(&b);
}
END_TEST

int main(void)
{
    return check_main("runhash", (const struct check_case[]){
                                     {a_run_has_the_hash_of_its_bytes, 0},
                                     {runs_that_differ_have_different_hashes, 0},
                                     {two_places_are_not_the_same, 0},
                                     {0},
                                 });
}
