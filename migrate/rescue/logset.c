/* The logs of a store: see logset.h. */
#include "migrate/rescue/logset.h"

#include "formats/path.h"
#include "migrate/console/message.h"
#include "migrate/console/status.h"

#include <stdio.h>
#include <string.h>

static int trouble(const char *path, const struct fault *f)
{
    message_fault(path, f);
    return EXIT_TROUBLE;
}

static bool directory_of(const char *path, const char *given, char to[PATH_MAX], struct fault *f)
{
    bool fits = given ? snprintf(to, PATH_MAX, "%s", given) < PATH_MAX : path_directory(path, to);
    return fits || fault_set(f, FAULT_IO, "the path is too long");
}

int logset_open(struct logset *l, const struct rescue_options *options)
{
    struct fault f = {.code = FAULT_NONE};
    memset(l, 0, sizeof *l);
    int status = store_find(&l->store, options->store);
    if (status != EXIT_CLEAN)
        return status;
    if (!ese_file_open(l->store.path, &l->file, &f) || !ese_headers_read(l->file, &l->headers, &f))
        return trouble(l->store.path, &f);
    struct bytes page = bytes_of(l->headers.raw, sizeof l->headers.raw);
    ese_log_need_read(page, &l->need);
    if (!directory_of(l->store.path, options->logs, l->directory, &f) ||
        !ese_log_set_open(&l->set, l->directory, &f))
        return trouble(l->directory, &f);
    ese_log_set_choose(&l->set, &l->need);
    if (!ese_log_set_judge(&l->set, &l->need, &l->verdict, &f))
        return trouble(l->store.path, &f);
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

const char *logset_trouble_name(enum ese_log_trouble trouble)
{
    switch (trouble) {
    case ESE_LOG_MISSING:
        return "missing";
    case ESE_LOG_OTHER_SIGNATURE:
        return "other-signature";
    case ESE_LOG_OTHER_TIME:
        return "other-time";
    case ESE_LOG_OTHER_NUMBER:
        return "other-number";
    case ESE_LOG_OTHER_PAGES:
        return "other-page-size";
    case ESE_LOG_GAP:
        return "gap";
    case ESE_LOG_UNREADABLE:
        return "unreadable";
    case ESE_LOG_UNKNOWN_VERSION:
        return "unknown-version";
    }
    return "?";
}
