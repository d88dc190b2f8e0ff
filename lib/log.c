#include "lib/log.h"

#include <stdarg.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <syslog.h>
#include <unistd.h>

static const int priorities[] = {LOG_ERR, LOG_WARNING, LOG_INFO, LOG_DEBUG};

const struct name_code log_level_names[] = {{"error", LOG_LEVEL_ERROR},
					    {"warning", LOG_LEVEL_WARNING},
					    {"info", LOG_LEVEL_INFO},
					    {"debug", LOG_LEVEL_DEBUG},
					    {NULL, 0}};

static atomic_int own_threshold = LOG_LEVEL_INFO;
static atomic_int *threshold = &own_threshold;
static atomic_bool use_syslog;
static atomic_bool in_journal;
static char name[64] = "countersign";

void log_set_level(enum log_level level)
{
	atomic_store_explicit(threshold, (int)level, memory_order_relaxed);
}

enum log_level log_level(void)
{
	return (enum log_level)atomic_load_explicit(threshold, memory_order_relaxed);
}

void log_share_level(atomic_int *level)
{
	atomic_store(level, (int)log_level());
	threshold = level;
}

void log_open(const char *ident, enum log_target target)
{
	bool journal = getenv("JOURNAL_STREAM") != NULL;

	if (strcmp(name, ident) != 0)
		snprintf(name, sizeof name, "%s", ident);
	if (target == LOG_TARGET_AUTO)
		target = journal || isatty(STDERR_FILENO) ? LOG_TARGET_STDERR : LOG_TARGET_SYSLOG;
	if (target == LOG_TARGET_SYSLOG && !atomic_load(&use_syslog))
		openlog(name, LOG_PID | LOG_NDELAY, LOG_MAIL);
	atomic_store(&in_journal, journal);
	atomic_store(&use_syslog, target == LOG_TARGET_SYSLOG);
}

/* One line, whatever the text holds: a control character of a message must not start a new one. */
static size_t escape(char *out, size_t size, const char *text)
{
	size_t used = 0;

	for (; *text != '\0' && used + 5 < size; text++) {
		unsigned char c = (unsigned char)*text;

		if (c < ' ' || c == 127)
			used += (size_t)snprintf(out + used, size - used, "\\x%02x", c);
		else
			out[used++] = (char)c;
	}
	out[used] = '\0';
	return used;
}

static void to_stderr(enum log_level level, const char *line)
{
	char whole[8400];
	int len;

	if (atomic_load(&in_journal))
		len = snprintf(whole, sizeof whole, "<%d>%s\n", priorities[level], line);
	else
		len = snprintf(whole, sizeof whole, "%s[%ld]: %s\n", name, (long)getpid(), line);
	if (len > 0 && write(STDERR_FILENO, whole, (size_t)len) < 0)
		return;
}

__attribute__((format(printf, 2, 0)))
static void emit(enum log_level level, const char *format, va_list ap)
{
	char text[4096], line[8192];

	if (level > log_level())
		return;
	vsnprintf(text, sizeof text, format, ap);
	escape(line, sizeof line, text);
	if (atomic_load(&use_syslog))
		syslog(priorities[level], "%s", line);
	else
		to_stderr(level, line);
}

#define LOG_AT(function, level)                                                                    \
	void function(const char *format, ...)                                                     \
	{                                                                                          \
		va_list ap;                                                                        \
                                                                                                   \
		va_start(ap, format);                                                              \
		emit(level, format, ap);                                                           \
		va_end(ap);                                                                        \
	}

LOG_AT(log_error, LOG_LEVEL_ERROR)
LOG_AT(log_warning, LOG_LEVEL_WARNING)
LOG_AT(log_info, LOG_LEVEL_INFO)
LOG_AT(log_debug, LOG_LEVEL_DEBUG)
