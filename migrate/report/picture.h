/*
 * The entries of a list in the order in which a page shows them: each CA below the one that issued
 * it, the entries of one CA (of one subject and key) side by side, before and after a repair in the
 * same places.
 */
#ifndef KM_MIGRATE_PICTURE_H
#define KM_MIGRATE_PICTURE_H

#include "migrate/report/report.h"

enum {
    PICTURE_NOTHING = UINT32_MAX, /* no row, no CA */
    PICTURE_ALL = 60,             /* a list of so many entries is drawn whole */
    PICTURE_MOST = 200,           /* rows drawn of a longer one: what a repair changes first */
};

/* One entry: of the list as it is, or one that the plan adds. */
struct picture_row {
    const struct model_entry *entry; /* NULL: it is added */
    unsigned certificate;            /* of the model's */
    unsigned ca;       /* which CA, from 0; PICTURE_NOTHING: it is no certificate, or added */
    unsigned depth;    /* CAs above it */
    unsigned parent;   /* the first row of the CA that issued it; PICTURE_NOTHING: none */
    const char *above; /* why none is above it; NULL: one is, or it is self-signed */
    const struct action *drop; /* it goes; NULL: it stays */
    unsigned survivor;         /* row that takes its place; PICTURE_NOTHING: none */
    uint64_t moves;            /* references that move away from it */
    bool changed;              /* by an action */
    bool drawn;                /* not folded away */
    int32_t key_after;
    enum model_role role, role_after;
    enum model_trust trust, trust_after;
    uint64_t references, references_after;
};

struct picture {
    const struct assessment *a;
    struct picture_row *row;
    unsigned rows, drawn;
    bool has_plan; /* there is an "after" */
};

/* Reads the assessment, which must have a model.  Asks its prover about the issuers.  False when
 * memory is short; close it in any case. */
bool picture_open(struct picture *picture, const struct assessment *assessment);
void picture_close(struct picture *picture);

/* What a CA is called: the common name of its subject, else all of it; what is no certificate, too.
 */
const char *picture_name(const struct picture *picture, const struct picture_row *row, char *text,
                         size_t size);

#endif
