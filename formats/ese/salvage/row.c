/*
 * One row of a table: whether it can be read, what it refers to, which index entries it should
 * have; and the first walk over all rows, for what they say of indexes and long values.
 *
 * That walk writes the rows, too, if it can be foreseen which of them will be: most often indexes
 * and long values have only reasons to add.  When it turns out that a row was written that should
 * not be, all are taken back, and the second walk (rows.c) writes them.
 */
#include "formats/ese/salvage/parts.h"

/* ---- one row ---- */

/* A record must give back the key that it stands under. */
static bool has_its_key(struct salvage_table *t, const struct ese_record *record, struct bytes key)
{
    struct fault f;
    fault_clear(&f);
    if (t->primary == NULL)
        return true;
    ese_keys_of(t->primary, record);
    enum ese_key_result result = ese_keys_next(t->primary, &f);
    if (result == ESE_KEY_NOT_COMPUTABLE)
        return true;
    return result == ESE_KEY_OK && bytes_equal(ese_key_bytes(&t->primary->key), key);
}

/* Can its entries be made, as far as that does not hang on long values?  Else the catalog has a
 * column of an index as of another type than the value, or the record is damaged. */
static bool gives_entries(struct salvage_table *t, const struct ese_record *record,
                          struct fault *why)
{
    enum ese_key_result result = ESE_KEY_NONE;
    for (unsigned i = 0; t->picky && i < t->table->indexes && result != ESE_KEY_FAULT; i++) {
        struct ese_keys *keys = t->keys[i];
        if (keys == NULL)
            continue;
        struct ese_pages *pages = keys->pages;
        keys->pages = NULL;
        ese_keys_of(keys, record);
        do
            result = ese_keys_next(keys, why);
        while (result == ESE_KEY_OK);
        keys->pages = pages;
    }
    return result != ESE_KEY_FAULT;
}

struct seeing {
    struct salvage_table *t;
    bool refers;
};

static bool see_value(void *context, const struct ese_value *value, struct fault *f)
{
    struct seeing *x = context;
    if (value->kind == ESE_VALUE_COMPRESSED)
        return ese_value_unpacks(x->t->s->scan.revision, value, x->t->scratch->room, f);
    x->refers = true;
    return true;
}

bool salvage_row_open(struct salvage_table *t, const struct salvage_walk *w,
                      const struct salvage_version *v, struct salvage_row *row, struct fault *f)
{
    struct ese_salvage *s = t->s;
    row->where = &s->page[v->page];
    row->page = NULL;
    row->held = !w->sole;
    row->readable = false;
    row->converted = NULL;
    fault_clear(&row->why);
    if (w->sole) {
        row->page = w->page;
        row->node = w->node;
    } else if (!salvage_node(s, v, &row->page, &row->node, f)) {
        return false;
    }
    if (!salvage_record(s, t->table, row->page, &row->node, &row->record, &row->converted,
                        &row->why)) {
        if (row->why.code == FAULT_NO_MEMORY) {
            *f = row->why;
            salvage_row_close(t, row);
            return false;
        }
        return true;
    }
    row->readable = t->looked && w->sole && !row->where->unread; /* the first walk did */
    row->refers = row->readable;
    if (row->readable)
        return true;
    struct seeing x = {.t = t};
    row->readable = ese_record_check(&row->record, &t->limits, see_value, &x, &row->why);
    row->refers = x.refers;
    if (row->readable)
        row->readable = has_its_key(t, &row->record, w->key) ||
                        fault_set(&row->why, FAULT_DAMAGED, "its columns do not give its key");
    row->readable = row->readable && gives_entries(t, &row->record, &row->why);
    return true;
}

void salvage_row_close(struct salvage_table *t, struct salvage_row *row)
{
    if (row->page && row->held)
        ese_pages_put(t->s->pages, row->page);
    row->page = NULL;
    free(row->converted);
    row->converted = NULL;
}

bool salvage_row_choose(struct salvage_table *t, struct salvage_walk *w, struct salvage_choice *c,
                        struct fault *f)
{
    for (size_t i = 0; w->versions > 1 && i < w->versions; i++) {
        struct salvage_version *v = &w->version[i];
        struct salvage_row row;
        if (v->doubtful || (v->flags & ESE_NODE_DELETED))
            continue; /* its checksum or its flag says what it is worth */
        if (!salvage_row_open(t, w, v, &row, f))
            return false;
        v->misfit = !row.readable;
        salvage_row_close(t, &row);
    }
    if (!salvage_choose(w, c, f))
        return false;
    const struct salvage_version *best = &w->version[c->best];
    if (c->verdict == SALVAGE_SUPERSEDED && c->against->chained && t->s->page[best->page].chained &&
        !(best->flags & ESE_NODE_DELETED))
        c->verdict = SALVAGE_ASTRAY;
    return true;
}

/* ---- what it refers to ---- */

bool salvage_row_reference(void *context, const struct ese_value *value, struct fault *f)
{
    struct salvage_references *r = context;
    uint8_t key[12];
    if (value->kind != ESE_VALUE_SEPARATED)
        return true;
    r->t->refers = true;
    const struct salvage_lid *gone = salvage_lid_gone(r->t, value->lid, value->wide_lid);
    if (gone) {
        r->any_gone = true;
        if (gone->newer && (r->newest == NULL || gone->dbtime > r->newest->dbtime))
            r->newest = gone;
        return true;
    }
    if (r->only_look) {
        r->any_apart = r->any_apart || salvage_lid_apart(r->t, value->lid, value->wide_lid);
        if (r->other == NULL)
            r->other = salvage_lid_differs(r->t, value->lid, value->wide_lid);
        return true;
    }
    struct ese_lv_key parts = {.lid = value->lid, .wide = value->wide_lid, .root = true};
    uint8_t page[4];
    bytes_put_le32(page, (uint64_t)(r->row->where - r->t->s->page));
    return build_sort_add(r->t->lids, bytes_of(key, ese_lv_key_write(&parts, key)),
                          bytes_of(page, sizeof page), f);
}

/* ---- its entries ---- */

static bool add_entry(struct build_sort *to, const struct ese_keys *keys, struct bytes bookmark,
                      const struct salvage_version *v, uint8_t state, struct fault *f)
{
    uint8_t data[ESE_KEY_ROOM + SALVAGE_ENTRY_TAIL];
    memcpy(data, bookmark.at, bookmark.size);
    bytes_put_le64(data + bookmark.size, v->dbtime);
    bytes_put_le32(data + bookmark.size + 8, v->page);
    data[bookmark.size + 12] = state;
    return build_sort_add(to, ese_key_bytes(&keys->key),
                          bytes_of(data, bookmark.size + SALVAGE_ENTRY_TAIL), f);
}

bool salvage_row_entries(struct salvage_table *t, unsigned index, struct build_sort *to,
                         const struct ese_record *record, struct bytes bookmark,
                         const struct salvage_version *v, uint8_t state, int *count,
                         struct fault *f)
{
    struct ese_keys *keys = t->keys[index];
    enum ese_key_result result;
    struct fault why;
    fault_clear(&why);
    *count = 0;
    ese_keys_of(keys, record);
    while ((result = ese_keys_next(keys, &why)) == ESE_KEY_OK) {
        ++*count;
        if (to && !keys->count_only && !add_entry(to, keys, bookmark, v, state, f))
            return false;
    }
    if (why.code == FAULT_NO_MEMORY) {
        *f = why;
        return false;
    }
    if (result == ESE_KEY_NOT_COMPUTABLE || result == ESE_KEY_FAULT)
        *count = -1;
    return true;
}

/* ---- the next auto-increment value ---- */

static void see_number(struct salvage_table *t, uint64_t number)
{
    if (number > t->counter_seen)
        t->counter_seen = number;
}

void salvage_see_counter(struct salvage_table *t, const struct salvage_row *row)
{
    struct ese_value value;
    uint32_t narrow = 0;
    uint64_t wide = 0;
    if (t->counter == NULL || !row->readable ||
        !ese_record_value(&row->record, t->counter, &value, NULL) || value.kind != ESE_VALUE_PLAIN)
        return;
    if (value.data.size == 4 && bytes_le32(value.data, 0, &narrow) && narrow <= INT32_MAX)
        see_number(t, narrow);
    if (value.data.size == 8 && bytes_le64(value.data, 0, &wide) && wide <= INT64_MAX)
        see_number(t, wide);
}

/* A lost row's key, where it is that number alone. */
void salvage_see_lost_counter(struct salvage_table *t, struct bytes bookmark)
{
    enum { VALUE = 0x7f, SIGN = 0x80 };
    uint32_t number = 0;
    if (t->counter && ese_table_key_column(t->table) == t->counter && bookmark.size == 5 &&
        bookmark.at[0] == VALUE && (bookmark.at[1] & SIGN) && bytes_be32(bookmark, 1, &number))
        see_number(t, number & INT32_MAX);
}

/* ---- the first walk ---- */

/* Is a row written whatever indexes and long values will say of it?  (By those that contradict it
 * in all indexes, see salvage_settle_rows().) */
static bool will_be_written(const struct salvage_table *t, const struct salvage_choice *c)
{
    return c->verdict == SALVAGE_KEPT || c->verdict == SALVAGE_NEWER_BAD ||
           c->verdict == SALVAGE_ASTRAY ||
           ((c->verdict == SALVAGE_BYTES || c->verdict == SALVAGE_OUTSIDE) &&
            t->s->options->doubtful == ESE_DOUBTFUL_KEEP);
}

/* computed: so were the keys of all its index entries. */
static bool write_at_once(struct salvage_table *t, const struct salvage_walk *w,
                          const struct salvage_choice *c, const struct salvage_row *row,
                          bool computed, struct fault *f)
{
    struct salvage_page *p = &t->s->page[w->version[c->best].page];
    if (!will_be_written(t, c)) {
        if (c->verdict == SALVAGE_FREED || c->verdict == SALVAGE_OUTSIDE)
            t->at_once = false; /* of which an index decides */
        return true;
    }
    t->at_once =
        t->at_once && computed && !row->refers && salvage_has_wanted_format(t->s, row->page);
    if (!t->at_once)
        return true;
    t->rows_at_once++;
    p->rows += !p->unread;
    return t->to == NULL || ese_build_raw_row(t->to, w->key, row->node.data, f);
}

/* Are the versions of a key more than one good row? */
static void see_versions(struct salvage_table *t, const struct salvage_walk *w,
                         const struct salvage_choice *c)
{
    if (w->sole && c->verdict == SALVAGE_KEPT)
        return;
    for (size_t i = 0; i < w->versions; i++)
        t->s->page[w->version[i].page].unread = true;
}

static bool add_entries(struct salvage_table *t, const struct salvage_walk *w,
                        const struct salvage_choice *c, const struct ese_record *record,
                        bool *computed, struct fault *f)
{
    bool lone = t->s->page[w->version[c->best].page].lone;
    uint8_t state = (c->verdict != SALVAGE_KEPT || lone ? SALVAGE_IN_QUESTION : 0) |
                    (c->verdict == SALVAGE_GONE ? SALVAGE_FLAGGED : 0) |
                    (will_be_written(t, c) ? SALVAGE_WRITTEN : 0);
    *computed = true;
    for (unsigned i = 0; i < t->table->indexes; i++) {
        int count = 0;
        if (t->keys[i] == NULL || t->keys[i]->count_only)
            continue;
        if (!salvage_row_entries(t, i, t->entry[i], record, w->key, &w->version[c->best], state,
                                 &count, f))
            return false;
        t->uncomputed[i] = t->uncomputed[i] || count < 0;
        *computed = *computed && count >= 0;
    }
    return true;
}

/* Of a row that is flagged as deleted: its entries should be gone, too. */
static bool deleted_evidence(struct salvage_table *t, const struct salvage_walk *w,
                             const struct salvage_choice *c, struct fault *f)
{
    const struct salvage_version *v = &w->version[c->best];
    struct salvage_row row;
    bool computed;
    if (salvage_is_unfinished(t->s) || v->doubtful || t->s->page[v->page].freed)
        return true;
    if (!salvage_row_open(t, w, v, &row, f))
        return false;
    bool ok = !row.readable || add_entries(t, w, c, &row.record, &computed, f);
    salvage_row_close(t, &row);
    return ok;
}

static bool row_evidence(struct salvage_table *t, const struct salvage_walk *w,
                         const struct salvage_choice *c, struct fault *f)
{
    const struct salvage_version *v = &w->version[c->best];
    struct salvage_row row;
    struct salvage_references r = {.t = t, .row = &row};
    bool computed;
    see_versions(t, w, c);
    if (c->verdict == SALVAGE_GONE)
        return deleted_evidence(t, w, c, f);
    if (c->verdict == SALVAGE_SUPERSEDED)
        return true;
    if (!salvage_row_open(t, w, v, &row, f))
        return false;
    t->s->page[v->page].unread |= !row.readable;
    bool ok = v->doubtful || salvage_see_columns(t, &row, f);
    if (row.readable) {
        if (!v->doubtful)
            salvage_see_counter(t, &row);
        ok = ok &&
             (!row.refers ||
              ese_record_check(&row.record, &t->limits, salvage_row_reference, &r, f)) &&
             add_entries(t, w, c, &row.record, &computed, f) &&
             write_at_once(t, w, c, &row, computed, f);
    }
    salvage_row_close(t, &row);
    return ok;
}

static bool may_write_at_once(const struct salvage_table *t)
{
    for (unsigned i = 0; i < t->table->indexes; i++)
        if (t->keys[i] && t->keys[i]->count_only)
            return false;
    return t->s->options->doubtful != ESE_DOUBTFUL_DROP && !t->of_other;
}

bool salvage_rows_evidence(struct salvage_table *t, struct fault *f)
{
    struct salvage_walk *w = &t->rows;
    bool more = true;
    bool ok = salvage_walk_open(w, t->s, &t->table->objid, 1, false, true, f);
    if (ok)
        salvage_ends_see(t);
    t->at_once = may_write_at_once(t);
    if (ok && t->at_once && t->to)
        ok = ese_build_raw_try(t->to, f);
    while (ok && (ok = salvage_walk_next(w, &more, f)) && more) {
        struct salvage_choice c;
        ok = salvage_row_choose(t, w, &c, f) && row_evidence(t, w, &c, f);
    }
    t->looked = ok;
    return ok;
}

/* Does an index say of a row that it was deleted?  Such a one may not be written. */
static bool any_deleted(const struct salvage_marks *marks)
{
    for (size_t i = 0; i < marks->count; i++)
        if (marks->at[i].bits & MARK_ALL_NO_ENTRY)
            return true;
    return false;
}

bool salvage_settle_rows(struct salvage_table *t, struct fault *f)
{
    size_t first, count;
    if (t->at_once && !any_deleted(&t->marks))
        return true;
    t->at_once = false;
    salvage_pages_of(t->s, t->table->objid, &first, &count);
    for (size_t i = first; i < first + count; i++)
        t->s->page[i].rows = 0;
    return t->rows_at_once == 0 || t->to == NULL || ese_build_raw_again(t->to, f);
}
