/* Owned and available extents for the structural check: see check/parts.h. */
#include "formats/ese/check/parts.h"

struct reading {
    struct check *c;
    const struct check_space *space;
    struct ese_extent before;
    bool damaged; /* an extent could not be read */
};

/* ---- one extent ---- */

static void own(struct reading *r, uint32_t page, int tag, const struct ese_extent *extent)
{
    struct check *c = r->c;
    const struct check_space *s = r->space;
    uint32_t last = ese_extent_last(extent), other;
    bool sound = true;
    if (s->from == NULL && last > c->last) {
        check_found(c, ESE_RULE_FILE_SIZE, page, tag,
                    "the database owns pages up to %u, the file ends with page %u", last, c->last);
    } else if (s->from != NULL && s->from->known && !check_extents_cover(s->from, extent)) {
        sound = false;
        check_found(c, ESE_RULE_EXTENT_NESTING, page, tag,
                    "object %u owns pages %u to %u, which its parent (page %u) does not own",
                    s->objid, extent->first, last, s->parent);
    }
    if (sound && (other = check_first_bit(&c->available, extent)) != 0) {
        sound = false;
        check_found(c, ESE_RULE_EXTENT_OVERLAP, page, tag,
                    "object %u owns pages %u to %u, of which page %u is available to another",
                    s->objid, extent->first, last, other);
    }
    if (sound && s->taken != NULL && (other = check_first_bit(s->taken, extent)) != 0) {
        sound = false;
        check_found(c, ESE_RULE_EXTENT_OVERLAP, page, tag,
                    "object %u owns pages %u to %u, of which page %u is owned by another", s->objid,
                    extent->first, last, other);
    }
    if (sound && s->taken != NULL)
        check_set_bits(s->taken, extent);
    /* Also when it is in doubt: that its pages are used must not be a finding for each of them. */
    if (!check_extents_add(s->owned, *extent))
        c->no_memory = true;
}

static void make_available(struct reading *r, uint32_t page, int tag,
                           const struct ese_extent *extent)
{
    struct check *c = r->c;
    uint32_t other, last = ese_extent_last(extent);
    if (r->space->owned->known && !check_extents_cover(r->space->owned, extent))
        check_found(c, ESE_RULE_EXTENT_NESTING, page, tag,
                    "pages %u to %u are available to object %u, which does not own them",
                    extent->first, last, r->space->objid);
    else if ((other = check_first_bit(&c->available, extent)) != 0)
        check_found(c, ESE_RULE_EXTENT_OVERLAP, page, tag,
                    "pages %u to %u are available to object %u, and page %u to another",
                    extent->first, last, r->space->objid, other);
    else
        check_set_bits(&c->available, extent);
}

/* ---- trees of extents ---- */

/* Reads a node; false when there is nothing to do for it. */
static bool read_extent(struct reading *r, uint32_t page, int tag, struct bytes key,
                        struct bytes data, struct ese_extent *extent)
{
    struct fault f;
    if (!ese_extent_read(key, data, extent, &f)) {
        check_found(r->c, ESE_RULE_SPACE_EXTENT, page, tag, "object %u: %s", r->space->objid,
                    f.text);
        r->damaged = true;
        return false;
    }
    if (extent->count == 0)
        return false; /* a mark of the engine's: no pages */
    if (r->before.count > 0 && r->before.pool == extent->pool &&
        extent->first <= ese_extent_last(&r->before)) {
        check_found(
            r->c, ESE_RULE_SPACE_EXTENT, page, tag,
            "object %u: the extent of pages %u to %u overlaps the one before, which ends with %u",
            r->space->objid, extent->first, ese_extent_last(extent), ese_extent_last(&r->before));
        r->damaged = true;
        return false;
    }
    r->before = *extent;
    return true;
}

static void owned_node(void *context, const struct ese_page *page, int tag, struct bytes key,
                       struct bytes data)
{
    struct reading *r = context;
    struct ese_extent extent;
    if (!read_extent(r, page->number, tag, key, data, &extent))
        return;
    if (extent.pool != ESE_POOL_GENERAL)
        check_found(r->c, ESE_RULE_SPACE_EXTENT, page->number, tag,
                    "object %u: owned extents have no pool, found pool %u", r->space->objid,
                    extent.pool);
    own(r, page->number, tag, &extent);
}

static void available_node(void *context, const struct ese_page *page, int tag, struct bytes key,
                           struct bytes data)
{
    struct reading *r = context;
    struct ese_extent extent;
    if (!read_extent(r, page->number, tag, key, data, &extent))
        return;
    if (extent.pool != ESE_POOL_SHELVED)
        make_available(r, page->number, tag, &extent);
    else if (r->space->from != NULL)
        check_found(r->c, ESE_RULE_SPACE_EXTENT, page->number, tag,
                    "object %u: only the database's root has shelved pages", r->space->objid);
}

/* Pages that a space tree keeps for its own splits: free, taken from the tree or from its parent.
 */
static void read_split_buffer(struct reading *r, uint32_t root)
{
    struct ese_page page;
    struct ese_split_buffer buffer;
    struct fault f;
    struct check *c = r->c;
    if (!check_peek_page(c, root, &page) || !(page.flags & ESE_PAGE_ROOT))
        return; /* the walk has said so */
    if (!ese_split_buffer_read(&page, &buffer, &f)) {
        check_found(c, ESE_RULE_SPACE_HEADER, root, 0, "%s", f.text);
        return;
    }
    for (int i = 0; i < 2; i++) {
        const struct ese_extent *extent = &buffer.extent[i];
        if (extent->count == 0)
            continue;
        if (r->space->owned->known && check_extents_cover(r->space->owned, extent)) {
            make_available(r, root, 0, extent);
        } else {
            struct check_extents own_again = {.known = true};
            struct check_space from_parent = *r->space;
            struct reading other = {.c = c, .space = &from_parent};
            from_parent.owned = &own_again;
            own(&other, root, 0, extent);
            check_set_bits(&c->available, extent);
            check_extents_free(&own_again);
        }
    }
}

static void walk_extents(struct reading *r, uint32_t root, bool available)
{
    const struct check_space *s = r->space;
    struct check_tree tree = {
        .root = root,
        .objid = s->objid,
        .kind = s->kind,
        .space = true,
        .unique = true,
        .owned = available ? s->owned : NULL, /* they are not known before the walk's end */
        .node = available ? available_node : owned_node,
        .context = r,
    };
    r->before.count = 0;
    r->damaged = false;
    check_tree_walk(r->c, &tree);
    if (!available)
        s->owned->known = tree.complete && !r->damaged;
    if (!tree.complete || r->damaged)
        check_not_judged(r->c, available ? ESE_RULE_PAGE_AVAILABLE : ESE_RULE_PAGE_NOT_OWNED, root,
                         "%s extents of object %u cannot all be read",
                         available ? "the available" : "the owned", s->objid);
}

/* ---- a tree's space ---- */

static void read_single(struct reading *r, const struct ese_space *header)
{
    const struct check_space *s = r->space;
    struct ese_extent extent = {.first = s->root, .count = header->pages};
    if (header->pages == 0 || header->pages > ESE_SPACE_SINGLE_MOST) {
        check_found(r->c, ESE_RULE_SPACE_HEADER, s->root, 0,
                    "expected a single extent of 1 to %u pages, found %u", ESE_SPACE_SINGLE_MOST,
                    header->pages);
        return;
    }
    own(r, s->root, 0, &extent);
    s->owned->known = true;
    for (uint32_t i = 0; i < ESE_SPACE_SINGLE_MOST - 1; i++) {
        struct ese_extent page = {.first = s->root + 1 + i, .count = 1};
        if (header->available >> i & 1)
            make_available(r, s->root, 0, &page);
    }
}

static void read_multiple(struct reading *r, const struct ese_space *header)
{
    const struct check_space *s = r->space;
    struct check *c = r->c;
    if (header->owned_root == 0 || header->owned_root == s->root ||
        header->available_root == s->root) {
        check_found(c, ESE_RULE_SPACE_HEADER, s->root, 0,
                    "expected other pages for the roots of the extents, found %u and %u",
                    header->owned_root, header->available_root);
        return;
    }
    walk_extents(r, header->owned_root, false);
    if (s->owned->known && !check_extents_have(s->owned, header->owned_root))
        check_found(c, ESE_RULE_PAGE_NOT_OWNED, header->owned_root, CHECK_NO_TAG,
                    "the page is the root of object %u's owned extents, which do not have it",
                    s->objid);
    walk_extents(r, header->available_root, true);
    read_split_buffer(r, header->owned_root);
    read_split_buffer(r, header->available_root);
}

void check_space_read(struct check *c, const struct check_space *s)
{
    struct reading r = {.c = c, .space = s};
    struct ese_page page;
    struct ese_space header;
    struct fault f;
    s->owned->count = s->owned->hint = 0;
    s->owned->known = false;
    if (!check_peek_page(c, s->root, &page) || page.objid != s->objid ||
        !(page.flags & ESE_PAGE_ROOT))
        return; /* the walk of the tree will say why */
    if (!ese_space_read(&page, &header, &f)) {
        check_found(c, ESE_RULE_SPACE_HEADER, s->root, 0, "%s", f.text);
        return;
    }
    if (header.parent != s->parent)
        check_found(c, ESE_RULE_SPACE_PARENT, s->root, 0, "expected parent page %u, found %u",
                    s->parent, header.parent);
    if (header.non_unique == s->unique)
        check_found(c, ESE_RULE_SPACE_HEADER, s->root, 0,
                    "expected a tree of %s keys, as the catalog says, found one of %s keys",
                    s->unique ? "unique" : "non-unique", s->unique ? "non-unique" : "unique");
    if (header.multiple)
        read_multiple(&r, &header);
    else
        read_single(&r, &header);
}
