/* Hashes of certificates that leave the list: see lost.h. */
#include "migrate/judge/lost.h"

#include "formats/arena.h"
#include "formats/array.h"
#include "formats/certs/der.h"
#include "migrate/judge/groups.h"
#include "migrate/judge/identities.h"
#include "migrate/profile/meaning.h"
#include "migrate/profile/settings.h"
#include "migrate/store/rows.h"

#include <stdlib.h>
#include <strings.h>

enum {
    HEADS = 65536,
    START = 16, /* octets of a hash that are compared first, and that the shortest has */
    FORMS = 6,  /* of one hash: bytes, hex in either case of one or two bytes a character */
    PATTERN_MOST = 4 * HASH_SHA256_SIZE,
};

struct pattern {
    uint8_t bytes[PATTERN_MOST];
    size_t size;
    int32_t entry;
    bool sha1, digits; /* of a SHA-1; as text */
    unsigned next;     /* with the same first two bytes: number + 1; 0: none */
};

enum { VALUES_MOST = 64, SERIAL_MOST = 64 };

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
    struct pattern *pattern;
    unsigned patterns;
    unsigned *head; /* by the first two bytes: number + 1 */
    struct buffer room;
};

static void add_pattern(struct lost_pass *p, const uint8_t *bytes, size_t size, bool sha1,
                        bool digits, int32_t entry)
{
    struct pattern *new = &p->pattern[p->patterns++];
    unsigned at = (unsigned)bytes[0] << 8 | bytes[1];
    memcpy(new->bytes, bytes, size);
    new->size = size;
    new->entry = entry;
    new->sha1 = sha1;
    new->digits = digits;
    new->next = p->head[at];
    p->head[at] = p->patterns;
}

/* A hash as bytes, and as hexadecimal text. */
static void add_hash(struct lost_pass *p, const uint8_t *digest, size_t size, int32_t entry)
{
    static const char *const digits[] = {"0123456789abcdef", "0123456789ABCDEF"};
    uint8_t text[PATTERN_MOST];
    add_pattern(p, digest, size, size == HASH_SHA1_SIZE, false, entry);
    for (unsigned form = 0; form < 4; form++) {
        size_t width = 1 + form / 2, used = 0;
        memset(text, 0, sizeof text);
        for (size_t i = 0; i < 2 * size; i++, used += width)
            text[used] = (uint8_t)digits[form % 2][digest[i / 2] >> (i % 2 ? 0 : 4) & 15];
        add_pattern(p, text, used, size == HASH_SHA1_SIZE, true, entry);
    }
}

static bool make_patterns(struct lost_pass *p, const int64_t *lost, struct fault *f)
{
    size_t count = 0;
    for (unsigned i = 0; i < p->m->certificates; i++)
        count += lost[i] != NO_ENTRY;
    p->head = calloc(HEADS, sizeof *p->head);
    p->pattern = calloc(2 * FORMS * count + 1, sizeof *p->pattern);
    if (p->head == NULL || p->pattern == NULL)
        return fault_set(f, FAULT_NO_MEMORY, "out of memory while looking for hashes");
    for (unsigned i = 0; i < p->m->certificates; i++) {
        if (lost[i] == NO_ENTRY)
            continue;
        add_hash(p, p->m->certificate[i].sha1, HASH_SHA1_SIZE, (int32_t)lost[i]);
        add_hash(p, p->m->certificate[i].sha256, HASH_SHA256_SIZE, (int32_t)lost[i]);
    }
    return true;
}

/* The first pattern that stands in the value; NULL: none. */
static const struct pattern *find(const struct lost_pass *p, struct bytes value)
{
    for (size_t at = 0; at + START <= value.size; at++) {
        unsigned i = p->head[(unsigned)value.at[at] << 8 | value.at[at + 1]];
        for (; i; i = p->pattern[i - 1].next) {
            const struct pattern *candidate = &p->pattern[i - 1];
            if (candidate->size <= value.size - at &&
                memcmp(candidate->bytes, value.at + at, candidate->size) == 0)
                return candidate;
        }
    }
    return NULL;
}

/* The words of --reference that move such a value; NULL: none do. */
static const char *how_moved(const struct ese_table *table, const struct ese_column *column,
                             const struct pattern *found, struct bytes value)
{
    uint8_t ignored[HASH_SHA1_SIZE];
    if ((column->flags & ESE_COLUMN_MULTI_VALUED) || ese_table_in_primary(table, column) ||
        !found->sha1)
        return NULL;
    if (!found->digits)
        return column->type == ESE_COL_BINARY && value.size == HASH_SHA1_SIZE ? "sha1" : NULL;
    return (column->type == ESE_COL_TEXT || column->type == ESE_COL_BINARY) &&
                   setting_hex_bytes(value, ignored)
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
    void *array = h->item;
    bool room = array_reserve(&array, &h->room, h->count + 1, sizeof *h->item);
    h->item = array;
    if (!room)
        return false;
    h->item[h->count++] = *hit;
    return true;
}

/* Fixed columns of up to 8 bytes hold none; of the list's own columns the plan takes care, and of
 * the setting of the issuing CA, but not of others beside it. */
static bool can_hold_hash(const struct lost_pass *p, const struct ese_table *table,
                          const struct ese_column *column)
{
    const struct profile *profile = p->m->profile;
    bool variable = column->type == ESE_COL_BINARY || column->type == ESE_COL_LONG_BINARY ||
                    column->type == ESE_COL_TEXT || column->type == ESE_COL_LONG_TEXT;
    return variable && (!profile_gives_meaning(profile, table->name, column->name) ||
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
    bool issuer = value.size >= START && value.at[0] == DER_SEQUENCE;
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

static bool look(struct lost_pass *p, struct rows *rows, const struct ese_column *column,
                 struct row_values *row, struct fault *f)
{
    struct ese_values values;
    struct ese_value value;
    struct bytes bytes;
    if (!ese_values_of(&values, &rows->record, column, f))
        return false;
    f->code = FAULT_NONE;
    while (ese_values_next(&values, &value, f)) {
        if (value.kind == ESE_VALUE_NULL)
            continue;
        if (!rows_value(rows, column, &value, &p->room, &bytes, f))
            return false;
        const struct pattern *found = find(p, bytes);
        if (found &&
            !note(p, &(struct lost_hit){.table = rows->table,
                                        .column = column,
                                        .entry = found->entry,
                                        .values = 1,
                                        .how = how_moved(rows->table, column, found, bytes)}))
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
    bool ok = make_patterns(&p, lost, f);
    if (ok && !find_identities(&p))
        ok = fault_set(f, FAULT_NO_MEMORY, "out of memory while looking for names");
    for (unsigned i = 0; ok && i < ese_catalog_tables(catalog); i++) {
        const struct ese_table *table = ese_catalog_table(catalog, i);
        if (!(table->flags & (ESE_TABLE_SYSTEM | ESE_TABLE_TEMPLATE)))
            ok = look_at_table(&p, table, f);
    }
    buffer_free(&p.room);
    free(p.pattern);
    free(p.head);
    free(p.identity_lost);
    return ok;
}
