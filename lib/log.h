/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Where a program's lines go: the journal, syslog (facility mail) or standard error. Only programs
 * log; libraries return reasons. Every call is one line, whatever the text holds.
 */
#ifndef LIB_LOG_H
#define LIB_LOG_H

#include <stdatomic.h>
#include <stdbool.h>

#include "lib/name.h"

enum log_level { LOG_LEVEL_ERROR, LOG_LEVEL_WARNING, LOG_LEVEL_INFO, LOG_LEVEL_DEBUG };
enum log_target { LOG_TARGET_AUTO, LOG_TARGET_SYSLOG, LOG_TARGET_STDERR };
enum log_format { LOG_FORMAT_TEXT, LOG_FORMAT_JSON };

extern const struct name_code log_level_names[]; /* "error" "warning" "info" "debug" */

/* AUTO: the journal where standard error leads to it, standard error when it is a terminal, else
 * syslog. May be called again. The journal is reached in its native protocol by JOURNAL_SOCKET, or
 * else by standard error. */
extern const char log_journal_socket[]; /* systemd's */
void log_open(const char *ident, enum log_target target, enum log_format format,
	      const char *journal_socket);

/* Whether what is logged is seen where standard error leads: it is standard error, or the journal
 * that standard error is connected to. */
bool log_reaches_stderr(void);

void log_set_level(enum log_level level);
enum log_level log_level(void);

/* The level is kept there from now on, in memory that other processes share. */
void log_share_level(atomic_int *level);

void log_error(const char *format, ...) __attribute__((format(printf, 1, 2)));
void log_warning(const char *format, ...) __attribute__((format(printf, 1, 2)));
void log_info(const char *format, ...) __attribute__((format(printf, 1, 2)));
void log_debug(const char *format, ...) __attribute__((format(printf, 1, 2)));

/*
 * A line of keys and values. As text "ID: key=value key="a value"": what is not printable ASCII
 * without blanks is quoted, '"' and '\' escaped, other bytes as \xNN. In JSON a member each, ID as
 * queue_id; in the journal a field each: QUEUE_ID, COUNTERSIGN_KEY. Values are of any bytes; the
 * first LOG_VALUE_MAX of them are taken.
 */
struct log_field {
	const char *key; /* lower case letters, digits and '_' */
	const char *value;
	bool number; /* VALUE is one, in JSON without quotes */
};
enum { LOG_FIELDS_MAX = 32, LOG_VALUE_MAX = 1024 };

struct log_record {
	const char *id;
	struct log_field fields[LOG_FIELDS_MAX];
	unsigned count;
};
void log_record(enum log_level level, const struct log_record *record);

/* The same as text, for a test. */
struct buf;
void log_record_text(struct buf *out, const struct log_record *record);

#endif
