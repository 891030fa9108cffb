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

static int compare_entries(const void *a, const void *b, void *context)
{
    const struct groups *g = context;
    unsigned x = *(const unsigned *)a, y = *(const unsigned *)b;
    int order = compare_certificates(g->model, g->by, g->model->entry[x].certificate,
                                     g->model->entry[y].certificate);
    return order ? order : (x > y) - (x < y); /* entries are in the order of their keys */
}

bool groups_equal(const struct model *model, enum grouping by, unsigned a, unsigned b)
{
    return compare_certificates(model, by, a, b) == 0;
}

bool groups_open(struct groups *g, const struct model *model, enum grouping by)
{
    *g = (struct groups){.model = model, .by = by};
    g->entry = malloc((model->entries + 1) * sizeof *g->entry);
    if (g->entry == NULL)
        return false;
    for (unsigned i = 0; i < model->entries; i++)
        if (model_certificate_of(model, &model->entry[i])->parsed)
            g->entry[g->entries++] = i;
    qsort_r(g->entry, g->entries, sizeof *g->entry, compare_entries, g);
    return true;
}

void groups_close(struct groups *g)
{
    free(g->entry);
    g->entry = NULL;
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
