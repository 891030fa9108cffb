/* What there is to say: noted by what commands are made of, printed by whoever called it, and by a
 * program alone; kept for whoever asks. */
#include "migrate/console/message.h"
#include "migrate/console/status.h"
#include "migrate/store/store.h"

#include "tests/check_main.h"

#include <string.h>
#include <unistd.h>

/* Prints the notes with standard error in a file; what was written there. */
static const char *printed(struct notes *notes)
{
    static char text[4096];
    char name[] = "message.XXXXXX";
    int file = mkstemp(name), saved = dup(STDERR_FILENO);
    ck_assert(file >= 0 && saved >= 0);
    unlink(name);
    dup2(file, STDERR_FILENO);
    message_notes(notes);
    dup2(saved, STDERR_FILENO);
    ssize_t size = pread(file, text, sizeof text - 1, 0);
    ck_assert_int_ge(size, 0);
    text[size] = '\0';
    close(saved);
    close(file);
    return text;
}

static void find_in_empty_directory(struct notes *notes)
{
    struct store store;
    char name[] = "message.XXXXXX";
    ck_assert_ptr_nonnull(mkdtemp(name));
    ck_assert_int_eq(store_find(&store, name, notes), EXIT_TROUBLE);
    rmdir(name);
}

START_TEST(nothing_is_printed_unless_a_program_says_so)
{
    unsigned untold;
    struct notes notes = {.first = NULL};
    message_forget();
    find_in_empty_directory(&notes);
    ck_assert_ptr_nonnull(notes.first);
    ck_assert_ptr_null(notes.first->behind);
    ck_assert_ptr_null(message_told(0, &untold));
    ck_assert_str_eq(printed(&notes), "");
    ck_assert_ptr_null(notes.first);
    const struct message_told *told = message_told(0, &untold);
    ck_assert_ptr_nonnull(told);
    ck_assert_str_eq(told->expected, "one file Kmsmdb.edb in this directory");
    ck_assert_ptr_null(message_told(1, &untold));
    ck_assert(!message_ask("Is it so?"));

    message_print();
    find_in_empty_directory(&notes);
    ck_assert_ptr_nonnull(strstr(printed(&notes), "found 0; name the database file itself"));
    find_in_empty_directory(NULL); /* who does not want them */
}
END_TEST

/* In their order, with all that is known of each; nothing reaches a terminal as it is. */
START_TEST(notes_are_printed_as_they_came)
{
    unsigned untold;
    struct notes notes = {.first = NULL};
    struct fault f;
    char longest[3000];
    memset(longest, 'x', sizeof longest - 1);
    longest[sizeof longest - 1] = '\0';
    message_forget();
    message_print();
    fault_set(&f, FAULT_DAMAGED, "expected 1, found 2");
    fault_context(&f, "page 7");
    note_warning(&notes, "first %d", 1);
    ck_assert_int_eq(note_trouble(&notes, "a", &f), EXIT_TROUBLE);
    note_fault_next(&notes, "b", &f, "kmmigrate salvage %s", "b\x1b");
    note_file(&notes, "c", "wrong; kmmigrate list %s shows it", "c");
    note_error(&notes, "%s", longest);
    fault_set(&f, FAULT_DAMAGED, "d:12: bad line");
    note_trouble(&notes, "d", &f);
    const char *text = printed(&notes);
    ck_assert_ptr_eq(text, strstr(text, "kmmigrate: warning: first 1\n"
                                        "kmmigrate: a: page 7: expected 1, found 2\n"
                                        "kmmigrate: b: page 7: expected 1, found 2; kmmigrate "
                                        "salvage b\\x1b\n"
                                        "kmmigrate: c: wrong; kmmigrate list c shows it\n"
                                        "kmmigrate: xxx"));
    ck_assert_ptr_nonnull(strstr(text, "xxx\nkmmigrate: d:12: bad line\n"));
    ck_assert_uint_gt(strlen(text), sizeof longest);
    ck_assert_str_eq(message_told(0, &untold)->place, "page 7");
    ck_assert_str_eq(message_told(0, &untold)->found, "2");
    ck_assert_str_eq(message_told(1, &untold)->next, "kmmigrate salvage b\x1b");
    ck_assert_str_eq(message_told(2, &untold)->next, "kmmigrate list c shows it");
    ck_assert_str_eq(message_told(4, &untold)->message, "d:12: bad line");
}
END_TEST

int main(void)
{
    return check_main("message", (const struct check_case[]){
                                     {nothing_is_printed_unless_a_program_says_so, 0},
                                     {notes_are_printed_as_they_came, 0},
                                     {0},
                                 });
}
