/* Names of the numbers in format.h. */
#include "formats/ese/layout/format.h"

static const char *const coltypes[ESE_COL_MAX] = {
    [ESE_COL_NIL] = "Nil",
    [ESE_COL_BIT] = "Bit",
    [ESE_COL_UNSIGNED_BYTE] = "UnsignedByte",
    [ESE_COL_SHORT] = "Short",
    [ESE_COL_LONG] = "Long",
    [ESE_COL_CURRENCY] = "Currency",
    [ESE_COL_IEEE_SINGLE] = "IEEESingle",
    [ESE_COL_IEEE_DOUBLE] = "IEEEDouble",
    [ESE_COL_DATE_TIME] = "DateTime",
    [ESE_COL_BINARY] = "Binary",
    [ESE_COL_TEXT] = "Text",
    [ESE_COL_LONG_BINARY] = "LongBinary",
    [ESE_COL_LONG_TEXT] = "LongText",
    [ESE_COL_SLV] = "SLV",
    [ESE_COL_UNSIGNED_LONG] = "UnsignedLong",
    [ESE_COL_LONG_LONG] = "LongLong",
    [ESE_COL_GUID] = "GUID",
    [ESE_COL_UNSIGNED_SHORT] = "UnsignedShort",
    [ESE_COL_UNSIGNED_LONG_LONG] = "UnsignedLongLong",
};

const char *ese_coltype_name(enum ese_coltype type)
{
    return (unsigned)type < ESE_COL_MAX ? coltypes[type] : "?";
}

bool ese_coltype_is_integer(enum ese_coltype type)
{
    switch (type) {
    case ESE_COL_UNSIGNED_BYTE:
    case ESE_COL_SHORT:
    case ESE_COL_UNSIGNED_SHORT:
    case ESE_COL_LONG:
    case ESE_COL_UNSIGNED_LONG:
    case ESE_COL_CURRENCY:
    case ESE_COL_LONG_LONG:
    case ESE_COL_UNSIGNED_LONG_LONG:
        return true;
    default:
        return false;
    }
}

bool ese_coltype_is_long(enum ese_coltype type)
{
    return type == ESE_COL_LONG_BINARY || type == ESE_COL_LONG_TEXT || type == ESE_COL_SLV;
}

const char *ese_state_name(uint32_t state)
{
    static const char *const names[] = {
        [0] = "unknown",
        [ESE_STATE_JUST_CREATED] = "just-created",
        [ESE_STATE_DIRTY_SHUTDOWN] = "dirty-shutdown",
        [ESE_STATE_CLEAN_SHUTDOWN] = "clean-shutdown",
        [ESE_STATE_BEING_CONVERTED] = "being-converted",
        [ESE_STATE_FORCE_DETACH] = "force-detach",
        [ESE_STATE_INCREMENTAL_RESEED] = "incremental-reseed",
        [ESE_STATE_DIRTY_AND_PATCHED] = "dirty-and-patched",
        [ESE_STATE_REVERT_IN_PROGRESS] = "revert-in-progress",
    };
    return names[state < sizeof names / sizeof names[0] ? state : 0];
}
