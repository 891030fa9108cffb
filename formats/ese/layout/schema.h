/*
 * What a database is made of: tables, their columns and indexes, as the catalog names them. Records
 * and keys are read and written by it; read/catalog.h gets it from a file.
 *
 * Source: the published engine, inc/cat.hxx and ese/_cat.cxx (columns of MSysObjects).
 */
#ifndef KM_FORMATS_ESE_SCHEMA_H
#define KM_FORMATS_ESE_SCHEMA_H

#include "formats/bytes.h"
#include "formats/ese/layout/format.h"

/* Strings and bytes here belong to who made the schema: the catalog, where it was read. */
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

/* Is it Text or LongText; Binary or LongBinary? */
static inline bool ese_column_is_text(const struct ese_column *column)
{
    return ese_coltype_is_text(column->type);
}
static inline bool ese_column_is_binary(const struct ese_column *column)
{
    return ese_coltype_is_binary(column->type);
}

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

static inline bool ese_index_is_primary(const struct ese_index *index)
{
    return index->flags & ESE_INDEX_PRIMARY;
}

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

/* Size in bytes of a fixed column's value: its type's, or its own where the type has several
 * (Binary and Text of a fixed size, deleted columns). */
static inline size_t ese_column_fixed_size(const struct ese_column *column)
{
    size_t size = ese_coltype_size(column->type);
    return size ? size : column->size;
}

/* Is that the table's name?  Compared without regard to ASCII case; NULL is nobody's. */
bool ese_table_is(const struct ese_table *table, const char *name);

/* The column of that name, compared likewise; NULL when there is none or it is deleted, and for no
 * table or no name (NULL). */
const struct ese_column *ese_table_column(const struct ese_table *table, const char *name);

/* The column that a key segment names; NULL when the table has none such. */
const struct ese_column *ese_table_segment_column(const struct ese_table *table,
                                                  const struct ese_key_segment *segment);

/* Is the column a part of the table's primary key? */
bool ese_table_in_primary(const struct ese_table *table, const struct ese_column *column);

/* The column that alone is the table's primary key; NULL: none. */
const struct ese_column *ese_table_primary_column(const struct ese_table *table);

/* The same, when it is a Long; NULL otherwise. */
const struct ese_column *ese_table_key_column(const struct ese_table *table);

#endif
