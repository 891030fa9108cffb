/* kmmigrate list and show: the certificate list, and one entry of it. */
#include "migrate/console/words.h"
#include "migrate/commands/entries.h"
#include "formats/certs/name.h"
#include "migrate/decide/assess.h"
#include "migrate/judge/groups.h"
#include "migrate/judge/names.h"
#include "migrate/judge/shown.h"
#include "migrate/console/document.h"
#include "migrate/console/interrupt.h"
#include "migrate/console/message.h"
#include "migrate/console/output.h"
#include "migrate/console/table.h"
#include "migrate/report/facts.h"
#include "migrate/report/report.h"
#include "migrate/report/tree.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

static void certificate_texts(const struct model *m, unsigned number, char subject[512],
                              char serial[64], char until[32])
{
    const struct model_certificate *cert = &m->certificate[number];
    snprintf(subject, 512, "(not a certificate)");
    serial[0] = '\0';
    snprintf(until, 32, "-");
    if (!cert->parsed)
        return;
    name_text(cert->x509.subject, subject, 512);
    bytes_hex(cert->x509.serial, serial, 64);
    snprintf(until, 32, "%.10s",
             report_time(cert->x509.not_after.known, cert->x509.not_after.seconds));
}

/* ---- JSON ---- */

/* All null where it is no certificate. */
static void certificate_members(struct json *json, const struct model_certificate *cert)
{
    const struct x509_certificate *x = &cert->x509;
    char subject[512], issuer[512], serial[64];
    bool is = cert->parsed;
    if (is) {
        name_text(x->subject, subject, sizeof subject);
        name_text(x->issuer, issuer, sizeof issuer);
        bytes_hex(x->serial, serial, sizeof serial);
    }
    json_put_text(json, "serial", is ? serial : NULL);
    json_put_text(json, "subject", is ? subject : NULL);
    json_put_text(json, "issuer", is ? issuer : NULL);
    json_put_integer(json, "version", is ? x->version : 0);
    json_put_time(json, "not_before", is && x->not_before.known, x->not_before.seconds, true);
    json_put_time(json, "not_after", is && x->not_after.known, x->not_after.seconds, true);
}

static void json_entry(struct json *json, const struct model *m, const struct model_entry *e)
{
    const struct model_certificate *cert = model_certificate_of(m, e);
    char name[SHOWN_NAME];
    json_map(json);
    json_put_integer(json, "entry", e->key);
    if (m->byte_keys) {
        char text[NAMES_TEXT];
        json_put_text(json, "key", names_key_text(m, e->key, text));
    }
    if (!model_is_of_file(m)) {
        json_put_text(json, "role", model_role_name(e->role));
        json_put_text(json, "trust", model_trust_name(e->trust));
    }
    json_put_hex(json, "thumbprint", bytes_of(cert->sha1, sizeof cert->sha1));
    json_put_hex(json, "sha256", bytes_of(cert->sha256, sizeof cert->sha256));
    certificate_members(json, cert);
    if (!model_is_of_file(m))
        json_put_unsigned(json, "references", e->reference_count);
    if (e->name)
        json_put_text(json, "name", shown_name(m, e->name, name));
    json_end_map(json);
}

static int list_json(const struct assessment *a)
{
    const struct model *m = &a->model;
    struct json *json = document_open();
    if (json == NULL)
        return EXIT_TROUBLE;
    entries_json(json, a);
    json_put_array(json, "entries");
    for (unsigned i = 0; i < m->entries; i++)
        json_entry(json, m, &m->entry[i]);
    json_end_array(json);
    return EXIT_CLEAN;
}

/* ---- text ---- */

enum column { ENTRY, ROLE, TRUST, REFS, UNTIL, SHA1, SUBJECT, KEY, COLUMNS };

static bool is_shown(const struct model *m, enum column column)
{
    if (column == ROLE || column == TRUST || column == REFS)
        return !model_is_of_file(m);
    return column != KEY || m->byte_keys;
}

static bool fill_row(struct libscols_table *table, const struct model *m,
                     const struct model_entry *e)
{
    char subject[512], serial[64], until[32], number[24], references[24], sha1[9], key[NAMES_TEXT];
    const struct model_certificate *cert = model_certificate_of(m, e);
    struct libscols_line *line = scols_table_new_line(table, NULL);
    if (line == NULL)
        return false;
    certificate_texts(m, e->certificate, subject, serial, until);
    bytes_hex(bytes_of(cert->sha1, sizeof cert->sha1), sha1, sizeof sha1);
    snprintf(number, sizeof number, "%d", e->key);
    snprintf(references, sizeof references, "%" PRIu64, e->reference_count);
    const char *const cells[COLUMNS] = {
        number,  model_role_name(e->role),      model_trust_name(e->trust), references, until, sha1,
        subject, names_key_text(m, e->key, key)};
    unsigned place = 0;
    bool ok = true;
    for (unsigned i = 0; ok && i < COLUMNS; i++)
        if (is_shown(m, (enum column)i))
            ok = table_cell(line, place++, cells[i]);
    return ok;
}

static struct libscols_table *new_table(const struct model *m)
{
    static const char *const names[COLUMNS] = {"ENTRY", "ROLE",  "TRUST",   "REFS",
                                               "UNTIL", "SHA-1", "SUBJECT", "KEY"};
    const char *headings[COLUMNS];
    unsigned count = 0, numbers = 0;
    for (unsigned i = 0; i < COLUMNS; i++) {
        if (!is_shown(m, (enum column)i))
            continue;
        if (i == ENTRY || i == REFS)
            numbers |= 1u << count;
        headings[count++] = names[i];
    }
    return table_new(headings, count, numbers);
}

static int list_text(const struct model *m)
{
    if (m->entries == 0)
        return EXIT_CLEAN;
    struct libscols_table *table = new_table(m);
    bool ok = table != NULL;
    for (unsigned i = 0; ok && i < m->entries; i++)
        ok = fill_row(table, m, &m->entry[i]);
    ok = ok && table_print(table);
    scols_unref_table(table);
    return ok ? EXIT_CLEAN : message_no_memory();
}

static int list_tree(const struct assessment *a)
{
    struct picture picture;
    bool ok = picture_open(&picture, a);
    if (ok)
        tree_print(&picture);
    picture_close(&picture);
    return ok ? EXIT_CLEAN : message_no_memory();
}

/* Tells what reading found, behind what was shown. */
static int found_status(const struct assessment *a)
{
    entries_tell_found(a, ENTRIES_LIST);
    return entries_status(a);
}

int cmd_list(const struct options *options)
{
    struct assessment a;
    if (options->tree && options->json)
        return message_usage("list: --tree and --json exclude each other");
    interrupt_ends();
    int status = entries_open(&a, options);
    if (status == EXIT_CLEAN)
        status = options->json   ? list_json(&a)
                 : options->tree ? list_tree(&a)
                                 : list_text(&a.model);
    status = status == EXIT_CLEAN ? found_status(&a) : status;
    assess_close(&a);
    return status;
}

/* ---- one entry ---- */

static const char *likeness(const struct model *m, unsigned a, unsigned b)
{
    if (a == b)
        return "identical";
    if (!m->certificate[a].parsed || !m->certificate[b].parsed)
        return NULL;
    if (groups_equal(m, GROUP_SAME_CONTENT, a, b))
        return "re-encoded";
    if (groups_equal(m, GROUP_IDENTITY, a, b))
        return "same-identity";
    if (groups_equal(m, GROUP_CA, a, b))
        return bytes_equal(m->certificate[a].x509.issuer, m->certificate[b].x509.issuer) ? "reissue"
                                                                                         : "cross";
    if (bytes_equal(m->certificate[a].x509.subject, m->certificate[b].x509.subject))
        return "rekey";
    return NULL;
}

/* Empty: not known. */
static void json_text(struct json *json, const char *key, const char *text)
{
    json_put_text(json, key, text && text[0] ? text : NULL);
}

static void json_facts(struct json *json, const struct model *m, const struct model_entry *e,
                       const struct entry_facts *facts)
{
    char hex[129];
    json_text(json, "imported_on", facts->imported_on);
    json_text(json, "stored_thumbprint",
              e->has_thumbprint ? bytes_hex(e->thumbprint, hex, sizeof hex) : NULL);
    json_text(json, "key", facts->key);
    json_put_unsigned(json, "key_bits", facts->key_bits);
    json_text(json, "signature", facts->signature);
    json_text(json, "signature_is", facts->answer);
    json_key(json, "signed_by");
    if (facts->has_issuer)
        json_integer(json, facts->issuer);
    else
        json_null(json);
    if (!model_is_of_file(m))
        json_put_bool(json, "named_by_settings", facts->named);
}

static void text_facts(const struct model *m, const struct model_entry *e,
                       const struct entry_facts *facts)
{
    char hex[129];
    if (facts->key[0])
        output_format("Key         %s", facts->key);
    if (facts->key[0] && facts->key_bits)
        output_format(", %u bits", facts->key_bits);
    if (facts->key[0])
        output_format("\nSignature   %s, ",
                      facts->signature ? facts->signature : "unknown algorithm");
    if (facts->key[0] && facts->has_issuer)
        output_format("%s by the key of entry %d\n",
                      strcmp(facts->answer, "unprovable") == 0 ? "cannot be checked"
                                                               : facts->answer,
                      facts->issuer);
    else if (facts->key[0])
        output_text("its issuer is not in the list\n");
    if (facts->imported_on[0])
        output_format("Imported on %s\n", facts->imported_on);
    if (e->has_thumbprint)
        output_format("Thumbprint  %s stored, which is %sthe certificate's SHA-1\n",
                      bytes_hex(e->thumbprint, hex, sizeof hex),
                      facts->thumbprint_right ? "" : "NOT ");
    if (!model_is_of_file(m))
        output_format("Settings    %s\n",
                      facts->named ? "name it as the issuing CA" : "do not name it");
}

static void show_json(const struct model *m, struct prover *prover, const struct model_entry *e,
                      struct json *json)
{
    struct entry_facts facts;
    entry_facts(m, prover, e, &facts);
    json_key(json, "entry");
    json_entry(json, m, e);
    json_facts(json, m, e, &facts);
    json_put_array(json, "like");
    for (unsigned i = 0; i < m->entries; i++) {
        const char *how = likeness(m, e->certificate, m->entry[i].certificate);
        if (how == NULL || &m->entry[i] == e)
            continue;
        json_map(json);
        json_put_integer(json, "entry", m->entry[i].key);
        json_put_text(json, "how", how);
        json_end_map(json);
    }
    json_end_array(json);
    if (model_is_of_file(m))
        return;
    json_put_map(json, "references");
    for (unsigned r = 0; r < m->profile->references; r++) {
        char name[300];
        snprintf(name, sizeof name, "%s.%s", m->profile->reference[r].table,
                 m->profile->reference[r].column);
        json_put_unsigned(json, name, e->references[r]);
    }
    json_end_map(json);
}

static void show_text(const struct model *m, struct prover *prover, const struct model_entry *e)
{
    struct entry_facts facts;
    const struct model_certificate *cert = model_certificate_of(m, e);
    char subject[512], issuer[512] = "", serial[64], until[32], name[SHOWN_NAME],
                       name_key[NAMES_TEXT];
    certificate_texts(m, e->certificate, subject, serial, until);
    if (cert->parsed)
        name_text(cert->x509.issuer, issuer, sizeof issuer);
    output_format("Entry       %d", e->key);
    if (!model_is_of_file(m))
        output_format(", %s, %s", model_role_name(e->role), model_trust_name(e->trust));
    output_text("\n");
    if (m->byte_keys)
        output_format("Its key     %s\n", names_key_text(m, e->key, name_key));
    if (e->name)
        output_format("Name        %s\n", shown_name(m, e->name, name));
    output_format("Subject     %s\nIssuer      %s\nSerial      %s\n", subject, issuer, serial);
    if (cert->parsed)
        output_format("Version     %d, %s, from %s until %s\n", cert->x509.version,
                      cert->can_sign ? "may sign certificates" : "may not sign certificates",
                      report_time(cert->x509.not_before.known, cert->x509.not_before.seconds),
                      until);
    else
        output_format("Certificate cannot be read: %s\n", cert->why.text);
    output_format("SHA-1       %s\nSHA-256     %s\n",
                  hash_words(bytes_of(cert->sha1, sizeof cert->sha1)),
                  hash_words(bytes_of(cert->sha256, sizeof cert->sha256)));
    entry_facts(m, prover, e, &facts);
    text_facts(m, e, &facts);
    for (unsigned i = 0; i < m->entries; i++) {
        const char *how = likeness(m, e->certificate, m->entry[i].certificate);
        if (how && &m->entry[i] != e)
            output_format("Like        entry %d: %s\n", m->entry[i].key, how);
    }
    for (unsigned r = 0; r < m->profile->references; r++)
        output_format("Referred to %" PRIu64 " %s by %s.%s\n", e->references[r],
                      plural(e->references[r], "time", "times"), m->profile->reference[r].table,
                      m->profile->reference[r].column);
}

static int show_entry(const struct assessment *a, const struct options *options)
{
    struct fault f = {.code = FAULT_NONE};
    int32_t key = 0;
    if (!names_parse(&a->model, options->operand[1], &key, &f))
        return message_usage("show: %s; kmmigrate list shows them", f.text);
    const struct model_entry *e = model_entry(&a->model, key);
    if (e == NULL)
        return message_file(a->store.path, "there is no entry %d; kmmigrate list %s shows them",
                            key, shell_word(a->store.path));
    if (!options->json) {
        show_text(&a->model, a->prover, e);
        return EXIT_CLEAN;
    }
    struct json *json = document_open();
    if (json == NULL)
        return EXIT_TROUBLE;
    entries_json(json, a);
    show_json(&a->model, a->prover, e, json);
    return EXIT_CLEAN;
}

int cmd_show(const struct options *options)
{
    struct assessment a;
    interrupt_ends();
    int status = entries_open(&a, options);
    if (status == EXIT_CLEAN)
        status = show_entry(&a, options);
    status = status == EXIT_CLEAN ? found_status(&a) : status;
    assess_close(&a);
    return status;
}
