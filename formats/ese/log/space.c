/*
 * Records that make trees: their root pages, and the space of those.  See log/parts.h.
 *
 * Source: the published engine, ese/space.cxx (SPICreateExtentTree, ErrSPICreateSingle,
 * SPIConvertCalcExtents, SPIPerformConvert), ese/_log/logredo.cxx.
 */
#include "formats/ese/log/parts.h"
#include "formats/ese/read/space.h"

enum {
    SPACE_MULTIPLE = 0x1,
    SPACE_NON_UNIQUE = 0x2,
    SMALL_PAGES = 32, /* pages behind the root that a single extent has bits for */
    EXTENT_KEY = 4,
    EXTENTS_MOST = SMALL_PAGES / 2 + 2,
    OWNED_ROOT_AT =
        12, /* in a space header: the root of owned extents, or a single extent's bits */
    EXTERNAL_MOST = 64, /* bytes of an external header with further fields */
    MULTIPLE_LEAST = 3, /* the root and the roots of its two space trees */
};

struct extent {
    uint32_t last, count;
};

/* Where the space header stands in an external header.  With further fields a byte tells which, and
 * the space header is the first of them. */
static size_t space_header_at(struct bytes external)
{
    return external.size > ESE_SPACE_HEADER_SIZE && (external.at[0] & 1) ? 1 : 0;
}

bool log_space_put_header(const struct ese_page_change *page, struct bytes header)
{
    uint8_t whole[EXTERNAL_MOST];
    struct ese_page p;
    if (header.size != ESE_SPACE_HEADER_SIZE)
        return false;
    ese_page_parse(bytes_of(page->raw, page->size), page->number, &p);
    struct bytes old = ese_page_external_header(&p);
    size_t at = space_header_at(old);
    if (at == 0)
        return ese_page_change_external(page, header);
    if (old.size > sizeof whole)
        return false;
    memcpy(whole, old.at, old.size);
    memcpy(whole + at, header.at, header.size);
    return ese_page_change_external(page, bytes_of(whole, old.size));
}

bool log_space_owned_root(const struct ese_page_change *page, uint32_t number)
{
    uint8_t header[ESE_SPACE_HEADER_SIZE];
    struct ese_page p;
    struct bytes old;
    ese_page_parse(bytes_of(page->raw, page->size), page->number, &p);
    struct bytes external = ese_page_external_header(&p);
    if (!bytes_cut(external, space_header_at(external), sizeof header, &old))
        return false;
    memcpy(header, old.at, sizeof header);
    bytes_put_le32(header + OWNED_ROOT_AT, number);
    return log_space_put_header(page, bytes_of(header, sizeof header));
}

static bool put_space_header(const struct ese_page_change *page, uint32_t primary, uint32_t parent,
                             uint32_t flags, uint32_t last)
{
    uint8_t header[ESE_SPACE_HEADER_SIZE];
    bytes_put_le32(header, primary);
    bytes_put_le32(header + 4, parent);
    bytes_put_le32(header + 8, flags);
    bytes_put_le32(header + OWNED_ROOT_AT, last);
    return log_space_put_header(page, bytes_of(header, sizeof header));
}

/* An extent into a space tree's root, in the order of the keys. */
static bool put_extent(const struct ese_page_change *page, struct extent extent)
{
    uint8_t key[EXTENT_KEY], data[4];
    unsigned line = 0;
    struct ese_page p;
    bytes_put_be32(key, extent.last);
    bytes_put_le32(data, extent.count);
    ese_page_parse(bytes_of(page->raw, page->size), page->number, &p);
    for (; line < ese_page_nodes(&p); line++) {
        struct ese_node node;
        if (!ese_page_node(&p, line, &node, NULL) ||
            bytes_compare(node.suffix, bytes_of(key, sizeof key)) > 0)
            break;
    }
    struct ese_node node = {.prefix = bytes_of(key, 0),
                            .suffix = bytes_of(key, sizeof key),
                            .data = bytes_of(data, sizeof data)};
    return ese_page_change_insert(page, line, &node);
}

static bool make_extent_root(struct ese_replay *r, const struct ese_log_page *p,
                             struct log_target *t, uint32_t objid, uint32_t flags, struct fault *f)
{
    static const uint8_t buffer[ESE_SPLIT_BUFFER_SIZE];
    log_target_init(r, t, objid, p->after,
                    flags | ESE_PAGE_ROOT | ESE_PAGE_LEAF | ESE_PAGE_SPACE_TREE);
    return ese_page_change_external(&t->frame->page, bytes_of(buffer, sizeof buffer)) ||
           log_misfit(r, p->page, "no room for a space tree", f);
}

static uint32_t space_flags(const struct ese_log_page *p, bool multiple)
{
    return (multiple ? SPACE_MULTIPLE : 0u) |
           (p->flags & ESE_LOG_UNIQUE ? 0u : (uint32_t)SPACE_NON_UNIQUE);
}

static bool create_root(struct ese_replay *r, const struct ese_log_page *p, uint32_t objid,
                        uint32_t flags, uint32_t primary, uint32_t parent, bool multiple,
                        uint32_t last, struct fault *f)
{
    struct log_target t;
    if (!log_target_new(r, p->page, p->after, &t, f))
        return false;
    if (!t.needed)
        return true;
    r->summary.redone++;
    log_target_init(r, &t, objid, p->after, flags | ESE_PAGE_ROOT | ESE_PAGE_LEAF);
    return put_space_header(&t.frame->page, primary, parent, space_flags(p, multiple), last) ||
           log_misfit(r, p->page, "no room for its space header", f);
}

static bool create_extent_root(struct ese_replay *r, const struct ese_log_page *p, uint32_t number,
                               uint32_t objid, uint32_t flags, struct extent extent,
                               struct fault *f)
{
    struct log_target t;
    if (!log_target_new(r, number, p->after, &t, f))
        return false;
    if (!t.needed)
        return true;
    if (!make_extent_root(r, p, &t, objid, flags, f))
        return false;
    return extent.count == 0 || put_extent(&t.frame->page, extent) ||
           log_misfit(r, number, "no room for an extent", f);
}

bool log_redo_create(struct ese_replay *r, const struct ese_log_record *record,
                     const struct ese_log_page *p, struct fault *f)
{
    struct bytes b = record->bytes;
    uint32_t objid = bytes_get_le32(b, 32);
    if (record->type == ESE_LOG_CREATE_SINGLE) {
        uint32_t primary = bytes_get_le32(b, 40), bits = 0;
        for (uint32_t i = 1; i < primary && i <= SMALL_PAGES; i++)
            bits = bits << 1 | 1;
        return create_root(r, p, objid, bytes_get_le32(b, 44), primary, bytes_get_le32(b, 36),
                           false, bits, f);
    }
    uint32_t owned = bytes_get_le32(b, 36), available = bytes_get_le32(b, 40),
             primary = bytes_get_le32(b, 48);
    uint32_t flags = bytes_get_le32(b, 52), last = p->page + primary - 1;
    uint32_t left = primary > MULTIPLE_LEAST ? primary - MULTIPLE_LEAST : 0;
    return create_root(r, p, objid, flags, primary, bytes_get_le32(b, 44), true, owned, f) &&
           create_extent_root(r, p, available, objid, flags, (struct extent){last, left}, f) &&
           create_extent_root(r, p, owned, objid, flags, (struct extent){last, primary}, f);
}

/* ---- from one extent to several ---- */

/* The free pages of a single extent as extents, the last one first. */
static unsigned free_extents(uint32_t root, uint32_t primary, uint32_t bits,
                             struct extent extent[EXTENTS_MOST])
{
    unsigned count = 0;
    if (primary > SMALL_PAGES + 1) {
        extent[count++] = (struct extent){root + primary - 1, primary - SMALL_PAGES - 1};
    }
    for (unsigned i = SMALL_PAGES; i-- > 0;) {
        uint32_t page = root + 1 + i;
        if (!(bits >> i & 1))
            continue;
        struct extent *before = count ? &extent[count - 1] : NULL;
        if (before && before->last - before->count == page)
            before->count++;
        else if (count < EXTENTS_MOST)
            extent[count++] = (struct extent){page, 1};
    }
    return count;
}

bool log_redo_convert(struct ese_replay *r, const struct ese_log_record *record,
                      const struct ese_log_page *p, struct fault *f)
{
    struct bytes b = record->bytes;
    uint32_t objid = bytes_get_le32(b, 32), owned = bytes_get_le32(b, 36),
             available = bytes_get_le32(b, 40);
    uint32_t parent = bytes_get_le32(b, 44), second = bytes_get_le32(b, 48),
             primary = bytes_get_le32(b, 52);
    uint32_t second_count = bytes_get_le32(b, 56), bits = bytes_get_le32(b, 60),
             flags = bytes_get_le32(b, 64);
    struct log_target root, oe, ae;
    struct extent extent[EXTENTS_MOST];
    bool ok = true;
    if (!log_target(r, p->page, p->after, p->before, &root, f) ||
        !log_target_new(r, owned, p->after, &oe, f) ||
        !log_target_new(r, available, p->after, &ae, f))
        return false;
    if (oe.needed) {
        if (!make_extent_root(r, p, &oe, objid, flags, f))
            return false;
        ok =
            put_extent(&oe.frame->page, (struct extent){second + second_count - 1, second_count}) &&
            put_extent(&oe.frame->page, (struct extent){p->page + primary - 1, primary});
    }
    if (ae.needed) {
        unsigned count = free_extents(p->page, primary, bits, extent);
        if (!make_extent_root(r, p, &ae, objid, flags, f))
            return false;
        if (second_count > 2)
            ok = ok && put_extent(&ae.frame->page,
                                  (struct extent){second + second_count - 1, second_count - 2});
        for (unsigned i = 0; i < count; i++)
            ok = ok && put_extent(&ae.frame->page, extent[i]);
    }
    if (root.needed) {
        ok = ok &&
             put_space_header(&root.frame->page, primary, parent, space_flags(p, true), second);
        log_target_done(&root, p->after);
        r->summary.redone++;
    }
    return ok || log_misfit(r, p->page, "no room for its extents", f);
}
