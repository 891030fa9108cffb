/* What the tests of salvage share: see salvaging.h. */
#include "tests/formats/ese/salvage/salvaging.h"

/* ---- a database in memory, whose pages are put wrong ---- */

bool damaged_open(struct damaged *d, uint64_t seed, uint32_t revision, uint32_t page_size)
{
    struct fault f = {.code = FAULT_NONE};
    *d = (struct damaged){.page_size = page_size};
    FILE *expected = fopen("/dev/null", "w");
    int fd = memfd_create("damaged", MFD_CLOEXEC);
    bool ok =
        expected != NULL && fd >= 0 && random_database(seed, fd, revision, page_size, expected, &f);
    if (expected)
        fclose(expected);
    off_t size = ok ? lseek(fd, 0, SEEK_END) : 0;
    if (ok) {
        d->size = (size_t)size;
        d->pages = (uint32_t)(d->size / page_size) - 2;
        d->bytes = malloc(d->size);
        d->before = malloc(d->size);
        d->touched = calloc(d->pages + 1u, sizeof *d->touched);
        ok = d->bytes && d->before && d->touched && pread(fd, d->bytes, d->size, 0) == size;
    }
    if (ok)
        memcpy(d->before, d->bytes, d->size);
    if (fd >= 0)
        close(fd);
    return ok;
}

void damaged_close(struct damaged *d)
{
    free(d->bytes);
    free(d->before);
    free(d->touched);
}

uint8_t *damaged_page(const struct damaged *d, uint32_t number)
{
    return d->bytes + ((size_t)number + 1) * d->page_size;
}

void damaged_seal(struct damaged *d, uint32_t number)
{
    ese_checksum_set(damaged_page(d, number), d->page_size, number);
}

uint32_t damaged_find(const struct damaged *d, uint32_t objid, uint32_t with, uint32_t without,
                      unsigned n)
{
    for (uint32_t i = 1; i <= d->pages; i++) {
        struct ese_page page;
        ese_page_parse(bytes_of(damaged_page(d, i), d->page_size), i, &page);
        if (page.objid == objid && (page.flags & with) == with && !(page.flags & without) &&
            n-- == 0)
            return i;
    }
    return 0;
}

/* Number of the n-th page that is in use, from 1 on. */
static uint32_t damaged_used(const struct damaged *d, uint32_t n)
{
    uint32_t used = 0;
    for (uint32_t round = 0; round < 2; round++) {
        for (uint32_t i = 1; i <= d->pages; i++) {
            uint32_t objid = 0;
            bytes_le32(bytes_of(d->before + ((size_t)i + 1) * d->page_size, d->page_size),
                       ESE_PAGE_OBJID_AT, &objid);
            used += objid != 0;
            if (round == 1 && objid != 0 && n-- == 0)
                return i;
        }
        if (round == 0 && used > 0) {
            n %= used;
            used = 0;
        }
    }
    return 1;
}

/* ---- what a salvage told ---- */

static uint64_t told_hash(uint32_t objid, struct bytes key)
{
    uint64_t h = 0xcbf29ce484222325u ^ objid;
    for (size_t i = 0; i < key.size; i++)
        h = (h ^ key.at[i]) * 0x100000001b3u;
    return (h ^ key.size) * 0x9e3779b97f4a7c15u;
}

static bool told_item(void *context, const struct ese_salvage_item *item, struct fault *f)
{
    struct told *t = context;
    t->kind[item->kind]++;
    if (t->count == t->room) {
        size_t room = t->room ? t->room * 2 : 64;
        uint64_t *grown = realloc(t->hash, room * sizeof *grown);
        if (grown == NULL)
            return fault_set(f, FAULT_NO_MEMORY, "out of memory");
        t->hash = grown;
        t->room = room;
    }
    t->hash[t->count++] = told_hash(item->objid, item->key);
    return true;
}

bool told_has(const struct told *t, uint32_t objid, struct bytes key)
{
    uint64_t h = told_hash(objid, key);
    for (size_t i = 0; i < t->count; i++)
        if (t->hash[i] == h)
            return true;
    return false;
}

/* ---- salvaging it ---- */

bool salvaged_open(struct salvaged *to, const struct damaged *d, enum ese_salvage_doubtful doubtful)
{
    struct ese_file *file;
    struct ese_salvage *s;
    *to = (struct salvaged){.bytes = NULL};
    if (!ese_file_over(bytes_of(d->bytes, d->size), &file, &to->f) ||
        !ese_salvage_open(file, NULL, NULL, &s, &to->f))
        return false;
    int fd = memfd_create("salvaged", MFD_CLOEXEC);
    const struct ese_salvage_options options = {
        .any_revision = true, .doubtful = doubtful, .tell = told_item, .context = &to->told};
    bool ok = fd >= 0 && ese_salvage_run(s, fd, &options, &to->result, &to->f);
    to->scan = *ese_salvage_scan(s);
    off_t size = ok ? lseek(fd, 0, SEEK_END) : 0;
    if (ok) {
        to->size = (size_t)size;
        to->bytes = malloc(to->size);
        ok = to->bytes && pread(fd, to->bytes, to->size, 0) == size;
    }
    if (fd >= 0)
        close(fd);
    for (unsigned i = 0; i < to->result.tables; i++)
        to->result.table[i].name = NULL; /* they are the salvage's */
    ese_salvage_close(s);
    return ok;
}

void salvaged_close(struct salvaged *s)
{
    ese_salvage_result_free(&s->result);
    free(s->told.hash);
    free(s->bytes);
}

struct ese_db *salvaged_over(uint8_t *bytes, size_t size)
{
    struct ese_file *file;
    struct ese_db *db;
    struct fault f;
    if (!ese_file_over(bytes_of(bytes, size), &file, &f) ||
        !ese_db_open_file(file, NULL, NULL, &db, &f))
        return NULL;
    return db;
}

/* ---- what is where ---- */

uint32_t damaged_leaf(const struct damaged *d, uint32_t objid, unsigned n)
{
    return damaged_find(d, objid, ESE_PAGE_LEAF, ESE_PAGE_SPACE_TREE, n);
}

uint32_t damaged_largest_table(const struct damaged *d, unsigned *leaves)
{
    struct ese_db *was = salvaged_over(d->before, d->size);
    uint32_t objid = 0;
    *leaves = 0;
    for (unsigned i = 0; was && i < ese_catalog_tables(was->catalog); i++) {
        const struct ese_table *t = ese_catalog_table(was->catalog, i);
        unsigned n = 0;
        while (damaged_leaf(d, t->objid, n) != 0)
            n++;
        if (ese_objid_is_catalog(t->objid) || (t->flags & ESE_TABLE_SYSTEM) || n <= *leaves)
            continue;
        objid = t->objid;
        *leaves = n;
    }
    ese_db_close(was);
    return objid;
}

/* ---- the oracle ---- */

struct findings {
    struct ese_db *db;
    uint64_t problems;
};

/* Keys that are made of long values are not computed: such entries are carried as they stand. */
static bool has_carried_index(const struct ese_db *db, const char *name)
{
    const struct ese_table *t = name ? ese_catalog_find(db->catalog, name) : NULL;
    for (unsigned i = 0; t && i < t->indexes; i++)
        for (unsigned k = 0; k < t->index[i].segments; k++) {
            const struct ese_column *c = ese_table_segment_column(t, &t->index[i].segment[k]);
            if (c && ese_coltype_is_long(c->type))
                return true;
        }
    return false;
}

static void see_finding(void *context, const struct ese_finding *finding)
{
    struct findings *all = context;
    if (finding->severity == ESE_ADVICE)
        return;
    if ((finding->rule == ESE_RULE_INDEX_WRONG_KEY ||
         finding->rule == ESE_RULE_INDEX_MISSING_ENTRY) &&
        has_carried_index(all->db, finding->table))
        return;
    all->problems++;
    fprintf(stderr, "%s: %s\n", finding->table ? finding->table : "?", finding->text);
}

bool salvaged_is_sound(struct ese_db *db)
{
    struct ese_check_summary summary;
    struct fault f;
    struct findings all = {.db = db};
    return ese_check(db, see_finding, &all, &summary, &f) && all.problems == 0;
}

bool salvaged_has_row(struct ese_db *db, uint32_t objid, struct bytes key)
{
    struct fault f;
    for (unsigned i = 0; i < ese_catalog_tables(db->catalog); i++) {
        const struct ese_table *t = ese_catalog_table(db->catalog, i);
        if (t->objid != objid)
            continue;
        struct ese_cursor c = {.leaf = NULL};
        ese_cursor_open(&c, db->pages, t->root, t->objid);
        bool found = ese_cursor_seek(&c, key, &f) == ESE_STEP_NODE && bytes_equal(c.key, key);
        ese_cursor_close(&c);
        return found;
    }
    return false;
}

bool rows_are_accounted_for(const struct damaged *d, struct ese_db *result, const struct told *told)
{
    struct ese_db *was = salvaged_over(d->before, d->size);
    bool ok = was != NULL;
    struct fault f;
    for (unsigned i = 0; ok && i < ese_catalog_tables(was->catalog); i++) {
        const struct ese_table *t = ese_catalog_table(was->catalog, i);
        struct ese_cursor c = {.leaf = NULL};
        if (t->objid == ESE_OBJID_CATALOG || t->objid == ESE_OBJID_CATALOG_SHADOW)
            continue;
        ese_cursor_open(&c, was->pages, t->root, t->objid);
        while (ok && ese_cursor_next(&c, &f) == ESE_STEP_NODE) {
            if (d->touched[c.leaf->number])
                continue;
            ok = salvaged_has_row(result, t->objid, c.key) || told_has(told, t->objid, c.key);
            if (!ok)
                fprintf(stderr, "object %u, page %u tag %u: missing without a word\n", t->objid,
                        c.leaf->number, c.index + c.leaf->reserved);
        }
        ese_cursor_close(&c);
    }
    ese_db_close(was);
    return ok;
}

bool salvaged_soundly(struct salvaged *to, const struct damaged *d)
{
    if (!salvaged_open(to, d, ESE_DOUBTFUL_DEFAULT)) {
        fprintf(stderr, "refused: %s\n", to->f.text);
        return false;
    }
    struct ese_db *db = salvaged_over(to->bytes, to->size);
    bool ok = db && salvaged_is_sound(db) && rows_are_accounted_for(d, db, &to->told);
    ese_db_close(db);
    return ok;
}

bool salvage_holds(const struct damaged *d)
{
    struct salvaged s;
    bool ok = salvaged_open(&s, d, ESE_DOUBTFUL_DEFAULT);
    if (!ok) {
        fprintf(stderr, "refused: %s\n", s.f.text);
    } else {
        struct ese_db *db = salvaged_over(s.bytes, s.size);
        /* Entries that cannot be computed and are lost were told of: the check says so, too. */
        ok = db != NULL && (s.told.kind[ESE_SALVAGE_ENTRY_LOST] > 0 || salvaged_is_sound(db)) &&
             rows_are_accounted_for(d, db, &s.told);
        ese_db_close(db);
    }
    salvaged_close(&s);
    return ok;
}

/* ---- damage, one change for each few bytes ---- */

void damaged_touch(struct damaged *d, uint32_t number)
{
    d->touched[number] = true;
}

void damaged_damage(struct damaged *d, uint8_t what, uint32_t which, uint32_t argument)
{
    uint32_t number = damaged_used(d, which), other = damaged_used(d, argument);
    uint8_t *page = damaged_page(d, number);
    size_t at = argument % d->page_size;
    static const uint8_t header_field[] = {ESE_PAGE_DBTIME_AT, ESE_PAGE_PREV_AT,
                                           ESE_PAGE_NEXT_AT,   ESE_PAGE_OBJID_AT,
                                           ESE_PAGE_FLAGS_AT,  ESE_PAGE_TAG_COUNT_AT};
    damaged_touch(d, number);
    switch (what % 9) {
    case 0: /* nothing left of it */
        memset(page, 0, d->page_size);
        break;
    case 1: /* a byte, under a wrong checksum */
        page[at] ^= (uint8_t)(1 + (argument >> 16) % 255);
        break;
    case 2: /* a byte, under a right one */
        page[at] ^= (uint8_t)(1 + (argument >> 16) % 255);
        damaged_seal(d, number);
        break;
    case 3: /* exchanged with another */
        damaged_touch(d, other);
        for (size_t i = 0; i < d->page_size && number != other; i++) {
            uint8_t byte = page[i];
            page[i] = damaged_page(d, other)[i];
            damaged_page(d, other)[i] = byte;
        }
        break;
    case 4: /* a copy of another */
        if (number != other)
            memcpy(page, damaged_page(d, other), d->page_size);
        break;
    case 5: /* a header field that lies */
        bytes_put_le32(page + header_field[(argument >> 8) % sizeof header_field], argument);
        damaged_seal(d, number);
        break;
    case 6: /* as another field of another page says */
        memcpy(page + ESE_PAGE_DBTIME_AT, damaged_page(d, other) + ESE_PAGE_DBTIME_AT, 20);
        damaged_seal(d, number);
        break;
    case 7: /* a run of bytes, under a wrong checksum */
        for (size_t i = 0; i < 200 && at + i < d->page_size; i++)
            page[at + i] = (uint8_t)(argument >> i % 25);
        break;
    case 8: /* a copy of another that says to be this one */
        if (number != other)
            memcpy(page, damaged_page(d, other), d->page_size);
        damaged_seal(d, number);
        break;
    }
}
