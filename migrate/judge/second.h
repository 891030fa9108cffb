/*
 * Second copies: certificates of the list that stand elsewhere in the store, too.
 *
 * A store may keep its list in more than one place, and the profile name only one of them: then a
 * repair of that one is none.  So the to-be-signed bytes of each listed certificate are looked for
 * at every offset of every value of every table, and of what a value holds packed with zlib behind
 * a small header, or as PEM; the list itself is left out.
 *
 * A copy is part of a chain when the same value holds a certificate outside the list that the
 * copy's key has signed: a user's certificate with its issuers, as a PKCS#7 has it.  Chains block
 * nothing.  The first values of a column are proved; of the rest, only that the issuer's name is
 * the copy's subject is looked at.
 */
#ifndef KM_MIGRATE_SECOND_H
#define KM_MIGRATE_SECOND_H

#include "migrate/judge/prover.h"

/* A column with copies. */
struct second_copy {
    const struct ese_table *table; /* the catalog's, as is the column */
    const struct ese_column *column;
    uint64_t values, chains; /* values that hold a copy outside a chain; in one */
    unsigned certificate;    /* the first found outside a chain, else in one: the model's number */
    uint64_t row;            /* of that value: counted from 1, in the order of the table */
};

struct second_copies {
    struct second_copy *item;
    unsigned count;
    size_t room;
};

struct second_search;

/* Prepares the search for the certificates of the model's list; both are borrowed.  NULL: memory is
 * short. */
struct second_search *second_open(const struct model *model, struct prover *prover);
void second_close(struct second_search *s);

/* Searches one value.  False when memory is short. */
bool second_look(struct second_search *s, struct second_copies *copies,
                 const struct ese_table *table, const struct ese_column *column, uint64_t row,
                 struct bytes value);

void second_copies_close(struct second_copies *copies);

#endif
