/*
 * By which profile a store is judged: the one that is given, else the built-in one where it fits,
 * else what discovery finds.  See assess_parts.h.
 */
#include "migrate/decide/assess_parts.h"

#include "formats/buffer.h"
#include "migrate/console/escape.h"
#include "migrate/decide/said.h"
#include "migrate/discover/discover.h"
#include "migrate/profile/meaning.h"
#include "migrate/profile/read.h"

static int apply_said(struct assessment *a, const struct assess_options *options)
{
    struct fault f = {.code = FAULT_NONE};
    if (said_apply(&a->profile, a->store.db->catalog, &options->reading, &f))
        return EXIT_CLEAN;
    note_error(a->notes, "%s", f.text);
    return f.code == FAULT_NO_MEMORY ? EXIT_TROUBLE : EXIT_USAGE;
}

/* Did discovery leave open what nobody has said since? */
static bool is_undecided(const struct assessment *a, const struct discovery *d)
{
    bool open = d->result == DISCOVER_DOUBT && d->doubt_beside;
    for (unsigned i = 0; i < d->references && !open; i++)
        open = d->reference[i].verdict == DISCOVER_UNDECIDED &&
               !profile_gives_meaning(&a->profile, d->reference[i].table->name,
                                      d->reference[i].column->name);
    return open;
}

/* Notes the columns of which discovery did not know whether they refer to the list, and nobody has
 * said it since. */
static void note_open(struct assessment *a, const struct discovery *d)
{
    for (unsigned i = 0; i < d->references && a->opens < ASSESS_OPEN_MOST; i++) {
        const struct discover_reference *r = &d->reference[i];
        if (r->verdict != DISCOVER_UNDECIDED ||
            profile_gives_meaning(&a->profile, r->table->name, r->column->name))
            continue;
        struct open_column *open = &a->open[a->opens++];
        *open = (struct open_column){r->table, r->column, !r->contained, ""};
        snprintf(open->why, sizeof open->why, "%s", r->why);
    }
}

static int use_given_profile(struct assessment *a, const char *path,
                             const struct assess_options *options)
{
    struct fault f = {.code = FAULT_NONE};
    if (!profile_read(path, &a->profile, &f))
        return note_trouble(a->notes, path, &f);
    a->match = profile_match(&a->profile, a->store.db->catalog, &f);
    if (a->match == PROFILE_NO_MATCH)
        return note_file(
            a->notes, path,
            "this profile does not fit %s: %s; kmmigrate profile %s shows what can be found",
            a->store.path, f.text, shell_word(a->store.path));
    a->store.profile = &a->profile;
    a->profile_how = "given with --profile";
    a->repairs_allowed = true;
    return apply_said(a, options);
}

static bool explain(struct assessment *a, const struct discovery *discovery)
{
    struct buffer text = {0};
    FILE *to = buffer_stream(&text);
    if (to)
        discover_explain(discovery, "", to);
    if (!buffer_stream_close(&text, to) || !buffer_add_u8(&text, '\0')) {
        buffer_free(&text);
        return false;
    }
    a->discovery = (char *)text.at;
    return true;
}

static int discover_profile(struct assessment *a, const struct assess_options *options,
                            const struct fault *why_not)
{
    struct discovery discovery;
    struct fault f = {.code = FAULT_NONE};
    int status = EXIT_CLEAN;
    profile_close(&a->profile);
    const struct reading *said = &options->reading;
    struct discover_hints hints = {.not_list = said->not_list,
                                   .not_lists = said->not_lists,
                                   .not_key = said->not_reference,
                                   .not_keys = said->not_references};
    if (!discover(&a->store, &hints, &discovery, &f))
        return assess_trouble(a, &f);
    if (!explain(a, &discovery)) {
        discover_close(&discovery);
        fault_no_memory(&f, "what was discovered");
        return assess_trouble(a, &f);
    }
    bool has_list = discovery.result == DISCOVER_DOUBT || discovery.result == DISCOVER_COMPLETE;
    a->drafted = discovery.result != DISCOVER_NOTHING;
    a->draft_whole = discovery.result == DISCOVER_COMPLETE;
    if (discovery.result == DISCOVER_TWO_LISTS)
        problem_add(&a->found, PROBLEM_TWO_LISTS, NO_ENTRY, NO_ENTRY, "%s", discovery.why);
    if (!has_list || !options->reading.accept_discovered)
        problem_add(&a->found, PROBLEM_NO_PROFILE, NO_ENTRY, NO_ENTRY, "%s", why_not->text);
    if (has_list) {
        a->profile = discovery.profile;
        discovery.profile = (struct profile){.name = NULL};
        a->store.profile = &a->profile;
        a->match = profile_match(&a->profile, a->store.db->catalog, &f);
        a->profile_how = options->reading.accept_discovered
                             ? "discovered, and accepted (--accept-discovered)"
                             : "discovered, and not accepted";
        a->repairs_allowed = options->reading.accept_discovered;
        memcpy(a->two_keys, discovery.two_keys, sizeof a->two_keys);
        if (a->repairs_allowed && *discovery.lacking)
            problem_add(&a->found, PROBLEM_MISFIT, NO_ENTRY, NO_ENTRY,
                        "the list that discovery found: %s; if it is the list all the same, give "
                        "its draft as --profile",
                        discovery.lacking);
        status = apply_said(a, options);
        a->undecided = is_undecided(a, &discovery);
        note_open(a, &discovery);
    }
    discover_close(&discovery);
    return status;
}

/* As it was discovered in the store that this one was made of. */
static int use_discovered(struct assessment *a, const struct profile *discovered)
{
    struct fault f = {.code = FAULT_NONE};
    if (!profile_copy(discovered, &a->profile, &f))
        return assess_trouble(a, &f);
    a->match = profile_match(&a->profile, a->store.db->catalog, &f);
    if (a->match == PROFILE_NO_MATCH)
        return assess_trouble(a, &f);
    a->store.profile = &a->profile;
    a->profile_how = "discovered, and accepted (--accept-discovered)";
    a->repairs_allowed = true;
    return EXIT_CLEAN;
}

int assess_choose_profile(struct assessment *a, const struct assess_options *options)
{
    struct fault f = {.code = FAULT_NONE};
    if (options->discovered)
        return use_discovered(a, options->discovered);
    if (options->reading.profile)
        return use_given_profile(a, options->reading.profile, options);
    if (!profile_builtin(&a->profile, &f))
        return assess_trouble(a, &f);
    a->match = profile_match(&a->profile, a->store.db->catalog, &f);
    if (a->match == PROFILE_NO_MATCH)
        return discover_profile(a, options, &f);
    a->profile_how = "built in; its tables and columns are all there";
    a->repairs_allowed = true;
    return apply_said(a, options);
}

static unsigned list_parts(const struct assessment *a)
{
    return a->match == PROFILE_MATCHES_ROWS    ? a->profile.lists
           : a->match == PROFILE_MATCHES_VALUE ? a->profile.values
                                               : 0;
}

unsigned assess_own_tables(const struct assessment *a)
{
    return list_parts(a) + 1;
}

const char *assess_own_table(const struct assessment *a, unsigned i)
{
    if (i >= list_parts(a))
        return a->profile.settings_table;
    return a->match == PROFILE_MATCHES_ROWS ? a->profile.list[i].table : a->profile.value[i].table;
}
