/*
 * Discovery: may a repair merge the columns beside the certificate?  See parts.h.
 *
 * What stands in a name or a trust of a copy that goes is merged by the rules for such columns, or
 * forgotten.  A column that is no such thing, but a role in words, would be lost so: the copies of
 * one certificate tell.
 */
#include "migrate/discover/parts.h"

#include <stdlib.h>

static int by_text(const void *a, const void *b, void *context)
{
    const struct discover_entry *entry = context;
    const struct discover_entry *x = &entry[*(const uint32_t *)a],
                                *y = &entry[*(const uint32_t *)b];
    return (x->text > y->text) - (x->text < y->text);
}

/* Does one text stand beside certificates of different subjects, or is it the key of an entry? */
static bool repeats(struct discover_run *run)
{
    uint32_t *order = calloc(run->entries + 1, sizeof *order);
    bool found = false;
    if (order == NULL) {
        run->no_memory = true;
        return false;
    }
    for (unsigned i = 0; i < run->entries; i++)
        order[i] = i;
    qsort_r(order, run->entries, sizeof *order, by_text, run->entry);
    for (unsigned i = 0; i < run->entries && !found; i++) {
        const struct discover_entry *e = &run->entry[order[i]];
        const struct discover_entry *before = i > 0 ? &run->entry[order[i - 1]] : NULL;
        found = e->text && (discover_find(run, (int64_t)e->text) ||
                            (before && before->text == e->text && before->subject != e->subject));
    }
    free(order);
    return found;
}

/* Entries of one certificate, neighbours in the order of SHA-1, that are not the same. */
static bool copies_differ(const struct discover_run *run,
                          bool (*differ)(const struct discover_entry *,
                                         const struct discover_entry *))
{
    const struct discover_entry *last = NULL; /* with this certificate, and something to compare */
    for (unsigned i = 0; run->by_sha1 && i < run->entries; i++) {
        const struct discover_entry *e = &run->entry[run->by_sha1[i]];
        if (last && memcmp(last->sha1, e->sha1, sizeof e->sha1) == 0 && differ(last, e))
            return true;
        last = e;
    }
    return false;
}

static bool other_text(const struct discover_entry *a, const struct discover_entry *b)
{
    return a->text && b->text && a->text != b->text;
}

const char *discover_no_names(struct discover_run *run)
{
    if (copies_differ(run, other_text))
        return "copies of one certificate have different texts there";
    if (repeats(run))
        return "it has one text for different CAs, or the key of an entry";
    return NULL;
}

static bool are_copies(const struct discover_entry *a, const struct discover_entry *b)
{
    (void)a;
    (void)b;
    return true;
}

bool discover_has_copies(const struct discover_run *run)
{
    return copies_differ(run, are_copies);
}
