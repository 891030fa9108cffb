/* Names of the numbers in format.h. */
#include "formats/ese/layout/format.h"

static const struct {
    const char *name;
    size_t size;
} coltypes[ESE_COL_MAX] = {
    [ESE_COL_NIL] = {"Nil", 0},
    [ESE_COL_BIT] = {"Bit", 1},
    [ESE_COL_UNSIGNED_BYTE] = {"UnsignedByte", 1},
    [ESE_COL_SHORT] = {"Short", 2},
    [ESE_COL_LONG] = {"Long", 4},
    [ESE_COL_CURRENCY] = {"Currency", 8},
    [ESE_COL_IEEE_SINGLE] = {"IEEESingle", 4},
    [ESE_COL_IEEE_DOUBLE] = {"IEEEDouble", 8},
    [ESE_COL_DATE_TIME] = {"DateTime", 8},
    [ESE_COL_BINARY] = {"Binary", 0},
    [ESE_COL_TEXT] = {"Text", 0},
    [ESE_COL_LONG_BINARY] = {"LongBinary", 0},
    [ESE_COL_LONG_TEXT] = {"LongText", 0},
    [ESE_COL_SLV] = {"SLV", 0},
    [ESE_COL_UNSIGNED_LONG] = {"UnsignedLong", 4},
    [ESE_COL_LONG_LONG] = {"LongLong", 8},
    [ESE_COL_GUID] = {"GUID", 16},
    [ESE_COL_UNSIGNED_SHORT] = {"UnsignedShort", 2},
    [ESE_COL_UNSIGNED_LONG_LONG] = {"UnsignedLongLong", 8},
};

const char *ese_coltype_name(enum ese_coltype type)
{
    return (unsigned)type < ESE_COL_MAX ? coltypes[type].name : "?";
}

size_t ese_coltype_size(enum ese_coltype type)
{
    return (unsigned)type < ESE_COL_MAX ? coltypes[type].size : 0;
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
    switch ((enum ese_state)state) {
    case ESE_STATE_JUST_CREATED:
        return "just-created";
    case ESE_STATE_DIRTY_SHUTDOWN:
        return "dirty-shutdown";
    case ESE_STATE_CLEAN_SHUTDOWN:
        return "clean-shutdown";
    case ESE_STATE_BEING_CONVERTED:
        return "being-converted";
    case ESE_STATE_FORCE_DETACH:
        return "force-detach";
    case ESE_STATE_INCREMENTAL_RESEED:
        return "incremental-reseed";
    case ESE_STATE_DIRTY_AND_PATCHED:
        return "dirty-and-patched";
    case ESE_STATE_REVERT_IN_PROGRESS:
        return "revert-in-progress";
    }
    return "unknown";
}
