/* Salvaging a store: see salvaging.h. */
#include "migrate/rescue/salvaging.h"

#include "formats/array.h"
#include "formats/ese/check/check.h"
#include "formats/fileio.h"
#include "formats/hex.h"
#include "migrate/console/interrupt.h"
#include "migrate/console/status.h"
#include "migrate/console/words.h"
#include "migrate/files/newfile.h"

#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <unistd.h>

/* ---- what it comes to ---- */

uint64_t salvaging_sum(const struct ese_salvage_result *r, size_t member)
{
    uint64_t sum = 0;
    for (unsigned i = 0; i < r->tables; i++)
        sum += *(const uint64_t *)(const void *)((const char *)&r->table[i] + member);
    return sum;
}

static bool any_in_part(const struct ese_salvage_result *r)
{
    for (unsigned i = 0; i < r->tables; i++)
        if (r->table[i].in_part)
            return true;
    return false;
}

bool salvaging_has_loss(const struct salvaging *x)
{
    const struct ese_salvage_result *r = &x->result;
    return SALVAGING_SUM(r, doubtful) || SALVAGING_SUM(r, lost) || SALVAGING_SUM(r, perhaps_lost) ||
           SALVAGING_SUM(r, cut) || SALVAGING_SUM(r, pages_lost) ||
           SALVAGING_SUM(r, entries_missing) || any_in_part(r) || r->told[ESE_SALVAGE_NO_SCHEMA] ||
           r->told[ESE_SALVAGE_TABLE_LOST] || r->told[ESE_SALVAGE_CATALOG] > r->catalog_settled;
}

const char *salvaging_perhaps(uint64_t perhaps_lost)
{
    static char text[SALVAGING_PERHAPS];
    if (perhaps_lost == 0)
        return "";
    snprintf(text, sizeof text, "; at least %s may be lost",
             counted(perhaps_lost, "more row", "more rows"));
    return text;
}

/* The pages are good, and no row is in doubt.  A page of zeroes is good, too, and may belong to a
 * tree. */
static bool pages_are_sound(const struct salvaging *x)
{
    const struct ese_salvage_scan *scan = ese_salvage_scan(x->salvage);
    bool deletion_is_sure = scan->newer == 0 || x->result.told[ESE_SALVAGE_DELETED] == 0;
    return !salvaging_has_loss(x) && deletion_is_sure && !scan->dirty && !scan->header_invented &&
           !scan->cut &&
           scan->corrected + scan->displaced + scan->partly + scan->wrong + scan->unreadable == 0;
}

static void pass_over_finding(void *context, const struct ese_finding *finding)
{
    (void)context, (void)finding;
}

static bool structure_is_sound(const struct salvaging *x)
{
    struct ese_db *db = NULL;
    struct ese_check_summary s;
    struct fault f = {.code = FAULT_NONE};
    if (!ese_db_open(x->store.path, NULL, NULL, &db, &f))
        return false;
    bool sound = ese_check(db, pass_over_finding, NULL, &s, &f) && s.problems == 0 &&
                 s.not_judged == 0 && !s.dirty;
    ese_db_close(db);
    return sound;
}

bool salvaging_is_sound(struct salvaging *x)
{
    if (!x->sound_known)
        x->sound = pages_are_sound(x) && structure_is_sound(x);
    x->sound_known = true;
    return x->sound;
}

unsigned salvaging_badness(const struct ese_salvage_table *t)
{
    return t->lost || t->perhaps_lost || t->pages_lost  ? 3
           : t->doubtful                                ? 2
           : t->cut || t->entries_missing || t->in_part ? 1
                                                        : 0;
}

bool salvaging_knows_tables(const struct salvaging *x)
{
    return x->result.catalog_gaps == 0 && x->result.told[ESE_SALVAGE_TABLE_LOST] == 0 &&
           !any_in_part(&x->result);
}

const struct ese_salvage_table *salvaging_table(const struct salvaging *x, const char *name)
{
    for (unsigned i = 0; name && i < x->result.tables; i++)
        if (strcasecmp(x->result.table[i].name, name) == 0)
            return &x->result.table[i];
    return NULL;
}

/* ---- the rows that are named ---- */

enum { LONG_KEY_SIZE = 5, LONG_KEY_PREFIX = 0x7f, KEY_SHOWN = 16 };

/* The key of one Long is what people know a row by. */
static void key_words(struct bytes key, char text[48])
{
    if (key.at && key.size == LONG_KEY_SIZE && key.at[0] == LONG_KEY_PREFIX) {
        uint32_t bits = (uint32_t)key.at[1] << 24 | (uint32_t)key.at[2] << 16 |
                        (uint32_t)key.at[3] << 8 | key.at[4];
        snprintf(text, 48, "row %" PRId32, (int32_t)(bits ^ 0x80000000u));
        return;
    }
    char hex[HEX_START_SIZE(KEY_SHOWN)] = "";
    snprintf(text, 48, "key %s", key.at ? hex_start(key, KEY_SHOWN, hex) : "");
}

static bool is_named(enum ese_salvage_kind kind)
{
    return kind == ESE_SALVAGE_DOUBTFUL || kind == ESE_SALVAGE_LOST ||
           kind == ESE_SALVAGE_PERHAPS_LOST || kind == ESE_SALVAGE_CUT ||
           kind == ESE_SALVAGE_PAGE_LOST || kind == ESE_SALVAGE_TABLE_LOST;
}

/* Items come table by table. */
static bool name_row(struct salvaging *x, const struct ese_salvage_item *item, struct fault *f)
{
    bool same = x->names > 0 && x->named[x->names - 1].objid == item->objid;
    if (!is_named(item->kind) || (same && x->named_of_table == SALVAGING_NAMED_MOST))
        return true;
    if (!array_reserve(&x->named, &x->room, x->names + 1, sizeof *x->named))
        return fault_no_memory(f, "the rows that are named");
    struct salvaging_named *n = &x->named[x->names++];
    *n = (struct salvaging_named){.kind = item->kind, .objid = item->objid, .page = item->page};
    if (item->kind == ESE_SALVAGE_TABLE_LOST)
        snprintf(n->key, sizeof n->key, "its definition");
    else if (item->kind == ESE_SALVAGE_PERHAPS_LOST && item->key.size == 0)
        snprintf(n->key, sizeof n->key, "rows of which nobody knows the keys");
    else
        key_words(item->key, n->key);
    snprintf(n->reason, sizeof n->reason, "%s", item->reason ? item->reason : "");
    x->named_of_table = same ? x->named_of_table + 1 : 1;
    return true;
}

static bool take_item(void *context, const struct ese_salvage_item *item, struct fault *f)
{
    struct salvaging *x = context;
    return name_row(x, item, f) && salvage_files_item(&x->files, item, f);
}

/* ---- the way there ---- */

static int read_options(struct salvaging *x)
{
    const char *doubtful = x->options->doubtful;
    x->how = (struct ese_salvage_options){
        .any_revision = x->options->force,
        .drop_index = x->options->drop_index,
        .drop_indexes = x->options->drop_indexes,
        .tell = take_item,
        .context = x,
        .progress = progress_step,
        .progress_context = &x->progress,
    };
    if (doubtful && strcmp(doubtful, "keep") == 0)
        x->how.doubtful = ESE_DOUBTFUL_KEEP;
    else if (doubtful && strcmp(doubtful, "drop") == 0)
        x->how.doubtful = ESE_DOUBTFUL_DROP;
    else if (doubtful)
        return note_usage(x->notes, "--doubtful takes keep or drop, not %s", doubtful);
    return EXIT_CLEAN;
}

/* What the options name has to be there. */
static int check_indexes(const struct salvaging *x)
{
    for (unsigned i = 0; i < x->how.drop_indexes; i++)
        if (!ese_salvage_has_index(x->salvage, x->how.drop_index[i])) {
            note_file(x->notes, x->store.path, "there is no index %s that could be left out",
                      x->how.drop_index[i]);
            return EXIT_USAGE;
        }
    return EXIT_CLEAN;
}

/* The other database stands for what this one has lost: it is not written over. */
static int refuse_to_replace(const struct salvaging *x, const char *other)
{
    static const char *const suffix[] = {"", NEWFILE_SALVAGE ".jsonl", NEWFILE_QUARANTINE ".jsonl"};
    for (size_t i = 0; x->options->output && i < sizeof suffix / sizeof *suffix; i++) {
        char path[PATH_MAX];
        struct stat to, from;
        int size = snprintf(path, sizeof path, "%s%s", x->options->output, suffix[i]);
        if (size < PATH_MAX && stat(path, &to) == 0 && stat(other, &from) == 0 &&
            fileio_is_same(&to, &from))
            return note_file(x->notes, path,
                             "is the input itself; name another file for the output");
    }
    return EXIT_CLEAN;
}

static int take_schema(struct salvaging *x)
{
    struct store other;
    struct fault f = {.code = FAULT_NONE};
    if (x->options->schema_from == NULL)
        return EXIT_CLEAN;
    int status = store_open(&other, x->options->schema_from, x->notes);
    if (status != EXIT_CLEAN)
        return status;
    status = refuse_to_replace(x, other.path);
    if (status == EXIT_CLEAN && !ese_salvage_schema_from(x->salvage, other.db, &f))
        status = note_trouble(x->notes, other.path, &f);
    store_close(&other);
    return status;
}

static bool open_file(struct salvaging *x, struct fault *f)
{
    struct ese_file *file;
    if (!ese_file_open(x->store.path, &file, f))
        return false;
    x->like = ese_file_named_descriptor(file);
    bool packed = ese_file_is_packed(file); /* then other bytes are hashed than are salvaged */
    if (!store_keep_still(x->store.path, x->like, x->notes, f) ||
        !(packed ? filehash_start(&x->hash, x->store.path, f)
                 : filehash_start_given(&x->hash, NULL, f))) {
        ese_file_close(file);
        return false;
    }
    return ese_salvage_open(file, packed ? NULL : filehash_add, &x->hash, &x->salvage, f);
}

static int open_source(struct salvaging *x)
{
    struct fault f = {.code = FAULT_NONE};
    int status = store_find(&x->store, x->options->store, x->notes);
    if (status == EXIT_CLEAN && store_refuse_log(x->store.path, x->notes))
        status = EXIT_TROUBLE;
    if (status == EXIT_CLEAN && !open_file(x, &f))
        status = note_trouble(x->notes, x->store.path, &f);
    return status;
}

struct salvaging *salvaging_new(const struct rescue_options *options, struct notes *notes)
{
    struct salvaging *x = calloc(1, sizeof *x);
    if (x == NULL)
        return NULL;
    x->options = options;
    x->notes = notes;
    return x;
}

int salvaging_open(struct salvaging *x)
{
    interrupt_ends(); /* nothing is written yet */
    int status = read_options(x);
    if (status == EXIT_CLEAN)
        status = open_source(x);
    if (status == EXIT_CLEAN)
        status = take_schema(x);
    if (status == EXIT_CLEAN)
        status = check_indexes(x);
    return status;
}

/* What the id covers besides the items. */
static void plan_options(struct salvaging *x)
{
    char text[120];
    salvage_files_plan(&x->files, "salvage 1\n");
    salvage_files_plan(&x->files, hash_words(bytes_of(x->hash.digest, sizeof x->hash.digest)));
    snprintf(text, sizeof text, "\ndoubtful %d\n", (int)x->how.doubtful);
    salvage_files_plan(&x->files, text);
    if (x->options->schema_from)
        salvage_files_plan(&x->files, "schema-from\n");
    for (unsigned i = 0; i < x->how.drop_indexes; i++) {
        salvage_files_plan(&x->files, "drop-index ");
        salvage_files_plan(&x->files, x->how.drop_index[i]);
        salvage_files_plan(&x->files, "\n");
    }
}

static void plan_counts(struct salvaging *x)
{
    for (unsigned i = 0; i < x->result.tables; i++) {
        const struct ese_salvage_table *t = &x->result.table[i];
        char text[200];
        snprintf(text, sizeof text, "table %u %" PRIu64 " %" PRIu64 " %" PRIu64 " %" PRIu64 "\n",
                 t->objid, t->kept, t->doubtful, t->lost, t->written);
        salvage_files_plan(&x->files, text);
    }
    salvage_files_id(&x->files);
}

bool salvaging_run(struct salvaging *x, int descriptor, const char *target, struct fault *f)
{
    if (target)
        x->how.stop = interrupt_watch();
    else
        interrupt_ends();
    if (!salvage_files_open(&x->files, target, x->like, x->options->force, f))
        return false;
    plan_options(x);
    x->progress = progress_begin("salvaging");
    bool ok = ese_salvage_run(x->salvage, descriptor, &x->how, &x->result, f);
    progress_end(&x->progress);
    if (ok)
        plan_counts(x);
    return ok;
}

static bool keep(struct salvaging *x, char path[UNNAMED_PATH], struct fault *f)
{
    const char *target = x->options->dry_run ? NULL : x->options->output;
    if (!filehash_finish(&x->hash, f))
        return false;
    x->kept = unnamed_create(x->like, target, path, f);
    if (x->kept < 0 || !salvaging_run(x, x->kept, target, f))
        return false;
    unnamed_date(x->like, x->kept);
    return true;
}

int salvaging_keep(struct salvaging *x, char path[UNNAMED_PATH])
{
    struct fault f = {.code = FAULT_NONE};
    if (keep(x, path, &f)) {
        if (salvage_files_vanish(&x->files))
            interrupt_ends();
        return EXIT_CLEAN;
    }
    if (x->result.interrupted) {
        note_error(x->notes, "cancelled; nothing was written");
        return EXIT_CANCELLED;
    }
    return note_trouble_of(x->notes, x->store.path,
                           unnamed_place(x->options->dry_run ? NULL : x->options->output), &f);
}

void salvaging_close(struct salvaging *x)
{
    if (x == NULL)
        return;
    if (x->hash.running || x->hash.sha256)
        filehash_finish(&x->hash, NULL);
    salvage_files_close(&x->files);
    ese_salvage_result_free(&x->result);
    ese_salvage_close(x->salvage);
    if (x->kept > 0)
        close(x->kept);
    free(x->named);
    free(x);
}
