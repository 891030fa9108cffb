/* What has to be asked before a repair: see unsaid.h. */
#include "migrate/decide/unsaid.h"

#include "migrate/judge/lost.h"

#include "migrate/profile/meaning.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <strings.h>

enum { SHOWN = 40, NAMED_MOST = 5 };

struct asking {
    struct plan *plan;
    const struct plan_options *options;
    const struct model *m;
    const struct sweep *sweep;
    struct problems *found, *left;
    bool *blocked;
    struct action **drop; /* by entry: the action that drops it; NULL: it stays */
};

static void ask(struct asking *a, enum problem_code code, int64_t entry, int64_t other,
                const char *text)
{
    problem_add(a->found, code, entry, other, "%s", text);
    problem_add(a->left, code, entry, other, "%s", text);
}

/* ---- entries that go ---- */

static bool find_drops(struct asking *a, struct fault *f)
{
    const struct model *m = a->m;
    a->drop = calloc((size_t)m->entries + 1, sizeof(void *));
    if (a->drop == NULL)
        return fault_set(f, FAULT_NO_MEMORY, "out of memory for the plan");
    for (size_t i = 0; i < a->plan->actions; i++) {
        struct action *action = &a->plan->action[i];
        if (action->kind != ACTION_DROP_ENTRY)
            continue;
        const struct model_entry *e = model_entry_twin(m, action->entry, action->twin);
        if (e)
            a->drop[e - m->entry] = action;
    }
    return true;
}

/* ---- columns that could refer to them ---- */

/* In a list value, what stands behind an entry that goes moves up. */
static unsigned first_affected(const struct asking *a, const struct residue_column *c)
{
    bool moves = a->m->match == PROFILE_MATCHES_VALUE, begun = false;
    for (unsigned i = 0; i < a->m->entries; i++) {
        begun = begun || (moves && a->drop[i]);
        if ((begun || a->drop[i]) && residue_column_names(c, i))
            return i;
    }
    return UINT_MAX;
}

static void name_affected(const struct asking *a, const struct residue_column *c, char *to,
                          size_t size)
{
    size_t used = 0;
    unsigned named = 0;
    bool moves = a->m->match == PROFILE_MATCHES_VALUE, begun = false;
    for (unsigned i = 0; i < a->m->entries; i++) {
        begun = begun || (moves && a->drop[i]);
        if (!(begun || a->drop[i]) || !residue_column_names(c, i))
            continue;
        if (named++ < NAMED_MOST && used < size)
            used += (size_t)snprintf(to + used, size - used, "%s%d", used ? ", " : "",
                                     a->m->entry[i].key);
    }
    if (named > NAMED_MOST && used < size)
        snprintf(to + used, size - used, " and %u more", named - NAMED_MOST);
}

/* From where the positions in a column count, as far as they tell. */
static const char *how_counted(const struct residue_column *c)
{
    return !c->from_zero    ? "=position1"
           : !c->may_be_key ? "=position0"
                            : "=position0 (or =position1)";
}

static void ask_about_column(struct asking *a, const struct residue_column *c)
{
    unsigned first = first_affected(a, c);
    if (c->explained || first == UINT_MAX)
        return;
    const char *table = c->table->name, *column = c->column->name;
    char text[1200], entries[120] = "";
    name_affected(a, c, entries, sizeof entries);
    bool in_value = a->m->match == PROFILE_MATCHES_VALUE;
    char yes[400];
    snprintf(yes, sizeof yes, "%s.%s%s", table, column, in_value ? how_counted(c) : "");
    snprintf(text, sizeof text,
             "table %s, column %s: all of its %" PRIu64
             " values could name entries of the list, and some name %s, which %s; say "
             "--reference %s or --not-a-reference %s.%s",
             table, column, c->values, entries, in_value ? "goes or moves up" : "goes", yes, table,
             column);
    ask(a, PROBLEM_RESIDUE, a->m->entry[first].key, NO_ENTRY, text);
    *a->blocked = true;
}

/* References by position that name no entry count from elsewhere, or are none: then nothing that
 * moves them can be right. */
static void ask_about_positions(struct asking *a)
{
    bool drops = false;
    for (unsigned i = 0; i < a->m->entries; i++)
        drops = drops || a->drop[i];
    if (a->m->match != PROFILE_MATCHES_VALUE || a->m->dangling_count == 0 || !drops)
        return;
    ask(a, PROBLEM_RESIDUE, NO_ENTRY, NO_ENTRY,
        "a column that the profile calls a reference by position names positions that the list "
        "does "
        "not have; do they count from 0? (names = position 0, or --reference "
        "TABLE.COLUMN=position0)");
    *a->blocked = true;
}

/* ---- copies that differ ---- */

/* What a row of the list holds in the columns that the profile does not name. */
struct rest {
    uint8_t *digest; /* by column of the table: SHA-256 of its values */
    char (*shown)[SHOWN];
};

struct comparison {
    struct asking *a;
    const struct ese_table *table;
    bool *compared;    /* by column */
    struct rest *rest; /* by entry; digest NULL: not needed */
    struct hash hash;
};

/* The entry that stays in the place of one that is dropped; NULL: none. */
static const struct model_entry *survivor_of(const struct asking *a, unsigned entry)
{
    const struct action *drop = a->drop[entry];
    const struct model_entry *e = drop && !drop->alone ? model_entry(a->m, drop->other) : NULL;
    for (; e && e < a->m->entry + a->m->entries && e->key == drop->other; e++)
        if (a->drop[e - a->m->entry] == NULL)
            return e;
    return NULL;
}

static bool needs_row(const struct asking *a, unsigned entry, const bool *survives)
{
    return (a->drop[entry] && !a->drop[entry]->alone) || survives[entry];
}

static void show_value(const struct ese_column *column, struct bytes value, char to[SHOWN])
{
    bool text = column->type == ESE_COL_TEXT || column->type == ESE_COL_LONG_TEXT;
    if (!text && value.size <= 8 && column->type != ESE_COL_BINARY &&
        column->type != ESE_COL_LONG_BINARY) {
        uint64_t bits = 0;
        for (size_t i = value.size; i-- > 0;)
            bits = bits << 8 | value.at[i];
        snprintf(to, SHOWN, "%" PRIu64, bits);
        return;
    }
    size_t shown = value.size > 12 ? 12 : value.size;
    bytes_hex(bytes_of(value.at, shown), to, SHOWN);
    size_t used = strlen(to);
    snprintf(to + used, SHOWN - used, "%s", shown < value.size ? "..." : "");
}

static bool read_column(struct comparison *c, struct rows *rows, struct buffer *room, unsigned i,
                        struct rest *rest, struct fault *f)
{
    const struct ese_column *column = &c->table->column[i];
    struct ese_values values;
    struct ese_value value;
    struct bytes bytes;
    unsigned count = 0;
    snprintf(rest->shown[i], SHOWN, "null");
    if (!ese_values_of(&values, &rows->record, column, f))
        return false;
    f->code = FAULT_NONE;
    while (ese_values_next(&values, &value, f)) {
        if (value.kind == ESE_VALUE_NULL)
            continue;
        if (!rows_value(rows, column, &value, room, &bytes, f))
            return false;
        uint8_t size[8];
        bytes_put_le64(size, bytes.size);
        hash_sha256_add(&c->hash, bytes_of(size, sizeof size));
        hash_sha256_add(&c->hash, bytes);
        if (count++ == 0 && profile_is_secret(c->a->m->profile, c->table->name, column->name))
            snprintf(rest->shown[i], SHOWN, "%zu bytes that are not shown", bytes.size);
        else if (count == 1)
            show_value(column, bytes, rest->shown[i]);
    }
    hash_sha256_end(&c->hash, rest->digest + (size_t)i * HASH_SHA256_SIZE);
    return f->code == FAULT_NONE;
}

static bool read_row(struct comparison *c, struct rows *rows, struct buffer *room,
                     struct rest *rest, struct fault *f)
{
    rest->digest = calloc(c->table->columns, HASH_SHA256_SIZE);
    rest->shown = calloc(c->table->columns, sizeof *rest->shown);
    if (rest->digest == NULL || rest->shown == NULL)
        return fault_set(f, FAULT_NO_MEMORY, "out of memory while comparing copies");
    for (unsigned i = 0; i < c->table->columns; i++)
        if (c->compared[i] && !read_column(c, rows, room, i, rest, f))
            return false;
    return true;
}

static bool read_rows(struct comparison *c, const bool *survives, struct fault *f)
{
    struct rows rows;
    struct buffer room = {0};
    bool ok = true;
    rows_open(&rows, c->a->m->store, c->table);
    for (unsigned row = 0; ok && rows_next(&rows); row++) {
        const struct model_entry *e = model_entry_of_row(c->a->m, row);
        if (e && needs_row(c->a, (unsigned)(e - c->a->m->entry), survives))
            ok = read_row(c, &rows, &room, &c->rest[e - c->a->m->entry], f);
    }
    ok = rows_end(&rows, ok ? f : NULL) && ok;
    buffer_free(&room);
    return ok;
}

static bool decided(const struct asking *a, int32_t survivor)
{
    for (unsigned i = 0; i < a->options->keeps; i++)
        if (a->options->keep[i] == survivor)
            return true;
    return false;
}

static void compare(struct comparison *c, unsigned goes, unsigned stays)
{
    struct asking *a = c->a;
    const struct model_entry *x = &a->m->entry[goes], *y = &a->m->entry[stays];
    const struct rest *gone = &c->rest[goes], *kept = &c->rest[stays];
    for (unsigned i = 0; gone->digest && kept->digest && i < c->table->columns; i++) {
        size_t at = (size_t)i * HASH_SHA256_SIZE;
        if (!c->compared[i] || memcmp(gone->digest + at, kept->digest + at, HASH_SHA256_SIZE) == 0)
            continue;
        a->drop[goes]->quarantine = true;
        if (decided(a, y->key))
            continue;
        char text[512];
        snprintf(text, sizeof text,
                 "table %s, column %s: entry %d has %s, entry %d has %s; which row stays is said "
                 "with --keep %d or --keep %d",
                 c->table->name, c->table->column[i].name, x->key, gone->shown[i], y->key,
                 kept->shown[i], x->key, y->key);
        ask(a, PROBLEM_COPIES_DIFFER, x->key, y->key, text);
        *a->blocked = true;
    }
}

/* Not compared: what the profile names, what differs in every two rows, and what is asked about as
 * a possible reference anyway. */
static bool is_compared(const struct comparison *c, const struct ese_column *column)
{
    if (column->type == ESE_COL_NIL || (column->flags & ESE_COLUMN_AUTO_INCREMENT) ||
        (profile_gives_meaning(c->a->m->profile, c->table->name, column->name) &&
         !profile_is_secret(c->a->m->profile, c->table->name, column->name)))
        return false;
    for (unsigned i = 0; i < c->table->indexes; i++)
        if (c->table->index[i].root == c->table->root && c->table->index[i].segments == 1 &&
            ese_table_segment_column(c->table, &c->table->index[i].segment[0]) == column)
            return false;
    return true;
}

static bool compare_all(struct comparison *c, struct fault *f)
{
    const struct model *m = c->a->m;
    bool *survives = calloc((size_t)m->entries + 1, sizeof *survives);
    bool any = false;
    if (survives == NULL)
        return fault_set(f, FAULT_NO_MEMORY, "out of memory while comparing copies");
    for (unsigned i = 0; i < c->table->columns; i++)
        any |= c->compared[i] = is_compared(c, &c->table->column[i]);
    bool pairs = false;
    for (unsigned i = 0; i < m->entries; i++) {
        const struct model_entry *e = survivor_of(c->a, i);
        if (e)
            pairs = survives[e - m->entry] = true;
    }
    bool ok = !any || !pairs || read_rows(c, survives, f);
    for (unsigned i = 0; ok && any && i < m->entries; i++) {
        const struct model_entry *e = survivor_of(c->a, i);
        if (e)
            compare(c, i, (unsigned)(e - m->entry));
    }
    free(survives);
    return ok;
}

static bool ask_about_copies(struct asking *a, struct fault *f)
{
    const struct model *m = a->m;
    if (m->match != PROFILE_MATCHES_ROWS)
        return true;
    struct comparison c = {.a = a, .hash = m->hash};
    c.table = ese_catalog_find(m->store->db->catalog, m->profile->list[0].table);
    c.compared = calloc(c.table->columns ? c.table->columns : 1, sizeof *c.compared);
    c.rest = calloc((size_t)m->entries + 1, sizeof *c.rest);
    bool ok = c.compared && c.rest
                  ? compare_all(&c, f)
                  : fault_set(f, FAULT_NO_MEMORY, "out of memory while comparing copies");
    for (unsigned i = 0; c.rest && i < m->entries; i++) {
        free(c.rest[i].digest);
        free(c.rest[i].shown);
    }
    free(c.rest);
    free(c.compared);
    return ok;
}

/* ---- a second place ---- */

static void ask_about_place(struct asking *a, const struct second_copy *c)
{
    const char *table = c->table->name, *column = c->column->name;
    char text[512];
    bool told = a->m->second_list && a->m->profile->value[0].table &&
                strcasecmp(table, a->m->profile->value[0].table) == 0;
    if (c->values == 0 || told)
        return; /* chains; KM-TWO-LISTS */
    snprintf(text, sizeof text,
             "table %s, column %s: %" PRIu64 " value%s the certificate of a listed CA, first in "
             "row %" PRIu64 "; if that is no list, say --not-a-list %s.%s",
             table, column, c->values, c->values == 1 ? " holds" : "s hold", c->row, table, column);
    ask(a, PROBLEM_SECOND_COPY, NO_ENTRY, NO_ENTRY, text);
}

/* ---- hashes of certificates that go ---- */

/* Which certificates no entry holds any more: by the model's number, the key of an entry that did;
 * NO_ENTRY: it stays.  *any: there is one.  NULL: memory is short. */
static int64_t *find_lost(const struct asking *a, bool *any)
{
    const struct model *m = a->m;
    bool *stays = calloc((size_t)m->certificates + 1, sizeof *stays);
    int64_t *lost = calloc((size_t)m->certificates + 1, sizeof *lost);
    if (stays == NULL || lost == NULL) {
        free(stays);
        free(lost);
        return NULL;
    }
    for (unsigned i = 0; i < m->entries; i++)
        stays[m->entry[i].certificate] |= a->drop[i] == NULL;
    for (unsigned i = 0; i < m->certificates; i++)
        lost[i] = NO_ENTRY;
    for (unsigned i = 0; i < m->entries; i++)
        if (a->drop[i] && !stays[m->entry[i].certificate]) {
            lost[m->entry[i].certificate] = m->entry[i].key;
            *any = true;
        }
    free(stays);
    return lost;
}

static void ask_about_hash(struct asking *a, const struct lost_hit *h)
{
    char text[1200], how[400];
    const char *table = h->table->name, *column = h->column->name;
    if (h->is_sha1)
        snprintf(how, sizeof how, "say --reference %s.%s=sha1 or --not-a-reference %s.%s", table,
                 column, table, column);
    else
        snprintf(how, sizeof how,
                 "such references cannot be moved: --keep %d keeps that entry, --not-a-reference "
                 "%s.%s says that it is none",
                 h->entry, table, column);
    snprintf(text, sizeof text,
             "table %s, column %s: %" PRIu64 " value%s the hash of the certificate of entry %d, "
             "which goes, and which no other has; %s",
             table, column, h->values, h->values == 1 ? " holds" : "s hold", h->entry, how);
    ask(a, PROBLEM_RESIDUE, h->entry, NO_ENTRY, text);
    *a->blocked = true;
}

static bool ask_about_hashes(struct asking *a, struct fault *f)
{
    struct lost_hits hits = {.count = 0};
    bool any = false;
    int64_t *lost = find_lost(a, &any);
    if (lost == NULL)
        return fault_set(f, FAULT_NO_MEMORY, "out of memory for the plan");
    bool ok = !any || lost_search(a->m, lost, &hits, f);
    for (unsigned i = 0; ok && i < hits.count; i++)
        ask_about_hash(a, &hits.item[i]);
    free(hits.item);
    free(lost);
    return ok;
}

bool unsaid_judge(struct plan *plan, const struct plan_options *options, const struct model *m,
                  const struct sweep *sweep, struct problems *found, struct problems *left,
                  bool *blocked, struct fault *f)
{
    struct asking a = {plan, options, m, sweep, found, left, blocked, NULL};
    if (!find_drops(&a, f))
        return false;
    for (unsigned i = 0; i < sweep->residue.columns; i++)
        ask_about_column(&a, &sweep->residue.column[i]);
    for (unsigned i = 0; i < sweep->second.count; i++)
        ask_about_place(&a, &sweep->second.item[i]);
    ask_about_positions(&a);
    bool ok = ask_about_copies(&a, f) && ask_about_hashes(&a, f);
    free(a.drop);
    return ok;
}
