/*
 * Fuzz target: the whole way, on stores that were sound once.  Each input (way.h) is a store and
 * what the command line says; it is checked and planned, in text and in JSON, repaired into a copy
 * with a page beside it, repaired in place and taken back.  Whatever the store is:
 *
 *     nothing crashes, leaks, or gives JSON that is none
 *     check and plan say the same in text and in JSON, and leave the store as it is
 *     what was written passes the structural check, and a second repair finds nothing to do, but of
 *     a salvage that leaves something open
 *     what is not called repaired was not written
 *     a copy that was changed after it was written is not verified
 *     an undo file that was broken leaves the store as it is, or puts it back
 *     a call of the system that fails leaves the store as it was, or as undo puts it back
 *     in place and then undo give the same bytes, a name beside the store included, also of a
 *     repair that was interrupted, taken back and done again
 *
 * The commands run in this process, below a directory of their own in memory.
 */
#include "migrate/commands/command.h"
#include "migrate/console/document.h"
#include "migrate/console/interrupt.h"
#include "migrate/console/notes.h"
#include "migrate/console/output.h"
#include "migrate/decide/assess.h"
#include "migrate/repair/verify.h"
#include "migrate/repair/verify_rows.h"
#include "migrate/undo/file.h"
#include "tests/migrate/undo/mend.h"
#include "tests/migrate/way_mutate.h"

#include "formats/certs/crypto.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>
#include <yajl/yajl_parse.h>

/* ---- calls of the system that fail ---- */

/* As those of a full or dying disk do.  They stand in front of the C library's, which the program
 * calls by name. */

/* The call that fails: 1 the next one; 0 none. */
static unsigned way_fails;

static bool way_call_fails(void)
{
    if (way_fails == 0 || --way_fails > 0)
        return false;
    errno = EIO;
    return true;
}

int fsync(int file)
{
    return way_call_fails() ? -1 : (int)syscall(SYS_fsync, file);
}

ssize_t pwrite(int file, const void *from, size_t size, off_t at)
{
    return way_call_fails() ? -1 : syscall(SYS_pwrite64, file, from, size, at);
}

int ftruncate(int file, off_t size)
{
    return way_call_fails() ? -1 : (int)syscall(SYS_ftruncate, file, size);
}

int linkat(int from_folder, const char *from, int to_folder, const char *to, int flags)
{
    return way_call_fails() ? -1
                            : (int)syscall(SYS_linkat, from_folder, from, to_folder, to, flags);
}

int renameat2(int from_folder, const char *from, int to_folder, const char *to, unsigned flags)
{
    return way_call_fails() ? -1
                            : (int)syscall(SYS_renameat2, from_folder, from, to_folder, to, flags);
}

int mkdirat(int folder, const char *name, mode_t mode)
{
    return way_call_fails() ? -1 : (int)syscall(SYS_mkdirat, folder, name, mode);
}

/* ---- inputs ---- */

enum {
    ARGUMENTS_MOST = 64,
    WRONG_WRITES = 6,
    FAILING_CALLS = 3,
    FAILING_MOST = 40,
    BROKEN_UNDOS = 4,
};

/* Of this target: the store is named by its directory, with files beside it. */
static const struct option_spec option_directory = {"directory", NULL, "",
                                                    offsetof(struct options, tree), 0};
static const struct option_spec *const of_repair[] = {&option_directory,
                                                      &option_superseded,
                                                      &option_verify_all,
                                                      &option_accept_discovered,
                                                      &option_at,
                                                      &option_issuing_ca,
                                                      &option_profile,
                                                      &option_mode,
                                                      &option_issuing_ca_is,
                                                      &option_migrate_to,
                                                      &option_no_backup,
                                                      &option_salvage,
                                                      &option_doubtful,
                                                      &option_show_secrets,
                                                      &option_trust,
                                                      &option_keep,
                                                      &option_drop,
                                                      &option_reference,
                                                      &option_not_reference,
                                                      &option_not_list,
                                                      NULL};
static const struct command as_told = {"repair", "STORE", 1, "", of_repair, NULL};

static char folder[PATH_MAX / 4]; /* where everything is */

/* What one input is about. */
struct case_of {
    struct way *way;
    struct options options;
    const char *stores[1];
    char arguments[WAY_ARGUMENTS_MOST + 1];
    char store[PATH_MAX / 2], named[PATH_MAX / 2], new[PATH_MAX / 2], new_store[PATH_MAX / 2],
        other[PATH_MAX / 2], page[PATH_MAX / 2], beside[PATH_MAX / 2], log[PATH_MAX / 2];
};

/* ---- files ---- */

static void make_file(const char *path, struct bytes content)
{
    int file = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    expect(file >= 0 && write(file, content.at, content.size) == (ssize_t)content.size);
    close(file);
}

static bool is_there(const char *path)
{
    return access(path, F_OK) == 0;
}

static uint8_t *read_file(const char *path, size_t *size)
{
    struct stat st;
    int file = open(path, O_RDONLY | O_CLOEXEC);
    expect(file >= 0 && fstat(file, &st) == 0);
    uint8_t *bytes = malloc((size_t)st.st_size + 1);
    expect(bytes != NULL && read(file, bytes, (size_t)st.st_size) == st.st_size);
    close(file);
    *size = (size_t)st.st_size;
    return bytes;
}

static bool holds(const char *path, struct bytes content)
{
    size_t size;
    uint8_t *bytes = read_file(path, &size);
    bool same = size == content.size && memcmp(bytes, content.at, size) == 0;
    free(bytes);
    return same;
}

static int remove_one(const char *path, const struct stat *st, int kind, struct FTW *where)
{
    (void)st;
    (void)kind;
    if (where->level > 0)
        remove(path);
    return 0;
}

static void empty_folder(void)
{
    nftw(folder, remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

static void remove_folder(void)
{
    empty_folder();
    rmdir(folder);
}

/* ---- the commands ---- */

/* A signal that ends the fuzzing comes to a command, which then is cancelled: no finding of the
 * input, and the end, as it is libFuzzer's where it gets the signal itself. */
static void end_if_told(void)
{
    enum { LIBFUZZER_INTERRUPTED = 72 };
    if (!*interrupt_watch())
        return;
    remove_folder();
    _exit(LIBFUZZER_INTERRUPTED);
}

/* Runs a command; its report has to be JSON where that was asked for. */
static int run(int (*command)(const struct options *), const struct options *options)
{
    struct buffer said = {0};
    struct notes notes = {.first = NULL};
    struct options noted = *options;
    noted.notes = &notes;
    output_capture(&said);
    if (options->json)
        document_begin(as_told.name, false);
    int status = told(&noted, command(&noted));
    end_if_told();
    document_end(status);
    output_capture(NULL);
    if (options->json) {
        yajl_handle parser = yajl_alloc(NULL, NULL, NULL);
        expect(parser != NULL);
        expect(yajl_parse(parser, said.at, said.size) == yajl_status_ok &&
               yajl_complete_parse(parser) == yajl_status_ok);
        yajl_free(parser);
    }
    buffer_free(&said);
    return status;
}

/* In text and in JSON, with one exit status; returns it. */
static int run_both(int (*command)(const struct options *), const struct options *options)
{
    struct options json = *options;
    json.json = true;
    int status = run(command, options);
    expect(run(command, &json) == status);
    return status;
}

static void expect_sound(const char *path)
{
    struct ese_check_summary summary;
    struct ese_db *db;
    struct fault f;
    expect(ese_db_open(path, NULL, NULL, &db, &f));
    expect(ese_check(db, NULL, NULL, &summary, &f));
    /* Rows of another table that share a key are left to people. */
    expect(summary.problems <= summary.of_rule[ESE_RULE_KEY_DUPLICATE]);
    expect(summary.not_judged == 0 && !summary.dirty);
    ese_db_close(db);
}

/* Are the rows and indexes alone as planned, whatever the structural check says of them? */
static bool rows_agree(const struct case_of *c, const struct assessment *old)
{
    struct fault f = {.code = FAULT_NONE};
    struct store new;
    bool agree = store_open(&new, c->page, NULL) == EXIT_CLEAN && old->has_model &&
                 verify_rows(old, &new, false, &f);
    store_close(&new);
    return agree;
}

/* What is written otherwise than planned is refused, or is no difference to anybody who reads it.
 */
static void expect_verified(const struct case_of *c, unsigned seed)
{
    struct random random = {.state = 0x9e3779b97f4a7c15u * (seed + 1)};
    struct way wrong = *c->way;
    struct options options = c->options,
                   compare = {.color = "never", .operand = {c->new_store, c->page}, .operands = 2};
    struct assessment old;
    uint8_t sha256[HASH_SHA256_SIZE];
    uint64_t size;
    wrong.store = read_file(c->new_store, &wrong.size);
    if (seed % 3 == 1)
        mutate_leaf(&wrong, &random, ESE_PAGE_INDEX);
    else if (seed % 3 == 2)
        mutate_leaf(&wrong, &random, ESE_PAGE_LONG_VALUE);
    else
        mutate_rows(&wrong, &random);
    if (random_chance(&random, 10))
        mutate_page(&wrong, &random);
    put_sums_right(wrong.store, wrong.size);
    make_file(c->page, bytes_of(wrong.store, wrong.size));
    const struct assess_options how = options.assess;
    expect(assess(&old, c->named, &how, NULL) == EXIT_CLEAN);
    if (verify_store(&old, c->page, false, "", NULL, sha256, &size) == EXIT_CLEAN ||
        rows_agree(c, &old))
        expect(run(cmd_diff, &compare) == 0);
    assess_close(&old);
    free(wrong.store);
}

/* A second repair finds nothing to do, and what was decided before is no longer there to be
 * decided. */
static void expect_done(const struct case_of *c)
{
    struct options options = c->options;
    struct assessment again;
    options.operand[0] = c->new;
    options.assess.decisions.keeps = options.assess.decisions.drops =
        options.assess.decisions.trusts = 0;
    options.salvage = false;
    const struct assess_options how = options.assess;
    int status = assess(&again, c->new, &how, NULL);
    expect(status == EXIT_CLEAN || status == EXIT_USAGE);
    expect(status != EXIT_CLEAN || !again.has_model || again.plan.actions == 0);
    assess_close(&again);
}

static void make_store(const struct case_of *c)
{
    empty_folder();
    if (c->options.tree) {
        expect(mkdir(c->named, 0700) == 0);
        make_file(c->beside, bytes_of("a checkpoint", 12));
        make_file(c->log, bytes_of("a log", 5));
    }
    make_file(c->store, bytes_of(c->way->store, c->way->size));
    make_file(c->other, bytes_of(c->way->other, c->way->other_size));
}

static void try_reading(const struct case_of *c)
{
    struct options options = c->options;
    options.salvage = false;
    run_both(cmd_check, &options);
    options.brief = true;
    run_both(cmd_check, &options);
    options.brief = false;
    options.structure = true;
    run_both(cmd_check, &options);
    options.structure = false;
    run_both(cmd_info, &options);
    options.assess.decisions.to = NULL;
    options.tree = true;
    run(cmd_list, &options);
    options.tree = false;
    run_both(cmd_list, &options);
    run_both(cmd_settings, &options);
    options.operand[1] = "1";
    options.operands = 2;
    run_both(cmd_show, &options);
    options.operands = 1;
    run_both(cmd_salvage, &options);
    expect(holds(c->store, bytes_of(c->way->store, c->way->size)));
}

static bool is_repaired(int status)
{
    expect((status & ~(EXIT_REPAIRED | EXIT_PROBLEMS_LEFT | EXIT_TROUBLE | EXIT_USAGE)) == 0);
    return status & EXIT_REPAIRED;
}

/* Returns the exit status. */
static int try_copy(const struct case_of *c)
{
    struct options options = c->options;
    options.assess.no_backup = false; /* of --in-place alone */
    int planned = run_both(cmd_repair, &options);
    options.output = c->new;
    options.html = c->page;
    int status = run(cmd_repair, &options);
    expect(!is_repaired(planned) && holds(c->store, bytes_of(c->way->store, c->way->size)));
    expect(is_there(c->new) == is_repaired(status));
    if (is_repaired(status)) {
        expect_sound(c->new_store);
        /* A reference to an entry that was lost waits for a person while it is known that rows
         * were. */
        if (!options.salvage || (status & EXIT_PROBLEMS_LEFT) == 0)
            expect_done(c);
        if (!options.salvage)
            for (unsigned seed = 0; seed < WRONG_WRITES; seed++)
                expect_verified(c, seed);
    }
    return status;
}

/* As if a repair had been killed, or the undo of it. */
static void make_pending(const struct case_of *c)
{
    char path[PATH_MAX];
    struct undofile *undo;
    struct fault f;
    snprintf(path, sizeof path, "%s.kmundo", c->store);
    expect(undofile_open(path, true, &undo, &f) && undofile_set_state(undo, UNDOFILE_UNDOING, &f));
    undofile_close(undo);
}

static void try_in_place(const struct case_of *c, int copied)
{
    struct bytes before = bytes_of(c->way->store, c->way->size);
    struct options options = c->options, undo = {.color = "never", .operands = 1};
    options.assess.in_place = true;
    undo.operand[0] = c->named;
    int status = run(cmd_repair, &options);
    expect(is_repaired(status) == is_repaired(copied));
    if (is_repaired(status)) {
        expect_sound(c->store);
        make_pending(c);
        expect(run(cmd_repair, &options) == status);
        expect_sound(c->store);
        expect(run(cmd_undo, &undo) == EXIT_CLEAN);
    }
    expect(holds(c->store, before) && (!options.tree || is_there(c->beside)));
}

/* One call of the system fails, wherever that is: nothing was written then, and what was is taken
 * back. */
static void try_failing(const struct case_of *c)
{
    struct bytes before = bytes_of(c->way->store, c->way->size);
    struct random random = {.state = 1 + crc32(0, before.at, (uInt)before.size)};
    for (unsigned i = 0; i < FAILING_CALLS; i++) {
        struct options options = c->options, undo = {.color = "never", .operands = 1};
        undo.operand[0] = c->named;
        make_store(c);
        options.assess.no_backup = false;
        options.output = c->new;
        way_fails = 1 + random_below(&random, FAILING_MOST);
        int status = run(cmd_repair, &options);
        way_fails = 0;
        expect(is_there(c->new) == is_repaired(status) && holds(c->store, before));
        make_store(c);
        options = c->options;
        options.assess.in_place = true;
        way_fails = 1 + random_below(&random, FAILING_MOST);
        status = run(cmd_repair, &options);
        way_fails = 0;
        if (is_repaired(status) || !holds(c->store, before))
            expect(run(cmd_undo, &undo) == EXIT_CLEAN);
        expect(holds(c->store, before) && (!options.tree || is_there(c->beside)));
    }
}

/* Bytes of an undo file become others, which is known by their checksum or, where that was put
 * right, by what they say. */
static size_t break_undo(uint8_t *bytes, size_t size, struct random *r)
{
    if (random_chance(r, 20))
        size = random_below(r, (uint32_t)size);
    if (size == 0)
        return 0;
    for (unsigned n = random_below(r, 4); n > 0; n--)
        bytes[random_below(r, random_chance(r, 50) ? (uint32_t)size : 1 + (uint32_t)size / 16)] ^=
            (uint8_t)(1u << random_below(r, 8));
    if (size >= UNDOFILE_HEAD && random_chance(r, 70))
        undofile_mend(bytes, size);
    return size;
}

/* Whatever an undo file says, the store is as it was before the repair or as it was behind it. */
static void try_broken_undo(const struct case_of *c)
{
    struct bytes before = bytes_of(c->way->store, c->way->size);
    struct random random = {.state = 2 + crc32(0, before.at, (uInt)before.size)};
    struct options options = c->options, undo = {.color = "never", .operands = 1};
    char path[PATH_MAX], second[PATH_MAX];
    size_t repaired, size;
    make_store(c);
    options.assess.in_place = true;
    undo.operand[0] = c->named;
    expect(is_repaired(run(cmd_repair, &options)));
    snprintf(path, sizeof path, "%s.kmundo", c->store);
    snprintf(second, sizeof second, "%s.kmundo.2", c->store);
    uint8_t *store = read_file(c->store, &repaired), *whole = read_file(path, &size),
            *broken = malloc(size + 1);
    expect(broken != NULL);
    for (unsigned i = 0; i < BROKEN_UNDOS && holds(c->store, bytes_of(store, repaired)); i++) {
        memcpy(broken, whole, size);
        make_file(i % 2 ? second : path, bytes_of(broken, break_undo(broken, size, &random)));
        run(cmd_undo, &undo);
        expect(holds(c->store, bytes_of(store, repaired)) || holds(c->store, before));
    }
    free(store);
    free(whole);
    free(broken);
}

/* A file that was set aside is there again, or is gone: nothing is put over it, or without it. */
static void try_other_aside(const struct case_of *c)
{
    struct options options = c->options, undo = {.color = "never", .operands = 1};
    size_t size;
    make_store(c);
    options.assess.in_place = true;
    undo.operand[0] = c->named;
    expect(is_repaired(run(cmd_repair, &options)));
    if (is_there(c->log))
        return;
    uint8_t *store = read_file(c->store, &size);
    make_file(c->log, bytes_of("another log", 11));
    expect(run(cmd_undo, &undo) != EXIT_CLEAN && holds(c->store, bytes_of(store, size)) &&
           holds(c->log, bytes_of("another log", 11)));
    free(store);
    unlink(c->log);
    expect(run(cmd_undo, &undo) == EXIT_CLEAN && holds(c->log, bytes_of("a log", 5)));
}

/* ---- one input ---- */

/* The commands would take from this process, for good, what the next input needs; that they do is
 * tested by tests/program. */
void confine(const struct options *options, const struct store *in_place)
{
    (void)options;
    (void)in_place;
}

static void name_files(struct case_of *c)
{
    bool in_directory = c->options.tree;
    snprintf(c->named, sizeof c->named, "%s/%s", folder, in_directory ? "Kmsdata" : "store.edb");
    snprintf(c->store, sizeof c->store, "%s/%s", folder,
             in_directory ? "Kmsdata/Kmsmdb.edb" : "store.edb");
    snprintf(c->beside, sizeof c->beside, "%s/Kmsdata/edb.chk", folder);
    snprintf(c->log, sizeof c->log, "%s/Kmsdata/edb.log", folder);
    snprintf(c->new, sizeof c->new, "%s/new", folder);
    snprintf(c->new_store, sizeof c->new_store, "%s/new%s", folder,
             in_directory && !c->options.salvage ? "/Kmsmdb.edb"
                                                 : ""); /* that takes the file alone */
    snprintf(c->other, sizeof c->other, "%s/other", folder);
    snprintf(c->page, sizeof c->page, "%s/page.html", folder);
}

/* False for what is no command line: its errors are of no interest here. */
static bool read_arguments(struct case_of *c)
{
    char *argument[ARGUMENTS_MOST], *rest = NULL, store[] = "store";
    int count = 0;
    argument[count++] = store;
    memcpy(c->arguments, c->way->arguments, sizeof c->arguments);
    for (char *word = strtok_r(c->arguments, "\n", &rest); word && count < ARGUMENTS_MOST;
         word = strtok_r(NULL, "\n", &rest))
        argument[count++] = word;
    if (options_parse(&as_told, count, argument, &c->options) != EXIT_CLEAN || c->options.help)
        return false;
    name_files(c);
    c->options.color = "never";
    c->options.operands = 1;
    c->options.operand[0] = c->stores[0] = c->named;
    c->options.stores = c->stores;
    c->options.assess.reading.profile = c->options.assess.reading.profile ? c->other : NULL;
    c->options.assess.decisions.issuing_ca =
        c->options.assess.decisions.issuing_ca ? c->other : NULL;
    if (c->options.assess.decisions.issuing_ca == NULL)
        c->options.assess.decisions.to = NULL;
    return true;
}

static void try_case(struct case_of *c)
{
    if ((c->way->flags & WAY_SUMS_AS_THEY_ARE) == 0)
        put_sums_right(c->way->store, c->way->size);
    make_store(c);
    try_reading(c);
    int copied = try_copy(c);
    if (!c->options.salvage) {
        make_store(c);
        try_in_place(c, copied);
        if (is_repaired(copied)) {
            try_failing(c);
            try_broken_undo(c);
        }
        if (is_repaired(copied) && c->options.tree)
            try_other_aside(c);
    }
    empty_folder();
}

/* The commands tell a lot; libFuzzer keeps what is its own. */
int LLVMFuzzerInitialize(int *argc, char ***argv)
{
    static char discard[] = "-close_fd_mask=3";
    char **more = calloc((size_t)*argc + 2, sizeof *more);
    struct fault f;
    expect(more != NULL && crypto_start(&f));
    memcpy(more, *argv, (size_t)*argc * sizeof *more);
    more[(*argc)++] = discard;
    *argv = more;
    snprintf(folder, sizeof folder, "%s/kmmigrate-way-XXXXXX",
             access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp");
    expect(mkdtemp(folder) != NULL && atexit(remove_folder) == 0);
    return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct case_of *c = calloc(1, sizeof *c);
    expect(c != NULL);
    c->way = way_unpack(bytes_of(data, size));
    bool tried = c->way != NULL && read_arguments(c);
    if (tried)
        try_case(c);
    way_free(c->way);
    free(c);
    return tried ? 0 : -1;
}

size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t max_size, unsigned seed)
{
    struct random random = {.state = 0x9e3779b97f4a7c15u ^ ((uint64_t)seed << 20 | seed)};
    struct way *way = way_unpack(bytes_of(data, size));
    if (way == NULL)
        return LLVMFuzzerMutate(data, size, max_size);
    for (unsigned n = 1 + random_below(&random, 3); n > 0; n--)
        mutate_way(way, &random);
    size_t packed = way_pack(way, data, max_size);
    way_free(way);
    return packed > 0 ? packed : size;
}
