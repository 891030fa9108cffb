/*
 * ESE databases, for a program of one's own: the face of this folder.  What is not reached from
 * here may change its form without a word.
 *
 *   look in   ese_db_open() opens a file and reads its catalog; ese_catalog_find() gives a table,
 *             ese_cursor_next() its nodes in the order of their keys, ese_record_on_page() takes
 *             one apart, ese_record_value() gives a column, ese_lv_open() a long value
 *   judge     ese_check() holds the whole file against the rules of the format
 *   write     ese_build_start() begins a new database, table for table, row for row;
 *             ese_compact() makes one of all that another has
 *   change    ese_inplace_open() and its like change rows where they lie
 *   rescue    ese_salvage_open() takes what stands out of a damaged file; ese_replay_open()
 *             replays logs into a copy of a dirty one
 *
 * All of it reports failure as formats/fault.h says and reads hostile bytes through checked access
 * only.  Several databases may be open at a time; all of them belong to one thread.
 */
#ifndef KM_FORMATS_ESE_H
#define KM_FORMATS_ESE_H

#include "formats/ese/build/build.h"
#include "formats/ese/build/compact.h"
#include "formats/ese/check/check.h"
#include "formats/ese/edit/edit.h"
#include "formats/ese/edit/editor.h"
#include "formats/ese/layout/record.h"
#include "formats/ese/layout/text.h"
#include "formats/ese/log/replay.h"
#include "formats/ese/log/set.h"
#include "formats/ese/read/db.h"
#include "formats/ese/read/key.h"
#include "formats/ese/read/longvalue.h"
#include "formats/ese/salvage/salvage.h"

#endif
