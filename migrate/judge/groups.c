/* Grouping the entries of a list: see groups.h. */
#include "migrate/judge/groups.h"

#include <stdlib.h>

static int compare_certificates(const struct model *m, enum grouping by, unsigned x, unsigned y)
{
    const struct model_certificate *a = &m->certificate[x], *b = &m->certificate[y];
    int order;
    switch (by) {
    case GROUP_SAME_CONTENT:
        return memcmp(a->tbs_sha256, b->tbs_sha256, sizeof a->tbs_sha256);
    case GROUP_IDENTITY:
        order = bytes_compare(a->x509.serial, b->x509.serial);
        return order ? order : bytes_compare(a->x509.issuer, b->x509.issuer);
    case GROUP_CA:
        order = memcmp(a->key_sha256, b->key_sha256, sizeof a->key_sha256);
        return order ? order : bytes_compare(a->x509.subject, b->x509.subject);
    }
    return 0;
}

bool groups_equal(const struct model *model, enum grouping by, unsigned a, unsigned b)
{
    return compare_certificates(model, by, a, b) == 0;
}

/* An entry while they are sorted, with the start of what its certificate is compared by: the
 * certificates lie all over the memory, and most comparisons end there. */
struct sorted {
    uint64_t start;
    unsigned entry;
};

/* Up to eight bytes as a number that sorts as they do. */
static uint64_t start_of(struct bytes b)
{
    uint64_t start = 0;
    for (size_t i = 0; i < sizeof start; i++)
        start = start << 8 | (i < b.size ? b.at[i] : 0);
    return start;
}

static uint64_t start_by(const struct model *m, enum grouping by, unsigned entry)
{
    const struct model_certificate *c = model_certificate_of(m, &m->entry[entry]);
    switch (by) {
    case GROUP_SAME_CONTENT:
        return start_of(bytes_of(c->tbs_sha256, sizeof c->tbs_sha256));
    case GROUP_IDENTITY:
        return start_of(c->x509.serial);
    case GROUP_CA:
        return start_of(bytes_of(c->key_sha256, sizeof c->key_sha256));
    }
    return 0;
}

static int compare_starts(const void *a, const void *b)
{
    const struct sorted *x = a, *y = b;
    if (x->start != y->start)
        return x->start < y->start ? -1 : 1;
    return (x->entry > y->entry) - (x->entry < y->entry); /* entries are in the order of keys */
}

static int compare_entries(const void *a, const void *b, void *context)
{
    const struct groups *g = context;
    const struct sorted *x = a, *y = b;
    int order = compare_certificates(g->model, g->by, g->model->entry[x->entry].certificate,
                                     g->model->entry[y->entry].certificate);
    return order ? order : (x->entry > y->entry) - (x->entry < y->entry);
}

/* Sorts those that start alike by the rest, unless they are all of one group: they are then sorted
 * already. */
static void sort_run(const struct groups *g, struct sorted *run, unsigned count)
{
    unsigned same = 1, first = g->model->entry[run->entry].certificate;
    while (same < count &&
           groups_equal(g->model, g->by, first, g->model->entry[run[same].entry].certificate))
        same++;
    if (same < count)
        qsort_r(run, count, sizeof *run, compare_entries, (void *)(uintptr_t)g);
}

static void sort(const struct groups *g, struct sorted *sorted)
{
    qsort(sorted, g->entries, sizeof *sorted, compare_starts);
    for (unsigned i = 0, end; i < g->entries; i = end) {
        for (end = i + 1; end < g->entries && sorted[end].start == sorted[i].start; end++)
            continue;
        sort_run(g, sorted + i, end - i);
    }
}

void groups_close(struct groups *g)
{
    free(g->entry);
    g->entry = NULL;
}

bool groups_open(struct groups *g, const struct model *model, enum grouping by)
{
    *g = (struct groups){.model = model, .by = by};
    g->entry = malloc((model->entries + 1) * sizeof *g->entry);
    struct sorted *sorted = malloc((model->entries + 1) * sizeof *sorted);
    bool ok = g->entry != NULL && sorted != NULL;
    for (unsigned i = 0; ok && i < model->entries; i++)
        if (model_certificate_of(model, &model->entry[i])->parsed)
            sorted[g->entries++] = (struct sorted){start_by(model, by, i), i};
    if (ok)
        sort(g, sorted);
    for (unsigned i = 0; i < g->entries; i++)
        g->entry[i] = sorted[i].entry;
    free(sorted);
    if (!ok)
        groups_close(g);
    return ok;
}

bool groups_next(struct groups *g, struct group *group)
{
    while (g->next < g->entries) {
        unsigned first = g->next++;
        unsigned certificate = g->model->entry[g->entry[first]].certificate;
        while (g->next < g->entries && groups_equal(g->model, g->by, certificate,
                                                    g->model->entry[g->entry[g->next]].certificate))
            g->next++;
        if (g->next - first > 1) {
            *group = (struct group){g->entry + first, g->next - first};
            return true;
        }
    }
    return false;
}

bool groups_is_one(const struct model *m, const struct group *group)
{
    for (unsigned i = 1; i < group->entries; i++)
        if (!groups_equal(m, GROUP_SAME_CONTENT, m->entry[group->entry[0]].certificate,
                          m->entry[group->entry[i]].certificate))
            return false;
    return true;
}
