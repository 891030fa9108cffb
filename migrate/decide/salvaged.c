/* From a salvage to the verdict: see salvaged.h. */
#include "migrate/decide/salvaged.h"

#include "migrate/decide/assess_parts.h"

#include "formats/buffer.h"
#include "migrate/rescue/salvaging.h"
#include "migrate/console/words.h"

#include <inttypes.h>
#include <string.h>

/* ---- the tables that count ---- */

/* The i-th table that the service needs: the list's, the settings', what refers to the list. */
static const struct ese_salvage_table *named(const struct assessment *a, unsigned i)
{
    unsigned own = assess_own_tables(a);
    const char *name = i < own ? assess_own_table(a, i) : a->profile.reference[i - own].table;
    return salvaging_table(a->options->salvaged, name);
}

/* Likewise; NULL where the profile names none, or an earlier one is the same. */
static const struct ese_salvage_table *needed(const struct assessment *a, unsigned i)
{
    const struct ese_salvage_table *table = named(a, i);
    for (unsigned before = 0; table && before < i; before++)
        if (named(a, before) == table)
            return NULL;
    return table;
}

static unsigned needed_most(const struct assessment *a)
{
    return a->match == PROFILE_NO_MATCH ? 0 : assess_own_tables(a) + a->profile.references;
}

/* Is there a row, a page of rows or a column that nobody can be sure of? */
static bool is_in_doubt(const struct ese_salvage_table *t, bool refers)
{
    return t->in_part || t->doubtful > 0 ||
           (!refers && (t->lost || t->perhaps_lost || t->pages_lost || t->cut));
}

/* Is the settings' table not there, or one that has the list's rows where the profile knows such,
 * and may the catalog have lost it?  Then the list may seem to be kept in one value. */
static bool lacks_own_table(const struct assessment *a)
{
    const struct salvaging *x = a->options->salvaged;
    const char *settings = a->profile.settings_table;
    if (a->match == PROFILE_NO_MATCH || salvaging_knows_tables(x))
        return false;
    bool lacks = settings && salvaging_table(x, settings) == NULL;
    for (unsigned i = 0; i < a->profile.lists; i++)
        lacks = lacks || salvaging_table(x, a->profile.list[i].table) == NULL;
    return lacks;
}

bool salvaged_is_whole(const struct assessment *a, bool references)
{
    if (!references && lacks_own_table(a))
        return false;
    for (unsigned i = references ? assess_own_tables(a) : 0;
         i < (references ? needed_most(a) : assess_own_tables(a)); i++) {
        const struct ese_salvage_table *table = needed(a, i);
        if (table && salvaging_badness(table) > 0)
            return false;
    }
    return !references || needed_most(a) == 0 || salvaging_knows_tables(a->options->salvaged);
}

/* ---- what is in doubt ---- */

static void name_rows(struct buffer *to, const struct salvaging *x,
                      const struct ese_salvage_table *table)
{
    const char *before = ": ";
    for (size_t i = 0; i < x->names; i++) {
        const struct salvaging_named *n = &x->named[i];
        char place[40];
        if (n->objid != table->objid)
            continue;
        snprintf(place, sizeof place, ", page %u", n->page);
        buffer_add_text(to, before);
        buffer_add_text(to, n->kind == ESE_SALVAGE_PAGE_LOST ? "a page of rows" : n->key);
        buffer_add_text(to, n->page ? place : "");
        buffer_add_text(to, " (");
        buffer_add_text(to, n->reason);
        buffer_add_text(to, ")");
        before = "; ";
    }
}

static void add(struct assessment *a, const char *text)
{
    problem_add(&a->found, PROBLEM_SALVAGED, NO_ENTRY, NO_ENTRY, "%s", text);
}

static void judge_table(struct assessment *a, const struct ese_salvage_table *t)
{
    struct buffer text = {0};
    char counts[160 + SALVAGING_PERHAPS];
    snprintf(counts, sizeof counts,
             ": %s doubtful, %" PRIu64 " known to be lost, %" PRIu64
             " without a long value, %s of rows lost%s",
             counted(t->doubtful, "row", "rows"), t->lost, t->cut,
             counted(t->pages_lost, "page", "pages"), salvaging_perhaps(t->perhaps_lost));
    buffer_add_text(&text, "table ");
    buffer_add_text(&text, t->name);
    buffer_add_text(&text, counts);
    buffer_add_text(&text, t->in_part ? ", columns or indexes may be missing" : "");
    name_rows(&text, a->options->salvaged, t);
    if (text.failed || !buffer_add_u8(&text, '\0'))
        a->found.no_memory = true;
    else
        add(a, (const char *)text.at);
    buffer_free(&text);
}

/* What speaks against every row. */
static void judge_whole(struct assessment *a)
{
    const struct salvaging *x = a->options->salvaged;
    const struct ese_salvage_scan *scan = ese_salvage_scan(x->salvage);
    if (scan->dirty)
        add(a, "the database was not shut down cleanly: which of its changes were committed cannot "
               "be seen, and what only its logs have is missing");
    if (scan->newer && a->made_anew) /* the engine takes such a one that is sound */
        problem_add(&a->found, PROBLEM_SALVAGED, NO_ENTRY, NO_ENTRY,
                    "%s newer than the header of a clean shutdown: which of their changes were "
                    "committed cannot be seen, and what only logs have is missing",
                    counted(scan->newer, "page is", "pages are"));
    if (scan->header_invented)
        add(a, "header and shadow are gone: whether the database was shut down cleanly cannot be "
               "seen");
    if (x->result.told[ESE_SALVAGE_NO_SCHEMA])
        problem_add(&a->found, PROBLEM_SALVAGED, NO_ENTRY, NO_ENTRY,
                    "%s that the catalog does not have: --schema-from OTHER names them again",
                    counted(x->result.told[ESE_SALVAGE_NO_SCHEMA], "row is of a table",
                            "rows are of tables"));
    if (x->result.told[ESE_SALVAGE_TABLE_LOST])
        problem_add(&a->found, PROBLEM_SALVAGED, NO_ENTRY, NO_ENTRY,
                    "%s known in part only, or not at all: --schema-from OTHER names them again",
                    counted(x->result.told[ESE_SALVAGE_TABLE_LOST], "table is", "tables are"));
    if (x->result.catalog_gaps > 0)
        add(a, "of the catalog and of its shadow the same part is lost: tables, columns or indexes "
               "may be missing; --schema-from OTHER names them again");
}

void salvaged_judge(struct assessment *a)
{
    struct salvaging *x = a->options->salvaged;
    if (x == NULL)
        return;
    a->made_anew = !salvaging_is_sound(x);
    judge_whole(a);
    for (unsigned i = 0; i < needed_most(a); i++) {
        const struct ese_salvage_table *table = needed(a, i);
        if (table && is_in_doubt(table, i >= assess_own_tables(a)))
            judge_table(a, table);
    }
}

/* ---- the id ---- */

bool salvaged_input(const struct assessment *a, uint8_t digest[HASH_SHA256_SIZE], struct fault *f)
{
    static const char what[] = "kmmigrate repair --salvage 1\n";
    const struct salvaging *x = a->options->salvaged;
    struct hash hash;
    memcpy(digest, a->hash.digest, HASH_SHA256_SIZE);
    if (x == NULL)
        return true;
    if (!hash_open(&hash, f))
        return false;
    hash_sha256_add(&hash, bytes_of(what, sizeof what - 1));
    hash_sha256_add(&hash, bytes_of(x->files.id, strlen(x->files.id)));
    hash_sha256_add(&hash, bytes_of(a->hash.digest, HASH_SHA256_SIZE));
    hash_sha256_end(&hash, digest);
    hash_close(&hash);
    return true;
}
