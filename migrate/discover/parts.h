/*
 * The steps of discovery, for each other: discover.c (the order of things, choosing the list),
 * discover/sample.c (what columns hold), discover/keys.c (which column is the list's key),
 * discover/rows.c and discover/values.c (lists in some rows, in several values), discover/copies.c
 * (what copies say), discover/lacking.c (which CAs the list has not), discover/list.c (the list's
 * other columns, settings), discover/references.c (what refers to the list), discover/roles.c (role
 * and trust), discover/telling.c (what tells issuers otherwise), discover/explain.c (telling it).
 * What they work with is in tools.h.
 */
#ifndef KM_MIGRATE_DISCOVER_PARTS_H
#define KM_MIGRATE_DISCOVER_PARTS_H

#include "formats/certs/x509.h"
#include "migrate/discover/tools.h"

/* ---- discover/sample.c ---- */

/* Is the row in hand the one that tells a list value's row from the others? */
bool discover_selects(struct discover_run *run, struct rows *rows, const struct discover_column *c);

/* Samples every user table, and says of each binary column what it holds. */
void discover_sample(struct discover_run *run);

/* ---- discover/framing.c ---- */

/* Could a value be items in a row (formats/certs/items.h)?  Looks for a certificate behind a few
 * bytes of header at the start, and no further; value may be the first part of one. */
bool discover_may_be_items(struct bytes value);

/* Does a layout fit a whole value to the last byte?  At least two items, each a certificate with
 * nothing behind it, and the same bytes before each but for the size. */
bool discover_fits(struct bytes value, const struct items_layout *layout);

/* Tries all layouts on a whole value.  True, form filled, when one of them fits. */
bool discover_items(struct bytes value, struct certlist_form *form);

/* ---- discover/pieces.c ---- */

/* Joins the rows of a column that has a join.  False when they are no pieces, or memory is short,
 * which the run notes. */
bool discover_join(struct discover_run *run, const struct discover_column *c, struct buffer *whole);

/* Is it a list to its last byte?  How many certificates it has, and how many of them are
 * self-issued; 0: it is none. */
unsigned discover_whole_list(struct bytes value, struct certlist_form *form,
                             enum certlist_kind *kind, unsigned *self_issued);

/* Looks for columns whose rows are the pieces of a list. */
void discover_pieces(struct discover_run *run);

/* ---- discover/around.c ---- */

/* Does something stand in the value that may be a list, behind a header or packed? */
bool discover_may_be_around(struct bytes value);

/* The list of at least two certificates that a value is behind a header of up to 64 bytes, or
 * packed: what stands around it, and what it is.  Returns how many certificates it has; 0: it is
 * none. */
unsigned discover_around(struct discover_run *run, struct bytes value, struct wrapping *around,
                         struct certlist_form *form, enum certlist_kind *kind);

/* ---- discover/keys.c ---- */

/* Can a column hold keys, or references to them: an integer, Text, Binary or GUID of one value? */
bool discover_can_name(const struct ese_column *column);

/* Can what stands in the one name what stands in the other? */
bool discover_same_sort(const struct ese_column *a, const struct ese_column *b);

/* What the column says in the row in hand: its integer, or the hash of its bytes.  False: nothing.
 */
bool discover_name_of(struct discover_run *run, struct rows *rows, const struct ese_column *column,
                      int64_t *name);

/* Can some column of the table be the key that references name? */
bool discover_can_have_key(const struct ese_table *table);

/* Chooses the key of a list in rows: run->list_key, and the draft's.  False: it has none, or
 * nothing proves that its parts are one list; a note says so. */
bool discover_key(struct discover_run *run);

/* ---- discover/rows.c ---- */

/* The subjects, hashed and ascending, by whom sampled certificates of others were issued; the
 * caller frees them.  NULL: memory is short. */
uint64_t *discover_issuers(struct discover_run *run, size_t *count);
bool discover_is_among(uint64_t name, const uint64_t *names, size_t count);

/* A table with certificates of issuers and of others, and a column that tells which are which.
 * *rows: the condition that the issuers' rows meet; the caller frees it.  NULL: there is none, or
 * more than one. */
struct discover_column *discover_rows(struct discover_run *run, struct condition *rows);

/* ---- discover/values.c ---- */

/* Is the column's list in several values, of rows whose names differ in a number alone?  Drafts
 * them.  False: it is not; or the values may be something else: then the run is undecided, and a
 * note says so. */
bool discover_numbered(struct discover_run *run, struct discover_column *column);

/* ---- discover/list.c ---- */

/* Reads the keys of the chosen list, and recognises its other columns. */
void discover_list(struct discover_run *run);

/* Why the list's only text column cannot be the certificates' names, which a repair merges; NULL:
 * it can. */
const char *discover_no_names(struct discover_run *run);

/* Is a certificate in the list more than once? */
bool discover_has_copies(const struct discover_run *run);

/* Doubts a list that lacks the CAs which issued the store's certificates. */
void discover_lacking(struct discover_run *run);

/* ---- discover/settings.c ---- */

/* Finds the table of settings, by what it says of the list. */
void discover_settings(struct discover_run *run);

/* The SHA-1 of the certificate that the settings name as the issuing CA's.  False: they name none.
 */
bool discover_issuing(struct discover_run *run, uint8_t sha1[HASH_SHA1_SIZE]);

/* The entry with that key or hash; NULL: none. */
const struct discover_entry *discover_find(const struct discover_run *run, int64_t name);
const struct discover_entry *discover_find_sha1(const struct discover_run *run,
                                                const uint8_t sha1[HASH_SHA1_SIZE]);

/* Is the list, or a part of it, in rows of that table? */
bool discover_is_list_table(const struct discover_run *run, const struct ese_table *table);

/* Moves to the next row of a table that is of that part of the list. */
bool discover_next_of(struct discover_run *run, unsigned part, struct rows *rows);

/* Moves to the next row that is of the list; *entry: the one that it is, NULL when its key cannot
 * be read. */
bool discover_next_entry(struct discover_run *run, unsigned part, struct rows *rows,
                         const struct discover_entry **entry);

/* ---- discover/roles.c ---- */

/* Recognises the columns for role and trust, after the settings. */
void discover_roles(struct discover_run *run);

/* ---- discover/telling.c ---- */

/* What a column of numbers tells of the certificates beside it, while its table is read. */
struct telling;

/* NULL: memory is short. */
struct telling *discover_telling_open(void);
void discover_telling_close(struct telling *t);

/* One row: its number, who issued its certificate, and that one's version. */
void discover_telling_row(struct telling *t, int64_t value, uint64_t issuer, int version);

/* Does each number stand beside certificates of one issuer only, there being several of both?  Not
 * where it is the certificates' version. */
bool discover_tells_issuers(const struct telling *t);

/* ---- discover/references.c ---- */

/* What of a table can be asked who issued it: its certificates, else its revocation lists; NULL:
 * neither. */
const struct discover_column *discover_proof(const struct discovery *d,
                                             const struct ese_table *table);

/* Who issued what stands there in the row in hand, hashed, and the certificate's version (0 for a
 * revocation list). */
bool discover_issuer(struct discover_run *run, const struct discover_column *proof,
                     struct rows *rows, uint64_t *issuer, int *version);

void discover_references(struct discover_run *run);

#endif
