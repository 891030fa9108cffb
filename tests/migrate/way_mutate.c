/* Mutations for the fuzz target of the whole way (fuzz_way.c): see way_mutate.h. */
#include "tests/migrate/way_mutate.h"

/* ---- rows ---- */

enum { MUTATE_ROWS = 256, MUTATE_COLUMNS = ESE_EDIT_CHANGES_MOST, MUTATE_VALUE_MOST = 70000 };

struct mutate_row {
    struct bytes key;
    struct bytes value[MUTATE_COLUMNS];
    bool there[MUTATE_COLUMNS]; /* not null, and could be read */
};

struct mutate {
    struct random *random;
    struct ese_db *db;
    const struct ese_table *table;
    struct mutate_row row[MUTATE_ROWS];
    unsigned rows, columns;
    struct arena memory;
    uint8_t made[MUTATE_VALUE_MOST + 16];
};

/* The rows of the table, or as many as there is room for. */
static void mutate_read(struct mutate *m)
{
    struct store store = {.db = m->db};
    struct buffer room = {0};
    struct rows rows;
    struct fault f;
    m->columns = m->table->columns < MUTATE_COLUMNS ? m->table->columns : MUTATE_COLUMNS;
    rows_open(&rows, &store, m->table);
    while (m->rows < MUTATE_ROWS && rows_next(&rows)) {
        struct mutate_row *row = &m->row[m->rows++];
        row->key = bytes_of(arena_copy(&m->memory, rows.cursor.key), rows.cursor.key.size);
        for (unsigned i = 0; i < m->columns; i++) {
            struct bytes value;
            bool null = true;
            if (m->table->column[i].type == ESE_COL_NIL ||
                !rows_bytes(&rows, &m->table->column[i], &room, &value, &null, &f) || null)
                continue;
            row->there[i] = true;
            row->value[i] = bytes_of(arena_copy(&m->memory, value), value.size);
        }
    }
    bool ignored = rows_end(&rows, &f);
    (void)ignored;
    buffer_free(&room);
}

/* What a column of the kind of a setting could hold. */
static struct bytes mutate_word(struct random *r)
{
    static const char *const words[] = {"V1", "V3", "V1V3", "IssueMode", "IssuingCA", "", "x"};
    const char *word = words[random_below(r, sizeof words / sizeof words[0])];
    return bytes_of(word, strlen(word));
}

static struct bytes mutate_bytes(struct mutate *m, struct bytes value)
{
    size_t size = value.size < MUTATE_VALUE_MOST ? value.size : MUTATE_VALUE_MOST;
    if (size > 0)
        memcpy(m->made, value.at, size);
    switch (random_below(m->random, 4)) {
    case 0: /* cut */
        size = size ? random_below(m->random, (uint32_t)size) : 0;
        break;
    case 1: /* something behind it */
        memset(m->made + size, (int)random_below(m->random, 2), 2);
        size += 1 + random_below(m->random, 2);
        break;
    default:
        for (unsigned n = 1 + random_below(m->random, 3); n > 0 && size > 0; n--)
            m->made[random_below(m->random, (uint32_t)size)] ^= (uint8_t)(1u << n);
    }
    return bytes_of(m->made, size);
}

/* Another value for a column of a row; `other` is a row, too. */
static struct ese_change mutate_value(struct mutate *m, const struct mutate_row *row,
                                      const struct mutate_row *other, unsigned i)
{
    const struct ese_column *column = &m->table->column[i];
    struct ese_change change = {.column = column, .data = other->value[i]};
    size_t fixed = ese_coltype_size(column->type);
    unsigned how = random_below(m->random, 8);
    if (how == 0 || !other->there[i])
        change.null = true;
    else if (how < 4 && fixed == 0)
        change.data = how == 1 ? mutate_word(m->random) : mutate_bytes(m, row->value[i]);
    else if (how < 4 && fixed <= 8) {
        memset(m->made, how == 3 ? 0xff : 0, 8);
        m->made[0] = (uint8_t)random_below(m->random, 6);
        change.data = bytes_of(m->made, fixed);
    }
    return change;
}

static bool mutate_add(struct mutate *m, struct ese_inplace *ip, const struct mutate_row *like,
                       struct fault *f)
{
    const struct ese_column *key = ese_table_key_column(m->table);
    struct ese_change change[MUTATE_COLUMNS];
    unsigned changes = 0;
    for (unsigned i = 0; i < m->columns; i++) {
        if (&m->table->column[i] == key) {
            bytes_put_le32(m->made, 1000 + random_below(m->random, 100000));
            change[changes++] =
                (struct ese_change){.column = key, .data = bytes_of(m->made, sizeof(uint32_t))};
        } else if (like->there[i])
            change[changes++] =
                (struct ese_change){.column = &m->table->column[i], .data = like->value[i]};
    }
    return ese_inplace_add_row(ip, m->table, change, changes, f);
}

static bool mutate_row(struct mutate *m, struct ese_inplace *ip)
{
    const struct mutate_row *row = &m->row[random_below(m->random, m->rows)],
                            *other = &m->row[random_below(m->random, m->rows)];
    struct fault f;
    unsigned how = random_below(m->random, 10);
    if (how == 0)
        return ese_inplace_drop_row(ip, m->table, row->key, 0, &f);
    if (how < 4)
        return mutate_add(m, ip, row, &f);
    struct ese_change change =
        mutate_value(m, row, other, (unsigned)random_below(m->random, m->columns));
    return change.column->type != ESE_COL_NIL &&
           ese_inplace_change_row(ip, m->table, row->key, 0, &change, 1, &f);
}

static void mutate_take(struct ese_inplace *ip, struct way *way)
{
    struct ese_inplace_piece piece;
    struct fault f;
    size_t size = (size_t)ese_inplace_summary(ip)->size;
    if (size > way->size && size <= WAY_STORE_MOST) {
        way->store = realloc(way->store, size);
        expect(way->store != NULL);
        memset(way->store + way->size, 0, size - way->size);
        way->size = size;
    }
    for (unsigned i = 0; i < ese_inplace_pieces(ip); i++)
        if (ese_inplace_piece(ip, i, &piece, &f) && piece.offset < way->size)
            memcpy(way->store + piece.offset, piece.after.at, piece.after.size);
}

/* Changes a copy of the store: the database in hand reads what it is made of. */
static void mutate_table(struct mutate *m, struct way *way)
{
    struct ese_inplace *ip;
    struct fault f;
    bool ok;
    mutate_read(m);
    if (m->rows == 0 || m->columns == 0 || !ese_inplace_open(m->db, NULL, &ip, &f))
        return;
    ok = mutate_row(m, ip);
    if (ok && random_chance(m->random, 30))
        ok = mutate_row(m, ip);
    if (ok && ese_inplace_finish(ip, &f))
        mutate_take(ip, way);
    ese_inplace_close(ip);
}

void mutate_rows(struct way *way, struct random *random)
{
    uint8_t *copy = malloc(way->size + 1);
    struct mutate *m = calloc(1, sizeof *m);
    struct ese_file *file;
    struct fault f;
    expect(copy != NULL && m != NULL);
    memcpy(copy, way->store, way->size);
    put_sums_right(copy, way->size);
    m->random = random;
    if (way->size > 0 && ese_file_over(bytes_of(copy, way->size), &file, &f) &&
        ese_db_open_file(file, NULL, NULL, &m->db, &f)) {
        unsigned tables = ese_catalog_tables(m->db->catalog);
        for (unsigned i = 0; i < 20 && m->table == NULL; i++) {
            const struct ese_table *t =
                ese_catalog_table(m->db->catalog, random_below(random, tables));
            if (strncmp(t->name, "MSys", 4) != 0)
                m->table = t;
        }
        if (m->table)
            mutate_table(m, way);
        ese_db_close(m->db);
    }
    arena_free(&m->memory);
    free(m);
    free(copy);
}

/* ---- pages ---- */

/* A page that holds something and has all of these flags, behind the headers; NULL when none was
 * found. */
static uint8_t *mutate_find_page(const struct way *way, struct random *r, uint32_t flags)
{
    uint32_t pages = (uint32_t)(way->size / way->page_size);
    for (unsigned i = 0; i < 200 && pages > 2; i++) {
        uint8_t *page = way->store + (size_t)(2 + random_below(r, pages - 2)) * way->page_size;
        if (!way_is_zero(page, way->page_size) && (word(page + ESE_PAGE_FLAGS_AT) & flags) == flags)
            return page;
    }
    return NULL;
}

static void mutate_number(uint8_t *at, size_t size, struct random *r)
{
    static const uint16_t common[] = {0, 1, 2, 3, 4, 0x7f, 0xff, 0x7fff, 0xffff, 0x8000, 40, 80};
    uint16_t value = (uint16_t)(at[0] | at[1] << 8);
    switch (random_below(r, 3)) {
    case 0:
        value = (uint16_t)(value + random_below(r, 9) - 4u);
        break;
    case 1:
        value = common[random_below(r, sizeof common / sizeof common[0])];
        break;
    default:
        value = (uint16_t)(value ^ 1u << random_below(r, 16));
    }
    memset(at, 0, size);
    bytes_put_le16(at, value);
}

static void mutate_field(uint8_t *page, struct random *r)
{
    static const struct {
        uint8_t at, size;
    } fields[] = {
        {ESE_PAGE_DBTIME_AT, 8},     {ESE_PAGE_PREV_AT, 4},      {ESE_PAGE_NEXT_AT, 4},
        {ESE_PAGE_OBJID_AT, 4},      {ESE_PAGE_FREE_AT, 2},      {ESE_PAGE_UNCOMMITTED_FREE_AT, 2},
        {ESE_PAGE_FIRST_FREE_AT, 2}, {ESE_PAGE_TAG_COUNT_AT, 2}, {ESE_PAGE_FLAGS_AT, 4}};
    unsigned i = random_below(r, sizeof fields / sizeof fields[0]);
    mutate_number(page + fields[i].at, fields[i].size, r);
}

/* Bytes of one node, or all of them as those of another. */
static void mutate_node(uint8_t *raw, const struct ese_page *page, struct random *r)
{
    struct ese_tag tag;
    struct bytes at, other;
    struct fault f;
    if (page->tags == 0 || !ese_page_tag(page, random_below(r, page->tags), &tag, &at, &f) ||
        !ese_page_tag(page, random_below(r, page->tags), &tag, &other, &f) || at.size < 2)
        return;
    uint8_t *to = raw + (at.at - page->raw.at);
    if (random_chance(r, 20))
        memmove(to, other.at, other.size < at.size ? other.size : at.size);
    else
        mutate_number(to + random_below(r, (uint32_t)at.size - 1), 2, r);
}

static void mutate_tag(uint8_t *raw, const struct ese_page *page, struct random *r)
{
    if (page->tags == 0)
        return;
    uint8_t *end = raw + page->raw.size, *tag = end - 4 * (size_t)(1 + random_below(r, page->tags)),
            *other = end - 4 * (size_t)(1 + random_below(r, page->tags)), kept[4];
    if (random_chance(r, 50)) {
        mutate_number(tag + 2 * random_below(r, 2), 2, r);
        return;
    }
    memcpy(kept, tag, sizeof kept);
    memmove(tag, other, sizeof kept);
    memcpy(other, kept, sizeof kept);
}

void mutate_page(struct way *way, struct random *r)
{
    struct ese_page page;
    uint8_t *raw = mutate_find_page(way, r, 0), *other = mutate_find_page(way, r, 0);
    if (raw == NULL || other == NULL)
        return;
    ese_page_parse(bytes_of(raw, way->page_size), 0, &page);
    switch (random_below(r, 8)) {
    case 0:
        mutate_field(raw, r);
        break;
    case 1:
        memmove(raw, other, way->page_size);
        break;
    case 2:
        memset(raw, 0, way->page_size);
        break;
    case 3:
        mutate_tag(raw, &page, r);
        break;
    default:
        mutate_node(raw, &page, r);
    }
}

/* An entry of an index, or a piece of a long value: as `kind`, a flag of its page, says. */
void mutate_leaf(struct way *way, struct random *r, uint32_t kind)
{
    struct ese_page page;
    uint8_t *raw = mutate_find_page(way, r, kind | ESE_PAGE_LEAF);
    if (raw == NULL)
        return;
    ese_page_parse(bytes_of(raw, way->page_size), 0, &page);
    mutate_node(raw, &page, r);
}

/* Header and shadow alike, or one of them. */
static void mutate_header(struct way *way, struct random *r)
{
    static const uint16_t at[] = {ESE_HEADER_STATE_AT,    ESE_HEADER_DBTIME_AT,
                                  ESE_HEADER_REVISION_AT, ESE_HEADER_OBJID_LAST_AT,
                                  ESE_HEADER_VERSION_AT,  ESE_HEADER_CONSISTENT_AT,
                                  ESE_HEADER_FLAGS_AT,    ESE_HEADER_GENERATIONS_AT};
    size_t field = at[random_below(r, sizeof at / sizeof at[0])];
    if (way->size < 2 * (size_t)way->page_size)
        return;
    mutate_number(way->store + field, 2, r);
    if (random_chance(r, 70))
        memcpy(way->store + way->page_size, way->store, way->page_size);
}

/* ---- words ---- */

/* A column of the store, as TABLE.COLUMN. */
static void mutate_column_name(const struct way *way, struct random *r, char *to, size_t room)
{
    struct ese_file *file;
    struct ese_db *db;
    struct fault f;
    snprintf(to, room, "Users.State");
    if (way->size == 0 || !ese_file_over(bytes_of(way->store, way->size), &file, &f) ||
        !ese_db_open_file(file, NULL, NULL, &db, &f))
        return;
    const struct ese_table *table =
        ese_catalog_table(db->catalog, random_below(r, ese_catalog_tables(db->catalog)));
    if (table->columns > 0)
        snprintf(to, room, "%.64s.%.64s", table->name,
                 table->column[random_below(r, table->columns)].name);
    ese_db_close(db);
}

static void mutate_new_word(const struct way *way, struct random *r, char *to, size_t room)
{
    static const char *const words[] = {
        "--superseded=drop", "--verify-all",    "--accept-discovered",
        "--at=1999-09-30",   "--at=2030-01-01", "--issuing-ca=.",
        "--profile=.",       "--mode=V1",       "--mode=V3",
        "--mode=V1V3",       "--to=V3",         "--to=V1V3",
        "--no-backup",       "--salvage",       "--doubtful=keep",
        "--doubtful=drop",   "--directory",     "--show-secrets",
        "--superseded=keep",
    };
    static const char *const of_entry[] = {"--trust=%u=yes", "--trust=%u=no", "--keep=%u",
                                           "--drop=%u", "--issuing-ca-is=%u"};
    static const char *const of_column[] = {"--reference=", "--not-a-reference=", "--not-a-list="};
    char column[130];
    unsigned how = random_below(r, 10), entry = 1 + random_below(r, 8);
    if (how < 5)
        snprintf(to, room, "%s", words[random_below(r, sizeof words / sizeof words[0])]);
    else if (how < 8) {
        const char *word = of_entry[random_below(r, 5)], *number = strchr(word, '%');
        snprintf(to, room, "%.*s%u%s", (int)(number - word), word, entry, number + 2);
    } else {
        mutate_column_name(way, r, column, sizeof column);
        snprintf(to, room, "%s%s", of_column[random_below(r, 3)], column);
    }
}

static void mutate_words(struct way *way, struct random *r)
{
    char word[200], *line = way->arguments;
    size_t size = strlen(way->arguments);
    if (size > 0 && random_chance(r, 50)) { /* one of them goes */
        for (char *at = line; (at = strchr(at, '\n')) != NULL && at[1] != '\0';) {
            at++;
            if (random_chance(r, 50))
                line = at;
        }
        char *end = strchr(line, '\n');
        end = end ? end + 1 : line + strlen(line);
        memmove(line, end, strlen(end) + 1);
        size = strlen(way->arguments);
    }
    mutate_new_word(way, r, word, sizeof word);
    if (size + strlen(word) + 1 <= WAY_ARGUMENTS_MOST && random_chance(r, 80))
        snprintf(way->arguments + size, sizeof way->arguments - size, "%s\n", word);
}

/* ---- all ---- */

void mutate_way(struct way *way, struct random *r)
{
    unsigned how = random_below(r, 20);
    if (how < 9)
        mutate_rows(way, r);
    else if (how < 14)
        mutate_page(way, r);
    else if (how < 15)
        mutate_header(way, r);
    else if (how < 18 || way->other_size == 0)
        mutate_words(way, r);
    else
        way->other_size = LLVMFuzzerMutate(way->other, way->other_size, WAY_OTHER_MOST);
}
