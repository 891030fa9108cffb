/*
 * Settings that are not in the store, as the administrator states them: --mode, --issuing-ca-is.
 *
 * A KM server may keep them elsewhere, in the registry.  They count as if the store had them, the
 * report says that they were stated, and they are part of the plan's id.
 */
#ifndef KM_MIGRATE_STATED_H
#define KM_MIGRATE_STATED_H

#include "migrate/decide/reading.h"
#include "migrate/judge/model.h"

/* Puts what the options state into the model.  With a mode that needs an issuing CA, and none named
 * anywhere, the one certificate with role issuing is it, where there is just one.  Fails, naming
 * the option, when a value is none that can be (FAULT_DAMAGED), names no entry (FAULT_MISSING), or
 * contradicts a setting of the store (FAULT_NOT_THIS). */
bool stated_apply(struct model *model, const struct reading *reading, struct fault *f);

#endif
