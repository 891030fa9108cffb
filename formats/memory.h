/*
 * Lack of memory, noted where it happens.
 *
 * An allocation that fails must never look like damage, like a shorter list or like a verdict. Most
 * functions say so with a fault; but one that forgets to, or a library that gives another reason,
 * would turn it into something else.  So the linker puts the functions below in front of the
 * allocator's (--wrap, see CMakeLists.txt), for every allocation that this program and, through its
 * own hooks, GnuTLS make: each that fails is noted, once and for good.  Whoever is about to say
 * "yes", or to give a file its name, asks first.
 */
#ifndef KM_FORMATS_MEMORY_H
#define KM_FORMATS_MEMORY_H

#include <stdatomic.h>
#include <stdbool.h>

extern atomic_bool memory_is_short; /* for the function below alone */

/* True when an allocation has failed since the program began, on any thread.  Asked before anything
 * is printed. */
static inline bool memory_ran_short(void)
{
    return atomic_load_explicit(&memory_is_short, memory_order_relaxed);
}

/* Notes a lack of memory that a library reported, or that was met elsewhere than in an allocation.
 * fault_set() with FAULT_NO_MEMORY does so by itself. */
void memory_note_short(void);

/* For what a library allocates by itself: begin clears errno, and end notes a lack of memory when
 * errno tells of one since then, whatever the library made of it; true then. */
void memory_watch_begin(void);
bool memory_watch_end(void);

/* Gives what was freed back to the system, where the C library can: after much was freed, and
 * before much is taken that does not fit into the gaps. */
void memory_give_back(void);

#endif
