/* A row in words: see rowwords.h. */
#include "migrate/commands/rowwords.h"

#include "formats/certs/name.h"
#include "formats/certs/x509.h"
#include "formats/ese/layout/text.h"
#include "migrate/judge/model.h"

#include <stdio.h>

static const char *role_of(struct rows *rows, const struct profile_list *list)
{
    struct roles roles;
    struct roles_row row = {.number = {0}};
    roles_open(&roles, list, rows->table);
    roles_read(&roles, &rows->record, &row);
    enum model_role role = roles_role(&roles, &row);
    return role == ROLE_NONE      ? "no role"
           : role == ROLE_UNKNOWN ? "unknown role"
                                  : model_role_name(role);
}

static bool entry_words(struct rows *rows, const struct profile_list *list, struct buffer *room,
                        char text[ROW_WORDS])
{
    struct x509_certificate cert;
    struct bytes value;
    bool null;
    int n = snprintf(text, ROW_WORDS, "%s, ", role_of(rows, list));
    if (!rows_bytes(rows, ese_table_column(rows->table, list->certificate), room, &value, &null,
                    NULL) ||
        null || !x509_certificate_read(value, &cert, NULL))
        snprintf(text + n, ROW_WORDS - (size_t)n, "not a certificate");
    else
        name_text(cert.subject, text + n, ROW_WORDS - (size_t)n);
    return true;
}

static bool setting_words(struct rows *rows, const struct profile *p, struct buffer *room,
                          char text[ROW_WORDS])
{
    enum { NAME_MOST = 200 };
    const struct ese_column *column = ese_table_column(rows->table, p->settings_name);
    char utf8[ESE_TEXT_ROOM(NAME_MOST)];
    struct bytes value;
    bool null;
    if (column == NULL || store_column_is_secret(rows->store, rows->table, column) ||
        !rows_bytes(rows, column, room, &value, &null, NULL) || null)
        return false;
    value.size = value.size < NAME_MOST ? value.size : NAME_MOST;
    ese_text_whole(column->code_page, value, utf8);
    snprintf(text, ROW_WORDS, "setting %s", utf8);
    return true;
}

bool row_words(struct rows *rows, const struct profile *p, struct buffer *room,
               char text[ROW_WORDS])
{
    text[0] = '\0';
    for (unsigned i = 0; p && i < p->lists; i++)
        if (ese_table_is(rows->table, p->list[i].table) &&
            (!condition_is_there(&p->list[i].rows) ||
             condition_is_met(&p->list[i].rows, rows->table, &rows->record)))
            return entry_words(rows, &p->list[i], room, text);
    return p && ese_table_is(rows->table, p->settings_table) && setting_words(rows, p, room, text);
}

bool row_setting_text(struct rows *rows, const struct profile *p, const struct ese_column *column,
                      struct buffer *room, char text[65])
{
    struct bytes value;
    bool null;
    if (p == NULL || !ese_table_is(rows->table, p->settings_table) ||
        column != ese_table_column(rows->table, p->settings_value) ||
        store_column_is_secret(rows->store, rows->table, column) ||
        (column->type != ESE_COL_BINARY && column->type != ESE_COL_LONG_BINARY) ||
        !rows_bytes(rows, column, room, &value, &null, NULL) || null || value.size == 0 ||
        value.size > 64)
        return false;
    for (size_t i = 0; i < value.size; i++) {
        if (value.at[i] < 0x20 || value.at[i] >= 0x7f)
            return false;
        text[i] = (char)value.at[i];
    }
    text[value.size] = '\0';
    return true;
}
