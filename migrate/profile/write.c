/* Writing profiles: see profile.h. */
#include "migrate/profile/grammar.h"
#include "migrate/profile/settings.h"

#include <string.h>

/* A value so that unescape() gives it back: what INI or a line cannot hold becomes %XX. */
static void write_escaped_and(const char *value, char also, FILE *to)
{
    for (const char *c = value; *c; c++) {
        unsigned char byte = (unsigned char)*c;
        bool inner_space = byte == ' ' && c > value && c[1] != '\0';
        if ((byte > 0x20 && byte < 0x7f && byte != '%' && byte != ';' && *c != also) || inner_space)
            fputc(byte, to);
        else
            fprintf(to, "%%%02X", (unsigned)byte);
    }
}

static void write_escaped(const char *value, FILE *to)
{
    write_escaped_and(value, '\0', to);
}

static bool has_key(const struct profile *profile, const struct section_spec *section,
                    unsigned slot, const char *name)
{
    for (unsigned i = 0; name && i < section->keys; i++)
        if (strcmp(section->key[i].key, name) == 0)
            return key_string(profile, section, slot, &section->key[i]) != NULL;
    return true;
}

static void write_condition(const char *key, const struct condition *c, FILE *to)
{
    char text[CONDITION_TEXT];
    if (!condition_is_there(c))
        return;
    fprintf(to, "%s = ", key);
    write_escaped(c->value ? condition_text(c, text) : c->column, to);
    fputc('\n', to);
}

static void write_key(const struct profile *profile, const struct section_spec *section,
                      unsigned slot, const struct key_spec *key, FILE *to)
{
    const void *at = (const char *)profile + section->base + slot * section->stride + key->offset;
    if (key->need == AS_ALIAS)
        return;
    if (key_is_string(key)) {
        if (key_string(profile, section, slot, key) == NULL)
            return;
        fprintf(to, "%s = ", key->key);
        write_escaped_and(key_string(profile, section, slot, key),
                          key->kind == VALUE_COLUMNS ? ',' : '\0', to);
        if (key->kind == VALUE_COLUMNS && profile->reference[slot].serial) {
            fputs(", ", to);
            write_escaped(profile->reference[slot].serial, to);
        }
        fputs(key->kind == VALUE_HASH && profile->list[slot].thumbprint_hex ? " as hex\n" : "\n",
              to);
    } else if (key_is_condition(key)) {
        write_condition(key->key, at, to);
    } else if (key->kind == VALUE_WHICH) {
        if (*(const int32_t *)at != 0)
            fprintf(to, "%s = %d\n", key->key, *(const int32_t *)at);
    } else if (!has_key(profile, section, slot, key->with)) {
        return;
    } else if (key->kind == VALUE_NUMBER) {
        fprintf(to, "%s = %d\n", key->key, *(const int32_t *)at);
    } else if (key->kind == VALUE_NAMES) {
        if (*(const enum profile_names *)at != NAMES_KEY)
            fprintf(to, "%s = %s\n", key->key,
                    profile_names_words(*(const enum profile_names *)at));
    } else if (key->kind == VALUE_SKIP) {
        if (*(const int32_t *)at != 0)
            fprintf(to, "%s = %d\n", key->key, *(const int32_t *)at);
    } else if (key->kind == VALUE_PACK) {
        if (*(const enum wrapping_pack *)at != PACK_NONE)
            fprintf(to, "%s = %s\n", key->key, profile_pack_words[*(const enum wrapping_pack *)at]);
    } else if (key->kind == VALUE_FLAG && section != &profile_sections[SECTION_PROFILE]) {
        if (*(const bool *)at)
            fprintf(to, "%s = yes\n", key->key);
    } else if (key->kind == VALUE_FLAG) {
        fprintf(to, "%s = %s\n", key->key, *(const bool *)at ? "yes" : "no");
    } else {
        fprintf(to, "%s = %s\n", key->key, *(const bool *)at ? "revocation-list" : "certificate");
    }
}

static bool has_any(const struct profile *profile, const struct section_spec *section,
                    unsigned slot)
{
    for (unsigned i = 0; i < section->keys; i++)
        if (key_is_string(&section->key[i]) && key_string(profile, section, slot, &section->key[i]))
            return true;
    return false;
}

static void write_section(const struct profile *profile, const struct section_spec *section,
                          unsigned slot, FILE *to)
{
    if (!has_any(profile, section, slot))
        return;
    if (section->most && !(section == &profile_sections[SECTION_LIST] && profile->lists == 1))
        fprintf(to, "[%s.%u]\n", section->name, slot + 1);
    else
        fprintf(to, "[%s]\n", section->name);
    for (unsigned i = 0; i < section->keys; i++)
        write_key(profile, section, slot, &section->key[i], to);
    fputc('\n', to);
}

/* A part of the list that is a value, as a section of its own. */
static void write_value(const struct profile_value *value, unsigned number, FILE *to)
{
    const struct condition rows = {.column = value->select, .value = value->equals};
    const struct {
        const char *key, *text;
    } line[] = {{"table", value->table},
                {"key", "position 1"},
                {"certificate", value->column},
                {"join", value->join},
                {"form", value->form},
                {"items", value->items},
                {"new", value->takes_new ? "yes" : NULL}};
    fprintf(to, "[list.%u]\n", number);
    for (size_t i = 0; i < sizeof line / sizeof line[0]; i++) {
        if (line[i].text == NULL)
            continue;
        fprintf(to, "%s = ", line[i].key);
        write_escaped(line[i].text, to);
        fputc('\n', to);
        if (i == 0)
            write_condition("rows", &rows, to);
    }
    if (value->wrapping.skip)
        fprintf(to, "skip = %d\n", value->wrapping.skip);
    if (value->wrapping.pack != PACK_NONE)
        fprintf(to, "pack = %s\n", profile_pack_words[value->wrapping.pack]);
    fputc('\n', to);
}

void profile_write(const struct profile *profile, FILE *to)
{
    for (unsigned i = 0; i < SECTIONS; i++) {
        unsigned slots = 1;
        if (i == SECTION_VALUE && profile->values > 1) {
            for (unsigned k = 0; k < profile->values; k++)
                write_value(&profile->value[k], k + 1, to);
            continue;
        }
        if (profile_sections[i].most)
            memcpy(&slots, (const char *)profile + profile_sections[i].count, sizeof slots);
        for (unsigned slot = 0; slot < slots; slot++)
            write_section(profile, &profile_sections[i], slot, to);
    }
}
