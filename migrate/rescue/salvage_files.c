/* The files of a salvage: see salvage_files.h. */
#include "migrate/rescue/salvage_files.h"

#include "formats/buffer.h"
#include "formats/certs/pem.h"
#include "formats/certs/x509.h"
#include "migrate/files/newfile.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { STREAM_BYTES = 64 * 1024 };

static FILE *stream_of(const struct outfile *out)
{
    int descriptor = dup(outfile_descriptor(out));
    FILE *to = descriptor < 0 ? NULL : fdopen(descriptor, "w");
    if (to)
        setvbuf(to, NULL, _IOFBF, STREAM_BYTES);
    else if (descriptor >= 0)
        close(descriptor);
    return to;
}

static bool open_one(const char *target, const char *suffix, int like, bool force,
                     char name[PATH_MAX], struct outfile **out, FILE **to, struct fault *f)
{
    if (snprintf(name, PATH_MAX, "%s%s", target, suffix) >= PATH_MAX)
        return fault_set(f, FAULT_IO, "%.60s...: the path is too long", target);
    if (!outfile_create(name, like, force, out, f))
        return fault_context(f, "%s", name);
    *to = stream_of(*out);
    return *to != NULL || fault_set(f, FAULT_IO, "%s: %s", name, strerror(errno));
}

bool salvage_files_open(struct salvage_files *files, const char *target, int like, bool force,
                        struct fault *f)
{
    *files = (struct salvage_files){.lines = NULL};
    if (!hash_open(&files->hash, f))
        return false;
    if (!hash_open(&files->of_item, f)) {
        hash_close(&files->hash);
        return false;
    }
    files->open = true;
    files->json = json_open(false);
    if (files->json == NULL) {
        salvage_files_close(files);
        return fault_no_memory(f, "the list of rows");
    }
    files->target = target;
    files->like = like;
    if (target == NULL)
        return true;
    if (open_one(target, NEWFILE_SALVAGE ".jsonl", like, force, files->lines_name, &files->lines,
                 &files->lines_to, f) &&
        open_one(target, NEWFILE_QUARANTINE ".jsonl", like, force, files->quarantine_name,
                 &files->quarantine, &files->quarantine_to, f))
        return true;
    salvage_files_close(files);
    return false;
}

void salvage_files_plan(struct salvage_files *files, const char *text)
{
    hash_sha256_add(&files->hash, bytes_of(text, strlen(text)));
}

/* ---- one line ---- */

static void put_hex(struct json *json, const char *key, struct bytes b)
{
    if (b.at)
        json_put_bytes(json, key, b);
}

static void put_hash(struct salvage_files *files, const char *key, struct bytes b)
{
    uint8_t digest[HASH_SHA256_SIZE];
    if (b.at == NULL)
        return;
    hash_sha256(&files->of_item, b, digest);
    json_put_hex(files->json, key, bytes_of(digest, sizeof digest));
}

static void put_known(struct json *json, const char *key, uint64_t number)
{
    if (number != 0)
        json_put_unsigned(json, key, number);
}

static void put_place(struct json *json, const struct ese_salvage_item *item)
{
    json_put_text(json, "kind", ese_salvage_kind_name(item->kind));
    if (item->table)
        json_put_text(json, "table", item->table);
    json_put_unsigned(json, "object", item->objid);
    if (item->index)
        json_put_text(json, "index", item->index);
    put_hex(json, "key", item->key);
    put_hex(json, "before_key", item->key_after);
    put_known(json, "page", item->page);
    if (item->tag >= 0)
        json_put_unsigned(json, "tag", (unsigned)item->tag);
    put_known(json, "time", item->dbtime);
    put_known(json, "other_page", item->other_page);
}

static void put_verdict(struct salvage_files *files, const struct ese_salvage_item *item)
{
    json_put_bool(files->json, "written", item->written);
    put_hash(files, "sha256", item->record);
    put_hash(files, "other_sha256", item->other);
    if (item->reason)
        json_put_text(files->json, "reason", item->reason);
}

/* Makes files->line: where the item is from, and what was decided or, for the quarantine, what it
 * is. */
static bool make_line(struct salvage_files *files, const struct ese_salvage_item *item,
                      bool quarantine, struct fault *f)
{
    buffer_clear(&files->line);
    json_line(files->json, &files->line);
    put_place(files->json, item);
    if (quarantine)
        put_hex(files->json, "record", item->record);
    else
        put_verdict(files, item);
    return json_end_line(files->json) || fault_no_memory(f, "the list of rows");
}

static void write_line(const struct salvage_files *files, FILE *to)
{
    if (to)
        fwrite(files->line.at, 1, files->line.size, to);
}

/* ---- certificates in what is not written ---- */

enum { NAMES_MOST = 1000, SHORTEST = 64 };

/* The first name that is not taken: another quarantine holds what may be nowhere else. */
static bool open_pem(struct salvage_files *files, struct fault *f)
{
    for (unsigned i = 1; i <= NAMES_MOST; i++) {
        char suffix[40];
        struct stat st;
        snprintf(suffix, sizeof suffix,
                 i == 1 ? NEWFILE_QUARANTINE ".pem" : NEWFILE_QUARANTINE "-%u.pem", i);
        int size = snprintf(files->pem_name, PATH_MAX, "%s%s", files->target, suffix);
        if (size >= PATH_MAX || lstat(files->pem_name, &st) != 0)
            return open_one(files->target, suffix, files->like, false, files->pem_name, &files->pem,
                            &files->pem_to, f);
    }
    return fault_set(f, FAULT_LIMIT, "there are %u quarantine files beside %s already", NAMES_MOST,
                     files->target);
}

static bool put_certificate(struct salvage_files *files, const struct ese_salvage_item *item,
                            struct bytes der, struct fault *f)
{
    struct buffer *pem = &files->line;
    files->certificates++;
    if (files->target == NULL)
        return true;
    if (files->pem == NULL && !open_pem(files, f))
        return false;
    buffer_clear(pem);
    if (!pem_write(pem, "CERTIFICATE", der))
        return fault_no_memory(f, "the quarantine");
    fprintf(files->pem_to, "Object %u, page %u, tag %d: %s\n", item->objid, item->page, item->tag,
            item->reason);
    fwrite(pem->at, 1, pem->size, files->pem_to);
    return true;
}

/* Every certificate that begins with a header of two length bytes, as all real ones do. */
static bool put_certificates(struct salvage_files *files, const struct ese_salvage_item *item,
                             struct fault *f)
{
    struct bytes b = item->record;
    for (size_t i = 0; i + SHORTEST < b.size; i++) {
        struct x509_certificate c;
        if (b.at[i] != 0x30 || b.at[i + 1] != 0x82 ||
            !bytes_has(b, i + 4, (size_t)b.at[i + 2] << 8 | b.at[i + 3]) ||
            !x509_certificate_read(bytes_from(b, i), &c, NULL))
            continue;
        if (!put_certificate(files, item, c.envelope.whole, f))
            return false;
        i += c.envelope.whole.size - 1;
    }
    return true;
}

bool salvage_files_item(void *context, const struct ese_salvage_item *item, struct fault *f)
{
    struct salvage_files *files = context;
    if (!make_line(files, item, false, f))
        return false;
    write_line(files, files->lines_to);
    hash_sha256_add(&files->hash, buffer_bytes(&files->line));
    if (item->written || item->record.at == NULL)
        return true;
    files->quarantined++;
    if (files->quarantine_to) {
        if (!make_line(files, item, true, f))
            return false;
        write_line(files, files->quarantine_to);
    }
    return put_certificates(files, item, f);
}

/* ---- the end ---- */

void salvage_files_id(struct salvage_files *files)
{
    uint8_t digest[HASH_SHA256_SIZE];
    hash_sha256_end(&files->hash, digest);
    bytes_hex(bytes_of(digest, sizeof digest), files->id, sizeof files->id);
}

static bool close_stream(FILE **to, const char *name, struct fault *f)
{
    bool ok = *to == NULL || !ferror(*to);
    if (*to && fclose(*to) != 0)
        ok = false;
    *to = NULL;
    return ok || fault_set(f, FAULT_IO, "%s: cannot be written: %s", name, strerror(errno));
}

bool salvage_files_commit(struct salvage_files *files, struct fault *f)
{
    if (files->lines == NULL)
        return true;
    return close_stream(&files->quarantine_to, files->quarantine_name, f) &&
           close_stream(&files->lines_to, files->lines_name, f) &&
           close_stream(&files->pem_to, files->pem_name, f) &&
           (files->pem == NULL || outfile_commit(files->pem, f)) &&
           outfile_commit(files->quarantine, f) && outfile_commit(files->lines, f);
}

static bool vanishes(const struct outfile *out)
{
    return out == NULL || outfile_is_unnamed(out);
}

bool salvage_files_vanish(const struct salvage_files *files)
{
    return vanishes(files->lines) && vanishes(files->quarantine) && vanishes(files->pem);
}

static void remove_one(struct outfile *out)
{
    if (out && outfile_is_committed(out))
        outfile_remove(out);
}

void salvage_files_remove(struct salvage_files *files)
{
    remove_one(files->lines);
    remove_one(files->quarantine);
    remove_one(files->pem);
}

void salvage_files_close(struct salvage_files *files)
{
    if (files->lines_to)
        fclose(files->lines_to);
    if (files->quarantine_to)
        fclose(files->quarantine_to);
    if (files->pem_to)
        fclose(files->pem_to);
    outfile_discard(files->pem);
    outfile_discard(files->lines);
    outfile_discard(files->quarantine);
    buffer_free(&files->line);
    json_close(files->json);
    if (files->open) {
        hash_close(&files->hash);
        hash_close(&files->of_item);
    }
    *files = (struct salvage_files){.lines = NULL};
}
