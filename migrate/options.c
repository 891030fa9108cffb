/* Parsing options and printing help from the same tables: see command.h. */
#include "migrate/command.h"
#include "migrate/message.h"

#include <stdio.h>
#include <string.h>

#define AT(member) offsetof(struct options, member)

const struct option_spec option_json = {"json", NULL, "print JSON instead of text", AT(json)};
const struct option_spec option_quiet = {"quiet", NULL, "print no warnings and no progress", AT(quiet)};
const struct option_spec option_color = {"color", "WHEN", "colour: auto, always or never", AT(color)};
const struct option_spec option_help = {"help", NULL, "print this help", AT(help)};
const struct option_spec option_table = {"table", "T", "the table to show", AT(table)};

static const struct option_spec *const common[] = {&option_json, &option_quiet, &option_color,
                                                   &option_help, NULL};

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

static int usage(const struct command *command, const char *what, const char *about)
{
    message_error("%s: %s%s%s; see kmmigrate %s --help", command->name, what, about ? ": " : "",
                  about ? about : "", command->name);
    return EXIT_USAGE;
}

/* Stores one option; *i moves over a value that stands in the next argument. */
static int take_option(const struct command *command, int argc, char **argv, int *i,
                       struct options *options)
{
    const char *name = argv[*i] + 2, *equals = strchr(name, '=');
    const char *value = equals ? equals + 1 : NULL;
    const struct option_spec *spec =
        find(command, name, equals ? (size_t)(equals - name) : strlen(name));
    if (spec == NULL)
        return usage(command, "unknown option", argv[*i]);
    char *place = (char *)options + spec->offset;
    if (spec->value_name == NULL) {
        if (value)
            return usage(command, "this option takes no value", argv[*i]);
        *(bool *)place = true;
        return EXIT_CLEAN;
    }
    if (value == NULL && *i + 1 < argc)
        value = argv[++*i];
    if (value == NULL)
        return usage(command, "this option needs a value", argv[*i]);
    *(const char **)place = value;
    return EXIT_CLEAN;
}

static int check_values(const struct command *command, const struct options *options)
{
    if (options->help)
        return EXIT_CLEAN;
    const char *color = options->color;
    if (strcmp(color, "auto") != 0 && strcmp(color, "always") != 0 && strcmp(color, "never") != 0)
        return usage(command, "--color takes auto, always or never, not", color);
    if (options->operands < command->operand_count)
        return usage(command, "expected", command->operands);
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
        if (!only_operands && argv[i][0] == '-' && argv[i][1] == '-') {
            int status = take_option(command, argc, argv, &i, options);
            if (status != EXIT_CLEAN)
                return status;
            continue;
        }
        if (!only_operands && argv[i][0] == '-' && argv[i][1] != '\0')
            return usage(command, "unknown option", argv[i]);
        if (options->operands == command->operand_count)
            return usage(command, "one argument too many", argv[i]);
        options->operand[options->operands++] = argv[i];
    }
    return check_values(command, options);
}

static void print_options(const struct option_spec *const *specs)
{
    for (; specs && *specs; specs++) {
        char left[40];
        snprintf(left, sizeof left, "--%s%s%s", (*specs)->name, (*specs)->value_name ? " " : "",
                 (*specs)->value_name ? (*specs)->value_name : "");
        printf("  %-18s %s\n", left, (*specs)->help);
    }
}

void command_help(const struct command *command)
{
    printf("usage: kmmigrate %s %s [OPTION]...\n\n%s\n\n", command->name, command->operands,
           command->summary);
    print_options(command->options);
    print_options(common);
}
