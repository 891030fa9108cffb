/* What all pages share, and the file that a page is written to: see html.h. */
#include "migrate/report/html_parts.h"

#include "formats/fileio.h"
#include "migrate/console/interrupt.h"
#include "migrate/console/output.h"
#include "migrate/files/newfile.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <string.h>
#include <unistd.h>

/* The first line of every page: what --force may replace. */
static const char mark[] = "<!DOCTYPE html><!-- kmmigrate -->\n";

static const char head[] =
    "<html lang=\"en\"><head>\n"
    "<meta charset=\"utf-8\">\n"
    "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src "
    "'unsafe-inline'; img-src data:\">\n"
    "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n"
    "<link rel=\"icon\" href=\"data:,\">\n";

static const char style[] =
    "<style>\n"
    "body{font:16px/1.4 sans-serif;margin:0 auto;max-width:76rem;padding:.5rem;color:#111;"
    "background:#fff}\n"
    "h1{font-size:1.4rem}h2{font-size:1.15rem;border-bottom:1px solid #888;margin-top:1.5rem}\n"
    ".verdict{border:3px solid #111;padding:.4rem .7rem;font-size:1.1rem;margin:.5rem 0}\n"
    ".yes{border-color:#080}.no{border-color:#b00}.doubt{border-color:#a60}\n"
    "table{border-collapse:collapse;width:100%}th,td{text-align:left;vertical-align:top;"
    "padding:.15rem .4rem;overflow-wrap:break-word}"
    "h1,p,li,.hex,.listed,.ca th,.settings td{overflow-wrap:anywhere}\n"
    "thead th{border-bottom:2px solid #111}tr.ca th{border-top:1px solid #888;padding-top:.4rem}\n"
    "tbody.many tr:not(.ca) th{border-left:4px solid #111}\n"
    ".listed{font-weight:normal}.hex,pre,code{font-family:monospace;font-size:.85rem}\n"
    "tr.goes .hex,tr.goes .listed{text-decoration:line-through}\n"
    "tr:not(.ca) th{white-space:normal;font-weight:bold}.settings th{width:12rem}\n"
    "pre{white-space:pre-wrap;overflow-wrap:anywhere;border:1px solid #888;padding:.5rem}\n"
    ".steps{list-style:none;padding-left:0}.steps li{margin:.4rem 0;padding-left:1.8rem;"
    "text-indent:-1.8rem;white-space:pre-wrap;overflow-wrap:anywhere}\n"
    ".steps input{width:1.2rem;height:1.2rem;margin:0 .6rem 0 0;vertical-align:middle}\n"
    ".steps .note{text-indent:0}\n"
    "figure{margin:0 0 1rem}.trees{display:flex;flex-wrap:wrap;gap:1rem}\n"
    ".trees figure{flex:1 1 22rem;max-width:36rem}figcaption{font-weight:bold}\n"
    ".day{white-space:nowrap}svg{width:100%;height:auto;display:block}.bars{max-width:36rem}\n"
    "svg text{font:11px sans-serif;fill:#111}svg .name{font-size:12px;font-weight:bold}\n"
    "svg rect{fill:#fff;stroke:#111}.changed rect{fill:#e8f4e8;stroke-width:2}\n"
    ".goes rect{fill:#f8e4e4;stroke-dasharray:5 3}.goes text.name,.goes tspan.name"
    "{text-decoration:line-through}\n"
    ".gone rect{fill:none;stroke:#888;stroke-dasharray:2 4}.gone text{fill:#555}\n"
    ".edge,.arrow{fill:none;stroke:#111}.arrow{stroke-width:2}.head{fill:#111}\n"
    ".bars rect.valid{fill:#9c9;stroke-dasharray:none}.bars "
    "rect.invalid{fill:#fff;stroke-dasharray:4 3}\n"
    ".import{fill:#111}.now{stroke:#111;stroke-width:2;stroke-dasharray:6 2}\n"
    "@media(max-width:50rem){.list thead{display:none}.list,.list tbody,.list tr,.list th,"
    ".list td{display:block}.list td{overflow-wrap:anywhere;display:flex;gap:.5rem}.list "
    "td::before{content:"
    "attr(data-is) \":\";flex:0 0 6.5rem;color:#444}.list tr{border-bottom:1px solid #ccc}}\n"
    "@media print{body{font-size:10pt;max-width:none}section{break-inside:auto}figure,tr,"
    ".verdict,.steps li{break-inside:avoid}a{color:inherit}}\n"
    "</style>\n";

static void add(void *context, const char *bytes, size_t size)
{
    buffer_add(context, bytes_of(bytes, size));
}

void html_put(struct buffer *page, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    escape_format_as(add, page, ESCAPE_HTML, format, args);
    va_end(args);
}

/* ---- what others print ---- */

/* Text of several lines: the ends of lines are the only thing in it that stays as it is. */
void html_lines(struct buffer *page, struct bytes text)
{
    while (text.size > 0) {
        const uint8_t *end = memchr(text.at, '\n', text.size);
        size_t size = end ? (size_t)(end - text.at) : text.size;
        struct bytes piece;
        for (struct escape e = escape_of(bytes_of(text.at, size), ESCAPE_HTML);
             escape_next(&e, &piece);)
            buffer_add(page, piece);
        if (end)
            buffer_add_text(page, "\n");
        text = bytes_from(text, size + (end ? 1 : 0));
    }
}

void html_captured(struct buffer *page, struct buffer *text,
                   void (*put)(struct buffer *page, struct bytes text))
{
    output_capture(NULL);
    put(page, buffer_bytes(text));
    page->failed = page->failed || text->failed;
    buffer_free(text);
}

/* How far in a line stands that goes on with the sentence above it. */
enum { SENTENCE_GOES_ON = 5 };

/* A line that belongs to a step. */
static void further_line(struct buffer *page, struct bytes line, size_t margin)
{
    bool goes_on = margin == SENTENCE_GOES_ON;
    buffer_add_text(page, goes_on ? " " : "\n");
    html_lines(page, bytes_from(line, goes_on ? margin : 2));
}

static size_t margin_of(struct bytes line)
{
    size_t margin = 0;
    while (margin < line.size && line.at[margin] == ' ')
        margin++;
    return margin;
}

void html_steps(struct buffer *page, struct bytes text)
{
    bool open = false;
    while (text.size > 0) {
        const uint8_t *end = memchr(text.at, '\n', text.size);
        size_t size = end ? (size_t)(end - text.at) : text.size;
        struct bytes line = bytes_of(text.at, size);
        text = bytes_from(text, size + (end ? 1 : 0));
        size_t margin = margin_of(line);
        if (margin == 0 || margin == line.size)
            continue; /* the heading */
        if (margin > 2 && open) {
            further_line(page, line, margin);
            continue;
        }
        html_put(page, open ? "</label></li>\n<li><label><input type=\"checkbox\">"
                            : "<li><label><input type=\"checkbox\">");
        html_lines(page, bytes_from(line, margin));
        open = true;
    }
    if (open)
        html_put(page, "</label></li>\n");
}

/* ---- its frame ---- */

void html_begin(struct buffer *page, const char *title)
{
    buffer_add_text(page, mark);
    buffer_add_text(page, head);
    html_put(page, "<title>kmmigrate: %s</title>\n", title);
    buffer_add_text(page, style);
    buffer_add_text(page, "</head><body>\n");
}

void html_end(struct buffer *page)
{
    buffer_add_text(page, "</body></html>\n");
}

static const char *class_of(enum verdict verdict)
{
    return verdict == VERDICT_YES ? "yes" : verdict == VERDICT_NO ? "no" : "doubt";
}

void html_verdict(struct buffer *page, const char *what, enum verdict verdict, const char *words)
{
    html_put(page, "<p class=\"verdict %s\"><b>%s:</b> %s.</p>\n", class_of(verdict), what, words);
}

/* ---- the file ---- */

/* What --force replaces is a page: nothing else is lost by a slip. */
static bool is_page_or_new(const char *path, struct fault *f)
{
    char start[sizeof mark - 1];
    int file = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    bool page = file < 0 && errno == ENOENT;
    if (file >= 0) {
        page = fileio_read(file, start, sizeof start) == sizeof start &&
               memcmp(start, mark, sizeof start) == 0;
        close(file);
    }
    return page || fault_set(f, FAULT_LIMIT,
                             "exists and is no page of this program; --force does not replace it");
}

bool html_may_write(int like, const struct html_options *o, struct notes *notes)
{
    struct fault f = {.code = FAULT_NONE};
    const char *path = o->path;
    if (path == NULL)
        return true;
    if (o->output && newfile_is_at(path, o->output)) {
        note_error(notes, "--html: %s is where the new store goes", path);
        return false;
    }
    if (o->output && newfile_is_beside(path, o->output)) {
        note_error(notes,
                   "--html: %s is the name of a file that is written beside the new store; "
                   "nothing was written; give the page another",
                   path);
        return false;
    }
    const volatile sig_atomic_t *stop = interrupt_watch(); /* the file may have a name */
    bool ok = (!o->force || is_page_or_new(path, &f)) && newfile_may_be(path, like, o->force, &f);
    interrupt_ends();
    if (!ok)
        note_file(notes, path, "%s; nothing was written", f.text);
    else if (*stop)
        note_error(notes, "cancelled; nothing was written");
    return ok && !*stop;
}

int html_write_page(const struct buffer *page, int like, const struct html_options *o,
                    const char *done, struct notes *notes)
{
    struct fault f = {.code = FAULT_NONE};
    bool stopped;
    interrupt_watch(); /* the file may have a name */
    bool ok = !page->failed || fault_no_memory(&f, "the page");
    ok = ok && (!o->force || is_page_or_new(o->path, &f)) &&
         newfile_write(o->path, like, o->force, buffer_bytes(page), NULL, &stopped, &f);
    interrupt_ends();
    if (!ok)
        note_file(notes, o->path, "%s; the page was not written; %s", f.text, done);
    return ok ? EXIT_CLEAN : EXIT_TROUBLE;
}
