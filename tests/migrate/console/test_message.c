/* Messages of what commands are made of: kept for whoever asks, printed only by a program. */
#include "migrate/console/message.h"
#include "migrate/console/status.h"
#include "migrate/store/store.h"

#include "tests/check_main.h"

#include <sys/stat.h>
#include <unistd.h>

/* Runs find() with standard error in a file; how much was written there. */
static off_t errors_of(void (*find)(void))
{
    char name[] = "message.XXXXXX";
    int file = mkstemp(name), saved = dup(STDERR_FILENO);
    struct stat st;
    ck_assert(file >= 0 && saved >= 0);
    unlink(name);
    dup2(file, STDERR_FILENO);
    find();
    dup2(saved, STDERR_FILENO);
    ck_assert_int_eq(fstat(file, &st), 0);
    close(saved);
    close(file);
    return st.st_size;
}

static void find_in_empty_directory(void)
{
    struct store store;
    char name[] = "message.XXXXXX";
    ck_assert_ptr_nonnull(mkdtemp(name));
    ck_assert_int_eq(store_find(&store, name), EXIT_TROUBLE);
    rmdir(name);
}

START_TEST(nothing_is_printed_unless_a_program_says_so)
{
    unsigned untold;
    message_forget();
    ck_assert_int_eq(errors_of(find_in_empty_directory), 0);
    const struct message_told *told = message_told(0, &untold);
    ck_assert_ptr_nonnull(told);
    ck_assert_str_eq(told->expected, "one file Kmsmdb.edb in this directory");
    ck_assert_ptr_null(message_told(1, &untold));
    ck_assert(!message_ask("Is it so?"));

    message_print();
    ck_assert_int_gt(errors_of(find_in_empty_directory), 0);
}
END_TEST

int main(void)
{
    return check_main("message", (const struct check_case[]){
                                     {nothing_is_printed_unless_a_program_says_so, 0},
                                     {0},
                                 });
}
