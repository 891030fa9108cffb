/*
 * Discovery: a list that is cut into pieces, one a row: see discover/parts.h.
 *
 * A column that starts like a list, and is none by itself, is put together in the order of each
 * integer column beside it.  What then is a list to the last byte is taken.
 */
#include "migrate/discover/parts.h"

#include "migrate/store/pieces.h"

enum { PIECES_MOST = 64 * 1024, PIECE_MOST = 1024 * 1024, CERTIFICATES_LEAST = 2 };

unsigned discover_whole_list(struct bytes value, struct certlist_form *form,
                             enum certlist_kind *kind, unsigned *self_issued)
{
    struct certlist list;
    struct certlist_entry entry;
    struct x509_certificate cert = {.version = 0};
    unsigned count = 0;
    bool good = true;
    *form = (struct certlist_form){.kind = CERTLIST_NONE};
    *self_issued = 0;
    if (certlist_detect(value) == CERTLIST_NONE && !discover_items(value, form))
        return 0;
    if (!certlist_open_as(&list, value, form, NULL))
        return 0;
    while (good && certlist_next(&list, &entry, NULL)) {
        good =
            entry.type == CERTLIST_CERTIFICATE && x509_certificate_read(entry.encoded, &cert, NULL);
        *self_issued += good && bytes_equal(cert.subject, cert.issuer);
        count++;
    }
    good = good && !list.failed && (list.kind != CERTLIST_SST || list.sst.tail.size == 12) &&
           (list.kind != CERTLIST_PKCS7 || list.pkcs7.frame.trailing.size == 0) &&
           (list.kind != CERTLIST_DER || cert.envelope.trailing.size == 0);
    *kind = list.kind;
    certlist_close(&list);
    return good ? count : 0;
}

/* The sizes that were met: of pieces there are two at most, and one of them once. */
struct sizes {
    size_t size[2];
    unsigned count[2];
    unsigned lists; /* pieces that are lists by themselves: when all are, they are no pieces */
};

static bool are_pieces(struct sizes *s, size_t size)
{
    unsigned i = s->count[0] > 0 && s->size[0] != size;
    if (i == 1 && s->count[1] > 0 && s->size[1] != size)
        return false;
    s->size[i] = size;
    s->count[i]++;
    return size > 0 && (s->count[0] < 2 || s->count[1] < 2);
}

/* The row in hand as a piece; false when it can be none. */
static bool add_row(struct discover_run *run, struct rows *rows, const struct discover_column *c,
                    struct sizes *sizes, struct pieces *pieces)
{
    struct bytes value;
    bool cut, null;
    if (!discover_selects(run, rows, c))
        return true;
    int32_t order = rows_integer(rows, c->join, &null);
    if (null || pieces->count == PIECES_MOST ||
        !discover_read(run, rows, c->column, PIECE_MOST, &value, &cut) || cut ||
        !are_pieces(sizes, value.size))
        return false;
    struct certlist_form form;
    enum certlist_kind kind;
    unsigned self_issued;
    sizes->lists += discover_whole_list(value, &form, &kind, &self_issued) > 0;
    if (!pieces_add(pieces, order, pieces->count + 1, value))
        run->no_memory = true;
    return !run->no_memory;
}

bool discover_join(struct discover_run *run, const struct discover_column *c, struct buffer *whole)
{
    struct rows rows = {.lv = NULL};
    struct pieces pieces = {.count = 0};
    struct sizes sizes = {.count = {0}};
    struct fault why = {.code = FAULT_NONE};
    bool ok = true;
    rows_open(&rows, run->store, c->table);
    while (ok && discover_next(run, &rows))
        ok = add_row(run, &rows, c, &sizes, &pieces);
    discover_end(run, &rows);
    ok = ok && pieces.count > 1 && sizes.lists < pieces.count && pieces_join(&pieces, whole, &why);
    run->no_memory = run->no_memory || why.code == FAULT_NO_MEMORY;
    pieces_free(&pieces);
    return ok;
}

static bool try_column(struct discover_run *run, struct discover_column *c,
                       const struct ese_column *join)
{
    unsigned self_issued;
    struct discover_column as = *c;
    struct buffer whole = {0};
    as.join = join;
    if (discover_join(run, &as, &whole))
        as.list_certificates =
            discover_whole_list(buffer_bytes(&whole), &as.form, &as.list_kind, &self_issued);
    else
        as.list_certificates = 0;
    buffer_free(&whole);
    if (as.list_certificates < CERTIFICATES_LEAST)
        return false;
    as.kind = DISCOVER_LIST_VALUE;
    *c = as;
    return true;
}

/* A number beside the table's key rather than the key, which only happens to be in that order. */
static void try_joins(struct discover_run *run, struct discover_column *c)
{
    const struct ese_table *table = c->table;
    const struct ese_column *key = discover_table_key(table);
    for (unsigned i = 0; i < table->columns && c->join == NULL && !run->no_memory; i++)
        if (&table->column[i] != key && discover_is_integer(&table->column[i]))
            try_column(run, c, &table->column[i]);
    if (c->join == NULL && key && !run->no_memory)
        try_column(run, c, key);
}

void discover_pieces(struct discover_run *run)
{
    for (unsigned i = 0; i < run->d->columns; i++) {
        struct discover_column *c = &run->d->column[i];
        if (c->only_row || c->form.values ||
            (c->kind != DISCOVER_LIST_VALUE && c->kind != DISCOVER_LISTS &&
             c->kind != DISCOVER_DECOY))
            continue;
        try_joins(run, c);
        if (c->join == NULL && c->select) { /* all rows, whatever texts they have */
            const struct ese_column *select = c->select;
            c->select = NULL;
            try_joins(run, c);
            if (c->join == NULL)
                c->select = select;
        }
    }
}
