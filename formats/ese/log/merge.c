/*
 * Merges: see log/parts.h.
 *
 * Source: the published engine, ese/_log/logredo.cxx (ErrLGRIRedoMerge), ese/bt.cxx
 * (BTIPerformOneMerge).
 */
#include "formats/ese/log/parts.h"

enum merge_type {
    MERGE_EMPTY_PAGE = 1,
    MERGE_FULL_RIGHT = 2,
    MERGE_PARTIAL_RIGHT = 3,
    MERGE_FULL_LEFT = 5,
    MERGE_PARTIAL_LEFT = 6,
};

enum {
    MERGE_FIXED = 96,
    MERGE_KEY_CHANGE = 0x1,
    MERGE_DELETE_NODE = 0x2,
    MERGE_EMPTY = 0x4,
};

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
    return log_take_back(r, &leaf->page, image, bytes_get_le32(b, 88), leaf->p.before, f);
}

/* The nodes that go, in their order; nodes that are deleted stay behind and vanish. */
static bool move_nodes(struct ese_replay *r, const struct step *leaf, const struct merge *m,
                       struct fault *f)
{
    bool right = m->to == &m->right;
    const struct ese_page_change *to = log_page_of(m->to);
    struct ese_page page, dest;
    uint8_t prefix_room[ESE_KEY_ROOM];
    memcpy(r->scratch, log_page_of(&leaf->page)->raw, r->page_size);
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
        if (!log_put_line(to, at, &node, log_common(&node, prefix), node.flags & ESE_NODE_VERSION))
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
        const struct ese_page_change *page = log_page_of(&leaf->page);
        for (unsigned i = ese_page_change_nodes(page); i-- > 0;)
            if ((m->type == MERGE_PARTIAL_RIGHT && i >= m->line) ||
                (m->type == MERGE_PARTIAL_LEFT && i <= m->line))
                ese_page_change_delete(page, i);
    }
    if (m->type == MERGE_PARTIAL_RIGHT || m->type == MERGE_PARTIAL_LEFT)
        return true;
    if (m->left_number && m->left.needed)
        bytes_put_le32(log_page_of(&m->left)->raw + ESE_PAGE_NEXT_AT, m->right_number);
    if (m->right_number && m->right.needed)
        bytes_put_le32(log_page_of(&m->right)->raw + ESE_PAGE_PREV_AT, m->left_number);
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
           log_insert(page, line, key, bytes_of(child, sizeof child));
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
    const struct ese_page_change *page = log_page_of(&s->page);
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

bool log_redo_merge(struct ese_replay *r, const struct log_macro *macro, struct fault *f)
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
            log_empty_page(log_page_of(&step[i].page));
        r->summary.redone += step[i].page.needed;
        log_target_done(&step[i].page, step[i].p.after);
    }
    log_target_done(&merge.left, step[steps - 1].p.after);
    log_target_done(&merge.right, step[steps - 1].p.after);
    return true;
}
