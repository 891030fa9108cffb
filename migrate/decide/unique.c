/*
 * Rows that would be one to a unique index once what they refer to is the same entry: see unsaid.h.
 *
 * The engine takes no second row under such a key, and a repair takes no row away that is none of
 * the list's.  Text that differs in case alone is left to whoever writes the rows.
 */
#include "migrate/decide/unsaid_parts.h"

#include "formats/array.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

/* A row's key in the index, as it would be. */
struct unique_key {
    uint8_t digest[16];
    uint64_t row; /* from 1 */
    bool moved;   /* it is another one than now */
};

struct unique_pass {
    struct asking *a;
    const struct ese_table *table;
    const struct ese_index *index;
    struct rows rows;
    struct hash hash;
    struct unique_key *key;
    size_t keys, key_room;
    struct buffer room;
};

/* Which reference of the profile's with one value a row a column is; the count of them: none. */
static unsigned reference_of(const struct asking *a, const struct ese_table *table,
                             const struct ese_column *column)
{
    const struct profile *p = a->m->profile;
    unsigned r = 0;
    while (r < p->references && !(ese_table_is(table, p->reference[r].table) &&
                                  ese_table_column(table, p->reference[r].column) == column))
        r++;
    return column->flags & ESE_COLUMN_MULTI_VALUED ? p->references : r;
}

/* Adds a column of the row in hand to its key.  False: it is null, or cannot be read. */
static bool add_column(struct unique_pass *p, const struct ese_column *column, bool *moved)
{
    const struct model *m = p->a->m;
    struct bytes value;
    uint8_t octets[8];
    bool null;
    unsigned r = reference_of(p->a, p->table, column);
    const struct model_entry *e = NULL;
    if (r < m->profile->references) {
        int32_t key = model_reference_key(m, r, &p->rows, column, &null);
        e = null ? NULL : model_entry(m, key);
    }
    if (e) {
        const struct model_entry *stays = unsaid_survivor(p->a, (unsigned)(e - m->entry));
        uint32_t number = (uint32_t)((stays ? stays : e) - m->entry);
        *moved = *moved || stays;
        bytes_put_le64(octets, UINT64_MAX - number); /* the size of no value */
        hash_sha256_add(&p->hash, bytes_of(octets, sizeof octets));
        return true;
    }
    if (!rows_peek(&p->rows, column, &p->room, &value, &null, NULL) || null)
        return false;
    bytes_put_le64(octets, value.size);
    hash_sha256_add(&p->hash, bytes_of(octets, sizeof octets));
    hash_sha256_add(&p->hash, value);
    return true;
}

/* Is the row in hand of an entry that goes? */
static bool goes(const struct unique_pass *p, uint64_t row)
{
    const struct model *m = p->a->m;
    const struct model_entry *e = model_is_list_table(m, p->table)
                                      ? model_entry_of_row(m, p->table, (unsigned)(row - 1))
                                      : NULL;
    return e && p->a->drop[e - m->entry];
}

/* Has a row with so many null columns an entry in the index? */
static bool is_indexed(const struct ese_index *index, unsigned nulls, bool first)
{
    uint32_t need = nulls == index->segments
                        ? ESE_INDEX_ALLOW_ALL_NULLS | ESE_INDEX_ALLOW_FIRST_NULL
                    : first     ? ESE_INDEX_ALLOW_FIRST_NULL
                    : nulls > 0 ? ESE_INDEX_ALLOW_SOME_NULLS
                                : 0;
    return (index->flags & need) == need;
}

static bool add_row(struct unique_pass *p, uint64_t row)
{
    struct unique_key key = {.row = row};
    uint8_t digest[HASH_SHA256_SIZE];
    unsigned nulls = 0;
    bool first = false;
    for (unsigned i = 0; i < p->index->segments; i++) {
        const struct ese_column *column = ese_table_segment_column(p->table, &p->index->segment[i]);
        if (column && add_column(p, column, &key.moved))
            continue;
        hash_sha256_add(&p->hash, bytes_of("null", 4));
        first = first || i == 0;
        nulls++;
    }
    hash_sha256_end(&p->hash, digest);
    if (goes(p, row) || !is_indexed(p->index, nulls, first))
        return true;
    bool room = array_reserve(&p->key, &p->key_room, p->keys + 1, sizeof *p->key);
    memcpy(key.digest, digest, sizeof key.digest);
    if (room)
        p->key[p->keys++] = key;
    return room;
}

static int by_digest(const void *a, const void *b)
{
    const struct unique_key *x = a, *y = b;
    int order = memcmp(x->digest, y->digest, sizeof x->digest);
    return order ? order : (x->row > y->row) - (x->row < y->row);
}

/* Asks about the first two rows that would have one key, and says how many more there are. */
static void ask_about_rows(struct unique_pass *p)
{
    const struct unique_key *first = NULL;
    uint64_t more = 0;
    char text[512], others[48] = "";
    if (p->keys > 0)
        qsort(p->key, p->keys, sizeof *p->key, by_digest);
    for (size_t i = 1; i < p->keys; i++) {
        const struct unique_key *x = &p->key[i - 1], *y = &p->key[i];
        if (memcmp(x->digest, y->digest, sizeof x->digest) != 0 || !(x->moved || y->moved))
            continue;
        more += first != NULL;
        first = first ? first : x;
    }
    if (first == NULL)
        return;
    if (more > 0)
        snprintf(others, sizeof others, ", and %" PRIu64 " more would follow", more);
    snprintf(text, sizeof text,
             "table %.64s: rows %" PRIu64 " and %" PRIu64 " would have one key in the unique index "
             "%.64s, for they would refer to one entry%s; a repair takes neither of them away",
             p->table->name, first->row, first[1].row, p->index->name, others);
    unsaid_ask(p->a, PROBLEM_RESIDUE, NO_ENTRY, NO_ENTRY, text);
}

static bool look_at_index(struct asking *a, const struct ese_table *table,
                          const struct ese_index *index, struct fault *f)
{
    struct unique_pass p = {.a = a, .table = table, .index = index, .hash = a->m->hash};
    bool ok = true;
    rows_open(&p.rows, a->m->store, table);
    for (uint64_t row = 1; ok && rows_next(&p.rows); row++)
        ok = add_row(&p, row);
    /* What cannot be read is told elsewhere. */
    ok = rows_end_told(&p.rows) && ok;
    if (ok)
        ask_about_rows(&p);
    free(p.key);
    buffer_free(&p.room);
    return ok || fault_set(f, FAULT_NO_MEMORY, "out of memory while looking at unique indexes");
}

/* Is one of the index's columns that reference? */
static bool has_reference(const struct asking *a, const struct ese_table *table,
                          const struct ese_index *index, unsigned reference)
{
    for (unsigned i = 0; i < index->segments; i++) {
        const struct ese_column *column = ese_table_segment_column(table, &index->segment[i]);
        if (column && reference_of(a, table, column) == reference)
            return true;
    }
    return false;
}

bool unique_ask(struct asking *a, struct fault *f)
{
    const struct model *m = a->m;
    bool moves[PROFILE_REFERENCES_MOST] = {false};
    for (size_t i = 0; i < a->plan->actions; i++)
        if (a->plan->action[i].kind == ACTION_MOVE_REFERENCES)
            moves[a->plan->action[i].reference] = true;
    for (unsigned r = 0; r < m->profile->references; r++) {
        const struct ese_table *table =
            ese_catalog_find(m->store->db->catalog, m->profile->reference[r].table);
        for (unsigned i = 0; moves[r] && table && i < table->indexes; i++)
            if ((table->index[i].flags & ESE_INDEX_UNIQUE) && table->index[i].root != table->root &&
                table->index[i].conditions == 0 && has_reference(a, table, &table->index[i], r) &&
                !look_at_index(a, table, &table->index[i], f))
                return false;
    }
    return true;
}
