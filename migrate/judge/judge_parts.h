/*
 * What the files that judge share; for them alone.
 *
 *   judge.c        the verdict; R4, the references
 *   judge_list.c   R2, the list
 *   judge_mode.c   R3, the mode and the issuing CA
 *   advise.c       what blocks nothing
 */
#ifndef KM_MIGRATE_JUDGE_PARTS_H
#define KM_MIGRATE_JUDGE_PARTS_H

#include "migrate/judge/evidence.h"
#include "migrate/judge/groups.h"
#include "migrate/judge/judge.h"

enum { SERIAL_SHOWN = 20 }; /* octets, as many as RFC 5280 allows */

/* The facts of an entry, with room for one more. */
struct judge_about {
    char certificate[256], serial[2 * SERIAL_SHOWN + 1];
    struct fact fact[5];
};

/* "serial 2a, CN=..." of a certificate, in `text`. */
const char *judge_describe(const struct model *model, unsigned certificate, char text[256]);

/* The facts of an entry, and `more`; they point at what *a has. */
const struct fact *judge_about(struct judge_about *a, const struct model *model,
                               const struct model_entry *entry, struct fact more);

/* A finding about one entry of which nothing has to be said but which it is. */
void judge_find_entry(const struct model *model, struct problems *problems, enum problem_code code,
                      const struct model_entry *entry);

/* The entry whose certificate has this SHA-1, of several the first, but one with role issuing
 * before others; NULL when there is none.  *count: how many have it. */
struct model_entry *judge_named_entry(const struct model *m, const uint8_t sha1[HASH_SHA1_SIZE],
                                      unsigned *count);

/* The keys of a group's entries as "2, 138", a key that several rows have as "2 (twice)"; a long
 * list ends with "...". */
void judge_list_keys(const struct model *model, const struct group *group, char *text, size_t size);

/* R2.  False when memory is short. */
bool judge_list(const struct model *model, struct problems *problems);

/* R3. */
void judge_mode(const struct model *model, struct prover *prover, struct problems *problems);

/* False when memory is short. */
bool judge_advise(const struct model *model, struct problems *problems);

#endif
