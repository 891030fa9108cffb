/* The structural check: see check.h. */
#include "formats/ese/check/parts.h"

#include "formats/memory.h"

#include <inttypes.h>
#include <stdlib.h>

/* ---- header ---- */

static void judge_header(struct check *c)
{
    const struct ese_headers *hs = &c->db->headers;
    const struct ese_header *h = &hs->header;
    if (hs->primary != ESE_HEADER_GOOD)
        check_found(c, ESE_RULE_HEADER_SHADOW, 0, CHECK_NO_TAG, "the header %s; its shadow is good",
                    ese_header_state_name(hs->primary));
    else if (hs->shadow != ESE_HEADER_GOOD)
        check_found(c, ESE_RULE_HEADER_SHADOW, 0, CHECK_NO_TAG, "the shadow header %s",
                    ese_header_state_name(hs->shadow));
    else if (!hs->equal && !c->dirty) /* the engine writes them one after the other */
        check_found(c, ESE_RULE_HEADER_SHADOW, 0, CHECK_NO_TAG, "the header and its shadow differ");
    if (h->dbtime == 0)
        check_found(c, ESE_RULE_HEADER_FIELD, 0, CHECK_NO_TAG, "expected a dbtime, found 0");
    if (h->objid_last == 0)
        check_found(c, ESE_RULE_HEADER_FIELD, 0, CHECK_NO_TAG,
                    "expected a last object id, found 0");
    uint64_t rest = ese_file_size(c->file) % c->page_size;
    if (rest != 0)
        check_advise(c, ESE_RULE_FILE_SIZE, 0, CHECK_NO_TAG,
                     "the file ends with %" PRIu64 " bytes of a page of %u", rest, c->page_size);
}

/* ---- the work ---- */

static void check_root(struct check *c)
{
    struct check_space space = {
        .root = ESE_PGNO_ROOT,
        .objid = ESE_OBJID_ROOT,
        .kind = CHECK_DATA,
        .unique = true,
        .owned = &c->root_owned,
    };
    check_space_read(c, &space);
}

/* The root's own tree has no rows; its pages are judged when it is known which are others'. */
static void check_root_tree(struct check *c)
{
    struct check_tree tree = {
        .root = ESE_PGNO_ROOT,
        .objid = ESE_OBJID_ROOT,
        .kind = CHECK_DATA,
        .unique = true,
        .owned = &c->root_owned,
        .lent = &c->of_table,
    };
    check_tree_walk(c, &tree);
}

static void check_tables(struct check *c)
{
    bool complete = false, shadow_complete = false;
    for (unsigned i = 0; i < ese_catalog_tables(c->db->catalog) && !c->no_memory; i++) {
        const struct ese_table *table = ese_catalog_table(c->db->catalog, i);
        bool all = check_one_table(c, table);
        if (table->objid == ESE_OBJID_CATALOG)
            complete = all;
        if (table->objid == ESE_OBJID_CATALOG_SHADOW)
            shadow_complete = all;
    }
    check_catalog(c, complete, shadow_complete);
}

static void check_all(struct check *c)
{
    judge_header(c);
    check_root(c);
    check_tables(c);
    check_root_tree(c);
    check_other_pages(c);
    if (!c->root_owned.known)
        check_not_judged(
            c, ESE_RULE_PAGE_CHECKSUM, 0,
            "which pages the database owns is not known: of those that no tree reaches it "
            "cannot be told whether they count");
    if (c->newer_pages > 0)
        check_advise_eseutil(c, ESE_RULE_PAGE_TIME, 0, CHECK_NO_TAG,
                             "%" PRIu64 " pages were changed after the header was written",
                             c->newer_pages);
    if (c->dirty)
        check_not_judged_dirty(c);
}

/* ---- memory ---- */

static bool open_bits(struct check_bits *bits, uint32_t last)
{
    bits->last = last;
    bits->word = calloc((size_t)last / 64 + 1, sizeof *bits->word);
    return bits->word != NULL;
}

static bool open_check(struct check *c)
{
    size_t pages = CHECK_BATCH_BYTES / c->page_size;
    c->batch_most = (unsigned)pages;
    c->batch_memory = aligned_alloc(64, CHECK_BATCH_BYTES);
    c->stack_memory = aligned_alloc(64, (size_t)(ESE_DEPTH_MOST + 1) * c->page_size);
    c->single_memory = aligned_alloc(64, c->page_size);
    return c->batch_memory && c->stack_memory && c->single_memory &&
           open_bits(&c->visited, c->last) && open_bits(&c->available, c->last) &&
           open_bits(&c->of_table, c->last) && open_bits(&c->of_part, c->last);
}

static void close_check(struct check *c)
{
    free(c->batch_memory);
    free(c->stack_memory);
    free(c->single_memory);
    free(c->visited.word);
    free(c->available.word);
    free(c->of_table.word);
    free(c->of_part.word);
    check_extents_free(&c->root_owned);
    check_extents_free(&c->table_owned);
    check_extents_free(&c->part_owned);
    free(c);
}

bool ese_check_and_read(struct ese_db *db, ese_finding_fn found, void *context,
                        const struct ese_check_reader *reader, struct ese_check_summary *summary,
                        struct fault *f)
{
    struct check *c = calloc(1, sizeof *c);
    *summary = (struct ese_check_summary){.problems = 0};
    if (c == NULL)
        return fault_set(f, FAULT_NO_MEMORY, "out of memory for the check");
    c->db = db;
    c->file = db->file;
    c->page_size = db->headers.header.page_size;
    c->last = ese_pages_last(db->pages);
    c->found = found;
    c->context = context;
    c->reader = reader;
    c->summary = summary;
    c->dirty = summary->dirty = db->headers.header.state != ESE_STATE_CLEAN_SHUTDOWN;
    if (open_check(c))
        check_all(c);
    else
        c->no_memory = true;
    bool ok = !c->no_memory && !memory_ran_short();
    close_check(c);
    return ok || fault_set(f, FAULT_NO_MEMORY, "out of memory for the check");
}

bool ese_check(struct ese_db *db, ese_finding_fn found, void *context,
               struct ese_check_summary *summary, struct fault *f)
{
    return ese_check_and_read(db, found, context, NULL, summary, f);
}
