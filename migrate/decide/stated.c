/* What the administrator states: see stated.h. */
#include "migrate/decide/stated.h"

#include "formats/hex.h"
#include "migrate/judge/settings.h"

#include <stdlib.h>
#include <strings.h>

static bool state_mode(struct model *m, const char *text, struct fault *f)
{
    static const enum model_mode modes[] = {MODE_V1, MODE_V1V3, MODE_V3};
    enum model_mode mode = MODE_UNKNOWN;
    for (size_t i = 0; i < sizeof modes / sizeof modes[0]; i++)
        if (strcasecmp(text, model_mode_name(modes[i])) == 0)
            mode = modes[i];
    if (mode == MODE_UNKNOWN)
        return fault_set(f, FAULT_DAMAGED, "--mode: expected V1, V1V3 or V3, found %.40s", text);
    if (m->setting[SETTING_MODE].has_row && m->mode == MODE_UNKNOWN)
        return fault_set(
            f, FAULT_NOT_THIS,
            "--mode: the store has a setting of its own, \"%s\", which is no mode that "
            "is known",
            m->mode_text);
    if (m->mode != MODE_UNKNOWN && m->mode != mode)
        return fault_set(f, FAULT_NOT_THIS, "--mode: the store's own setting is %s, not %s",
                         model_mode_name(m->mode), model_mode_name(mode));
    m->mode_stated = m->mode == MODE_UNKNOWN;
    m->mode = mode;
    return true;
}

static bool read_digest(const char *text, uint8_t sha1[HASH_SHA1_SIZE])
{
    for (size_t i = 0; i < HASH_SHA1_SIZE; i++) {
        int byte = hex_pair(text + 2 * i);
        if (byte < 0)
            return false;
        sha1[i] = (uint8_t)byte;
    }
    return text[(size_t)2 * HASH_SHA1_SIZE] == '\0';
}

/* The number of an entry, or a SHA-1. */
static bool read_issuing(const struct model *m, const char *text, uint8_t sha1[HASH_SHA1_SIZE],
                         struct fault *f)
{
    char *end;
    long key = strtol(text, &end, 10);
    if (read_digest(text, sha1))
        return true;
    if (end == text || *end != '\0' || key < INT32_MIN || key > INT32_MAX)
        return fault_set(
            f, FAULT_DAMAGED,
            "--issuing-ca-is: expected the number of an entry or 40 hexadecimal digits "
            "of a SHA-1, found %.60s",
            text);
    const struct model_entry *e = model_entry(m, (int32_t)key);
    if (e == NULL)
        return fault_set(f, FAULT_MISSING,
                         "--issuing-ca-is: there is no entry %ld; kmmigrate list shows them", key);
    memcpy(sha1, model_certificate_of(m, e)->sha1, HASH_SHA1_SIZE);
    return true;
}

static bool state_issuing(struct model *m, const char *text, struct fault *f)
{
    uint8_t sha1[HASH_SHA1_SIZE];
    if (!read_issuing(m, text, sha1, f))
        return false;
    if (m->has_issuing_ca && memcmp(m->issuing_ca, sha1, HASH_SHA1_SIZE) != 0)
        return fault_set(f, FAULT_NOT_THIS,
                         "--issuing-ca-is: the store's own setting names another certificate");
    m->issuing_stated = !m->has_issuing_ca;
    m->has_issuing_ca = true;
    memcpy(m->issuing_ca, sha1, HASH_SHA1_SIZE);
    return true;
}

bool stated_apply(struct model *m, const struct reading *o, struct fault *f)
{
    if ((o->mode && !state_mode(m, o->mode, f)) ||
        (o->issuing_ca_is && !state_issuing(m, o->issuing_ca_is, f)))
        return false;
    if (m->mode_stated && m->mode != MODE_V1 && !m->has_issuing_ca &&
        !m->setting[SETTING_ISSUING_CA].has_row && settings_find_by_role(m))
        m->has_issuing_ca = m->issuing_stated = true;
    return true;
}
