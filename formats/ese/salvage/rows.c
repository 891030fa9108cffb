/*
 * One table's rows.  Walked twice: first for what they say of indexes and long values (row.c),
 * then, when those have answered, for a verdict on each; on leaves where all rows are good, and
 * were written on the first walk, nothing is left to do.
 *
 * A row that an index contradicts stands on a page that was not written last: the index page is
 * newer, and has no entry for it, or has one with another key (measured: what tells of stale leaves
 * that look whole).  When the row's page is the newer one, the index is what is stale, and it is
 * made anew.
 */
#include "formats/ese/salvage/parts.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>

/* ---- a verdict ---- */

struct writing {
    struct salvage_table *t;
    struct salvage_walk *w;
    struct salvage_strays strays;
    bool plain; /* the table has rows of which nothing but themselves is written */
    uint8_t record[ESE_PAGE_SIZE_MAX];
};

static struct ese_salvage_item item_of(const struct writing *x, enum ese_salvage_kind kind,
                                       const struct salvage_version *v,
                                       const struct salvage_row *row)
{
    const struct salvage_page *p = &x->t->s->page[v->page];
    return (struct ese_salvage_item){
        .kind = kind,
        .table = x->t->table->name,
        .objid = x->t->table->objid,
        .key = x->w->key,
        .page = p->slot,
        .tag = row && row->page ? (int)(v->node + row->page->reserved) : v->node + 1,
        .dbtime = p->dbtime,
        .record = row ? row->node.data : (struct bytes){.at = NULL},
    };
}

/* Of all indexes; there is one. */
static const struct salvage_stray *newest_stray(const struct writing *x)
{
    const struct salvage_stray *newest = &x->strays.at[0];
    for (size_t i = 1; i < x->strays.count; i++)
        if (x->strays.at[i].dbtime > newest->dbtime)
            newest = &x->strays.at[i];
    return newest;
}

/*
 * Rows that only indexes know of: they were there.  Where a leaf that is not older than the entry
 * should have the row, it may have been deleted since, and the entry with it in a write that did
 * not come; but after a clean shutdown there is none such, and either of the two pages is not what
 * was written last.
 */
static bool lost_row(struct writing *x, struct bytes bookmark, const struct salvage_page *newer,
                     struct fault *f)
{
    struct salvage_table *t = x->t;
    const struct salvage_stray *known = newest_stray(x);
    bool perhaps = newer && known->dbtime <= newer->dbtime;
    char text[200];
    const char *index = t->table->index[known->index].name;
    if (perhaps)
        snprintf(text, sizeof text, "index %s has an entry for it on page %u, and page %u %s",
                 index, t->s->page[known->page].slot, newer->slot,
                 salvage_is_unfinished(t->s) || t->s->scan.header_invented
                     ? "has not: it was deleted since, or is lost"
                     : "has not: one of them is not as it was written last");
    else
        snprintf(text, sizeof text,
                 "its bytes are not to be had; index %s has an entry for it on page %u", index,
                 t->s->page[known->page].slot);
    *(perhaps ? &t->sum->perhaps_lost : &t->sum->lost) += 1;
    salvage_see_lost_counter(t, bookmark);
    struct ese_salvage_item item = {.kind = perhaps ? ESE_SALVAGE_PERHAPS_LOST : ESE_SALVAGE_LOST,
                                    .table = t->table->name,
                                    .objid = t->table->objid,
                                    .index = index,
                                    .key = bookmark,
                                    .tag = -1,
                                    .other_page = t->s->page[known->page].slot,
                                    .reason = text};
    return salvage_tell(t->s, &item, f);
}

/* The strays before this key, whose rows are not there. */
static bool pass_strays(struct writing *x, struct bytes key, struct fault *f)
{
    for (;;) {
        bool found;
        if (!salvage_strays_next(&x->strays, key, &found, f))
            return false;
        if (!found)
            return true;
        struct bytes bookmark = buffer_bytes(&x->strays.bookmark);
        if (key.at && bytes_equal(bookmark, key))
            return true; /* they are the row's own, and stay in x->strays */
        if (!lost_row(x, bookmark, salvage_owner(&x->w->leaves, bookmark), f))
            return false;
    }
}

/* Does the version `v`, beside the one that counts, show that one of the two stands in a wrong
 * place?  So it is where both stand in the tree, in a right order of leaves; where one is no row of
 * its key; and where one that says something else is on a leaf in use that nothing names. */
static bool is_contradiction(const struct salvage_table *t, const struct salvage_version *v,
                             const struct salvage_row *best, bool same)
{
    const struct salvage_page *p = &t->s->page[v->page];
    return (p->chained && best->where->chained && p->number != best->where->number) ||
           (v->misfit && !v->doubtful) || (p->trust == SALVAGE_APART && p->held && !same);
}

/* Tells of versions that do not count, and say something else.  *against: the page of one that
 * speaks against the one that does. */
static bool tell_older(struct writing *x, const struct salvage_choice *c,
                       const struct salvage_row *best, bool only_misfits,
                       const struct salvage_page **against, struct fault *f)
{
    struct salvage_table *t = x->t;
    *against = NULL;
    for (size_t i = 0; i < x->w->versions; i++) {
        const struct salvage_version *v = &x->w->version[i];
        const struct salvage_page *p = &t->s->page[v->page];
        if (i == c->best || p->freed || (v->flags & ESE_NODE_DELETED) ||
            (only_misfits && !v->misfit))
            continue;
        struct salvage_row row;
        if (!salvage_row_open(t, x->w, v, &row, f))
            return false;
        bool ok = true, same = bytes_equal(row.node.data, best->node.data);
        if (is_contradiction(t, v, best, same)) {
            *against = *against ? *against : p;
            t->s->page[v->page].doubted = true;
        }
        if (!same) {
            struct ese_salvage_item item = item_of(x, ESE_SALVAGE_OLDER, v, &row);
            item.other = best->node.data;
            item.other_page = best->where->slot;
            item.reason = v->misfit ? "another version of the row, that does not fit the table's "
                                      "columns or its key"
                          : p->trust == SALVAGE_APART
                              ? "another version of the row, on a page that is "
                                "not of the table's tree"
                          : v->doubtful ? "another version of the row, under a wrong checksum"
                                        : "an older version of the row";
            t->sum->older++;
            ok = salvage_tell(t->s, &item, f);
        }
        salvage_row_close(t, &row);
        if (!ok)
            return false;
    }
    return true;
}

/* What is known of a row that is there. */
struct judgement {
    bool doubtful, by_default; /* by_default: written unless the user says otherwise */
    char reason[240];
    uint32_t other_page;
    struct bytes other;
};

static void doubt(struct judgement *j, bool by_default, uint32_t other_page, const char *format,
                  ...) __attribute__((format(printf, 4, 5)));

static void doubt(struct judgement *j, bool by_default, uint32_t other_page, const char *format,
                  ...)
{
    va_list list;
    if (j->doubtful)
        return; /* the first reason is the strongest */
    va_start(list, format);
    vsnprintf(j->reason, sizeof j->reason, format, list);
    va_end(list);
    j->doubtful = true;
    j->by_default = by_default;
    j->other_page = other_page;
}

/* Which indexes should have an entry for the row, one bit each as in marks. */
static uint32_t expected_indexes(struct salvage_table *t, const struct ese_record *record)
{
    uint32_t bits = 0;
    for (unsigned i = 0; i < t->table->indexes && i < MARK_INDEXES; i++) {
        struct fault f;
        if (t->keys[i] == NULL || t->keys[i]->count_only)
            continue;
        ese_keys_of(t->keys[i], record);
        if (ese_keys_next(t->keys[i], &f) == ESE_KEY_OK)
            bits |= MARK_NO_ENTRY << i;
    }
    return bits;
}

/* An entry of the row with a key that it does not have. */
static const struct salvage_stray *other_entry(const struct writing *x, uint64_t dbtime,
                                               bool own_strays)
{
    for (size_t i = 0; own_strays && i < x->strays.count; i++) {
        const struct salvage_stray *s = &x->strays.at[i];
        const struct ese_keys *keys = x->t->keys[s->index];
        if (keys && !keys->count_only && s->dbtime > dbtime && !x->t->uncomputed[s->index])
            return s;
    }
    return NULL;
}

/* What speaks against it in where it stands, and in what stands there, too. */
static void judge_place(const struct writing *x, const struct salvage_choice *c,
                        const struct salvage_row *row, const struct salvage_page *against,
                        bool confirmed, struct judgement *j)
{
    if (row->where->beside && !row->where->reached)
        doubt(j, true, 0, "nothing names its page, and the table's tree is whole without it");
    if (row->where->lone && !confirmed)
        doubt(
            j, true, 0,
            "nothing names its page, which names no neighbour, though the table has other leaves: "
            "it may have been let go, or be another's");
    if (row->where->stale)
        doubt(j, true, 0,
              "its page is older than what a neighbour, an index or a long value knows of it");
    if (c->verdict == SALVAGE_ASTRAY)
        doubt(j, true, c->against->slot,
              "its key lies between those of a newer page of the tree, which does not have it: its "
              "key is not as it was written, or it was moved or deleted");
    if (c->verdict == SALVAGE_NEWER_BAD)
        doubt(j, true, c->against->slot, "a newer version %s",
              c->misfit                            ? "does not fit the table's columns or its key"
              : c->against->trust == SALVAGE_APART ? "stands on a page in a wrong place"
                                                   : "stands under a wrong checksum");
    if (against)
        doubt(j, true, against->slot,
              "another page that is in use has its key, too: one of the two rows is not as it was "
              "written");
    if (x->w->version[c->best].node < row->where->hidden)
        doubt(j, true, 0,
              "its page says that it is no row, but one of %u reserved tags, and pages have one",
              row->where->hidden + 1u);
    if (row->where->odd)
        doubt(j, true, 0,
              "the header of its page has unknown flags, or its first free byte behind the page");
    if (row->where->said != 0)
        doubt(j, true, 0,
              "its page says that it is of object %" PRIu32
              ", and the catalog has it as the root of this table",
              row->where->said);
    if (x->t->of_other)
        doubt(j, true, 0,
              "its columns are called as a database says whose signature is not seen to be this "
              "one's");
}

static void judge_row(struct writing *x, const struct salvage_choice *c, struct salvage_row *row,
                      bool own_strays, const struct salvage_page *against, struct judgement *j)
{
    struct salvage_table *t = x->t;
    const struct salvage_version *v = &x->w->version[c->best];
    const struct salvage_mark *mark =
        row->where->marked ? salvage_marked(&t->marks, x->w->key) : NULL;
    uint32_t bits = mark ? mark->bits : 0;
    const struct salvage_stray *other = other_entry(x, v->dbtime, own_strays);
    struct salvage_references r = {.t = t, .row = row, .only_look = true};
    *j = (struct judgement){.doubtful = false};
    if (t->gones > 0 && row->refers)
        ese_record_check(&row->record, &t->limits, salvage_row_reference, &r, NULL);
    if (c->verdict == SALVAGE_FREED && !(bits & MARK_CONFIRMED))
        doubt(j, false, 0,
              "it stands only on a page that nothing reaches and that the table's space tree lists "
              "as not in use");
    if (c->verdict == SALVAGE_OUTSIDE)
        doubt(j, bits & MARK_CONFIRMED, 0,
              "it stands only on a page that is not of the table's tree, as far as that is known%s",
              bits & MARK_CONFIRMED ? "; an index has the columns of its key just so" : "");
    if (c->verdict == SALVAGE_BYTES)
        doubt(j, false, 0, "the checksum of its page is wrong%s",
              bits & MARK_CONFIRMED ? "; an index has the columns of its key just so" : "");
    uint32_t missing = bits & MARK_ALL_NO_ENTRY;
    if (missing && missing == expected_indexes(t, &row->record) && other == NULL)
        doubt(j, false, t->s->page[mark->page].slot,
              "no index has an entry for it any more: it was deleted after its page was written");
    else if (other || missing)
        doubt(j, true, t->s->page[other ? other->page : mark->page].slot,
              "a newer index page %s: it was changed after its page was written",
              other ? "has it under another key" : "does not have its key");
    else if (r.newest && r.newest->dbtime > v->dbtime)
        doubt(j, true, t->s->page[r.newest->page].slot,
              "a newer page of long values has not what it refers to: it was changed or deleted "
              "after its page was written");
    if (r.any_apart)
        doubt(
            j, true, 0,
            "a long value that it refers to stands only on a page that is not of the tree, as far "
            "as that is known");
    if (r.other)
        doubt(j, true, r.other->slot,
              "another page that may be in use has a part of a long value that it refers to "
              "otherwise: one of the two is not as it was written");
    judge_place(x, c, row, against, bits & MARK_CONFIRMED, j);
}

static bool is_written(const struct salvage_table *t, const struct judgement *j)
{
    if (!j->doubtful)
        return true;
    switch (t->s->options->doubtful) {
    case ESE_DOUBTFUL_KEEP:
        return true;
    case ESE_DOUBTFUL_DROP:
        return false;
    case ESE_DOUBTFUL_DEFAULT:
        break;
    }
    return j->by_default;
}

/* ---- writing it ---- */

static bool lid_is_gone(void *context, uint64_t lid, bool wide)
{
    return salvage_lid_gone(context, lid, wide) != NULL;
}

/* The row's entries of an index whose keys cannot be computed: those that are there. */
static bool carry_entries(struct writing *x, unsigned index, const struct salvage_version *v,
                          int count, bool own_strays, struct fault *f)
{
    struct salvage_table *t = x->t;
    struct bytes bookmark = x->w->key;
    uint8_t data[ESE_KEY_ROOM + SALVAGE_ENTRY_TAIL] = {0};
    int carried = 0;
    memcpy(data, bookmark.at, bookmark.size);
    for (size_t i = 0; own_strays && i < x->strays.count; i++) {
        const struct salvage_stray *s = &x->strays.at[i];
        if (s->index != index || (count >= 0 && carried == count))
            continue;
        if (!build_sort_add(t->late[index], buffer_bytes(&s->key),
                            bytes_of(data, bookmark.size + SALVAGE_ENTRY_TAIL), f))
            return false;
        carried++;
    }
    if (count >= 0 ? carried == count : carried > 0)
        return true;
    t->sum->entries_missing++;
    struct ese_salvage_item item = item_of(x, ESE_SALVAGE_ENTRY_LOST, v, NULL);
    item.index = t->table->index[index].name;
    item.written = true;
    item.reason = "its key cannot be computed here and its entry is lost: the engine will not find "
                  "it by this index, and its integrity check will say so; --drop-index leaves the "
                  "index out";
    return salvage_tell(t->s, &item, f);
}

/* The entries that were computed when the row was first seen are not written. */
static bool forget_entries(struct writing *x, const struct salvage_version *v, struct fault *f)
{
    x->t->s->page[v->page].unwritten = true;
    return salvage_mark(&x->t->unwritten, x->w->key, 0, 0, f);
}

/* A row's entries are written as they were seen, unless it is `changed`; those that could not be
 * computed are carried. */
static bool write_entries(struct writing *x, const struct salvage_version *v,
                          const struct ese_record *record, bool is_changed, bool own_strays,
                          struct fault *f)
{
    struct salvage_table *t = x->t;
    if (is_changed && !forget_entries(x, v, f))
        return false;
    for (unsigned i = 0; i < t->table->indexes; i++) {
        int count = 0;
        if (t->keys[i] == NULL || !(is_changed || t->uncomputed[i] || t->keys[i]->count_only))
            continue;
        if (!salvage_row_entries(t, i, is_changed ? t->late[i] : NULL, record, x->w->key, v, 0,
                                 &count, f))
            return false;
        if ((count < 0 || t->keys[i]->count_only) && count != 0 &&
            !carry_entries(x, i, v, count, own_strays, f))
            return false;
    }
    return true;
}

static bool write_record(struct writing *x, struct bytes record, struct fault *f)
{
    struct salvage_table *t = x->t;
    t->sum->written++;
    return t->at_once || t->to == NULL || ese_build_raw_row(t->to, x->w->key, record, f);
}

static bool put_row(struct writing *x, const struct salvage_version *v,
                    const struct salvage_row *row, bool *cut, bool own_strays, struct fault *f)
{
    struct salvage_table *t = x->t;
    struct salvage_references r = {.t = t, .row = row};
    struct bytes data = row->node.data;
    struct ese_record record = row->record;
    size_t size;
    if (t->refers && row->refers &&
        !ese_record_check(&record, &t->limits, salvage_row_reference, &r, f))
        return false;
    *cut = r.any_gone;
    if (r.any_gone) {
        if (!ese_record_forget(&record, lid_is_gone, t, x->record, sizeof x->record, &size, f))
            return false;
        data = bytes_of(x->record, size);
        if (!ese_record_open(&record, t->table, data, record.new_format, t->s->scan.page_size, f))
            return false;
    }
    if (!write_entries(x, v, &record, *cut, own_strays, f))
        return false;
    return write_record(x, data, f);
}

/* Names the long values that a row is kept without. */
static bool tell_cut(struct writing *x, const struct salvage_version *v,
                     const struct salvage_row *row, struct fault *f)
{
    struct ese_salvage_item item = item_of(x, ESE_SALVAGE_CUT, v, row);
    char text[200] = "";
    size_t at = 0;
    struct salvage_table *t = x->t;
    for (unsigned i = 0; i < t->table->columns; i++) {
        const struct ese_column *column = &t->table->column[i];
        struct ese_values values;
        struct ese_value value;
        struct fault why = {.code = FAULT_NONE};
        if (column->id < ESE_TAGGED_FIRST || !ese_values_of(&values, &row->record, column, &why))
            continue;
        while (ese_values_next(&values, &value, &why))
            if (value.kind == ESE_VALUE_SEPARATED && at < sizeof text - 1 &&
                salvage_lid_gone(t, value.lid, value.wide_lid))
                at += (size_t)snprintf(text + at, sizeof text - at, "%s%s (long value %" PRIu64 ")",
                                       at ? ", " : "kept without ", column->name, value.lid);
    }
    item.written = true;
    item.reason = text;
    t->sum->cut++;
    return salvage_tell(t->s, &item, f);
}

static bool unreadable_row(struct writing *x, const struct salvage_choice *c,
                           struct salvage_row *row, bool own_strays, struct fault *f)
{
    const struct salvage_version *v = &x->w->version[c->best];
    if (v->doubtful && c->verdict == SALVAGE_BYTES) { /* no row: bytes under a wrong checksum */
        x->t->s->page[v->page].noise |= !own_strays;
        return !own_strays || lost_row(x, x->w->key, NULL, f);
    }
    struct ese_salvage_item item = item_of(x, ESE_SALVAGE_DOUBTFUL, v, row);
    const struct salvage_page *against;
    char text[380];
    snprintf(text, sizeof text, "it does not fit the table's columns: %s", row->why.text);
    item.reason = text;
    x->t->sum->doubtful++;
    x->t->s->page[v->page].doubted = true;
    return salvage_tell(x->t->s, &item, f) && tell_older(x, c, row, false, &against, f);
}

static bool write_row(struct writing *x, const struct salvage_choice *c, struct salvage_row *row,
                      bool own_strays, struct fault *f)
{
    struct salvage_table *t = x->t;
    const struct salvage_version *v = &x->w->version[c->best];
    const struct salvage_page *against;
    struct judgement j;
    bool cut = false;
    if (!t->looked && !v->doubtful && !salvage_see_columns(t, row, f))
        return false;
    if (!row->readable)
        return unreadable_row(x, c, row, own_strays, f);
    if (!tell_older(x, c, row, false, &against, f))
        return false;
    judge_row(x, c, row, own_strays, against, &j);
    if (!v->doubtful)
        salvage_see_counter(t, row);
    bool written = is_written(t, &j);
    if (j.doubtful) {
        struct ese_salvage_item item = item_of(x, ESE_SALVAGE_DOUBTFUL, v, row);
        item.written = written;
        item.reason = j.reason;
        item.other_page = j.other_page;
        t->sum->doubtful++;
        t->s->page[v->page].doubted = true;
        if (!salvage_tell(t->s, &item, f))
            return false;
    } else {
        t->sum->kept++;
    }
    if (!written)
        return forget_entries(x, v, f);
    return put_row(x, v, row, &cut, own_strays, f) && (!cut || tell_cut(x, v, row, f));
}

/* A row that is flagged as deleted, of which its indexes should know that it was. */
static bool tell_unconfirmed(struct writing *x, const struct salvage_version *v,
                             const struct salvage_row *row, struct fault *f)
{
    struct salvage_table *t = x->t;
    const struct salvage_mark *mark = salvage_marked(&t->marks, x->w->key);
    if (salvage_is_unfinished(t->s) || v->doubtful || !row->readable ||
        (mark && mark->bits & MARK_DELETED) || expected_indexes(t, &row->record) == 0)
        return true;
    struct ese_salvage_item item = item_of(x, ESE_SALVAGE_PERHAPS_LOST, v, NULL);
    item.reason = "it is flagged as deleted, and what is left of its table's indexes does not say "
                  "whether it was";
    t->sum->perhaps_lost++;
    return salvage_tell(t->s, &item, f);
}

/* `row` is the best version of one that is not written. */
static bool tell_absent(struct writing *x, const struct salvage_choice *c, struct salvage_row *row,
                        bool own_strays, struct fault *f)
{
    struct salvage_table *t = x->t;
    const struct salvage_version *v = &x->w->version[c->best];
    const struct salvage_page *against;
    bool deleted = c->verdict == SALVAGE_GONE;
    if (!tell_older(x, c, row, true, &against, f) ||
        (deleted && !own_strays && !tell_unconfirmed(x, v, row, f)))
        return false;
    if (v->flags & ESE_NODE_DELETED && !deleted)
        return true;
    struct ese_salvage_item item =
        item_of(x, deleted ? ESE_SALVAGE_DELETED : ESE_SALVAGE_OLDER, v, row);
    item.reason = deleted ? "flagged as deleted"
                          : "a newer page, in whose range its key lies, does not have it: it was "
                            "moved or deleted";
    item.other_page = c->against ? c->against->slot : 0;
    *(deleted ? &t->sum->deleted : &t->sum->older) += 1;
    if (!v->doubtful)
        salvage_see_counter(t, row);
    t->s->page[v->page].noise |= v->doubtful && !row->readable;
    return (v->doubtful && !row->readable) || salvage_tell(t->s, &item, f);
}

/* A row of which only old versions are left, or that is flagged as deleted. */
static bool absent_row(struct writing *x, const struct salvage_choice *c, bool own_strays,
                       struct fault *f)
{
    struct salvage_table *t = x->t;
    const struct salvage_version *v = &x->w->version[c->best];
    const struct salvage_page *p = &t->s->page[v->page];
    bool deleted = c->verdict == SALVAGE_GONE;
    const struct salvage_page *newer =
        c->against && c->against->dbtime > p->dbtime ? c->against : p;
    bool is_told = deleted && salvage_is_unfinished(t->s) && !p->freed; /* as flagged */
    if (own_strays && !(is_told && newest_stray(x)->dbtime <= newer->dbtime) &&
        !lost_row(x, x->w->key, newer, f))
        return false;
    if (c->verdict == SALVAGE_FREED && !forget_entries(x, v, f))
        return false;
    if (p->freed)
        return true;
    struct salvage_row row;
    if (!salvage_row_open(t, x->w, v, &row, f))
        return false;
    bool ok = tell_absent(x, c, &row, own_strays, f);
    salvage_row_close(t, &row);
    return ok;
}

/* Can nothing be said of the row but that it is kept as it is? */
static bool is_plain(const struct writing *x, const struct salvage_choice *c)
{
    const struct salvage_page *p = &x->t->s->page[x->w->version[0].page];
    return x->plain && x->w->sole && c->verdict == SALVAGE_KEPT && x->strays.count == 0 &&
           !p->unread && !p->marked && !p->stale && !p->lone &&
           salvage_has_wanted_format(x->t->s, x->w->page);
}

static bool put_plain(struct writing *x, struct fault *f)
{
    x->t->sum->kept++;
    return write_record(x, x->w->node.data, f);
}

static bool one_row(struct writing *x, struct fault *f)
{
    struct salvage_table *t = x->t;
    struct salvage_choice c;
    struct salvage_row row;
    struct bytes key = x->w->key;
    if (!pass_strays(x, key, f) || !salvage_row_choose(t, x->w, &c, f))
        return false;
    if (is_plain(x, &c))
        return put_plain(x, f);
    bool own_strays = x->strays.count > 0;
    if (c.verdict == SALVAGE_SUPERSEDED || c.verdict == SALVAGE_GONE ||
        (c.verdict == SALVAGE_FREED && x->w->intact &&
         !salvage_has_let_go_rows(t->s, &t->s->page[x->w->version[c.best].page])))
        return absent_row(x, &c, own_strays, f);
    if (!salvage_row_open(t, x->w, &x->w->version[c.best], &row, f))
        return false;
    bool ok = write_row(x, &c, &row, own_strays, f);
    salvage_row_close(t, &row);
    return ok;
}

/* Do rows refer to nothing, and stand all their entries among those that were seen? */
static bool has_plain_rows(const struct salvage_table *t)
{
    for (unsigned i = 0; i < t->table->indexes; i++)
        if (t->keys[i] && (t->uncomputed[i] || t->keys[i]->count_only))
            return false;
    return t->looked && !t->refers && !t->of_other;
}

bool salvage_rows_write(struct salvage_table *t, struct fault *f)
{
    struct writing *x = calloc(1, sizeof *x);
    bool more = true;
    if (x == NULL)
        return fault_no_memory(f, "a table");
    x->t = t;
    x->strays.t = t;
    x->plain = has_plain_rows(t);
    x->w = &t->rows;
    bool ok = t->looked ? salvage_walk_rewind(x->w, f)
                        : salvage_walk_open(x->w, t->s, &t->table->objid, 1, false, true, f);
    x->w->pass_written = t->at_once;
    while (ok && (ok = salvage_walk_next(x->w, &more, f)) && more)
        ok = one_row(x, f);
    ok = ok && pass_strays(x, (struct bytes){.at = NULL}, f);
    t->sum->kept += x->w->passed_rows;
    t->sum->written += x->w->passed_rows;
    if (ok && t->at_once && t->sum->written != t->rows_at_once)
        ok = fault_set(f, FAULT_DAMAGED, "the file changed while it was read");
    salvage_strays_close(&x->strays);
    free(x);
    return ok;
}
