/* A model, once it was read: see model.h. */
#include "migrate/judge/model.h"

#include "formats/array.h"

#include <strings.h>

/* ---- entries by key ---- */

/* Keys that count up without a gap, as most do: then this is the entry's place. */
static bool is_at(const struct model *m, uint64_t place, int64_t key)
{
    return place < m->entries && m->entry[place].key == key && m->entry[place].twin == 0;
}

struct model_entry *model_entry(const struct model *m, int64_t key)
{
    struct halving h = {.high = m->entries};
    uint64_t place = h.high ? (uint64_t)key - (uint64_t)m->entry[0].key : 0;
    if (is_at(m, place, key))
        return &m->entry[place];
    if (h.high == 0 || key < m->entry[0].key || key > m->entry[h.high - 1].key)
        return NULL; /* as most numbers of other tables */
    while (halving_next(&h))
        halving_go(&h, m->entry[h.middle].key < key);
    return h.low < m->entries && m->entry[h.low].key == key ? &m->entry[h.low] : NULL;
}

unsigned model_entries_of(const struct model *m, int64_t key, unsigned *count)
{
    const struct model_entry *e = model_entry(m, key);
    unsigned first = e ? (unsigned)(e - m->entry) : 0;
    *count = 0;
    while (e && first + *count < m->entries && m->entry[first + *count].key == key)
        ++*count;
    return first;
}

unsigned model_parts(const struct model *m)
{
    return m->match == PROFILE_MATCHES_VALUE ? m->profile->values : m->profile->lists;
}

const char *model_part_table(const struct model *m, unsigned part)
{
    return m->match == PROFILE_MATCHES_VALUE ? m->profile->value[part].table
                                             : m->profile->list[part].table;
}

bool model_key_is_primary(const struct model *m)
{
    for (unsigned i = 0; i < m->profile->lists; i++) {
        const struct ese_table *table = model_list_table(m, i);
        const struct ese_column *key = table ? ese_table_key_column(table) : NULL;
        if (key == NULL || strcasecmp(key->name, m->profile->list[i].key) != 0)
            return false;
    }
    return m->profile->lists > 0;
}

/* Entries of one key are neighbours, in the order of their twin. */
struct model_entry *model_entry_twin(const struct model *m, int32_t key, unsigned twin)
{
    struct model_entry *e = model_entry(m, key);
    if (e == NULL || twin >= (unsigned)(m->entry + m->entries - e))
        return NULL;
    return e[twin].key == key && e[twin].twin == twin ? &e[twin] : NULL;
}

bool model_reference_is_fixed(const struct model *m, unsigned which)
{
    const struct profile_reference *r = &m->profile->reference[which];
    const struct ese_table *table = ese_catalog_find(m->store->db->catalog, r->table);
    const struct ese_column *column = ese_table_column(table, r->column),
                            *serial = ese_table_column(table, r->serial);
    return (column && ese_table_in_primary(table, column)) ||
           (serial && ese_table_in_primary(table, serial));
}

/* ---- words for reports ---- */

const char *model_role_name(enum model_role role)
{
    static const char *const names[] = {"none", "own", "issuing", "imported", "unknown"};
    return names[role];
}

const char *model_trust_name(enum model_trust trust)
{
    static const char *const names[] = {"null", "untrusted", "trusted"};
    return names[trust];
}

const char *model_mode_name(enum model_mode mode)
{
    static const char *const names[] = {"unknown", "V1", "V1V3", "V3"};
    return names[mode];
}
