/*
 * The entries of a store or of a file of certificates, for commands that show them and judge
 * nothing: see assess_entries() in assess.h.
 */
#include "migrate/decide/assess.h"

#include "formats/fault.h"
#include "migrate/console/words.h"
#include "migrate/files/listfile.h"
#include "migrate/judge/model_read.h"

/* Options that say how a store is to be read. */
static int refuse_options(const struct assessment *a, const struct reading *reading)
{
    const char *option = reading->profile             ? "--profile"
                         : reading->accept_discovered ? "--accept-discovered"
                                                      : NULL;
    if (option == NULL)
        return EXIT_CLEAN;
    note_file(a->notes, a->store.path, "%s is for a store, and this is a file of certificates (%s)",
              option, certlist_kind_name(a->file->kind));
    return EXIT_USAGE;
}

static int tell_rest(struct assessment *a)
{
    struct listfile_rest rest;
    struct fault f = {.code = FAULT_NONE};
    const char *path = a->store.path;
    if (!listfile_look(a->file, &rest, &f))
        return note_trouble(a->notes, path, &f);
    if (rest.crls)
        note_warning(a->notes, "%s: %s in it: passed over", path,
                     counted(rest.crls, "revocation list is", "revocation lists are"));
    if (rest.others)
        note_warning(a->notes, "%s: %s in it: passed over", path,
                     counted(rest.others, "item that is no certificate is",
                             "items that are no certificates are"));
    if (rest.blocks)
        note_warning(a->notes, "%s: %s in it, the first %.*s: passed over", path,
                     counted(rest.blocks, "block that is no certificate is",
                             "blocks that are no certificates are"),
                     (int)(rest.first_label.size < 60 ? rest.first_label.size : 60),
                     (const char *)rest.first_label.at);
    if (rest.cut)
        problem_add(&a->found, PROBLEM_LIST_CUT, NO_ENTRY, NO_ENTRY,
                    "after entry %u: it ends in the line that a block begins with",
                    a->model.entries);
    if (rest.text)
        note_warning(a->notes, "%s: text stands around the certificates: passed over", path);
    return EXIT_CLEAN;
}

static int read_file(struct assessment *a)
{
    struct fault f = {.code = FAULT_NONE};
    if (!model_read_file(&a->model, buffer_bytes(&a->file->bytes), &a->found, &f))
        return note_trouble(a->notes, a->store.path, &f);
    a->has_model = true;
    if ((a->prover = prover_open(&a->model)) == NULL) {
        fault_no_memory(&f, "the certificates");
        return note_trouble(a->notes, a->store.path, &f);
    }
    if (a->model.entries > 0)
        return tell_rest(a);
    return note_file(a->notes, a->store.path, "expected certificates as %s, found none%s%s",
                     certlist_kind_name(a->file->kind), a->found.count ? ": " : "",
                     a->found.count ? a->found.item[0].evidence : "");
}

int assess_entries(struct assessment *a, const char *name, const struct assess_options *options,
                   struct notes *notes)
{
    struct fault f = {.code = FAULT_NONE};
    struct listfile *file = NULL;
    if (!listfile_open(name, &file, &f)) {
        *a = (struct assessment){.match = PROFILE_NO_MATCH, .notes = notes};
        return note_trouble(a->notes, name, &f);
    }
    if (file == NULL)
        return assess_list(a, name, options, notes);
    *a = (struct assessment){.match = PROFILE_NO_MATCH, .file = file, .notes = notes};
    int status = store_find(&a->store, name, a->notes);
    if (status == EXIT_CLEAN)
        status = refuse_options(a, &options->reading);
    if (status == EXIT_CLEAN)
        status = read_file(a);
    return status == EXIT_CLEAN && !memory_sufficed(&f) ? note_trouble(a->notes, name, &f) : status;
}
