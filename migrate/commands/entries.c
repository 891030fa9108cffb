/* The entries of a store or of a file of certificates: see entries.h. */
#include "migrate/commands/entries.h"

#include "migrate/console/escape.h"
#include "migrate/console/message.h"
#include "migrate/decide/assess.h"
#include "migrate/files/listfile.h"
#include "migrate/report/storefacts.h"

int entries_open(struct assessment *a, const struct options *options)
{
    return told(options, assess_entries(a, options->operand[0], &options->assess, options->notes));
}

static bool has_found(const struct assessment *a)
{
    return a->found.count > 0 || a->model.list_cut || a->model.list_missing;
}

void entries_tell_found(const struct assessment *a, enum entries_tell what)
{
    for (size_t i = 0; i < a->found.count; i++) {
        const struct problem *p = &a->found.item[i];
        bool of_setting = p->code == PROBLEM_SETTING_VALUE || p->code == PROBLEM_SETTING_TWICE;
        if (what == (of_setting ? ENTRIES_SETTINGS : ENTRIES_LIST))
            message_file(a->store.path, "%s", p->evidence);
    }
    if (what == ENTRIES_LIST && a->model.list_missing)
        message_file(a->store.path, "there is no certificate list in it");
    if (has_found(a) && a->file == NULL)
        message_file(a->store.path, "not all is as it should be; kmmigrate check %s says what",
                     shell_word(a->store.path));
}

int entries_status(const struct assessment *a)
{
    return has_found(a) || a->store.damaged || a->store.pending.code != FAULT_NONE
               ? EXIT_PROBLEMS_LEFT
               : EXIT_CLEAN;
}

void entries_json(struct json *json, const struct assessment *a)
{
    if (a->file == NULL) {
        store_json(json, "store", &a->store);
        return;
    }
    json_put_map(json, "file");
    json_put_text(json, "path", a->store.path);
    json_put_unsigned(json, "size", (uint64_t)a->file->stat.st_size);
    json_put_time(json, "file_time", true, (int64_t)a->file->stat.st_mtime, true);
    json_put_text(json, "form", certlist_kind_name(a->file->kind));
    json_end_map(json);
}

int entries_descriptor(const struct assessment *a)
{
    return a->file ? a->file->descriptor : ese_file_named_descriptor(a->store.db->file);
}
