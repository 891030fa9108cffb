/* kmmigrate settings: what a store says of its server, where each setting stands, and the issuing
 * CA. */
#include "migrate/console/words.h"
#include "migrate/commands/entries.h"
#include "formats/certs/name.h"
#include "migrate/console/document.h"
#include "migrate/console/interrupt.h"
#include "migrate/console/message.h"
#include "migrate/console/table.h"
#include "migrate/decide/assess.h"
#include "migrate/profile/secrets.h"
#include "migrate/report/settings.h"
#include "migrate/report/storefacts.h"

#include <stdio.h>
#include <string.h>

/* One setting as it is shown.  Strings are the profile's and the model's. */
struct shown_setting {
    struct setting_place place;
    const char *state, *value; /* value NULL: there is none to show */
    char row[CONDITION_TEXT];  /* which row; empty: the table has no other */
};

/* Also a column whose name only sounds like a secret: here is no option that shows it. */
static bool is_secret(const struct model *m, const struct setting_place *place)
{
    const struct ese_catalog *catalog = m->store->db->catalog;
    const struct ese_table *table = ese_catalog_find(catalog, place->table);
    const struct ese_column *column = ese_table_column(table, place->column);
    return column && (secret_is_marked(m->profile, catalog, table, column) ||
                      secret_is_guessed(column->name));
}

static const char *state_of(const struct model *m, enum profile_setting_kind which, bool said,
                            const struct setting_place *place)
{
    const struct model_setting *s = &m->setting[which];
    if (!said)
        return "not in the profile";
    if (place->is)
        return "stated";
    if (place->table == NULL)
        return "by role";
    if (is_secret(m, place))
        return "secret";
    if (!s->has_row)
        return "missing";
    return s->unread ? "unreadable" : s->value.size ? "there" : "empty";
}

static const char *value_of(const struct model *m, enum profile_setting_kind which)
{
    switch (which) {
    case SETTING_MODE:
        return m->mode_text[0] ? m->mode_text : NULL;
    case SETTING_ORGANIZATION:
        return m->organization;
    case SETTING_SITE:
        return m->site;
    case SETTING_CA_NAME:
        return m->ca_name;
    case SETTING_SERVER:
        return m->server;
    case SETTING_ISSUING_CA:
    default:
        return m->has_issuing_ca ? hash_words(bytes_of(m->issuing_ca, sizeof m->issuing_ca)) : NULL;
    }
}

static void look(const struct model *m, enum profile_setting_kind which,
                 struct shown_setting *shown)
{
    *shown = (struct shown_setting){.value = NULL};
    bool said = profile_place(m->profile, which, &shown->place);
    shown->state = state_of(m, which, said, &shown->place);
    shown->value = value_of(m, which);
    if (said && condition_is_there(&shown->place.rows) && shown->place.rows.value)
        condition_text(&shown->place.rows, shown->row);
}

/* Takes out of the model what stands in a secret column, so that nothing behind this can show it.
 * True when there was such a setting. */
static bool hide_secrets(struct model *m)
{
    struct setting_place place;
    bool hidden = false;
    for (unsigned i = 0; i < PROFILE_SETTINGS; i++) {
        if (!profile_place(m->profile, i, &place) || place.is || !is_secret(m, &place))
            continue;
        hidden = true;
        if (i == SETTING_MODE) {
            m->mode = MODE_UNKNOWN;
            m->mode_text[0] = '\0';
        }
        const char **text = i == SETTING_ORGANIZATION ? &m->organization
                            : i == SETTING_SITE       ? &m->site
                            : i == SETTING_CA_NAME    ? &m->ca_name
                            : i == SETTING_SERVER     ? &m->server
                                                      : NULL;
        if (text)
            *text = NULL;
        m->has_issuing_ca = m->has_issuing_ca && i != SETTING_ISSUING_CA;
    }
    return hidden;
}

/* ---- JSON ---- */

static void issuing_json(struct json *json, const struct model *m)
{
    const struct model_entry *e = settings_issuing_entry(m);
    char subject[512];
    json_key(json, "issuing");
    if (!m->has_issuing_ca) {
        json_null(json);
        return;
    }
    if (e)
        name_text(model_certificate_of(m, e)->x509.subject, subject, sizeof subject);
    json_map(json);
    json_put_hex(json, "thumbprint", bytes_of(m->issuing_ca, sizeof m->issuing_ca));
    json_put_bool(json, "in_list", e != NULL);
    json_key(json, "entry");
    if (e)
        json_integer(json, e->key);
    else
        json_null(json);
    json_put_text(json, "subject", e ? subject : NULL);
    json_end_map(json);
}

static int settings_as_json(const struct assessment *a)
{
    struct json *json = document_open();
    if (json == NULL)
        return EXIT_TROUBLE;
    store_json(json, "store", &a->store);
    settings_json(json, &a->model);
    issuing_json(json, &a->model);
    json_put_array(json, "places");
    for (unsigned i = 0; i < PROFILE_SETTINGS; i++) {
        struct shown_setting shown;
        look(&a->model, i, &shown);
        json_map(json);
        json_put_text(json, "setting", profile_setting_word(i));
        json_put_text(json, "state", shown.state);
        json_put_text(json, "value", shown.value);
        json_put_text(json, "table", shown.place.table);
        json_put_text(json, "column", shown.place.column);
        json_put_text(json, "row", shown.row[0] ? shown.row : NULL);
        json_end_map(json);
    }
    json_end_array(json);
    return EXIT_CLEAN;
}

/* ---- text ---- */

static bool fill_row(struct libscols_table *table, const struct model *m,
                     enum profile_setting_kind which)
{
    struct shown_setting shown;
    char where[700] = "";
    struct libscols_line *line = scols_table_new_line(table, NULL);
    if (line == NULL)
        return false;
    look(m, which, &shown);
    if (shown.place.table)
        snprintf(where, sizeof where, "%s.%s%s%s", shown.place.table, shown.place.column,
                 shown.row[0] ? " where " : "", shown.row);
    return table_cell(line, 0, profile_setting_word(which)) && table_cell(line, 1, shown.state) &&
           table_cell(line, 2, shown.value ? shown.value : "-") && table_cell(line, 3, where);
}

static int settings_as_text(const struct model *m)
{
    static const char *const headings[] = {"SETTING", "STATE", "VALUE", "WHERE"};
    struct libscols_table *table = table_new(headings, sizeof headings / sizeof headings[0], 0);
    bool ok = table != NULL;
    for (unsigned i = 0; ok && i < PROFILE_SETTINGS; i++)
        ok = fill_row(table, m, i);
    ok = ok && table_print(table);
    scols_unref_table(table);
    if (!ok)
        return message_no_memory();
    settings_issuing_line(m);
    return EXIT_CLEAN;
}

int cmd_settings(const struct options *options)
{
    struct assessment a;
    interrupt_ends();
    int status =
        told(options, assess_list(&a, options->operand[0], &options->assess, options->notes));
    if (status == EXIT_CLEAN) {
        bool hidden = hide_secrets(&a.model);
        status = options->json ? settings_as_json(&a) : settings_as_text(&a.model);
        entries_tell_found(&a, hidden ? ENTRIES_HIDDEN_SETTINGS : ENTRIES_SETTINGS);
    }
    status = status == EXIT_CLEAN ? entries_status(&a) : status;
    assess_close(&a);
    return status;
}
