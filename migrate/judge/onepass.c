/* The model and the sweep on one pass: see onepass.h. */
#include "migrate/judge/onepass.h"
#include "migrate/judge/model_read.h"

#include <stdlib.h>

struct onepass {
    struct model *model;
    struct prover **prover;
    struct sweep *sweep;
    struct model_feed *feed;
    struct sweep_pass *sweeping;
    struct problems problems;
    bool model_wants, sweep_wants; /* the rows of the table in hand */
    bool partly;                   /* not every row was given */
    bool failed;                   /* memory was short: fault says so */
    struct fault fault;
    struct ese_check_reader reader;
};

static bool begin(void *context, const struct ese_table *table)
{
    struct onepass *p = context;
    if (p->failed || p->partly)
        return false;
    p->model_wants = model_feed_begin(p->feed, table);
    p->sweep_wants = sweep_wants(table);
    if (p->sweep_wants)
        p->failed = !sweep_begin(p->sweeping, table, &p->fault);
    return p->model_wants || p->sweep_wants;
}

static void row(void *context, const struct ese_record *record)
{
    struct onepass *p = context;
    if (!p->failed && p->model_wants)
        p->failed = !model_feed_row(p->feed, record, &p->fault);
    if (!p->failed && p->sweep_wants)
        p->failed = !sweep_row(p->sweeping, record, &p->fault);
}

static void end(void *context, bool whole)
{
    struct onepass *p = context;
    p->partly = p->partly || !whole;
    if (p->model_wants && !model_feed_end(p->feed, p->failed ? NULL : &p->fault))
        p->failed = true;
    if (p->sweep_wants && !sweep_end(p->sweeping, p->failed ? NULL : &p->fault))
        p->failed = true;
}

/* Closes all that was made. */
static void drop(struct onepass *p)
{
    sweep_close(p->sweep);
    prover_close(*p->prover);
    model_close(p->model);
    *p->prover = NULL;
    *p->sweep = (struct sweep){.unread = 0};
    *p->model = (struct model){.store = NULL};
}

struct onepass *onepass_open(struct store *store, const struct profile *profile,
                             enum profile_match match, const int64_t *at, struct model *model,
                             struct prover **prover, struct sweep *sweep, struct fault *f)
{
    struct onepass *p = calloc(1, sizeof *p);
    *prover = NULL;
    if (p == NULL) {
        fault_no_memory(f, NULL);
        return NULL;
    }
    p->model = model;
    p->prover = prover;
    p->sweep = sweep;
    p->reader = (struct ese_check_reader){p, begin, row, end};
    p->feed = model_open(model, store, profile, match, at, &p->problems, f);
    if (p->feed && (*prover = prover_open(model)) != NULL)
        p->sweeping = sweep_open(sweep, model, *prover);
    if (p->sweeping)
        return p;
    if (p->feed) {
        fault_no_memory(f, "the certificate list");
        model_feed_close(p->feed);
        drop(p);
    }
    problems_close(&p->problems);
    free(p);
    return NULL;
}

const struct ese_check_reader *onepass_reader(struct onepass *p)
{
    return &p->reader;
}

bool onepass_close(struct onepass *p, const struct ese_check_summary *s, struct problems *found,
                   bool *whole, struct fault *f)
{
    bool failed = p->failed;
    if (failed)
        *f = p->fault;
    *whole = model_feed_close(p->feed) && !failed && !p->partly && s->problems == 0 &&
             s->not_judged == 0 && !s->dirty && p->sweep->unread == 0 &&
             !prover_exhausted(*p->prover);
    sweep_finish(p->sweeping);
    if (*whole)
        problems_move(found, &p->problems);
    else
        drop(p);
    problems_close(&p->problems);
    free(p);
    return !failed;
}
