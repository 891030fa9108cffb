/*
 * The tables of a catalog, completed by those that are their templates; for the catalog's reader.
 *
 * Source: the published engine, ese/cat.cxx.
 */
#ifndef KM_FORMATS_ESE_CATALOG_TEMPLATES_H
#define KM_FORMATS_ESE_CATALOG_TEMPLATES_H

#include "formats/ese/layout/schema.h"
#include "formats/fault.h"

/* Sorts the columns of all tables, and gives each the columns and segments of its template.  A
 * table whose template is missing, or which asks for more than memory should hold, is told to
 * `damage` (may be NULL) and stays as it is.  Fails when memory is short. */
bool ese_catalog_inherit(struct ese_table *table, unsigned tables,
                         void (*damage)(void *context, const struct fault *f), void *context,
                         struct fault *f);

#endif
