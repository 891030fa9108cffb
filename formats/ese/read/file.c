/* Opening and reading the database file: see file.h. */
#include "formats/ese/read/file.h"

#include "formats/descriptor.h"
#include "formats/fileio.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <unistd.h>
#include <zlib.h>

struct ese_file {
    int descriptor;       /* -1: in memory */
    int named_descriptor; /* of the file as it was named; the same, unless that is packed */
    struct bytes memory;
    uint64_t size;
    struct stat named;
    bool packed;
};

enum { UNPACK_STEP = 256 * 1024 };

static const char database[] =
    "database file"; /* what is expected unless somebody says otherwise */

static uint64_t unpacked_most = ESE_FILE_UNPACKED_MOST;

void ese_file_set_unpacked_most(uint64_t bytes)
{
    unpacked_most = bytes;
}

static const char *kind_of(const struct stat *st)
{
    if (S_ISDIR(st->st_mode))
        return "a directory";
    if (S_ISFIFO(st->st_mode))
        return "a pipe";
    if (S_ISSOCK(st->st_mode))
        return "a socket";
    return "a device";
}

static bool unpack_into(gzFile from, int to, struct fault *f)
{
    uint64_t unpacked = 0;
    uint8_t *step = malloc(UNPACK_STEP);
    if (step == NULL)
        return fault_set(f, FAULT_NO_MEMORY, "out of memory while unpacking gzip data");
    bool ok = true;
    for (;;) {
        int n = gzread(from, step, UNPACK_STEP);
        unpacked += n > 0 ? (uint64_t)n : 0;
        if (unpacked > unpacked_most) {
            ok =
                fault_set(f, FAULT_LIMIT,
                          "the gzip data unpacks to more than %" PRIu64
                          " bytes; if that is what it should hold, unpack it with gunzip, or allow "
                          "more with --max-unpacked",
                          unpacked_most);
            break;
        }
        if (n > 0 && !fileio_write(to, bytes_of(step, (size_t)n))) {
            ok = fault_set(f, FAULT_IO,
                           "the gzip data cannot be unpacked into %s: %s; name a folder with more "
                           "room in TMPDIR",
                           fileio_temporary_folder(), strerror(errno));
            break;
        }
        if (n > 0)
            continue;
        int code = Z_OK;
        const char *why = gzerror(from, &code), *behind = strstr(why, ">: ");
        if (why[0] == '<' && behind) /* "<fd:5>: ": zlib's name of the file */
            why = behind + strlen(">: ");
        if (code == Z_MEM_ERROR)
            ok = fault_set(f, FAULT_NO_MEMORY, "out of memory while unpacking gzip data");
        else if (n < 0 || code == Z_BUF_ERROR)
            ok = fault_set(f, FAULT_DAMAGED,
                           "the gzip data cannot be unpacked: %s; get the file again",
                           code == Z_ERRNO ? strerror(errno) : why);
        break;
    }
    free(step);
    return ok;
}

/* Replaces the packed file's descriptor by one of an unnamed file with what it holds. */
static bool unpack(struct ese_file *file, struct fault *f)
{
    int plain = fileio_temporary(), packed = file->descriptor;
    if (plain < 0)
        return fault_set(
            f, FAULT_IO,
            "no temporary file to unpack the gzip data into can be made in %s: %s; name "
            "a folder for it in TMPDIR",
            fileio_temporary_folder(), strerror(errno));
    int reading = fcntl(packed, F_DUPFD_CLOEXEC, 0);
    gzFile gz = reading < 0 ? NULL : gzdopen(reading, "rb");
    if (gz == NULL) {
        descriptor_close(reading);
        close(plain);
        return fault_set(f, FAULT_NO_MEMORY, "out of memory while unpacking gzip data");
    }
    bool ok = unpack_into(gz, plain, f);
    gzclose_r(gz); /* closes `reading` */
    file->descriptor = plain;
    file->packed = true;
    struct stat st;
    if (ok && fstat(plain, &st) != 0)
        ok = fault_set(f, FAULT_IO, "fstat: %s", strerror(errno));
    if (ok)
        file->size = (uint64_t)st.st_size;
    return ok;
}

static const char *next_step(int error)
{
    if (error == EACCES || error == EPERM)
        return "; run this as a user who may read it";
    return error == ENOENT || error == ENOTDIR ? "; check the name" : "";
}

static bool open_descriptor(struct ese_file *file, const char *path, const char *kind,
                            struct fault *f)
{
    /* O_NONBLOCK: a pipe or a device under the name must be refused, not waited for. */
    file->descriptor = descriptor_open_input(path, O_NOCTTY | O_NONBLOCK);
    if (file->descriptor < 0)
        return fault_set(f, errno == ENOENT ? FAULT_MISSING : FAULT_IO, "cannot be opened: %s%s",
                         strerror(errno), next_step(errno));
    file->named_descriptor = file->descriptor;
    if (fstat(file->descriptor, &file->named) != 0)
        return fault_set(f, FAULT_IO, "cannot be examined: %s", strerror(errno));
    if (!S_ISREG(file->named.st_mode))
        return fault_set(f, FAULT_NOT_THIS, "expected a %s, found %s; %s the file itself", kind,
                         kind_of(&file->named), kind == database ? "name" : "put there");
    file->size = (uint64_t)file->named.st_size;
    uint8_t magic[2];
    size_t got;
    if (!ese_file_read(file, 0, magic, sizeof magic, &got, f))
        return false;
    if (got == 2 && magic[0] == 0x1f && magic[1] == 0x8b && !unpack(file, f))
        return false;
    if (file->size == 0)
        return fault_set(f, FAULT_NOT_THIS,
                         "expected a %s, found an empty file; get the file again", kind);
    return true;
}

bool ese_file_open(const char *path, struct ese_file **file, struct fault *f)
{
    return ese_file_open_as(path, database, file, f);
}

bool ese_file_open_as(const char *path, const char *kind, struct ese_file **file, struct fault *f)
{
    struct ese_file *opened = calloc(1, sizeof *opened);
    if (opened == NULL)
        return fault_no_memory(f, NULL);
    opened->descriptor = opened->named_descriptor = -1;
    if (!open_descriptor(opened, path, kind, f)) {
        ese_file_close(opened);
        return false;
    }
    *file = opened;
    return true;
}

bool ese_file_over(struct bytes b, struct ese_file **file, struct fault *f)
{
    struct ese_file *opened = calloc(1, sizeof *opened);
    if (opened == NULL)
        return fault_no_memory(f, NULL);
    opened->descriptor = opened->named_descriptor = -1;
    opened->memory = b;
    opened->size = b.size;
    *file = opened;
    return true;
}

void ese_file_close(struct ese_file *file)
{
    if (file == NULL)
        return;
    if (file->named_descriptor >= 0 && file->named_descriptor != file->descriptor)
        close(file->named_descriptor);
    descriptor_close(file->descriptor);
    free(file);
}

uint64_t ese_file_size(const struct ese_file *file)
{
    return file->size;
}

int ese_file_named_descriptor(const struct ese_file *file)
{
    return file->named_descriptor;
}

const struct stat *ese_file_stat(const struct ese_file *file)
{
    return &file->named;
}

bool ese_file_is_packed(const struct ese_file *file)
{
    return file->packed;
}

static size_t read_memory(const struct ese_file *file, uint64_t offset, void *to, size_t size)
{
    struct bytes from = bytes_from(file->memory, offset < SIZE_MAX ? (size_t)offset : SIZE_MAX);
    if (from.size > size)
        from.size = size;
    if (from.size > 0)
        memcpy(to, from.at, from.size);
    return from.size;
}

size_t ese_file_read_beside(const struct ese_file *file, uint64_t offset, void *to, size_t size)
{
    errno = 0;
    return file->descriptor < 0 ? read_memory(file, offset, to, size)
                                : fileio_read_at(file->descriptor, offset, to, size);
}

static void (*on_read)(uint64_t bytes);

void ese_file_on_read(void (*told)(uint64_t bytes))
{
    on_read = told;
}

bool ese_file_read(struct ese_file *file, uint64_t offset, void *to, size_t size, size_t *got,
                   struct fault *f)
{
    *got = ese_file_read_beside(file, offset, to, size);
    if (file->descriptor < 0)
        return true;
    int error = errno;
    if (on_read)
        on_read(*got);
    errno = error;
    return *got == size || errno == 0 ||
           fault_set(f, FAULT_IO, "read error at byte %" PRIu64 ": %s", offset + *got,
                     strerror(errno));
}
