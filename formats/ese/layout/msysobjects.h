/*
 * MSysObjects, the table that is the catalog: its columns, which every engine has built in to read
 * its own catalog, since they have none of their own to come from.
 *
 * Source: the published engine, ese/_cat.cxx (columns of MSysObjects), inc/cat.hxx.
 */
#ifndef KM_FORMATS_ESE_MSYSOBJECTS_H
#define KM_FORMATS_ESE_MSYSOBJECTS_H

#include "formats/ese/layout/schema.h"

/* The columns, by their ids. */
enum ese_msys_column {
    MSYS_OBJID_TABLE = 1,
    MSYS_TYPE,
    MSYS_ID,
    MSYS_COLTYPE_OR_ROOT,
    MSYS_SPACE_USAGE,
    MSYS_FLAGS,
    MSYS_PAGES_OR_LOCALE,
    MSYS_ROOT_FLAG,
    MSYS_RECORD_OFFSET,
    MSYS_LC_MAP_FLAGS,
    MSYS_KEY_MOST,
    MSYS_LV_CHUNK_MAX,
    MSYS_ROOT_SET_TIME,
    MSYS_NAME = 128,
    MSYS_STATS,
    MSYS_TEMPLATE_TABLE,
    MSYS_DEFAULT_VALUE,
    MSYS_KEY_COLUMNS,
    MSYS_VAR_SEG_MAC,
    MSYS_CONDITIONS,
    MSYS_TUPLES,
    MSYS_VERSION,
    MSYS_SORT_ID,
    MSYS_CALLBACK_DATA = 256,
    MSYS_CALLBACK_DEPENDENCIES,
    MSYS_SEPARATE_LV,
    MSYS_SPACE_HINTS,
    MSYS_SPACE_LV_HINTS,
    MSYS_LOCALE_NAME,
};

/* Where the fixed columns stand in the record of every catalog row: all revisions agree on these.
 */
enum ese_catalog_at {
    ESE_CATALOG_OBJID_TABLE_AT = 4,
    ESE_CATALOG_TYPE_AT = 8, /* enum ese_object_type */
    ESE_CATALOG_ID_AT = 10,
    ESE_CATALOG_COLTYPE_AT = 14, /* of a column */
    ESE_CATALOG_ROOT_AT = 14,    /* of anything else: the root page */
};

/* The table itself, with all columns that the newest engine has. */
const struct ese_table *ese_catalog_own_table(void);

/* One of its columns. */
const struct ese_column *ese_catalog_own_column(enum ese_msys_column id);

#endif
