/*
 * The store as it was before its repair in place, read through the undo file: the old bytes are
 * laid over the pages that were written.
 */
#ifndef KM_MIGRATE_UNDO_VIEW_H
#define KM_MIGRATE_UNDO_VIEW_H

#include "formats/ese/read/db.h"
#include "migrate/undo/file.h"

struct undo_view;

/*
 * From here on `db`, a database over the store that was opened before it was written, reads as the
 * store was.  undo and db are borrowed.  Memory is that of the pages that changed.  Fails with
 * FAULT_DAMAGED, FAULT_IO, FAULT_NO_MEMORY.
 */
bool undo_view_open(struct undofile *undo, struct ese_db *db, struct undo_view **view,
                    struct fault *f);

/* From here on it reads what is in the file.  NULL is allowed. */
void undo_view_close(struct undo_view *view);

#endif
