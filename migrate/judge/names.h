/*
 * How references name entries where that is no integer of 32 bits: by a key that is text, bytes, a
 * GUID or a longer integer, and by the SHA-1 of the certificate.
 *
 * Inside the model a key is always a number.  Keys that are none are numbered from 1, in the order
 * in which the list's rows bring them; what no entry is called has the number model->no_key.
 */
#ifndef KM_MIGRATE_NAMES_H
#define KM_MIGRATE_NAMES_H

#include "migrate/judge/model.h"

enum { NAMES_TEXT = 520 }; /* bytes of a key for people, with the zero byte */

/* The number of a key that is bytes, which is given one when it is new.  False when memory is
 * short. */
bool names_add_key(struct model *model, struct bytes key, int32_t *number, struct fault *f);

/* Its number; no_key: no entry has it. */
int32_t names_key(const struct model *model, struct bytes key);

/* The order of two keys that are bytes: 0 for text that differs in the case of ASCII letters alone,
 * as it is to the engine's indexes. */
int names_compare_keys(const struct model *model, struct bytes a, struct bytes b);

/* The bytes of a numbered key; none for a number that was not given. */
struct bytes names_key_bytes(const struct model *model, int32_t number);

/* The list's key column; NULL: the list is not in rows. */
const struct ese_column *names_key_column(const struct model *model);

/* The key for people, as `list` shows it: text in UTF-8, else hex digits.  A list whose keys are
 * integers: the number. */
const char *names_key_text(const struct model *model, int32_t key, char to[NAMES_TEXT]);

/* After the list was read and sorted: makes hashes findable, and chooses no_key. */
bool names_index(struct model *model, struct fault *f);

/* Does the which-th reference of the profile hold bytes, and no integer? */
bool names_is_bytes(const struct model *model, unsigned which);

/* Asks `take` about the key of each entry that a reference in the row in hand names, one after the
 * other where the column has several values; no_key for what names none.  What cannot be read, or
 * does not fit, is told by rows_end().  False when `take` said so. */
bool names_each(const struct model *model, unsigned which, struct rows *rows,
                const struct ese_column *column, bool (*take)(void *context, int32_t key),
                void *context);

/* The key of the entry that one value of a reference's column names.  False: it names nothing, or
 * (f->code) is a number that does not fit. */
bool names_in_value(const struct model *model, unsigned which, const struct ese_column *column,
                    struct bytes value, int32_t *key, struct fault *f);

/* Is a number in a reference by key, 0 or -1, no name at all?  Where a certificate beside it tells
 * that there has to be one, or an entry has that key, it is one. */
bool names_none(const struct model *model, unsigned which, struct bytes number);

/* The key of the entry that such bytes name; no_key: none. */
int32_t names_entry(const struct model *model, unsigned which, struct bytes value);

/* The same for an issuer's name and a serial number. */
int32_t names_identity(const struct model *model, struct bytes issuer, struct bytes serial);

/* What such a reference holds that names the entry `key`, which has to be there, or, by hash, the
 * model's certificate of that number; old: what stands there.  False when that does not do, or
 * memory is short (to->failed). */
bool names_value(const struct model *model, unsigned which, int32_t key, unsigned certificate,
                 struct bytes old, struct buffer *to);

/* What a decision calls an entry: the number that reports have, or #NUMBER, and where keys are no
 * integers also a key as names_key_text() gives it.  False, with the fault set, for what names none
 * of the sort, or two entries at once. */
bool names_parse(const struct model *model, const char *text, int32_t *key, struct fault *f);

void names_close(struct model *model);

#endif
