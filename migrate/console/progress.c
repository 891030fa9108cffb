/* The progress bar: see progress.h. */
#include "migrate/console/progress.h"

#include "formats/bytes.h"
#include "formats/fileio.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

static volatile sig_atomic_t shown; /* the line of a bar is on the terminal */

static void print(const char *text)
{
    fileio_write(STDERR_FILENO, bytes_of(text, strlen(text)));
}

static bool quiet;

void progress_quiet(bool be_quiet)
{
    quiet = be_quiet;
}

static bool is_wanted(void)
{
    const char *term = getenv("TERM");
    return !quiet && isatty(STDERR_FILENO) && term && strcmp(term, "dumb") != 0;
}

struct progress progress_begin(const char *what)
{
    struct progress p = {.what = what, .wanted = is_wanted(), .percent = 101};
    clock_gettime(CLOCK_MONOTONIC, &p.begun);
    return p;
}

static uint64_t milliseconds_since(const struct timespec *begun)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    int64_t ms = (now.tv_sec - begun->tv_sec) * 1000 + (now.tv_nsec - begun->tv_nsec) / 1000000;
    return ms > 0 ? (uint64_t)ms : 0;
}

unsigned progress_columns(int terminal)
{
    const char *given = getenv("COLUMNS");
    unsigned long number = given ? strtoul(given, NULL, 10) : 0;
    struct winsize size;
    if (number == 0 && ioctl(terminal, TIOCGWINSZ, &size) == 0)
        number = size.ws_col;
    return number == 0 ? 80 : number > 500 ? 500 : (unsigned)number;
}

/* ", 12 s left": nothing before there is something to go by. */
static void left_text(uint64_t gone, unsigned percent, char text[40])
{
    uint64_t seconds = percent ? gone * (100 - percent) / percent / 1000 : 0;
    text[0] = '\0';
    if (percent > 0 && seconds < 120)
        snprintf(text, 40, ", %u s left", (unsigned)seconds);
    else if (percent > 0)
        snprintf(text, 40, ", %u min left", (unsigned)(seconds / 60));
}

/* The last column stays free: some terminals wrap a line that fills them all. */
static void draw(const struct progress *p, uint64_t gone)
{
    enum { BAR_LEAST = 4, BAR_MOST = 40 };
    static const char full[] = "########################################";
    char left[40], line[600];
    unsigned room = progress_columns(STDERR_FILENO) - 1;
    left_text(gone, p->percent, left);
    int words = snprintf(line, sizeof line, "%s [] %3u%%%s", p->what, p->percent, left);
    int bar = (int)room - words < BAR_MOST ? (int)room - words : BAR_MOST;
    int filled = bar * (int)p->percent / 100;
    if (bar >= BAR_LEAST)
        snprintf(line, sizeof line, "%s [%.*s%*s] %3u%%%s", p->what, filled, full, bar - filled, "",
                 p->percent, left);
    else
        snprintf(line, sizeof line, "%s %u%%%s", p->what, p->percent, left);
    line[room < sizeof line ? room : sizeof line - 1] = '\0';
    print("\r");
    print(line);
    print("\033[K");
    shown = 1;
}

static void step(struct progress *p, uint64_t done, uint64_t total)
{
    unsigned percent = total ? (unsigned)(done < total ? done * 100 / total : 99) : 0;
    if (!p->wanted || percent == p->percent)
        return;
    uint64_t gone = milliseconds_since(&p->begun);
    if (gone <= 1000)
        return;
    p->percent = percent;
    draw(p, gone);
}

void progress_step(void *context, uint32_t done, uint32_t total)
{
    step(context, done, total);
}

void progress_hide(void)
{
    if (shown)
        print("\r\033[K");
    shown = 0;
}

void progress_end(struct progress *p)
{
    if (p->wanted)
        progress_hide();
}

/* ---- of a file ---- */

static struct {
    struct progress bar;
    uint64_t done, total;
    bool open;
} through;

void progress_open(const char *what, uint64_t total)
{
    progress_close();
    through.bar = progress_begin(what);
    through.done = 0;
    through.total = total;
    through.open = true;
}

void progress_add(uint64_t bytes)
{
    if (!through.open)
        return;
    through.done += bytes;
    step(&through.bar, through.done, through.total);
}

void progress_close(void)
{
    if (through.open)
        progress_end(&through.bar);
    through.open = false;
}
