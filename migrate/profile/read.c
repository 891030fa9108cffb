/*
 * Reading profiles, and freeing them: see read.h.  What there is to read is in grammar.c, what
 * must go together in checks.c, writing in write.c, matching in match.c.
 */
#include "migrate/profile/read.h"

#include "formats/buffer.h"
#include "formats/bytes.h"
#include "formats/fileio.h"
#include "formats/hex.h"
#include "migrate/profile/parser.h"
#include "migrate/profile/settings.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

enum {
    FILE_MOST = 64 * 1024
}; /* bytes of a profile file; the longest possible draft has a tenth */

static const char *shortened(const char *name)
{
    enum { SHOWN = 120 };
    size_t size = strlen(name);
    return size > SHOWN ? name + size - SHOWN : name;
}

/* Puts the place before the fault.  Returns false. */
bool parser_failed_at(struct parser *p, unsigned line)
{
    return fault_context(p->f, "%s:%u", shortened(p->name), line);
}

static unsigned *section_lines(struct parser *p)
{
    return p->section_line[p->section - profile_sections];
}

/* "reference.2" as the file has it. */
const char *parser_section_label(const struct parser *p, const struct section_spec *section,
                                 unsigned slot, char to[48])
{
    if (section->most && p->number[section - profile_sections][slot])
        snprintf(to, 48, "%s.%u", section->name, p->number[section - profile_sections][slot]);
    else
        snprintf(to, 48, "%s", section->name);
    return to;
}

/* The number behind "name."; 0: none, or not one from 1 to 999. */
static unsigned label_number(const char *digits, size_t size)
{
    unsigned number = 0;
    if (size == 0 || size > 3)
        return 0;
    for (size_t i = 0; i < size; i++) {
        if (!isdigit((unsigned char)digits[i]))
            return 0;
        number = number * 10 + (unsigned)(digits[i] - '0');
    }
    return number;
}

static const struct section_spec *find_section(const char *name, size_t size, unsigned *number)
{
    for (unsigned i = 0; i < SECTIONS; i++) {
        const struct section_spec *section = &profile_sections[i];
        size_t length = strlen(section->name);
        if (size < length || memcmp(name, section->name, length) != 0)
            continue;
        *number = 0;
        if (size == length && (section->most == 0 || section == &profile_sections[SECTION_LIST]))
            return section;
        if (section->most == 0 || size == length || name[length] != '.')
            continue;
        *number = label_number(name + length + 1, size - length - 1);
        if (*number)
            return section;
    }
    return NULL;
}

/* Takes the next free slot of a numbered section.  They count in the order of the file, not by
 * number.  Number 0 is the only one of its kind, without a number. */
static bool take_slot(struct parser *p, unsigned number)
{
    unsigned *count = section_elements(p->profile, p->section);
    unsigned *numbers = p->number[p->section - profile_sections];
    char label[48];
    for (unsigned i = 0; i < *count; i++)
        if (numbers[i] == number)
            return FAIL(p, FAULT_DAMAGED, "section [%s] comes twice, first in line %u",
                        parser_section_label(p, p->section, i, label), section_lines(p)[i]);
        else if (numbers[i] == 0 || number == 0)
            return FAIL(p, FAULT_DAMAGED,
                        "expected either [%s] or sections [%s.N], found both; the other in line %u",
                        p->section->name, p->section->name, section_lines(p)[i]);
    if (*count == p->section->most)
        return FAIL(p, FAULT_LIMIT, "expected at most %u sections [%s.N], found one more",
                    p->section->most, p->section->name);
    numbers[*count] = number;
    p->slot = (*count)++;
    return true;
}

static bool enter_section(struct parser *p, const char *name)
{
    unsigned number = 0;
    p->section = find_section(name, strlen(name), &number);
    p->slot = 0;
    if (p->section == NULL)
        return FAIL(p, FAULT_DAMAGED, "expected a section " SECTION_NAMES ", found [%.60s]", name);
    if (p->section->most && !take_slot(p, number))
        return false;
    if (section_lines(p)[p->slot])
        return FAIL(p, FAULT_DAMAGED, "section [%s] comes twice, first in line %u",
                    p->section->name, section_lines(p)[p->slot]);
    section_lines(p)[p->slot] = p->reader.line;
    return true;
}

/* Undoes the %XX of a value.  False, with a fault, for what is neither plain ASCII nor such a form.
 */
static bool unescape(struct parser *p, const char *key, const char *value, char *to, size_t room)
{
    size_t size = 0;
    for (; *value; value++) {
        int byte = (unsigned char)*value;
        if (byte == '%') {
            byte = hex_pair(value + 1);
            if (byte <= 0)
                return FAIL(p, FAULT_DAMAGED,
                            "%s: expected two hex digits, not 00, behind %%, found %.8s", key,
                            value);
            value += 2;
        } else if (byte < 0x20 || byte > 0x7e) {
            return FAIL(p, FAULT_DAMAGED,
                        "%s: expected ASCII, found byte 0x%02x; write it as %%%02X", key,
                        (unsigned)byte, (unsigned)byte);
        }
        if (size + 1 >= room)
            return FAIL(p, FAULT_LIMIT, "%s: expected at most %zu characters, found more", key,
                        room - 1);
        to[size++] = (char)byte;
    }
    to[size] = '\0';
    return size > 0 || FAIL(p, FAULT_DAMAGED, "%s: expected a value, found none", key);
}

static bool take_string(struct parser *p, const struct key_spec *key, const char *value)
{
    char room[TEXT_MOST + 1];
    char **to = key_field(p->profile, p->section, p->slot, key);
    size_t most = key->kind == VALUE_TEXT ? TEXT_MOST : NAME_MOST;
    if (!unescape(p, key->key, value, room, most + 1))
        return false;
    *to = strdup(room);
    return *to || FAIL(p, FAULT_NO_MEMORY, "out of memory");
}

static bool take_number(struct parser *p, const struct key_spec *key, const char *value)
{
    char *end;
    errno = 0;
    long number = strtol(value, &end, 10);
    if (end == value || *end != '\0')
        return FAIL(p, FAULT_DAMAGED, "%s: expected a decimal number, found %.40s", key->key,
                    value);
    if (errno || number < INT32_MIN || number > INT32_MAX)
        return FAIL(p, FAULT_LIMIT, "%s: expected a number from %d to %d, found %.40s", key->key,
                    INT32_MIN, INT32_MAX, value);
    *(int32_t *)key_field(p->profile, p->section, p->slot, key) = (int32_t)number;
    return true;
}

static bool take_word(struct parser *p, const struct key_spec *key, const char *value,
                      const char *no, const char *yes)
{
    bool is_yes = strcmp(value, yes) == 0;
    if (!is_yes && strcmp(value, no) != 0)
        return FAIL(p, FAULT_DAMAGED, "%s: expected %s or %s, found %.40s", key->key, yes, no,
                    value);
    *(bool *)key_field(p->profile, p->section, p->slot, key) = is_yes;
    return true;
}

static bool take_names(struct parser *p, const struct key_spec *key, const char *value)
{
    enum profile_names names;
    if (!profile_names_read(value, &names) || names == NAMES_ROLE)
        return FAIL(p, FAULT_DAMAGED,
                    "%s: expected key, position 0, position 1, sha1, sha1 hex or issuer serial, "
                    "found %.40s",
                    key->key, value);
    *(enum profile_names *)key_field(p->profile, p->section, p->slot, key) = names;
    return true;
}

/* "COLUMN", or "COLUMN, COLUMN" of issuer and serial number. */
static bool take_columns(struct parser *p, const struct key_spec *key, const char *value)
{
    char first[INI_LINE_MOST + 1], room[NAME_MOST + 1];
    char **serial = &p->profile->reference[p->slot].serial;
    size_t size = strcspn(value, ",");
    const char *second = value[size] ? value + size + 1 : NULL;
    while (size > 0 && isspace((unsigned char)value[size - 1]))
        size--;
    memcpy(first, value, size);
    first[size] = '\0';
    while (second && isspace((unsigned char)*second))
        second++;
    if (!take_string(p, key, first) ||
        (second && !unescape(p, key->key, second, room, sizeof room)))
        return false;
    *serial = second ? strdup(room) : NULL;
    return second == NULL || *serial || FAIL(p, FAULT_NO_MEMORY, "out of memory");
}

static bool take_between(struct parser *p, const struct key_spec *key, const char *value, int least,
                         int most)
{
    if (!take_number(p, key, value))
        return false;
    int32_t number = *(int32_t *)key_field(p->profile, p->section, p->slot, key);
    return (number >= least && number <= most) ||
           FAIL(p, FAULT_LIMIT, "%s: expected a number from %d to %d, found %.40s", key->key, least,
                most, value);
}

static bool take_pack(struct parser *p, const struct key_spec *key, const char *value)
{
    for (unsigned i = 0; i < sizeof profile_pack_words / sizeof profile_pack_words[0]; i++)
        if (strcmp(value, profile_pack_words[i]) == 0) {
            *(enum wrapping_pack *)key_field(p->profile, p->section, p->slot, key) =
                (enum wrapping_pack)i;
            return true;
        }
    return FAIL(p, FAULT_DAMAGED, "%s: expected none, zlib, pkcs7, sst or pem, found %.40s",
                key->key, value);
}

static bool take_condition(struct parser *p, const struct key_spec *key, const char *value)
{
    char room[TEXT_MOST + 1];
    struct fault why;
    struct condition *to = key_field(p->profile, p->section, p->slot, key);
    if (!unescape(p, key->key, value, room, sizeof room))
        return false;
    if (key->kind == VALUE_TRUST && strchr(room, '=') == NULL) {
        if (strlen(room) > NAME_MOST)
            return FAIL(p, FAULT_LIMIT, "%s: expected at most %d characters, found more", key->key,
                        NAME_MOST);
        to->column = strdup(room);
        return to->column || FAIL(p, FAULT_NO_MEMORY, "out of memory");
    }
    return condition_read(room, to, &why) || FAIL(p, why.code, "%s: %s", key->key, why.text);
}

/* "COLUMN" or "COLUMN as hex". */
static bool take_hash(struct parser *p, const struct key_spec *key, const char *value)
{
    static const char suffix[] = " as hex";
    char room[TEXT_MOST + 1];
    struct profile_list *list = &p->profile->list[p->slot];
    size_t size = strlen(value), end = sizeof suffix - 1;
    list->thumbprint_hex = size > end && strcmp(value + size - end, suffix) == 0;
    if (!list->thumbprint_hex || size >= sizeof room)
        return take_string(p, key, value);
    memcpy(room, value, size - end);
    room[size - end] = '\0';
    return take_string(p, key, room);
}

static bool take_value(struct parser *p, const struct key_spec *key, const char *value)
{
    switch (key->kind) {
    case VALUE_CONDITION:
    case VALUE_TRUST:
        return take_condition(p, key, value);
    case VALUE_HASH:
        return take_hash(p, key, value);
    case VALUE_COLUMNS:
        return take_columns(p, key, value);
    case VALUE_WHICH:
        return take_between(p, key, value, 1, 999);
    case VALUE_NAME:
    case VALUE_TEXT:
        return take_string(p, key, value);
    case VALUE_NUMBER:
        return take_number(p, key, value);
    case VALUE_FLAG:
        return take_word(p, key, value, "no", "yes");
    case VALUE_SIGNED:
        return take_word(p, key, value, "certificate", "revocation-list");
    case VALUE_NAMES:
        return take_names(p, key, value);
    case VALUE_SKIP:
        return take_between(p, key, value, 0, WRAPPING_SKIP_MOST);
    case VALUE_PACK:
        return take_pack(p, key, value);
    }
    return false;
}

static bool unknown_key(struct parser *p, const char *name)
{
    char names[400] = "", label[48];
    size_t used = 0;
    for (unsigned i = 0; i < p->section->keys; i++)
        used += (size_t)snprintf(names + used, sizeof names - used, "%s%s", i ? ", " : "",
                                 p->section->key[i].key);
    return FAIL(p, FAULT_DAMAGED, "[%s]: expected a key of %s; found %.50s",
                parser_section_label(p, p->section, p->slot, label), names, name);
}

static bool take_key(struct parser *p, const char *name, const char *value)
{
    if (p->section == NULL)
        return FAIL(p, FAULT_DAMAGED, "expected a section before the first key, found %.50s", name);
    for (unsigned i = 0; i < p->section->keys; i++) {
        if (strcmp(p->section->key[i].key, name) != 0)
            continue;
        if (p->section->key[i].need == AS_ALIAS)
            return take_key(p, p->section->key[i].with, value);
        unsigned *line = &p->key_line[p->section - profile_sections][p->slot][i];
        if (*line)
            return FAIL(p, FAULT_DAMAGED, "%s comes twice, first in line %u", name, *line);
        if (!take_value(p, &p->section->key[i], value))
            return false;
        *line = p->reader.line;
        return true;
    }
    return unknown_key(p, name);
}

static bool take_lines(struct parser *p)
{
    const char *name, *value;
    for (;;) {
        switch (ini_next(&p->reader, &name, &value, p->f)) {
        case INI_SECTION:
            if (!enter_section(p, name))
                return false;
            break;
        case INI_KEY:
            if (!take_key(p, name, value))
                return false;
            break;
        case INI_BAD:
            return parser_failed_at(p, p->reader.line);
        case INI_END:
            return true;
        }
    }
}

/* Reads a profile's text; `name` is for faults.  The profile is closed again after a failure. */
static bool parse(const char *name, struct bytes text, struct profile *profile, struct fault *f)
{
    static const uint8_t byte_order_mark[] = {0xef, 0xbb, 0xbf};
    struct fault ignored;
    struct bytes start;
    struct parser p = {
        .name = name, .reader = {.text = text}, .profile = profile, .f = f ? f : &ignored};
    if (bytes_cut(text, 0, 3, &start) && bytes_equal(start, bytes_of(byte_order_mark, 3)))
        p.reader.text = bytes_from(text, 3);
    *profile = (struct profile){.name = NULL};
    if (take_lines(&p) && parser_check_all(&p))
        return true;
    profile_close(profile);
    return false;
}

bool profile_builtin(struct profile *profile, struct fault *f)
{
    return parse("built-in profile " PROFILE_BUILTIN_NAME,
                 bytes_of(profile_km55_text, strlen(profile_km55_text)), profile, f);
}

static bool load(const char *path, char *room, size_t *size, struct fault *f)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return fault_set(f, FAULT_IO, "%s: cannot be opened: %s", shortened(path), strerror(errno));
    *size = fileio_read(fd, room, FILE_MOST + 1);
    int error = errno;
    close(fd);
    if (*size > FILE_MOST)
        return fault_set(f, FAULT_LIMIT, "%s: expected a profile of at most %d bytes, found more",
                         shortened(path), FILE_MOST);
    return error == 0 ||
           fault_set(f, FAULT_IO, "%s: cannot be read: %s", shortened(path), strerror(error));
}

bool profile_read(const char *path, struct profile *profile, struct fault *f)
{
    size_t size = 0;
    if (strcmp(path, PROFILE_BUILTIN_NAME) == 0)
        return profile_builtin(profile, f);
    *profile = (struct profile){.name = NULL};
    char *room = malloc(FILE_MOST + 1);
    if (room == NULL)
        return fault_set(f, FAULT_NO_MEMORY, "%s: out of memory", shortened(path));
    bool ok = load(path, room, &size, f) && parse(path, bytes_of(room, size), profile, f);
    free(room);
    return ok;
}

static void close_key(struct profile *profile, const struct section_spec *section, unsigned slot,
                      const struct key_spec *key)
{
    void *at = key_field(profile, section, slot, key);
    if (key->need != AS_ALIAS && key_is_string(key))
        free(*(char **)at);
    else if (key_is_condition(key))
        condition_free(at);
}

void profile_close(struct profile *profile)
{
    for (unsigned i = 0; i < SECTIONS; i++)
        for (unsigned slot = 0; slot < section_slots(&profile_sections[i]); slot++)
            for (unsigned k = 0; k < profile_sections[i].keys; k++)
                close_key(profile, &profile_sections[i], slot, &profile_sections[i].key[k]);
    for (unsigned i = 0; i < PROFILE_REFERENCES_MOST; i++)
        free(profile->reference[i].serial);
    *profile = (struct profile){.name = NULL};
}

bool profile_copy(const struct profile *from, struct profile *to, struct fault *f)
{
    struct buffer text = {0};
    FILE *stream = buffer_stream(&text);
    *to = (struct profile){.name = NULL};
    if (stream)
        profile_write(from, stream);
    bool ok = buffer_stream_close(&text, stream) || fault_no_memory(f, NULL);
    ok = ok && parse("profile", buffer_bytes(&text), to, f);
    buffer_free(&text);
    return ok;
}
