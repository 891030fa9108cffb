/* What each kind of action is called, says and does, a record for each: see action.h. */
#include "migrate/decide/action.h"

#include "migrate/console/words.h"
#include "migrate/console/date.h"
#include "migrate/console/value.h"
#include "migrate/judge/shown.h"
#include "migrate/profile/settings.h"

#include <inttypes.h>
#include <string.h>

/* A kind of action.  NULL: there is nothing of the sort. */
struct record {
    const char *name;
    enum action_effect effect;
    bool shows_certificate;
    bool comes_first;
    /* What stands behind the name in the canonical text; returns as snprintf. */
    int (*canonical)(const struct model *m, const struct action *a, char *text, size_t size);
    void (*sentence)(const struct model *m, const struct action *a, FILE *to); /* without why */
    /* But "entry", which all have that concern one. */
    void (*members)(const struct model *m, const struct action *a, struct json *json);
    unsigned (*cells)(const struct model *m, const struct action *a, struct action_cell *cell);
    enum profile_setting_kind setting; /* EFFECT_SETTING: which */
    void (*foresee)(struct model *m, const struct action *a);
};

/* ---- what several kinds share ---- */

/* Long values stand for themselves by their hash. */
static const char *value_text(const struct model *m, struct bytes value)
{
    uint8_t digest[HASH_SHA256_SIZE];
    struct hash hash = m->hash;
    if (value.size <= HASH_SHA1_SIZE)
        return hash_words(value);
    hash_sha256(&hash, value, digest);
    return hash_words(bytes_of(digest, sizeof digest));
}

static const char *certificate_text(const struct model *m, const struct action *a)
{
    return hash_words(bytes_of(m->certificate[a->certificate].sha256, HASH_SHA256_SIZE));
}

static const struct profile_reference *reference_of(const struct model *m, const struct action *a)
{
    return &m->profile->reference[a->reference];
}

/* "4.0 WORD": the entry, and what it gets. */
static int entry_canonical(const struct action *a, const char *word, char *text, size_t size)
{
    return snprintf(text, size, "%d.%u %s", a->entry, a->twin, word);
}

static int value_canonical(const struct model *m, const struct action *a, char *text, size_t size)
{
    return entry_canonical(a, value_text(m, a->value), text, size);
}

static void thumbprint_members(const struct model *m, const struct action *a, struct json *json)
{
    (void)m;
    json_put_hex(json, "thumbprint", a->value);
}

static unsigned one_cell(struct action_cell *cell, struct action_cell value)
{
    cell[0] = value;
    return 1;
}

static struct model_entry *entry_of(const struct model *m, const struct action *a)
{
    return model_entry_twin(m, a->entry, a->twin);
}

/* The part of the list that the entry is in, or comes into. */
static const struct profile_list *list_of(const struct model *m, const struct action *a)
{
    const struct model_entry *e = a->kind == ACTION_ADD_ENTRY ? NULL : entry_of(m, a);
    return e ? model_list_of(m, e) : &m->profile->list[a->part];
}

/* ---- the header ---- */

static void header_sentence(const struct model *m, const struct action *a, FILE *to)
{
    (void)m;
    (void)a;
    fputs("write the header anew from its shadow", to);
}

/* ---- an entry of an index ---- */

/* The key is made of values of columns that may be secret: its hash stands for it. */
static int index_canonical(const struct model *m, const struct action *a, char *text, size_t size)
{
    uint8_t digest[HASH_SHA256_SIZE];
    struct hash hash = m->hash;
    hash_sha256(&hash, a->value, digest);
    return snprintf(text, size, "%s.%s key %s row %s", a->table->name, a->index->name,
                    hash_words(bytes_of(digest, sizeof digest)), value_text(m, a->bookmark));
}

static void index_sentence(const struct model *m, const struct action *a, FILE *to)
{
    fprintf(to,
            "table %s: take the entry for the row with key %s, which is not there, out of "
            "index %s",
            a->table->name, value_text(m, a->bookmark), a->index->name);
}

static void index_members(const struct model *m, const struct action *a, struct json *json)
{
    (void)m;
    json_put_text(json, "table", a->table->name);
    json_put_text(json, "index", a->index->name);
    json_put_hex(json, "row_key", a->bookmark);
}

/* ---- dropping an entry ---- */

static int drop_canonical(const struct model *m, const struct action *a, char *text, size_t size)
{
    const char *value = certificate_text(m, a);
    if (a->alone)
        return snprintf(text, size, "%d.%u %s survivor none quarantine", a->entry, a->twin, value);
    return snprintf(text, size, "%d.%u %s survivor %d%s", a->entry, a->twin, value, a->other,
                    a->quarantine ? " quarantine" : "");
}

static void drop_sentence(const struct model *m, const struct action *a, FILE *to)
{
    (void)m;
    fprintf(to, "drop entry %d: %s; ", a->entry, a->why);
    if (!a->alone)
        fprintf(to, "entry %d stays: ", a->other);
    fprintf(to, "%s%s", a->text, a->quarantine ? "; the dropped row goes to quarantine" : "");
}

static void drop_members(const struct model *m, const struct action *a, struct json *json)
{
    (void)m;
    if (!a->alone)
        json_put_integer(json, "survivor", a->other);
    json_put_text(json, "survivor_why", a->text);
    json_put_bool(json, "quarantine", a->quarantine);
}

/* ---- an entry's role ---- */

static int role_canonical(const struct model *m, const struct action *a, char *text, size_t size)
{
    (void)m;
    return entry_canonical(a, model_role_name(a->role), text, size);
}

static void role_sentence(const struct model *m, const struct action *a, FILE *to)
{
    (void)m;
    fprintf(to, "entry %d becomes %s", a->entry, model_role_name(a->role));
}

static void role_members(const struct model *m, const struct action *a, struct json *json)
{
    (void)m;
    json_put_text(json, "role", model_role_name(a->role));
}

static unsigned role_cells(const struct model *m, const struct action *a, struct action_cell *cell)
{
    const struct profile_list *list = list_of(m, a);
    return one_cell(cell,
                    (struct action_cell){.column = list->role ? list->role : list->issuing.column,
                                         .kind = CELL_ROLE,
                                         .role = a->role});
}

static void role_foresee(struct model *m, const struct action *a)
{
    struct model_entry *e = entry_of(m, a);
    if (e)
        e->role = a->role;
}

/* ---- its trust ---- */

static int trust_canonical(const struct model *m, const struct action *a, char *text, size_t size)
{
    (void)m;
    return entry_canonical(a, model_trust_name(a->trust), text, size);
}

static void trust_sentence(const struct model *m, const struct action *a, FILE *to)
{
    (void)m;
    fprintf(to, "entry %d becomes %s", a->entry, model_trust_name(a->trust));
}

static void trust_members(const struct model *m, const struct action *a, struct json *json)
{
    (void)m;
    json_put_text(json, "trust", model_trust_name(a->trust));
}

static unsigned trust_cells(const struct model *m, const struct action *a, struct action_cell *cell)
{
    return one_cell(cell, (struct action_cell){.column = list_of(m, a)->trusted.column,
                                               .kind = CELL_TRUST,
                                               .trust = a->trust});
}

static void trust_foresee(struct model *m, const struct action *a)
{
    struct model_entry *e = entry_of(m, a);
    if (e)
        e->trust = a->trust;
}

/* ---- its name ---- */

static int name_canonical(const struct model *m, const struct action *a, char *text, size_t size)
{
    struct bytes name = bytes_of(a->text, a->text ? strlen(a->text) : 0);
    return entry_canonical(a, value_text(m, name), text, size);
}

static void name_sentence(const struct model *m, const struct action *a, FILE *to)
{
    char shown[SHOWN_NAME];
    fprintf(to, "entry %d gets the name \"%s\"", a->entry,
            shown_name(m, a->text ? a->text : "", shown));
}

static void name_members(const struct model *m, const struct action *a, struct json *json)
{
    char shown[SHOWN_NAME];
    json_put_text(json, "name", shown_name(m, a->text, shown));
}

static unsigned name_cells(const struct model *m, const struct action *a, struct action_cell *cell)
{
    return one_cell(cell, (struct action_cell){
                              .column = list_of(m, a)->name, .kind = CELL_TEXT, .text = a->text});
}

/* ---- when it was imported ---- */

static int imported_canonical(const struct model *m, const struct action *a, char *text,
                              size_t size)
{
    uint64_t bits;
    (void)m;
    memcpy(&bits, &a->days, sizeof bits);
    return snprintf(text, size, "%d.%u %016" PRIx64, a->entry, a->twin, bits);
}

static void imported_sentence(const struct model *m, const struct action *a, FILE *to)
{
    (void)m;
    fprintf(to, "entry %d gets the earliest import time", a->entry);
}

static void imported_members(const struct model *m, const struct action *a, struct json *json)
{
    (void)m;
    char date[DATE_ROOM];
    json_put_text(json, "imported_on", value_date(a->days, date));
}

static unsigned imported_cells(const struct model *m, const struct action *a,
                               struct action_cell *cell)
{
    return one_cell(cell, (struct action_cell){.column = list_of(m, a)->imported,
                                               .kind = CELL_DATE,
                                               .date = a->days});
}

/* ---- its thumbprint ---- */

static void thumbprint_sentence(const struct model *m, const struct action *a, FILE *to)
{
    (void)m;
    fprintf(to, "entry %d gets the thumbprint %s", a->entry, hash_words(a->value));
}

static unsigned thumbprint_cells(const struct model *m, const struct action *a,
                                 struct action_cell *cell)
{
    const struct profile_list *list = list_of(m, a);
    return one_cell(cell, (struct action_cell){.column = list->thumbprint,
                                               .kind = list->thumbprint_hex ? CELL_HEX : CELL_BYTES,
                                               .bytes = a->value});
}

static void thumbprint_foresee(struct model *m, const struct action *a)
{
    struct model_entry *e = entry_of(m, a);
    if (e)
        e->thumbprint = a->value;
}

/* ---- its properties ---- */

static void properties_sentence(const struct model *m, const struct action *a, FILE *to)
{
    (void)m;
    fprintf(to, "entry %d keeps %zu bytes of properties", a->entry, a->value.size);
}

static void properties_members(const struct model *m, const struct action *a, struct json *json)
{
    (void)m;
    json_put_integer(json, "bytes", (int64_t)a->value.size);
}

/* ---- a new entry ---- */

static int add_canonical(const struct model *m, const struct action *a, char *text, size_t size)
{
    char part[24] = "";
    if (model_parts(m) > 1)
        snprintf(part, sizeof part, " part %u", a->part + 1);
    return snprintf(text, size, "%d %s %s %s%s", a->entry, certificate_text(m, a),
                    model_role_name(a->role), model_trust_name(a->trust), part);
}

static void add_sentence(const struct model *m, const struct action *a, FILE *to)
{
    fprintf(to, "add entry %d, %s", a->entry, model_role_name(a->role));
    if (model_parts(m) > 1)
        fprintf(to, ", to part %u of the list, in table %s", a->part + 1,
                model_part_table(m, a->part));
}

/* When it was imported is not known, and stays null. */
static unsigned add_cells(const struct model *m, const struct action *a, struct action_cell *cell)
{
    const struct profile_list *list = list_of(m, a);
    const struct model_certificate *cert = &m->certificate[a->certificate];
    cell[0] = (struct action_cell){.column = list->key, .kind = CELL_INTEGER, .integer = a->entry};
    cell[1] =
        (struct action_cell){.column = list->certificate, .kind = CELL_BYTES, .bytes = cert->der};
    cell[2] = (struct action_cell){.column = list->thumbprint,
                                   .optional = true,
                                   .kind = list->thumbprint_hex ? CELL_HEX : CELL_BYTES,
                                   .bytes = bytes_of(cert->sha1, sizeof cert->sha1)};
    role_cells(m, a, &cell[3]);
    trust_cells(m, a, &cell[4]);
    cell[3].optional = cell[4].optional = true;
    /* What tells the rows of its part from others. */
    if (list->rows.column == NULL)
        return 5;
    cell[5] = (struct action_cell){
        .column = list->rows.column, .kind = CELL_TEXT, .text = list->rows.value};
    const struct ese_column *column =
        ese_table_column(model_list_table(m, a->part), list->rows.column);
    if (column && column->type != ESE_COL_TEXT) {
        cell[5].kind = CELL_INTEGER;
        cell[5].integer = (int32_t)condition_number(&list->rows);
    }
    return 6;
}

/* In its place by key, where others are found by it. */
static void add_foresee(struct model *m, const struct action *a)
{
    unsigned at = m->entries;
    while (m->match == PROFILE_MATCHES_ROWS && at > 0 && m->entry[at - 1].key > a->entry) {
        m->entry[at] = m->entry[at - 1];
        at--;
    }
    m->entry[at] = (struct model_entry){.key = a->entry,
                                        .part = a->part,
                                        .certificate = a->certificate,
                                        .role = a->role,
                                        .trust = a->trust};
    m->entries++;
}

/* ---- references ---- */

static int all_canonical(const struct model *m, const struct action *a, char *text, size_t size)
{
    const struct profile_reference *r = reference_of(m, a);
    return snprintf(text, size, "%s.%s %d to %d count %" PRIu64, r->table, r->column, a->entry,
                    a->other, a->count);
}

static void all_sentence(const struct model *m, const struct action *a, FILE *to)
{
    const struct profile_reference *r = reference_of(m, a);
    fprintf(to, "move %" PRIu64 " %s of %s.%s from entry %d to entry %d", a->count,
            plural(a->count, "reference", "references"), r->table, r->column, a->entry, a->other);
}

static void all_members(const struct model *m, const struct action *a, struct json *json)
{
    const struct profile_reference *r = reference_of(m, a);
    json_put_text(json, "table", r->table);
    json_put_text(json, "column", r->column);
    json_put_integer(json, "from", a->entry);
    json_put_integer(json, "to", a->other);
    json_put_integer(json, "count", (int64_t)a->count);
}

static void all_foresee(struct model *m, const struct action *a)
{
    if (m->match == PROFILE_MATCHES_VALUE)
        return; /* positions: those that stay are numbered anew when the others are taken out */
    struct model_entry *from = model_entry(m, a->entry), *to = model_entry(m, a->other);
    if (from == NULL || to == NULL)
        return;
    to->references[a->reference] += a->count;
    to->reference_count += a->count;
    from->references[a->reference] -= a->count;
    from->reference_count -= a->count;
}

static int one_canonical(const struct model *m, const struct action *a, char *text, size_t size)
{
    const struct profile_reference *r = reference_of(m, a);
    return snprintf(text, size, "%s.%s row %d from %d to %d", r->table, r->column, a->row, a->entry,
                    a->other);
}

static void one_sentence(const struct model *m, const struct action *a, FILE *to)
{
    const struct profile_reference *r = reference_of(m, a);
    fprintf(to, "%s %d: move the dangling reference %s from entry %d to entry %d", r->table, a->row,
            r->column, a->entry, a->other);
}

static void one_members(const struct model *m, const struct action *a, struct json *json)
{
    all_members(m, a, json);
    json_put_integer(json, "row", a->row);
}

/* ---- settings ---- */

static int issuing_canonical(const struct model *m, const struct action *a, char *text, size_t size)
{
    const char *value = value_text(m, a->value);
    return profile_names_entry(m->issuing_names)
               ? snprintf(text, size, "%s entry %d", value, a->entry)
               : snprintf(text, size, "%s", value);
}

static void issuing_sentence(const struct model *m, const struct action *a, FILE *to)
{
    fprintf(to, "set %s to %s", profile_setting_label(m->profile, SETTING_ISSUING_CA),
            hash_words(a->value));
}

static void issuing_foresee(struct model *m, const struct action *a)
{
    memcpy(m->issuing_ca, a->value.at, HASH_SHA1_SIZE);
    m->has_issuing_ca = true;
    m->has_issuing_key = profile_names_entry(m->issuing_names);
    m->issuing_key = a->entry;
}

static int mode_canonical(const struct model *m, const struct action *a, char *text, size_t size)
{
    (void)m;
    return snprintf(text, size, "%s", model_mode_name(a->mode));
}

static void mode_sentence(const struct model *m, const struct action *a, FILE *to)
{
    fprintf(to, "set %s to %s", profile_setting_label(m->profile, SETTING_MODE),
            model_mode_name(a->mode));
}

static void mode_members(const struct model *m, const struct action *a, struct json *json)
{
    (void)m;
    json_put_text(json, "mode", model_mode_name(a->mode));
}

static void mode_foresee(struct model *m, const struct action *a)
{
    m->mode = a->mode;
}

/* ---- the table ---- */

static const struct record records[ACTION_KINDS] = {
    [ACTION_WRITE_HEADER] = {.name = "write-header",
                             .effect = EFFECT_HEADER,
                             .sentence = header_sentence},
    [ACTION_DROP_INDEX_ENTRY] = {.name = "drop-index-entry",
                                 .effect = EFFECT_INDEX,
                                 .canonical = index_canonical,
                                 .sentence = index_sentence,
                                 .members = index_members},
    [ACTION_DROP_ENTRY] = {.name = "drop-entry",
                           .effect = EFFECT_DROP,
                           .shows_certificate = true,
                           .canonical = drop_canonical,
                           .sentence = drop_sentence,
                           .members = drop_members},
    [ACTION_SET_ROLE] = {.name = "set-role",
                         .effect = EFFECT_CELLS,
                         .shows_certificate = true,
                         .canonical = role_canonical,
                         .sentence = role_sentence,
                         .members = role_members,
                         .cells = role_cells,
                         .foresee = role_foresee},
    [ACTION_SET_TRUST] = {.name = "set-trust",
                          .effect = EFFECT_CELLS,
                          .comes_first = true,
                          .canonical = trust_canonical,
                          .sentence = trust_sentence,
                          .members = trust_members,
                          .cells = trust_cells,
                          .foresee = trust_foresee},
    [ACTION_SET_NAME] = {.name = "set-name",
                         .effect = EFFECT_CELLS,
                         .canonical = name_canonical,
                         .sentence = name_sentence,
                         .members = name_members,
                         .cells = name_cells},
    [ACTION_SET_IMPORTED] = {.name = "set-imported",
                             .effect = EFFECT_CELLS,
                             .canonical = imported_canonical,
                             .sentence = imported_sentence,
                             .members = imported_members,
                             .cells = imported_cells},
    [ACTION_SET_THUMBPRINT] = {.name = "set-thumbprint",
                               .effect = EFFECT_CELLS,
                               .canonical = value_canonical,
                               .sentence = thumbprint_sentence,
                               .members = thumbprint_members,
                               .cells = thumbprint_cells,
                               .foresee = thumbprint_foresee},
    [ACTION_ADD_PROPERTIES] = {.name = "add-properties",
                               .effect = EFFECT_PROPERTIES,
                               .canonical = value_canonical,
                               .sentence = properties_sentence,
                               .members = properties_members},
    [ACTION_ADD_ENTRY] = {.name = "add-entry",
                          .effect = EFFECT_ADD,
                          .shows_certificate = true,
                          .canonical = add_canonical,
                          .sentence = add_sentence,
                          .members = role_members,
                          .cells = add_cells,
                          .foresee = add_foresee},
    [ACTION_MOVE_REFERENCES] = {.name = "move-references",
                                .effect = EFFECT_MOVE_ALL,
                                .canonical = all_canonical,
                                .sentence = all_sentence,
                                .members = all_members,
                                .foresee = all_foresee},
    [ACTION_MOVE_REFERENCE] = {.name = "move-reference",
                               .effect = EFFECT_MOVE_ONE,
                               .canonical = one_canonical,
                               .sentence = one_sentence,
                               .members = one_members},
    [ACTION_SET_ISSUING_CA] = {.name = "set-issuing-ca",
                               .effect = EFFECT_SETTING,
                               .canonical = issuing_canonical,
                               .sentence = issuing_sentence,
                               .members = thumbprint_members,
                               .setting = SETTING_ISSUING_CA,
                               .foresee = issuing_foresee},
    [ACTION_SET_MODE] = {.name = "set-mode",
                         .effect = EFFECT_SETTING,
                         .canonical = mode_canonical,
                         .sentence = mode_sentence,
                         .members = mode_members,
                         .setting = SETTING_MODE,
                         .foresee = mode_foresee},
};

const char *action_name(enum action_kind kind)
{
    return records[kind].name;
}

enum action_effect action_effect(enum action_kind kind)
{
    return records[kind].effect;
}

bool action_is_of_entry(enum action_kind kind)
{
    enum action_effect effect = records[kind].effect;
    return effect == EFFECT_DROP || effect == EFFECT_CELLS || effect == EFFECT_PROPERTIES;
}

bool action_changes_list(enum action_kind kind)
{
    enum action_effect effect = records[kind].effect;
    return effect == EFFECT_DROP || effect == EFFECT_PROPERTIES || effect == EFFECT_ADD;
}

bool action_shows_certificate(enum action_kind kind)
{
    return records[kind].shows_certificate;
}

bool action_comes_first(enum action_kind kind)
{
    return records[kind].comes_first;
}

int action_canonical(const struct model *m, const struct action *a, char *text, size_t size)
{
    const struct record *r = &records[a->kind];
    int name = snprintf(text, size, r->canonical ? "%s " : "%s", r->name);
    size_t at = (size_t)name < size ? (size_t)name : size;
    return r->canonical ? name + r->canonical(m, a, text + at, size - at) : name;
}

void action_sentence(const struct model *m, const struct action *a, FILE *to)
{
    const struct record *r = &records[a->kind];
    r->sentence(m, a, to);
    if (r->effect != EFFECT_DROP) /* whose sentence has two reasons */
        fprintf(to, ": %s", a->why);
}

void action_members(const struct model *m, const struct action *a, struct json *json)
{
    if (action_is_of_entry(a->kind) || records[a->kind].effect == EFFECT_ADD)
        json_put_integer(json, "entry", a->entry);
    if (records[a->kind].members)
        records[a->kind].members(m, a, json);
}

bool action_is_secret(const struct model *m, const struct action *a)
{
    char shown[SHOWN_NAME];
    return a->kind == ACTION_SET_NAME && shown_name(m, a->text, shown) != a->text;
}

unsigned action_cells(const struct model *m, const struct action *a,
                      struct action_cell cell[ACTION_CELLS_MOST])
{
    return records[a->kind].cells ? records[a->kind].cells(m, a, cell) : 0;
}

enum profile_setting_kind action_setting(enum action_kind kind)
{
    return records[kind].setting;
}

void action_foresee(struct model *m, const struct action *a)
{
    if (records[a->kind].foresee)
        records[a->kind].foresee(m, a);
}
