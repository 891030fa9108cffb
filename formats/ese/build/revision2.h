/*
 * What is assumed of revision 2 (ESE97, Exchange 5.5), of which no genuine file could be had. Every
 * assumption of the builder stands here, named, so that a real file corrects one line.
 *
 * Known, from the published engine's format history (inc/daedef.hxx) and its upgrade code
 * (ese/upgrade.cxx), and so not listed: XOR checksums, TAGFLD_OLD records, two-byte key segments
 * (four from revision 7), no bit for a template's tagged columns (from 8), keys of at most 255
 * bytes (more from 0xc), no space hints (from 0xd), no LocaleName in the catalog (from 0x12), no
 * callback columns in the catalog (from 3).
 */
#ifndef KM_FORMATS_ESE_BUILD_REVISION2_H
#define KM_FORMATS_ESE_BUILD_REVISION2_H

#include "formats/ese/layout/format.h"

enum {
    /* Space tree roots carry a 16-byte split buffer.  The history says "3: add SPLIT_BUFFER"
     * (10/97), then "2: revert revision" (1/98) so that ESE97 remains compatible: engines of the
     * time read both.  The published engine takes a missing one as a fault to be fixed up, so it is
     * written: 16; the other possibility is 0. */
    ESE97_SPLIT_BUFFER_SIZE = 16,

    /* The catalog describes itself with its first ten fixed columns (to LCMapFlags) and its first
     * seven variable ones (to ConditionalColumns), and no tagged ones. */
    ESE97_CATALOG_LAST_FIXED = 10,
    ESE97_CATALOG_LAST_VARIABLE = 134,

    /* Locale of indexes that name none, and of the catalog's own: US English, in PagesOrLocale, as
     * the engine's later default ("en-US") says by name. */
    ESE97_LOCALE = 0x409,

    /* LCMapFlags of every index: null.  The engine takes null as its old default. */
    ESE97_LC_MAP_FLAGS = 0,

    /* First pages of MSysObjectsShadow.  The published engine names 9 as the "original legacy
     * value" (ese/cat.cxx); MSysObjects has 20 in every revision. */
    ESE97_SHADOW_PAGES = 9,

    /* Pages of a new database: the engine's old minimum of 256 (ese/db.cxx). */
    ESE97_LEAST_PAGES = 256,

    /* The header's sort version (byte 508), all ones in new files: zero. */
    ESE97_SORT_VERSION = 0,

    /* Operating system in the header when none is carried over: Windows NT 4.0, build 1381, service
       pack 3. */
    ESE97_OS_MAJOR = 4,
    ESE97_OS_MINOR = 0,
    ESE97_OS_BUILD = 1381,
    ESE97_OS_SERVICE_PACK = 3,
};

/* No MSysObjids and no MSysLocales: tables of later engines, which make them when they attach a
 * database that has none. (The builder makes them at no revision, for the same reason; a copy
 * carries them.) */

#endif
