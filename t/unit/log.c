/* SPDX-License-Identifier: BSD-2-Clause */
/* lib/log.c: one line for each call whatever it holds, as text, as JSON, as fields of the journal.
 */
#include "lib/log.h"

#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "lib/buf.h"
#include "t/lib/tap.h"

/* No test may reach the host's own. */
#define NO_JOURNAL "/nonexistent"

static int real_stderr, captured;

static void capture(void)
{
	char path[200];

	snprintf(path, sizeof path, "%s/stderr", tap_directory());
	real_stderr = dup(STDERR_FILENO);
	captured = open(path, O_RDWR | O_CREAT | O_TRUNC, 0600);
	dup2(captured, STDERR_FILENO);
}

/* What was written since the last call. */
static const char *said(void)
{
	static char text[70000];
	off_t len = lseek(captured, 0, SEEK_CUR);

	lseek(captured, 0, SEEK_SET);
	len = read(captured, text, (size_t)len < sizeof text - 1 ? (size_t)len : sizeof text - 1);
	text[len < 0 ? 0 : len] = '\0';
	lseek(captured, 0, SEEK_SET);
	if (ftruncate(captured, 0) != 0)
		abort();
	return text;
}

static const struct log_record sample = {
    .id = "4F1\nX",
    .fields = {{"origin", "inbound", false},
	       {"helo", "a b\"c\\", false},
	       {"from", "<\xc3\xa9\x01\n\xff>", false},
	       {"empty", "", false},
	       {"ms", "18", true}},
    .count = 5,
};

static void test_text(void)
{
	char want[200];

	log_open("log.test", LOG_TARGET_STDERR, LOG_FORMAT_TEXT, NO_JOURNAL);
	log_record(LOG_LEVEL_INFO, &sample);
	snprintf(want, sizeof want,
		 "log.test[%ld]: 4F1\\x0aX: origin=inbound helo=\"a b\\\"c\\\\\" "
		 "from=\"<\\xc3\\xa9\\x01\\x0a\\xff>\" empty=\"\" ms=18\n",
		 (long)getpid());
	is_text(said(), want, "a record as text");
	log_info("two\nlines %d", 5);
	snprintf(want, sizeof want, "log.test[%ld]: two\\x0alines 5\n", (long)getpid());
	is_text(said(), want, "a message stays on its line");
}

static void test_level(void)
{
	static atomic_int shared; /* must outlive the test: it stays in use */

	log_debug("not wanted");
	is_text(said(), "", "too unimportant");
	log_set_level(LOG_LEVEL_DEBUG);
	log_share_level(&shared);
	is_int(shared, LOG_LEVEL_DEBUG, "the level moves to where it is shared");
	atomic_store(&shared, LOG_LEVEL_ERROR);
	log_warning("not wanted");
	is_text(said(), "", "and is what stands there");
	log_set_level(LOG_LEVEL_INFO);
	is_int(shared, LOG_LEVEL_INFO, "it is set there");
}

/* Behind the time, which is checked by its shape. */
static const char *behind_time(const char *line)
{
	static const char shape[] = "{\"time\":\"0000-00-00T00:00:00.000Z\",";
	size_t i;

	for (i = 0; shape[i] != '\0'; i++) {
		if (shape[i] == '0' ? line[i] < '0' || line[i] > '9' : line[i] != shape[i])
			return line;
	}
	return line + i;
}

static void test_json(void)
{
	char want[500];

	log_open("log.test", LOG_TARGET_STDERR, LOG_FORMAT_JSON, NO_JOURNAL);
	log_record(LOG_LEVEL_INFO, &sample);
	snprintf(
	    want, sizeof want,
	    "\"level\":\"info\",\"program\":\"log.test\",\"pid\":%ld,"
	    "\"queue_id\":\"4F1\\u000aX\",\"origin\":\"inbound\",\"helo\":\"a b\\\"c\\\\\","
	    "\"from\":\"<\xc3\xa9\xef\xbf\xbd\\u000a\xef\xbf\xbd>\",\"empty\":\"\",\"ms\":18}\n",
	    (long)getpid());
	is_text(behind_time(said()), want, "a record as JSON");
	log_warning("two\n\"lines\"");
	snprintf(want, sizeof want,
		 "\"level\":\"warning\",\"program\":\"log.test\",\"pid\":%ld,"
		 "\"message\":\"two\\u000a\\\"lines\\\"\"}\n",
		 (long)getpid());
	is_text(behind_time(said()), want, "a message as JSON");
}

/* Everything hostile and as long as it may be: still one whole object. */
static void test_bounds(void)
{
	static char long_value[3 * LOG_VALUE_MAX];
	struct log_record record = {.id = "1"};
	const char *line;
	size_t len;

	memset(long_value, 1, sizeof long_value - 1);
	for (unsigned i = 0; i < 8; i++)
		record.fields[record.count++] = (struct log_field){"k", long_value, false};
	log_record(LOG_LEVEL_INFO, &record);
	line = said();
	len = strlen(line);
	ok(len > 8 * LOG_VALUE_MAX && len < 8 * 3 * LOG_VALUE_MAX + 500, "%zu bytes", len);
	ok(len > 3 && strcmp(line + len - 3, "\"}\n") == 0, "and an end");
}

static int journal_socket(const char *path)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_DGRAM, 0);

	snprintf(address.sun_path, sizeof address.sun_path, "%.100s", path);
	if (bind(fd, (struct sockaddr *)&address, sizeof address) != 0)
		abort();
	fcntl(fd, F_SETFL, O_NONBLOCK);
	return fd;
}

static const char *heard(int fd)
{
	static char text[5000];
	ssize_t n = recv(fd, text, sizeof text - 1, 0);

	text[n < 0 ? 0 : n] = '\0';
	return text;
}

/* As systemd says which stream is the journal's. */
static void say_stderr_is_journal(void)
{
	struct stat st;
	char text[100];

	fstat(STDERR_FILENO, &st);
	snprintf(text, sizeof text, "%ju:%ju", (uintmax_t)st.st_dev, (uintmax_t)st.st_ino);
	setenv("JOURNAL_STREAM", text, 1);
}

static void test_journal(void)
{
	char path[200];
	int fd;

	snprintf(path, sizeof path, "%s/journal", tap_directory());
	say_stderr_is_journal();
	log_open("log.test", LOG_TARGET_AUTO, LOG_FORMAT_TEXT, path);
	log_info("x");
	is_text(said(), "<6>x\n", "the journal cannot be reached: it reads standard error");
	fd = journal_socket(path);
	log_open("log.test", LOG_TARGET_AUTO, LOG_FORMAT_TEXT, path);
	unsetenv("JOURNAL_STREAM");
	log_record(LOG_LEVEL_INFO, &sample);
	is_text(
	    heard(fd),
	    "MESSAGE=4F1\\x0aX: origin=inbound helo=\"a b\\\"c\\\\\" "
	    "from=\"<\\xc3\\xa9\\x01\\x0a\\xff>\" empty=\"\" ms=18\n"
	    "PRIORITY=6\nSYSLOG_IDENTIFIER=log.test\nSYSLOG_FACILITY=2\n"
	    "QUEUE_ID=4F1\\x0aX\nCOUNTERSIGN_ORIGIN=inbound\nCOUNTERSIGN_HELO=a b\"c\\\n"
	    "COUNTERSIGN_FROM=<\xc3\xa9\\x01\\x0a\xff>\nCOUNTERSIGN_EMPTY=\nCOUNTERSIGN_MS=18\n",
	    "a record has its fields, and nothing in it makes another");
	log_error("MESSAGE=x\nPRIORITY=0");
	is_text(heard(fd),
		"MESSAGE=MESSAGE=x\\x0aPRIORITY=0\nPRIORITY=3\nSYSLOG_IDENTIFIER=log.test\n"
		"SYSLOG_FACILITY=2\n",
		"a message has its level");
	is_text(said(), "", "and nothing goes to standard error");
	close(fd);
	log_info("still here");
	ok(strstr(said(), "still here") != NULL, "without the journal, it does");
}

static void test_stream(void)
{
	say_stderr_is_journal();
	log_open("log.test", LOG_TARGET_STDERR, LOG_FORMAT_TEXT, NO_JOURNAL);
	log_warning("x");
	is_text(said(), "<4>x\n", "the stream that is the journal's gets levels");
	setenv("JOURNAL_STREAM", "1:2", 1);
	log_open("log.test", LOG_TARGET_STDERR, LOG_FORMAT_TEXT, NO_JOURNAL);
	log_warning("x");
	ok(strncmp(said(), "log.test[", 9) == 0, "another does not");
	unsetenv("JOURNAL_STREAM");
}

int main(void)
{
	capture();
	test_text();
	test_level();
	test_json();
	test_bounds();
	test_journal();
	test_stream();
	dup2(real_stderr, STDERR_FILENO);
	return tap_done();
}
