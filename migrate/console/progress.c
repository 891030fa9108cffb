/* The progress bar: see progress.h. */
#include "migrate/console/progress.h"

#include <stdio.h>
#include <unistd.h>

enum { WIDTH = 40 };

struct progress progress_begin(const char *what, bool quiet)
{
    struct progress p = {.what = what, .wanted = !quiet && isatty(STDERR_FILENO)};
    clock_gettime(CLOCK_MONOTONIC, &p.begun);
    return p;
}

static bool over_a_second(const struct progress *p)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (now.tv_sec - p->begun.tv_sec) * 1000 + (now.tv_nsec - p->begun.tv_nsec) / 1000000 >
           1000;
}

void progress_step(void *context, uint32_t done, uint32_t total)
{
    struct progress *p = context;
    unsigned percent = total ? (unsigned)((uint64_t)done * 100 / total) : 0;
    if (!p->wanted || percent == p->percent || !over_a_second(p))
        return;
    p->percent = percent;
    p->shown = true;
    int filled = (int)(percent * WIDTH / 100);
    fprintf(stderr, "\r%s [%.*s%*s] %3u%%", p->what, filled,
            "########################################", WIDTH - filled, "", percent);
    fflush(stderr);
}

void progress_end(struct progress *p)
{
    if (p->shown)
        fprintf(stderr, "\r\033[K");
}
