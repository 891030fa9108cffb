/* The verdict, and what the rules R2 to R4 share: see judge.h and judge_parts.h. */
#include "migrate/judge/judge_parts.h"

#include "formats/certs/name.h"

#include <stdio.h>

const char *verdict_name(enum verdict verdict)
{
    static const char *const names[] = {"yes", "yes after repair", "no", "cannot tell"};
    return names[verdict];
}

/* ---- findings about an entry ---- */

/* "serial 2a, CN=..." of a certificate. */
const char *judge_describe(const struct model *m, unsigned number, char text[256])
{
    const struct model_certificate *cert = &m->certificate[number];
    if (!cert->parsed) {
        snprintf(text, 256, "no certificate");
        return text;
    }
    char serial[2 * SERIAL_SHOWN + 1];
    int n = snprintf(text, 256, "serial %s, ", bytes_hex(cert->x509.serial, serial, sizeof serial));
    name_text(cert->x509.subject, text + n, 256 - (size_t)n);
    return text;
}

const struct fact *judge_about(struct judge_about *a, const struct model *m,
                               const struct model_entry *entry, struct fact more)
{
    const struct model_certificate *cert = model_certificate_of(m, entry);
    judge_describe(m, entry->certificate, a->certificate);
    bytes_hex(cert->x509.serial, a->serial, sizeof a->serial);
    a->fact[0] = fact_number(FACT_ENTRY, entry->key);
    a->fact[1] = fact_text(FACT_CERTIFICATE, a->certificate);
    a->fact[2] = fact_text(FACT_SERIAL, cert->parsed ? a->serial : NULL);
    a->fact[3] = more;
    a->fact[4] = (struct fact){.name = FACT_END};
    return a->fact;
}

/* A finding about one entry of which nothing has to be said but which it is. */
void judge_find_entry(const struct model *m, struct problems *problems, enum problem_code code,
                      const struct model_entry *entry)
{
    struct judge_about a;
    problem_find(problems, code, judge_about(&a, m, entry, (struct fact){.name = FACT_END}));
}

/* The entry whose certificate has this SHA-1, of several the first, but one with role issuing
 * before others; NULL when there is none.  *count: how many have it. */
struct model_entry *judge_named_entry(const struct model *m, const uint8_t sha1[HASH_SHA1_SIZE],
                                      unsigned *count)
{
    struct model_entry *found = NULL;
    *count = 0;
    for (unsigned i = 0; i < m->entries; i++) {
        if (memcmp(model_certificate_of(m, &m->entry[i])->sha1, sha1, HASH_SHA1_SIZE) != 0)
            continue;
        if (found == NULL || (found->role != ROLE_ISSUING && m->entry[i].role == ROLE_ISSUING))
            found = &m->entry[i];
        ++*count;
    }
    return found;
}

/* ---- R4: references ---- */

static void judge_references(const struct model *m, struct problems *problems)
{
    if (m->list_missing || m->list_cut)
        return; /* what the rows refer to cannot be known */
    for (unsigned i = 0; i < m->dangling_kept; i++) {
        const struct model_dangling *d = &m->dangling[i];
        const struct profile_reference *r = &m->profile->reference[d->reference];
        struct problem *p =
            problem_find(problems, PROBLEM_DANGLING,
                         FACTS(fact_text(FACT_TABLE, r->table), fact_number(FACT_ROW, d->row),
                               fact_text(FACT_COLUMN, r->column),
                               d->names == m->no_key ? (struct fact){.name = FACT_END}
                                                     : fact_number(FACT_ENTRY, d->names)));
        if (p)
            p->entry[0] = d->names;
    }
    if (m->dangling_count > m->dangling_kept)
        problem_find(
            problems, PROBLEM_DANGLING,
            FACTS(fact_number(FACT_MORE, (int64_t)(m->dangling_count - m->dangling_kept))));
}

/* ---- all of it ---- */

bool judge_model(const struct model *m, struct prover *prover, struct problems *problems)
{
    if (!judge_list(m, problems))
        return false;
    judge_mode(m, prover, problems);
    judge_references(m, problems);
    if (!judge_advise(m, problems))
        return false;
    if (prover_exhausted(prover))
        problem_add(problems, PROBLEM_PROOF_LIMIT, NO_ENTRY, NO_ENTRY,
                    "the bound is %d checks; what is unproved beyond it stays undecided",
                    PROVER_CHECKS_MOST);
    return !problems->no_memory && !prover_failed(prover);
}

enum verdict judge_problems(const struct problems *problems)
{
    enum verdict verdict = VERDICT_YES;
    for (size_t i = 0; i < problems->count; i++) {
        enum problem_severity severity = problem_kind(problems->item[i].code)->severity;
        if (severity == PROBLEM_DOUBT)
            return VERDICT_CANNOT_TELL;
        if (severity == PROBLEM_FATAL)
            verdict = VERDICT_NO;
    }
    return verdict;
}
