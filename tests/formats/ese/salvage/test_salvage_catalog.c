/* Salvage: what the catalog and its shadow have both lost is told, and where they differ, and
 * nothing else. */
#include "tests/check_main.h"

#include "formats/ese/layout/page_change.h"
#include "tests/formats/ese/salvage/salvaging.h"

static struct damaged d;
static const uint32_t revisions[] = {0x2, 0x14};
static const uint32_t catalogs[] = {ESE_OBJID_CATALOG, ESE_OBJID_CATALOG_SHADOW};

enum { PAGE = 2048, LEAVES_MOST = 64 };

static void open_random(uint64_t seed, int i)
{
    ck_assert(damaged_open(&d, seed, revisions[i % 2], PAGE));
}

static unsigned catalog_leaves(void)
{
    unsigned n = 0;
    while (damaged_leaf(&d, ESE_OBJID_CATALOG, n) != 0)
        n++;
    return n;
}

/* how: nothing left of it, or a wrong checksum. */
static void lose(uint32_t number, int how)
{
    ck_assert_uint_ne(number, 0);
    if (how)
        memset(damaged_page(&d, number) + d.page_size / 2, 0x5a, 100);
    else
        memset(damaged_page(&d, number), 0, d.page_size);
    damaged_touch(&d, number);
}

/* The number of leaf n, as it was before anything was lost. */
static uint32_t numbers[2][LEAVES_MOST];

/* Opens the first database whose catalog has three leaves or more. */
static unsigned open_large(int i)
{
    unsigned leaves = 0;
    for (uint64_t seed = 1; leaves < 3; seed++) {
        ck_assert_uint_lt(seed, 100);
        if (seed > 1)
            damaged_close(&d);
        open_random(seed, i);
        leaves = catalog_leaves();
    }
    ck_assert_uint_lt(leaves, LEAVES_MOST);
    for (unsigned c = 0; c < 2; c++)
        for (unsigned n = 0; n < leaves; n++)
            numbers[c][n] = damaged_leaf(&d, catalogs[c], n);
    return leaves;
}

static void lose_catalog_root(unsigned c)
{
    lose(damaged_find(&d, catalogs[c], ESE_PAGE_ROOT, ESE_PAGE_SPACE_TREE, 0), 0);
}

/* ---- leaves ---- */

/* with_roots: parents do not say which keys the leaves had. */
static void lose_same_leaf(int i, bool with_roots)
{
    unsigned leaves = 3, in_part = 0;
    for (unsigned n = 0; n < leaves; n++) {
        struct salvaged s;
        leaves = open_large(i);
        for (unsigned c = 0; c < 2; c++) {
            lose(numbers[c][n], i / 2);
            if (with_roots)
                lose_catalog_root(c);
        }
        ck_assert(salvaged_soundly(&s, &d));
        ck_assert_uint_eq(s.result.catalog_gaps, 1);
        ck_assert_uint_ge(s.told.kind[ESE_SALVAGE_CATALOG], 1);
        for (unsigned k = 0; k < s.result.tables; k++)
            in_part += s.result.table[k].in_part;
        salvaged_close(&s);
        damaged_close(&d);
    }
    ck_assert_uint_gt(in_part, 0); /* not of each: a leaf may have had all of a table */
}

START_TEST(same_leaf)
{
    lose_same_leaf(_i, false);
}
END_TEST

START_TEST(same_leaf_without_roots)
{
    lose_same_leaf(_i, true);
}
END_TEST

/* What the one has lost the other one has: also where it lies beside what that has lost. */
START_TEST(other_leaf)
{
    unsigned leaves = 3;
    for (unsigned n = 0; n + 1 < leaves; n++) {
        struct salvaged s;
        leaves = open_large(_i);
        lose(numbers[0][n], _i / 2 % 2);
        lose(numbers[1][n + 1], _i / 2 % 2);
        if (_i >= 4)
            lose(numbers[1][0], _i / 2 % 2 && n > 0);
        ck_assert(salvaged_soundly(&s, &d));
        ck_assert_uint_eq(s.result.catalog_gaps, _i >= 4 && n == 0);
        if (s.result.catalog_gaps == 0)
            ck_assert_uint_eq(
                s.told.kind[ESE_SALVAGE_CATALOG] + s.told.kind[ESE_SALVAGE_TABLE_LOST], 0);
        salvaged_close(&s);
        damaged_close(&d);
    }
}
END_TEST

START_TEST(one_catalog)
{
    struct salvaged s;
    unsigned leaves = open_large(_i);
    for (unsigned n = 0; n < leaves; n++)
        lose(numbers[_i / 2][n], 0);
    lose_catalog_root((unsigned)_i / 2);
    ck_assert(salvaged_soundly(&s, &d));
    ck_assert_uint_eq(s.result.catalog_gaps, 0);
    ck_assert_uint_eq(s.told.kind[ESE_SALVAGE_CATALOG] + s.told.kind[ESE_SALVAGE_TABLE_LOST], 0);
    salvaged_close(&s);
    damaged_close(&d);
}
END_TEST

/* ---- rows ---- */

/* Which rows are taken off the catalog and its shadow. */
struct taken {
    uint32_t table; /* 0: of all tables, some of the rows, as `chance` in `of` has it */
    uint16_t type;  /* 0: all kinds */
    uint32_t id;    /* 0: all of them */
    uint32_t chance, of, seed;
};

static bool is_taken(const struct taken *taken, struct bytes record)
{
    uint32_t table = 0, id = 0;
    uint16_t type = 0;
    bytes_le32(record, ESE_CATALOG_OBJID_TABLE_AT, &table);
    bytes_le16(record, ESE_CATALOG_TYPE_AT, &type);
    bytes_le32(record, ESE_CATALOG_ID_AT, &id);
    struct random r = {.state = (taken->seed * 1009u + table) * 8191u + type * 131u + id};
    if (taken->table == 0)
        return !ese_objid_is_catalog(table) && random_below(&r, taken->of) < taken->chance;
    return table == taken->table && (taken->type == 0 || type == taken->type) &&
           (taken->id == 0 || id == taken->id);
}

static void take_rows_of(uint32_t number, const struct taken *taken)
{
    uint8_t spare[PAGE];
    struct ese_page page;
    const struct ese_page_change change = {damaged_page(&d, number), spare, d.page_size, number, 0};
    ese_page_parse(bytes_of(damaged_page(&d, number), d.page_size), number, &page);
    for (unsigned k = ese_page_nodes(&page); k-- > 0;) {
        struct ese_node node;
        ck_assert(ese_page_node(&page, k, &node, NULL));
        if (is_taken(taken, node.data))
            ck_assert(ese_page_change_delete(&change, k));
        ese_page_parse(bytes_of(damaged_page(&d, number), d.page_size), number, &page);
    }
    damaged_seal(&d, number);
    damaged_touch(&d, number);
}

static void take_rows_from(unsigned c, const struct taken *taken)
{
    for (unsigned n = 0; damaged_leaf(&d, catalogs[c], n) != 0; n++)
        take_rows_of(damaged_leaf(&d, catalogs[c], n), taken);
}

static void take_rows(const struct taken *taken)
{
    take_rows_from(0, taken);
    take_rows_from(1, taken);
}

static bool has_values(struct ese_db *db, const struct ese_table *t,
                       const struct ese_column *column)
{
    struct ese_cursor c = {.leaf = NULL};
    bool found = false;
    ese_cursor_open(&c, db->pages, t->root, t->objid);
    while (!found && ese_cursor_next(&c, NULL) == ESE_STEP_NODE) {
        struct ese_record record;
        struct ese_value value;
        ck_assert(ese_record_on_page(&record, t, c.leaf, c.data, NULL));
        found = ese_record_value(&record, column, &value, NULL) && value.kind != ESE_VALUE_NULL &&
                !value.from_default;
    }
    ese_cursor_close(&c);
    return found;
}

/* The first tagged column of a table that rows have values in; 0: there are not two of them. */
static uint32_t column_of(uint32_t table)
{
    struct ese_db *was = salvaged_over(d.before, d.size);
    uint32_t first = 0, columns = 0;
    ck_assert_ptr_nonnull(was);
    for (unsigned i = 0; i < ese_catalog_tables(was->catalog); i++) {
        const struct ese_table *t = ese_catalog_table(was->catalog, i);
        for (unsigned k = 0; t->objid == table && k < t->columns; k++)
            if (t->column[k].id >= ESE_TAGGED_FIRST && has_values(was, t, &t->column[k])) {
                first = first ? first : t->column[k].id;
                columns++;
            }
    }
    ese_db_close(was);
    return columns < 2 ? 0 : first;
}

/* Opens a database whose largest table has such a column, and returns that table. */
static uint32_t open_with_values(uint32_t *column, int i)
{
    unsigned leaves;
    for (uint64_t seed = 1; seed < 100; seed++) {
        open_random(seed, i);
        uint32_t table = damaged_largest_table(&d, &leaves);
        *column = column_of(table);
        if (*column != 0)
            return table;
        damaged_close(&d);
    }
    ck_abort_msg("no table has two tagged columns with values");
}

/* That table alone is not known in full. */
static void check_in_part(const struct salvaged *s, uint32_t table)
{
    ck_assert_uint_eq(s->told.kind[ESE_SALVAGE_TABLE_LOST], 1);
    for (unsigned k = 0; k < s->result.tables; k++)
        ck_assert_uint_eq(s->result.table[k].in_part, s->result.table[k].objid == table);
}

/* The pages are whole, the row is gone from both. */
START_TEST(column_that_rows_know)
{
    struct salvaged s;
    uint32_t column, table = open_with_values(&column, _i);
    take_rows(&(struct taken){.table = table, .type = ESE_OBJECT_COLUMN, .id = column});
    ck_assert(salvaged_soundly(&s, &d));
    check_in_part(&s, table);
    salvaged_close(&s);
    damaged_close(&d);
}
END_TEST

/* ---- where the catalog and its shadow differ ---- */

/* Lets all leaves of one of them be the last that were written. */
static void make_newer(unsigned c)
{
    uint64_t last = 0;
    bytes_le64(bytes_of(d.bytes, d.page_size), ESE_HEADER_DBTIME_AT, &last);
    for (unsigned n = 0; damaged_leaf(&d, catalogs[c], n) != 0; n++) {
        bytes_put_le64(damaged_page(&d, damaged_leaf(&d, catalogs[c], n)) + ESE_PAGE_DBTIME_AT,
                       last - 1);
        damaged_seal(&d, damaged_leaf(&d, catalogs[c], n));
    }
}

/* A table with an index besides its primary one, and that index. */
static const struct ese_table *indexed_table(struct ese_db *db, const struct ese_index **index)
{
    for (unsigned i = 0; i < ese_catalog_tables(db->catalog); i++) {
        const struct ese_table *t = ese_catalog_table(db->catalog, i);
        if (ese_objid_is_catalog(t->objid) || (t->flags & ESE_TABLE_SYSTEM))
            continue;
        for (unsigned k = 0; k < t->indexes; k++)
            if (!ese_index_is_primary(&t->index[k]))
                for (unsigned m = 0; m < t->indexes; m++)
                    if (ese_index_is_primary(&t->index[m])) {
                        *index = &t->index[k];
                        return t;
                    }
    }
    return NULL;
}

/* Opens a database with one.  The one that is left is closed by the caller. */
static struct ese_db *open_indexed(int i, const struct ese_table **t,
                                   const struct ese_index **index)
{
    for (uint64_t seed = 1; seed < 100; seed++) {
        open_random(seed, i);
        struct ese_db *was = salvaged_over(d.before, d.size);
        ck_assert_ptr_nonnull(was);
        if ((*t = indexed_table(was, index)) != NULL)
            return was;
        ese_db_close(was);
        damaged_close(&d);
    }
    ck_abort_msg("no table has two indexes");
}

static const struct ese_index *find_index(struct ese_db *db, uint32_t objid, uint32_t index)
{
    for (unsigned i = 0; i < ese_catalog_tables(db->catalog); i++) {
        const struct ese_table *t = ese_catalog_table(db->catalog, i);
        for (unsigned k = 0; k < t->indexes; k++)
            if (t->objid == objid && t->index[k].objid == index)
                return &t->index[k];
    }
    return NULL;
}

static bool has_index(const struct salvaged *s, uint32_t objid, uint32_t index)
{
    struct ese_db *db = salvaged_over(s->bytes, s->size);
    bool has = find_index(db, objid, index) != NULL;
    ese_db_close(db);
    return has;
}

static void check_disputed(const struct salvaged *s, uint32_t table)
{
    ck_assert_uint_eq(s->told.kind[ESE_SALVAGE_CATALOG], 1);
    check_in_part(s, table);
}

/* Bits: the revision, which of the two lacks it, whether that is the newer one, whether it is the
 * primary index, whether the tree of it is gone. */
START_TEST(index_that_one_lacks)
{
    struct salvaged s;
    const struct ese_table *t;
    const struct ese_index *index;
    struct ese_db *was = open_indexed(_i, &t, &index);
    unsigned lacks = (unsigned)_i >> 1 & 1;
    bool newer = _i & 4, primary = _i & 8, gone = _i & 16;
    uint32_t id = primary ? t->objid : index->objid;
    take_rows_from(lacks, &(struct taken){.table = t->objid, .type = ESE_OBJECT_INDEX, .id = id});
    make_newer(newer ? lacks : !lacks);
    if (gone)
        lose(index->root, 0);
    ck_assert(salvaged_soundly(&s, &d));
    check_disputed(&s, t->objid);
    ck_assert_uint_eq(has_index(&s, t->objid, id), !(gone && newer) || primary);
    salvaged_close(&s);
    ese_db_close(was);
    damaged_close(&d);
}
END_TEST

START_TEST(index_that_both_lack)
{
    struct salvaged s;
    const struct ese_table *t;
    const struct ese_index *index;
    struct ese_db *was = open_indexed(_i, &t, &index);
    uint32_t id = _i & 2 ? t->objid : index->objid;
    take_rows(&(struct taken){.table = t->objid, .type = ESE_OBJECT_INDEX, .id = id});
    ck_assert(salvaged_soundly(&s, &d));
    check_in_part(&s, t->objid);
    ck_assert_uint_eq(s.told.kind[ESE_SALVAGE_CATALOG], 0);
    ck_assert(!has_index(&s, t->objid, id));
    salvaged_close(&s);
    ese_db_close(was);
    damaged_close(&d);
}
END_TEST

/* Rows have values for it: it is there, whatever the newer one says. */
START_TEST(column_that_one_lacks)
{
    struct salvaged s;
    uint32_t column, table = open_with_values(&column, _i);
    unsigned lacks = (unsigned)_i >> 1 & 1;
    take_rows_from(lacks, &(struct taken){.table = table, .type = ESE_OBJECT_COLUMN, .id = column});
    make_newer(_i & 4 ? lacks : !lacks);
    ck_assert(salvaged_soundly(&s, &d));
    check_disputed(&s, table);
    struct ese_db *db = salvaged_over(s.bytes, s.size);
    bool has = false;
    for (unsigned i = 0; i < ese_catalog_tables(db->catalog); i++) {
        const struct ese_table *t = ese_catalog_table(db->catalog, i);
        for (unsigned k = 0; k < t->columns; k++)
            has = has || (t->objid == table && t->column[k].id == column);
    }
    ck_assert(has);
    ese_db_close(db);
    salvaged_close(&s);
    damaged_close(&d);
}
END_TEST

/* Changes the last letter of an index's name in one of them. */
static void rename_index(unsigned c, uint32_t table, uint32_t id)
{
    for (unsigned n = 0; damaged_leaf(&d, catalogs[c], n) != 0; n++) {
        struct ese_page page;
        uint32_t number = damaged_leaf(&d, catalogs[c], n);
        const struct taken named = {.table = table, .type = ESE_OBJECT_INDEX, .id = id};
        ese_page_parse(bytes_of(damaged_page(&d, number), d.page_size), number, &page);
        for (unsigned k = 0; k < ese_page_nodes(&page); k++) {
            struct ese_node node;
            struct ese_catalog_object o;
            ck_assert(ese_page_node(&page, k, &node, NULL));
            if (!is_taken(&named, node.data))
                continue;
            struct ese_catalog_row row = {.record = node.data,
                                          .new_format = page.flags & ESE_PAGE_NEW_RECORD_FORMAT};
            ck_assert(ese_catalog_row_object(&row, d.page_size, &o, NULL));
            *(uint8_t *)(uintptr_t)&o.name.at[o.name.size - 1] = '~';
        }
        damaged_seal(&d, number);
        damaged_touch(&d, number);
    }
}

START_TEST(name_that_differs)
{
    struct salvaged s;
    const struct ese_table *t;
    const struct ese_index *index;
    struct ese_db *was = open_indexed(_i, &t, &index);
    unsigned other = (unsigned)_i >> 1 & 1;
    rename_index(other, t->objid, index->objid);
    make_newer(_i & 4 ? other : !other);
    ck_assert(salvaged_soundly(&s, &d));
    check_disputed(&s, t->objid);
    struct ese_db *db = salvaged_over(s.bytes, s.size);
    const struct ese_index *now = find_index(db, t->objid, index->objid);
    ck_assert_ptr_nonnull(now);
    ck_assert_str_eq(now->name, index->name); /* by the catalog's own index of them */
    ese_db_close(db);
    salvaged_close(&s);
    ese_db_close(was);
    damaged_close(&d);
}
END_TEST

/* ---- tables ---- */

/* Of a table that neither has, also the leaves are lost: 0: in part, 1: under wrong checksums, 2:
 * all, and its parents tell of them. */
START_TEST(table_that_none_knows)
{
    struct salvaged s;
    int how = _i / 2;
    unsigned leaves;
    open_random(3, _i);
    uint32_t table = damaged_largest_table(&d, &leaves), numbers_of[LEAVES_MOST];
    ck_assert_uint_gt(leaves, 1);
    ck_assert_uint_lt(leaves, LEAVES_MOST);
    for (unsigned n = 0; n < leaves; n++)
        numbers_of[n] = damaged_leaf(&d, table, n);
    take_rows(&(struct taken){.table = table});
    for (unsigned n = 0; n < (how == 0 ? 1 : leaves); n++)
        lose(numbers_of[n], how == 1);
    ck_assert(salvaged_soundly(&s, &d));
    ck_assert_uint_eq(s.told.kind[ESE_SALVAGE_TABLE_LOST], 1);
    ck_assert_uint_eq(s.told.kind[ESE_SALVAGE_NO_SCHEMA] > 0, how < 2);
    if (how != 1) /* then it was read, as far as can be seen */
        ck_assert_uint_eq(s.told.kind[ESE_SALVAGE_PAGE_LOST], how == 0 ? 1 : leaves);
    salvaged_close(&s);
    damaged_close(&d);
}
END_TEST

/* Whatever rows both have lost: what is written is sound. */
START_TEST(rows_that_none_has)
{
    bool is_long = getenv("KM_LONG") != NULL;
    for (uint32_t seed = 0; seed < (is_long ? 3000 : 100); seed++) {
        struct salvaged s;
        open_random(seed + 1, (int)seed);
        take_rows(&(struct taken){.chance = 1, .of = 2 + seed % 40, .seed = seed});
        ck_assert(salvaged_soundly(&s, &d));
        salvaged_close(&s);
        damaged_close(&d);
    }
}
END_TEST

/* Changes a byte of the same row of both, by its place in the tree. */
static void change_rows(unsigned row, size_t at, uint8_t by)
{
    for (unsigned c = 0; c < 2; c++) {
        unsigned n = row;
        for (unsigned leaf = 0; damaged_leaf(&d, catalogs[c], leaf) != 0; leaf++) {
            uint32_t number = damaged_leaf(&d, catalogs[c], leaf);
            struct ese_page page;
            struct ese_node node;
            ese_page_parse(bytes_of(damaged_page(&d, number), d.page_size), number, &page);
            if (n < ese_page_nodes(&page)) {
                ck_assert(ese_page_node(&page, n, &node, NULL));
                damaged_page(
                    &d, number)[(size_t)(node.data.at - page.raw.at) + at % node.data.size] ^= by;
                damaged_seal(&d, number);
                damaged_touch(&d, number);
                break;
            }
            n -= ese_page_nodes(&page);
        }
    }
}

static void pass_over(void *context, const struct ese_finding *finding)
{
    (void)context, (void)finding;
}

/* What cannot be judged is no problem: an index over a column that is of another type now. */
static bool has_no_problem(const struct salvaged *s)
{
    struct ese_db *db = salvaged_over(s->bytes, s->size);
    struct ese_check_summary summary = {.problems = 1};
    struct fault f;
    bool ok = db && ese_check(db, pass_over, NULL, &summary, &f) && summary.problems == 0;
    ok = ok && rows_are_accounted_for(&d, db, &s->told);
    ese_db_close(db);
    return ok;
}

/* Whatever both say: what is written is sound, but for entries whose keys cannot be computed any
 * more, which is told. */
START_TEST(rows_that_are_wrong_in_both)
{
    bool is_long = getenv("KM_LONG") != NULL;
    struct random r = {.state = 11};
    for (uint32_t i = 0; i < (is_long ? 40000 : 200); i++) {
        struct salvaged s;
        uint8_t by = (uint8_t)(1 + random_below(&r, 255));
        size_t at = random_below(&r, 100);
        unsigned row = random_below(&r, 150);
        open_random(1 + i % 7, (int)i);
        change_rows(row, at, by);
        ck_assert_msg(salvaged_open(&s, &d, ESE_DOUBTFUL_DEFAULT), "change %u: %s", i, s.f.text);
        ck_assert_msg(has_no_problem(&s) || s.told.kind[ESE_SALVAGE_ENTRY_LOST] > 0, "change %u",
                      i);
        salvaged_close(&s);
        damaged_close(&d);
    }
}
END_TEST

/* An index over long values: it is not over several of one row any more, nor over all nulls. */
START_TEST(index_over_long_values_that_is_another)
{
    struct salvaged s;
    open_random(6, 0);
    change_rows(55, 77, 0x88);
    ck_assert(salvaged_open(&s, &d, ESE_DOUBTFUL_DEFAULT));
    ck_assert(has_no_problem(&s));
    salvaged_close(&s);
    damaged_close(&d);
}
END_TEST

/* Of a fixed column: the size that both, or the newer one, say is not its type's. */
static void resize_column(unsigned c)
{
    const struct taken column = {.table = ESE_OBJID_CATALOG_ROOT_INDEX + 1u,
                                 .type = ESE_OBJECT_COLUMN};
    for (unsigned n = 0; damaged_leaf(&d, catalogs[c], n) != 0; n++) {
        struct ese_page page;
        struct ese_node node;
        uint32_t number = damaged_leaf(&d, catalogs[c], n), id = 0;
        ese_page_parse(bytes_of(damaged_page(&d, number), d.page_size), number, &page);
        for (unsigned k = 0; ese_page_node(&page, k, &node, NULL); k++)
            if (is_taken(&column, node.data) && bytes_le32(node.data, ESE_CATALOG_ID_AT, &id) &&
                id <= ESE_FIXED_LAST)
                damaged_page(
                    &d,
                    number)[(size_t)(node.data.at - page.raw.at) + ESE_CATALOG_COLTYPE_AT + 5] ^=
                    0x40;
        damaged_seal(&d, number);
        damaged_touch(&d, number);
    }
}

START_TEST(column_of_a_size_that_is_not_its_types)
{
    struct salvaged s;
    bool both = _i / 2;
    open_random(5, _i);
    resize_column(1);
    if (both)
        resize_column(0);
    ck_assert(salvaged_soundly(&s, &d));
    struct ese_db *db = salvaged_over(s.bytes, s.size);
    for (unsigned i = 0; i < ese_catalog_tables(db->catalog); i++) {
        const struct ese_table *t = ese_catalog_table(db->catalog, i);
        for (unsigned k = 0; k < t->columns; k++)
            ck_assert_uint_eq(t->column[k].id <= ESE_FIXED_LAST ? t->column[k].size >> 14 : 0, 0);
    }
    ese_db_close(db);
    ck_assert(s.result.tables > 0 && (!both || s.result.table[0].in_part));
    salvaged_close(&s);
    damaged_close(&d);
}
END_TEST

/* A tagged column of a type with a size, which a secondary index is over. */
static const struct ese_column *picky_column(const struct ese_table *t)
{
    for (unsigned i = 0; i < t->indexes; i++)
        for (unsigned k = 0; k < t->index[i].segments; k++) {
            const struct ese_column *c = ese_table_segment_column(t, &t->index[i].segment[k]);
            if (!ese_index_is_primary(&t->index[i]) && c && c->id >= ESE_TAGGED_FIRST &&
                !c->from_template && ese_coltype_size(c->type) != 0)
                return c;
        }
    return NULL;
}

/* Sets the type of a column in both. */
static void retype_column(const struct taken *column, uint32_t type)
{
    for (unsigned c = 0; c < 2; c++)
        for (unsigned n = 0; damaged_leaf(&d, catalogs[c], n) != 0; n++) {
            uint32_t number = damaged_leaf(&d, catalogs[c], n);
            struct ese_page page;
            struct ese_node node;
            ese_page_parse(bytes_of(damaged_page(&d, number), d.page_size), number, &page);
            for (unsigned k = 0; ese_page_node(&page, k, &node, NULL); k++)
                if (is_taken(column, node.data))
                    bytes_put_le32(damaged_page(&d, number) + (size_t)(node.data.at - page.raw.at) +
                                       ESE_CATALOG_COLTYPE_AT,
                                   type);
            damaged_seal(&d, number);
            damaged_touch(&d, number);
        }
}

/* Of what type it is cannot be told; rows whose values are not of it are in no index. */
START_TEST(type_that_values_do_not_have)
{
    unsigned found = 0;
    for (uint64_t seed = 1; seed < 100 && found < 5; seed++) {
        struct salvaged s;
        open_random(seed, _i);
        struct ese_db *was = salvaged_over(d.before, d.size);
        for (unsigned i = 0; i < ese_catalog_tables(was->catalog); i++) {
            const struct ese_table *t = ese_catalog_table(was->catalog, i);
            const struct ese_column *c = picky_column(t);
            if (c == NULL || !has_values(was, t, c))
                continue;
            uint32_t type = ese_coltype_size(c->type) == 8 ? ESE_COL_LONG : ESE_COL_CURRENCY;
            retype_column(
                &(struct taken){.table = t->objid, .type = ESE_OBJECT_COLUMN, .id = c->id}, type);
            found++;
        }
        if (memcmp(d.bytes, d.before, d.size) != 0) {
            struct ese_check_summary summary;
            ck_assert(salvaged_soundly(&s, &d));
            struct ese_db *db = salvaged_over(s.bytes, s.size);
            ck_assert(ese_check(db, pass_over, NULL, &summary, NULL));
            ck_assert_uint_eq(summary.not_judged, 0);
            ck_assert_uint_gt(s.told.kind[ESE_SALVAGE_DOUBTFUL], 0);
            ese_db_close(db);
            salvaged_close(&s);
        }
        ese_db_close(was);
        damaged_close(&d);
    }
    ck_assert_uint_gt(found, 0);
}
END_TEST

/* An index is over it. */
START_TEST(column_that_is_said_to_be_deleted)
{
    struct salvaged s;
    open_random(6901 % 977, 1);
    retype_column(
        &(struct taken){.table = ESE_OBJID_CATALOG_ROOT_INDEX + 1u, .type = ESE_OBJECT_COLUMN},
        ESE_COL_NIL);
    ck_assert(salvaged_soundly(&s, &d));
    ck_assert_uint_gt(s.told.kind[ESE_SALVAGE_INDEX_LEFT_OUT], 0);
    ck_assert(s.result.tables > 0 && s.result.table[0].in_part);
    salvaged_close(&s);
    damaged_close(&d);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("salvage catalog");
    TCase *leaves = tcase_create("leaves");
    TCase *rows = tcase_create("rows");
    tcase_set_timeout(leaves, 120);
    tcase_set_timeout(rows, 0);
    tcase_add_loop_test(leaves, same_leaf, 0, 4);
    tcase_add_loop_test(leaves, same_leaf_without_roots, 0, 4);
    tcase_add_loop_test(leaves, other_leaf, 0, 8);
    tcase_add_loop_test(leaves, one_catalog, 0, 4);
    tcase_add_loop_test(rows, column_that_rows_know, 0, 2);
    tcase_add_loop_test(rows, index_that_one_lacks, 0, 32);
    tcase_add_loop_test(rows, index_that_both_lack, 0, 4);
    tcase_add_loop_test(rows, column_that_one_lacks, 0, 8);
    tcase_add_loop_test(rows, name_that_differs, 0, 8);
    tcase_add_loop_test(rows, table_that_none_knows, 0, 6);
    tcase_add_test(rows, rows_that_none_has);
    tcase_add_test(rows, rows_that_are_wrong_in_both);
    tcase_add_test(rows, index_over_long_values_that_is_another);
    tcase_add_loop_test(rows, column_of_a_size_that_is_not_its_types, 0, 4);
    tcase_add_loop_test(rows, type_that_values_do_not_have, 0, 2);
    tcase_add_test(rows, column_that_is_said_to_be_deleted);
    suite_add_tcase(suite, leaves);
    suite_add_tcase(suite, rows);
    return check_run("salvage_catalog", suite);
}
