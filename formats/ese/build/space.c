/*
 * Which pages a tree owns and which of them are free.
 *
 * Trees nest: the database's root owns every page of the file; a table's pages come from it, and
 * the pages of a table's indexes and long values from the table.  A tree that runs out takes an
 * eighth of what it has from its parent, and gives back at its end what it did not use, so that
 * extents are few and little is wasted where trees grow in turns.  A tree with one extent of at
 * most 33 pages keeps a bitmap in its root page; any other has two space trees: all extents it
 * owns, and those of them that are free.
 *
 * Source: the published engine, inc/space.hxx (SPACE_HEADER), ese/space.cxx (ErrSPICreateSingle,
 * SPIPerformCreateMultiple, SPIConvertCalcExtents).
 */
#include "formats/ese/build/parts.h"

#include <string.h>

enum {
    BITMAP_PAGES = 32, /* pages behind the root that the bitmap covers */
    GROW_LEAST = 4,    /* pages taken from the parent at once */
    GROW_MOST = 4096,
    GROW_PART = 8,      /* of what the tree has */
    SPACE_MULTIPLE = 1, /* SPACE_HEADER's flags */
    SPACE_NON_UNIQUE = 2,
    PGNO_MOST = 0x7fefffff, /* the engine's own limit */
    FIRST_PAGES_MOST = 16,  /* of a tree, as the engine gives it */
    FIRST_PAGES_OF_FILE = 254,
};

static uint32_t end_of(const struct build_extent *e)
{
    return e->first + e->pages;
}

/* ---- lists of extents ---- */

static bool insert_at(struct build_extents *list, size_t at, struct build_extent e, struct fault *f)
{
    if (!array_reserve(&list->at, &list->room, list->count + 1, sizeof *list->at))
        return fault_no_memory(f, NULL);
    memmove(list->at + at + 1, list->at + at, (list->count - at) * sizeof *list->at);
    list->at[at] = e;
    list->count++;
    return true;
}

static void remove_at(struct build_extents *list, size_t at)
{
    list->count--;
    memmove(list->at + at, list->at + at + 1, (list->count - at) * sizeof *list->at);
}

/* Adds pages that are not in the list, joined with their neighbours. */
static bool add_extent(struct build_extents *list, uint32_t first, uint32_t pages, struct fault *f)
{
    size_t i = list->count;
    while (i > 0 && list->at[i - 1].first > first)
        i--;
    bool left = i > 0 && end_of(&list->at[i - 1]) == first;
    bool right = i < list->count && list->at[i].first == first + pages;
    if (left && right) {
        list->at[i - 1].pages += pages + list->at[i].pages;
        remove_at(list, i);
    } else if (left) {
        list->at[i - 1].pages += pages;
    } else if (right) {
        list->at[i].first = first;
        list->at[i].pages += pages;
    } else {
        return insert_at(list, i, (struct build_extent){first, pages}, f);
    }
    return true;
}

uint32_t build_pages_of(const struct build_extents *list)
{
    uint32_t pages = 0;
    for (size_t i = 0; i < list->count; i++)
        pages += list->at[i].pages;
    return pages;
}

/* ---- taking pages ---- */

static bool take(struct build_space *s, uint32_t least, uint32_t wanted, struct build_extent *taken,
                 struct fault *f);

/* Gets more pages: from the parent, or by making the file longer. */
static bool grow(struct build_space *s, uint32_t least, uint32_t wanted, struct fault *f)
{
    struct build_extent more;
    if (s->parent) {
        uint32_t part = build_pages_of(&s->owned) / GROW_PART;
        part = part < GROW_LEAST ? GROW_LEAST : part > GROW_MOST ? GROW_MOST : part;
        if (!take(s->parent, least, part > wanted ? part : wanted, &more, f))
            return false;
    } else {
        more = (struct build_extent){end_of(&s->owned.at[s->owned.count - 1]), wanted};
        if (more.first > PGNO_MOST - wanted)
            return fault_set(f, FAULT_LIMIT, "the new file would have more than %u pages",
                             PGNO_MOST);
    }
    return add_extent(&s->owned, more.first, more.pages, f) &&
           add_extent(&s->free, more.first, more.pages, f);
}

/* Takes the first run of at least `least` neighbouring pages, and up to `wanted` of them. */
static bool take(struct build_space *s, uint32_t least, uint32_t wanted, struct build_extent *taken,
                 struct fault *f)
{
    for (int tries = 0; tries < 2; tries++) {
        for (size_t i = 0; i < s->free.count; i++) {
            struct build_extent *e = &s->free.at[i];
            if (e->pages < least)
                continue;
            *taken = (struct build_extent){e->first, e->pages < wanted ? e->pages : wanted};
            e->first += taken->pages;
            e->pages -= taken->pages;
            if (e->pages == 0)
                remove_at(&s->free, i);
            return true;
        }
        if (!grow(s, least, wanted, f))
            return false;
    }
    return fault_set(f, FAULT_LIMIT, "no %u neighbouring pages could be had", least);
}

bool build_space_page(struct build_space *s, uint32_t *number, struct fault *f)
{
    struct build_extent one = {0, 0};
    if (!take(s, 1, 1, &one, f))
        return false;
    *number = one.first;
    return true;
}

bool build_space_begin(struct build_space *s, struct ese_build *build, struct build_space *parent,
                       struct fault *f)
{
    struct build_extent one = {0, 0};
    *s = (struct build_space){.build = build, .parent = parent};
    if (!take(parent, 1, 1, &one, f) || !add_extent(&s->owned, one.first, one.pages, f))
        return false;
    s->root = one.first;
    return true;
}

bool build_space_fixed(struct build_space *s, struct ese_build *build, struct build_space *parent,
                       uint32_t root, uint32_t pages, struct fault *f)
{
    enum { ROOT_AND_SPACE_TREES = 3 };
    *s = (struct build_space){
        .build = build, .parent = parent, .root = root, .owned_root = root + 1, .keep = true};
    s->fixed_pages = parent ? pages : 0;
    if (!add_extent(&s->owned, root, pages, f))
        return false;
    return pages == ROOT_AND_SPACE_TREES ||
           add_extent(&s->free, root + ROOT_AND_SPACE_TREES, pages - ROOT_AND_SPACE_TREES, f);
}

void build_space_close(struct build_space *s)
{
    free(s->owned.at);
    free(s->free.at);
    *s = (struct build_space){.root = 0};
}

/* ---- there and back ---- */

static bool copy_extents(struct build_extents *to, const struct build_extents *from,
                         struct fault *f)
{
    if (!array_reserve(&to->at, &to->room, from->count, sizeof *to->at))
        return fault_no_memory(f, NULL);
    to->count = from->count;
    if (from->count > 0)
        memcpy(to->at, from->at, from->count * sizeof *to->at);
    return true;
}

bool build_space_remember(const struct build_space *s, struct build_space_state *to,
                          struct fault *f)
{
    return copy_extents(&to->owned, &s->owned, f) && copy_extents(&to->free, &s->free, f) &&
           copy_extents(&to->parent_owned, &s->parent->owned, f) &&
           copy_extents(&to->parent_free, &s->parent->free, f);
}

void build_space_forget(struct build_space_state *state)
{
    free(state->owned.at);
    free(state->free.at);
    free(state->parent_owned.at);
    free(state->parent_free.at);
    *state = (struct build_space_state){.owned = {.count = 0}};
}

void build_space_restart(struct build_space *s)
{
    s->owned.at[0] = (struct build_extent){s->root, 1};
    s->owned.count = 1;
    s->free.count = 0;
}

static bool has_page(const struct build_extents *list, uint32_t page)
{
    for (size_t i = 0; i < list->count; i++)
        if (page - list->at[i].first < list->at[i].pages)
            return true;
    return false;
}

/* Empties in the file the pages in use that were not so at `since`: of pages that are taken again
 * or given back nothing stands that another reading could find. */
static bool empty_taken(struct build_space *s, const struct build_space_state *since,
                        struct fault *f)
{
    uint8_t *zeroes = calloc(1, s->build->options.page_size);
    bool ok = zeroes != NULL || fault_no_memory(f, "a page");
    for (size_t i = 0; ok && i < s->owned.count; i++)
        for (uint32_t p = s->owned.at[i].first; ok && p < end_of(&s->owned.at[i]); p++)
            if (!has_page(&s->free, p) &&
                (has_page(&since->free, p) || !has_page(&since->owned, p)))
                ok = build_output_page(&s->build->out, p, zeroes, f);
    free(zeroes);
    return ok;
}

bool build_space_go_back(struct build_space *s, const struct build_space_state *to, struct fault *f)
{
    return empty_taken(s, to, f) && copy_extents(&s->owned, &to->owned, f) &&
           copy_extents(&s->free, &to->free, f) &&
           copy_extents(&s->parent->owned, &to->parent_owned, f) &&
           copy_extents(&s->parent->free, &to->parent_free, f);
}

/* ---- the end ---- */

/* The free run at the end of an owned extent; NULL: none. */
static struct build_extent *free_tail(struct build_space *s, const struct build_extent *owned,
                                      size_t *at)
{
    for (size_t i = 0; i < s->free.count; i++) {
        *at = i;
        if (end_of(&s->free.at[i]) == end_of(owned))
            return &s->free.at[i];
    }
    return NULL;
}

static bool give_back(struct build_space *s, struct fault *f)
{
    for (size_t i = s->owned.count; i-- > 0;) {
        size_t at;
        struct build_extent *owned = &s->owned.at[i], *tail = free_tail(s, owned, &at);
        if (tail == NULL)
            continue;
        struct build_extent back = *tail;
        remove_at(&s->free, at);
        owned->pages -= back.pages;
        if (owned->pages == 0)
            remove_at(&s->owned, i);
        if (!add_extent(&s->parent->free, back.first, back.pages, f))
            return false;
    }
    return true;
}

/* The file ends with the last page in use, but has at least the pages asked for. */
static bool end_file(struct build_space *s, struct fault *f)
{
    size_t at;
    struct build_extent *all = &s->owned.at[0], *tail = free_tail(s, all, &at);
    if (tail) {
        all->pages -= tail->pages;
        remove_at(&s->free, at);
    }
    uint32_t least = s->build->options.least_pages;
    if (all->pages >= least)
        return true;
    uint32_t first = end_of(all), more = least - all->pages;
    all->pages = least;
    return add_extent(&s->free, first, more, f);
}

static bool fits_bitmap(const struct build_space *s)
{
    return s->owned_root == 0 && s->owned.count == 1 && s->owned.at[0].first == s->root &&
           s->owned.at[0].pages <= 1 + BITMAP_PAGES;
}

/* A tree with several extents needs pages for its space trees: neighbours for the two roots, and
 * further ones when there are many extents.  Taking them can change the number of extents. */
static bool take_space_pages(struct build_space *s, struct build_extents pages[2], struct fault *f)
{
    uint32_t page_size = s->build->options.page_size;
    if (s->owned_root == 0) {
        struct build_extent roots;
        if (!take(s, 2, 2, &roots, f))
            return false;
        s->owned_root = roots.first;
    }
    for (;;) {
        bool enough = true;
        for (unsigned i = 0; i < 2; i++) {
            size_t extents = i == 0 ? s->owned.count : s->free.count;
            while (build_pages_of(&pages[i]) < build_space_tree_pages(page_size, extents)) {
                uint32_t number;
                if (!build_space_page(s, &number, f) || !add_extent(&pages[i], number, 1, f))
                    return false;
                enough = false;
            }
        }
        if (enough)
            return true;
    }
}

static bool end_multiple(struct build_space *s, uint32_t objid, uint32_t flags, struct fault *f)
{
    struct build_extents pages[2] = {{.count = 0}, {.count = 0}};
    bool ok = take_space_pages(s, pages, f);
    if (ok && s->parent == NULL)
        ok = end_file(s, f);
    else if (ok && !s->keep)
        ok = give_back(s, f);
    ok = ok && build_space_tree(s->build, &s->owned, s->owned_root, &pages[0], objid, flags, f) &&
         build_space_tree(s->build, &s->free, s->owned_root + 1, &pages[1], objid, flags, f);
    free(pages[0].at);
    free(pages[1].at);
    return ok;
}

/* The space header's first field.  Of a tree with space trees the engine only reckons from it how
 * far the tree (or, from the root, the file) grows next: a quarter of it.  So it says there what
 * the engine would have begun with. */
static uint32_t first_pages(const struct build_space *s, bool single)
{
    uint32_t pages = build_pages_of(&s->owned);
    uint32_t most = single ? pages : s->parent ? FIRST_PAGES_MOST : FIRST_PAGES_OF_FILE;
    if (s->fixed_pages != 0)
        most = s->fixed_pages;
    return pages < most ? pages : most;
}

bool build_space_end(struct build_space *s, uint32_t objid, uint32_t flags, bool unique,
                     uint8_t header[16], struct fault *f)
{
    bool single = fits_bitmap(s);
    if (!single && s->owned_root == 0 && !give_back(s, f))
        return false;
    single = single || fits_bitmap(s); /* what is given back may be all but the first extent */
    if (single && !give_back(s, f))
        return false;
    uint32_t bits = 0;
    if (single) {
        for (size_t i = 0; i < s->free.count; i++)
            for (uint32_t k = 0; k < s->free.at[i].pages; k++)
                bits |= 1u << (s->free.at[i].first + k - s->root - 1);
    } else if (!end_multiple(s, objid, flags, f)) {
        return false;
    }
    bytes_put_le32(header, first_pages(s, single));
    bytes_put_le32(header + 4, s->parent ? s->parent->root : 0);
    bytes_put_le32(header + 8, (single ? 0u : SPACE_MULTIPLE) | (unique ? 0u : SPACE_NON_UNIQUE));
    bytes_put_le32(header + 12, single ? bits : s->owned_root);
    return true;
}
