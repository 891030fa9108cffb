/* The logs in a directory: see log/set.h. */
#include "formats/ese/log/set.h"

#include "formats/array.h"

#include <ctype.h>
#include <stdarg.h>
#include <dirent.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <strings.h>

enum {
    MISSING_MOST = 1000, /* then the rest of a row of missing ones is not named */
    FILES_MOST = 200000, /* more logs than any directory has held */
    CREATED_OF_COMMITTED_AT = 348,
    COMMITTED_AT = 416,
    DIGITS_OLD = 5,
    DIGITS_NEW = 8,
};

/* ---- names ---- */

static bool is_extension(const char *dot)
{
    return strcasecmp(dot, ".log") == 0 || strcasecmp(dot, ".jtx") == 0;
}

static bool is_base(const char *name)
{
    for (unsigned i = 0; i < ESE_LOG_BASE_SIZE; i++)
        if (!isalnum((unsigned char)name[i]))
            return false;
    return true;
}

static bool all_hexadecimal(const char *text, size_t size)
{
    for (size_t i = 0; i < size; i++)
        if (!isxdigit((unsigned char)text[i]))
            return false;
    return true;
}

enum ese_log_name ese_log_name_read(const char *name, char base[ESE_LOG_BASE_SIZE + 1],
                                    int32_t *generation, unsigned *digits)
{
    const char *dot = strrchr(name, '.');
    *generation = 0;
    *digits = 0;
    base[0] = '\0';
    if (strcasecmp(name, "res1.log") == 0 || strcasecmp(name, "res2.log") == 0)
        return ESE_LOG_NAME_RESERVE;
    if (dot == NULL || dot - name < ESE_LOG_BASE_SIZE || !is_base(name))
        return ESE_LOG_NAME_NONE;
    memcpy(base, name, ESE_LOG_BASE_SIZE);
    base[ESE_LOG_BASE_SIZE] = '\0';
    const char *rest = name + ESE_LOG_BASE_SIZE;
    size_t size = (size_t)(dot - rest);
    if (strcasecmp(dot, ".chk") == 0)
        return size == 0 ? ESE_LOG_NAME_CHECKPOINT : ESE_LOG_NAME_NONE;
    if (strcasecmp(dot, ".jrs") == 0)
        return strncasecmp(rest, "res", 3) == 0 ? ESE_LOG_NAME_RESERVE : ESE_LOG_NAME_NONE;
    if (!is_extension(dot))
        return ESE_LOG_NAME_NONE;
    if (size == 0)
        return ESE_LOG_NAME_CURRENT;
    if (size == 3 && strncasecmp(rest, "tmp", 3) == 0)
        return ESE_LOG_NAME_TEMPORARY;
    if ((size != DIGITS_OLD && size != DIGITS_NEW) || !all_hexadecimal(rest, size))
        return ESE_LOG_NAME_NONE;
    unsigned long number = strtoul(rest, NULL, 16);
    if (number == 0 || number > INT32_MAX)
        return ESE_LOG_NAME_NONE;
    *generation = (int32_t)number;
    *digits = (unsigned)size;
    return ESE_LOG_NAME_NUMBERED;
}

enum ese_log_file_kind ese_log_name_kind(enum ese_log_name kind)
{
    return kind == ESE_LOG_NAME_NONE         ? ESE_LOG_NEITHER
           : kind == ESE_LOG_NAME_CHECKPOINT ? ESE_LOG_CHECKPOINT_FILE
                                             : ESE_LOG_FILE;
}

/* The name that the log of a generation would have. */
static void name_of(const struct ese_log_set *set, int32_t generation, char name[32])
{
    snprintf(name, 32, "%s%0*X%s", set->base[0] ? set->base : "edb", (int)set->digits,
             (unsigned)generation, set->extension);
}

/* ---- the directory ---- */

/* From its header where that is sound, else from its name; 0: unknown. */
static int32_t generation_of(const struct ese_log_file *file)
{
    return file->header ? file->header->generation : file->named_generation;
}

static int by_base_and_generation(const void *a, const void *b)
{
    const struct ese_log_file *x = a, *y = b;
    int order = strcasecmp(x->base, y->base);
    if (order != 0)
        return order;
    int32_t left = generation_of(x), right = generation_of(y);
    if (x->kind != y->kind && (x->kind > ESE_LOG_NAME_NUMBERED || y->kind > ESE_LOG_NAME_NUMBERED))
        return x->kind < y->kind ? -1 : 1;
    if (left != right)
        return left < right ? -1 : 1;
    return strcmp(x->name, y->name);
}

static struct ese_file *open_in(const struct ese_log_set *set, const struct ese_log_file *entry,
                                struct fault *f)
{
    const char *name = entry->name;
    char path[4096];
    struct ese_file *file = NULL;
    if (snprintf(path, sizeof path, "%s/%s", set->directory, name) >= (int)sizeof path) {
        fault_set(f, FAULT_IO, "the path is too long");
        return NULL;
    }
    return ese_file_open_as(path, ese_log_file_words(ese_log_name_kind(entry->kind)), &file, f)
               ? file
               : NULL;
}

/* What is wrong with one file is noted with it; lack of memory says nothing of the file. */
static bool noted(const struct ese_log_file *entry, struct fault *f)
{
    return entry->fault.code != FAULT_NO_MEMORY || fault_no_memory(f, "the list of logs");
}

static bool read_header(const struct ese_log_set *set, struct ese_log_file *entry, struct fault *f)
{
    struct ese_file *file = open_in(set, entry, &entry->fault);
    if (file == NULL)
        return noted(entry, f);
    entry->size = ese_file_size(file);
    bool ok = true;
    if (entry->kind == ESE_LOG_NAME_CURRENT || entry->kind == ESE_LOG_NAME_NUMBERED) {
        struct ese_log_header *header = malloc(sizeof *header);
        ok = header != NULL || fault_no_memory(f, "the list of logs");
        if (ok && ese_log_header_read(file, header, &entry->fault) &&
            ese_log_header_is_sound(header, &entry->fault))
            entry->header = header;
        else
            free(header);
    }
    ese_file_close(file);
    return ok && noted(entry, f);
}

static bool add(struct ese_log_set *set, size_t *room, const struct ese_log_file *entry,
                const char *name, struct fault *f)
{
    if (set->files == FILES_MOST)
        return fault_set(f, FAULT_LIMIT, "more than %u logs in one directory", FILES_MOST);
    if (!array_reserve(&set->file, room, set->files + 1, sizeof *set->file))
        return fault_no_memory(f, "the list of logs");
    struct ese_log_file *to = &set->file[set->files];
    *to = *entry;
    to->name = strdup(name);
    if (to->name == NULL)
        return fault_no_memory(f, "the list of logs");
    set->files++;
    return read_header(set, to, f);
}

bool ese_log_set_open(struct ese_log_set *set, const char *directory, struct fault *f)
{
    *set = (struct ese_log_set){.directory = strdup(directory), .digits = DIGITS_NEW};
    memcpy(set->extension, ".log", 5);
    if (set->directory == NULL)
        return fault_no_memory(f, "the list of logs");
    DIR *dir = opendir(directory);
    if (dir == NULL)
        return fault_set(f, FAULT_IO, "the directory %s cannot be read: %s", directory,
                         strerror(errno));
    bool ok = true;
    size_t room = 0;
    errno = 0;
    for (struct dirent *entry; ok && (entry = readdir(dir)) != NULL; errno = 0) {
        struct ese_log_file found = {.records = 0};
        unsigned digits;
        found.kind = ese_log_name_read(entry->d_name, found.base, &found.named_generation, &digits);
        if (found.kind != ESE_LOG_NAME_NONE)
            ok = add(set, &room, &found, entry->d_name, f);
    }
    if (ok && errno != 0)
        ok = fault_set(f, FAULT_IO, "the directory %s cannot be read: %s", directory,
                       strerror(errno));
    closedir(dir);
    if (ok && set->files > 0)
        qsort(set->file, set->files, sizeof *set->file, by_base_and_generation);
    return ok;
}

void ese_log_set_close(struct ese_log_set *set)
{
    for (size_t i = 0; i < set->files; i++) {
        free(set->file[i].name);
        free(set->file[i].header);
    }
    free(set->file);
    free(set->directory);
    *set = (struct ese_log_set){.files = 0};
}

/* ---- what a database needs ---- */

void ese_log_need_read(struct bytes page, struct ese_log_need *need)
{
    struct ese_header h;
    uint32_t committed = 0;
    ese_header_parse(page, &h);
    *need = (struct ese_log_need){.state = h.state,
                                  .clean = h.state == ESE_STATE_CLEAN_SHUTDOWN,
                                  .first = h.generation_min_required,
                                  .last = h.generation_max_required,
                                  .consistent = h.consistent_at,
                                  .attached = h.attached_at,
                                  .page_size = h.page_size ? h.page_size : 4096};
    bytes_le32(page, COMMITTED_AT, &committed);
    need->committed = (int32_t)committed;
    struct bytes cut;
    if (bytes_cut(page, ESE_HEADER_LOG_SIGNATURE_AT, ESE_LOG_SIGNATURE_SIZE, &cut))
        memcpy(need->signature, cut.at, cut.size);
    if (bytes_cut(page, ESE_HEADER_SIGNATURE_AT, ESE_LOG_SIGNATURE_SIZE, &cut))
        memcpy(need->database, cut.at, cut.size);
    if (bytes_cut(page, CREATED_OF_COMMITTED_AT, ESE_LOG_TIME_SIZE, &cut))
        memcpy(need->committed_created, cut.at, cut.size);
}

static bool is_log(const struct ese_log_file *file)
{
    return file->kind == ESE_LOG_NAME_CURRENT || file->kind == ESE_LOG_NAME_NUMBERED;
}

static bool in_base(const struct ese_log_set *set, const struct ese_log_file *file)
{
    return is_log(file) && strcasecmp(file->base, set->base) == 0;
}

void ese_log_set_choose(struct ese_log_set *set, const struct ese_log_need *need)
{
    const struct ese_log_file *best = NULL;
    for (size_t i = 0; i < set->files; i++) {
        const struct ese_log_file *file = &set->file[i];
        bool matches =
            is_log(file) && file->header &&
            memcmp(file->header->signature, need->signature, sizeof need->signature) == 0;
        if (is_log(file) && (best == NULL || matches))
            best = file;
        if (matches)
            break;
    }
    if (best == NULL)
        return;
    memcpy(set->base, best->base, sizeof set->base);
    const char *dot = strrchr(best->name, '.');
    snprintf(set->extension, sizeof set->extension, "%s", dot);
    if (best->header && best->header->framing == ESE_LOG_ESE97)
        set->digits = DIGITS_OLD;
    for (size_t i = 0; i < set->files; i++) {
        char base[ESE_LOG_BASE_SIZE + 1];
        int32_t generation;
        unsigned digits;
        if (in_base(set, &set->file[i]) && ese_log_name_read(set->file[i].name, base, &generation,
                                                             &digits) == ESE_LOG_NAME_NUMBERED)
            set->digits = digits;
    }
}

struct ese_log_file *ese_log_set_find(const struct ese_log_set *set, int32_t generation)
{
    /* Logs of one base stand together in the order of their generations. */
    struct halving h = {.high = set->files};
    while (halving_next(&h)) {
        const struct ese_log_file *at = &set->file[h.middle];
        int order = strcasecmp(at->base, set->base);
        halving_go(&h, order < 0 || (order == 0 && is_log(at) && generation_of(at) < generation));
    }
    struct ese_log_file *found = &set->file[h.low];
    return h.low < set->files && in_base(set, found) && generation_of(found) == generation ? found
                                                                                           : NULL;
}

/* Reads a log to its end.  False only for a shortage of memory: what else is wrong is in the file's
 * `fault`. */
static bool scan(struct ese_log_set *set, struct ese_log_file *entry, struct fault *f)
{
    struct ese_log_stream *stream = NULL;
    struct ese_log_record record;
    if (entry->scanned)
        return true;
    entry->scanned = true;
    struct ese_file *file = open_in(set, entry, &entry->fault);
    if (file == NULL)
        return noted(entry, f);
    if (ese_log_stream_open(file, &stream, &entry->fault)) {
        while (ese_log_stream_next(stream, &record, &entry->fault) == ESE_LOG_STEP_RECORD)
            entry->records++;
        entry->end = *ese_log_stream_end(stream);
        ese_log_stream_close(stream);
    }
    ese_file_close(file);
    return noted(entry, f);
}

/* ---- judging ---- */

struct judging {
    struct ese_log_set *set;
    const struct ese_log_need *need;
    struct ese_log_verdict *verdict;
    struct fault *f;
    bool ok;
};

static void find(struct judging *j, enum ese_log_trouble trouble, int32_t generation,
                 const char *name, const char *format, ...) __attribute__((format(printf, 5, 6)));

static void find(struct judging *j, enum ese_log_trouble trouble, int32_t generation,
                 const char *name, const char *format, ...)
{
    struct ese_log_verdict *v = j->verdict;
    v->complete = false;
    if (!array_reserve(&v->finding, &v->room, v->findings + 1, sizeof *v->finding)) {
        j->ok = fault_no_memory(j->f, "the list of logs");
        return;
    }
    struct ese_log_finding *to = &v->finding[v->findings++];
    *to = (struct ese_log_finding){.trouble = trouble, .generation = generation};
    snprintf(to->name, sizeof to->name, "%s", name);
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(to->text, sizeof to->text, format, arguments);
    va_end(arguments);
}

static const struct ese_log_file *next_of(const struct ese_log_set *set,
                                          const struct ese_log_file *file)
{
    const struct ese_log_file *next = file + 1;
    return next < set->file + set->files && in_base(set, next) ? next : NULL;
}

static bool is_zero(const uint8_t *bytes, size_t size)
{
    for (size_t i = 0; i < size; i++)
        if (bytes[i] != 0)
            return false;
    return true;
}

static void judge_header(struct judging *j, const struct ese_log_file *file, int32_t generation)
{
    const struct ese_log_header *h = file->header;
    const struct ese_log_file *next = next_of(j->set, file);
    if (h->framing != ESE_LOG_SEGMENTS)
        j->verdict->replayable_version = false;
    if (h->framing == ESE_LOG_ESE97) {
        find(j, ESE_LOG_UNKNOWN_VERSION, generation, file->name,
             "its version is %u.%u: nobody has published how logs of that version are read",
             h->major, h->minor);
        return;
    }
    if (memcmp(h->signature, j->need->signature, sizeof h->signature) != 0)
        find(j, ESE_LOG_OTHER_SIGNATURE, generation, file->name,
             "its log signature is 0x%08" PRIx32 ", the database's logs have 0x%08" PRIx32,
             ese_signature_read(bytes_of(h->signature, sizeof h->signature), 0).random,
             ese_signature_read(bytes_of(j->need->signature, sizeof j->need->signature), 0).random);
    if (h->page_size != j->need->page_size)
        find(j, ESE_LOG_OTHER_PAGES, generation, file->name,
             "it belongs to databases with pages of %u bytes, this one's have %u", h->page_size,
             j->need->page_size);
    if (file->named_generation != 0 && file->named_generation != h->generation)
        find(j, ESE_LOG_OTHER_NUMBER, generation, file->name,
             "its name says generation %d, its header %d", file->named_generation, h->generation);
    if (next && generation_of(next) == generation)
        find(j, ESE_LOG_OTHER_NUMBER, generation, next->name, "%s is generation %d, too",
             file->name, generation);
}

static void judge_times(struct judging *j, const struct ese_log_file *file,
                        const struct ese_log_file *before, int32_t generation)
{
    char expected[40], found[40];
    const struct ese_log_header *h = file->header;
    if (before && before->header && before->header->framing != ESE_LOG_ESE97 &&
        memcmp(h->previous_created, before->header->created, ESE_LOG_TIME_SIZE) != 0)
        find(j, ESE_LOG_OTHER_TIME, generation, file->name,
             "it follows a log made at %s; %s was made at %s",
             ese_log_time_text(h->previous_created, expected), before->name,
             ese_log_time_text(before->header->created, found));
    if (!j->need->clean && generation == j->need->committed &&
        !is_zero(j->need->committed_created, ESE_LOG_TIME_SIZE) &&
        memcmp(h->created, j->need->committed_created, ESE_LOG_TIME_SIZE) != 0)
        find(j, ESE_LOG_OTHER_TIME, generation, file->name,
             "it was made at %s; the database knows its generation %d as made at %s",
             ese_log_time_text(h->created, found), generation,
             ese_log_time_text(j->need->committed_created, expected));
}

static void judge_one(struct judging *j, struct ese_log_file *file,
                      const struct ese_log_file *before, int32_t generation)
{
    if (file->header == NULL) {
        find(j, ESE_LOG_UNREADABLE, generation, file->name, "%s", file->fault.text);
        return;
    }
    judge_header(j, file, generation);
    if (file->header->framing == ESE_LOG_ESE97)
        return;
    judge_times(j, file, before, generation);
    if (!scan(j->set, file, j->f))
        j->ok = false;
    else if (file->fault.code != FAULT_NONE)
        find(j, ESE_LOG_UNREADABLE, generation, file->name, "%s", file->fault.text);
}

static int32_t highest(const struct ese_log_set *set)
{
    int32_t most = 0;
    for (size_t i = 0; i < set->files; i++) {
        int32_t generation = generation_of(&set->file[i]);
        if (in_base(set, &set->file[i]) && generation > most)
            most = generation;
    }
    return most;
}

/* Which generation comes first for a database that is as it was at its last consistent moment. */
static int32_t first_needed(const struct ese_log_need *need)
{
    if (!need->clean && need->first > 0)
        return need->first;
    return need->consistent.generation > 0 ? need->consistent.generation
                                           : need->attached.generation;
}

static struct ese_log_file *current_of(const struct ese_log_set *set)
{
    for (size_t i = 0; i < set->files; i++)
        if (in_base(set, &set->file[i]) && set->file[i].kind == ESE_LOG_NAME_CURRENT)
            return &set->file[i];
    return NULL;
}

/* Which comes last: pages need those up to `last`, and what was committed is in those behind. */
static int32_t last_needed(const struct ese_log_need *need)
{
    if (need->clean)
        return 0;
    return need->committed > need->last ? need->committed : need->last;
}

static void judge_missing(struct judging *j, int32_t generation, int32_t required)
{
    char name[32];
    name_of(j->set, generation, name);
    if (generation > required) {
        find(j, ESE_LOG_GAP, generation, name,
             "it is missing, and later ones are there: they cannot be replayed without it");
    } else if (generation == required && current_of(j->set) == NULL) {
        char current[32];
        snprintf(current, sizeof current, "%s%s", j->set->base[0] ? j->set->base : "edb",
                 j->set->extension);
        find(j, ESE_LOG_MISSING, generation, current, "generation %d is missing (or %s)",
             generation, name);
    } else {
        find(j, ESE_LOG_MISSING, generation, name, "generation %d is missing", generation);
    }
}

/* The same generations may lie there under two base names, one of them older: which are the newest
 * is not for a program to say. */
static void judge_bases(struct judging *j)
{
    const struct ese_log_set *set = j->set;
    for (size_t i = 0; i < set->files; i++) {
        const struct ese_log_file *file = &set->file[i];
        if (!is_log(file) || in_base(set, file) || !file->header ||
            memcmp(file->header->signature, j->need->signature, sizeof j->need->signature) != 0)
            continue;
        find(j, ESE_LOG_OTHER_NUMBER, file->header->generation, file->name,
             "this database has logs under two base names, %s and %s; move those of one away",
             set->base, file->base);
        return;
    }
}

static bool is_attached(const struct ese_log_header *h, const struct ese_log_need *need)
{
    for (unsigned i = 0; i < h->attached.count; i++)
        if (memcmp(h->attached.entry[i].signature, need->database, sizeof need->database) == 0)
            return true;
    return false;
}

/* Do logs lie there that go on after a database that was closed?  Those of another stream do not,
 * whatever their numbers; of one that cannot be read nobody knows.  Where the one is not there that
 * it was closed in, later ones do that have it attached. */
static bool goes_on(const struct ese_log_set *set, const struct ese_log_need *need, int32_t first)
{
    bool has_first = first > 0 && ese_log_set_find(set, first) != NULL;
    for (size_t i = 0; first > 0 && i < set->files; i++) {
        const struct ese_log_file *file = &set->file[i];
        const struct ese_log_header *h = file->header;
        if (!in_base(set, file) || generation_of(file) < first)
            continue;
        if (h == NULL ? has_first
                      : memcmp(h->signature, need->signature, sizeof need->signature) == 0 &&
                            (has_first || is_attached(h, need)))
            return true;
    }
    return false;
}

bool ese_log_verdict_in_row(const struct ese_log_verdict *v)
{
    for (size_t i = 0; i < v->findings; i++)
        if (v->finding[i].trouble != ESE_LOG_UNKNOWN_VERSION)
            return false;
    return true;
}

bool ese_log_set_judge(struct ese_log_set *set, const struct ese_log_need *need,
                       struct ese_log_verdict *v, struct fault *f)
{
    struct judging j = {.set = set, .need = need, .verdict = v, .f = f, .ok = true};
    struct ese_log_file *current = current_of(set);
    int32_t first = first_needed(need), most = highest(set), required = last_needed(need);
    if (current && current->header == NULL && most < INT32_MAX - 1)
        most++; /* the newest of all, of which nothing can be told */
    *v = (struct ese_log_verdict){.needed = !need->clean,
                                  .complete = true,
                                  .replayable_version = true,
                                  .newest_missing = current == NULL,
                                  .first = first,
                                  .last = most > required ? most : required};
    if (need->clean && !goes_on(set, need, first)) {
        v->first = v->last = 0; /* nothing is needed, and nothing that is there follows it */
        v->newest_missing = false;
        return true;
    }
    if (first <= 0) {
        find(&j, ESE_LOG_MISSING, 0, "", "the header names no generation to begin with");
        return j.ok;
    }
    judge_bases(&j);
    const struct ese_log_file *before = NULL;
    unsigned missing = 0;
    int32_t g = first;
    for (; j.ok && g <= v->last && g < INT32_MAX && missing < MISSING_MOST; g++) {
        struct ese_log_file *file = ese_log_set_find(set, g);
        if (file == NULL && g == v->last && current && current->header == NULL)
            file = current;
        if (file)
            judge_one(&j, file, before, g);
        else
            judge_missing(&j, g, required);
        missing += file == NULL;
        before = file;
    }
    if (j.ok && missing == MISSING_MOST && g <= v->last)
        find(&j, ESE_LOG_MISSING, g, "",
             "so many are missing that those from %d to %d are not named", g, v->last);
    return j.ok;
}

void ese_log_verdict_close(struct ese_log_verdict *v)
{
    free(v->finding);
    *v = (struct ese_log_verdict){.findings = 0};
}
