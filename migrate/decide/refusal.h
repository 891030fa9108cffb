/*
 * Whether a plan may be applied at all: asked before anything is written, and before a report
 * recommends to.
 */
#ifndef KM_MIGRATE_REFUSAL_H
#define KM_MIGRATE_REFUSAL_H

#include "migrate/decide/assessment.h"

/* NULL when the plan may be applied; else why not, as a sentence without a capital and a full stop:
 * what stands against it, and what to do about it. */
const char *refusal_of(const struct assessment *assessment);

#endif
