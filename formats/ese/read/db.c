/* Opening a database: see db.h. */
#include "formats/ese/read/db.h"

#include "formats/ese/read/space.h"
#include "formats/fault.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

bool ese_notice_is_harmless(enum ese_notice notice)
{
    return notice == ESE_NOTICE_NOT_CLEAN || notice == ESE_NOTICE_NEW_REVISION ||
           notice == ESE_NOTICE_REST;
}

__attribute__((format(printf, 3, 4))) static void tell(struct ese_db *db, enum ese_notice notice,
                                                       const char *format, ...)
{
    char text[400];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    if (!ese_notice_is_harmless(notice))
        db->damaged = true;
    if (db->tell)
        db->tell(db->context, notice, text);
}

static void tell_corrected(void *context, uint32_t page, uint32_t bit)
{
    tell(context, ESE_NOTICE_CORRECTED,
         "page %u: bit %u (byte %u) is flipped; the checksum's code put it right in memory, the "
         "file "
         "still has it",
         page, bit, bit / 8);
}

static void tell_header(struct ese_db *db)
{
    const struct ese_headers *hs = &db->headers;
    const struct ese_header *h = &hs->header;
    if (hs->primary != ESE_HEADER_GOOD)
        tell(db, ESE_NOTICE_HEADER_BAD, "the header %s; the shadow header is used",
             ese_header_state_name(hs->primary));
    else if (hs->shadow != ESE_HEADER_GOOD)
        tell(db, ESE_NOTICE_SHADOW_BAD, "the shadow header %s", ese_header_state_name(hs->shadow));
    else if (!hs->equal)
        tell(db, ESE_NOTICE_SHADOW_BAD, "the header and the shadow header differ");
    if (h->state != ESE_STATE_CLEAN_SHUTDOWN)
        tell(db, ESE_NOTICE_NOT_CLEAN,
             "state %s: the transaction logs hold changes that this file does not have",
             ese_state_name(h->state));
    if (h->revision > ESE_REVISION_NEWEST_SEEN)
        tell(db, ESE_NOTICE_NEW_REVISION,
             "format revision 0x%x is newer than any this program was tested with (0x%x)",
             h->revision, ESE_REVISION_NEWEST_SEEN);
}

/* The highest page that the database owns; 0 when that cannot be told. */
static uint32_t last_owned(struct ese_db *db)
{
    struct ese_extents *owned = malloc(sizeof *owned);
    struct ese_extent extent;
    enum ese_step step = ESE_STEP_FAULT;
    uint32_t last = 0;
    if (owned && ese_extents_open(owned, db->pages, ESE_PGNO_ROOT, ESE_OBJID_ROOT, false, NULL)) {
        while ((step = ese_extents_next(owned, &extent, NULL)) == ESE_STEP_NODE)
            if (extent.count > 0 && ese_extent_last(&extent) > last)
                last = ese_extent_last(&extent);
        ese_extents_close(owned);
    }
    free(owned);
    return step == ESE_STEP_END ? last : 0;
}

/* A file may end anywhere behind the last page that the database owns. */
static void tell_size(struct ese_db *db)
{
    uint32_t page_size = db->headers.header.page_size;
    uint32_t owned = last_owned(db), last = ese_pages_last(db->pages);
    uint64_t size = ese_file_size(db->file);
    if (owned > last)
        tell(db, ESE_NOTICE_CUT,
             "the file lacks its end: the database owns pages up to %u, the last one that is whole "
             "is page %u",
             owned, last);
    else if (size % page_size != 0)
        tell(db, owned ? ESE_NOTICE_REST : ESE_NOTICE_CUT,
             "the file's %" PRIu64 " bytes are no whole number of %u-byte pages%s", size, page_size,
             owned ? "; no page that the database owns is missing" : "");
}

/* Damage in a catalog is held back until it is known which catalog is used. */
struct damage {
    unsigned count;
    struct fault first;
};

static void count_damage(void *context, const struct fault *f)
{
    struct damage *damage = context;
    if (damage->count++ == 0)
        damage->first = *f;
}

static bool read_catalog(struct ese_db *db, struct fault *f)
{
    struct damage first = {.count = 0}, second = {.count = 0};
    struct ese_catalog *shadow = NULL;
    struct fault why = {.code = FAULT_NONE};
    bool usable =
        ese_catalog_read(db->pages, ESE_PGNO_CATALOG, count_damage, &first, &db->catalog, &why);
    if (!memory_sufficed(f)) /* nothing of this is damage */
        return false;
    if (usable && first.count == 0)
        return true;
    bool other =
        ese_catalog_read(db->pages, ESE_PGNO_CATALOG_SHADOW, count_damage, &second, &shadow, NULL);
    if (!memory_sufficed(f)) {
        ese_catalog_close(shadow);
        return false;
    }
    db->catalog_damaged = true;
    tell(db, ESE_NOTICE_CATALOG_DAMAGE, "%s", first.count ? first.first.text : why.text);
    if (!usable && !other) {
        if (f)
            *f = why;
        return fault_context(f, "neither the catalog nor its shadow can be read");
    }
    if (other && (!usable || second.count < first.count)) {
        ese_catalog_close(db->catalog);
        db->catalog = shadow;
        db->catalog_is_shadow = true;
        db->catalog_damaged = second.count > 0;
        tell(db, ESE_NOTICE_CATALOG_SHADOW, "the shadow catalog (page %u) is used instead",
             ESE_PGNO_CATALOG_SHADOW);
    } else {
        ese_catalog_close(shadow);
    }
    return true;
}

bool ese_db_open_file(struct ese_file *file, ese_notice_fn tell_fn, void *context,
                      struct ese_db **out, struct fault *f)
{
    struct ese_db *db = calloc(1, sizeof *db);
    if (db == NULL) {
        ese_file_close(file);
        return fault_no_memory(f, NULL);
    }
    db->file = file;
    db->tell = tell_fn;
    db->context = context;
    bool ok = ese_headers_read(file, &db->headers, f);
    if (ok)
        tell_header(db);
    ok = ok && ese_pages_open(file, db->headers.header.page_size, &db->pages, f);
    if (ok)
        ese_pages_on_corrected(db->pages, tell_corrected, db);
    if (ok)
        tell_size(db);
    ok = ok && read_catalog(db, f);
    if (!ok) {
        ese_db_close(db);
        return false;
    }
    *out = db;
    return true;
}

bool ese_db_open(const char *path, ese_notice_fn tell_fn, void *context, struct ese_db **db,
                 struct fault *f)
{
    struct ese_file *file;
    return ese_file_open(path, &file, f) && ese_db_open_file(file, tell_fn, context, db, f);
}

void ese_db_close(struct ese_db *db)
{
    if (db == NULL)
        return;
    ese_catalog_close(db->catalog);
    ese_pages_close(db->pages);
    ese_file_close(db->file);
    free(db);
}

uint64_t ese_db_count_rows(struct ese_db *db, const struct ese_table *table,
                           void (*damage)(void *, const struct fault *), void *context)
{
    struct ese_cursor c;
    uint64_t rows = 0;
    ese_cursor_open(&c, db->pages, table->root, table->objid);
    for (;;) {
        struct fault f = {.code = FAULT_NONE};
        enum ese_step step = ese_cursor_next(&c, &f);
        if (step == ESE_STEP_END)
            break;
        if (step == ESE_STEP_NODE)
            rows++;
        else if (damage)
            damage(context, &f);
        if (f.code == FAULT_NO_MEMORY)
            break;
    }
    ese_cursor_close(&c);
    return rows;
}
