/*
 * Applying a plan: the changes to rows that its actions come to, for whoever writes the new store.
 */
#ifndef KM_MIGRATE_APPLY_H
#define KM_MIGRATE_APPLY_H

#include "formats/ese/edit/editor.h"
#include "migrate/decide/plan.h"

struct apply;

/* Prepares the plan's changes.  model and plan are borrowed.  left_out: an action that is not
 * applied, or SIZE_MAX. NULL, with f saying why, when memory is short or an action cannot be
 * applied. */
struct apply *apply_open(const struct model *model, const struct plan *plan, size_t left_out,
                         struct fault *f);
void apply_close(struct apply *apply);

/* The editor that makes the changes. */
const struct ese_editor *apply_editor(struct apply *apply);

#endif
