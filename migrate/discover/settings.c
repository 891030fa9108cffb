/*
 * Discovery: the settings, by what they say: one is an issuing mode, one names a certificate of the
 * list: see discover.h.
 *
 * Settings stand one a row under their names, or in the columns of a table of one row; each value
 * is read as bytes, as text of any kind, and as hexadecimal digits.  A column or a row whose like
 * there are many of holds no setting.
 */
#include "migrate/discover/parts.h"

#include "migrate/profile/settings.h"

#include <ctype.h>
#include <inttypes.h>
#include <stdlib.h>
#include <strings.h>

enum {
    SETTINGS_SAMPLED = 4096,
    VALUE_MOST = 256, /* bytes of a setting of interest */
    COLUMNS_MOST = 32,
    HITS_MOST = 64,
    TABLES_MOST = 64, /* that may be settings */
    LABEL = DISCOVER_TEXT,
};

/* What a value turned out to be. */
enum hit_kind {
    HIT_MODE,        /* V1, V1V3 or V3 */
    HIT_LISTED,      /* the SHA-1 of a certificate of the list */
    HIT_LISTED_HEX,  /* the same in hexadecimal digits */
    HIT_UNKNOWN,     /* 20 bytes that are no certificate's of the list */
    HIT_UNKNOWN_HEX, /* the same in hexadecimal digits */
    HIT_KEY,         /* the key of an entry, under a name that speaks for it */
    HIT_NUMBER,      /* a number, under a name that speaks for a mode */
    HIT_KINDS,
};

struct hit {
    enum hit_kind kind;
    const struct ese_column *column;
    char label[LABEL]; /* the name of its row; of a table of one row its column's */
    uint8_t sha1[HASH_SHA1_SIZE];
    int64_t number;
};

/* A table that may hold settings. */
struct place {
    const struct ese_table *table;
    const struct ese_column *name; /* NULL: it has one row, and its columns are the settings */
    struct hit hit[HITS_MOST];
    unsigned hits, count[HIT_KINDS];
    bool many; /* too much like settings to be any */
};

struct search {
    struct discover_run *run;
    struct buffer text;
    struct place *found; /* up to TABLES_MOST */
    unsigned places;
};

/* ---- what a value is ---- */

static bool holds_bytes(const struct ese_column *column)
{
    return discover_is_binary(column) || discover_is_text(column);
}

/* Some of these words in a name, of which only letters count. */
static bool speaks_of(const char *name, const char *const *words)
{
    char letters[LABEL];
    size_t n = 0;
    for (; *name && n + 1 < sizeof letters; name++)
        if (isalnum((unsigned char)*name))
            letters[n++] = (char)tolower((unsigned char)*name);
    letters[n] = '\0';
    for (; *words; words++)
        if (strstr(letters, *words))
            return true;
    return false;
}

static bool speaks_of_issuing(const char *name)
{
    return speaks_of(name, (const char *const[]){"issu", "signer", "signingca", NULL});
}

static bool speaks_of_mode(const char *name)
{
    return speaks_of(name, (const char *const[]){"mode", "format", "issu", NULL});
}

/* Notes what a value is. */
static void note_hit(struct place *p, enum hit_kind kind, const struct ese_column *column,
                     const char *label, const uint8_t *sha1, int64_t number)
{
    if (p->hits == HITS_MOST) {
        p->many = true;
        return;
    }
    struct hit *h = &p->hit[p->hits++];
    *h = (struct hit){.kind = kind, .column = column, .number = number};
    snprintf(h->label, sizeof h->label, "%s", label);
    if (sha1)
        memcpy(h->sha1, sha1, sizeof h->sha1);
    p->count[kind]++;
}

static bool is_mode(struct bytes value)
{
    return bytes_equal(value, bytes_of("V1", 2)) || bytes_equal(value, bytes_of("V3", 2)) ||
           bytes_equal(value, bytes_of("V1V3", 4));
}

static void take_hash(struct search *s, struct place *p, const struct ese_column *column,
                      const char *label, const uint8_t sha1[HASH_SHA1_SIZE], bool hex)
{
    bool listed = discover_find_sha1(s->run, sha1) != NULL;
    note_hit(p,
             listed ? (hex ? HIT_LISTED_HEX : HIT_LISTED) : (hex ? HIT_UNKNOWN_HEX : HIT_UNKNOWN),
             column, label, sha1, 0);
}

/* Digits, or the few bytes of a number. */
static bool number_of(const struct ese_column *column, struct bytes value, struct bytes text,
                      int64_t *number)
{
    char digits[24], *end;
    if (text.size > 0 && text.size < sizeof digits && isdigit(text.at[0])) {
        memcpy(digits, text.at, text.size);
        digits[text.size] = '\0';
        *number = strtoll(digits, &end, 10);
        return *end == '\0';
    }
    if (ese_column_is_text(column) || (value.size != 1 && value.size != 2 && value.size != 4))
        return false;
    *number = 0;
    for (size_t i = value.size; i-- > 0;)
        *number = *number << 8 | value.at[i];
    return true;
}

/* By number, or by bytes as they stand; a list value is not named so. */
static bool is_key(struct search *s, const struct ese_column *column, struct bytes value,
                   bool is_number, int64_t number)
{
    const struct ese_column *key = s->run->list_key;
    if (key == NULL)
        return false;
    if (discover_is_integer(key))
        return is_number && number != 0 && discover_find(s->run, number);
    return value.size > 0 && discover_same_sort(key, column) &&
           discover_find(s->run, (int64_t)discover_hash(s->run, value));
}

static void take_name(struct search *s, struct place *p, const struct ese_column *column,
                      const char *label, struct bytes value, bool is_number, int64_t number)
{
    if (speaks_of_issuing(label) && is_key(s, column, value, is_number, number))
        note_hit(p, HIT_KEY, column, label, NULL, number);
    if (speaks_of_mode(label) && is_number && number >= 0 && number < 256)
        note_hit(p, HIT_NUMBER, column, label, NULL, number);
}

static void take_bytes(struct search *s, struct place *p, struct rows *rows,
                       const struct ese_column *column, const char *label)
{
    struct bytes value, text;
    uint8_t sha1[HASH_SHA1_SIZE];
    enum setting_form form;
    int64_t number = 0;
    bool cut;
    if (!discover_read(s->run, rows, column, VALUE_MOST, &value, &cut) || cut)
        return;
    buffer_clear(&s->text);
    if (!setting_text(column, p->name, value, &s->text, &form)) {
        s->run->no_memory = true;
        return;
    }
    text = buffer_bytes(&s->text);
    if (is_mode(text))
        note_hit(p, HIT_MODE, column, label, NULL, 0);
    else if (setting_hex(text, sha1))
        take_hash(s, p, column, label, sha1, true);
    else if (value.size == HASH_SHA1_SIZE)
        take_hash(s, p, column, label, value.at, false);
    else {
        bool is_number = number_of(column, value, text, &number);
        take_name(s, p, column, label, value, is_number, number);
    }
}

static void take_value(struct search *s, struct place *p, struct rows *rows,
                       const struct ese_column *column, const char *label)
{
    int64_t number;
    if (column->flags & ESE_COLUMN_MULTI_VALUED)
        return;
    if (holds_bytes(column))
        take_bytes(s, p, rows, column, label);
    else if (discover_is_integer(column) && rows_number(rows, column, &number))
        take_name(s, p, column, label, bytes_of(NULL, 0), true, number);
}

/* ---- tables ---- */

/* A name that a condition of a profile can say. */
static bool can_say(const char *name)
{
    size_t size = strlen(name);
    return size > 0 && name[0] != ' ' && name[size - 1] != ' ' && discover_can_write(name);
}

static void read_row(struct search *s, struct place *p, struct rows *rows)
{
    char label[LABEL] = "";
    unsigned tried = 0;
    if (p->name && (!discover_read_text(s->run, rows, p->name, label) || !can_say(label)))
        return;
    for (unsigned i = 0; i < p->table->columns && tried < COLUMNS_MOST; i++) {
        const struct ese_column *column = &p->table->column[i];
        if (column == p->name || ese_table_in_primary(p->table, column))
            continue;
        tried++;
        take_value(s, p, rows, column, p->name ? label : column->name);
    }
}

static void read_place(struct search *s, struct place *p)
{
    struct rows rows = {.lv = NULL};
    rows_open(&rows, s->run->store, p->table);
    for (unsigned row = 0; row < SETTINGS_SAMPLED && !p->many && discover_next(s->run, &rows);
         row++)
        read_row(s, p, &rows);
    discover_end(s->run, &rows);
}

static bool has_one_row(struct search *s, const struct ese_table *table)
{
    struct rows rows = {.lv = NULL};
    unsigned count = 0;
    rows_open(&rows, s->run->store, table);
    while (count < 2 && discover_next(s->run, &rows))
        count++;
    discover_end(s->run, &rows);
    return count == 1;
}

/* The first column of text that can be the names; NULL: none. */
static const struct ese_column *find_names(const struct ese_table *table)
{
    for (unsigned i = 0; i < table->columns; i++)
        if (discover_is_text(&table->column[i]) &&
            !(table->column[i].flags & ESE_COLUMN_MULTI_VALUED))
            return &table->column[i];
    return NULL;
}

static unsigned listed(const struct place *p)
{
    return p->count[HIT_LISTED] + p->count[HIT_LISTED_HEX];
}

/* How much speaks for it; 0: nothing, or too much for settings, which come once each. */
static unsigned strength(const struct place *p)
{
    if (p->many || listed(p) > 1 || p->count[HIT_MODE] > 1)
        return 0;
    return 2 * listed(p) + p->count[HIT_MODE];
}

static bool looks_like_settings(const struct place *p)
{
    return strength(p) > 0;
}

static void try_place(struct search *s, const struct ese_table *table,
                      const struct ese_column *name)
{
    if (s->places == TABLES_MOST) {
        s->run->d->limited = true;
        return;
    }
    struct place *p = &s->found[s->places];
    memset(p, 0, sizeof *p);
    p->table = table;
    p->name = name;
    read_place(s, p);
    s->places += looks_like_settings(p);
}

static void search_tables(struct search *s)
{
    const struct ese_catalog *catalog = s->run->store->db->catalog;
    for (unsigned i = 0; i < ese_catalog_tables(catalog); i++) {
        const struct ese_table *table = ese_catalog_table(catalog, i);
        if (discover_skips(table) || discover_is_list_table(s->run, table))
            continue;
        const struct ese_column *name = find_names(table);
        if (has_one_row(s, table))
            try_place(s, table, NULL);
        else if (name)
            try_place(s, table, name);
    }
}

/* ---- choosing ---- */

/* The place for which most speaks; NULL: none, or (*rivals) several alike. */
static const struct place *choose(const struct search *s, unsigned *rivals)
{
    const struct place *best = NULL;
    *rivals = 0;
    for (unsigned i = 0; i < s->places; i++) {
        const struct place *p = &s->found[i];
        if (best && strength(p) == strength(best))
            ++*rivals;
        if (best && strength(p) <= strength(best))
            continue;
        best = p;
        *rivals = 0;
    }
    return *rivals ? NULL : best;
}

/* The only hit of that kind; NULL: none, or several. */
static const struct hit *only(const struct place *p, enum hit_kind kind)
{
    for (unsigned i = 0; p->count[kind] == 1 && i < p->hits; i++)
        if (p->hit[i].kind == kind)
            return &p->hit[i];
    return NULL;
}

/* The hit that names the issuing CA, as far as that can be told. */
static const struct hit *find_issuing(const struct place *p)
{
    static const enum hit_kind kinds[] = {HIT_LISTED, HIT_LISTED_HEX};
    for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++)
        if (p->count[kinds[i]])
            return only(p, kinds[i]);
    unsigned unknown = p->count[HIT_UNKNOWN] + p->count[HIT_UNKNOWN_HEX];
    if (unknown == 1)
        return p->count[HIT_UNKNOWN] ? only(p, HIT_UNKNOWN) : only(p, HIT_UNKNOWN_HEX);
    return unknown ? NULL : only(p, HIT_KEY);
}

/* ---- into the draft ---- */

/* Can [settings] say it: a name, and a value that is a text or the bytes of a hash? */
static bool is_short(const struct place *p, const struct hit *h)
{
    return h == NULL || (p->name && (h->kind == HIT_MODE || h->kind == HIT_LISTED ||
                                     (h->kind == HIT_UNKNOWN && discover_is_binary(h->column))));
}

static bool has_sign(const char *name)
{
    return strpbrk(name, "=&") != NULL;
}

static void set_place(struct discover_run *run, enum profile_setting_kind which,
                      const struct place *p, const struct ese_column *column, const char *label)
{
    struct profile_setting *to = &run->d->profile.setting[which];
    discover_set(run, &to->table, p->table->name);
    discover_set(run, &to->column, column->name);
    if (p->name) {
        discover_set(run, &to->rows.column, p->name->name);
        discover_set(run, &to->rows.value, label);
    }
}

static char **short_field(struct profile *p, enum profile_setting_kind which)
{
    char **const fields[PROFILE_SETTINGS] = {&p->setting_mode,         &p->setting_issuing_ca,
                                             &p->setting_organization, &p->setting_site,
                                             &p->setting_ca_name,      &p->setting_server};
    return fields[which];
}

/* A setting, in [settings] where all of them stand in one column, else in a section of its own. */
static void set_setting(struct discover_run *run, enum profile_setting_kind which,
                        const struct place *p, const struct ese_column *column, const char *label)
{
    if (run->d->profile.settings_table)
        discover_set(run, short_field(&run->d->profile, which), label);
    else
        set_place(run, which, p, column, label);
}

static const char *how_named(enum hit_kind kind)
{
    switch (kind) {
    case HIT_LISTED_HEX:
        return "its hexadecimal digits are the SHA-1 of a listed certificate";
    case HIT_UNKNOWN:
        return "the only value of 20 bytes; no listed certificate has it as its SHA-1";
    case HIT_UNKNOWN_HEX:
        return "the only value of 40 hexadecimal digits; no listed certificate has it as its SHA-1";
    case HIT_KEY:
        return "its name speaks of what issues, and it is the key of an entry";
    default:
        return "its 20 bytes are the SHA-1 of a listed certificate";
    }
}

static void take_issuing(struct discover_run *run, const struct place *p, const struct hit *h)
{
    struct profile *profile = &run->d->profile;
    if (h == NULL) {
        discover_note(run, "[settings] issuing-ca", false, true,
                      "no value is the SHA-1 of a listed certificate");
        return;
    }
    set_setting(run, SETTING_ISSUING_CA, p, h->column, h->label);
    if (h->kind == HIT_LISTED_HEX || h->kind == HIT_UNKNOWN_HEX)
        discover_set(run, &profile->setting[SETTING_ISSUING_CA].names, "sha1 hex");
    if (h->kind == HIT_KEY)
        discover_set(run, &profile->setting[SETTING_ISSUING_CA].names, "key");
    discover_note(run, "[settings] issuing-ca", h->kind != HIT_LISTED && h->kind != HIT_LISTED_HEX,
                  false, "%s", how_named(h->kind));
    run->issuing_known = h->kind == HIT_LISTED || h->kind == HIT_LISTED_HEX;
    memcpy(run->issuing, h->sha1, sizeof run->issuing);
    const struct discover_entry *e = h->kind == HIT_KEY && discover_is_integer(run->list_key)
                                         ? discover_find(run, h->number)
                                         : NULL;
    if (e) {
        run->issuing_known = true;
        memcpy(run->issuing, e->sha1, sizeof run->issuing);
    }
}

static void take_mode(struct discover_run *run, const struct place *p, const struct hit *h)
{
    const struct hit *number = only(p, HIT_NUMBER);
    if (h) {
        set_setting(run, SETTING_MODE, p, h->column, h->label);
        discover_note(run, "[settings] mode", false, false, "its value is V1, V1V3 or V3");
    } else if (number) {
        discover_note(run, "[settings] mode", false, true,
                      "%s is %" PRId64 ", and nothing tells which mode that is: --mode says it, or "
                      "V1, V1V3 and V3 in a section [setting.mode]",
                      discover_name(number->label), number->number);
    } else {
        discover_note(run, "[settings] mode", false, true, "no value is V1, V1V3 or V3");
    }
}

/* Settings that nothing but their name tells. */
static const struct known {
    enum profile_setting_kind which;
    const char *key, *words[4]; /* the first: its name in the profile km55 */
} known[] = {
    {SETTING_ORGANIZATION, "[settings] organization", {"Organization", "org", "orgname"}},
    {SETTING_SITE, "[settings] site", {"Site", "sitename"}},
    {SETTING_CA_NAME, "[settings] ca-name", {"CADistinguishedName", "cadn", "caname"}},
    {SETTING_SERVER,
     "[settings] certificate-server",
     {"CertificateServer", "certserver", "server"}},
};

static void take_named(struct discover_run *run, const struct place *p,
                       const struct ese_column *column, const char *label, bool *taken)
{
    for (size_t i = 0; i < sizeof known / sizeof known[0]; i++)
        for (unsigned w = 0; w < 4 && known[i].words[w] && !taken[i]; w++) {
            if (strcasecmp(label, known[i].words[w]) != 0)
                continue;
            taken[i] = true;
            set_setting(run, known[i].which, p, column, label);
            discover_note(run, known[i].key, true, false,
                          w == 0 ? "there is a setting named as in the profile km55"
                                 : "there is a setting of that name");
        }
}

/* Of a table of rows the names in the column in which the settings' values stand. */
static void take_all_named(struct discover_run *run, const struct place *p,
                           const struct ese_column *value)
{
    bool taken[sizeof known / sizeof known[0]] = {false};
    struct rows rows = {.lv = NULL};
    char label[LABEL];
    for (unsigned i = 0; p->name == NULL && i < p->table->columns; i++)
        if (holds_bytes(&p->table->column[i]) &&
            !(p->table->column[i].flags & ESE_COLUMN_MULTI_VALUED))
            take_named(run, p, &p->table->column[i], p->table->column[i].name, taken);
    if (p->name == NULL || !holds_bytes(value))
        return;
    rows_open(&rows, run->store, p->table);
    for (unsigned row = 0; row < SETTINGS_SAMPLED && discover_next(run, &rows); row++)
        if (discover_read_text(run, &rows, p->name, label) && can_say(label))
            take_named(run, p, value, label, taken);
    discover_end(run, &rows);
}

static void take_settings(struct discover_run *run, const struct place *p)
{
    struct profile *profile = &run->d->profile;
    const struct hit *mode = only(p, HIT_MODE), *issuing = find_issuing(p);
    const struct ese_column *value = issuing ? issuing->column : mode->column;
    discover_note(run, "[settings]", !listed(p), false, "table %s, found by %s",
                  discover_name(p->table->name),
                  listed(p) ? "the value that is the SHA-1 of a listed certificate"
                            : "a value that is an issuing mode");
    if (is_short(p, mode) && is_short(p, issuing) &&
        (mode == NULL || issuing == NULL || mode->column == issuing->column)) {
        discover_set(run, &profile->settings_table, p->table->name);
        discover_set(run, &profile->settings_name, p->name->name);
        discover_set(run, &profile->settings_value, value->name);
    } else if (p->name && has_sign(p->name->name)) {
        run->undecided = true; /* no condition can name that column */
        return;
    }
    take_mode(run, p, mode);
    take_issuing(run, p, issuing);
    take_all_named(run, p, value);
}

bool discover_issuing(struct discover_run *run, uint8_t sha1[HASH_SHA1_SIZE])
{
    memcpy(sha1, run->issuing, sizeof run->issuing);
    return run->issuing_known;
}

void discover_settings(struct discover_run *run)
{
    struct search s = {.run = run, .found = calloc(TABLES_MOST, sizeof *s.found)};
    unsigned rivals;
    if (s.found == NULL) {
        run->no_memory = true;
        return;
    }
    search_tables(&s);
    const struct place *best = choose(&s, &rivals);
    if (best) {
        take_settings(run, best);
    } else {
        if (rivals)
            run->undecided = true;
        discover_note(run, "[settings]", false, true, "%s",
                      rivals ? "several tables look like settings; none was chosen"
                             : "no table holds an issuing mode or names a listed certificate");
    }
    buffer_free(&s.text);
    free(s.found);
}
