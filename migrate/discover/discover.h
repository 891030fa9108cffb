/*
 * Discovery: finding out where a store of unknown schema keeps its certificate list, and what
 * refers to it.
 *
 * Nothing is believed by name alone.  Binary columns are sampled for certificates; the list is the
 * one that holds issuers rather than what they issued.  An integer column is a reference when every
 * value in it is a key of the list and the certificates beside it name, as their issuer, the
 * subject of the entry they refer to.  Everything that was looked at is kept with the reason why it
 * was taken or not; what is only a guess is called one; where two answers are possible, none is
 * given.
 *
 * Bounds: the first rows of a table are sampled, values up to a size; whole tables are read only
 * for the keys of the list and for references; the sum of rows and bytes read is limited by the
 * file's size, so that hostile files cost no more than honest ones.  Of multi-valued columns only
 * first values are looked at.
 */
#ifndef KM_MIGRATE_DISCOVER_H
#define KM_MIGRATE_DISCOVER_H

#include "migrate/discover/discovery.h"

/* Searches an open store; hints: NULL for none.  Fails only when memory is short or hashes are not
 * to be had; nothing has to be closed then.  The discovery points into the store's catalog: close
 * it before the store. */
bool discover(struct store *store, const struct discover_hints *hints, struct discovery *d,
              struct fault *f);
void discover_close(struct discovery *d);

/* Tells in text what was found and why, each line behind `prefix` ("; " makes it comments of a
 * profile). Names of the store are shown with control characters replaced. */
void discover_explain(const struct discovery *d, const char *prefix, FILE *to);

/* Writes the draft as a profile, with the explanation as comments.  Without a list the candidates
 * for it are written as comments, to be chosen by hand. */
void discover_write(const struct discovery *d, FILE *to);

/* Words for reports and JSON: "two-lists", "certificate-list", "taken". */
const char *discover_result_name(enum discover_result result);
const char *discover_kind_name(enum discover_kind kind);
const char *discover_verdict_name(enum discover_verdict verdict);

#endif
