/* Lists of certificates, whatever holds them: see certs.h. */
#include "formats/certs/certs.h"

#include "formats/certs/x509.h"

/* A certificate or CRL that the value starts with. */
static bool read_signed(struct bytes value, enum certlist_type *type, struct x509_signed *envelope)
{
    struct x509_certificate c;
    struct x509_crl crl;
    if (x509_certificate_read(value, &c, NULL)) {
        *type = CERTLIST_CERTIFICATE;
        *envelope = c.envelope;
        return true;
    }
    if (x509_crl_read(value, &crl, NULL)) {
        *type = CERTLIST_CRL;
        *envelope = crl.envelope;
        return true;
    }
    return false;
}

/* The start that practically every certificate has, kept when the rest is cut: two SEQUENCEs with
 * two-octet lengths, then [0] of a version, or a serial number. */
static bool starts_like_certificate(struct bytes value)
{
    static const uint8_t sequence[2] = {DER_SEQUENCE, 0x82};
    struct bytes outer, inner;
    uint8_t third;
    return bytes_cut(value, 0, 2, &outer) && bytes_equal(outer, bytes_of(sequence, 2)) &&
           bytes_cut(value, 4, 2, &inner) && bytes_equal(inner, bytes_of(sequence, 2)) &&
           bytes_u8(value, 8, &third) && (third == 0xa0 || third == DER_INTEGER);
}

static bool is_der(struct bytes value)
{
    enum certlist_type type;
    struct x509_signed envelope;
    return starts_like_certificate(value) || read_signed(value, &type, &envelope);
}

enum certlist_kind certlist_detect(struct bytes value)
{
    uint8_t first;
    if (!bytes_u8(value, 0, &first))
        return CERTLIST_NONE;
    if (sst_detect(value))
        return CERTLIST_SST;
    if (pkcs7_detect(value))
        return CERTLIST_PKCS7;
    if (first == DER_SEQUENCE && is_der(value))
        return CERTLIST_DER;
    return pem_detect(value) ? CERTLIST_PEM : CERTLIST_NONE;
}

const char *certlist_kind_name(enum certlist_kind kind)
{
    static const char *const names[] = {
        [CERTLIST_NONE] = "none",
        [CERTLIST_DER] = "DER",
        [CERTLIST_PEM] = "PEM",
        [CERTLIST_PKCS7] = "PKCS#7",
        [CERTLIST_SST] = "serialized store",
        [CERTLIST_ITEMS] = "row of items",
    };
    return names[kind];
}

static const struct items_layout in_a_row = {.header = 4, .size = ITEMS_LE32};

bool certlist_add_value(struct buffer *row, struct bytes value)
{
    return buffer_add_le32(row, (uint32_t)value.size) && buffer_add(row, value);
}

bool certlist_form_read(const char *word, const char *items, struct certlist_form *form,
                        struct fault *f)
{
    static const char *const words[] = {
        [CERTLIST_NONE] = "auto",   [CERTLIST_DER] = "der", [CERTLIST_PEM] = "pem",
        [CERTLIST_PKCS7] = "pkcs7", [CERTLIST_SST] = "sst", [CERTLIST_ITEMS] = "items"};
    unsigned kind = CERTLIST_NONE;
    while (kind <= CERTLIST_ITEMS && strcmp(words[kind], word) != 0)
        kind++;
    *form = (struct certlist_form){.kind = (enum certlist_kind)kind};
    if (strcmp(word, "values") == 0 && items == NULL) {
        *form = (struct certlist_form){.kind = CERTLIST_ITEMS, .items = in_a_row, .values = true};
        return true;
    }
    if (kind > CERTLIST_ITEMS)
        return fault_set(f, FAULT_DAMAGED,
                         "expected auto, der, pem, pkcs7, sst, items or values, found %.40s", word);
    if ((kind == CERTLIST_ITEMS) != (items != NULL))
        return fault_set(f, FAULT_MISSING, "expected items = LAYOUT with the form items%s",
                         items ? " only" : ", found none");
    return items == NULL || items_layout_read(items, &form->items, f);
}

bool certlist_open(struct certlist *l, struct bytes value, struct fault *f)
{
    return certlist_open_as(l, value, NULL, f);
}

bool certlist_open_as(struct certlist *l, struct bytes value, const struct certlist_form *form,
                      struct fault *f)
{
    enum certlist_kind said = form ? form->kind : CERTLIST_NONE;
    *l = (struct certlist){.kind = said == CERTLIST_ITEMS ? said : certlist_detect(value),
                           .value = value};
    if (said != CERTLIST_NONE && said != l->kind)
        return fault_set(f, FAULT_NOT_THIS, "expected certificates as %s, found %s",
                         certlist_kind_name(said),
                         l->kind == CERTLIST_NONE ? "other bytes" : certlist_kind_name(l->kind));
    switch (l->kind) {
    case CERTLIST_DER:
        return true;
    case CERTLIST_PEM:
        l->pem = pem_open(value);
        /* Base64 takes more room than what it encodes: entries never move. */
        if (!buffer_reserve(&l->decoded, value.size))
            return fault_set(f, FAULT_NO_MEMORY, "no memory to decode %zu bytes of PEM",
                             value.size);
        return true;
    case CERTLIST_PKCS7:
        return pkcs7_open(value, &l->pkcs7, f);
    case CERTLIST_SST:
        return sst_open(value, &l->sst, f);
    case CERTLIST_ITEMS:
        return items_open(value, &form->items, &l->items, f);
    case CERTLIST_NONE:
        break;
    }
    return fault_set(
        f, FAULT_NOT_THIS,
        "expected certificates as DER, PEM, PKCS#7 or serialized store, found other bytes");
}

void certlist_close(struct certlist *l)
{
    buffer_free(&l->decoded);
    *l = (struct certlist){0};
}

static uint32_t sst_id(enum certlist_type type)
{
    return type == CERTLIST_CERTIFICATE ? SST_CERTIFICATE
           : type == CERTLIST_CRL       ? SST_CRL
                                        : SST_CTL;
}

static enum pkcs7_type pkcs7_type(enum certlist_type type)
{
    return type == CERTLIST_CERTIFICATE ? PKCS7_CERTIFICATE
           : type == CERTLIST_CRL       ? PKCS7_CRL
                                        : PKCS7_OTHER;
}

/* One item after the other; what follows the last that can be read belongs to it. */
static bool next_der(struct certlist *l, struct certlist_entry *entry)
{
    struct bytes rest = bytes_from(l->value, l->at);
    struct x509_signed envelope, next;
    enum certlist_type next_type;
    if (rest.size == 0)
        return false;
    entry->offset = l->at;
    entry->encoded = rest;
    entry->type = CERTLIST_CERTIFICATE;
    if (read_signed(rest, &entry->type, &envelope) &&
        read_signed(envelope.trailing, &next_type, &next))
        entry->encoded = envelope.whole;
    l->at += entry->encoded.size;
    return true;
}

static bool next_item(struct certlist *l, struct certlist_entry *entry, struct fault *f)
{
    struct items_item found;
    struct x509_signed envelope;
    if (!items_next(&l->items, &found, f)) {
        l->failed = l->items.failed;
        return false;
    }
    entry->type = CERTLIST_CERTIFICATE;
    read_signed(found.data, &entry->type, &envelope);
    entry->encoded = found.data;
    entry->header = found.header;
    entry->offset = found.offset;
    return true;
}

static bool next_sst(struct certlist *l, struct certlist_entry *entry, struct fault *f)
{
    struct sst_entry found;
    if (!sst_next(&l->sst, &found, f)) {
        l->failed = l->sst.failed;
        return false;
    }
    entry->type = found.id == SST_CERTIFICATE ? CERTLIST_CERTIFICATE
                  : found.id == SST_CRL       ? CERTLIST_CRL
                                              : CERTLIST_OTHER;
    entry->encoded = found.data;
    entry->properties = found.properties;
    entry->encoding = found.encoding;
    entry->offset = found.offset;
    return true;
}

static bool next_pkcs7(struct certlist *l, struct certlist_entry *entry, struct fault *f)
{
    struct pkcs7_entry found;
    if (!pkcs7_next(&l->pkcs7, &found, f)) {
        l->failed = l->pkcs7.failed;
        return false;
    }
    entry->type = found.type == PKCS7_CERTIFICATE ? CERTLIST_CERTIFICATE
                  : found.type == PKCS7_CRL       ? CERTLIST_CRL
                                                  : CERTLIST_OTHER;
    entry->encoded = found.whole;
    entry->offset = found.offset;
    l->pkcs7_type = found.type;
    return true;
}

enum block_type { BLOCK_CERTIFICATE, BLOCK_CRL, BLOCK_PKCS7, BLOCK_OTHER };

/* RFC 7468 sections 5, 6, 8 and the labels that older and other programs write. */
static enum block_type block_type(const struct pem_block *block)
{
    static const struct {
        const char *label;
        enum block_type type;
    } labels[] = {
        {"CERTIFICATE", BLOCK_CERTIFICATE},
        {"X509 CERTIFICATE", BLOCK_CERTIFICATE},
        {"X.509 CERTIFICATE", BLOCK_CERTIFICATE},
        {"TRUSTED CERTIFICATE", BLOCK_CERTIFICATE},
        {"X509 CRL", BLOCK_CRL},
        {"CRL", BLOCK_CRL},
        {"PKCS7", BLOCK_PKCS7},
        {"CMS", BLOCK_PKCS7},
        {"PKCS #7 SIGNED DATA", BLOCK_PKCS7},
    };
    for (size_t i = 0; i < sizeof labels / sizeof labels[0]; i++) {
        if (pem_is(block, labels[i].label))
            return labels[i].type;
    }
    return BLOCK_OTHER;
}

bool certlist_reads_block(const struct pem_block *block)
{
    return block_type(block) != BLOCK_OTHER;
}

/* Decodes the block just read.  PKCS#7 behind the label CERTIFICATE, as some programs write it, is
 * taken for what it is. */
static bool open_block(struct certlist *l, enum block_type *type, struct bytes *encoded,
                       struct fault *f)
{
    size_t start = l->decoded.size;
    if (!pem_decode(&l->block, &l->decoded, f))
        return false;
    *encoded = bytes_from(buffer_bytes(&l->decoded), start);
    if (*type == BLOCK_PKCS7 || pkcs7_detect(*encoded)) {
        *type = BLOCK_PKCS7;
        return pkcs7_open(*encoded, &l->pkcs7, f);
    }
    return true;
}

static bool next_pem(struct certlist *l, struct certlist_entry *entry, struct fault *f)
{
    for (;;) {
        if (l->in_block && next_pkcs7(l, entry, f)) {
            entry->offset = l->block.offset;
            return true;
        }
        l->in_block = false;
        if (l->failed)
            return false;
        if (!pem_next(&l->pem, &l->block, f)) {
            l->failed = l->pem.failed;
            return false;
        }
        enum block_type type = block_type(&l->block);
        if (type == BLOCK_OTHER)
            continue;
        if (!open_block(l, &type, &entry->encoded, f)) {
            l->failed = true;
            return false;
        }
        if (type == BLOCK_PKCS7) {
            l->in_block = true;
            continue;
        }
        entry->type = type == BLOCK_CRL ? CERTLIST_CRL : CERTLIST_CERTIFICATE;
        entry->offset = l->block.offset;
        return true;
    }
}

bool certlist_next(struct certlist *l, struct certlist_entry *entry, struct fault *f)
{
    bool found = false;
    struct certlist_entry next = {.index = l->index, .encoding = SST_ENCODING};
    if (l->failed)
        return false;
    switch (l->kind) {
    case CERTLIST_DER:
        found = next_der(l, &next);
        break;
    case CERTLIST_PEM:
        found = next_pem(l, &next, f);
        break;
    case CERTLIST_PKCS7:
        found = next_pkcs7(l, &next, f);
        break;
    case CERTLIST_SST:
        found = next_sst(l, &next, f);
        break;
    case CERTLIST_ITEMS:
        found = next_item(l, &next, f);
        break;
    case CERTLIST_NONE:
        break;
    }
    if (!found)
        return false;
    l->index++;
    *entry = next;
    return true;
}

struct rewrite {
    struct certlist list;
    struct buffer *out;
    struct pkcs7_writer pkcs7;
    size_t copied;       /* PEM: how much of the value stands in out, or was left out */
    size_t trailing;     /* DER: bytes behind the last entry that stays */
    size_t start;        /* of the new list in out */
    uint32_t items;      /* items: how many stand in out */
    struct bytes header; /* of the last item that stays */
    bool one_header;     /* all have that one, but for the size */
    bool changed;
};

static void rewrite_item(struct rewrite *w, const struct certlist_entry *entry)
{
    w->one_header =
        w->items == 0 ||
        (w->one_header && items_headers_alike(&w->list.items.layout, w->header, entry->header));
    w->header = entry->header;
    w->items++;
    buffer_add(w->out, entry->header);
    buffer_add(w->out, entry->encoded);
}

/* Copies the text up to the block of this entry, then the block or nothing. */
static bool rewrite_pem_entry(struct rewrite *w, bool keep, struct fault *f)
{
    const struct pem_block *block = &w->list.block;
    size_t end = block->offset + block->whole.size;
    struct bytes part;
    if (keep)
        return true;
    if (w->list.in_block)
        return fault_set(f, FAULT_UNSUPPORTED,
                         "cannot drop a certificate from the PKCS#7 in the PEM block at byte %zu",
                         block->offset);
    if (bytes_cut(w->list.value, w->copied, block->offset - w->copied, &part))
        buffer_add(w->out, part);
    w->copied = end;
    return true;
}

static bool rewrite_entry(struct rewrite *w, certlist_decide *decide, void *context,
                          const struct certlist_entry *entry, struct fault *f)
{
    struct bytes more = {0};
    bool keep = decide(context, entry, &more);
    w->changed = w->changed || !keep || more.size > 0;
    if (more.size > 0 && w->list.kind != CERTLIST_SST)
        return fault_set(f, FAULT_UNSUPPORTED, "%s has no place for properties of a certificate",
                         certlist_kind_name(w->list.kind));
    if (w->list.kind == CERTLIST_PEM)
        return rewrite_pem_entry(w, keep, f);
    if (!keep)
        return true;
    if (w->list.kind == CERTLIST_SST) {
        buffer_add(w->out, entry->properties);
        buffer_add(w->out, more);
        sst_write_element(w->out, sst_id(entry->type), entry->encoding, entry->encoded);
    } else if (w->list.kind == CERTLIST_PKCS7) {
        pkcs7_write(&w->pkcs7, w->list.pkcs7_type, entry->encoded);
    } else if (w->list.kind == CERTLIST_ITEMS) {
        rewrite_item(w, entry);
    } else {
        struct der d = der_of(entry->encoded, DER_OR_BER);
        struct der_item item;
        w->trailing = der_next(&d, &item) ? entry->encoded.size - item.whole.size : 0;
        buffer_add(w->out, entry->encoded);
    }
    return true;
}

/* What stands before the first entry.  The frame of a PKCS#7 and the tail of an SST are not what a
 * new list would have. */
static void rewrite_begin(struct rewrite *w)
{
    if (w->list.kind == CERTLIST_SST)
        sst_write_header(w->out);
    else if (w->list.kind == CERTLIST_PKCS7)
        pkcs7_write_begin(&w->pkcs7, w->out, &w->list.pkcs7.frame);
    else if (w->list.kind == CERTLIST_ITEMS && w->list.items.layout.counted)
        buffer_add_le32(w->out, 0); /* put right at the end */
}

static void rewrite_end(struct rewrite *w)
{
    if (w->list.kind == CERTLIST_ITEMS) {
        buffer_add(w->out, w->list.items.tail);
        if (w->list.items.layout.counted && !w->out->failed)
            bytes_put_le32(w->out->at + w->start, w->items);
    }
    if (w->list.kind == CERTLIST_SST)
        buffer_add(w->out, w->list.sst.tail);
    else if (w->list.kind == CERTLIST_PKCS7)
        pkcs7_write_end(&w->pkcs7);
    else if (w->list.kind == CERTLIST_PEM)
        buffer_add(w->out, bytes_from(w->list.value, w->copied));
}

/* A new block behind all text, which ends its last line first; with the line ends of the others. */
static void add_block(struct rewrite *w, const char *label, struct bytes der)
{
    static const char line_end[] = "\r\n";
    struct buffer block = {0};
    struct bytes value = w->list.value, text;
    const uint8_t *first = value.size ? memchr(value.at, '\n', value.size) : NULL;
    bool two = first && first > value.at && first[-1] == '\r';
    buffer_add(w->out, bytes_from(value, w->copied));
    w->copied = value.size;
    if (w->out->size > w->start && w->out->at[w->out->size - 1] != '\n')
        buffer_add_text(w->out, two ? line_end : line_end + 1);
    if (!pem_write(&block, label, der))
        w->out->failed = true;
    text = buffer_bytes(&block);
    for (size_t at = 0, line; at < text.size; at += line + 1) {
        struct bytes rest = bytes_from(text, at);
        const uint8_t *end = memchr(rest.at, '\n', rest.size);
        line = end ? (size_t)(end - rest.at) : rest.size;
        buffer_add(w->out, bytes_of(rest.at, line));
        buffer_add_text(w->out, two ? line_end : line_end + 1);
    }
    buffer_free(&block);
}

/* What stands behind all entries that stay. */
static bool rewrite_added(struct rewrite *w, const struct certlist_entry *added, struct fault *f)
{
    struct bytes whole = added->encoded;
    struct der d = der_of(added->encoded, DER_OR_BER);
    struct der_item item;
    w->changed = true;
    if (der_next(&d, &item))
        whole = item.whole;
    switch (w->list.kind) {
    case CERTLIST_SST:
        buffer_add(w->out, added->properties);
        sst_write_element(w->out, sst_id(added->type), added->encoding, added->encoded);
        return true;
    case CERTLIST_PKCS7:
        pkcs7_write(&w->pkcs7, pkcs7_type(added->type), whole);
        return true;
    case CERTLIST_PEM:
        add_block(w, added->type == CERTLIST_CRL ? "X509 CRL" : "CERTIFICATE", whole);
        return true;
    case CERTLIST_ITEMS:
        w->items++;
        return items_add(w->out, &w->list.items.layout,
                         w->one_header ? w->header : bytes_of(NULL, 0), whole, f);
    case CERTLIST_DER:
        if (w->trailing > 0)
            return fault_set(
                f, FAULT_UNSUPPORTED,
                "%zu bytes stand behind the list's last entry and would hide a new one",
                w->trailing);
        buffer_add(w->out, whole);
        return true;
    case CERTLIST_NONE:
        break;
    }
    return fault_set(f, FAULT_UNSUPPORTED, "no list to add a certificate to");
}

/* anew: put together from its parts, also when nothing of it changes. */
static bool rewrite(struct bytes value, const struct certlist_form *form, certlist_decide *decide,
                    void *context, const struct certlist_entry *added, bool anew,
                    struct buffer *out, struct fault *f)
{
    struct rewrite w = {.out = out, .start = out->size, .changed = anew};
    struct certlist_entry entry;
    size_t start = out->size;
    if (!certlist_open_as(&w.list, value, form, f))
        return false;
    rewrite_begin(&w);
    bool good = true;
    while (good && certlist_next(&w.list, &entry, f))
        good = rewrite_entry(&w, decide, context, &entry, f);
    good = good && !w.list.failed;
    if (good && added)
        good = rewrite_added(&w, added, f);
    if (good && w.changed) {
        rewrite_end(&w);
    } else if (good && !out->failed) {
        out->size = start;
        buffer_add(out, value);
    }
    certlist_close(&w.list);
    if (good && out->failed)
        return fault_set(f, FAULT_NO_MEMORY, "no memory to rewrite a list of %zu bytes",
                         value.size);
    return good;
}

static bool stays(void *context, const struct certlist_entry *entry, struct bytes *more)
{
    (void)context;
    (void)entry;
    (void)more;
    return true;
}

bool certlist_rewrite(struct bytes value, const struct certlist_form *form, certlist_decide *decide,
                      void *context, const struct certlist_entry *added, struct buffer *out,
                      struct fault *f)
{
    return rewrite(value, form, decide, context, added, false, out, f);
}

bool certlist_is_exact(struct bytes value, const struct certlist_form *form, struct fault *f)
{
    struct buffer out = {0};
    bool same = rewrite(value, form, stays, NULL, NULL, true, &out, f) &&
                bytes_equal(buffer_bytes(&out), value);
    buffer_free(&out);
    return same;
}

void certlist_write_begin(struct certlist_writer *w, enum certlist_kind kind, struct buffer *out)
{
    *w = (struct certlist_writer){.kind = kind, .out = out};
    if (kind == CERTLIST_SST)
        sst_write_header(out);
    else if (kind == CERTLIST_PKCS7)
        pkcs7_write_begin(&w->pkcs7, out, NULL);
}

bool certlist_write(struct certlist_writer *w, const struct certlist_entry *entry)
{
    struct der d = der_of(entry->encoded, DER_OR_BER);
    struct der_item item;
    switch (w->kind) {
    case CERTLIST_PEM:
        pem_write(w->out, entry->type == CERTLIST_CRL ? "X509 CRL" : "CERTIFICATE", entry->encoded);
        return true;
    case CERTLIST_SST:
        buffer_add(w->out, entry->properties);
        sst_write_element(w->out, sst_id(entry->type), entry->encoding, entry->encoded);
        return true;
    case CERTLIST_PKCS7:
    case CERTLIST_DER:
        /* Items stand in a row: bytes after one would be taken for the next. */
        if (!der_next(&d, &item))
            return false;
        if (w->kind == CERTLIST_PKCS7)
            pkcs7_write(&w->pkcs7, pkcs7_type(entry->type), item.whole);
        else
            buffer_add(w->out, item.whole);
        return true;
    case CERTLIST_ITEMS:
    case CERTLIST_NONE:
        break;
    }
    return false;
}

bool certlist_write_end(struct certlist_writer *w)
{
    if (w->kind == CERTLIST_SST)
        return sst_write_end(w->out);
    if (w->kind == CERTLIST_PKCS7)
        return pkcs7_write_end(&w->pkcs7);
    return !w->out->failed;
}
