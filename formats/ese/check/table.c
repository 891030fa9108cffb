/* A table with all its trees, and its rows, for the structural check: see check/parts.h. */
#include "formats/ese/check/parts.h"

#include <stdlib.h>

/* ---- rows ---- */

/* Tells every agreement and the references that rows are missing. */
static void check_rows_missing(struct check_table *t)
{
    for (unsigned i = 0; i < t->agreements; i++) {
        t->agreement[i].judged = false;
        t->agreement[i].why = "rows of the table cannot be read";
    }
    t->references.judged = false;
    t->rows_missing = true;
}

static void rows_gap(void *context)
{
    check_rows_missing(context);
}

/* A value that needs more than its record: it must decompress, or is a reference that counts. */
static bool judge_value(void *context, const struct ese_value *value, struct fault *f)
{
    struct check_table *t = context;
    if (value->kind == ESE_VALUE_SEPARATED) {
        check_reference_add(t, value);
        return true;
    }
    return ese_value_unpacks(t->c->db->headers.header.revision, value, t->c->scratch.room, f);
}

static void judge_primary_key(struct check_table *t, const struct ese_record *record,
                              const struct ese_page *page, int tag, struct bytes key)
{
    struct fault f;
    if (t->primary == NULL)
        return;
    ese_keys_of(t->primary, record);
    enum ese_key_result result = ese_keys_next(t->primary, &f);
    if (result == ESE_KEY_OK && !bytes_equal(ese_key_bytes(&t->primary->key), key))
        check_found(t->c, ESE_RULE_PRIMARY_KEY, page->number, tag,
                    "the row's key is not the one that its columns give");
    if (result == ESE_KEY_FAULT)
        check_found(t->c, ESE_RULE_RECORD, page->number, tag,
                    "its primary key cannot be computed: %s", f.text);
}

static void judge_row(void *context, const struct ese_page *page, int tag, struct bytes key,
                      struct bytes data)
{
    struct check_table *t = context;
    struct ese_record record;
    struct fault f;
    f.code =
        FAULT_NONE; /* not the whole: clearing its text for each row would cost more than the row */
    t->c->summary->rows++;
    if (!ese_record_on_page(&record, t->table, page, data, &f) ||
        !ese_record_check(&record, &t->limits, judge_value, t, &f)) {
        check_found(t->c, ESE_RULE_RECORD, page->number, tag, "the row cannot be read: %s", f.text);
        check_rows_missing(t);
        return;
    }
    if (t->is_read)
        t->c->reader->row(t->c->reader->context, &record);
    judge_primary_key(t, &record, page, tag, key);
    if (t->agreements == 0)
        return;
    t->bookmark_hash = check_hash(0, key);
    for (unsigned i = 0; i < t->agreements; i++)
        if (t->agreement[i].judged)
            check_agreement_row(t, &t->agreement[i], &record);
}

/* ---- the table ---- */

static bool open_primary(struct check_table *t)
{
    for (unsigned i = 0; i < t->table->indexes; i++) {
        const struct ese_index *index = &t->table->index[i];
        struct fault f;
        if (!ese_index_is_primary(index))
            continue;
        if (!ese_index_computable(t->table, index))
            return true;
        t->primary = malloc(sizeof *t->primary);
        if (t->primary == NULL)
            return false;
        if (!ese_keys_open(t->primary, &t->c->scratch, t->c->db->pages, t->table, index, &f)) {
            check_found(t->c, ESE_RULE_CATALOG_OBJECT, 0, CHECK_NO_TAG, "%s", f.text);
            free(t->primary);
            t->primary = NULL;
        }
        return true;
    }
    return true;
}

static bool open_agreements(struct check_table *t)
{
    t->agreement = calloc(t->table->indexes + 1u, sizeof *t->agreement);
    if (t->agreement == NULL)
        return false;
    for (unsigned i = 0; i < t->table->indexes; i++)
        if (!(t->table->index[i].flags & ESE_INDEX_PRIMARY))
            check_agreement_open(t, &t->agreement[t->agreements++], &t->table->index[i]);
    return true;
}

static void close_table(struct check_table *t)
{
    free(t->primary);
    free(t->agreement);
    free(t->row_hash);
}

/* A table whose deletion was interrupted keeps its root, marked, and nothing else that counts. */
static bool is_being_deleted(struct check *c, const struct ese_table *table)
{
    struct ese_page page;
    return check_peek_page(c, table->root, &page) && page.objid == table->objid &&
           (page.flags & ESE_PAGE_FDP_DELETE);
}

static bool walk_rows(struct check_table *t)
{
    const struct ese_check_reader *reader = t->c->reader;
    struct check_tree tree = {
        .root = t->table->root,
        .objid = t->table->objid,
        .kind = CHECK_DATA,
        .unique = true,
        .owned = &t->c->table_owned,
        .lent = &t->c->of_part,
        .node = judge_row,
        .gap = rows_gap,
        .context = t,
    };
    t->is_read = reader && reader->begin(reader->context, t->table);
    check_tree_walk(t->c, &tree);
    if (t->is_read)
        reader->end(reader->context, tree.complete && !t->rows_missing);
    return tree.complete;
}

static bool check_trees(struct check_table *t)
{
    struct check *c = t->c;
    struct check_space space = {
        .root = t->table->root,
        .objid = t->table->objid,
        .parent = ESE_PGNO_ROOT,
        .kind = CHECK_DATA,
        .unique = true,
        .from = &c->root_owned,
        .owned = &c->table_owned,
        .taken = &c->of_table,
    };
    check_space_read(c, &space);
    for (unsigned i = 0; i < t->agreements; i++)
        check_index_tree(t, &t->agreement[i]);
    if (t->table->long_value_root != 0)
        check_long_values(t);
    bool complete = walk_rows(t);
    for (unsigned i = 0; i < t->agreements; i++)
        check_agreement_judge(t, &t->agreement[i]);
    check_references_judge(t);
    return complete;
}

bool check_one_table(struct check *c, const struct ese_table *table)
{
    struct check_table t = {.c = c, .table = table, .references.judged = true};
    bool complete = false;
    c->table_name = table->name;
    c->summary->tables++;
    ese_record_limits_of(&t.limits, table);
    if (is_being_deleted(c, table))
        check_not_judged(c, ESE_RULE_RECORD, table->root, "the table is marked as being deleted");
    else if (open_primary(&t) && open_agreements(&t))
        complete = check_trees(&t);
    else
        c->no_memory = true;
    close_table(&t);
    c->table_name = NULL;
    return complete;
}
