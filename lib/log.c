/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A line is made once as text or as JSON, then goes to one of four places. The journal's protocol
 * is a datagram of lines FIELD=value (https://systemd.io/JOURNAL_NATIVE_PROTOCOL/); values here
 * have no line ends, so that its binary form is not needed, nor a library.
 */
#include "lib/log.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <syslog.h>
#include <time.h>
#include <unistd.h>

#include "lib/buf.h"
#include "lib/utf8.h"

enum { LINE_BYTES_MAX = 32768, TEXT_MAX = 4096 };

const char log_journal_socket[] = "/run/systemd/journal/socket";

static const int priorities[] = {LOG_ERR, LOG_WARNING, LOG_INFO, LOG_DEBUG};

const struct name_code log_level_names[] = {{"error", LOG_LEVEL_ERROR},
					    {"warning", LOG_LEVEL_WARNING},
					    {"info", LOG_LEVEL_INFO},
					    {"debug", LOG_LEVEL_DEBUG},
					    {NULL, 0}};

enum place { PLACE_STDERR, PLACE_PIPE_TO_JOURNAL, PLACE_SYSLOG, PLACE_JOURNAL };

static atomic_int own_threshold = LOG_LEVEL_INFO;
static atomic_int *threshold = &own_threshold;
static atomic_int place = PLACE_STDERR;
static atomic_int format = LOG_FORMAT_TEXT;
static atomic_int journal = -1; /* its socket */
static char name[64] = "countersign";

/* ---- where to ---- */

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

/* systemd.exec(5): JOURNAL_STREAM has the device and inode of the stream that was given to us;
 * after a redirection standard error is another one. */
static bool stderr_is_journal(void)
{
	const char *stream = getenv("JOURNAL_STREAM");
	uintmax_t device, inode;
	struct stat st;

	return stream != NULL && sscanf(stream, "%ju:%ju", &device, &inode) == 2 &&
	       fstat(STDERR_FILENO, &st) == 0 && (uintmax_t)st.st_dev == device &&
	       (uintmax_t)st.st_ino == inode;
}

static bool open_journal(const char *path)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	int fd, old;

	if (strlen(path) >= sizeof address.sun_path)
		return false;
	memcpy(address.sun_path, path, strlen(path) + 1);
	fd = socket(AF_UNIX, SOCK_DGRAM, 0);
	if (fd < 0)
		return false;
	fcntl(fd, F_SETFD, FD_CLOEXEC);
	if (connect(fd, (const struct sockaddr *)&address, sizeof address) != 0) {
		close(fd);
		return false;
	}
	old = atomic_exchange(&journal, fd);
	if (old >= 0)
		close(old);
	atomic_store(&place, PLACE_JOURNAL);
	return true;
}

static void open_auto(const char *socket_path)
{
	if (stderr_is_journal()) {
		if (atomic_load(&place) != PLACE_JOURNAL && !open_journal(socket_path))
			atomic_store(&place, PLACE_PIPE_TO_JOURNAL);
	} else {
		atomic_store(&place, isatty(STDERR_FILENO) ? PLACE_STDERR : PLACE_SYSLOG);
	}
}

void log_open(const char *ident, enum log_target target, enum log_format wanted,
	      const char *journal_socket)
{
	if (strcmp(name, ident) != 0)
		snprintf(name, sizeof name, "%s", ident);
	atomic_store(&format, (int)wanted);
	if (target == LOG_TARGET_AUTO)
		open_auto(journal_socket);
	else
		atomic_store(&place, target == LOG_TARGET_SYSLOG ? PLACE_SYSLOG
				     : stderr_is_journal()       ? PLACE_PIPE_TO_JOURNAL
								 : PLACE_STDERR);
	if (atomic_load(&place) == PLACE_SYSLOG)
		openlog(name, LOG_PID | LOG_NDELAY, LOG_MAIL);
}

bool log_reaches_stderr(void)
{
	return atomic_load(&place) != PLACE_SYSLOG;
}

/* ---- a line's text ---- */

/* A control character of a message must not start a new line. */
static void put_escaped(struct buf *out, struct span text)
{
	for (; text.p < text.end; text.p++) {
		unsigned char c = (unsigned char)*text.p;

		if (c < ' ' || c == 127)
			buf_printf(out, "\\x%02x", c);
		else
			buf_char(out, (char)c);
	}
}

static struct span value_of(const struct log_field *field)
{
	struct span value = span_of(field->value);

	if (span_len(value) > LOG_VALUE_MAX)
		value.end = value.p + LOG_VALUE_MAX;
	return value;
}

/* Printable ASCII without blank and quote goes as it is; anything else is quoted and escaped. */
static bool is_plain(struct span value)
{
	if (span_empty(value))
		return false;
	for (; value.p < value.end; value.p++) {
		if (*value.p <= ' ' || *value.p > '~' || *value.p == '"' || *value.p == '\\')
			return false;
	}
	return true;
}

static void put_value(struct buf *out, struct span value)
{
	if (is_plain(value)) {
		buf_span(out, value);
		return;
	}
	buf_char(out, '"');
	for (; value.p < value.end; value.p++) {
		unsigned char c = (unsigned char)*value.p;

		if (c == '"' || c == '\\')
			buf_printf(out, "\\%c", c);
		else if (c < ' ' || c > '~')
			buf_printf(out, "\\x%02x", c);
		else
			buf_char(out, (char)c);
	}
	buf_char(out, '"');
}

void log_record_text(struct buf *out, const struct log_record *record)
{
	put_escaped(out, span_of(record->id));
	buf_char(out, ':');
	for (unsigned i = 0; i < record->count; i++) {
		buf_printf(out, " %s=", record->fields[i].key);
		put_value(out, value_of(&record->fields[i]));
	}
}

/* ---- as JSON, RFC 8259 ---- */

static void put_string(struct buf *out, struct span text)
{
	struct buf clean;

	buf_init(&clean, NULL, 0);
	utf8_clean(&clean, text);
	buf_char(out, '"');
	for (struct span s = buf_view(&clean); s.p < s.end; s.p++) {
		if (*s.p == '"' || *s.p == '\\')
			buf_printf(out, "\\%c", *s.p);
		else if ((unsigned char)*s.p < ' ')
			buf_printf(out, "\\u%04x", (unsigned char)*s.p);
		else
			buf_char(out, *s.p);
	}
	buf_char(out, '"');
	buf_free(&clean);
}

static void put_member(struct buf *out, const char *key, struct span value)
{
	buf_printf(out, ",\"%s\":", key);
	put_string(out, value);
}

static void put_time(struct buf *out)
{
	struct timespec now;
	struct tm tm;
	char text[32];

	clock_gettime(CLOCK_REALTIME, &now);
	gmtime_r(&now.tv_sec, &tm);
	strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%S", &tm);
	buf_printf(out, "\"time\":\"%s.%03ldZ\"", text, now.tv_nsec / 1000000);
}

static void begin_json(struct buf *out, enum log_level level)
{
	buf_char(out, '{');
	put_time(out);
	put_member(out, "level", span_of(name_text(log_level_names, (int)level)));
	put_member(out, "program", span_of(name));
	buf_printf(out, ",\"pid\":%ld", (long)getpid());
}

static void put_json_record(struct buf *out, const struct log_record *record)
{
	put_member(out, "queue_id", span_of(record->id));
	for (unsigned i = 0; i < record->count; i++) {
		const struct log_field *field = &record->fields[i];

		if (field->number)
			buf_printf(out, ",\"%s\":%s", field->key, field->value);
		else
			put_member(out, field->key, value_of(field));
	}
}

/* ---- sending it ---- */

static void to_stderr(enum log_level level, struct buf *line)
{
	struct buf whole;

	buf_init(&whole, NULL, 0);
	if (atomic_load(&place) == PLACE_PIPE_TO_JOURNAL)
		buf_printf(&whole, "<%d>", priorities[level]);
	else if (atomic_load(&format) == LOG_FORMAT_TEXT)
		buf_printf(&whole, "%s[%ld]: ", name, (long)getpid());
	buf_span(&whole, buf_view(line));
	buf_char(&whole, '\n');
	if (write(STDERR_FILENO, whole.data, whole.len) < 0)
		errno = 0; /* there is nowhere to say it */
	buf_free(&whole);
}

static void put_journal_field(struct buf *out, const char *key, struct span value)
{
	buf_string(out, "COUNTERSIGN_");
	for (; *key != '\0'; key++)
		buf_char(out, *key >= 'a' && *key <= 'z' ? (char)(*key - 'a' + 'A') : *key);
	buf_char(out, '=');
	put_escaped(out, value);
	buf_char(out, '\n');
}

static void to_journal(enum log_level level, struct buf *line, const struct log_record *record)
{
	struct buf out;

	buf_init(&out, NULL, 2 * LINE_BYTES_MAX);
	buf_printf(&out, "MESSAGE=%s\nPRIORITY=%d\nSYSLOG_IDENTIFIER=%s\nSYSLOG_FACILITY=%d\n",
		   buf_text(line), priorities[level], name, LOG_MAIL >> 3);
	if (record != NULL) {
		buf_string(&out, "QUEUE_ID=");
		put_escaped(&out, span_of(record->id));
		buf_char(&out, '\n');
		for (unsigned i = 0; i < record->count; i++)
			put_journal_field(&out, record->fields[i].key,
					  value_of(&record->fields[i]));
	}
	if (send(atomic_load(&journal), out.data, out.len, MSG_NOSIGNAL) < 0)
		to_stderr(level, line);
	buf_free(&out);
}

static void put_out(enum log_level level, struct buf *line, const struct log_record *record)
{
	switch ((enum place)atomic_load(&place)) {
	case PLACE_JOURNAL:
		to_journal(level, line, record);
		break;
	case PLACE_SYSLOG:
		syslog(priorities[level], "%s", buf_text(line));
		break;
	case PLACE_STDERR:
	case PLACE_PIPE_TO_JOURNAL:
		to_stderr(level, line);
		break;
	}
}

void log_record(enum log_level level, const struct log_record *record)
{
	struct buf line;

	if (level > log_level())
		return;
	buf_init(&line, NULL, LINE_BYTES_MAX);
	if (atomic_load(&format) == LOG_FORMAT_JSON) {
		begin_json(&line, level);
		put_json_record(&line, record);
		buf_char(&line, '}');
	} else {
		log_record_text(&line, record);
	}
	put_out(level, &line, record);
	buf_free(&line);
}

__attribute__((format(printf, 2, 0))) static void emit(enum log_level level,
						       const char *text_format, va_list ap)
{
	char text[TEXT_MAX];
	struct buf line;

	if (level > log_level())
		return;
	vsnprintf(text, sizeof text, text_format, ap);
	buf_init(&line, NULL, LINE_BYTES_MAX);
	if (atomic_load(&format) == LOG_FORMAT_JSON) {
		begin_json(&line, level);
		put_member(&line, "message", span_of(text));
		buf_char(&line, '}');
	} else {
		put_escaped(&line, span_of(text));
	}
	put_out(level, &line, NULL);
	buf_free(&line);
}

#define LOG_AT(function, level)                                                                    \
	void function(const char *text_format, ...)                                                \
	{                                                                                          \
		va_list ap;                                                                        \
                                                                                                   \
		va_start(ap, text_format);                                                         \
		emit(level, text_format, ap);                                                      \
		va_end(ap);                                                                        \
	}

LOG_AT(log_error, LOG_LEVEL_ERROR)
LOG_AT(log_warning, LOG_LEVEL_WARNING)
LOG_AT(log_info, LOG_LEVEL_INFO)
LOG_AT(log_debug, LOG_LEVEL_DEBUG)
