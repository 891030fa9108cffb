/* What a plan changes in the bytes of a store: see changes.h. */
#include "migrate/repair/changes.h"

#include "migrate/repair/plan_editor.h"

/* Only the header, from its shadow, or the other way round: no row changes, so neither does
 * anything else. */
static bool change_header(struct changes *c, const struct assessment *a, struct fault *f)
{
    const struct ese_headers *hs = &a->store.db->headers;
    uint32_t size = hs->header.page_size;
    size_t got;
    if ((hs->primary == ESE_HEADER_GOOD) == (hs->shadow == ESE_HEADER_GOOD))
        return fault_set(f, FAULT_UNSUPPORTED, "the plan changes nothing in it");
    c->header.offset = hs->primary == ESE_HEADER_GOOD ? size : 0;
    if (!ese_file_read(a->store.db->file, c->header.offset, c->header_before, size, &got, f))
        return false;
    c->header.before = bytes_of(c->header_before, got);
    c->header.after = bytes_of(hs->raw, size);
    return true;
}

/* Before any row: one that is added may get the key, or the place in a unique index, of what goes.
 */
static bool drop_index_entries(struct ese_inplace *edit, const struct plan *plan, struct fault *f)
{
    for (size_t i = 0; i < plan->actions; i++) {
        const struct action *a = &plan->action[i];
        if (action_effect(a->kind) == EFFECT_INDEX &&
            !ese_inplace_drop_entry(edit, a->table, a->index, a->value, a->bookmark, f))
            return fault_context(f, "table %s", a->table->name);
    }
    return true;
}

bool changes_make(struct changes *c, const struct assessment *a, const struct changes_copy *copy,
                  const volatile sig_atomic_t *stop, struct fault *f)
{
    struct ese_inplace_options how = {.stop = stop,
                                      .copy = copy ? &copy->descriptor : NULL,
                                      .last_time = copy ? &copy->last_time : NULL};
    c->edit = NULL;
    c->header = (struct ese_inplace_piece){.offset = 0};
    struct plan_editor *editor = plan_editor_open(&a->model, &a->plan, f);
    if (editor == NULL)
        return false;
    bool ok = ese_inplace_open(a->store.db, &how, &c->edit, f) &&
              drop_index_entries(c->edit, &a->plan, f) &&
              ese_inplace_edit(c->edit, plan_editor_rows(editor), f) &&
              ese_inplace_finish(c->edit, f);
    plan_editor_close(editor);
    return ok && (ese_inplace_summary(c->edit)->pages > 0 || change_header(c, a, f));
}

void changes_close(struct changes *c)
{
    ese_inplace_close(c->edit);
    c->edit = NULL;
}

static bool only_header(const struct changes *c)
{
    return c->header.after.size > 0;
}

unsigned changes_pieces(const struct changes *c)
{
    return only_header(c) ? 1 : ese_inplace_pieces(c->edit);
}

bool changes_piece(const struct changes *c, unsigned i, struct ese_inplace_piece *piece,
                   struct fault *f)
{
    if (!only_header(c))
        return ese_inplace_piece(c->edit, i, piece, f);
    *piece = c->header;
    return true;
}

bool changes_has(const struct changes *c, uint64_t offset)
{
    uint32_t size = ese_inplace_page_size(c->edit);
    if (only_header(c))
        return offset == c->header.offset;
    return offset < 2 * (uint64_t)size ||
           ese_inplace_is_changed(c->edit, (uint32_t)(offset / size - 1));
}

bool changes_write(const struct changes *c, int descriptor, struct fault *f)
{
    return only_header(c) ? ese_inplace_write_at(descriptor, c->header.offset, c->header.after, f)
                          : ese_inplace_write_to(c->edit, descriptor, f);
}
