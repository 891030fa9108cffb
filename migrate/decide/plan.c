/* Plans: see plan.h. */
#include "migrate/decide/plan.h"

#include "migrate/console/words.h"
#include "formats/array.h"
#include "migrate/judge/settings.h"

#include <stdio.h>
#include <stdlib.h>

void plan_add(struct plan *plan, const struct action *action)
{
    if (array_reserve(&plan->action, &plan->room, plan->actions + 1, sizeof *plan->action))
        plan->action[plan->actions++] = *action;
    else
        plan->no_memory = true;
}

/* ---- canonical text and id ---- */

static void add_line(struct hash *hash, const char *line)
{
    hash_sha256_add(hash, bytes_of(line, strlen(line)));
    hash_sha256_add(hash, bytes_of("\n", 1));
}

/* What the administrator decided is part of the plan, as the options that say it. */
static bool note_decisions(struct plan *plan, const struct model *m, const struct plan_options *o)
{
    struct buffer all = {0};
    char line[64];
    if (m->mode_stated) {
        snprintf(line, sizeof line, " --mode %s", model_mode_name(m->mode));
        buffer_add_text(&all, line);
    }
    if (m->issuing_stated) {
        snprintf(line, sizeof line, " --issuing-ca-is %s",
                 hash_words(bytes_of(m->issuing_ca, HASH_SHA1_SIZE)));
        buffer_add_text(&all, line);
    }
    for (unsigned k = 0; k < o->keeps; k++) {
        snprintf(line, sizeof line, " --keep %d", o->keep[k]);
        buffer_add_text(&all, line);
    }
    for (unsigned k = 0; k < o->drops; k++) {
        snprintf(line, sizeof line, " --drop %d", o->drop[k]);
        buffer_add_text(&all, line);
    }
    for (unsigned k = 0; k < o->trusts; k++) {
        snprintf(line, sizeof line, " --trust %d=%s", o->trust[k].entry,
                 o->trust[k].yes ? "yes" : "no");
        buffer_add_text(&all, line);
    }
    bool ok = !all.failed;
    if (ok && all.size > 0) {
        plan->decisions = arena_copy(&plan->memory, bytes_from(buffer_bytes(&all), 1));
        ok = plan->decisions != NULL;
    }
    buffer_free(&all);
    return ok;
}

/* The profile counts with all that it says, so that another profile is another plan. */
static bool add_profile(struct hash *hash, const struct profile *profile)
{
    struct buffer text = {0};
    FILE *to = buffer_stream(&text);
    if (to)
        profile_write(profile, to);
    bool whole = buffer_stream_close(&text, to);
    hash_sha256_add(hash, buffer_bytes(&text));
    buffer_free(&text);
    return whole;
}

static void make_id(struct plan *plan, const struct model *m,
                    const uint8_t input_sha256[HASH_SHA256_SIZE])
{
    char line[512];
    uint8_t digest[HASH_SHA256_SIZE];
    struct hash inner = m->hash;
    /* action_canonical() hashes values with the same contexts, so all lines are gathered first. */
    struct buffer all = {0};
    buffer_add_text(&all, "kmmigrate plan 1\ninput ");
    buffer_add_text(&all, hash_words(bytes_of(input_sha256, HASH_SHA256_SIZE)));
    buffer_add_text(&all, "\n");
    if (plan->decisions) {
        buffer_add_text(&all, "decided ");
        buffer_add_text(&all, plan->decisions);
        buffer_add_text(&all, "\n");
    }
    for (size_t i = 0; i < plan->actions; i++) {
        action_canonical(m, &plan->action[i], line, sizeof line);
        buffer_add_text(&all, line);
        buffer_add_text(&all, "\n");
    }
    plan->no_memory = !add_profile(&inner, m->profile) || plan->no_memory;
    hash_sha256_add(&inner, buffer_bytes(&all));
    add_line(&inner, "end");
    hash_sha256_end(&inner, digest);
    plan->no_memory = plan->no_memory || all.failed;
    buffer_free(&all);
    bytes_hex(bytes_of(digest, sizeof digest), plan->id, sizeof plan->id);
}

static void drop_index_entries(struct plan *plan, struct index_entries *entries)
{
    index_entries_sort(entries);
    for (size_t i = 0; i < entries->count; i++) {
        const struct index_entry *e = &entries->at[i];
        plan_add(plan,
                 &(struct action){.kind = ACTION_DROP_INDEX_ENTRY,
                                  .table = e->table,
                                  .index = e->index,
                                  .value = e->key,
                                  .bookmark = e->row,
                                  .optional = e->unfinished,
                                  .why = e->unfinished ? "the change that left it was not finished"
                                                       : "its row was removed"});
    }
}

bool plan_make(struct plan *plan, const struct model *m, struct prover *prover,
               const struct plan_options *options, bool header_from_shadow,
               const uint8_t input_sha256[HASH_SHA256_SIZE], struct fault *f)
{
    *plan = (struct plan){.actions = 0};
    if (header_from_shadow)
        plan_add(plan,
                 &(struct action){.kind = ACTION_WRITE_HEADER, .why = "its checksum is wrong"});
    if (options->index_entries)
        drop_index_entries(plan, options->index_entries);
    if (!dedup_decide(plan, m, prover, options, f))
        return false;
    if (!note_decisions(plan, m, options))
        plan->no_memory = true;
    make_id(plan, m, input_sha256);
    if (plan->no_memory || prover_failed(prover))
        return fault_no_memory(f, "the plan");
    return true;
}

void plan_close(struct plan *plan)
{
    free(plan->action);
    arena_free(&plan->memory);
    plan->action = NULL;
    plan->actions = 0;
}

/* ---- judging what would be ---- */

/* Drops the dangling references that the plan moves. */
static bool undangle(const struct plan *plan, struct model *m)
{
    bool *moved = calloc(m->dangling_kept + 1, sizeof *moved);
    unsigned kept = 0;
    if (moved == NULL)
        return false;
    for (size_t i = 0; i < plan->actions; i++)
        if (action_effect(plan->action[i].kind) == EFFECT_MOVE_ONE)
            moved[plan->action[i].dangling] = true;
    for (unsigned i = 0; i < m->dangling_kept; i++)
        if (!moved[i])
            m->dangling[kept++] = m->dangling[i];
    m->dangling_count -= m->dangling_kept - kept;
    m->dangling_kept = kept;
    free(moved);
    return true;
}

enum { DROPPED = UINT32_MAX }; /* as a certificate's number */

/* Takes out what was dropped.  A key that no entry has any more leaves what refers to it dangling.
 */
static void close_gaps(struct model *m)
{
    unsigned kept = 0;
    for (unsigned first = 0, end; first < m->entries; first = end) {
        int32_t key = m->entry[first].key;
        uint64_t references = 0;
        unsigned before = kept;
        for (end = first; end < m->entries && m->entry[end].key == key; end++) {
            references += m->entry[end].reference_count;
            if (m->entry[end].certificate != DROPPED)
                m->entry[kept++] = m->entry[end];
        }
        if (kept == before && m->match == PROFILE_MATCHES_ROWS)
            m->dangling_count += references;
    }
    m->entries = kept;
    for (unsigned i = 0; i < kept && m->match == PROFILE_MATCHES_VALUE; i++)
        m->entry[i].key = (int32_t)i + 1;
}

/* References by hash need not move when the entry that stays has the same certificate. */
static void keep_hashes(struct model *m, struct model_entry *from, const struct action *drop)
{
    struct model_entry *to = drop->alone ? NULL : model_entry(m, drop->other);
    for (unsigned r = 0; to && r < m->profile->references; r++) {
        enum profile_names names = m->profile->reference[r].names;
        if (names != NAMES_ISSUER_SERIAL &&
            (!profile_names_hash(names) || to->certificate != from->certificate))
            continue;
        to->references[r] += from->references[r];
        to->reference_count += from->references[r];
        from->reference_count -= from->references[r];
        from->references[r] = 0;
    }
}

/* The entry that an action drops; NULL: it drops none. */
static struct model_entry *dropped_by(const struct model *m, const struct action *a)
{
    return action_effect(a->kind) == EFFECT_DROP ? model_entry_twin(m, a->entry, a->twin) : NULL;
}

/* Last of all: until then others refer to entries by their place. */
static void drop_entries(const struct plan *plan, struct model *m)
{
    for (size_t i = 0; i < plan->actions; i++) {
        struct model_entry *e = dropped_by(m, &plan->action[i]);
        if (e)
            keep_hashes(m, e, &plan->action[i]);
    }
    for (size_t i = 0; i < plan->actions; i++) {
        struct model_entry *e = dropped_by(m, &plan->action[i]);
        if (e)
            e->certificate = DROPPED;
    }
    close_gaps(m);
}

bool plan_judge(const struct plan *plan, const struct model *model, struct prover *prover,
                struct problems *left)
{
    struct model after = *model;
    after.entry = malloc((model->entries + plan->actions + 1) * sizeof *after.entry);
    after.dangling = malloc((model->dangling_kept + 1) * sizeof *after.dangling);
    bool ok = after.entry != NULL && after.dangling != NULL;
    if (ok) {
        if (model->entries > 0)
            memcpy(after.entry, model->entry, model->entries * sizeof *after.entry);
        if (model->dangling_kept > 0)
            memcpy(after.dangling, model->dangling, model->dangling_kept * sizeof *after.dangling);
        for (size_t i = 0; i < plan->actions; i++)
            action_foresee(&after, &plan->action[i]);
        drop_entries(plan, &after);
        settings_follow(&after);
        ok = undangle(plan, &after) && judge_model(&after, prover, left);
    }
    free(after.entry);
    free(after.dangling);
    return ok;
}
