/* Keys of what is in conflict: see parts.h. */
#include "formats/ese/salvage/parts.h"

bool salvage_mark(struct salvage_marks *m, struct bytes key, uint32_t page, uint32_t bits,
                  struct fault *f)
{
    uint8_t *copy = malloc(key.size + 1);
    if (copy == NULL || !array_reserve(&m->at, &m->room, m->count + 1, sizeof *m->at)) {
        free(copy);
        return fault_no_memory(f, "rows in conflict");
    }
    if (key.size > 0)
        memcpy(copy, key.at, key.size);
    m->at[m->count++] = (struct salvage_mark){bytes_of(copy, key.size), page, bits};
    m->sorted = false;
    return true;
}

static int compare_marks(const void *a, const void *b)
{
    const struct salvage_mark *x = a, *y = b;
    int order = bytes_compare(x->key, y->key);
    return order ? order : (x->page > y->page) - (x->page < y->page);
}

void salvage_marks_sort(struct salvage_marks *m)
{
    size_t to = 0;
    if (m->count > 0)
        qsort(m->at, m->count, sizeof *m->at, compare_marks);
    for (size_t i = 0; i < m->count; i++) {
        if (to > 0 && bytes_equal(m->at[to - 1].key, m->at[i].key)) {
            m->at[to - 1].bits |= m->at[i].bits;
            m->at[to - 1].page = m->at[i].page;
            free((void *)(uintptr_t)m->at[i].key.at);
        } else {
            m->at[to++] = m->at[i];
        }
    }
    m->count = to;
    m->sorted = true;
}

const struct salvage_mark *salvage_marked(const struct salvage_marks *m, struct bytes key)
{
    struct halving h = {.high = m->count};
    while (halving_next(&h))
        halving_go(&h, bytes_compare(m->at[h.middle].key, key) < 0);
    return h.low < m->count && bytes_equal(m->at[h.low].key, key) ? &m->at[h.low] : NULL;
}

void salvage_marks_close(struct salvage_marks *m)
{
    for (size_t i = 0; i < m->count; i++)
        free((void *)(uintptr_t)m->at[i].key.at);
    free(m->at);
    *m = (struct salvage_marks){.at = NULL};
}
