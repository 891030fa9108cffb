/*
 * A plan as an editor of rows: the changes to rows that its actions come to.
 */
#ifndef KM_MIGRATE_PLAN_EDITOR_H
#define KM_MIGRATE_PLAN_EDITOR_H

#include "formats/ese/edit/editor.h"
#include "migrate/decide/plan.h"

struct plan_editor;

/* Prepares the plan's changes.  model and plan are borrowed.  NULL, with f saying why, when memory
 * is short or an action cannot be applied. */
struct plan_editor *plan_editor_open(const struct model *model, const struct plan *plan,
                                     struct fault *f);
void plan_editor_close(struct plan_editor *editor);

/* What is to be asked about rows; valid until the editor is closed. */
const struct ese_editor *plan_editor_rows(struct plan_editor *editor);

#endif
