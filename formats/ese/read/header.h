/*
 * The database header (DBFILEHDR): the first page of the file, with a copy, the shadow, in the
 * second.
 *
 * Source: the published engine, dev/ese/src/inc/daedef.hxx (struct DBFILEHDR) and ese/db.cxx (what
 * an attach checks).
 */
#ifndef KM_FORMATS_ESE_HEADER_H
#define KM_FORMATS_ESE_HEADER_H

#include "formats/bytes.h"
#include "formats/ese/read/file.h"
#include "formats/ese/layout/format.h"
#include "formats/fault.h"

/* LOGTIME: a time as the engine stores it.  All zero: never. */
struct ese_time {
    uint8_t second, minute, hour, day, month, year; /* month 1-12; year since 1900 */
    bool utc; /* it says that it is UTC; otherwise it is local time, of a zone that nobody noted */
};

/* SIGNATURE: names a database or a log stream. */
struct ese_signature {
    uint32_t random;
    struct ese_time created;
};

/* LGPOS: a place in the transaction logs. */
struct ese_log_position {
    uint16_t byte, sector;
    int32_t generation;
};

struct ese_header {
    uint32_t version, revision, page_size, state, file_type;
    uint32_t create_version, create_revision;
    uint32_t flags; /* bit 0: the shadow catalog is not kept */
    uint32_t objid_last;
    uint64_t dbtime;
    struct ese_signature signature;
    struct ese_time consistent, attached, detached, repaired;
    struct ese_log_position consistent_at, attached_at;
    uint32_t os_major, os_minor, os_build, os_service_pack;
    uint32_t repair_count;
    int32_t generation_min_required, generation_max_required;
};

/* Offsets that writers change as well as readers read. */
enum ese_header_at {
    ESE_HEADER_MAGIC_AT = 4,
    ESE_HEADER_VERSION_AT = 8,
    ESE_HEADER_ATTRIBUTE_AT = 12,
    ESE_HEADER_DBTIME_AT = 16,
    ESE_HEADER_SIGNATURE_AT = 24,
    ESE_HEADER_STATE_AT = 52,
    ESE_HEADER_CONSISTENT_AT = 56, /* LGPOS, then its LOGTIME */
    ESE_HEADER_ATTACH_AT = 72,     /* LOGTIME, then its LGPOS */
    ESE_HEADER_DETACH_AT = 88,     /* LOGTIME, then its LGPOS */
    ESE_HEADER_DBID_AT = 104,
    ESE_HEADER_LOG_SIGNATURE_AT = 108,
    ESE_HEADER_FLAGS_AT = 208,
    ESE_HEADER_OBJID_LAST_AT = 212,
    ESE_HEADER_OS_AT = 216,
    ESE_HEADER_REVISION_AT = 232,
    ESE_HEADER_PAGE_SIZE_AT = 236,
    ESE_HEADER_REPAIR_COUNT_AT = 240,
    ESE_HEADER_REPAIR_TIME_AT = 244,
    ESE_HEADER_SCRUB_TIME_AT = 288,
    ESE_HEADER_GENERATIONS_AT = 296,
    ESE_HEADER_CREATE_VERSION_AT = 340,
    ESE_HEADER_UPDATE_MINOR_AT = 644, /* of the newest engine that has attached the database */
    ESE_HEADER_FILE_TYPE_AT = 667,
    ESE_HEADER_SIZE = 748, /* fields end here; the rest of the page is zero */
    ESE_SIGNATURE_TIME_AT = 4,
    ESE_SIGNATURE_SIZE = 28,
};

enum ese_header_flag { ESE_HEADER_SHADOW_CATALOG_OFF = 0x1 };

enum ese_header_state {
    ESE_HEADER_GOOD,
    ESE_HEADER_UNREADABLE, /* not all of its bytes are in the file */
    ESE_HEADER_NOT_ESE,    /* the magic is missing */
    ESE_HEADER_BAD_CHECKSUM,
    ESE_HEADER_BAD_PAGE_SIZE, /* it names a size that does not exist, or not the one it was read as
                               */
};

/* What was found of a file's two headers. */
struct ese_headers {
    struct ese_header header; /* from the primary when it is good, else from the shadow */
    enum ese_header_state primary, shadow;
    bool equal;                     /* both good: no byte differs */
    uint8_t raw[ESE_PAGE_SIZE_MAX]; /* the page that `header` was read from */
};

/* "good", "bad checksum", ...: for reports. */
const char *ese_header_state_name(enum ese_header_state state);

/* Reads and judges both headers.  Fails when neither can be used, or when the one that can is of a
 * format that cannot be read (older than 0x620, a page size that does not exist, not a database);
 * the text says which, with expected and found. */
bool ese_headers_read(struct ese_file *file, struct ese_headers *headers, struct fault *f);

/* Cuts a header page into fields; only lengths are checked.  page: at least ESE_HEADER_SIZE bytes.
 */
void ese_header_parse(struct bytes page, struct ese_header *header);

/* A LOGTIME (8 bytes), a SIGNATURE (28 bytes) or an LGPOS (8 bytes) at an offset of b; zeros where
 * b is too short. */
struct ese_time ese_time_read(struct bytes b, size_t at);
struct ese_signature ese_signature_read(struct bytes b, size_t at);
struct ese_log_position ese_log_position_read(struct bytes b, size_t at);

/* Seconds since 1970 UTC, as if the stored time were UTC; false when it is all zero or no date. */
bool ese_time_seconds(struct ese_time t, int64_t *seconds);

#endif
