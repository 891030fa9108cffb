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
#include "tests/formats/ese/edit/things.h"

#include "formats/ese/build/parts.h"
#include "formats/ese/layout/page_change.h"

#include <fcntl.h>
#include <unistd.h>

enum { SEEDS = 51, BATCHES = 4, EDITS = 120, CORPUS_EDITS = 40 };

/* ---- reading back ---- */

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
    unsigned form = (unsigned)_i % (unsigned)THINGS_FORMS, given_up = 0;
    FILE *nowhere = fopen("/dev/null", "w");
    int fd = temporary_file(path);
    ck_assert_msg(random_database((uint64_t)_i, fd, things_forms[form].revision,
                                  things_forms[form].page_size, nowhere, &f),
                  "%s", f.text);
    fclose(nowhere);
    close(fd);
    for (unsigned batch = 0; batch < BATCHES; batch++) {
        snprintf(what, sizeof what, "seed %d revision 0x%x page size %u batch %u", _i,
                 things_forms[form].revision, things_forms[form].page_size, batch);
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
    int fd = temporary_file(path);
    ck_assert(write(fd, image.bytes, image.size) == (ssize_t)image.size);
    close(fd);
    image_free(&image);
    for (unsigned batch = 0; batch < 2; batch++)
        edit_and_read_back(path, edited_files[_i], (uint64_t)_i * 100 + batch, CORPUS_EDITS,
                           no_new_problem, &given_up);
    unlink(path);
}
END_TEST

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
    start_with(&j, things_forms[_i].revision, things_forms[_i].page_size, 20, true);
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
        ck_assert_uint_eq(piece.after.size, things_forms[_i].page_size);
        ck_assert(
            bytes_equal(piece.before, bytes_of(j.before.at + piece.offset, piece.before.size)));
        ck_assert_uint_eq(piece.before.size, piece.after.size);
        if (i >= 2)
            continue;
        struct ese_page now, old;
        uint32_t number = (uint32_t)(piece.offset / things_forms[_i].page_size) - 1;
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

/* Nodes are not put in another order for one that changes: its bytes alone are others. */
START_TEST(a_change_leaves_the_rest_of_its_page)
{
    struct job j;
    uint8_t value[4];
    struct ese_inplace_piece piece;
    uint32_t size = things_forms[_i].page_size, header = ese_page_size_header(size);
    start_with(&j, things_forms[_i].revision, size, 20, false);
    ck_assert_msg(drop_thing(&j, 10, 0) && add_thing(&j, 10, 500, bytes_of(NULL, 0)), "%s",
                  j.f.text); /* behind the others, in its page */
    write_job(&j);
    bytes_put_le32(value, 0xfedcba98);
    ck_assert_msg(change_thing(&j, 4, "Value", bytes_of(value, 4)), "%s", j.f.text);
    ck_assert_msg(ese_inplace_finish(j.ip, &j.f), "%s", j.f.text);
    for (unsigned i = 0; i < ese_inplace_pieces(j.ip); i++) {
        uint32_t first = 0, last = 0;
        ck_assert(ese_inplace_piece(j.ip, i, &piece, &j.f));
        if (piece.offset != ((uint64_t)j.table->root + 1) * size)
            continue;
        for (uint32_t at = header; at < size; at++)
            if (piece.before.at[at] != piece.after.at[at]) {
                first = first ? first : at;
                last = at;
            }
        ck_assert_uint_gt(first, 0);
        ck_assert_uint_lt(last - first, 4);
    }
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
    start_with(&j, things_forms[_i].revision, things_forms[_i].page_size, 60, true);
    const struct ese_index *by_name = &j.table->index[2];
    uint32_t chunk = ese_lv_chunk_size(j.table, things_forms[_i].page_size);
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
    start_with(&j, things_forms[_i].revision, things_forms[_i].page_size, THINGS, true);
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

/* As the engine has it: 1023 bytes stay in the record, one more does not. */
START_TEST(a_value_leaves_the_record_when_it_is_long)
{
    struct job j;
    uint8_t data[1024] = {0};
    start_with(&j, things_forms[_i].revision, things_forms[_i].page_size, 20, true);
    ck_assert_msg(change_thing(&j, 5, "Data", bytes_of(data, 0)), "%s", j.f.text);
    uint64_t nodes = nodes_of(&j, j.table->long_value_root, j.table->long_value_objid);
    ck_assert_msg(change_thing(&j, 5, "Data", bytes_of(data, 1023)), "%s", j.f.text);
    ck_assert_uint_eq(nodes_of(&j, j.table->long_value_root, j.table->long_value_objid), nodes);
    ck_assert_msg(change_thing(&j, 5, "Data", bytes_of(data, 1024)), "%s", j.f.text);
    ck_assert_uint_eq(nodes_of(&j, j.table->long_value_root, j.table->long_value_objid), nodes + 2);
    write_job(&j);
    ck_assert_int_eq(thing_value(&j, 5, "Data", NULL), 1024);
    end_job(&j);
}
END_TEST

START_TEST(rows_that_outgrow_their_page_split_it)
{
    struct job j;
    uint8_t data[1000], found[SHARED_SIZE];
    start_with(&j, things_forms[_i].revision, things_forms[_i].page_size, 100, true);
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
    start_with(&j, things_forms[_i].revision, things_forms[_i].page_size, 30, true);
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

/* Flags a node of a tree that is one page as deleted, as the engine does before it takes it out. */
static void flag_deleted(struct job *j, uint32_t number, unsigned node)
{
    static uint8_t spare[ESE_PAGE_SIZE_MAX];
    uint32_t size = j->db->headers.header.page_size;
    uint8_t *raw = j->before.at + ((size_t)number + 1) * size;
    const struct ese_page_change change = {raw, spare, size, number, 0};
    ck_assert(ese_page_change_flags(&change, node, ESE_NODE_DELETED, 0));
    ese_checksum_set(raw, size, number);
}

/* A node that is deleted, and one with the same key that is not, would be two of one key. */
START_TEST(a_row_comes_back_where_it_was_deleted)
{
    static const uint32_t form[][2] = {{0x2, 4096}, {0x14, 8192}, {0x122, 16384}};
    struct job j;
    start_with(&j, form[_i][0], form[_i][1], 12, false);
    ck_assert(drop_thing(&j, 12, 0)); /* there is room */
    write_job(&j);
    flag_deleted(&j, j.table->root, 4);
    flag_deleted(&j, j.table->index[1].root, 4);
    flag_deleted(&j, j.table->index[2].root, 4); /* "thing 9" is the first there */
    flag_deleted(&j, j.table->root, 6);
    flag_deleted(&j, j.table->index[1].root, 6);
    flag_deleted(&j, j.table->index[2].root, 2);
    open_changed(&j);
    free(read_back(j.path, "with deleted nodes", no_problem));
    ck_assert_msg(add_thing(&j, 5, 1004, bytes_of(NULL, 0)), "%s", j.f.text);
    ck_assert_msg(change_thing(&j, 5, "Name", bytes_of("thing 5", 7)), "%s", j.f.text);
    write_job(&j); /* which checks it */
    ck_assert_int_eq(thing_value(&j, 5, "Name", NULL), 7);
    ck_assert_int_eq(thing_value(&j, 7, "Name", NULL), -1);
    ck_assert_uint_eq(nodes_of(&j, j.table->root, j.table->objid), 10);
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
    index->segment[0].column = thing_column(&j, "Wide")->id;
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
    start_with(&j, 0x122, things_forms[_i].page_size > 4096 ? 8192 : 4096, 5, true);
    ((struct ese_column *)(uintptr_t)thing_column(&j, "Id"))->flags |= ESE_COLUMN_AUTO_INCREMENT;
    ck_assert(ese_pages_get_sound(j.db->pages, j.table->root, &page, &j.f));
    memcpy(external + 1, ese_page_external_header(page).at, 16);
    external[17] = 10;
    ese_pages_put(j.db->pages, page);
    rewrite_root(&j, j.table->root, bytes_of(external, sizeof external), bytes_of(external, 0));
    for (uint32_t id = 6; id < 300; id++) {
        ((struct ese_column *)(uintptr_t)thing_column(&j, "Id"))->flags |=
            ESE_COLUMN_AUTO_INCREMENT;
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

/* The file's pages are said to be the last that there can be: none comes behind them. */
START_TEST(a_file_does_not_grow_beyond_its_last_page)
{
    struct job j;
    const struct ese_page *page;
    uint8_t *data = calloc(1, 40000), key[4], external[16];
    const uint32_t owned = 2;
    bool ok = true;
    start_with(&j, 0x14, 4096, 30, true);
    ck_assert(ese_pages_get_sound(j.db->pages, owned, &page, &j.f));
    memcpy(external, ese_page_external_header(page).at, sizeof external);
    ese_pages_put(j.db->pages, page);
    bytes_put_be32(key, ESE_PAGE_NUMBER_MOST - 15 * (uint32_t)_i);
    rewrite_root(&j, owned, bytes_of(external, sizeof external), bytes_of(key, sizeof key));
    for (uint32_t id = 1; ok && id <= 30; id++)
        ok = change_thing(&j, id, "Data", bytes_of(data, 40000));
    free(data);
    must_be_refused(&j, ok, FAULT_LIMIT);
}
END_TEST

/* Whether there is room for one more extent has to be seen before one is taken. */
START_TEST(a_tree_of_extents_that_cannot_be_read_does_not_grow)
{
    struct job j;
    uint8_t *data = calloc(1, 40000);
    const uint32_t owned = 2;
    bool ok = true;
    start_with(&j, 0x14, 4096, 30, true);
    memset(j.before.at + (owned + 1) * 4096 + 100, 0x5a, 50);
    open_changed(&j);
    for (uint32_t id = 1; ok && id <= 30; id++)
        ok = change_thing(&j, id, "Data", bytes_of(data, 40000));
    free(data);
    must_be_refused(&j, ok, FAULT_DAMAGED);
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
    close(temporary_file(j.path));
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

/* An entry that two of three rows with one key have goes with the second of them, and not before;
 * that the third has another is nothing to it. */
START_TEST(an_entry_goes_with_the_last_of_its_rows)
{
    static const struct thing rows[] = {{1, 10}, {2, 20}, {2, 20}, {2, 25}, {4, 40}};
    struct job j = {.f.code = FAULT_NONE};
    uint8_t value[4];
    close(temporary_file(j.path));
    make_things(j.path, 0x14, 4096, rows, ARRAY_SIZE(rows), true, true);
    open_job(&j);
    const struct ese_index *by_value = &j.table->index[1];
    ck_assert_msg(drop_thing(&j, 2, 0), "%s", j.f.text);
    ck_assert_msg(drop_thing(&j, 2, 1), "%s", j.f.text);
    ck_assert_uint_eq(nodes_of(&j, by_value->root, by_value->objid), 3);
    write_job(&j); /* which checks it */
    ck_assert_int_eq(thing_value(&j, 2, "Value", value), 4);
    ck_assert_uint_eq(value[0], 20);
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

/* Drops all rows but every twentieth, so that pages become free that had been changed before. */
static bool thin_row(void *context, const struct ese_table *table, const struct ese_record *record,
                     struct bytes key, unsigned twin, struct ese_row_edit *edit, struct fault *f)
{
    struct ese_value value;
    uint32_t id = 0;
    if (!ese_record_value(record, ese_table_column(table, "Id"), &value, f))
        return false;
    bytes_le32(value.data, 0, &id);
    if (id % 20 == 5)
        return plan_row(context, table, record, key, twin, edit, f);
    edit->fate = ESE_ROW_DROP;
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

/* Which pages change, a bit each; the caller frees it. */
static uint8_t *changed_pages(struct job *j, unsigned *count)
{
    uint32_t last = ese_pages_last(j->db->pages);
    uint8_t *bits = calloc(1, last / 8 + 1);
    ck_assert_ptr_nonnull(bits);
    *count = 0;
    for (uint32_t n = 1; n <= last; n++)
        if (ese_inplace_is_changed(j->ip, n)) {
            bits[n / 8] |= (uint8_t)(1 << n % 8);
            ++*count;
        }
    ck_assert_uint_eq(*count, ese_inplace_summary(j->ip)->pages);
    return bits;
}

/* A copy is changed with no more than two pages in memory: they go into it, and are read back, all
 * the time.  It must become what the database becomes in place, byte for byte, by the same pages.
 */
START_TEST(a_copy_becomes_what_the_database_becomes_in_place)
{
    struct job j;
    struct plan plan;
    unsigned form = (unsigned)_i / 2, pages, in_place_pages;
    const struct ese_editor editor = {&plan, plan_wants, _i % 2 ? thin_row : plan_row, plan_add};
    char copy[32];
    int fd = temporary_file(copy);
    const struct ese_inplace_options how = {.memory_most = 2 * (size_t)things_forms[form].page_size,
                                            .copy = &fd};
    start_with(&j, things_forms[form].revision, things_forms[form].page_size, THINGS, true);
    ese_inplace_close(j.ip);
    struct contents before = contents_of(j.path);
    ck_assert_int_eq(write(fd, before.at, before.size), (ssize_t)before.size);
    ck_assert(ese_inplace_open(j.db, &how, &j.ip, &j.f));
    ck_assert_msg(ese_inplace_edit(j.ip, &editor, &j.f) && ese_inplace_finish(j.ip, &j.f) &&
                      ese_inplace_write_to(j.ip, fd, &j.f),
                  "%s", j.f.text);
    uint8_t *changed = changed_pages(&j, &pages);
    ck_assert_uint_gt(pages, ese_inplace_pieces(j.ip) - 2 + (_i % 2 ? 0 : 3));
    uint32_t last = ese_pages_last(j.db->pages);
    ese_inplace_close(j.ip);
    close(fd);
    must_be_untouched(j.path, &before);
    free(before.at);
    ck_assert(ese_inplace_open(j.db, NULL, &j.ip, &j.f));
    ck_assert_msg(ese_inplace_edit(j.ip, &editor, &j.f), "%s", j.f.text);
    ck_assert_uint_eq(ese_inplace_summary(j.ip)->added_rows, 5);
    ck_assert(!ese_inplace_is_changed(j.ip, j.table->root)); /* it is not known yet */
    ck_assert_msg(ese_inplace_finish(j.ip, &j.f), "%s", j.f.text);
    ck_assert_uint_eq(ese_pages_last(j.db->pages), last);
    uint8_t *changed_in_place = changed_pages(&j, &in_place_pages);
    ck_assert_uint_eq(pages, in_place_pages);
    ck_assert_mem_eq(changed, changed_in_place, last / 8 + 1);
    free(changed);
    free(changed_in_place);
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
    int fd = temporary_file(copy), full = open("/dev/full", O_RDWR);
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
            {a_fixed_column_changes_one_page, THINGS_FORMS},
            {a_change_leaves_the_rest_of_its_page, THINGS_FORMS},
            {the_header_changes_as_a_repair_changes_it, 0},
            {a_dropped_row_takes_its_entries_and_long_values, THINGS_FORMS},
            {without_rows_the_root_is_an_empty_leaf, THINGS_FORMS},
            {a_value_leaves_the_record_when_it_is_long, THINGS_FORMS},
            {rows_that_outgrow_their_page_split_it, THINGS_FORMS},
            {the_file_grows_when_it_must, THINGS_FORMS},
            {deep_trees_grow_and_shrink, 8},
            {an_inner_page_that_has_to_reach_further_is_split, 0},
            {an_entry_with_a_wrong_key_goes_with_its_row, 0},
            {a_leaf_that_cannot_be_read_is_not_passed_over, 2},
            {a_row_comes_back_where_it_was_deleted, 3},
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
            {a_file_does_not_grow_beyond_its_last_page, 2},
            {a_tree_of_extents_that_cannot_be_read_does_not_grow, 0},
            {headers_are_written_last, 0},
            {a_flipped_bit_is_put_right_in_a_page_that_changes, 0},
            {one_of_several_rows_with_one_key_is_dropped, 2},
            {an_entry_goes_with_the_last_of_its_rows, 0},
            {a_copy_becomes_what_the_database_becomes_in_place, 2 * THINGS_FORMS},
            {an_edit_that_is_stopped_says_so, 0},
            {a_page_that_the_copy_lost_is_no_page, 2},
            {random_edits_leave_a_sound_database, seeds ? strtoul(seeds, NULL, 0) : SEEDS},
            {random_edits_of_real_databases, ARRAY_SIZE(edited_files)},
            {0, 0},
        });
}
