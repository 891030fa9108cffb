/* Telling and reading a file of certificates: see listfile.h. */
#include "migrate/files/listfile.h"

#include "formats/descriptor.h"
#include "formats/ese/read/header.h"
#include "formats/fileio.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>

enum { START = 4096, MOST = 64 * 1024 * 1024 };

/* Is it text up to its first block, and has it one for a list?  A block that stands in some
 * database makes that no file of PEM, and neither does a key alone. */
static bool is_list_as_pem(struct bytes b)
{
    struct pem_reader reader = pem_open(b);
    struct pem_block block;
    bool first = true;
    while (pem_next(&reader, &block, NULL)) {
        if (first && block.offset > 0 && memchr(b.at, '\0', block.offset))
            return false;
        if (certlist_reads_block(&block))
            return true;
        first = false;
    }
    return reader.failed && certlist_reads_block(&block); /* which is cut */
}

static enum certlist_kind detect(struct bytes b)
{
    uint32_t magic;
    if (bytes_le32(b, ESE_HEADER_MAGIC_AT, &magic) && magic == ESE_MAGIC)
        return CERTLIST_NONE;
    enum certlist_kind kind = certlist_detect(b);
    return kind == CERTLIST_PEM && !is_list_as_pem(b) ? CERTLIST_NONE : kind;
}

static bool read_up_to(struct listfile *file, size_t most, struct fault *f)
{
    buffer_clear(&file->bytes);
    if (!buffer_reserve(&file->bytes, most))
        return fault_no_memory(f, "a file of certificates");
    file->bytes.size = fileio_read_at(file->descriptor, 0, file->bytes.at, most);
    if (file->bytes.size < most && errno != 0)
        return fault_set(f, FAULT_IO, "cannot be read: %s", strerror(errno));
    return true;
}

/* The start of the file tells whether there is a reason to read all of it: text may go on for long
 * before its first block. */
static bool read_all(struct listfile *file, struct fault *f)
{
    if (!read_up_to(file, START, f))
        return false;
    struct bytes start = buffer_bytes(&file->bytes);
    file->kind = detect(start);
    bool may_be = file->kind != CERTLIST_NONE ||
                  (start.size == START && memchr(start.at, '\0', start.size) == NULL);
    if (!may_be || (file->kind == CERTLIST_NONE && file->stat.st_size > MOST))
        return true;
    if (file->stat.st_size > MOST)
        return fault_set(f, FAULT_LIMIT, "certificates as %s of more than 64 MiB",
                         certlist_kind_name(file->kind));
    if (!read_up_to(file, (size_t)file->stat.st_size, f))
        return false;
    file->kind = detect(buffer_bytes(&file->bytes));
    return true;
}

bool listfile_open(const char *path, struct listfile **to, struct fault *f)
{
    *to = NULL;
    struct listfile *file = calloc(1, sizeof *file);
    if (file == NULL)
        return fault_no_memory(f, "a file of certificates");
    file->descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
    bool ok = true;
    if (file->descriptor >= 0 && fstat(file->descriptor, &file->stat) == 0 &&
        S_ISREG(file->stat.st_mode))
        ok = read_all(file, f);
    if (ok && file->kind != CERTLIST_NONE)
        *to = file;
    else
        listfile_close(file);
    return ok;
}

void listfile_close(struct listfile *file)
{
    if (file == NULL)
        return;
    descriptor_close(file->descriptor);
    buffer_free(&file->bytes);
    free(file);
}

/* ---- what else is in it ---- */

/* Is there a line that is neither empty nor a comment? */
static bool has_text(struct bytes b)
{
    bool start = true, comment = false;
    uint8_t c;
    for (size_t i = 0; bytes_u8(b, i, &c); i++) {
        if (c == '\n') {
            start = true;
            comment = false;
        } else if (c != ' ' && c != '\t' && c != '\r') {
            comment = comment || (start && c == '#');
            start = false;
            if (!comment)
                return true;
        }
    }
    return false;
}

static void look_around_blocks(struct bytes b, struct listfile_rest *rest)
{
    struct pem_reader reader = pem_open(b);
    struct pem_block block;
    struct bytes between;
    size_t at = 0;
    while (pem_next(&reader, &block, NULL)) {
        rest->text =
            rest->text || (bytes_cut(b, at, block.offset - at, &between) && has_text(between));
        at = block.offset + block.whole.size;
        if (!certlist_reads_block(&block) && rest->blocks++ == 0)
            rest->first_label = block.label;
    }
    if (reader.failed) /* the list is cut there, and says so */
        return;
    between = bytes_from(b, at);
    const uint8_t *end = between.size > 0 ? memrchr(between.at, '\n', between.size) : NULL;
    struct bytes last = end ? bytes_from(between, (size_t)(end - between.at) + 1) : between;
    uint8_t first;
    rest->cut = bytes_u8(last, 0, &first) && first == '-';
    rest->text = rest->text || (!rest->cut && has_text(between));
}

bool listfile_look(const struct listfile *file, struct listfile_rest *rest, struct fault *f)
{
    struct certlist list;
    struct certlist_entry entry;
    struct fault why = {.code = FAULT_NONE};
    *rest = (struct listfile_rest){.crls = 0};
    struct bytes b = buffer_bytes(&file->bytes);
    if (file->kind == CERTLIST_PEM)
        look_around_blocks(b, rest);
    if (certlist_open(&list, b, &why)) {
        while (certlist_next(&list, &entry, &why)) {
            rest->crls += entry.type == CERTLIST_CRL;
            rest->others += entry.type == CERTLIST_OTHER;
        }
        certlist_close(&list);
    }
    if (why.code != FAULT_NO_MEMORY)
        return true;
    *f = why;
    return false;
}
