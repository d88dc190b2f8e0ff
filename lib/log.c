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

static _Atomic int threshold = LOG_LEVEL_INFO;
static atomic_bool use_syslog;
static atomic_bool in_journal;
static char name[64] = "countersign";

void log_open(const char *ident, enum log_target target, enum log_level level)
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
	atomic_store(&threshold, (int)level);
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

	if ((int)level > atomic_load(&threshold))
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
