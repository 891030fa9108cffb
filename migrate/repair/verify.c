/* Reading a repaired store back: see verify.h. */
#include "migrate/repair/verify.h"

#include "formats/fileio.h"
#include "migrate/console/progress.h"
#include "migrate/decide/assess.h"
#include "migrate/judge/model_memory.h"
#include "migrate/repair/verify_rows.h"

#include <errno.h>
#include <stdlib.h>

static bool same_problems(const struct problems *wanted, const struct problems *found,
                          struct fault *f)
{
    unsigned count[PROBLEM_CODES] = {0};
    for (size_t i = 0; i < wanted->count; i++)
        count[wanted->item[i].code]++;
    for (size_t i = 0; i < found->count; i++) {
        const struct problem *p = &found->item[i];
        if (problem_kind(p->code)->severity != PROBLEM_ADVICE && count[p->code]-- == 0)
            return fault_set(f, FAULT_DAMAGED,
                             "what was written has %s, which the plan does not foresee: %.160s",
                             problem_kind(p->code)->code, p->evidence);
    }
    return true;
}

/* Every distinct certificate of the old list is in the new one, or was to go to quarantine. */
static bool nothing_lost(const struct assessment *old, const struct assessment *new,
                         struct fault *f)
{
    bool *kept = calloc(old->model.certificates + 1, sizeof *kept);
    struct model *m = (struct model *)(uintptr_t) & new->model;
    if (kept == NULL)
        return fault_set(f, FAULT_NO_MEMORY, "out of memory while verifying");
    bool ok = true;
    for (size_t i = 0; i < old->plan.actions; i++)
        if (action_effect(old->plan.action[i].kind) == EFFECT_DROP &&
            old->plan.action[i].quarantine)
            kept[old->plan.action[i].certificate] = true;
    for (unsigned i = 0; ok && i < old->model.entries; i++) {
        unsigned number = old->model.entry[i].certificate, before = m->certificates, found;
        if (kept[number])
            continue;
        kept[number] = true;
        ok = model_intern(m, old->model.certificate[number].der, &found, f);
        if (ok && found == before)
            ok = fault_set(f, FAULT_DAMAGED,
                           "the certificate of entry %d is not in what was written",
                           old->model.entry[i].key);
    }
    free(kept);
    return ok;
}

bool verify_is_judged(const struct assessment *old, const struct filehash *read, struct fault *f)
{
    const struct stat *was = ese_file_stat(old->store.db->file);
    int descriptor = ese_file_named_descriptor(old->store.db->file);
    const struct filehash_how like = {.like = &old->hash};
    struct filehash again;
    struct stat is;
    if (fstat(descriptor, &is) != 0)
        return fault_set(f, FAULT_IO, "it cannot be examined: %s", strerror(errno));
    if (read == NULL &&
        (!filehash_start_open(&again, descriptor, &like, f) || !filehash_finish(&again, f)))
        return false;
    return (fileio_is_unchanged(&is, was) && filehash_is_same(&old->hash, read ? read : &again)) ||
           fault_set(f, FAULT_LIMIT,
                     "it changed after it was judged; see that nothing uses it, and begin again");
}

/* What it says, then what it is. */
static bool is_as_planned(const struct assessment *old, const struct assessment *new, bool in_place,
                          struct fault *f)
{
    if (!new->has_model)
        return fault_set(f, FAULT_DAMAGED, "what was written does not read back as a KM store");
    return same_problems(&old->left, &new->found, f) && nothing_lost(old, new, f) &&
           verify_rows(old, &new->store, in_place, f);
}

int verify_store(const struct assessment *old, const char *path, bool in_place, const char *what,
                 const struct filehash_how *hash, uint8_t sha256[HASH_SHA256_SIZE], uint64_t *size)
{
    struct assessment new;
    struct fault f = {.code = FAULT_NONE};
    struct assess_options how = {
        .reading = old->options->reading, .list_short = old->model.list_cut, .own_undo_file = true};
    if (hash)
        how.hash = *hash;
    /* What discovery went by may have been the fault that the repair has ended. */
    if (old->discovery && !problem_has(&old->found, PROBLEM_MISFIT))
        how.discovered = &old->profile;
    int status = assess(&new, path, &how, old->notes);
    progress_open("verifying", status == EXIT_CLEAN ? 2 * ese_file_size(new.store.db->file) : 0);
    bool planned = status != EXIT_CLEAN || is_as_planned(old, &new, in_place, &f);
    progress_close();
    if (!planned) {
        note_file(old->notes, old->store.path, "verification failed, %s: %s", what, f.text);
        status = EXIT_TROUBLE;
    }
    if (status == EXIT_CLEAN) {
        memcpy(sha256, new.hash.digest, HASH_SHA256_SIZE);
        *size = new.hash.size;
    }
    assess_close(&new);
    return status;
}
