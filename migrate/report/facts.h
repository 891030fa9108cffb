/*
 * What one entry of the list is, in full: its key, its signature and who proves it, what the store
 * says of it.
 */
#ifndef KM_MIGRATE_FACTS_H
#define KM_MIGRATE_FACTS_H

#include "migrate/judge/model.h"
#include "migrate/judge/prover.h"

struct entry_facts {
    char imported_on[40]; /* ISO 8601; empty: not known */
    char key[80]; /* "RSA", "ECDSA", or the algorithm's OBJECT IDENTIFIER; empty: no certificate */
    unsigned key_bits;     /* 0: not known */
    const char *signature; /* "RSA-SHA1"; NULL: not known */
    const char *answer;    /* "proven", "refuted", "unprovable"; NULL: no issuer is in the list */
    bool has_issuer;       /* the next is valid: */
    int32_t issuer;        /* the entry whose key proved or refuted it */
    bool named;            /* the settings name it as the issuing CA */
    bool thumbprint_right; /* the stored thumbprint is its certificate's */
};

/* Reads the facts of an entry.  Checks signatures with `prover`. */
void entry_facts(const struct model *model, struct prover *prover, const struct model_entry *entry,
                 struct entry_facts *facts);

#endif
