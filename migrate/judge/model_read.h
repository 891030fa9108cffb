/*
 * Reading the model of a store, or of a file of certificates.
 */
#ifndef KM_MIGRATE_MODEL_READ_H
#define KM_MIGRATE_MODEL_READ_H

#include "migrate/judge/model.h"

/* Reads the model of an open store.  Problems with single values go to `problems`; the rest is
 * still read. profile is borrowed.  at: seconds since 1970, or NULL for the store's own time.
 * Fails, naming table and place, when memory is short or the profile does not fit. */
bool model_read(struct model *model, struct store *store, const struct profile *profile,
                enum profile_match match, const int64_t *at, struct problems *problems,
                struct fault *f);
void model_close(struct model *model);

/* The model of a list that is a file of certificates: entries by their position, from 1, and
 * nothing else; store is NULL.  What is wrong with the list goes to `problems`.  `file` is
 * borrowed.  False when memory is short. */
bool model_read_file(struct model *model, struct bytes file, struct problems *problems,
                     struct fault *f);

/*
 * The same for somebody who goes over the rows of the tables himself, in the order of the catalog:
 * the list is read at once, users and references with the rows.  Of each table for which
 * model_feed_begin() is true: every row that can be read, in the order of the keys, and an end,
 * also after a failure.  NULL or false of a row or an end: as model_read().
 *
 * model_feed_close() frees the feed, not the model.  False: the model is not what model_read()
 * would make, and must be read by that.
 */
struct model_feed;

struct model_feed *model_open(struct model *model, struct store *store,
                              const struct profile *profile, enum profile_match match,
                              const int64_t *at, struct problems *problems, struct fault *f);
bool model_feed_begin(struct model_feed *feed, const struct ese_table *table);
bool model_feed_row(struct model_feed *feed, const struct ese_record *record, struct fault *f);
bool model_feed_end(struct model_feed *feed, struct fault *f);
bool model_feed_close(struct model_feed *feed);

#endif
