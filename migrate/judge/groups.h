/*
 * Entries of a list that belong together: identical, of one identity, of one CA.
 *
 * A grouping is the entries' numbers sorted so that equal ones are neighbours, in each group by
 * key; a walk then gives the groups with more than one member.  Entries that are no certificate are
 * in none.
 */
#ifndef KM_MIGRATE_GROUPS_H
#define KM_MIGRATE_GROUPS_H

#include "migrate/judge/model.h"

enum grouping {
    GROUP_SAME_CONTENT, /* same to-be-signed bytes: identical or re-encoded */
    GROUP_IDENTITY,     /* same issuer and serial number */
    GROUP_CA,           /* same subject and public key */
};

struct groups {
    const struct model *model;
    enum grouping by;
    unsigned *entry; /* numbers of model->entry */
    unsigned entries;
    unsigned next; /* of the walk */
};

struct group {
    const unsigned *entry;
    unsigned entries; /* at least 2 */
};

/* Sorts the model's entries.  Allocates one number an entry; close it.  False when memory is short.
 */
bool groups_open(struct groups *groups, const struct model *model, enum grouping by);
void groups_close(struct groups *groups);

/* The next group of two or more; false at the end. */
bool groups_next(struct groups *groups, struct group *group);

/* Whether all entries of a group hold one certificate, or encodings of one. */
bool groups_is_one(const struct model *model, const struct group *group);

/* Whether two certificates (numbers in the model; both parsed) belong together. */
bool groups_equal(const struct model *model, enum grouping by, unsigned a, unsigned b);

#endif
