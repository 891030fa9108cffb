/* kmmigrate: the program.  Finds the command and runs it; the commands are in cmd_*.c. */
#include "migrate/command.h"
#include "migrate/message.h"
#include "migrate/output.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>

static const struct option_spec *const info_options[] = {&option_table, NULL};
static const struct option_spec *const dump_options[] = {&option_table, NULL};

static const struct command commands[] = {
    {"info", "STORE", 1, "Shows header, tables, columns, indexes and row counts.", info_options, cmd_info},
    {"dump", "STORE --table T", 1, "Shows the rows of any table of any ESE database.", dump_options,
     cmd_dump},
};

enum { COMMANDS = sizeof commands / sizeof commands[0] };

static void print_usage(FILE *to)
{
    fprintf(to, "usage: kmmigrate COMMAND STORE [OPTION]...\n\n"
                "STORE is an ESE database file, as it is or gzip-compressed, or a Kmsdata directory.\n\n");
    for (size_t i = 0; i < COMMANDS; i++)
        fprintf(to, "  %-7s %-18s %s\n", commands[i].name, commands[i].operands, commands[i].summary);
    fprintf(to, "\n  kmmigrate COMMAND --help   the command's options\n"
                "  kmmigrate --version        the program's version\n\n"
                "Exit status, a sum: 0 nothing wrong, 1 problems repaired, 4 problems left, 8 operational\n"
                "error, 16 usage error, 32 cancelled.\n");
}

static int flush_standard_output(int status)
{
    if (fflush(stdout) == 0 && !ferror(stdout))
        return status;
    message_error("standard output: cannot be written");
    return status | EXIT_TROUBLE;
}

static int run(const struct command *command, int argc, char **argv)
{
    struct options options;
    int status = options_parse(command, argc, argv, &options);
    if (status != EXIT_CLEAN)
        return status;
    if (options.help) {
        command_help(command);
        return flush_standard_output(EXIT_CLEAN);
    }
    message_quiet(options.quiet);
    return command->run(&options);
}

int main(int argc, char **argv)
{
    signal(SIGPIPE, SIG_IGN); /* a closed pipe is a write error like others */
    const char *name = argc > 1 ? argv[1] : NULL;
    if (name && (strcmp(name, "--help") == 0 || strcmp(name, "-h") == 0 || strcmp(name, "help") == 0)) {
        print_usage(stdout);
        return flush_standard_output(EXIT_CLEAN);
    }
    if (name && strcmp(name, "--version") == 0) {
        printf("kmmigrate %s\n", KM_VERSION);
        return flush_standard_output(EXIT_CLEAN);
    }
    for (size_t i = 0; name && i < COMMANDS; i++)
        if (strcmp(name, commands[i].name) == 0)
            return run(&commands[i], argc - 2, argv + 2);
    if (name)
        message_error("there is no command %s; see kmmigrate --help", name);
    else
        print_usage(stderr);
    return EXIT_USAGE;
}
