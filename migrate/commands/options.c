/* Parsing options and printing help from the same tables: see command.h. */
#include "migrate/commands/command.h"
#include "migrate/commands/planid.h"
#include "formats/ese/log/set.h"
#include "formats/path.h"
#include "migrate/console/message.h"
#include "migrate/files/beside.h"

#include <ctype.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define AT(member) offsetof(struct options, member)

static const struct option_spec option_json = {"json", NULL, "print JSON instead of text", AT(json),
                                               0};
static const struct option_spec option_quiet = {
    "quiet", NULL, "print no warnings and no progress; check: only the verdict", AT(quiet), 0};
static const struct option_spec option_color = {"color", "WHEN", "colour: auto, always or never",
                                                AT(color), 0};
static const struct option_spec option_max_unpacked = {
    "max-unpacked", "SIZE", "most that a .gz may unpack to, as 512M or 8G; default 4G",
    AT(max_unpacked), 0};
static const struct option_spec option_help = {"help", NULL, "print this help", AT(help), 0};
const struct option_spec option_table = {"table", "T", "the table to show", AT(table), 0};
const struct option_spec option_structure = {
    "structure", NULL, "rule R1 alone: the structure of any ESE database", AT(structure), 0};
const struct option_spec option_profile = {
    "profile", "FILE", "where the store keeps what, or km55; see kmmigrate-profile(5)",
    AT(assess.reading.profile), 0};
const struct option_spec option_accept_discovered = {
    "accept-discovered", NULL, "repair by what discovery found, without a profile",
    AT(assess.reading.accept_discovered), 0};
const struct option_spec option_at = {
    "at", "TIME", "judge dates as of TIME (1999-12-31) instead of the store's own time",
    AT(assess.reading.at), 0};
const struct option_spec option_superseded = {"superseded", "WHAT",
                                              "older certificates of a CA: keep (default) or drop",
                                              AT(assess.decisions.superseded), 0};
const struct option_spec option_issuing_ca = {
    "issuing-ca", "FILE", "the issuing CA's certificate, or the path that ends in it",
    AT(assess.decisions.issuing_ca), 0};
const struct option_spec option_trust = {"trust", "E=yes|no", "decide on the trust of entry E",
                                         AT(assess.decisions.trust), AT(assess.decisions.trusts)};
const struct option_spec option_keep = {"keep", "ENTRY",
                                        "of the duplicates of this entry, it stays",
                                        AT(assess.decisions.keep), AT(assess.decisions.keeps)};
const struct option_spec option_drop = {
    "drop", "ENTRY", "of several duplicates, or of what is no certificate, this entry goes",
    AT(assess.decisions.drop), AT(assess.decisions.drops)};
const struct option_spec option_mode = {"mode", "MODE",
                                        "the mode, V1, V1V3 or V3, where it is not in the store",
                                        AT(assess.reading.mode), 0};
const struct option_spec option_issuing_ca_is = {
    "issuing-ca-is", "E|SHA1", "the issuing CA, where the store has no such setting",
    AT(assess.reading.issuing_ca_is), 0};
const struct option_spec option_reference = {
    "reference", "T.C", "column C of table T refers to the list", AT(assess.reading.reference),
    AT(assess.reading.references)};
const struct option_spec option_not_reference = {
    "not-a-reference", "T.C", "column C of table T does not refer to the list",
    AT(assess.reading.not_reference), AT(assess.reading.not_references)};
const struct option_spec option_not_list = {
    "not-a-list", "T.C", "what column C of table T holds is no list", AT(assess.reading.not_list),
    AT(assess.reading.not_lists)};
const struct option_spec option_migrate_to = {"to", "MODE", "the mode to switch to: V3 or V1V3",
                                              AT(assess.decisions.to), 0};
const struct option_spec option_export_to = {
    "to", "FILE", "where to: FILE.pem, FILE.p7b, FILE.sst, FILE.dot, or - for PEM", AT(export_to),
    0};
const struct option_spec option_output = {"o", "NEW", "write the repaired store to NEW", AT(output),
                                          0};
const struct option_spec option_plan = {
    "plan", "ID", "apply only the plan with this id (or its first 8 or more digits)", AT(plan), 0};
const struct option_spec option_logs = {
    "logs", "DIR", "where the logs are; without it, beside STORE", AT(logs), 0};
const struct option_spec option_until_damage = {
    "until-damage", NULL, "recover up to where the logs are damaged or end; the rest is lost",
    AT(until_damage), 0};
const struct option_spec option_recover = {
    "recover", NULL, "replay the logs first, and repair what comes out", AT(recover), 0};
const struct option_spec option_force = {"force", NULL, "replace NEW or FILE if it exists",
                                         AT(force), 0};
const struct option_spec option_brief = {
    "brief", NULL, "one line a store: path, verdict, findings, plan", AT(brief), 0};
const struct option_spec option_tree = {"tree", NULL, "each entry below the one that issued it",
                                        AT(tree), 0};
const struct option_spec option_html = {
    "html", "FILE", "write the report as a page, too, with pictures", AT(html), 0};
const struct option_spec option_salvage = {
    "salvage", NULL, "get out of a damaged store what can be had, and repair that", AT(salvage), 0};
const struct option_spec option_dry_run = {"dry-run", NULL, "only show the plan, as without -o",
                                           AT(dry_run), 0};

const struct option_spec option_keep_first = {
    "keep-first", NULL, "of rows with one key of a unique index, keep the first", AT(keep_first),
    0};
const struct option_spec option_verify_all = {
    "verify-all", NULL, "prove every reference, not only what a repair touches",
    AT(assess.verify_all), 0};
const struct option_spec option_show_secrets = {"show-secrets", NULL,
                                                "show columns that only look secret by their name",
                                                AT(assess.reading.show_secrets), 0};
const struct option_spec option_in_place = {"in-place", NULL,
                                            "repair STORE itself, with a backup and an undo file",
                                            AT(assess.in_place), 0};
const struct option_spec option_no_backup = {
    "no-backup", NULL, "with --in-place: without a full copy before", AT(assess.no_backup), 0};
const struct option_spec option_remove_leftovers = {
    "remove-leftovers", NULL, "remove unfinished files of a run that was killed",
    AT(remove_leftovers), 0};

const struct option_spec option_doubtful = {
    "doubtful", "WHAT", "write all doubtful rows (keep) or none (drop)", AT(doubtful), 0};
const struct option_spec option_schema_from = {
    "schema-from", "OTHER", "an older copy, whose catalog names tables that are lost",
    AT(schema_from), 0};
const struct option_spec option_drop_index = {"drop-index", "T.I", "leave out index I of table T",
                                              AT(drop_index), AT(drop_indexes)};

static const struct option_spec *const common[] = {
    &option_json, &option_quiet, &option_color, &option_max_unpacked, &option_help, NULL};

static const struct option_spec *find_in(const struct option_spec *const *specs, const char *name,
                                         size_t size)
{
    for (; specs && *specs; specs++)
        if (strlen((*specs)->name) == size && memcmp((*specs)->name, name, size) == 0)
            return *specs;
    return NULL;
}

static const struct option_spec *find(const struct command *command, const char *name, size_t size)
{
    const struct option_spec *spec = find_in(command->options, name, size);
    return spec ? spec : find_in(common, name, size);
}

bool option_wants_value(const struct command *command, const char *argument)
{
    bool letter = argument[1] != '-';
    const char *name = argument + (letter ? 1 : 2);
    const struct option_spec *spec = find(command, name, strlen(name));
    return spec != NULL && letter == (strlen(name) == 1) && spec->value_name != NULL;
}

bool option_is_standard_output(const char *value)
{
    return strcmp(value, "-") == 0;
}

static int usage(const struct command *command, const char *what, const char *about)
{
    return message_usage("%s: %s%s%s; see kmmigrate %s --help", command->name, what,
                         about ? ": " : "", about ? about : "", command->name);
}

static int store_value(const struct command *command, const struct option_spec *spec,
                       const char *value, struct options *options)
{
    void *place = (char *)options + spec->offset;
    if (spec->count == 0) {
        *(const char **)place = value;
        return EXIT_CLEAN;
    }
    unsigned *count = (unsigned *)(void *)((char *)options + spec->count);
    const char *const **list = place;
    if (*count == OPTION_VALUES_MOST)
        return usage(command, "this option was given too often", spec->name);
    if (*count == 0)
        *list = (const char *const *)options->value[options->lists++];
    ((const char **)(uintptr_t)*list)[(*count)++] = value;
    return EXIT_CLEAN;
}

/* Stores one option; *i moves over a value that stands in the next argument. */
static int take_option(const struct command *command, int argc, char **argv, int *i,
                       struct options *options)
{
    bool letter = argv[*i][1] != '-';
    const char *name = argv[*i] + (letter ? 1 : 2), *equals = strchr(name, '=');
    const char *value = equals ? equals + 1 : NULL;
    size_t size = equals ? (size_t)(equals - name) : strlen(name);
    const struct option_spec *spec = find(command, name, size);
    if (spec == NULL || letter != (size == 1))
        return usage(command, "unknown option", argv[*i]);
    if (spec->value_name == NULL) {
        if (value)
            return usage(command, "this option takes no value", argv[*i]);
        *(bool *)((char *)options + spec->offset) = true;
        return EXIT_CLEAN;
    }
    if (value == NULL && *i + 1 < argc)
        value = argv[++*i];
    if (value == NULL)
        return usage(command, "this option needs a value", argv[*i]);
    return store_value(command, spec, value, options);
}

/* "512M": bytes, or with K, M, G or T that many times 1024.  False: it is no size. */
static bool read_size(const char *text, uint64_t *size)
{
    static const char units[] = "KMGT";
    char *end;
    errno = 0;
    unsigned long long number = strtoull(text, &end, 10);
    const char *unit = *end ? strchr(units, toupper((unsigned char)*end)) : NULL;
    unsigned shift = unit ? 10 * (unsigned)(unit - units + 1) : 0;
    if (!isdigit((unsigned char)text[0]) || errno != 0 || (*end && (unit == NULL || end[1])) ||
        number == 0 || number > UINT64_MAX >> shift)
        return false;
    *size = (uint64_t)number << shift;
    return true;
}

static int use_max_unpacked(const struct command *command, const char *text)
{
    uint64_t size;
    if (text == NULL)
        return EXIT_CLEAN;
    if (!read_size(text, &size))
        return usage(command, "--max-unpacked takes a size such as 512M or 8G, not", text);
    ese_file_set_unpacked_most(size);
    return EXIT_CLEAN;
}

/* A store or a page with a log's name would take that log's place, or be taken for one. */
static bool has_name_of_log(const char *output)
{
    char base[ESE_LOG_BASE_SIZE + 1];
    int32_t generation;
    unsigned digits;
    return ese_log_name_read(path_last(output), base, &generation, &digits) != ESE_LOG_NAME_NONE;
}

/* NAME.kmundo: the store NAME would be taken for one whose repair was interrupted. */
static bool has_name_of_undo_file(const char *output)
{
    const char *name = path_last(output);
    char store[NAME_MAX + 1];
    for (size_t i = 0; name[i] != '\0' && i < sizeof store; i++) {
        if (name[i] == '.') {
            store[i] = '\0';
            if (beside_undo_number(name, store) > 0)
                return true;
        }
        store[i] = name[i];
    }
    return false;
}

/* Usage error where a new file would be taken for something else that lies beside a store. */
static int check_new_name(const struct command *command, const char *option, const char *path)
{
    char expected[96];
    if (path && option_is_standard_output(path)) {
        snprintf(expected, sizeof expected,
                 "%s writes a file, not standard output; ./- is one of that name", option);
        return usage(command, expected, NULL);
    }
    const char *taken = path == NULL                  ? NULL
                        : has_name_of_log(path)       ? "a log, a reserve or a checkpoint"
                        : has_name_of_undo_file(path) ? "an undo file"
                                                      : NULL;
    if (taken == NULL)
        return EXIT_CLEAN;
    snprintf(expected, sizeof expected, "%s takes no name of %s, such as", option, taken);
    return usage(command, expected, path);
}

static int check_values(const struct command *command, const struct options *options)
{
    if (options->help)
        return EXIT_CLEAN;
    const char *color = options->color;
    if (strcmp(color, "auto") != 0 && strcmp(color, "always") != 0 && strcmp(color, "never") != 0)
        return usage(command, "--color takes auto, always or never, not", color);
    if (options->operands < (command->operand_count == COMMAND_STORES ? 1 : command->operand_count))
        return usage(command, "expected", command->operands);
    if (options->plan && !planid_is_one(options->plan))
        return message_usage(
            "--plan: expected the id of a plan, or its first 8 or more digits, found %s",
            options->plan);
    int status = check_new_name(command, "-o", options->output);
    if (status == EXIT_CLEAN)
        status = check_new_name(command, "--html", options->html);
    return status != EXIT_CLEAN ? status : use_max_unpacked(command, options->max_unpacked);
}

/* -1018 is an error, -1 an entry; no option begins with a digit. */
static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static int take_operand(const struct command *command, int argc, const char *operand,
                        struct options *options)
{
    if (command->operand_count == COMMAND_STORES) {
        if (options->stores == NULL &&
            (options->stores = calloc((size_t)argc, sizeof *options->stores)) == NULL)
            return message_no_memory();
        options->stores[options->operands] = operand;
    } else if (options->operands == command->operand_count) {
        return usage(command, "one argument too many", operand);
    }
    if (options->operands < sizeof options->operand / sizeof options->operand[0])
        options->operand[options->operands] = operand;
    options->operands++;
    return EXIT_CLEAN;
}

int options_parse(const struct command *command, int argc, char **argv, struct options *options)
{
    *options = (struct options){.color = "auto"};
    bool only_operands = false;
    for (int i = 0; i < argc; i++) {
        if (!only_operands && strcmp(argv[i], "--") == 0) {
            only_operands = true;
            continue;
        }
        if (!only_operands && strcmp(argv[i], "-h") == 0) {
            options->help = true;
            continue;
        }
        if (!only_operands && argv[i][0] == '-' && argv[i][1] != '\0' && !is_digit(argv[i][1])) {
            int status = take_option(command, argc, argv, &i, options);
            if (status != EXIT_CLEAN)
                return status;
            continue;
        }
        int status = take_operand(command, argc, argv[i], options);
        if (status != EXIT_CLEAN)
            return status;
    }
    return check_values(command, options);
}

static void print_options(const struct option_spec *const *specs)
{
    for (; specs && *specs; specs++) {
        char left[40];
        snprintf(left, sizeof left, "%s%s%s%s", (*specs)->name[1] ? "--" : "-", (*specs)->name,
                 (*specs)->value_name ? " " : "", (*specs)->value_name ? (*specs)->value_name : "");
        printf("  %-24s %s\n", left, (*specs)->help);
    }
}

void command_help(const struct command *command)
{
    printf("usage: kmmigrate %s %s [OPTION]...\n\n%s\n\n", command->name, command->operands,
           command->summary);
    print_options(command->options);
    print_options(common);
    if (command->run == cmd_explain)
        explain_help();
}

/* ---- for the rooms that ask ---- */

int told(const struct options *options, int status)
{
    message_notes(options->notes);
    return status;
}

struct rescue_options options_for_rescue(const struct options *o)
{
    return (struct rescue_options){.store = o->operand[0],
                                   .output = o->output,
                                   .dry_run = o->dry_run,
                                   .force = o->force,
                                   .logs = o->logs,
                                   .until_damage = o->until_damage,
                                   .doubtful = o->doubtful,
                                   .schema_from = o->schema_from,
                                   .drop_index = o->drop_index,
                                   .drop_indexes = o->drop_indexes};
}

struct html_options options_for_page(const struct options *o)
{
    return (struct html_options){.path = o->html, .output = o->output, .force = o->force};
}
