/* Names as text and as normal form: see name.h. */
#include "formats/certs/name.h"

#include "formats/utf8.h"

#include <stdio.h>

enum { PARTS_SHOWN = 64 };

struct attribute_type {
    const char *name;
    const char *oid; /* contents, as DER has them */
    size_t size;
};

#define TYPE(name, oid)                                                                            \
    {                                                                                              \
        name, oid, sizeof oid - 1                                                                  \
    }

/* RFC 4514 section 3, then the types that certificates of public authorities have besides. */
static const struct attribute_type types[] = {
    TYPE("CN", "\x55\x04\x03"),
    TYPE("L", "\x55\x04\x07"),
    TYPE("ST", "\x55\x04\x08"),
    TYPE("O", "\x55\x04\x0a"),
    TYPE("OU", "\x55\x04\x0b"),
    TYPE("C", "\x55\x04\x06"),
    TYPE("STREET", "\x55\x04\x09"),
    TYPE("DC", "\x09\x92\x26\x89\x93\xf2\x2c\x64\x01\x19"),
    TYPE("UID", "\x09\x92\x26\x89\x93\xf2\x2c\x64\x01\x01"),
    TYPE("emailAddress", "\x2a\x86\x48\x86\xf7\x0d\x01\x09\x01"),
    TYPE("serialNumber", "\x55\x04\x05"),
    TYPE("SN", "\x55\x04\x04"),
    TYPE("GN", "\x55\x04\x2a"),
    TYPE("initials", "\x55\x04\x2b"),
    TYPE("generationQualifier", "\x55\x04\x2c"),
    TYPE("title", "\x55\x04\x0c"),
    TYPE("description", "\x55\x04\x0d"),
    TYPE("businessCategory", "\x55\x04\x0f"),
    TYPE("postalCode", "\x55\x04\x11"),
    TYPE("dnQualifier", "\x55\x04\x2e"),
    TYPE("pseudonym", "\x55\x04\x41"),
    TYPE("organizationIdentifier", "\x55\x04\x61"),
};

/* ------------------------------------------------------------------ text, cut to what fits */

struct text {
    char *at;
    size_t size; /* room, terminator included */
    size_t used; /* what the whole needs so far */
    size_t kept; /* what stands in `at` */
    size_t mark; /* how much of it leaves room for the mark of a cut */
};

static const char cut_mark[] = "...";

/* Adds all of the piece or, where it does not fit any more, nothing from then on. */
static void put(struct text *t, const char *piece, size_t size)
{
    if (t->kept == t->used && t->used + size < t->size) {
        memcpy(t->at + t->kept, piece, size);
        t->kept += size;
        if (t->kept + sizeof cut_mark <= t->size)
            t->mark = t->kept;
    }
    t->used += size;
}

static void put_string(struct text *t, const char *s)
{
    put(t, s, strlen(s));
}

static size_t finish(struct text *t)
{
    if (t->used > t->kept && t->size >= sizeof cut_mark) {
        memcpy(t->at + t->mark, cut_mark, sizeof cut_mark);
        return t->used;
    }
    if (t->size > 0)
        t->at[t->kept] = '\0';
    return t->used;
}

/* Every octet of a character as \XX. */
static void put_hex(struct text *t, uint32_t c, bool is_octet)
{
    char raw[4], pair[4];
    size_t size = utf8_write(c, raw);
    if (is_octet) {
        raw[0] = (char)c;
        size = 1;
    }
    char all[13];
    for (size_t i = 0; i < size; i++) {
        snprintf(pair, sizeof pair, "\\%02X", (uint8_t)raw[i]);
        memcpy(all + 3 * i, pair, 3);
    }
    put(t, all, 3 * size);
}

/* ------------------------------------------------------------------ characters of a value */

static bool is_text(uint8_t id)
{
    switch (id) {
    case DER_UTF8_STRING:
    case DER_NUMERIC_STRING:
    case DER_PRINTABLE_STRING:
    case DER_TELETEX_STRING:
    case DER_IA5_STRING:
    case DER_VISIBLE_STRING:
        return true;
    default:
        return false;
    }
}

/* Strings of whole characters; a wide one with half a character left is no string. */
static bool is_string(const struct name_part *part)
{
    if (part->id == DER_BMP_STRING)
        return part->value.size % 2 == 0;
    if (part->id == DER_UNIVERSAL_STRING)
        return part->value.size % 4 == 0;
    return is_text(part->id);
}

struct character {
    uint32_t code;
    bool octet; /* no character: an octet that does not belong there */
};

/* A wrong octet is given back alone. */
static size_t read_utf8(struct bytes b, size_t at, struct character *c)
{
    size_t size = utf8_read(b, at, &c->code);
    c->octet = size == 0;
    return c->octet ? 1 : size;
}

static uint32_t read_unit(struct bytes b, size_t at, size_t size)
{
    uint32_t unit = 0;
    uint8_t octet = 0;
    for (size_t i = 0; i < size && bytes_u8(b, at + i, &octet); i++)
        unit = unit << 8 | octet;
    return unit;
}

/* UTF-16, big end first.  A lone surrogate is shown as U+FFFD. */
static size_t read_bmp(struct bytes b, size_t at, struct character *c)
{
    uint32_t high = read_unit(b, at, 2), low = read_unit(b, at + 2, 2);
    c->octet = false;
    c->code = high;
    if (high < 0xd800 || high >= 0xe000)
        return 2;
    if (high < 0xdc00 && bytes_has(b, at + 2, 2) && low >= 0xdc00 && low < 0xe000) {
        c->code = 0x10000 + ((high & 0x3ff) << 10 | (low & 0x3ff));
        return 4;
    }
    c->code = 0xfffd;
    return 2;
}

/* The character at `*at`, which moves behind it.  False at the end. */
static bool next_character(const struct name_part *part, size_t *at, struct character *c)
{
    struct bytes b = part->value;
    if (*at >= b.size)
        return false;
    if (part->id == DER_UTF8_STRING) {
        *at += read_utf8(b, *at, c);
    } else if (part->id == DER_BMP_STRING) {
        *at += read_bmp(b, *at, c);
    } else if (part->id == DER_UNIVERSAL_STRING) {
        uint32_t code = read_unit(b, *at, 4);
        bool good = code <= UTF8_LARGEST && (code < 0xd800 || code >= 0xe000);
        *c = (struct character){.code = good ? code : 0xfffd};
        *at += 4;
    } else {
        *c = (struct character){.code = read_unit(b, *at, 1)};
        c->octet = c->code >= 0x80 && part->id != DER_TELETEX_STRING;
        *at += 1;
    }
    return true;
}

static bool is_special(uint32_t c)
{
    return c < 0x80 && c != 0 && strchr("\"+,;<>\\", (int)c) != NULL;
}

static void put_value(struct text *t, const struct name_part *part, bool escape)
{
    struct character c;
    char raw[5];
    for (size_t at = 0, start = 0; start = at, next_character(part, &at, &c);) {
        bool first = start == 0, last = at >= part->value.size;
        if (c.octet || utf8_is_hidden(c.code)) {
            put_hex(t, c.code, c.octet);
            continue;
        }
        /* RFC 4514 2.4: a space at either end, a number sign at the start, and the special ones.  A
         * bare value shows a backslash twice, so that nothing in it can pass for an escape. */
        bool edge = (c.code == ' ' && (first || last)) || (c.code == '#' && first);
        bool escaped = escape ? edge || is_special(c.code) : c.code == '\\';
        size_t size = 0;
        if (escaped)
            raw[size++] = '\\';
        size += utf8_write(c.code, raw + size);
        put(t, raw, size);
    }
}

/* RFC 4514 2.4: what has no string form, as '#' and its encoding in hex. */
static void put_encoding(struct text *t, struct bytes whole)
{
    char pair[3];
    uint8_t octet = 0;
    put_string(t, "#");
    for (size_t at = 0; bytes_u8(whole, at, &octet); at++) {
        snprintf(pair, sizeof pair, "%02x", octet);
        put_string(t, pair);
    }
}

static void put_part(struct text *t, const struct name_part *part)
{
    char digits[128];
    const char *type = name_type(part);
    if (type == NULL) {
        size_t needed = der_oid_text(part->oid, digits, sizeof digits);
        type = needed < sizeof digits ? digits : "?";
    }
    put_string(t, type);
    put_string(t, "=");
    if (is_string(part))
        put_value(t, part, true);
    else
        put_encoding(t, part->whole_value);
}

/* ------------------------------------------------------------------ the normal form */

/* Lower case for the scripts that occur in certificates' names; the rest stays. */
static uint32_t fold(uint32_t c)
{
    if ((c >= 'A' && c <= 'Z') || (c >= 0xc0 && c <= 0xde && c != 0xd7) ||
        (c >= 0x391 && c <= 0x3a9 && c != 0x3a2) || (c >= 0x410 && c <= 0x42f))
        return c + 32;
    if (c >= 0x400 && c <= 0x40f)
        return c + 80;
    bool even_is_upper = (c >= 0x100 && c <= 0x137 && c != 0x130) || (c >= 0x14a && c <= 0x177);
    bool odd_is_upper = (c >= 0x139 && c <= 0x148) || (c >= 0x179 && c <= 0x17e);
    if ((even_is_upper && c % 2 == 0) || (odd_is_upper && c % 2 == 1))
        return c + 1;
    return c == 0x178 ? 0xff : c;
}

static bool is_space(uint32_t c)
{
    return c == ' ' || (c >= 0x09 && c <= 0x0d) || c == 0xa0 || (c >= 0x2000 && c <= 0x200a) ||
           c == 0x202f || c == 0x3000;
}

static void hash_character(struct hash *h, uint32_t c)
{
    char raw[4];
    size_t size = utf8_write(c, raw);
    hash_sha256_add(h, bytes_of(raw, size));
}

static void hash_value(struct hash *h, const struct name_part *part)
{
    struct character c;
    bool started = false, space = false;
    for (size_t at = 0; next_character(part, &at, &c);) {
        if (!c.octet && is_space(c.code)) {
            space = started;
            continue;
        }
        if (space)
            hash_character(h, ' ');
        started = true;
        space = false;
        /* An octet that is no character must not look like one: it goes beyond the last. */
        hash_character(h, c.octet ? 0x110000 + c.code : fold(c.code));
    }
}

/* ------------------------------------------------------------------ public */

struct name_walk name_first(struct bytes name)
{
    struct der outer = der_of(name, DER_OR_BER);
    struct der_item sequence;
    struct name_walk walk = {0};
    if (der_take(&outer, DER_SEQUENCE, &sequence) && !der_more(&outer))
        walk.name = der_into(&outer, &sequence);
    else
        walk.name.failed = true;
    return walk;
}

/* AttributeTypeAndValue.  A string that BER cut into segments has another identifier octet than a
 * string: it is shown in hex. */
static bool read_part(struct name_walk *walk, struct name_part *part)
{
    struct der_item pair, type, value;
    if (!der_take(&walk->rdn, DER_SEQUENCE, &pair))
        return false;
    struct der inside = der_into(&walk->rdn, &pair);
    if (!der_take(&inside, DER_OID, &type) || !der_next(&inside, &value) || der_more(&inside))
        return false;
    part->oid = type.contents;
    part->id = value.id;
    part->value = value.contents;
    part->whole_value = value.whole;
    return true;
}

bool name_next(struct name_walk *walk, struct name_part *part)
{
    struct der_item set;
    part->same_rdn = walk->in_rdn;
    while (!walk->in_rdn) {
        if (!der_more(&walk->name))
            return false;
        if (!der_take(&walk->name, DER_SET, &set)) {
            walk->name.failed = true;
            return false;
        }
        walk->rdn = der_into(&walk->name, &set);
        walk->in_rdn = der_more(&walk->rdn);
    }
    if (!read_part(walk, part)) {
        walk->name.failed = true;
        return false;
    }
    walk->in_rdn = der_more(&walk->rdn);
    return true;
}

bool name_walk_failed(const struct name_walk *walk)
{
    return walk->name.failed || walk->rdn.failed;
}

const char *name_type(const struct name_part *part)
{
    for (size_t i = 0; i < sizeof types / sizeof types[0]; i++) {
        if (bytes_equal(part->oid, bytes_of(types[i].oid, types[i].size)))
            return types[i].name;
    }
    return NULL;
}

size_t name_text(struct bytes name, char *text, size_t size)
{
    /* The text runs from the last part to the first: keep the last ones in a ring. */
    struct name_part ring[PARTS_SHOWN];
    struct text t = {.at = text, .size = size};
    struct name_walk walk = name_first(name);
    struct name_part part;
    size_t count = 0;
    while (name_next(&walk, &part))
        ring[count++ % PARTS_SHOWN] = part;
    size_t shown = count < PARTS_SHOWN ? count : PARTS_SHOWN;
    /* Inside one SET the order stays, so look for the start of each run. */
    for (size_t end = count; shown > 0;) {
        size_t start = end - 1, left = shown - 1;
        while (left > 0 && ring[start % PARTS_SHOWN].same_rdn) {
            start--;
            left--;
        }
        if (end != count)
            put_string(&t, ",");
        for (size_t i = start; i < end; i++) {
            if (i > start)
                put_string(&t, "+");
            put_part(&t, &ring[i % PARTS_SHOWN]);
        }
        end = start;
        shown = left;
    }
    if (count > PARTS_SHOWN)
        put_string(&t, ",...");
    if (name_walk_failed(&walk))
        put_string(&t, "?");
    return finish(&t);
}

size_t name_value(const struct name_part *part, char *text, size_t size)
{
    struct text t = {.at = text, .size = size};
    if (is_string(part))
        put_value(&t, part, false);
    else
        put_encoding(&t, part->whole_value);
    return finish(&t);
}

size_t name_find(struct bytes name, const char *type, char *text, size_t size)
{
    struct name_walk walk = name_first(name);
    struct name_part part;
    while (name_next(&walk, &part)) {
        const char *found = name_type(&part);
        if (found != NULL && strcmp(found, type) == 0)
            return name_value(&part, text, size);
    }
    if (size > 0)
        text[0] = '\0';
    return 0;
}

void name_normal_sha256(struct bytes name, struct hash *h, uint8_t digest[HASH_SHA256_SIZE])
{
    static const uint8_t next_rdn = 0xfe, next_part = 0xff, no_string = 0xfd;
    struct name_walk walk = name_first(name);
    struct name_part part;
    while (name_next(&walk, &part)) {
        hash_sha256_add(h, bytes_of(part.same_rdn ? &next_part : &next_rdn, 1));
        uint8_t size = (uint8_t)(part.oid.size < 255 ? part.oid.size : 255);
        hash_sha256_add(h, bytes_of(&size, 1));
        hash_sha256_add(h, part.oid);
        if (is_string(&part)) {
            hash_value(h, &part);
        } else {
            hash_sha256_add(h, bytes_of(&no_string, 1));
            hash_sha256_add(h, part.whole_value);
        }
    }
    if (name_walk_failed(&walk))
        hash_sha256_add(h, name);
    hash_sha256_end(h, digest);
}
