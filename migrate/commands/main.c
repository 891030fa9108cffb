/* kmmigrate: the program.  Finds the command and runs it; each is in the file of its name. */
#include "formats/certs/crypto.h"
#include "formats/descriptor.h"
#include "formats/ese/read/file.h"
#include "formats/memory.h"
#include "migrate/commands/command.h"
#include "migrate/console/color.h"
#include "migrate/console/document.h"
#include "migrate/console/invocation.h"
#include "migrate/console/message.h"
#include "migrate/console/output.h"
#include "migrate/console/progress.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const struct option_spec *const table_options[] = {&option_table, NULL};
static const struct option_spec *const dump_options[] = {&option_table, &option_profile,
                                                         &option_show_secrets, NULL};
static const struct option_spec *const diff_options[] = {&option_profile, &option_show_secrets,
                                                         NULL};
static const struct option_spec *const check_options[] = {&option_structure,
                                                          &option_brief,
                                                          &option_profile,
                                                          &option_accept_discovered,
                                                          &option_at,
                                                          &option_verify_all,
                                                          &option_reference,
                                                          &option_not_reference,
                                                          &option_not_list,
                                                          &option_html,
                                                          &option_force,
                                                          &option_mode,
                                                          &option_issuing_ca_is,
                                                          NULL};
/* What repair and migrate are asked alike: where to write, and how to read; what was decided. */
#define WRITING_OPTIONS                                                                            \
    &option_output, &option_in_place, &option_no_backup, &option_remove_leftovers, &option_plan,   \
        &option_force, &option_profile, &option_accept_discovered, &option_at, &option_superseded
#define DECIDING_OPTIONS                                                                           \
    &option_trust, &option_keep, &option_drop, &option_reference, &option_not_reference,           \
        &option_not_list, &option_mode, &option_issuing_ca_is, &option_show_secrets
static const struct option_spec *const repair_options[] = {&option_dry_run,
                                                           WRITING_OPTIONS,
                                                           &option_issuing_ca,
                                                           DECIDING_OPTIONS,
                                                           &option_recover,
                                                           &option_logs,
                                                           &option_until_damage,
                                                           &option_html,
                                                           &option_salvage,
                                                           &option_doubtful,
                                                           &option_schema_from,
                                                           &option_drop_index,
                                                           NULL};
static const struct option_spec *const migrate_options[] = {
    &option_migrate_to, &option_issuing_ca, WRITING_OPTIONS, DECIDING_OPTIONS, &option_html, NULL};
static const struct option_spec *const list_options[] = {&option_tree, &option_profile,
                                                         &option_accept_discovered, NULL};
static const struct option_spec *const show_options[] = {&option_profile, &option_accept_discovered,
                                                         NULL};
static const struct option_spec *const export_options[] = {
    &option_export_to, &option_force, &option_profile, &option_accept_discovered, NULL};
static const struct option_spec *const compact_options[] = {&option_output, &option_keep_first,
                                                            &option_force, NULL};

static const struct option_spec *const salvage_options[] = {
    &option_output, &option_schema_from, &option_doubtful, &option_drop_index,
    &option_plan,   &option_html,        &option_force,    NULL};
static const struct option_spec *const logs_options[] = {&option_logs, NULL};
static const struct option_spec *const recover_options[] = {
    &option_logs, &option_output, &option_until_damage, &option_plan, &option_force, NULL};

static const struct command commands[] = {
    {"check", "STORE...", COMMAND_STORES, "Can the service start on this store? Changes nothing.",
     check_options, cmd_check},
    {"repair", "STORE", 1,
     "Shows what a repair would do; -o NEW writes a repaired copy, --in-place repairs it.",
     repair_options, cmd_repair},
    {"migrate", "STORE --to V3 --issuing-ca FILE", 1,
     "Repairs, then makes the switch to V3 or V1V3.", migrate_options, cmd_migrate},
    {"undo", "STORE", 1, "Takes back what --in-place changed.", NULL, cmd_undo},
    {"list", "STORE", 1,
     "Shows the certificates, their entries and roles; also of a file of certificates.",
     list_options, cmd_list},
    {"show", "STORE ENTRY", 2,
     "Shows one entry: certificate, duplicates, what refers to it; also of such a file.",
     show_options, cmd_show},
    {"settings", "STORE", 1, "Shows the settings, and where each stands.", show_options,
     cmd_settings},
    {"export", "STORE --to FILE", 1,
     "Writes the list, also of such a file, as PEM, PKCS#7 or serialized store, or for Graphviz.",
     export_options, cmd_export},
    {"diff", "A B", 2, "Shows certificates and rows that differ.", diff_options, cmd_diff},
    {"info", "STORE", 1, "Shows header, tables, columns, indexes and row counts.", table_options,
     cmd_info},
    {"dump", "STORE", 1, "Shows the rows of a table of any ESE database, or of all tables.",
     dump_options, cmd_dump},
    {"compact", "STORE -o NEW", 1, "Writes the same database, rebuilt.", compact_options,
     cmd_compact},
    {"salvage", "STORE", 1,
     "Shows what can be had from a damaged or dirty database; -o NEW writes it.", salvage_options,
     cmd_salvage},
    {"logs", "STORE", 1, "Which logs a dirty database needs, and whether they are there.",
     logs_options, cmd_logs},
    {"recover", "STORE", 1, "Replays a dirty database's logs; -o NEW writes the recovered copy.",
     recover_options, cmd_recover},
    {"profile", "STORE", 1, "Drafts a profile from what the store holds.", table_options,
     cmd_profile},
    {"explain", "CODE|EVENT|ERROR", COMMAND_STORES, "Says what it means, and what to do.", NULL,
     cmd_explain},
};

enum { COMMANDS = sizeof commands / sizeof commands[0] };

static void print_usage(FILE *to)
{
    fprintf(to, "usage: kmmigrate COMMAND STORE [OPTION]...\n\n"
                "STORE is an ESE database file, as it is or gzip-compressed, or a Kmsdata "
                "directory.  list,\n"
                "show and export also take a file of certificates: DER, PEM, PKCS#7 or serialized "
                "store.\n\n");
    for (size_t i = 0; i < COMMANDS; i++)
        fprintf(to, "  %-9s%-32s %s\n", commands[i].name, commands[i].operands,
                commands[i].summary);
    fprintf(
        to,
        "\n  kmmigrate COMMAND --help   the command's options; so does kmmigrate help COMMAND\n"
        "  kmmigrate --version, -V    the program's version\n\n"
        "Exit status, a sum: 0 nothing wrong, 1 problems repaired, 4 problems left, 8 operational\n"
        "error, 16 usage error, 32 cancelled.\n");
}

static int flush_standard_output(int status)
{
    bool closed = descriptor_was_closed(STDOUT_FILENO);
    if (fflush(stdout) == 0 && !ferror(stdout) && !closed)
        return status;
    message_error("standard output: cannot be written: %s",
                  closed ? "it is closed" : strerror(errno));
    return status | EXIT_TROUBLE;
}

/* Whatever a command made of it: what it said may lack something.  Only that it repaired is
 * certain, since nothing is given its name, and no repair ends, when memory ran short before. */
static int short_of_memory(const struct command *command, int status)
{
    message_error("out of memory: whatever is said above, that is the reason, and standard output "
                  "may lack something");
    if (command->run == cmd_diff)
        return EXIT_DIFF_TROUBLE;
    return (status & EXIT_REPAIRED) | EXIT_TROUBLE;
}

/* An exit status of several parts is told in words, too. */
static int tell_sum(const struct command *command, bool quiet, int status)
{
    static const struct {
        int part;
        const char *words;
    } parts[] = {{EXIT_REPAIRED, "problems were repaired"},
                 {EXIT_PROBLEMS_LEFT, "problems are left"},
                 {EXIT_TROUBLE, "there was an operational error"},
                 {EXIT_USAGE, "the command line is wrong"},
                 {EXIT_CANCELLED, "it was cancelled"}};
    char words[200];
    size_t used = 0;
    unsigned count = 0;
    if (quiet || command->run == cmd_diff) /* whose status is diff(1)'s */
        return status;
    for (size_t i = 0; i < sizeof parts / sizeof parts[0]; i++)
        if (status & parts[i].part)
            used += (size_t)snprintf(words + used, sizeof words - used, "%s%s", count++ ? "; " : "",
                                     parts[i].words);
    if (count > 1)
        message_error("exit status %d: %s", status, words);
    return status;
}

/* Is JSON asked for?  Also where the rest of the command line is wrong. */
static bool wants_json(int argc, char **argv)
{
    for (int i = 1; i < argc && strcmp(argv[i], "--") != 0; i++)
        if (strcmp(argv[i], "--json") == 0)
            return true;
    return false;
}

/* Ends what the command has printed. */
static int finish(const struct command *command, int status)
{
    if (memory_ran_short())
        status = short_of_memory(command, status);
    document_end(status);
    if (output_finish())
        return status;
    return command->run == cmd_diff ? EXIT_DIFF_TROUBLE : status | EXIT_TROUBLE;
}

/* These call confine() themselves, behind what it would forbid: to see who has the store open, and
 * to remove what is left over. */
static bool confines_itself(const struct command *command)
{
    return command->run == cmd_repair || command->run == cmd_migrate || command->run == cmd_undo;
}

/* argv: the arguments behind the command's name, with the whole command line before them. */
static int run(const struct command *command, int argc, char **argv)
{
    struct options options;
    struct notes notes = {.first = NULL};
    if (wants_json(argc + 2, argv - 2))
        document_begin(command->name, false);
    int status = options_parse(command, argc, argv, &options);
    if (status == EXIT_CLEAN && options.help) {
        command_help(command);
        return flush_standard_output(EXIT_CLEAN);
    }
    invocation_note(argc + 2, argv - 2);
    color_choose(options.color);
    message_quiet(options.quiet);
    if (status == EXIT_CLEAN && !confines_itself(command))
        confine(&options, NULL);
    options.notes = &notes;
    if (status == EXIT_CLEAN)
        status = told(&options, command->run(&options));
    free(options.stores);
    return tell_sum(command, options.quiet, finish(command, status));
}

static const struct command *find_command(const char *name)
{
    for (size_t i = 0; i < COMMANDS; i++)
        if (strcmp(name, commands[i].name) == 0)
            return &commands[i];
    return NULL;
}

static bool wants_value(const char *argument)
{
    for (size_t i = 0; i < COMMANDS; i++)
        if (option_wants_value(&commands[i], argument))
            return true;
    return false;
}

static bool asks_for_help(const char *word)
{
    return strcmp(word, "help") == 0 || strcmp(word, "--help") == 0 || strcmp(word, "-h") == 0;
}

static bool asks_for_version(const char *word)
{
    return strcmp(word, "--version") == 0 || strcmp(word, "-V") == 0;
}

/* Moves to the front of options that stand before it: the command's name, which is the first word
 * that is neither an option nor the value of one; where there is none, what asks for help. */
static void name_first(int argc, char **argv)
{
    int at = 1;
    while (at < argc && argv[at][0] == '-' && strcmp(argv[at], "--") != 0)
        at += wants_value(argv[at]) ? 2 : 1;
    if (at >= argc)
        for (at = 1; at < argc && !asks_for_help(argv[at]) && !asks_for_version(argv[at]);)
            at += wants_value(argv[at]) ? 2 : 1;
    if (at >= argc || strcmp(argv[at], "--") == 0)
        return;
    char *name = argv[at];
    memmove(argv + 2, argv + 1, (size_t)(at - 1) * sizeof *argv);
    argv[1] = name;
}

/* The command that `help` is asked about, or NULL. */
static const char *asked_about(int argc, char **argv)
{
    for (int i = 2; i < argc && strcmp(argv[1], "help") == 0; i++)
        if (argv[i][0] != '-')
            return argv[i];
    return NULL;
}

static unsigned smallest(unsigned a, unsigned b)
{
    return a < b ? a : b;
}

/* How many letters have to be put in, left out, replaced or swapped with the next (Damerau and
 * Levenshtein, without edits inside a swap).  More than the limit for a long word. */
static unsigned edits(const char *from, const char *to)
{
    enum { MOST = 16 };
    unsigned d[MOST + 1][MOST + 1];
    size_t m = strlen(from), n = strlen(to);
    if (m > MOST || n > MOST)
        return MOST;
    for (size_t i = 0; i <= m; i++)
        for (size_t j = 0; j <= n; j++) {
            if (i == 0 || j == 0) {
                d[i][j] = (unsigned)(i + j);
                continue;
            }
            d[i][j] = smallest(smallest(d[i - 1][j], d[i][j - 1]) + 1,
                               d[i - 1][j - 1] + (from[i - 1] != to[j - 1]));
            if (i > 1 && j > 1 && from[i - 1] == to[j - 2] && from[i - 2] == to[j - 1])
                d[i][j] = smallest(d[i][j], d[i - 2][j - 2] + 1);
        }
    return d[m][n];
}

static int unknown_command(const char *name)
{
    const char *meant = NULL;
    unsigned fewest = 3;
    for (size_t i = 0; i < COMMANDS; i++) {
        unsigned count = edits(name, commands[i].name);
        if (count < fewest && count < strlen(commands[i].name)) {
            fewest = count;
            meant = commands[i].name;
        }
    }
    if (name[0] == '-' && name[1] != '\0')
        message_error("a command is missing: expected one beside %s; see kmmigrate --help", name);
    else if (meant)
        message_error("there is no command %s; did you mean %s? See kmmigrate --help", name, meant);
    else
        message_error("there is no command %s; see kmmigrate --help", name);
    return EXIT_USAGE;
}

/* An error in the form that was asked for. */
static int no_command(int argc, char **argv, const char *name)
{
    if (wants_json(argc, argv))
        document_begin(NULL, false);
    int status = unknown_command(name);
    document_end(status);
    return output_finish() ? status : status | EXIT_TROUBLE;
}

int main(int argc, char **argv)
{
    struct fault f;
    if (!descriptors_fill()) /* and nothing to say it on */
        return EXIT_TROUBLE;
    message_print();
    if (!crypto_start(&f)) /* before any thread, and without the system's policy */
        return message_error("%s", f.text);
    signal(SIGPIPE, SIG_IGN); /* a closed pipe is a write error like others */
    signal(SIGXFSZ, SIG_IGN); /* and so is a limit on the size of files */
    ese_file_on_read(progress_add);
    name_first(argc, argv);
    if (argc < 2) {
        print_usage(stderr);
        return EXIT_USAGE;
    }
    const char *about = asked_about(argc, argv), *name = about ? about : argv[1];
    const struct command *command = find_command(name);
    if (about && command)
        command_help(command);
    else if (command)
        return run(command, argc - 2, argv + 2);
    else if (asks_for_help(name))
        print_usage(stdout);
    else if (asks_for_version(name))
        printf("kmmigrate %s\n", KM_VERSION);
    else
        return no_command(argc, argv, name);
    return flush_standard_output(EXIT_CLEAN);
}
