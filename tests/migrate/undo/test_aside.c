/*
 * What a repair leaves beside a store: the names that it gives, which alone an undo file is
 * followed in, and files that are set aside and put back.
 */
#include "migrate/files/beside.h"
#include "migrate/undo/aside.h"
#include "migrate/undo/names.h"
#include "tests/check_main.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

static char folder[64], store[PATH_MAX];

static const char *at(const char *name)
{
    return check_path(folder, name);
}

static void put(const char *path)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    ck_assert(fd >= 0);
    close(fd);
}

static bool is_there(const char *path)
{
    struct stat st;
    return lstat(path, &st) == 0;
}

static void set_up(void)
{
    snprintf(folder, sizeof folder, "/tmp/kmmigrate-test-aside-XXXXXX");
    ck_assert_ptr_nonnull(mkdtemp(folder));
    ck_assert_int_eq(mkdir(at("Kmsdata"), 0700), 0);
    snprintf(store, sizeof store, "%s/Kmsdata/Kmsmdb.edb", folder);
}

static void tear_down(void)
{
    char command[128];
    snprintf(command, sizeof command, "rm -rf '%s'", folder);
    ck_assert_int_eq(system(command), 0);
}

/* ---- files ---- */

static char log_name[] = "edb.log", checkpoint[] = "edb.chk";
static struct undofile_move both[] = {{.name = log_name}, {.name = checkpoint}};

static struct undofile undo_of(size_t moves)
{
    struct undofile u = {.move = both, .moves = moves};
    snprintf(u.identity.set_aside, sizeof u.identity.set_aside, "Kmsdata.set-aside-undated");
    u.identity.beside_directory = true;
    return u;
}

START_TEST(out_and_back)
{
    const struct undofile u = undo_of(2);
    struct fault f = {.code = FAULT_NONE};
    put(at("Kmsdata/edb.log"));
    put(at("Kmsdata/edb.chk"));
    put(at("Kmsdata/other"));
    ck_assert(aside_can_go_back(store, &u, &f)); /* none has gone yet */
    ck_assert_msg(aside_move_out(store, &u, &f), "%s", f.text);
    ck_assert(is_there(at("Kmsdata.set-aside-undated/edb.log")));
    ck_assert(!is_there(at("Kmsdata/edb.log")) && is_there(at("Kmsdata/other")));
    ck_assert(!aside_move_out(store, &u, &f) && f.code == FAULT_IO); /* the folder is there */
    ck_assert(aside_can_go_back(store, &u, &f));
    ck_assert_int_eq(rename(at("Kmsdata.set-aside-undated/edb.log"), at("Kmsdata/edb.log")), 0);
    ck_assert(aside_can_go_back(store, &u, &f)); /* interrupted halfway */
    struct undofile finished = u;
    finished.state = UNDOFILE_FINISHED;
    ck_assert(!aside_can_go_back(store, &finished, &f) && f.code == FAULT_LIMIT);
    ck_assert_msg(strstr(f.text, "edb.log") && strstr(f.text, "move it there"), "%s", f.text);
    finished.torn = true; /* an undo may have been begun */
    ck_assert(aside_can_go_back(store, &finished, &f));
    ck_assert_msg(aside_move_back(store, &u, &f), "%s", f.text);
    ck_assert(is_there(at("Kmsdata/edb.log")) && is_there(at("Kmsdata/edb.chk")));
    ck_assert(!is_there(at("Kmsdata.set-aside-undated")));
    ck_assert(aside_move_back(store, &u, &f)); /* once more: nothing is left to do */
}
END_TEST

START_TEST(nothing_to_move)
{
    struct undofile u = undo_of(0);
    struct fault f = {.code = FAULT_NONE};
    ck_assert(aside_move_out(store, &u, &f) && aside_can_go_back(store, &u, &f));
    ck_assert(!is_there(at("Kmsdata.set-aside-undated")));
    u.identity.set_aside[0] = '\0';
    ck_assert(aside_move_back(store, &u, &f));
}
END_TEST

/* 0: a file is in neither place; 1: in both; 2: the folder is none; 3: it is a link. */
START_TEST(what_cannot_go_back)
{
    static const enum fault_code codes[] = {FAULT_MISSING, FAULT_LIMIT, FAULT_IO, FAULT_IO};
    const struct undofile u = undo_of(2);
    struct fault f = {.code = FAULT_NONE};
    put(at("Kmsdata/edb.log"));
    put(at("Kmsdata/edb.chk"));
    ck_assert(aside_move_out(store, &u, &f));
    if (_i == 0)
        unlink(at("Kmsdata.set-aside-undated/edb.chk"));
    else if (_i == 1)
        put(at("Kmsdata/edb.chk"));
    else {
        ck_assert_int_eq(rename(at("Kmsdata.set-aside-undated"), at("elsewhere")), 0);
        if (_i == 2)
            put(at("Kmsdata.set-aside-undated"));
        else
            ck_assert_int_eq(symlink("elsewhere", at("Kmsdata.set-aside-undated")), 0);
    }
    ck_assert(!aside_can_go_back(store, &u, &f));
    ck_assert_msg(f.code == codes[_i], "%s", f.text);
    f.code = FAULT_NONE;
    ck_assert(aside_move_back(store, &u, &f) == (_i == 0)); /* what is there does */
    ck_assert_int_eq(is_there(at("Kmsdata/edb.log")), _i < 2);
}
END_TEST

START_TEST(changed_by_its_time)
{
    struct undofile u = undo_of(2);
    struct fault f = {.code = FAULT_NONE};
    const struct timespec after[] = {{.tv_sec = 1001}, {.tv_sec = 1001}};
    const struct timespec before[] = {{.tv_sec = 1000}, {.tv_sec = 1000}};
    size_t count = 9;
    u.identity.time = 1000;
    put(at("Kmsdata/edb.log"));
    put(at("Kmsdata/edb.chk"));
    utimensat(AT_FDCWD, at("Kmsdata/edb.log"), before, 0);
    utimensat(AT_FDCWD, at("Kmsdata/edb.chk"), before, 0);
    ck_assert(aside_move_out(store, &u, &f));
    ck_assert(!aside_changed(store, &u, &count, &f) && count == 0);
    utimensat(AT_FDCWD, at("Kmsdata.set-aside-undated/edb.chk"), after, 0);
    ck_assert_str_eq(aside_changed(store, &u, &count, &f)->name, "edb.chk");
    ck_assert_uint_eq(count, 1);
    utimensat(AT_FDCWD, at("Kmsdata.set-aside-undated/edb.log"), after, 0);
    ck_assert_str_eq(aside_changed(store, &u, &count, &f)->name, "edb.log");
    ck_assert_uint_eq(count, 2);
    ck_assert_int_eq(f.code, FAULT_NONE);
    ck_assert_int_eq(rename(at("Kmsdata.set-aside-undated"), at("elsewhere")), 0);
    ck_assert(!aside_changed(store, &u, &count, &f) && f.code == FAULT_NONE);
    put(at("Kmsdata.set-aside-undated"));
    ck_assert(!aside_changed(store, &u, &count, &f) && f.code == FAULT_IO);
}
END_TEST

START_TEST(somebody_elses_file_keeps_the_folder)
{
    const struct undofile u = undo_of(1);
    struct fault f = {.code = FAULT_NONE};
    put(at("Kmsdata/edb.log"));
    ck_assert(aside_move_out(store, &u, &f));
    put(at("Kmsdata.set-aside-undated/theirs"));
    ck_assert(aside_move_back(store, &u, &f));
    ck_assert(is_there(at("Kmsdata/edb.log")) && is_there(at("Kmsdata.set-aside-undated/theirs")));
}
END_TEST

/* ---- names ---- */

/* What an undo file of Kmsdata/Kmsmdb.edb gives: of the directory, or of the file alone. */
static const struct {
    bool directory;
    const char *backup, *set_aside, *quarantine, *move;
    bool own;
} given[] = {
    {true, "", "", "", NULL, true},
    {true, "Kmsdata.backup-20260131T235959Z", "Kmsdata.set-aside-undated",
     "Kmsdata.quarantine-20260131T235959Z-2.pem", "edb.log", true},
    {true, "kmsDATA.backup-undated", "", "", NULL, true},
    {true, "Kmsmdb.edb.backup-undated", "", "", NULL, false},
    {false, "Kmsmdb.edb.backup-undated", "", "", NULL, true},
    {false, "Kmsdata.backup-undated", "", "", NULL, false},
    {true, "Kmsdata.backup-", "", "", NULL, false},
    {true, "Kmsdata.backup-2026013T235959Z", "", "", NULL, false},
    {true, "Kmsdata.backup-20260131T23595Z", "", "", NULL, false},
    {true, "Kmsdata.backup-20260131T235959", "", "", NULL, false},
    {true, "Kmsdata.backup-20260131t235959Z", "", "", NULL, false},
    {true, "Kmsdata.backup-undated-", "", "", NULL, false},
    {true, "Kmsdata.backup-undated-12", "", "", NULL, true},
    {true, "Kmsdata.backup-undated-1234", "", "", NULL, false},
    {true, "Kmsdata.backup-undated.pem", "", "", NULL, false},
    {true, "Kmsdata.set-aside-undated", "", "", NULL, false},
    {true, "", "Kmsdata.backup-undated", "", NULL, false},
    {true, "", "", "Kmsdata.quarantine-undated", NULL, false},
    {true, "", "", "Kmsdata.quarantine-undated.pem", NULL, true},
    {true, "", "", "Kmsdata.quarantine-undated.pem.pem", NULL, false},
    {true, "", "Kmsdata.set-aside-undated", "", "Kmsmdb.jfm", true},
    {true, "", "Kmsdata.set-aside-undated", "", "Kmspwd.ini", false},
    {true, "", "Kmsdata.set-aside-undated", "", "Kmsmdb.edb.kmundo", false},
    {true, "", "Kmsdata.set-aside-undated", "", "Kmsmdb.edb", false},
    {false, "", "Kmsmdb.edb.set-aside-undated", "", "edb.log", false},
    {false, "", "Kmsmdb.edb.set-aside-undated", "", "Kmsmdb.jfm", true},
};

START_TEST(names_of_a_repair)
{
    struct undofile u = {.identity.beside_directory = given[_i].directory};
    struct fault f = {.code = FAULT_NONE};
    struct undofile_move move = {.name = (char *)(uintptr_t)given[_i].move};
    snprintf(u.identity.backup, sizeof u.identity.backup, "%s", given[_i].backup);
    snprintf(u.identity.set_aside, sizeof u.identity.set_aside, "%s", given[_i].set_aside);
    snprintf(u.identity.quarantine, sizeof u.identity.quarantine, "%s", given[_i].quarantine);
    u.move = &move;
    u.moves = move.name != NULL;
    bool own = names_are_own(&u, store, &f);
    ck_assert_msg(own == given[_i].own, "case %d: %s", _i, f.text);
    ck_assert_int_eq(f.code, own ? FAULT_NONE : FAULT_NOT_THIS);
}
END_TEST

START_TEST(places_of_names)
{
    char place[PATH_MAX], base[NAME_MAX + 1], name[NAME_MAX + 1];
    struct fault f = {.code = FAULT_NONE};
    ck_assert(names_base(store, true, base, &f) && strcmp(base, "Kmsdata") == 0);
    ck_assert(names_make(NAMES_QUARANTINE, base, "undated-2", name));
    ck_assert_str_eq(name, "Kmsdata.quarantine-undated-2.pem");
    ck_assert(names_place(store, true, name, place, &f) && strcmp(place, at(name)) == 0);
    ck_assert(names_base(store, false, base, &f) && strcmp(base, "Kmsmdb.edb") == 0);
    ck_assert(names_place(store, false, "x", place, &f));
    ck_assert_str_eq(place, at("Kmsdata/x"));
    ck_assert(names_place(store, true, "", place, &f) && place[0] == '\0');
    ck_assert(!names_place("/Kmsmdb.edb", true, "x", place, &f) && place[0] == '\0');
    ck_assert(!names_base(at("nowhere/Kmsmdb.edb"), true, base, &f) && f.code == FAULT_IO);
    memset(base, 'b', NAME_MAX);
    base[NAME_MAX - 15] = '\0'; /* ".backup-undated" has 15 characters */
    ck_assert(names_make(NAMES_BACKUP, base, "undated", name));
    ck_assert(!names_make(NAMES_BACKUP, base, "undated-", name));
}
END_TEST

START_TEST(undo_files_have_numbers)
{
    struct names_undo_list list;
    struct fault f = {.code = FAULT_NONE};
    char path[PATH_MAX];
    ck_assert(names_next_undo(store, path, &f));
    ck_assert_str_eq(path, at("Kmsdata/Kmsmdb.edb.kmundo"));
    put(at("Kmsdata/Kmsmdb.edb.kmundo.10"));
    put(at("Kmsdata/KMSMDB.EDB.kmundo"));
    put(at("Kmsdata/Kmsmdb.edb.kmundo.9"));
    put(at("Kmsdata/Kmsmdb.edb.kmundo.x"));
    put(at("Kmsdata/Other.edb.kmundo.99"));
    ck_assert(names_list_undo(store, &list, &f));
    ck_assert_uint_eq(list.count, 3);
    ck_assert(list.item[0].number == 1 && list.item[1].number == 9 && list.item[2].number == 10);
    ck_assert_str_eq(list.item[0].path, at("Kmsdata/KMSMDB.EDB.kmundo"));
    names_close_undo(&list);
    ck_assert(names_next_undo(store, path, &f));
    ck_assert_str_eq(path, at("Kmsdata/Kmsmdb.edb.kmundo.11"));
    put(at("Kmsdata/kmsmdb.edb.kmundo.9"));
    ck_assert(!names_list_undo(store, &list, &f) && f.code == FAULT_LIMIT);
    names_close_undo(&list);
    ck_assert(!names_next_undo(store, path, &f));
    unlink(at("Kmsdata/kmsmdb.edb.kmundo.9"));
    put(at("Kmsdata/Kmsmdb.edb.kmundo.999999"));
    ck_assert(!names_next_undo(store, path, &f) && strstr(f.text, "used up all numbers"));
    ck_assert(!names_list_undo(at("nowhere/Kmsmdb.edb"), &list, &f) && f.code == FAULT_IO);
    names_close_undo(&list);
}
END_TEST

static Suite *suite(void)
{
    Suite *s = suite_create("aside");
    TCase *c = tcase_create("aside");
    tcase_add_checked_fixture(c, set_up, tear_down);
    tcase_add_test(c, out_and_back);
    tcase_add_test(c, nothing_to_move);
    tcase_add_loop_test(c, what_cannot_go_back, 0, 4);
    tcase_add_test(c, changed_by_its_time);
    tcase_add_test(c, somebody_elses_file_keeps_the_folder);
    tcase_add_loop_test(c, names_of_a_repair, 0, ARRAY_SIZE(given));
    tcase_add_test(c, places_of_names);
    tcase_add_test(c, undo_files_have_numbers);
    suite_add_tcase(s, c);
    return s;
}

int main(void)
{
    return check_run("aside", suite());
}
