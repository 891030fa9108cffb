/* The salvage of a whole database: see salvage.h. */
#include "formats/ese/salvage/parts.h"

#include <strings.h>

/* ---- opening ---- */

bool ese_salvage_open(struct ese_file *file, ese_salvage_seen_fn seen, void *context,
                      struct ese_salvage **out, struct fault *f)
{
    struct ese_salvage *s = calloc(1, sizeof *s);
    if (s == NULL) {
        ese_file_close(file);
        return fault_set(f, FAULT_NO_MEMORY, "out of memory");
    }
    s->file = file;
    s->seen = seen;
    s->seen_context = context;
    s->headers = calloc(1, sizeof *s->headers);
    bool ok = s->headers != NULL || fault_set(f, FAULT_NO_MEMORY, "out of memory");
    ok = ok && salvage_header(s, f) && ese_pages_open(file, s->scan.page_size, &s->pages, f) &&
         salvage_scan(s, f) && salvage_schema(s, f) && salvage_give_back_roots(s, f) &&
         salvage_judge_header(s, f);
    if (!ok) {
        ese_salvage_close(s);
        return false;
    }
    *out = s;
    return true;
}

void ese_salvage_close(struct ese_salvage *s)
{
    if (s == NULL)
        return;
    salvage_schema_close(s);
    salvage_space_free(s->space);
    free(s->orphan);
    salvage_claims_forget(s);
    free(s->blank);
    free(s->page);
    arena_free(&s->arena);
    free(s->headers);
    ese_pages_close(s->pages);
    ese_file_close(s->file);
    free(s);
}

const struct ese_salvage_scan *ese_salvage_scan(const struct ese_salvage *s)
{
    return &s->scan;
}

const char *ese_salvage_kind_name(enum ese_salvage_kind kind)
{
    static const char *const name[ESE_SALVAGE_KINDS] = {
        [ESE_SALVAGE_DOUBTFUL] = "doubtful",
        [ESE_SALVAGE_LOST] = "lost",
        [ESE_SALVAGE_PERHAPS_LOST] = "perhaps-lost",
        [ESE_SALVAGE_CUT] = "cut",
        [ESE_SALVAGE_OLDER] = "older-version",
        [ESE_SALVAGE_DELETED] = "deleted",
        [ESE_SALVAGE_NO_SCHEMA] = "no-schema",
        [ESE_SALVAGE_LONG_VALUE] = "long-value",
        [ESE_SALVAGE_PAGE_LOST] = "page-lost",
        [ESE_SALVAGE_ENTRY_LOST] = "entry-lost",
        [ESE_SALVAGE_TABLE_LOST] = "table-lost",
        [ESE_SALVAGE_CATALOG] = "catalog",
        [ESE_SALVAGE_INDEX_LEFT_OUT] = "index-left-out",
    };
    return kind < ESE_SALVAGE_KINDS ? name[kind] : "?";
}

bool salvage_tell(struct ese_salvage *s, const struct ese_salvage_item *item, struct fault *f)
{
    s->result->told[item->kind]++;
    return s->options->tell == NULL || s->options->tell(s->options->context, item, f);
}

/* ---- the tables ---- */

/* What the catalog's rows say of itself, or of its shadow. */
struct own {
    unsigned tables, columns;
    uint32_t next[3]; /* of fixed, variable and tagged columns: the id that comes next */
    bool whole;       /* no id was passed over */
};

/* Every engine has its own catalog's columns built in. */
static bool has_built_in_type(uint32_t id, struct bytes record)
{
    const struct ese_table *built_in = ese_catalog_own_table();
    uint32_t type = 0;
    bytes_le32(record, ESE_CATALOG_COLTYPE_AT, &type);
    for (unsigned i = 0; i < built_in->columns; i++)
        if (built_in->column[i].id == id)
            return built_in->column[i].type == type;
    return true;
}

static void see_own(struct own *own, struct bytes record)
{
    static const uint32_t first[3] = {ESE_FIXED_FIRST, ESE_VARIABLE_FIRST, ESE_TAGGED_FIRST};
    uint16_t type = 0;
    uint32_t id = 0;
    bytes_le16(record, ESE_CATALOG_TYPE_AT, &type);
    bytes_le32(record, ESE_CATALOG_ID_AT, &id);
    own->tables += type == ESE_OBJECT_TABLE;
    if (type != ESE_OBJECT_COLUMN)
        return;
    unsigned which = id <= ESE_FIXED_LAST ? 0 : id <= ESE_VARIABLE_LAST ? 1 : 2;
    if (own->next[which] == 0)
        own->next[which] = first[which];
    own->whole = own->whole && id == own->next[which] && has_built_in_type(id, record);
    own->next[which] = id + 1;
    own->columns++;
}

static bool is_over_the_same(const struct ese_index *a, const struct ese_index *b)
{
    if (a->segments != b->segments || a->conditions != b->conditions)
        return false;
    for (unsigned i = 0; i < a->segments; i++)
        if (a->segment[i].column != b->segment[i].column ||
            a->segment[i].descending != b->segment[i].descending)
            return false;
    enum { WHICH_KEYS = 0xffff }; /* behind these is what its description looks like */
    return ((a->flags ^ b->flags) & WHICH_KEYS) == 0;
}

/* Is one of the catalog's own indexes, or of its shadow's, described as every engine has it? */
static bool has_own_index(const struct ese_salvage *s, uint32_t table, const struct ese_index *own)
{
    const struct ese_table *t = salvage_table_of(s, table);
    bool primary = ese_index_is_primary(own);
    uint32_t root = !primary                     ? own->root
                    : table == ESE_OBJID_CATALOG ? ESE_PGNO_CATALOG
                                                 : ESE_PGNO_CATALOG_SHADOW;
    if (t == NULL || (primary && t->root != root))
        return false;
    for (unsigned i = 0; i < t->indexes; i++)
        if (t->index[i].objid == (primary ? table : own->objid))
            return is_over_the_same(&t->index[i], own) && t->index[i].root == root;
    return false;
}

static bool has_own_indexes(const struct ese_salvage *s)
{
    bool all = has_own_index(s, ESE_OBJID_CATALOG_SHADOW, build_own_index(0));
    for (unsigned i = 0; i < BUILD_OWN_INDEXES; i++)
        all = all && has_own_index(s, ESE_OBJID_CATALOG, build_own_index(i));
    return all;
}

/* Do these rows stand whole?  Otherwise the builder makes its own: they are the same in every
 * database of a revision. */
static bool has_system_rows(const struct ese_salvage *s)
{
    struct own own[2] = {{.whole = true}, {.whole = true}};
    for (size_t i = 0; i < s->rows; i++)
        if (ese_objid_is_catalog(s->row[i].table))
            see_own(&own[s->row[i].table == ESE_OBJID_CATALOG_SHADOW], s->row[i].record);
    return own[0].tables == 1 && own[1].tables == 1 && own[0].columns == own[1].columns &&
           own[0].columns > 0 && own[0].whole && own[1].whole && has_own_indexes(s);
}

static struct ese_salvage_table *new_sum(struct ese_salvage *s, const struct ese_table *table,
                                         struct fault *f)
{
    struct ese_salvage_result *r = s->result;
    if (!array_reserve(&r->table, &s->table_room, r->tables + 1u, sizeof *r->table)) {
        fault_no_memory(f, "a table");
        return NULL;
    }
    struct ese_salvage_table *sum = &r->table[r->tables++];
    *sum = (struct ese_salvage_table){.name = table->name,
                                      .objid = table->objid,
                                      .system = (table->flags & ESE_TABLE_SYSTEM) != 0};
    return sum;
}

/* ---- indexes that are left out ---- */

static bool names_index(const char *name, const struct ese_table *table,
                        const struct ese_index *index)
{
    size_t size = strlen(table->name);
    return strncasecmp(name, table->name, size) == 0 && name[size] == '.' &&
           strcasecmp(name + size + 1, index->name) == 0 && !ese_index_is_primary(index);
}

bool ese_salvage_has_index(const struct ese_salvage *s, const char *name)
{
    for (unsigned i = 0; i < ese_catalog_tables(s->catalog); i++) {
        const struct ese_table *table = ese_catalog_table(s->catalog, i);
        for (unsigned k = 0; k < table->indexes; k++)
            if (names_index(name, table, &table->index[k]))
                return true;
    }
    return false;
}

/* Is the segment's column there, and not one that the catalog says was deleted? */
static bool has_column(const struct ese_table *table, const struct ese_key_segment *segment)
{
    const struct ese_column *column = ese_table_segment_column(table, segment);
    return column && column->type != ESE_COL_NIL;
}

/* An index over columns that the catalog has lost can be neither written nor used. */
static bool has_its_columns(const struct ese_table *table, const struct ese_index *index)
{
    for (unsigned i = 0; i < index->segments; i++)
        if (!has_column(table, &index->segment[i]))
            return false;
    for (unsigned i = 0; i < index->conditions; i++)
        if (!has_column(table, &index->condition[i]))
            return false;
    return index->segments > 0;
}

static bool is_asked_for(const struct ese_salvage *s, const struct ese_table *table,
                         const struct ese_index *index)
{
    for (unsigned i = 0; i < s->options->drop_indexes; i++)
        if (names_index(s->options->drop_index[i], table, index))
            return true;
    return false;
}

static bool is_left_out(const struct ese_salvage *s, const struct ese_table *table,
                        const struct ese_index *index)
{
    return is_asked_for(s, table, index) || !has_its_columns(table, index);
}

static bool any_left_out(const struct ese_salvage *s, const struct ese_table *table)
{
    for (unsigned i = 0; i < table->indexes; i++)
        if (is_left_out(s, table, &table->index[i]))
            return true;
    return false;
}

static bool leave_out(struct ese_salvage *s, struct ese_table *table, unsigned index,
                      struct ese_build_node *row, unsigned *rows, struct ese_salvage_table *sum,
                      struct fault *f)
{
    bool asked = is_asked_for(s, table, &table->index[index]);
    sum->in_part = sum->in_part || !asked;
    struct ese_salvage_item item = {.kind = ESE_SALVAGE_INDEX_LEFT_OUT,
                                    .table = table->name,
                                    .objid = table->objid,
                                    .index = table->index[index].name,
                                    .key = bytes_of("", 0),
                                    .tag = -1,
                                    .reason = asked ? "left out, as asked for"
                                                    : "left out: the catalog has lost a column "
                                                      "that it is over"};
    unsigned to = 0;
    for (unsigned i = 0; i < *rows; i++) {
        uint16_t type = 0;
        uint32_t id = 0;
        bytes_le16(row[i].data, ESE_CATALOG_TYPE_AT, &type);
        bytes_le32(row[i].data, ESE_CATALOG_ID_AT, &id);
        if (type != ESE_OBJECT_INDEX || id != table->index[index].objid)
            row[to++] = row[i];
    }
    *rows = to;
    if (!salvage_tell(s, &item, f))
        return false;
    table->indexes--;
    memmove(table->index + index, table->index + index + 1,
            (table->indexes - index) * sizeof *table->index);
    return true;
}

/* A table without some of its indexes: both its schema and its catalog rows are copies. */
static bool without_indexes(struct ese_salvage *s, const struct ese_table *table,
                            const struct ese_build_node *row, unsigned rows,
                            struct ese_salvage_table *sum, struct fault *f)
{
    struct ese_table copy = *table;
    struct ese_build_node *rows_copy = calloc(rows + 1u, sizeof *rows_copy);
    copy.index = calloc(table->indexes + 1u, sizeof *copy.index);
    bool ok = (rows_copy != NULL && copy.index != NULL) || fault_no_memory(f, "a table");
    if (ok) {
        memcpy(rows_copy, row, rows * sizeof *row);
        if (table->indexes > 0)
            memcpy(copy.index, table->index, table->indexes * sizeof *copy.index);
    }
    for (unsigned i = copy.indexes; ok && i-- > 0;)
        if (is_left_out(s, table, &copy.index[i]))
            ok = leave_out(s, &copy, i, rows_copy, &rows, sum, f);
    ok = ok && salvage_one_table(s, &copy, rows_copy, rows, sum, f);
    free(copy.index);
    free(rows_copy);
    return ok;
}

static bool salvage_rows_of(struct ese_salvage *s, const struct ese_build_node *row, unsigned rows,
                            uint32_t objid, struct fault *f)
{
    if (ese_objid_is_catalog(objid))
        return s->build == NULL || !has_system_rows(s) ||
               ese_build_raw_system_rows(s->build, row, rows, f);
    const struct ese_table *table = salvage_table_of(s, objid);
    if (table == NULL)
        return true; /* salvage_unknown() tells of its rows */
    struct ese_salvage_table *sum = new_sum(s, table, f);
    if (sum == NULL)
        return false;
    if (!any_left_out(s, table))
        return salvage_one_table(s, table, row, rows, sum, f);
    return without_indexes(s, table, row, rows, sum, f);
}

static bool salvage_tables(struct ese_salvage *s, struct fault *f)
{
    struct ese_build_node *row = calloc(s->rows + 1, sizeof *row);
    bool ok = row != NULL || fault_no_memory(f, "the catalog");
    for (size_t i = 0; ok && i < s->rows; i++)
        row[i] = (struct ese_build_node){s->row[i].key, s->row[i].record};
    for (size_t i = 0, end; ok && i < s->rows; i = end) {
        for (end = i; end < s->rows && s->row[end].table == s->row[i].table;)
            end++;
        if (s->options->progress)
            s->options->progress(s->options->progress_context, (uint32_t)i, (uint32_t)s->rows);
        ok = salvage_rows_of(s, row + i, (unsigned)(end - i), s->row[i].table, f);
    }
    free(row);
    return ok;
}

/* No database is without rows of the catalog's own. */
static bool tell_lost_catalog(struct ese_salvage *s, struct fault *f)
{
    struct ese_salvage_item item = {
        .kind = ESE_SALVAGE_CATALOG,
        .table = "MSysObjects",
        .objid = ESE_OBJID_CATALOG,
        .key = bytes_of("", 0),
        .tag = -1,
        .reason = "neither the catalog nor its shadow has a table that can be read: which tables "
                  "there were is lost"};
    return ese_catalog_tables(s->catalog) > 0 || salvage_tell(s, &item, f);
}

/* Catalog rows that could not be taken. */
static bool tell_weeds(struct ese_salvage *s, struct fault *f)
{
    for (size_t i = 0; i < s->weeds; i++) {
        const struct salvage_schema_row *row = &s->weed[i];
        struct ese_salvage_item item = {
            .kind = ESE_SALVAGE_CATALOG,
            .table = "MSysObjects",
            .objid = ESE_OBJID_CATALOG,
            .key = row->key,
            .page = row->page,
            .tag = -1,
            .dbtime = row->dbtime,
            .record = row->record,
            .reason = "a catalog row that cannot be read, or that contradicts another"};
        s->result->catalog_settled += salvage_is_confirmed(s, row->key);
        if (!salvage_tell(s, &item, f))
            return false;
    }
    return true;
}

/* ---- the new database ---- */

static bool start_build(struct ese_salvage *s, int descriptor, struct fault *f)
{
    enum { LEAST_PAGES = 30, NEW_SIGNATURE = 0x2545f491 };
    const struct ese_header *h = &s->headers->header;
    uint32_t count = 0;
    struct ese_build_options options = {
        .descriptor = descriptor,
        .revision = s->scan.revision,
        .page_size = s->scan.page_size,
        .any_revision = s->options->any_revision,
        .dbtime = s->scan.dbtime + 1,
        .least_pages = s->scan.page_size <= 2048 ? LEAST_PAGES + 1 : LEAST_PAGES,
    };
    if (s->has_header) {
        /* As /p leaves it: another signature, one more repair. */
        uint8_t *raw = s->headers->raw;
        bytes_le32(bytes_of(raw, ESE_HEADER_SIZE), ESE_HEADER_REPAIR_COUNT_AT, &count);
        options.signature = h->signature.random * 0x9e3779b1u + NEW_SIGNATURE;
        options.time = h->consistent;
        options.source_header = bytes_of(raw, s->scan.page_size);
        memcpy(s->room, raw, s->scan.page_size);
        bytes_put_le32(s->room + ESE_HEADER_REPAIR_COUNT_AT, count + 1);
        options.source_header = bytes_of(s->room, s->scan.page_size);
    }
    if (options.signature == 0)
        options.signature = NEW_SIGNATURE;
    if (!ese_build_start(&options, &s->build, f))
        return false;
    if (s->has_header)
        ese_build_objid_least(s->build, h->objid_last + 1);
    for (size_t i = 0; i < s->pages_found; i++)
        if (s->page[i].trust <= SALVAGE_MOVED)
            ese_build_objid_least(s->build, s->page[i].objid);
    return true;
}

bool ese_salvage_run(struct ese_salvage *s, int descriptor,
                     const struct ese_salvage_options *options, struct ese_salvage_result *result,
                     struct fault *f)
{
    *result = (struct ese_salvage_result){.tables = 0};
    s->options = options;
    s->result = result;
    s->build = NULL;
    s->table_room = 0;
    s->own_listed = 0;
    for (size_t i = 0; i < s->pages_found; i++) {
        struct salvage_page *p = &s->page[i];
        p->stale = p->marked = p->unwritten = p->doubted = p->noise = false;
        p->unread = p->said != 0 || p->hidden > 0 || p->odd;
        p->rows = 0;
        p->beyond = 0;
    }
    bool ok = (descriptor < 0 || start_build(s, descriptor, f)) && salvage_orphans_find(s, f) &&
              tell_weeds(s, f) && salvage_tell_disputes(s, f) && tell_lost_catalog(s, f) &&
              salvage_tell_misfits(s, f) && salvage_tell_gaps(s, f) && salvage_tables(s, f) &&
              salvage_unknown(s, f);
    if (ok && s->build)
        ok = ese_build_finish(s->build, &result->built, f);
    else
        ese_build_abandon(s->build);
    s->build = NULL;
    return ok;
}

void ese_salvage_result_free(struct ese_salvage_result *result)
{
    free(result->table);
    *result = (struct ese_salvage_result){.tables = 0};
}
