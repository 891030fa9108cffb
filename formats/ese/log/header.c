/* Headers of log and checkpoint files: see log/header.h. */
#include "formats/ese/log/header.h"

#include "formats/ese/layout/checksum.h"

#include <stdio.h>
#include <strings.h>

enum {
    SECTOR_LEAST = 512,
    GENERATION_AT = 4,
    SECTOR_SIZE_AT = 8,
    HEADER_SECTORS_AT = 10,
    FILE_SECTORS_AT = 12,
    PAGE_SIZE_AT = 14,
    CREATED_AT = 16,
    PREVIOUS_CREATED_AT = 24,
    MAJOR_AT = 32,
    MINOR_AT = 36,
    UPDATE_MAJOR_AT = 40,
    SIGNATURE_AT = 44,
    SYSTEM_PATH_AT = 72,
    LOG_PATH_AT = 333,
    CHECKPOINT_AT = 640,
    UPDATE_MINOR_AT = 648,
    FILE_TYPE_AT = 667,
    ATTACH_AT = 671,
    PATH_FIELD = 261,

    CHECKPOINT_POSITION_AT = 12,
    CHECKPOINT_SIGNATURE_AT = 20,
    CHECKPOINT_SYSTEM_PATH_AT = 48,
    CHECKPOINT_LOG_PATH_AT = 309,
    CHECKPOINT_FLAGS_AT = 647,
    CHECKPOINT_HAS_ATTACHED = 1,
    CHECKPOINT_ATTACH_AT = 679,

    FILE_TYPE_LOG = 3,
    FILE_TYPE_CHECKPOINT = 4,

    ATTACH_FIXED = 64, /* an attachment without its names */
    ATTACH_UNICODE = 0x20,

    MAJOR_OLDEST = 5,
    MAJOR_SECTORS = 7,
    MAJOR_SEGMENTS = 8,
    PAGE_SIZE_DEFAULT = 4096,
};

enum ese_log_file_kind ese_log_kind(struct bytes start)
{
    if (start.size < ESE_LOG_HEADER_SIZE)
        return ESE_LOG_NEITHER;
    uint32_t type = bytes_get_le32(start, FILE_TYPE_AT);
    if (type == FILE_TYPE_CHECKPOINT)
        return ESE_LOG_CHECKPOINT_FILE;
    return type == FILE_TYPE_LOG ? ESE_LOG_FILE : ESE_LOG_NEITHER;
}

/* A path of the machine that wrote it: bytes up to the first zero, in an unknown code page, of
 * which only what everybody reads alike is shown. */
static void read_path(struct bytes b, size_t at, char to[ESE_LOG_PATH_MOST + 1])
{
    size_t size = 0;
    uint8_t c;
    while (size < ESE_LOG_PATH_MOST && bytes_u8(b, at + size, &c) && c != 0)
        to[size++] = c >= 0x20 && c < 0x7f ? (char)c : '?';
    to[size] = '\0';
}

/* The first name in the names of an attachment. */
static void read_name(struct bytes names, bool unicode, char to[ESE_LOG_NAME_MOST])
{
    size_t width = unicode ? 2 : 1, size = 0;
    while (size + width <= names.size &&
           (names.at[size] != 0 || (unicode && names.at[size + 1] != 0)))
        size += width;
    names.size = size;
    size_t written = 0;
    for (size_t i = 0; i + width <= names.size && written + 1 < ESE_LOG_NAME_MOST; i += width) {
        unsigned c = unicode ? bytes_get_le16(names, i) : names.at[i];
        to[written++] = c >= 0x20 && c < 0x7f ? (char)c : '?';
    }
    to[written] = '\0';
}

static bool read_attachment(struct reader *r, struct ese_log_attachment *entry)
{
    struct bytes fixed = reader_take(r, ATTACH_FIXED);
    if (r->failed)
        return false;
    entry->database = fixed.at[0];
    struct bytes names = reader_take(r, bytes_get_le16(fixed, 2));
    bytes_le64(fixed, 4, &entry->dbtime);
    entry->objid_last = bytes_get_le32(fixed, 12);
    entry->attached = ese_log_position_read(fixed, 20);
    entry->consistent = ese_log_position_read(fixed, 28);
    memcpy(entry->signature, fixed.at + 36, ESE_LOG_SIGNATURE_SIZE);
    read_name(names, fixed.at[1] & ATTACH_UNICODE, entry->name);
    return !r->failed;
}

static void read_attachments(struct bytes b, size_t at, struct ese_log_attachments *list)
{
    struct bytes area = bytes_from(b, at);
    if (area.size > ESE_LOG_ATTACH_SIZE)
        area.size = ESE_LOG_ATTACH_SIZE;
    struct reader r = reader_of(area);
    list->count = 0;
    list->whole = true;
    while (reader_left(&r) > 0 && area.at[r.at] != 0) {
        if (list->count == ESE_LOG_ATTACHMENTS_MOST ||
            !read_attachment(&r, &list->entry[list->count])) {
            list->whole = false;
            return;
        }
        list->count++;
    }
}

static enum ese_log_framing framing_of(uint32_t major)
{
    if (major >= MAJOR_SEGMENTS)
        return ESE_LOG_SEGMENTS;
    return major == MAJOR_SECTORS ? ESE_LOG_SECTORS : ESE_LOG_ESE97;
}

bool ese_log_header_parse(struct bytes b, struct ese_log_header *h, struct fault *f)
{
    struct bytes page;
    *h = (struct ese_log_header){.generation = 0};
    if (!bytes_cut(b, 0, ESE_LOG_HEADER_SIZE, &page))
        return fault_set(f, FAULT_DAMAGED,
                         "the file ends within its header: expected %u bytes, "
                         "found %zu",
                         ESE_LOG_HEADER_SIZE, b.size);
    h->major = bytes_get_le32(page, MAJOR_AT);
    h->minor = bytes_get_le32(page, MINOR_AT);
    h->update_major = bytes_get_le32(page, UPDATE_MAJOR_AT);
    h->framing = framing_of(h->major);
    if (h->major < MAJOR_OLDEST || h->major > MAJOR_SEGMENTS)
        return fault_set(f, FAULT_NOT_THIS,
                         "this is no log file of a known version: expected 6, 7 or 8, found %u",
                         h->major);
    h->generation = (int32_t)bytes_get_le32(page, GENERATION_AT);
    h->sector_size = bytes_get_le16(page, SECTOR_SIZE_AT);
    h->header_sectors = bytes_get_le16(page, HEADER_SECTORS_AT);
    h->file_sectors = bytes_get_le16(page, FILE_SECTORS_AT);
    memcpy(h->created, page.at + CREATED_AT, sizeof h->created);
    memcpy(h->previous_created, page.at + PREVIOUS_CREATED_AT, sizeof h->previous_created);
    if (h->framing == ESE_LOG_ESE97)
        return true;
    uint32_t size = bytes_get_le16(page, PAGE_SIZE_AT);
    h->page_size = size ? size : PAGE_SIZE_DEFAULT;
    memcpy(h->signature, page.at + SIGNATURE_AT, sizeof h->signature);
    read_path(page, SYSTEM_PATH_AT, h->system_path);
    read_path(page, LOG_PATH_AT, h->log_path);
    h->checkpoint = ese_log_position_read(page, CHECKPOINT_AT);
    h->update_minor = bytes_get_le32(page, UPDATE_MINOR_AT);
    read_attachments(page, ATTACH_AT, &h->attached);
    h->checksum = bytes_get_le32(page, 0);
    h->checksum_expected = ese_checksum_xor(page);
    h->checksum_good = h->checksum == h->checksum_expected;
    return true;
}

bool ese_log_header_read(struct ese_file *file, struct ese_log_header *header, struct fault *f)
{
    uint8_t page[ESE_LOG_HEADER_SIZE];
    size_t got = 0;
    return ese_file_read(file, 0, page, sizeof page, &got, f) &&
           ese_log_header_parse(bytes_of(page, got), header, f);
}

bool ese_log_header_is_sound(const struct ese_log_header *h, struct fault *f)
{
    if (h->framing == ESE_LOG_ESE97)
        return true;
    if (!h->checksum_good)
        return fault_set(f, FAULT_DAMAGED,
                         "the header's checksum is wrong: expected 0x%08x, found 0x%08x",
                         h->checksum_expected, h->checksum);
    bool fits = h->framing == ESE_LOG_SEGMENTS
                    ? h->sector_size == ESE_LOG_SEGMENT_SIZE
                    : h->sector_size >= SECTOR_LEAST && h->sector_size <= ESE_LOG_SEGMENT_SIZE &&
                          (h->sector_size & (h->sector_size - 1)) == 0;
    return (fits && h->header_sectors > 0 && h->generation > 0) ||
           fault_set(f, FAULT_DAMAGED,
                     "the header names impossible sizes: segments of %u bytes, %u of them for "
                     "the header, generation %d",
                     h->sector_size, h->header_sectors, h->generation);
}

const char *ese_log_file_words(enum ese_log_file_kind kind)
{
    return kind == ESE_LOG_CHECKPOINT_FILE ? "checkpoint file" : "transaction log";
}

enum ese_log_file_kind ese_log_kind_of(const char *path)
{
    struct ese_file *file;
    struct ese_log_header header;
    uint8_t start[ESE_LOG_HEADER_SIZE];
    size_t got = 0, name = strlen(path);
    if (!ese_file_open(path, &file, NULL))
        return ESE_LOG_NEITHER;
    bool ok = ese_file_read(file, 0, start, sizeof start, &got, NULL);
    ese_file_close(file);
    struct bytes b = bytes_of(start, ok ? got : 0);
    enum ese_log_file_kind kind = ese_log_kind(b);
    /* A log of ESE97 has no type field: there only name and version tell. */
    if (kind == ESE_LOG_NEITHER && name > 4 && strcasecmp(path + name - 4, ".log") == 0 &&
        ese_log_header_parse(b, &header, NULL) && header.framing == ESE_LOG_ESE97)
        kind = ESE_LOG_FILE;
    return kind;
}

static void parse_checkpoint(struct bytes page, struct ese_log_checkpoint *c)
{
    c->position = ese_log_position_read(page, CHECKPOINT_POSITION_AT);
    memcpy(c->signature, page.at + CHECKPOINT_SIGNATURE_AT, sizeof c->signature);
    read_path(page, CHECKPOINT_SYSTEM_PATH_AT, c->system_path);
    read_path(page, CHECKPOINT_LOG_PATH_AT, c->log_path);
    c->has_attached = page.at[CHECKPOINT_FLAGS_AT] & CHECKPOINT_HAS_ATTACHED;
    c->attached.whole = true;
    if (c->has_attached)
        read_attachments(page, CHECKPOINT_ATTACH_AT, &c->attached);
}

bool ese_log_checkpoint_read(struct ese_file *file, struct ese_log_checkpoint *c, struct fault *f)
{
    *c = (struct ese_log_checkpoint){.from_shadow = false};
    for (unsigned copy = 0; copy < 2; copy++) {
        uint8_t raw[ESE_LOG_HEADER_SIZE];
        size_t got = 0;
        if (!ese_file_read(file, (uint64_t)copy * sizeof raw, raw, sizeof raw, &got, f))
            return false;
        struct bytes page = bytes_of(raw, got);
        if (got < sizeof raw || bytes_get_le32(page, 0) != ese_checksum_xor(page))
            continue;
        if (ese_log_kind(page) != ESE_LOG_CHECKPOINT_FILE)
            return fault_set(f, FAULT_NOT_THIS,
                             "this is no checkpoint file: expected type %u, "
                             "found %u",
                             FILE_TYPE_CHECKPOINT, bytes_get_le32(page, FILE_TYPE_AT));
        c->from_shadow = copy > 0;
        parse_checkpoint(page, c);
        return true;
    }
    return fault_set(f, FAULT_DAMAGED, "both copies of the checkpoint have wrong checksums");
}

static unsigned milliseconds_of(const uint8_t time[ESE_LOG_TIME_SIZE])
{
    return (unsigned)(time[6] >> 1) | (unsigned)(time[7] >> 1 & 7) << 7;
}

bool ese_log_time_is_date(const uint8_t time[ESE_LOG_TIME_SIZE])
{
    int64_t seconds;
    return ese_time_seconds(ese_time_read(bytes_of(time, ESE_LOG_TIME_SIZE), 0), &seconds) &&
           milliseconds_of(time) < 1000;
}

const char *ese_log_time_text(const uint8_t time[ESE_LOG_TIME_SIZE], char text[40])
{
    struct ese_time t = ese_time_read(bytes_of(time, ESE_LOG_TIME_SIZE), 0);
    static const uint8_t never[ESE_LOG_TIME_SIZE];
    if (memcmp(time, never, sizeof never) == 0)
        return "never";
    if (!ese_log_time_is_date(time))
        return "no date";
    snprintf(text, 40, "%04d-%02d-%02dT%02d:%02d:%02d.%03u%s", 1900 + t.year, t.month, t.day,
             t.hour, t.minute, t.second, milliseconds_of(time), t.utc ? "Z" : "");
    return text;
}

const char *ese_log_version(const struct ese_log_header *h, char text[48])
{
    if (h->framing == ESE_LOG_SEGMENTS)
        snprintf(text, 48, "%u.%u.%u.%u", h->major, h->minor, h->update_major, h->update_minor);
    else
        snprintf(text, 48, "%u.%u.%u", h->major, h->minor, h->update_major);
    return text;
}
