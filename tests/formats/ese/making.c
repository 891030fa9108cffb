/* Small databases in memory: see making.h. */
#include "tests/formats/ese/making.h"

void make_u16(uint8_t *at, uint32_t value)
{
    at[0] = (uint8_t)value;
    at[1] = (uint8_t)(value >> 8);
}

void make_u32(uint8_t *at, uint32_t value)
{
    plain_put(at, value);
}

uint32_t made_u16(const uint8_t *at)
{
    return at[0] | (uint32_t)at[1] << 8;
}

struct bytes made_bytes(const struct made *m)
{
    return bytes_of(m->bytes, m->size);
}

void made_free(struct made *m)
{
    free(m->bytes);
    m->bytes = NULL;
}

uint8_t *made_page(const struct made *m, long number)
{
    return m->bytes + (size_t)(number + 1) * m->page_size;
}

/* ---- the header ---- */

void make_header_sums(struct made *m)
{
    for (long i = -1; i <= 0; i++)
        plain_put(made_page(m, i), plain_xor(made_page(m, i), m->page_size));
}

struct made make_database(uint32_t page_size, uint32_t revision, uint32_t last)
{
    struct made m = {.size = ((size_t)last + 2) * page_size,
                     .page_size = page_size,
                     .revision = revision,
                     .last = last};
    m.bytes = calloc(m.size, 1);
    if (m.bytes == NULL)
        abort();
    for (long i = -1; i <= 0; i++) {
        uint8_t *h = made_page(&m, i);
        make_u32(h + ESE_HEADER_MAGIC_AT, 0x89abcdef);
        make_u32(h + ESE_HEADER_VERSION_AT, 0x620);
        make_u32(h + ESE_HEADER_DBTIME_AT, 100);
        make_u32(h + ESE_HEADER_STATE_AT, 3);
        make_u32(h + ESE_HEADER_OBJID_LAST_AT, 50);
        make_u32(h + ESE_HEADER_REVISION_AT, revision);
        make_u32(h + ESE_HEADER_PAGE_SIZE_AT, page_size);
    }
    make_header_sums(&m);
    return m;
}

/* ---- pages, tags and nodes ---- */

size_t made_header_size(const struct made *m)
{
    return m->page_size > 8192 ? 80 : 40;
}

uint8_t *made_tag(const struct made *m, uint32_t page, unsigned tag)
{
    return made_page(m, page) + m->page_size - 4 * ((size_t)tag + 1);
}

uint8_t *made_tag_bytes(const struct made *m, uint32_t page, unsigned tag)
{
    uint32_t mask = m->page_size > 8192 ? 0x7fff : 0x1fff;
    return made_page(m, page) + made_header_size(m) + (made_u16(made_tag(m, page, tag) + 2) & mask);
}

unsigned make_tag(struct made *m, uint32_t page, unsigned flags, struct bytes data)
{
    uint8_t *p = made_page(m, page);
    unsigned number = made_u16(p + ESE_PAGE_TAG_COUNT_AT) & 0xfff;
    uint32_t offset = made_u16(p + ESE_PAGE_FIRST_FREE_AT);
    uint32_t left = made_u16(p + ESE_PAGE_FREE_AT);
    if (data.size + 4 > left)
        abort(); /* the test puts more on the page than fits */
    if (data.size > 0)
        memcpy(p + made_header_size(m) + offset, data.at, data.size);
    make_u16(p + ESE_PAGE_FIRST_FREE_AT, offset + (uint32_t)data.size);
    make_u16(p + ESE_PAGE_FREE_AT, left - (uint32_t)data.size - 4);
    make_u16(p + ESE_PAGE_TAG_COUNT_AT, made_u16(p + ESE_PAGE_TAG_COUNT_AT) + 1);
    make_u16(made_tag(m, page, number), (uint32_t)data.size);
    make_u16(made_tag(m, page, number) + 2, offset | flags << 13);
    return number;
}

void make_page_with(struct made *m, uint32_t page, uint32_t objid, uint32_t flags,
                    struct bytes external)
{
    uint8_t *p = made_page(m, page);
    memset(p, 0, m->page_size);
    if (m->revision >= ESE_REVISION_ESE98)
        flags |= ESE_PAGE_NEW_RECORD_FORMAT;
    if (m->revision >= ESE_REVISION_ECC)
        flags |= ESE_PAGE_NEW_CHECKSUM;
    make_u32(p + ESE_PAGE_DBTIME_AT, 50);
    make_u32(p + ESE_PAGE_OBJID_AT, objid);
    make_u32(p + ESE_PAGE_FLAGS_AT, flags);
    make_u16(p + ESE_PAGE_FREE_AT, m->page_size - (uint32_t)made_header_size(m));
    if (m->page_size > 8192)
        make_u32(p + ESE_PAGE_NUMBER_AT, page);
    make_tag(m, page, 0, external);
}

void make_page(struct made *m, uint32_t page, uint32_t objid, uint32_t flags)
{
    struct bytes external = RAW("\1\0\0\0\1\0\0\0\0\0\0\0\0\0\0\0");
    if (!(flags & ESE_PAGE_ROOT))
        external.size = 0;
    make_page_with(m, page, objid, flags, external);
}

/* A node's bytes: how much of the page's prefix its key takes (flag COMPRESSED only), the rest of
 * the key, the data. */
static size_t make_node_bytes(const struct made *m, unsigned flags, unsigned prefix,
                              struct bytes key, struct bytes data, uint8_t *to)
{
    size_t at = 0;
    if (flags & ESE_NODE_COMPRESSED) {
        make_u16(to, prefix);
        at = 2;
    }
    make_u16(to + at, (uint32_t)key.size);
    at += 2;
    if (m->page_size > 8192)
        to[1] = (uint8_t)(to[1] | flags << 5);
    if (key.size > 0)
        memcpy(to + at, key.at, key.size);
    if (data.size > 0)
        memcpy(to + at + key.size, data.at, data.size);
    return at + key.size + data.size;
}

unsigned make_prefixed_node(struct made *m, uint32_t page, unsigned flags, unsigned prefix,
                            struct bytes key, struct bytes data)
{
    uint8_t *node = malloc(key.size + data.size + 4);
    if (node == NULL)
        abort();
    size_t size = make_node_bytes(m, flags, prefix, key, data, node);
    unsigned tag = make_tag(m, page, m->page_size > 8192 ? 0 : flags, bytes_of(node, size));
    free(node);
    return tag;
}

unsigned make_node(struct made *m, uint32_t page, unsigned flags, struct bytes key,
                   struct bytes data)
{
    return make_prefixed_node(m, page, flags, 0, key, data);
}

unsigned make_branch(struct made *m, uint32_t page, struct bytes key, uint32_t child)
{
    uint8_t data[4];
    make_u32(data, child);
    return make_node(m, page, 0, key, bytes_of(data, 4));
}

void make_sum(struct made *m, uint32_t page)
{
    uint8_t *p = made_page(m, page);
    plain_set(p, m->page_size, page, plain_word(p + ESE_PAGE_FLAGS_AT) & ESE_PAGE_NEW_CHECKSUM);
}

void make_sums(struct made *m)
{
    make_header_sums(m);
    for (uint32_t page = 1; page <= m->last; page++)
        if (plain_word(made_page(m, page) + ESE_PAGE_OBJID_AT) != 0)
            make_sum(m, page);
}

/* ---- records ---- */

/* A record without tagged columns.  fixed: the columns from byte 4 on; null_bits: their bitmap;
 * variable: the values of the columns from 128 on, at == NULL for null.  Returns its size. */
static size_t make_record(uint8_t *to, unsigned last_fixed, struct bytes fixed,
                          struct bytes null_bits, const struct bytes *variable, unsigned variables)
{
    size_t fixed_end = 4 + fixed.size + null_bits.size, offsets = fixed_end;
    to[0] = (uint8_t)last_fixed;
    to[1] = (uint8_t)(127 + variables);
    make_u16(to + 2, (uint32_t)fixed_end);
    if (fixed.size > 0)
        memcpy(to + 4, fixed.at, fixed.size);
    if (null_bits.size > 0)
        memcpy(to + 4 + fixed.size, null_bits.at, null_bits.size);
    uint8_t *data = to + offsets + 2 * (size_t)variables;
    uint32_t end = 0;
    for (unsigned i = 0; i < variables; i++) {
        if (variable[i].size > 0)
            memcpy(data + end, variable[i].at, variable[i].size);
        end += (uint32_t)variable[i].size;
        make_u16(to + offsets + 2 * (size_t)i, end | (variable[i].at ? 0 : 0x8000u));
    }
    return (size_t)(data - to) + end;
}

/* ---- the catalog ---- */

static struct bytes made_string(const char *text)
{
    return text ? bytes_of(text, strlen(text)) : (struct bytes){.at = NULL};
}

static size_t make_object_record(uint8_t *to, const struct made_object *o)
{
    uint8_t fixed[39] = {0};
    make_u32(fixed, o->table);
    make_u16(fixed + 4, o->type);
    make_u32(fixed + 6, o->id);
    make_u32(fixed + 10, o->coltype_or_root);
    make_u32(fixed + 14, o->space);
    make_u32(fixed + 18, o->flags);
    make_u32(fixed + 22, o->pages_or_locale);
    make_u16(fixed + 27, o->offset);
    make_u32(fixed + 35, o->chunk);
    const struct bytes variable[] = {made_string(o->name),
                                     {.at = NULL},
                                     made_string(o->parent),
                                     o->default_value,
                                     o->key_columns};
    return make_record(to, 12, bytes_of(fixed, sizeof fixed), RAW("\x80\xf6"), variable, 5);
}

unsigned make_object(struct made *m, uint32_t page, const struct made_object *o)
{
    uint8_t record[512];
    uint8_t key[] = {0x7f,
                     (uint8_t)(0x80 | o->table >> 24),
                     (uint8_t)(o->table >> 16),
                     (uint8_t)(o->table >> 8),
                     (uint8_t)o->table,
                     0x7f,
                     (uint8_t)(0x80 | o->type >> 8),
                     (uint8_t)o->type,
                     0x7f,
                     (uint8_t)(0x80 | o->id >> 24),
                     (uint8_t)(o->id >> 16),
                     (uint8_t)(o->id >> 8),
                     (uint8_t)o->id};
    size_t size = make_object_record(record, o);
    return make_node(m, page, 0, bytes_of(key, sizeof key), bytes_of(record, size));
}
