/* The catalog's own table: see msysobjects.h. */
#include "formats/ese/layout/msysobjects.h"

#define OWN(id_, name_, type_, offset_, flags_)                                                    \
    {                                                                                              \
        .id = id_, .name = name_, .type = ESE_COL_##type_, .offset = offset_, .flags = flags_,     \
        .code_page = ESE_CODEPAGE_WESTERN                                                          \
    }

static struct ese_column own_columns[] = {
    OWN(MSYS_OBJID_TABLE, "ObjidTable", LONG, 4, ESE_COLUMN_NOT_NULL),
    OWN(MSYS_TYPE, "Type", SHORT, 8, ESE_COLUMN_NOT_NULL),
    OWN(MSYS_ID, "Id", LONG, 10, ESE_COLUMN_NOT_NULL),
    OWN(MSYS_COLTYPE_OR_ROOT, "ColtypOrPgnoFDP", LONG, 14, ESE_COLUMN_NOT_NULL),
    OWN(MSYS_SPACE_USAGE, "SpaceUsage", LONG, 18, ESE_COLUMN_NOT_NULL),
    OWN(MSYS_FLAGS, "Flags", LONG, 22, ESE_COLUMN_NOT_NULL),
    OWN(MSYS_PAGES_OR_LOCALE, "PagesOrLocale", LONG, 26, ESE_COLUMN_NOT_NULL),
    OWN(MSYS_ROOT_FLAG, "RootFlag", BIT, 30, 0),
    OWN(MSYS_RECORD_OFFSET, "RecordOffset", SHORT, 31, 0),
    OWN(MSYS_LC_MAP_FLAGS, "LCMapFlags", LONG, 33, 0),
    OWN(MSYS_KEY_MOST, "KeyMost", UNSIGNED_SHORT, 37, 0),
    OWN(MSYS_LV_CHUNK_MAX, "LVChunkMax", LONG, 39, 0),
    OWN(MSYS_ROOT_SET_TIME, "PgnoFDPLastSetTime", DATE_TIME, 43, 0),
    OWN(MSYS_NAME, "Name", TEXT, 0, ESE_COLUMN_NOT_NULL),
    OWN(MSYS_STATS, "Stats", BINARY, 0, 0),
    OWN(MSYS_TEMPLATE_TABLE, "TemplateTable", TEXT, 0, 0),
    OWN(MSYS_DEFAULT_VALUE, "DefaultValue", BINARY, 0, 0),
    OWN(MSYS_KEY_COLUMNS, "KeyFldIDs", BINARY, 0, 0),
    OWN(MSYS_VAR_SEG_MAC, "VarSegMac", BINARY, 0, 0),
    OWN(MSYS_CONDITIONS, "ConditionalColumns", BINARY, 0, 0),
    OWN(MSYS_TUPLES, "TupleLimits", BINARY, 0, 0),
    OWN(MSYS_VERSION, "Version", BINARY, 0, 0),
    OWN(MSYS_SORT_ID, "SortID", BINARY, 0, 0),
    OWN(MSYS_CALLBACK_DATA, "CallbackData", LONG_BINARY, 0, 0),
    OWN(MSYS_CALLBACK_DEPENDENCIES, "CallbackDependencies", LONG_BINARY, 0, 0),
    OWN(MSYS_SEPARATE_LV, "SeparateLV", LONG_BINARY, 0, 0),
    OWN(MSYS_SPACE_HINTS, "SpaceHints", LONG_BINARY, 0, 0),
    OWN(MSYS_SPACE_LV_HINTS, "SpaceDeferredLVHints", LONG_BINARY, 0, 0),
    OWN(MSYS_LOCALE_NAME, "LocaleName", LONG_BINARY, 0, 0),
};

static const struct ese_table own_table = {
    .objid = ESE_OBJID_CATALOG,
    .root = ESE_PGNO_CATALOG,
    .name = "MSysObjects",
    .columns = sizeof own_columns / sizeof own_columns[0],
    .column = own_columns,
};

const struct ese_table *ese_catalog_own_table(void)
{
    return &own_table;
}

const struct ese_column *ese_catalog_own_column(enum ese_msys_column id)
{
    enum {
        FIXED = MSYS_ROOT_SET_TIME,
        VARIABLE = MSYS_SORT_ID - MSYS_NAME + 1,
    };
    /* The ids of each kind are in one run. */
    uint32_t number = id;
    unsigned at = number >= ESE_TAGGED_FIRST     ? FIXED + VARIABLE + (number - ESE_TAGGED_FIRST)
                  : number >= ESE_VARIABLE_FIRST ? FIXED + (number - ESE_VARIABLE_FIRST)
                                                 : number - ESE_FIXED_FIRST;
    return &own_columns[at];
}
