/* The files of a salvage: see salvage_files.h. */
#include "migrate/rescue/salvage_files.h"

#include "formats/buffer.h"
#include "formats/certs/pem.h"
#include "formats/certs/x509.h"
#include "formats/hex.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static FILE *stream_of(const struct outfile *out)
{
    int descriptor = dup(outfile_descriptor(out));
    FILE *to = descriptor < 0 ? NULL : fdopen(descriptor, "w");
    if (to == NULL && descriptor >= 0)
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
    files->target = target;
    files->like = like;
    if (target == NULL)
        return true;
    if (open_one(target, ".salvage.jsonl", like, force, files->lines_name, &files->lines,
                 &files->lines_to, f) &&
        open_one(target, ".quarantine.jsonl", like, force, files->quarantine_name,
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

static void put_text(FILE *to, const char *key, const char *text)
{
    if (text == NULL)
        return;
    fprintf(to, ",\"%s\":\"", key);
    for (const unsigned char *c = (const unsigned char *)text; *c; c++) {
        if (*c == '"' || *c == '\\')
            fprintf(to, "\\%c", *c);
        else if (*c < 0x20 || *c >= 0x7f)
            fprintf(to, "\\u%04x", *c); /* names are of a single-byte code page */
        else
            fputc(*c, to);
    }
    fputc('"', to);
}

static void put_hex(FILE *to, const char *key, struct bytes b)
{
    if (b.at == NULL)
        return;
    fprintf(to, ",\"%s\":\"", key);
    hex_print(to, b);
    fputc('"', to);
}

static void put_hash(struct salvage_files *files, FILE *to, const char *key, struct bytes b)
{
    uint8_t digest[HASH_SHA256_SIZE];
    if (b.at == NULL)
        return;
    hash_sha256(&files->of_item, b, digest);
    put_hex(to, key, bytes_of(digest, sizeof digest));
}

static void put_place(FILE *to, const struct ese_salvage_item *item)
{
    fprintf(to, "{\"kind\":\"%s\"", ese_salvage_kind_name(item->kind));
    put_text(to, "table", item->table);
    fprintf(to, ",\"object\":%u", item->objid);
    put_text(to, "index", item->index);
    put_hex(to, "key", item->key);
    put_hex(to, "before_key", item->key_after);
    if (item->page != 0)
        fprintf(to, ",\"page\":%u", item->page);
    if (item->tag >= 0)
        fprintf(to, ",\"tag\":%d", item->tag);
    if (item->dbtime != 0)
        fprintf(to, ",\"time\":%" PRIu64, item->dbtime);
    if (item->other_page != 0)
        fprintf(to, ",\"other_page\":%u", item->other_page);
}

static bool make_line(struct salvage_files *files, const struct ese_salvage_item *item,
                      struct buffer *line)
{
    FILE *to = buffer_stream(line);
    if (to == NULL)
        return false;
    put_place(to, item);
    fprintf(to, ",\"written\":%s", item->written ? "true" : "false");
    put_hash(files, to, "sha256", item->record);
    put_hash(files, to, "other_sha256", item->other);
    put_text(to, "reason", item->reason);
    fputs("}\n", to);
    return buffer_stream_close(line, to);
}

/* ---- certificates in what is not written ---- */

enum { NAMES_MOST = 1000, SHORTEST = 64 };

/* The first name that is not taken: another quarantine holds what may be nowhere else. */
static bool open_pem(struct salvage_files *files, struct fault *f)
{
    for (unsigned i = 1; i <= NAMES_MOST; i++) {
        char suffix[40];
        struct stat st;
        snprintf(suffix, sizeof suffix, i == 1 ? ".quarantine.pem" : ".quarantine-%u.pem", i);
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
    struct buffer pem = {0};
    files->certificates++;
    if (files->target == NULL)
        return true;
    if (files->pem == NULL && !open_pem(files, f))
        return false;
    if (!pem_write(&pem, "CERTIFICATE", der)) {
        buffer_free(&pem);
        return fault_set(f, FAULT_NO_MEMORY, "out of memory for the quarantine");
    }
    fprintf(files->pem_to, "Object %u, page %u, tag %d: %s\n", item->objid, item->page, item->tag,
            item->reason);
    fwrite(pem.at, 1, pem.size, files->pem_to);
    buffer_free(&pem);
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
    struct buffer line = {0};
    if (!make_line(files, item, &line)) {
        buffer_free(&line);
        return fault_set(f, FAULT_NO_MEMORY, "out of memory for the list of rows");
    }
    hash_sha256_add(&files->hash, buffer_bytes(&line));
    if (files->lines_to)
        fwrite(line.at, 1, line.size, files->lines_to);
    buffer_free(&line);
    if (item->written || item->record.at == NULL)
        return true;
    files->quarantined++;
    if (files->quarantine_to) {
        put_place(files->quarantine_to, item);
        put_hex(files->quarantine_to, "record", item->record);
        fputs("}\n", files->quarantine_to);
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
    if (files->open) {
        hash_close(&files->hash);
        hash_close(&files->of_item);
    }
    *files = (struct salvage_files){.lines = NULL};
}
