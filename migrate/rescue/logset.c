/* The logs of a store: see logset.h. */
#include "migrate/rescue/logset.h"

#include "formats/path.h"
#include "migrate/console/status.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

static bool open_set(struct logset *l, struct fault *f)
{
    char real[PATH_MAX], beside[PATH_MAX];
    const char *given = l->options->logs;
    bool fits = given ? snprintf(l->directory, PATH_MAX, "%s", given) < PATH_MAX
                      : path_directory(l->store.path, l->directory);
    if (!fits)
        return fault_set(f, FAULT_IO, "the path is too long");
    if (!ese_log_set_open(&l->set, l->directory, f))
        return false;
    if (given || l->set.files > 0 || realpath(l->store.path, real) == NULL ||
        !path_directory(real, beside))
        return true;
    struct stat here, there; /* the store may be a symbolic link */
    if (stat(l->directory, &here) != 0 || stat(beside, &there) != 0 ||
        (here.st_dev == there.st_dev && here.st_ino == there.st_ino))
        return true;
    ese_log_set_close(&l->set);
    memcpy(l->directory, beside, sizeof beside);
    return ese_log_set_open(&l->set, l->directory, f);
}

int logset_open(struct logset *l, const struct rescue_options *options, struct notes *notes)
{
    struct fault f = {.code = FAULT_NONE};
    memset(l, 0, sizeof *l);
    l->options = options;
    int status = store_find(&l->store, options->store, notes);
    if (status != EXIT_CLEAN)
        return status;
    if (!ese_file_open(l->store.path, &l->file, &f) || !ese_headers_read(l->file, &l->headers, &f))
        return store_refuse_log(l->store.path, notes) ? EXIT_TROUBLE
                                                      : note_trouble(notes, l->store.path, &f);
    struct bytes page = bytes_of(l->headers.raw, sizeof l->headers.raw);
    ese_log_need_read(page, &l->need);
    if (!open_set(l, &f))
        return note_trouble(notes, l->directory, &f);
    ese_log_set_choose(&l->set, &l->need);
    if (!ese_log_set_judge(&l->set, &l->need, &l->verdict, &f))
        return note_trouble(notes, l->store.path, &f);
    return EXIT_CLEAN;
}

void logset_close(struct logset *l)
{
    ese_log_verdict_close(&l->verdict);
    ese_log_set_close(&l->set);
    if (l->file)
        ese_file_close(l->file);
    l->file = NULL;
}

const char *logset_path(const struct logset *l, const char *name, char path[LOGSET_PATH])
{
    snprintf(path, LOGSET_PATH, "%s/%s", l->directory, name);
    return path;
}

bool logset_can_stop(const struct logset *l, const struct ese_log_finding *found)
{
    return found->generation > l->verdict.first &&
           (found->trouble == ESE_LOG_UNREADABLE || found->trouble == ESE_LOG_MISSING ||
            found->trouble == ESE_LOG_GAP);
}

const char *logset_newest_missing(const struct logset *l, char text[160])
{
    const struct ese_log_set *set = &l->set;
    if (!l->verdict.newest_missing)
        return NULL;
    snprintf(text, 160,
             "%s%s, the newest, is not there: what was committed behind generation %d, if "
             "anything, is in no file",
             set->base[0] ? set->base : "edb", set->extension, l->verdict.last);
    return text;
}

const char *logset_trouble_name(enum ese_log_trouble trouble)
{
    static const char *const names[] = {
        [ESE_LOG_MISSING] = "missing",
        [ESE_LOG_OTHER_SIGNATURE] = "other-signature",
        [ESE_LOG_OTHER_TIME] = "other-time",
        [ESE_LOG_OTHER_NUMBER] = "other-number",
        [ESE_LOG_OTHER_PAGES] = "other-page-size",
        [ESE_LOG_GAP] = "gap",
        [ESE_LOG_UNREADABLE] = "unreadable",
        [ESE_LOG_UNKNOWN_VERSION] = "unknown-version",
    };
    return names[trouble];
}
