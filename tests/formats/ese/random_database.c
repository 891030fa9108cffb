/* Databases with random schemas and rows: see random_database.h. */
#include "tests/formats/ese/random_database.h"

uint32_t random_next(struct random *r)
{
    r->state ^= r->state << 13;
    r->state ^= r->state >> 7;
    r->state ^= r->state << 17;
    return (uint32_t)(r->state * 0x2545f4914f6cdd1du >> 32);
}

uint32_t random_below(struct random *r, uint32_t below)
{
    return random_next(r) % below;
}

bool random_chance(struct random *r, uint32_t percent)
{
    return random_below(r, 100) < percent;
}

/* A schema with room for everything it points at. */
struct random_schema {
    struct ese_table table;
    struct ese_column column[RANDOM_COLUMNS];
    struct ese_index index[RANDOM_INDEXES];
    char table_name[16], column_name[RANDOM_COLUMNS][24], index_name[RANDOM_INDEXES][24];
    uint8_t default_value[RANDOM_COLUMNS][32];
};

/* ---- schemas ---- */

uint32_t random_fill(struct random *r, const struct ese_column *c, uint8_t *to, uint32_t size)
{
    bool text = c->type == ESE_COL_TEXT || c->type == ESE_COL_LONG_TEXT;
    if (text && c->code_page == ESE_CODEPAGE_UNICODE)
        size &= ~1u;
    bool dull = random_chance(r, 20); /* values that share much */
    for (uint32_t i = 0; i < size; i++) {
        if (text && c->code_page == ESE_CODEPAGE_UNICODE)
            to[i] = i % 2 ? 0 : (uint8_t)(' ' + random_below(r, 95));
        else if (text)
            to[i] = (uint8_t)(' ' + random_below(r, 95));
        else
            to[i] = (uint8_t)random_next(r);
        if (dull && i + 4 < size)
            to[i] = text ? (uint8_t)(c->code_page == ESE_CODEPAGE_UNICODE && i % 2 ? 0 : 'd') : 7;
    }
    if (c->type == ESE_COL_BIT)
        to[0] = to[0] & 1 ? 0xff : 0;
    /* No NaN: its order is nobody's business. */
    if (c->type == ESE_COL_IEEE_SINGLE)
        to[3] = (uint8_t)((to[3] & 0x80) | 0x40);
    if (c->type == ESE_COL_IEEE_DOUBLE || c->type == ESE_COL_DATE_TIME)
        to[7] = (uint8_t)((to[7] & 0x80) | 0x40);
    return size;
}

static void random_column(struct random *r, struct random_schema *s, unsigned i, uint32_t revision)
{
    static const enum ese_coltype old_types[] = {
        ESE_COL_BIT,         ESE_COL_UNSIGNED_BYTE, ESE_COL_SHORT,       ESE_COL_LONG,
        ESE_COL_CURRENCY,    ESE_COL_IEEE_SINGLE,   ESE_COL_IEEE_DOUBLE, ESE_COL_DATE_TIME,
        ESE_COL_BINARY,      ESE_COL_TEXT,          ESE_COL_LONG_BINARY, ESE_COL_LONG_TEXT,
        ESE_COL_LONG_BINARY, ESE_COL_TEXT};
    static const enum ese_coltype new_types[] = {ESE_COL_UNSIGNED_LONG, ESE_COL_LONG_LONG,
                                                 ESE_COL_GUID, ESE_COL_UNSIGNED_SHORT};
    struct ese_column *c = &s->column[i];
    *c = (struct ese_column){.name = s->column_name[i]};
    snprintf(s->column_name[i], sizeof s->column_name[i], "%s%u",
             s->table.template_name ? "Own" : "Column", i);
    c->type = revision >= 0x11 && random_chance(r, 20)
                  ? new_types[random_below(r, sizeof new_types / sizeof *new_types)]
                  : old_types[random_below(r, sizeof old_types / sizeof *old_types)];
    if (c->type == ESE_COL_TEXT || c->type == ESE_COL_LONG_TEXT)
        c->code_page = random_chance(r, 40) ? ESE_CODEPAGE_UNICODE : ESE_CODEPAGE_WESTERN;
    if (random_chance(r, 20))
        c->flags |= ESE_COLUMN_MULTI_VALUED;
    else if (random_chance(r, 20)) {
        uint32_t size = (uint32_t)ese_coltype_size(c->type);
        size = random_fill(r, c, s->default_value[i], size ? size : random_below(r, 30));
        c->default_value = bytes_of(s->default_value[i], size);
    }
    if ((c->type == ESE_COL_BINARY || c->type == ESE_COL_TEXT) && random_chance(r, 30))
        c->size = 20 + 2 * random_below(r, 100);
}

static void random_index(struct random *r, struct random_schema *s, unsigned i)
{
    struct ese_index *index = &s->index[i];
    struct ese_column *id = &s->column[0];
    *index = (struct ese_index){.name = s->index_name[i]};
    snprintf(s->index_name[i], sizeof s->index_name[i], "%sIndex%u",
             s->table.template_name ? "Own" : "", i);
    index->flags =
        ESE_INDEX_ALLOW_ALL_NULLS | ESE_INDEX_ALLOW_FIRST_NULL | ESE_INDEX_ALLOW_SOME_NULLS;
    if (random_chance(r, 20))
        index->flags &= ~(uint32_t)ESE_INDEX_ALLOW_FIRST_NULL;
    if (random_chance(r, 20))
        index->flags &= ~(uint32_t)ESE_INDEX_ALLOW_ALL_NULLS;
    index->segments = 1 + random_below(r, 3);
    for (unsigned k = 0; k < index->segments; k++) {
        unsigned which = 1 + random_below(r, s->table.columns - 1);
        bool again = false;
        for (unsigned m = 0; m < k; m++)
            again |= index->segment[m].column == s->column[which].id;
        if (again) {
            index->segments = k;
            break;
        }
        index->segment[k].column = s->column[which].id;
        index->segment[k].descending = random_chance(r, 30);
    }
    if (random_chance(r, 15)) {
        index->conditions = 1;
        index->condition[0] = (struct ese_key_segment){
            .column = s->column[1 + random_below(r, s->table.columns - 1)].id,
            .must_be_null = random_chance(r, 50)};
    }
    if (s->table.template_name == NULL && random_chance(r, 25)) {
        /* unique: with the number of the row first, nothing can come twice, however long the rest
         * is */
        memmove(index->segment + 1, index->segment, index->segments++ * sizeof *index->segment);
        index->segment[0] = (struct ese_key_segment){.column = id->id};
        index->flags |= ESE_INDEX_UNIQUE;
    }
}

/* Makes a schema.  parent: its template, or NULL.  Its first column, Number, counts the rows. */
static bool random_schema(struct random *r, struct random_schema *s, const char *name,
                          const struct ese_table *parent, bool is_template, uint32_t revision,
                          struct fault *f)
{
    *s = (struct random_schema){
        .table = {.column = s->column, .index = s->index, .name = s->table_name}};
    snprintf(s->table_name, sizeof s->table_name, "%s", name);
    s->table.template_name = parent ? parent->name : NULL;
    s->table.flags = is_template ? ESE_TABLE_TEMPLATE : 0;
    s->table.columns = 2 + random_below(r, RANDOM_COLUMNS - 2);
    for (unsigned i = 0; i < s->table.columns; i++)
        random_column(r, s, i, revision);
    if (parent == NULL) {
        s->column[0] = (struct ese_column){
            .name = "Number", .type = ESE_COL_LONG, .flags = ESE_COLUMN_NOT_NULL};
        s->column[0].flags |= random_chance(r, 50) ? (uint32_t)ESE_COLUMN_AUTO_INCREMENT : 0;
    }
    if (!ese_build_layout(&s->table, parent, revision, f))
        return false;
    bool primary = parent == NULL && random_chance(r, 80);
    if (primary) {
        s->index[0] = (struct ese_index){
            .name = "Primary",
            .flags = ESE_INDEX_PRIMARY | ESE_INDEX_UNIQUE | ESE_INDEX_NO_NULL_SEGMENT,
            .segments = 1,
            .segment = {{.column = s->column[0].id, .descending = random_chance(r, 20)}}};
        s->table.indexes = 1;
    }
    unsigned more = random_below(r, RANDOM_INDEXES);
    for (unsigned i = 0; i < more && s->table.indexes < RANDOM_INDEXES; i++) {
        random_index(r, s, s->table.indexes);
        if (ese_index_computable(&s->table, &s->index[s->table.indexes]))
            s->table.indexes++;
    }
    return true;
}

/* ---- values ---- */

void print_value(FILE *to, const char *name, unsigned sequence, struct bytes data)
{
    static const char digits[] = "0123456789abcdef";
    fprintf(to, " %s[%u] %zu:", name, sequence, data.size);
    for (size_t i = 0; i < data.size; i++) {
        putc(digits[data.at[i] >> 4], to);
        putc(digits[data.at[i] & 15], to);
    }
    putc('\n', to);
}

/* Sizes on, below and above what the format cuts at. */
static uint32_t random_long_size(struct random *r, uint32_t chunk, uint32_t page_size)
{
    const uint32_t edges[] = {0,
                              1,
                              4,
                              5,
                              100,
                              255,
                              1022,
                              1023,
                              1024,
                              chunk - 1,
                              chunk,
                              chunk + 1,
                              2 * chunk,
                              2 * chunk + 1,
                              page_size,
                              page_size / 2,
                              3 * chunk - 1,
                              700};
    if (random_chance(r, 2))
        return random_below(r, RANDOM_BIG);
    if (random_chance(r, 40))
        return edges[random_below(r, sizeof edges / sizeof *edges)];
    return random_below(r, random_chance(r, 80) ? 200 : 5000);
}

struct bytes random_value(struct random *r, struct random_row *row, const struct ese_column *c,
                          uint32_t page_size)
{
    uint32_t chunk = ese_page_size_small(page_size) ? page_size - 82
                     : page_size <= 16384           ? 4050
                                                    : 8150;
    uint32_t size = (uint32_t)ese_coltype_size(c->type);
    if (size == 0 && ese_coltype_is_long(c->type))
        size = random_long_size(r, chunk, page_size);
    else if (size == 0) {
        uint32_t most = c->size ? c->size : 255;
        size = random_chance(r, 10) ? most : random_chance(r, 10) ? 0 : random_below(r, most);
        size = page_size == 2048 && size > 30 ? 30 : size; /* so that any row fits */
    }
    if (row->size - row->used < size)
        size = 0;
    uint8_t *at = row->room + row->used;
    size = random_fill(r, c, at, size);
    row->used += size;
    return bytes_of(at, size);
}

static void set_number(struct random_row *row, const struct ese_column *c, uint32_t number)
{
    uint8_t *at = row->room + row->used;
    bytes_put_le32(at, number);
    row->used += 4;
    row->value[row->values++] = (struct ese_build_value){.column = c, .data = bytes_of(at, 4)};
}

void random_row(struct random *r, struct random_row *row, const struct ese_table *schema,
                uint32_t number, uint32_t page_size, FILE *expected)
{
    row->values = 0;
    row->used = 0;
    for (unsigned i = 0; i < schema->columns; i++) {
        const struct ese_column *c = &schema->column[i];
        if (strcmp(c->name, "Number") == 0) {
            set_number(row, c, number);
            print_value(expected, c->name, 1, row->value[row->values - 1].data);
            continue;
        }
        if (random_chance(r, 25)) {
            if (c->default_value.at)
                print_value(expected, c->name, 1, c->default_value);
            continue;
        }
        if (random_chance(r, 15)) {
            row->value[row->values++] = (struct ese_build_value){.column = c, .null = true};
            continue;
        }
        unsigned count = 1;
        if ((c->flags & ESE_COLUMN_MULTI_VALUED) && page_size > 2048)
            count += random_below(r, 3);
        for (unsigned k = 0; k < count && row->values < RANDOM_VALUES; k++) {
            struct bytes data = random_value(r, row, c, page_size);
            row->value[row->values++] = (struct ese_build_value){.column = c, .data = data};
            print_value(expected, c->name, k + 1, data);
        }
    }
    /* The order in which values are given means nothing, but for several of one column. */
    if (row->values > 1 && random_chance(r, 50) &&
        row->value[0].column != row->value[row->values - 1].column) {
        struct ese_build_value first = row->value[0];
        memmove(row->value, row->value + 1, (row->values - 1u) * sizeof *row->value);
        if (row->value[0].column != first.column) {
            row->value[row->values - 1] = first;
        } else {
            memmove(row->value + 1, row->value, (row->values - 1u) * sizeof *row->value);
            row->value[0] = first;
        }
    }
}

/* ---- the database ---- */

static bool random_table(struct random *r, struct ese_build *build, const struct random_schema *s,
                         uint32_t rows, uint32_t page_size, FILE *expected, struct fault *f)
{
    struct ese_build_table *t;
    if (!ese_build_table_begin(build, &s->table, 0, &t, f))
        return false;
    const struct ese_table *schema = ese_build_schema(t);
    struct random_row row = {.size = 8 * RANDOM_BIG};
    row.room = malloc(row.size);
    bool ok = row.room != NULL;
    bool down = s->table.indexes > 0 && (s->index[0].flags & ESE_INDEX_PRIMARY) &&
                s->index[0].segment[0].descending;
    for (unsigned i = 0; schema->template_name && i < schema->indexes; i++)
        if (schema->index[i].flags & ESE_INDEX_PRIMARY)
            down = schema->index[i].segment[0].descending;
    fprintf(expected, "TABLE %s\n", schema->name);
    for (uint32_t i = 0; ok && i < rows; i++) {
        fprintf(expected, "ROW %u\n", i);
        random_row(r, &row, schema, down ? rows - i : i + 1, page_size, expected);
        ok = ese_build_row(t, row.value, row.values, f);
    }
    free(row.room);
    return ese_build_table_end(t, ok ? f : NULL) && ok;
}

bool random_database(uint64_t seed, int descriptor, uint32_t revision, uint32_t page_size,
                     FILE *expected, struct fault *f)
{
    struct random r = {.state = (seed + 1) * 0x9e3779b97f4a7c15u};
    for (int i = 0; i < 8; i++)
        random_next(&r);
    struct ese_build_options options = {.descriptor = descriptor,
                                        .revision = revision,
                                        .page_size = page_size,
                                        .signature = (uint32_t)seed};
    struct ese_build *build;
    struct random_schema *s = calloc(3, sizeof *s);
    if (s == NULL || !ese_build_start(&options, &build, f)) {
        free(s);
        return false;
    }
    uint32_t rows = random_chance(&r, 20) ? random_below(&r, 3) : random_below(&r, 150);
    bool ok = random_schema(&r, &s[0], "First", NULL, false, revision, f) &&
              random_table(&r, build, &s[0], rows, page_size, expected, f);
    if (ok && random_chance(&r, 35)) {
        ok = random_schema(&r, &s[1], "Template", NULL, true, revision, f) &&
             random_table(&r, build, &s[1], 0, page_size, expected, f) &&
             random_schema(&r, &s[2], "Derived", &s[1].table, false, revision, f) &&
             random_table(&r, build, &s[2], rows, page_size, expected, f);
    }
    free(s);
    if (!ok) {
        ese_build_abandon(build);
        return false;
    }
    return ese_build_finish(build, NULL, f);
}
