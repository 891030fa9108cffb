/*
 * The header of a new database, as an engine leaves it after a clean shutdown without logging: what
 * `eseutil /d` makes.
 *
 * Source: the published engine, inc/daedef.hxx (DBFILEHDR), ese/comp.cxx (what /d keeps of the
 * source), ese/db.cxx.
 */
#include "formats/ese/build/parts.h"

#include "formats/ese/build/revision2.h"
#include "formats/ese/layout/checksum.h"

#include <string.h>

/* Fields that only a writer of whole headers needs; the others are in header.h. */
enum {
    REPAIR_COUNT_OLD_AT = 364,
    RESEED_COUNT_AT =
        476, /* incremental reseed: count, time, count before the last defragmentation */
    RESEED_COUNT_OLD_AT = 488,
    PATCH_COUNT_AT = 492, /* pages patched: the same three */
    PATCH_COUNT_OLD_AT = 504,
    COUNT_AND_TIME = 12,
    SORT_VERSION_AT = 508,
    FILE_TYPE_DATABASE = 1,
    DATABASE_ID = 1,
    OS_SIZE = 16,
};

static void put_time(uint8_t *to, struct ese_time t)
{
    const uint8_t bytes[] = {t.second, t.minute, t.hour, t.day, t.month, t.year};
    memcpy(to, bytes, sizeof bytes);
}

/* What stays the same from source to copy. */
static void carry(uint8_t *to, const uint8_t *from)
{
    memcpy(to + ESE_HEADER_OS_AT, from + ESE_HEADER_OS_AT, OS_SIZE);
    memcpy(to + ESE_HEADER_REPAIR_COUNT_AT, from + ESE_HEADER_REPAIR_COUNT_AT, COUNT_AND_TIME);
    memcpy(to + REPAIR_COUNT_OLD_AT, from + ESE_HEADER_REPAIR_COUNT_AT, 4);
    memcpy(to + RESEED_COUNT_AT, from + RESEED_COUNT_AT, COUNT_AND_TIME);
    memcpy(to + RESEED_COUNT_OLD_AT, from + RESEED_COUNT_AT, 4);
    memcpy(to + PATCH_COUNT_AT, from + PATCH_COUNT_AT, COUNT_AND_TIME);
    memcpy(to + PATCH_COUNT_OLD_AT, from + PATCH_COUNT_AT, 4);
    memcpy(to + SORT_VERSION_AT, from + SORT_VERSION_AT, 8);
    memcpy(to + ESE_HEADER_UPDATE_MINOR_AT, from + ESE_HEADER_UPDATE_MINOR_AT, 8);
}

/* What a new database has there. */
static void invent(const struct ese_build *build, uint8_t *to)
{
    bool old = build->options.revision < ESE_REVISION_ESE98;
    bytes_put_le32(to + ESE_HEADER_OS_AT, old ? ESE97_OS_MAJOR : 6);
    bytes_put_le32(to + ESE_HEADER_OS_AT + 4, old ? ESE97_OS_MINOR : 2);
    bytes_put_le32(to + ESE_HEADER_OS_AT + 8, old ? ESE97_OS_BUILD : 9200);
    bytes_put_le32(to + ESE_HEADER_OS_AT + 12, old ? ESE97_OS_SERVICE_PACK : 0);
    bytes_put_le64(to + SORT_VERSION_AT, old ? ESE97_SORT_VERSION : UINT64_MAX);
}

bool build_header_write(struct ese_build *build, struct fault *f)
{
    const struct ese_build_options *o = &build->options;
    uint8_t *h = calloc(1, o->page_size);
    if (h == NULL)
        return fault_no_memory(f, "the header");
    bytes_put_le32(h + ESE_HEADER_MAGIC_AT, ESE_MAGIC);
    bytes_put_le32(h + ESE_HEADER_VERSION_AT, ESE_VERSION);
    bytes_put_le64(h + ESE_HEADER_DBTIME_AT, build->dbtime);
    bytes_put_le32(h + ESE_HEADER_SIGNATURE_AT, o->signature);
    put_time(h + ESE_HEADER_SIGNATURE_AT + ESE_SIGNATURE_TIME_AT, o->time);
    bytes_put_le32(h + ESE_HEADER_STATE_AT, ESE_STATE_CLEAN_SHUTDOWN);
    put_time(h + ESE_HEADER_CONSISTENT_AT + 8, o->time);
    put_time(h + ESE_HEADER_ATTACH_AT, o->time);
    put_time(h + ESE_HEADER_DETACH_AT, o->time);
    bytes_put_le32(h + ESE_HEADER_DBID_AT, DATABASE_ID);
    bytes_put_le32(h + ESE_HEADER_FLAGS_AT, build->shadow_off ? ESE_HEADER_SHADOW_CATALOG_OFF : 0);
    bytes_put_le32(h + ESE_HEADER_OBJID_LAST_AT, build->objid_last);
    bytes_put_le32(h + ESE_HEADER_REVISION_AT, o->revision);
    bytes_put_le32(h + ESE_HEADER_PAGE_SIZE_AT, o->page_size);
    bytes_put_le32(h + ESE_HEADER_CREATE_VERSION_AT, ESE_VERSION);
    bytes_put_le32(h + ESE_HEADER_CREATE_VERSION_AT + 4, o->revision);
    bytes_put_le32(h + ESE_HEADER_FILE_TYPE_AT, FILE_TYPE_DATABASE);
    if (build->has_source)
        carry(h, build->source_header);
    else
        invent(build, h);
    ese_checksum_set_header(h, o->page_size);
    bool ok = build_output_bytes(&build->out, 0, h, o->page_size, f) &&
              build_output_bytes(&build->out, o->page_size, h, o->page_size, f);
    free(h);
    return ok;
}
