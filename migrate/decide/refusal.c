/* What stands against writing: see refusal.h. */
#include "migrate/decide/refusal.h"

#include "migrate/discover/known.h"

/* Of the two kinds of question the one that is there. */
static const char *what_is_asked(const struct assessment *a)
{
    bool residue = problem_has(&a->found, PROBLEM_RESIDUE);
    bool copies = problem_has(&a->found, PROBLEM_COPIES_DIFFER);
    if (residue && !copies)
        return "what KM-RESIDUE asks has to be said first; the report names the options";
    if (copies && !residue)
        return "what KM-COPIES-DIFFER asks has to be said first; the report names the options";
    return "what KM-RESIDUE and KM-COPIES-DIFFER ask has to be said first; the report names the "
           "options";
}

/* -o does, and so does the backup before a repair in place. */
static bool copies_directory(const struct assessment *a)
{
    return a->store.in_directory && !(a->options->in_place && a->options->no_backup);
}

const char *refusal_of(const struct assessment *a)
{
    if (problem_has(&a->found, PROBLEM_UNDO_PENDING))
        return a->store.pending.code == FAULT_LIMIT
                   ? "a repair in place was interrupted; finish it or take it back first"
                   : "a repair in place was interrupted, and its undo file cannot be read; put the "
                     "backup back first";
    if (problem_has(&a->found, PROBLEM_DIRTY))
        return "it was not shut down cleanly; recover it first: kmmigrate logs says how";
    if (problem_has(&a->found, PROBLEM_STRUCTURE) && a->options->salvaged)
        return "what was salvaged is not whole: where KM-STRUCTURE names an index whose entries "
               "are "
               "missing, --drop-index leaves it out";
    if (problem_has(&a->found, PROBLEM_STRUCTURE))
        return "it is damaged; a copy could lack what cannot be read; kmmigrate repair "
               "--salvage shows what can be had";
    if (problem_has(&a->found, PROBLEM_MISFIT))
        return "the profile does not fit what it holds; KM-PROFILE-MISFIT says where";
    if (problem_has(&a->found, PROBLEM_LIST_FORM))
        return "its certificate list is not in a form that is known; KM-LIST-FORM says why";
    if (!a->has_model && known_database(a->store.db->catalog))
        return "it is no KM store, but another program's database";
    if (!a->has_model || !a->repairs_allowed)
        return "no profile fits it; give one with --profile";
    if (a->undecided)
        return "discovery left something undecided; decide it in a profile (kmmigrate profile "
               "drafts "
               "one), or with --reference and --not-a-reference";
    if (a->blocked)
        return what_is_asked(a);
    if (copies_directory(a) && assess_has_work(a) && a->beside.no_copy)
        return a->beside.no_copy;
    if (judge_problems(&a->found) == VERDICT_YES && judge_problems(&a->left) != VERDICT_YES)
        return "the service can start on it now, and could not after this";
    return NULL;
}
