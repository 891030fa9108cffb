/*
 * Reading the model of a store: see model_read.h.
 *
 * The list is read first, for its keys; then settings and revocation lists; last the tables that
 * refer to the list, of whose rows only the reference is looked at, and counted.
 */
#include "migrate/judge/model_read.h"

#include "migrate/judge/groups.h"
#include "migrate/judge/names.h"
#include "migrate/judge/readers.h"
#include "migrate/judge/settings.h"
#include "migrate/judge/trials.h"

#include <stdlib.h>

/* When the issuing CA came into the list, V3 began; whoever has a V1 certificate from before has it
 * rightly. */
static bool model_find_switch(const struct model *m, int64_t *seconds)
{
    bool found = false;
    for (unsigned i = 0; m->mode == MODE_V3 && m->has_issuing_ca && i < m->entries; i++) {
        const struct model_entry *e = &m->entry[i];
        if (!e->has_imported ||
            memcmp(model_certificate_of(m, e)->sha1, m->issuing_ca, HASH_SHA1_SIZE) != 0 ||
            !(e->imported > 0 && e->imported < 2958466))
            continue;
        int64_t when = (int64_t)((e->imported - 25569) * 86400); /* 25569: 1970-01-01 */
        *seconds = !found || when > *seconds ? when : *seconds;
        found = true;
    }
    return found;
}

/* The store's own last time, so that two runs give one answer: when it was last consistent, else
 * last detached, attached, created. */
static void set_now(struct model *m, const int64_t *at)
{
    const struct ese_header *h = &m->store->db->headers.header;
    const struct ese_time times[] = {h->consistent, h->detached, h->attached, h->signature.created};
    m->now_known = m->now_utc = at != NULL;
    if (at)
        m->now = *at;
    for (size_t i = 0; i < sizeof times / sizeof times[0] && !m->now_known; i++)
        if ((m->now_known = ese_time_seconds(times[i], &m->now)))
            m->now_utc = times[i].utc;
}

static bool find_duplicates(struct model *m, struct fault *f)
{
    static const enum grouping by[] = {GROUP_SAME_CONTENT, GROUP_IDENTITY};
    m->duplicate = calloc((size_t)m->entries + 1, sizeof *m->duplicate);
    for (size_t i = 0; m->duplicate && i < sizeof by / sizeof by[0]; i++) {
        struct groups groups;
        struct group group;
        if (!groups_open(&groups, m, by[i]))
            return model_no_memory(f);
        while (groups_next(&groups, &group))
            for (unsigned k = 0; k < group.entries; k++)
                m->duplicate[group.entry[k]] = true;
        groups_close(&groups);
    }
    return m->duplicate || model_no_memory(f);
}

/* An empty model. */
static bool begin(struct model *m, struct store *store, const struct profile *profile,
                  enum profile_match match, struct fault *f)
{
    *m = (struct model){.store = store, .profile = profile, .match = match};
    m->memory = calloc(1, sizeof *m->memory);
    if (m->memory == NULL)
        return model_no_memory(f);
    if (hash_open(&m->hash, f))
        return true;
    free(m->memory);
    m->memory = NULL;
    return false;
}

bool model_read_file(struct model *m, struct bytes file, struct problems *problems, struct fault *f)
{
    static const struct profile one_value = {.values = 1}; /* in whatever form it has */
    if (!begin(m, NULL, &one_value, PROFILE_MATCHES_VALUE, f))
        return false;
    bool ok = list_file_read(m, file, problems, f) && names_index(m, f);
    m->listed = m->certificates;
    if (!ok)
        model_close(m);
    return ok;
}

/* All but the rows of users, and of what refers to the list. */
static bool read_list(struct model *m, struct store *store, const struct profile *profile,
                      enum profile_match match, const int64_t *at, struct problems *problems,
                      struct fault *f)
{
    if (!begin(m, store, profile, match, f))
        return false;
    set_now(m, at);
    bool ok = settings_read(m, problems, f) && list_values_read(m, problems, f);
    if (ok && match == PROFILE_MATCHES_ROWS)
        ok = list_rows_read(m, problems, f);
    ok = ok && names_index(m, f) && settings_find_issuing(m, problems, f) && find_duplicates(m, f);
    m->switch_known = ok && model_find_switch(m, &m->switched);
    m->listed = m->certificates;
    ok = ok && reference_counts_open(m, f);
    if (!ok)
        model_close(m);
    return ok;
}

bool model_read(struct model *m, struct store *store, const struct profile *profile,
                enum profile_match match, const int64_t *at, struct problems *problems,
                struct fault *f)
{
    if (!read_list(m, store, profile, match, at, problems, f))
        return false;
    bool ok = users_read(m, problems, f);
    for (unsigned i = 0; ok && i < profile->references; i++)
        ok = reference_rows_read(m, i, problems, f);
    if (ok)
        reference_counts_take_over(m);
    else
        model_close(m);
    return ok;
}

/* ---- by rows that somebody else goes over ---- */

struct model_feed {
    struct model *m;
    bool users_come; /* with the rows; else they were read before */
    bool incomplete; /* something could not be read, or not in the order it should be */
    /* The table in hand. */
    const struct ese_table *table;
    const struct ese_column *user_name, *user_key; /* NULL: it is not that of the users */
    unsigned references, reference[PROFILE_REFERENCES_MOST];
    struct reference_columns c[PROFILE_REFERENCES_MOST];
    struct rows rows;
};

/* Users must be known before the certificates that name them: does their table come first? */
static bool users_come_first(const struct model *m)
{
    const struct ese_catalog *catalog = m->store->db->catalog;
    const struct ese_table *users = model_table_named(m, m->profile->users_table);
    const struct ese_table *certificates = model_table_named(m, m->profile->certificates_table);
    for (unsigned i = 0; users != certificates && i < ese_catalog_tables(catalog); i++)
        if (ese_catalog_table(catalog, i) == users || ese_catalog_table(catalog, i) == certificates)
            return ese_catalog_table(catalog, i) == users;
    return false;
}

struct model_feed *model_open(struct model *m, struct store *store, const struct profile *profile,
                              enum profile_match match, const int64_t *at,
                              struct problems *problems, struct fault *f)
{
    struct model_feed *feed = calloc(1, sizeof *feed);
    if (feed == NULL) {
        model_no_memory(f);
        return NULL;
    }
    bool ok = read_list(m, store, profile, match, at, problems, f);
    feed->m = m;
    feed->users_come = ok && users_come_first(m);
    ok = ok && (feed->users_come || users_read(m, problems, f));
    for (unsigned i = 0; ok && i < profile->references; i++)
        if (profile->reference[i].crl) /* not many; so they are in order */
            ok = reference_rows_read(m, i, problems, f);
    if (ok)
        return feed;
    model_close(m);
    free(feed);
    return NULL;
}

bool model_feed_begin(struct model_feed *feed, const struct ese_table *table)
{
    struct model *m = feed->m;
    feed->table = table;
    feed->references = 0;
    if (!feed->users_come || users_table(m, &feed->user_name, &feed->user_key) != table)
        feed->user_name = NULL;
    for (unsigned i = 0; i < m->profile->references; i++)
        if (!m->profile->reference[i].crl &&
            reference_rows_table(m, i, &feed->c[feed->references]) == table)
            feed->reference[feed->references++] = i;
    if (feed->user_name == NULL && feed->references == 0)
        return false;
    rows_open(&feed->rows, m->store, table);
    return true;
}

bool model_feed_row(struct model_feed *feed, const struct ese_record *record, struct fault *f)
{
    bool ok = true;
    feed->rows.record = *record;
    if (feed->user_name)
        ok = users_read_row(feed->m, &feed->rows, feed->user_name, feed->user_key, f);
    for (unsigned i = 0; ok && i < feed->references; i++)
        ok = reference_rows_take(feed->m, feed->reference[i], &feed->rows, &feed->c[i], f);
    return ok;
}

bool model_feed_end(struct model_feed *feed, struct fault *f)
{
    struct fault why;
    fault_clear(&why);
    bool whole = rows_end(&feed->rows, &why);
    if (feed->user_name)
        users_have(feed->m);
    feed->incomplete = feed->incomplete || !whole;
    return whole || why.code != FAULT_NO_MEMORY || model_no_memory(f);
}

bool model_feed_close(struct model_feed *feed)
{
    struct model *m = feed->m;
    reference_counts_take_over(m);
    /* What dangles is kept in the order of the references, and up to a bound. */
    bool whole = !feed->incomplete && (m->dangling_count == 0 || m->profile->references == 1);
    free(feed);
    return whole;
}

void model_close(struct model *m)
{
    if (m->memory == NULL)
        return;
    for (unsigned i = 0; i < PROFILE_LISTS_MOST; i++)
        pieces_free(&m->value[i].pieces);
    for (unsigned i = 0; i < PROFILE_REFERENCES_MOST; i++)
        trials_close(m->trials[i]);
    arena_free(&m->memory->arena);
    buffer_free(&m->memory->value);
    buffer_free(&m->memory->more);
    buffer_free(&m->memory->text);
    pool_free(&m->memory->pool);
    names_close(m);
    free(m->memory->by_hash);
    free(m->memory->user);
    free(m->memory->counts.of);
    free(m->memory);
    free(m->duplicate);
    free(m->certificate);
    free(m->entry);
    free(m->crl);
    free(m->dangling);
    hash_close(&m->hash);
    m->memory = NULL;
}
