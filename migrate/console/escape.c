/* Making foreign text fit to be shown: see escape.h. */
#include "migrate/console/escape.h"

#include "formats/buffer.h"
#include "formats/utf8.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

/* ---- pieces ---- */

struct escape escape_of(struct bytes text, enum escape_as as)
{
    return (struct escape){.left = text, .as = as};
}

static bool stays(const struct escape *e, uint32_t c)
{
    switch (c) {
    case '"':
        return e->as != ESCAPE_JSON && e->as != ESCAPE_HTML;
    case '\'':
    case '&':
    case '<':
    case '>':
        return e->as != ESCAPE_HTML;
    case '\\':
        return e->as != ESCAPE_FIELD && e->as != ESCAPE_JSON;
    case '\n':
        return e->as == ESCAPE_LINES;
    default:
        return !utf8_is_hidden(c);
    }
}

/* What means something in HTML, in text or in a quoted attribute; all else as in text. */
static bool is_markup(uint32_t c)
{
    return c == '<' || c == '>' || c == '&' || c == '"' || c == '\'';
}

static int write_json_escape(char *to, size_t size, uint32_t c)
{
    if (c == '"' || c == '\\')
        return snprintf(to, size, "\\%c", (int)c);
    if (c < 0x10000)
        return snprintf(to, size, "\\u%04x", (unsigned)c);
    c -= 0x10000;
    return snprintf(to, size, "\\u%04x\\u%04x", (unsigned)(0xd800 + (c >> 10)),
                    (unsigned)(0xdc00 + (c & 0x3ff)));
}

static int write_text_escape(char *to, size_t size, uint32_t c)
{
    static const char short_form[] = "\tt\nn\rr\\\\";
    for (size_t i = 0; i + 1 < sizeof short_form; i += 2)
        if (c == (uint8_t)short_form[i])
            return snprintf(to, size, "\\%c", short_form[i + 1]);
    if (c < 0x80)
        return snprintf(to, size, "\\x%02x", (unsigned)c);
    return snprintf(to, size, c < 0x10000 ? "\\u%04x" : "\\U%08x", (unsigned)c);
}

/* How the character is printed that cannot be as it is; size 0: its first byte, which is no
 * character. */
static struct bytes replacement(struct escape *e, uint32_t c, size_t size)
{
    static const char not_utf8[] = "\xef\xbf\xbd";
    int n;
    if (size == 0 && e->as == ESCAPE_JSON)
        return bytes_of(not_utf8, sizeof not_utf8 - 1);
    if (size == 0)
        n = snprintf(e->made, sizeof e->made, "\\x%02x", (unsigned)c);
    else if (e->as == ESCAPE_JSON)
        n = write_json_escape(e->made, sizeof e->made, c);
    else if (e->as == ESCAPE_HTML && is_markup(c))
        n = snprintf(e->made, sizeof e->made, "&#%u;", (unsigned)c);
    else
        n = write_text_escape(e->made, sizeof e->made, c);
    return bytes_of(e->made, (size_t)n);
}

typedef uint8_t sixteen __attribute__((vector_size(16)));
typedef uint64_t halves __attribute__((vector_size(16)));

/* The same as escape_is_plain(), of sixteen characters. */
static bool are_plain(const uint8_t *at)
{
    sixteen c;
    memcpy(&c, at, sizeof c);
    halves other = (halves)((c < 0x20) | (c >= 0x7f) | (c == '\\') | (c == '"') | (c == '\'') |
                            (c == '&') | (c == '<') | (c == '>'));
    return (other[0] | other[1]) == 0;
}

size_t escape_plain_size(struct bytes text)
{
    size_t size = 0;
    while (bytes_has(text, size, sizeof(sixteen)) && are_plain(text.at + size))
        size += sizeof(sixteen);
    while (size < text.size && escape_is_plain(text.at[size]))
        size++;
    return size;
}

bool escape_next(struct escape *e, struct bytes *piece)
{
    size_t at = 0;
    while (at < e->left.size) {
        size_t plain = escape_plain_size(bytes_from(e->left, at));
        at += plain;
        if (plain > 0)
            continue;
        uint32_t c;
        size_t size = utf8_read(e->left, at, &c);
        if (size > 0 && stays(e, c)) {
            at += size;
            continue;
        }
        if (at > 0)
            break;
        *piece = replacement(e, c, size);
        e->left = bytes_from(e->left, size ? size : 1);
        return true;
    }
    *piece = bytes_of(e->left.at, at);
    e->left = bytes_from(e->left, at);
    return at > 0;
}

/* ---- formats ---- */

enum { CONVERSION_MOST = 32 };

/* One conversion of a format. */
struct conversion {
    char text[CONVERSION_MOST]; /* as snprintf takes it, without width and precision */
    bool left;
    int width, precision; /* precision -1: none */
    char length[3];
    char kind;
};

static int number_or_star(const char **format, va_list *args)
{
    if (**format == '*') {
        ++*format;
        return va_arg(*args, int);
    }
    char *end;
    long value = strtol(*format, &end, 10);
    *format = end;
    return (int)value;
}

/* Reads a conversion; *format stands behind its '%', and is moved behind it. */
static void read_conversion(const char **format, va_list *args, struct conversion *c)
{
    char flags[8];
    size_t n = 0;
    *c = (struct conversion){.precision = -1};
    for (; strchr("-+ #0", **format) && **format && n < sizeof flags - 1; ++*format) {
        if (**format == '-')
            c->left = true;
        flags[n++] = **format;
    }
    flags[n] = '\0';
    c->width = number_or_star(format, args);
    if (c->width < 0) {
        c->left = true;
        c->width = -c->width;
    }
    if (**format == '.') {
        ++*format;
        c->precision = number_or_star(format, args);
    }
    for (n = 0; strchr("hljztL", **format) && **format && n < 2; ++*format)
        c->length[n++] = **format;
    c->kind = **format;
    if (c->kind)
        ++*format;
    snprintf(c->text, sizeof c->text, "%%%s%s*.*%s%c", flags,
             c->left && !strchr(flags, '-') ? "-" : "", c->length, c->kind);
}

static size_t characters(struct bytes piece)
{
    size_t count = 0;
    for (size_t i = 0; i < piece.size; i++)
        count += (piece.at[i] & 0xc0) != 0x80;
    return count;
}

/* A precision that cuts a character in two leaves it out. */
static struct bytes cut_text(const char *text, int precision)
{
    size_t size = precision < 0 ? strlen(text) : strnlen(text, (size_t)precision);
    struct bytes whole = bytes_of(text, size);
    for (size_t back = 1; text[size] != '\0' && back < UTF8_MOST && back <= size; back++) {
        uint32_t c;
        if ((text[size - back] & 0xc0) == 0x80)
            continue;
        struct bytes more = bytes_of(text, strnlen(text, size + UTF8_MOST));
        if (utf8_read(more, size - back, &c) > back)
            whole.size -= back;
        break;
    }
    return whole;
}

static void put_string(escape_sink *sink, void *context, enum escape_as as,
                       const struct conversion *c, const char *text)
{
    static const char spaces[] = "                                ";
    struct bytes whole = cut_text(text ? text : "(none)", text ? c->precision : -1), piece;
    size_t used = 0;
    for (struct escape e = escape_of(whole, as); c->width && escape_next(&e, &piece);)
        used += characters(piece);
    size_t pad = (size_t)c->width > used ? (size_t)c->width - used : 0;
    for (size_t left = c->left ? 0 : pad, n; left > 0; left -= n) {
        n = left < sizeof spaces - 1 ? left : sizeof spaces - 1;
        sink(context, spaces, n);
    }
    for (struct escape e = escape_of(whole, as); escape_next(&e, &piece);)
        sink(context, (const char *)piece.at, piece.size);
    for (size_t left = c->left ? pad : 0, n; left > 0; left -= n) {
        n = left < sizeof spaces - 1 ? left : sizeof spaces - 1;
        sink(context, spaces, n);
    }
}

/* A number's text is short: no caller asks for more than a few hundred digits. */
enum { NUMBER_MOST = 512 };

static int print_signed(const struct conversion *c, va_list *args, char text[NUMBER_MOST + 1])
{
    enum { SIZE = NUMBER_MOST + 1 };
    if (strcmp(c->length, "ll") == 0 || c->length[0] == 'j')
        return snprintf(text, SIZE, c->text, c->width, c->precision, va_arg(*args, long long));
    if (c->length[0] == 'l' || c->length[0] == 'z' || c->length[0] == 't')
        return snprintf(text, SIZE, c->text, c->width, c->precision, va_arg(*args, long));
    return snprintf(text, SIZE, c->text, c->width, c->precision, va_arg(*args, int));
}

static void put_number(escape_sink *sink, void *context, const struct conversion *c, va_list *args)
{
    char text[NUMBER_MOST + 1];
    int n;
    switch (c->kind) {
    case 'f':
    case 'g':
    case 'e':
        n = snprintf(text, sizeof text, c->text, c->width, c->precision, va_arg(*args, double));
        break;
    case 'p':
        n = snprintf(text, sizeof text, "%p", va_arg(*args, void *));
        break;
    default: /* unsigned arguments are passed as signed ones of their size are */
        n = print_signed(c, args, text);
        break;
    }
    if (n > 0)
        sink(context, text, (size_t)n < sizeof text ? (size_t)n : sizeof text - 1);
}

void escape_format_as(escape_sink *sink, void *context, enum escape_as as, const char *format,
                      va_list given)
{
    va_list args;
    va_copy(args, given);
    while (*format) {
        size_t plain = strcspn(format, "%");
        if (plain > 0)
            sink(context, format, plain);
        format += plain;
        if (*format == '\0')
            break;
        format++;
        struct conversion c;
        read_conversion(&format, &args, &c);
        char one[2] = "";
        switch (c.kind) {
        case '%':
            sink(context, "%", 1);
            break;
        case 's':
            put_string(sink, context, as, &c, va_arg(args, const char *));
            break;
        case 'c':
            one[0] = (char)va_arg(args, int);
            put_string(sink, context, as, &c, one);
            break;
        case '\0':
            break;
        default:
            put_number(sink, context, &c, &args);
            break;
        }
    }
    va_end(args);
}

void escape_format(escape_sink *sink, void *context, const char *format, va_list args)
{
    escape_format_as(sink, context, ESCAPE_LINE, format, args);
}

/* ---- words for a shell ---- */

static bool is_safe_word(const char *text)
{
    for (const char *c = text; *c; c++)
        if (!((*c >= 'a' && *c <= 'z') || (*c >= 'A' && *c <= 'Z') || (*c >= '0' && *c <= '9') ||
              strchr("_@%+=:,./-", *c)))
            return false;
    return *text != '\0';
}

/* Has it something that the escaping would change? */
static bool is_shown_whole(const char *text)
{
    struct escape e = escape_of(bytes_of(text, strlen(text)), ESCAPE_LINE);
    struct bytes piece;
    return !escape_next(&e, &piece) || (piece.at == (const uint8_t *)text && e.left.size == 0);
}

static void quote_single(struct buffer *out, const char *text)
{
    buffer_add_text(out, "'");
    for (const char *c = text; *c; c++)
        buffer_add(out, *c == '\'' ? bytes_of("'\\''", 4) : bytes_of(c, 1));
    buffer_add_text(out, "'");
}

/* Three octal digits each: a shell takes no more, whatever follows. */
static void quote_octal(struct buffer *out, const char *text)
{
    buffer_add_text(out, "$'");
    for (const char *c = text; *c; c++) {
        char octal[8];
        bool plain = *c >= 0x20 && *c < 0x7f && *c != '\'' && *c != '\\';
        snprintf(octal, sizeof octal, "\\%03o", (unsigned)(uint8_t)*c);
        buffer_add(out, plain ? bytes_of(c, 1) : bytes_of(octal, 4));
    }
    buffer_add_text(out, "'");
}

static const char *quoted(const char *text, bool is_name)
{
    enum { KEPT = 8 };
    static struct buffer kept[KEPT];
    static unsigned next;
    struct buffer *out = &kept[next++ % KEPT];
    bool dash = is_name && text[0] == '-';
    buffer_clear(out);
    if (is_safe_word(text) && !dash)
        return text;
    if (dash)
        buffer_add_text(out, "./");
    if (is_safe_word(text))
        buffer_add_text(out, text);
    else if (is_shown_whole(text))
        quote_single(out, text);
    else
        quote_octal(out, text);
    buffer_add(out, bytes_of("", 1));
    return out->failed ? "..." : (const char *)out->at;
}

const char *shell_word(const char *text)
{
    return quoted(text, true);
}

const char *shell_argument(const char *text)
{
    return quoted(text, false);
}
