/* Opening the store: see store.h. */
#include "migrate/store/store.h"

#include "formats/buffer.h"
#include "formats/ese/log/header.h"
#include "formats/path.h"
#include "migrate/console/escape.h"
#include "migrate/console/status.h"
#include "migrate/console/value.h"
#include "migrate/profile/secrets.h"
#include "migrate/files/listfile.h"
#include "migrate/files/lock.h"
#include "migrate/profile/read.h"
#include "migrate/undo/names.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>

struct opening {
    struct store *store;
    struct notes *notes;
};

static void tell(void *context, enum ese_notice notice, const char *text)
{
    const struct opening *o = context;
    if (!ese_notice_is_harmless(notice))
        o->store->damaged = true;
    note_warning(o->notes, "%s: %s", o->store->path, text);
}

/* What a directory holds: the first names in order, so that a report is the same everywhere. */
enum { NAMES_SHOWN = 8 };
struct holding {
    char name[NAMES_SHOWN][NAME_MAX + 1];
    unsigned shown, all;
};

static void hold(struct holding *h, const char *name)
{
    if (strcmp(name, ".") == 0 || strcmp(name, "..") == 0)
        return;
    h->all++;
    unsigned at = h->shown;
    while (at > 0 && strcmp(name, h->name[at - 1]) < 0)
        at--;
    if (at == NAMES_SHOWN)
        return;
    unsigned last = h->shown < NAMES_SHOWN ? h->shown++ : NAMES_SHOWN - 1;
    memmove(h->name[at + 1], h->name[at], (last - at) * sizeof h->name[0]);
    snprintf(h->name[at], sizeof h->name[at], "%s", name);
}

/* h: of the databases where there are several, otherwise of all files. */
static int refuse_directory(const char *directory, unsigned matches, const struct holding *h,
                            struct notes *notes)
{
    char names[NAMES_SHOWN * (NAME_MAX + 3) + 1] = "nothing";
    size_t used = 0;
    for (unsigned i = 0; i < h->shown; i++)
        used +=
            (size_t)snprintf(names + used, sizeof names - used, "%s%s", i ? ", " : "", h->name[i]);
    char more[40] = "";
    if (h->all > h->shown)
        snprintf(more, sizeof more, " and %u more", h->all - h->shown);
    note_file(notes, directory,
              "expected one file %s in this directory, found %u; name the database file "
              "itself; there is: %s%s",
              STORE_FILE_NAME, matches, names, more);
    return EXIT_TROUBLE;
}

/* Looks for the database in a directory.  Two names that differ only in case are not guessed
 * between. */
static int find_in_directory(struct store *store, const char *directory, struct notes *notes)
{
    DIR *dir = opendir(directory);
    if (dir == NULL) {
        note_file(notes, directory, "the directory cannot be read: %s", strerror(errno));
        return EXIT_TROUBLE;
    }
    char found[NAME_MAX + 1] = "";
    unsigned matches = 0;
    struct holding all = {.all = 0}, databases = {.all = 0};
    struct dirent *entry;
    for (errno = 0; (entry = readdir(dir)) != NULL; errno = 0) {
        hold(&all, entry->d_name);
        if (strcasecmp(entry->d_name, STORE_FILE_NAME) != 0)
            continue;
        hold(&databases, entry->d_name);
        matches++;
        snprintf(found, sizeof found, "%s", entry->d_name);
    }
    int error = errno;
    closedir(dir);
    if (error != 0) {
        note_file(notes, directory, "the directory cannot be read: %s", strerror(error));
        return EXIT_TROUBLE;
    }
    if (matches != 1)
        return refuse_directory(directory, matches, matches ? &databases : &all, notes);
    size_t length = path_trimmed(directory);
    bool is_root = length == 1 && directory[0] == '/';
    int size = snprintf(store->path, sizeof store->path, "%.*s%s%s", (int)length, directory,
                        is_root ? "" : "/", found);
    return size < (int)sizeof store->path ? EXIT_CLEAN : EXIT_TROUBLE;
}

static int find_file(struct store *store, const char *name, struct notes *notes)
{
    struct stat st;
    if (strcmp(name, "-") == 0) {
        note_error(notes,
                   "a store is not read from standard input: it is read in no order and more "
                   "than once; give the name of a file, ./- for one of that name");
        return EXIT_USAGE;
    }
    if (stat(name, &st) == 0 && S_ISDIR(st.st_mode)) {
        store->in_directory = true;
        return find_in_directory(store, name, notes);
    }
    int size = snprintf(store->path, sizeof store->path, "%s", name);
    if (size < (int)sizeof store->path)
        return EXIT_CLEAN;
    note_error(notes, "%.60s...: the path is too long", name);
    return EXIT_TROUBLE;
}

/* An undo file that is not finished, or that cannot be read: between which states the store is,
 * nobody knows. */
static void look_at_undo(struct store *store, const char *path)
{
    struct undofile *undo = NULL;
    struct fault f = {.code = FAULT_NONE};
    if (!undofile_open(path, false, &undo, &f))
        store->pending = f;
    else if (undofile_is_pending(undo))
        fault_set(&store->pending, FAULT_LIMIT, "its undo file %s is not finished", path);
    undofile_close(undo);
}

static void find_pending(struct store *store)
{
    struct names_undo_list list;
    bool listed = names_list_undo(store->path, &list, &store->pending);
    if (!listed && store->pending.code == FAULT_IO)
        store->pending.code = FAULT_NONE; /* a directory that cannot be listed says nothing */
    for (size_t i = 0; listed && store->pending.code == FAULT_NONE && i < list.count; i++)
        look_at_undo(store, list.item[i].path);
    names_close_undo(&list);
}

int store_find(struct store *store, const char *name, struct notes *notes)
{
    *store = (struct store){.db = NULL};
    return find_file(store, name, notes);
}

static void tell_pending(const struct store *store, struct notes *notes,
                         int (*note)(struct notes *notes, const char *format, ...))
{
    const char *name = shell_word(store->path);
    if (store->pending.code == FAULT_LIMIT)
        note(notes,
             "%s: a repair in place was interrupted (%s); finish it with kmmigrate repair %s "
             "--in-place, or take it back with kmmigrate undo %s",
             store->path, store->pending.text, name, name);
    else
        note(
            notes,
            "%s: a repair in place was interrupted, and its undo file cannot be used (%s); put the "
            "backup back that was made before it, and remove the undo file",
            store->path, store->pending.text);
}

bool store_keep_still(const char *path, int descriptor, struct notes *notes, struct fault *f)
{
    bool known;
    if (!lock_shared(descriptor, &known, f))
        return false;
    if (!known)
        note_warning(notes,
                     "%s: the file system has no locks: a repair that runs meanwhile would not "
                     "be noticed",
                     path);
    return true;
}

/* As far as it can be seen. */
static int look_for_pending(struct store *store, struct notes *notes)
{
    find_pending(store);
    if (store->pending.code != FAULT_NO_MEMORY)
        return EXIT_CLEAN;
    return note_trouble(notes, store->path, &store->pending); /* nothing is known of it */
}

int store_stand_for(struct store *store, const char *path, struct notes *notes)
{
    snprintf(store->path, sizeof store->path, "%s", path);
    store->pending = (struct fault){.code = FAULT_NONE};
    return look_for_pending(store, notes);
}

static bool is_database(const char *path)
{
    struct ese_file *file = NULL;
    struct ese_headers headers;
    bool is = ese_file_open(path, &file, NULL) && ese_headers_read(file, &headers, NULL);
    ese_file_close(file);
    return is;
}

bool store_refuse_log(const char *path, struct notes *notes)
{
    enum ese_log_file_kind log = ese_log_kind_of(path);
    if (log == ESE_LOG_NEITHER || is_database(path))
        return false;
    note_file(notes, path,
              "expected a database, found a %s; kmmigrate info %s shows it, and kmmigrate logs "
              "and kmmigrate recover take the database that it belongs to",
              ese_log_file_words(log), shell_word(path));
    return true;
}

/* Why it could not be opened, and what to do. */
static void tell_refused(const struct store *store, const struct fault *why, struct notes *notes)
{
    struct listfile *certificates = NULL;
    struct fault ignored;
    struct stat st;
    bool other = why->code == FAULT_NOT_THIS || why->code == FAULT_UNSUPPORTED;
    if (other && listfile_open(store->path, &certificates, &ignored) && certificates)
        note_file(notes, store->path,
                  "expected a store, found a file of certificates (%s); kmmigrate list %s shows "
                  "them",
                  certlist_kind_name(certificates->kind), shell_word(store->path));
    else if (other && store_refuse_log(store->path, notes))
        ;
    else if (why->code == FAULT_DAMAGED && store->pending.code == FAULT_NONE)
        note_fault_next(notes, store->path, why, "kmmigrate salvage %s shows what can be had",
                        shell_word(store->path));
    else if (why->code == FAULT_NOT_THIS && store->pending.code == FAULT_NONE &&
             stat(store->path, &st) == 0 && st.st_size >= 2 * ESE_PAGE_SIZE_MIN)
        note_fault_next(notes, store->path, why,
                        "if it is one without its headers, kmmigrate salvage %s shows what "
                        "can be had",
                        shell_word(store->path));
    else
        note_trouble(notes, store->path, why);
    listfile_close(certificates);
    if (store->pending.code != FAULT_NONE)
        tell_pending(store, notes, note_error);
}

int store_open_to_judge(struct store *store, const char *name, struct notes *notes)
{
    struct opening o = {store, notes};
    int status = store_find(store, name, notes);
    if (status != EXIT_CLEAN)
        return status;
    struct fault f = {.code = FAULT_NONE};
    status = look_for_pending(store, notes);
    if (status != EXIT_CLEAN)
        return status;
    if (ese_db_open(store->path, tell, &o, &store->db, &f)) {
        if (store_keep_still(store->path, ese_file_named_descriptor(store->db->file), notes, &f))
            return EXIT_CLEAN;
        store_close(store);
    }
    tell_refused(store, &f, notes);
    return EXIT_TROUBLE;
}

int store_open(struct store *store, const char *name, struct notes *notes)
{
    int status = store_open_to_judge(store, name, notes);
    if (status == EXIT_CLEAN && store->pending.code != FAULT_NONE)
        tell_pending(store, notes, note_warning);
    return status;
}

void store_close(struct store *store)
{
    ese_db_close(store->db);
    store->db = NULL;
}

const struct ese_table *store_table(const struct store *store, const char *name,
                                    struct notes *notes)
{
    const struct ese_catalog *catalog = store->db->catalog;
    const struct ese_table *table = ese_catalog_find(catalog, name);
    if (table)
        return table;
    struct buffer list = {0};
    for (unsigned i = 0; i < ese_catalog_tables(catalog); i++) {
        buffer_add_text(&list, i ? ", " : "");
        buffer_add_text(&list, value_name(ese_catalog_table(catalog, i)->name));
    }
    buffer_add(&list, bytes_of("", 1));
    note_file(notes, store->path, "there is no table %s; there are: %s", name,
              list.failed ? "more than can be listed" : (const char *)list.at);
    buffer_free(&list);
    return NULL;
}

bool store_column_is_secret(const struct store *store, const struct ese_table *table,
                            const struct ese_column *column)
{
    return secret_is_marked(store->profile, store->db->catalog, table, column) ||
           (!store->show_secrets && secret_is_guessed(column->name));
}

static bool is_secret(const void *store, const struct ese_table *table,
                      const struct ese_column *column)
{
    return store_column_is_secret(store, table, column);
}

struct value_writer *store_value_writer(const struct store *store, struct json *json)
{
    return value_writer_open(store->db, is_secret, store, json);
}

int store_use_profile(struct store *store, struct profile *profile, const char *path,
                      struct notes *notes)
{
    struct fault f = {.code = FAULT_NONE};
    *profile = (struct profile){.name = NULL};
    if (path == NULL)
        return EXIT_CLEAN;
    if (!profile_read(path, profile, &f))
        return note_trouble(notes, path, &f);
    store->profile = profile;
    return EXIT_CLEAN;
}
