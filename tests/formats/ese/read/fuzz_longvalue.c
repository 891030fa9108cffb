/*
 * Fuzz target: a tree of any entries as long values, and any reference into it.
 *
 * Input: a byte that chooses the page size and whether the catalog has a chunk size; 2 bytes of
 * chunk size; the size of the reference (4 or 8 bytes are taken) and its bytes; then the entries:
 * sizes of key and data (a byte each), key, data.
 */
#include "formats/ese/read/longvalue.h"
#include "tests/formats/ese/making.h"

enum { ROOT = 3, OBJID = 9, PAGES = 4, KEY_MOST = 20 };

static void expect(bool condition)
{
    if (!condition)
        abort();
}

static void fill(struct made *m, struct reader *r)
{
    make_page(m, ROOT, OBJID, ESE_PAGE_ROOT | ESE_PAGE_LEAF | ESE_PAGE_LONG_VALUE);
    while (reader_left(r) > 2) {
        uint8_t key_size = reader_u8(r) % KEY_MOST, data_size = reader_u8(r);
        struct bytes key = reader_take(r, key_size), data = reader_take(r, data_size);
        if (r->failed ||
            key.size + data.size + 16 > made_u16(made_page(m, ROOT) + ESE_PAGE_FREE_AT))
            return;
        make_node(m, ROOT, 0, key, data);
    }
}

static void read_value(struct ese_pages *pages, const struct ese_table *table,
                       const struct ese_value *value)
{
    static struct ese_lv lv;
    struct fault f = {.code = FAULT_NONE};
    struct bytes run;
    uint64_t given = 0;
    bool ok = ese_lv_open(&lv, pages, table, value, &f), whole = ok;
    expect(ok || f.code != FAULT_NONE);
    while (ok && lv.at < lv.root.size) {
        uint32_t before = lv.at;
        f.code = FAULT_NONE;
        if (ese_lv_next(&lv, &run, &f)) {
            expect(run.size == lv.at - before && run.size > 0);
            given += run.size;
            continue;
        }
        expect(f.code != FAULT_NONE && f.text[0] != '\0');
        whole = false;
        ok = lv.at != before;
    }
    expect(!whole || given == lv.root.size);
    if (ok) {
        expect(ese_lv_next(&lv, &run, &f));
        expect(run.size == 0);
    }
    ese_lv_close(&lv);
}

static void check_key(struct bytes key)
{
    struct ese_lv_key read;
    uint8_t written[12];
    if (ese_lv_key_read(key, &read))
        expect(bytes_equal(bytes_of(written, ese_lv_key_write(&read, written)), key));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct reader r = reader_of(bytes_of(data, size));
    uint8_t choice = reader_u8(&r);
    uint16_t chunk = reader_le16(&r);
    struct ese_value value = {.kind = ESE_VALUE_SEPARATED, .wide_lid = reader_u8(&r) & 1};
    value.lid = value.wide_lid ? reader_le64(&r) : reader_le32(&r);
    if (r.failed)
        return 0;
    struct made m = make_database((uint32_t)ESE_PAGE_SIZE_MIN << choice % 5,
                                  choice & 0x40 ? ESE_REVISION_ESE97 : 0x14, PAGES);
    fill(&m, &r);
    uint8_t *count = made_page(&m, ROOT) + ESE_PAGE_TAG_COUNT_AT;
    for (unsigned i = 1; i < made_u16(count); i++) {
        struct bytes node = bytes_of(made_tag_bytes(&m, ROOT, i), made_u16(made_tag(&m, ROOT, i)));
        check_key(bytes_of(node.at + 2, made_u16(node.at)));
    }
    make_sum(&m, ROOT);
    struct ese_table table = {.long_value_root = ROOT, .long_value_objid = OBJID};
    table.long_value_chunk = choice & 0x80 ? 0 : chunk;
    struct ese_file *file;
    struct ese_pages *pages = NULL;
    expect(ese_file_over(made_bytes(&m), &file, NULL));
    expect(ese_pages_open(file, m.page_size, &pages, NULL));
    read_value(pages, &table, &value);
    ese_pages_close(pages);
    ese_file_close(file);
    made_free(&m);
    return 0;
}
