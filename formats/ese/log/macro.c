/*
 * Splits and merges: see log/parts.h.
 *
 * Their records, from the root down to the leaf, are kept until the one that commits them, and then
 * take effect together.  Pages of a path can be of different ages: some were written after the
 * change, others not.  Where a new page has to be made from nodes of one that has given them away
 * already, the record carries that page as it was; it is then taken back to that, and gets later
 * changes again from later records.
 *
 * Source: the published engine, ese/_log/logredo.cxx (ErrLGRIRedoSplit, ErrLGRIRedoMerge),
 * ese/bt.cxx (BTIPerformSplit, BTIPerformOneMerge), inc/btsplit.hxx.
 */
#include "formats/ese/layout/compress.h"
#include "formats/ese/log/parts.h"

enum split_type { SPLIT_VERTICAL = 0, SPLIT_RIGHT = 1, SPLIT_APPEND = 2 };

enum split_oper { OPER_NONE = 0, OPER_INSERT = 1, OPER_REPLACE = 2, OPER_FLAG_INSERT_REPLACE = 3 };

enum merge_type {
    MERGE_EMPTY_PAGE = 1,
    MERGE_FULL_RIGHT = 2,
    MERGE_PARTIAL_RIGHT = 3,
    MERGE_FULL_LEFT = 5,
    MERGE_PARTIAL_LEFT = 6,
};

enum {
    SPLIT_FIXED = 110,
    MERGE_FIXED = 96,
    IMAGE_DEHYDRATED = 0x1,
    IMAGE_XPRESS = 0x2,
    MERGE_KEY_CHANGE = 0x1,
    MERGE_DELETE_NODE = 0x2,
    MERGE_EMPTY = 0x4,
    NO_LINE = -1,
};

static const struct ese_page_change *page_of(const struct log_target *t)
{
    return &t->frame->page;
}

/* ---- the image of a page ---- */

/* The page as it was before: packed without the room in its middle, compressed, both or neither. */
static bool unpack_image(struct ese_replay *r, struct bytes image, uint32_t flags, uint8_t *to,
                         struct fault *f)
{
    size_t size = image.size;
    if (flags & IMAGE_XPRESS) {
        if (!ese_decompress(image, to, r->page_size, &size, f))
            return false;
    } else if (size <= r->page_size) {
        memcpy(to, image.at, size);
    }
    if (size > r->page_size || size < ESE_PAGE_HEADER_LARGE)
        return fault_set(f, FAULT_DAMAGED, "the image of a page has %zu bytes", size);
    if (!(flags & IMAGE_DEHYDRATED) || size == r->page_size)
        return size == r->page_size ||
               fault_set(f, FAULT_DAMAGED, "the image of a page has %zu bytes, expected %u", size,
                         r->page_size);
    struct bytes b = bytes_of(to, size);
    size_t tags = ESE_TAG_SIZE *
                  (size_t)(bytes_get_le16(b, ESE_PAGE_TAG_COUNT_AT) & ESE_PAGE_TAG_COUNT_MASK),
           grown = r->page_size - size;
    size_t free_bytes = bytes_get_le16(b, ESE_PAGE_FREE_AT) + grown;
    if (tags > size || free_bytes > r->page_size)
        return fault_set(f, FAULT_DAMAGED, "the image of a page has tags that do not fit");
    memmove(to + r->page_size - tags, to + size - tags, tags);
    memset(to + size - tags, 0, grown);
    bytes_put_le16(to + ESE_PAGE_FREE_AT, free_bytes);
    return true;
}

/* Takes a page back to what it was before the change in hand. */
static bool take_back(struct ese_replay *r, struct log_target *t, struct bytes image,
                      uint32_t flags, uint64_t before, struct fault *f)
{
    struct log_frame *frame;
    uint32_t number = t->frame->number;
    if (!unpack_image(r, image, flags, r->scratch, f) ||
        !log_pages_new(r->pages, number, &frame, f))
        return false;
    frame->page.number = number;
    memcpy(frame->page.raw, r->scratch, r->page_size);
    ese_page_change_set_time(&frame->page, before);
    t->frame = frame;
    t->needed = true;
    return ese_page_change_sound(&frame->page, f);
}

/* ---- lines ---- */

/* The length of what two keys begin with, when it is worth sharing.  a: as a node has it. */
static size_t common(const struct ese_node *a, struct bytes key)
{
    size_t size = a->prefix.size + a->suffix.size, i = 0;
    while (i < size && i < key.size &&
           (i < a->prefix.size ? a->prefix.at[i] : a->suffix.at[i - a->prefix.size]) == key.at[i])
        i++;
    return i > 2 ? i : 0;
}

/* Puts a node in with `shared` bytes of its key from the page's prefix. */
static bool put_line(const struct ese_page_change *page, unsigned at, const struct ese_node *from,
                     size_t shared, uint8_t flags)
{
    uint8_t key[ESE_KEY_ROOM];
    struct bytes whole;
    struct ese_node node = *from;
    node.flags = flags;
    if (from->prefix.size != shared) {
        if (!ese_node_key(from, key, sizeof key, &whole) || shared > whole.size)
            return false;
        node.prefix = bytes_of(whole.at, shared);
        node.suffix = bytes_from(whole, shared);
    }
    return ese_page_change_insert(page, at, &node);
}

/* ---- splits ---- */

struct level {
    struct bytes record;
    struct ese_log_page p;
    struct log_target page, fresh, right;
    bool splits;
    uint32_t fresh_number, right_number;
    enum split_type type;
    enum split_oper oper;
    unsigned line_oper, line_split, lines;
    uint32_t fresh_flags, page_flags;
    int32_t prefix_split, prefix_fresh;
    struct bytes key_parent, prefix_old, prefix_new;
};

/* The change of a row that made a leaf too full, or that follows a split. */
struct row_change {
    bool given;
    enum ese_log_type type;
    struct ese_log_page p;
    struct bytes key, data;
    uint32_t id, replace_id;
};

static bool read_level(struct bytes record, struct level *l)
{
    struct ese_log_record whole = {.type = record.at[0], .bytes = record};
    *l = (struct level){.record = record};
    if (!ese_log_page_read(&whole, &l->p))
        return false;
    l->fresh_number = bytes_get_le32(record, 32);
    l->splits = l->fresh_number != 0;
    l->right_number = bytes_get_le32(record, 36);
    l->type = record.at[68];
    l->oper = record.at[69];
    l->line_oper = bytes_get_le16(record, 70);
    l->line_split = bytes_get_le16(record, 72);
    l->lines = bytes_get_le16(record, 74);
    l->fresh_flags = bytes_get_le32(record, 76);
    l->page_flags = bytes_get_le32(record, 80);
    l->prefix_split = (int32_t)bytes_get_le32(record, 88);
    l->prefix_fresh = (int32_t)bytes_get_le32(record, 92);
    size_t at = SPLIT_FIXED;
    l->key_parent = bytes_of(record.at + at, bytes_get_le16(record, 100));
    at += l->key_parent.size;
    l->prefix_old = bytes_of(record.at + at, bytes_get_le16(record, 96));
    at += l->prefix_old.size;
    l->prefix_new = bytes_of(record.at + at, bytes_get_le16(record, 98));
    return l->type <= SPLIT_APPEND && l->oper <= OPER_FLAG_INSERT_REPLACE;
}

/* True when nodes go from the old page to the new one, so that both have to be of one age. */
static bool needs_image(const struct level *l)
{
    if (l->type == SPLIT_APPEND)
        return false;
    return !(l->type == SPLIT_RIGHT && l->oper == OPER_INSERT && l->line_split == l->line_oper &&
             l->line_split + 1 == l->lines);
}

static bool get_level(struct ese_replay *r, struct level *l, struct fault *f)
{
    if (!log_target(r, l->p.page, l->p.after, l->p.before, &l->page, f))
        return false;
    if (!l->splits)
        return true;
    size_t image_at = SPLIT_FIXED + l->key_parent.size + l->prefix_old.size + l->prefix_new.size;
    struct bytes image = bytes_from(l->record, image_at);
    if (!log_target_new(r, l->fresh_number, l->p.after, &l->fresh, f))
        return false;
    if (l->fresh.needed && !l->page.needed && needs_image(l)) {
        if (image.size == 0 || l->page.frame == NULL)
            return log_misfit(r, l->p.page, "a page is to be split whose old state is nowhere", f);
        if (!take_back(r, &l->page, image, bytes_get_le32(l->record, 102), l->p.before, f))
            return false;
    }
    return l->right_number == 0 ||
           log_target(r, l->right_number, l->p.after, bytes_get_le64(l->record, 40), &l->right, f);
}

/* All lines as they are after the change that the split was made for. */
static bool read_lines(struct ese_replay *r, const struct level *l, struct bytes key,
                       struct bytes data, struct log_line *line, struct fault *f)
{
    struct ese_page page;
    struct ese_node given = {
        .prefix = bytes_of(key.at, 0), .suffix = key, .data = data, .flags = 0};
    if (!l->page.needed) { /* only the node that is put in goes to the new page */
        if (l->line_oper + 1 != l->lines || l->line_split != l->line_oper)
            return log_misfit(r, l->p.page, "a split of a page whose old state is nowhere", f);
        line[l->line_oper].node = given;
        return true;
    }
    memcpy(r->scratch, page_of(&l->page)->raw, r->page_size);
    ese_page_parse(bytes_of(r->scratch, r->page_size), l->p.page, &page);
    for (unsigned from = 0, to = 0; to < l->lines; to++) {
        if (to == l->line_oper && l->oper == OPER_INSERT) {
            line[to].node = given;
            continue;
        }
        if (from >= ese_page_nodes(&page) || !ese_page_node(&page, from, &line[to].node, f))
            return log_misfit(r, l->p.page, "it has fewer nodes than the split says", f);
        if (to == l->line_oper && l->oper != OPER_NONE)
            line[to].node.data = data;
        from++;
    }
    return true;
}

static uint8_t flags_of_line(const struct level *l, const struct log_line *line, unsigned i,
                             bool versioned)
{
    uint8_t flags = line[i].node.flags & (ESE_NODE_VERSION | ESE_NODE_DELETED);
    if (i != l->line_oper || l->oper == OPER_NONE)
        return flags;
    if (l->oper == OPER_INSERT)
        flags = 0;
    else if (l->oper == OPER_FLAG_INSERT_REPLACE)
        flags &= (uint8_t)~ESE_NODE_DELETED;
    return versioned ? flags | ESE_NODE_VERSION : flags;
}

static bool fill_fresh(struct ese_replay *r, struct level *l, const struct log_line *line,
                       bool versioned, struct fault *f)
{
    const struct ese_page_change *to = page_of(&l->fresh);
    uint8_t prefix_room[ESE_KEY_ROOM];
    struct bytes prefix = bytes_of(prefix_room, 0);
    log_target_init(r, &l->fresh, bytes_get_le32(l->record, 64), l->p.after,
                    l->fresh_flags & ~(uint32_t)ESE_PAGE_PRE_INIT);
    if (l->prefix_fresh != NO_LINE) {
        uint32_t from = l->line_split + (uint32_t)l->prefix_fresh;
        if (l->prefix_fresh < 0 || from >= l->lines ||
            !ese_node_key(&line[from].node, prefix_room, sizeof prefix_room, &prefix) ||
            !ese_page_change_external(to, prefix))
            return log_misfit(r, l->fresh_number, "no line has the prefix that the split says", f);
    }
    for (unsigned i = l->line_split; i < l->lines; i++)
        if (!put_line(to, i - l->line_split, &line[i].node, common(&line[i].node, prefix),
                      flags_of_line(l, line, i, versioned)))
            return log_misfit(r, l->fresh_number, "the new page has no room", f);
    return true;
}

/* What stays in the old page.  A page that only gives its last nodes away keeps its prefix. */
static bool refill_page(struct ese_replay *r, struct level *l, const struct log_line *line,
                        bool versioned, struct fault *f)
{
    const struct ese_page_change *page = page_of(&l->page);
    bool root = ese_page_change_get_flags(page) & ESE_PAGE_ROOT;
    if (l->type == SPLIT_APPEND) {
        while (ese_page_change_nodes(page) > l->line_split)
            ese_page_change_delete(page, ese_page_change_nodes(page) - 1);
        return true;
    }
    while (ese_page_change_nodes(page) > 0)
        ese_page_change_delete(page, ese_page_change_nodes(page) - 1);
    struct bytes prefix = root ? bytes_of(r->scratch, 0) : l->prefix_new;
    if (!root && !ese_page_change_external(page, prefix))
        return log_misfit(r, l->p.page, "no room for its prefix", f);
    if (l->prefix_split == NO_LINE)
        prefix.size = 0;
    for (unsigned i = 0; i < l->line_split; i++)
        if (!put_line(page, i, &line[i].node, common(&line[i].node, prefix),
                      flags_of_line(l, line, i, versioned)))
            return log_misfit(r, l->p.page, "no room for the nodes that stay", f);
    return true;
}

/* A root that gets a new level: all of its nodes went down, it leads to the new page. */
static bool become_parent(struct ese_replay *r, struct level *l, struct fault *f)
{
    const struct ese_page_change *page = page_of(&l->page);
    uint8_t child[4];
    uint32_t kept = ese_page_change_get_flags(page) & (uint32_t)ESE_PAGE_FDP_DELETE;
    bytes_put_le32(child, l->fresh_number);
    ese_page_change_set_flags(page, l->page_flags | kept);
    struct ese_node node = {.prefix = bytes_of(child, 0),
                            .suffix = bytes_of(child, 0),
                            .data = bytes_of(child, sizeof child)};
    return ese_page_change_insert(page, 0, &node) || log_misfit(r, l->p.page, "no room", f);
}

static void fix_siblings(const struct level *l)
{
    if (l->fresh.needed) {
        bytes_put_le32(page_of(&l->fresh)->raw + ESE_PAGE_PREV_AT, l->p.page);
        bytes_put_le32(page_of(&l->fresh)->raw + ESE_PAGE_NEXT_AT, l->right_number);
    }
    if (l->page.needed)
        bytes_put_le32(page_of(&l->page)->raw + ESE_PAGE_NEXT_AT, l->fresh_number);
    if (l->right_number && l->right.needed)
        bytes_put_le32(page_of(&l->right)->raw + ESE_PAGE_PREV_AT, l->fresh_number);
}

/* The line behind the one that was put in leads to the child's new page. */
static bool lead_to_fresh(struct ese_replay *r, const struct level *l, uint32_t fresh,
                          struct fault *f)
{
    uint8_t child[4];
    bool in_fresh = l->line_oper + 1 >= l->line_split;
    const struct log_target *t = in_fresh ? &l->fresh : &l->page;
    unsigned line = in_fresh ? l->line_oper + 1 - l->line_split : l->line_oper + 1;
    bytes_put_le32(child, fresh);
    return !t->needed || ese_page_change_data(page_of(t), line, bytes_of(child, sizeof child)) ||
           log_misfit(r, t->frame->number, "no line leads to the page that was split", f);
}

/* A parent that has room: the child's key before the line that led to it, which leads to the new
 * page now. */
static bool add_to_parent(struct ese_replay *r, const struct level *l, const struct level *child,
                          struct fault *f)
{
    const struct ese_page_change *page;
    uint8_t old[4], fresh[4];
    struct ese_page p;
    unsigned line = 0;
    if (!l->page.needed)
        return true;
    page = page_of(&l->page);
    ese_page_parse(bytes_of(page->raw, page->size), page->number, &p);
    bytes_put_le32(old, child->p.page);
    bytes_put_le32(fresh, child->fresh_number);
    for (; line < ese_page_nodes(&p); line++) {
        struct ese_node node;
        if (ese_page_node(&p, line, &node, NULL) && ese_node_child(&node) == child->p.page)
            break;
    }
    return (ese_page_change_data(page, line, bytes_of(fresh, sizeof fresh)) &&
            log_insert(page, line, child->key_parent, bytes_of(old, sizeof old), 0)) ||
           log_misfit(r, l->p.page, "no line leads to the page that was split", f);
}

/* Remembers the row's change for an undo, before the page loses what it was. */
static bool remember_row(struct ese_replay *r, const struct level *leaf,
                         const struct row_change *row, const struct log_line *line, struct fault *f)
{
    const struct log_target *t = leaf->line_oper < leaf->line_split ? &leaf->page : &leaf->fresh;
    struct bytes none = bytes_of(row->key.at, 0), key, before = none;
    if (leaf->oper == OPER_NONE || !row->given)
        return true;
    if (leaf->oper == OPER_INSERT || leaf->oper == OPER_FLAG_INSERT_REPLACE) {
        bool unique = row->p.flags & ESE_LOG_UNIQUE;
        if (!log_remember(r, &row->p, LOG_OPER_INSERT, row->id, row->key, unique ? none : row->data,
                          NULL, f))
            return false;
        if (leaf->oper == OPER_INSERT)
            return true;
    }
    uint32_t id = leaf->oper == OPER_REPLACE ? row->id : row->replace_id;
    if (!t->needed || !leaf->page.needed)
        return log_remember(r, &row->p, LOG_OPER_REPLACE, id, none, none, NULL, f);
    struct ese_page page;
    struct ese_node node;
    ese_page_parse(bytes_of(r->scratch, r->page_size), leaf->p.page, &page);
    if (!ese_page_node(&page, leaf->line_oper, &node, f) ||
        !ese_node_key(&line[leaf->line_oper].node, r->scratch2, r->page_size, &key))
        return log_misfit(r, leaf->p.page, "it has no such line", f);
    before = node.data;
    return log_remember(r, &row->p, LOG_OPER_REPLACE, id, key, none, &before, f);
}

static bool perform_split(struct ese_replay *r, struct level *l, const struct level *child,
                          const struct row_change *row, struct log_line *line, struct fault *f)
{
    bool leaf = l->fresh_flags & ESE_PAGE_LEAF;
    uint8_t lower[4];
    struct bytes key = row->key, data = row->data;
    if (!leaf && l->oper != OPER_NONE) {
        if (child == NULL || !child->splits)
            return log_misfit(r, l->p.page, "it is split for a child that is not", f);
        bytes_put_le32(lower, child->p.page);
        key = child->key_parent;
        data = bytes_of(lower, sizeof lower);
    }
    if (leaf && l->oper != OPER_NONE && !row->given)
        return log_misfit(r, l->p.page, "it is split for a row that is not there", f);
    if (l->lines > LOG_LINES_MOST || l->line_split > l->lines ||
        (l->oper != OPER_NONE && l->line_oper >= l->lines))
        return log_misfit(r, l->p.page, "the split names lines that no page has", f);
    bool versioned = leaf && row->given && (row->p.flags & ESE_LOG_VERSIONED);
    if (l->page.needed || l->fresh.needed) {
        if (!read_lines(r, l, key, data, line, f))
            return false;
    }
    if (leaf && !remember_row(r, l, row, line, f))
        return false;
    if (l->fresh.needed && !fill_fresh(r, l, line, versioned, f))
        return false;
    if (l->page.needed && !refill_page(r, l, line, versioned, f))
        return false;
    if (l->type == SPLIT_VERTICAL) {
        if (l->page.needed && !become_parent(r, l, f))
            return false;
    } else if (leaf) {
        fix_siblings(l);
    }
    return leaf || child == NULL || !child->splits || lead_to_fresh(r, l, child->fresh_number, f);
}

static bool read_row(struct bytes b, struct row_change *row)
{
    struct ese_log_record record = {.type = b.at[0], .bytes = b};
    size_t fixed = ese_log_fixed_size(b.at[0]), key = 0, data = 0;
    row->given = ese_log_page_read(&record, &row->p);
    row->type = record.type;
    row->id = row->p.version;
    switch (record.type) {
    case ESE_LOG_INSERT:
        key = (size_t)bytes_get_le16(b, 44) + bytes_get_le16(b, 46);
        data = bytes_get_le16(b, 48);
        break;
    case ESE_LOG_FLAG_INSERT_REPLACE:
        key = bytes_get_le16(b, 44);
        data = bytes_get_le16(b, 46);
        row->replace_id = bytes_get_le32(b, 48);
        break;
    case ESE_LOG_REPLACE:
        data = bytes_get_le16(b, 48);
        break;
    default:
        row->given = false;
    }
    row->key = bytes_of(b.at + fixed, key);
    row->data = bytes_of(b.at + fixed + key, data);
    return bytes_has(b, fixed, key + data);
}

static bool redo_split(struct ese_replay *r, const struct log_macro *m, struct fault *f)
{
    static const uint8_t nothing[1];
    struct level level[LOG_PATH_MOST];
    struct row_change row = {.key = bytes_of(nothing, 0), .data = bytes_of(nothing, 0)};
    unsigned levels = 0;
    struct bytes all = bytes_of(m->bytes, m->size);
    for (uint64_t size; all.size > 0; all = bytes_from(all, (size_t)size)) {
        if (!ese_log_record_size(all, &size) || size > all.size)
            return fault_set(f, FAULT_DAMAGED, "a split's records do not end");
        struct bytes b = bytes_of(all.at, (size_t)size);
        if (b.at[0] == ESE_LOG_SPLIT) {
            if (levels == LOG_PATH_MOST || !read_level(b, &level[levels]))
                return fault_set(f, FAULT_DAMAGED, "a split of a kind that does not exist");
            levels++;
        } else if (!read_row(b, &row)) {
            return fault_set(f, FAULT_DAMAGED, "a split's row reaches over its record");
        }
    }
    for (unsigned i = 0; i < levels; i++)
        if (!get_level(r, &level[i], f))
            return false;
    struct log_line *line = r->line;
    for (unsigned i = 0; i < levels; i++) {
        const struct level *child = i + 1 < levels ? &level[i + 1] : NULL;
        bool ok = level[i].splits
                      ? perform_split(r, &level[i], child, &row, line, f)
                      : child == NULL || !child->splits || add_to_parent(r, &level[i], child, f);
        if (!ok)
            return false;
    }
    for (unsigned i = 0; i < levels; i++) {
        r->summary.redone += level[i].page.needed || level[i].fresh.needed;
        log_target_done(&level[i].page, level[i].p.after);
        log_target_done(&level[i].fresh, level[i].p.after);
        log_target_done(&level[i].right, level[i].p.after);
    }
    return true;
}

/* ---- merges ---- */

struct step {
    struct bytes record;
    struct ese_log_page p;
    struct log_target page;
    uint8_t flags;
};

struct merge {
    enum merge_type type;
    uint32_t left_number, right_number;
    struct log_target left, right;
    struct log_target *to; /* the page that gets the nodes; NULL: none */
    unsigned line;
    struct bytes separator;
};

static bool get_merge(struct ese_replay *r, struct step *leaf, struct merge *m, struct fault *f)
{
    struct bytes b = leaf->record;
    *m = (struct merge){.type = b.at[85],
                        .right_number = bytes_get_le32(b, 32),
                        .left_number = bytes_get_le32(b, 44),
                        .line = bytes_get_le16(b, 82),
                        .separator = bytes_of(b.at + MERGE_FIXED, bytes_get_le16(b, 86))};
    if (m->left_number &&
        !log_target(r, m->left_number, leaf->p.after, bytes_get_le64(b, 48), &m->left, f))
        return false;
    if (m->right_number &&
        !log_target(r, m->right_number, leaf->p.after, bytes_get_le64(b, 36), &m->right, f))
        return false;
    if (m->type == MERGE_FULL_LEFT || m->type == MERGE_PARTIAL_LEFT)
        m->to = &m->left;
    else if (m->type == MERGE_FULL_RIGHT || m->type == MERGE_PARTIAL_RIGHT)
        m->to = &m->right;
    if (m->to == NULL || !m->to->needed || leaf->page.needed)
        return true;
    struct bytes image = bytes_from(b, MERGE_FIXED + m->separator.size);
    if (image.size == 0 || leaf->page.frame == NULL)
        return log_misfit(r, leaf->p.page, "a page was merged whose old state is nowhere", f);
    return take_back(r, &leaf->page, image, bytes_get_le32(b, 88), leaf->p.before, f);
}

/* The nodes that go, in their order; nodes that are deleted stay behind and vanish. */
static bool move_nodes(struct ese_replay *r, const struct step *leaf, const struct merge *m,
                       struct fault *f)
{
    bool right = m->to == &m->right;
    const struct ese_page_change *to = page_of(m->to);
    struct ese_page page, dest;
    uint8_t prefix_room[ESE_KEY_ROOM];
    memcpy(r->scratch, page_of(&leaf->page)->raw, r->page_size);
    ese_page_parse(bytes_of(r->scratch, r->page_size), leaf->p.page, &page);
    ese_page_parse(bytes_of(to->raw, to->size), to->number, &dest);
    if (dest.key_prefix.size > sizeof prefix_room)
        return log_misfit(r, to->number, "its prefix is too long", f);
    struct bytes prefix = bytes_of(prefix_room, dest.key_prefix.size);
    if (prefix.size > 0)
        memcpy(prefix_room, dest.key_prefix.at, prefix.size);
    unsigned count = ese_page_nodes(&page), first = right ? m->line : 0;
    unsigned end = right ? count : m->line + 1 < count ? m->line + 1 : count;
    unsigned at = right ? 0 : ese_page_change_nodes(to);
    for (unsigned i = first; i < end; i++) {
        struct ese_node node;
        if (!ese_page_node(&page, i, &node, f))
            return false;
        if (node.flags & ESE_NODE_DELETED)
            continue;
        if (!put_line(to, at, &node, common(&node, prefix), node.flags & ESE_NODE_VERSION))
            return log_misfit(r, to->number, "no room for the nodes that are merged into it", f);
        at++;
    }
    return true;
}

static bool merge_leaf(struct ese_replay *r, struct step *leaf, struct merge *m, struct fault *f)
{
    if (m->to && m->to->needed && !move_nodes(r, leaf, m, f))
        return false;
    if (leaf->page.needed) {
        const struct ese_page_change *page = page_of(&leaf->page);
        for (unsigned i = ese_page_change_nodes(page); i-- > 0;)
            if ((m->type == MERGE_PARTIAL_RIGHT && i >= m->line) ||
                (m->type == MERGE_PARTIAL_LEFT && i <= m->line))
                ese_page_change_delete(page, i);
    }
    if (m->type == MERGE_PARTIAL_RIGHT || m->type == MERGE_PARTIAL_LEFT)
        return true;
    if (m->left_number && m->left.needed)
        bytes_put_le32(page_of(&m->left)->raw + ESE_PAGE_NEXT_AT, m->right_number);
    if (m->right_number && m->right.needed)
        bytes_put_le32(page_of(&m->right)->raw + ESE_PAGE_PREV_AT, m->left_number);
    return true;
}

/* Another key for the line of an internal page. */
static bool change_key(const struct ese_page_change *page, unsigned line, struct bytes key)
{
    uint8_t child[4];
    const uint8_t *data = ese_page_change_at(page, line, 0, sizeof child);
    if (data == NULL)
        return false;
    memcpy(child, data, sizeof child);
    return ese_page_change_delete(page, line) &&
           log_insert(page, line, key, bytes_of(child, sizeof child), 0);
}

static bool has_key(const struct ese_page_change *page, unsigned line)
{
    struct ese_page p;
    struct ese_node node;
    ese_page_parse(bytes_of(page->raw, page->size), page->number, &p);
    return line < ese_page_nodes(&p) && ese_page_node(&p, line, &node, NULL) &&
           node.prefix.size + node.suffix.size > 0;
}

static bool merge_parent(struct ese_replay *r, struct step *s, const struct merge *m,
                         struct fault *f)
{
    if (!s->page.needed)
        return true;
    const struct ese_page_change *page = page_of(&s->page);
    unsigned line = s->p.line;
    bool ok = true;
    if (m->type == MERGE_FULL_LEFT && (s->flags & MERGE_DELETE_NODE) &&
        (s->flags & MERGE_KEY_CHANGE)) {
        uint8_t left[4];
        bytes_put_le32(left, m->left_number);
        ok = line > 0 && ese_page_change_data(page, line, bytes_of(left, sizeof left)) &&
             ese_page_change_delete(page, line - 1);
    } else if (s->flags & MERGE_DELETE_NODE) {
        bool last = !has_key(page, line);
        ok = ese_page_change_delete(page, line);
        if (ok && last)
            ok = line > 0 && change_key(page, line - 1, bytes_of(r->scratch, 0));
    } else if (s->flags & MERGE_KEY_CHANGE) {
        unsigned at = m->type == MERGE_PARTIAL_LEFT ? line - 1 : line;
        ok = (m->type != MERGE_PARTIAL_LEFT || line > 0) && change_key(page, at, m->separator);
    }
    return ok || log_misfit(r, s->p.page, "it has no such line for a merge", f);
}

static bool redo_merge(struct ese_replay *r, const struct log_macro *macro, struct fault *f)
{
    struct step step[LOG_PATH_MOST];
    struct merge merge;
    unsigned steps = 0;
    struct bytes all = bytes_of(macro->bytes, macro->size);
    for (uint64_t size; all.size > 0; all = bytes_from(all, (size_t)size)) {
        if (!ese_log_record_size(all, &size) || size > all.size || steps == LOG_PATH_MOST ||
            all.at[0] != ESE_LOG_MERGE)
            return fault_set(f, FAULT_DAMAGED, "a merge of a kind that does not exist");
        struct step *s = &step[steps++];
        *s = (struct step){.record = bytes_of(all.at, (size_t)size), .flags = all.at[84]};
        struct ese_log_record record = {.type = ESE_LOG_MERGE, .bytes = s->record};
        ese_log_page_read(&record, &s->p);
        if (!log_target(r, s->p.page, s->p.after, s->p.before, &s->page, f))
            return false;
    }
    if (!get_merge(r, &step[steps - 1], &merge, f))
        return false;
    for (unsigned i = 0; i < steps; i++) {
        bool leaf = i + 1 == steps;
        if (!(leaf ? merge_leaf(r, &step[i], &merge, f) : merge_parent(r, &step[i], &merge, f)))
            return false;
        if ((step[i].flags & MERGE_EMPTY) && step[i].page.needed)
            log_empty_page(page_of(&step[i].page));
        r->summary.redone += step[i].page.needed;
        log_target_done(&step[i].page, step[i].p.after);
    }
    log_target_done(&merge.left, step[steps - 1].p.after);
    log_target_done(&merge.right, step[steps - 1].p.after);
    return true;
}

bool log_redo_macro(struct ese_replay *r, const struct log_macro *m, struct fault *f)
{
    if (m->size == 0)
        return true;
    if (m->bytes[0] == ESE_LOG_SPLIT)
        return redo_split(r, m, f);
    if (m->bytes[0] == ESE_LOG_MERGE)
        return redo_merge(r, m, f);
    return fault_set(
        f, FAULT_UNSUPPORTED, "the record at %08X,%04X,%04X ends a change that is not replayed: %s",
        (unsigned)r->at.generation, r->at.sector, r->at.byte, ese_log_type_name(m->bytes[0]));
}
