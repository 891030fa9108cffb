/* Opening the store: see store.h. */
#include "migrate/store.h"

#include "migrate/command.h"
#include "migrate/message.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <strings.h>
#include <sys/stat.h>

static void tell(void *context, enum ese_notice notice, const char *text)
{
    struct store *store = context;
    store->notices++;
    if (notice != ESE_NOTICE_NOT_CLEAN && notice != ESE_NOTICE_NEW_REVISION)
        store->damaged = true;
    message_warning("%s: %s", store->path, text);
}

/* Looks for the database in a directory.  Two names that differ only in case are not guessed between. */
static int find_in_directory(struct store *store, const char *directory)
{
    DIR *dir = opendir(directory);
    if (dir == NULL) {
        message_error("%s: the directory cannot be read: %s", directory, strerror(errno));
        return EXIT_TROUBLE;
    }
    char found[NAME_MAX + 1] = "";
    unsigned matches = 0;
    for (struct dirent *entry; (entry = readdir(dir)) != NULL;) {
        if (strcasecmp(entry->d_name, STORE_FILE_NAME) != 0)
            continue;
        matches++;
        snprintf(found, sizeof found, "%s", entry->d_name);
    }
    closedir(dir);
    if (matches != 1) {
        message_error("%s: expected one file %s in this directory, found %u; name the database file "
                      "itself",
                      directory, STORE_FILE_NAME, matches);
        return EXIT_TROUBLE;
    }
    int size = snprintf(store->path, sizeof store->path, "%s/%s", directory, found);
    return size < (int)sizeof store->path ? EXIT_CLEAN : EXIT_TROUBLE;
}

static int find(struct store *store, const char *name)
{
    struct stat st;
    if (stat(name, &st) == 0 && S_ISDIR(st.st_mode)) {
        store->in_directory = true;
        return find_in_directory(store, name);
    }
    int size = snprintf(store->path, sizeof store->path, "%s", name);
    if (size < (int)sizeof store->path)
        return EXIT_CLEAN;
    message_error("%.60s...: the path is too long", name);
    return EXIT_TROUBLE;
}

int store_open(struct store *store, const char *name)
{
    *store = (struct store){.db = NULL};
    int status = find(store, name);
    if (status != EXIT_CLEAN)
        return status;
    struct fault f = {.code = FAULT_NONE};
    if (ese_db_open(store->path, tell, store, &store->db, &f))
        return EXIT_CLEAN;
    message_error("%s: %s", store->path, f.text);
    return EXIT_TROUBLE;
}

void store_close(struct store *store)
{
    ese_db_close(store->db);
    store->db = NULL;
}

const struct ese_table *store_table(const struct store *store, const char *name)
{
    const struct ese_catalog *catalog = store->db->catalog;
    const struct ese_table *table = ese_catalog_find(catalog, name);
    if (table)
        return table;
    char list[512] = "";
    size_t used = 0;
    for (unsigned i = 0; i < ese_catalog_tables(catalog) && used < sizeof list; i++)
        used += (size_t)snprintf(list + used, sizeof list - used, "%s%s", i ? ", " : "",
                                 ese_catalog_table(catalog, i)->name);
    message_error("%s: there is no table %s; there are: %s", store->path, name, list);
    return NULL;
}

bool store_column_is_secret(const struct store *store, const struct ese_table *table,
                            const struct ese_column *column)
{
    static const struct {
        const char *table, *column;
    } secrets[] = {{"Users", "KeyHistory"}, {"Administrators", "Secret"}};
    if (ese_catalog_find(store->db->catalog, "CertificateList") == NULL &&
        ese_catalog_find(store->db->catalog, "Configuration") == NULL)
        return false; /* not a KM store */
    for (size_t i = 0; i < sizeof secrets / sizeof secrets[0]; i++)
        if (strcasecmp(table->name, secrets[i].table) == 0 &&
            strcasecmp(column->name, secrets[i].column) == 0)
            return true;
    return false;
}
