/*
 * A row in words, for whoever compares two stores: the subject and role of an entry of the list,
 * the name of a setting.
 */
#ifndef KM_MIGRATE_ROWWORDS_H
#define KM_MIGRATE_ROWWORDS_H

#include "migrate/profile/profile.h"
#include "migrate/store/rows.h"

enum { ROW_WORDS = 700 };

/* What the current row is, by the profile: "issuing, CN=..." or "setting IssueMode".  False, and an
 * empty text, when the profile gives its table no meaning.  room: for values. */
bool row_words(struct rows *rows, const struct profile *profile, struct buffer *room,
               char text[ROW_WORDS]);

/* A setting's value as text, when the column holds the values of settings and this one is printable
 * ASCII of at most 64 characters: as V1V3, whose bytes say little.  False otherwise. */
bool row_setting_text(struct rows *rows, const struct profile *profile,
                      const struct ese_column *column, struct buffer *room, char text[65]);

#endif
