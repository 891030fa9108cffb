/* Hashes of certificates that leave the list: see lost.h. */
#include "migrate/judge/lost.h"

#include "formats/arena.h"
#include "formats/array.h"
#include "formats/certs/der.h"
#include "migrate/judge/digests.h"
#include "migrate/judge/groups.h"
#include "migrate/judge/identities.h"
#include "migrate/profile/meaning.h"
#include "migrate/profile/settings.h"
#include "migrate/store/rows.h"

#include <stdlib.h>
#include <strings.h>

enum { VALUES_MOST = 64, SERIAL_MOST = 64, ISSUER_LEAST = 16 };

/* The values of one row that may be an issuer's name, or a serial number. */
struct row_values {
    struct bytes issuer[VALUES_MOST], serial[VALUES_MOST];
    const struct ese_column *of_issuer[VALUES_MOST], *of_serial[VALUES_MOST];
    unsigned issuers, serials;
};

struct lost_pass {
    const struct model *m;
    bool *identity_lost; /* by the model's certificates: no entry that stays has its identity */
    const int64_t *lost;
    bool any_identity;
    struct arena kept; /* the values of the row in hand */
    struct lost_hits *hits;
    struct digests *digests; /* of the certificates that are lost, by the model's number */
    struct buffer room;
};

static bool add_digests(struct lost_pass *p)
{
    p->digests = digests_open();
    bool ok = p->digests != NULL;
    for (unsigned i = 0; ok && i < p->m->certificates; i++)
        if (p->lost[i] != NO_ENTRY)
            ok = digests_add(p->digests, p->m->certificate[i].der, i);
    return ok;
}

/* The words of --reference that move such a value; NULL: none do. */
static const char *how_moved(const struct lost_pass *p, const struct ese_table *table,
                             const struct ese_column *column, unsigned certificate,
                             struct bytes value)
{
    const uint8_t *sha1 = p->m->certificate[certificate].sha1;
    uint8_t digits[HASH_SHA1_SIZE];
    if ((column->flags & ESE_COLUMN_MULTI_VALUED) || ese_table_in_primary(table, column))
        return NULL;
    if (column->type == ESE_COL_BINARY && bytes_equal(value, bytes_of(sha1, HASH_SHA1_SIZE)))
        return "sha1";
    return (column->type == ESE_COL_TEXT || column->type == ESE_COL_BINARY) &&
                   setting_hex_bytes(value, digits) && memcmp(digits, sha1, HASH_SHA1_SIZE) == 0
               ? "sha1hex"
               : NULL;
}

static bool note(struct lost_pass *p, const struct lost_hit *hit)
{
    struct lost_hits *h = p->hits;
    for (unsigned i = h->count; i-- > 0;)
        if (h->item[i].column == hit->column) {
            h->item[i].values++;
            h->item[i].how = h->item[i].how == hit->how ? hit->how : NULL;
            h->item[i].serial = h->item[i].serial == hit->serial ? hit->serial : NULL;
            return true;
        }
    if (!array_reserve(&h->item, &h->room, h->count + 1, sizeof *h->item))
        return false;
    h->item[h->count++] = *hit;
    return true;
}

/* Of the list's own columns the plan takes care, and of the setting of the issuing CA, but not of
 * others beside it. */
static bool can_hold_hash(const struct lost_pass *p, const struct ese_table *table,
                          const struct ese_column *column)
{
    const struct profile *profile = p->m->profile;
    bool small = column->type == ESE_COL_NIL || column->type == ESE_COL_BIT ||
                 column->type == ESE_COL_UNSIGNED_BYTE || column->type == ESE_COL_SHORT ||
                 column->type == ESE_COL_UNSIGNED_SHORT || column->type == ESE_COL_DATE_TIME;
    return !small && (!profile_gives_meaning(profile, table->name, column->name) ||
                      (profile_has_setting_value(profile, table->name, column->name) &&
                       !profile_ignores(profile, table->name, column->name)));
}

/* Is the row in hand that of the issuing CA's setting, in that column? */
static bool is_issuing(const struct lost_pass *p, const struct rows *rows,
                       const struct ese_column *column)
{
    struct setting_place place;
    return profile_place(p->m->profile, SETTING_ISSUING_CA, &place) &&
           ese_table_is(rows->table, place.table) && strcasecmp(place.column, column->name) == 0 &&
           setting_is_in(&place, rows->table, &rows->record);
}

/* ---- by issuer and serial number ---- */

/* Which identities no entry has any more. */
static bool find_identities(struct lost_pass *p)
{
    struct groups groups;
    struct group group;
    p->identity_lost = calloc((size_t)p->m->certificates + 1, sizeof *p->identity_lost);
    if (p->identity_lost == NULL || !groups_open(&groups, p->m, GROUP_IDENTITY))
        return false;
    for (unsigned i = 0; i < p->m->certificates; i++)
        p->identity_lost[i] = p->lost[i] != NO_ENTRY;
    while (groups_next(&groups, &group)) {
        bool stays = false;
        for (unsigned i = 0; i < group.entries; i++)
            stays = stays || p->lost[p->m->entry[group.entry[i]].certificate] == NO_ENTRY;
        for (unsigned i = 0; stays && i < group.entries; i++)
            p->identity_lost[p->m->entry[group.entry[i]].certificate] = false;
    }
    groups_close(&groups);
    for (unsigned i = 0; i < p->m->certificates; i++)
        p->any_identity = p->any_identity || p->identity_lost[i];
    return true;
}

static bool keep(struct lost_pass *p, struct row_values *row, const struct ese_column *column,
                 struct bytes value)
{
    bool issuer = value.size >= ISSUER_LEAST && value.at[0] == DER_SEQUENCE;
    bool serial = value.size > 0 && value.size <= SERIAL_MOST;
    if ((!issuer || row->issuers == VALUES_MOST) && (!serial || row->serials == VALUES_MOST))
        return true;
    const void *kept = arena_copy(&p->kept, value);
    if (kept == NULL)
        return false;
    if (issuer && row->issuers < VALUES_MOST) {
        row->of_issuer[row->issuers] = column;
        row->issuer[row->issuers++] = bytes_of(kept, value.size);
    }
    if (serial && row->serials < VALUES_MOST) {
        row->of_serial[row->serials] = column;
        row->serial[row->serials++] = bytes_of(kept, value.size);
    }
    return true;
}

/* The issuer's name, and behind it the serial number with or without its DER header, in one value,
 * as they are or in a SEQUENCE. */
static long find_joined(const struct lost_pass *p, struct bytes value)
{
    struct der outer = der_of(value, DER_OR_BER), d;
    struct der_item item, number;
    if (!der_take(&outer, DER_SEQUENCE, &item))
        return -1;
    d = der_into(&outer, &item);
    if (der_peek(&d) != DER_SEQUENCE)
        d = der_of(value, DER_OR_BER); /* it is the name itself */
    if (!der_take(&d, DER_SEQUENCE, &item))
        return -1;
    struct bytes rest = der_rest(&d);
    return identities_find(p->m->identities, item.whole,
                           der_take(&d, DER_INTEGER, &number) ? number.contents : rest);
}

static bool note_identity(struct lost_pass *p, const struct ese_table *table,
                          const struct ese_column *column, const struct ese_column *serial,
                          long found)
{
    return found < 0 || !p->identity_lost[found] ||
           note(p, &(struct lost_hit){.table = table,
                                      .column = column,
                                      .serial = serial,
                                      .entry = (int32_t)p->lost[found],
                                      .values = 1,
                                      .identity = true});
}

static bool look_for_identities(struct lost_pass *p, const struct ese_table *table,
                                const struct row_values *row)
{
    for (unsigned i = 0; i < row->issuers; i++) {
        for (unsigned k = 0; k < row->serials; k++)
            if (!note_identity(p, table, row->of_issuer[i], row->of_serial[k],
                               identities_find(p->m->identities, row->issuer[i], row->serial[k])))
                return false;
        if (!note_identity(p, table, row->of_issuer[i], NULL, find_joined(p, row->issuer[i])))
            return false;
    }
    return true;
}

static bool look_for_hash(struct lost_pass *p, const struct ese_table *table,
                          const struct ese_column *column, struct bytes value)
{
    uint32_t found;
    if (!digests_find(p->digests, value, &found))
        return false;
    return found == DIGESTS_NONE ||
           note(p, &(struct lost_hit){.table = table,
                                      .column = column,
                                      .entry = (int32_t)p->lost[found],
                                      .values = 1,
                                      .how = how_moved(p, table, column, found, value)});
}

static bool look(struct lost_pass *p, struct rows *rows, const struct ese_column *column,
                 struct row_values *row, struct fault *f)
{
    struct ese_values values;
    struct bytes bytes;
    if (!ese_values_of(&values, &rows->record, column, f))
        return false;
    f->code = FAULT_NONE;
    while (rows_next_value(rows, &values, column, &p->room, &bytes, f)) {
        if (!look_for_hash(p, rows->table, column, bytes))
            return fault_set(f, FAULT_NO_MEMORY, "out of memory while looking for hashes");
        if (p->any_identity && !keep(p, row, column, bytes))
            return fault_set(f, FAULT_NO_MEMORY, "out of memory while looking for names");
    }
    return f->code == FAULT_NONE;
}

static bool look_at_row(struct lost_pass *p, struct rows *rows, struct fault *f)
{
    const struct ese_table *table = rows->table;
    struct row_values row = {.issuers = 0};
    bool ok = true;
    for (unsigned i = 0; ok && i < table->columns; i++)
        if (can_hold_hash(p, table, &table->column[i]) && !is_issuing(p, rows, &table->column[i]))
            ok = look(p, rows, &table->column[i], &row, f);
    if (ok && !look_for_identities(p, table, &row))
        ok = fault_set(f, FAULT_NO_MEMORY, "out of memory while looking for names");
    if (row.issuers + row.serials > 0)
        arena_free(&p->kept);
    return ok;
}

static bool look_at_table(struct lost_pass *p, const struct ese_table *table, struct fault *f)
{
    struct rows rows;
    bool ok = true;
    rows_open(&rows, p->m->store, table);
    while (ok && rows_next(&rows))
        ok = look_at_row(p, &rows, f);
    return rows_end(&rows, ok ? f : NULL) && ok;
}

bool lost_search(const struct model *m, const int64_t *lost, struct lost_hits *hits,
                 struct fault *f)
{
    struct lost_pass p = {.m = m, .hits = hits, .lost = lost};
    const struct ese_catalog *catalog = m->store->db->catalog;
    bool ok = add_digests(&p) || fault_no_memory(f, "hashes");
    if (ok && !find_identities(&p))
        ok = fault_set(f, FAULT_NO_MEMORY, "out of memory while looking for names");
    for (unsigned i = 0; ok && i < ese_catalog_tables(catalog); i++) {
        const struct ese_table *table = ese_catalog_table(catalog, i);
        if (!(table->flags & (ESE_TABLE_SYSTEM | ESE_TABLE_TEMPLATE)))
            ok = look_at_table(&p, table, f);
    }
    buffer_free(&p.room);
    digests_close(p.digests);
    free(p.identity_lost);
    return ok;
}
