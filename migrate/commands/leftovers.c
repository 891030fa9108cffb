/* Telling of left-overs, and removing them: see leftovers.h. */
#include "migrate/commands/leftovers.h"

#include "migrate/console/message.h"
#include "migrate/files/leftover.h"

#include <errno.h>
#include <string.h>

struct looking {
    enum leftovers_what what;
    bool ok;
};

static void take(void *context, const struct leftover *l)
{
    struct looking *looking = context;
    bool remove =
        looking->what == LEFTOVERS_REMOVE ||
        (looking->what == LEFTOVERS_OFFER &&
         message_ask("%s: left over by a run that was killed; nothing needs it. Remove it?",
                     l->path));
    if (!remove) {
        message_warning("%s: left over by a run that was killed; nothing needs it: "
                        "repair --remove-leftovers removes it",
                        l->path);
        return;
    }
    bool gone = leftover_remove(l);
    if (gone)
        message_warning("%s: left over by a run that was killed; removed", l->path);
    else
        message_file(l->path, "left over by a run that was killed; cannot be removed: %s",
                     strerror(errno));
    looking->ok = looking->ok && gone;
}

bool leftovers_beside_store(const char *store, enum leftovers_what what)
{
    struct looking looking = {.what = what, .ok = true};
    leftover_look_beside(store, take, &looking);
    return looking.ok;
}

bool leftovers_beside(const char *path, enum leftovers_what what)
{
    struct looking looking = {.what = what, .ok = true};
    leftover_look(path, take, &looking);
    return looking.ok;
}
