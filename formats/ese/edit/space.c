/*
 * Taking pages for a tree that is changed in place, and giving them back: see edit/parts.h.
 *
 * A tree takes pages from its own free ones; when there are none, it gets an extent from the tree
 * that its space comes from, which does the same; the database's root makes the file longer.  Free
 * pages that a table does not need stay the table's, as with the engine.  The few pages that newer
 * engines keep in the split buffers of space trees are left there.
 *
 * Order matters: a tree of extents may need pages for its own split.  A tree of owned extents takes
 * them from the extent that is being added to it; a tree of free extents that is full has free
 * pages enough.
 *
 * Source: the published engine, inc/space.hxx, ese/space.cxx (ErrSPIConvertToMultipleExtent,
 * ErrSPGetExt, ErrSPFreeExt).
 */
#include "formats/ese/edit/parts.h"

#include "formats/array.h"
#include "formats/ese/layout/page_write.h"

enum {
    BITS = ESE_SPACE_SINGLE_MOST - 1,
    SPACE_MULTIPLE = 0x1,
    SPACE_FLAGS_AT = 8,
    SPACE_LAST_AT = 12, /* the bitmap, or the root of the owned extents */
    COUNTER_AT = 1 + ESE_SPACE_HEADER_SIZE,
    EXTENT_SIZE = 4, /* of key and of data */
    SPACE_ROOTS = 2, /* pages that a tree needs when it gets its second extent */
    OWN_SPLIT = 4,   /* pages for a split of a tree of owned extents */
    GROW_TREE = 4,   /* pages that a tree gets at once, when there are as many */
    GROW_FILE = 16,
    ROOM_FOR_EXTENT = 32, /* bytes; more than a node of an extent takes */
};

struct space {
    struct ese_inplace *ip;
    uint32_t root, objid;
    struct ese_space header;
    size_t header_at; /* of SPACE_HEADER in the page */
    uint32_t flags;   /* of the root page */
};

static bool read_space(struct ese_inplace *ip, uint32_t root, uint32_t objid, struct space *s,
                       struct fault *f)
{
    const struct ese_page *page;
    *s = (struct space){.ip = ip, .root = root, .objid = objid};
    if (!ese_pages_get_sound(ip->db->pages, root, &page, f))
        return false;
    bool ok = ese_space_read(page, &s->header, f);
    if (ok && (page->objid != objid || !(page->flags & ESE_PAGE_ROOT)))
        ok = fault_set(f, FAULT_DAMAGED, "page %u is not the root of object %u", root, objid);
    if (ok) {
        struct bytes external = ese_page_external_header(page);
        s->header_at =
            (size_t)(external.at - page->raw.at) + (external.size != ESE_SPACE_HEADER_SIZE);
        s->flags = page->flags;
    }
    ese_pages_put(ip->db->pages, page);
    if (ok && !s->header.multiple &&
        (s->header.pages == 0 || s->header.pages > ESE_SPACE_SINGLE_MOST || root == ESE_PGNO_ROOT))
        ok = fault_set(f, FAULT_DAMAGED, "page %u: a single extent of %u pages", root,
                       s->header.pages);
    return ok;
}

static bool write_header(struct space *s, size_t at, uint32_t value, struct fault *f)
{
    struct inplace_page *page = inplace_change(s->ip, s->root, f);
    if (page == NULL)
        return false;
    bytes_put_le32(page->raw + s->header_at + at, value);
    inplace_changed(page);
    return true;
}

static struct inplace_tree extents_of(const struct space *s, bool available)
{
    return (struct inplace_tree){.ip = s->ip,
                                 .root =
                                     available ? s->header.available_root : s->header.owned_root,
                                 .objid = s->objid,
                                 .owner = s->root,
                                 .unique = true,
                                 .space = true};
}

/* ---- extents in their trees ---- */

struct extent_node {
    uint8_t key[EXTENT_SIZE], data[EXTENT_SIZE];
};

static struct bytes key_of(struct extent_node *node, uint32_t last)
{
    bytes_put_be32(node->key, last);
    return bytes_of(node->key, sizeof node->key);
}

static struct bytes data_of(struct extent_node *node, uint32_t count)
{
    bytes_put_le32(node->data, count);
    return bytes_of(node->data, sizeof node->data);
}

static bool insert_extent(const struct inplace_tree *t, uint32_t first, uint32_t count,
                          struct fault *f)
{
    struct extent_node node;
    return inplace_insert(t, key_of(&node, first + count - 1), data_of(&node, count), NULL, f);
}

static bool resize_extent(const struct inplace_tree *t, struct bytes key, uint32_t count,
                          struct fault *f)
{
    struct extent_node node;
    struct inplace_target target = {.key = key};
    bool found;
    return inplace_replace(t, &target, data_of(&node, count), &found, f) &&
           (found || fault_set(f, FAULT_DAMAGED, "an extent of object %u is gone", t->objid));
}

static bool remove_extent(const struct inplace_tree *t, struct bytes key, struct fault *f)
{
    struct inplace_target target = {.key = key};
    bool found;
    return inplace_remove(t, &target, &found, f) &&
           (found || fault_set(f, FAULT_DAMAGED, "an extent of object %u is gone", t->objid));
}

/* The first extent that ends with `last` or behind it.  *there false: none. */
static bool extent_from(const struct inplace_tree *t, uint32_t last, struct ese_extent *extent,
                        bool *there, struct fault *f)
{
    struct extent_node node;
    struct inplace_spot spot;
    bool ok = inplace_seek(t, key_of(&node, last), bytes_of(node.data, 0), &spot, there, f);
    if (ok && *there)
        ok = ese_extent_read(inplace_at(&spot)->key, inplace_at(&spot)->data, extent, f);
    if (ok && *there && extent->pool != ESE_POOL_GENERAL)
        *there = false; /* pools come behind all others */
    inplace_spot_close(&spot);
    return ok;
}

/* ---- taking from what is there ---- */

static bool take_from_bits(struct space *s, uint32_t least, uint32_t most, struct ese_extent *taken,
                           struct fault *f)
{
    uint32_t bits = s->header.available;
    for (uint32_t at = 0; at < BITS; at++) {
        uint32_t count = 0;
        while (at + count < s->header.pages - 1 && count < most && (bits >> (at + count) & 1))
            count++;
        if (count == 0 || count < least)
            continue;
        for (uint32_t i = 0; i < count; i++)
            bits &= ~((uint32_t)1 << (at + i));
        *taken = (struct ese_extent){.first = s->root + 1 + at, .count = count};
        return write_header(s, SPACE_LAST_AT, bits, f);
    }
    return true;
}

static bool may_take(const struct ese_extent *extent, uint32_t least)
{
    return extent->count >= least && extent->count > 0 && extent->pool != ESE_POOL_SHELVED;
}

static bool take_from_tree(struct space *s, uint32_t least, uint32_t most, struct ese_extent *taken,
                           struct fault *f)
{
    struct inplace_tree t = extents_of(s, true);
    struct inplace_spot spot;
    struct ese_extent extent;
    bool there, ok = inplace_seek(&t, bytes_of(&t, 0), bytes_of(&t, 0), &spot, &there, f);
    for (; ok && there; ok = inplace_next(&t, &spot, &there, f)) {
        ok = ese_extent_read(inplace_at(&spot)->key, inplace_at(&spot)->data, &extent, f);
        if (!ok || may_take(&extent, least))
            break;
    }
    uint8_t key_room[EXTENT_SIZE + 1];
    struct bytes key = bytes_of(key_room, 0);
    if (ok && there) {
        key.size = inplace_at(&spot)->key.size;
        memcpy(key_room, inplace_at(&spot)->key.at, key.size);
    }
    inplace_spot_close(&spot);
    if (!ok || !there)
        return ok;
    *taken = (struct ese_extent){.first = extent.first,
                                 .count = extent.count < most ? extent.count : most};
    if (taken->count == extent.count)
        return remove_extent(&t, key, f);
    return resize_extent(&t, key, extent.count - taken->count, f);
}

/* taken->count 0: there are none. */
static bool take_there(struct space *s, uint32_t least, uint32_t most, struct ese_extent *taken,
                       struct fault *f)
{
    taken->count = 0;
    return s->header.multiple ? take_from_tree(s, least, most, taken, f)
                              : take_from_bits(s, least, most, taken, f);
}

/* ---- growing ---- */

static bool parent_objid(struct ese_inplace *ip, uint32_t root, uint32_t *objid, struct fault *f)
{
    const struct ese_page *page;
    if (!ese_pages_get_sound(ip->db->pages, root, &page, f))
        return false;
    *objid = page->objid;
    ese_pages_put(ip->db->pages, page);
    return true;
}

static bool get_from_parent(struct space *s, uint32_t least, uint32_t most, struct ese_extent *got,
                            struct fault *f)
{
    uint32_t objid;
    if (s->header.parent == s->root || s->header.parent == 0)
        return fault_set(f, FAULT_DAMAGED, "page %u names page %u as its parent", s->root,
                         s->header.parent);
    return parent_objid(s->ip, s->header.parent, &objid, f) &&
           inplace_take(s->ip, s->header.parent, objid, least, most, got, f);
}

/* What stands in tag 0 of a space tree's root: as in the database's own, where revision 2 may have
 * nothing. */
static bool split_buffer_size(struct ese_inplace *ip, uint32_t *size, struct fault *f)
{
    struct space root;
    const struct ese_page *page;
    if (!read_space(ip, ESE_PGNO_ROOT, ESE_OBJID_ROOT, &root, f) ||
        !ese_pages_get_sound(ip->db->pages, root.header.owned_root, &page, f))
        return false;
    *size =
        ese_page_external_header(page).size >= ESE_SPLIT_BUFFER_SIZE ? ESE_SPLIT_BUFFER_SIZE : 0;
    ese_pages_put(ip->db->pages, page);
    return true;
}

/* The two roots of a tree that gets its second extent. */
static bool make_space_root(struct space *s, uint32_t number, struct fault *f)
{
    struct ese_inplace *ip = s->ip;
    uint32_t buffer;
    struct inplace_page *page = inplace_new(ip, number, f);
    if (page == NULL || !split_buffer_size(ip, &buffer, f))
        return false;
    uint32_t flags =
        s->flags & ~(uint32_t)(ESE_PAGE_PARENT_OF_LEAF | ESE_PAGE_FLUSH_TYPE | ESE_PAGE_SCRUBBED);
    struct ese_page header = {.number = number,
                              .objid = s->objid,
                              .flags = flags | ESE_PAGE_ROOT | ESE_PAGE_LEAF | ESE_PAGE_SPACE_TREE};
    uint8_t *raw = page->raw;
    /* Newer engines keep the number of reserved tags in the count: as on the root. */
    const struct ese_page *root;
    if (!ese_pages_get_sound(ip->db->pages, s->root, &root, f))
        return false;
    raw[ESE_PAGE_TAG_COUNT_AT + 1] = root->raw.at[ESE_PAGE_TAG_COUNT_AT + 1] & 0xf0;
    ese_pages_put(ip->db->pages, root);
    ese_page_write_header(raw, ip->page_size, &header);
    ese_page_write_tag(raw, ip->page_size, 0, 0, buffer, 0);
    ese_page_write_room(raw, ip->page_size, buffer, 1);
    inplace_changed(page);
    return true;
}

static bool add_free_bits(struct space *s, const struct inplace_tree *available, struct fault *f)
{
    for (uint32_t at = 0; at < s->header.pages - 1;) {
        uint32_t count = 0;
        while (at + count < s->header.pages - 1 && (s->header.available >> (at + count) & 1))
            count++;
        if (count > 0 && !insert_extent(available, s->root + 1 + at, count, f))
            return false;
        at += count + 1;
    }
    return true;
}

/* From one extent with a bitmap to trees of extents. */
static bool convert(struct space *s, uint32_t least, struct fault *f)
{
    struct ese_extent got;
    if (!get_from_parent(s, least + SPACE_ROOTS, least + SPACE_ROOTS + GROW_TREE, &got, f))
        return false;
    uint32_t owned_root = got.first;
    struct ese_space before = s->header;
    if (!make_space_root(s, owned_root, f) || !make_space_root(s, owned_root + 1, f) ||
        !write_header(s, SPACE_LAST_AT, owned_root, f))
        return false;
    const struct inplace_page *page = inplace_change(s->ip, s->root, f);
    uint32_t flags = 0;
    if (page == NULL || !bytes_le32(page->page.raw, s->header_at + SPACE_FLAGS_AT, &flags) ||
        !write_header(s, SPACE_FLAGS_AT, flags | SPACE_MULTIPLE, f))
        return false;
    s->header.multiple = true;
    s->header.owned_root = owned_root;
    s->header.available_root = owned_root + 1;
    struct inplace_tree owned = extents_of(s, false), available = extents_of(s, true);
    return insert_extent(&owned, s->root, before.pages, f) &&
           insert_extent(&owned, got.first, got.count, f) && add_free_bits(s, &available, f) &&
           insert_extent(&available, got.first + SPACE_ROOTS, got.count - SPACE_ROOTS, f);
}

/* Could the tree of owned extents split when it gets one more? */
static bool owned_is_full(const struct space *s, bool *full, struct fault *f)
{
    const struct ese_page *page;
    if (!ese_pages_get_sound(s->ip->db->pages, s->header.owned_root, &page, f))
        return false;
    *full = !(page->flags & ESE_PAGE_LEAF) || page->free_bytes < ROOM_FOR_EXTENT;
    ese_pages_put(s->ip->db->pages, page);
    return true;
}

/* Enters a new extent: into the owned ones, and what is left of it into the free ones. */
static bool enter_extent(struct space *s, struct ese_extent got, struct fault *f)
{
    struct inplace_tree owned = extents_of(s, false), available = extents_of(s, true);
    struct ese_extent hand = got;
    owned.hand = &hand;
    return insert_extent(&owned, got.first, got.count, f) &&
           (hand.count == 0 || insert_extent(&available, hand.first, hand.count, f));
}

/* Shelved pages, beyond the end of the file, belong to nobody and must not be used. */
static bool no_shelved_pages(struct space *s, struct fault *f)
{
    static const uint8_t behind_all[1] = {0x80}; /* where keys with a pool begin */
    struct inplace_tree t = extents_of(s, true);
    struct inplace_spot spot;
    struct ese_extent extent;
    bool there,
        ok = inplace_seek(&t, bytes_of(behind_all, 1), bytes_of(behind_all, 0), &spot, &there, f);
    for (; ok && there; ok = ok && inplace_next(&t, &spot, &there, f)) {
        ok = ese_extent_read(inplace_at(&spot)->key, inplace_at(&spot)->data, &extent, f);
        if (ok && extent.pool == ESE_POOL_SHELVED)
            ok = fault_set(
                f, FAULT_UNSUPPORTED,
                "the file would have to grow, and has pages that were shelved beyond its end");
    }
    inplace_spot_close(&spot);
    return ok;
}

static bool grow_file(struct space *s, uint32_t least, struct fault *f)
{
    static const uint8_t behind_all[1] = {0x80};
    struct inplace_tree owned = extents_of(s, false);
    struct arena memory = {NULL};
    struct inplace_node node;
    struct ese_extent last, more = {.count = least < GROW_FILE ? GROW_FILE : least};
    bool there;
    bool ok = no_shelved_pages(s, f) &&
              inplace_last_below(&owned, bytes_of(behind_all, 1), &memory, &node, &there, f);
    if (ok && !there)
        ok = fault_set(f, FAULT_DAMAGED, "the database's root owns no pages");
    ok = ok && ese_extent_read(node.key, node.data, &last, f);
    arena_free(&memory);
    if (!ok)
        return false;
    more.first = ese_extent_last(&last) + 1;
    if (more.first > ESE_PAGE_NUMBER_MOST - more.count)
        return fault_set(f, FAULT_LIMIT, "the file would have more than %u pages",
                         ESE_PAGE_NUMBER_MOST);
    inplace_grow_file(s->ip, ese_extent_last(&more));
    return enter_extent(s, more, f);
}

static bool grow(struct space *s, uint32_t least, struct fault *f)
{
    struct ese_extent got;
    bool full;
    if (!s->header.multiple)
        return convert(s, least, f);
    if (!owned_is_full(s, &full, f))
        return false;
    least += full ? OWN_SPLIT : 0;
    if (s->root == ESE_PGNO_ROOT)
        return grow_file(s, least, f);
    return get_from_parent(s, least, least < GROW_TREE ? GROW_TREE : least, &got, f) &&
           enter_extent(s, got, f);
}

/* ---- the two ways to take ---- */

enum {
    NESTED_MOST = 8
}; /* index, table, database, and a split on the way: damaged parents may go in circles */

static bool enter(struct ese_inplace *ip, uint32_t root, struct fault *f)
{
    if (ip->nested >= NESTED_MOST)
        return fault_set(f, FAULT_DAMAGED, "the space of page %u comes from itself", root);
    ip->nested++;
    return true;
}

static bool take(struct ese_inplace *ip, uint32_t root, uint32_t objid, uint32_t least,
                 uint32_t most, struct ese_extent *taken, struct fault *f)
{
    for (int tries = 0; tries < 2; tries++) {
        struct space s;
        if (!read_space(ip, root, objid, &s, f) || !take_there(&s, least, most, taken, f))
            return false;
        if (taken->count > 0) {
            if (taken->first != 0 && ese_extent_last(taken) <= ip->last)
                return true;
            return fault_set(f, FAULT_DAMAGED,
                             "free pages %u to %u of object %u lie outside of the file",
                             taken->first, ese_extent_last(taken), objid);
        }
        if (tries == 0 && !grow(&s, least, f))
            return false;
    }
    return fault_set(f, FAULT_DAMAGED, "object %u has no %u neighbouring free pages after it grew",
                     objid, least);
}

bool inplace_take(struct ese_inplace *ip, uint32_t root, uint32_t objid, uint32_t least,
                  uint32_t most, struct ese_extent *taken, struct fault *f)
{
    if (!enter(ip, root, f))
        return false;
    bool ok = take(ip, root, objid, least, most, taken, f);
    ip->nested--;
    return ok;
}

bool inplace_take_own(struct ese_inplace *ip, uint32_t root, uint32_t objid, uint32_t *page,
                      struct fault *f)
{
    struct space s;
    struct ese_extent one = {.count = 0};
    if (!enter(ip, root, f))
        return false;
    bool ok = read_space(ip, root, objid, &s, f) && take_there(&s, 1, 1, &one, f);
    ip->nested--;
    *page = one.first;
    if (ok && (one.count != 1 || one.first == 0 || one.first > ip->last))
        ok = fault_set(f, FAULT_DAMAGED, "object %u has no free page for its own extents", objid);
    return ok;
}

/* ---- giving back ---- */

bool inplace_release(struct ese_inplace *ip, uint32_t root, uint32_t objid, uint32_t page,
                     struct fault *f)
{
    if (!array_reserve(&ip->freed, &ip->free_room, ip->frees + 1, sizeof *ip->freed))
        return inplace_no_memory(f);
    ip->freed[ip->frees++] = (struct inplace_free){root, objid, page};
    return true;
}

static bool not_owned(const struct inplace_free *freed, struct fault *f)
{
    return fault_set(f, FAULT_DAMAGED, "page %u was used by object %u, which does not own it",
                     freed->page, freed->objid);
}

/* Joins the page with its free neighbours, as far as they are of the same owned extent. */
static bool give_to_tree(struct space *s, const struct inplace_free *freed, struct fault *f)
{
    struct inplace_tree owned = extents_of(s, false), available = extents_of(s, true);
    struct ese_extent in, left, right;
    struct extent_node node;
    uint32_t page = freed->page, first = page, count = 1;
    bool there, has_left, has_right;
    if (!extent_from(&owned, page, &in, &there, f) ||
        !extent_from(&available, page, &right, &has_right, f) ||
        !extent_from(&available, page - 1, &left, &has_left, f))
        return false;
    if (!there || in.first > page)
        return not_owned(freed, f);
    if (has_right && right.count > 0 && right.first <= page)
        return fault_set(f, FAULT_DAMAGED, "page %u was in use, and listed as free", page);
    has_right = has_right && right.count > 0 && right.first == page + 1 &&
                ese_extent_last(&right) <= ese_extent_last(&in);
    has_left =
        has_left && left.count > 0 && ese_extent_last(&left) == page - 1 && left.first >= in.first;
    if (has_left) {
        first = left.first;
        count += left.count;
        if (!remove_extent(&available, key_of(&node, page - 1), f))
            return false;
    }
    if (has_right)
        return resize_extent(&available, key_of(&node, ese_extent_last(&right)),
                             count + right.count, f);
    return insert_extent(&available, first, count, f);
}

static bool give_to_bits(struct space *s, const struct inplace_free *freed, struct fault *f)
{
    if (freed->page <= s->root || freed->page - s->root > s->header.pages - 1)
        return not_owned(freed, f);
    uint32_t bit = (uint32_t)1 << (freed->page - s->root - 1);
    return write_header(s, SPACE_LAST_AT, s->header.available | bit, f);
}

bool inplace_give_back(struct ese_inplace *ip, struct fault *f)
{
    /* Each page given back can free one of the tree that it is given to, and that for some levels.
     */
    uint64_t most = ((uint64_t)ip->frees + ip->last) * ESE_DEPTH_MOST;
    for (uint64_t n = 0; ip->frees > 0; n++) {
        struct inplace_free freed = ip->freed[--ip->frees];
        struct space s;
        if (n > most)
            return fault_set(f, FAULT_DAMAGED, "giving pages back to object %u does not end",
                             freed.objid);
        if (!inplace_forget(ip, freed.page, f) || !read_space(ip, freed.root, freed.objid, &s, f) ||
            !(s.header.multiple ? give_to_tree(&s, &freed, f) : give_to_bits(&s, &freed, f)))
            return false;
    }
    return true;
}

/* ---- the auto-increment counter ---- */

bool inplace_raise_counter(struct ese_inplace *ip, uint32_t root, uint64_t least, struct fault *f)
{
    const struct ese_page *page;
    struct ese_space header;
    if (!ese_pages_get_sound(ip->db->pages, root, &page, f))
        return false;
    bool ok = ese_space_read(page, &header, f);
    ese_pages_put(ip->db->pages, page);
    if (!ok || !header.has_auto_increment || header.auto_increment >= least)
        return ok;
    struct inplace_page *change = inplace_change(ip, root, f);
    if (change == NULL)
        return false;
    struct bytes external = ese_page_external_header(&change->page);
    bytes_put_le64(change->raw + (external.at - change->raw) + COUNTER_AT, least);
    inplace_changed(change);
    return true;
}
