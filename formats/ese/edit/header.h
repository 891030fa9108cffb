/*
 * What a header is told when its logs do not count any more.
 *
 * Source: the published engine, ese/repair.cxx (ErrREPAIRChangeDBSignature).
 */
#ifndef KM_FORMATS_ESE_EDIT_HEADER_H
#define KM_FORMATS_ESE_EDIT_HEADER_H

#include <stdint.h>

/* Makes a header know no logs: no log signature, no log positions, no required generations, no
 * backups, no flush map.  header: its page; the checksum is the caller's. */
void ese_header_forget_logs(uint8_t *header);

#endif
