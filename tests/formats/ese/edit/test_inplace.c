/*
 * Changing a database in place: what is written, what is refused, and that it stays a sound
 * database with the rows that it must have.
 *
 *     test_inplace                          the test
 *     test_inplace FILE SEED EDITS          makes so many random edits in FILE and prints what must
 * be read back of it, for the separate readers (test_inplace.py); says "given up" when it wrote
 * nothing KM_RANDOM_SEEDS=N test_inplace        with N databases for the random edits
 */
#include "tests/check_main.h"
#include "tests/formats/ese/corpus.h"
#include "tests/formats/ese/edit/random_edits.h"

#include "formats/ese/build/parts.h"
#include "formats/ese/check/check.h"

#include <fcntl.h>
#include <unistd.h>

enum { SEEDS = 51, BATCHES = 4, EDITS = 120, CORPUS_EDITS = 40 };

static const struct {
    uint32_t revision, page_size;
} forms[] = {
    {0x2, 4096},   {0x2, 2048},   {0x2, 8192},    {0x9, 4096},    {0xb, 4096},   {0xd, 8192},
    {0x11, 16384}, {0x14, 4096},  {0x14, 2048},   {0x14, 8192},   {0x14, 32768}, {0x6e, 16384},
    {0xc8, 4096},  {0xe6, 32768}, {0x122, 16384}, {0x122, 32768}, {0x122, 8192},
};

/* ---- files ---- */

static int temporary(char path[32])
{
    snprintf(path, 32, "/tmp/km-inplace-XXXXXX");
    int fd = mkstemp(path);
    ck_assert_int_ge(fd, 0);
    return fd;
}

struct contents {
    uint8_t *at;
    size_t size;
};

static struct contents contents_of(const char *path)
{
    struct ese_file *file;
    struct fault f;
    ck_assert_msg(ese_file_open(path, &file, &f), "%s", f.text);
    struct contents c = {.size = (size_t)ese_file_size(file)};
    size_t got;
    c.at = malloc(c.size);
    ck_assert(c.at && ese_file_read(file, 0, c.at, c.size, &got, &f) && got == c.size);
    ese_file_close(file);
    return c;
}

static void must_be_untouched(const char *path, const struct contents *before)
{
    struct contents now = contents_of(path);
    ck_assert_uint_eq(now.size, before->size);
    ck_assert_mem_eq(now.at, before->at, now.size);
    free(now.at);
}

/* ---- reading back ---- */

static void no_problem(void *context, const struct ese_finding *finding)
{
    if (finding->severity == ESE_PROBLEM || finding->severity == ESE_NOT_JUDGED)
        ck_abort_msg("%s: %s: page %u tag %d: %s", (const char *)context,
                     ese_rule_name(finding->rule), finding->page, finding->tag, finding->text);
}

/* Checks the file and gives its values; the caller frees them. */
static char *read_back(const char *path, const char *what, ese_finding_fn found)
{
    struct ese_db *db;
    struct fault f = {.code = FAULT_NONE};
    struct ese_check_summary summary;
    struct edited model;
    char *text = NULL;
    size_t size;
    FILE *to = open_memstream(&text, &size);
    ck_assert_msg(ese_db_open(path, NULL, NULL, &db, &f), "%s: %s", what, f.text);
    ck_assert_msg(ese_check(db, found, (void *)(uintptr_t)what, &summary, &f), "%s: %s", what,
                  f.text);
    ck_assert_msg(edited_read(&model, db, &f), "%s: %s", what, f.text);
    edited_print(&model, to);
    edited_free(&model);
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

/* ---- random edits ---- */

/* *given_up: how often nothing was written. */
static void edit_and_read_back(const char *path, const char *what, uint64_t seed, unsigned count,
                               ese_finding_fn found, unsigned *given_up)
{
    struct edits edits;
    struct fault f = {.code = FAULT_NONE};
    char *expected = NULL;
    size_t size;
    bool up;
    FILE *to = open_memstream(&expected, &size);
    bool ok = random_edits(path, seed, count, to, &up, &edits, &f);
    fclose(to);
    ck_assert_msg(ok, "%s: %s", what, f.text);
    *given_up += up;
    char *now = read_back(path, what, found);
    must_be_equal(expected, now, what);
    free(expected);
    free(now);
}

START_TEST(random_edits_leave_a_sound_database)
{
    char path[32], what[80];
    struct fault f = {.code = FAULT_NONE};
    unsigned form = (unsigned)_i % (unsigned)ARRAY_SIZE(forms), given_up = 0;
    FILE *nowhere = fopen("/dev/null", "w");
    int fd = temporary(path);
    ck_assert_msg(
        random_database((uint64_t)_i, fd, forms[form].revision, forms[form].page_size, nowhere, &f),
        "%s", f.text);
    fclose(nowhere);
    close(fd);
    for (unsigned batch = 0; batch < BATCHES; batch++) {
        snprintf(what, sizeof what, "seed %d revision 0x%x page size %u batch %u", _i,
                 forms[form].revision, forms[form].page_size, batch);
        edit_and_read_back(path, what, (uint64_t)_i * 1000 + batch, EDITS, no_problem, &given_up);
    }
    ck_assert_uint_le(given_up, 1);
    unlink(path);
}
END_TEST

/* As Windows left it, one index entry of Catalog1.edb has no row. */
static void no_new_problem(void *context, const struct ese_finding *finding)
{
    if (strstr(context, "Catalog1") && finding->rule == ESE_RULE_INDEX_DANGLING)
        return;
    no_problem(context, finding);
}

static const char *const edited_files[] = {
    "engine/churn-32768.edb.gz",
    "engine/churn-4096.edb.gz",
    "engine/churn-8192.edb.gz",
    "engine/imported-twice.edb.gz",
    "engine/imported-twice-revision2.edb.gz",
    "engine/types-16384.edb.gz",
    "engine/types-4096.edb.gz",
    "ese-revision2/Catalog1.edb.gz",
    "ese-revision2/basic.edb.gz",
    "ese-revision2/default.edb.gz",
    "ese/Catalog1.edb.gz",
    "ese/SRUDB.dat.gz",
    "ese/basic.edb.gz",
    "ese/binary.edb.gz",
    "ese/decompress_test.edb.gz",
    "ese/default.edb.gz",
    "ese/multi.edb.gz",
    "ese/text.edb.gz",
};

START_TEST(random_edits_of_real_databases)
{
    char path[32];
    unsigned given_up = 0;
    if (!corpus_is_there())
        return; /* main() has said so */
    struct image image = image_load(edited_files[_i]);
    int fd = temporary(path);
    ck_assert(write(fd, image.bytes, image.size) == (ssize_t)image.size);
    close(fd);
    image_free(&image);
    for (unsigned batch = 0; batch < 2; batch++)
        edit_and_read_back(path, edited_files[_i], (uint64_t)_i * 100 + batch, CORPUS_EDITS,
                           no_new_problem, &given_up);
    unlink(path);
}
END_TEST

/* ---- a database to change ---- */

static struct ese_column things_column[] = {
    {.name = "Id", .type = ESE_COL_LONG, .flags = ESE_COLUMN_NOT_NULL},
    {.name = "Value", .type = ESE_COL_LONG},
    {.name = "Name", .type = ESE_COL_TEXT},
    {.name = "Wide", .type = ESE_COL_TEXT, .code_page = ESE_CODEPAGE_UNICODE},
    {.name = "Data", .type = ESE_COL_LONG_BINARY},
};

static struct ese_index things_index[] = {
    {.name = "Primary",
     .flags = ESE_INDEX_PRIMARY | ESE_INDEX_UNIQUE | ESE_INDEX_NO_NULL_SEGMENT,
     .segments = 1,
     .segment = {{.column = 1}}},
    {.name = "ByValue", .flags = ESE_INDEX_UNIQUE, .segments = 1, .segment = {{.column = 2}}},
    {.name = "ByName",
     .flags = ESE_INDEX_ALLOW_ALL_NULLS | ESE_INDEX_ALLOW_FIRST_NULL,
     .segments = 1,
     .segment = {{.column = 128, .descending = true}}},
};

struct thing {
    uint32_t id, value;
};

enum { SHARED_SIZE = 9000, DATA_SIZE = 5000, THINGS = 400 };

/* Builds table Things: names are short, every third row has data of its own, the first three share
 * one long value. */
static void make_things(const char *path, uint32_t revision, uint32_t page_size,
                        const struct thing *thing, unsigned things, bool duplicates,
                        bool long_values)
{
    struct fault f = {.code = FAULT_NONE};
    static uint8_t data[SHARED_SIZE];
    int fd = open(path, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    struct ese_build_options options = {
        .descriptor = fd, .revision = revision, .page_size = page_size};
    struct ese_table schema = {.name = "Things",
                               .columns = ARRAY_SIZE(things_column),
                               .column = things_column,
                               .indexes = ARRAY_SIZE(things_index),
                               .index = things_index};
    struct ese_build *build;
    struct ese_build_table *t;
    uint64_t shared = 0;
    ck_assert_msg(fd >= 0 && ese_build_start(&options, &build, &f), "%s", f.text);
    ck_assert_msg(ese_build_table_begin(build, &schema, 0, &t, &f), "%s", f.text);
    if (duplicates)
        ese_build_allow_duplicates(t);
    const struct ese_table *s = ese_build_schema(t);
    memset(data, 's', sizeof data);
    if (long_values)
        ck_assert(ese_build_long_value(t, things < 3 ? things : 3, bytes_of(data, SHARED_SIZE),
                                       &shared, &f));
    for (unsigned i = 0; i < things; i++) {
        uint8_t id[4], value[4];
        char name[16];
        bytes_put_le32(id, thing[i].id);
        bytes_put_le32(value, thing[i].value);
        snprintf(name, sizeof name, "thing %u", thing[i].id % 50);
        struct ese_build_value values[] = {
            {.column = ese_table_column(s, "Id"), .data = bytes_of(id, 4)},
            {.column = ese_table_column(s, "Value"), .data = bytes_of(value, 4)},
            {.column = ese_table_column(s, "Name"), .data = bytes_of(name, strlen(name))},
            {.column = ese_table_column(s, "Data"),
             .lid = i < 3 ? shared : 0,
             .data = bytes_of(data, DATA_SIZE)},
        };
        ck_assert_msg(ese_build_row(t, values, long_values && (i < 3 || i % 3 == 0) ? 4 : 3, &f),
                      "%s", f.text);
    }
    ck_assert_msg(ese_build_table_end(t, &f), "%s", f.text);
    ck_assert_msg(ese_build_finish(build, NULL, &f), "%s", f.text);
    close(fd);
}

/* A database open for changes. */
struct job {
    char path[32];
    struct contents before;
    struct ese_db *db;
    const struct ese_table *table;
    struct ese_inplace *ip;
    struct fault f;
};

static void open_job(struct job *j)
{
    j->before = contents_of(j->path);
    ck_assert_msg(ese_db_open(j->path, NULL, NULL, &j->db, &j->f), "%s", j->f.text);
    j->table = ese_catalog_find(j->db->catalog, "Things");
    ck_assert_msg(ese_inplace_open(j->db, NULL, &j->ip, &j->f), "%s", j->f.text);
}

static void start_with(struct job *j, uint32_t revision, uint32_t page_size, unsigned things,
                       bool long_values)
{
    struct thing thing[THINGS];
    *j = (struct job){.f.code = FAULT_NONE};
    close(temporary(j->path));
    for (unsigned i = 0; i < things; i++)
        thing[i] = (struct thing){i + 1, 1000 + i};
    make_things(j->path, revision, page_size, thing, things, false, long_values);
    open_job(j);
}

/* Writes what was changed and opens the file again, sound. */
static void write_job(struct job *j)
{
    int fd = open(j->path, O_WRONLY | O_CLOEXEC);
    ck_assert_msg(ese_inplace_pieces(j->ip) > 0 || ese_inplace_finish(j->ip, &j->f), "%s",
                  j->f.text);
    ck_assert_msg(ese_inplace_write_to(j->ip, fd, &j->f), "%s", j->f.text);
    close(fd);
    ese_inplace_close(j->ip);
    ese_db_close(j->db);
    free(j->before.at);
    free(read_back(j->path, "what was written", no_problem));
    open_job(j);
}

static void end_job(struct job *j)
{
    ese_inplace_close(j->ip);
    ese_db_close(j->db);
    unlink(j->path);
    free(j->before.at);
}

static const struct ese_column *column(const struct job *j, const char *name)
{
    return ese_table_column(j->table, name);
}

static struct bytes id_key(uint32_t id, uint8_t to[5])
{
    to[0] = 0x7f;
    bytes_put_be32(to + 1, id ^ 0x80000000u);
    return bytes_of(to, 5);
}

static bool drop_thing(struct job *j, uint32_t id, unsigned twin)
{
    uint8_t key[5];
    return ese_inplace_drop_row(j->ip, j->table, id_key(id, key), twin, &j->f);
}

static bool change_thing(struct job *j, uint32_t id, const char *name, struct bytes data)
{
    uint8_t key[5];
    struct ese_change change = {.column = column(j, name), .data = data};
    return ese_inplace_change_row(j->ip, j->table, id_key(id, key), 0, &change, 1, &j->f);
}

static bool add_thing(struct job *j, uint32_t id, uint32_t value, struct bytes data)
{
    uint8_t a[4], b[4];
    bytes_put_le32(a, id);
    bytes_put_le32(b, value);
    struct ese_change change[] = {
        {.column = column(j, "Id"), .data = bytes_of(a, 4)},
        {.column = column(j, "Value"), .data = bytes_of(b, 4)},
        {.column = column(j, "Data"), .data = data, .null = data.size == 0}};
    return ese_inplace_add_row(j->ip, j->table, change, 3, &j->f);
}

/* The row's value of a column; its size, or -1 when there is no such row, -2 when the value is
 * null. */
static long thing_value(struct job *j, uint32_t id, const char *name, uint8_t *to)
{
    struct edited model;
    long size = -1;
    uint8_t key[5];
    bool same;
    ck_assert_msg(edited_read(&model, j->db, &j->f), "%s", j->f.text);
    const struct edited_table *t = &model.table[0];
    size_t at = edited_find(t, id_key(id, key), &same);
    if (same) {
        const struct edited_column *c =
            &t->row[at].column[edited_column_at(j->table, column(j, name))];
        size = c->values ? (long)c->value[0].size : -2;
        if (c->values && to && size > 0)
            memcpy(to, c->value[0].at, c->value[0].size);
    }
    edited_free(&model);
    return size;
}

static uint64_t nodes_of(struct job *j, uint32_t root, uint32_t objid)
{
    struct ese_cursor cursor;
    uint64_t count = 0;
    ese_cursor_open(&cursor, j->db->pages, root, objid);
    while (ese_cursor_next(&cursor, &j->f) == ESE_STEP_NODE)
        count++;
    ese_cursor_close(&cursor);
    return count;
}

/* ---- what is written ---- */

START_TEST(nothing_changed_is_nothing_written)
{
    struct job j;
    uint8_t value[4];
    start_with(&j, 0x2, 4096, 20, true);
    bytes_put_le32(value, 1003);
    ck_assert_msg(change_thing(&j, 4, "Value", bytes_of(value, 4)), "%s", j.f.text); /* as it is */
    ck_assert(ese_inplace_finish(j.ip, &j.f));
    ck_assert_uint_eq(ese_inplace_pieces(j.ip), 0);
    ck_assert(ese_inplace_write_to(j.ip, -1, &j.f));
    end_job(&j);
}
END_TEST

START_TEST(a_fixed_column_changes_one_page)
{
    struct job j;
    uint8_t value[4];
    start_with(&j, forms[_i].revision, forms[_i].page_size, 20, true);
    const uint32_t flags_kept = ESE_PAGE_FLUSH_TYPE;
    bytes_put_le32(value, 77);
    ck_assert_msg(change_thing(&j, 4, "Value", bytes_of(value, 4)), "%s", j.f.text);
    must_be_untouched(j.path, &j.before);
    ck_assert_msg(ese_inplace_finish(j.ip, &j.f), "%s", j.f.text);
    /* the row's page and that of the index on the column */
    ck_assert_uint_eq(ese_inplace_pieces(j.ip), 2 + 2);
    uint64_t last = 0;
    for (unsigned i = 0; i < 4; i++) {
        struct ese_inplace_piece piece;
        ck_assert(ese_inplace_piece(j.ip, i, &piece, &j.f));
        ck_assert_uint_eq(piece.after.size, forms[_i].page_size);
        ck_assert(
            bytes_equal(piece.before, bytes_of(j.before.at + piece.offset, piece.before.size)));
        ck_assert_uint_eq(piece.before.size, piece.after.size);
        if (i >= 2)
            continue;
        struct ese_page now, old;
        uint32_t number = (uint32_t)(piece.offset / forms[_i].page_size) - 1;
        ese_page_parse(piece.after, number, &now);
        ese_page_parse(piece.before, number, &old);
        ck_assert_int_eq(ese_checksum_verify(piece.after, number).state, ESE_CHECKSUM_GOOD);
        ck_assert_uint_gt(now.dbtime, j.db->headers.header.dbtime);
        ck_assert_uint_eq(now.flags & flags_kept, old.flags & flags_kept);
        last = now.dbtime;
    }
    write_job(&j);
    ck_assert_uint_gt(j.db->headers.header.dbtime, last);
    ck_assert_int_eq(thing_value(&j, 4, "Value", value), 4);
    ck_assert_uint_eq(value[0], 77);
    end_job(&j);
}
END_TEST

START_TEST(the_header_changes_as_a_repair_changes_it)
{
    struct job j;
    start_with(&j, 0x14, 4096, 5, true);
    struct ese_header old = j.db->headers.header;
    ck_assert_msg(drop_thing(&j, 4, 0), "%s", j.f.text);
    write_job(&j);
    struct ese_header now = j.db->headers.header;
    ck_assert(j.db->headers.equal);
    ck_assert_uint_eq(now.state, ESE_STATE_CLEAN_SHUTDOWN);
    ck_assert_uint_gt(now.dbtime, old.dbtime);
    ck_assert_uint_eq(now.objid_last, old.objid_last + 1);
    ck_assert_uint_eq(now.repair_count, old.repair_count + 1);
    ck_assert_uint_ne(now.signature.random, old.signature.random);
    ck_assert_mem_eq(&now.repaired, &old.consistent, sizeof now.repaired);
    ck_assert_uint_eq(now.os_build, old.os_build);
    static const uint8_t zero[640];
    const uint8_t *raw = j.db->headers.raw;
    ck_assert_mem_eq(raw + ESE_HEADER_CONSISTENT_AT, zero,
                     ESE_HEADER_DBID_AT - ESE_HEADER_CONSISTENT_AT);
    ck_assert_mem_eq(raw + ESE_HEADER_LOG_SIGNATURE_AT, zero, 28);
    ck_assert_mem_eq(raw + 584, zero, 56); /* the flush map's signatures */
    end_job(&j);
}
END_TEST

START_TEST(a_dropped_row_takes_its_entries_and_long_values)
{
    struct job j;
    start_with(&j, forms[_i].revision, forms[_i].page_size, 60, true);
    const struct ese_index *by_name = &j.table->index[2];
    uint32_t chunk = ese_lv_chunk_size(j.table, forms[_i].page_size);
    uint64_t values = nodes_of(&j, j.table->long_value_root, j.table->long_value_objid);
    uint64_t shared = 1 + (SHARED_SIZE + chunk - 1) / chunk;
    ck_assert_uint_eq(nodes_of(&j, by_name->root, by_name->objid), 60);
    ck_assert_msg(drop_thing(&j, 1, 0) && drop_thing(&j, 3, 0), "%s", j.f.text);
    ck_assert_uint_eq(nodes_of(&j, j.table->long_value_root, j.table->long_value_objid), values);
    ck_assert_msg(drop_thing(&j, 2, 0), "%s", j.f.text);
    ck_assert_uint_eq(nodes_of(&j, j.table->long_value_root, j.table->long_value_objid),
                      values - shared);
    ck_assert_uint_eq(nodes_of(&j, by_name->root, by_name->objid), 57);
    ck_assert_uint_eq(ese_inplace_summary(j.ip)->dropped_rows, 3);
    write_job(&j);
    ck_assert_int_eq(thing_value(&j, 2, "Data", NULL), -1);
    ck_assert_int_eq(thing_value(&j, 4, "Data", NULL), DATA_SIZE);
    end_job(&j);
}
END_TEST

START_TEST(without_rows_the_root_is_an_empty_leaf)
{
    struct job j;
    const struct ese_page *page;
    start_with(&j, forms[_i].revision, forms[_i].page_size, THINGS, true);
    for (uint32_t i = 0; i < THINGS; i++)
        ck_assert_msg(drop_thing(&j, 1 + (i * 7 + 3) % THINGS, 0), "%s", j.f.text);
    uint32_t roots[] = {j.table->root, j.table->index[1].root, j.table->index[2].root,
                        j.table->long_value_root};
    write_job(&j);
    for (unsigned i = 0; i < ARRAY_SIZE(roots); i++) {
        ck_assert(ese_pages_get_sound(j.db->pages, roots[i], &page, &j.f));
        ck_assert(page->flags & ESE_PAGE_LEAF);
        ck_assert_uint_eq(ese_page_nodes(page), 0);
        ese_pages_put(j.db->pages, page);
    }
    for (uint32_t i = 0; i < 50; i++) /* and it grows again */
        ck_assert_msg(add_thing(&j, 5000 - i, i, bytes_of(j.before.at, i * 100)), "%s", j.f.text);
    ck_assert_uint_eq(ese_inplace_summary(j.ip)->size,
                      j.before.size); /* from pages that became free */
    write_job(&j);
    ck_assert_int_eq(thing_value(&j, 4960, "Data", NULL), 4000);
    end_job(&j);
}
END_TEST

START_TEST(rows_that_outgrow_their_page_split_it)
{
    struct job j;
    uint8_t data[1000], found[SHARED_SIZE];
    start_with(&j, forms[_i].revision, forms[_i].page_size, 100, true);
    for (unsigned i = 0; i < sizeof data; i++)
        data[i] = (uint8_t)(i * 7);
    for (uint32_t id = 1; id <= 100; id++)
        ck_assert_msg(change_thing(&j, id, "Data", bytes_of(data, 100 + id * 9)), "%s", j.f.text);
    write_job(&j);
    for (uint32_t id = 1; id <= 100; id += 33) {
        ck_assert_int_eq(thing_value(&j, id, "Data", found), 100 + (long)id * 9);
        ck_assert_mem_eq(found, data, 100 + id * 9);
    }
    end_job(&j);
}
END_TEST

START_TEST(the_file_grows_when_it_must)
{
    struct job j;
    uint8_t *data = calloc(1, 300000), *found = calloc(1, 300000);
    start_with(&j, forms[_i].revision, forms[_i].page_size, 30, true);
    for (unsigned i = 0; i < 300000; i++)
        data[i] = (uint8_t)(i / 3);
    uint64_t size = 0;
    for (uint32_t id = 1; id <= 30 && (id <= 7 || size == j.before.size); id++) {
        ck_assert_msg(change_thing(&j, id, "Data", bytes_of(data, 290000 + id)), "%s", j.f.text);
        size = ese_inplace_summary(j.ip)->size;
    }
    ck_assert_uint_gt(size, j.before.size);
    must_be_untouched(j.path, &j.before);
    write_job(&j);
    ck_assert_uint_eq(j.before.size, size);
    ck_assert_int_eq(thing_value(&j, 7, "Data", found), 290007);
    ck_assert_mem_eq(found, data, 290007);
    end_job(&j);
    free(data);
    free(found);
}
END_TEST

/* ---- deep trees ---- */

enum { DEEP = 1200, DEEP_NAME = 200 };

/* KM_DEEP_ROWS: more of them, for longer runs. */
static uint32_t deep_rows(void)
{
    const char *rows = getenv("KM_DEEP_ROWS");
    return rows ? (uint32_t)strtoul(rows, NULL, 0) : DEEP;
}

/* A name whose neighbours share long and varied beginnings, so that separators are long and of many
 * lengths. */
static struct bytes deep_name(uint32_t number, char to[DEEP_NAME])
{
    size_t size = 0;
    for (int bit = 14; bit >= 0; bit--)
        for (unsigned i = 0; i < 4 + (number * 2654435761u >> 28) && size < DEEP_NAME; i++)
            to[size++] = (char)(number >> bit & 1 ? 'b' : 'a');
    return bytes_of(to, size);
}

static unsigned depth_of(struct job *j, uint32_t root, uint32_t objid)
{
    struct ese_cursor cursor;
    ese_cursor_open(&cursor, j->db->pages, root, objid);
    ck_assert_int_eq(ese_cursor_next(&cursor, &j->f), ESE_STEP_NODE);
    unsigned depth = cursor.depth;
    ese_cursor_close(&cursor);
    return depth;
}

static void rename_or_add(struct job *j, uint32_t id, bool add)
{
    char name[DEEP_NAME];
    if (add)
        ck_assert_msg(add_thing(j, id, 5000 + id, bytes_of(name, 0)), "%s", j->f.text);
    ck_assert_msg(change_thing(j, id, "Name", deep_name(id, name)), "%s", j->f.text);
}

START_TEST(deep_trees_grow_and_shrink)
{
    static const struct {
        uint32_t revision, page_size;
    } form[] = {{0x2, 2048}, {0x14, 2048}, {0x14, 4096}, {0x122, 16384}};
    struct job j;
    uint32_t rows = deep_rows(), id = 0;
    const uint32_t steps[] = {1, 7, rows - 1, 761}; /* upwards, downwards, and here and there */
    uint32_t step = steps[_i % 4];
    start_with(&j, form[_i / 2].revision, form[_i / 2].page_size, 2, true);
    for (uint32_t n = 0; n < rows; n++) {
        id = (id + step) % rows;
        rename_or_add(&j, id + 1, id + 1 > 2);
    }
    const struct ese_index *by_name = &j.table->index[2];
    if (form[_i / 2].page_size == 2048)
        ck_assert_uint_ge(depth_of(&j, by_name->root, by_name->objid), 2);
    write_job(&j);
    step = steps[(_i + 2) % 4];
    for (uint32_t n = 0; n < rows; n++) {
        id = (id + step) % rows;
        ck_assert_msg(drop_thing(&j, id + 1, 0), "%s", j.f.text);
        if (n % (rows / 3) == rows / 4)
            write_job(&j);
    }
    write_job(&j);
    by_name = &j.table->index[2];
    ck_assert_uint_eq(nodes_of(&j, by_name->root, by_name->objid), 0);
    end_job(&j);
}
END_TEST

/* ---- the last of several inner pages ---- */

enum { WIDE_ROWS = 11000, WIDE_PARENTS = 64 };

/* Where each entry of an index stands: the inner page below the root, and the one below that. */
struct standing {
    uint32_t id, upper, lower;
};

static unsigned where_entries_stand(struct job *j, const struct ese_index *index,
                                    struct standing *to)
{
    struct ese_cursor cursor;
    unsigned count = 0;
    ese_cursor_open(&cursor, j->db->pages, index->root, index->objid);
    while (ese_cursor_next(&cursor, &j->f) == ESE_STEP_NODE) {
        ck_assert_uint_ge(cursor.depth, 3);
        ck_assert_uint_eq(cursor.data.size, 5);
        const uint8_t *key = cursor.data.at;
        uint32_t id = (uint32_t)(key[1] ^ 0x80) << 24 | (uint32_t)key[2] << 16 |
                      (uint32_t)key[3] << 8 | key[4];
        to[count++] = (struct standing){id, cursor.path[1].page, cursor.path[2].page};
    }
    ese_cursor_close(&cursor);
    return count;
}

/* How many inner pages stand below this one. */
static unsigned lower_pages(const struct standing *at, unsigned count, uint32_t upper)
{
    unsigned pages = 0;
    for (unsigned i = 0; i < count; i++)
        pages += at[i].upper == upper && (i == 0 || at[i - 1].lower != at[i].lower);
    return pages;
}

/* Adds rows upwards, so that inner pages are full; then all that stand below the last lower page of
 * an upper one go.  The page before it has to reach as far as its upper page now, with a longer
 * key, for which it may have no room: then it is split.  Returns how many were. */
static unsigned drop_last_lower_pages(uint32_t rows)
{
    static struct standing at[WIDE_ROWS], after[WIDE_ROWS];
    struct job j;
    uint32_t done[WIDE_PARENTS];
    unsigned dones = 0, splits = 0;
    start_with(&j, 0x2, 2048, 2, false);
    for (uint32_t id = rows; id > 0; id--) /* the index is a descending one */
        rename_or_add(&j, id, id > 2);
    const struct ese_index *index = &j.table->index[2];
    unsigned count = where_entries_stand(&j, index, at);
    for (unsigned i = 0; i + 1 < count; i++) {
        uint32_t upper = at[i].upper, last = at[i].lower;
        if (at[i + 1].upper == upper || lower_pages(at, count, upper) < 2)
            continue; /* not the last entry below an upper page that will do */
        ck_assert_uint_lt(dones, WIDE_PARENTS);
        done[dones++] = upper;
        for (unsigned k = i + 1; k-- > 0 && at[k].lower == last;)
            ck_assert_msg(drop_thing(&j, at[k].id, 0), "%s", j.f.text);
    }
    unsigned left = where_entries_stand(&j, index, after);
    for (unsigned i = 0; i < dones; i++)
        splits += lower_pages(after, left, done[i]) == lower_pages(at, count, done[i]);
    ck_assert_uint_gt(dones, 0);
    write_job(&j); /* which checks it */
    end_job(&j);
    return splits;
}

START_TEST(an_inner_page_that_has_to_reach_further_is_split)
{
    unsigned splits = 0;
    for (uint32_t rows = WIDE_ROWS - 2500; rows <= WIDE_ROWS; rows += 500)
        splits += drop_last_lower_pages(rows);
    ck_assert_uint_gt(splits, 0);
}
END_TEST

/* ---- what is refused ---- */

static void must_be_refused(struct job *j, bool done, enum fault_code code)
{
    ck_assert(!done);
    ck_assert_msg(j->f.code == code, "expected fault %d, found %d: %s", code, j->f.code, j->f.text);
    ck_assert(!ese_inplace_finish(j->ip, &j->f)); /* nothing of it can be written */
    ck_assert(!drop_thing(j, 5, 0));
    ck_assert(!ese_inplace_write_to(j->ip, -1, &j->f));
    ck_assert_uint_eq(ese_inplace_pieces(j->ip), 0);
    must_be_untouched(j->path, &j->before);
    end_job(j);
}

START_TEST(what_cannot_be_done_leaves_the_file_untouched)
{
    struct job j;
    uint8_t number[4], big[3000] = {0};
    bytes_put_le32(number, 1004);
    start_with(&j, 0x2, 4096, 20, true);
    must_be_refused(&j, drop_thing(&j, 21, 0), FAULT_MISSING);
    start_with(&j, 0x2, 4096, 20, true);
    must_be_refused(&j, drop_thing(&j, 2, 1), FAULT_MISSING);
    start_with(&j, 0x2, 4096, 20, true);
    must_be_refused(&j, change_thing(&j, 2, "Id", bytes_of(number, 4)), FAULT_UNSUPPORTED);
    start_with(&j, 0x2, 4096, 20, true); /* row 5 has that value, and the index is unique */
    must_be_refused(&j, change_thing(&j, 2, "Value", bytes_of(number, 4)), FAULT_DAMAGED);
    start_with(&j, 0x2, 4096, 20, true);
    must_be_refused(&j, add_thing(&j, 2, 1, bytes_of(big, 0)), FAULT_DAMAGED);
    start_with(&j, 0x2, 4096, 20, false);
    must_be_refused(&j, change_thing(&j, 2, "Data", bytes_of(big, sizeof big)), FAULT_UNSUPPORTED);
    start_with(&j, 0x2, 4096, 20, true);
    must_be_refused(&j,
                    ese_inplace_drop_row(j.ip, ese_catalog_find(j.db->catalog, "MSysObjects"),
                                         bytes_of(number, 4), 0, &j.f),
                    FAULT_UNSUPPORTED);
}
END_TEST

/* Writes the bytes of the file that were changed in `before`, and opens it again. */
static void open_changed(struct job *j)
{
    int fd = open(j->path, O_WRONLY | O_CLOEXEC);
    ck_assert_int_eq(pwrite(fd, j->before.at, j->before.size, 0), (ssize_t)j->before.size);
    close(fd);
    ese_inplace_close(j->ip);
    ese_db_close(j->db);
    free(j->before.at);
    open_job(j);
}

/* The first leaf's last key, with one byte more, so that it is looked for on the second leaf, too;
 * that one's number. */
static uint32_t behind_first_leaf(struct job *j, uint8_t key[6])
{
    struct ese_cursor cursor;
    uint32_t first = 0, number;
    ese_cursor_open(&cursor, j->db->pages, j->table->root, j->table->objid);
    for (;;) {
        ck_assert_int_eq(ese_cursor_next(&cursor, &j->f), ESE_STEP_NODE);
        number = cursor.leaf->number;
        first = first ? first : number;
        if (number != first)
            break;
        ck_assert_uint_eq(cursor.key.size, 5);
        memcpy(key, cursor.key.at, 5);
    }
    key[5] = 0;
    ese_cursor_close(&cursor);
    return number;
}

/* Is a row not there when the leaf that could have it is not what its place demands? */
START_TEST(a_leaf_that_cannot_be_read_is_not_passed_over)
{
    struct job j;
    uint8_t key[6];
    start_with(&j, 0x2, 4096, THINGS, false);
    uint32_t leaf = behind_first_leaf(&j, key);
    uint8_t *page = j.before.at + ((size_t)leaf + 1) * 4096;
    if (_i > 0)
        page[ESE_PAGE_TAG_COUNT_AT + 1] |= 0x20; /* reserved tags */
    ese_checksum_set(page, 4096, leaf);
    open_changed(&j);
    bool dropped = ese_inplace_drop_row(j.ip, j.table, bytes_of(key, sizeof key), 0, &j.f);
    must_be_refused(&j, dropped, _i > 0 ? FAULT_UNSUPPORTED : FAULT_MISSING);
}
END_TEST

/* The last entry of an index is not where its row's key is: it goes with the row all the same. */
START_TEST(an_entry_with_a_wrong_key_goes_with_its_row)
{
    struct job j;
    struct ese_cursor cursor;
    struct ese_node node;
    start_with(&j, 0x14, 4096, 20, true);
    const struct ese_index *index = &j.table->index[1];
    uint32_t number = 0;
    size_t at = 0;
    ese_cursor_open(&cursor, j.db->pages, index->root, index->objid);
    while (ese_cursor_next(&cursor, &j.f) == ESE_STEP_NODE) {
        ck_assert(ese_page_node(cursor.leaf, cursor.index, &node, &j.f));
        number = cursor.leaf->number;
        at = (size_t)(node.suffix.at - cursor.leaf->raw.at) + node.suffix.size - 1;
    }
    ese_cursor_close(&cursor);
    uint8_t *page = j.before.at + ((size_t)number + 1) * 4096;
    page[at]++;
    ese_checksum_set(page, 4096, number);
    open_changed(&j);
    ck_assert_msg(drop_thing(&j, 20, 0), "%s", j.f.text);
    write_job(&j); /* which checks it */
    ck_assert_uint_eq(nodes_of(&j, j.table->index[1].root, j.table->index[1].objid), 19);
    end_job(&j);
}
END_TEST

/* Of each extent that the table owns, only the last page is left to it. */
static void disown_pages(struct job *j)
{
    uint32_t page_size = j->db->headers.header.page_size, objid = j->table->objid;
    for (size_t at = 2 * (size_t)page_size; at < j->before.size; at += page_size) {
        struct ese_page page;
        struct ese_node node;
        ese_page_parse(bytes_of(j->before.at + at, page_size), 0, &page);
        if (page.objid != objid || !(page.flags & ESE_PAGE_SPACE_TREE))
            continue;
        for (unsigned i = 0; i < ese_page_nodes(&page); i++)
            if (ese_page_node(&page, i, &node, &j->f) && node.data.size == 4)
                bytes_put_le32(j->before.at + (node.data.at - j->before.at), 1);
        ese_checksum_set(j->before.at + at, page_size, (uint32_t)(at / page_size) - 1);
    }
    open_changed(j);
}

START_TEST(a_page_that_nobody_owns_is_not_given_back)
{
    struct job j;
    bool ok = true;
    start_with(&j, 0x2, 4096, THINGS, true);
    disown_pages(&j);
    for (uint32_t id = 1; ok && id <= THINGS; id++)
        ok = drop_thing(&j, id, 0);
    ok = ok && ese_inplace_finish(j.ip, &j.f);
    ck_assert_msg(!ok && strstr(j.f.text, "which does not own it"), "%s", j.f.text);
    must_be_refused(&j, ok, FAULT_DAMAGED);
}
END_TEST

START_TEST(an_index_on_unicode_text_is_not_added_to)
{
    struct job j;
    start_with(&j, 0x14, 4096, 20, true);
    /* in memory only: as if the index were on the other column */
    struct ese_index *index = (struct ese_index *)(uintptr_t)&j.table->index[2];
    index->segment[0].column = column(&j, "Wide")->id;
    must_be_refused(&j, change_thing(&j, 2, "Wide", bytes_of("a\0b\0", 4)), FAULT_UNSUPPORTED);
}
END_TEST

START_TEST(a_row_is_found_by_its_bookmark_where_keys_cannot_be_computed)
{
    struct job j;
    start_with(&j, 0x14, 4096, 60, true);
    struct ese_index *index = (struct ese_index *)(uintptr_t)&j.table->index[2];
    uint32_t flags = index->flags;
    index->tuples = true;
    for (uint32_t id = 10; id < 20; id++)
        ck_assert_msg(drop_thing(&j, id, 0), "%s", j.f.text);
    ck_assert_uint_eq(index->flags, flags);
    ck_assert_uint_eq(nodes_of(&j, index->root, index->objid), 50);
    index->tuples = false;
    write_job(&j);
    end_job(&j);
}
END_TEST

/* Keys as Id and Value, two numbers, have them: 0x7f, and the number with its sign turned. */
START_TEST(only_an_entry_without_its_row_is_dropped_alone)
{
    static const uint8_t key[] = {0x7f, 0x80, 0, 4, 1}, there[] = {0x7f, 0x80, 0, 0, 7},
                         gone[] = {0x7f, 0x80, 0, 0xff, 0xff};
    struct job j;
    start_with(&j, 0x14, 4096, 20, true);
    bool dropped = ese_inplace_drop_entry(
        j.ip, j.table, &j.table->index[1], bytes_of(key, sizeof key),
        _i ? bytes_of(there, sizeof there) : bytes_of(gone, sizeof gone), &j.f);
    must_be_refused(&j, dropped, _i ? FAULT_UNSUPPORTED : FAULT_MISSING);
}
END_TEST

START_TEST(a_dirty_database_and_unknown_revisions_are_refused)
{
    static const struct {
        size_t at;
        uint32_t value;
        enum fault_code code;
    } refused[] = {{ESE_HEADER_STATE_AT, ESE_STATE_DIRTY_SHUTDOWN, FAULT_DAMAGED},
                   {ESE_HEADER_REVISION_AT, 5, FAULT_UNSUPPORTED},
                   {ESE_HEADER_REVISION_AT, 0x12c, FAULT_UNSUPPORTED}};
    struct job j;
    struct ese_inplace *ip;
    start_with(&j, 0x14, 4096, 5, true);
    j.db->headers.header.state =
        refused[_i].at == ESE_HEADER_STATE_AT ? refused[_i].value : ESE_STATE_CLEAN_SHUTDOWN;
    if (refused[_i].at == ESE_HEADER_REVISION_AT)
        j.db->headers.header.revision = refused[_i].value;
    ck_assert(!ese_inplace_open(j.db, NULL, &ip, &j.f));
    ck_assert_int_eq(j.f.code, refused[_i].code);
    if (refused[_i].value == 0x12c) {
        const struct ese_inplace_options any = {.any_revision = true};
        ese_inplace_close(j.ip);
        ck_assert(ese_inplace_open(j.db, &any, &j.ip, &j.f));
    }
    end_job(&j);
}
END_TEST

START_TEST(memory_has_a_bound)
{
    struct job j;
    const struct ese_inplace_options little = {.memory_most = 5 * 4096};
    start_with(&j, 0x14, 4096, THINGS, true);
    ese_inplace_close(j.ip);
    ck_assert(ese_inplace_open(j.db, &little, &j.ip, &j.f));
    bool ok = true;
    for (uint32_t id = 1; ok && id < THINGS; id++)
        ok = drop_thing(&j, id, 0);
    must_be_refused(&j, ok, FAULT_LIMIT);
}
END_TEST

/* ---- what only newer engines write ---- */

/* Puts a root page together anew, with this external header and, when given, this key for its only
 * node. */
static void rewrite_root(struct job *j, uint32_t number, struct bytes external, struct bytes key)
{
    struct build_page to;
    const struct ese_page *page;
    uint32_t size = j->db->headers.header.page_size;
    bool fits = true;
    ck_assert(ese_pages_get_sound(j->db->pages, number, &page, &j->f));
    ck_assert(build_page_open(&to, size, &j->f));
    build_page_reset(&to, true, (uint32_t)external.size);
    memcpy(to.raw + to.header, external.at, external.size);
    for (unsigned i = 0; i < ese_page_nodes(page); i++) {
        struct ese_node node;
        ck_assert(ese_page_node(page, i, &node, &j->f) && node.prefix.size == 0);
        ck_assert(build_page_add(&to, key.size ? key : node.suffix, node.data, &fits, &j->f) &&
                  fits);
    }
    build_page_finish(&to, &(struct ese_page){.dbtime = page->dbtime,
                                              .objid = page->objid,
                                              .flags = page->flags,
                                              .number = number});
    ese_checksum_set(to.raw, size, number);
    int fd = open(j->path, O_WRONLY | O_CLOEXEC);
    ck_assert_int_eq(pwrite(fd, to.raw, size, (off_t)((number + 1) * (uint64_t)size)), size);
    close(fd);
    ese_pages_put(j->db->pages, page);
    build_page_close(&to);
    ese_inplace_close(j->ip);
    ese_db_close(j->db);
    free(j->before.at);
    open_job(j);
}

START_TEST(a_stored_counter_never_gives_a_number_again)
{
    struct job j;
    uint8_t external[25] = {0x3}; /* space and counter */
    const struct ese_page *page;
    struct ese_space space;
    start_with(&j, 0x122, forms[_i].page_size > 4096 ? 8192 : 4096, 5, true);
    ((struct ese_column *)(uintptr_t)column(&j, "Id"))->flags |= ESE_COLUMN_AUTO_INCREMENT;
    ck_assert(ese_pages_get_sound(j.db->pages, j.table->root, &page, &j.f));
    memcpy(external + 1, ese_page_external_header(page).at, 16);
    external[17] = 10;
    ese_pages_put(j.db->pages, page);
    rewrite_root(&j, j.table->root, bytes_of(external, sizeof external), bytes_of(external, 0));
    for (uint32_t id = 6; id < 300; id++) {
        ((struct ese_column *)(uintptr_t)column(&j, "Id"))->flags |= ESE_COLUMN_AUTO_INCREMENT;
        ck_assert_msg(add_thing(&j, id, id, bytes_of(external, 0)), "%s", j.f.text);
    }
    write_job(&j);
    ck_assert(ese_pages_get_sound(j.db->pages, j.table->root, &page, &j.f));
    ck_assert(!(page->flags & ESE_PAGE_LEAF) && ese_space_read(page, &space, &j.f));
    ck_assert(space.has_auto_increment);
    ck_assert_uint_eq(space.auto_increment, 300);
    ese_pages_put(j.db->pages, page);
    end_job(&j);
}
END_TEST

/* The database root's free pages, as newer engines may list them: in a pool. */
static void put_into_pool(struct job *j, enum ese_space_pool pool)
{
    const struct ese_page *page;
    struct ese_node node;
    uint8_t key[5] = {0x80 | (uint8_t)pool}, external[16];
    const uint32_t available = 3;
    ck_assert(ese_pages_get_sound(j->db->pages, available, &page, &j->f));
    ck_assert_uint_eq(ese_page_nodes(page), 1);
    ck_assert(ese_page_node(page, 0, &node, &j->f) && node.suffix.size == 4);
    memcpy(key + 1, node.suffix.at, 4);
    memcpy(external, ese_page_external_header(page).at, sizeof external);
    ese_pages_put(j->db->pages, page);
    rewrite_root(j, available, bytes_of(external, sizeof external), bytes_of(key, sizeof key));
}

START_TEST(pages_of_a_pool_are_taken_too)
{
    struct job j;
    uint8_t *data = calloc(1, 40000);
    start_with(&j, 0x122, 4096, 30, true);
    put_into_pool(&j, ESE_POOL_CONTINUOUS);
    for (uint32_t id = 1; id <= 30; id++)
        ck_assert_msg(change_thing(&j, id, "Data", bytes_of(data, 40000)), "%s", j.f.text);
    ck_assert_uint_gt(ese_inplace_summary(j.ip)->size, j.before.size);
    write_job(&j);
    end_job(&j);
    free(data);
}
END_TEST

START_TEST(shelved_pages_keep_the_file_from_growing)
{
    struct job j;
    uint8_t *data = calloc(1, 40000);
    bool ok = true;
    start_with(&j, 0x122, 4096, 30, true);
    put_into_pool(&j, ESE_POOL_SHELVED);
    for (uint32_t id = 1; ok && id <= 30; id++)
        ok = change_thing(&j, id, "Data", bytes_of(data, 40000));
    free(data);
    must_be_refused(&j, ok, FAULT_UNSUPPORTED);
}
END_TEST

/* ---- writing ---- */

struct recorder {
    uint64_t offset[64];
    unsigned count, fails_at;
};

static bool record_write(void *context, uint64_t offset, struct bytes data, struct fault *f)
{
    struct recorder *r = context;
    ck_assert_uint_eq(data.size, 4096);
    if (r->count == r->fails_at)
        return fault_set(f, FAULT_IO, "as it was told to");
    r->offset[r->count++] = offset;
    return true;
}

START_TEST(headers_are_written_last)
{
    struct job j;
    struct recorder r = {.fails_at = 64};
    struct ese_inplace_writer writer = {.context = &r, .write = record_write};
    start_with(&j, 0x14, 4096, 60, true);
    ck_assert_msg(drop_thing(&j, 7, 0) && drop_thing(&j, 50, 0), "%s", j.f.text);
    ck_assert(ese_inplace_finish(j.ip, &j.f) && ese_inplace_write(j.ip, &writer, &j.f));
    ck_assert_uint_eq(r.count, ese_inplace_pieces(j.ip));
    for (unsigned i = 1; i + 2 < r.count; i++)
        ck_assert_uint_lt(r.offset[i - 1], r.offset[i]);
    ck_assert_uint_eq(r.offset[r.count - 2], 0);
    ck_assert_uint_eq(r.offset[r.count - 1], 4096);
    r = (struct recorder){.fails_at = 1};
    ck_assert(!ese_inplace_write(j.ip, &writer, &j.f));
    ck_assert_int_eq(j.f.code, FAULT_IO);
    ck_assert_uint_eq(r.count, 1);
    end_job(&j);
}
END_TEST

START_TEST(a_flipped_bit_is_put_right_in_a_page_that_changes)
{
    struct job j;
    uint8_t value[4];
    start_with(&j, 0x14, 4096, 20, true);
    uint64_t offset = ((uint64_t)j.table->root + 1) * 4096 + 200;
    ese_inplace_close(j.ip);
    ese_db_close(j.db);
    j.before.at[offset] ^= 0x10;
    int fd = open(j.path, O_WRONLY | O_CLOEXEC);
    ck_assert_int_eq(pwrite(fd, j.before.at + offset, 1, (off_t)offset), 1);
    close(fd);
    free(j.before.at);
    open_job(&j);
    bytes_put_le32(value, 77);
    ck_assert_msg(change_thing(&j, 4, "Value", bytes_of(value, 4)), "%s", j.f.text);
    write_job(&j); /* which checks it */
    end_job(&j);
}
END_TEST

/* ---- twins, and editors ---- */

static const struct thing twins[] = {{1, 10}, {2, 20}, {2, 21}, {3, 30}, {3, 30}, {4, 20}};

START_TEST(one_of_several_rows_with_one_key_is_dropped)
{
    struct job j = {.f.code = FAULT_NONE};
    uint8_t value[4];
    close(temporary(j.path));
    make_things(j.path, 0x2, 4096, twins, ARRAY_SIZE(twins), true, true);
    open_job(&j);
    ck_assert_msg(drop_thing(&j, 2, _i ? 0 : 1), "%s", j.f.text);
    ck_assert_msg(drop_thing(&j, 3, _i ? 1 : 0), "%s", j.f.text);
    ck_assert_msg(_i || drop_thing(&j, 4, 0), "%s",
                  j.f.text); /* the key of its entry is row 2's, too */
    write_job(&j);
    ck_assert_int_eq(thing_value(&j, 2, "Value", value), 4);
    ck_assert_uint_eq(value[0], _i ? 21 : 20);
    ck_assert_int_eq(thing_value(&j, 3, "Value", value), 4);
    const struct ese_index *by_value = &j.table->index[1];
    ck_assert_uint_eq(nodes_of(&j, by_value->root, by_value->objid), _i ? 4 : 3);
    end_job(&j);
}
END_TEST

struct plan {
    uint8_t value[4], id[4], data[2500];
};

static bool plan_wants(void *context, const struct ese_table *table)
{
    (void)context;
    return strcmp(table->name, "Things") == 0;
}

/* Drops every seventh row, makes others longer, and lets two rows change values that a unique index
 * has. */
static bool plan_row(void *context, const struct ese_table *table, const struct ese_record *record,
                     struct bytes key, unsigned twin, struct ese_row_edit *edit, struct fault *f)
{
    struct plan *p = context;
    (void)key;
    struct ese_value value;
    uint32_t id = 0;
    if (!ese_record_value(record, ese_table_column(table, "Id"), &value, f))
        return false;
    bytes_le32(value.data, 0, &id);
    if (id % 7 == 3) {
        edit->fate = ESE_ROW_DROP;
    } else if (id % 5 == 0 && twin == 0) {
        edit->fate = ESE_ROW_CHANGE;
        memset(p->data, (int)id, sizeof p->data);
        edit->change[edit->changes++] = (struct ese_change){
            .column = ese_table_column(table, "Data"), .data = bytes_of(p->data, 20 + id * 6)};
    } else if (id == 6 || id == 8) {
        bytes_put_le32(p->value, 1000 + (id == 6 ? 7u : 5u));
        edit->fate = ESE_ROW_CHANGE;
        edit->change[edit->changes++] = (struct ese_change){
            .column = ese_table_column(table, "Value"), .data = bytes_of(p->value, 4)};
    }
    return true;
}

static bool plan_add(void *context, const struct ese_table *table, unsigned n,
                     struct ese_row_edit *edit, bool *more, struct fault *f)
{
    struct plan *p = context;
    (void)f;
    *more = n < 5;
    bytes_put_le32(p->id, 100000 + n);
    bytes_put_le32(p->value, 200000 + n);
    memset(p->data, (int)n, sizeof p->data);
    edit->fate = ESE_ROW_CHANGE;
    edit->changes = 3;
    edit->change[0] =
        (struct ese_change){.column = ese_table_column(table, "Id"), .data = bytes_of(p->id, 4)};
    edit->change[1] = (struct ese_change){.column = ese_table_column(table, "Value"),
                                          .data = bytes_of(p->value, 4)};
    edit->change[2] = (struct ese_change){.column = ese_table_column(table, "Data"),
                                          .data = bytes_of(p->data, 500 * n + 10)};
    return true;
}

/* Gives every row another value, in its record and in an index. */
static bool all_row(void *context, const struct ese_table *table, const struct ese_record *record,
                    struct bytes key, unsigned twin, struct ese_row_edit *edit, struct fault *f)
{
    struct plan *p = context;
    struct ese_value value;
    (void)key;
    (void)twin;
    if (!ese_record_value(record, ese_table_column(table, "Id"), &value, f))
        return false;
    bytes_put_le32(p->value, 100000 + bytes_get_le32(value.data, 0));
    edit->fate = ESE_ROW_CHANGE;
    edit->change[edit->changes++] = (struct ese_change){
        .column = ese_table_column(table, "Value"), .data = bytes_of(p->value, sizeof p->value)};
    return true;
}

static uint32_t leaves_of(struct job *j)
{
    struct ese_cursor cursor;
    uint32_t leaves = 0, last = 0;
    ese_cursor_open(&cursor, j->db->pages, j->table->root, j->table->objid);
    while (ese_cursor_next(&cursor, &j->f) == ESE_STEP_NODE) {
        leaves += cursor.leaf->number != last;
        last = cursor.leaf->number;
    }
    ese_cursor_close(&cursor);
    return leaves;
}

/* Edits all rows with room for so many pages; how many rows were changed when it ended. */
static uint64_t edit_within(struct job *j, uint32_t pages, bool *done)
{
    struct plan p;
    const struct ese_editor editor = {.context = &p, .wants = plan_wants, .row = all_row};
    const struct ese_inplace_options how = {.memory_most = (size_t)pages * 4096};
    ese_inplace_close(j->ip);
    ck_assert(ese_inplace_open(j->db, &how, &j->ip, &j->f));
    j->f = (struct fault){.code = FAULT_NONE};
    *done = ese_inplace_edit(j->ip, &editor, &j->f) && ese_inplace_finish(j->ip, &j->f);
    ck_assert(*done || (j->f.code == FAULT_LIMIT && strstr(j->f.text, "-o NEW")));
    return ese_inplace_summary(j->ip)->changed_rows;
}

/* Less room than rows change in is known before anything is done; a page less than is needed
 * with those of the index, when it is reached. */
START_TEST(room_for_pages_is_told_to_the_page)
{
    struct job j;
    bool done;
    start_with(&j, 0x14, 4096, THINGS, false);
    uint32_t leaves = leaves_of(&j);
    uint32_t needed = leaves - 1;
    ck_assert_uint_gt(leaves, 3);
    ck_assert(edit_within(&j, needed, &done) == 0 && !done);
    while (!done) {
        ck_assert_uint_gt(edit_within(&j, ++needed, &done), 0);
    }
    uint32_t pages = ese_inplace_summary(j.ip)->pages;
    ck_assert_uint_gt(pages, leaves);
    ck_assert_uint_ge(needed, pages);
    ck_assert_uint_le(needed, pages + 4); /* the space of the trees is looked at, too */
    must_be_untouched(j.path, &j.before);
    end_job(&j);
}
END_TEST

/* A copy is changed with no more than two pages in memory: they go into it, and are read back, all
 * the time.  It must become what the database becomes in place, byte for byte. */
START_TEST(a_copy_becomes_what_the_database_becomes_in_place)
{
    struct job j;
    struct plan plan;
    const struct ese_editor editor = {&plan, plan_wants, plan_row, plan_add};
    char copy[32];
    int fd = temporary(copy);
    const struct ese_inplace_options how = {.memory_most = 2 * (size_t)forms[_i].page_size,
                                            .copy = &fd};
    start_with(&j, forms[_i].revision, forms[_i].page_size, THINGS, true);
    ese_inplace_close(j.ip);
    struct contents before = contents_of(j.path);
    ck_assert_int_eq(write(fd, before.at, before.size), (ssize_t)before.size);
    ck_assert(ese_inplace_open(j.db, &how, &j.ip, &j.f));
    ck_assert_msg(ese_inplace_edit(j.ip, &editor, &j.f) && ese_inplace_finish(j.ip, &j.f) &&
                      ese_inplace_write_to(j.ip, fd, &j.f),
                  "%s", j.f.text);
    unsigned pages = ese_inplace_summary(j.ip)->pages, in_memory = ese_inplace_pieces(j.ip) - 2;
    ck_assert_uint_gt(pages, in_memory + 3);
    for (uint32_t n = 1, last = ese_pages_last(j.db->pages), left = pages; n <= last; n++)
        ck_assert_uint_ge(left -= ese_inplace_is_changed(j.ip, n), n == last ? 0 : left);
    ese_inplace_close(j.ip);
    close(fd);
    must_be_untouched(j.path, &before);
    free(before.at);
    ck_assert(ese_inplace_open(j.db, NULL, &j.ip, &j.f));
    ck_assert_msg(ese_inplace_edit(j.ip, &editor, &j.f), "%s", j.f.text);
    ck_assert_uint_eq(ese_inplace_summary(j.ip)->added_rows, 5);
    write_job(&j);
    struct contents in_place = contents_of(j.path);
    must_be_untouched(copy, &in_place);
    free(in_place.at);
    free(read_back(copy, "copy", no_problem));
    unlink(copy);
    end_job(&j);
}
END_TEST

START_TEST(an_edit_that_is_stopped_says_so)
{
    struct job j;
    struct plan p = {.data = "changed"};
    static volatile sig_atomic_t stop;
    const struct ese_inplace_options how = {.stop = &stop};
    const struct ese_editor editor = {
        .context = &p, .wants = plan_wants, .row = plan_row, .add = plan_add};
    start_with(&j, 0x14, 4096, 60, true);
    ese_inplace_close(j.ip);
    ck_assert_msg(ese_inplace_open(j.db, &how, &j.ip, &j.f), "%s", j.f.text);
    stop = 1;
    j.f = (struct fault){.code = FAULT_NONE};
    ck_assert(!ese_inplace_edit(j.ip, &editor, &j.f));
    ck_assert_int_eq(j.f.code, FAULT_LIMIT);
    ck_assert_ptr_nonnull(strstr(j.f.text, "interrupted"));
    must_be_untouched(j.path, &j.before);
    end_job(&j);
}
END_TEST

START_TEST(a_page_that_the_copy_lost_is_no_page)
{
    struct job j;
    char copy[32];
    int fd = temporary(copy), full = open("/dev/full", O_RDWR);
    const struct ese_inplace_options how = {.memory_most = 1, .copy = _i ? &full : &fd};
    start_with(&j, 0x14, 4096, THINGS, true);
    ese_inplace_close(j.ip);
    ck_assert(ese_inplace_open(j.db, &how, &j.ip, &j.f));
    bool ok = true;
    for (uint32_t id = 1; ok && id < THINGS; id++) {
        ok = drop_thing(&j, id, 0);
        ck_assert_int_eq(ftruncate(fd, 0), 0);
    }
    must_be_refused(&j, ok, FAULT_IO);
    close(fd);
    close(full);
    unlink(copy);
}
END_TEST

/* ---- called as a program ---- */

static int edit_one(char **argument)
{
    struct fault f = {.code = FAULT_NONE};
    struct edits edits;
    bool given_up;
    bool ok = random_edits(argument[1], strtoull(argument[2], NULL, 0),
                           (unsigned)strtoul(argument[3], NULL, 0), stdout, &given_up, &edits, &f);
    if (!ok || given_up)
        fprintf(stderr, "%s%s\n", ok ? "given up: " : "", f.text);
    else
        fprintf(stderr, "%u dropped, %u changed, %u added\n", edits.dropped, edits.changed,
                edits.added);
    return ok ? EXIT_SUCCESS : EXIT_FAILURE;
}

int main(int arguments, char **argument)
{
    if (arguments == 4)
        return edit_one(argument);
    const char *seeds = getenv("KM_RANDOM_SEEDS");
    if (!corpus_is_there())
        fprintf(stderr, "inplace: no corpus at %s: real databases are skipped\n", corpus_folder());
    return check_main(
        "inplace",
        (const struct check_case[]){
            {nothing_changed_is_nothing_written, 0},
            {a_fixed_column_changes_one_page, ARRAY_SIZE(forms)},
            {the_header_changes_as_a_repair_changes_it, 0},
            {a_dropped_row_takes_its_entries_and_long_values, ARRAY_SIZE(forms)},
            {without_rows_the_root_is_an_empty_leaf, ARRAY_SIZE(forms)},
            {rows_that_outgrow_their_page_split_it, ARRAY_SIZE(forms)},
            {the_file_grows_when_it_must, ARRAY_SIZE(forms)},
            {deep_trees_grow_and_shrink, 8},
            {an_inner_page_that_has_to_reach_further_is_split, 0},
            {an_entry_with_a_wrong_key_goes_with_its_row, 0},
            {a_leaf_that_cannot_be_read_is_not_passed_over, 2},
            {a_page_that_nobody_owns_is_not_given_back, 0},
            {what_cannot_be_done_leaves_the_file_untouched, 0},
            {an_index_on_unicode_text_is_not_added_to, 0},
            {a_row_is_found_by_its_bookmark_where_keys_cannot_be_computed, 0},
            {only_an_entry_without_its_row_is_dropped_alone, 2},
            {a_dirty_database_and_unknown_revisions_are_refused, 3},
            {room_for_pages_is_told_to_the_page, 0},
            {memory_has_a_bound, 0},
            {a_stored_counter_never_gives_a_number_again, 2},
            {pages_of_a_pool_are_taken_too, 0},
            {shelved_pages_keep_the_file_from_growing, 0},
            {headers_are_written_last, 0},
            {a_flipped_bit_is_put_right_in_a_page_that_changes, 0},
            {one_of_several_rows_with_one_key_is_dropped, 2},
            {a_copy_becomes_what_the_database_becomes_in_place, ARRAY_SIZE(forms)},
            {an_edit_that_is_stopped_says_so, 0},
            {a_page_that_the_copy_lost_is_no_page, 2},
            {random_edits_leave_a_sound_database, seeds ? strtoul(seeds, NULL, 0) : SEEDS},
            {random_edits_of_real_databases, ARRAY_SIZE(edited_files)},
            {0, 0},
        });
}
