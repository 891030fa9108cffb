/* Reading the header and its shadow: see header.h. */
#include "formats/ese/read/header.h"

#include "formats/calendar.h"
#include "formats/ese/layout/checksum.h"

#include <inttypes.h>

struct ese_time ese_time_read(struct bytes b, size_t at)
{
    uint8_t month = bytes_get_u8(b, at + 4);
    return (struct ese_time){.second = bytes_get_u8(b, at),
                             .minute = bytes_get_u8(b, at + 1),
                             .hour = bytes_get_u8(b, at + 2),
                             .day = bytes_get_u8(b, at + 3),
                             .month = month,
                             .year = bytes_get_u8(b, at + 5),
                             .utc = month != 0 && (bytes_get_u8(b, at + 6) & 1)};
}

struct ese_signature ese_signature_read(struct bytes b, size_t at)
{
    return (struct ese_signature){.random = bytes_get_le32(b, at),
                                  .created = ese_time_read(b, at + 4)};
}

struct ese_log_position ese_log_position_read(struct bytes b, size_t at)
{
    return (struct ese_log_position){.byte = bytes_get_le16(b, at),
                                     .sector = bytes_get_le16(b, at + 2),
                                     .generation = (int32_t)bytes_get_le32(b, at + 4)};
}

void ese_header_parse(struct bytes b, struct ese_header *h)
{
    *h = (struct ese_header){
        .version = bytes_get_le32(b, ESE_HEADER_VERSION_AT),
        .revision = bytes_get_le32(b, ESE_HEADER_REVISION_AT),
        .page_size = bytes_get_le32(b, ESE_HEADER_PAGE_SIZE_AT),
        .state = bytes_get_le32(b, ESE_HEADER_STATE_AT),
        .file_type = bytes_get_le32(b, ESE_HEADER_FILE_TYPE_AT),
        .create_version = bytes_get_le32(b, ESE_HEADER_CREATE_VERSION_AT),
        .create_revision = bytes_get_le32(b, ESE_HEADER_CREATE_VERSION_AT + 4),
        .flags = bytes_get_le32(b, ESE_HEADER_FLAGS_AT),
        .objid_last = bytes_get_le32(b, ESE_HEADER_OBJID_LAST_AT),
        .signature = ese_signature_read(b, ESE_HEADER_SIGNATURE_AT),
        .consistent_at = ese_log_position_read(b, ESE_HEADER_CONSISTENT_AT),
        .consistent = ese_time_read(b, ESE_HEADER_CONSISTENT_AT + 8),
        .attached = ese_time_read(b, ESE_HEADER_ATTACH_AT),
        .attached_at = ese_log_position_read(b, ESE_HEADER_ATTACH_AT + 8),
        .detached = ese_time_read(b, ESE_HEADER_DETACH_AT),
        .os_major = bytes_get_le32(b, ESE_HEADER_OS_AT),
        .os_minor = bytes_get_le32(b, ESE_HEADER_OS_AT + 4),
        .os_build = bytes_get_le32(b, ESE_HEADER_OS_AT + 8),
        .os_service_pack = bytes_get_le32(b, ESE_HEADER_OS_AT + 12),
        .repair_count = bytes_get_le32(b, ESE_HEADER_REPAIR_COUNT_AT),
        .repaired = ese_time_read(b, ESE_HEADER_REPAIR_TIME_AT),
        .generation_min_required = (int32_t)bytes_get_le32(b, ESE_HEADER_GENERATIONS_AT),
        .generation_max_required = (int32_t)bytes_get_le32(b, ESE_HEADER_GENERATIONS_AT + 4),
    };
    bytes_le64(b, ESE_HEADER_DBTIME_AT, &h->dbtime);
    if (h->page_size == 0)
        h->page_size = 4096; /* from before page sizes could be chosen */
}

const char *ese_header_state_name(enum ese_header_state state)
{
    static const char *const names[] = {
        [ESE_HEADER_GOOD] = "is good",
        [ESE_HEADER_UNREADABLE] = "is cut short by the end of the file",
        [ESE_HEADER_NOT_ESE] = "lacks the ESE magic number",
        [ESE_HEADER_BAD_CHECKSUM] = "has a wrong checksum",
        [ESE_HEADER_BAD_PAGE_SIZE] = "names a page size that cannot be",
    };
    return names[state];
}

/* Judges the `size` bytes at `offset` as a header of that page size; they go to `raw`. */
static bool judge(struct ese_file *file, uint64_t offset, uint32_t size, uint8_t *raw,
                  enum ese_header_state *state, struct fault *f)
{
    size_t got;
    if (!ese_file_read(file, offset, raw, size, &got, f))
        return false;
    struct bytes page = bytes_of(raw, got);
    struct ese_header h;
    if (got < ESE_HEADER_SIZE) {
        *state = got >= 8 && bytes_get_le32(page, ESE_HEADER_MAGIC_AT) != ESE_MAGIC
                     ? ESE_HEADER_NOT_ESE
                     : ESE_HEADER_UNREADABLE;
        return true;
    }
    ese_header_parse(page, &h);
    if (bytes_get_le32(page, ESE_HEADER_MAGIC_AT) != ESE_MAGIC)
        *state = ESE_HEADER_NOT_ESE;
    else if (got < size)
        *state = ESE_HEADER_UNREADABLE;
    else if (ese_checksum_xor(page) != bytes_get_le32(page, 0))
        *state = ESE_HEADER_BAD_CHECKSUM;
    else if (h.page_size != size)
        *state = ESE_HEADER_BAD_PAGE_SIZE;
    else
        *state = ESE_HEADER_GOOD;
    return true;
}

/* The page size that the primary header names, or 0 when it names none that exists. */
static bool named_page_size(struct ese_file *file, uint8_t *raw, uint32_t *size, struct fault *f)
{
    size_t got;
    if (!ese_file_read(file, 0, raw, ESE_PAGE_SIZE_MIN, &got, f))
        return false;
    *size = 0;
    struct ese_header h;
    ese_header_parse(bytes_of(raw, got), &h);
    if (got >= ESE_HEADER_SIZE &&
        bytes_get_le32(bytes_of(raw, got), ESE_HEADER_MAGIC_AT) == ESE_MAGIC &&
        ese_page_size_valid(h.page_size))
        *size = h.page_size;
    return true;
}

/* The primary's checksum tells its size when its own field does not: the sum covers just one page.
 */
static bool judge_primary(struct ese_file *file, struct ese_headers *hs, uint32_t *size,
                          struct fault *f)
{
    uint32_t named;
    if (!named_page_size(file, hs->raw, &named, f))
        return false;
    *size = named ? named : 4096;
    if (!judge(file, 0, *size, hs->raw, &hs->primary, f))
        return false;
    if (hs->primary == ESE_HEADER_GOOD && named == 0)
        hs->primary = ESE_HEADER_BAD_PAGE_SIZE;
    if (named == 0 && hs->primary == ESE_HEADER_BAD_CHECKSUM)
        hs->primary = ESE_HEADER_BAD_PAGE_SIZE;
    return true;
}

/* Without a good primary nothing says where the shadow starts: every page size is tried. */
static bool find_shadow(struct ese_file *file, struct ese_headers *hs, struct fault *f)
{
    enum ese_header_state first_seen = ESE_HEADER_NOT_ESE;
    for (uint32_t size = ESE_PAGE_SIZE_MIN; size <= ESE_PAGE_SIZE_MAX; size *= 2) {
        if (!judge(file, size, size, hs->raw, &hs->shadow, f))
            return false;
        if (hs->shadow == ESE_HEADER_GOOD)
            return true;
        if (first_seen == ESE_HEADER_NOT_ESE)
            first_seen = hs->shadow;
    }
    hs->shadow = first_seen;
    return true;
}

static bool judge_shadow(struct ese_file *file, struct ese_headers *hs, uint32_t size,
                         struct fault *f)
{
    uint8_t other[ESE_PAGE_SIZE_MAX];
    if (!judge(file, size, size, other, &hs->shadow, f))
        return false;
    hs->equal = hs->shadow == ESE_HEADER_GOOD && memcmp(hs->raw, other, size) == 0;
    return true;
}

/* What people name in place of a database, by the bytes that it begins with; NULL: nothing known.
 */
static const char *other_format(struct bytes start)
{
    static const struct {
        size_t at;
        const char *magic;
        size_t size;
        const char *name;
    } known[] = {
        {0, "PK\x03\x04", 4, "a ZIP archive; unpack it, and name the database"},
        {0, "PK\x05\x06", 4, "an empty ZIP archive"},
        {0, "7z\xbc\xaf\x27\x1c", 6, "a 7-Zip archive; unpack it, and name the database"},
        {0, "Rar!\x1a\x07", 6, "a RAR archive; unpack it, and name the database"},
        {0, "MSCF", 4, "a cabinet file; unpack it, and name the database"},
        {0,
         "\xfd"
         "7zXZ",
         6, "xz data; unpack it, and name the database"},
        {0, "BZh", 3, "bzip2 data; unpack it, and name the database"},
        {0, "\x28\xb5\x2f\xfd", 4, "zstd data; unpack it, and name the database"},
        {0, "TAPE", 4, "a backup of NTBackup; restore the Kmsdata directory from it"},
        {4, "Standard Jet DB", 16, "an Access database (Jet Red, another Jet)"},
        {4, "Standard ACE DB", 16, "an Access database (ACE)"},
        {0, "SQLite format 3", 16, "an SQLite database"},
        {0, "!BDN", 4, "an Outlook .pst or .ost file"},
        {0, "-----BEGIN ", 11, "PEM, text with certificates or keys"},
        {0, "\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", 8, "a compound file, as of Office or a .msg"},
        {0, "%PDF-", 5, "a PDF document"},
        {0, "regf", 4, "a hive of the Windows registry"},
    };
    struct bytes found;
    for (size_t i = 0; i < sizeof known / sizeof known[0]; i++)
        if (bytes_cut(start, known[i].at, known[i].size, &found) &&
            bytes_equal(found, bytes_of(known[i].magic, known[i].size)))
            return known[i].name;
    return NULL;
}

static bool refuse_both(struct ese_file *file, const struct ese_headers *hs, struct fault *f)
{
    uint8_t start[20] = {0};
    size_t got;
    if (!ese_file_read(file, 0, start, sizeof start, &got, f))
        return false;
    if (got < 8)
        return fault_set(
            f, FAULT_NOT_THIS,
            "not an ESE database: expected at least a header of %u bytes, found %zu; name "
            "another file, or get this one again",
            ESE_PAGE_SIZE_MIN, got);
    const char *other = other_format(bytes_of(start, got));
    if (hs->primary == ESE_HEADER_NOT_ESE && other != NULL &&
        (hs->shadow == ESE_HEADER_NOT_ESE || hs->shadow == ESE_HEADER_UNREADABLE))
        return fault_set(f, FAULT_UNSUPPORTED, "not an ESE database, but %s", other);
    if (hs->primary == ESE_HEADER_NOT_ESE &&
        (hs->shadow == ESE_HEADER_NOT_ESE || hs->shadow == ESE_HEADER_UNREADABLE))
        return fault_set(
            f, FAULT_NOT_THIS,
            "not an ESE database: expected 0x%08x at byte 4 of the header, found 0x%08x, "
            "and no shadow header; name another file, or restore this one from a backup",
            ESE_MAGIC, bytes_get_le32(bytes_of(start, sizeof start), ESE_HEADER_MAGIC_AT));
    return fault_set(f, FAULT_DAMAGED,
                     "neither header can be used: the header %s, the shadow header %s; restore "
                     "the file from a backup",
                     ese_header_state_name(hs->primary), ese_header_state_name(hs->shadow));
}

/* What this program can read at all, as an attach of the engine checks it. */
static bool refuse_foreign(const struct ese_header *h, struct fault *f)
{
    if (h->version < ESE_VERSION)
        return fault_set(
            f, FAULT_UNSUPPORTED,
            "database format 0x%x is older than ESE97: expected 0x%x; convert it with the "
            "engine that wrote it",
            h->version, ESE_VERSION);
    if (h->version > ESE_VERSION)
        return fault_set(
            f, FAULT_UNSUPPORTED,
            "unknown database format version 0x%x: expected 0x%x; a later kmmigrate may know it",
            h->version, ESE_VERSION);
    if (h->file_type > 1 && h->file_type != 5)
        return fault_set(
            f, FAULT_UNSUPPORTED,
            "an ESE file, but not a database: expected file type 1, found %u; name the "
            "database file",
            h->file_type);
    return true;
}

/* A header whose shadow stands not behind it, but where another page size has it, names a wrong
 * size. */
static bool doubt_page_size(struct ese_file *file, struct ese_headers *hs, uint32_t size,
                            struct fault *f)
{
    enum ese_header_state behind = hs->shadow;
    if (!find_shadow(file, hs, f))
        return false;
    if (hs->shadow == ESE_HEADER_GOOD) {
        hs->primary = ESE_HEADER_BAD_PAGE_SIZE;
        return true;
    }
    hs->shadow = behind;
    return judge(file, 0, size, hs->raw, &hs->primary, f); /* find_shadow() used hs->raw */
}

bool ese_headers_read(struct ese_file *file, struct ese_headers *hs, struct fault *f)
{
    uint32_t size;
    *hs = (struct ese_headers){.equal = false};
    if (!judge_primary(file, hs, &size, f))
        return false;
    if (hs->primary == ESE_HEADER_GOOD) {
        if (!judge_shadow(file, hs, size, f))
            return false;
        if (hs->shadow != ESE_HEADER_GOOD && !doubt_page_size(file, hs, size, f))
            return false;
    } else {
        if (!find_shadow(file, hs, f))
            return false;
        if (hs->shadow != ESE_HEADER_GOOD)
            return refuse_both(file, hs, f);
    }
    ese_header_parse(bytes_of(hs->raw, sizeof hs->raw), &hs->header);
    return refuse_foreign(&hs->header, f);
}

bool ese_time_seconds(struct ese_time t, int64_t *seconds)
{
    if (t.month < 1 || t.month > 12 || t.day < 1 || t.day > 31 || t.hour > 23 || t.minute > 59 ||
        t.second > 60)
        return false;
    *seconds = calendar_days(1900 + t.year, t.month, t.day) * CALENDAR_SECONDS_A_DAY +
               t.hour * 3600 + t.minute * 60 + t.second;
    return true;
}
