/*
 * Compaction: what it keeps, what it refuses, and that nothing half-written is left.
 *
 *     test_compact                  the test
 *     test_compact IN OUT           compacts a file, for test_roundtrip.py
 */
#include "tests/check_main.h"

#include "formats/ese/check/check.h"
#include "formats/ese/layout/checksum.h"
#include "formats/ese/build/compact.h"
#include "formats/ese/build/compact_parts.h"
#include "formats/ese/edit/edit.h"
#include "formats/ese/read/cursor.h"
#include "formats/outfile.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <glob.h>
#include <sys/resource.h>
#include <unistd.h>

static char folder[] = "/tmp/km-compact-XXXXXX";

static const char *in_folder(const char *name)
{
    return check_path(folder, name);
}

/* How many names the folder has: nothing may be left behind, under any name. */
static unsigned names_in_folder(void)
{
    unsigned count = 0;
    DIR *dir = opendir(folder);
    ck_assert_ptr_nonnull(dir);
    for (struct dirent *e; (e = readdir(dir)) != NULL;)
        count += e->d_name[0] != '.' || strlen(e->d_name) > 2;
    closedir(dir);
    return count;
}

static void start(void)
{
    snprintf(folder, sizeof folder, "/tmp/km-compact-XXXXXX");
    ck_assert_ptr_nonnull(mkdtemp(folder));
}

static void end(void)
{
    glob_t found;
    char pattern[64];
    snprintf(pattern, sizeof pattern, "%s/*", folder);
    if (glob(pattern, GLOB_PERIOD, NULL, &found) == 0)
        for (size_t i = 0; i < found.gl_pathc; i++)
            unlink(found.gl_pathv[i]);
    globfree(&found);
    rmdir(folder);
}

/* ---- sources ---- */

static struct ese_index indexes[] = {
    {.name = "Primary",
     .flags = ESE_INDEX_PRIMARY | ESE_INDEX_UNIQUE | ESE_INDEX_NO_NULL_SEGMENT,
     .segments = 1,
     .segment = {{.column = 1}}},
    {.name = "ByName", .flags = ESE_INDEX_UNIQUE, .segments = 1, .segment = {{.column = 128}}},
    {.name = "ByValue",
     .flags = ESE_INDEX_ALLOW_ALL_NULLS | ESE_INDEX_ALLOW_FIRST_NULL | ESE_INDEX_ALLOW_SOME_NULLS,
     .segments = 1,
     .segment = {{.column = 2}}},
    {.name = "ByMark", .segments = 2, .segment = {{.column = 257}, {.column = 2}}},
};

static struct ese_column columns[] = {
    {.name = "Id", .type = ESE_COL_LONG, .flags = ESE_COLUMN_NOT_NULL},
    {.name = "Value", .type = ESE_COL_LONG},
    {.name = "Name", .type = ESE_COL_TEXT},
    {.name = "Data", .type = ESE_COL_LONG_BINARY},
    {.name = "Mark", .type = ESE_COL_LONG, .flags = ESE_COLUMN_MULTI_VALUED},
};

struct row {
    uint8_t id, value;
    const char *name;
    uint8_t mark; /* not 0: the row has it twice */
};

/* A database with one table; rows with odd ids share a long value, those with even ones have one
 * each. */
static void make(const char *path, const struct row *row, unsigned rows, bool duplicates,
                 uint32_t page_size)
{
    struct fault f = {.code = FAULT_NONE};
    static uint8_t data[10000];
    int fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0640);
    ck_assert_int_ge(fd, 0);
    const struct ese_build_options options = {
        .descriptor = fd, .revision = 0x14, .page_size = page_size};
    const struct ese_table schema = {.name = "Things",
                                     .columns = ARRAY_SIZE(columns),
                                     .column = columns,
                                     .indexes = ARRAY_SIZE(indexes),
                                     .index = indexes};
    struct ese_build *build;
    struct ese_build_table *t;
    ck_assert_msg(ese_build_start(&options, &build, &f), "%s", f.text);
    ck_assert_msg(ese_build_table_begin(build, &schema, 0, &t, &f), "%s", f.text);
    if (duplicates)
        ese_build_allow_duplicates(t);
    const struct ese_table *s = ese_build_schema(t);
    uint64_t shared;
    uint32_t sharing = 0;
    for (unsigned i = 0; i < rows; i++)
        sharing += row[i].id % 2;
    memset(data, 's', sizeof data);
    ck_assert(ese_build_long_value(t, sharing, bytes_of(data, 9000), &shared, &f));
    for (unsigned i = 0; i < rows; i++) {
        uint8_t id[4] = {row[i].id}, value[4] = {row[i].value}, mark[4] = {row[i].mark};
        struct ese_build_value values[] = {
            {.column = ese_table_column(s, "Id"), .data = bytes_of(id, 4)},
            {.column = ese_table_column(s, "Value"), .data = bytes_of(value, 4)},
            {.column = ese_table_column(s, "Name"),
             .data = bytes_of(row[i].name, strlen(row[i].name))},
            {.column = ese_table_column(s, "Data"),
             .lid = row[i].id % 2 ? shared : 0,
             .data = bytes_of(data, 5000)},
            {.column = ese_table_column(s, "Mark"), .data = bytes_of(mark, 4)},
            {.column = ese_table_column(s, "Mark"), .data = bytes_of(mark, 4)},
        };
        ck_assert_msg(ese_build_row(t, values, row[i].mark ? 6 : 4, &f), "%s", f.text);
    }
    ck_assert_msg(ese_build_table_end(t, &f), "%s", f.text);
    ck_assert_msg(ese_build_finish(build, NULL, &f), "%s", f.text);
    close(fd);
}

static const struct row good[] = {
    {1, 9, "one", 0}, {2, 8, "two", 0}, {3, 7, "three", 0}, {4, 9, "four", 0}};

/* Changes bytes of page `number` of a file with pages of 4096 bytes; number 0: of both headers. */
static void change(const char *path, uint32_t number, size_t at, const void *bytes, size_t size,
                   bool sum)
{
    uint8_t page[4096];
    int fd = open(path, O_RDWR | O_CLOEXEC);
    ck_assert_int_ge(fd, 0);
    for (uint32_t place = number ? number + 1 : 0; place < (number ? number + 2 : 2); place++) {
        ck_assert_int_eq(pread(fd, page, sizeof page, (off_t)(place * sizeof page)), sizeof page);
        memcpy(page + at, bytes, size);
        if (sum && number)
            ese_checksum_set(page, sizeof page, number);
        else if (sum)
            ese_checksum_set_header(page, sizeof page);
        ck_assert_int_eq(pwrite(fd, page, sizeof page, (off_t)(place * sizeof page)), sizeof page);
    }
    close(fd);
}

static struct ese_compact_result result;
static struct fault fault;

static bool compact(const char *from, const char *to, const struct ese_compact_options *options,
                    bool force)
{
    static const struct ese_compact_options none;
    struct ese_db *db;
    fault = (struct fault){.code = FAULT_NONE};
    ck_assert_msg(ese_db_open(from, NULL, NULL, &db, &fault), "%s", fault.text);
    bool ok = ese_compact_to(db, to, force, options ? options : &none, &result, &fault);
    ese_db_close(db);
    return ok;
}

static void print_finding(void *context, const struct ese_finding *finding)
{
    if (finding->severity == ESE_PROBLEM)
        fprintf(stderr, "%s: page %u: %s\n", (const char *)context, finding->page, finding->text);
}

static uint64_t problems_of(const char *path, uint64_t *rows)
{
    struct ese_db *db;
    struct ese_check_summary summary;
    ck_assert_msg(ese_db_open(path, NULL, NULL, &db, &fault), "%s: %s", path, fault.text);
    ck_assert(ese_check(db, print_finding, (void *)(uintptr_t)path, &summary, &fault));
    if (rows)
        *rows = ese_db_count_rows(db, ese_catalog_find(db->catalog, "Things"), NULL, NULL);
    ese_db_close(db);
    return summary.problems;
}

/* ---- what is kept ---- */

static uint8_t *contents(const char *path, size_t *size)
{
    struct stat st;
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    ck_assert(fd >= 0 && fstat(fd, &st) == 0);
    *size = (size_t)st.st_size;
    uint8_t *bytes = malloc(*size);
    ck_assert_int_eq(read(fd, bytes, *size), (ssize_t)*size);
    close(fd);
    return bytes;
}

/* Equal but for checksum and signature of the two headers. */
static void must_be_twins(const char *a, const char *b, uint32_t page_size)
{
    size_t size, other;
    uint8_t *x = contents(a, &size), *y = contents(b, &other);
    ck_assert_uint_eq(size, other);
    for (unsigned i = 0; i < 2; i++)
        for (uint8_t *header = i ? y : x; header < (i ? y : x) + 2 * page_size;
             header += page_size) {
            memset(header, 0, 4);
            memset(header + ESE_HEADER_SIGNATURE_AT, 0, 4);
        }
    size_t at = 0;
    while (at < size && x[at] == y[at])
        at++;
    ck_assert_msg(at == size, "%s and %s differ at byte %zu", a, b, at);
    free(x);
    free(y);
}

START_TEST(compacting_twice_changes_nothing_more)
{
    make(in_folder("a"), good, 4, false, 4096);
    ck_assert_msg(compact(in_folder("a"), in_folder("b"), NULL, false), "%s", fault.text);
    ck_assert_msg(compact(in_folder("b"), in_folder("c"), NULL, false), "%s", fault.text);
    must_be_twins(in_folder("b"), in_folder("c"), 4096);
    uint64_t rows;
    ck_assert_uint_eq(problems_of(in_folder("b"), &rows), 0);
    ck_assert_uint_eq(rows, 4);
}
END_TEST

/* In this file, as Windows left it, one index entry points at no row. */
static bool has_dangling_entry(const char *path)
{
    return strstr(path, "Catalog1.edb") != NULL;
}

START_TEST(clean_corpus_files_are_compacted)
{
    const char *corpus = getenv("KM_CORPUS");
    char pattern[512];
    glob_t found;
    unsigned compacted = 0;
    snprintf(pattern, sizeof pattern, "%s/[eu]*/*.gz", corpus ? corpus : "../shared/corpus");
    if (glob(pattern, 0, NULL, &found) != 0)
        return;
    for (size_t i = 0; i < found.gl_pathc; i++) {
        struct ese_db *db;
        if (strstr(found.gl_pathv[i], "-values/") || strstr(found.gl_pathv[i], ".txt.gz"))
            continue;
        ck_assert_msg(ese_db_open(found.gl_pathv[i], NULL, NULL, &db, &fault), "%s", fault.text);
        struct ese_header h = db->headers.header;
        ese_db_close(db);
        bool clean = h.state == ESE_STATE_CLEAN_SHUTDOWN;
        ck_assert_msg(compact(found.gl_pathv[i], in_folder("b"), NULL, true) == clean, "%s: %s",
                      found.gl_pathv[i], fault.text);
        if (!clean)
            continue;
        compacted++;
        ck_assert_uint_eq(result.dropped_entries, has_dangling_entry(found.gl_pathv[i]));
        ck_assert_uint_eq(problems_of(in_folder("b"), NULL), 0);
        ck_assert(compact(in_folder("b"), in_folder("c"), NULL, true));
        must_be_twins(in_folder("b"), in_folder("c"), h.page_size);
    }
    globfree(&found);
    ck_assert_uint_ge(compacted, 15);
}
END_TEST

/* ---- an index entry that points at no row ---- */

enum { MANY = 255 };

/* The primary key of no row that the filter of so large a file takes for one; keys of longs, as
 * ids from 1 are, have 5 bytes. */
static bool deceiving_key(uint64_t file_size, uint8_t key[5])
{
    struct row_filter *filter = row_filter_open(file_size, NULL);
    bool found = false;
    for (uint32_t id = 1; id <= MANY; id++) {
        key[0] = 0x7f;
        bytes_put_be32(key + 1, 0x80000000u + id);
        row_filter_add(filter, bytes_of(key, 5));
    }
    for (uint32_t id = MANY + 1; id < 1u << 30 && !found; id++) {
        bytes_put_be32(key + 1, 0x80000000u + id);
        found = row_filter_may_have(filter, bytes_of(key, 5));
    }
    row_filter_close(filter);
    return found;
}

/* Lets the first entry of ByValue point at another primary key. */
static void point_elsewhere(const char *path, const uint8_t key[5])
{
    struct ese_db *db;
    struct ese_cursor cursor;
    ck_assert(ese_db_open(path, NULL, NULL, &db, &fault));
    const struct ese_table *table = ese_catalog_find(db->catalog, "Things");
    unsigned i = 0;
    while (strcmp(table->index[i].name, "ByValue") != 0)
        i++;
    ese_cursor_open(&cursor, db->pages, table->index[i].root, table->index[i].objid);
    ck_assert_int_eq(ese_cursor_next(&cursor, &fault), ESE_STEP_NODE);
    ck_assert_uint_eq(cursor.data.size, 5);
    uint32_t page = cursor.leaf->number;
    size_t at = (size_t)(cursor.data.at - cursor.leaf->raw.at);
    ese_cursor_close(&cursor);
    ese_db_close(db);
    change(path, page, at, key, 5, true);
}

static uint64_t dangling_in(const char *path)
{
    struct ese_db *db;
    struct ese_check_summary summary;
    ck_assert(ese_db_open(path, NULL, NULL, &db, &fault));
    ck_assert(ese_check(db, print_finding, (void *)(uintptr_t)path, &summary, &fault));
    ese_db_close(db);
    return summary.of_rule[ESE_RULE_INDEX_DANGLING];
}

/* What is left behind is counted; what the filter takes for a row is carried as it was, and the
 * check, which looks each row up, finds it in the new file as in the old one. */
START_TEST(a_dangling_entry_is_left_behind_or_found_again)
{
    static struct row many[MANY];
    static char names[MANY][8];
    struct stat st;
    uint8_t key[5] = {0x7f, 0xff, 0xff, 0xff, 0xff};
    for (unsigned i = 0; i < MANY; i++) {
        snprintf(names[i], sizeof names[i], "n%u", i);
        many[i] = (struct row){(uint8_t)(i + 1), (uint8_t)i, names[i], 0};
    }
    make(in_folder("a"), many, MANY, false, 4096);
    point_elsewhere(in_folder("a"), key);
    ck_assert_uint_eq(dangling_in(in_folder("a")), 1);
    ck_assert_msg(compact(in_folder("a"), in_folder("b"), NULL, false), "%s", fault.text);
    ck_assert_uint_eq(result.dropped_entries, 1);
    ck_assert_uint_eq(dangling_in(in_folder("b")), 0);

    ck_assert_int_eq(stat(in_folder("a"), &st), 0);
    ck_assert(deceiving_key((uint64_t)st.st_size, key));
    point_elsewhere(in_folder("a"), key);
    ck_assert_msg(compact(in_folder("a"), in_folder("b"), NULL, true), "%s", fault.text);
    ck_assert_uint_eq(dangling_in(in_folder("b")) + result.dropped_entries, 1);
}
END_TEST

/* ---- one key for two rows ---- */

START_TEST(rows_with_one_key_stop_it_and_are_named)
{
    static const struct row twice[] = {{1, 9, "one", 0}, {2, 8, "same", 0}, {3, 7, "SAME", 0}};
    static const struct row primary[] = {{1, 9, "one", 0}, {1, 8, "two", 0}, {2, 8, "three", 0}};
    make(in_folder("a"), twice, 3, true, 4096);
    ck_assert(!compact(in_folder("a"), in_folder("b"), NULL, false));
    ck_assert(result.duplicate);
    ck_assert_ptr_nonnull(strstr(fault.text, "7f80000002"));
    ck_assert_ptr_nonnull(strstr(fault.text, "7f80000003"));
    make(in_folder("p"), primary, 3, true, 4096);
    ck_assert(!compact(in_folder("p"), in_folder("b"), NULL, false));
    ck_assert(result.duplicate);
    ck_assert_ptr_nonnull(strstr(fault.text, "tag 1 and page"));
    ck_assert_uint_eq(names_in_folder(), 2);
}
END_TEST

static unsigned told;

static void count_told(void *context, const char *text)
{
    (void)context;
    ck_assert_ptr_nonnull(strstr(text, "table Things"));
    told++;
}

START_TEST(keep_first_drops_the_later_ones_wholly)
{
    /* 4 claims 2's name.  The second 6 has the first one's primary key. */
    static const struct row twice[] = {{1, 9, "one", 0},  {2, 8, "same", 0}, {4, 7, "SAME", 0},
                                       {5, 6, "five", 0}, {6, 6, "six", 0},  {6, 5, "seven", 0}};
    const struct ese_compact_options options = {.keep_first = true, .dropped = count_told};
    make(in_folder("a"), twice, 6, true, 4096);
    told = 0;
    ck_assert_msg(compact(in_folder("a"), in_folder("b"), &options, false), "%s", fault.text);
    uint64_t rows;
    ck_assert_uint_eq(problems_of(in_folder("b"), &rows), 0);
    ck_assert_uint_eq(rows, 4);
    ck_assert_uint_eq(told, 2);
    ck_assert_uint_eq(result.dropped_rows, 2);
    /* the shared one, 2's and 6's: those of the dropped rows are gone */
    ck_assert_uint_eq(result.built.long_values, 3);
}
END_TEST

/* ---- rows that an editor drops and changes ---- */

static unsigned entries_in(const char *path, const char *index)
{
    struct ese_db *db;
    static struct ese_cursor cursor;
    unsigned count = 0;
    ck_assert_msg(ese_db_open(path, NULL, NULL, &db, &fault), "%s: %s", path, fault.text);
    const struct ese_table *table = ese_catalog_find(db->catalog, "Things");
    for (unsigned i = 0; i < table->indexes; i++) {
        if (strcmp(table->index[i].name, index) != 0)
            continue;
        ese_cursor_open(&cursor, db->pages, table->index[i].root, table->index[i].objid);
        while (ese_cursor_next(&cursor, &fault) == ESE_STEP_NODE)
            count++;
        ese_cursor_close(&cursor);
    }
    ese_db_close(db);
    return count;
}

/* What becomes of the rows with id 3, in turn; changed ones get the value 77. */
struct fates {
    enum ese_fate of[3];
};

static bool wants_things(void *context, const struct ese_table *table)
{
    (void)context;
    return strcmp(table->name, "Things") == 0;
}

static bool row_3_meets_its_fate(void *context, const struct ese_table *table,
                                 const struct ese_record *record, struct bytes key, unsigned twin,
                                 struct ese_row_edit *edit, struct fault *f)
{
    static const uint8_t value_77[4] = {77};
    const struct fates *fates = context;
    struct ese_value id;
    (void)key;
    if (!ese_record_value(record, ese_table_column(table, "Id"), &id, f))
        return false;
    if (id.data.at[0] != 3)
        return true;
    ck_assert_uint_lt(twin, ARRAY_SIZE(fates->of));
    edit->fate = fates->of[twin];
    if (edit->fate == ESE_ROW_CHANGE)
        edit->change[edit->changes++] = (struct ese_change){
            .column = ese_table_column(table, "Value"), .data = bytes_of(value_77, 4)};
    return true;
}

/* A copy, changed as an editor says. */
static void edit(const char *from, const char *to, const struct ese_editor *editor)
{
    struct ese_db *db;
    struct ese_inplace *ip = NULL;
    size_t size;
    uint8_t *bytes = contents(from, &size);
    int fd = open(to, O_RDWR | O_CREAT | O_EXCL, 0600);
    ck_assert_int_eq(write(fd, bytes, size), (ssize_t)size);
    free(bytes);
    const struct ese_inplace_options how = {.copy = &fd};
    ck_assert_msg(ese_db_open(from, NULL, NULL, &db, &fault), "%s", fault.text);
    ck_assert_msg(ese_inplace_open(db, &how, &ip, &fault) && ese_inplace_edit(ip, editor, &fault) &&
                      ese_inplace_finish(ip, &fault) && ese_inplace_write_to(ip, fd, &fault),
                  "%s", fault.text);
    ese_inplace_close(ip);
    ese_db_close(db);
    close(fd);
}

/* Rows of which one has the id 3 at the end: in every index as many entries as have a key there. */
static void edit_row_3(const struct row *row, unsigned rows, struct fates fates)
{
    const struct ese_editor editor = {&fates, wants_things, row_3_meets_its_fate, NULL};
    uint64_t left;
    make(in_folder("a"), row, rows, true, 4096);
    edit(in_folder("a"), in_folder("b"), &editor);
    ck_assert_uint_eq(problems_of(in_folder("b"), &left), 0);
    ck_assert_uint_eq(left, 3);
    ck_assert_uint_eq(entries_in(in_folder("b"), "ByName"), 3);
    ck_assert_uint_eq(entries_in(in_folder("b"), "ByValue"), 3);
    ck_assert_uint_eq(entries_in(in_folder("b"), "ByMark"), 1);
    ck_assert_int_eq(unlink(in_folder("a")), 0);
    ck_assert_int_eq(unlink(in_folder("b")), 0);
}

START_TEST(a_row_keeps_the_entries_that_it_shares_with_a_dropped_twin)
{
    static const enum ese_fate KEEP = ESE_ROW_KEEP, DROP = ESE_ROW_DROP, CHANGE = ESE_ROW_CHANGE;
    static const struct row twins[] = {
        {1, 9, "one", 0}, {3, 7, "three", 5}, {3, 7, "three", 5}, {4, 9, "four", 0}};
    static const struct row triplets[] = {{1, 9, "one", 0},
                                          {3, 7, "three", 5},
                                          {3, 6, "other", 5},
                                          {3, 7, "three", 5},
                                          {4, 9, "four", 0}};
    edit_row_3(twins, 4, (struct fates){{KEEP, DROP}});
    edit_row_3(twins, 4, (struct fates){{DROP, KEEP}});
    edit_row_3(twins, 4, (struct fates){{DROP, CHANGE}}); /* its name is still in ByName */
    edit_row_3(twins, 4, (struct fates){{CHANGE, DROP}});
    edit_row_3(triplets, 5, (struct fates){{DROP, DROP, KEEP}});
    edit_row_3(triplets, 5, (struct fates){{DROP, KEEP, DROP}});
    edit_row_3(triplets, 5, (struct fates){{CHANGE, DROP, DROP}});
}
END_TEST

START_TEST(equal_keys_of_one_changed_row_are_one_entry)
{
    static const struct row marked[] = {{1, 9, "one", 0}, {3, 7, "three", 3}, {4, 9, "four", 0}};
    edit_row_3(marked, 3, (struct fates){{ESE_ROW_CHANGE}});
}
END_TEST

/* ---- what is refused ---- */

START_TEST(a_dirty_source_is_refused)
{
    const uint8_t dirty[4] = {ESE_STATE_DIRTY_SHUTDOWN};
    make(in_folder("a"), good, 4, false, 4096);
    change(in_folder("a"), 0, ESE_HEADER_STATE_AT, dirty, 4, true);
    ck_assert(!compact(in_folder("a"), in_folder("b"), NULL, false));
    ck_assert_ptr_nonnull(strstr(fault.text, "dirty-shutdown"));
    ck_assert_uint_eq(names_in_folder(), 1);
}
END_TEST

START_TEST(a_damaged_page_is_named)
{
    make(in_folder("a"), good, 4, false, 4096);
    struct ese_db *db;
    ck_assert(ese_db_open(in_folder("a"), NULL, NULL, &db, &fault));
    uint32_t root = ese_catalog_find(db->catalog, "Things")->root;
    ese_db_close(db);
    change(in_folder("a"), root, 200, "damage!!", 8, false);
    ck_assert(!compact(in_folder("a"), in_folder("b"), NULL, false));
    char page[32];
    snprintf(page, sizeof page, "page %u ", root);
    ck_assert_ptr_nonnull(strstr(fault.text, page));
    ck_assert_uint_eq(names_in_folder(), 1);
}
END_TEST

START_TEST(an_existing_target_is_only_replaced_by_force)
{
    make(in_folder("a"), good, 4, false, 4096);
    make(in_folder("b"), good, 1, false, 4096);
    ck_assert(!compact(in_folder("a"), in_folder("b"), NULL, false));
    ck_assert_ptr_nonnull(strstr(fault.text, "--force"));
    uint64_t rows;
    problems_of(in_folder("b"), &rows);
    ck_assert_uint_eq(rows, 1);
    ck_assert(compact(in_folder("a"), in_folder("b"), NULL, true));
    problems_of(in_folder("b"), &rows);
    ck_assert_uint_eq(rows, 4);
    ck_assert_uint_eq(names_in_folder(), 2);
}
END_TEST

START_TEST(the_input_is_never_the_output)
{
    make(in_folder("a"), good, 4, false, 4096);
    ck_assert_int_eq(link(in_folder("a"), in_folder("b")), 0);
    ck_assert_int_eq(symlink("a", in_folder("c")), 0);
    ck_assert(!compact(in_folder("a"), in_folder("a"), NULL, true));
    ck_assert(!compact(in_folder("a"), in_folder("b"), NULL, true));
    ck_assert(!compact(in_folder("a"), in_folder("c"), NULL, true));
    ck_assert_ptr_nonnull(strstr(fault.text, "the input itself"));
    ck_assert_uint_eq(problems_of(in_folder("a"), NULL), 0);
}
END_TEST

START_TEST(an_interrupted_run_leaves_nothing)
{
    static volatile sig_atomic_t stop = 1;
    const struct ese_compact_options options = {.stop = &stop};
    make(in_folder("a"), good, 4, false, 4096);
    ck_assert(!compact(in_folder("a"), in_folder("b"), &options, false));
    ck_assert(result.interrupted);
    ck_assert_uint_eq(names_in_folder(), 1);
}
END_TEST

START_TEST(a_full_disk_leaves_nothing)
{
    struct rlimit before, limit;
    make(in_folder("a"), good, 4, false, 4096);
    ck_assert_int_eq(getrlimit(RLIMIT_FSIZE, &before), 0);
    for (rlim_t size = 4096; size < 160000; size += 40000) {
        signal(SIGXFSZ, SIG_IGN);
        limit = (struct rlimit){size, before.rlim_max};
        ck_assert_int_eq(setrlimit(RLIMIT_FSIZE, &limit), 0);
        bool ok = compact(in_folder("a"), in_folder("b"), NULL, false);
        setrlimit(RLIMIT_FSIZE, &before);
        ck_assert(!ok);
        ck_assert_int_eq(fault.code, FAULT_IO);
        ck_assert_uint_eq(names_in_folder(), 1);
    }
}
END_TEST

START_TEST(bits_are_the_inputs_and_never_wider)
{
    struct stat st;
    mode_t mask = umask(0);
    make(in_folder("a"), good, 4, false, 4096);
    ck_assert_int_eq(chmod(in_folder("a"), 0640), 0);
    ck_assert(compact(in_folder("a"), in_folder("b"), NULL, false));
    umask(mask);
    ck_assert_int_eq(stat(in_folder("b"), &st), 0);
    ck_assert_uint_eq(st.st_mode & 07777, 0640);
}
END_TEST

START_TEST(a_name_in_no_directory_is_refused)
{
    make(in_folder("a"), good, 1, false, 4096);
    ck_assert(!compact(in_folder("a"), in_folder("nowhere/b"), NULL, false));
    ck_assert(!compact(in_folder("a"), in_folder(""), NULL, true));
    ck_assert(!compact(in_folder("a"), folder, NULL, true));
    ck_assert_int_eq(fault.code, FAULT_NOT_THIS);
}
END_TEST

static int compact_one(char **argument)
{
    struct ese_db *db;
    const struct ese_compact_options options = {.keep_first = false};
    bool ok = ese_db_open(argument[1], NULL, NULL, &db, &fault);
    if (ok) {
        ok = ese_compact_to(db, argument[2], true, &options, &result, &fault);
        ese_db_close(db);
    }
    if (!ok)
        fprintf(stderr, "%s\n", fault.text);
    return ok ? EXIT_SUCCESS : EXIT_FAILURE;
}

int main(int arguments, char **argument)
{
    if (arguments == 3)
        return compact_one(argument);
    Suite *suite = suite_create("compact");
    TCase *group = tcase_create("compact");
    tcase_set_timeout(group, 120);
    tcase_add_checked_fixture(group, start, end);
    tcase_add_test(group, compacting_twice_changes_nothing_more);
    tcase_add_test(group, clean_corpus_files_are_compacted);
    tcase_add_test(group, a_dangling_entry_is_left_behind_or_found_again);
    tcase_add_test(group, rows_with_one_key_stop_it_and_are_named);
    tcase_add_test(group, keep_first_drops_the_later_ones_wholly);
    tcase_add_test(group, a_row_keeps_the_entries_that_it_shares_with_a_dropped_twin);
    tcase_add_test(group, equal_keys_of_one_changed_row_are_one_entry);
    tcase_add_test(group, a_dirty_source_is_refused);
    tcase_add_test(group, a_damaged_page_is_named);
    tcase_add_test(group, an_existing_target_is_only_replaced_by_force);
    tcase_add_test(group, the_input_is_never_the_output);
    tcase_add_test(group, an_interrupted_run_leaves_nothing);
    tcase_add_test(group, a_full_disk_leaves_nothing);
    tcase_add_test(group, bits_are_the_inputs_and_never_wider);
    tcase_add_test(group, a_name_in_no_directory_is_refused);
    suite_add_tcase(suite, group);
    return check_run("compact", suite);
}
