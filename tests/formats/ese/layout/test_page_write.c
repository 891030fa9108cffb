/* What is written of a page is what is read of it: random nodes, on every size of page. */
#include "formats/ese/layout/page_write.h"
#include "tests/check_main.h"

static const uint32_t sizes[] = {2048, 4096, 8192, 16384, 32768};

struct written {
    struct ese_node node;
    uint8_t key[40], data[200];
};

static uint64_t state;

static unsigned next_random(unsigned below)
{
    state = state * 6364136223846793005u + 1442695040888963407u;
    return (unsigned)(state >> 33) % below;
}

static void make_node(struct written *w, size_t prefix)
{
    size_t taken = next_random(2) ? next_random((unsigned)prefix + 1) : 0;
    for (size_t i = 0; i < sizeof w->key; i++)
        w->key[i] = (uint8_t)next_random(256);
    for (size_t i = 0; i < sizeof w->data; i++)
        w->data[i] = (uint8_t)next_random(256);
    w->node = (struct ese_node){.prefix = {.size = taken},
                                .suffix = bytes_of(w->key, next_random(sizeof w->key)),
                                .data = bytes_of(w->data, next_random(sizeof w->data)),
                                .flags = (uint8_t)next_random(4)};
}

static void check_node(const struct ese_page *page, unsigned i, const struct written *w)
{
    struct ese_node read;
    struct fault f;
    ck_assert_msg(ese_page_node(page, i, &read, &f), "%s", f.text);
    ck_assert_uint_eq(read.prefix.size, w->node.prefix.size);
    ck_assert(bytes_equal(read.suffix, w->node.suffix));
    ck_assert(bytes_equal(read.data, w->node.data));
    ck_assert_uint_eq(read.flags, w->node.flags | (read.prefix.size ? ESE_NODE_COMPRESSED : 0u));
}

START_TEST(nodes_are_read_as_they_were_written)
{
    static struct written w[10000];
    static uint8_t raw[ESE_PAGE_SIZE_MAX];
    uint32_t size = sizes[_i % 5], header = ese_page_size_header(size), used = 20, tags = 1;
    state = (uint64_t)_i + 1;
    memset(raw, 0, sizeof raw);
    raw[ESE_PAGE_TAG_COUNT_AT + 1] = 0x10; /* one reserved tag, as newer formats say */
    ese_page_write_tag(raw, size, 0, 0, used, 0);
    for (;; tags++) {
        make_node(&w[tags], used < 20 ? used : 20);
        if (header + used + ese_page_node_size(&w[tags].node) + ESE_TAG_SIZE * (tags + 1) > size)
            break;
        used += ese_page_write_node(raw, size, tags, used, &w[tags].node);
    }
    ese_page_write_header(raw, size,
                          &(struct ese_page){.number = 77,
                                             .dbtime = 0x123456789ab,
                                             .prev = 5,
                                             .next = 6,
                                             .objid = 9,
                                             .flags = ESE_PAGE_LEAF});
    ese_page_write_room(raw, size, used, tags);
    struct ese_page page;
    ese_page_parse(bytes_of(raw, size), 77, &page);
    ck_assert(page.dbtime == 0x123456789ab && page.prev == 5 && page.next == 6 && page.objid == 9 &&
              page.flags == ESE_PAGE_LEAF);
    ck_assert_uint_eq(page.reserved, 1);
    ck_assert_uint_eq(page.free_bytes, size - header - used - ESE_TAG_SIZE * tags);
    ck_assert_uint_eq(page.first_free, used);
    ck_assert_uint_eq(ese_page_nodes(&page), tags - 1);
    for (unsigned i = 0; i + 1 < tags; i++)
        check_node(&page, i, &w[i + 1]);
}
END_TEST

int main(void)
{
    return check_main("page_write",
                      (const struct check_case[]){{nodes_are_read_as_they_were_written, 50}, {0}});
}
