/* Records of both formats, byte by byte: what each column holds, and that no truncation does harm.
 */
#include "formats/ese/layout/record.h"
#include "tests/check_main.h"

#define RAW(literal)                                                                               \
    {                                                                                              \
        .at = (const uint8_t *)("" literal), .size = sizeof(literal) - 1                           \
    }

/* ---- tables ---- */

#define COLUMN(id_, name_, type_, offset_)                                                         \
    {                                                                                              \
        .id = id_, .name = name_, .type = ESE_COL_##type_, .offset = offset_                       \
    }

static struct ese_column plain_columns[] = {
    COLUMN(1, "Number", LONG, 4),
    COLUMN(2, "Small", SHORT, 8),
    COLUMN(3, "Yes", BIT, 10),
    {.id = 4,
     .name = "Added",
     .type = ESE_COL_UNSIGNED_BYTE,
     .offset = 11,
     .default_value = RAW("\x2a")},
    {.id = 5, .name = "Code", .type = ESE_COL_BINARY, .offset = 12, .size = 3},
    COLUMN(128, "Name", TEXT, 0),
    COLUMN(129, "Hash", BINARY, 0),
    {.id = 130, .name = "Later", .type = ESE_COL_TEXT, .default_value = RAW("def")},
    COLUMN(256, "Blob", LONG_BINARY, 0),
    COLUMN(257, "Memo", LONG_TEXT, 0),
    COLUMN(258, "Counts", LONG, 0),
    {.id = 300, .name = "Given", .type = ESE_COL_BINARY, .default_value = RAW("\xaa\xbb")},
};

static const struct ese_table plain_table = {
    .name = "Plain", .columns = ARRAY_SIZE(plain_columns), .column = plain_columns};

/* A table with a template: both have tagged columns 256 and 257; ESE97 counted on instead. */
static struct ese_column derived_columns[] = {
    {.id = 256, .name = "TheirBlob", .type = ESE_COL_LONG_BINARY, .from_template = true},
    {.id = 257, .name = "TheirMemo", .type = ESE_COL_LONG_TEXT, .from_template = true},
    {.id = 256, .name = "OwnBlob", .type = ESE_COL_LONG_BINARY},
    {.id = 258, .name = "OwnMemo", .type = ESE_COL_LONG_TEXT},
};

static const struct ese_table derived_table = {.name = "Derived",
                                               .template_name = "Template",
                                               .columns = ARRAY_SIZE(derived_columns),
                                               .column = derived_columns};

/* As ESE97 wrote it: the template's ids end at 257, the table's own begin at 258. */
static const struct ese_table derived97_table = {.name = "Derived97",
                                                 .template_name = "Template",
                                                 .first_own_tagged = 258,
                                                 .columns = ARRAY_SIZE(derived_columns),
                                                 .column = derived_columns};

/* ---- examples ---- */

enum format { OLD, SMALL, LARGE }; /* TAGFLD_OLD; offset array on small and on large pages */

static const size_t page_size[] = {[OLD] = 4096, [SMALL] = 4096, [LARGE] = 16384};

/* Nothing but tagged columns. */
#define BARE "\x00\x7f\x04\x00"
/* Number 0x04030201, Small 0x0605, Yes; no nulls; Name "hi", Hash aabbcc. */
#define FULL                                                                                       \
    "\x03\x81\x0c\x00"                                                                             \
    "\x01\x02\x03\x04\x05\x06\xff\xf8"                                                             \
    "\x02\x00\x05\x00hi\xaa\xbb\xcc"

/*
 * `gives` is what the column's values are, with a space between them: hex digits of a plain value
 * ("-" for one of no bytes), null, "lid N" and "wide N" of a separated one, "packed:" or "secret:"
 * before the bytes of a compressed or an encrypted one, "default:" before one that is not in the
 * row; "!" and a part of the message of a refusal.
 */
static const struct example {
    const char *what;
    enum format format;
    const struct ese_table *table;
    struct bytes record;
    const char *column;
    const char *gives;
} examples[] = {
    /* Fixed and variable columns are the same in all formats. */
    {"fixed", OLD, &plain_table, RAW(FULL), "Number", "01020304"},
    {"fixed", SMALL, &plain_table, RAW(FULL), "Small", "0506"},
    {"fixed", LARGE, &plain_table, RAW(FULL), "Yes", "ff"},
    {"fixed, null", OLD, &plain_table, RAW("\x03\x7f\x0c\x00\x01\x02\x03\x04\x05\x06\xff\xfa"),
     "Small", "null"},
    {"fixed, beside a null", OLD, &plain_table,
     RAW("\x03\x7f\x0c\x00\x01\x02\x03\x04\x05\x06\xff\xfa"), "Yes", "ff"},
    {"fixed, added after the row", OLD, &plain_table, RAW(FULL), "Added", "default:2a"},
    {"fixed, added after the row", SMALL, &plain_table, RAW(FULL), "Code", "null"},
    {"fixed, Binary", SMALL, &plain_table,
     RAW("\x05\x7f\x10\x00\x01\x02\x03\x04\x05\x06\xff\x07xyz\xe0"), "Code", "78797a"},
    {"fixed, no column at all", OLD, &plain_table, RAW(BARE), "Number", "null"},
    {"fixed, not all of it there", OLD, &plain_table,
     RAW("\x03\x7f\x0b\x00\x01\x02\x03\x04\x05\x06\xf8"), "Yes",
     "!column Yes should be at bytes 10 to 11 of 10"},
    {"variable", OLD, &plain_table, RAW(FULL), "Name", "6869"},
    {"variable, the second", SMALL, &plain_table, RAW(FULL), "Hash", "aabbcc"},
    {"variable, added after the row", LARGE, &plain_table, RAW(FULL), "Later", "default:646566"},
    {"variable, null", SMALL, &plain_table, RAW("\x00\x81\x04\x00\x00\x80\x01\x00z"), "Name",
     "null"},
    {"variable, after a null", SMALL, &plain_table, RAW("\x00\x81\x04\x00\x00\x80\x01\x00z"),
     "Hash", "7a"},
    {"variable, empty", SMALL, &plain_table, RAW("\x00\x81\x04\x00\x00\x00\x01\x00z"), "Name", "-"},
    {"variable, ending before it begins", SMALL, &plain_table,
     RAW("\x00\x82\x04\x00\x03\x00\x01\x00\x03\x00xyz"), "Hash", "!should be at bytes 3 to 1 of 3"},
    {"variable, ending behind the last", SMALL, &plain_table,
     RAW("\x00\x82\x04\x00\x01\x00\x09\x00\x03\x00xyz"), "Hash", "!should be at bytes 1 to 9 of 3"},

    /* Tagged columns of revision 2. */
    {"old: long, in the row", OLD, &plain_table, RAW(FULL "\x00\x01\x04\x80\x00xyz"), "Blob",
     "78797a"},
    {"old: long, empty", OLD, &plain_table, RAW(BARE "\x00\x01\x01\x80\x00"), "Blob", "-"},
    {"old: separated", OLD, &plain_table, RAW(BARE "\x00\x01\x05\x80\x01\x07\x00\x00\x00"), "Blob",
     "lid 7"},
    {"old: separated, id of 3 bytes", OLD, &plain_table,
     RAW(BARE "\x00\x01\x04\x80\x01\x07\x00\x00"), "Blob",
     "!column 256: a long value's id has 3 bytes, expected 4"},
    {"old: separated, id of 8 bytes", OLD, &plain_table,
     RAW(BARE "\x00\x01\x09\x80\x01\x07\x00\x00\x00\x00\x00\x00\x80"), "Blob",
     "!column 256: a long value's id has 8 bytes, expected 4"},
    {"old: long without its first byte", OLD, &plain_table, RAW(BARE "\x00\x01\x00\x80"), "Blob",
     "!column 256: a long value without its first byte"},
    {"old: null", OLD, &plain_table, RAW(BARE "\x00\x01\x00\x40"), "Blob", "null"},
    {"old: the second column", OLD, &plain_table,
     RAW(BARE "\x00\x01\x04\x80\x00xyz\x01\x01\x03\x80\x00hi"), "Memo", "6869"},
    {"old: not there", OLD, &plain_table, RAW(BARE "\x00\x01\x04\x80\x00xyz"), "Memo", "null"},
    {"old: not there, with a default", OLD, &plain_table, RAW(BARE "\x00\x01\x04\x80\x00xyz"),
     "Given", "default:aabb"},
    {"old: null in place of its default", OLD, &plain_table, RAW(BARE "\x2c\x01\x00\x40"), "Given",
     "null"},
    {"old: several values", OLD, &plain_table,
     RAW(BARE "\x02\x01\x04\x00\x01\0\0\0\x02\x01\x04\x00\x02\0\0\0\x02\x01\x04\x00\x03\0\0\0"),
     "Counts", "01000000 02000000 03000000"},
    {"old: several long values, one of them separated", OLD, &plain_table,
     RAW(BARE "\x01\x01\x02\x80\x00y\x01\x01\x05\x80\x01\x09\0\0\0\x01\x01\x01\x80\x00"), "Memo",
     "79 lid 9 -"},
    {"old: several values between others", OLD, &plain_table,
     RAW(BARE "\x00\x01\x02\x80\x00y\x02\x01\x04\x00\x01\0\0\0\x02\x01\x04\x00\x02\0\0\0\x2c\x01"
              "\x01\x00z"),
     "Counts", "01000000 02000000"},
    {"old: cut in a value", OLD, &plain_table, RAW(BARE "\x00\x01\x05\x80\x00xyz"), "Blob",
     "!the tagged columns are cut"},
    {"old: cut before a later value", OLD, &plain_table,
     RAW(BARE "\x02\x01\x04\x00\x01\0\0\0\x02\x01\x04\x00\x02\0"), "Counts",
     "01000000 !the tagged columns are cut"},

    /* The offset array on small pages. */
    {"small: plain", SMALL, &plain_table, RAW(FULL "\x00\x01\x04\x00xyz"), "Blob", "78797a"},
    {"small: empty", SMALL, &plain_table, RAW(BARE "\x00\x01\x04\x00"), "Blob", "-"},
    {"small: null", SMALL, &plain_table, RAW(BARE "\x2c\x01\x04\x20"), "Given", "null"},
    {"small: the second of three", SMALL, &plain_table,
     RAW(BARE "\x00\x01\x0c\x00\x01\x01\x0d\x00\x2c\x01\x0f\x00xyyz"), "Memo", "7979"},
    {"small: the last of three", SMALL, &plain_table,
     RAW(BARE "\x00\x01\x0c\x00\x01\x01\x0d\x00\x2c\x01\x0f\x00xyyz"), "Given", "7a"},
    {"small: not there", SMALL, &plain_table, RAW(BARE "\x00\x01\x04\x00xyz"), "Counts", "null"},
    {"small: not there, with a default", SMALL, &plain_table, RAW(BARE "\x00\x01\x04\x00xyz"),
     "Given", "default:aabb"},
    {"small: long, with a header", SMALL, &plain_table, RAW(BARE "\x00\x01\x04\x40\x01xyz"), "Blob",
     "78797a"},
    {"small: separated", SMALL, &plain_table, RAW(BARE "\x00\x01\x04\x40\x05\x07\0\0\0"), "Blob",
     "lid 7"},
    {"small: separated under 64 bits", SMALL, &plain_table,
     RAW(BARE "\x00\x01\x04\x40\x05\x07\0\0\0\0\0\0\x80"), "Blob", "wide 9223372036854775815"},
    {"small: separated, id of 5 bytes", SMALL, &plain_table,
     RAW(BARE "\x00\x01\x04\x40\x05\x07\0\0\0\0"), "Blob", "!a long value's id has 5 bytes"},
    {"small: compressed", SMALL, &plain_table, RAW(BARE "\x01\x01\x04\x40\x03\x0c\x61\xf1\x18"),
     "Memo", "packed:0c61f118"},
    {"small: encrypted", SMALL, &plain_table, RAW(BARE "\x01\x01\x04\x40\x41zzz"), "Memo",
     "secret:7a7a7a"},
    {"small: header missing", SMALL, &plain_table, RAW(BARE "\x00\x01\x04\x40"), "Blob",
     "!column Blob: its header byte is missing"},
    {"small: two values", SMALL, &plain_table,
     RAW(BARE "\x02\x01\x04\x40\x18\x04\x01\0\0\0\x02\0\0\0"), "Counts", "01000000 02000000"},
    {"small: two values, the first empty", SMALL, &plain_table,
     RAW(BARE "\x2c\x01\x04\x40\x18\x00z"), "Given", "- 7a"},
    {"small: two values, the second empty", SMALL, &plain_table,
     RAW(BARE "\x2c\x01\x04\x40\x18\x01z"), "Given", "7a -"},
    {"small: two values that do not fit", SMALL, &plain_table,
     RAW(BARE "\x2c\x01\x04\x40\x18\x03z"), "Given", "!two values that do not fit into 2 bytes"},
    {"small: two values without a size", SMALL, &plain_table, RAW(BARE "\x2c\x01\x04\x40\x18"),
     "Given", "!two values that do not fit into 0 bytes"},
    {"small: several values", SMALL, &plain_table,
     RAW(BARE "\x2c\x01\x04\x40\x08\x06\x00\x07\x00\x07\x00xzz"), "Given", "78 - 7a7a"},
    {"small: several values, the second separated", SMALL, &plain_table,
     RAW(BARE "\x01\x01\x04\x40\x09\x06\x00\x07\x80\x0b\x00x\x09\0\0\0z"), "Memo", "78 lid 9 7a"},
    {"small: several values, only the first compressed", SMALL, &plain_table,
     RAW(BARE "\x01\x01\x04\x40\x0b\x04\x00\x08\x00\x0c\x61\xf1\x18z"), "Memo",
     "packed:0c61f118 7a"},
    {"small: several values, one going backwards", SMALL, &plain_table,
     RAW(BARE "\x2c\x01\x04\x40\x08\x06\x00\x08\x00\x07\x00xzz"), "Given",
     "787a !value 2 should be at bytes 8 to 7 of 9"},
    {"small: several values, one outside", SMALL, &plain_table,
     RAW(BARE "\x2c\x01\x04\x40\x08\x06\x00\x09\x00\x0a\x00xzz"), "Given",
     "787a7a !value 2 should be at bytes 9 to 10 of 9"},
    {"small: several values beginning before their offsets", SMALL, &plain_table,
     RAW(BARE "\x2c\x01\x04\x40\x08\x01\x00xzz"), "Given", "!several values that do not fit"},
    {"small: several values beginning outside", SMALL, &plain_table,
     RAW(BARE "\x2c\x01\x04\x40\x08\x09\x00xzz"), "Given",
     "!several values that do not fit into 5 bytes"},
    {"small: going backwards", SMALL, &plain_table, RAW(BARE "\x00\x01\x08\x00\x01\x01\x07\x00xyz"),
     "Blob", "!tagged column 256 should be at bytes 8 to 7 of 11"},
    {"small: outside", SMALL, &plain_table, RAW(BARE "\x00\x01\x08\x00\x01\x01\x20\x00xyz"), "Memo",
     "!should be at bytes 32 to 11 of 11"},
    {"small: more entries than fit", SMALL, &plain_table, RAW(BARE "\x00\x01\x40\x00xyz"), "Memo",
     "!"},
    {"small: no entry, but bytes", SMALL, &plain_table, RAW(BARE "\x00\x01\x00\x00xyz"), "Memo",
     "!7 bytes of tagged columns without an entry"},
    {"small: too short for an entry", SMALL, &plain_table, RAW(BARE "\x00\x01\x04"), "Blob",
     "!3 bytes of tagged columns without an entry"},

    /* On large pages every entry has its header, and the null stands in it. */
    {"large: plain", LARGE, &plain_table, RAW(FULL "\x00\x01\x04\x00\x01xyz"), "Blob", "78797a"},
    {"large: null", LARGE, &plain_table, RAW(BARE "\x2c\x01\x04\x00\x20"), "Given", "null"},
    {"large: separated", LARGE, &plain_table, RAW(BARE "\x00\x01\x04\x00\x05\x07\0\0\0"), "Blob",
     "lid 7"},
    {"large: compressed", LARGE, &plain_table, RAW(BARE "\x01\x01\x04\x00\x03\x0c\x61\xf1\x18"),
     "Memo", "packed:0c61f118"},
    {"large: two values", LARGE, &plain_table,
     RAW(BARE "\x02\x01\x04\x00\x18\x04\x01\0\0\0\x02\0\0\0"), "Counts", "01000000 02000000"},
    {"large: several values", LARGE, &plain_table,
     RAW(BARE "\x2c\x01\x04\x00\x08\x06\x00\x07\x00\x07\x00xzz"), "Given", "78 - 7a7a"},
    {"large: the second", LARGE, &plain_table,
     RAW(BARE "\x00\x01\x08\x00\x01\x01\x0a\x00\x01x\x01yy"), "Memo", "7979"},
    {"large: header missing", LARGE, &plain_table, RAW(BARE "\x00\x01\x04\x00"), "Blob",
     "!its header byte is missing"},
    {"large: an offset that small pages would take for flags", LARGE, &plain_table,
     RAW(BARE "\x00\x01\x04\x60\x01xyz"), "Blob", "!"},

    /* Columns of a template: a bit says whose a field is. */
    {"derived, old: the template's", OLD, &derived_table,
     RAW(BARE "\x00\x01\x02\xa0\x00t\x00\x01\x02\x80\x00o"), "TheirBlob", "74"},
    {"derived, old: its own of the same id", OLD, &derived_table,
     RAW(BARE "\x00\x01\x02\xa0\x00t\x00\x01\x02\x80\x00o"), "OwnBlob", "6f"},
    {"derived, old: only the template's is there", OLD, &derived_table,
     RAW(BARE "\x00\x01\x02\xa0\x00t"), "OwnBlob", "null"},
    {"derived, small: the template's", SMALL, &derived_table,
     RAW(BARE "\x00\x01\x08\x80\x00\x01\x09\x00to"), "TheirBlob", "74"},
    {"derived, small: its own", SMALL, &derived_table,
     RAW(BARE "\x00\x01\x08\x80\x00\x01\x09\x00to"), "OwnBlob", "6f"},
    {"derived, large: its own", LARGE, &derived_table,
     RAW(BARE "\x00\x01\x08\x80\x00\x01\x0a\x00\x01t\x01o"), "OwnBlob", "6f"},
    {"derived, ESE97: the template's is below the first own id", OLD, &derived97_table,
     RAW(BARE "\x01\x01\x02\x80\x00t\x02\x01\x02\x80\x00o"), "TheirMemo", "74"},
    {"derived, ESE97: its own is the first own id", OLD, &derived97_table,
     RAW(BARE "\x01\x01\x02\x80\x00t\x02\x01\x02\x80\x00o"), "OwnMemo", "6f"},
    {"derived, ESE97: 256 is not its own", OLD, &derived97_table, RAW(BARE "\x00\x01\x02\x80\x00t"),
     "OwnBlob", "null"},
};

/* ---- what a record gives, as text ---- */

static void put_value(char *text, size_t room, const struct ese_value *value)
{
    size_t n = strlen(text);
    if (n > 0)
        n += (size_t)snprintf(text + n, room - n, " ");
    if (value->from_default)
        n += (size_t)snprintf(text + n, room - n, "default:");
    switch (value->kind) {
    case ESE_VALUE_NULL:
        snprintf(text + n, room - n, "null");
        return;
    case ESE_VALUE_SEPARATED:
        snprintf(text + n, room - n, "%s %llu", value->wide_lid ? "wide" : "lid",
                 (unsigned long long)value->lid);
        return;
    case ESE_VALUE_COMPRESSED:
        n += (size_t)snprintf(text + n, room - n, "packed:");
        break;
    case ESE_VALUE_ENCRYPTED:
        n += (size_t)snprintf(text + n, room - n, "secret:");
        break;
    case ESE_VALUE_PLAIN:
        if (value->data.size == 0)
            snprintf(text + n, room - n, "-");
        break;
    }
    for (size_t i = 0; i < value->data.size && n + 3 < room; i++)
        n += (size_t)snprintf(text + n, room - n, "%02x", value->data.at[i]);
}

static bool values_as_text(const struct ese_record *record, const struct ese_column *column,
                           char *text, size_t room, struct fault *f)
{
    struct ese_values values;
    struct ese_value value;
    *f = (struct fault){.code = FAULT_NONE};
    if (!ese_values_of(&values, record, column, f))
        return false;
    for (unsigned n = 0; ese_values_next(&values, &value, f); n++) {
        ck_assert_uint_lt(n, 100);
        put_value(text, room, &value);
    }
    return f->code == FAULT_NONE;
}

/* Opens the first `size` bytes of an example in a block of just that size.  The caller frees *copy.
 */
static bool open_cut(const struct example *x, size_t size, uint8_t **copy,
                     struct ese_record *record, struct fault *f)
{
    *copy = malloc(size ? size : 1);
    ck_assert_ptr_nonnull(*copy);
    memcpy(*copy, x->record.at, size);
    *f = (struct fault){.code = FAULT_NONE};
    return ese_record_open(record, x->table, bytes_of(*copy, size), x->format != OLD,
                           page_size[x->format], f);
}

START_TEST(an_example_gives_its_values)
{
    const struct example *x = &examples[_i];
    struct ese_record record;
    struct fault f;
    uint8_t *copy;
    char text[400] = "";
    ck_assert_msg(open_cut(x, x->record.size, &copy, &record, &f), "%s: %s", x->what, f.text);
    const struct ese_column *column = ese_table_column(x->table, x->column);
    ck_assert_ptr_nonnull(column);
    bool ok = values_as_text(&record, column, text, sizeof text, &f);
    const char *refusal = strchr(x->gives, '!');
    ck_assert_msg(ok == (refusal == NULL), "%s: %s: %s", x->what, text, f.text);
    if (refusal == NULL) {
        ck_assert_msg(strcmp(text, x->gives) == 0, "%s: %s", x->what, text);
    } else {
        strcat(text, " ");
        ck_assert_int_eq(f.code, FAULT_DAMAGED);
        ck_assert_msg(strstr(f.text, refusal + 1), "%s: %s", x->what, f.text);
        ck_assert_msg(refusal == x->gives ||
                          strncmp(text, x->gives, (size_t)(refusal - x->gives)) == 0,
                      "%s: %s", x->what, text);
    }
    free(copy);
}
END_TEST

START_TEST(the_first_value_is_the_first)
{
    const struct example *x = &examples[_i];
    struct ese_record record;
    struct ese_value value;
    struct fault f;
    uint8_t *copy;
    char text[400] = "";
    ck_assert(open_cut(x, x->record.size, &copy, &record, &f));
    if (ese_record_value(&record, ese_table_column(x->table, x->column), &value, &f)) {
        put_value(text, sizeof text, &value);
        ck_assert_msg(strncmp(text, x->gives, strlen(text)) == 0, "%s: %s", x->what, text);
    } else {
        ck_assert_msg(x->gives[0] == '!' && f.code == FAULT_DAMAGED, "%s: %s", x->what, f.text);
    }
    free(copy);
}
END_TEST

/* What a walk over the tagged columns gives of one of them. */
static bool walk_as_text(const struct ese_record *record, const struct ese_column *column,
                         char *text, size_t room, struct fault *f)
{
    struct ese_tagged_walk walk;
    struct ese_value value;
    uint16_t id;
    *f = (struct fault){.code = FAULT_NONE};
    ese_tagged_walk_open(&walk, record);
    for (unsigned n = 0; ese_tagged_walk_next(&walk, &id, &value, f); n++) {
        ck_assert_uint_lt(n, 100);
        if (id == column->id)
            put_value(text, room, &value);
    }
    return f->code == FAULT_NONE;
}

/* Of a record that has passed the check, a walk gives what each column has, but for a value that no
 * row states. */
START_TEST(a_walk_gives_what_its_columns_have)
{
    const struct example *x = &examples[_i];
    struct ese_record record;
    struct ese_record_limits limits;
    struct fault f;
    uint8_t *copy;
    ck_assert(open_cut(x, x->record.size, &copy, &record, &f));
    ese_record_limits_of(&limits, x->table);
    bool walks =
        x->table->template_name == NULL && ese_record_check(&record, &limits, NULL, NULL, &f);
    for (unsigned i = 0; walks && i < x->table->columns; i++) {
        const struct ese_column *column = &x->table->column[i];
        struct ese_values values;
        char text[400] = "", walked[400] = "";
        if (column->id < ESE_TAGGED_FIRST || !ese_values_of(&values, &record, column, &f))
            continue;
        ck_assert_msg(walk_as_text(&record, column, walked, sizeof walked, &f), "%s: %s", x->what,
                      f.text);
        ck_assert(!values.stated || values_as_text(&record, column, text, sizeof text, &f));
        ck_assert_msg(strcmp(walked, text) == 0, "%s: %s: %s", x->what, column->name, walked);
    }
    free(copy);
}
END_TEST

/* Every truncation, read in every format: AddressSanitizer sees a byte read behind the end. */
START_TEST(no_truncation_does_harm)
{
    struct example x = examples[_i];
    static const enum format formats[] = {OLD, SMALL, LARGE};
    for (size_t size = 0; size <= x.record.size; size++) {
        for (size_t i = 0; i < ARRAY_SIZE(formats); i++) {
            struct ese_record record;
            struct fault f;
            uint8_t *copy;
            x.format = formats[i];
            bool opened = open_cut(&x, size, &copy, &record, &f);
            ck_assert_msg(opened || (f.code == FAULT_DAMAGED && f.text[0]), "%s", x.what);
            for (unsigned c = 0; opened && c < x.table->columns; c++) {
                char text[2000] = "";
                if (!values_as_text(&record, &x.table->column[c], text, sizeof text, &f))
                    ck_assert_msg(f.code == FAULT_DAMAGED && f.text[0], "%s", x.what);
            }
            free(copy);
        }
    }
}
END_TEST

/* Cut anywhere in front of the tagged columns a record is refused as a whole. */
START_TEST(a_record_cut_in_its_plain_columns_is_refused)
{
    static const struct example full = {.table = &plain_table, .record = RAW(FULL)};
    for (size_t size = 0; size < full.record.size; size++) {
        struct ese_record record;
        struct fault f;
        uint8_t *copy;
        ck_assert_msg(!open_cut(&full, size, &copy, &record, &f), "cut to %zu bytes", size);
        ck_assert_msg(f.code == FAULT_DAMAGED && strstr(f.text, "record of "), "%s", f.text);
        free(copy);
    }
}
END_TEST

static const struct heading {
    const char *what;
    struct bytes record;
    const char *says;
} headings[] = {
    {"fixed columns that end before they begin", RAW("\x01\x7f\x03\x00\x00\x00"), "end at byte 3"},
    {"no room for the null bitmap", RAW("\x09\x7f\x05\x00\x00\x00\x00"), "end at byte 5"},
    {"fixed columns that end outside", RAW("\x01\x7f\x08\x00\x00\x00"), "end at byte 8"},
    {"a last variable column below none", RAW("\x00\x7e\x04\x00"), "variable one 126"},
    {"a last fixed column among the variable",
     RAW("\x80\x7f\x14\x00\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0"), "fixed column is 128"},
    {"the most variable columns", RAW("\x00\xff\x04\x00\x00\x00"),
     "offsets of 128 variable columns"},
    {"variable columns that end outside", RAW("\x00\x80\x04\x00\x02\x00x"),
     "variable columns should end 2 bytes after byte 6"},
};

START_TEST(a_record_that_cannot_be_is_refused)
{
    struct ese_record record;
    struct fault f = {.code = FAULT_NONE};
    ck_assert(!ese_record_open(&record, &plain_table, headings[_i].record, true, 4096, &f));
    ck_assert_msg(f.code == FAULT_DAMAGED && strstr(f.text, headings[_i].says), "%s: %s",
                  headings[_i].what, f.text);
}
END_TEST

static const struct whole_number {
    enum ese_coltype type;
    struct bytes value;
    bool is;
    int64_t number;
} numbers[] = {
    {ESE_COL_BIT, RAW("\xff"), true, 1},
    {ESE_COL_BIT, RAW("\0"), true, 0},
    {ESE_COL_UNSIGNED_BYTE, RAW("\xff"), true, 255},
    {ESE_COL_SHORT, RAW("\xff\xff"), true, -1},
    {ESE_COL_SHORT, RAW("\xff\x7f"), true, INT16_MAX},
    {ESE_COL_UNSIGNED_SHORT, RAW("\xff\xff"), true, UINT16_MAX},
    {ESE_COL_LONG, RAW("\0\0\0\x80"), true, INT32_MIN},
    {ESE_COL_LONG, RAW("\xfe"), true, -2}, /* a tagged value can be of any size */
    {ESE_COL_UNSIGNED_LONG, RAW("\0\0\0\x80"), true, (int64_t)1 << 31},
    {ESE_COL_CURRENCY, RAW("\0\0\0\0\0\0\0\x80"), true, INT64_MIN},
    {ESE_COL_LONG_LONG, RAW("\xff\xff\xff\xff\xff\xff\xff\xff"), true, -1},
    {ESE_COL_UNSIGNED_LONG_LONG, RAW("\xff\xff\xff\xff\xff\xff\xff\x7f"), true, INT64_MAX},
    {ESE_COL_UNSIGNED_LONG_LONG, RAW("\0\0\0\0\0\0\0\x80"), false, 0},
    {ESE_COL_LONG, RAW(""), false, 0},
    {ESE_COL_LONG_LONG, RAW("\1\0\0\0\0\0\0\0\0"), false, 0},
    {ESE_COL_BINARY, RAW("\1\0\0\0"), false, 0},
    {ESE_COL_IEEE_SINGLE, RAW("\1\0\0\0"), false, 0},
};

START_TEST(an_integer_is_read_as_its_type_says)
{
    int64_t number = 0;
    ck_assert_int_eq(ese_integer(numbers[_i].type, numbers[_i].value, &number), numbers[_i].is);
    if (numbers[_i].is)
        ck_assert_int_eq(number, numbers[_i].number);
}
END_TEST

/* The last fixed column is where the fixed part ends: one that says less would hide those behind.
 */
START_TEST(the_last_fixed_column_ends_the_fixed_part)
{
    struct ese_record_limits limits;
    ese_record_limits_of(&limits, &plain_table);
    for (uint8_t last = 1; last <= 2; last++) {
        /* two columns of 4 and 2 bytes behind the header, and a byte of null bits */
        uint8_t raw[11] = {last, 127, sizeof raw, 0, 1, 2, 3, 4, 5, 6, 0};
        struct ese_record record;
        struct fault f = {.code = FAULT_NONE};
        ck_assert(
            ese_record_open(&record, &plain_table, bytes_of(raw, sizeof raw), true, 4096, &f));
        ck_assert_int_eq(ese_record_check(&record, &limits, NULL, NULL, &f), last == 2);
        ck_assert_int_eq(f.code, last == 2 ? FAULT_NONE : FAULT_DAMAGED);
    }
}
END_TEST

int main(void)
{
    return check_main("record", (const struct check_case[]){
                                    {an_example_gives_its_values, ARRAY_SIZE(examples)},
                                    {the_first_value_is_the_first, ARRAY_SIZE(examples)},
                                    {a_walk_gives_what_its_columns_have, ARRAY_SIZE(examples)},
                                    {no_truncation_does_harm, ARRAY_SIZE(examples)},
                                    {a_record_cut_in_its_plain_columns_is_refused, 0},
                                    {a_record_that_cannot_be_is_refused, ARRAY_SIZE(headings)},
                                    {the_last_fixed_column_ends_the_fixed_part, 0},
                                    {an_integer_is_read_as_its_type_says, ARRAY_SIZE(numbers)},
                                    {0},
                                });
}
