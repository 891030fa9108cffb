/*
 * The numbers of descriptors: 0, 1 and 2 are standard input, output and error for every library,
 * also where whoever started the process closed them.  A file that gets one of these numbers is
 * written over by the next message.
 */
#ifndef KM_FORMATS_DESCRIPTOR_H
#define KM_FORMATS_DESCRIPTOR_H

#include <stdbool.h>

/* Opens those of 0, 1 and 2 that are closed, on /dev/null.  First thing in main(), before anything
 * else can be opened.  False, with errno set, when one of them stays closed: then nothing may be
 * opened at all. */
bool descriptors_fill(void);

/* Did descriptors_fill() find it closed?  Then what is written to it is lost. */
bool descriptor_was_closed(int descriptor);

/*
 * The same open file under a number above 2: `descriptor` itself, or a duplicate, and `descriptor`
 * is closed then.  For every file that is opened to be written, whatever opened or closed the
 * standard ones meanwhile.  descriptor below 0: given back, errno as it was.  Returns -1, with
 * errno set and `descriptor` closed, when no other number is to be had.  Close on exec is set.
 */
int descriptor_above_standard(int descriptor);

/* Closes it; below 0: nothing was open. */
void descriptor_close(int descriptor);

/* open(2) to read, with `flags` besides; the time of the last access stays as it is where that is
 * allowed (to the owner and to root).  Returns -1 with errno set. */
int descriptor_open_input(const char *path, int flags);

#endif
