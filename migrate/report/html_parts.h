/* What the files that make a page share: see html.h. */
#ifndef KM_MIGRATE_HTML_PARTS_H
#define KM_MIGRATE_HTML_PARTS_H

#include "formats/buffer.h"
#include "migrate/report/html.h"
#include "migrate/report/picture.h"

/* Adds to the page, as printf; what a %s brings is escaped, the format is not. */
void html_put(struct buffer *page, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* Text of several lines: the ends of lines are the only thing in it that stays as it is. */
void html_lines(struct buffer *page, struct bytes text);

/* Steps, as a report prints them: one begins at two spaces; a line at five goes on with its
 * sentence, another that is further in is a line of its own in it. */
void html_steps(struct buffer *page, struct bytes text);

/* Ends output_capture(text), lets `put` put on the page what was printed meanwhile, and frees it.
 */
void html_captured(struct buffer *page, struct buffer *text,
                   void (*put)(struct buffer *page, struct bytes text));

/* A page up to its body, of that title, and its end. */
void html_begin(struct buffer *page, const char *title);
void html_end(struct buffer *page);

/* What a salvage kept, has in doubt and lost, the certificate list first, and the first such rows.
 */
void html_salvaged(struct buffer *page, const struct salvaging *salvaging);

/* "WHAT: WORDS." in a frame. */
void html_verdict(struct buffer *page, const char *what, enum verdict verdict, const char *words);

/* Gives the page to its file, with permissions never wider than those of `like`.  done: what is to
 * be said of the rest where that fails, which is noted.  Returns enum exit_status. */
int html_write_page(const struct buffer *page, int like, const struct html_options *options,
                    const char *done, struct notes *notes);

void html_settings(struct buffer *page, const struct picture *picture);
void html_table(struct buffer *page, const struct picture *picture);
void html_bars(struct buffer *page, const struct picture *picture);
void html_trees(struct buffer *page, const struct picture *picture);

#endif
