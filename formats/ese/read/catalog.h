/*
 * The catalog: what tables, columns, indexes and long-value trees a database has (MSysObjects, or
 * its copy MSysObjectsShadow when that cannot be read).
 *
 * Source: the published engine, inc/cat.hxx and ese/_cat.cxx (columns of MSysObjects), ese/cat.cxx.
 */
#ifndef KM_FORMATS_ESE_CATALOG_H
#define KM_FORMATS_ESE_CATALOG_H

#include "formats/ese/read/pages.h"

/* Strings and bytes here belong to the catalog. */
struct ese_column {
    uint32_t id;
    const char *name;
    enum ese_coltype type;      /* ESE_COL_NIL: a deleted column, whose place is kept */
    uint32_t flags;             /* enum ese_column_flag */
    uint32_t size;              /* largest size in bytes; 0: the type's own limit */
    uint32_t code_page;         /* of text columns */
    uint16_t offset;            /* fixed columns: where the value starts in the record */
    bool from_template;         /* inherited from the table's template */
    struct bytes default_value; /* at == NULL: none */
};

struct ese_key_segment {
    uint32_t column;
    bool descending;
    bool from_template; /* column is one of the template's */
    bool must_be_null;  /* conditional columns only: otherwise it must not be null */
};

enum { ESE_KEY_SEGMENTS_MOST = 16 };

struct ese_index {
    uint32_t objid, root; /* for the primary index: those of the table itself */
    const char *name;
    uint32_t flags;         /* enum ese_index_flag */
    uint32_t locale;        /* LCID of text keys */
    uint32_t key_most;      /* longest key in bytes; 0: the engine's default, 255 */
    uint16_t variable_most; /* VarSegMac: longest single variable segment; 0: no limit of its own */
    unsigned segments, conditions;
    struct ese_key_segment segment[ESE_KEY_SEGMENTS_MOST];
    struct ese_key_segment condition[ESE_KEY_SEGMENTS_MOST];
    bool tuples; /* indexes substrings of its first column */
    bool from_template;
};

struct ese_table {
    uint32_t objid, root;
    const char *name;
    const char *template_name; /* NULL: none */
    uint32_t flags;
    unsigned columns, indexes;
    struct ese_column *column; /* by storage: the template's first, then by id; deleted ones too */
    unsigned inherited;        /* how many of them are the template's */
    bool sorted;               /* both parts are: so all tables of a catalog that was read */
    struct ese_index *index;
    uint32_t long_value_root, long_value_objid; /* 0: no long-value tree */
    uint32_t long_value_chunk;                  /* LVChunkMax of the catalog; 0: not stored */
    uint32_t first_own_tagged; /* lowest tagged id that is not the template's (before revision 8) */
};

/* Where the fixed columns stand in the record of every catalog row: all revisions agree on these.
 */
enum ese_catalog_at {
    ESE_CATALOG_OBJID_TABLE_AT = 4,
    ESE_CATALOG_TYPE_AT = 8, /* enum ese_object_type */
    ESE_CATALOG_ID_AT = 10,
    ESE_CATALOG_COLTYPE_AT = 14, /* of a column */
    ESE_CATALOG_ROOT_AT = 14,    /* of anything else: the root page */
};

/* Bits of a key segment that has them: see ESE_INDEX_EXTENDED_COLUMNS. */
enum ese_segment_flag {
    ESE_SEGMENT_MUST_BE_NULL = 0x20,
    ESE_SEGMENT_DESCENDING = 0x40,
    ESE_SEGMENT_TEMPLATE = 0x80,
};

/* Flags of a table as the catalog stores them. */
#define ESE_TABLE_SYSTEM 0x80000000u
#define ESE_TABLE_FIXED_DDL 0x40000000u
#define ESE_TABLE_TEMPLATE 0x20000000u
#define ESE_TABLE_DERIVED 0x10000000u

struct ese_catalog;

/* Reads the catalog whose tree has root page `root`.  Rows that cannot be read are told to `damage`
 * (may be NULL) and passed over.  Fails when not one table can be read, or when memory is short. */
bool ese_catalog_read(struct ese_pages *pages, uint32_t root,
                      void (*damage)(void *context, const struct fault *f), void *context,
                      struct ese_catalog **catalog, struct fault *f);
/* A row of MSysObjects that somebody else has read. */
struct ese_catalog_row {
    struct bytes record;
    bool new_format; /* the page's ESE_PAGE_NEW_RECORD_FORMAT */
    uint32_t page;   /* for faults */
};

/* What a row is about. */
struct ese_catalog_object {
    uint32_t table, type, id; /* type: enum ese_object_type */
    struct bytes name;        /* in the record */
};

/* Reads that much of a row.  Fails when the row cannot be read, or is of no kind that exists. */
bool ese_catalog_row_object(const struct ese_catalog_row *row, size_t page_size,
                            struct ese_catalog_object *object, struct fault *f);

/* As ese_catalog_read(), from `rows` rows in the order of their keys; they are only read during the
 * call. */
bool ese_catalog_of_rows(const struct ese_catalog_row *row, size_t rows, size_t page_size,
                         void (*damage)(void *context, const struct fault *f), void *context,
                         struct ese_catalog **catalog, struct fault *f);
void ese_catalog_close(struct ese_catalog *catalog);

/* Tables in the catalog's own order (by object id). */
unsigned ese_catalog_tables(const struct ese_catalog *catalog);
const struct ese_table *ese_catalog_table(const struct ese_catalog *catalog, unsigned i);

/* The table of that name, compared without regard to ASCII case; NULL when there is none. */
const struct ese_table *ese_catalog_find(const struct ese_catalog *catalog, const char *name);

/* The column of that name, compared likewise; NULL when there is none or it is deleted. */
const struct ese_column *ese_table_column(const struct ese_table *table, const char *name);

/* The column that a key segment names; NULL when the table has none such. */
const struct ese_column *ese_table_segment_column(const struct ese_table *table,
                                                  const struct ese_key_segment *segment);

/* Is the column a part of the table's primary key? */
bool ese_table_in_primary(const struct ese_table *table, const struct ese_column *column);

/* The column that alone is the table's primary key, when it is a Long; NULL otherwise. */
const struct ese_column *ese_table_key_column(const struct ese_table *table);

/* The layout of MSysObjects itself: what the engine has built in to read its own catalog.  Its
 * columns have no catalog of their own to come from. */
const struct ese_table *ese_catalog_own_table(void);

#endif
