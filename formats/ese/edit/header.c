/*
 * Times and headers of a database that is changed in place: see edit/parts.h.
 *
 * The header changes as the engine's repair (`eseutil /p`) changes it: a new signature, so that no
 * log can be replayed into the database any more; no log positions, no times of attach and detach,
 * no backups; one repair more.  What the repair takes from the machine it runs on (operating
 * system, sort version) stays.  The flush map's two signatures become zero: whatever map lies
 * beside the file does not count any more.
 *
 * Source: the published engine, ese/repair.cxx (ErrREPAIRChangeDBSignature), inc/daedef.hxx
 * (DBFILEHDR).
 */
#include "formats/ese/edit/header.h"

#include "formats/ese/edit/parts.h"

#include <stdlib.h>

enum {
    BACKUPS_AT = 136, /* three records of 24 bytes */
    BACKUPS_SIZE = 72,
    BACKUP_TYPES_AT = 356, /* two words */
    FIXED_BITS_AT = 368,   /* three records: count, time, count before the last repair */
    COUNT_RECORD = 16,
    COUNT_OLD_AT = 12,
    GENERATION_COMMITTED_AT = 416,
    MORE_BACKUPS_AT = 420, /* two records, then their types */
    MORE_BACKUPS_SIZE = 56,
    GENERATION_RECOVERING_AT = 536,
    FLUSH_SIGNATURES_AT = 584, /* two */
    GENERATION_CONSISTENT_AT = 640,
    LAST_RESIZE_AT = 656,
    GENERATIONS_BEFORE_REDO_AT = 680, /* two words */
    UPGRADING = 0x2,                  /* in the flags: an upgrade is going on */
    SCAN_BYTES = 256 * 1024,
    HEADERS = 2, /* pages before page 1 */
};

/* ---- the highest time ---- */

void ese_page_last_time(uint32_t page_size, uint64_t offset, struct bytes bytes, uint64_t *time)
{
    for (size_t at = 0; bytes.size - at >= page_size; at += page_size) {
        uint64_t found = 0, place = (offset + at) / page_size;
        struct bytes raw = bytes_of(bytes.at + at, page_size);
        bytes_le64(raw, ESE_PAGE_DBTIME_AT, &found);
        if (place < HEADERS || found <= *time)
            continue;
        enum ese_checksum_state state = ese_checksum_verify(raw, (uint32_t)(place - 1)).state;
        if (state == ESE_CHECKSUM_GOOD || state == ESE_CHECKSUM_ONE_BIT)
            *time = found; /* what else is there is no page of the engine's */
    }
}

static bool read_times(struct ese_inplace *ip, struct fault *f)
{
    uint8_t *run = malloc(SCAN_BYTES);
    bool ok = run != NULL || inplace_no_memory(f);
    for (uint64_t at = 0; ok && at < ip->summary.old_size; at += SCAN_BYTES) {
        size_t got = 0;
        ok = ese_file_read(ip->db->file, at, run, SCAN_BYTES, &got, f);
        ese_page_last_time(ip->page_size, at, bytes_of(run, got), &ip->time);
    }
    free(run);
    return ok;
}

bool inplace_last_time(struct ese_inplace *ip, struct fault *f)
{
    if (ip->time_known)
        return true;
    ip->time = ip->db->headers.header.dbtime;
    bool ok = ip->options.last_time != NULL || read_times(ip, f);
    if (ip->options.last_time && *ip->options.last_time > ip->time)
        ip->time = *ip->options.last_time;
    if (ok && ip->time > INT64_MAX)
        ok = fault_set(f, FAULT_DAMAGED, "a page's time is higher than any that the engine gives");
    ip->time_known = ok;
    return ok;
}

/* ---- the header ---- */

static void put_time(uint8_t *to, struct ese_time t)
{
    const uint8_t bytes[8] = {t.second, t.minute, t.hour, t.day, t.month, t.year};
    memcpy(to, bytes, sizeof bytes);
}

void ese_header_forget_logs(uint8_t *h)
{
    memset(h + ESE_HEADER_CONSISTENT_AT, 0, ESE_HEADER_DBID_AT - ESE_HEADER_CONSISTENT_AT);
    memset(h + ESE_HEADER_LOG_SIGNATURE_AT, 0, ESE_SIGNATURE_SIZE);
    memset(h + BACKUPS_AT, 0, BACKUPS_SIZE);
    memset(h + BACKUP_TYPES_AT, 0, 8);
    memset(h + MORE_BACKUPS_AT, 0, MORE_BACKUPS_SIZE);
    memset(h + ESE_HEADER_GENERATIONS_AT, 0, 8);
    memset(h + GENERATION_COMMITTED_AT, 0, 4);
    memset(h + GENERATION_RECOVERING_AT, 0, 4);
    memset(h + GENERATION_CONSISTENT_AT, 0, 4);
    memset(h + LAST_RESIZE_AT, 0, 8);
    memset(h + GENERATIONS_BEFORE_REDO_AT, 0, 8);
    memset(h + FLUSH_SIGNATURES_AT, 0, 2 * ESE_SIGNATURE_SIZE);
}

static bool is_zero(struct ese_time t)
{
    return !(t.second | t.minute | t.hour | t.day | t.month | t.year);
}

/* Without a time of its own the repair happens at the last one that the database knows of. */
static struct ese_time repair_time(const struct ese_inplace *ip)
{
    const struct ese_header *h = &ip->db->headers.header;
    if (!is_zero(ip->options.time))
        return ip->options.time;
    if (!is_zero(h->consistent))
        return h->consistent;
    return is_zero(h->repaired) ? h->signature.created : h->repaired;
}

static uint32_t new_signature(const struct ese_inplace *ip)
{
    uint32_t old = ip->db->headers.header.signature.random;
    uint32_t made = ip->options.signature ? ip->options.signature : old * 0x9e3779b1u + 0x85ebca77u;
    return made ? made : 1;
}

void inplace_make_header(const struct ese_inplace *ip, uint8_t *h)
{
    memcpy(h, ip->db->headers.raw, ip->page_size);
    bytes_put_le64(h + ESE_HEADER_DBTIME_AT, ip->time + 2);
    bytes_put_le32(h + ESE_HEADER_OBJID_LAST_AT,
                   bytes_get_le32(bytes_of(h, ESE_HEADER_SIZE), ESE_HEADER_OBJID_LAST_AT) + 1);
    bytes_put_le32(h + ESE_HEADER_REPAIR_COUNT_AT,
                   bytes_get_le32(bytes_of(h, ESE_HEADER_SIZE), ESE_HEADER_REPAIR_COUNT_AT) + 1);
    put_time(h + ESE_HEADER_REPAIR_TIME_AT, repair_time(ip));
    h[ESE_HEADER_FLAGS_AT] &= (uint8_t)~UPGRADING;
    for (unsigned i = 0; i < 3; i++) {
        uint8_t *record = h + FIXED_BITS_AT + i * COUNT_RECORD;
        memcpy(record + COUNT_OLD_AT, record, 4);
    }
    ese_header_forget_logs(h);
    memset(h + ESE_HEADER_SIGNATURE_AT, 0, ESE_SIGNATURE_SIZE);
    bytes_put_le32(h + ESE_HEADER_SIGNATURE_AT, new_signature(ip));
    put_time(h + ESE_HEADER_SIGNATURE_AT + ESE_SIGNATURE_TIME_AT, repair_time(ip));
    ese_checksum_set_header(h, ip->page_size);
}
