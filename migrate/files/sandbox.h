/*
 * What this process may still write, by Landlock (landlock(7), landlock.rst of the kernel).
 *
 *     sandbox_begin()     nothing below any directory may be written, made, renamed or removed
 *       sandbox_allow()   ... but below this one
 *     sandbox_enter()     from here on, and for every thread begun later
 *
 * A second line of defence: should a hostile store ever make the program do what it is not to do,
 * then no other file is written, and no other program run.  Reading is not restricted, and what is
 * open already stays as it is.  Where the kernel has no Landlock, or too little of it for what has
 * to be written, all of this does nothing, and says nothing: it must never be in the way.
 *
 * Inside it, /proc does not tell what files other processes have open: lock_take() comes before.
 */
#ifndef KM_MIGRATE_FILES_SANDBOX_H
#define KM_MIGRATE_FILES_SANDBOX_H

#include <stdbool.h>
#include <stdint.h>

struct sandbox {
    int ruleset;      /* -1: there is none */
    uint64_t handled; /* the rights that are taken away where no rule gives them */
};

/* moves: files will be renamed from one directory to another, which the first version of Landlock
 * never allows. */
void sandbox_begin(struct sandbox *s, bool moves);

/* Everything below `directory` may be written.  One that cannot be opened is passed over: whoever
 * writes there will say so.  One that Landlock cannot name ends the sandbox. */
void sandbox_allow(struct sandbox *s, const char *directory);

/* Takes the rights away, for good, and ends `s`. */
void sandbox_enter(struct sandbox *s);

#endif
