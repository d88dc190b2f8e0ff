/* SPDX-License-Identifier: BSD-2-Clause */
/* report/inbox: the values of reports in one form, records as bytes, the process without rights.
 * The odd things that reporters do are switches of t/tools/reports.py, tried by t/inbox.sh. */
#include <errno.h>
#include <fcntl.h>
#include <stdalign.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lib/clock.h"
#include "lib/system/sandbox.h"
#include "report/inbox/aggregate.h"
#include "report/inbox/feedback.h"
#include "report/inbox/fields.h"
#include "report/inbox/imap.h"
#include "report/inbox/normal.h"
#include "report/inbox/reader.h"
#include "report/inbox/unpack.h"
#include "report/inbox/wire.h"
#include "t/lib/inbox_check.h"
#include "t/lib/tap.h"

static struct arena *arena;

/* ---- values ---- */

static void test_times(void)
{
	static const struct {
		const char *text;
		long long at;
		enum normal_time kind;
	} cases[] = {
	    {"1764201600", 1764201600, NORMAL_TIME},
	    {" 1764201600\n", 1764201600, NORMAL_TIME},
	    {"0", 0, NORMAL_TIME},
	    {"1764201600.75", 1764201600, NORMAL_TIME_REPAIRED},
	    {"1764201600000", 1764201600, NORMAL_TIME_REPAIRED},
	    {"2025-11-27T00:00:00Z", 1764201600, NORMAL_TIME_REPAIRED},
	    {"2025-11-27T01:00:00+01:00", 1764201600, NORMAL_TIME_REPAIRED},
	    {"2025-11-26T19:00:00.123-0500", 1764201600, NORMAL_TIME_REPAIRED},
	    {"2025-11-27 00:00:00", 1764201600, NORMAL_TIME_REPAIRED},
	    {"2025-11-27", 1764201600, NORMAL_TIME_REPAIRED},
	    {"", INBOX_NO_TIME, NORMAL_TIME_UNKNOWN},
	    {"-1", INBOX_NO_TIME, NORMAL_TIME_UNKNOWN},
	    {"yesterday", INBOX_NO_TIME, NORMAL_TIME_UNKNOWN},
	    {"2025-13-27", INBOX_NO_TIME, NORMAL_TIME_UNKNOWN},
	    {"2025-11-27T00:00:00 CET", INBOX_NO_TIME, NORMAL_TIME_UNKNOWN},
	    {"99999999999999999999999", INBOX_NO_TIME, NORMAL_TIME_UNKNOWN},
	};

	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		int64_t at;
		enum normal_time kind = normal_time(span_of(cases[i].text), &at);

		ok(kind == cases[i].kind && at == cases[i].at, "time \"%s\"", cases[i].text);
	}
}

static void test_mail_dates(void)
{
	static const struct {
		const char *text;
		long long at;
	} cases[] = {
	    {"Thu, 27 Nov 2025 10:00:00 +0000", 1764237600},
	    {"27 Nov 2025 10:00 GMT", 1764237600},
	    {"Thu, 27 Nov 2025 05:00:00 -0500 (EST)", 1764237600},
	    {"Thu, 27 Nov 2025 05:00:00 EST", 1764237600},
	    {"Thu, 8 Mar 2005 14:00:00 EDT", 1110304800},
	    {"27 November 25 10:00:00", 1764237600},
	    {"Thu", INBOX_NO_TIME},
	    {"", INBOX_NO_TIME},
	    {"Thu, 27 Brumaire 2025 10:00:00", INBOX_NO_TIME},
	    {"99 Nov 2025 10:00:00 +0000", INBOX_NO_TIME},
	};

	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
		is_int(normal_mail_date(span_of(cases[i].text)), cases[i].at, "date \"%s\"",
		       cases[i].text);
}

static void test_addresses(void)
{
	static const struct {
		const char *text, *want;
		bool repaired;
	} cases[] = {
	    {"192.0.2.1", "192.0.2.1", false},       {" 192.0.2.1 ", "192.0.2.1", false},
	    {"192.0.2.1/32", "192.0.2.1", true},     {"192.0.2.1/24", NULL, false},
	    {"[192.0.2.1]", "192.0.2.1", true},      {"[IPv6:2001:db8::1]", "2001:db8::1", true},
	    {"2001:DB8::1", "2001:db8::1", false},   {"2001:db8::1/128", "2001:db8::1", true},
	    {"::ffff:192.0.2.1", "192.0.2.1", true}, {"192.0.2.256", NULL, false},
	    {"host.example", NULL, false},           {"", NULL, false},
	};

	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		bool repaired = false;

		is_text(normal_ip(arena, span_of(cases[i].text), &repaired), cases[i].want,
			"address \"%s\"", cases[i].text);
		if (cases[i].want != NULL)
			ok(repaired == cases[i].repaired, "and whether it was repaired");
	}
}

static void test_words(void)
{
	const char *raw;

	is_text(normal_dkim_result(arena, span_of(" PASS "), &raw), "pass", "a result in capitals");
	ok(raw == NULL, "which is the word itself");
	is_text(normal_spf_result(arena, span_of("hardfail"), &raw), "fail", "hardfail is fail");
	is_text(raw, "hardfail", "and the word is kept");
	is_text(normal_spf_result(arena, span_of("what\x1b[m"), &raw), "none", "an unknown word");
	ok(wire_is_clean(span_of(raw)), "is kept clean");
	is_text(normal_report_id(arena, span_of(" < x y@z >\r\n")), "x y@z", "an id in <>");
	ok(normal_report_id(arena, span_of(" <> ")) == NULL, "an empty id");
	is_text(normal_domain(arena, span_of("Example.COM.")), "example.com", "a domain");
	is_text(normal_domain(arena, span_of("b\xc3\xbc"
					     "cher.example")),
		"xn--bcher-kva.example", "a domain in Unicode");
	is_text(normal_domain(arena, span_of("not a domain\x07")), "not a domain\xef\xbf\xbd",
		"what is not a domain is cleaned");
}

/* ---- texts and records ---- */

static void test_texts(void)
{
	is_text(wire_text(arena, span_of(" a\r\n\tb ")), "a b", "one line");
	is_text(wire_text(arena, span_of("a\x1b[31mb\x7f")), "a\xef\xbf\xbd[31mb\xef\xbf\xbd",
		"C0 controls and DEL");
	is_text(wire_text(arena, span_of("a\xc2\x85"
					 "b")),
		"a\xef\xbf\xbd"
		"b",
		"C1 controls");
	is_text(wire_text(arena, span_of("a\xe2\x80\xae"
					 "b\xe2\x81\xa6")),
		"a\xef\xbf\xbd"
		"b\xef\xbf\xbd",
		"bidirectional controls");
	is_text(wire_text(arena, span_of("a\xff\xfe"
					 "b")),
		"a\xef\xbf\xbd\xef\xbf\xbd"
		"b",
		"bytes that are not UTF-8");
	is_text(wire_text(arena, span_of("\xc3\xbc\xf0\x9f\x98\x80")), "\xc3\xbc\xf0\x9f\x98\x80",
		"other characters stay");
	ok(wire_text(arena, span_of(" \r\n")) == NULL, "nothing is not a text");
}

static void test_frames(void)
{
	alignas(max_align_t) char record[INBOX_RECORD_MAX];
	struct inbox_spf spf = {"example.com", NULL, "pass", "", NULL};
	struct inbox_item dirty = {"a\x1b[2J"};
	enum inbox_part part;
	struct span frame;
	struct buf out;

	buf_init(&out, arena, 0);
	wire_write(&out, INBOX_PART_SPF, &spf);
	frame = buf_view(&out);
	is_int(wire_length(frame), (long long)span_len(frame), "a frame has its length");
	ok(wire_read(arena, frame, &part, record) && part == INBOX_PART_SPF, "it is read");
	is_text(((struct inbox_spf *)record)->domain, "example.com", "with its text");
	ok(((struct inbox_spf *)record)->scope == NULL, "without what it has not");
	for (size_t n = 0; n < span_len(frame); n++)
		if (wire_read(arena, span_make(frame.p, n), &part, record))
			ok(false, "a frame cut to %zu bytes", n);
	ok(wire_length(span_make("\xff\xff\xff\xff", 4)) < 0, "a length that none has");
	buf_clear(&out);
	wire_write(&out, INBOX_PART_NOTE, &dirty);
	ok(!wire_read(arena, buf_view(&out), &part, record), "a text that is not clean is refused");
}

static void test_fields(void)
{
	struct fields *fields =
	    fields_parse(arena, span_of("\r\nA: one\r\n two\r\nnone\nB : x\nA:\n\nC: later\n"));

	is_int(fields->count, 3, "fields end at the empty line");
	is_text(arena_span(arena, fields_get(fields, "a")), "one two", "a folded field");
	is_text(arena_span(arena, fields_get(fields, "b")), "x", "a blank before the colon");
	is_int(fields_count(fields, "A"), 2, "a field twice");
	ok(span_empty(fields_get(fields, "C")), "not beyond");
}

/* ---- feeds ---- */

static void test_cleaning(void)
{
	static const char *const begins[] = {"<?xml version='1.0'?><a>",
					     " <?xml version='1.0'?><a>",
					     "\xef\xbb\xbf <?xml version='1.0'?><a>"};

	for (size_t i = 0; i < sizeof begins / sizeof begins[0]; i++) {
		struct feed *feed;
		struct buf text;
		struct span got;

		buf_init(&text, arena, 0);
		buf_string(&text, begins[i]);
		while (text.len < 100000)
			buf_string(&text, "\xc3\xbc\xe2\x82\xac");
		feed = feed_cleaned(arena, feed_memory(arena, buf_view(&text)));
		ok(feed_all(feed, arena, 1 << 20, &got) == 0 && span_istarts(got, "<a>\xc3\xbc"),
		   "an XML declaration is dropped");
		ok(!feed_was_dirty(feed), "characters are whole, wherever pieces end");
		buf_string(&text, "\xff\xc3");
		feed = feed_cleaned(arena, feed_memory(arena, buf_view(&text)));
		ok(feed_all(feed, arena, 1 << 20, &got) == 0 &&
		       memcmp(got.end - 6, "\xef\xbf\xbd\xef\xbf\xbd", 6) == 0 &&
		       feed_was_dirty(feed),
		   "bytes that are not UTF-8 are replaced");
	}
}

/* ---- the whole, within this process ---- */

static const char *read_document(const char *text)
{
	struct inbox_check check = {.arena = arena};
	struct inbox_hint hint = {1764300000, NULL};
	struct inbox_writer writer;
	struct why why = {""};

	buf_init(&check.text, arena, 0);
	writer_init(&writer, arena, inbox_check_text, &check);
	if (aggregate_read(&writer, feed_memory(arena, span_of(text)), &hint, &why) != 0)
		return arena_printf(arena, "refused: %s", why.text);
	return buf_text(&check.text);
}

static void test_aggregate(void)
{
	ok(strstr(read_document(
		      "<feedback><policy_published><domain>E.example</domain></policy_published>"
		      "<record><row><source_ip>192.0.2.1</source_ip><count>2</count></row></record>"
		      "</feedback>"),
		  "records source_ip=192.0.2.1 count=2 disposition=none dkim_aligned=fail "
		  "spf_aligned=fail\n") != NULL,
	   "the least that is a report");
	is_text(read_document("<feedback/>"), "refused: it does not name a policy domain",
		"an empty one");
	is_text(read_document(""), "refused: its root element is \"\", not \"feedback\"",
		"nothing");
	ok(strstr(read_document("<a><b>"), "refused") != NULL, "another document");
}

/* ---- days ---- */

static const char *split_text(long long begins, long long ends, long long messages)
{
	int64_t shares[CLOCK_SPLIT_MAX];
	int32_t first;
	unsigned count = clock_split(begins, ends, messages, &first, shares);
	struct buf text;

	buf_init(&text, arena, 0);
	buf_printf(&text, "%d:", first);
	for (unsigned i = 0; i < count; i++)
		buf_printf(&text, " %lld", (long long)shares[i]);
	return buf_text(&text);
}

static void test_days(void)
{
	const long long day = 86400, d = 20419 * day;
	int64_t shares[CLOCK_SPLIT_MAX], sum = 0;
	int32_t first;
	unsigned count;

	is_text(split_text(d, d + day - 1, 7), "20419: 7", "a day");
	is_text(split_text(d, d + day, 7), "20419: 7", "to midnight");
	is_text(split_text(d - 3 * 3600, d + 21 * 3600, 7), "20419: 7", "most of it counts");
	is_text(split_text(d, d, 7), "20419: 7", "no time at all");
	is_text(split_text(d, d - 5, 7), "20419: 7", "an end before the beginning");
	is_text(split_text(d, d + 2 * day, 7), "20419: 3 4", "two days");
	is_text(split_text(d, d + 7 * day, 14), "20419: 2 2 2 2 2 2 2", "a week");
	is_text(split_text(d + day / 2, d + 2 * day, 9), "20419: 3 6", "one and a half");
	count = clock_split(0, 400 * day, 1000001, &first, shares);
	for (unsigned i = 0; i < count; i++)
		sum += shares[i];
	ok(count == CLOCK_SPLIT_MAX && sum == 1000001, "a year: bounded, and nothing is lost");
}

/* ---- the process ---- */

/* What a process in the sandbox cannot do, as bits. */
static int count_rights(void)
{
	struct stat info;
	int rights = 0;
	void *memory;

	rights |= open("/dev/null", O_RDONLY) >= 0 ? 1 : 0;
	rights |= socket(AF_INET, SOCK_STREAM, 0) >= 0 ? 2 : 0;
	rights |= open("/tmp/x", O_WRONLY | O_CREAT, 0600) >= 0 ? 4 : 0;
	memory = mmap(NULL, (size_t)SANDBOX_MEMORY * 2, PROT_READ | PROT_WRITE,
		      MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	rights |= memory != MAP_FAILED ? 8 : 0;
	rights |= fstat(7, &info) == 0 ? 16 : 0;
	return rights;
}

static void test_sandbox(void)
{
	int ends[2], status, extra = dup2(0, 7);
	char answer = 'x';
	pid_t pid;

	if (!tap_hurried()) {
		tap_note("a sanitizer's runtime needs the rights; the sandbox is not tried");
		return;
	}
	if (pipe(ends) != 0 || (pid = fork()) < 0)
		abort();
	if (pid == 0) {
		sandbox_enter(0, ends[1]);
		answer = (char)('a' + count_rights());
		_exit(write(SANDBOX_OUT, &answer, 1) == 1 ? 0 : 1);
	}
	close(ends[1]);
	if (read(ends[0], &answer, 1) != 1)
		answer = '?';
	close(ends[0]);
	close(extra);
	waitpid(pid, &status, 0);
	is_int(answer, 'a',
	       "no file, no socket, no memory beyond the limit, no file of the parent");
	is_int(status, 0, "and it writes and ends as it should");
}

static int file_with(const char *text, size_t times)
{
	FILE *file = fopen(arena_printf(arena, "%s/file", tap_directory()), "w+");

	if (file == NULL)
		abort();
	for (size_t i = 0; i < times; i++)
		fputs(text, file);
	fflush(file);
	return fileno(file);
}

static int count_part(void *arg, enum inbox_part part, const void *record)
{
	unsigned *counts = arg;

	(void)record;
	counts[part]++;
	return 0;
}

static void test_reader(void)
{
	static const char good[] =
	    "<feedback><policy_published><domain>e.example</domain></policy_published><record><row>"
	    "<source_ip>192.0.2.1</source_ip><count>2</count></row></record></feedback>";
	int fd = file_with(good, 1);
	unsigned counts[INBOX_PARTS] = {0};
	struct why why = {""};
	struct reader_result *result =
	    reader_read(fd, 0, (int64_t)strlen(good), "x", 1764300000, &why);

	ok(result != NULL && reader_count(result) == 1, "a file is read by a process");
	is_int(reader_report(result, 0)->end.kind, INBOX_AGGREGATE, "and says what it is");
	is_int(reader_each(result, 0, count_part, counts, &why), 0, "its records are there");
	ok(counts[INBOX_PART_AGGREGATE] == 1 && counts[INBOX_PART_ROW] == 1, "each once");
	reader_free(result);
	result = reader_read(fd, 0, READER_BYTES_MAX + 1, "x", 0, &why);
	is_text(reader_report(result, 0)->end.reason, "it is larger than 64 MiB", "a large file");
	reader_free(result);
	if (!tap_hurried())
		return; /* no limit on memory */
	fd = file_with("a:\n", 3000000);
	result = reader_read(fd, 0, 9000000, "x", 0, &why);
	ok(strncmp(reader_report(result, 0)->end.reason, "its reader crashed", 18) == 0,
	   "a message that needs too much memory costs itself: %s",
	   reader_report(result, 0)->end.reason);
	reader_free(result);
}

/* What an IMAP server says about a message. */
static void test_imap_lines(void)
{
	static const struct {
		const char *line;
		uint32_t uid; /* 0: none */
		int64_t size;
	} cases[] = {
	    {"* 12 FETCH (UID 34 FLAGS (\\Seen) RFC822.SIZE 4096)", 34, 4096},
	    {"* 12 fetch (rfc822.size 0 flags () uid 4294967295)", 4294967295, 0},
	    {"* 12 FETCH (FLAGS ($Deleted \\DeletedNot) UID 7 RFC822.SIZE 1)", 7, 1},
	    {"* 12 FETCH (UID 34 FLAGS (\\Deleted) RFC822.SIZE 4096)", 0, 0},
	    {"* 12 FETCH (UID 34 FLAGS (\\Seen \\deleted) RFC822.SIZE 4096)", 0, 0},
	    {"* 12 FETCH (UID 0 RFC822.SIZE 1)", 0, 0},
	    {"* 12 FETCH (UID 4294967296 RFC822.SIZE 1)", 0, 0},
	    {"* 12 FETCH (UID 1 RFC822.SIZE -1)", 0, 0},
	    {"* 12 FETCH (UID 1 RFC822.SIZE 9223372036854775808)", 0, 0},
	    {"* 12 FETCH (XUID 1 RFC822.SIZE 1)", 0, 0},
	    {"* 12 FETCH (UID 1)", 0, 0},
	    {"* 12 FETCH (UID ", 0, 0},
	    {"* OK FETCH", 0, 0},
	    {"A1 FETCH (UID 1 RFC822.SIZE 1)", 0, 0},
	    {"* 12 EXPUNGE", 0, 0},
	    {"", 0, 0},
	};

	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct imap_message message = {0, 0};
		bool found = imap_parse_fetch(span_of(cases[i].line), &message);

		ok(found == (cases[i].uid != 0) && message.uid == cases[i].uid &&
		       message.size == cases[i].size,
		   "IMAP: %s", cases[i].line);
	}
}

int main(void)
{
	arena = arena_new(0);
	test_times();
	test_mail_dates();
	test_addresses();
	test_words();
	test_texts();
	test_frames();
	test_fields();
	test_cleaning();
	test_aggregate();
	test_days();
	test_imap_lines();
	test_sandbox();
	test_reader();
	arena_free(arena);
	return tap_done();
}
