/* Commands about a set of logs: see logcall.h. */
#include "migrate/commands/logcall.h"

#include "migrate/console/escape.h"
#include "migrate/console/output.h"

void logcall_print(const struct logset *l, const char *command)
{
    output_format("kmmigrate %s %s", command, shell_word(l->options->store));
    if (l->options->logs)
        output_format(" --logs %s", shell_word(l->options->logs));
}
