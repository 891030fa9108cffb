/*
 * Catalog rows that cannot be, although the checksum of their page is right: of no kind that
 * exists, under a key that their columns do not give, or with a name or an object id that another
 * row has too.  Of two the one on the later page stays.  Without this, one wrong row would make the
 * whole catalog one that cannot be written.
 */
#include "formats/ese/salvage/parts.h"

#include <ctype.h>

enum { KEY_SIZE = 13 };

/* What must be unique: a name among the tables, or within a table and kind; an object id. */
struct claim {
    uint32_t scope, type; /* of a name: table (0: tables themselves) and kind; of an id: 0 and 0 */
    struct bytes name;    /* at == NULL: an id */
    uint32_t id;
    size_t row;
};

static int compare_names(struct bytes a, struct bytes b)
{
    for (size_t i = 0; i < a.size && i < b.size; i++) {
        int x = toupper(a.at[i]), y = toupper(b.at[i]);
        if (x != y)
            return x < y ? -1 : 1;
    }
    return (a.size > b.size) - (a.size < b.size);
}

static int compare_claims(const struct claim *x, const struct claim *y)
{
    if ((x->name.at == NULL) != (y->name.at == NULL))
        return x->name.at == NULL ? -1 : 1;
    if (x->scope != y->scope)
        return x->scope < y->scope ? -1 : 1;
    if (x->type != y->type)
        return x->type < y->type ? -1 : 1;
    if (x->id != y->id)
        return x->id < y->id ? -1 : 1;
    return compare_names(x->name, y->name);
}

static int by_claim(const void *a, const void *b)
{
    const struct claim *x = a, *y = b;
    int order = compare_claims(x, y);
    return order ? order : (x->row > y->row) - (x->row < y->row);
}

bool salvage_catalog_object(const struct ese_salvage *s, struct bytes record,
                            struct ese_catalog_object *object)
{
    struct ese_catalog_row row = {record, s->scan.revision >= ESE_REVISION_ESE98, 0};
    return ese_catalog_row_object(&row, s->scan.page_size, object, NULL);
}

bool salvage_catalog_record(const struct ese_salvage *s, struct bytes record, struct ese_record *r)
{
    return ese_record_open(r, ese_catalog_own_table(), record,
                           s->scan.revision >= ESE_REVISION_ESE98, s->scan.page_size, NULL);
}

/* Says the row where the object's tree is, or of a column of which type it is? */
static bool has_root_or_type(const struct ese_salvage *s, struct bytes record)
{
    struct ese_record r;
    struct ese_value value;
    return salvage_catalog_record(s, record, &r) &&
           ese_record_value(&r, ese_catalog_own_column(MSYS_COLTYPE_OR_ROOT), &value, NULL) &&
           value.kind == ESE_VALUE_PLAIN;
}

/* A fixed column's values have the size of its type, if that has one; of a deleted one, and of
 * Binary and Text, any can be. */
static bool has_size_of_type(uint32_t type, int64_t size)
{
    size_t own = ese_coltype_size((enum ese_coltype)type);
    return own == 0 || size == (int64_t)own;
}

/* Can a column of that id be of the type, and of the size, that the row says? */
static bool has_type_of_id(const struct ese_salvage *s, struct bytes record,
                           const struct ese_catalog_object *o)
{
    struct ese_record r;
    int64_t size;
    uint32_t type = ESE_COL_NIL;
    if (o->type != ESE_OBJECT_COLUMN || !salvage_catalog_record(s, record, &r))
        return true;
    bytes_le32(record, ESE_CATALOG_COLTYPE_AT, &type);
    if (type >= ESE_COL_MAX)
        return false;
    if (type == ESE_COL_NIL || o->id > ESE_VARIABLE_LAST)
        return true;
    bool bytes = type == ESE_COL_BINARY || type == ESE_COL_TEXT;
    if (o->id > ESE_FIXED_LAST)
        return bytes;
    if (!bytes && ese_coltype_size((enum ese_coltype)type) == 0)
        return false;
    return !ese_record_integer(&r, ese_catalog_own_column(MSYS_SPACE_USAGE), &size) ||
           has_size_of_type(type, size);
}

/* A table has a template when its flags say so, and only then. */
static bool has_template_as_flagged(const struct ese_salvage *s, struct bytes record,
                                    const struct ese_catalog_object *o)
{
    struct ese_record r;
    struct ese_value value;
    int64_t flags = 0;
    if (o->type != ESE_OBJECT_TABLE || !salvage_catalog_record(s, record, &r) ||
        !ese_record_integer(&r, ese_catalog_own_column(MSYS_FLAGS), &flags) ||
        !ese_record_value(&r, ese_catalog_own_column(MSYS_TEMPLATE_TABLE), &value, NULL))
        return true;
    bool has = value.kind == ESE_VALUE_PLAIN && value.data.size > 0;
    return has == (((uint64_t)flags & ESE_TABLE_DERIVED) != 0);
}

static bool read_row(const struct ese_salvage *s, struct bytes key, struct bytes record,
                     struct ese_catalog_object *o)
{
    uint8_t own[KEY_SIZE];
    if (!salvage_catalog_object(s, record, o))
        return false;
    build_catalog_key(o->table, o->type, o->id, own);
    return bytes_equal(key, bytes_of(own, sizeof own)) &&
           (o->type == ESE_OBJECT_CALLBACK || has_root_or_type(s, record)) &&
           has_type_of_id(s, record, o) && has_template_as_flagged(s, record, o) &&
           (o->type != ESE_OBJECT_TABLE || o->table == o->id);
}

bool salvage_is_catalog_row(const struct ese_salvage *s, struct bytes key, struct bytes record)
{
    struct ese_catalog_object o;
    return read_row(s, key, record, &o);
}

static void see_last(void *context, unsigned id)
{
    unsigned *last = context;
    *last = id > *last ? id : *last;
}

/* The last tagged column that a row of the catalog can have.  A later engine's catalog may have
 * more than are known here, and lists them, as it does its own tables'. */
static unsigned last_tagged(const struct ese_salvage *s)
{
    const struct ese_table *own = ese_catalog_own_table();
    unsigned last = own->column[own->columns - 1].id;
    struct ese_catalog_object o;
    for (size_t i = 0; i < s->rows; i++)
        if (s->row[i].table == ESE_OBJID_CATALOG &&
            read_row(s, s->row[i].key, s->row[i].record, &o) && o.type == ESE_OBJECT_COLUMN)
            see_last(&last, o.id);
    return last;
}

/* The claims that a row makes, at most two.  False: the row cannot be. */
static bool claims_of(const struct ese_salvage *s, size_t i, unsigned most, struct claim *claim,
                      size_t *claims)
{
    const struct salvage_schema_row *row = &s->row[i];
    struct ese_catalog_object o;
    struct ese_record r;
    unsigned last = 0;
    if (!read_row(s, row->key, row->record, &o) || !salvage_catalog_record(s, row->record, &r))
        return false;
    ese_record_ids(&r, see_last, &last);
    if (last > most)
        return false;
    bool is_table = o.type == ESE_OBJECT_TABLE;
    claim[(*claims)++] =
        (struct claim){.scope = is_table ? 0 : o.table, .type = o.type, .name = o.name, .row = i};
    bool is_primary = o.type == ESE_OBJECT_INDEX && o.id == o.table;
    if (o.type != ESE_OBJECT_COLUMN && o.type != ESE_OBJECT_CALLBACK && !is_primary)
        claim[(*claims)++] = (struct claim){.id = o.id, .row = i};
    return true;
}

/* Of two rows with one claim the later page's stays; of one page's, the first. */
static void settle(const struct ese_salvage *s, const struct claim *claim, size_t claims, bool *out)
{
    size_t holder = 0;
    for (size_t i = 1; i < claims; i++) {
        if (compare_claims(&claim[i], &claim[holder]) != 0 || out[claim[holder].row]) {
            holder = i;
        } else if (s->row[claim[i].row].dbtime > s->row[claim[holder].row].dbtime) {
            out[claim[holder].row] = true;
            holder = i;
        } else {
            out[claim[i].row] = true;
        }
    }
}

static bool take_out(struct ese_salvage *s, const bool *out, struct fault *f)
{
    size_t to = 0;
    for (size_t i = 0; i < s->rows; i++) {
        if (!out[i]) {
            s->row[to++] = s->row[i];
            continue;
        }
        if (!array_reserve(&s->weed, &s->weed_room, s->weeds + 1, sizeof *s->weed))
            return fault_no_memory(f, "the catalog");
        s->weed[s->weeds++] = s->row[i];
    }
    s->rows = to;
    return true;
}

bool salvage_weed_catalog(struct ese_salvage *s, struct fault *f)
{
    struct claim *claim = calloc(2 * s->rows + 1, sizeof *claim);
    bool *out = calloc(s->rows + 1, sizeof *out);
    size_t claims = 0;
    unsigned most = last_tagged(s);
    bool ok = claim != NULL && out != NULL;
    if (!ok)
        fault_no_memory(f, "the catalog");
    for (size_t i = 0; ok && i < s->rows; i++)
        out[i] = !claims_of(s, i, most, claim, &claims);
    if (ok && claims > 0) {
        qsort(claim, claims, sizeof *claim, by_claim);
        settle(s, claim, claims, out);
    }
    ok = ok && take_out(s, out, f);
    free(claim);
    free(out);
    return ok;
}
