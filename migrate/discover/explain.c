/* Discovery: telling people what was found and why: see discover.h. */
#include <inttypes.h>

#include "migrate/console/words.h"
#include "migrate/discover/discover.h"
#include "migrate/discover/parts.h"

const char *discover_result_name(enum discover_result result)
{
    static const char *const names[] = {
        [DISCOVER_NOTHING] = "nothing",
        [DISCOVER_TWO_LISTS] = "two-lists",
        [DISCOVER_DOUBT] = "doubt",
        [DISCOVER_COMPLETE] = "complete",
    };
    return names[result];
}

const char *discover_kind_name(enum discover_kind kind)
{
    static const char *const names[] = {
        [DISCOVER_OTHER] = "other",
        [DISCOVER_OPAQUE] = "opaque",
        [DISCOVER_DECOY] = "unreadable-certificates",
        [DISCOVER_CRLS] = "revocation-lists",
        [DISCOVER_CERTIFICATES] = "certificates",
        [DISCOVER_LISTS] = "lists",
        [DISCOVER_LIST_VALUE] = "list-value",
        [DISCOVER_LIST] = "list",
    };
    return names[kind];
}

const char *discover_verdict_name(enum discover_verdict verdict)
{
    static const char *const names[] = {
        [DISCOVER_NOT_TAKEN] = "not-taken",
        [DISCOVER_UNDECIDED] = "undecided",
        [DISCOVER_GUESSED] = "guessed",
        [DISCOVER_TAKEN] = "taken",
    };
    return names[verdict];
}

/* A heading behind an empty line. */
static void heading(const char *prefix, FILE *to)
{
    size_t size = strlen(prefix);
    while (size > 0 && prefix[size - 1] == ' ')
        size--;
    fprintf(to, "%.*s\n%s", (int)size, prefix, prefix);
}

static void explain_columns(const struct discovery *d, const char *prefix, FILE *to)
{
    if (d->columns) {
        heading(prefix, to);
        fputs("Binary columns with something in them:\n", to);
    }
    for (unsigned i = 0; i < d->columns; i++) {
        const struct discover_column *c = &d->column[i];
        fprintf(to, "%s  %s.%s: %s%s: %s\n", prefix, discover_name(c->table->name),
                discover_name(c->column->name), discover_kind_name(c->kind),
                c->chosen ? ", chosen" : "", c->why);
    }
}

static void explain_notes(const struct discovery *d, const char *prefix, FILE *to)
{
    if (d->notes) {
        heading(prefix, to);
        fputs("Other parts of the profile:\n", to);
    }
    for (unsigned i = 0; i < d->notes; i++) {
        const struct discover_note *n = &d->note[i];
        fprintf(to, "%s  %s: %s%s\n", prefix, n->key,
                n->left_out ? "left out: "
                : n->guess  ? "GUESSED: "
                            : "",
                n->text);
    }
}

static void explain_references(const struct discovery *d, const char *prefix, FILE *to)
{
    if (d->references) {
        heading(prefix, to);
        fprintf(to, "Integer columns, as references to the list's %s:\n",
                counted(d->entries, "entry", "entries"));
    }
    for (int verdict = DISCOVER_TAKEN; verdict >= DISCOVER_NOT_TAKEN; verdict--)
        for (unsigned i = 0; i < d->references; i++) {
            const struct discover_reference *r = &d->reference[i];
            if ((int)r->verdict != verdict)
                continue;
            fprintf(to, "%s  %s.%s: %s: %s\n", prefix, discover_name(r->table->name),
                    discover_name(r->column->name),
                    verdict == DISCOVER_GUESSED     ? "GUESSED"
                    : verdict == DISCOVER_UNDECIDED ? "UNDECIDED"
                    : verdict == DISCOVER_TAKEN     ? "taken"
                                                    : "not taken",
                    r->why);
        }
}

void discover_explain(const struct discovery *d, const char *prefix, FILE *to)
{
    fprintf(to, "%sResult: %s: %s.\n", prefix, discover_result_name(d->result), d->why);
    if (d->damaged)
        fprintf(to,
                "%s%" PRIu64
                " places of the store could not be read; see kmmigrate check --structure.\n",
                prefix, d->damaged);
    explain_columns(d, prefix, to);
    explain_references(d, prefix, to);
    explain_notes(d, prefix, to);
}

/* A line of a rival list, as a comment. */
static void write_choice(const char *key, const char *value, FILE *to)
{
    fprintf(to, ";%s = %s\n", key, discover_name(value));
}

static void write_choices(const struct discovery *d, FILE *to)
{
    fprintf(to, "; To choose a list: kmmigrate profile STORE --table TABLE, or take the ; away "
                "from one:\n");
    for (unsigned i = 0; i < d->columns; i++) {
        const struct discover_column *c = &d->column[i];
        const struct ese_column *key = discover_table_key(c->table);
        if (!c->usable)
            continue;
        fprintf(to, "\n;[%s]\n", c->kind == DISCOVER_LIST ? "list" : "list-value");
        write_choice("table", c->table->name, to);
        if (c->kind == DISCOVER_LIST) {
            write_choice("key", key->name, to);
            write_choice("certificate", c->column->name, to);
        } else {
            write_choice("column", c->column->name, to);
            if (c->join)
                write_choice("join", c->join->name, to);
            if (c->select) {
                write_choice("select", c->select->name, to);
                write_choice("equals", c->select_text, to);
            }
        }
    }
}

void discover_write(const struct discovery *d, FILE *to)
{
    fprintf(
        to,
        "; A profile drafted by kmmigrate " KM_VERSION
        " from what a store holds. Nothing of it is known "
        "from its maker:\n"
        "; read what was found and why, check what is GUESSED or UNDECIDED, then give the file as "
        "--profile FILE.\n"
        "; The form is described in kmmigrate-profile(5).\n"
        ";\n");
    discover_explain(d, "; ", to);
    fputc('\n', to);
    profile_write(&d->profile, to);
    if (d->result == DISCOVER_TWO_LISTS)
        write_choices(d, to);
}
