/*
 * What nobody has said, and a repair would have to know: which columns without a meaning refer to
 * entries that go, in which columns without a meaning the copies of a certificate differ, whether
 * a value of the list may be left empty, and whether the list is kept in a second place.
 */
#ifndef KM_MIGRATE_UNSAID_H
#define KM_MIGRATE_UNSAID_H

#include "migrate/decide/plan.h"
#include "migrate/judge/sweep.h"

/* Adds a finding for everything that is open under this plan, to `found` and to `left`, since no
 * plan ends it.  *blocked: a repair would guess, and must not be made.  Marks entries that are
 * dropped with --keep although they differ for the quarantine.  False, with the fault set, when
 * memory is short or the list cannot be read. */
bool unsaid_judge(struct plan *plan, const struct plan_options *options, const struct model *model,
                  const struct sweep *sweep, struct problems *found, struct problems *left,
                  bool *blocked, struct fault *f);

#endif
