/* What has to be asked before a repair: see unsaid.h. */
#include "migrate/decide/unsaid.h"

#include "formats/hex.h"
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
    bool *open;           /* by entry: it stays, but an answer that is asked for may drop it */
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
    a->open = calloc((size_t)m->entries + 1, sizeof *a->open);
    if (a->drop == NULL || a->open == NULL)
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

/* Does it go, or may it once what is asked about copies is answered?  All is asked at once. */
static bool may_go(const struct asking *a, unsigned entry)
{
    return a->drop[entry] || a->open[entry];
}

/* ---- columns that could refer to them ---- */

/* In a list value, what stands behind an entry that goes moves up.  Where the list is in several
 * values, positions may count in each or in all. */
static unsigned first_moved(const struct asking *a)
{
    const struct model *m = a->m;
    unsigned first = UINT_MAX;
    for (unsigned i = 0; m->match == PROFILE_MATCHES_VALUE && i < m->entries; i++) {
        unsigned place = i - m->value[m->entry[i].part].first;
        first = a->drop[i] && place < first ? place : first;
    }
    return first;
}

static unsigned first_affected(const struct asking *a, const struct residue_column *c)
{
    unsigned moved = first_moved(a);
    for (unsigned i = 0; i < a->m->entries; i++)
        if ((i >= moved || may_go(a, i)) && residue_column_names(c, i))
            return i;
    return UINT_MAX;
}

/* Returns how many there are. */
static unsigned name_affected(const struct asking *a, const struct residue_column *c, char *to,
                              size_t size)
{
    size_t used = 0;
    unsigned named = 0, moved = first_moved(a);
    for (unsigned i = 0; i < a->m->entries; i++) {
        if (!(i >= moved || may_go(a, i)) || !residue_column_names(c, i))
            continue;
        if (named++ < NAMED_MOST && used < size)
            used += (size_t)snprintf(to + used, size - used, "%s%d", used ? ", " : "",
                                     a->m->entry[i].key);
    }
    if (named > NAMED_MOST && used < size)
        snprintf(to + used, size - used, " and %u more", named - NAMED_MOST);
    return named;
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
    bool one = name_affected(a, c, entries, sizeof entries) == 1;
    bool in_value = a->m->match == PROFILE_MATCHES_VALUE;
    char yes[400];
    snprintf(yes, sizeof yes, "%s.%s%s", table, column, in_value ? how_counted(c) : "");
    snprintf(text, sizeof text,
             "table %s, column %s: all of its %" PRIu64
             " values could name entries of the list, and some name %s, which %s; say "
             "--reference %s or --not-a-reference %s.%s%s",
             table, column, c->values, entries,
             !in_value ? (one ? "goes" : "go")
             : one     ? "goes or moves up"
                       : "go or move up",
             yes, table, column,
             ese_table_in_primary(c->table, c->column)
                 ? " (in a primary key a reference cannot be moved)"
                 : "");
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
    struct compared_part {
        const struct ese_table *table;
        bool *compared; /* by column */
        int64_t *bits;  /* by column: those that say role and trust, and are not compared */
    } part[PROFILE_LISTS_MOST];
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
        snprintf(to, SHOWN, "%" PRIu64, bytes_number(value));
        return;
    }
    hex_start(value, 12, to);
}

/* The bits of a number that nothing is known of. */
static bool read_flags(struct comparison *c, struct rows *rows, const struct ese_column *column,
                       int64_t bits, uint8_t digest[HASH_SHA256_SIZE], char shown[SHOWN])
{
    uint8_t rest[8];
    int64_t number = 0;
    if (!condition_integer(&rows->record, column, &number))
        number = 0;
    bytes_put_le64(rest, (uint64_t)(number & ~bits));
    hash_sha256(&c->hash, bytes_of(rest, sizeof rest), digest);
    snprintf(shown, SHOWN, "%" PRId64, number);
    return true;
}

static bool read_column(struct comparison *c, struct rows *rows, struct buffer *room, unsigned i,
                        int64_t bits, struct rest *rest, struct fault *f)
{
    const struct ese_column *column = &rows->table->column[i];
    struct ese_values values;
    struct ese_value value;
    struct bytes bytes;
    unsigned count = 0;
    snprintf(rest->shown[i], SHOWN, "null");
    if (!ese_values_of(&values, &rows->record, column, f))
        return false;
    f->code = FAULT_NONE;
    if (bits)
        return read_flags(c, rows, column, bits, rest->digest + (size_t)i * HASH_SHA256_SIZE,
                          rest->shown[i]);
    while (ese_values_next(&values, &value, f)) {
        if (value.kind == ESE_VALUE_NULL)
            continue;
        if (!rows_value(rows, column, &value, room, &bytes, f))
            return false;
        uint8_t size[8];
        bytes_put_le64(size, bytes.size);
        hash_sha256_add(&c->hash, bytes_of(size, sizeof size));
        hash_sha256_add(&c->hash, bytes);
        if (count++ == 0 && profile_is_secret(c->a->m->profile, rows->table->name, column->name))
            snprintf(rest->shown[i], SHOWN, "%zu bytes that are not shown", bytes.size);
        else if (count == 1)
            show_value(column, bytes, rest->shown[i]);
    }
    hash_sha256_end(&c->hash, rest->digest + (size_t)i * HASH_SHA256_SIZE);
    return f->code == FAULT_NONE;
}

static bool read_row(struct comparison *c, struct rows *rows, struct buffer *room,
                     const struct compared_part *part, struct rest *rest, struct fault *f)
{
    rest->digest = calloc(part->table->columns, HASH_SHA256_SIZE);
    rest->shown = calloc(part->table->columns, sizeof *rest->shown);
    if (rest->digest == NULL || rest->shown == NULL)
        return fault_set(f, FAULT_NO_MEMORY, "out of memory while comparing copies");
    for (unsigned i = 0; i < part->table->columns; i++)
        if (part->compared[i] && !read_column(c, rows, room, i, part->bits[i], rest, f))
            return false;
    return true;
}

static bool read_rows(struct comparison *c, const struct ese_table *table, const bool *survives,
                      struct fault *f)
{
    struct rows rows;
    struct buffer room = {0};
    bool ok = true;
    rows_open(&rows, c->a->m->store, table);
    for (unsigned row = 0; ok && rows_next(&rows); row++) {
        const struct model_entry *e = model_entry_of_row(c->a->m, table, row);
        if (e && needs_row(c->a, (unsigned)(e - c->a->m->entry), survives))
            ok = read_row(c, &rows, &room, &c->part[e->part], &c->rest[e - c->a->m->entry], f);
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

/* Does the profile say that of a column the survivor's value stays (keep)? */
static bool is_kept(const struct profile_list *list, const char *column)
{
    size_t size = strlen(column);
    for (const char *at = list->keep; at && *at;) {
        at += strspn(at, ", ");
        size_t length = strcspn(at, ",");
        while (length > 0 && at[length - 1] == ' ')
            length--;
        if (length == size && strncasecmp(at, column, size) == 0)
            return true;
        at += strcspn(at, ",");
    }
    return false;
}

/* The column of that name and type in the part of the list where the survivor is; NULL: none. */
static const struct ese_column *counterpart(const struct compared_part *from, unsigned i,
                                            const struct compared_part *to)
{
    const struct ese_column *column = ese_table_column(to->table, from->table->column[i].name);
    return column && column->type == from->table->column[i].type &&
                   to->compared[column - to->table->column]
               ? column
               : NULL;
}

static void ask_which(struct asking *a, const struct ese_table *table, const char *column,
                      const struct model_entry *goes, const struct model_entry *stays,
                      const char *gone, const char *kept)
{
    char text[512];
    snprintf(text, sizeof text,
             "table %s, column %s: entry %d has %s, entry %d has %s; which row stays is said "
             "with --keep %d or --keep %d",
             table->name, column, goes->key, gone, stays->key, kept, goes->key, stays->key);
    ask(a, PROBLEM_COPIES_DIFFER, goes->key, stays->key, text);
    a->open[stays - a->m->entry] = true;
    *a->blocked = true;
}

/* Does something say that an entry belongs to its part of the list: its role, or references that
 * can name no other part? */
static bool has_place(const struct model *m, const struct model_entry *e)
{
    bool place = e->role == ROLE_OWN || e->role == ROLE_ISSUING;
    for (unsigned r = 0; r < m->profile->references; r++)
        place = place || (m->profile->reference[r].list > 0 && e->references[r] > 0);
    return place;
}

/* Copies in two tables: which of these the certificate belongs to may matter as much as its role.
 */
static void ask_where(struct asking *a, const struct model_entry *goes,
                      const struct model_entry *stays)
{
    char text[512];
    if (goes->part == stays->part || has_place(a->m, goes) != has_place(a->m, stays) ||
        decided(a, stays->key))
        return;
    snprintf(text, sizeof text,
             "tables %.64s and %.64s: entries %d and %d are copies, and nothing says which of the "
             "tables the certificate belongs to; which row stays is said with --keep %d or --keep "
             "%d",
             model_list_of(a->m, goes)->table, model_list_of(a->m, stays)->table, goes->key,
             stays->key, goes->key, stays->key);
    ask(a, PROBLEM_COPIES_DIFFER, goes->key, stays->key, text);
    a->open[stays - a->m->entry] = true;
    *a->blocked = true;
}

/* What the survivor's table has no column for goes to quarantine with the row. */
static void compare(struct comparison *c, unsigned goes, unsigned stays)
{
    struct asking *a = c->a;
    const struct model_entry *x = &a->m->entry[goes], *y = &a->m->entry[stays];
    const struct compared_part *from = &c->part[x->part], *to = &c->part[y->part];
    const struct rest *gone = &c->rest[goes], *kept = &c->rest[stays];
    ask_where(a, x, y);
    for (unsigned i = 0; gone->digest && kept->digest && i < from->table->columns; i++) {
        const char *name = from->table->column[i].name;
        const struct ese_column *other = from->compared[i] ? counterpart(from, i, to) : NULL;
        size_t k = other ? (size_t)(other - to->table->column) : 0;
        if (!from->compared[i] ||
            (other ? memcmp(gone->digest + (size_t)i * HASH_SHA256_SIZE,
                            kept->digest + k * HASH_SHA256_SIZE, HASH_SHA256_SIZE) == 0
                   : strcmp(gone->shown[i], "null") == 0))
            continue;
        a->drop[goes]->quarantine = true;
        if (other && !decided(a, y->key) && !is_kept(model_list_of(a->m, x), name))
            ask_which(a, from->table, name, x, y, gone->shown[i], kept->shown[k]);
    }
}

/* Not compared: what the profile names, but for what it only says to be secret, or no reference:
 * that is of the entry all the same; and what differs in every two rows. */
static bool is_compared(const struct comparison *c, const struct profile_list *list,
                        const struct ese_table *table, const struct ese_column *column,
                        int64_t bits)
{
    bool selects = list->rows.column && strcasecmp(list->rows.column, column->name) == 0 &&
                   (list->rows.mask || strchr(list->rows.value, ','));
    if ((bits != 0 && bits != -1) || (bits == 0 && selects))
        return true;
    if (column->type == ESE_COL_NIL || (column->flags & ESE_COLUMN_AUTO_INCREMENT) ||
        profile_says_what(c->a->m->profile, table->name, column->name))
        return false;
    for (unsigned i = 0; i < table->indexes; i++)
        if (table->index[i].root == table->root && table->index[i].segments == 1 &&
            ese_table_segment_column(table, &table->index[i].segment[0]) == column)
            return false;
    return true;
}

/* Reads the rows of all pairs, each table once. */
static bool read_tables(struct comparison *c, const bool *survives, struct fault *f)
{
    const struct profile *p = c->a->m->profile;
    for (unsigned i = 0; i < p->lists; i++) {
        bool before = false;
        for (unsigned k = 0; k < i; k++)
            before = before || c->part[k].table == c->part[i].table;
        if (!before && !read_rows(c, c->part[i].table, survives, f))
            return false;
    }
    return true;
}

static bool compare_all(struct comparison *c, struct fault *f)
{
    const struct model *m = c->a->m;
    bool *survives = calloc((size_t)m->entries + 1, sizeof *survives);
    bool pairs = false;
    if (survives == NULL)
        return fault_set(f, FAULT_NO_MEMORY, "out of memory while comparing copies");
    for (unsigned i = 0; i < m->entries; i++) {
        const struct model_entry *e = survivor_of(c->a, i);
        if (e)
            pairs = survives[e - m->entry] = true;
    }
    bool ok = !pairs || read_tables(c, survives, f);
    for (unsigned i = 0; ok && i < m->entries; i++) {
        const struct model_entry *e = survivor_of(c->a, i);
        if (e)
            compare(c, i, (unsigned)(e - m->entry));
    }
    free(survives);
    return ok;
}

static bool open_parts(struct comparison *c)
{
    const struct model *m = c->a->m;
    for (unsigned i = 0; i < m->profile->lists; i++) {
        struct compared_part *part = &c->part[i];
        part->table = model_list_table(m, i);
        part->compared = calloc(part->table->columns + 1u, sizeof *part->compared);
        part->bits = calloc(part->table->columns + 1u, sizeof *part->bits);
        if (part->compared == NULL || part->bits == NULL)
            return false;
        for (unsigned k = 0; k < part->table->columns; k++)
            part->bits[k] = roles_bits(&m->profile->list[i], part->table->column[k].name);
        for (unsigned k = 0; k < part->table->columns; k++)
            part->compared[k] = is_compared(c, &m->profile->list[i], part->table,
                                            &part->table->column[k], part->bits[k]);
    }
    c->rest = calloc((size_t)m->entries + 1, sizeof *c->rest);
    return c->rest != NULL;
}

static bool ask_about_copies(struct asking *a, struct fault *f)
{
    const struct model *m = a->m;
    if (m->match != PROFILE_MATCHES_ROWS)
        return true;
    struct comparison c = {.a = a, .hash = m->hash};
    bool ok = open_parts(&c)
                  ? compare_all(&c, f)
                  : fault_set(f, FAULT_NO_MEMORY, "out of memory while comparing copies");
    for (unsigned i = 0; c.rest && i < m->entries; i++) {
        free(c.rest[i].digest);
        free(c.rest[i].shown);
    }
    free(c.rest);
    for (unsigned i = 0; i < m->profile->lists; i++) {
        free(c.part[i].compared);
        free(c.part[i].bits);
    }
    return ok;
}

/* ---- a value that would be empty ---- */

/* Is a value without certificates still a list in that form?  Of others nothing would be left. */
static bool can_be_empty(const struct model_value *value)
{
    return value->kind == CERTLIST_SST || value->kind == CERTLIST_PKCS7;
}

/* Has somebody said that the entry goes, or that its copy stays? */
static bool is_said(const struct asking *a, unsigned entry)
{
    const struct action *drop = a->drop[entry];
    bool said = !drop->alone && decided(a, drop->other);
    for (unsigned i = 0; i < a->options->drops; i++)
        said = said || a->options->drop[i] == a->m->entry[entry].key;
    return said;
}

/* The entry to ask about when all that a value holds goes; NO_ENTRY: something stays, or each was
 * said to go. */
static int64_t find_emptied(const struct asking *a, const struct model_value *value)
{
    int64_t first = NO_ENTRY;
    for (unsigned i = value->first; i < value->first + value->entries; i++) {
        if (a->drop[i] == NULL)
            return NO_ENTRY;
        if (first == NO_ENTRY && !(can_be_empty(value) && is_said(a, i)))
            first = i;
    }
    return first;
}

static void ask_about_value(struct asking *a, unsigned part, unsigned entry)
{
    const struct action *drop = a->drop[entry];
    int32_t key = a->m->entry[entry].key, other = drop->alone ? key : drop->other;
    char text[512], how[120];
    if (!can_be_empty(&a->m->value[part]))
        snprintf(how, sizeof how, "which is no list in its form; --keep %d leaves it there", key);
    else if (other == key)
        snprintf(how, sizeof how, "--keep %d or --drop %d says which is right", key, key);
    else
        snprintf(how, sizeof how, "which entry stays is said with --keep %d or --keep %d", other,
                 key);
    snprintf(text, sizeof text,
             "part %u of the list, in table %.64s: without entry %d its value would be empty, and "
             "the row may be the certificate's, and no part of a list; %s",
             part + 1, a->m->profile->value[part].table, key, how);
    ask(a, PROBLEM_COPIES_DIFFER, key, other == key ? NO_ENTRY : other, text);
    *a->blocked = true;
}

/* A value without certificates is none that anybody has seen. */
static void ask_about_values(struct asking *a)
{
    const struct model *m = a->m;
    for (unsigned i = 0; m->match == PROFILE_MATCHES_VALUE && i < m->profile->values; i++) {
        int64_t entry = find_emptied(a, &m->value[i]);
        if (entry != NO_ENTRY)
            ask_about_value(a, i, (unsigned)entry);
    }
}

/* ---- a second place ---- */

static void ask_about_place(struct asking *a, const struct second_copy *c)
{
    const char *table = c->table->name, *column = c->column->name;
    char text[512];
    bool told = false;
    for (unsigned i = 0; a->m->second_list && i < a->m->profile->values; i++)
        told = told || strcasecmp(table, a->m->profile->value[i].table) == 0;
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
    if (h->how)
        snprintf(how, sizeof how, "say --reference %s.%s=%s or --not-a-reference %s.%s", table,
                 column, h->how, table, column);
    else
        snprintf(how, sizeof how,
                 "such references cannot be moved: --keep %d keeps that entry, --not-a-reference "
                 "%s.%s says that it is none",
                 h->entry, table, column);
    snprintf(text, sizeof text,
             "table %s, column %s: %" PRIu64 " value%s the %s of the certificate of entry %d, "
             "which goes, and which no other has; %s",
             table, column, h->values, h->values == 1 ? " holds" : "s hold",
             h->identity ? "issuer and serial number" : "hash", h->entry, how);
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
    struct asking a = {plan, options, m, sweep, found, left, blocked, NULL, NULL};
    bool ok = find_drops(&a, f) && ask_about_copies(&a, f);
    for (unsigned i = 0; ok && i < sweep->residue.columns; i++)
        ask_about_column(&a, &sweep->residue.column[i]);
    for (unsigned i = 0; ok && i < sweep->second.count; i++)
        ask_about_place(&a, &sweep->second.item[i]);
    if (ok) {
        ask_about_positions(&a);
        ask_about_values(&a);
        ok = ask_about_hashes(&a, f);
    }
    free(a.drop);
    free(a.open);
    return ok;
}
