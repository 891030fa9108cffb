/* The id of a plan that was reviewed: see planid.h. */
#include "migrate/commands/planid.h"

#include "formats/hash.h"
#include "migrate/console/message.h"

#include <string.h>
#include <strings.h>

enum { DIGITS_LEAST = 8 };

bool planid_is_one(const char *text)
{
    size_t size = strlen(text);
    return size >= DIGITS_LEAST && size <= (size_t)2 * HASH_SHA256_SIZE &&
           strspn(text, "0123456789abcdefABCDEF") == size;
}

/* What the plan depends on is in the command that was given, so that one leads to it and not a
 * command made up here. */
bool planid_is_reviewed(const char *id, const struct options *options)
{
    if (options->plan == NULL || strncasecmp(id, options->plan, strlen(options->plan)) == 0)
        return true;
    message_error("--plan: the plan for this store is %s, not %s; nothing was changed. Review it "
                  "again: the same command without --plan%s shows it",
                  id, options->plan,
                  options->assess.in_place ? " and --in-place"
                  : options->output        ? " and -o"
                                           : "");
    return false;
}
