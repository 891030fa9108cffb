/*
 * The nodes of one page, taken out and put back: see edit/parts.h.
 *
 * A page that is taken apart is put together anew: nodes one after the other, nothing between them,
 * zeros behind.  A single node of a page that is in order (form INPLACE_PLAIN: nodes within it and
 * not over each other, none of them deleted, room counted right) is changed where it lies; what it
 * gives up becomes zeros.  Keys share a prefix as the engine has it: never on a root, only where a
 * node shares more than two bytes.
 *
 * Source: the published engine, inc/cpage.hxx (PGHDR, TAG), ese/node.cxx, ese/cpage.cxx
 * (ErrCheckPage).
 */
#include "formats/ese/edit/parts.h"
#include "formats/ese/layout/page_change.h"
#include "formats/ese/layout/page_write.h"

enum {
    PREFIX_OVERHEAD = 2, /* a compressed node has one more size field */
    TAGS_MOST = 4000,    /* the count has 12 bits */
};

/* ---- taking apart ---- */

bool inplace_in_its_place(const struct ese_page *page, uint32_t objid, bool at_root,
                          struct fault *f)
{
    if (page->objid != objid)
        return fault_set(f, FAULT_DAMAGED, "page %u belongs to object %u, expected object %u",
                         page->number, page->objid, objid);
    if (at_root != !!(page->flags & ESE_PAGE_ROOT))
        return fault_set(f, FAULT_DAMAGED, "page %u is %sa root, where %s is expected",
                         page->number, at_root ? "not " : "", at_root ? "one" : "none");
    if (!page->tag_array_fits)
        return fault_set(f, FAULT_DAMAGED, "page %u has more tags than fit into it", page->number);
    if (page->reserved != 1)
        return fault_set(f, FAULT_UNSUPPORTED, "page %u has %u reserved tags, expected 1",
                         page->number, page->reserved);
    return true;
}

static bool whole_key(const struct ese_node *node, struct arena *memory, struct bytes *key,
                      struct fault *f)
{
    size_t size = node->prefix.size + node->suffix.size;
    *key = node->suffix;
    if (node->prefix.size == 0)
        return true;
    uint8_t *to = arena_take(memory, size);
    if (to == NULL)
        return inplace_no_memory(f);
    return ese_node_key(node, to, size, key);
}

static bool unpack(const struct ese_page *from, unsigned extra, struct arena *memory,
                   struct inplace_nodes *nodes, struct fault *f)
{
    struct ese_page page;
    uint8_t *raw = arena_copy(memory, from->raw);
    if (raw == NULL)
        return inplace_no_memory(f);
    ese_page_parse(bytes_of(raw, from->raw.size), from->number, &page);
    unsigned count = ese_page_nodes(&page);
    *nodes = (struct inplace_nodes){.number = page.number,
                                    .flags = page.flags,
                                    .prev = page.prev,
                                    .next = page.next,
                                    .objid = page.objid,
                                    .tag_bits = raw[ESE_PAGE_TAG_COUNT_AT + 1] & 0xf0,
                                    .prefix = page.key_prefix,
                                    .room = count + extra};
    nodes->node = arena_take(memory, (nodes->room + 1) * sizeof *nodes->node);
    if (nodes->node == NULL)
        return inplace_no_memory(f);
    for (unsigned i = 0; i < count; i++) {
        struct ese_node node;
        struct inplace_node *to = &nodes->node[nodes->count];
        if (!ese_page_node(&page, i, &node, f))
            return false;
        if ((node.flags & ESE_NODE_DELETED) && (page.flags & ESE_PAGE_LEAF))
            continue;
        if (!whole_key(&node, memory, &to->key, f))
            return false;
        to->data = node.data;
        if (to->key.size > ESE_KEY_ROOM || to->data.size == 0)
            return fault_set(f, FAULT_DAMAGED, "page %u tag %u: a key of %zu and data of %zu bytes",
                             page.number, i + page.reserved, to->key.size, to->data.size);
        nodes->count++;
    }
    return true;
}

bool inplace_unpack(struct ese_inplace *ip, uint32_t number, uint32_t objid, bool at_root,
                    unsigned extra, struct arena *memory, struct inplace_nodes *nodes,
                    struct fault *f)
{
    const struct ese_page *page;
    if (!ese_pages_get_sound(ip->db->pages, number, &page, f))
        return false;
    bool ok =
        inplace_in_its_place(page, objid, at_root, f) && unpack(page, extra, memory, nodes, f);
    ese_pages_put(ip->db->pages, page);
    return ok;
}

/* ---- sizes ---- */

static size_t shared(struct bytes a, struct bytes b)
{
    size_t shorter = a.size < b.size ? a.size : b.size, i = 0;
    while (i < shorter && a.at[i] == b.at[i])
        i++;
    return i > PREFIX_OVERHEAD ? i : 0;
}

size_t inplace_node_size(const struct inplace_node *node, struct bytes prefix)
{
    size_t taken = shared(node->key, prefix);
    return ESE_TAG_SIZE + ESE_NODE_KEY_FIELD + node->key.size + node->data.size -
           (taken ? taken - PREFIX_OVERHEAD : 0);
}

static size_t size_of(const struct inplace_node *node, unsigned count, struct bytes prefix)
{
    size_t size = prefix.size;
    for (unsigned i = 0; i < count; i++)
        size += inplace_node_size(&node[i], prefix);
    return size;
}

/* The best prefix for a run of nodes: `old` (may be empty), another, or none. */
static struct bytes inplace_prefix(const struct inplace_node *node, unsigned count,
                                   struct bytes old)
{
    struct bytes none = {.at = NULL}, best = none;
    size_t least = size_of(node, count, none);
    for (unsigned i = 0; count > 1 && i < 4; i++) {
        /* Neighbours share most: what some key shares with its own neighbour is worth trying. */
        unsigned at = (count - 1) * i / 4;
        struct bytes candidate = i == 3 ? old : node[at].key;
        if (i != 3)
            candidate.size = shared(candidate, node[at + 1].key);
        size_t size = size_of(node, count, candidate);
        if (candidate.size > PREFIX_OVERHEAD && size < least) {
            least = size;
            best = candidate;
        }
    }
    return best;
}

size_t inplace_room(const struct ese_inplace *ip, size_t external)
{
    size_t fixed = ese_page_size_header(ip->page_size) + ESE_TAG_SIZE + external;
    return ip->page_size > fixed ? ip->page_size - fixed : 0;
}

bool inplace_fits(const struct ese_inplace *ip, const struct inplace_node *node, unsigned count,
                  struct bytes old)
{
    if (count > TAGS_MOST)
        return false;
    size_t room = inplace_room(ip, 0);
    return size_of(node, count, old) <= room ||
           size_of(node, count, inplace_prefix(node, count, old)) <= room;
}

bool inplace_fits_root(const struct ese_inplace *ip, const struct inplace_node *node,
                       unsigned count, size_t external)
{
    return count <= TAGS_MOST &&
           size_of(node, count, (struct bytes){.at = NULL}) <= inplace_room(ip, external);
}

/* ---- putting together ---- */

struct packer {
    uint8_t *raw;
    uint32_t page_size, used, tags;
};

static void put_external(struct packer *p, struct bytes external)
{
    if (external.size > 0)
        memcpy(p->raw + ese_page_size_header(p->page_size), external.at, external.size);
    p->used = (uint32_t)external.size;
    ese_page_write_tag(p->raw, p->page_size, p->tags++, 0, p->used, 0);
}

static void put_node(struct packer *p, const struct inplace_node *node, struct bytes prefix)
{
    size_t taken = shared(node->key, prefix);
    struct ese_node parts = {.prefix = bytes_of(node->key.at, taken),
                             .suffix = bytes_from(node->key, taken),
                             .data = node->data};
    p->used += ese_page_write_node(p->raw, p->page_size, p->tags++, p->used, &parts);
}

/* A space tree's root may have a prefix behind its split buffer: that goes. */
struct bytes inplace_external(const struct ese_page *page)
{
    struct bytes external = ese_page_external_header(page);
    if ((page->flags & ESE_PAGE_SPACE_TREE) && external.size > ESE_SPLIT_BUFFER_SIZE)
        external.size = ESE_SPLIT_BUFFER_SIZE;
    return external;
}

void inplace_pack(const struct ese_inplace *ip, struct inplace_page *page,
                  const struct inplace_node *node, unsigned count, struct bytes old_prefix)
{
    bool root = page->page.flags & ESE_PAGE_ROOT;
    uint8_t external_room[256];
    struct bytes tag0 =
        root ? inplace_external(&page->page) : inplace_prefix(node, count, old_prefix);
    uint32_t header = ese_page_size_header(ip->page_size);
    struct packer p = {.raw = page->raw, .page_size = ip->page_size};
    if (root) { /* its bytes are the page's own, which are cleared now */
        if (tag0.size > sizeof external_room)
            tag0.size = sizeof external_room;
        if (tag0.size > 0)
            memcpy(external_room, tag0.at, tag0.size);
        tag0.at = external_room;
    }
    memset(page->raw + header, 0, ip->page_size - header);
    put_external(&p, tag0);
    for (unsigned i = 0; i < count; i++)
        put_node(&p, &node[i], root ? (struct bytes){.at = NULL} : tag0);
    ese_page_write_room(page->raw, ip->page_size, p.used, p.tags);
    inplace_changed(page);
    page->form = INPLACE_PLAIN;
}

/* ---- one node where it lies ---- */

static struct ese_page_change change_of(const struct ese_inplace *ip, struct inplace_page *page)
{
    return (struct ese_page_change){
        .raw = page->raw, .spare = ip->spare, .size = ip->page_size, .number = page->page.number};
}

/* Claims a tag's bytes.  False when another one has some of them. */
static bool claim(uint8_t *claimed, const struct ese_page *page, unsigned i)
{
    struct ese_tag tag;
    struct bytes at;
    if (!ese_page_tag(page, i, &tag, &at, NULL) ||
        (tag.size > 0 && memchr(claimed + tag.offset, 1, tag.size)))
        return false;
    memset(claimed + tag.offset, 1, tag.size);
    return true;
}

static bool find_plain(struct ese_inplace *ip, struct inplace_page *page)
{
    struct ese_page_change change = change_of(ip, page);
    const struct ese_page *p = &page->page;
    if (!ese_page_change_sound(&change, NULL) || p->uncommitted_free != 0)
        return false;
    memset(ip->spare, 0, ip->page_size);
    for (unsigned i = 0; i < p->tags; i++)
        if (!claim(ip->spare, p, i))
            return false;
    for (unsigned i = 0; i < ese_page_nodes(p); i++) {
        struct ese_node node;
        if (!ese_page_node(p, i, &node, NULL) || (node.flags & ESE_NODE_DELETED) ||
            node.prefix.size + node.suffix.size > ESE_KEY_ROOM || node.data.size == 0)
            return false;
    }
    return true;
}

static bool is_plain(struct ese_inplace *ip, struct inplace_page *page)
{
    if (page->form == INPLACE_UNKNOWN)
        page->form = find_plain(ip, page) ? INPLACE_PLAIN : INPLACE_UNUSUAL;
    return page->form == INPLACE_PLAIN;
}

bool inplace_node_insert(struct ese_inplace *ip, struct inplace_page *page, unsigned at,
                         struct bytes key, struct bytes data)
{
    struct ese_page_change change = change_of(ip, page);
    if (!is_plain(ip, page))
        return false;
    struct bytes prefix = page->page.key_prefix;
    if (page->page.flags & ESE_PAGE_ROOT)
        prefix.size = 0;
    struct inplace_node node = {key, data};
    size_t taken = shared(key, prefix), tags = page->page.tags;
    size_t room = inplace_room(ip, 0) + ESE_TAG_SIZE - page->page.first_free;
    if (tags > TAGS_MOST || inplace_node_size(&node, prefix) + ESE_TAG_SIZE * tags > room)
        return false;
    const struct ese_node in_page = {
        .prefix = bytes_of(key.at, taken), .suffix = bytes_from(key, taken), .data = data};
    if (!ese_page_change_insert(&change, at, &in_page))
        return false;
    inplace_changed(page);
    return true;
}

bool inplace_node_replace(struct ese_inplace *ip, struct inplace_page *page, unsigned at,
                          struct bytes data)
{
    struct ese_page_change change = change_of(ip, page);
    struct ese_node node;
    if (!is_plain(ip, page) || !ese_page_node(&page->page, at, &node, NULL) ||
        node.data.size != data.size)
        return false;
    uint8_t *to = ese_page_change_at(&change, at, 0, data.size);
    if (to == NULL)
        return false;
    memcpy(to, data.at, data.size);
    return true;
}

bool inplace_node_remove(struct ese_inplace *ip, struct inplace_page *page, unsigned at)
{
    struct ese_page_change change = change_of(ip, page);
    struct ese_tag tag;
    struct bytes bytes;
    if (!is_plain(ip, page) || ese_page_nodes(&page->page) < 2 ||
        !ese_page_tag(&page->page, at + page->page.reserved, &tag, &bytes, NULL))
        return false;
    uint32_t header =
        ese_page_size_small(ip->page_size) ? ESE_PAGE_HEADER_SMALL : ESE_PAGE_HEADER_LARGE;
    memset(page->raw + header + tag.offset, 0, tag.size);
    if (!ese_page_change_delete(&change, at))
        return false;
    inplace_changed(page);
    return true;
}
