/*
 * Undo: what transactions did that the logs leave open, taken back newest first.  See log/parts.h.
 *
 * Splits and merges have moved rows since, so each is looked for from the root of its tree by its
 * bookmark: the key, and in an index that is not unique the data behind it, compared as bytes.
 *
 * Source: the published engine, ese/ver.cxx (ErrVERIUndoLoggedOper), ese/bt.cxx (ErrBTIRefresh).
 */
#include "formats/array.h"
#include "formats/ese/log/parts.h"

static bool not_found(const struct ese_replay *r, const struct log_version *v, const char *what,
                      struct fault *f)
{
    (void)r;
    return fault_set(
        f, FAULT_DAMAGED,
        "a change of object %u (root page %u) that was never committed cannot be taken "
        "back: %s",
        v->object_id, v->root, what);
}

/* Compares what a node stands for with a bookmark: its key and, unless `key_only`, its data. */
static int compare(const struct ese_node *node, struct bytes bookmark, bool key_only)
{
    const struct bytes part[] = {node->prefix, node->suffix, node->data};
    size_t at = 0;
    for (unsigned i = 0; i < (key_only ? 2u : 3u); i++) {
        size_t left = bookmark.size - at, size = part[i].size < left ? part[i].size : left;
        int order = size ? memcmp(part[i].at, bookmark.at + at, size) : 0;
        if (order != 0)
            return order;
        if (size < part[i].size)
            return 1; /* the bookmark ends before */
        at += size;
    }
    return at < bookmark.size ? -1 : 0;
}

/* The page that the bookmark lies under: the first whose separator is above it. */
static uint32_t child_for(const struct ese_page *page, struct bytes bookmark)
{
    struct halving h = {.high = ese_page_nodes(page)};
    struct ese_node node;
    if (h.high == 0)
        return 0;
    h.high--; /* the last one has no upper end */
    while (halving_next(&h)) {
        if (!ese_page_node(page, (unsigned)h.middle, &node, NULL))
            return 0;
        halving_go(&h,
                   node.prefix.size + node.suffix.size > 0 && compare(&node, bookmark, true) <= 0);
    }
    return ese_page_node(page, (unsigned)h.low, &node, NULL) ? ese_node_child(&node) : 0;
}

static bool line_of(const struct ese_page *page, struct bytes bookmark, bool key_only,
                    unsigned *line)
{
    struct halving h = {.high = ese_page_nodes(page)};
    struct ese_node node;
    while (halving_next(&h)) {
        if (!ese_page_node(page, (unsigned)h.middle, &node, NULL))
            return false;
        halving_go(&h, compare(&node, bookmark, key_only) < 0);
    }
    *line = (unsigned)h.low;
    return *line < ese_page_nodes(page) && ese_page_node(page, *line, &node, NULL) &&
           compare(&node, bookmark, key_only) == 0;
}

static bool undo_one(struct ese_replay *r, struct log_version *v, struct fault *f)
{
    struct bytes bookmark = log_version_key(&r->versions, v);
    bookmark.size += v->unique ? 0 : v->data_size; /* the data stand behind the key */
    uint32_t number = v->root;
    if (!v->whole)
        return not_found(r, v, "what it was before is not in the logs", f);
    log_pages_turn(r->pages);
    for (unsigned depth = 0; depth < LOG_PATH_MOST; depth++) {
        struct log_frame *frame;
        struct ese_page page;
        unsigned line;
        if (!log_pages_get(r->pages, number, &frame, f))
            return false;
        if (frame == NULL)
            return not_found(r, v, "a page on the way to it is not there", f);
        ese_page_parse(bytes_of(frame->page.raw, r->page_size), number, &page);
        if (page.objid != v->object_id)
            return not_found(r, v, "a page on the way to it belongs to another object", f);
        if (!(page.flags & ESE_PAGE_LEAF)) {
            number = child_for(&page, bookmark);
            continue;
        }
        if (!line_of(&page, bookmark, v->unique, &line))
            return not_found(r, v, "its row is not where it belongs", f);
        if (!log_pages_change(r->pages, frame, f) || !log_undo_at(r, v, &frame->page, line, f))
            return false;
        r->dbtime++;
        ese_page_change_set_time(&frame->page, r->dbtime);
        r->summary.undone_changes++;
        return true;
    }
    return not_found(r, v, "its tree has no end", f);
}

bool log_undo_all(struct ese_replay *r, struct fault *f)
{
    for (unsigned i = 0; i < r->sessions; i++) {
        struct log_session *s = &r->session[i];
        if (s->level == 0)
            continue;
        r->summary.undone++;
        for (size_t at = s->head; at != SIZE_MAX; at = r->versions.entry[at].previous) {
            struct log_version *v = &r->versions.entry[at];
            if (v->live && !undo_one(r, v, f))
                return false;
        }
    }
    return true;
}
