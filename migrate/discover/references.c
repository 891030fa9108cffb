/*
 * Discovery: which integer columns refer to the list: see discover.h.
 *
 * A column is read row by row until a value is met that is no key of the list; what is left at the
 * end is contained.  That proves little: small numbers are keys of every list.  So the certificate
 * or revocation list in the same row is asked who issued it, and the entry whether that is its
 * subject.
 */
#include "migrate/discover/parts.h"

#include "migrate/profile/meaning.h"
#include "migrate/console/words.h"

#include <inttypes.h>
#include <strings.h>

enum {
    TABLES_MOST = 1024,
    COLUMNS_MOST = 64,      /* integer columns of one table */
    REFERENCES_MOST = 4096, /* of all tables */
    COMPARED_AT_FIRST =
        1024, /* rows of which each certificate is read; then one in COMPARED_STEP */
    COMPARED_STEP = 64,
    CERTIFICATE_MOST = 64 * 1024,
    LARGE_LEAST = 1000,
    LONG_LEAST = 4, /* bytes */
    ENOUGH = 8,     /* agreeing rows that make a column suspect although one value is no key */
};

/* ---- what a column's name and indexes say ---- */

/* Some word of the list's in the name: "IssuerEntry" for a list with the key "EntryId". */
static bool is_named_after(const struct discover_run *run, const char *name)
{
    static const char *const endings[] = {"id", "key", "no", "number"};
    char stem[128];
    if (strcasestr(name, "issuer") || strcasestr(name, run->list->table->name))
        return true;
    if (run->list_key == NULL)
        return false;
    snprintf(stem, sizeof stem, "%s", run->list_key->name);
    size_t size = strlen(stem);
    for (size_t i = 0; i < sizeof endings / sizeof endings[0]; i++) {
        size_t ending = strlen(endings[i]);
        if (size <= ending || strcasecmp(stem + size - ending, endings[i]) != 0)
            continue;
        stem[size - ending] = '\0';
        break;
    }
    return strlen(stem) >= 3 && strcasestr(name, stem);
}

static bool is_indexed(const struct ese_table *table, const struct ese_column *column)
{
    for (unsigned i = 0; i < table->indexes; i++) {
        const struct ese_index *index = &table->index[i];
        if (!ese_index_is_primary(index) && index->segments > 0 &&
            ese_table_segment_column(table, &index->segment[0]) == column)
            return true;
    }
    return false;
}

static bool same_name(const struct ese_column *a, const struct ese_column *b)
{
    return a && b && strcasecmp(a->name, b->name) == 0;
}

/* ---- reading ---- */

struct scan {
    struct discover_run *run;
    const struct discover_column *proof;
    unsigned first, count; /* the discovery's references of this table */
    unsigned alive;        /* of them still contained */
    uint64_t row;
    struct telling *telling[COLUMNS_MOST]; /* NULL: no number, or nothing beside it */
    const struct ese_column *own;          /* the list's key, where the table is the list's own */
};

static struct discover_reference *reference(struct scan *s, unsigned i)
{
    return &s->run->d->reference[s->first + i];
}

const struct discover_column *discover_proof(const struct discovery *d,
                                             const struct ese_table *table)
{
    const struct discover_column *crls = NULL;
    for (unsigned i = 0; i < d->columns; i++) {
        const struct discover_column *c = &d->column[i];
        if (c->table != table)
            continue;
        if (c->kind == DISCOVER_CERTIFICATES || c->kind == DISCOVER_LIST)
            return c;
        if (c->kind == DISCOVER_CRLS && crls == NULL)
            crls = c;
    }
    return crls;
}

/* Positions are integers; so are most keys. */
static bool is_of_sort(const struct discover_run *run, const struct ese_column *column)
{
    if (run->list_key)
        return discover_same_sort(run->list_key, column);
    return run->d->profile.values == 1 && discover_is_integer(column);
}

/* The list's key in a table of its own, else NULL. */
static const struct ese_column *own_key(const struct discover_run *run,
                                        const struct ese_table *table)
{
    for (unsigned i = 0; i < run->parts; i++)
        if (run->part[i].column->table == table)
            return run->part[i].key;
    return NULL;
}

static void prepare(struct scan *s, const struct ese_table *table)
{
    struct discovery *d = s->run->d;
    s->first = d->references;
    s->proof = discover_proof(d, table);
    s->own = own_key(s->run, table);
    for (unsigned i = 0; i < table->columns; i++) {
        const struct ese_column *column = &table->column[i];
        if (!discover_can_name(column) || !is_of_sort(s->run, column) ||
            (s->own && profile_gives_meaning(&d->profile, table->name, column->name)))
            continue;
        if (s->count == COLUMNS_MOST || d->references == REFERENCES_MOST) {
            d->limited = true;
            break;
        }
        struct discover_reference *added =
            discover_grow(s->run, &d->reference, &d->references, &d->reference_room, sizeof *added);
        if (added == NULL)
            break;
        added->table = table;
        added->column = column;
        added->key = discover_table_key(table);
        added->proof = s->proof;
        added->contained = true;
        added->own_key = column == added->key;
        added->counter = column->flags & ESE_COLUMN_AUTO_INCREMENT;
        added->in_primary = ese_table_in_primary(table, column);
        added->indexed = is_indexed(table, column);
        added->named = is_named_after(s->run, column->name);
        s->count++;
        if (s->proof && !s->own && discover_is_integer(column) && !added->own_key &&
            !added->counter && (s->telling[s->count - 1] = discover_telling_open()) == NULL)
            s->run->no_memory = true;
    }
    s->alive = s->count;
}

/* Of the many rows some: not at even steps, since tables may alternate between issuers. */
static bool is_compared(uint64_t row)
{
    return row < COMPARED_AT_FIRST || (uint32_t)row * 2654435761u <= UINT32_MAX / COMPARED_STEP;
}

bool discover_issuer(struct discover_run *run, const struct discover_column *proof,
                     struct rows *rows, uint64_t *issuer, int *version)
{
    struct x509_certificate c;
    struct x509_crl crl;
    struct bytes value;
    bool cut;
    if (!discover_read(run, rows, proof->column, CERTIFICATE_MOST, &value, &cut))
        return false;
    *version = 0;
    if (proof->kind == DISCOVER_CRLS) {
        if (!x509_crl_read(value, &crl, NULL))
            return false;
        *issuer = discover_hash(run, crl.issuer);
        return true;
    }
    if (!x509_certificate_read(value, &c, NULL))
        return false;
    *issuer = discover_hash(run, c.issuer);
    *version = c.version;
    return true;
}

static void compare(struct discover_reference *r, int32_t value, const struct discover_entry *entry,
                    uint64_t issuer, int version)
{
    if (!entry->parsed)
        return;
    r->compared++;
    r->version_equal += version == value;
    if (entry->subject != issuer)
        return;
    if (r->agreed++ == 0)
        r->first_agreed = value;
    r->agreed_varied = r->agreed_varied || value != r->first_agreed;
}

static void read_row(struct scan *s, struct rows *rows)
{
    uint64_t issuer = 0;
    int version = 0;
    bool has_issuer = s->proof && is_compared(s->row) &&
                      discover_issuer(s->run, s->proof, rows, &issuer, &version);
    int64_t own = 0;
    bool has_own = s->own && discover_name_of(s->run, rows, s->own, &own);
    for (unsigned i = 0; i < s->count; i++) {
        struct discover_reference *r = reference(s, i);
        int64_t value;
        bool tells = has_issuer && s->telling[i];
        if (!r->contained && !tells)
            continue;
        bool null = !discover_name_of(s->run, rows, r->column, &value);
        if (!null && !rows_names_none(r->column, value) && tells)
            discover_telling_row(s->telling[i], value, issuer, version);
        if (!r->contained)
            continue;
        const struct discover_entry *entry = null ? NULL : discover_find(s->run, value);
        bool integer = discover_is_integer(r->column);
        if (null || (entry == NULL && integer && rows_names_none(r->column, value)))
            continue;
        if (entry == NULL) {
            r->contained = false;
            r->missed = value;
            s->alive--;
            continue;
        }
        if (r->rows++ == 0)
            r->first = entry->key;
        r->varied = r->varied || entry->key != r->first;
        if (has_issuer && !(has_own && value == own)) /* its own row proves nothing */
            compare(r, entry->key, entry, issuer, version);
    }
    s->row++;
}

/* ---- judging ---- */

#define SAY(r, v, ...) ((r)->verdict = (v), (void)snprintf((r)->why, sizeof(r)->why, __VA_ARGS__))

static bool agrees(const struct discover_reference *r)
{
    return r->agreed > 0 && r->agreed * 20 >= r->compared * 19;
}

/* What speaks for the column besides the certificates. */
static bool is_supported(const struct discover_reference *r)
{
    return r->indexed || r->named;
}

/* The numbers are the versions of the certificates, and not all the same. */
static bool is_version(const struct discover_reference *r)
{
    return r->varied && r->compared > 0 && r->version_equal == r->compared;
}

/* Reasons to leave a column alone that need no comparison with others.  True: that was said. */
static bool judge_alone(struct discover_reference *r, const struct telling *telling)
{
    char missed[24] = "one of its values";
    if (discover_is_integer(r->column))
        snprintf(missed, sizeof missed, "%" PRId64, r->missed);
    if (!r->contained) {
        bool suspect = r->agreed >= ENOUGH && agrees(r) && (r->agreed_varied || is_supported(r));
        if (!suspect && telling && discover_tells_issuers(telling))
            SAY(r, DISCOVER_UNDECIDED,
                "%s is no key of the list, but each of its values stands beside certificates of "
                "one "
                "issuer: a reference to something else, or to more than this list?",
                missed);
        else if (suspect)
            SAY(r, DISCOVER_UNDECIDED,
                "%" PRIu64
                " rows agree with the issuers of their certificates, but %s is no key of "
                "the list: a reference to an entry that is missing? Add it by hand",
                r->agreed, missed);
        else
            SAY(r, DISCOVER_NOT_TAKEN, "%s is no key of the list", missed);
    } else if (r->rows == 0) {
        SAY(r, DISCOVER_NOT_TAKEN, "it has no value");
    } else if (r->own_key || r->counter) {
        SAY(r, DISCOVER_NOT_TAKEN, "%s",
            r->own_key ? "it is its own table's key" : "it counts up by itself");
    } else if (r->compared > 0 && !agrees(r)) {
        SAY(r, DISCOVER_NOT_TAKEN,
            "only in %" PRIu64 " of %s the entry is the certificate's issuer", r->agreed,
            counted(r->compared, "row", "rows"));
    } else if (is_version(r)) {
        SAY(r, DISCOVER_NOT_TAKEN, "it is the version of the certificate in every row");
    } else {
        return false;
    }
    return true;
}

static bool is_open(const struct discover_reference *r)
{
    return r->why[0] == '\0';
}

/* A column whose certificates agree.  rivals: others of its table that do, no less; best: in how
 * many rows the best of them does; supported_rival: one has an index or a fitting name. */
static void judge_agreeing(struct discover_reference *r, unsigned rivals, uint64_t best,
                           bool supported_rival)
{
    const char *support = r->indexed && r->named ? "; it has an index, and its name fits"
                          : r->indexed           ? "; it has an index"
                          : r->named             ? "; its name fits"
                                                 : "";
    if (r->in_primary)
        SAY(r, DISCOVER_UNDECIDED,
            "it is a part of its table's primary key, where no reference can be moved");
    else if (!is_supported(r) && r->agreed < best)
        SAY(r, DISCOVER_NOT_TAKEN,
            "in %" PRIu64 " of %" PRIu64
            " rows the entry is the issuer, but another column agrees in %" PRIu64,
            r->agreed, r->compared, best);
    else if (is_supported(r) || (rivals == 0 && r->agreed_varied))
        SAY(r, DISCOVER_TAKEN, "in %" PRIu64 " of %s compared the entry is the issuer%s", r->agreed,
            counted(r->compared, "row", "rows"), support);
    else if (supported_rival)
        SAY(r, DISCOVER_NOT_TAKEN,
            "its certificates agree, but it has neither index nor name for it, and another column "
            "of its "
            "table has");
    else if (rivals > 0)
        SAY(r, DISCOVER_UNDECIDED, "%s of its table as well",
            counted(rivals, "other column agrees", "other columns agree"));
    else
        SAY(r, DISCOVER_UNDECIDED,
            "its certificates agree, but it is %d in every row, which may be chance", r->first);
}

/* What is the version of each certificate can name each one's issuer, too: by chance, where another
 * column does so; else nobody knows. */
static void judge_versions(struct scan *s, unsigned agreeing)
{
    for (unsigned i = 0; agreeing == 0 && i < s->count; i++) {
        struct discover_reference *r = reference(s, i);
        if (r->contained && !r->own_key && !r->counter && is_version(r) && agrees(r))
            SAY(r, DISCOVER_UNDECIDED,
                "in every row it is the version of the certificate, but the entry is its issuer, "
                "too");
    }
}

/* After a table was read: everything but what only other tables can tell. */
static void judge_table(struct scan *s)
{
    unsigned agreeing = 0, supported = 0;
    uint64_t best = 0;
    for (unsigned i = 0; i < s->count; i++) {
        struct discover_reference *r = reference(s, i);
        if (judge_alone(r, s->telling[i]) || r->compared == 0)
            continue;
        supported += is_supported(r);
        agreeing = r->agreed > best ? 1 : agreeing + (r->agreed == best);
        best = r->agreed > best ? r->agreed : best;
    }
    for (unsigned i = 0; i < s->count; i++) {
        struct discover_reference *r = reference(s, i);
        if (is_open(r) && r->compared > 0)
            judge_agreeing(r, agreeing - 1, best, supported > 0);
    }
    judge_versions(s, agreeing);
}

static bool is_namesake(const struct discover_run *run, const struct discover_reference *r)
{
    if (same_name(r->column, run->list_key))
        return true;
    for (unsigned i = 0; i < run->d->references; i++)
        if (run->d->reference[i].verdict == DISCOVER_TAKEN &&
            same_name(run->d->reference[i].column, r->column))
            return true;
    return false;
}

/* In the list's own table few rows can prove a reference, and its other columns hold small numbers:
 * what is not proved is left to be asked about. */
static void judge_own(struct scan *s)
{
    for (unsigned i = 0; s->own && i < s->count; i++) {
        struct discover_reference *r = reference(s, i);
        if (is_open(r) || (r->verdict == DISCOVER_UNDECIDED))
            SAY(r, DISCOVER_NOT_TAKEN,
                "all its values are keys of the list, but too little speaks for it in a table of "
                "the "
                "list's own");
    }
}

/* Are the list's keys such that nothing else has them by chance: great numbers, or more than a few
 * bytes? */
static bool is_beyond_chance(const struct discover_run *run)
{
    if (run->list_key == NULL || discover_is_integer(run->list_key))
        return run->list_key && run->entry[0].name >= LARGE_LEAST;
    return run->shortest_key >= LONG_LEAST;
}

/* Columns with no certificate beside them: a name can speak for them, when their values are no
 * numbers as other tables have them, too.  What is left alone here is asked about before it would
 * be left behind. */
static void judge_unproved(const struct discover_run *run, struct discover_reference *r)
{
    bool namesake = is_namesake(run, r);
    bool guess = (namesake || !discover_is_integer(r->column)) && !r->in_primary;
    if (guess && !is_beyond_chance(run))
        SAY(r, DISCOVER_NOT_TAKEN,
            "all its values are keys of the list, but nothing beside it can prove it, and others "
            "may have such values, too");
    else if (guess && namesake)
        SAY(r, DISCOVER_GUESSED,
            "all its values are keys of the list, and it is named like %s; nothing beside it can "
            "prove it",
            same_name(r->column, run->list_key) ? "the list's key" : "a reference that is proved");
    else if (guess)
        SAY(r, DISCOVER_GUESSED,
            "all its values are keys of the list, which are no mere numbers; nothing beside it can "
            "prove it");
    else if (r->named)
        SAY(r, DISCOVER_UNDECIDED,
            "all its values are keys of the list, and its name fits; nothing beside it can prove "
            "it");
    else
        SAY(r, DISCOVER_NOT_TAKEN,
            "all its values are keys of the list, but nothing else speaks for it");
}

static bool has_taken(const struct discovery *d, const struct ese_table *table)
{
    for (unsigned i = 0; i < d->references; i++)
        if (d->reference[i].table == table && d->reference[i].verdict == DISCOVER_TAKEN)
            return true;
    return false;
}

/* Columns whose certificates agree, but which had rivals or were constant: a reference of the same
 * name that is proved decides for them; one taken from their own table, against them. */
static void judge_again(const struct discover_run *run)
{
    struct discovery *d = run->d;
    for (unsigned i = 0; i < d->references; i++) {
        struct discover_reference *r = &d->reference[i];
        if (r->verdict == DISCOVER_UNDECIDED && r->contained && !r->in_primary &&
            is_namesake(run, r))
            SAY(r, DISCOVER_TAKEN,
                "in %" PRIu64 " of %" PRIu64 " rows compared the entry is the issuer, and a proved "
                "reference has its name",
                r->agreed, r->compared);
    }
    for (unsigned i = 0; i < d->references; i++) {
        struct discover_reference *r = &d->reference[i];
        if (r->verdict == DISCOVER_UNDECIDED && r->contained && has_taken(d, r->table))
            SAY(r, DISCOVER_NOT_TAKEN,
                "its certificates agree, but more speaks for another column of its table");
    }
}

/* ---- into the draft ---- */

static void take(struct discover_run *run, struct discover_reference *r)
{
    struct profile *p = &run->d->profile;
    if (p->references == PROFILE_REFERENCES_MOST) {
        SAY(r, DISCOVER_UNDECIDED, "a profile can name %d references only",
            PROFILE_REFERENCES_MOST);
        return;
    }
    struct profile_reference *to = &p->reference[p->references++];
    discover_set(run, &to->table, r->table->name);
    discover_set(run, &to->column, r->column->name);
    if (r->key)
        discover_set(run, &to->key, r->key->name);
    if (r->proof == NULL)
        return;
    discover_set(run, &to->proves, r->proof->column->name);
    to->crl = r->proof->kind == DISCOVER_CRLS;
}

static void scan_table(struct discover_run *run, const struct ese_table *table)
{
    struct scan s = {.run = run};
    struct rows rows = {.lv = NULL};
    prepare(&s, table);
    if (s.count == 0)
        return;
    rows_open(&rows, run->store, table);
    /* Numbers that are no keys may tell issuers: the first rows show that. */
    while ((s.alive > 0 || (s.proof && s.row < COMPARED_AT_FIRST)) && discover_next(run, &rows))
        read_row(&s, &rows);
    discover_end(run, &rows);
    judge_table(&s);
    judge_own(&s);
    for (unsigned i = 0; i < s.count; i++)
        discover_telling_close(s.telling[i]);
}

void discover_references(struct discover_run *run)
{
    const struct ese_catalog *catalog = run->store->db->catalog;
    unsigned looked_at = 0;
    if (!run->keys_known || run->entries == 0)
        return;
    for (unsigned i = 0; i < ese_catalog_tables(catalog) && looked_at < TABLES_MOST; i++) {
        const struct ese_table *table = ese_catalog_table(catalog, i);
        if (discover_skips(table))
            continue;
        looked_at++;
        scan_table(run, table);
    }
    judge_again(run);
    for (unsigned i = 0; i < run->d->references; i++) {
        struct discover_reference *r = &run->d->reference[i];
        if (is_open(r))
            judge_unproved(run, r);
        if (r->verdict >= DISCOVER_GUESSED)
            take(run, r);
        if (r->verdict == DISCOVER_UNDECIDED)
            run->undecided_reference = true;
    }
}
