/*
 * One table's rows.  Walked twice: first for what they say of indexes and long values, then, when
 * those have answered, for a verdict on each.
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

/* ---- one row ---- */

struct row {
    const struct ese_page *page; /* held */
    const struct salvage_page *where;
    struct ese_node node;
    struct ese_record record;
    bool readable;
    struct fault why;   /* when it is not */
    uint8_t *converted; /* owns the record when its page had it in the old format */
};

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

static bool open_row(struct salvage_table *t, const struct salvage_walk *w,
                     const struct salvage_version *v, struct row *row, struct fault *f)
{
    struct ese_salvage *s = t->s;
    row->where = &s->page[v->page];
    row->page = NULL;
    row->readable = false;
    row->converted = NULL;
    fault_clear(&row->why);
    if (!salvage_node(s, v, &row->page, &row->node, f))
        return false;
    if (!salvage_record(s, t->table, row->page, &row->node, &row->record, &row->converted,
                        &row->why)) {
        if (row->why.code == FAULT_NO_MEMORY) {
            *f = row->why;
            ese_pages_put(s->pages, row->page);
            return false;
        }
        return true;
    }
    row->readable = ese_record_check(&row->record, &t->limits, NULL, NULL, &row->why);
    if (row->readable)
        row->readable = has_its_key(t, &row->record, buffer_bytes(&w->key)) ||
                        fault_set(&row->why, FAULT_DAMAGED, "its columns do not give its key");
    return true;
}

static void close_row(struct salvage_table *t, struct row *row)
{
    if (row->page)
        ese_pages_put(t->s->pages, row->page);
    row->page = NULL;
    free(row->converted);
    row->converted = NULL;
}

/* ---- what it refers to ---- */

struct references {
    struct salvage_table *t;
    const struct row *row;
    const struct salvage_lid *newest; /* of those that are gone: with the newest leaf against it */
    bool any_gone;
    bool only_look;
};

static bool see_reference(void *context, const struct ese_value *value, struct fault *f)
{
    struct references *r = context;
    uint8_t key[12];
    if (value->kind != ESE_VALUE_SEPARATED)
        return true;
    const struct salvage_lid *gone = salvage_lid_gone(r->t, value->lid, value->wide_lid);
    if (gone) {
        r->any_gone = true;
        if (gone->newer && (r->newest == NULL || gone->dbtime > r->newest->dbtime))
            r->newest = gone;
        return true;
    }
    if (r->only_look)
        return true;
    struct ese_lv_key parts = {.lid = value->lid, .wide = value->wide_lid, .root = true};
    uint8_t page[4];
    bytes_put_le32(page, (uint64_t)(r->row->where - r->t->s->page));
    return build_sort_add(r->t->lids, bytes_of(key, ese_lv_key_write(&parts, key)),
                          bytes_of(page, sizeof page), f);
}

/* ---- its entries ---- */

enum { ROW_TAIL = 13 }; /* behind a bookmark: dbtime, page, whether it is in question */

static bool add_entry(struct salvage_table *t, unsigned index, const struct ese_keys *keys,
                      struct bytes bookmark, const struct salvage_version *v, bool in_question,
                      struct fault *f)
{
    uint8_t data[ESE_KEY_ROOM + ROW_TAIL];
    memcpy(data, bookmark.at, bookmark.size);
    bytes_put_le64(data + bookmark.size, v->dbtime);
    bytes_put_le32(data + bookmark.size + 8, v->page);
    data[bookmark.size + 12] = in_question;
    return build_sort_add(t->entry[index], ese_key_bytes(&keys->key),
                          bytes_of(data, bookmark.size + ROW_TAIL), f);
}

/* Adds the row's entries of one index that can be computed.  *count: how many; -1: cannot be told.
 */
static bool add_entries(struct salvage_table *t, unsigned index, const struct ese_record *record,
                        struct bytes bookmark, const struct salvage_version *v, bool in_question,
                        int *count, struct fault *f)
{
    struct ese_keys *keys = t->keys[index];
    enum ese_key_result result;
    struct fault why;
    fault_clear(&why);
    *count = 0;
    ese_keys_of(keys, record);
    while ((result = ese_keys_next(keys, &why)) == ESE_KEY_OK) {
        ++*count;
        if (!keys->count_only && !add_entry(t, index, keys, bookmark, v, in_question, f))
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

/* ---- the first walk ---- */

static bool row_evidence(struct salvage_table *t, const struct salvage_walk *w,
                         const struct salvage_choice *c, struct fault *f)
{
    const struct salvage_version *v = &w->version[c->best];
    struct row row;
    struct references r = {.t = t, .row = &row};
    if (c->verdict == SALVAGE_SUPERSEDED || c->verdict == SALVAGE_GONE)
        return true;
    if (!open_row(t, w, v, &row, f))
        return false;
    bool ok = true;
    if (row.readable) {
        int count;
        ok = ese_record_check(&row.record, &t->limits, see_reference, &r, f);
        for (unsigned i = 0; ok && i < t->table->indexes; i++)
            if (t->keys[i] && !t->keys[i]->count_only) {
                ok = add_entries(t, i, &row.record, buffer_bytes(&w->key), v,
                                 c->verdict != SALVAGE_KEPT, &count, f);
                t->uncomputed[i] = t->uncomputed[i] || count < 0;
            }
    }
    close_row(t, &row);
    return ok;
}

bool salvage_rows_evidence(struct salvage_table *t, struct fault *f)
{
    struct salvage_walk w;
    bool more = true;
    bool ok = salvage_walk_open(&w, t->s, &t->table->objid, 1, false, true, f);
    while (ok && (ok = salvage_walk_next(&w, &more, f)) && more) {
        struct salvage_choice c;
        ok = salvage_choose(&w, &c, f) && row_evidence(t, &w, &c, f);
    }
    salvage_walk_close(&w);
    return ok;
}

/* ---- what indexes have that the row has not ---- */

/* Entries by bookmark: see salvage_index_evidence(). */
struct stray {
    uint64_t dbtime;
    uint32_t page;
    uint8_t index;
    struct buffer key;
};

struct strays {
    struct salvage_table *t;
    struct stray *at; /* of one bookmark */
    size_t count, room;
    struct buffer bookmark, next_bookmark, next;
    bool pending, done;
};

static bool read_stray(struct strays *x, struct fault *f)
{
    struct bytes key, data;
    bool more;
    if (x->pending || x->done)
        return true;
    if (!build_sort_next(x->t->stray, &key, &data, &more, f))
        return false;
    x->done = !more;
    x->pending = more;
    return !more || (buffer_set(&x->next_bookmark, key, f) && buffer_set(&x->next, data, f));
}

static bool take_stray(struct strays *x, struct fault *f)
{
    void *array = x->at;
    size_t before = x->room;
    if (!array_reserve(&array, &x->room, x->count + 1, sizeof *x->at))
        return fault_set(f, FAULT_NO_MEMORY, "out of memory for index entries");
    x->at = array;
    if (x->room > before)
        memset(x->at + before, 0, (x->room - before) * sizeof *x->at);
    struct stray *s = &x->at[x->count];
    struct bytes data = buffer_bytes(&x->next);
    bytes_u8(data, 0, &s->index);
    uint32_t high = 0, low = 0;
    bytes_be32(data, 1, &high);
    bytes_be32(data, 5, &low);
    bytes_le32(data, 9, &s->page);
    s->dbtime = ~((uint64_t)high << 32 | low); /* so that the newest comes first */
    x->pending = false;
    x->count++;
    return buffer_set(&s->key, bytes_from(data, 13), f);
}

/* All entries of the next bookmark, if it is not behind `most` (at == NULL: any). */
static bool next_strays(struct strays *x, struct bytes most, bool *found, struct fault *f)
{
    x->count = 0;
    *found = false;
    if (!read_stray(x, f))
        return false;
    if (!x->pending || (most.at && bytes_compare(buffer_bytes(&x->next_bookmark), most) > 0))
        return true;
    *found = true;
    if (!buffer_set(&x->bookmark, buffer_bytes(&x->next_bookmark), f))
        return false;
    do {
        if (!take_stray(x, f) || !read_stray(x, f))
            return false;
    } while (x->pending &&
             bytes_equal(buffer_bytes(&x->next_bookmark), buffer_bytes(&x->bookmark)));
    return true;
}

static void close_strays(struct strays *x)
{
    for (size_t i = 0; i < x->room; i++)
        buffer_free(&x->at[i].key);
    free(x->at);
    buffer_free(&x->bookmark);
    buffer_free(&x->next_bookmark);
    buffer_free(&x->next);
}

/* ---- the next auto-increment value ---- */

static void see_number(struct salvage_table *t, uint64_t number)
{
    if (number > t->counter_seen)
        t->counter_seen = number;
}

static void see_counter(struct salvage_table *t, const struct row *row)
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
static void see_lost_counter(struct salvage_table *t, struct bytes bookmark)
{
    enum { VALUE = 0x7f, SIGN = 0x80 };
    uint32_t number = 0;
    if (t->counter && ese_table_key_column(t->table) == t->counter && bookmark.size == 5 &&
        bookmark.at[0] == VALUE && (bookmark.at[1] & SIGN) && bytes_be32(bookmark, 1, &number))
        see_number(t, number & INT32_MAX);
}

/* ---- a verdict ---- */

struct writing {
    struct salvage_table *t;
    struct salvage_walk w;
    struct strays strays;
    uint8_t record[ESE_PAGE_SIZE_MAX];
};

static struct ese_salvage_item item_of(const struct writing *x, enum ese_salvage_kind kind,
                                       const struct salvage_version *v, const struct row *row)
{
    const struct salvage_page *p = &x->t->s->page[v->page];
    return (struct ese_salvage_item){
        .kind = kind,
        .table = x->t->table->name,
        .objid = x->t->table->objid,
        .key = buffer_bytes(&x->w.key),
        .page = p->slot,
        .tag = row && row->page ? (int)(v->node + row->page->reserved) : v->node + 1,
        .dbtime = p->dbtime,
        .record = row ? row->node.data : (struct bytes){.at = NULL},
    };
}

/* Rows that only indexes know of: they were there, unless a newer leaf should have them. */
static bool lost_row(struct writing *x, struct bytes bookmark, const struct salvage_page *newer,
                     struct fault *f)
{
    struct salvage_table *t = x->t;
    const struct stray *known = NULL;
    for (size_t i = 0; i < x->strays.count && known == NULL; i++)
        if (newer == NULL || x->strays.at[i].dbtime > newer->dbtime)
            known = &x->strays.at[i];
    if (known == NULL)
        return true;
    char text[200];
    const char *index = t->table->index[known->index].name;
    snprintf(text, sizeof text,
             "its bytes are not to be had; index %s has an entry for it on page %u", index,
             t->s->page[known->page].slot);
    t->sum->lost++;
    see_lost_counter(t, bookmark);
    struct ese_salvage_item item = {.kind = ESE_SALVAGE_LOST,
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
        if (!next_strays(&x->strays, key, &found, f))
            return false;
        if (!found)
            return true;
        struct bytes bookmark = buffer_bytes(&x->strays.bookmark);
        if (key.at && bytes_equal(bookmark, key))
            return true; /* they are the row's own, and stay in x->strays */
        if (!lost_row(x, bookmark, salvage_walk_owner(&x->w, bookmark), f))
            return false;
    }
}

/* Versions that do not count, and say something else. */
static bool tell_older(struct writing *x, const struct salvage_choice *c, const struct row *best,
                       struct fault *f)
{
    struct salvage_table *t = x->t;
    for (size_t i = 0; i < x->w.versions; i++) {
        const struct salvage_version *v = &x->w.version[i];
        const struct salvage_page *p = &t->s->page[v->page];
        if (i == c->best || p->freed || (v->flags & ESE_NODE_DELETED))
            continue;
        struct row row;
        if (!open_row(t, &x->w, v, &row, f))
            return false;
        bool ok = true;
        if (!bytes_equal(row.node.data, best->node.data)) {
            struct ese_salvage_item item = item_of(x, ESE_SALVAGE_OLDER, v, &row);
            item.other = best->node.data;
            item.other_page = best->where->slot;
            item.reason = v->doubtful ? "another version of the row, under a wrong checksum"
                                      : "an older version of the row";
            t->sum->older++;
            ok = salvage_tell(t->s, &item, f);
        }
        close_row(t, &row);
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
static const struct stray *other_entry(const struct writing *x, uint64_t dbtime, bool own_strays)
{
    for (size_t i = 0; own_strays && i < x->strays.count; i++) {
        const struct stray *s = &x->strays.at[i];
        const struct ese_keys *keys = x->t->keys[s->index];
        if (keys && !keys->count_only && s->dbtime > dbtime && !x->t->uncomputed[s->index])
            return s;
    }
    return NULL;
}

static void judge_row(struct writing *x, const struct salvage_choice *c, struct row *row,
                      bool own_strays, struct judgement *j)
{
    struct salvage_table *t = x->t;
    const struct salvage_version *v = &x->w.version[c->best];
    const struct salvage_mark *mark = salvage_marked(&t->marks, buffer_bytes(&x->w.key));
    uint32_t bits = mark ? mark->bits : 0;
    const struct stray *other = other_entry(x, v->dbtime, own_strays);
    struct references r = {.t = t, .row = row, .only_look = true};
    *j = (struct judgement){.doubtful = false};
    if (t->gones > 0)
        ese_record_check(&row->record, &t->limits, see_reference, &r, NULL);
    if (c->verdict == SALVAGE_FREED && !(bits & MARK_CONFIRMED))
        doubt(j, false, 0,
              "it stands only on a page that nothing reaches and that the table's space tree lists "
              "as not in use");
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
    if (row->where->stale)
        doubt(j, true, 0,
              "its page is older than what an index or a long value knows of another row on it");
    if (c->verdict == SALVAGE_NEWER_BAD)
        doubt(j, true, c->against->slot, "a newer version stands under a wrong checksum");
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
    struct bytes bookmark = buffer_bytes(&x->w.key);
    uint8_t data[ESE_KEY_ROOM + ROW_TAIL] = {0};
    int carried = 0;
    memcpy(data, bookmark.at, bookmark.size);
    for (size_t i = 0; own_strays && i < x->strays.count; i++) {
        const struct stray *s = &x->strays.at[i];
        if (s->index != index || (count >= 0 && carried == count))
            continue;
        if (!build_sort_add(t->entry[index], buffer_bytes(&s->key),
                            bytes_of(data, bookmark.size + ROW_TAIL), f))
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

static bool write_entries(struct writing *x, const struct salvage_version *v,
                          const struct ese_record *record, bool own_strays, struct fault *f)
{
    struct salvage_table *t = x->t;
    for (unsigned i = 0; i < t->table->indexes; i++) {
        int count = 0;
        if (t->keys[i] == NULL)
            continue;
        if (!add_entries(t, i, record, buffer_bytes(&x->w.key), v, false, &count, f))
            return false;
        if ((count < 0 || t->keys[i]->count_only) && count != 0 &&
            !carry_entries(x, i, v, count, own_strays, f))
            return false;
    }
    return true;
}

static bool put_row(struct writing *x, const struct salvage_version *v, const struct row *row,
                    bool *cut, bool own_strays, struct fault *f)
{
    struct salvage_table *t = x->t;
    struct references r = {.t = t, .row = row};
    struct bytes data = row->node.data;
    struct ese_record record = row->record;
    size_t size;
    if (!ese_record_check(&record, &t->limits, see_reference, &r, f))
        return false;
    *cut = r.any_gone;
    if (r.any_gone) {
        if (!ese_record_forget(&record, lid_is_gone, t, x->record, sizeof x->record, &size, f))
            return false;
        data = bytes_of(x->record, size);
        if (!ese_record_open(&record, t->table, data, record.new_format, t->s->scan.page_size, f))
            return false;
    }
    if (!write_entries(x, v, &record, own_strays, f))
        return false;
    t->sum->written++;
    return t->to == NULL || ese_build_raw_row(t->to, buffer_bytes(&x->w.key), data, f);
}

/* Names the long values that a row is kept without. */
static bool tell_cut(struct writing *x, const struct salvage_version *v, const struct row *row,
                     struct fault *f)
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

static bool unreadable_row(struct writing *x, const struct salvage_choice *c, struct row *row,
                           bool own_strays, struct fault *f)
{
    const struct salvage_version *v = &x->w.version[c->best];
    if (v->doubtful && c->verdict == SALVAGE_BYTES) /* no row, but bytes under a wrong checksum */
        return !own_strays || lost_row(x, buffer_bytes(&x->w.key), NULL, f);
    struct ese_salvage_item item = item_of(x, ESE_SALVAGE_DOUBTFUL, v, row);
    char text[380];
    snprintf(text, sizeof text, "it does not fit the table's columns: %s", row->why.text);
    item.reason = text;
    x->t->sum->doubtful++;
    return salvage_tell(x->t->s, &item, f);
}

static bool write_row(struct writing *x, const struct salvage_choice *c, struct row *row,
                      bool own_strays, struct fault *f)
{
    struct salvage_table *t = x->t;
    const struct salvage_version *v = &x->w.version[c->best];
    struct judgement j;
    bool cut = false;
    if (!row->readable)
        return unreadable_row(x, c, row, own_strays, f);
    judge_row(x, c, row, own_strays, &j);
    if (!v->doubtful)
        see_counter(t, row);
    bool written = is_written(t, &j);
    if (!tell_older(x, c, row, f))
        return false;
    if (j.doubtful) {
        struct ese_salvage_item item = item_of(x, ESE_SALVAGE_DOUBTFUL, v, row);
        item.written = written;
        item.reason = j.reason;
        item.other_page = j.other_page;
        t->sum->doubtful++;
        if (!salvage_tell(t->s, &item, f))
            return false;
    } else {
        t->sum->kept++;
    }
    if (!written)
        return true;
    return put_row(x, v, row, &cut, own_strays, f) && (!cut || tell_cut(x, v, row, f));
}

/* A row of which only old versions are left, or that is flagged as deleted. */
static bool absent_row(struct writing *x, const struct salvage_choice *c, bool own_strays,
                       struct fault *f)
{
    struct salvage_table *t = x->t;
    const struct salvage_version *v = &x->w.version[c->best];
    const struct salvage_page *p = &t->s->page[v->page];
    bool deleted = c->verdict == SALVAGE_GONE;
    const struct salvage_page *newer =
        c->against && c->against->dbtime > p->dbtime ? c->against : p;
    if (own_strays && !lost_row(x, buffer_bytes(&x->w.key), newer, f))
        return false;
    if (p->freed || (deleted && !t->s->scan.dirty) || (v->flags & ESE_NODE_DELETED && !deleted))
        return true;
    struct row row;
    if (!open_row(t, &x->w, v, &row, f))
        return false;
    struct ese_salvage_item item =
        item_of(x, deleted ? ESE_SALVAGE_DELETED : ESE_SALVAGE_OLDER, v, &row);
    item.reason = deleted ? "flagged as deleted"
                          : "a newer page, in whose range its key lies, does not have it: it was "
                            "moved or deleted";
    item.other_page = c->against ? c->against->slot : 0;
    *(deleted ? &t->sum->deleted : &t->sum->older) += 1;
    if (!v->doubtful)
        see_counter(t, &row);
    bool ok = (v->doubtful && !row.readable) || salvage_tell(t->s, &item, f);
    close_row(t, &row);
    return ok;
}

static bool one_row(struct writing *x, struct fault *f)
{
    struct salvage_table *t = x->t;
    struct salvage_choice c;
    struct row row;
    struct bytes key = buffer_bytes(&x->w.key);
    if (!pass_strays(x, key, f) || !salvage_choose(&x->w, &c, f))
        return false;
    bool own_strays = x->strays.count > 0;
    if (c.verdict == SALVAGE_SUPERSEDED || c.verdict == SALVAGE_GONE ||
        (c.verdict == SALVAGE_FREED && x->w.intact))
        return absent_row(x, &c, own_strays, f);
    if (!open_row(t, &x->w, &x->w.version[c.best], &row, f))
        return false;
    bool ok = write_row(x, &c, &row, own_strays, f);
    close_row(t, &row);
    return ok;
}

bool salvage_rows_write(struct salvage_table *t, struct fault *f)
{
    struct writing *x = calloc(1, sizeof *x);
    bool more = true;
    if (x == NULL)
        return fault_set(f, FAULT_NO_MEMORY, "out of memory for a table");
    x->t = t;
    x->strays.t = t;
    bool ok = salvage_walk_open(&x->w, t->s, &t->table->objid, 1, false, true, f);
    while (ok && (ok = salvage_walk_next(&x->w, &more, f)) && more)
        ok = one_row(x, f);
    ok = ok && pass_strays(x, (struct bytes){.at = NULL}, f);
    salvage_walk_close(&x->w);
    close_strays(&x->strays);
    free(x);
    return ok;
}
