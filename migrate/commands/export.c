/* kmmigrate export: the certificate list as PEM, PKCS#7 or a serialized store; who issued whom in
 * it, for Graphviz. */
#include "migrate/commands/entries.h"
#include "formats/certs/name.h"
#include "formats/descriptor.h"
#include "migrate/decide/assess.h"
#include "migrate/console/document.h"
#include "migrate/console/interrupt.h"
#include "migrate/console/message.h"
#include "migrate/console/output.h"
#include "migrate/console/words.h"
#include "migrate/files/newfile.h"
#include "migrate/report/tree.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

struct form {
    const char *suffix;
    enum certlist_kind kind; /* CERTLIST_NONE: the issuers, in the language of Graphviz */
};

static const char *form_name(const struct form *form)
{
    return form->kind == CERTLIST_NONE ? "Graphviz" : certlist_kind_name(form->kind);
}

/* The form is told by the file's name; standard output is PEM.  NULL: it is none. */
static const struct form *form_of(const char *path)
{
    static const struct form forms[] = {{".pem", CERTLIST_PEM},   {".crt", CERTLIST_PEM},
                                        {".p7b", CERTLIST_PKCS7}, {".p7c", CERTLIST_PKCS7},
                                        {".sst", CERTLIST_SST},   {".dot", CERTLIST_NONE}};
    const char *dot = strrchr(path, '.');
    if (option_is_standard_output(path))
        return &forms[0];
    for (size_t i = 0; dot && i < sizeof forms / sizeof forms[0]; i++)
        if (strcasecmp(dot, forms[i].suffix) == 0)
            return &forms[i];
    return NULL;
}

/* ---- may it be believed that this is the whole list? ---- */

struct doubt {
    const struct assessment *a;
    unsigned count;
};

/* Is the list, or a part of it, in that table? */
static bool has_list(const struct profile *p, enum profile_match match, const char *table)
{
    bool rows = match == PROFILE_MATCHES_ROWS;
    for (unsigned i = 0; i < (rows ? p->lists : p->values); i++)
        if (strcasecmp(table, rows ? p->list[i].table : p->value[i].table) == 0)
            return true;
    return false;
}

/* Damage in the list's own table, or in what belongs to no table: the list may be reached in part.
 */
static void take_finding(void *context, const struct ese_finding *finding)
{
    struct doubt *doubt = context;
    const struct profile *p = &doubt->a->profile;
    if (finding->severity != ESE_PROBLEM || finding->rule == ESE_RULE_HEADER_SHADOW ||
        (finding->table && !has_list(p, doubt->a->match, finding->table)))
        return;
    struct fault f;
    fault_set(&f, FAULT_DAMAGED, "%s", finding->text);
    fault_context(&f, "page %u", finding->page);
    if (doubt->count++ == 0)
        message_trouble(doubt->a->store.path, &f);
}

/* What reading the list found; a list that is not there or not whole is not exported. */
static void look_at_found(struct doubt *doubt)
{
    const struct assessment *a = doubt->a;
    for (size_t i = 0; i < a->found.count; i++) {
        const struct problem *p = &a->found.item[i];
        if (p->code != PROBLEM_STRUCTURE && p->code != PROBLEM_LIST_CUT &&
            p->code != PROBLEM_LIST_FORM && p->code != PROBLEM_LIST_TAIL)
            continue;
        message_file(a->store.path, "%s", p->evidence);
        doubt->count++;
    }
    if (a->model.list_missing) {
        message_file(a->store.path, "there is no certificate list in it");
        doubt->count++;
    }
    if (a->store.pending.code != FAULT_NONE)
        doubt->count++; /* store_open() has said so */
}

static bool is_whole(const struct assessment *a)
{
    struct doubt doubt = {.a = a};
    struct ese_check_summary summary;
    struct fault f = {.code = FAULT_NONE};
    look_at_found(&doubt);
    if (a->file == NULL && !ese_check(a->store.db, take_finding, &doubt, &summary, &f)) {
        message_trouble(a->store.path, &f);
        return false;
    }
    if (doubt.count > 0)
        message_file(a->store.path, "not exported: certificates of the list could be missing%s%s",
                     a->file ? "" : "; see kmmigrate check ",
                     a->file ? "" : shell_word(a->store.path));
    return doubt.count == 0;
}

/* ---- writing ---- */

/* Which entry the block behind it is, for who reads the file; nothing in it can begin a block. */
static void add_comment(const struct model *m, const struct model_entry *e, struct buffer *out)
{
    char subject[512], line[700];
    struct bytes piece;
    name_text(model_certificate_of(m, e)->x509.subject, subject, sizeof subject);
    if (model_is_of_file(m))
        snprintf(line, sizeof line, "# entry %d, %s", e->key, subject);
    else
        snprintf(line, sizeof line, "# entry %d, %s, %s", e->key, model_role_name(e->role),
                 subject);
    for (char *at = line; (at = strstr(at, "--")) != NULL;)
        at[1] = '_';
    for (struct escape c = escape_of(bytes_of(line, strlen(line)), ESCAPE_LINE);
         escape_next(&c, &piece);)
        buffer_add(out, piece);
    buffer_add_text(out, "\n");
}

/* All entries in their order; what is no certificate cannot be in such a file, and is told.  False
 * when it could not be written to its end: no memory. */
static bool write_list(const struct model *m, enum certlist_kind kind, struct buffer *out,
                       unsigned *written, unsigned *left_out)
{
    struct certlist_writer writer;
    *written = *left_out = 0;
    certlist_write_begin(&writer, kind, out);
    for (unsigned i = 0; i < m->entries; i++) {
        const struct model_certificate *cert = model_certificate_of(m, &m->entry[i]);
        struct certlist_entry entry = {.type = CERTLIST_CERTIFICATE,
                                       .encoded = cert->der,
                                       .properties = m->entry[i].properties,
                                       .encoding = m->entry[i].encoding};
        if (cert->parsed && kind == CERTLIST_PEM)
            add_comment(m, &m->entry[i], out);
        if (cert->parsed && certlist_write(&writer, &entry)) {
            ++*written;
            continue;
        }
        if (out->failed)
            return false;
        ++*left_out;
        message_error("entry %d was left out: it is not a certificate", m->entry[i].key);
    }
    return certlist_write_end(&writer) && !out->failed;
}

/* Every entry is in it, also one that is no certificate. */
static bool write_graph(const struct assessment *a, struct buffer *out, unsigned *written,
                        unsigned *left_out)
{
    struct picture picture;
    bool ok = picture_open(&picture, a) && tree_dot(&picture, out);
    picture_close(&picture);
    *written = *left_out = 0;
    for (unsigned i = 0; i < a->model.entries; i++)
        *written += model_certificate_of(&a->model, &a->model.entry[i])->parsed;
    return ok;
}

static void tell_written(const struct assessment *a, const struct form *form,
                         const struct options *options, unsigned written, unsigned left_out)
{
    struct json *json = options->json ? document_open() : NULL;
    if (json == NULL) {
        if (!options->json && !options->quiet)
            output_format("%s: %s, %s\n", options->export_to,
                          counted(written, "certificate", "certificates"), form_name(form));
        return;
    }
    entries_json(json, a);
    json_put_map(json, "written");
    json_put_text(json, "path", options->export_to);
    json_put_text(json, "form", form_name(form));
    json_put_unsigned(json, "certificates", written);
    json_put_unsigned(json, "left_out", left_out);
    json_end_map(json);
}

static int export_list(const struct assessment *a, const struct form *form,
                       const struct options *options)
{
    struct buffer list = {0};
    struct fault f = {.code = FAULT_NONE};
    const volatile sig_atomic_t *stop = interrupt_watch(); /* the file may have a name */
    unsigned written, left_out;
    bool stopped = false;
    bool ok = (form->kind == CERTLIST_NONE
                   ? write_graph(a, &list, &written, &left_out)
                   : write_list(&a->model, form->kind, &list, &written, &left_out)) ||
              fault_no_memory(&f, "the list");
    if (ok && option_is_standard_output(options->export_to)) {
        output_bytes((const char *)list.at, list.size);
        buffer_free(&list);
        return left_out ? EXIT_PROBLEMS_LEFT : EXIT_CLEAN;
    }
    ok = ok && newfile_write(options->export_to, entries_descriptor(a), options->force,
                             buffer_bytes(&list), stop, &stopped, &f);
    buffer_free(&list);
    if (stopped) {
        message_error("cancelled; nothing was written");
        return EXIT_CANCELLED;
    }
    if (!ok)
        return message_trouble(options->export_to, &f);
    tell_written(a, form, options, written, left_out);
    return left_out ? EXIT_PROBLEMS_LEFT : EXIT_CLEAN;
}

int cmd_export(const struct options *options)
{
    struct assessment a;
    const struct form *form = options->export_to ? form_of(options->export_to) : NULL;
    if (form == NULL)
        return message_usage(
            "export: expected --to FILE.pem, FILE.p7b, FILE.sst, FILE.dot or -%s%s",
            options->export_to ? ", found " : "", options->export_to ? options->export_to : "");
    if (options->json && option_is_standard_output(options->export_to))
        return message_usage("export: --json and --to - exclude each other");
    if (option_is_standard_output(options->export_to) && descriptor_was_closed(STDOUT_FILENO))
        return message_error("export: standard output is closed: the list would be lost");
    interrupt_ends();
    int status = entries_open(&a, options);
    if (status == EXIT_CLEAN)
        status = is_whole(&a) ? export_list(&a, form, options) : EXIT_TROUBLE;
    assess_close(&a);
    return status;
}
