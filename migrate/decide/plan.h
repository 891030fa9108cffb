/*
 * The plan: what a repair does, action by action, decided once and then only shown or applied.
 *
 * The id is the SHA-256 of the plan's canonical text, which names the input by its own SHA-256, so
 * that it is the same on any machine, path and day, and changes with any action.
 */
#ifndef KM_MIGRATE_PLAN_H
#define KM_MIGRATE_PLAN_H

#include "formats/arena.h"
#include "migrate/decide/action.h"
#include "migrate/decide/index_entries.h"
#include "migrate/judge/judge.h"
#include "migrate/judge/residue.h"

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
    struct index_entries *index_entries; /* that go; NULL: none do */
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

/* Judges the model as it would be after the plan.  Findings go to `left`.  False when memory is
 * short. */
bool plan_judge(const struct plan *plan, const struct model *model, struct prover *prover,
                struct problems *left);

/* Decides about the list; decide/draft.c.  Called by plan_make(). */
bool dedup_decide(struct plan *plan, const struct model *model, struct prover *prover,
                  const struct plan_options *options, struct fault *f);

#endif
