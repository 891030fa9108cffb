/*
 * The builder's property test: random schemas and rows are built and read back equal by this
 * project's reader, and the structural check finds nothing wrong.
 *
 *     test_build_random                                     the test
 *     test_build_random SEED FILE REVISION PAGE_SIZE        builds one database and prints what
 * must be read back of it, for the separate readers (test_roundtrip.py) KM_RANDOM_SEEDS=N
 * test_build_random                   with N seeds
 */
#include "tests/check_main.h"
#include "tests/formats/ese/random_database.h"

#include "formats/ese/check/check.h"
#include "formats/ese/build/compact.h"
#include "formats/ese/read/longvalue.h"

#include <fcntl.h>
#include <unistd.h>

enum { SEEDS = 60 };

static const struct {
    uint32_t revision, page_size;
} forms[] = {
    {0x2, 4096},   {0x2, 2048},   {0x2, 8192},    {0x9, 4096},    {0xb, 4096},   {0xd, 8192},
    {0x11, 16384}, {0x14, 4096},  {0x14, 2048},   {0x14, 8192},   {0x14, 32768}, {0x6e, 16384},
    {0xc8, 4096},  {0xe6, 32768}, {0x122, 16384}, {0x122, 32768}, {0x122, 8192},
};

/* ---- reading back ---- */

static void print_long_value(struct ese_db *db, const struct ese_table *table, FILE *to,
                             const char *name, unsigned sequence, const struct ese_value *value)
{
    struct ese_lv *lv = calloc(1, sizeof *lv);
    struct fault f = {.code = FAULT_NONE};
    char *bytes = NULL;
    size_t size = 0;
    FILE *all = open_memstream(&bytes, &size);
    struct bytes run = {.size = 0};
    bool ok = ese_lv_open(lv, db->pages, table, value, &f);
    while (ok && (ok = ese_lv_next(lv, &run, &f)) && run.size > 0)
        fwrite(run.at, 1, run.size, all);
    fclose(all);
    if (ok)
        print_value(to, name, sequence, bytes_of(bytes, size));
    else
        fprintf(to, " %s[%u] %s\n", name, sequence, f.text);
    free(bytes);
    ese_lv_close(lv);
    free(lv);
}

static void print_row(struct ese_db *db, const struct ese_table *table,
                      const struct ese_record *record, FILE *to)
{
    for (unsigned i = 0; i < table->columns; i++) {
        const struct ese_column *c = &table->column[i];
        struct ese_values values;
        struct ese_value value;
        struct fault f = {.code = FAULT_NONE};
        if (!ese_values_of(&values, record, c, &f))
            fprintf(to, " %s: %s\n", c->name, f.text);
        else
            while (ese_values_next(&values, &value, &f)) {
                if (value.kind == ESE_VALUE_PLAIN)
                    print_value(to, c->name, values.count, value.data);
                else if (value.kind == ESE_VALUE_SEPARATED)
                    print_long_value(db, table, to, c->name, values.count, &value);
            }
        if (f.code != FAULT_NONE)
            fprintf(to, " %s: %s\n", c->name, f.text);
    }
}

static void print_table(struct ese_db *db, const struct ese_table *table, FILE *to)
{
    struct ese_cursor cursor;
    struct fault f = {.code = FAULT_NONE};
    unsigned rows = 0;
    enum ese_step step;
    fprintf(to, "TABLE %s\n", table->name);
    ese_cursor_open(&cursor, db->pages, table->root, table->objid);
    while ((step = ese_cursor_next(&cursor, &f)) == ESE_STEP_NODE) {
        struct ese_record record;
        fprintf(to, "ROW %u\n", rows++);
        if (ese_record_on_page(&record, table, cursor.leaf, cursor.data, &f))
            print_row(db, table, &record, to);
    }
    if (step == ESE_STEP_FAULT || f.code != FAULT_NONE)
        fprintf(to, "%s\n", f.text);
    ese_cursor_close(&cursor);
}

static void no_problem(void *context, const struct ese_finding *finding)
{
    if (finding->severity == ESE_PROBLEM || finding->severity == ESE_NOT_JUDGED)
        ck_abort_msg("%s: %s: page %u tag %d: %s", (const char *)context,
                     ese_rule_name(finding->rule), finding->page, finding->tag, finding->text);
}

/* All values of all user tables; the caller frees them.  Fails the test when the structure is
 * wrong. */
static char *read_back(const char *path, const char *what)
{
    struct ese_db *db;
    struct fault f = {.code = FAULT_NONE};
    struct ese_check_summary summary;
    char *text = NULL;
    size_t size;
    FILE *to = open_memstream(&text, &size);
    ck_assert_msg(ese_db_open(path, NULL, NULL, &db, &f), "%s: %s", what, f.text);
    for (unsigned i = 0; i < ese_catalog_tables(db->catalog); i++)
        if (strncmp(ese_catalog_table(db->catalog, i)->name, "MSys", 4) != 0)
            print_table(db, ese_catalog_table(db->catalog, i), to);
    ck_assert_msg(ese_check(db, no_problem, (void *)(uintptr_t)what, &summary, &f), "%s: %s", what,
                  f.text);
    ese_db_close(db);
    fclose(to);
    return text;
}

static void must_be_equal(const char *expected, const char *found, const char *what)
{
    if (strcmp(expected, found) == 0)
        return;
    size_t at = 0, line = 0;
    for (; expected[at] == found[at]; at++)
        if (expected[at] == '\n')
            line = at + 1;
    ck_abort_msg("%s: expected\n%.200s\nfound\n%.200s", what, expected + line, found + line);
}

/* ---- the cases ---- */

static int temporary(char path[32])
{
    snprintf(path, 32, "/tmp/km-random-XXXXXX");
    int fd = mkstemp(path);
    ck_assert_int_ge(fd, 0);
    return fd;
}

START_TEST(what_is_built_is_read_back)
{
    char path[32], copy[32], what[80];
    char *expected = NULL;
    size_t size;
    struct fault f = {.code = FAULT_NONE};
    unsigned form = (unsigned)_i % (unsigned)ARRAY_SIZE(forms);
    snprintf(what, sizeof what, "seed %d revision 0x%x page size %u", _i, forms[form].revision,
             forms[form].page_size);
    int fd = temporary(path);
    FILE *to = open_memstream(&expected, &size);
    ck_assert_msg(
        random_database((uint64_t)_i, fd, forms[form].revision, forms[form].page_size, to, &f),
        "%s: %s", what, f.text);
    fclose(to);
    char *found = read_back(path, what);
    must_be_equal(expected, found, what);
    free(found);

    /* and so is its compacted copy */
    struct ese_db *db;
    int copy_fd = temporary(copy);
    const struct ese_compact_options options = {.keep_first = _i % 2};
    struct ese_compact_result result;
    ck_assert(ese_db_open(path, NULL, NULL, &db, &f));
    ck_assert_msg(ese_compact(db, copy_fd, &options, &result, &f), "%s: %s", what, f.text);
    ese_db_close(db);
    ck_assert_uint_eq(result.dropped_rows, 0);
    found = read_back(copy, what);
    must_be_equal(expected, found, what);
    free(found);
    free(expected);
    close(fd);
    close(copy_fd);
    unlink(path);
    unlink(copy);
}
END_TEST

static int write_one(char **argument)
{
    struct fault f = {.code = FAULT_NONE};
    int fd = open(argument[2], O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    if (fd < 0) {
        perror(argument[2]);
        return EXIT_FAILURE;
    }
    bool ok =
        random_database(strtoull(argument[1], NULL, 0), fd, (uint32_t)strtoul(argument[3], NULL, 0),
                        (uint32_t)strtoul(argument[4], NULL, 0), stdout, &f);
    if (!ok)
        fprintf(stderr, "%s\n", f.text);
    close(fd);
    return ok ? EXIT_SUCCESS : EXIT_FAILURE;
}

int main(int arguments, char **argument)
{
    if (arguments == 5)
        return write_one(argument);
    const char *seeds = getenv("KM_RANDOM_SEEDS");
    return check_main("build_random",
                      (const struct check_case[]){
                          {what_is_built_is_read_back, seeds ? strtoul(seeds, NULL, 0) : SEEDS},
                          {0},
                      });
}
