/* Showing values: see value.h. */
#include "migrate/console/value.h"

#include "migrate/console/words.h"
#include "formats/buffer.h"
#include "formats/ese/layout/compress.h"
#include "formats/ese/read/longvalue.h"
#include "formats/ese/layout/text.h"
#include "migrate/console/date.h"
#include "migrate/console/output.h"

#include <gnutls/crypto.h>
#include <stdio.h>
#include <stdlib.h>

enum {
    TEXT_STEP = 4096,
    SHA256_SIZE = 32,
    NAME_ROOM = 256,
    GATHERED_MOST = 1024 * 1024, /* longer long values are read twice instead of kept */
};

/* What is asked of a column again for every row. */
struct column_facts {
    char name[NAME_ROOM + 2]; /* UTF-8; between quotes, as a string of JSON, when */
    size_t quoted;            /* ... this, its size there, is not 0 */
    bool as_text;             /* its bytes are text that can be converted */
    bool secret;
    bool filetime; /* a DateTime that holds a FILETIME */
};

struct value_writer {
    const struct ese_db *db;
    value_secret *is_secret;
    const void *context;
    struct json *json;
    const struct ese_table *table;
    const struct ese_column *column;
    struct column_facts *facts; /* as table->column */
    struct ese_text text;       /* state of the text being converted */
    bool as_text;               /* the column's bytes are text that can be converted */
    bool secret, filetime;
    gnutls_hash_hd_t hash; /* of secret values, made for the first; NULL: not yet */
    uint64_t hashed;
    bool no_hash; /* one could not be made */
    struct ese_lv lv;
    struct buffer gathered; /* a long value, whole as far as it could be read */
    bool gathered_whole;
    uint64_t gathered_lid; /* of which table's: gathered_of */
    const struct ese_table *gathered_of;
    uint8_t unpacked[ESE_DECOMPRESSED_MAX];
    char utf8[TEXT_STEP * ESE_TEXT_GROWTH + ESE_TEXT_CARRY];
};

struct value_writer *value_writer_open(const struct ese_db *db, value_secret *is_secret,
                                       const void *context, struct json *json)
{
    struct value_writer *w = calloc(1, sizeof *w);
    if (w == NULL)
        return NULL;
    w->db = db;
    w->is_secret = is_secret;
    w->context = context;
    w->json = json;
    return w;
}

void value_writer_close(struct value_writer *w)
{
    if (w) {
        if (w->hash)
            gnutls_hash_deinit(w->hash, NULL);
        free(w->facts);
        buffer_free(&w->gathered);
    }
    free(w);
}

const char *value_name(const char *name)
{
    enum { KEPT = 16 };
    static char kept[KEPT][NAME_ROOM];
    static unsigned next;
    char *to = kept[next++ % KEPT];
    ese_text_whole(ESE_CODEPAGE_WESTERN, bytes_of(name, strnlen(name, 64)), to);
    return to;
}

/* ---- numbers and dates ---- */

static void write_digits(struct value_writer *w, int64_t value)
{
    if (w->json)
        json_integer(w->json, value);
    else
        output_signed(value);
}

static void write_real(struct value_writer *w, double value, bool single)
{
    char digits[40];
    if (w->json)
        json_real(w->json, value, single);
    else
        output_bytes(digits, json_real_digits(value, single, digits));
}

static void write_string(struct value_writer *w, const char *text)
{
    if (w->json)
        json_string(w->json, text);
    else
        output_text(text);
}

static void write_guid(struct value_writer *w, struct bytes b)
{
    char text[40];
    const uint8_t *g = b.at;
    snprintf(text, sizeof text,
             "%02x%02x%02x%02x-%02x%02x-%02x%02x-%02x%02x-%02x%02x%02x%02x%02x%02x", g[3], g[2],
             g[1], g[0], g[5], g[4], g[7], g[6], g[8], g[9], g[10], g[11], g[12], g[13], g[14],
             g[15]);
    write_string(w, text);
}

static double real_of(uint64_t bits)
{
    double value;
    memcpy(&value, &bits, sizeof value);
    return value;
}

const char *value_date(double days, char to[40])
{
    uint64_t bits;
    memcpy(&bits, &days, sizeof bits);
    if (!date_text(bits, false, to))
        json_real_digits(days, false, to); /* the number, but as a string like every other date */
    return to;
}

/* What is no date is shown as its bytes. */
static void write_date(struct value_writer *w, uint64_t bits, struct bytes stored)
{
    char text[DATE_ROOM], hex[2 * sizeof bits + 1];
    if (date_text(bits, w->filetime, text)) {
        write_string(w, text);
        return;
    }
    bytes_hex(stored, hex, sizeof hex);
    if (!w->json) {
        output_format("[raw]%s", hex);
        return;
    }
    json_map(w->json);
    json_put_text(w->json, "raw", hex);
    json_end_map(w->json);
}

/* A value of a type of fixed size; b has that size. */
static void write_fixed(struct value_writer *w, struct bytes b)
{
    uint64_t bits = bytes_number(b);
    float single;
    uint32_t low = (uint32_t)bits;
    memcpy(&single, &low, sizeof single);
    switch (w->column->type) {
    case ESE_COL_BIT:
        if (w->json)
            json_bool(w->json, bits != 0);
        else
            output_text(bits ? "true" : "false");
        break;
    case ESE_COL_SHORT:
        write_digits(w, (int16_t)bits);
        break;
    case ESE_COL_LONG:
        write_digits(w, (int32_t)bits);
        break;
    case ESE_COL_UNSIGNED_LONG_LONG:
        if (w->json)
            json_unsigned(w->json, bits);
        else
            output_unsigned(bits);
        break;
    case ESE_COL_IEEE_SINGLE:
        write_real(w, (double)single, true);
        break;
    case ESE_COL_IEEE_DOUBLE:
        write_real(w, real_of(bits), false);
        break;
    case ESE_COL_DATE_TIME:
        write_date(w, bits, b);
        break;
    case ESE_COL_GUID:
        write_guid(w, b);
        break;
    default: /* UnsignedByte, UnsignedShort, UnsignedLong, Currency, LongLong */
        write_digits(w, (int64_t)bits);
        break;
    }
}

/* ---- strings of any length, in runs ---- */

static void begin_run(struct value_writer *w)
{
    w->text = (struct ese_text){.code_page = w->column->code_page};
    if (w->secret) {
        w->hashed = 0;
        if (w->hash == NULL && gnutls_hash_init(&w->hash, GNUTLS_DIG_SHA256) < 0) {
            w->hash = NULL;
            w->no_hash = true;
        }
    } else if (w->json) {
        json_long_begin(w->json);
    }
}

static void put_text(struct value_writer *w, size_t size)
{
    if (w->json)
        json_long_text(w->json, w->utf8, size);
    else
        output_escaped(bytes_of(w->utf8, size), ESCAPE_FIELD);
}

static void put_run(struct value_writer *w, struct bytes run)
{
    if (w->secret) {
        if (w->hash)
            gnutls_hash(w->hash, run.at, run.size);
        w->hashed += run.size;
        return;
    }
    if (!w->as_text) {
        output_hex(run.at, run.size);
        return;
    }
    for (size_t at = 0; at < run.size; at += TEXT_STEP) {
        struct bytes step = bytes_from(run, at);
        if (step.size > TEXT_STEP)
            step.size = TEXT_STEP;
        put_text(w, ese_text_convert(&w->text, step, w->utf8));
    }
}

static void write_secret(struct value_writer *w)
{
    uint8_t digest[SHA256_SIZE] = {0};
    if (w->hash)
        gnutls_hash_output(w->hash, digest); /* and it starts anew */
    const char *hex = hash_words(bytes_of(digest, sizeof digest));
    if (!w->json) {
        output_format("[%llu bytes, SHA-256 %s]", (unsigned long long)w->hashed, hex);
        return;
    }
    json_map(w->json);
    json_put_unsigned(w->json, "length", w->hashed);
    json_put_text(w->json, "sha256", hex);
    json_end_map(w->json);
}

static void end_run(struct value_writer *w)
{
    if (w->secret) {
        write_secret(w);
        return;
    }
    if (w->as_text)
        put_text(w, ese_text_end(&w->text, w->utf8));
    if (w->json)
        json_long_end(w->json);
}

static void write_run(struct value_writer *w, struct bytes run)
{
    begin_run(w);
    put_run(w, run);
    end_run(w);
}

/* Bytes that are not the value: what they are (compressed and how, damaged and why), and the bytes
 * themselves. */
static void write_bytes_as(struct value_writer *w, const char *what, const char *how,
                           struct bytes stored)
{
    bool as_text = w->as_text;
    w->as_text = false;
    if (w->json) {
        json_map(w->json);
        json_key(w->json, what);
        json_string(w->json, how);
        json_key(w->json, "hex");
    } else {
        output_format("[%s]", how);
    }
    write_run(w, stored);
    if (w->json)
        json_end_map(w->json);
    w->as_text = as_text;
}

static void write_opaque(struct value_writer *w, const char *how, struct bytes stored)
{
    write_bytes_as(w, "compressed", how, stored);
}

/* What could be read of a value: it must not be taken for the whole. */
static void write_damaged(struct value_writer *w, const struct fault *why, struct bytes part)
{
    write_bytes_as(w, "damaged", w->json ? why->text : "damaged", part);
}

/* ---- one value ---- */

static bool write_compressed(struct value_writer *w, struct bytes stored, struct fault *f)
{
    size_t size;
    struct fault why = {.code = FAULT_NONE};
    if (ese_decompress(stored, w->unpacked, sizeof w->unpacked, &size, &why)) {
        write_run(w, bytes_of(w->unpacked, size));
        return true;
    }
    if (why.code == FAULT_UNSUPPORTED) {
        write_opaque(w, ese_compression_name(ese_compression_of(stored)), stored);
        return true;
    }
    write_damaged(w, &why, stored);
    *f = why;
    return false;
}

/* A long value with a chunk that cannot be decompressed is shown chunk by chunk, as stored. */
static bool write_stored_chunks(struct value_writer *w, const struct ese_value *value,
                                struct fault *f)
{
    struct bytes run;
    bool ok = ese_lv_open(&w->lv, w->db->pages, w->table, value, f);
    if (w->json)
        json_array(w->json);
    while (ok && w->lv.at < w->lv.root.size) {
        struct fault why = {.code = FAULT_NONE};
        if (ese_lv_next(&w->lv, &run, &why))
            write_opaque(w, "none", run);
        else if (why.code == FAULT_UNSUPPORTED)
            write_opaque(w, ese_compression_name(ese_compression_of(w->lv.stored)), w->lv.stored);
        else {
            *f = why;
            ok = false;
        }
    }
    if (w->json)
        json_end_array(w->json);
    ese_lv_close(&w->lv);
    return ok;
}

/* Reads a long value to its end, into w->gathered as far as it is not too long to be kept. */
static bool gather(struct value_writer *w, const struct ese_value *value, struct fault *f)
{
    struct bytes run;
    buffer_clear(&w->gathered);
    bool ok = ese_lv_open(&w->lv, w->db->pages, w->table, value, f);
    while (ok && w->lv.at < w->lv.root.size) {
        ok = ese_lv_next(&w->lv, &run, f);
        if (ok && w->gathered.size + run.size <= GATHERED_MOST && !buffer_add(&w->gathered, run))
            ok = fault_no_memory(f, "a long value");
    }
    ese_lv_close(&w->lv);
    return ok;
}

/* A long value that was read to its end before, and is too long to be kept. */
static bool write_again(struct value_writer *w, const struct ese_value *value, struct fault *f)
{
    bool ok = ese_lv_open(&w->lv, w->db->pages, w->table, value, f);
    begin_run(w);
    while (ok && w->lv.at < w->lv.root.size) {
        struct bytes run;
        ok = ese_lv_next(&w->lv, &run, f);
        if (ok)
            put_run(w, run);
    }
    end_run(w);
    ese_lv_close(&w->lv);
    return ok;
}

/* Whether the value is whole must be known before the first byte is written.  Rows that share one
 * follow each other as a rule: it is read once for all of them. */
static bool write_separated(struct value_writer *w, const struct ese_value *value, struct fault *f)
{
    struct fault why = {.code = FAULT_NONE};
    bool again = w->gathered_whole && w->gathered_of == w->table && w->gathered_lid == value->lid;
    if (!again) {
        w->gathered_whole = gather(w, value, &why) && w->gathered.size == w->lv.root.size;
        w->gathered_of = w->table;
        w->gathered_lid = value->lid;
    }
    if (w->gathered_whole) {
        write_run(w, buffer_bytes(&w->gathered));
        return true;
    }
    if (why.code == FAULT_NONE)
        return write_again(w, value, f);
    bool may_be_packed = w->db->headers.header.revision >= ESE_REVISION_LARGE_PAGES;
    if (why.code == FAULT_UNSUPPORTED && may_be_packed)
        return write_stored_chunks(w, value, f);
    write_damaged(w, &why, buffer_bytes(&w->gathered));
    *f = why;
    return false;
}

static bool write_one(struct value_writer *w, const struct ese_value *value, struct fault *f)
{
    size_t size = ese_coltype_size(w->column->type);
    switch (value->kind) {
    case ESE_VALUE_NULL:
        if (w->json)
            json_null(w->json);
        return true;
    case ESE_VALUE_PLAIN:
        if (size != 0 && value->data.size == size && !w->secret)
            write_fixed(w, value->data);
        else
            write_run(w, value->data);
        if (size == 0 || value->data.size == size)
            return true;
        return fault_set(f, FAULT_DAMAGED, "column %s has %zu bytes, expected %zu", w->column->name,
                         value->data.size, size);
    case ESE_VALUE_COMPRESSED:
        return write_compressed(w, value->data, f);
    case ESE_VALUE_ENCRYPTED:
        write_opaque(w, "encrypted", value->data);
        return true;
    case ESE_VALUE_SEPARATED:
        return write_separated(w, value, f);
    }
    return true;
}

static bool is_text(const struct ese_column *column)
{
    return ese_column_is_text(column) && ese_text_known(column->code_page);
}

/* The values behind the first one; as JSON all of them are one array. */
static bool write_rest(struct value_writer *w, struct ese_values *values, struct fault *f)
{
    struct ese_value value;
    bool ok = true;
    while (ese_values_next(values, &value, f)) {
        if (!w->json)
            output_text(";");
        ok = write_one(w, &value, f) && ok;
    }
    return ok && f->code == FAULT_NONE;
}

/* Only the form of the stored bytes tells that a second value follows. */
static bool has_more(const struct ese_values *values)
{
    struct ese_values ahead = *values;
    struct ese_value value;
    struct fault ignored = {.code = FAULT_NONE};
    return ese_values_next(&ahead, &value, &ignored);
}

static const struct column_facts *facts_of(struct value_writer *w, const struct ese_table *table,
                                           const struct ese_column *column)
{
    if (w->table == table && w->facts)
        return &w->facts[column - table->column];
    free(w->facts);
    w->table = table;
    w->facts = calloc(table->columns + 1, sizeof *w->facts);
    for (unsigned i = 0; w->facts && i < table->columns; i++) {
        const char *name = value_name(table->column[i].name);
        w->facts[i].quoted = json_quote(name, w->facts[i].name);
        if (w->facts[i].quoted == 0)
            memcpy(w->facts[i].name, name, strlen(name) + 1);
        w->facts[i].as_text = is_text(&table->column[i]);
        w->facts[i].filetime = date_is_filetime(table, &table->column[i]);
        w->facts[i].secret = w->is_secret(w->context, table, &table->column[i]);
    }
    return w->facts ? &w->facts[column - table->column] : NULL;
}

bool value_write(struct value_writer *w, const struct ese_record *record,
                 const struct ese_column *column, struct fault *f)
{
    struct ese_values values;
    struct ese_value value;
    fault_clear(f);
    if (!ese_values_of(&values, record, column, f))
        return false;
    if (!ese_values_next(&values, &value, f))
        return f->code == FAULT_NONE;
    bool more = values.form != ESE_VALUES_DONE && has_more(&values);
    if (value.kind == ESE_VALUE_NULL && !more)
        return true;
    const struct column_facts *facts = facts_of(w, record->table, column);
    if (facts == NULL)
        return fault_no_memory(f, NULL);
    w->column = column;
    w->as_text = facts->as_text;
    w->secret = facts->secret;
    w->filetime = facts->filetime;
    bool array = w->json && (more || (column->flags & ESE_COLUMN_MULTI_VALUED));
    if (w->json && facts->quoted > 0)
        json_quoted(w->json, bytes_of(facts->name, facts->quoted));
    else if (w->json)
        json_key(w->json, facts->name);
    if (array)
        json_array(w->json);
    bool ok = write_one(w, &value, f);
    ok = (!more || write_rest(w, &values, f)) && ok;
    if (array)
        json_end_array(w->json);
    if (w->no_hash)
        return fault_no_memory(f, "the hash of a secret value");
    return ok;
}
