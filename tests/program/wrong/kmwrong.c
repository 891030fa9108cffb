/*
 * kmwrong FILE SEED: one wrong write to an ESE database, with right checksums, chosen by the seed.
 *
 * For tests of the verification (see wrong/strike.c, which runs it between writing and verifying).
 * What is changed is one value, row, index entry, long value or link between pages; it prints what.
 * SEED 0 changes nothing.  Exit status: 0 done, 1 nothing that can be changed so, 2 an error.
 */
#include "formats/ese/edit/edit.h"
#include "formats/ese/layout/checksum.h"
#include "formats/ese/layout/record.h"
#include "formats/ese/read/db.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <strings.h>
#include <unistd.h>

enum { DONE, NOTHING, ERROR, VALUE_MOST = 4096, TRIES = 200 };

enum wrong {
    WRONG_VALUE,     /* a column, with its index entries */
    WRONG_REFERENCE, /* a Long column: the value that another row has in it */
    WRONG_NULL,      /* a column is null */
    WRONG_DROP,      /* a row goes, with its index entries */
    WRONG_ADD,       /* a row comes, with its index entries */
    WRONG_BYTE,      /* a byte of a node: a value, a bookmark, a long value or its count */
    WRONG_KEY,       /* a byte of a node's key */
    WRONG_DELETED,   /* a node is flagged as deleted */
    WRONG_LINK,      /* a leaf page's link to its neighbour */
    WRONGS,
};

static uint64_t state;

static uint32_t draw(uint32_t below)
{
    state += 0x9e3779b97f4a7c15u;
    uint64_t x = state;
    x = (x ^ x >> 30) * 0xbf58476d1ce4e5b9u;
    x = (x ^ x >> 27) * 0x94d049bb133111ebu;
    return below ? (uint32_t)((x ^ x >> 31) % below) : 0;
}

struct wronger {
    struct ese_db *db;
    int descriptor;
    const struct ese_table *table;
    struct ese_cursor cursor;
    struct ese_record record;
};

static bool is_system(const struct ese_table *table)
{
    return strncasecmp(table->name, "MSys", 4) == 0;
}

/* Moves the cursor to a node of a tree, each as likely as any other.  False: it has none. */
static bool any_node(struct wronger *w, uint32_t root, uint32_t objid)
{
    uint32_t count = 0;
    ese_cursor_close(&w->cursor);
    ese_cursor_open(&w->cursor, w->db->pages, root, objid);
    while (ese_cursor_next(&w->cursor, NULL) == ESE_STEP_NODE)
        count++;
    ese_cursor_close(&w->cursor);
    ese_cursor_open(&w->cursor, w->db->pages, root, objid);
    for (uint32_t at = count ? draw(count) + 1 : 0; at > 0; at--)
        if (ese_cursor_next(&w->cursor, NULL) != ESE_STEP_NODE)
            return false;
    return count > 0;
}

static bool any_row(struct wronger *w)
{
    return any_node(w, w->table->root, w->table->objid) &&
           ese_record_on_page(&w->record, w->table, w->cursor.leaf, w->cursor.data, NULL);
}

static bool is_key(const struct wronger *w, const struct ese_column *column)
{
    for (unsigned i = 0; i < w->table->indexes; i++)
        for (unsigned s = 0; s < w->table->index[i].segments; s++)
            if ((w->table->index[i].flags & ESE_INDEX_PRIMARY) &&
                ese_table_segment_column(w->table, &w->table->index[i].segment[s]) == column)
                return true;
    return false;
}

/* A column that may be changed: not of the primary key. */
static const struct ese_column *any_column(const struct wronger *w, bool only_long)
{
    for (unsigned tries = 0; tries < TRIES; tries++) {
        const struct ese_column *c = &w->table->column[draw(w->table->columns)];
        if (c->type != ESE_COL_NIL && !is_key(w, c) && (!only_long || c->type == ESE_COL_LONG))
            return c;
    }
    return NULL;
}

/* ---- through the editor ---- */

static int finish(struct wronger *w, struct ese_inplace *ip, bool ok, struct fault *f)
{
    ok = ok && ese_inplace_finish(ip, f) && ese_inplace_pieces(ip) > 0 &&
         ese_inplace_write_to(ip, w->descriptor, f);
    ese_inplace_close(ip);
    return ok ? DONE : NOTHING;
}

static int change(struct wronger *w, const struct ese_column *c, struct bytes data, bool null)
{
    struct fault f = {.code = FAULT_NONE};
    struct ese_inplace *ip;
    struct ese_change change = {.column = c, .data = data, .null = null};
    uint8_t key[ESE_KEY_ROOM];
    size_t size = w->cursor.key.size;
    memcpy(key, w->cursor.key.at, size);
    ese_cursor_close(&w->cursor);
    if (!ese_inplace_open(w->db, NULL, &ip, &f))
        return ERROR;
    bool ok = ese_inplace_change_row(ip, w->table, bytes_of(key, size), 0, &change, 1, &f);
    printf("table %s: column %s of one row\n", w->table->name, c->name);
    return finish(w, ip, ok, &f);
}

/* Other bytes than these, as far as the type allows. */
static struct bytes other_bytes(const struct ese_column *c, struct bytes old, uint8_t *room)
{
    size_t fixed = ese_coltype_size(c->type), size = old.size;
    bool wide = c->code_page == ESE_CODEPAGE_UNICODE;
    if (size > 0)
        memcpy(room, old.at, size);
    if (c->type == ESE_COL_BIT) {
        room[0] = size == 1 && old.at[0] ? 0 : 0xff;
        return bytes_of(room, 1);
    }
    if (size == 0) {
        size = fixed ? fixed : wide ? 2 : 1;
        memset(room, 'x', size);
        if (wide && !fixed)
            room[1] = 0;
        return bytes_of(room, size);
    }
    if (!fixed && !wide && size > 1 && draw(3) == 0)
        return bytes_of(room, size - 1);
    if (wide && !fixed)
        room[2 * draw((uint32_t)size / 2)] ^= 1;
    else
        room[draw((uint32_t)size)] ^= (uint8_t)(1 << draw(8));
    return bytes_of(room, size);
}

static int wrong_value(struct wronger *w, bool null)
{
    static uint8_t room[VALUE_MOST + 2];
    struct ese_value value;
    const struct ese_column *c = any_column(w, false);
    if (!any_row(w) || c == NULL || !ese_record_value(&w->record, c, &value, NULL) ||
        (null && value.kind == ESE_VALUE_NULL) || value.data.size > VALUE_MOST)
        return NOTHING;
    if (value.kind != ESE_VALUE_PLAIN)
        value.data.size = 0;
    return change(w, c, other_bytes(c, value.data, room), null);
}

static int wrong_reference(struct wronger *w)
{
    uint8_t other[4];
    struct ese_value value;
    const struct ese_column *c = any_column(w, true);
    if (c == NULL || !any_row(w) || !ese_record_value(&w->record, c, &value, NULL) ||
        value.kind != ESE_VALUE_PLAIN)
        return NOTHING;
    memcpy(other, value.data.at, sizeof other);
    if (!any_row(w) || !ese_record_value(&w->record, c, &value, NULL) ||
        (value.kind == ESE_VALUE_PLAIN && memcmp(value.data.at, other, sizeof other) == 0))
        return NOTHING;
    return change(w, c, bytes_of(other, sizeof other), false);
}

static int wrong_drop(struct wronger *w)
{
    struct fault f = {.code = FAULT_NONE};
    struct ese_inplace *ip;
    uint8_t key[ESE_KEY_ROOM];
    if (!any_row(w))
        return NOTHING;
    size_t size = w->cursor.key.size;
    memcpy(key, w->cursor.key.at, size);
    ese_cursor_close(&w->cursor);
    if (!ese_inplace_open(w->db, NULL, &ip, &f))
        return ERROR;
    printf("table %s: one row dropped\n", w->table->name);
    return finish(w, ip, ese_inplace_drop_row(ip, w->table, bytes_of(key, size), 0, &f), &f);
}

static int wrong_add(struct wronger *w)
{
    struct fault f = {.code = FAULT_NONE};
    struct ese_inplace *ip;
    uint8_t key[4];
    struct ese_change change = {.column = ese_table_key_column(w->table),
                                .data = bytes_of(key, sizeof key)};
    bytes_put_le32(key, 1000 + draw(1000000));
    if (change.column == NULL || !ese_inplace_open(w->db, NULL, &ip, &f))
        return NOTHING;
    printf("table %s: one row more\n", w->table->name);
    return finish(w, ip, ese_inplace_add_row(ip, w->table, &change, 1, &f), &f);
}

/* ---- to the bytes of a page ---- */

static int write_page(struct wronger *w, const struct ese_page *page, const uint8_t *bytes)
{
    static uint8_t raw[ESE_PAGE_SIZE_MAX];
    size_t size = page->raw.size;
    memcpy(raw, bytes, size);
    ese_checksum_set(raw, size, page->number);
    off_t at = (off_t)(((uint64_t)page->number + 1) * size);
    return pwrite(w->descriptor, raw, size, at) == (ssize_t)size ? DONE : ERROR;
}

/* A tree of the table: its rows, its long values, an index. */
static bool any_tree_node(struct wronger *w, const char **what)
{
    unsigned which = draw(w->table->indexes + 2);
    *what = "rows";
    if (which == 0)
        return any_node(w, w->table->root, w->table->objid);
    if (which == 1) {
        *what = "long values";
        return w->table->long_value_root &&
               any_node(w, w->table->long_value_root, w->table->long_value_objid);
    }
    const struct ese_index *index = &w->table->index[which - 2];
    *what = index->name;
    return !(index->flags & ESE_INDEX_PRIMARY) && any_node(w, index->root, index->objid);
}

/* Has the row another value in some column?  What lies under a null is none. */
static bool row_differs(const struct wronger *w, struct bytes before, struct bytes after)
{
    bool format = w->cursor.leaf->flags & ESE_PAGE_NEW_RECORD_FORMAT;
    struct ese_record a, b;
    struct fault f;
    if (!ese_record_open(&a, w->table, before, format, w->cursor.leaf->raw.size, &f))
        return false;
    if (!ese_record_open(&b, w->table, after, format, w->cursor.leaf->raw.size, &f))
        return true;
    for (unsigned i = 0; i < w->table->columns; i++) {
        struct ese_values x, y;
        struct ese_value v, u;
        bool more, other;
        if (w->table->column[i].type == ESE_COL_NIL)
            continue;
        if (!ese_values_of(&x, &a, &w->table->column[i], &f))
            return false;
        if (!ese_values_of(&y, &b, &w->table->column[i], &f))
            return true;
        do {
            more = ese_values_next(&x, &v, &f);
            other = ese_values_next(&y, &u, &f);
            if (more != other ||
                (more && (v.kind != u.kind || v.lid != u.lid || !bytes_equal(v.data, u.data))))
                return true;
        } while (more);
    }
    return false;
}

static int wrong_bytes(struct wronger *w, bool key)
{
    static uint8_t raw[ESE_PAGE_SIZE_MAX];
    const char *what;
    struct ese_node node;
    if (!any_tree_node(w, &what) || !ese_page_node(w->cursor.leaf, w->cursor.index, &node, NULL))
        return NOTHING;
    struct bytes part = key ? node.suffix : node.data;
    if (part.size == 0)
        return NOTHING;
    const struct ese_page *page = w->cursor.leaf;
    memcpy(raw, page->raw.at, page->raw.size);
    uint8_t *at = raw + (part.at - page->raw.at);
    at[draw((uint32_t)part.size)] ^= (uint8_t)(1 << draw(8));
    if (!key && strcmp(what, "rows") == 0 && !row_differs(w, part, bytes_of(at, part.size)))
        return NOTHING;
    printf("table %s, %s: a byte of a node's %s\n", w->table->name, what, key ? "key" : "data");
    return write_page(w, page, raw);
}

static int wrong_deleted(struct wronger *w)
{
    enum { SMALL_FLAG = ESE_NODE_DELETED << 13 };
    static uint8_t raw[ESE_PAGE_SIZE_MAX];
    const char *what;
    struct ese_tag tag;
    struct bytes bytes;
    if (!any_tree_node(w, &what))
        return NOTHING;
    const struct ese_page *page = w->cursor.leaf;
    unsigned t = w->cursor.index + page->reserved;
    if (!ese_page_tag(page, t, &tag, &bytes, NULL) || bytes.size < 2)
        return NOTHING;
    memcpy(raw, page->raw.at, page->raw.size);
    /* The flags: on small pages in the tag, on large ones in the node. */
    uint8_t *at = ese_page_is_small(page) ? raw + page->raw.size - 4 * ((size_t)t + 1) + 2
                                          : raw + (bytes.at - page->raw.at);
    at[1] |= SMALL_FLAG >> 8;
    printf("table %s, %s: a node flagged as deleted\n", w->table->name, what);
    return write_page(w, page, raw);
}

static int wrong_link(struct wronger *w)
{
    static uint8_t raw[ESE_PAGE_SIZE_MAX];
    const char *what;
    if (!any_tree_node(w, &what))
        return NOTHING;
    const struct ese_page *page = w->cursor.leaf;
    memcpy(raw, page->raw.at, page->raw.size);
    raw[(draw(2) ? ESE_PAGE_PREV_AT : ESE_PAGE_NEXT_AT)] ^= (uint8_t)(1 + draw(7));
    printf("table %s, %s: a leaf page's link\n", w->table->name, what);
    return write_page(w, page, raw);
}

static int one(struct wronger *w)
{
    const struct ese_catalog *catalog = w->db->catalog;
    w->table = ese_catalog_table(catalog, draw(ese_catalog_tables(catalog)));
    if (is_system(w->table))
        return NOTHING;
    switch ((enum wrong)draw(WRONGS)) {
    case WRONG_VALUE:
        return wrong_value(w, false);
    case WRONG_REFERENCE:
        return wrong_reference(w);
    case WRONG_NULL:
        return wrong_value(w, true);
    case WRONG_DROP:
        return wrong_drop(w);
    case WRONG_ADD:
        return wrong_add(w);
    case WRONG_BYTE:
        return wrong_bytes(w, false);
    case WRONG_KEY:
        return wrong_bytes(w, true);
    case WRONG_DELETED:
        return wrong_deleted(w);
    case WRONG_LINK:
        return wrong_link(w);
    case WRONGS:
        break;
    }
    return ERROR;
}

int main(int argc, char **argv)
{
    struct wronger w = {.descriptor = -1};
    struct fault f = {.code = FAULT_NONE};
    int status = NOTHING;
    if (argc != 3)
        return ERROR;
    state = strtoull(argv[2], NULL, 10);
    if (state == 0)
        return DONE;
    state *= 0x2545f4914f6cdd1du;
    for (unsigned tries = 0; tries < TRIES && status == NOTHING; tries++) {
        if (!ese_db_open(argv[1], NULL, NULL, &w.db, &f)) {
            fprintf(stderr, "kmwrong: %s\n", f.text);
            return ERROR;
        }
        w.descriptor = open(argv[1], O_RDWR | O_CLOEXEC);
        status = w.descriptor < 0 ? ERROR : one(&w);
        ese_cursor_close(&w.cursor);
        ese_db_close(w.db);
        close(w.descriptor);
    }
    return status;
}
