/* Proving references: see references.h. */
#include "migrate/judge/references.h"

#include "migrate/judge/evidence.h"
#include "migrate/judge/trials.h"
#include "migrate/store/rows.h"

#include <inttypes.h>

enum {
    TOLD_MOST = 1000,
    REFUTED_FEW = 3,     /* of the rows that are tried so many may be wrong, */
    REFUTED_PERCENT = 2, /* and so many of a hundred */
};

struct verifier {
    const struct model *model;
    struct prover *prover;
    struct problems *problems;
    struct buffer room;
    uint64_t refuted, unprovable;
    int32_t first_unprovable;
};

/* Reads what the row holds; false when that is neither certificate nor revocation list. */
static bool read_signed(struct bytes der, bool crl, struct x509_signed *envelope)
{
    struct x509_certificate cert;
    struct x509_crl list;
    if (crl ? !x509_crl_read(der, &list, NULL) : !x509_certificate_read(der, &cert, NULL))
        return false;
    *envelope = crl ? list.envelope : cert.envelope;
    return true;
}

/* The entry that a row names; NULL: none, or what is dangling. */
static const struct model_entry *named_by(const struct verifier *v, unsigned which,
                                          struct rows *rows)
{
    const struct profile_reference *r = &v->model->profile->reference[which];
    bool null;
    int32_t names =
        model_reference_key(v->model, which, rows, ese_table_column(rows->table, r->column), &null);
    return null ? NULL : model_entry(v->model, names);
}

/* Did the entry's key sign what the row holds?  False: there is nothing to ask about. */
static bool ask(struct verifier *v, unsigned which, struct rows *rows,
                const struct model_entry *entry, enum proof_answer *answer)
{
    const struct profile_reference *r = &v->model->profile->reference[which];
    struct x509_signed envelope;
    struct bytes der;
    bool null;
    *answer = PROOF_UNPROVABLE;
    if (!rows_bytes(rows, ese_table_column(rows->table, r->proves), &v->room, &der, &null, NULL) ||
        null)
        return false;
    if (model_certificate_of(v->model, entry)->parsed && read_signed(der, r->crl, &envelope))
        *answer = prover_check_once(v->prover, entry->certificate, &envelope).answer;
    return true;
}

static void verify_row(struct verifier *v, unsigned which, struct rows *rows)
{
    const struct profile_reference *r = &v->model->profile->reference[which];
    bool null;
    int32_t row = rows_integer(rows, ese_table_column(rows->table, r->key), &null);
    const struct model_entry *entry = named_by(v, which, rows);
    enum proof_answer answer;
    if (entry == NULL || !ask(v, which, rows, entry, &answer))
        return; /* null, or dangling: said already */
    if (answer == PROOF_UNPROVABLE && v->unprovable++ == 0)
        v->first_unprovable = row;
    if (answer == PROOF_REFUTED && v->refuted++ < TOLD_MOST)
        problem_find(v->problems, PROBLEM_REFERENCE_REFUTED,
                     FACTS(fact_number(FACT_ENTRY, entry->key), fact_text(FACT_TABLE, r->table),
                           fact_number(FACT_ROW, row), fact_text(FACT_COLUMN, r->column)));
}

/* What is to be proved of the which-th reference: its table; NULL: nothing. */
static const struct ese_table *table_of(const struct model *m, unsigned which)
{
    const struct profile_reference *r = &m->profile->reference[which];
    const struct ese_table *table = ese_catalog_find(m->store->db->catalog, r->table);
    return table && r->proves && ese_table_column(table, r->proves) &&
                   ese_table_column(table, r->column)
               ? table
               : NULL;
}

bool references_verify(const struct model *m, struct prover *prover, struct problems *problems,
                       struct fault *f)
{
    struct verifier v = {.model = m, .prover = prover, .problems = problems};
    struct rows rows;
    bool ok = true;
    for (unsigned i = 0; ok && i < m->profile->references; i++) {
        const struct ese_table *table = table_of(m, i);
        if (table == NULL)
            continue;
        rows_open(&rows, m->store, table);
        while (rows_next(&rows))
            verify_row(&v, i, &rows);
        ok = rows_end(&rows, f);
    }
    struct problem *p = NULL;
    if (v.unprovable > 0)
        p = problem_find(problems, PROBLEM_UNPROVABLE,
                         FACTS(fact_number(FACT_COUNT, (int64_t)v.unprovable),
                               fact_number(FACT_ROW, v.first_unprovable)));
    if (p)
        p->count = v.unprovable;
    buffer_free(&v.room);
    if (ok && (problems->no_memory || prover_failed(prover)))
        ok = fault_set(f, FAULT_NO_MEMORY, "out of memory while proving references");
    return ok;
}

/* ---- does the profile fit? ---- */

/* How many rows were tried for one reason. */
struct outcome {
    uint64_t tried, refuted;
};

static bool is_misfit(const struct outcome *o)
{
    return o->refuted > REFUTED_FEW && o->refuted * 100 > o->tried * REFUTED_PERCENT;
}

static void tell_misfit(struct verifier *v, unsigned which, const struct outcome *o)
{
    const struct profile_reference *r = &v->model->profile->reference[which];
    problem_add(v->problems, PROBLEM_MISFIT, NO_ENTRY, NO_ENTRY,
                "table %s, column %s: of %" PRIu64 " rows that were tried, in %" PRIu64
                " the key of the entry did not sign what is in %s: it is no reference to the "
                "list, or to another part of it",
                r->table, r->column, o->tried, o->refuted, r->proves);
}

static struct outcome try_rows(struct verifier *v, bool crl, const struct trial *t)
{
    struct outcome o = {.tried = t->count};
    struct x509_signed envelope;
    for (unsigned i = 0; i < t->count; i++) {
        const struct model_entry *entry = &v->model->entry[t->row[i].entry];
        if (model_certificate_of(v->model, entry)->parsed &&
            read_signed(buffer_bytes(&t->row[i].der), crl, &envelope) &&
            prover_check_once(v->prover, entry->certificate, &envelope).answer == PROOF_REFUTED)
            o.refuted++;
    }
    return o;
}

bool references_try(const struct model *m, struct prover *prover, struct problems *problems,
                    struct fault *f)
{
    struct verifier v = {.model = m, .prover = prover, .problems = problems};
    for (unsigned i = 0; i < m->profile->references; i++) {
        bool crl = m->profile->reference[i].crl;
        if (m->trials[i] == NULL)
            continue;
        struct outcome spaced = try_rows(&v, crl, &m->trials[i]->spaced);
        struct outcome at_duplicates = try_rows(&v, crl, &m->trials[i]->at_duplicates);
        if (is_misfit(&spaced) || is_misfit(&at_duplicates))
            tell_misfit(&v, i, is_misfit(&spaced) ? &spaced : &at_duplicates);
    }
    if (!problems->no_memory && !prover_failed(prover))
        return true;
    return fault_set(f, FAULT_NO_MEMORY, "out of memory while trying references");
}
