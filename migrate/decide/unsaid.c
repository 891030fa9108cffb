/* What has to be asked before a repair: see unsaid.h. */
#include "migrate/decide/unsaid_parts.h"

#include "migrate/decide/said.h"
#include "migrate/judge/lost.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <strings.h>

enum { NAMED_MOST = 5 };

static void tell(struct asking *a, enum problem_code code, int64_t entry, int64_t other,
                 const char *text)
{
    problem_add(a->found, code, entry, other, "%s", text);
    problem_add(a->left, code, entry, other, "%s", text);
}

void unsaid_ask(struct asking *a, enum problem_code code, int64_t entry, int64_t other,
                const char *text)
{
    tell(a, code, entry, other, text);
    *a->blocked = true;
}

const struct model_entry *unsaid_survivor(const struct asking *a, unsigned entry)
{
    const struct action *drop = a->drop[entry];
    const struct model_entry *e = drop && !drop->alone ? model_entry(a->m, drop->other) : NULL;
    for (; e && e < a->m->entry + a->m->entries && e->key == drop->other; e++)
        if (a->drop[e - a->m->entry] == NULL)
            return e;
    return NULL;
}

bool unsaid_decided(const struct asking *a, int32_t survivor)
{
    for (unsigned i = 0; i < a->options->keeps; i++)
        if (a->options->keep[i] == survivor)
            return true;
    return false;
}

/* ---- entries that go ---- */

static bool find_drops(struct asking *a, struct fault *f)
{
    const struct model *m = a->m;
    a->drop = calloc((size_t)m->entries + 1, sizeof(void *));
    a->open = calloc((size_t)m->entries + 1, sizeof *a->open);
    if (a->drop == NULL || a->open == NULL)
        return fault_no_memory(f, "the plan");
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

/* All is asked at once. */
bool unsaid_may_go(const struct asking *a, unsigned entry)
{
    return a->drop[entry] || a->open[entry];
}

/* ---- columns that could refer to them ---- */

/* Where rows are counted, those behind one that goes move up. */
static unsigned first_moved_row(const struct asking *a)
{
    unsigned first = UINT_MAX;
    for (unsigned i = 0; i < a->m->entries; i++)
        if (unsaid_may_go(a, i) && a->m->entry[i].row < first)
            first = a->m->entry[i].row;
    return first;
}

/* In a list value, what stands behind an entry that goes moves up.  Where the list is in several
 * values, positions may count in each or in all. */
static unsigned first_moved(const struct asking *a, const struct residue_column *c)
{
    const struct model *m = a->m;
    unsigned first = c->by_place ? first_moved_row(a) : UINT_MAX;
    for (unsigned i = 0; m->match == PROFILE_MATCHES_VALUE && i < m->entries; i++) {
        unsigned place = i - m->value[m->entry[i].part].first;
        first = a->drop[i] && place < first ? place : first;
    }
    return first;
}

static bool moves_up(const struct asking *a, const struct residue_column *c)
{
    return a->m->match == PROFILE_MATCHES_VALUE || c->by_place;
}

static bool is_affected(const struct asking *a, const struct residue_column *c, unsigned entry,
                        unsigned moved)
{
    unsigned place = c->by_place ? a->m->entry[entry].row : entry;
    return (place >= moved || unsaid_may_go(a, entry)) && residue_column_names(c, entry);
}

/* Returns how many there are, with *first the first of them. */
static unsigned name_affected(const struct asking *a, const struct residue_column *c,
                              unsigned *first, char *to, size_t size)
{
    size_t used = 0;
    unsigned named = 0, moved = first_moved(a, c);
    for (unsigned i = 0; i < a->m->entries; i++) {
        if (!is_affected(a, c, i, moved))
            continue;
        if (named == 0)
            *first = i;
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

/* What is to be said of such a column. */
static void say_what_decides(const struct asking *a, const struct residue_column *c, char *to,
                             size_t size)
{
    const char *table = c->table->name, *column = c->column->name;
    if (c->written)
        snprintf(to, size,
                 "such references cannot be moved: %ssay --not-a-reference %s.%s where it is none",
                 moves_up(a, c) ? "" : "--keep says that what they name stays; or ", table, column);
    else if (!said_could_refer(a->m->profile, a->m->store->db->catalog, c->column))
        snprintf(to, size,
                 "references of type %s cannot be moved: --keep says that what they name stays; "
                 "or say --not-a-reference %s.%s",
                 ese_coltype_name(c->column->type), table, column);
    else
        snprintf(to, size, "say --reference %s.%s%s or --not-a-reference %s.%s%s", table, column,
                 a->m->match == PROFILE_MATCHES_VALUE ? how_counted(c) : "", table, column,
                 ese_table_in_primary(c->table, c->column)
                     ? " (in a primary key a reference cannot be moved: then the entry that it "
                       "names has to stay)"
                     : "");
}

static void ask_about_column(struct asking *a, const struct residue_column *c)
{
    char text[1200], entries[120] = "", how[640];
    unsigned first = 0;
    unsigned affected = c->explained ? 0 : name_affected(a, c, &first, entries, sizeof entries);
    bool one = affected == 1, moves = moves_up(a, c);
    if (affected == 0)
        return;
    say_what_decides(a, c, how, sizeof how);
    snprintf(text, sizeof text,
             "table %s, column %s: all of its %" PRIu64
             " values could name entries of the list%s%s, and some name %s, which %s; %s",
             c->table->name, c->column->name, c->values, c->written ? ", each " : "",
             c->written ? c->written : "", entries,
             !moves ? (one ? "goes" : "go")
             : one  ? "goes or moves up"
                    : "go or move up",
             how);
    unsaid_ask(a, PROBLEM_RESIDUE, a->m->entry[first].key, NO_ENTRY, text);
}

/* What can be done about references that cannot be moved: the entry stays, where its copy is not
 * named so as well. */
static void say_what_keeps(const struct asking *a, const struct action *move, char *to, size_t size)
{
    const struct model_entry *e = model_entry(a->m, move->entry);
    const struct action *drop = e ? a->drop[e - a->m->entry] : NULL;
    const struct model_entry *other = drop ? model_entry(a->m, drop->other) : NULL;
    bool both = false;
    for (unsigned r = 0; other && r < a->m->profile->references; r++)
        both = both || (other->references[r] > 0 && model_reference_is_fixed(a->m, r));
    if (drop == NULL)
        snprintf(to, size, "moves up");
    else if (both)
        snprintf(to, size, "goes, as entry %d would for it, which is named so, too", drop->other);
    else
        snprintf(to, size, "goes; --keep %d keeps it", move->entry);
}

/* Rows that are found by what they refer to. */
static void ask_about_fixed(struct asking *a)
{
    for (size_t i = 0; i < a->plan->actions; i++) {
        const struct action *move = &a->plan->action[i];
        const struct profile_reference *r = &a->m->profile->reference[move->reference];
        char text[640], what[120];
        if (move->kind != ACTION_MOVE_REFERENCES ||
            !model_reference_is_fixed(a->m, move->reference))
            continue;
        say_what_keeps(a, move, what, sizeof what);
        snprintf(text, sizeof text,
                 "table %.64s, column %.64s: it is a part of the primary key, in which a reference "
                 "cannot be moved, and %" PRIu64
                 " of its rows name entry %d, which %s; if it is no "
                 "reference, say --not-a-reference %.64s.%.64s",
                 r->table, r->column, move->count, move->entry, what, r->table, r->column);
        unsaid_ask(a, PROBLEM_RESIDUE, move->entry, NO_ENTRY, text);
    }
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
    unsaid_ask(
        a, PROBLEM_RESIDUE, NO_ENTRY, NO_ENTRY,
        "a column that the profile calls a reference by position names positions that the list "
        "does "
        "not have; do they count from 0? (names = position 0, or --reference "
        "TABLE.COLUMN=position0)");
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
    bool said = !drop->alone && unsaid_decided(a, drop->other);
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
    unsaid_ask(a, PROBLEM_COPIES_DIFFER, key, other == key ? NO_ENTRY : other, text);
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
    tell(a, PROBLEM_SECOND_COPY, NO_ENTRY, NO_ENTRY, text);
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
    char text[1200], how[480];
    const char *table = h->table->name, *column = h->column->name;
    if (h->how)
        snprintf(how, sizeof how, "say --reference %s.%s=%s or --not-a-reference %s.%s", table,
                 column, h->how, table, column);
    else if (h->serial)
        snprintf(
            how, sizeof how,
            "such references cannot be moved: --reference %.64s.%.64s,%.64s says that they are "
            "some, and the entry stays, --not-a-reference %.64s.%.64s that they are none",
            table, column, h->serial->name, table, column);
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
    unsaid_ask(a, PROBLEM_RESIDUE, h->entry, NO_ENTRY, text);
}

static bool ask_about_hashes(struct asking *a, struct fault *f)
{
    struct lost_hits hits = {.count = 0};
    bool any = false;
    int64_t *lost = find_lost(a, &any);
    if (lost == NULL)
        return fault_no_memory(f, "the plan");
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
    bool ok = find_drops(&a, f) && differing_ask(&a, f);
    for (unsigned i = 0; ok && i < sweep->residue.columns; i++)
        ask_about_column(&a, &sweep->residue.column[i]);
    for (unsigned i = 0; ok && i < sweep->second.count; i++)
        ask_about_place(&a, &sweep->second.item[i]);
    if (ok) {
        ask_about_fixed(&a);
        ask_about_positions(&a);
        ask_about_values(&a);
        ok = ask_about_hashes(&a, f) && describing_ask(&a, f) && otherkeys_ask(&a, f) &&
             unique_ask(&a, f);
    }
    free(a.drop);
    free(a.open);
    return ok;
}
