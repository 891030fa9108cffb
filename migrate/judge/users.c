/* Users, for advice: whose names are too long for a Certificate Server, and who is there. */
#include "migrate/judge/readers.h"

#include "formats/array.h"

#include <ctype.h>
#include <stdlib.h>

enum { NAME_CHARACTERS_MOST = 64 };

static int by_number(const void *a, const void *b)
{
    int32_t x = *(const int32_t *)a, y = *(const int32_t *)b;
    return (x > y) - (x < y);
}

/* Keys that count up without a gap, as most do, are where they are
 * expected. */
bool users_has(const struct model *m, int32_t key)
{
    const struct model_memory *mem = m->memory;
    if (mem->users == 0)
        return false;
    uint64_t place = (uint64_t)((int64_t)key - mem->user[0]);
    return (place < mem->users && mem->user[place] == key) ||
           bsearch(&key, mem->user, mem->users, sizeof key, by_number) != NULL;
}

/* One unit of text, of one byte or of two with the low one first. */
static uint32_t text_unit(struct bytes b, size_t width, size_t i)
{
    uint32_t unit = 0;
    for (size_t k = width; k-- > 0;)
        unit = unit << 8 | b.at[i * width + k];
    return unit;
}

/* Is it "cn=" (type 0) or "ou=" (1) that stands at unit i? */
static int name_type_at(struct bytes b, size_t width, size_t i)
{
    static const char *const types[] = {"cn=", "ou="};
    for (int type = 0; type < 2; type++) {
        bool is = i + 3 <= b.size / width;
        for (size_t k = 0; is && k < 3; k++)
            is = text_unit(b, width, i + k) < 0x80 &&
                 tolower((int)text_unit(b, width, i + k)) == types[type][k];
        if (is)
            return type;
    }
    return -1;
}

/* Characters that Certificate Server counts against its limit: of all parts of one kind of the
 * distinguished name together (Q247814, Q276339), here common names and organizational units, of
 * which there can be several; of a bare name all.  Parts are divided by slashes where the name
 * begins with one, else by commas. */
static size_t subject_length(struct bytes b, size_t width)
{
    size_t units = b.size / width, length[2] = {0, 0};
    uint32_t divider = units > 0 && text_unit(b, width, 0) == '/' ? '/' : ',';
    for (size_t i = 0; i < units;) {
        size_t part = 0;
        while (i < units && (text_unit(b, width, i) == ' ' || text_unit(b, width, i) == divider))
            i++;
        int type = name_type_at(b, width, i);
        for (; i < units && text_unit(b, width, i) != divider; i++) {
            if (text_unit(b, width, i) == '\\' && i + 1 < units)
                i++; /* the next one divides nothing */
            part += width == 1 || (text_unit(b, width, i) & 0xfc00) != 0xdc00;
        }
        if (type >= 0)
            length[type] += part - 3;
        else if (part == units)
            return part;
    }
    return length[0] > length[1] ? length[0] : length[1];
}

static bool keep_user(struct model *m, int32_t key, struct fault *f)
{
    struct model_memory *mem = m->memory;
    int32_t *one = array_next(&mem->user, mem->users, &mem->user_room, sizeof *one);
    if (one == NULL)
        return model_no_memory(f);
    mem->users_mixed = mem->users_mixed || (mem->users > 0 && key < one[-1]);
    *one = key;
    mem->users++;
    return true;
}

bool users_read_row(struct model *m, struct rows *rows, const struct ese_column *name,
                    const struct ese_column *key_column, struct fault *f)
{
    struct bytes value;
    bool null;
    size_t width = name->code_page == ESE_CODEPAGE_UNICODE ? 2 : 1;
    int32_t key = rows_integer(rows, key_column, &null);
    if (!null && !keep_user(m, key, f))
        return false;
    if (!rows_bytes(rows, name, &m->memory->value, &value, &null, NULL) || null)
        return true;
    if (value.size / width > NAME_CHARACTERS_MOST &&
        subject_length(value, width) > NAME_CHARACTERS_MOST && m->long_names++ == 0)
        m->first_long_name = (uint32_t)key;
    return true;
}

/* The table of users, and the columns that are read of it; NULL: nothing is. */
const struct ese_table *users_table(const struct model *m, const struct ese_column **name,
                                    const struct ese_column **key)
{
    const struct ese_table *table = model_table_named(m, m->profile->users_table);
    *name = ese_table_column(table, m->profile->users_name);
    *key = ese_table_column(table, m->profile->users_key);
    return *name ? table : NULL;
}

void users_have(struct model *m)
{
    if (m->memory->users_mixed)
        qsort(m->memory->user, m->memory->users, sizeof *m->memory->user, by_number);
    m->memory->has_users = true;
}

bool users_read(struct model *m, struct problems *problems, struct fault *f)
{
    const struct ese_column *name, *key;
    const struct ese_table *table = users_table(m, &name, &key);
    if (table == NULL)
        return true;
    struct rows rows;
    bool ok = true;
    rows_open(&rows, m->store, table);
    while (ok && rows_next(&rows))
        ok = users_read_row(m, &rows, name, key, f);
    ok = model_end_rows(&rows, problems, f) && ok;
    if (ok)
        users_have(m);
    return ok;
}
