/*
 * Index keys: single segments against keys worked out by hand from the engine's rules, and, where
 * real databases are at hand, every computable key of every row against the keys that the engine
 * stored.
 */
#include "formats/ese/read/key.h"
#include "tests/formats/ese/corpus.h"

#define HEX_MOST 600

/* ---- segments ---- */

struct segment_case {
    enum ese_coltype type;
    uint32_t id; /* of the column: fixed, variable or tagged */
    bool descending, null;
    uint32_t index_flags;
    uint16_t key_most, variable_most;
    const char *value; /* hexadecimal; as a record stores it */
    const char *key;
};

#define FIXED 1
#define VARIABLE 130
#define TAGGED 256

static const struct segment_case segments[] = {
    /* numbers: sign bit flipped, big-endian */
    {ESE_COL_BIT, FIXED, 0, 0, 0, 0, 0, "00", "7f00"},
    {ESE_COL_BIT, FIXED, 0, 0, 0, 0, 0, "ff", "7fff"},
    {ESE_COL_BIT, FIXED, 0, 0, 0, 0, 0, "01", "7fff"},
    {ESE_COL_UNSIGNED_BYTE, FIXED, 0, 0, 0, 0, 0, "fe", "7ffe"},
    {ESE_COL_SHORT, FIXED, 0, 0, 0, 0, 0, "0100", "7f8001"},
    {ESE_COL_SHORT, FIXED, 0, 0, 0, 0, 0, "ffff", "7f7fff"},
    {ESE_COL_UNSIGNED_SHORT, FIXED, 0, 0, 0, 0, 0, "0102", "7f0201"},
    {ESE_COL_LONG, FIXED, 0, 0, 0, 0, 0, "97000000", "7f80000097"},
    {ESE_COL_LONG, FIXED, 0, 0, 0, 0, 0, "ffffffff", "7f7fffffff"},
    {ESE_COL_UNSIGNED_LONG, FIXED, 0, 0, 0, 0, 0, "78563412", "7f12345678"},
    {ESE_COL_CURRENCY, FIXED, 0, 0, 0, 0, 0, "0000000000000080", "7f0000000000000000"},
    {ESE_COL_LONG_LONG, FIXED, 0, 0, 0, 0, 0, "0807060504030201", "7f8102030405060708"},
    {ESE_COL_UNSIGNED_LONG_LONG, FIXED, 0, 0, 0, 0, 0, "0807060504030201", "7f0102030405060708"},
    /* floating point: negative ones wholly complemented */
    {ESE_COL_IEEE_SINGLE, FIXED, 0, 0, 0, 0, 0, "0000803f", "7fbf800000"},
    {ESE_COL_IEEE_SINGLE, FIXED, 0, 0, 0, 0, 0, "000080bf", "7f407fffff"},
    {ESE_COL_IEEE_DOUBLE, FIXED, 0, 0, 0, 0, 0, "000000000000f03f", "7fbff0000000000000"},
    {ESE_COL_IEEE_DOUBLE, FIXED, 0, 0, 0, 0, 0, "000000000000f0bf", "7f400fffffffffffff"},
    {ESE_COL_DATE_TIME, FIXED, 0, 0, 0, 0, 0, "000000000088e140", "7fc0e1880000000000"},
    /* GUIDs: in the order of their text, or as .NET compares them */
    {ESE_COL_GUID, FIXED, 0, 0, 0, 0, 0, "000102030405060708090a0b0c0d0e0f",
     "7f0a0b0c0d0e0f08090607040500010203"},
    {ESE_COL_GUID, FIXED, 0, 0, ESE_INDEX_DOT_NET_GUID, 0, 0, "000102030405060708090a0b0c0d0e0f",
     "7f0302010005040706 08090a0b0c0d0e0f"},
    /* nulls and empty values */
    {ESE_COL_LONG, FIXED, 0, 1, 0, 0, 0, "", "00"},
    {ESE_COL_LONG, FIXED, 1, 1, 0, 0, 0, "", "ff"},
    {ESE_COL_LONG, FIXED, 0, 1, ESE_INDEX_SORT_NULLS_HIGH, 0, 0, "", "c0"},
    {ESE_COL_TEXT, VARIABLE, 0, 0, 0, 0, 0, "", "40"},
    {ESE_COL_LONG_BINARY, TAGGED, 0, 0, ESE_INDEX_SORT_NULLS_HIGH, 0, 0, "", "40"},
    /* descending: every bit of the segment */
    {ESE_COL_LONG, FIXED, 1, 0, 0, 0, 0, "97000000", "807fffff68"},
    {ESE_COL_TEXT, VARIABLE, 1, 0, 0, 0, 0, "61", "80beff"},
    /* text: ASCII letters only, a zero ends it */
    {ESE_COL_TEXT, VARIABLE, 0, 0, 0, 0, 0, "4d5379734f626a", "7f4d5359534f424a00"},
    {ESE_COL_LONG_TEXT, TAGGED, 0, 0, 0, 0, 0, "e47a7b", "7fe45a7b00"},
    {ESE_COL_TEXT, VARIABLE, 0, 0, 0, 0, 0, "61006263", "7f4100"},
    {ESE_COL_TEXT, FIXED, 0, 0, 0, 0, 0, "616220", "7f41422000"},
    /* text that just fits, and text that is cut: its last byte loses 0x20, letter or not */
    {ESE_COL_TEXT, VARIABLE, 0, 0, 0, 6, 0, "61626364", "7f4142434400"},
    {ESE_COL_TEXT, VARIABLE, 0, 0, 0, 6, 0, "6162636465", "7f4142434445"},
    {ESE_COL_TEXT, VARIABLE, 0, 0, 0, 6, 0, "6162636445", "7f4142434425"},
    {ESE_COL_TEXT, VARIABLE, 0, 0, 0, 6, 4, "6162636465", "7f414243"},
    {ESE_COL_TEXT, VARIABLE, 0, 0, 0, 6, 0, "6162636400", "7f4142434400"},
    /* binary: 8 bytes and how many of them count, 9 when more follow */
    {ESE_COL_BINARY, VARIABLE, 0, 0, 0, 0, 0, "0102", "7f010200000000000002"},
    {ESE_COL_BINARY, VARIABLE, 0, 0, 0, 0, 0, "0102030405060708", "7f010203040506070808"},
    {ESE_COL_LONG_BINARY, TAGGED, 0, 0, 0, 0, 0, "010203040506070809",
     "7f010203040506070809090000000000000001"},
    {ESE_COL_BINARY, FIXED, 0, 0, 0, 0, 0, "0102", "7f0102"},
    {ESE_COL_BINARY, VARIABLE, 0, 0, 0, 12, 0, "010203040506070809", "7f010203040506070809 0900"},
    {ESE_COL_BINARY, VARIABLE, 0, 0, 0, 255, 5, "0102", "7f01020000"},
    {ESE_COL_BINARY, FIXED, 0, 0, 0, 2, 0, "0102", "7f01"},
    /* a number at the end of a short key */
    {ESE_COL_LONG, FIXED, 0, 0, 0, 3, 0, "97000000", "7f8000"},
};

static size_t from_hex(const char *text, uint8_t *to)
{
    size_t size = 0;
    for (; *text; text++) {
        unsigned byte;
        if (*text == ' ')
            continue;
        ck_assert_int_eq(sscanf(text++, "%2x", &byte), 1);
        to[size++] = (uint8_t)byte;
    }
    return size;
}

static void assert_bytes(struct bytes found, const char *expected)
{
    uint8_t bytes[HEX_MOST];
    char text[2 * HEX_MOST + 1] = "";
    size_t size = from_hex(expected, bytes);
    for (size_t i = 0; i < found.size && i < HEX_MOST; i++)
        snprintf(text + 2 * i, 3, "%02x", found.at[i]);
    ck_assert_msg(bytes_equal(found, bytes_of(bytes, size)), "expected %s, found %s", expected,
                  text);
}

START_TEST(segment_is_as_the_engine_makes_it)
{
    const struct segment_case *s = &segments[_i];
    struct ese_column column = {.id = s->id, .name = "c", .type = s->type, .code_page = 1252};
    struct ese_key_segment segment = {.column = s->id, .descending = s->descending};
    struct ese_index index = {.name = "i",
                              .flags = s->index_flags,
                              .key_most = s->key_most,
                              .variable_most = s->variable_most};
    struct ese_key key;
    struct fault f;
    uint8_t value[HEX_MOST];
    size_t size = from_hex(s->value, value);
    ese_key_start(&key, &index);
    ck_assert_int_eq(
        ese_key_add(&key, &column, &segment, &index, s->null, bytes_of(value, size), &f),
        ESE_KEY_OK);
    assert_bytes(ese_key_bytes(&key), s->key);
}
END_TEST

START_TEST(unicode_text_is_not_computable)
{
    struct ese_column column = {
        .id = VARIABLE, .name = "c", .type = ESE_COL_TEXT, .code_page = ESE_CODEPAGE_UNICODE};
    struct ese_key_segment segment = {.column = VARIABLE};
    struct ese_index index = {.name = "i"};
    struct ese_key key;
    struct fault f;
    ese_key_start(&key, &index);
    ck_assert_int_eq(ese_key_add(&key, &column, &segment, &index, false, bytes_of("a\0", 2), &f),
                     ESE_KEY_NOT_COMPUTABLE);
    /* but for what needs no sort key */
    ck_assert_int_eq(ese_key_add(&key, &column, &segment, &index, true, bytes_of("", 0), &f),
                     ESE_KEY_OK);
    ck_assert_int_eq(ese_key_add(&key, &column, &segment, &index, false, bytes_of("", 0), &f),
                     ESE_KEY_OK);
    assert_bytes(ese_key_bytes(&key), "0040");
}
END_TEST

START_TEST(value_of_a_wrong_size_is_a_fault)
{
    struct ese_column column = {.id = FIXED, .name = "c", .type = ESE_COL_LONG};
    struct ese_key_segment segment = {.column = FIXED};
    struct ese_index index = {.name = "i"};
    struct ese_key key;
    struct fault f;
    ese_key_start(&key, &index);
    ck_assert_int_eq(ese_key_add(&key, &column, &segment, &index, false, bytes_of("abc", 3), &f),
                     ESE_KEY_FAULT);
    ck_assert_int_eq(f.code, FAULT_DAMAGED);
}
END_TEST

START_TEST(segments_behind_a_full_key_add_nothing)
{
    struct ese_column text = {.id = VARIABLE, .name = "t", .type = ESE_COL_TEXT, .code_page = 1252};
    struct ese_key_segment segment = {.column = VARIABLE};
    struct ese_index index = {.name = "i", .key_most = 4};
    struct ese_key key;
    struct fault f;
    ese_key_start(&key, &index);
    ck_assert_int_eq(ese_key_add(&key, &text, &segment, &index, false, bytes_of("abcdef", 6), &f),
                     ESE_KEY_OK);
    ck_assert(key.truncated);
    ck_assert_int_eq(ese_key_add(&key, &text, &segment, &index, true, bytes_of("", 0), &f),
                     ESE_KEY_OK);
    assert_bytes(ese_key_bytes(&key), "7f414243");
    ck_assert(key.some_null && !key.first_null && !key.all_null);
}
END_TEST

START_TEST(cut_key_is_a_fault_where_none_may_be_cut)
{
    struct ese_column text = {.id = VARIABLE, .name = "t", .type = ESE_COL_TEXT, .code_page = 1252};
    struct ese_key_segment segment = {.column = VARIABLE};
    struct ese_index index = {.name = "i", .key_most = 4, .flags = ESE_INDEX_DISALLOW_TRUNCATION};
    struct ese_key key;
    struct fault f;
    ese_key_start(&key, &index);
    ck_assert_int_eq(ese_key_add(&key, &text, &segment, &index, false, bytes_of("ab", 2), &f),
                     ESE_KEY_OK);
    ese_key_start(&key, &index);
    ck_assert_int_eq(ese_key_add(&key, &text, &segment, &index, false, bytes_of("abc", 3), &f),
                     ESE_KEY_FAULT);
}
END_TEST

/* ---- all keys of a row ---- */

/* A table of a Long (1), a variable Binary (128) and two multi-valued Longs (256, 257). */
static struct ese_column columns[] = {
    {.id = 1, .name = "n", .type = ESE_COL_LONG, .offset = 4, .size = 4},
    {.id = 128, .name = "b", .type = ESE_COL_BINARY},
    {.id = 256, .name = "m", .type = ESE_COL_LONG, .flags = ESE_COLUMN_MULTI_VALUED},
    {.id = 257, .name = "o", .type = ESE_COL_LONG, .flags = ESE_COLUMN_MULTI_VALUED},
};
static const struct ese_table table = {.name = "t", .columns = 4, .column = columns};

/* n = 7, b null, m = 1, 2, o = 5, 6: the tagged ones each as "two values". */
#define ROW                                                                                        \
    "01 80 0900 07000000 fe 0080 0001 0840 0101 1240"                                              \
    " 10 04 01000000 02000000  10 04 05000000 06000000"
/* n = 7, nothing else. */
#define SMALL_ROW "01 7f 0900 07000000 fe"

struct row_case {
    const char *row;
    uint32_t flags;
    uint32_t column[3];
    int condition; /* column that must be null (negative) or not; 0: none */
    const char *keys;
};

enum {
    ALL_NULLS = ESE_INDEX_ALLOW_ALL_NULLS | ESE_INDEX_ALLOW_FIRST_NULL | ESE_INDEX_ALLOW_SOME_NULLS
};

static const struct row_case rows[] = {
    {ROW, ALL_NULLS, {1}, 0, "7f80000007"},
    {ROW, ALL_NULLS, {1, 128}, 0, "7f8000000700"},
    /* which nulls an index takes */
    {ROW, 0, {1, 128}, 0, ""},
    {ROW, ESE_INDEX_ALLOW_SOME_NULLS, {1, 128}, 0, "7f8000000700"},
    {ROW, ESE_INDEX_ALLOW_SOME_NULLS, {128, 1}, 0, ""},
    {ROW, ESE_INDEX_ALLOW_FIRST_NULL, {128, 1}, 0, "007f80000007"},
    {ROW, ESE_INDEX_ALLOW_FIRST_NULL, {128}, 0, ""},
    {ROW, ESE_INDEX_ALLOW_ALL_NULLS, {128}, 0, ""},
    {ROW, ESE_INDEX_ALLOW_ALL_NULLS | ESE_INDEX_ALLOW_FIRST_NULL, {128}, 0, "00"},
    {ROW, ESE_INDEX_PRIMARY, {128, 1}, 0, "007f80000007"},
    /* conditions */
    {ROW, ALL_NULLS, {1}, -128, "7f80000007"},
    {ROW, ALL_NULLS, {1}, 128, ""},
    {ROW, ALL_NULLS, {1}, 256, "7f80000007"},
    {ROW, ALL_NULLS, {1}, -256, ""},
    /* several values: without the flag only the first; then of the first such column; or all with
       all */
    {ROW, ALL_NULLS, {256}, 0, "7f80000001"},
    {ROW, ALL_NULLS | ESE_INDEX_MULTI_VALUED, {256}, 0, "7f80000001|7f80000002"},
    {ROW,
     ALL_NULLS | ESE_INDEX_MULTI_VALUED,
     {256, 257},
     0,
     "7f800000017f80000005|7f800000027f80000005"},
    {ROW,
     ALL_NULLS | ESE_INDEX_MULTI_VALUED | ESE_INDEX_CROSS_PRODUCT,
     {256, 1, 257},
     0,
     "7f800000017f800000077f80000005|7f800000017f800000077f80000006|"
     "7f800000027f800000077f80000005|7f800000027f800000077f80000006"},
    {ROW,
     ALL_NULLS | ESE_INDEX_MULTI_VALUED | ESE_INDEX_NESTED_TABLE,
     {256, 257},
     0,
     "7f800000017f80000005|7f800000027f80000006"},
    {SMALL_ROW, ALL_NULLS | ESE_INDEX_MULTI_VALUED, {256}, 0, "00"},
    {SMALL_ROW,
     ALL_NULLS | ESE_INDEX_MULTI_VALUED | ESE_INDEX_CROSS_PRODUCT,
     {1, 256},
     0,
     "7f8000000700"},
};

START_TEST(row_has_the_keys_that_the_engine_gives_it)
{
    const struct row_case *r = &rows[_i];
    struct ese_index index = {.name = "i", .flags = r->flags};
    static struct ese_keys keys;
    struct ese_record record;
    struct fault f;
    uint8_t bytes[HEX_MOST];
    size_t size = from_hex(r->row, bytes);
    for (; index.segments < 3 && r->column[index.segments] != 0; index.segments++)
        index.segment[index.segments].column = r->column[index.segments];
    if (r->condition != 0) {
        index.conditions = 1;
        index.condition[0].must_be_null = r->condition < 0;
        index.condition[0].column = (uint32_t)abs(r->condition);
    }
    ck_assert_msg(ese_record_open(&record, &table, bytes_of(bytes, size), true, 4096, &f), "%s",
                  f.text);
    ck_assert(ese_keys_open(&keys, NULL, NULL, &table, &index, &f));
    ck_assert(ese_index_computable(&table, &index));
    for (int again = 0; again < 2; again++) { /* an iterator serves any number of rows */
        const char *expected = r->keys;
        ese_keys_of(&keys, &record);
        while (*expected) {
            char one[HEX_MOST];
            size_t length = strcspn(expected, "|");
            snprintf(one, sizeof one, "%.*s", (int)length, expected);
            ck_assert_int_eq(ese_keys_next(&keys, &f), ESE_KEY_OK);
            assert_bytes(ese_key_bytes(&keys.key), one);
            expected += length + (expected[length] == '|');
        }
        ck_assert_int_eq(ese_keys_next(&keys, &f), ESE_KEY_NONE);
        ck_assert_int_eq(ese_keys_next(&keys, &f), ESE_KEY_NONE);
    }
}
END_TEST

START_TEST(index_over_a_missing_column_cannot_be_opened)
{
    struct ese_index index = {.name = "i", .segments = 1, .segment[0].column = 99};
    static struct ese_keys keys;
    struct fault f;
    ck_assert(!ese_keys_open(&keys, NULL, NULL, &table, &index, &f));
    ck_assert_int_eq(f.code, FAULT_DAMAGED);
    ck_assert(!ese_index_computable(&table, &index));
}
END_TEST

START_TEST(default_made_by_a_callback_is_not_computable)
{
    struct ese_column own[] = {
        {.id = 1, .name = "n", .type = ESE_COL_LONG, .offset = 4, .size = 4},
        {.id = 256, .name = "m", .type = ESE_COL_LONG, .flags = ESE_COLUMN_USER_DEFINED_DEFAULT},
    };
    struct ese_table small = {.name = "t", .columns = 2, .column = own};
    struct ese_index index = {
        .name = "i", .flags = ALL_NULLS, .segments = 1, .segment[0].column = 256};
    static struct ese_keys keys;
    struct ese_record record;
    struct fault f;
    uint8_t bytes[HEX_MOST];
    size_t size = from_hex(SMALL_ROW, bytes);
    ck_assert(ese_record_open(&record, &small, bytes_of(bytes, size), true, 4096, &f));
    ck_assert(ese_keys_open(&keys, NULL, NULL, &small, &index, &f));
    ese_keys_of(&keys, &record);
    ck_assert_int_eq(ese_keys_next(&keys, &f), ESE_KEY_NOT_COMPUTABLE);
    ck_assert_int_eq(ese_keys_next(&keys, &f), ESE_KEY_NONE);
}
END_TEST

/* ---- against the engine ---- */

static struct ese_keys row_keys;
static struct ese_key_scratch scratch;

struct counts {
    unsigned rows, keys, entries, computed_indexes;
};

/* Is there an entry of this key and bookmark? */
static bool has_entry(struct ese_cursor *at, struct bytes key, struct bytes bookmark)
{
    struct fault f;
    enum ese_step step = ese_cursor_seek(at, key, &f);
    for (; step == ESE_STEP_NODE && bytes_equal(at->key, key); step = ese_cursor_next(at, &f))
        if (bytes_equal(at->data, bookmark))
            return true;
    return false;
}

static unsigned entries_of(struct ese_db *db, const struct ese_index *index)
{
    struct ese_cursor at;
    struct fault f;
    unsigned count = 0;
    ese_cursor_open(&at, db->pages, index->root, index->objid);
    while (ese_cursor_next(&at, &f) == ESE_STEP_NODE)
        count++;
    ese_cursor_close(&at);
    return count;
}

static void compare_index(struct ese_db *db, const struct ese_table *t,
                          const struct ese_index *index, struct counts *all)
{
    bool primary = index->flags & ESE_INDEX_PRIMARY;
    struct ese_cursor row, entry;
    struct fault f;
    unsigned keys = 0, rows_seen = 0;
    if (!ese_index_computable(t, index))
        return;
    ck_assert_msg(ese_keys_open(&row_keys, &scratch, db->pages, t, index, &f), "%s", f.text);
    ese_cursor_open(&row, db->pages, t->root, t->objid);
    ese_cursor_open(&entry, db->pages, index->root, index->objid);
    while (ese_cursor_next(&row, &f) == ESE_STEP_NODE) {
        struct ese_record record;
        enum ese_key_result result;
        rows_seen++;
        ck_assert(ese_record_on_page(&record, t, row.leaf, row.data, &f));
        ese_keys_of(&row_keys, &record);
        while ((result = ese_keys_next(&row_keys, &f)) == ESE_KEY_OK) {
            struct bytes key = ese_key_bytes(&row_keys.key);
            keys++;
            ck_assert_msg(primary ? bytes_equal(key, row.key) : has_entry(&entry, key, row.key),
                          "%s.%s, row %u: the computed key is not stored", t->name, index->name,
                          rows_seen);
        }
        ck_assert_int_eq(result, ESE_KEY_NONE);
    }
    ese_cursor_close(&row);
    ese_cursor_close(&entry);
    unsigned entries = primary ? rows_seen : entries_of(db, index);
    /* Catalog1 was copied while in use: it has one entry of a row that it has not. */
    if (strcmp(index->name, "timestampIndex") == 0)
        entries--;
    ck_assert_msg(keys == entries, "%s.%s: %u keys, %u entries", t->name, index->name, keys,
                  entries);
    all->rows += rows_seen;
    all->keys += keys;
    all->entries += entries;
    all->computed_indexes++;
}

START_TEST(keys_equal_those_that_the_engine_stored)
{
    struct image image = image_load(corpus_files[_i]);
    struct counts all = {.rows = 0};
    struct ese_db *db;
    struct fault f;
    ck_assert(image_open(&image, &db, &f));
    for (unsigned i = 0; i < ese_catalog_tables(db->catalog); i++) {
        const struct ese_table *t = ese_catalog_table(db->catalog, i);
        for (unsigned k = 0; k < t->indexes; k++)
            compare_index(db, t, &t->index[k], &all);
    }
    ck_assert_uint_gt(all.keys, 100);
    ck_assert_uint_gt(all.computed_indexes, 4);
    ese_db_close(db);
    image_free(&image);
}
END_TEST

int main(void)
{
    if (!corpus_is_there())
        fprintf(stderr, "key: no databases in %s: keys are not compared with stored ones\n",
                corpus_folder());
    return check_main("key",
                      (const struct check_case[]){
                          {segment_is_as_the_engine_makes_it, ARRAY_SIZE(segments)},
                          {unicode_text_is_not_computable, 0},
                          {value_of_a_wrong_size_is_a_fault, 0},
                          {segments_behind_a_full_key_add_nothing, 0},
                          {cut_key_is_a_fault_where_none_may_be_cut, 0},
                          {row_has_the_keys_that_the_engine_gives_it, ARRAY_SIZE(rows)},
                          {index_over_a_missing_column_cannot_be_opened, 0},
                          {default_made_by_a_callback_is_not_computable, 0},
                          {corpus_is_there() ? keys_equal_those_that_the_engine_stored : NULL,
                           ARRAY_SIZE(corpus_files)},
                          {0},
                      });
}
