/* Writing the quarantine file: see quarantine.h. */
#include "migrate/repair/quarantine.h"

#include "formats/buffer.h"
#include "formats/certs/name.h"
#include "formats/certs/pem.h"
#include "formats/fileio.h"
#include "formats/hex.h"
#include "migrate/console/escape.h"
#include "migrate/console/value.h"
#include "migrate/store/rows.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

bool quarantine_needed(const struct plan *plan)
{
    for (size_t i = 0; i < plan->actions; i++)
        if (action_effect(plan->action[i].kind) == EFFECT_DROP && plan->action[i].quarantine)
            return true;
    return false;
}

/* One row, or one item of a list in one value, that goes to quarantine. */
struct wanted {
    const struct action *action;
    bool written;
};

struct writing {
    const struct assessment *a;
    struct wanted *wanted; /* ascending by key and twin */
    unsigned *order;       /* certificates, as they were written */
    size_t count, written;
    FILE *to;
};

static int by_key(const void *x, const void *y)
{
    const struct action *a = ((const struct wanted *)x)->action;
    const struct action *b = ((const struct wanted *)y)->action;
    if (a->entry != b->entry)
        return a->entry < b->entry ? -1 : 1;
    return (a->twin > b->twin) - (a->twin < b->twin);
}

static bool collect(struct writing *w, const struct plan *plan, struct fault *f)
{
    w->wanted = calloc(plan->actions + 1, sizeof *w->wanted);
    w->order = calloc(plan->actions + 1, sizeof *w->order);
    if (w->wanted == NULL || w->order == NULL)
        return fault_set(f, FAULT_NO_MEMORY, "out of memory for the quarantine");
    for (size_t i = 0; i < plan->actions; i++)
        if (action_effect(plan->action[i].kind) == EFFECT_DROP && plan->action[i].quarantine)
            w->wanted[w->count++].action = &plan->action[i];
    qsort(w->wanted, w->count, sizeof *w->wanted, by_key);
    return true;
}

static struct wanted *find_wanted(const struct writing *w, int32_t key, unsigned twin)
{
    const struct action action = {.entry = key, .twin = twin};
    const struct wanted like = {.action = &action};
    return bsearch(&like, w->wanted, w->count, sizeof like, by_key);
}

/* ---- the text ---- */

static void write_hex(FILE *to, struct bytes b)
{
    hex_print(to, b);
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

/* All values that the row has in a column, a line each. */
static bool write_column(FILE *to, struct rows *rows, const struct ese_column *column,
                         struct buffer *room, struct fault *f)
{
    struct ese_values values;
    struct bytes data;
    struct fault why = {.code = FAULT_NONE};
    if (!ese_values_of(&values, &rows->record, column, f))
        return false;
    while (rows_next_value(rows, &values, column, room, &data, &why)) {
        write_text(to, value_name(column->name));
        fprintf(to, " (%s): ", ese_coltype_name(column->type));
        if (!store_column_is_secret(rows->store, rows->table, column))
            write_hex(to, data);
        else if (!write_secret(to, data, f))
            return false;
    }
    if (why.code != FAULT_NONE && f)
        *f = why;
    return why.code == FAULT_NONE;
}

static bool write_columns(FILE *to, struct rows *rows, struct buffer *room, struct fault *f)
{
    bool ok = true;
    for (unsigned i = 0; ok && i < rows->table->columns; i++)
        if (rows->table->column[i].type != ESE_COL_NIL)
            ok = write_column(to, rows, &rows->table->column[i], room, f);
    return ok;
}

static bool write_certificate(struct writing *w, struct wanted *wanted, struct fault *f)
{
    const struct model_certificate *cert = &w->a->model.certificate[wanted->action->certificate];
    struct buffer pem = {0};
    char subject[512] = "(not a certificate)", hex[2 * HASH_SHA256_SIZE + 1];
    if (cert->parsed)
        name_text(cert->x509.subject, subject, sizeof subject);
    fputs("Subject: ", w->to);
    write_text(w->to, subject);
    fprintf(w->to, "\nSHA-256: %s\n",
            bytes_hex(bytes_of(cert->sha256, sizeof cert->sha256), hex, sizeof hex));
    bool ok = pem_write(&pem, "CERTIFICATE", cert->der);
    if (ok)
        fwrite(pem.at, 1, pem.size, w->to);
    buffer_free(&pem);
    if (!ok)
        return fault_set(f, FAULT_NO_MEMORY, "out of memory for the quarantine");
    wanted->written = true;
    w->order[w->written++] = wanted->action->certificate;
    return true;
}

static void write_heading(FILE *to, const struct action *action)
{
    fprintf(to, "\nEntry %d, dropped: %s; ", action->entry, action->why);
    if (action->alone)
        fprintf(to, "no entry takes its place.\n");
    else
        fprintf(to, "entry %d stays.\n", action->other);
}

/* The row holds, perhaps with something around it, what is about to be written as its certificate.
 */
static bool holds(struct rows *rows, const struct profile_list *list, struct bytes der,
                  struct buffer *room, struct fault *f)
{
    struct bytes value, inner;
    struct buffer unpacked = {0};
    bool null, ok;
    if (!rows_bytes(rows, ese_table_column(rows->table, list->certificate), room, &value, &null, f))
        return false;
    ok = wrapping_take_off(&list->wrapping, value, &unpacked, &inner, f) &&
         (bytes_equal(inner, der) ||
          fault_set(f, FAULT_DAMAGED, "a row that goes to quarantine holds another certificate"));
    buffer_free(&unpacked);
    return ok;
}

static bool write_row(struct writing *w, struct rows *rows, const struct profile_list *list,
                      struct wanted *wanted, struct fault *f)
{
    struct buffer room = {0};
    struct bytes der = w->a->model.certificate[wanted->action->certificate].der;
    write_heading(w->to, wanted->action);
    bool ok = holds(rows, list, der, &room, f) && write_columns(w->to, rows, &room, f) &&
              write_certificate(w, wanted, f);
    buffer_free(&room);
    return ok;
}

static bool write_table(struct writing *w, const struct ese_table *table, struct fault *f)
{
    struct rows rows;
    bool ok = true;
    rows_open(&rows, (struct store *)(uintptr_t)&w->a->store, table);
    for (unsigned row = 0; ok && rows_next(&rows); row++) {
        const struct model_entry *e = model_entry_of_row(&w->a->model, table, row);
        struct wanted *wanted = e ? find_wanted(w, e->key, e->twin) : NULL;
        if (wanted)
            ok = write_row(w, &rows, model_list_of(&w->a->model, e), wanted, f);
    }
    return rows_end(&rows, ok ? f : NULL) && ok;
}

static bool write_rows(struct writing *w, struct fault *f)
{
    const struct ese_catalog *catalog = w->a->store.db->catalog;
    for (unsigned i = 0; i < ese_catalog_tables(catalog); i++) {
        const struct ese_table *table = ese_catalog_table(catalog, i);
        if (model_is_list_table(&w->a->model, table) && !write_table(w, table, f))
            return false;
    }
    return true;
}

/* In a list value an entry is its certificate and its properties. */
static bool write_items(struct writing *w, struct fault *f)
{
    for (size_t i = 0; i < w->count; i++) {
        const struct action *action = w->wanted[i].action;
        const struct model_entry *e = model_entry(&w->a->model, action->entry);
        write_heading(w->to, action);
        if (e && e->properties.size > 0) {
            fprintf(w->to, "Properties: ");
            write_hex(w->to, e->properties);
        }
        if (!write_certificate(w, &w->wanted[i], f))
            return false;
    }
    return true;
}

static bool compose(struct writing *w, struct buffer *text, struct fault *f)
{
    const struct assessment *a = w->a;
    char hex[2 * HASH_SHA256_SIZE + 1];
    w->to = buffer_stream(text);
    if (w->to == NULL)
        return fault_set(f, FAULT_NO_MEMORY, "out of memory for the quarantine");
    fprintf(w->to,
            "Quarantine of kmmigrate %s: certificates that were taken out of the list, with their "
            "rows.\n"
            "Store SHA-256: %s\nPlan: %s\n",
            KM_VERSION, bytes_hex(bytes_of(a->hash.digest, sizeof a->hash.digest), hex, sizeof hex),
            a->plan.id);
    bool ok = a->match == PROFILE_MATCHES_ROWS ? write_rows(w, f) : write_items(w, f);
    if (!buffer_stream_close(text, w->to) && ok)
        ok = fault_set(f, FAULT_NO_MEMORY, "out of memory for the quarantine");
    for (size_t i = 0; ok && i < w->count; i++)
        if (!w->wanted[i].written)
            ok = fault_set(f, FAULT_MISSING,
                           "entry %d, which goes to quarantine, was not found again",
                           w->wanted[i].action->entry);
    return ok;
}

/* ---- the file ---- */

static bool write_all(int descriptor, struct bytes text, struct fault *f)
{
    return fileio_write(descriptor, text) ||
           fault_set(f, FAULT_IO, "the quarantine file cannot be written: %s", strerror(errno));
}

static bool read_all(int descriptor, struct buffer *to, size_t size, struct fault *f)
{
    if (!buffer_reserve(to, size + 1)) /* one byte more than there should be */
        return fault_set(f, FAULT_NO_MEMORY, "out of memory to read the quarantine file back");
    to->size = fileio_read_at(descriptor, 0, to->at, size + 1);
    return to->size > size || errno == 0 ||
           fault_set(f, FAULT_IO, "the quarantine file cannot be read back: %s", strerror(errno));
}

/* The certificates of the text are those that the plan takes out of the list: each, and in the
 * order of writing. */
static bool holds_certificates(const struct writing *w, struct bytes text, struct fault *f)
{
    struct pem_reader reader = pem_open(text);
    struct pem_block block;
    struct buffer der = {0};
    size_t found = 0;
    bool ok = true;
    while (ok && pem_next(&reader, &block, f)) {
        buffer_clear(&der);
        ok = pem_decode(&block, &der, f);
        if (ok && (found == w->count ||
                   !bytes_equal(buffer_bytes(&der), w->a->model.certificate[w->order[found]].der)))
            ok = fault_set(f, FAULT_DAMAGED, "another certificate than was written is read back");
        found++;
    }
    buffer_free(&der);
    if (ok && !reader.failed && found != w->count)
        ok = fault_set(f, FAULT_DAMAGED, "expected %zu certificates in it, found %zu", w->count,
                       found);
    return ok && !reader.failed;
}

/* What was written is read back: it is all that will be left of these rows. */
static bool reads_back(const struct writing *w, int descriptor, struct bytes text, struct fault *f)
{
    struct buffer back = {0};
    bool ok = read_all(descriptor, &back, text.size, f);
    if (ok && !bytes_equal(buffer_bytes(&back), text))
        ok =
            fault_set(f, FAULT_DAMAGED, "the quarantine file does not read back as it was written");
    ok = ok && holds_certificates(w, buffer_bytes(&back), f);
    buffer_free(&back);
    return ok;
}

bool quarantine_write(const struct assessment *a, const struct outfile *out, struct fault *f)
{
    struct writing w = {.a = a};
    struct buffer text = {0};
    int descriptor = outfile_descriptor(out);
    bool ok = collect(&w, &a->plan, f) && compose(&w, &text, f) &&
              write_all(descriptor, buffer_bytes(&text), f) &&
              reads_back(&w, descriptor, buffer_bytes(&text), f);
    buffer_free(&text);
    free(w.wanted);
    free(w.order);
    return ok;
}
