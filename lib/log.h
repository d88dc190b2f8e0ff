/*
 * Where a program's lines go: syslog (facility mail) or standard error. Only programs log;
 * libraries return reasons. Every call is one line; control characters are written as \xNN.
 */
#ifndef LIB_LOG_H
#define LIB_LOG_H

#include <stdatomic.h>

#include "lib/name.h"

enum log_level { LOG_LEVEL_ERROR, LOG_LEVEL_WARNING, LOG_LEVEL_INFO, LOG_LEVEL_DEBUG };
enum log_target { LOG_TARGET_AUTO, LOG_TARGET_SYSLOG, LOG_TARGET_STDERR };

extern const struct name_code log_level_names[]; /* "error" "warning" "info" "debug" */

/* AUTO: standard error when it is the journal or a terminal, else syslog. May be called again. */
void log_open(const char *ident, enum log_target target);

void log_set_level(enum log_level level);
enum log_level log_level(void);

/* The level is kept there from now on, in memory that other processes share. */
void log_share_level(atomic_int *level);

void log_error(const char *format, ...) __attribute__((format(printf, 1, 2)));
void log_warning(const char *format, ...) __attribute__((format(printf, 1, 2)));
void log_info(const char *format, ...) __attribute__((format(printf, 1, 2)));
void log_debug(const char *format, ...) __attribute__((format(printf, 1, 2)));

#endif
