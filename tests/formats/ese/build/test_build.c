/* The builder: what it refuses, how it lays out pages and space, and that one input gives one file.
 */
#include "tests/check_main.h"

#include "formats/ese/build/parts.h"
#include "formats/ese/check/check.h"
#include "formats/ese/read/db.h"
#include "formats/ese/read/key.h"
#include "formats/ese/read/longvalue.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

static struct fault fault;

static int temporary(char path[32])
{
    snprintf(path, 32, "/tmp/km-build-XXXXXX");
    int fd = mkstemp(path);
    ck_assert_int_ge(fd, 0);
    return fd;
}

static struct ese_build *begin(int fd, uint32_t revision, uint32_t page_size)
{
    const struct ese_build_options options = {
        .descriptor = fd, .revision = revision, .page_size = page_size};
    struct ese_build *build;
    ck_assert_msg(ese_build_start(&options, &build, &fault), "%s", fault.text);
    return build;
}

static void no_problem(void *context, const struct ese_finding *finding)
{
    (void)context;
    if (finding->severity != ESE_ADVICE)
        ck_abort_msg("page %u tag %d: %s", finding->page, finding->tag, finding->text);
}

/* Opens what was built; its structure must be right. */
static struct ese_db *open_checked(const char *path)
{
    struct ese_db *db;
    struct ese_check_summary summary;
    ck_assert_msg(ese_db_open(path, NULL, NULL, &db, &fault), "%s", fault.text);
    ck_assert(ese_check(db, no_problem, NULL, &summary, &fault));
    ck_assert_uint_eq(summary.problems, 0);
    return db;
}

#define ALL_NULLS                                                                                  \
    (ESE_INDEX_ALLOW_ALL_NULLS | ESE_INDEX_ALLOW_FIRST_NULL | ESE_INDEX_ALLOW_SOME_NULLS)

static const struct ese_index by_id = {.name = "Primary",
                                       .flags = ESE_INDEX_PRIMARY | ESE_INDEX_UNIQUE |
                                                ESE_INDEX_NO_NULL_SEGMENT,
                                       .segments = 1,
                                       .segment = {{.column = 1}}};

/* A table of Id (Long, primary), Name (Text) and Data (LongBinary). */
static struct ese_table simple_schema(void)
{
    static struct ese_column columns[] = {
        {.name = "Id", .type = ESE_COL_LONG, .flags = ESE_COLUMN_NOT_NULL},
        {.name = "Name", .type = ESE_COL_TEXT},
        {.name = "Data", .type = ESE_COL_LONG_BINARY},
    };
    static struct ese_index indexes[2];
    indexes[0] = by_id;
    indexes[1] = (struct ese_index){
        .name = "ByName", .flags = ALL_NULLS, .segments = 1, .segment = {{.column = 128}}};
    return (struct ese_table){
        .name = "Simple", .columns = 3, .column = columns, .indexes = 2, .index = indexes};
}

static bool add_simple(struct ese_build_table *t, uint32_t id, struct bytes name, struct bytes data,
                       uint64_t lid)
{
    const struct ese_table *s = ese_build_schema(t);
    uint8_t number[4];
    bytes_put_le32(number, id);
    const struct ese_build_value values[] = {
        {.column = &s->column[0], .data = bytes_of(number, 4)},
        {.column = &s->column[1], .data = name},
        {.column = &s->column[2], .data = data, .lid = lid},
    };
    return ese_build_row(t, values, data.at || lid ? 3 : 2, &fault);
}

/* ---- what is refused ---- */

static const struct {
    uint32_t revision, page_size;
    bool any, written;
} forms[] = {
    {0x2, 4096, false, true},    {0x2, 16384, false, false}, {0x3, 4096, false, false},
    {0x8, 4096, false, false},   {0x9, 8192, false, true},   {0xd, 16384, false, false},
    {0x11, 32768, false, true},  {0x122, 4096, false, true}, {0x12c, 4096, false, false},
    {0x12c, 16384, true, true},  {0x14, 1024, false, false}, {0x14, 5000, false, false},
    {0x14, 65536, false, false},
};

START_TEST(only_forms_that_exist_are_written)
{
    char path[32];
    int fd = temporary(path);
    const struct ese_build_options options = {.descriptor = fd,
                                              .revision = forms[_i].revision,
                                              .page_size = forms[_i].page_size,
                                              .any_revision = forms[_i].any};
    struct ese_build *build;
    bool ok = ese_build_start(&options, &build, &fault);
    ck_assert_int_eq(ok, forms[_i].written);
    if (ok)
        ck_assert(ese_build_finish(build, NULL, &fault));
    else
        ck_assert_int_eq(fault.code, FAULT_UNSUPPORTED);
    close(fd);
    unlink(path);
}
END_TEST

/* Schemas that make no sense, each with a word of the reason. */
static struct ese_column twice[] = {{.name = "A", .type = ESE_COL_LONG},
                                    {.name = "a", .type = ESE_COL_LONG}};
static struct ese_column gap[] = {{.name = "A", .id = 1, .type = ESE_COL_LONG},
                                  {.name = "B", .id = 3, .type = ESE_COL_LONG}};
static struct ese_column wrong_id[] = {{.name = "A", .id = 1, .type = ESE_COL_LONG_BINARY}};
static struct ese_column not_variable[] = {{.name = "A", .id = 130, .type = ESE_COL_LONG}};
static struct ese_column unicode[] = {{.name = "A", .type = ESE_COL_TEXT, .code_page = 1200}};
static struct ese_column no_name[] = {{.name = "", .type = ESE_COL_LONG}};
static struct ese_column one[] = {{.name = "A", .type = ESE_COL_LONG}};
static struct ese_index on_first_variable[] = {
    {.name = "I", .flags = ALL_NULLS, .segments = 1, .segment = {{.column = 128}}}};
static struct ese_index two_primaries[] = {
    {.name = "I", .flags = ESE_INDEX_PRIMARY, .segments = 1, .segment = {{.column = 1}}},
    {.name = "J", .flags = ESE_INDEX_PRIMARY, .segments = 1, .segment = {{.column = 1}}}};
static struct ese_index long_keys[] = {
    {.name = "I", .flags = ALL_NULLS, .key_most = 500, .segments = 1, .segment = {{.column = 1}}}};

static const struct {
    struct ese_table schema;
    const char *reason;
} bad_schemas[] = {
    {{.name = "T", .columns = 2, .column = twice}, "two columns"},
    {{.name = "T", .columns = 2, .column = gap}, "no column 2 before it"},
    {{.name = "T", .columns = 1, .column = wrong_id}, "id from 256"},
    {{.name = "T", .columns = 1, .column = not_variable}, "variable column"},
    {{.name = "T", .columns = 1, .column = no_name}, "0 characters"},
    {{.name = "T", .columns = 1, .column = unicode, .indexes = 1, .index = on_first_variable},
     "fed"},
    {{.name = "T", .columns = 1, .column = one, .indexes = 1, .index = on_first_variable},
     "column 128"},
    {{.name = "T", .columns = 1, .column = one, .indexes = 2, .index = two_primaries}, "2 primary"},
    {{.name = "T", .columns = 1, .column = one, .indexes = 1, .index = long_keys}, "500 bytes"},
    {{.name = "T", .columns = 1, .column = one, .template_name = "Nobody"}, "Nobody"},
    {{.name = "A name of more than sixty-four characters, which is the longest there can be"},
     "characters"},
    {{.name = "Na\xefve"}, "ASCII"},
    {{.name = "T", .objid = 3}, "object id 3"},
};

START_TEST(impossible_schemas_are_refused_with_the_reason)
{
    char path[32];
    int fd = temporary(path);
    struct ese_build *build = begin(fd, 2, 4096);
    struct ese_build_table *t;
    ck_assert(!ese_build_table_begin(build, &bad_schemas[_i].schema, 0, &t, &fault));
    ck_assert_msg(strstr(fault.text, bad_schemas[_i].reason) != NULL, "%s", fault.text);
    ese_build_abandon(build);
    close(fd);
    unlink(path);
}
END_TEST

START_TEST(wrong_rows_are_refused_and_named)
{
    char path[32];
    int fd = temporary(path);
    struct ese_build *build = begin(fd, 2, 4096);
    struct ese_table schema = simple_schema();
    struct ese_build_table *t;
    ck_assert(ese_build_table_begin(build, &schema, 0, &t, &fault));
    const struct ese_table *s = ese_build_schema(t);
    static const uint8_t many[300];
    const struct ese_build_value short_id = {.column = &s->column[0], .data = bytes_of(many, 3)};
    const struct ese_build_value null_id = {.column = &s->column[0], .null = true};
    ck_assert(add_simple(t, 5, bytes_of("x", 1), (struct bytes){.at = NULL}, 0));
    ck_assert(!ese_build_row(t, &short_id, 1, &fault));
    ck_assert_str_eq(fault.text, "table Simple, row 2: column Id: a value of 3 bytes, expected 4");
    ck_assert(!ese_build_row(t, &null_id, 1, &fault));
    ck_assert(!ese_build_row(t, NULL, 0, &fault));
    ck_assert_ptr_nonnull(strstr(fault.text, "must not be null"));
    ck_assert(!add_simple(t, 6, bytes_of(many, 256), (struct bytes){.at = NULL}, 0));
    ck_assert(!add_simple(t, 5, bytes_of("x", 1), (struct bytes){.at = NULL}, 0));
    ck_assert_ptr_nonnull(strstr(fault.text, "row before it"));
    ck_assert(!add_simple(t, 4, bytes_of("x", 1), (struct bytes){.at = NULL}, 0));
    ck_assert_ptr_nonnull(strstr(fault.text, "ascending"));
    ck_assert(!add_simple(t, 7, bytes_of("x", 1), (struct bytes){.at = NULL}, 77));
    ck_assert_ptr_nonnull(strstr(fault.text, "no long value 77"));
    /* what is left of it is no database */
    ck_assert(ese_build_table_end(t, &fault));
    ck_assert(!ese_build_finish(build, NULL, &fault));
    close(fd);
    unlink(path);
}
END_TEST

START_TEST(references_must_be_as_declared)
{
    char path[32];
    int fd = temporary(path);
    struct ese_build *build = begin(fd, 0x14, 4096);
    struct ese_table schema = simple_schema();
    struct ese_build_table *t;
    uint64_t lid;
    ck_assert(ese_build_table_begin(build, &schema, 0, &t, &fault));
    ck_assert(ese_build_long_value(t, 2, bytes_of("shared", 6), &lid, &fault));
    ck_assert(add_simple(t, 1, bytes_of("x", 1), (struct bytes){.at = NULL}, lid));
    ck_assert(!ese_build_table_end(t, &fault));
    ck_assert_ptr_nonnull(strstr(fault.text, "as often as declared"));
    ese_build_abandon(build);
    close(fd);
    unlink(path);
}
END_TEST

START_TEST(two_rows_with_one_unique_key_are_named)
{
    char path[32];
    int fd = temporary(path);
    struct ese_build *build = begin(fd, 0x14, 4096);
    struct ese_table schema = simple_schema();
    struct ese_build_table *t;
    schema.index[1].flags |= ESE_INDEX_UNIQUE;
    ck_assert(ese_build_table_begin(build, &schema, 0, &t, &fault));
    ck_assert(add_simple(t, 1, bytes_of("Same", 4), (struct bytes){.at = NULL}, 0));
    ck_assert(add_simple(t, 2, bytes_of("other", 5), (struct bytes){.at = NULL}, 0));
    ck_assert(add_simple(t, 3, bytes_of("SAME", 4), (struct bytes){.at = NULL}, 0));
    ck_assert(!ese_build_table_end(t, &fault));
    ck_assert_ptr_nonnull(strstr(fault.text, "7f80000001"));
    ck_assert_ptr_nonnull(strstr(fault.text, "7f80000003"));
    ese_build_abandon(build);
    close(fd);
    unlink(path);
}
END_TEST

/* ---- one input, one file ---- */

static void build_simple(const char *path, uint32_t revision, uint32_t page_size, uint32_t rows,
                         uint32_t data_size, uint32_t sharing)
{
    int fd = open(path, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    struct ese_build *build = begin(fd, revision, page_size);
    struct ese_table schema = simple_schema();
    struct ese_build_table *t;
    static uint8_t data[200000];
    uint64_t lid = 0;
    ck_assert(ese_build_table_begin(build, &schema, 0, &t, &fault));
    for (uint32_t i = 0; i < rows; i++) {
        char name[64];
        int size =
            snprintf(name, sizeof name, "A name with much in common %u", i * 7919 % (rows + 1));
        memset(data, (int)i, data_size);
        if (sharing && i % sharing == 0)
            ck_assert(ese_build_long_value(t, i + sharing < rows ? sharing : rows - i,
                                           bytes_of(data, data_size), &lid, &fault));
        ck_assert_msg(
            add_simple(t, i + 1, bytes_of(name, (size_t)size), bytes_of(data, data_size), lid),
            "%s", fault.text);
    }
    ck_assert_msg(ese_build_table_end(t, &fault), "%s", fault.text);
    ck_assert_msg(ese_build_finish(build, NULL, &fault), "%s", fault.text);
    close(fd);
}

static bool same_files(const char *a, const char *b)
{
    char command[128];
    snprintf(command, sizeof command, "cmp -s %s %s", a, b);
    return system(command) == 0;
}

START_TEST(one_input_gives_one_file)
{
    char a[32], b[32];
    close(temporary(a));
    close(temporary(b));
    build_simple(a, 2, 4096, 500, 1500, 0);
    build_simple(b, 2, 4096, 500, 1500, 0);
    ck_assert(same_files(a, b));
    unlink(a);
    unlink(b);
}
END_TEST

/* ---- content that is taken back ---- */

enum { CATALOG_ROWS_MOST = 20 };

/* The catalog's rows of one table; returns how many.  They are the caller's to free. */
static unsigned catalog_rows(struct ese_db *db, uint32_t objid,
                             struct ese_build_node row[CATALOG_ROWS_MOST])
{
    struct ese_cursor c;
    unsigned rows = 0;
    ese_cursor_open(&c, db->pages, ESE_PGNO_CATALOG, ESE_OBJID_CATALOG);
    while (ese_cursor_next(&c, &fault) == ESE_STEP_NODE) {
        uint32_t of = 0;
        bytes_be32(c.key, 1, &of);
        if ((of ^ 0x80000000u) != objid)
            continue;
        ck_assert_uint_lt(rows, CATALOG_ROWS_MOST);
        uint8_t *copy = malloc(c.key.size + c.data.size);
        ck_assert_ptr_nonnull(copy);
        memcpy(copy, c.key.at, c.key.size);
        memcpy(copy + c.key.size, c.data.at, c.data.size);
        row[rows++] = (struct ese_build_node){bytes_of(copy, c.key.size),
                                              bytes_of(copy + c.key.size, c.data.size)};
    }
    ese_cursor_close(&c);
    return rows;
}

/* Rows with keys from `first` on, and an index entry for each. */
static void add_raw(struct ese_build_table *t, uint32_t first, uint32_t rows)
{
    static uint8_t record[300];
    for (unsigned tree = 0; tree < 2; tree++)
        for (uint32_t i = first; i < first + rows; i++) {
            uint8_t key[5] = {0x7f};
            bytes_put_be32(key + 1, i ^ 0x80000000u);
            memset(record, (int)i, sizeof record);
            struct bytes k = bytes_of(key, sizeof key);
            bool ok = tree == 0 ? ese_build_raw_row(t, k, bytes_of(record, sizeof record), &fault)
                                : ese_build_raw_index_entry(t, 1, k, k, &fault);
            ck_assert_msg(ok, "%s", fault.text);
        }
}

/* Copies the table's schema and fills it; attempt: so many other rows first, which are taken back.
 */
static void build_raw(struct ese_db *db, const char *path, uint32_t attempt)
{
    struct ese_build_node row[CATALOG_ROWS_MOST];
    const struct ese_table *schema = ese_catalog_find(db->catalog, "Simple");
    unsigned rows = catalog_rows(db, schema->objid, row);
    int fd = open(path, O_RDWR | O_CLOEXEC);
    struct ese_build *build = begin(fd, 2, 4096);
    struct ese_build_table *t;
    ck_assert_msg(ese_build_raw_table_begin(build, schema, row, rows, &t, &fault), "%s",
                  fault.text);
    if (attempt > 0) {
        ck_assert(ese_build_raw_try(t, &fault));
        add_raw(t, 7000, attempt);
        ck_assert_msg(ese_build_raw_again(t, &fault), "%s", fault.text);
    }
    add_raw(t, 1, 300);
    ck_assert_msg(ese_build_table_end(t, &fault), "%s", fault.text);
    struct ese_build_summary summary;
    ck_assert_msg(ese_build_finish(build, &summary, &fault), "%s", fault.text);
    ck_assert_uint_eq(summary.rows, 300);
    ck_assert_uint_eq(summary.index_entries, 300);
    close(fd);
    for (unsigned i = 0; i < rows; i++)
        free((void *)(uintptr_t)row[i].key.at);
}

/* Fewer rows than come in their place, about as many, and so many that the file gets longer. */
static const uint32_t attempts[] = {1, 300, 20000};

START_TEST(what_is_taken_back_leaves_no_trace)
{
    char source[32], a[32], b[32];
    close(temporary(source));
    close(temporary(a));
    close(temporary(b));
    build_simple(source, 2, 4096, 3, 10, 0);
    struct ese_db *db = open_checked(source);
    build_raw(db, a, 0);
    build_raw(db, b, attempts[_i]);
    ese_db_close(db);
    ck_assert(same_files(a, b));
    unlink(source);
    unlink(a);
    unlink(b);
}
END_TEST

/* ---- trees of several levels ---- */

static unsigned depth_of(struct ese_db *db, uint32_t root, uint32_t objid)
{
    struct ese_cursor c;
    ese_cursor_open(&c, db->pages, root, objid);
    ck_assert_int_eq(ese_cursor_next(&c, &fault), ESE_STEP_NODE);
    unsigned depth = c.depth + 1;
    ese_cursor_close(&c);
    return depth;
}

static const struct {
    uint32_t revision, page_size, rows, data_size, sharing;
    unsigned row_levels, value_levels;
} trees[] = {
    {0x14, 4096, 0, 0, 0, 1, 0},          {0x14, 4096, 3, 10, 0, 1, 0},
    {0x14, 4096, 1, 9000, 1, 1, 2},       {0x2, 2048, 6000, 20, 0, 3, 0},
    {0x14, 4096, 40000, 30000, 10, 3, 3}, /* three levels, every long value shared by ten rows */
    {0x14, 32768, 3000, 30000, 10, 2, 2},
};

START_TEST(trees_of_any_depth_are_sound)
{
    char path[32];
    close(temporary(path));
    build_simple(path, trees[_i].revision, trees[_i].page_size, trees[_i].rows, trees[_i].data_size,
                 trees[_i].sharing);
    struct ese_db *db = open_checked(path);
    const struct ese_table *t = ese_catalog_find(db->catalog, "Simple");
    ck_assert_ptr_nonnull(t);
    ck_assert_uint_eq(ese_db_count_rows(db, t, NULL, NULL), trees[_i].rows);
    if (trees[_i].rows > 0)
        ck_assert_uint_eq(depth_of(db, t->root, t->objid), trees[_i].row_levels);
    ck_assert_int_eq(t->long_value_root != 0, trees[_i].value_levels != 0);
    if (t->long_value_root)
        ck_assert_uint_ge(depth_of(db, t->long_value_root, t->long_value_objid),
                          trees[_i].value_levels);
    ese_db_close(db);
    unlink(path);
}
END_TEST

/* ---- pages ---- */

START_TEST(a_page_shares_prefixes_and_accounts_for_every_byte)
{
    static const uint32_t sizes[] = {2048, 4096, 8192, 16384, 32768};
    struct build_page p;
    ck_assert(build_page_open(&p, sizes[_i], &fault));
    uint32_t added = 0;
    bool fits = true;
    while (fits) {
        char key[40];
        int size = snprintf(key, sizeof key, "much in common %06u", added);
        ck_assert(
            build_page_add(&p, bytes_of(key, (size_t)size), bytes_of("data", 4), &fits, &fault));
        added += fits;
    }
    build_page_finish(&p, &(struct ese_page){.number = 9, .objid = 7, .flags = ESE_PAGE_LEAF});
    struct ese_page page;
    ese_page_parse(bytes_of(p.raw, p.size), 9, &page);
    ck_assert_uint_eq(ese_page_nodes(&page), added);
    ck_assert_uint_ge(ese_page_external_header(&page).size, 15);
    size_t total = page.free_bytes + 4u * page.tags;
    for (unsigned i = 0; i < page.tags; i++) {
        struct ese_tag tag;
        struct bytes at;
        ck_assert_msg(ese_page_tag(&page, i, &tag, &at, &fault), "%s", fault.text);
        total += at.size;
    }
    ck_assert_uint_eq(total, p.size - ese_page_header_size(&page));
    for (unsigned i = 0; i < added; i++) {
        struct ese_node node;
        struct bytes key;
        uint8_t room[64];
        char expected[40];
        int size = snprintf(expected, sizeof expected, "much in common %06u", i);
        ck_assert(ese_page_node(&page, i, &node, &fault) &&
                  ese_node_key(&node, room, sizeof room, &key));
        ck_assert(bytes_equal(key, bytes_of(expected, (size_t)size)));
        ck_assert_uint_ne(node.prefix.size, 1);
    }
    build_page_close(&p);
}
END_TEST

/* ---- sorting ---- */

START_TEST(more_entries_than_fit_into_memory_are_sorted)
{
    static const uint32_t counts[] = {0, 1, 1000, 100000,
                                      700000}; /* the last in more runs than are merged at once */
    struct build_sort *sort;
    struct bytes key, data;
    bool more = true;
    uint32_t n = counts[_i], seen = 0, last = 0, number = 1;
    ck_assert(build_sort_open(&sort, &fault));
    for (uint32_t i = 0; i < n; i++) {
        static uint8_t bytes[4 + 200];
        number = number * 1664525 + 1013904223; /* every 32-bit number once */
        bytes_put_be32(bytes, number);
        ck_assert(build_sort_add(sort, bytes_of(bytes, 4), bytes_of(bytes + 4, 200), &fault));
    }
    for (uint32_t i = 0; i < n / 2; i++) /* from the middle back to the first */
        ck_assert(build_sort_next(sort, &key, &data, &more, &fault) && more);
    ck_assert(build_sort_rewind(sort, &fault));
    while (true) {
        ck_assert_msg(build_sort_next(sort, &key, &data, &more, &fault), "%s", fault.text);
        if (!more)
            break;
        uint32_t now = 0;
        bytes_be32(key, 0, &now);
        if ((seen > 0 && now <= last) || data.size != 200)
            ck_abort_msg("%u comes after %u", now, last);
        last = now;
        seen++;
    }
    ck_assert_uint_eq(seen, n);
    build_sort_close(sort);
}
END_TEST

/* ---- several tables at a time, templates, fed indexes ---- */

START_TEST(tables_can_be_built_side_by_side)
{
    char path[32];
    int fd = temporary(path);
    struct ese_build *build = begin(fd, 0x14, 4096);
    struct ese_table schema = simple_schema();
    struct ese_build_table *t[3];
    static uint8_t data[6000];
    static const char *const names[] = {"First", "Second", "Third"};
    for (unsigned k = 0; k < 3; k++) {
        schema.name = names[k];
        ck_assert(ese_build_table_begin(build, &schema, 0, &t[k], &fault));
    }
    for (uint32_t i = 0; i < 300; i++)
        for (unsigned k = 0; k < 3; k++)
            ck_assert(add_simple(t[k], i, bytes_of("name", 4), bytes_of(data, k * 3000), 0));
    for (unsigned k = 3; k-- > 0;)
        ck_assert(ese_build_table_end(t[k], &fault));
    ck_assert(ese_build_finish(build, NULL, &fault));
    struct ese_db *db = open_checked(path);
    for (unsigned k = 0; k < 3; k++)
        ck_assert_uint_eq(
            ese_db_count_rows(db, ese_catalog_find(db->catalog, names[k]), NULL, NULL), 300);
    ese_db_close(db);
    close(fd);
    unlink(path);
}
END_TEST

START_TEST(a_unicode_index_is_fed)
{
    char path[32];
    int fd = temporary(path);
    struct ese_build *build = begin(fd, 0x14, 4096);
    struct ese_table schema = {
        .name = "Names", .columns = 1, .column = unicode, .indexes = 1, .index = on_first_variable};
    struct ese_build_table *t;
    ck_assert_msg(ese_build_table_begin(build, &schema, 1, &t, &fault), "%s", fault.text);
    const struct ese_build_value value = {.column = &ese_build_schema(t)->column[0],
                                          .data = bytes_of("a\0b\0", 4)};
    ck_assert(ese_build_row(t, &value, 1, &fault));
    ck_assert(ese_build_raw_index_entry(t, 0, bytes_of("\x7f\x0e\x02\x01", 4),
                                        bytes_of("\0\0\0\1", 4), &fault));
    ck_assert_msg(ese_build_table_end(t, &fault), "%s", fault.text);
    ck_assert_msg(ese_build_finish(build, NULL, &fault), "%s", fault.text);
    ese_db_close(open_checked(path));
    close(fd);
    unlink(path);
}
END_TEST

START_TEST(a_derived_table_takes_its_templates_columns_and_indexes)
{
    static const uint32_t revisions[] = {2, 9, 0x14};
    char path[32];
    int fd = temporary(path);
    struct ese_build *build = begin(fd, revisions[_i], 4096);
    struct ese_table schema = simple_schema();
    struct ese_column own[] = {{.name = "Own", .type = ESE_COL_LONG},
                               {.name = "OwnData", .type = ESE_COL_LONG_TEXT}};
    struct ese_table derived = {
        .name = "Derived", .template_name = "Simple", .columns = 2, .column = own};
    struct ese_build_table *t;
    schema.flags = ESE_TABLE_TEMPLATE;
    ck_assert(ese_build_table_begin(build, &schema, 0, &t, &fault));
    ck_assert(ese_build_table_end(t, &fault));
    ck_assert_msg(ese_build_table_begin(build, &derived, 0, &t, &fault), "%s", fault.text);
    const struct ese_table *s = ese_build_schema(t);
    ck_assert_uint_eq(s->columns, 5);
    ck_assert_uint_eq(s->indexes, 2);
    ck_assert_uint_eq(ese_table_column(s, "Own")->id, 2);
    ck_assert_uint_eq(ese_table_column(s, "Own")->offset, 8);
    /* before revision 8 a template's tagged columns have no bit of their own */
    ck_assert_uint_eq(ese_table_column(s, "OwnData")->id, revisions[_i] < 8 ? 257 : 256);
    const struct ese_build_value values[] = {
        {.column = ese_table_column(s, "Id"), .data = bytes_of("\1\0\0\0", 4)},
        {.column = ese_table_column(s, "Name"), .data = bytes_of("n", 1)},
        {.column = ese_table_column(s, "Data"), .data = bytes_of("template's", 10)},
        {.column = ese_table_column(s, "Own"), .data = bytes_of("\2\0\0\0", 4)},
        {.column = ese_table_column(s, "OwnData"), .data = bytes_of("own", 3)},
    };
    ck_assert_msg(ese_build_row(t, values, 5, &fault), "%s", fault.text);
    ck_assert_msg(ese_build_table_end(t, &fault), "%s", fault.text);
    ck_assert_msg(ese_build_finish(build, NULL, &fault), "%s", fault.text);
    struct ese_db *db = open_checked(path);
    const struct ese_table *read = ese_catalog_find(db->catalog, "Derived");
    struct ese_cursor c;
    struct ese_record record;
    struct ese_value value;
    ese_cursor_open(&c, db->pages, read->root, read->objid);
    ck_assert_int_eq(ese_cursor_next(&c, &fault), ESE_STEP_NODE);
    ck_assert(ese_record_on_page(&record, read, c.leaf, c.data, &fault));
    for (unsigned i = 0; i < 5; i++) {
        static const char *const names[] = {"Id", "Name", "Data", "Own", "OwnData"};
        ck_assert(ese_record_value(&record, ese_table_column(read, names[i]), &value, &fault));
        ck_assert_msg(bytes_equal(value.data, values[i].data), "%s", names[i]);
    }
    ese_cursor_close(&c);
    ese_db_close(db);
    close(fd);
    unlink(path);
}
END_TEST

int main(void)
{
    return check_main("build",
                      (const struct check_case[]){
                          {only_forms_that_exist_are_written, ARRAY_SIZE(forms)},
                          {impossible_schemas_are_refused_with_the_reason, ARRAY_SIZE(bad_schemas)},
                          {wrong_rows_are_refused_and_named, 0},
                          {references_must_be_as_declared, 0},
                          {two_rows_with_one_unique_key_are_named, 0},
                          {one_input_gives_one_file, 0},
                          {what_is_taken_back_leaves_no_trace, ARRAY_SIZE(attempts)},
                          {trees_of_any_depth_are_sound, ARRAY_SIZE(trees)},
                          {a_page_shares_prefixes_and_accounts_for_every_byte, 5},
                          {more_entries_than_fit_into_memory_are_sorted, 5},
                          {tables_can_be_built_side_by_side, 0},
                          {a_unicode_index_is_fed, 0},
                          {a_derived_table_takes_its_templates_columns_and_indexes, 3},
                          {0},
                      });
}
