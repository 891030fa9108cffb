/* Reading the lines of an INI file: see ini.h. */
#include "migrate/profile/ini.h"

#include <ctype.h>

static bool is_blank(char c)
{
    return isspace((unsigned char)c);
}

static struct bytes next_line(struct ini_reader *r)
{
    struct bytes rest = bytes_from(r->text, r->at), line = rest;
    const uint8_t *end = rest.size ? memchr(rest.at, '\n', rest.size) : NULL;
    if (end)
        bytes_cut(rest, 0, (size_t)(end - rest.at), &line);
    r->at += line.size + (end != NULL);
    r->line++;
    while (line.size && isspace(line.at[0]))
        line = bytes_from(line, 1);
    while (line.size && isspace(line.at[line.size - 1]))
        line.size--;
    return line;
}

/* Cuts off a comment, and the blanks before it. */
static void cut_comment(char *text)
{
    size_t size = strlen(text);
    for (size_t i = 0; i < size; i++)
        if (text[i] == ';' && (i == 0 || is_blank(text[i - 1])))
            text[size = i] = '\0';
    while (size > 0 && is_blank(text[size - 1]))
        text[--size] = '\0';
}

static enum ini_kind section(char *line, const char **name, struct fault *f)
{
    char *end = strchr(line, ']');
    if (end == NULL) {
        fault_set(f, FAULT_DAMAGED, "expected ] at the end of the section's name, found none");
        return INI_BAD;
    }
    const char *rest = end + 1;
    while (is_blank(*rest))
        rest++;
    if (*rest && *rest != ';' && *rest != '#') {
        fault_set(f, FAULT_DAMAGED, "expected nothing after ], found %.40s", rest);
        return INI_BAD;
    }
    *end = '\0';
    *name = line + 1;
    return INI_SECTION;
}

static enum ini_kind key(char *line, const char **name, const char **value, struct fault *f)
{
    char *sign = strpbrk(line, "=:");
    if (sign == NULL) {
        fault_set(f, FAULT_DAMAGED, "expected [section], key = value, or a comment; found neither");
        return INI_BAD;
    }
    char *behind = sign + 1;
    while (is_blank(*behind))
        behind++;
    cut_comment(behind);
    while (sign > line && is_blank(sign[-1]))
        sign--;
    *sign = '\0';
    *name = line;
    *value = behind;
    return INI_KEY;
}

enum ini_kind ini_next(struct ini_reader *r, const char **name, const char **value, struct fault *f)
{
    while (r->at < r->text.size) {
        struct bytes line = next_line(r);
        if (line.size == 0 || line.at[0] == ';' || line.at[0] == '#')
            continue;
        if (line.size > INI_LINE_MOST) {
            fault_set(f, FAULT_LIMIT, "expected a line of at most %d characters, found %zu",
                      INI_LINE_MOST, line.size);
            return INI_BAD;
        }
        memcpy(r->room, line.at, line.size);
        r->room[line.size] = '\0';
        if (memchr(r->room, '\0', line.size)) {
            fault_set(f, FAULT_DAMAGED, "expected text, found a byte 0");
            return INI_BAD;
        }
        return r->room[0] == '[' ? section(r->room, name, f) : key(r->room, name, value, f);
    }
    return INI_END;
}
