/* Rows that are kept to be tried: see trials.h. */
#include "migrate/judge/trials.h"

#include <stdlib.h>

enum {
    SPACED = 400,          /* rows of a reference, whatever they name */
    AT_DUPLICATES = 10000, /* rows that name a duplicate: all, where there are no more */
    VALUE_MOST = 4 * 1024 * 1024,
    BYTES_MOST = 4 * VALUE_MOST, /* of one kind */
};

static bool open_one(struct trial *t, unsigned most)
{
    *t = (struct trial){.step = 1, .most = most, .row = calloc(most, sizeof *t->row)};
    return t->row != NULL;
}

static void close_one(struct trial *t)
{
    for (unsigned i = 0; t->row && i < t->most; i++)
        buffer_free(&t->row[i].der);
    free(t->row);
}

struct trials *trials_open(void)
{
    struct trials *t = calloc(1, sizeof *t);
    if (t && open_one(&t->spaced, SPACED) && open_one(&t->at_duplicates, AT_DUPLICATES))
        return t;
    trials_close(t);
    return NULL;
}

void trials_close(struct trials *t)
{
    if (t) {
        close_one(&t->spaced);
        close_one(&t->at_duplicates);
    }
    free(t);
}

/* Is the row one that is kept?  It is counted. */
static bool is_due(struct trial *t)
{
    return (t->seen++ & (t->step - 1)) == 0;
}

/* Every other row goes; the room of its value stays, for another one. */
static void thin_out(struct trial *t)
{
    t->step *= 2;
    t->bytes = 0;
    for (unsigned i = 0; i < t->count; i += 2) {
        struct trial_row stays = t->row[i];
        t->row[i] = t->row[i / 2];
        t->row[i / 2] = stays;
        t->bytes += stays.der.size;
    }
    t->count = (t->count + 1) / 2;
}

static bool keep(struct trial *t, unsigned entry, struct bytes der, struct fault *f)
{
    while (t->count == t->most || t->bytes + der.size > BYTES_MOST)
        thin_out(t);
    if (((t->seen - 1) & (t->step - 1)) != 0)
        return true;
    struct trial_row *row = &t->row[t->count];
    row->entry = entry;
    buffer_clear(&row->der);
    if (!buffer_add(&row->der, der))
        return fault_no_memory(f, "rows that are tried");
    t->bytes += der.size;
    t->count++;
    return true;
}

bool trials_take(struct trials *t, struct rows *rows, const struct ese_column *proves,
                 unsigned entry, bool duplicate, struct buffer *room, struct fault *f)
{
    struct fault why;
    struct bytes der;
    bool null;
    fault_clear(&why); /* not all of it: of most rows nothing is wanted */
    bool spaced = is_due(&t->spaced), at_duplicate = duplicate && is_due(&t->at_duplicates);
    if (!spaced && !at_duplicate)
        return true;
    if (!rows_peek(rows, proves, room, &der, &null, &why)) {
        if (why.code == FAULT_NO_MEMORY)
            *f = why;
        return why.code != FAULT_NO_MEMORY;
    }
    if (null || der.size > VALUE_MOST)
        return true;
    return (!spaced || keep(&t->spaced, entry, der, f)) &&
           (!at_duplicate || keep(&t->at_duplicates, entry, der, f));
}
