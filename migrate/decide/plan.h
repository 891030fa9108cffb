/*
 * The plan: what a repair does, action by action, decided once and then only shown or applied.
 *
 * The id is the SHA-256 of the plan's canonical text, which names the input by its own SHA-256, so
 * that it is the same on any machine, path and day, and changes with any action.
 */
#ifndef KM_MIGRATE_PLAN_H
#define KM_MIGRATE_PLAN_H

#include "formats/arena.h"
#include "migrate/judge/judge.h"
#include "migrate/judge/residue.h"

enum action_kind {
    ACTION_WRITE_HEADER,    /* the header anew from its shadow */
    ACTION_DROP_ENTRY,      /* entry: dropped; other: the one that survives, unless alone; text: why
                               it does */
    ACTION_SET_ROLE,        /* entry, role */
    ACTION_SET_TRUST,       /* entry, trust */
    ACTION_SET_NAME,        /* entry, text */
    ACTION_SET_IMPORTED,    /* entry, days */
    ACTION_SET_THUMBPRINT,  /* entry, value */
    ACTION_ADD_PROPERTIES,  /* entry, value: SST property elements put behind its own */
    ACTION_ADD_ENTRY,       /* entry: its new key; certificate, role, trust */
    ACTION_MOVE_REFERENCES, /* reference: all `count` rows that name entry name other instead */
    ACTION_MOVE_REFERENCE,  /* reference: the row `row`, which dangles, names other instead of entry
                             */
    ACTION_SET_ISSUING_CA,  /* value: 20 bytes */
    ACTION_SET_MODE,        /* mode */
    ACTION_KINDS,
};

struct action {
    enum action_kind kind;
    int32_t entry, other;
    unsigned twin;      /* which of several entries of that key; see struct model_entry */
    unsigned reference; /* of the profile's */
    int32_t row;
    unsigned dangling; /* which of the model's dangling references a move ends */
    uint64_t count;
    unsigned certificate;
    enum model_role role;
    enum model_trust trust;
    enum model_mode mode;
    double days;
    struct bytes value;
    const char *text;
    bool quarantine; /* dropping takes a distinct certificate out of the list: its row is kept aside
                      */
    bool alone;      /* no entry takes the place of the dropped one, and none has to */
    bool optional;   /* the service would start without it: it keeps what a dropped copy had, or was
                        asked for */
    const char *why; /* one clause for the report; static, or in the plan's memory */
};

enum { PLAN_DECISIONS_MOST = 64 };

struct plan_options {
    enum model_mode to;   /* migrate; MODE_UNKNOWN: only repair */
    bool has_issuing_ca;  /* --issuing-ca FILE was given: */
    unsigned issuing_ca;  /* its certificate, by model_intern() */
    bool drop_superseded; /* --superseded=drop */
    unsigned trusts;      /* --trust ENTRY=yes|no */
    struct {
        int32_t entry;
        bool yes;
    } trust[PLAN_DECISIONS_MOST];
    /* --keep ENTRY, --drop ENTRY: keys of entries */
    int32_t keep[PLAN_DECISIONS_MOST], drop[PLAN_DECISIONS_MOST];
    unsigned keeps, drops;
    const struct residue *residue; /* columns that may refer to the list; NULL: nobody looked */
};

struct plan {
    struct action *action;
    size_t actions, room;
    struct arena memory;
    bool no_memory;
    char *decisions; /* what the administrator decided, as options: "--keep 4"; NULL: nothing */
    char id[2 * HASH_SHA256_SIZE + 1];
};

/* Decides what to do with a model.  An option that names no entry, or one about which there is
 * nothing to decide, is FAULT_MISSING.  header_from_shadow: the file needs its header written anew.
 * input_sha256: of the store file.  Nothing is changed.  False when memory is short, or when an
 * option cannot be followed; f says why.  Close the plan in any case. */
bool plan_make(struct plan *plan, const struct model *model, struct prover *prover,
               const struct plan_options *options, bool header_from_shadow,
               const uint8_t input_sha256[HASH_SHA256_SIZE], struct fault *f);
void plan_close(struct plan *plan);

/* Adds an action; for plan_make() and its parts.  Short memory is noted in the plan. */
void plan_add(struct plan *plan, const struct action *action);

/* "drop-entry", "set-role", ...: stable words for JSON and the canonical text. */
const char *plan_action_name(enum action_kind kind);

/* The action as one line of canonical text, without a line end; returns as snprintf. */
int plan_action_text(const struct model *model, const struct action *action, char *text,
                     size_t size);

/* Judges the model as it would be after the plan, one action left out (SIZE_MAX: none).  Findings
 * go to `left`.  False when memory is short. */
bool plan_judge(const struct plan *plan, const struct model *model, struct prover *prover,
                size_t left_out, struct problems *left);

/* Decides about the list; decide/draft.c.  Called by plan_make(). */
bool dedup_decide(struct plan *plan, const struct model *model, struct prover *prover,
                  const struct plan_options *options, struct fault *f);

#endif
