/* Proving references: see references.h. */
#include "migrate/judge/references.h"

#include "migrate/store/rows.h"

#include <inttypes.h>

enum { TOLD_MOST = 1000 };

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

static void verify_row(struct verifier *v, unsigned which, struct rows *rows)
{
    const struct profile_reference *r = &v->model->profile->reference[which];
    const struct ese_table *table = rows->table;
    struct x509_signed envelope;
    struct bytes der;
    bool null;
    int32_t row = rows_integer(rows, r->key ? ese_table_column(table, r->key) : NULL, &null);
    int32_t names =
        model_reference_key(v->model, which, rows, ese_table_column(table, r->column), &null);
    const struct model_entry *entry = null ? NULL : model_entry(v->model, names);
    if (entry == NULL)
        return; /* null, or dangling: said already */
    if (!rows_bytes(rows, ese_table_column(table, r->proves), &v->room, &der, &null, NULL) || null)
        return;
    enum proof_answer answer = PROOF_UNPROVABLE;
    if (model_certificate_of(v->model, entry)->parsed && read_signed(der, r->crl, &envelope))
        answer = prover_check_once(v->prover, entry->certificate, &envelope).answer;
    if (answer == PROOF_UNPROVABLE && v->unprovable++ == 0)
        v->first_unprovable = row;
    if (answer == PROOF_REFUTED && v->refuted++ < TOLD_MOST)
        problem_add(v->problems, PROBLEM_REFERENCE_REFUTED, names, NO_ENTRY,
                    "%s %d: %s names entry %d, whose key did "
                    "not sign it",
                    r->table, row, r->column, names);
}

bool references_verify(const struct model *m, struct prover *prover, struct problems *problems,
                       struct fault *f)
{
    struct verifier v = {.model = m, .prover = prover, .problems = problems};
    struct rows rows;
    bool ok = true;
    for (unsigned i = 0; ok && i < m->profile->references; i++) {
        const struct profile_reference *r = &m->profile->reference[i];
        const struct ese_table *table = ese_catalog_find(m->store->db->catalog, r->table);
        if (table == NULL || r->proves == NULL || ese_table_column(table, r->proves) == NULL)
            continue;
        rows_open(&rows, m->store, table);
        while (rows_next(&rows))
            verify_row(&v, i, &rows);
        ok = rows_end(&rows, f);
    }
    struct problem *p = NULL;
    if (v.unprovable > 0)
        p = problem_add(problems, PROBLEM_UNPROVABLE, NO_ENTRY, NO_ENTRY,
                        "%" PRIu64 " references, that of row %d the first", v.unprovable,
                        v.first_unprovable);
    if (p)
        p->count = v.unprovable;
    buffer_free(&v.room);
    if (ok && (problems->no_memory || prover_failed(prover)))
        ok = fault_set(f, FAULT_NO_MEMORY, "out of memory while proving references");
    return ok;
}
