/* Copies of one certificate that differ in what the profile does not name, or in what they refer
 * to: see unsaid.h. */
#include "migrate/decide/unsaid_parts.h"

#include "formats/hex.h"
#include "migrate/judge/names.h"
#include "migrate/profile/meaning.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <strings.h>

enum { SHOWN = 40 };

/* What a row of the list holds in the columns that are compared. */
struct rest {
    uint8_t *digest; /* by column of the table: SHA-256 of its values */
    char (*shown)[SHOWN];
};

struct comparison {
    struct asking *a;
    struct compared_part {
        const struct ese_table *table;
        bool *compared;      /* by column */
        int64_t *bits;       /* by column: those that say role and trust, and are not compared */
        unsigned *reference; /* by column: which reference of the profile's it is, + 1; 0: none */
    } part[PROFILE_LISTS_MOST];
    struct rest *rest; /* by entry; digest NULL: not needed */
    struct hash hash;
};

static bool needs_row(const struct asking *a, unsigned entry, const bool *survives)
{
    return (a->drop[entry] && !a->drop[entry]->alone) || survives[entry];
}

static void show_value(const struct ese_column *column, struct bytes value, char to[SHOWN])
{
    bool text = ese_column_is_text(column);
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
    if (!ese_record_integer(&rows->record, column, &number))
        number = 0;
    bytes_put_le64(rest, (uint64_t)(number & ~bits));
    hash_sha256(&c->hash, bytes_of(rest, sizeof rest), digest);
    snprintf(shown, SHOWN, "%" PRId64, number);
    return true;
}

/* What a value stands for: a reference to an entry of the list for the certificate that it leads to
 * afterwards, anything else for itself. */
static struct bytes meaning_of(const struct comparison *c, const struct ese_column *column,
                               unsigned reference, struct bytes value, uint8_t room[8])
{
    struct fault ignored;
    const struct model *m = c->a->m;
    const struct model_entry *e = NULL;
    int32_t key;
    if (reference > 0 && m->profile->reference[reference - 1].names != NAMES_ISSUER_SERIAL &&
        names_in_value(m, reference - 1, column, value, &key, &ignored))
        e = model_entry(m, key);
    if (e == NULL)
        return value;
    const struct model_entry *stays = unsaid_survivor(c->a, (unsigned)(e - m->entry));
    bytes_put_le64(room, (stays ? stays : e)->certificate);
    return bytes_of(room, 8);
}

static bool read_column(struct comparison *c, struct rows *rows, struct buffer *room,
                        const struct compared_part *part, unsigned i, struct rest *rest,
                        struct fault *f)
{
    const struct ese_column *column = &rows->table->column[i];
    int64_t bits = part->bits[i];
    struct ese_values values;
    struct bytes bytes;
    unsigned count = 0;
    snprintf(rest->shown[i], SHOWN, "null");
    if (!ese_values_of(&values, &rows->record, column, f))
        return false;
    f->code = FAULT_NONE;
    if (bits)
        return read_flags(c, rows, column, bits, rest->digest + (size_t)i * HASH_SHA256_SIZE,
                          rest->shown[i]);
    while (rows_next_value(rows, &values, column, room, &bytes, f)) {
        uint8_t size[8], entry[8];
        struct bytes meant = meaning_of(c, column, part->reference[i], bytes, entry);
        bytes_put_le64(size, meant.size);
        hash_sha256_add(&c->hash, bytes_of(size, sizeof size));
        hash_sha256_add(&c->hash, meant);
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
        if (part->compared[i] && !read_column(c, rows, room, part, i, rest, f))
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

/* Whichever answer is given, the one that stays may be the one that goes. */
static void ask(struct asking *a, const struct model_entry *goes, const struct model_entry *stays,
                const char *text)
{
    unsaid_ask(a, PROBLEM_COPIES_DIFFER, goes->key, stays->key, text);
    a->open[stays - a->m->entry] = true;
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
    ask(a, goes, stays, text);
}

/* What leads to the one that goes would lead on to where the other does: in a chain of entries
 * those between them would fall out.  So it is not enough to say which of them stays. */
static void ask_what_follows(struct asking *a, const struct ese_table *table, const char *column,
                             const struct model_entry *goes, const struct model_entry *stays,
                             const char *gone, const char *kept)
{
    char text[512];
    snprintf(
        text, sizeof text,
        "table %s, column %s: entry %d leads to %s, entry %d to %s, and what leads to one would "
        "lead to where the other does; where that is right a profile says so with keep = %s in "
        "its [list], and which row stays is said with --keep %d or --keep %d",
        table->name, column, goes->key, gone, stays->key, kept, column, goes->key, stays->key);
    ask(a, goes, stays, text);
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
        unsaid_decided(a, stays->key))
        return;
    snprintf(text, sizeof text,
             "tables %.64s and %.64s: entries %d and %d are copies, and nothing says which of the "
             "tables the certificate belongs to; which row stays is said with --keep %d or --keep "
             "%d",
             model_list_of(a->m, goes)->table, model_list_of(a->m, stays)->table, goes->key,
             stays->key, goes->key, stays->key);
    ask(a, goes, stays, text);
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
        if (other == NULL || is_kept(model_list_of(a->m, x), name))
            continue;
        if (from->reference[i] > 0)
            ask_what_follows(a, from->table, name, x, y, gone->shown[i], kept->shown[k]);
        else if (!unsaid_decided(a, y->key))
            ask_which(a, from->table, name, x, y, gone->shown[i], kept->shown[k]);
    }
}

/* Which reference of the profile's a column is, + 1; 0: none. */
static unsigned reference_of(const struct profile *p, const struct ese_table *table,
                             const struct ese_column *column)
{
    for (unsigned r = 0; r < p->references; r++)
        if (profile_refers_by(&p->reference[r], table->name, column->name))
            return r + 1;
    return 0;
}

/* Not compared: what the profile names, but for references, and for what it only says to be secret,
 * or no reference: that is of the entry all the same; and what differs in every two rows. */
static bool is_compared(const struct comparison *c, const struct compared_part *part,
                        const struct profile_list *list, unsigned k)
{
    const struct ese_table *table = part->table;
    const struct ese_column *column = &table->column[k];
    int64_t bits = part->bits[k];
    bool selects = list->rows.column && strcasecmp(list->rows.column, column->name) == 0 &&
                   (list->rows.mask || strchr(list->rows.value, ','));
    if ((bits != 0 && bits != -1) || (bits == 0 && selects) || part->reference[k] > 0)
        return true;
    return column->type != ESE_COL_NIL && !(column->flags & ESE_COLUMN_AUTO_INCREMENT) &&
           !profile_says_what(c->a->m->profile, table->name, column->name) &&
           column != ese_table_primary_column(table);
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
        const struct model_entry *e = unsaid_survivor(c->a, i);
        if (e)
            pairs = survives[e - m->entry] = true;
    }
    bool ok = !pairs || read_tables(c, survives, f);
    for (unsigned i = 0; ok && i < m->entries; i++) {
        const struct model_entry *e = unsaid_survivor(c->a, i);
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
        part->reference = calloc(part->table->columns + 1u, sizeof *part->reference);
        if (part->compared == NULL || part->bits == NULL || part->reference == NULL)
            return false;
        for (unsigned k = 0; k < part->table->columns; k++) {
            part->bits[k] = roles_bits(&m->profile->list[i], part->table->column[k].name);
            part->reference[k] = reference_of(m->profile, part->table, &part->table->column[k]);
            part->compared[k] = is_compared(c, part, &m->profile->list[i], k);
        }
    }
    c->rest = calloc((size_t)m->entries + 1, sizeof *c->rest);
    return c->rest != NULL;
}

bool differing_ask(struct asking *a, struct fault *f)
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
        free(c.part[i].reference);
    }
    return ok;
}
