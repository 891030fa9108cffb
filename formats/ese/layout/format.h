/*
 * Names and numbers of the ESE database format that more than one layer needs.
 *
 * Source: Microsoft's published engine (dev/ese/src/inc: daedef.hxx, cpage.hxx, daeconst.hxx,
 * cat.hxx, jet.h) and libesedb's format description.
 */
#ifndef KM_FORMATS_ESE_FORMAT_H
#define KM_FORMATS_ESE_FORMAT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define ESE_MAGIC 0x89abcdefu
#define ESE_VERSION 0x620u

/* Format revisions ("update" in the header) at which something that this program reads or writes
 * changed.  What is there on a page is told by the page's own flags, not by these. */
enum ese_revision {
    ESE_REVISION_ESE97 = 0x2,         /* Exchange 5.5: XOR checksum, TAGFLD_OLD records */
    ESE_REVISION_SPLIT_BUFFER = 0x3,  /* space tree roots carry a 16-byte split buffer */
    ESE_REVISION_ESE98 = 0x9,         /* Windows 2000/XP: offset-array tagged columns */
    ESE_REVISION_ECC = 0xb,           /* XOR + ECC checksum */
    ESE_REVISION_LARGE_PAGES = 0x11,  /* Windows 7: 2-32 KiB pages, node flags, compression */
    ESE_REVISION_PUBLISHED = 0x122,   /* the last one in the published engine source */
    ESE_REVISION_NEWEST_SEEN = 0x12c, /* read by what was seen in real files */
};

enum ese_state {
    ESE_STATE_JUST_CREATED = 1,
    ESE_STATE_DIRTY_SHUTDOWN = 2,
    ESE_STATE_CLEAN_SHUTDOWN = 3,
    ESE_STATE_BEING_CONVERTED = 4,
    ESE_STATE_FORCE_DETACH = 5,
    ESE_STATE_INCREMENTAL_RESEED = 6,
    ESE_STATE_DIRTY_AND_PATCHED = 7,
    ESE_STATE_REVERT_IN_PROGRESS = 8,
};

enum ese_page_flag {
    ESE_PAGE_ROOT = 0x1,
    ESE_PAGE_LEAF = 0x2,
    ESE_PAGE_PARENT_OF_LEAF = 0x4,
    ESE_PAGE_EMPTY = 0x8,
    ESE_PAGE_REPAIRED = 0x10,
    ESE_PAGE_SPACE_TREE = 0x20,
    ESE_PAGE_INDEX = 0x40,
    ESE_PAGE_LONG_VALUE = 0x80,
    ESE_PAGE_NON_UNIQUE_KEYS = 0x400,
    ESE_PAGE_NEW_RECORD_FORMAT = 0x800,
    ESE_PAGE_NEW_CHECKSUM = 0x2000,
    ESE_PAGE_SCRUBBED = 0x4000,
    ESE_PAGE_FLUSH_TYPE = 0x18000, /* two bits that the flush map (.jfm) repeats */
    ESE_PAGE_PRE_INIT = 0x20000,
    ESE_PAGE_FDP_DELETE = 0x40000,
    ESE_PAGE_KNOWN_FLAGS = 0x7ffff,
};

enum ese_node_flag {
    ESE_NODE_VERSION = 0x1, /* means nothing in a clean file */
    ESE_NODE_DELETED = 0x2,
    ESE_NODE_COMPRESSED = 0x4, /* the key starts with part of the page's prefix */
};

/* JET_coltyp: what a column holds.  The numbers are in the catalog. */
enum ese_coltype {
    ESE_COL_NIL = 0,
    ESE_COL_BIT = 1,
    ESE_COL_UNSIGNED_BYTE = 2,
    ESE_COL_SHORT = 3,
    ESE_COL_LONG = 4,
    ESE_COL_CURRENCY = 5,
    ESE_COL_IEEE_SINGLE = 6,
    ESE_COL_IEEE_DOUBLE = 7,
    ESE_COL_DATE_TIME = 8,
    ESE_COL_BINARY = 9,
    ESE_COL_TEXT = 10,
    ESE_COL_LONG_BINARY = 11,
    ESE_COL_LONG_TEXT = 12,
    ESE_COL_SLV = 13,
    ESE_COL_UNSIGNED_LONG = 14,
    ESE_COL_LONG_LONG = 15,
    ESE_COL_GUID = 16,
    ESE_COL_UNSIGNED_SHORT = 17,
    ESE_COL_UNSIGNED_LONG_LONG = 18,
    ESE_COL_MAX = 19,
};

/* Column ids say how a column is stored. */
enum {
    ESE_FIXED_FIRST = 1,
    ESE_FIXED_LAST = 127,
    ESE_VARIABLE_FIRST = 128,
    ESE_VARIABLE_LAST = 255,
    ESE_TAGGED_FIRST = 256,
    ESE_TAGGED_LAST = 65248, /* JET_ccolMost, 0xfee0 */
};

/* FIELDFLAG: flags of a column as the catalog stores them. */
enum ese_column_flag {
    ESE_COLUMN_NOT_NULL = 0x1,
    ESE_COLUMN_VERSION = 0x2,
    ESE_COLUMN_AUTO_INCREMENT = 0x4,
    ESE_COLUMN_MULTI_VALUED = 0x8,
    ESE_COLUMN_DEFAULT = 0x10,
    ESE_COLUMN_ESCROW = 0x20,
    ESE_COLUMN_FINALIZE = 0x40,
    ESE_COLUMN_USER_DEFINED_DEFAULT = 0x80,
    ESE_COLUMN_TEMPLATE_ESE98 = 0x100,
    ESE_COLUMN_DELETE_ON_ZERO = 0x200,
    ESE_COLUMN_PRIMARY_PLACEHOLDER = 0x800,
    ESE_COLUMN_COMPRESSED = 0x1000,
    ESE_COLUMN_ENCRYPTED = 0x2000,
};

/* IDBFLAG: flags of an index as the catalog stores them. */
enum ese_index_flag {
    ESE_INDEX_UNIQUE = 0x1,
    ESE_INDEX_ALLOW_ALL_NULLS = 0x2,
    ESE_INDEX_ALLOW_FIRST_NULL = 0x4,
    ESE_INDEX_ALLOW_SOME_NULLS = 0x8,
    ESE_INDEX_NO_NULL_SEGMENT = 0x10,
    ESE_INDEX_PRIMARY = 0x20,
    ESE_INDEX_LOCALE_SET = 0x40,
    ESE_INDEX_MULTI_VALUED = 0x80,
    ESE_INDEX_TEMPLATE = 0x100,
    ESE_INDEX_DERIVED = 0x200,
    ESE_INDEX_LOCALIZED_TEXT = 0x400,
    ESE_INDEX_SORT_NULLS_HIGH = 0x800,
    ESE_INDEX_UNICODE_FIXUP = 0x1000,
    ESE_INDEX_CROSS_PRODUCT = 0x2000,
    ESE_INDEX_DISALLOW_TRUNCATION = 0x4000,
    ESE_INDEX_NESTED_TABLE = 0x8000,
    ESE_INDEX_EXTENDED_COLUMNS = 0x10000, /* KeyFldIDs takes 4 bytes a segment */
    ESE_INDEX_DOT_NET_GUID = 0x20000,     /* GUIDs sort as .NET compares them */
    ESE_INDEX_DEFERRED = 0x40000,         /* not completely built; the engine does not use it */
};

/* sysobj: the kinds of catalog row. */
enum ese_object_type {
    ESE_OBJECT_TABLE = 1,
    ESE_OBJECT_COLUMN = 2,
    ESE_OBJECT_INDEX = 3,
    ESE_OBJECT_LONG_VALUE = 4,
    ESE_OBJECT_CALLBACK = 5,
};

/* Pages and object ids that are the same in every database. */
enum {
    ESE_PGNO_ROOT = 1, /* the database itself: owns all space */
    ESE_PGNO_CATALOG = 4,
    ESE_PGNO_CATALOG_NAME_INDEX = 7,
    ESE_PGNO_CATALOG_ROOT_INDEX = 10,
    ESE_PGNO_CATALOG_SHADOW = 24,
    ESE_OBJID_ROOT = 1,
    ESE_OBJID_CATALOG = 2,
    ESE_OBJID_CATALOG_SHADOW = 3,
    ESE_OBJID_CATALOG_NAME_INDEX = 4,
    ESE_OBJID_CATALOG_ROOT_INDEX = 5,
};

enum { ESE_CODEPAGE_UNICODE = 1200, ESE_CODEPAGE_WESTERN = 1252 };

enum {
    ESE_PAGE_SIZE_MIN = 2048,
    ESE_PAGE_SIZE_MAX = 32768,
    ESE_PAGE_SIZE_SMALL_MAX = 8192, /* up to here "small pages": tag flags, 40-byte page header */
    ESE_KEY_MOST = 2000,            /* longest normalised key of any page size */
    ESE_KEY_MOST_DEFAULT = 255,     /* longest key of an index whose catalog row names none */
    ESE_KEY_ROOM = 4096,            /* room for any key with its prefix; longer ones are damage */
    ESE_DEPTH_MOST = 12,            /* deeper trees do not exist below 2^32 pages */
};

/* Column type as users know it ("Long", "LongBinary"); "?" for numbers that do not exist. */
const char *ese_coltype_name(enum ese_coltype type);

/* Size in bytes of a value of a fixed-size type; 0 for the types of variable size. */
static inline size_t ese_coltype_size(enum ese_coltype type)
{
    static const uint8_t size[ESE_COL_MAX] = {
        [ESE_COL_BIT] = 1,
        [ESE_COL_UNSIGNED_BYTE] = 1,
        [ESE_COL_SHORT] = 2,
        [ESE_COL_LONG] = 4,
        [ESE_COL_CURRENCY] = 8,
        [ESE_COL_IEEE_SINGLE] = 4,
        [ESE_COL_IEEE_DOUBLE] = 8,
        [ESE_COL_DATE_TIME] = 8,
        [ESE_COL_UNSIGNED_LONG] = 4,
        [ESE_COL_LONG_LONG] = 8,
        [ESE_COL_GUID] = 16,
        [ESE_COL_UNSIGNED_SHORT] = 2,
        [ESE_COL_UNSIGNED_LONG_LONG] = 8,
    };
    return (unsigned)type < ESE_COL_MAX ? size[type] : 0;
}

/* True for the types that hold a whole number, of any size, signed or not; a Bit is none of them.
 */
bool ese_coltype_is_integer(enum ese_coltype type);

/* True for Text and LongText; for Binary and LongBinary. */
static inline bool ese_coltype_is_text(enum ese_coltype type)
{
    return type == ESE_COL_TEXT || type == ESE_COL_LONG_TEXT;
}
static inline bool ese_coltype_is_binary(enum ese_coltype type)
{
    return type == ESE_COL_BINARY || type == ESE_COL_LONG_BINARY;
}

/* Is it the object of the catalog, or of its shadow? */
static inline bool ese_objid_is_catalog(uint32_t objid)
{
    return objid == ESE_OBJID_CATALOG || objid == ESE_OBJID_CATALOG_SHADOW;
}

/* Where a page begins in the file, behind the header and its shadow. */
static inline uint64_t ese_page_offset(uint32_t number, uint32_t page_size)
{
    return ((uint64_t)number + 1) * page_size;
}

/* True for LongBinary, LongText (and the obsolete SLV), whose values may live in the long-value
 * tree. */
bool ese_coltype_is_long(enum ese_coltype type);

/* "clean-shutdown", "dirty-shutdown", ...: the header's state in the words of the contract. */
const char *ese_state_name(uint32_t state);

/* True for the page sizes of the format: 2048, 4096, 8192, 16384, 32768. */
static inline bool ese_page_size_valid(uint32_t size)
{
    return size >= ESE_PAGE_SIZE_MIN && size <= ESE_PAGE_SIZE_MAX && (size & (size - 1)) == 0;
}

static inline bool ese_page_size_small(uint32_t size)
{
    return size <= ESE_PAGE_SIZE_SMALL_MAX;
}

#endif
