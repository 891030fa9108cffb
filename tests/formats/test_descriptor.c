/* Files that are written never get the number of standard input, output or error. */
#include "formats/descriptor.h"
#include "formats/outfile.h"
#include "tests/check_main.h"

#include <fcntl.h>
#include <unistd.h>

START_TEST(closed_ones_are_filled)
{
    int saved[3];
    for (int i = 0; i < 3; i++)
        saved[i] = fcntl(i, F_DUPFD, 10);
    for (int i = 0; i < 3; i++)
        close(i);
    bool ok = descriptors_fill();
    int next = open("/dev/null", O_RDONLY);
    bool all_open = fcntl(0, F_GETFD) >= 0 && fcntl(1, F_GETFD) >= 0 && fcntl(2, F_GETFD) >= 0;
    for (int i = 0; i < 3; i++)
        dup2(saved[i], i);
    ck_assert(ok && all_open);
    ck_assert_int_gt(next, STDERR_FILENO);
}
END_TEST

/* Standard input again, for whoever runs in the same process. */
static void fill_input(void)
{
    int filled = open("/dev/null", O_RDONLY);
    ck_assert_int_eq(filled, STDIN_FILENO);
}

START_TEST(numbers_are_moved)
{
    close(STDIN_FILENO);
    int low = open("/dev/null", O_RDWR);
    ck_assert_int_eq(low, STDIN_FILENO);
    int high = descriptor_above_standard(low);
    ck_assert_int_gt(high, STDERR_FILENO);
    ck_assert_int_lt(fcntl(STDIN_FILENO, F_GETFD), 0);
    ck_assert_int_eq(fcntl(high, F_GETFD), FD_CLOEXEC);
    ck_assert_int_eq(descriptor_above_standard(high), high);
    ck_assert_int_eq(descriptor_above_standard(-1), -1);
    fill_input();
    close(high);
}
END_TEST

/* Whoever uses the library without filling them: its files stay out of the way all the same. */
START_TEST(an_output_file_stays_above)
{
    char folder[] = "/tmp/kmmigrate-test-XXXXXX", target[64];
    struct outfile *out;
    struct fault f;
    ck_assert_ptr_nonnull(mkdtemp(folder));
    snprintf(target, sizeof target, "%s/new", folder);
    close(STDIN_FILENO);
    ck_assert(outfile_create(target, -1, false, &out, &f));
    ck_assert_int_gt(outfile_descriptor(out), STDERR_FILENO);
    outfile_discard(out);
    fill_input();
    rmdir(folder);
}
END_TEST

int main(void)
{
    return check_main("descriptor", (const struct check_case[]){{closed_ones_are_filled, 0},
                                                                {numbers_are_moved, 0},
                                                                {an_output_file_stays_above, 0},
                                                                {0}});
}
