/* What a plan leaves of that which was found: see assess_parts.h. */
#include "migrate/decide/assess_parts.h"

#include "migrate/judge/evidence.h"

#include <stdlib.h>
#include <strings.h>

/* Do no two entries that stay have one key? */
static bool keys_differ(struct assessment *a)
{
    const struct model *m = &a->model;
    bool *dropped = calloc(m->entries + 1, sizeof *dropped), differ = true;
    if (dropped == NULL) {
        a->left.no_memory = true;
        return false;
    }
    for (size_t i = 0; i < a->plan.actions; i++) {
        const struct action *action = &a->plan.action[i];
        const struct model_entry *e = action_effect(action->kind) == EFFECT_DROP
                                          ? model_entry_twin(m, action->entry, action->twin)
                                          : NULL;
        if (e)
            dropped[e - m->entry] = true;
    }
    const struct model_entry *last = NULL;
    for (unsigned i = 0; i < m->entries; i++) {
        if (dropped[i])
            continue;
        differ = differ && (last == NULL || last->key != m->entry[i].key);
        last = &m->entry[i];
    }
    free(dropped);
    return differ;
}

/* Two rows under one key: ended when they are entries of the list and the plan drops all of them
 * but one. */
static bool collision_ends(struct assessment *a)
{
    return a->collisions > 0 && !a->other_collision && a->profile.list[0].table != NULL &&
           strcasecmp(a->collision, a->profile.list[0].table) == 0 &&
           model_key_is_primary(&a->model) && keys_differ(a);
}

/* What no plan over the list can end: damage, a dirty state, a missing profile. */
void assess_carry_over(struct assessment *a)
{
    bool ends = collision_ends(a);
    for (size_t i = 0; i < a->found.count; i++) {
        const struct problem *p = &a->found.item[i];
        switch (p->code) {
        case PROBLEM_DIRTY:
        case PROBLEM_STRUCTURE:
        case PROBLEM_SALVAGED:
        case PROBLEM_MISFIT:
        case PROBLEM_UNDO_PENDING:
        case PROBLEM_LIST_CUT:
        case PROBLEM_LIST_FORM:
        case PROBLEM_LIST_TAIL:
        case PROBLEM_SETTING_TWICE:
        case PROBLEM_SETTING_VALUE:
        case PROBLEM_REFERENCE_REFUTED:
            problem_keep(&a->left, p);
            break;
        case PROBLEM_TWO_LISTS: /* in rows and in a value: the judge finds it again */
            if (!a->model.second_list || a->model.match == PROFILE_MATCHES_VALUE)
                problem_keep(&a->left, p);
            break;
        case PROBLEM_UNIQUE_KEY:
            if (!ends)
                problem_keep(&a->left, p);
            break;
        default:
            break;
        }
    }
}

static int compare_problems(const void *a, const void *b)
{
    const struct problem *x = *(const struct problem *const *)a;
    const struct problem *y = *(const struct problem *const *)b;
    if (x->code != y->code)
        return (x->code > y->code) - (x->code < y->code);
    return (x->entry[0] > y->entry[0]) - (x->entry[0] < y->entry[0]);
}

/* A finding that the plan ends is one that the judge does not find again. */
bool assess_mark_repairable(struct assessment *a)
{
    const struct problem **left = malloc((a->left.count + 1) * sizeof *left);
    if (left == NULL)
        return false;
    for (size_t i = 0; i < a->left.count; i++)
        left[i] = &a->left.item[i];
    qsort(left, a->left.count, sizeof *left, compare_problems);
    for (size_t i = 0; i < a->found.count; i++) {
        const struct problem *p = &a->found.item[i];
        bool stays = a->left.count > 0 &&
                     bsearch(&p, left, a->left.count, sizeof *left, compare_problems) != NULL;
        a->found.item[i].repairable = !stays && problem_kind(p->code)->severity != PROBLEM_ADVICE;
    }
    free(left);
    return true;
}
