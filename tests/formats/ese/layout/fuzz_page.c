/*
 * Fuzz target: any bytes as a page.  The first byte chooses the page size; of the rest the last 128
 * become the page's end, where its tags are, and what is before them its start.
 */
#include "formats/ese/layout/page.h"

#include <stdlib.h>

enum { TAIL_MOST = 128, KEY_ROOM = 300 };

static void expect(bool condition)
{
    if (!condition)
        abort();
}

static void expect_inside(const struct ese_page *page, struct bytes part)
{
    const uint8_t *start = page->raw.at + ese_page_header_size(page);
    const uint8_t *end = page->raw.at + page->raw.size - 4 * (size_t)page->tags;
    expect(part.size == 0 || (part.at >= start && part.at + part.size <= end));
}

static void read_page(const struct ese_page *page)
{
    struct fault f;
    for (unsigned i = 0; i <= page->tags; i++) {
        struct ese_tag tag;
        struct bytes at;
        f.code = FAULT_NONE;
        if (ese_page_tag(page, i, &tag, &at, &f)) {
            expect(i < page->tags && at.size == tag.size);
            expect_inside(page, at);
        } else {
            expect(f.code == FAULT_DAMAGED);
        }
    }
    expect_inside(page, ese_page_external_header(page));
    for (unsigned i = 0; i <= ese_page_nodes(page); i++) {
        struct ese_node node;
        uint8_t room[KEY_ROOM];
        struct bytes key;
        f.code = FAULT_NONE;
        if (!ese_page_node(page, i, &node, &f)) {
            expect(f.code == FAULT_DAMAGED);
            continue;
        }
        expect(i < ese_page_nodes(page) && node.flags < 8);
        expect_inside(page, node.prefix);
        expect_inside(page, node.suffix);
        expect_inside(page, node.data);
        size_t key_size = node.prefix.size + node.suffix.size;
        expect(ese_node_key(&node, room, sizeof room, &key) == (key_size <= sizeof room));
        expect(ese_node_child(&node) == 0 || node.data.size == 4);
    }
}

/* What setting writes verifies; one flip is then found and, where the code can, named. */
static void check_sums(uint8_t *raw, size_t size, uint32_t number, uint32_t bit)
{
    bit %= (uint32_t)size * 8;
    ese_checksum_set(raw, size, number);
    expect(ese_checksum_verify(bytes_of(raw, size), number).state == ESE_CHECKSUM_GOOD);
    raw[bit / 8] ^= (uint8_t)(1 << bit % 8);
    struct ese_checksum_verdict verdict = ese_checksum_verify(bytes_of(raw, size), number);
    expect(verdict.state != ESE_CHECKSUM_GOOD);
    if (verdict.state == ESE_CHECKSUM_ONE_BIT)
        expect(verdict.bit == bit);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 1)
        return 0;
    size_t page_size = (size_t)ESE_PAGE_SIZE_MIN << data[0] % 5;
    data++;
    size--;
    size_t tail = size < TAIL_MOST ? size : TAIL_MOST, head = size - tail;
    if (head > page_size - tail)
        head = page_size - tail;
    uint8_t *raw = calloc(page_size, 1); /* exact, for AddressSanitizer */
    expect(raw != NULL);
    memcpy(raw, data, head);
    memcpy(raw + page_size - tail, data + size - tail, tail);
    struct ese_page page;
    ese_page_parse(bytes_of(raw, page_size), 7, &page);
    read_page(&page);
    check_sums(raw, page_size, 7, (uint32_t)page.dbtime);
    free(raw);
    return 0;
}
