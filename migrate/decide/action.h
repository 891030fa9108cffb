/*
 * The actions that a plan is made of.
 *
 * What an action of each kind is called, says, does to rows and to the model stands in one record
 * of one table, in action.c: whoever shows, foresees or carries out actions asks here, and knows no
 * kinds.  Only the check of what was written (repair/expected.h) knows them for itself, so that it
 * is a second witness.
 */
#ifndef KM_MIGRATE_ACTION_H
#define KM_MIGRATE_ACTION_H

#include "migrate/console/json.h"
#include "migrate/judge/model.h"

#include <stdio.h>

enum action_kind {
    ACTION_WRITE_HEADER,     /* the header anew from its shadow */
    ACTION_DROP_INDEX_ENTRY, /* index, of table: its entry with key `value` for the row with primary
                                key `bookmark`, which is not there */
    ACTION_DROP_ENTRY,      /* entry: dropped; other: the one that survives, unless alone; text: why
                               it does */
    ACTION_SET_ROLE,        /* entry, role */
    ACTION_SET_TRUST,       /* entry, trust */
    ACTION_SET_NAME,        /* entry, text */
    ACTION_SET_IMPORTED,    /* entry, days */
    ACTION_SET_THUMBPRINT,  /* entry, value */
    ACTION_ADD_PROPERTIES,  /* entry, value: SST property elements put behind its own */
    ACTION_ADD_ENTRY,       /* entry: its new key; certificate, role, trust */
    ACTION_MOVE_REFERENCES, /* reference: all `count` rows that name entry name other instead */
    ACTION_MOVE_REFERENCE,  /* reference: the row `row`, which dangles, names other instead of entry
                             */
    ACTION_SET_ISSUING_CA,  /* value: 20 bytes; entry: where the setting names one by its key */
    ACTION_SET_MODE,        /* mode */
    ACTION_KINDS,
};

struct action {
    enum action_kind kind;
    int32_t entry, other;
    unsigned twin;      /* which of several entries of that key; see struct model_entry */
    unsigned reference; /* of the profile's */
    int32_t row;
    unsigned dangling; /* which of the model's dangling references a move ends */
    uint64_t count;
    unsigned certificate;
    unsigned part; /* ACTION_ADD_ENTRY: of the profile's lists, or values */
    enum model_role role;
    enum model_trust trust;
    enum model_mode mode;
    double days;
    struct bytes value;
    const char *text;
    const struct ese_table *table; /* of the store's catalog, as index is */
    const struct ese_index *index;
    struct bytes bookmark;
    bool quarantine; /* dropping takes a distinct certificate out of the list: its row is kept aside
                      */
    bool alone;      /* no entry takes the place of the dropped one, and none has to */
    bool optional;   /* the service would start without it: it keeps what a dropped copy had, or was
                        asked for */
    const char *why; /* one clause for the report; static, or in the plan's memory */
};

/* What an action does in the database. */
enum action_effect {
    EFFECT_HEADER,     /* no row changes; the file's header is written */
    EFFECT_INDEX,      /* no row changes; an index loses an entry that has none */
    EFFECT_DROP,       /* the entry goes */
    EFFECT_CELLS,      /* the entry's row gets action_cells() */
    EFFECT_PROPERTIES, /* of a list value: `value` is put behind the entry's own properties */
    EFFECT_ADD,        /* a new entry; in a list of rows one of action_cells() */
    EFFECT_MOVE_ALL,   /* the rows whose `reference` names `entry` name `other` */
    EFFECT_MOVE_ONE,   /* likewise the one row `row` */
    EFFECT_SETTING,    /* the setting action_setting() gets another value */
};

enum cell_kind {
    CELL_INTEGER,
    CELL_DATE,
    CELL_BYTES,
    CELL_HEX, /* bytes, written as hex digits */
    CELL_TEXT,
    CELL_ROLE,  /* in whatever columns the part of the list tells roles by: see profile/roles.h */
    CELL_TRUST, /* likewise */
};

/* One value that a row gets.  Of the members behind `kind` the one that it names is valid. */
struct action_cell {
    const char *column; /* as the profile calls it; NULL: it names none */
    bool optional;      /* where there is no such column, nothing is lost */
    enum cell_kind kind;
    int32_t integer;
    enum model_role role;
    enum model_trust trust;
    double date; /* days since 1899-12-30 */
    struct bytes bytes;
    const char *text; /* UTF-8 */
};

enum { ACTION_CELLS_MOST = 6 };

/* "drop-entry", "set-role", ...: stable words for JSON and the canonical text. */
const char *action_name(enum action_kind kind);

enum action_effect action_effect(enum action_kind kind);

/* Does the action concern one entry that is there: drop it, or change what is kept of it? */
bool action_is_of_entry(enum action_kind kind);

/* Does a list that is kept in a value have to be put together anew? */
bool action_changes_list(enum action_kind kind);

/* Is `certificate` what the action is about, so that a report shows it? */
bool action_shows_certificate(enum action_kind kind);

/* Is it shown before the others: narrowed trust is what an administrator may not expect. */
bool action_comes_first(enum action_kind kind);

/* The action as one line of canonical text, without a line end; returns as snprintf. */
int action_canonical(const struct model *model, const struct action *action, char *text,
                     size_t size);

/* Writes what is done, and why, as one sentence without a full stop.  It has text from the store as
 * it is: escape it. */
void action_sentence(const struct model *model, const struct action *action, FILE *to);

/* Writes the facts of the action as members of the map in hand: "entry", "role", ... */
void action_members(const struct model *model, const struct action *action, struct json *json);

/* The canonical text tells a name that is not to be shown. */
bool action_is_secret(const struct model *model, const struct action *action);

/* The values that a row gets: of EFFECT_CELLS and EFFECT_ADD.  Returns how many. */
unsigned action_cells(const struct model *model, const struct action *action,
                      struct action_cell cell[ACTION_CELLS_MOST]);

/* EFFECT_SETTING: which setting gets another value; see repair/plan_settings.h. */
enum profile_setting_kind action_setting(enum action_kind kind);

/* Makes the model what it would be after the action, as far as that is one entry's or a setting's
 * matter: what is dropped, and single references, see plan_judge(). */
void action_foresee(struct model *model, const struct action *action);

#endif
