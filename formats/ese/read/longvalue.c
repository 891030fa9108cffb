/* Reading long values: see longvalue.h. */
#include "formats/ese/read/longvalue.h"

#include "formats/ese/layout/compress.h"

enum { CHUNK_OVERHEAD_SMALL = 82, CHUNK_16K = 4050, CHUNK_32K = 8150, WIDE = 0x80 };

static void put_be(uint8_t *to, uint64_t value, size_t size)
{
    for (size_t i = 0; i < size; i++)
        to[i] = (uint8_t)(value >> 8 * (size - 1 - i));
}

bool ese_lv_key_read(struct bytes key, struct ese_lv_key *out)
{
    uint8_t first;
    if (!bytes_u8(key, 0, &first))
        return false;
    bool wide = first & WIDE;
    size_t lid_size = wide ? 8 : 4;
    if (key.size != lid_size && key.size != lid_size + 4)
        return false;
    *out = (struct ese_lv_key){.lid = bytes_number_be(bytes_of(key.at, lid_size)),
                               .wide = wide,
                               .root = key.size == lid_size};
    if (!out->root)
        bytes_be32(key, lid_size, &out->offset);
    return true;
}

size_t ese_lv_key_write(const struct ese_lv_key *key, uint8_t to[12])
{
    size_t lid_size = key->wide ? 8 : 4;
    put_be(to, key->lid, lid_size);
    if (key->root)
        return lid_size;
    put_be(to + lid_size, key->offset, 4);
    return lid_size + 4;
}

bool ese_lv_root_read(struct bytes data, struct ese_lv_root *out)
{
    if (data.size != 8 && data.size != 9)
        return false;
    *out = (struct ese_lv_root){.flags = 0};
    bytes_u8(data, 8, &out->flags);
    return bytes_le32(data, 0, &out->references) && bytes_le32(data, 4, &out->size);
}

uint32_t ese_lv_chunk_size(const struct ese_table *table, uint32_t page_size)
{
    if (table->long_value_chunk != 0)
        return table->long_value_chunk;
    if (ese_page_size_small(page_size))
        return page_size - CHUNK_OVERHEAD_SMALL;
    return page_size <= 16384 ? CHUNK_16K : CHUNK_32K;
}

/* ---- compressed or not ---- */

bool ese_unpacked_size(uint32_t revision, struct bytes stored, uint8_t *room, size_t *size,
                       struct fault *f)
{
    struct fault why = {.code = FAULT_NONE};
    if (revision < ESE_REVISION_LARGE_PAGES)
        return fault_set(f, FAULT_DAMAGED, "this revision of the format has no compression");
    if (ese_compression_of(stored) > ESE_COMPRESSION_LZ4)
        return fault_set(f, FAULT_DAMAGED, "there is no compression %u",
                         ese_compression_of(stored));
    if (ese_decompress(stored, room, ESE_DECOMPRESSED_MAX, size, &why) ||
        (why.code == FAULT_UNSUPPORTED && ese_decompressed_size(stored, size, &why)))
        return true;
    return fault_set(f, why.code, "%s", why.text);
}

bool ese_value_unpacks(uint32_t revision, const struct ese_value *value, uint8_t *room,
                       struct fault *f)
{
    struct fault why = {.code = FAULT_NONE};
    size_t size;
    return ese_unpacked_size(revision, value->data, room, &size, &why) ||
           why.code == FAULT_UNSUPPORTED || fault_set(f, why.code, "%s", why.text);
}

bool ese_lv_is_encrypted(uint32_t revision, const struct ese_lv_root *root)
{
    return revision >= ESE_REVISION_LARGE_PAGES && (root->flags & ESE_LV_ENCRYPTED);
}

bool ese_lv_fills_share(uint32_t revision, const struct ese_lv_root *root, struct bytes chunk,
                        uint32_t share, uint8_t *room)
{
    struct fault why = {.code = FAULT_NONE};
    size_t size;
    if (chunk.size == share || ese_lv_is_encrypted(revision, root))
        return true;
    if (chunk.size > share)
        return false;
    return ese_unpacked_size(revision, chunk, room, &size, &why) ? size == share
                                                                 : why.code == FAULT_UNSUPPORTED;
}

/* ---- reading ---- */

static bool find_root(struct ese_lv *lv, struct fault *f)
{
    uint8_t room[12];
    struct bytes key = bytes_of(room, ese_lv_key_write(&lv->key, room));
    enum ese_step step = ese_cursor_seek(&lv->cursor, key, f);
    if (step == ESE_STEP_FAULT)
        return false;
    struct ese_lv_key found;
    if (step == ESE_STEP_END || !bytes_equal(lv->cursor.key, key) ||
        !ese_lv_key_read(key, &found) || !found.root)
        return fault_set(f, FAULT_DAMAGED, "long value %llu is missing",
                         (unsigned long long)lv->key.lid);
    if (!ese_lv_root_read(lv->cursor.data, &lv->root))
        return fault_set(f, FAULT_DAMAGED,
                         "long value %llu: its root has %zu bytes, expected 8 or 9",
                         (unsigned long long)lv->key.lid, lv->cursor.data.size);
    return true;
}

bool ese_lv_open(struct ese_lv *lv, struct ese_pages *pages, const struct ese_table *table,
                 const struct ese_value *value, struct fault *f)
{
    ese_cursor_open(&lv->cursor, pages, table->long_value_root, table->long_value_objid);
    lv->key = (struct ese_lv_key){.lid = value->lid, .wide = value->wide_lid, .root = true};
    lv->chunk = ese_lv_chunk_size(table, ese_pages_size(pages));
    lv->at = 0;
    lv->stored = bytes_of(lv->room, 0);
    lv->root = (struct ese_lv_root){.size = 0};
    if (table->long_value_root == 0)
        return fault_set(f, FAULT_DAMAGED,
                         "a row refers to long value %llu, but the table has no long-value tree",
                         (unsigned long long)value->lid);
    return find_root(lv, f);
}

void ese_lv_close(struct ese_lv *lv)
{
    ese_cursor_close(&lv->cursor);
}

static bool chunk_fault(const struct ese_lv *lv, struct fault *f, const char *what)
{
    return fault_set(f, FAULT_DAMAGED, "long value %llu of %u bytes: the chunk at offset %u %s",
                     (unsigned long long)lv->key.lid, lv->root.size, lv->at, what);
}

/* A chunk shorter than its share is compressed. */
static bool unpack_chunk(struct ese_lv *lv, uint32_t share, struct bytes *run, struct fault *f)
{
    size_t size = 0;
    if (lv->root.flags & ESE_LV_ENCRYPTED) {
        fault_set(f, FAULT_UNSUPPORTED, "encrypted by the engine");
    } else if (!(lv->cursor.leaf->flags & ESE_PAGE_NEW_CHECKSUM)) {
        fault_set(f, FAULT_DAMAGED, "its page is older than compression");
    } else if (ese_decompress(lv->stored, lv->room, sizeof lv->room, &size, f)) {
        if (size != share)
            return chunk_fault(lv, f, "has not the size of its share");
        *run = bytes_of(lv->room, size);
        return true;
    }
    return fault_context(f, "long value %llu: the chunk at offset %u has %zu of %u bytes",
                         (unsigned long long)lv->key.lid, lv->at, lv->stored.size, share);
}

bool ese_lv_next(struct ese_lv *lv, struct bytes *run, struct fault *f)
{
    *run = bytes_of(lv->room, 0);
    if (lv->at >= lv->root.size)
        return true;
    struct ese_lv_key key;
    enum ese_step step = ese_cursor_next(&lv->cursor, f);
    if (step == ESE_STEP_FAULT)
        return false;
    if (step == ESE_STEP_END || !ese_lv_key_read(lv->cursor.key, &key) || key.root ||
        key.lid != lv->key.lid || key.wide != lv->key.wide || key.offset != lv->at)
        return chunk_fault(lv, f, "is missing");
    uint32_t left = lv->root.size - lv->at;
    uint32_t share = left < lv->chunk ? left : lv->chunk;
    lv->stored = lv->cursor.data;
    bool encrypted = lv->root.flags & ESE_LV_ENCRYPTED; /* then its size says nothing */
    if (lv->stored.size > share && !encrypted)
        return chunk_fault(lv, f, "is longer than its share");
    bool plain = lv->stored.size == share && !encrypted;
    bool whole = plain || unpack_chunk(lv, share, run, f);
    if (plain)
        *run = lv->stored;
    lv->at += share;
    return whole;
}

static bool gather(struct ese_lv *lv, struct ese_pages *pages, const struct ese_table *table,
                   const struct ese_value *value, size_t most, struct buffer *room, bool *cut,
                   struct fault *f)
{
    bool ok = ese_lv_open(lv, pages, table, value, f);
    if (ok && cut == NULL && lv->root.size > most)
        ok = fault_set(f, FAULT_LIMIT, "a value of %u bytes, expected at most %zu", lv->root.size,
                       most);
    while (ok && lv->at < lv->root.size && room->size < most) {
        struct bytes run;
        ok = ese_lv_next(lv, &run, f) &&
             (buffer_add(room, run) || fault_no_memory(f, "a long value"));
    }
    if (cut)
        *cut = ok && lv->at < lv->root.size;
    ese_lv_close(lv);
    return ok;
}

bool ese_value_bytes(struct ese_lv *lv, struct ese_pages *pages, const struct ese_table *table,
                     const struct ese_value *value, size_t most, struct buffer *room,
                     struct bytes *out, bool *cut, struct fault *f)
{
    size_t size;
    buffer_clear(room);
    if (cut)
        *cut = false;
    switch (value->kind) {
    case ESE_VALUE_NULL:
    case ESE_VALUE_PLAIN:
        *out = value->data;
        return true;
    case ESE_VALUE_ENCRYPTED:
        return fault_set(f, FAULT_UNSUPPORTED, "a value is encrypted by the engine");
    case ESE_VALUE_COMPRESSED:
        if (!buffer_reserve(room, ESE_DECOMPRESSED_MAX))
            return fault_no_memory(f, "a compressed value");
        if (!ese_decompress(value->data, room->at, ESE_DECOMPRESSED_MAX, &size, f))
            return false;
        room->size = size;
        break;
    case ESE_VALUE_SEPARATED:
        if (!gather(lv, pages, table, value, most, room, cut, f))
            return false;
        break;
    }
    *out = buffer_bytes(room);
    return true;
}
