/* Reading --issuing-ca FILE: see givenca.h. */
#include "migrate/decide/givenca.h"

#include "formats/fileio.h"
#include "migrate/judge/model_memory.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

enum { FILE_MOST = 1024 * 1024, GIVEN_MOST = 64 };

/* The distinct certificates of the file, by their number in the model. */
struct given {
    unsigned number[GIVEN_MOST];
    unsigned count;
};

static bool unreadable(int error, struct fault *f)
{
    return fault_set(f, FAULT_IO, "cannot be read: %s", strerror(error));
}

/* All of the file; one that is longer is refused. */
static bool read_file(const char *path, struct buffer *out, struct fault *f)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
    if (fd < 0)
        return unreadable(errno, f);
    if (buffer_reserve(out, FILE_MOST + 1))
        out->size = fileio_read(fd, out->at, FILE_MOST + 1);
    int error = errno;
    close(fd);
    if (out->failed)
        return fault_no_memory(f, "a certificate");
    if (out->size > FILE_MOST)
        return fault_set(f, FAULT_LIMIT, "larger than 1 MiB, so it is no certificate");
    if (error != 0)
        return unreadable(error, f);
    return out->size > 0 ||
           fault_set(f, FAULT_NOT_THIS, "expected a certificate, found an empty file");
}

/* Adds a certificate that the file has; copies of one count once. */
static bool add(struct model *m, struct given *given, struct bytes encoded, struct fault *f)
{
    struct x509_certificate cert;
    unsigned number = 0;
    if (!x509_certificate_read(encoded, &cert, f))
        return fault_context(f, "certificate %u of the file", given->count + 1);
    if (!model_intern(m, cert.envelope.whole, &number, f))
        return false;
    for (unsigned i = 0; i < given->count; i++)
        if (given->number[i] == number)
            return true;
    if (given->count == GIVEN_MOST)
        return fault_set(f, FAULT_LIMIT, "more than %d certificates", GIVEN_MOST);
    given->number[given->count++] = number;
    return true;
}

static bool take_all(struct model *m, struct bytes file, struct given *given, struct fault *f)
{
    struct certlist list;
    struct certlist_entry entry;
    bool ok = true;
    if (!certlist_open(&list, file, f))
        return false;
    while (ok && certlist_next(&list, &entry, f))
        ok = entry.type != CERTLIST_CERTIFICATE || add(m, given, entry.encoded, f);
    ok = ok && !list.failed;
    certlist_close(&list);
    return ok;
}

static bool issued_another(const struct model *m, const struct given *given, unsigned which)
{
    const struct x509_certificate *c = &m->certificate[given->number[which]].x509;
    for (unsigned i = 0; i < given->count; i++)
        if (i != which && bytes_equal(m->certificate[given->number[i]].x509.issuer, c->subject))
            return true;
    return false;
}

/* Which one is meant; UINT32_MAX: that cannot be told. */
static unsigned choose(const struct model *m, const struct given *given)
{
    unsigned end = UINT32_MAX, ends = 0;
    for (unsigned i = 0; i < given->count; i++) {
        unsigned number = given->number[i];
        if (m->has_issuing_ca &&
            memcmp(m->certificate[number].sha1, m->issuing_ca, HASH_SHA1_SIZE) == 0)
            return number;
        if (!issued_another(m, given, i)) {
            end = number;
            ends++;
        }
    }
    return ends == 1 ? end : UINT32_MAX;
}

bool given_ca_read(struct model *m, const char *path, unsigned *number, struct fault *f)
{
    struct buffer file = {0};
    struct given given = {.count = 0};
    bool ok = read_file(path, &file, f);
    if (ok && !take_all(m, buffer_bytes(&file), &given, f)) {
        struct fault why = *f;
        ok = false;
        if (why.code != FAULT_NOT_THIS) /* which says what was expected */
            fault_set(f, why.code,
                      "expected a certificate (DER, PEM, PKCS#7 or serialized store): %s",
                      why.text);
    }
    buffer_free(&file);
    if (!ok)
        return false;
    if (given.count == 0)
        return fault_set(f, FAULT_NOT_THIS, "expected a certificate, found none");
    *number = choose(m, &given);
    return *number != UINT32_MAX ||
           fault_set(f, FAULT_NOT_THIS,
                     "%u certificates, none that the settings name, and they are no path that "
                     "ends in one; give the issuing CA's alone",
                     given.count);
}
