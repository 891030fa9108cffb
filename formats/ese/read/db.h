/*
 * A database, opened for reading: its file, header, pages and catalog together.
 *
 * Source: the published engine, ese/db.cxx.
 */
#ifndef KM_FORMATS_ESE_DB_H
#define KM_FORMATS_ESE_DB_H

#include "formats/ese/read/catalog.h"
#include "formats/ese/read/cursor.h"
#include "formats/ese/read/header.h"
#include "formats/ese/read/pages.h"

/* What a user should know about a database that could be opened all the same. */
enum ese_notice {
    ESE_NOTICE_HEADER_BAD,     /* the header is bad; its shadow was used */
    ESE_NOTICE_SHADOW_BAD,     /* the shadow header is bad or differs */
    ESE_NOTICE_NOT_CLEAN,      /* the logs hold changes that the file does not have */
    ESE_NOTICE_NEW_REVISION,   /* newer than what was ever seen */
    ESE_NOTICE_CUT,            /* the file lacks pages that the database owns, or may lack some */
    ESE_NOTICE_REST,           /* it ends with a part of a page that the database does not own */
    ESE_NOTICE_CORRECTED,      /* a single flipped bit, put right in memory */
    ESE_NOTICE_CATALOG_DAMAGE, /* a catalog row cannot be read */
    ESE_NOTICE_CATALOG_SHADOW, /* the shadow catalog was used */
};

/* True for what does not say that something is missing or wrong. */
bool ese_notice_is_harmless(enum ese_notice notice);

typedef void (*ese_notice_fn)(void *context, enum ese_notice notice, const char *text);

struct ese_db {
    struct ese_file *file;
    struct ese_pages *pages;
    struct ese_catalog *catalog;
    struct ese_headers headers;
    bool catalog_is_shadow;
    bool catalog_damaged; /* rows of the catalog that is used cannot be read */
    bool damaged; /* a notice said so: something of the file could not be read as it should be */
    ese_notice_fn tell;
    void *context;
};

/* Opens the database at `path`.  Notices go to `tell` (may be NULL), now and while it is read.  On
 * failure f says why in words for the user; nothing is left open.  The caller closes *db. */
bool ese_db_open(const char *path, ese_notice_fn tell, void *context, struct ese_db **db,
                 struct fault *f);

/* The same over an open file, which the database then owns, also on failure. */
bool ese_db_open_file(struct ese_file *file, ese_notice_fn tell, void *context, struct ese_db **db,
                      struct fault *f);

void ese_db_close(struct ese_db *db);

/* Number of rows of a table.  Pages that cannot be read are told to `damage` (may be NULL), their
 * rows not counted. */
uint64_t ese_db_count_rows(struct ese_db *db, const struct ese_table *table,
                           void (*damage)(void *context, const struct fault *f), void *context);

#endif
