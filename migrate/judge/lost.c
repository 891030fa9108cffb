/* Hashes of certificates that leave the list: see lost.h. */
#include "migrate/judge/lost.h"

#include "migrate/profile/meaning.h"
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
    unsigned next; /* with the same first two bytes: number + 1; 0: none */
};

struct lost_pass {
    const struct model *m;
    struct lost_hits *hits;
    struct pattern *pattern;
    unsigned patterns;
    unsigned *head; /* by the first two bytes: number + 1 */
    struct buffer room;
};

static void add_pattern(struct lost_pass *p, const uint8_t *bytes, size_t size, int32_t entry)
{
    struct pattern *new = &p->pattern[p->patterns++];
    unsigned at = (unsigned)bytes[0] << 8 | bytes[1];
    memcpy(new->bytes, bytes, size);
    new->size = size;
    new->entry = entry;
    new->next = p->head[at];
    p->head[at] = p->patterns;
}

/* A hash as bytes, and as hexadecimal text. */
static void add_hash(struct lost_pass *p, const uint8_t *digest, size_t size, int32_t entry)
{
    static const char *const digits[] = {"0123456789abcdef", "0123456789ABCDEF"};
    uint8_t text[PATTERN_MOST];
    add_pattern(p, digest, size, entry);
    for (unsigned form = 0; form < 4; form++) {
        size_t width = 1 + form / 2, used = 0;
        memset(text, 0, sizeof text);
        for (size_t i = 0; i < 2 * size; i++, used += width)
            text[used] = (uint8_t)digits[form % 2][digest[i / 2] >> (i % 2 ? 0 : 4) & 15];
        add_pattern(p, text, used, entry);
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

static bool note(struct lost_pass *p, const struct ese_table *table,
                 const struct ese_column *column, const struct pattern *found, struct bytes value)
{
    struct lost_hits *h = p->hits;
    bool is_sha1 = column->type == ESE_COL_BINARY && !(column->flags & ESE_COLUMN_MULTI_VALUED) &&
                   value.size == HASH_SHA1_SIZE && !ese_table_in_primary(table, column);
    for (unsigned i = h->count; i-- > 0;)
        if (h->item[i].column == column) {
            h->item[i].values++;
            h->item[i].is_sha1 = h->item[i].is_sha1 && is_sha1;
            return true;
        }
    if (h->count == h->room) {
        unsigned room = h->room ? 2 * h->room : 8;
        void *grown = realloc(h->item, room * sizeof *h->item);
        if (grown == NULL)
            return false;
        h->item = grown;
        h->room = room;
    }
    h->item[h->count++] = (struct lost_hit){table, column, found->entry, 1, is_sha1};
    return true;
}

static bool look(struct lost_pass *p, struct rows *rows, const struct ese_column *column,
                 struct fault *f)
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
        if (found && !note(p, rows->table, column, found, bytes))
            return fault_set(f, FAULT_NO_MEMORY, "out of memory while looking for hashes");
    }
    return f->code == FAULT_NONE;
}

/* Fixed columns of up to 8 bytes hold none; of the list's own columns the plan takes care. */
static bool can_hold_hash(const struct lost_pass *p, const struct ese_table *table,
                          const struct ese_column *column)
{
    bool variable = column->type == ESE_COL_BINARY || column->type == ESE_COL_LONG_BINARY ||
                    column->type == ESE_COL_TEXT || column->type == ESE_COL_LONG_TEXT;
    return variable && !profile_gives_meaning(p->m->profile, table->name, column->name);
}

static bool look_at_table(struct lost_pass *p, const struct ese_table *table, struct fault *f)
{
    struct rows rows;
    bool ok = true;
    rows_open(&rows, p->m->store, table);
    while (ok && rows_next(&rows))
        for (unsigned i = 0; ok && i < table->columns; i++)
            if (can_hold_hash(p, table, &table->column[i]))
                ok = look(p, &rows, &table->column[i], f);
    return rows_end(&rows, ok ? f : NULL) && ok;
}

bool lost_search(const struct model *m, const int64_t *lost, struct lost_hits *hits,
                 struct fault *f)
{
    struct lost_pass p = {.m = m, .hits = hits};
    const struct ese_catalog *catalog = m->store->db->catalog;
    bool ok = make_patterns(&p, lost, f);
    for (unsigned i = 0; ok && i < ese_catalog_tables(catalog); i++) {
        const struct ese_table *table = ese_catalog_table(catalog, i);
        if (!(table->flags & (ESE_TABLE_SYSTEM | ESE_TABLE_TEMPLATE)))
            ok = look_at_table(&p, table, f);
    }
    buffer_free(&p.room);
    free(p.pattern);
    free(p.head);
    return ok;
}
