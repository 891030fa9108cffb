/*
 * Discovery: the order of its steps, and choosing the list: see discover.h.
 *
 *     sample      every binary column of every user table: what does it hold?
 *     choose      the one column, or the one value, that holds the certificates of issuers
 *     list        its keys, and the columns beside the certificate
 *     settings    the table with a mode, or with the SHA-1 of a listed certificate
 *     references  the integer columns that refer to the list
 *     the rest    users, their certificates, revocation lists, opaque columns
 */
#include "migrate/discover/discover.h"

#include "formats/memory.h"
#include "migrate/discover/parts.h"
#include "migrate/profile/roles.h"
#include "migrate/console/words.h"
#include "migrate/profile/read.h"

#include <stdlib.h>

enum {
    ROWS_LEAST = 100 * 1000,
    BYTES_LEAST = 64 * 1024 * 1024,
};

/* ---- choosing the list ---- */

#define WHY(c, ...) ((void)snprintf((c)->why, sizeof(c)->why, __VA_ARGS__))

static bool looks_like_list(const struct discover_column *c)
{
    return c->kind == DISCOVER_LIST || c->kind == DISCOVER_LIST_VALUE;
}

static const char *are(uint64_t number, const char *one, const char *many)
{
    return number == 1 ? one : many;
}

/* Of a list in a value: see describe(). */
static void describe_value(struct discover_column *c)
{
    c->usable = c->select != NULL || c->only_row || c->join != NULL;
    if (c->join) {
        WHY(c, "its rows, joined in the order of a number, are a list (%s) of %s",
            certlist_kind_name(c->list_kind),
            counted(c->list_certificates, "certificate", "certificates"));
        return;
    }
    WHY(c, "%s %s is a list (%s) of %s%s", c->form.values ? "all that stands in" : "one of",
        c->form.values ? counted(c->values, "row", "rows")
                       : counted(c->values, "value sampled", "values sampled"),
        c->form.values ? "several values" : certlist_kind_name(c->list_kind),
        counted(c->list_certificates, "certificate", "certificates"),
        c->select && discover_is_text(c->select) ? ""
        : c->only_row                            ? "; the table has no other row"
        : c->select                              ? "; its row is told by its key"
                    : "; but nothing in its row tells the row from others");
}

/* What was found in a column, in words; and whether a profile can name it as the list. */
static void describe(struct discover_column *c)
{
    switch (c->kind) {
    case DISCOVER_LIST:
        c->usable = discover_can_have_key(c->table);
        WHY(c, "%u of %s sampled %s%s, %u of them of issuers%s", c->certificates + c->wrapped,
            counted(c->values, "value", "values"),
            are(c->certificates + c->wrapped, "is a certificate", "are certificates"),
            c->wrapped ? " with something around them" : "", c->issuers,
            c->usable ? "" : "; but the table has no column that could be the key");
        break;
    case DISCOVER_LIST_VALUE:
        describe_value(c);
        break;
    case DISCOVER_LISTS:
        WHY(c, "%s a list of certificates each; the list is one value",
            counted(c->lists, "row sampled holds", "rows sampled hold"));
        break;
    case DISCOVER_CERTIFICATES:
        WHY(c, "%u of %s sampled %s, but only %u of them of issuers", c->certificates,
            counted(c->values, "value", "values"),
            are(c->certificates, "is a certificate", "are certificates"), c->issuers);
        break;
    case DISCOVER_CRLS:
        WHY(c, "%u of %s sampled %s", c->crls, counted(c->values, "value", "values"),
            are(c->crls, "is a revocation list", "are revocation lists"));
        break;
    case DISCOVER_DECOY:
        WHY(c,
            "of %u values sampled %u start like certificates but cannot be read, %u are PEM, %u "
            "are certificates, %u with something around them",
            c->values, c->broken, c->pem, c->certificates + c->wrapped, c->wrapped);
        break;
    case DISCOVER_OPAQUE:
        WHY(c, "%s neither text nor anything of certificates",
            counted(c->values, "value sampled is", "values sampled are"));
        break;
    case DISCOVER_OTHER:
        break;
    }
}

/* A column of certificates as the next part of the list. */
static void add_part(struct discover_run *run, struct discover_column *c)
{
    static const char *const in_words[PACKS] = {
        "", " and unpacked with zlib", " and taken out of PKCS#7",
        " and taken out of a serialized store", " and taken out of PEM"};
    struct profile *p = &run->d->profile;
    struct profile_list *list = &p->list[p->lists++];
    c->chosen = true;
    run->list = run->parts == 0 ? c : run->list;
    run->part[run->parts++] = (struct discover_part){.column = c};
    discover_set(run, &list->table, c->table->name);
    discover_set(run, &list->certificate, c->column->name);
    list->wrapping = c->wrapping;
    if (!wrapping_is_none(&c->wrapping))
        discover_note(run, "[list] skip, pack", false, false,
                      "behind %d bytes%s, all %u values sampled are certificates to their end",
                      c->wrapping.skip, in_words[c->wrapping.pack], c->wrapped);
}

static void set_value(struct discover_run *run, struct discover_column *c)
{
    struct profile *p = &run->d->profile;
    c->chosen = true;
    run->list = c;
    if (discover_numbered(run, c))
        return;
    p->values = 1;
    discover_set(run, &p->value[0].table, c->table->name);
    discover_set(run, &p->value[0].column, c->column->name);
    if (c->join)
        discover_set(run, &p->value[0].join, c->join->name);
    discover_set_form(run, c, &p->value[0]);
    p->value[0].wrapping = c->around;
    bool packed = c->around.pack == PACK_ZLIB;
    if (c->around.skip > 0)
        discover_note(
            run, "[list-value] skip, pack", true, false,
            "behind %d bytes, of which nothing is known,%s the value is a list to its end",
            c->around.skip, packed ? " and unpacked with zlib" : "");
    else if (packed)
        discover_note(run, "[list-value] pack", false, false,
                      "unpacked with zlib, the value is a list to its end");
    if (c->select && (discover_is_text(c->select) || !c->only_row)) {
        discover_set(run, &p->value[0].select, c->select->name);
        discover_set(run, &p->value[0].equals, c->select_text);
    }
}

static void set_result(struct discovery *d, enum discover_result result, const char *why)
{
    d->result = result;
    snprintf(d->why, sizeof d->why, "%s", why);
}

/* What was chosen is no list after all. */
static void take_back(struct discover_run *run)
{
    profile_close(&run->d->profile);
    discover_set(run, &run->d->profile.name, "discovered");
    for (unsigned i = 0; i < run->d->columns; i++)
        run->d->column[i].chosen = false;
    run->list = NULL;
    run->list_key = NULL;
    run->parts = 0;
}

static bool is_asked_for(const struct discover_run *run, const struct discover_column *c)
{
    const struct discover_hints *h = &run->hints;
    return (h->list_table == NULL || ese_table_is(c->table, h->list_table)) &&
           !discover_is_said(h->not_list, h->not_lists, c->table, c->column);
}

/* Columns that could each be the list; those that no profile can name are counted alone. */
struct choice {
    struct discover_column *column[PROFILE_LISTS_MOST];
    unsigned columns, more, unusable;
    bool in_rows; /* all of them */
};

/* Rows of lists with one certificate each: what an export of a list looks like, too. */
static bool is_in_lists(const struct discover_column *c)
{
    return c->kind == DISCOVER_LIST && c->wrapping.pack != PACK_NONE &&
           c->wrapping.pack != PACK_ZLIB;
}

/* Is there a list that is more likely than one in such rows? */
static bool has_plain_list(const struct discover_run *run)
{
    for (unsigned i = 0; i < run->d->columns; i++)
        if (looks_like_list(&run->d->column[i]) && !is_in_lists(&run->d->column[i]) &&
            is_asked_for(run, &run->d->column[i]))
            return true;
    return false;
}

static void find_choice(struct discover_run *run, struct choice *choice)
{
    bool plain = has_plain_list(run);
    *choice = (struct choice){.in_rows = true};
    for (unsigned i = 0; i < run->d->columns; i++) {
        struct discover_column *c = &run->d->column[i];
        describe(c);
        if (!looks_like_list(c) || !is_asked_for(run, c) || (plain && is_in_lists(c)))
            continue;
        choice->unusable += !c->usable;
        choice->in_rows = choice->in_rows && c->kind == DISCOVER_LIST;
        if (c->usable && choice->columns < PROFILE_LISTS_MOST)
            choice->column[choice->columns++] = c;
        else
            choice->more += c->usable;
    }
}

static void refuse_parts(struct discover_run *run)
{
    struct discovery *d = run->d;
    take_back(run);
    d->notes = 0;
    d->result = DISCOVER_TWO_LISTS;
    size_t used = (size_t)snprintf(d->why, sizeof d->why,
                                   "several places look like the certificate list; none was "
                                   "chosen; say which are none:");
    for (unsigned i = 0; i < d->columns; i++) {
        const struct discover_column *c = &d->column[i];
        if (!looks_like_list(c) || !is_asked_for(run, c))
            continue;
        const char *table = discover_name(c->table->name), *column = discover_name(c->column->name);
        int size = snprintf(NULL, 0, " --not-a-list %s.%s", table, column);
        if (used + (size_t)size >= sizeof d->why)
            return;
        used += (size_t)snprintf(d->why + used, sizeof d->why - used, " --not-a-list %s.%s", table,
                                 column);
    }
}

/* Several tables: they are the list together when references lead to entries of each. */
static void choose_parts(struct discover_run *run, const struct choice *choice)
{
    for (unsigned i = 0; choice->in_rows && choice->more == 0 && i < choice->columns; i++)
        add_part(run, choice->column[i]);
    if (run->parts == 0 || !discover_key(run))
        refuse_parts(run);
}

/* No column is the list; but it may be rows of a table that holds other certificates, too, or
 * values of one name but for a number. */
static bool choose_rows(struct discover_run *run)
{
    struct condition rows = {.column = NULL};
    struct discover_column *c = discover_rows(run, &rows);
    if (c == NULL || !is_asked_for(run, c)) {
        condition_free(&rows);
        return false;
    }
    run->needs_proof = true;
    add_part(run, c);
    run->d->profile.list[0].rows = rows;
    if (discover_key(run))
        return true;
    take_back(run);
    run->needs_proof = false;
    return false;
}

static bool choose_values(struct discover_run *run)
{
    struct discover_column *found = NULL;
    for (unsigned i = 0; i < run->d->columns; i++)
        if (run->d->column[i].kind == DISCOVER_LISTS && is_asked_for(run, &run->d->column[i])) {
            if (found)
                return false;
            found = &run->d->column[i];
        }
    if (found == NULL || !discover_numbered(run, found))
        return false;
    found->chosen = true;
    found->kind = DISCOVER_LIST_VALUE;
    run->list = found;
    return true;
}

static void choose(struct discover_run *run)
{
    struct choice choice;
    find_choice(run, &choice);
    if (choice.columns == 1 && choice.in_rows) {
        add_part(run, choice.column[0]);
        if (!discover_key(run)) {
            take_back(run);
            set_result(run->d, DISCOVER_NOTHING,
                       "what looks like a certificate list has no key that a profile can name");
        }
    } else if (choice.columns == 1) {
        set_value(run, choice.column[0]);
    } else if (choice.columns > 1) {
        choose_parts(run, &choice);
    } else if (choice.unusable > 0 || !(choose_rows(run) || choose_values(run))) {
        set_result(run->d, DISCOVER_NOTHING,
                   choice.unusable ? "what looks like a certificate list cannot be named by a "
                                     "profile"
                   : run->may_be_values
                       ? "rows hold a list of certificates each, and whether these are parts of "
                         "one list cannot be told; if they are, a profile says it"
                       : "no place looks like a certificate list");
    }
}

/* ---- the rest of the draft ---- */

static void take_users(struct discover_run *run)
{
    struct profile *p = &run->d->profile;
    if (run->users_seen == 1 && !discover_is_list_table(run, run->users)) {
        discover_set(run, &p->users_table, run->users->name);
        discover_set(run, &p->users_key, discover_table_key(run->users)->name);
        discover_set(run, &p->users_name, run->users_name->name);
        discover_note(run, "[users]", true, false,
                      "table %s is the only one with a column of distinguished names, %s",
                      discover_name(run->users->name), discover_name(run->users_name->name));
    } else {
        discover_note(run, "[users]", false, true, "%s",
                      run->users_seen ? "several tables hold distinguished names"
                                      : "no table holds distinguished names");
    }
}

/* The column that is the certificate's version in every row; NULL: none, or several. */
static const struct ese_column *find_version(const struct discovery *d,
                                             const struct ese_table *table)
{
    const struct ese_column *found = NULL;
    for (unsigned i = 0; i < d->references; i++) {
        const struct discover_reference *r = &d->reference[i];
        if (r->table != table || r->verdict >= DISCOVER_GUESSED || !r->contained ||
            r->compared == 0 || r->version_equal != r->compared)
            continue;
        if (found)
            return NULL;
        found = r->column;
    }
    return found;
}

static void take_certificates(struct discover_run *run)
{
    struct profile *p = &run->d->profile;
    const struct discover_reference *found = NULL;
    unsigned seen = 0;
    for (unsigned i = 0; i < run->d->references; i++) {
        const struct discover_reference *r = &run->d->reference[i];
        if (r->verdict < DISCOVER_GUESSED || r->proof == NULL || r->proof->kind == DISCOVER_CRLS ||
            r->key == NULL || (found && found->table == r->table))
            continue;
        found = r;
        seen++;
    }
    if (seen != 1) {
        discover_note(run, "[user-certificates]", false, true, "%s",
                      seen ? "several tables of certificates refer to the list"
                           : "no table of certificates refers to the list");
        return;
    }
    const struct ese_column *version = find_version(run->d, found->table);
    discover_set(run, &p->certificates_table, found->table->name);
    discover_set(run, &p->certificates_key, found->key->name);
    discover_set(run, &p->certificates_certificate, found->proof->column->name);
    if (version)
        discover_set(run, &p->certificates_version, version->name);
    discover_note(run, "[user-certificates]", false, false,
                  "table %s, whose certificates refer to the list%s",
                  discover_name(found->table->name),
                  version ? "; its version column equals the versions of the certificates" : "");
}

static void take_crls(struct discover_run *run)
{
    const struct discover_column *found = NULL;
    unsigned seen = 0;
    for (unsigned i = 0; i < run->d->columns; i++)
        if (run->d->column[i].kind == DISCOVER_CRLS) {
            found = &run->d->column[i];
            seen++;
        }
    if (seen == 1) {
        discover_set(run, &run->d->profile.crl_table, found->table->name);
        discover_set(run, &run->d->profile.crl_column, found->column->name);
    }
    discover_note(run, "[revocation-lists]", false, seen != 1, "%s",
                  seen == 1 ? found->why
                  : seen    ? "several columns hold revocation lists"
                            : "no column holds revocation lists that can be read");
}

/* Keys and secrets are opaque; so what is opaque is treated as a secret. */
static void take_secrets(struct discover_run *run)
{
    struct profile *p = &run->d->profile;
    for (unsigned i = 0; i < run->d->columns; i++) {
        const struct discover_column *c = &run->d->column[i];
        if (c->kind != DISCOVER_OPAQUE || c->column->type != ESE_COL_LONG_BINARY)
            continue;
        if (p->secrets == PROFILE_SECRETS_MOST) {
            discover_note(run, "[secret]", false, true,
                          "more than %d columns are opaque; the rest would be shown",
                          PROFILE_SECRETS_MOST);
            run->undecided = true;
            return;
        }
        discover_set(run, &p->secret[p->secrets].table, c->table->name);
        discover_set(run, &p->secret[p->secrets].column, c->column->name);
        p->secrets++;
    }
    if (p->secrets)
        discover_note(run, "[secret]", true, false,
                      "opaque columns are never shown; take out the ones that hold nothing secret");
}

static void conclude(struct discover_run *run)
{
    struct discovery *d = run->d;
    d->doubt_beside = d->limited || run->undecided;
    if (d->limited)
        set_result(d, DISCOVER_DOUBT,
                   "the search was ended by its bounds: references may be missing");
    else if (run->undecided || run->undecided_reference)
        set_result(d, DISCOVER_DOUBT,
                   "a list was found, but what is undecided below has to be looked at");
    else if (run->list && d->profile.lists > 0 && !roles_are_told(&d->profile.list[0]))
        set_result(d, DISCOVER_COMPLETE,
                   "a list was found, and nothing is undecided; which entry is own, issuing or "
                   "imported was not found out, and is left out");
    else
        set_result(d, DISCOVER_COMPLETE, "a list was found, and nothing is undecided");
}

static void run_all(struct discover_run *run)
{
    discover_set(run, &run->d->profile.name, "discovered");
    discover_sample(run);
    discover_pieces(run);
    choose(run);
    if (run->list == NULL || run->no_memory)
        return;
    static void (*const step[])(struct discover_run *) = {
        discover_list, discover_lacking,  discover_settings, discover_roles, discover_references,
        take_users,    take_certificates, take_crls,         take_secrets,   conclude};
    /* A draft that lacks what there was no memory for is none to go on with. */
    for (size_t i = 0; i < sizeof step / sizeof step[0] && !run->no_memory; i++) {
        step[i](run);
        if (step[i] == discover_roles && run->needs_roles &&
            (!run->has_roles || discover_has_copies(run))) {
            refuse_parts(run);
            return;
        }
    }
}

static void start(struct discover_run *run)
{
    uint64_t size = ese_file_size(run->store->db->file);
    /* A row takes 8 bytes at least; none is read more than four times. */
    run->rows_left = size / 2 + ROWS_LEAST;
    run->bytes_left = 4 * size + BYTES_LEAST;
}

bool discover(struct store *store, const struct discover_hints *hints, struct discovery *d,
              struct fault *f)
{
    struct discover_run run = {.store = store, .d = d};
    if (hints)
        run.hints = *hints;
    *d = (struct discovery){.result = DISCOVER_NOTHING};
    if (!hash_open(&run.hash, f))
        return false;
    start(&run);
    run_all(&run);
    hash_close(&run.hash);
    buffer_free(&run.value);
    buffer_free(&run.unwrapped);
    free(run.lv);
    free(run.fact);
    free(run.entry);
    free(run.by_sha1);
    if (!run.no_memory && !memory_ran_short())
        return true;
    discover_close(d);
    return fault_set(f, FAULT_NO_MEMORY, "out of memory while the store was searched");
}

void discover_close(struct discovery *d)
{
    profile_close(&d->profile);
    free(d->column);
    free(d->reference);
    free(d->note);
    *d = (struct discovery){.result = DISCOVER_NOTHING};
}
