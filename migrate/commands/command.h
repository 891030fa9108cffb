/*
 * The commands of the program, and what they have in common: exit status, options, help.
 *
 * A command is one entry in the table in main.c and one file of its name.  Options are parsed from
 * the same tables that the help is printed from, so that the two cannot differ.
 */
#ifndef KM_MIGRATE_COMMAND_H
#define KM_MIGRATE_COMMAND_H

#include "migrate/console/status.h"
#include "migrate/decide/assessment.h"
#include "migrate/report/html.h"
#include "migrate/rescue/rescue.h"

#include <stdbool.h>
#include <stddef.h>

struct notes;
struct store;

enum { OPTION_LISTS = 7, OPTION_VALUES_MOST = 64 };

struct options {
    struct assess_options assess; /* what is said of the store and decided about it */
    bool json, quiet, structure, help, force, dry_run, keep_first, until_damage;
    bool tree, brief;
    bool remove_leftovers;
    bool recover, salvage;
    const char *color;        /* "auto", "always", "never" */
    const char *max_unpacked; /* a size; NULL: the default */
    const char *table, *output, *plan, *logs, *html;
    const char *export_to; /* a file */
    const char *doubtful, *schema_from;
    const char *const *drop_index;
    unsigned drop_indexes;
    const char *value[OPTION_LISTS][OPTION_VALUES_MOST]; /* of options that may be given often */
    unsigned lists;                                      /* which of these are taken */
    const char *operand[2];
    unsigned operands;
    const char **stores; /* of a command that takes several; operand[0] is the first of them.  Freed
                            by main() */
    struct notes *notes; /* what the rooms below have to say: main()'s, see told() */
};

struct option_spec {
    const char *name;       /* without the dashes; one letter: with one dash */
    const char *value_name; /* NULL: a flag */
    const char *help;
    size_t offset; /* in struct options: of a bool for a flag, of a const char * otherwise */
    size_t count;  /* may be given often: there is counted how often, and at `offset` is where the
                      values are; 0: once */
};

enum { COMMAND_STORES = 1000 }; /* one store (of explain: word) or more */

struct command {
    const char *name;
    const char *operands;   /* as the synopsis shows them */
    unsigned operand_count; /* or COMMAND_STORES */
    const char *summary;
    const struct option_spec *const
        *options; /* ends with NULL; the common ones are added to them */
    int (*run)(const struct options *options); /* returns a sum of enum exit_status */
};

/* Options of some commands, for their tables. */
extern const struct option_spec option_table, option_structure, option_profile,
    option_accept_discovered, option_at, option_superseded, option_issuing_ca, option_trust,
    option_keep, option_drop, option_reference, option_not_reference, option_mode,
    option_issuing_ca_is, option_not_list, option_migrate_to, option_export_to, option_output,
    option_plan, option_force, option_dry_run, option_keep_first, option_in_place, option_no_backup,
    option_verify_all, option_show_secrets, option_logs, option_until_damage, option_doubtful,
    option_schema_from, option_drop_index;
extern const struct option_spec option_remove_leftovers;
extern const struct option_spec option_recover, option_salvage, option_html, option_tree,
    option_brief;

/* Parses the arguments behind the command's name.  On failure the error is printed, and the status
 * is EXIT_USAGE; otherwise EXIT_CLEAN. */
int options_parse(const struct command *command, int argc, char **argv, struct options *options);

/* Prints what was noted (options->notes) while something was done that ended with `status`, and
 * returns that: told(options, store_open(&store, name, options->notes)).  Without it a note is
 * printed when the command has ended. */
int told(const struct options *options, int status);

/* What the options say to the rooms that ask: borrowed, as long as the options are there. */
struct rescue_options options_for_rescue(const struct options *options);
struct html_options options_for_page(const struct options *options);

/*
 * Takes from the process the right to write anywhere but where the options say, as far as the
 * kernel can do that (files/sandbox.h): before the first byte of an input is read.
 *
 * in_place: the store that is written itself, which is locked already; NULL: none is.
 */
void confine(const struct options *options, const struct store *in_place);

/* Whether an argument is an option of the command whose value is the argument behind it. */
bool option_wants_value(const struct command *command, const char *argument);

/* Whether what an option names as a file is standard output: "-". */
bool option_is_standard_output(const char *value);

/* Prints the command's help to standard output. */
void command_help(const struct command *command);

int cmd_info(const struct options *options);
int cmd_dump(const struct options *options);
int cmd_check(const struct options *options);
int cmd_repair(const struct options *options);
int cmd_migrate(const struct options *options);
int cmd_undo(const struct options *options);
int cmd_list(const struct options *options);
int cmd_settings(const struct options *options);
int cmd_show(const struct options *options);
int cmd_export(const struct options *options);
int cmd_diff(const struct options *options);
int cmd_compact(const struct options *options);
int cmd_salvage(const struct options *options);
int cmd_recover(const struct options *options);
int cmd_logs(const struct options *options);
int cmd_profile(const struct options *options);
int cmd_explain(const struct options *options);
void explain_help(void); /* prints what it knows by name, for its help */

#endif
