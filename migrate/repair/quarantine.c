/* Writing the quarantine file: see quarantine.h. */
#include "migrate/repair/quarantine.h"

#include "formats/certs/name.h"
#include "formats/certs/pem.h"
#include "migrate/console/escape.h"
#include "migrate/console/value.h"
#include "migrate/report/report.h"
#include "migrate/store/rows.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

bool quarantine_needed(const struct plan *plan)
{
    for (size_t i = 0; i < plan->actions; i++)
        if (plan->action[i].kind == ACTION_DROP_ENTRY && plan->action[i].quarantine)
            return true;
    return false;
}

static const struct action *action_for(const struct plan *plan, int32_t key, unsigned twin)
{
    for (size_t i = 0; i < plan->actions; i++) {
        const struct action *a = &plan->action[i];
        if (a->kind == ACTION_DROP_ENTRY && a->quarantine && a->entry == key && a->twin == twin)
            return a;
    }
    return NULL;
}

static void write_hex(FILE *to, struct bytes b)
{
    for (size_t i = 0; i < b.size; i++)
        fprintf(to, "%02x", b.at[i]);
    fputc('\n', to);
}

/* Text from the store, so that whoever reads the file on a terminal sees what it is. */
static void write_text(FILE *to, const char *text)
{
    struct bytes piece;
    for (struct escape e = escape_of(bytes_of(text, strlen(text)), ESCAPE_LINE);
         escape_next(&e, &piece);)
        fwrite(piece.at, 1, piece.size, to);
}

/* A secret's length and hash; the value itself stays in the store that it came from. */
static bool write_secret(FILE *to, struct bytes value, struct fault *f)
{
    struct hash hash;
    uint8_t digest[HASH_SHA256_SIZE];
    if (!hash_open(&hash, f))
        return false;
    hash_sha256_add(&hash, value);
    hash_sha256_end(&hash, digest);
    hash_close(&hash);
    fprintf(to, "not shown, %zu bytes, SHA-256 ", value.size);
    write_hex(to, bytes_of(digest, sizeof digest));
    return true;
}

static bool write_columns(FILE *to, struct rows *rows, struct fault *f)
{
    struct buffer room = {0};
    bool ok = true;
    for (unsigned i = 0; ok && i < rows->table->columns; i++) {
        const struct ese_column *column = &rows->table->column[i];
        struct bytes value;
        bool null;
        if (column->type == ESE_COL_NIL)
            continue;
        ok = rows_bytes(rows, column, &room, &value, &null, f);
        if (!ok || null)
            continue;
        char name[256];
        write_text(to, value_name(column->name, name));
        fprintf(to, " (%s): ", ese_coltype_name(column->type));
        if (store_column_is_secret(rows->store, rows->table, column))
            ok = write_secret(to, value, f);
        else
            write_hex(to, value);
    }
    buffer_free(&room);
    return ok;
}

static bool write_certificate(FILE *to, const struct model *m, const struct action *action)
{
    const struct model_certificate *cert = &m->certificate[action->certificate];
    struct buffer pem = {0};
    char subject[512] = "(not a certificate)", hex[2 * HASH_SHA256_SIZE + 1];
    if (cert->parsed)
        name_text(cert->x509.subject, subject, sizeof subject);
    fputs("Subject: ", to);
    write_text(to, subject);
    fprintf(to, "\nSHA-256: %s\n",
            bytes_hex(bytes_of(cert->sha256, sizeof cert->sha256), hex, sizeof hex));
    bool ok = pem_write(&pem, "CERTIFICATE", cert->der);
    if (ok)
        fwrite(pem.at, 1, pem.size, to);
    buffer_free(&pem);
    return ok;
}

static void write_heading(FILE *to, const struct action *action)
{
    fprintf(to, "\nEntry %d, dropped: %s; ", action->entry, action->why);
    if (action->alone)
        fprintf(to, "no entry takes its place.\n");
    else
        fprintf(to, "entry %d stays.\n", action->other);
}

static bool write_rows(const struct assessment *a, FILE *to, struct fault *f)
{
    const struct profile *p = &a->profile;
    const struct ese_table *table = ese_catalog_find(a->store.db->catalog, p->list_table);
    struct rows rows;
    bool ok = true;
    rows_open(&rows, (struct store *)(uintptr_t)&a->store, table);
    for (unsigned row = 0; ok && rows_next(&rows); row++) {
        const struct model_entry *e = model_entry_of_row(&a->model, row);
        const struct action *action = e ? action_for(&a->plan, e->key, e->twin) : NULL;
        if (action == NULL)
            continue;
        write_heading(to, action);
        ok = write_columns(to, &rows, f) && write_certificate(to, &a->model, action);
    }
    rows_close(&rows);
    return ok;
}

/* In a list value an entry is its certificate and its properties. */
static bool write_items(const struct assessment *a, FILE *to, struct fault *f)
{
    for (size_t i = 0; i < a->plan.actions; i++) {
        const struct action *action = &a->plan.action[i];
        if (action->kind != ACTION_DROP_ENTRY || !action->quarantine)
            continue;
        const struct model_entry *e = model_entry(&a->model, action->entry);
        write_heading(to, action);
        if (e && e->properties.size > 0) {
            fprintf(to, "Properties: ");
            write_hex(to, e->properties);
        }
        if (!write_certificate(to, &a->model, action))
            return fault_set(f, FAULT_NO_MEMORY, "out of memory for the quarantine");
    }
    return true;
}

static bool write_all(int descriptor, const char *text, size_t size, struct fault *f)
{
    while (size > 0) {
        ssize_t n = write(descriptor, text, size);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return fault_set(f, FAULT_IO, "the quarantine file cannot be written: %s",
                             strerror(errno));
        text += n;
        size -= (size_t)n;
    }
    return true;
}

bool quarantine_write(const struct assessment *a, const struct outfile *out, struct fault *f)
{
    char *text = NULL;
    size_t size = 0;
    FILE *to = open_memstream(&text, &size);
    if (to == NULL)
        return fault_set(f, FAULT_NO_MEMORY, "out of memory for the quarantine");
    char hex[2 * HASH_SHA256_SIZE + 1];
    fprintf(to,
            "Quarantine of kmmigrate %s: certificates that were taken out of the list, with their "
            "rows.\n"
            "Store SHA-256: %s\nPlan: %s\n",
            KM_VERSION, bytes_hex(bytes_of(a->hash.digest, sizeof a->hash.digest), hex, sizeof hex),
            a->plan.id);
    bool ok = a->match == PROFILE_MATCHES_ROWS ? write_rows(a, to, f) : write_items(a, to, f);
    if (fclose(to) != 0)
        ok = fault_set(f, FAULT_NO_MEMORY, "out of memory for the quarantine");
    ok = ok && write_all(outfile_descriptor(out), text, size, f);
    free(text);
    return ok;
}
