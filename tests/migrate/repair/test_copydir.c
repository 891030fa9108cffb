/*
 * Copies of a directory: whole or not at all.  What is no regular file, a directory that is another
 * one by now, a name that is taken: refused; and clean-up takes away what was made, and no more.
 */
#include "migrate/repair/copydir.h"
#include "tests/check_main.h"

#include <fcntl.h>
#include <stdarg.h>
#include <unistd.h>

static char folder[64];
static const struct beside nothing = {.files = 0};

/* A path below the folder, in one of a few rooms. */
static const char *at(const char *form, ...)
{
    static char room[8][512];
    static unsigned next;
    char *to = room[next++ % 8];
    va_list rest;
    int used = snprintf(to, sizeof room[0], "%s/", folder);
    va_start(rest, form);
    vsnprintf(to + used, sizeof room[0] - (size_t)used, form, rest);
    va_end(rest);
    return to;
}

static void put(const char *path, const char *content)
{
    FILE *to = fopen(path, "w");
    ck_assert_ptr_nonnull(to);
    fputs(content, to);
    ck_assert_int_eq(fclose(to), 0);
}

static bool is_there(const char *path)
{
    struct stat st;
    return lstat(path, &st) == 0;
}

static bool holds(const char *path, const char *content)
{
    char text[64] = "";
    FILE *from = fopen(path, "r");
    if (from == NULL)
        return false;
    size_t size = fread(text, 1, sizeof text - 1, from);
    fclose(from);
    return size == strlen(content) && memcmp(text, content, size) == 0;
}

/* A directory with a database, a log and a text. */
static void set_up(void)
{
    snprintf(folder, sizeof folder, "/tmp/kmmigrate-test-copydir-XXXXXX");
    ck_assert_ptr_nonnull(mkdtemp(folder));
    ck_assert_int_eq(mkdir(at("old"), 0750), 0);
    put(at("old/Kmsmdb.edb"), "database");
    put(at("old/edb.log"), "log");
    put(at("old/Kmspwd.ini"), "password");
}

static void tear_down(void)
{
    char command[128];
    snprintf(command, sizeof command, "rm -rf '%s'", folder);
    ck_assert_int_eq(system(command), 0);
}

static bool begin(struct copydir *c, const char *target, struct fault *f)
{
    struct stat st;
    *f = (struct fault){.code = FAULT_NONE};
    ck_assert_int_eq(stat(at("old/Kmsmdb.edb"), &st), 0);
    return copydir_begin(c, at("old"), "Kmsmdb.edb", &st, target, f);
}

static unsigned entries_of(const char *path)
{
    char command[256];
    unsigned count = 0;
    snprintf(command, sizeof command, "ls -A '%s' | wc -l", path);
    FILE *said = popen(command, "r");
    ck_assert_ptr_nonnull(said);
    ck_assert_int_eq(fscanf(said, "%u", &count), 1);
    pclose(said);
    return count;
}

START_TEST(a_copy_is_whole)
{
    char log[] = "edb.log";
    struct beside_file file = {.kind = BESIDE_LOG, .name = log};
    const struct beside logs = {.file = &file, .files = 1};
    struct copydir c;
    struct fault f;
    struct stat st;
    ck_assert_msg(begin(&c, at("new/"), &f), "%s", f.text);
    ck_assert_msg(copydir_others(&c, "KMSMDB.EDB", &logs, &f), "%s", f.text);
    ck_assert(!is_there(at("new")) && entries_of(folder) == 2);
    ck_assert_msg(copydir_commit(&c, &f), "%s", f.text);
    ck_assert_uint_eq(c.set_aside, 1);
    copydir_close(&c);
    ck_assert(holds(at("new/Kmspwd.ini"), "password") && holds(at("new/set-aside/edb.log"), "log"));
    ck_assert(!is_there(at("new/Kmsmdb.edb")) && entries_of(at("new")) == 2);
    ck_assert(stat(at("new"), &st) == 0 && (st.st_mode & 0777) == 0750);
    ck_assert(stat(at("new/set-aside"), &st) == 0 && (st.st_mode & 0777) == 0750);
    ck_assert_uint_eq(entries_of(folder), 2);
}
END_TEST

/* The undo file of an earlier repair comes along, whatever lies beside. */
START_TEST(an_undo_file_is_not_set_aside)
{
    char undo[] = "Kmsmdb.edb.kmundo";
    struct beside_file file = {.kind = BESIDE_UNDO, .name = undo};
    const struct beside beside = {.file = &file, .files = 1};
    struct copydir c;
    struct fault f;
    put(at("old/Kmsmdb.edb.kmundo"), "undo");
    ck_assert(begin(&c, at("new"), &f) && copydir_others(&c, "", &beside, &f));
    ck_assert(copydir_commit(&c, &f));
    ck_assert_uint_eq(c.set_aside, 0);
    copydir_close(&c);
    ck_assert(holds(at("new/Kmsmdb.edb.kmundo"), "undo") && holds(at("new/edb.log"), "log"));
    ck_assert_uint_eq(entries_of(at("new")), 4);
}
END_TEST

static bool is_log(const char *name)
{
    return strcmp(name, "edb.log") == 0;
}

START_TEST(what_is_left_out)
{
    struct copydir c;
    struct fault f;
    ck_assert(begin(&c, at("new"), &f));
    c.leaves = is_log;
    ck_assert(copydir_others(&c, "", &nothing, &f) && copydir_commit(&c, &f));
    copydir_close(&c);
    ck_assert(!is_there(at("new/edb.log")) && entries_of(at("new")) == 2);
}
END_TEST

START_TEST(what_cannot_begin)
{
    struct copydir c;
    struct fault f;
    struct stat st;
    ck_assert(!begin(&c, at("old"), &f) && strstr(f.text, "exists already"));
    copydir_close(&c);
    ck_assert(!begin(&c, at("old/new"), &f) && strstr(f.text, "inside the directory"));
    copydir_close(&c);
    ck_assert(!begin(&c, at("nowhere/new"), &f) && f.code == FAULT_IO);
    copydir_close(&c);
    ck_assert(!begin(&c, "/", &f) && f.code == FAULT_NOT_THIS);
    copydir_close(&c);
    ck_assert_int_eq(stat(at("old/edb.log"), &st), 0); /* another file than the one that has it */
    ck_assert(!copydir_begin(&c, at("old"), "Kmsmdb.edb", &st, at("new"), &f));
    ck_assert_ptr_nonnull(strstr(f.text, "is not the one that was judged"));
    copydir_close(&c);
    ck_assert(!copydir_begin(&c, at("older"), "Kmsmdb.edb", &st, at("new"), &f));
    ck_assert_ptr_nonnull(strstr(f.text, "cannot be opened"));
    copydir_close(&c);
    char name[NAME_MAX + 1];
    memset(name, 'n', NAME_MAX);
    name[NAME_MAX] = '\0';
    ck_assert(!begin(&c, at("%s", name), &f) && f.code == FAULT_IO);
    copydir_close(&c);
    ck_assert_uint_eq(entries_of(folder), 1);
}
END_TEST

/* A link, a pipe, a directory: a copy without it would not be one.  All of the copy goes. */
START_TEST(what_cannot_be_copied)
{
    char log[] = "edb.log";
    struct beside_file file = {.kind = BESIDE_LOG, .name = log};
    const struct beside logs = {.file = &file, .files = 1};
    struct copydir c;
    struct fault f;
    ck_assert_int_eq(_i == 0   ? symlink("edb.log", at("old/z"))
                     : _i == 1 ? mkfifo(at("old/z"), 0600)
                               : mkdir(at("old/z"), 0700),
                     0);
    ck_assert(begin(&c, at("new"), &f));
    ck_assert(!copydir_others(&c, "Kmsmdb.edb", &logs, &f));
    ck_assert_msg(strstr(f.text, "z: expected a regular file"), "%s", f.text);
    copydir_close(&c);
    ck_assert_uint_eq(entries_of(folder), 1);
}
END_TEST

/* Logs that were set aside go with the rest, before and behind the last step. */
START_TEST(what_was_made_is_removed)
{
    char log[] = "edb.log";
    struct beside_file file = {.kind = BESIDE_LOG, .name = log};
    const struct beside logs = {.file = &file, .files = 1};
    struct copydir c;
    struct fault f;
    ck_assert(begin(&c, at("new"), &f) && copydir_others(&c, "Kmsmdb.edb", &logs, &f));
    if (_i > 0)
        ck_assert(copydir_commit(&c, &f));
    put(at("%s/mine", _i > 0 ? "new" : c.unfinished), "mine");
    ck_assert(copydir_note(&c, "mine", &f));
    copydir_remove(&c);
    ck_assert_uint_eq(entries_of(folder), 1);
    copydir_remove(&c); /* nothing is left to be removed */
    copydir_close(&c);
    ck_assert_uint_eq(entries_of(at("old")), 3);
}
END_TEST

/* Somebody's file keeps the directory, and another directory under the name is not touched. */
START_TEST(what_is_somebody_elses_stays)
{
    struct copydir c;
    struct fault f;
    ck_assert(begin(&c, at("new"), &f) && copydir_others(&c, "", &nothing, &f));
    ck_assert(copydir_commit(&c, &f));
    put(at("new/theirs"), "theirs");
    copydir_remove(&c);
    ck_assert(holds(at("new/theirs"), "theirs") && entries_of(at("new")) == 1);
    copydir_close(&c);
    ck_assert(begin(&c, at("newer"), &f) && copydir_commit(&c, &f));
    ck_assert_int_eq(rename(at("newer"), at("elsewhere")), 0);
    ck_assert_int_eq(mkdir(at("newer"), 0700), 0);
    copydir_remove(&c);
    ck_assert(is_there(at("newer")) && is_there(at("elsewhere")));
    copydir_close(&c);
}
END_TEST

START_TEST(a_name_that_is_taken_meanwhile)
{
    struct copydir c;
    struct fault f;
    ck_assert(begin(&c, at("new"), &f) && copydir_others(&c, "", &nothing, &f));
    ck_assert_int_eq(mkdir(at("new"), 0700), 0);
    ck_assert(!copydir_commit(&c, &f) && strstr(f.text, "cannot get its name"));
    ck_assert(!c.committed);
    copydir_close(&c);
    ck_assert(is_there(at("new")) && entries_of(at("new")) == 0 && entries_of(folder) == 2);
}
END_TEST

static bool is_copy(struct fault *f)
{
    int source = open(at("old"), O_RDONLY | O_DIRECTORY), copy = open(at("new"), O_RDONLY);
    ck_assert(source >= 0 && copy >= 0);
    *f = (struct fault){.code = FAULT_NONE};
    bool is = copydir_is_copy(source, copy, f);
    close(source);
    close(copy);
    return is;
}

START_TEST(a_copy_is_known)
{
    static const char *const others[] = {"", "lo", "logs", "lOg"};
    struct copydir c;
    struct fault f;
    ck_assert(begin(&c, at("new"), &f) && copydir_others(&c, "", &nothing, &f));
    ck_assert(copydir_commit(&c, &f));
    copydir_close(&c);
    put(at("new/more"), "does not matter");
    ck_assert_msg(is_copy(&f), "%s", f.text);
    for (size_t i = 0; i < ARRAY_SIZE(others); i++) {
        put(at("new/edb.log"), others[i]);
        ck_assert(!is_copy(&f));
        ck_assert_int_eq(f.code, FAULT_DAMAGED);
        ck_assert_ptr_nonnull(strstr(f.text, "edb.log is not the same"));
    }
    unlink(at("new/edb.log"));
    ck_assert(!is_copy(&f) && f.code == FAULT_IO);
    ck_assert_int_eq(symlink("../old/edb.log", at("new/edb.log")), 0);
    ck_assert(!is_copy(&f) && f.code == FAULT_NOT_THIS);
}
END_TEST

static Suite *suite(void)
{
    Suite *s = suite_create("copydir");
    TCase *c = tcase_create("copydir");
    tcase_add_checked_fixture(c, set_up, tear_down);
    tcase_add_test(c, a_copy_is_whole);
    tcase_add_test(c, an_undo_file_is_not_set_aside);
    tcase_add_test(c, what_is_left_out);
    tcase_add_test(c, what_cannot_begin);
    tcase_add_loop_test(c, what_cannot_be_copied, 0, 3);
    tcase_add_loop_test(c, what_was_made_is_removed, 0, 2);
    tcase_add_test(c, what_is_somebody_elses_stays);
    tcase_add_test(c, a_name_that_is_taken_meanwhile);
    tcase_add_test(c, a_copy_is_known);
    suite_add_tcase(s, c);
    return s;
}

int main(void)
{
    return check_run("copydir", suite());
}
