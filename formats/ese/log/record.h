/*
 * The records of a transaction log: their types, their sizes, and the parts that many of them
 * share.
 *
 * A record is a type byte, fields at fixed places, and behind them as many bytes as some of those
 * fields say.  Nothing else tells where a record ends, so the size of every type has to be known,
 * of those too that nobody needs.
 *
 * Source: the published engine, dev/ese/src/inc/logapi.hxx (every record), ese/_log/logread.cxx
 * (which fields give a record's size).
 */
#ifndef KM_FORMATS_ESE_LOG_RECORD_H
#define KM_FORMATS_ESE_LOG_RECORD_H

#include "formats/bytes.h"
#include "formats/ese/read/header.h"

enum ese_log_type {
    ESE_LOG_NOP = 0,
    ESE_LOG_INIT = 1,
    ESE_LOG_TERM = 2,
    ESE_LOG_END = 4, /* version 7: nothing follows */
    ESE_LOG_BEGIN = 5,
    ESE_LOG_COMMIT = 6,
    ESE_LOG_ROLLBACK = 7,
    ESE_LOG_BEGIN0 = 8,
    ESE_LOG_COMMIT0 = 9,
    ESE_LOG_REFRESH = 10,
    ESE_LOG_MACRO_BEGIN = 11,
    ESE_LOG_MACRO_COMMIT = 12,
    ESE_LOG_MACRO_ABORT = 13,
    ESE_LOG_CREATE_DB = 14,
    ESE_LOG_ATTACH_DB = 15,
    ESE_LOG_DETACH_DB = 16,
    ESE_LOG_RECOVERY_UNDO = 17,
    ESE_LOG_RECOVERY_QUIT = 18,
    ESE_LOG_TRACE = 22,
    ESE_LOG_SHUT_DOWN = 23,
    ESE_LOG_CREATE_MULTIPLE = 24,
    ESE_LOG_CREATE_SINGLE = 25,
    ESE_LOG_CONVERT_OLD = 26,
    ESE_LOG_SPLIT_OLD = 27,
    ESE_LOG_MERGE_OLD = 28,
    ESE_LOG_INSERT = 29,
    ESE_LOG_FLAG_INSERT = 30,
    ESE_LOG_FLAG_INSERT_REPLACE = 31,
    ESE_LOG_FLAG_DELETE = 32,
    ESE_LOG_REPLACE = 33,
    ESE_LOG_REPLACE_DIFFERENCE = 34,
    ESE_LOG_DELETE = 35,
    ESE_LOG_UNDO_INFO = 36,
    ESE_LOG_DELTA = 37,
    ESE_LOG_SET_EXTERNAL_HEADER = 38,
    ESE_LOG_UNDO = 39,
    ESE_LOG_CHECKSUM = 42, /* version 7 only: what a flush wrote last */
    ESE_LOG_EMPTY_TREE = 48,
    ESE_LOG_INIT2 = 49,
    ESE_LOG_TERM2 = 50,
    ESE_LOG_RECOVERY_UNDO2 = 51,
    ESE_LOG_RECOVERY_QUIT2 = 52,
    ESE_LOG_CONVERT = 58,
    ESE_LOG_SPLIT = 62,
    ESE_LOG_MERGE = 63,
    ESE_LOG_SCRUB = 64,
    ESE_LOG_PAGE_MOVE = 65,
    ESE_LOG_EXTEND_DB = 68,
    ESE_LOG_NOP2 = 71,
    ESE_LOG_REATTACH = 72,
    ESE_LOG_FRAGMENT_BEGIN = 76,
    ESE_LOG_FRAGMENT = 77,
    ESE_LOG_SHRINK_DB = 78,
    ESE_LOG_CREATE_DB_FINISH = 79,
    ESE_LOG_RECOVERY_QUIT_KEEP = 80,
    ESE_LOG_TRIM_DB = 81,
    ESE_LOG_SET_DB_VERSION = 92,
    ESE_LOG_DELTA64 = 93,
    ESE_LOG_SHRINK_DB2 = 94,
    ESE_LOG_NEW_PAGE = 95,
    ESE_LOG_ROOT_PAGE_MOVE = 96,
    ESE_LOG_SHRINK_DB3 = 99,
    ESE_LOG_TYPES = 102, /* the first number that has no meaning yet */
};

/* The longest record that is believed.  Real ones carry one page image at the most. */
#define ESE_LOG_RECORD_MOST (256u * 1024)

/* A record where it was found.  `bytes` starts with the type byte. */
struct ese_log_record {
    enum ese_log_type type;
    struct ese_log_position at;
    struct bytes bytes;
};

/* "Insert", "Split2", ...; "?" for a number without a type. */
const char *ese_log_type_name(unsigned type);

/* Bytes that every record of the type has; 0 for a number that is no type. */
size_t ese_log_fixed_size(unsigned type);

/*
 * The size of the record that b starts with, by its type and the fields that give it.  *size may be
 * more than b has: then the record goes on behind b.
 *
 * False when b is empty, the type is none, or b is too short for the fields that give the size.
 */
bool ese_log_record_size(struct bytes b, uint64_t *size);

/* What every record that changes a page begins with. */
struct ese_log_page {
    uint16_t session;
    uint8_t database;
    uint32_t page;
    uint64_t after, before; /* times of the page: after the change, and before it */
    uint32_t transaction;
    uint8_t level;
    uint16_t line;
    uint8_t flags;            /* enum ese_log_page_flag */
    bool is_node;             /* the three below are there */
    uint32_t version;         /* names the version that an undo has to find again */
    uint32_t root, object_id; /* of the tree that the page belongs to */
};

enum ese_log_page_flag {
    ESE_LOG_VERSIONED = 0x1,
    ESE_LOG_UNIQUE = 0x4,
    ESE_LOG_SPACE = 0x8,
};

/* Reads it.  False for a record of a type that has no such part. */
bool ese_log_page_read(const struct ese_log_record *record, struct ese_log_page *page);

/* How many bytes of keys and rows a record carries; 0 for one that carries none.  A listing shows
 * this number and a hash, never the bytes. */
size_t ese_log_row_bytes(const struct ese_log_record *record, struct bytes *rows);

/* By generation, then sector, then byte: below, equal to or above 0. */
int ese_log_position_compare(struct ese_log_position a, struct ese_log_position b);

#endif
