/* Telling other databases by their tables: see known.h. */
#include "migrate/discover/known.h"

#include <stddef.h>

const char *known_database(const struct ese_catalog *catalog)
{
    static const struct {
        const char *table, *other; /* both have to be there; other NULL: one is enough */
        const char *words;
    } known[] = {
        {"SruDbIdMapTable", NULL, "the System Resource Usage Monitor of Windows (SRUDB.dat)"},
        {"ROLE_ACCESS", "CLIENTS", "User Access Logging of Windows Server (Current.mdb)"},
        {"Jobs", "Files", "the Background Intelligent Transfer Service of Windows (qmgr.db)"},
        {"datatable", "link_table", "an Active Directory (ntds.dit)"},
        {"Requests", "CertificateExtensions", "certificate services of Windows 2000 or later"},
        {"Containers", "LeakFiles", "the web cache of Windows (WebCacheV01.dat)"},
        {"SystemIndex_Gthr", NULL, "Windows Search (Windows.edb)"},
        {"namespace", "backupset", "File History of Windows (Catalog1.edb)"},
        {"SmTblSmp", "SmTblSection", "a security configuration of Windows (secedit.sdb)"},
    };
    for (size_t i = 0; i < sizeof known / sizeof known[0]; i++)
        if (ese_catalog_find(catalog, known[i].table) &&
            (known[i].other == NULL || ese_catalog_find(catalog, known[i].other)))
            return known[i].words;
    return NULL;
}
