/*
 * A plan as an editor of rows: the changes to rows that its actions come to.
 */
#ifndef KM_MIGRATE_PLAN_EDITOR_H
#define KM_MIGRATE_PLAN_EDITOR_H

#include "formats/ese/edit/editor.h"
#include "migrate/decide/plan.h"

struct apply;

/* Prepares the plan's changes.  model and plan are borrowed.  NULL, with f saying why, when memory
 * is short or an action cannot be applied. */
struct apply *apply_open(const struct model *model, const struct plan *plan, struct fault *f);
void apply_close(struct apply *apply);

/* What is to be asked about rows. */
const struct ese_editor *apply_editor(struct apply *apply);

#endif
