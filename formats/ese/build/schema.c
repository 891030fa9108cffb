/* Copying and completing a schema: see build.h (ese_build_layout, ese_build_table_begin). */
#include "formats/ese/build/parts.h"

#include <string.h>
#include <strings.h>

enum {
    RECORD_HEADER = 4,
    NAME_MOST = 64,
    COLUMN_MOST = 255, /* longest Binary or Text */
    REVISION_DERIVED_TAGGED =
        8, /* a template's tagged columns have ids of their own from here on */
    REVISION_TEMPLATE_FLAG = 9,
    REVISION_LONG_KEYS = 0xc,
};

/* ---- ids and offsets ---- */

static bool is_tagged_kind(const struct ese_column *c)
{
    return ese_coltype_is_long(c->type) || (c->flags & ESE_COLUMN_MULTI_VALUED);
}

static bool is_fixed_kind(const struct ese_column *c)
{
    return ese_coltype_size(c->type) != 0 && !is_tagged_kind(c);
}

/* What the next id of each kind is; template's columns come before own ones. */
struct next_ids {
    uint32_t fixed, variable, tagged;
    uint32_t offset;
};

static uint32_t at_least(uint32_t value, uint32_t least)
{
    return value > least ? value : least;
}

static struct next_ids ids_behind(const struct ese_table *parent, uint32_t revision)
{
    struct next_ids next = {ESE_FIXED_FIRST, ESE_VARIABLE_FIRST, ESE_TAGGED_FIRST, RECORD_HEADER};
    for (unsigned i = 0; parent && i < parent->columns; i++) {
        const struct ese_column *c = &parent->column[i];
        if (c->id <= ESE_FIXED_LAST) {
            next.fixed = at_least(next.fixed, c->id + 1);
            next.offset = at_least(next.offset, (uint32_t)(c->offset + ese_column_fixed_size(c)));
        } else if (c->id <= ESE_VARIABLE_LAST) {
            next.variable = at_least(next.variable, c->id + 1);
        } else if (revision < REVISION_DERIVED_TAGGED) {
            next.tagged = at_least(next.tagged, c->id + 1);
        }
    }
    return next;
}

static bool give_id(struct ese_column *c, struct next_ids *next, struct fault *f)
{
    uint32_t *kind, last;
    if (is_tagged_kind(c)) {
        kind = &next->tagged;
        last = ESE_TAGGED_LAST;
    } else if (is_fixed_kind(c)) {
        kind = &next->fixed;
        last = ESE_FIXED_LAST;
    } else {
        kind = &next->variable;
        last = ESE_VARIABLE_LAST;
    }
    if (c->id == 0)
        c->id = *kind;
    if (c->id > last)
        return fault_set(f, FAULT_UNSUPPORTED, "column %s: there are too many columns of its kind",
                         c->name);
    *kind = at_least(*kind, c->id + 1);
    return true;
}

static bool takes_template_id(uint32_t id, const struct next_ids *behind)
{
    if (id <= ESE_FIXED_LAST)
        return id < behind->fixed;
    return id < (id <= ESE_VARIABLE_LAST ? behind->variable : behind->tagged);
}

/* Columns that name an id keep it; the others go behind all of them. */
static bool give_ids(struct ese_table *schema, const struct ese_table *parent, uint32_t revision,
                     struct fault *f)
{
    struct next_ids next = ids_behind(parent, revision), behind = next;
    for (int pass = 0; pass < 2; pass++) {
        for (unsigned i = 0; i < schema->columns; i++) {
            struct ese_column *c = &schema->column[i];
            if (c->from_template || (pass == 0) != (c->id != 0))
                continue;
            if (pass == 0 && takes_template_id(c->id, &behind))
                return fault_set(f, FAULT_UNSUPPORTED,
                                 "column %s has the id %u of a template's column", c->name, c->id);
            if (pass == 0 && c->id >= ESE_TAGGED_FIRST)
                next.tagged = at_least(next.tagged, c->id + 1);
            else if (pass == 0 && c->id >= ESE_VARIABLE_FIRST)
                next.variable = at_least(next.variable, c->id + 1);
            else if (pass == 0)
                next.fixed = at_least(next.fixed, c->id + 1);
            else if (!give_id(c, &next, f))
                return false;
        }
    }
    return true;
}

static bool place_fixed(struct ese_table *schema, const struct ese_table *parent, uint32_t revision,
                        struct fault *f)
{
    struct next_ids next = ids_behind(parent, revision);
    for (uint32_t id = next.fixed; id <= ESE_FIXED_LAST; id++) {
        struct ese_column *found = NULL;
        for (unsigned i = 0; i < schema->columns; i++)
            if (!schema->column[i].from_template && schema->column[i].id == id)
                found = &schema->column[i];
        if (found == NULL) {
            for (unsigned i = 0; i < schema->columns; i++)
                if (!schema->column[i].from_template && schema->column[i].id > id &&
                    schema->column[i].id <= ESE_FIXED_LAST)
                    return fault_set(f, FAULT_UNSUPPORTED,
                                     "column %s has the id %u, but there is no column %u before it",
                                     schema->column[i].name, schema->column[i].id, id);
            break;
        }
        if (found->offset == 0)
            found->offset = (uint16_t)next.offset;
        next.offset = found->offset + (uint32_t)ese_column_fixed_size(found);
    }
    return true;
}

bool ese_build_layout(struct ese_table *schema, const struct ese_table *parent, uint32_t revision,
                      struct fault *f)
{
    return give_ids(schema, parent, revision, f) && place_fixed(schema, parent, revision, f);
}

/* ---- copies ---- */

static void *keep(struct build_schema *s, const void *from, size_t size)
{
    void *copy = malloc(size + 1);
    if (copy == NULL ||
        !array_reserve(&s->owned, &s->owned_room, s->owned_count + 1, sizeof *s->owned)) {
        free(copy);
        return NULL;
    }
    s->owned[s->owned_count++] = copy;
    memset(copy, 0, size + 1);
    if (size > 0 && from != NULL)
        memcpy(copy, from, size);
    return copy;
}

void build_schema_close(struct build_schema *s)
{
    for (size_t i = 0; i < s->owned_count; i++)
        free(s->owned[i]);
    free(s->owned);
    *s = (struct build_schema){.owned = NULL};
}

static const char *keep_name(struct build_schema *s, const char *name, const char *what,
                             struct fault *f)
{
    size_t size = name ? strlen(name) : 0;
    if (size == 0 || size > NAME_MOST) {
        fault_set(f, FAULT_UNSUPPORTED, "%s has a name of %zu characters, expected 1 to %u", what,
                  size, NAME_MOST);
        return NULL;
    }
    for (size_t i = 0; i < size; i++)
        if ((unsigned char)name[i] < ' ' || (unsigned char)name[i] > '~') {
            fault_set(f, FAULT_UNSUPPORTED, "%s has a name that is not plain ASCII: %s", what,
                      name);
            return NULL;
        }
    const char *kept = keep(s, name, size);
    if (kept == NULL)
        fault_no_memory(f, "a schema");
    return kept;
}

/* ---- columns ---- */

static bool check_column(const struct ese_column *c, struct fault *f)
{
    bool tagged = c->id >= ESE_TAGGED_FIRST, fixed = c->id <= ESE_FIXED_LAST;
    if (c->type >= ESE_COL_MAX || c->type == ESE_COL_SLV)
        return fault_set(f, FAULT_UNSUPPORTED, "column %s: type %u cannot be written", c->name,
                         c->type);
    if (c->type == ESE_COL_NIL)
        return true;
    if (is_tagged_kind(c) && !tagged)
        return fault_set(f, FAULT_UNSUPPORTED,
                         "column %s: long and multi-valued columns need an id from %u on", c->name,
                         ESE_TAGGED_FIRST);
    if (fixed && ese_column_fixed_size(c) == 0)
        return fault_set(f, FAULT_UNSUPPORTED, "column %s: a fixed column needs a size", c->name);
    if (fixed && ese_column_fixed_size(c) > COLUMN_MOST)
        return fault_set(f, FAULT_UNSUPPORTED, "column %s: at most %u bytes", c->name, COLUMN_MOST);
    if (!fixed && !tagged && c->type != ESE_COL_BINARY && c->type != ESE_COL_TEXT)
        return fault_set(f, FAULT_UNSUPPORTED,
                         "column %s: only Binary and Text can have the id of a variable column",
                         c->name);
    return true;
}

static bool complete_column(struct build_schema *s, struct ese_column *c, uint32_t revision,
                            struct fault *f)
{
    bool is_text = ese_column_is_text(c);
    c->name = keep_name(s, c->name, "a column", f);
    if (c->name == NULL || !check_column(c, f))
        return false;
    if (c->size == 0 && !ese_coltype_is_long(c->type))
        c->size = ese_coltype_size(c->type) ? (uint32_t)ese_coltype_size(c->type) : COLUMN_MOST;
    if (is_text && c->code_page == 0)
        c->code_page = ESE_CODEPAGE_WESTERN;
    if (c->default_value.at != NULL) {
        c->flags |= ESE_COLUMN_DEFAULT;
        c->default_value.at = keep(s, c->default_value.at, c->default_value.size);
        if (c->default_value.at == NULL)
            return fault_no_memory(f, "a schema");
    }
    if ((s->table.flags & ESE_TABLE_TEMPLATE) && revision >= REVISION_TEMPLATE_FLAG)
        c->flags |= ESE_COLUMN_TEMPLATE_ESE98;
    return true;
}

static int compare_columns(const void *a, const void *b)
{
    const struct ese_column *x = a, *y = b;
    if (x->from_template != y->from_template)
        return x->from_template ? -1 : 1;
    return (x->id > y->id) - (x->id < y->id);
}

static bool check_twice(const struct ese_table *t, struct fault *f)
{
    for (unsigned i = 0; i < t->columns; i++)
        for (unsigned k = 0; k < i; k++) {
            const struct ese_column *a = &t->column[i], *b = &t->column[k];
            if (strcasecmp(a->name, b->name) == 0)
                return fault_set(f, FAULT_UNSUPPORTED, "two columns are named %s", a->name);
            if (a->id == b->id && a->from_template == b->from_template)
                return fault_set(f, FAULT_UNSUPPORTED, "columns %s and %s have the same id %u",
                                 b->name, a->name, a->id);
        }
    return true;
}

static bool copy_columns(struct build_schema *s, const struct ese_table *from,
                         const struct ese_table *parent, uint32_t revision, struct fault *f)
{
    unsigned inherited = parent ? parent->columns : 0, own = 0;
    struct ese_table *t = &s->table;
    t->column = keep(s, NULL, ((size_t)from->columns + inherited + 1) * sizeof *t->column);
    if (t->column == NULL)
        return fault_no_memory(f, "a schema");
    for (unsigned i = 0; i < inherited; i++) {
        t->column[i] = parent->column[i];
        t->column[i].from_template = true;
    }
    for (unsigned i = 0; i < from->columns; i++)
        if (!from->column[i].from_template)
            t->column[inherited + own++] = from->column[i];
    t->columns = inherited + own;
    if (!ese_build_layout(t, parent, revision, f))
        return false;
    for (unsigned i = inherited; i < t->columns; i++)
        if (!complete_column(s, &t->column[i], revision, f))
            return false;
    qsort(t->column, t->columns, sizeof *t->column, compare_columns);
    if (parent && revision < REVISION_DERIVED_TAGGED)
        t->first_own_tagged = ids_behind(parent, revision).tagged;
    return check_twice(t, f);
}

/* ---- indexes ---- */

static bool complete_index(struct build_schema *s, struct ese_index *index, uint32_t revision,
                           struct fault *f)
{
    index->name = keep_name(s, index->name, "an index", f);
    if (index->name == NULL)
        return false;
    if (index->segments == 0 || index->segments > ESE_KEY_SEGMENTS_MOST ||
        index->conditions > ESE_KEY_SEGMENTS_MOST)
        return fault_set(f, FAULT_UNSUPPORTED, "index %s has %u columns and %u conditions",
                         index->name, index->segments, index->conditions);
    for (unsigned i = 0; i < index->segments; i++) {
        const struct ese_column *c = ese_table_segment_column(&s->table, &index->segment[i]);
        if (c == NULL)
            return fault_set(f, FAULT_UNSUPPORTED, "index %s names column %u, which is not there",
                             index->name, index->segment[i].column);
        index->segment[i].from_template = c->from_template;
        if (ese_column_is_text(c) && c->code_page == ESE_CODEPAGE_UNICODE)
            index->flags |= ESE_INDEX_LOCALIZED_TEXT;
        if (c->flags & ESE_COLUMN_MULTI_VALUED)
            index->flags |= ESE_INDEX_MULTI_VALUED;
    }
    if (s->table.flags & ESE_TABLE_TEMPLATE)
        index->flags |= ESE_INDEX_TEMPLATE;
    if (index->key_most > ESE_KEY_MOST ||
        (index->key_most > ESE_KEY_MOST_DEFAULT && revision < REVISION_LONG_KEYS))
        return fault_set(f, FAULT_UNSUPPORTED,
                         "index %s: keys of %u bytes do not exist at revision 0x%x", index->name,
                         index->key_most, revision);
    return true;
}

static bool check_indexes(const struct ese_table *t, struct fault *f)
{
    unsigned primary = 0;
    for (unsigned i = 0; i < t->indexes; i++) {
        primary += !!(t->index[i].flags & ESE_INDEX_PRIMARY);
        for (unsigned k = 0; k < i; k++)
            if (strcasecmp(t->index[i].name, t->index[k].name) == 0)
                return fault_set(f, FAULT_UNSUPPORTED, "two indexes are named %s",
                                 t->index[i].name);
    }
    return primary <= 1 || fault_set(f, FAULT_UNSUPPORTED, "%u primary indexes", primary);
}

/* Derived tables have trees of their own for their template's indexes. */
static bool copy_indexes(struct build_schema *s, const struct ese_table *from,
                         const struct ese_table *parent, uint32_t revision, struct fault *f)
{
    unsigned inherited = parent ? parent->indexes : 0, own = 0;
    struct ese_table *t = &s->table;
    t->index = keep(s, NULL, ((size_t)from->indexes + inherited + 1) * sizeof *t->index);
    if (t->index == NULL)
        return fault_no_memory(f, "a schema");
    for (unsigned i = 0; i < from->indexes; i++)
        if (!from->index[i].from_template)
            t->index[own++] = from->index[i];
    for (unsigned i = 0; i < inherited; i++) {
        struct ese_index *index = &t->index[own + i];
        *index = parent->index[i];
        index->from_template = true;
        index->objid = index->root = 0;
        index->flags = (index->flags & ~(uint32_t)ESE_INDEX_TEMPLATE) | ESE_INDEX_DERIVED;
        for (unsigned k = 0; k < index->segments; k++)
            index->segment[k].from_template = true;
        for (unsigned k = 0; k < index->conditions; k++)
            index->condition[k].from_template = true;
    }
    t->indexes = own + inherited;
    for (unsigned i = 0; i < own; i++)
        if (!complete_index(s, &t->index[i], revision, f))
            return false;
    return check_indexes(t, f);
}

bool build_schema_copy(struct build_schema *to, const struct ese_table *schema,
                       const struct ese_table *parent, uint32_t revision, struct fault *f)
{
    *to = (struct build_schema){.table = {.objid = schema->objid, .flags = schema->flags}};
    to->table.name = keep_name(to, schema->name, "a table", f);
    if (to->table.name == NULL)
        return false;
    if (parent) {
        to->table.flags |= ESE_TABLE_DERIVED;
        to->table.template_name = parent->name;
    }
    if (to->table.flags & ESE_TABLE_TEMPLATE)
        to->table.flags |= ESE_TABLE_FIXED_DDL;
    bool ok = copy_columns(to, schema, parent, revision, f) &&
              copy_indexes(to, schema, parent, revision, f);
    return ok || fault_context(f, "table %s", to->table.name);
}
