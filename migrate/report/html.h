/*
 * The report as a page: one HTML file that needs nothing else, no script and no network, can be
 * printed, and can be read on a phone and without colour.
 *
 *     html.c        the page of a report
 *     html_salvage.c  that of a salvage
 *     html_page.c   what pages share, and the file that one is written to
 *     html_list.c   the certificates as a table, the settings, the dates as bars
 *     html_tree.c   who issued whom, before and after, as a picture
 *     picture.c     what they share: the entries in one order, and what becomes of each
 *
 * What comes from a store reaches the page through html_put() alone, which escapes it.
 */
#ifndef KM_MIGRATE_HTML_H
#define KM_MIGRATE_HTML_H

#include "migrate/report/report.h"

struct salvaging;

struct html_options {
    const char *path;   /* of the page; NULL: none was asked for */
    const char *output; /* where a new store goes; NULL: there is none */
    bool force;         /* a page that has that name is replaced */
};

/* Before anything else is written: can the page be, with the rights of `like` (a descriptor of the
 * store)?  True when none was asked for.
 * False, with the error noted, when its name is taken (without --force, or by what is no page),
 * is where the new store goes, or cannot be made.  Nothing is left there. */
bool html_may_write(int like, const struct html_options *options, struct notes *notes);

/* Writes the page, with permissions never wider than the store's; nothing when
 * none was asked for.  Returns enum exit_status: EXIT_CLEAN, or EXIT_TROUBLE with an error noted
 * (assessment->notes), which says whether the repair was done. */
int html_write(const struct assessment *assessment, enum report_kind kind,
               const struct repair_result *result, const struct html_options *options);

/* The same of a salvage that was run, which has notes of its own: the list first, then what was
 * kept, is doubtful or lost. */
int html_write_salvage(struct salvaging *salvaging, const struct html_options *options);

#endif
