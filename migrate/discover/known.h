/*
 * Databases of the same engine that are no KM store, known by their tables.
 */
#ifndef KM_MIGRATE_KNOWN_H
#define KM_MIGRATE_KNOWN_H

#include "formats/ese/read/catalog.h"

/* What the database is, in a few words ("the System Resource Usage Monitor of Windows
 * (SRUDB.dat)"); NULL: none of those that are known here. */
const char *known_database(const struct ese_catalog *catalog);

#endif
