/*
 * The catalog: what tables, columns, indexes and long-value trees a database has (MSysObjects, or
 * its copy MSysObjectsShadow when that cannot be read).
 *
 * Source: the published engine, inc/cat.hxx and ese/_cat.cxx (columns of MSysObjects), ese/cat.cxx.
 */
#ifndef KM_FORMATS_ESE_CATALOG_H
#define KM_FORMATS_ESE_CATALOG_H

#include "formats/ese/layout/msysobjects.h"
#include "formats/ese/read/pages.h"

struct ese_catalog;

/* Told of every part of the catalog that cannot be read. */
typedef void ese_catalog_damage_fn(void *context, const struct fault *f);

/* Reads the catalog whose tree has root page `root`.  Rows that cannot be read are told to `damage`
 * (may be NULL) and passed over.  Fails when not one table can be read, or when memory is short. */
bool ese_catalog_read(struct ese_pages *pages, uint32_t root, ese_catalog_damage_fn *damage,
                      void *context, struct ese_catalog **catalog, struct fault *f);
/* A row of MSysObjects that somebody else has read. */
struct ese_catalog_row {
    struct bytes record;
    bool new_format; /* the page's ESE_PAGE_NEW_RECORD_FORMAT */
    uint32_t page;   /* for faults */
};

/* What a row is about. */
struct ese_catalog_object {
    uint32_t table, type, id; /* type: enum ese_object_type */
    struct bytes name;        /* in the record */
};

/* Reads that much of a row.  Fails when the row cannot be read, or is of no kind that exists. */
bool ese_catalog_row_object(const struct ese_catalog_row *row, size_t page_size,
                            struct ese_catalog_object *object, struct fault *f);

/* As ese_catalog_read(), from `rows` rows in the order of their keys; they are only read during the
 * call. */
bool ese_catalog_of_rows(const struct ese_catalog_row *row, size_t rows, size_t page_size,
                         struct ese_catalog **catalog, struct fault *f);
void ese_catalog_close(struct ese_catalog *catalog);

/* Tables in the catalog's own order (by object id). */
unsigned ese_catalog_tables(const struct ese_catalog *catalog);
const struct ese_table *ese_catalog_table(const struct ese_catalog *catalog, unsigned i);

/* The table of that name, compared without regard to ASCII case; NULL when there is none,
 * and for no name (NULL). */
const struct ese_table *ese_catalog_find(const struct ese_catalog *catalog, const char *name);

#endif
