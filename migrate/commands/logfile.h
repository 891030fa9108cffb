/*
 * What `info` and `dump` show of a transaction log or a checkpoint file.
 */
#ifndef KM_MIGRATE_LOGFILE_H
#define KM_MIGRATE_LOGFILE_H

#include "formats/ese/log/header.h"
#include "migrate/commands/command.h"
#include "migrate/console/json.h"

/* What the file at `path` is: by what is in it, or, where it holds nothing or is none, by its name.
 */
enum ese_log_file_kind logfile_kind(const char *path);

/* The header, and how many records of which types there are.  Returns enum exit_status. */
int logfile_info(const struct options *options);

/* A time of a log in JSON; null where all of it is zero. */
void logfile_time_json(struct json *json, const char *key, const uint8_t time[ESE_LOG_TIME_SIZE]);

/* The records, one a line: place, type, page, object, times, transaction, sizes, and of the bytes
 * of keys and rows how many and their SHA-256, never they themselves. */
int logfile_dump(const struct options *options);

#endif
