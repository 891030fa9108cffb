/*
 * The pages that a record is about: is its change still to be made to them?  See log/parts.h.
 *
 * Where a page that a record changes is not there at all, the engine remembers it and goes on: a
 * later record may make it (it was freed, and the file was cut, after these logs were written).
 * What is still missing at the end means that a write was lost.
 *
 * Source: the published engine, ese/_log/logredo.cxx (ErrLGIAccessPage, ErrLGRIAccessNewPage,
 * FLGNeedRedoCheckDbtimeBefore), ese/node.cxx (NDEmptyPage).
 */
#include "formats/ese/log/parts.h"

#include "formats/array.h"

#include <inttypes.h>
#include <stdio.h>

enum { PENDING_MOST = 1 << 20 };

bool log_misfit(const struct ese_replay *r, uint32_t number, const char *what, struct fault *f)
{
    return fault_set(f, FAULT_DAMAGED, "page %u does not fit the record at %08X,%04X,%04X: %s",
                     number, (unsigned)r->at.generation, r->at.sector, r->at.byte, what);
}

bool log_unsupported(const struct ese_replay *r, unsigned type, struct fault *f)
{
    return fault_set(f, FAULT_UNSUPPORTED,
                     "the record at %08X,%04X,%04X is of a kind that is not replayed: %s",
                     (unsigned)r->at.generation, r->at.sector, r->at.byte, ese_log_type_name(type));
}

/* ---- pages that are not there ---- */

static bool remember_missing(struct ese_replay *r, uint32_t number, struct fault *f)
{
    if (r->pendings > 0 && r->pending[r->pendings - 1] == number)
        return true;
    if (r->pendings == PENDING_MOST)
        return fault_set(f, FAULT_DAMAGED,
                         "the logs change more than %u pages that the database does not have; page "
                         "%u is one",
                         PENDING_MOST, number);
    if (!array_reserve(&r->pending, &r->pendings_room, r->pendings + 1, sizeof *r->pending))
        return fault_no_memory(f, "pages that are not there");
    r->pending[r->pendings++] = number;
    return true;
}

bool log_target_find(struct ese_replay *r, uint32_t number, uint64_t after, uint64_t before,
                     struct log_target *t, struct fault *f)
{
    char text[160];
    *t = (struct log_target){.needed = false};
    if (!log_pages_get(r->pages, number, &t->frame, f))
        return false;
    if (t->frame == NULL)
        return remember_missing(r, number, f);
    uint64_t time = ese_page_change_time(&t->frame->page);
    if (time >= after) {
        if (time > r->page_dbtime) {
            r->page_dbtime = time;
            r->page_with_it = number;
        }
        return true;
    }
    if (time != before) {
        snprintf(text, sizeof text,
                 time < before ? "a write was lost: expected time 0x%" PRIx64 ", found 0x%" PRIx64
                               : "it is newer than these logs: expected time 0x%" PRIx64
                                 ", found 0x%" PRIx64,
                 before, time);
        return log_misfit(r, number, text, f);
    }
    t->needed = true;
    return true;
}

bool log_target(struct ese_replay *r, uint32_t number, uint64_t after, uint64_t before,
                struct log_target *t, struct fault *f)
{
    return log_target_find(r, number, after, before, t, f) &&
           (!t->needed || log_pages_change(r->pages, t->frame, f));
}

bool log_target_new(struct ese_replay *r, uint32_t number, uint64_t after, struct log_target *t,
                    struct fault *f)
{
    struct fault damage = {.code = FAULT_NONE};
    *t = (struct log_target){.needed = true};
    if (number > r->last_page && number - r->last_page > LOG_GROWTH_MOST)
        return fault_set(f, FAULT_DAMAGED, "a record makes page %u; the database ends with page %u",
                         number, r->last_page);
    if (!log_pages_get(r->pages, number, &t->frame, &damage)) {
        if (damage.code != FAULT_DAMAGED) {
            *f = damage;
            return false;
        }
        t->frame = NULL; /* what is damaged there is written over */
    }
    if (t->frame && ese_page_change_time(&t->frame->page) >= after)
        t->needed = false;
    if (t->needed && !log_pages_new(r->pages, number, &t->frame, f))
        return false;
    if (number > r->last_page)
        r->last_page = number;
    return true;
}

void log_target_done(struct log_target *t, uint64_t after)
{
    if (!t->needed)
        return;
    const struct ese_page_change *page = &t->frame->page;
    ese_page_change_set_time(page, after);
    ese_page_change_set_flags(page, ese_page_change_get_flags(page) & ~(uint32_t)ESE_PAGE_SCRUBBED);
}

void log_target_init(const struct ese_replay *r, struct log_target *t, uint32_t objid,
                     uint64_t after, uint32_t flags)
{
    t->frame->page.tag_bits = r->tag_bits;
    t->frame->page.number = t->frame->number;
    ese_page_change_init(&t->frame->page, objid, after, flags | r->new_page_flags);
}

/* ---- nodes ---- */

bool log_node(const struct ese_page_change *page, unsigned line, struct ese_node *node)
{
    struct ese_page p;
    ese_page_parse(bytes_of(page->raw, page->size), page->number, &p);
    return line < ese_page_nodes(&p) && ese_page_node(&p, line, node, NULL);
}

/* How many bytes of the key come from the page's prefix: none, or more than two. */
static size_t log_shared(const struct ese_page_change *page, struct bytes key)
{
    struct ese_page p;
    size_t i = 0;
    ese_page_parse(bytes_of(page->raw, page->size), page->number, &p);
    while (i < key.size && i < p.key_prefix.size && key.at[i] == p.key_prefix.at[i])
        i++;
    return i > 2 ? i : 0;
}

bool log_insert(const struct ese_page_change *page, unsigned line, struct bytes key,
                struct bytes data)
{
    size_t shared = log_shared(page, key);
    struct ese_node node = {
        .prefix = bytes_of(key.at, shared), .suffix = bytes_from(key, shared), .data = data};
    return ese_page_change_insert(page, line, &node);
}

bool log_empty_page(const struct ese_page_change *page)
{
    struct bytes none = bytes_of(page->spare, 0);
    if (!(ese_page_change_get_flags(page) & ESE_PAGE_ROOT))
        ese_page_change_external(page, none);
    while (ese_page_change_nodes(page) > 0)
        ese_page_change_delete(page, ese_page_change_nodes(page) - 1);
    ese_page_change_set_flags(page, ese_page_change_get_flags(page) | ESE_PAGE_EMPTY);
    return true;
}
