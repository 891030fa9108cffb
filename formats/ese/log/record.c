/* Types and sizes of log records: see log/record.h. */
#include "formats/ese/log/record.h"

enum {
    LENGTHS_MOST = 4,
    CREATE_DB_FLAGS_AT = 42, /* bit 2: four bytes of version information follow */
    CREATE_DB_HAS_VERSION = 0x4,
    CREATE_DB_VERSION_SIZE = 4,
    REPLACE_SIZE_MASK = 0x7fff, /* the top bit tells the form of the difference */
    SETTINGS_SIZE = 567,        /* paths and sizes that an engine was started with */
    PAGE_PART = 32,
    NODE_PART = 44,
};

enum part { PART_NONE, PART_PAGE, PART_NODE };

/* A field that says how many bytes follow the fixed part. */
struct length {
    uint16_t at;
    uint8_t bytes; /* 2 or 4; 0: no such field */
};

struct type {
    const char *name;
    uint16_t fixed; /* 0: the number has no meaning */
    uint8_t part;   /* enum part */
    struct length length[LENGTHS_MOST];
};

static const struct type types[ESE_LOG_TYPES] = {
    [0] = {"NOP", 1, PART_NONE, {{0}}},
    [1] = {"Init", 1 + SETTINGS_SIZE, PART_NONE, {{0}}},
    [2] = {"Term", 18, PART_NONE, {{0}}},
    [3] = {"MultiSector", 9, PART_NONE, {{0}}},
    [4] = {"End", 1, PART_NONE, {{0}}},
    [5] = {"Begin", 4, PART_NONE, {{0}}},
    [6] = {"Commit", 4, PART_NONE, {{0}}},
    [7] = {"Rollback", 4, PART_NONE, {{0}}},
    [8] = {"Begin0", 8, PART_NONE, {{0}}},
    [9] = {"Commit0", 8, PART_NONE, {{0}}},
    [10] = {"Refresh", 7, PART_NONE, {{0}}},
    [11] = {"MacroBegin", 11, PART_NONE, {{0}}},
    [12] = {"MacroCommit", 11, PART_NONE, {{0}}},
    [13] = {"MacroAbort", 11, PART_NONE, {{0}}},
    [14] = {"CreateDB", 43, PART_NONE, {{40, 2}}},
    [15] = {"AttachDB", 75, PART_NONE, {{72, 2}}},
    [16] = {"DetachDB", 7, PART_NONE, {{4, 2}}},
    [17] = {"RecoveryUndo", 1, PART_NONE, {{0}}},
    [18] = {"RecoveryQuit", 18, PART_NONE, {{0}}},
    [19] = {"FullBackup", 3, PART_NONE, {{1, 2}}},
    [20] = {"IncrementalBackup", 3, PART_NONE, {{1, 2}}},
    [21] = {"JetOp", 4, PART_NONE, {{0}}},
    [22] = {"Trace", 5, PART_NONE, {{3, 2}}},
    [23] = {"ShutDownMark", 1, PART_NONE, {{0}}},
    [24] = {"CreateMEFDP", 56, PART_PAGE, {{0}}},
    [25] = {"CreateSEFDP", 48, PART_PAGE, {{0}}},
    [26] = {"ConvertFDP", 60, PART_PAGE, {{0}}},
    [27] = {"Split", 102, PART_PAGE, {{96, 2}, {98, 2}, {100, 2}}},
    [28] = {"Merge", 88, PART_PAGE, {{86, 2}}},
    [29] = {"Insert", 50, PART_NODE, {{44, 2}, {46, 2}, {48, 2}}},
    [30] = {"FlagInsert", 48, PART_NODE, {{44, 2}, {46, 2}}},
    [31] = {"FlagInsertAndReplaceData", 52, PART_NODE, {{44, 2}, {46, 2}}},
    [32] = {"FlagDelete", 44, PART_NODE, {{0}}},
    [33] = {"Replace", 50, PART_NODE, {{44, 2}}},
    [34] = {"ReplaceD", 50, PART_NODE, {{44, 2}}},
    [35] = {"Delete", 44, PART_NODE, {{0}}},
    [36] = {"UndoInfo", 56, PART_NODE, {{44, 2}, {46, 2}, {54, 2}}},
    [37] = {"Delta", 54, PART_NODE, {{44, 2}, {46, 2}}},
    [38] = {"SetExternalHeader", 46, PART_NODE, {{44, 2}}},
    [39] = {"Undo", 51, PART_NODE, {{44, 2}, {46, 2}}},
    [42] = {"Checksum", 22, PART_NONE, {{0}}},
    [45] = {"ExternalRestore", 3, PART_NONE, {{1, 2}}},
    [46] = {"Backup", 5, PART_NONE, {{3, 2}}},
    [48] = {"EmptyTree", 46, PART_NODE, {{44, 2}}},
    [49] = {"Init2", 1 + SETTINGS_SIZE + 8, PART_NONE, {{0}}},
    [50] = {"Term2", 26, PART_NONE, {{0}}},
    [51] = {"RecoveryUndo2", 9, PART_NONE, {{0}}},
    [52] = {"RecoveryQuit2", 26, PART_NONE, {{0}}},
    [53] = {"BeginDT", 8, PART_NONE, {{0}}},
    [54] = {"PrepareCommit", 7, PART_NONE, {{3, 4}}},
    [57] = {"ForceWriteLog", 3, PART_NONE, {{0}}},
    [58] = {"ConvertFDP2", 68, PART_PAGE, {{0}}},
    [59] = {"ExternalRestore2", 3, PART_NONE, {{1, 2}}},
    [60] = {"Backup2", 7, PART_NONE, {{5, 2}}},
    [61] = {"ForceLogRollover", 5, PART_NONE, {{3, 2}}},
    [62] = {"Split2", 110, PART_PAGE, {{96, 2}, {98, 2}, {100, 2}, {106, 4}}},
    [63] = {"Merge2", 96, PART_PAGE, {{86, 2}, {92, 4}}},
    [64] = {"Scrub", 54, PART_NODE, {{52, 2}}},
    [65] = {"PageMove", 96, PART_PAGE, {{88, 4}, {92, 4}}},
    [66] = {"PagePatchRequest", 46, PART_NONE, {{0}}},
    [67] = {"MacroInfo", 5, PART_NONE, {{1, 4}}},
    [68] = {"ExtendDB", 5, PART_NONE, {{1, 4}}},
    [69] = {"CommitContext", 5, PART_NONE, {{1, 4}}},
    [70] = {"ScanCheck", 5, PART_NONE, {{1, 4}}},
    [71] = {"NOP2", 5, PART_NONE, {{1, 4}}},
    [72] = {"ReAttach", 5, PART_NONE, {{1, 4}}},
    [73] = {"MacroInfo2", 5, PART_NONE, {{1, 4}}},
    [74] = {"FreeFDP", 5, PART_NONE, {{1, 4}}},
    [75] = {"Ignored9", 5, PART_NONE, {{1, 4}}},
    [76] = {"FragmentBegin", 7, PART_NONE, {{5, 2}}},
    [77] = {"Fragment", 3, PART_NONE, {{1, 2}}},
    [78] = {"ShrinkDB", 10, PART_NONE, {{0}}},
    [79] = {"CreateDBFinish", 4, PART_NONE, {{0}}},
    [80] = {"RecoveryQuitKeepAttachments", 26, PART_NONE, {{0}}},
    [81] = {"TrimDB", 10, PART_NONE, {{0}}},
    [82] = {"Ignored10", 5, PART_NONE, {{1, 4}}},
    [83] = {"Ignored11", 5, PART_NONE, {{1, 4}}},
    [84] = {"Ignored12", 5, PART_NONE, {{1, 4}}},
    [85] = {"Ignored13", 5, PART_NONE, {{1, 4}}},
    [86] = {"Ignored14", 5, PART_NONE, {{1, 4}}},
    [87] = {"Ignored15", 5, PART_NONE, {{1, 4}}},
    [88] = {"Ignored16", 5, PART_NONE, {{1, 4}}},
    [89] = {"Ignored17", 5, PART_NONE, {{1, 4}}},
    [90] = {"Ignored18", 5, PART_NONE, {{1, 4}}},
    [91] = {"Ignored19", 5, PART_NONE, {{1, 4}}},
    [92] = {"SetDbVersion", 14, PART_NONE, {{0}}},
    [93] = {"Delta64", 58, PART_NODE, {{44, 2}, {46, 2}}},
    [94] = {"ShrinkDB2", 10, PART_NONE, {{0}}},
    [95] = {"NewPage", 20, PART_NONE, {{0}}},
    [96] = {"RootPageMove", 16, PART_NONE, {{0}}},
    [97] = {"SignalAttachDb", 2, PART_NONE, {{0}}},
    [98] = {"ScanCheck2", 27, PART_NONE, {{0}}},
    [99] = {"ShrinkDB3", 18, PART_NONE, {{0}}},
    [100] = {"ExtentFreed", 11, PART_NONE, {{0}}},
    [101] = {"ExtentFreed2", 19, PART_NONE, {{0}}},
};

const char *ese_log_type_name(unsigned type)
{
    return type < ESE_LOG_TYPES && types[type].name ? types[type].name : "?";
}

size_t ese_log_fixed_size(unsigned type)
{
    return type < ESE_LOG_TYPES ? types[type].fixed : 0;
}

static bool length_read(struct bytes b, struct length length, uint32_t *value)
{
    uint16_t half;
    if (length.bytes == 4)
        return bytes_le32(b, length.at, value);
    if (!bytes_le16(b, length.at, &half))
        return false;
    *value = half;
    return true;
}

bool ese_log_record_size(struct bytes b, uint64_t *size)
{
    uint8_t type, flags;
    if (!bytes_u8(b, 0, &type) || ese_log_fixed_size(type) == 0)
        return false;
    uint64_t sum = types[type].fixed;
    for (unsigned i = 0; i < LENGTHS_MOST && types[type].length[i].bytes; i++) {
        uint32_t value;
        if (!length_read(b, types[type].length[i], &value))
            return false;
        if (type == ESE_LOG_REPLACE || type == ESE_LOG_REPLACE_DIFFERENCE)
            value &= REPLACE_SIZE_MASK;
        sum += value;
    }
    if (type == ESE_LOG_CREATE_DB) {
        if (!bytes_u8(b, CREATE_DB_FLAGS_AT, &flags))
            return false;
        sum += flags & CREATE_DB_HAS_VERSION ? CREATE_DB_VERSION_SIZE : 0;
    }
    *size = sum;
    return true;
}

bool ese_log_page_read(const struct ese_log_record *record, struct ese_log_page *page)
{
    enum part part = record->type < ESE_LOG_TYPES ? types[record->type].part : PART_NONE;
    struct reader r = reader_of(record->bytes);
    if (part == PART_NONE)
        return false;
    reader_take(&r, 1);
    page->session = reader_le16(&r);
    page->database = reader_u8(&r);
    page->page = reader_le32(&r);
    page->after = reader_le64(&r);
    page->before = reader_le64(&r);
    page->transaction = reader_le32(&r);
    page->level = reader_u8(&r);
    page->line = reader_le16(&r);
    page->flags = reader_u8(&r);
    page->is_node = part == PART_NODE;
    page->version = page->is_node ? reader_le32(&r) : 0;
    page->root = page->is_node ? reader_le32(&r) : 0;
    page->object_id = page->is_node ? reader_le32(&r) : 0;
    return !r.failed;
}

size_t ese_log_row_bytes(const struct ese_log_record *record, struct bytes *rows)
{
    size_t fixed = ese_log_fixed_size(record->type);
    *rows = bytes_from(record->bytes, fixed);
    if (record->type >= ESE_LOG_TYPES || types[record->type].part == PART_NONE)
        rows->size = 0;
    return rows->size;
}

int ese_log_position_compare(struct ese_log_position a, struct ese_log_position b)
{
    if (a.generation != b.generation)
        return a.generation < b.generation ? -1 : 1;
    if (a.sector != b.sector)
        return a.sector < b.sector ? -1 : 1;
    return (a.byte > b.byte) - (a.byte < b.byte);
}
