/* Salvage: what a database's revision does not have, or nobody can read, is not taken for a newer
 * form of the format. */
#include "tests/check_main.h"

#include "formats/ese/layout/page_change.h"
#include "formats/ese/layout/record_bits.h"
#include "formats/ese/layout/record_parts.h"
#include "formats/ese/read/longvalue.h"
#include "tests/formats/ese/salvage/salvaging.h"

static struct damaged d;

static void open_random(uint64_t seed, uint32_t revision)
{
    ck_assert(damaged_open(&d, seed, revision, 4096));
}

/* ---- chunks of long values ---- */

/* Makes the first chunk of the first long value that has more than one short, and lets it start
 * with `first`.  False: there is none. */
static bool shorten_chunk(uint8_t first)
{
    uint8_t data[4096], spare[4096];
    for (uint32_t i = 1; i <= d.pages; i++) {
        struct ese_page page;
        ese_page_parse(bytes_of(damaged_page(&d, i), d.page_size), i, &page);
        if (!(page.flags & ESE_PAGE_LONG_VALUE) || !(page.flags & ESE_PAGE_LEAF) ||
            (page.flags & ESE_PAGE_SPACE_TREE))
            continue;
        for (unsigned n = 0; n < ese_page_nodes(&page); n++) {
            struct ese_node node;
            struct ese_page_change change = {damaged_page(&d, i), spare, d.page_size, i, 0};
            ck_assert(ese_page_node(&page, n, &node, NULL));
            if (node.data.size < 3000)
                continue;
            memcpy(data, node.data.at, node.data.size);
            data[0] = first;
            ck_assert(ese_page_change_data(&change, n, bytes_of(data, node.data.size - 1000)));
            damaged_seal(&d, i);
            return true;
        }
    }
    return false;
}

/* Of a database that has no compression, and in one that has: by none of these can the chunk be
 * unpacked to its share. */
START_TEST(short_chunk)
{
    static const uint8_t first[] = {0x08, 0x10, 0x18, 0x20, 0x28, 0x2f, 0x30, 0x38, 0x40, 0xf8};
    bool old = _i < (int)ARRAY_SIZE(first);
    uint8_t byte = first[_i % (int)ARRAY_SIZE(first)];
    struct salvaged s;
    bool made = false;
    if (!old && byte >> ESE_COMPRESSION_SHIFT == ESE_COMPRESSION_XPRESS9)
        return; /* of which nobody here can tell */
    for (uint64_t seed = 1; !made; seed++) {
        ck_assert_uint_lt(seed, 50);
        open_random(seed, old ? 0x2 : 0x14);
        made = shorten_chunk(byte);
        if (!made)
            damaged_close(&d);
    }
    ck_assert(salvaged_soundly(&s, &d));
    ck_assert_uint_ge(s.told.kind[ESE_SALVAGE_CUT], 1);
    salvaged_close(&s);
    damaged_close(&d);
}
END_TEST

/* ---- values of rows ---- */

/* Lets the first value that stands in its row behind a header say that it is compressed. */
static bool say_compressed(const struct ese_table *t, uint32_t number)
{
    struct ese_page page;
    ese_page_parse(bytes_of(damaged_page(&d, number), d.page_size), number, &page);
    if (page.objid != t->objid || !(page.flags & ESE_PAGE_LEAF) ||
        (page.flags & (ESE_PAGE_SPACE_TREE | ESE_PAGE_INDEX | ESE_PAGE_LONG_VALUE)))
        return false;
    for (unsigned n = 0; n < ese_page_nodes(&page); n++) {
        struct ese_node node;
        struct ese_record record;
        ck_assert(ese_page_node(&page, n, &node, NULL));
        ck_assert(ese_record_on_page(&record, t, &page, node.data, NULL));
        unsigned count = ese_tagged_entries(&record);
        for (unsigned k = 0; k < count; k++) {
            struct ese_tagged_entry entry;
            ck_assert(ese_tagged_entry_at(&record, k, count, &entry, NULL));
            if (!(entry.word & RECORD_ENTRY_HAS_HEADER) || entry.data.size < 8 ||
                entry.data.at[0] != RECORD_HEADER_LONG)
                continue;
            uint8_t *at = damaged_page(&d, number) + (entry.data.at - page.raw.at);
            at[0] |= RECORD_HEADER_COMPRESSED;
            at[1] = ESE_COMPRESSION_XPRESS << ESE_COMPRESSION_SHIFT;
            memset(at + 2, 0xff, entry.data.size - 2);
            damaged_seal(&d, number);
            return true;
        }
    }
    return false;
}

static bool say_compressed_somewhere(void)
{
    struct ese_db *was = salvaged_over(d.before, d.size);
    bool made = false;
    ck_assert_ptr_nonnull(was);
    for (unsigned i = 0; !made && i < ese_catalog_tables(was->catalog); i++) {
        const struct ese_table *t = ese_catalog_table(was->catalog, i);
        for (uint32_t n = 1; !made && n <= d.pages && !ese_objid_is_catalog(t->objid); n++)
            made = say_compressed(t, n);
    }
    ese_db_close(was);
    return made;
}

START_TEST(value_that_cannot_be_unpacked)
{
    static const uint32_t revision[] = {0x9, 0x14};
    struct salvaged s;
    bool made = false;
    for (uint64_t seed = 1; !made; seed++) {
        ck_assert_uint_lt(seed, 50);
        open_random(seed, revision[_i]);
        made = say_compressed_somewhere();
        if (!made)
            damaged_close(&d);
    }
    ck_assert(salvaged_soundly(&s, &d));
    ck_assert_uint_ge(s.told.kind[ESE_SALVAGE_DOUBTFUL], 1);
    salvaged_close(&s);
    damaged_close(&d);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("salvage forms");
    TCase *chunks = tcase_create("chunks");
    TCase *values = tcase_create("values");
    tcase_set_timeout(chunks, 120);
    tcase_set_timeout(values, 120);
    tcase_add_loop_test(chunks, short_chunk, 0, 20);
    tcase_add_loop_test(values, value_that_cannot_be_unpacked, 0, 2);
    suite_add_tcase(suite, chunks);
    suite_add_tcase(suite, values);
    return check_run("salvage_forms", suite);
}
