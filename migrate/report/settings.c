/* The settings in clear: see report/settings.h. */
#include "migrate/report/settings.h"

#include "migrate/console/words.h"
#include "formats/certs/name.h"
#include "migrate/console/output.h"

#include <string.h>

const struct model_entry *settings_issuing_entry(const struct model *m)
{
    for (unsigned i = 0; m->has_issuing_ca && i < m->entries; i++) {
        const struct model_certificate *cert = model_certificate_of(m, &m->entry[i]);
        if (cert->parsed && memcmp(cert->sha1, m->issuing_ca, HASH_SHA1_SIZE) == 0)
            return &m->entry[i];
    }
    return NULL;
}

void settings_issuing_line(const struct model *m)
{
    char name[512];
    const struct model_entry *e = settings_issuing_entry(m);
    if (!m->has_issuing_ca)
        return;
    const char *sha1 = hash_words(bytes_of(m->issuing_ca, HASH_SHA1_SIZE));
    if (e == NULL) {
        output_format("%-14sthumbprint %s, which no entry has\n", "Issuing CA", sha1);
        return;
    }
    name_text(model_certificate_of(m, e)->x509.subject, name, sizeof name);
    output_format("%-14s%s, thumbprint %s\n", "Issuing CA", name, sha1);
}

void settings_json(struct json *json, const struct model *m)
{
    json_put_map(json, "settings");
    json_put_text(json, "organization", m->organization);
    json_put_text(json, "site", m->site);
    json_put_text(json, "ca_name", m->ca_name);
    json_put_text(json, "certificate_server", m->server);
    json_put_text(json, "mode", model_mode_name(m->mode));
    json_put_bool(json, "stated", m->mode_stated || m->issuing_stated);
    if (m->has_issuing_ca)
        json_put_hex(json, "issuing_ca", bytes_of(m->issuing_ca, sizeof m->issuing_ca));
    else
        json_put_text(json, "issuing_ca", NULL);
    json_end_map(json);
}
