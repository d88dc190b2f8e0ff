/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Fills a ledger, for tests and for measuring:
 *   ledgerfill PATH combinations DOMAIN DAY         every kind of row a report can have
 *   ledgerfill PATH token ADDRESS DAY               prints the token that stands for it
 *   ledgerfill PATH policies DOMAIN DAY             one row under each of three policies
 *   ledgerfill PATH testing DOMAIN DAY              the same with t=y
 *   ledgerfill PATH excused DOMAIN DAY COUNT        COUNT rows, of which one is of a mailing list,
 * one passes, and one is of a name below DOMAIN ledgerfill PATH marked DOMAIN DAY three messages
 * that were quarantined ledgerfill PATH rows DOMAIN DAY COUNT           COUNT different rows, no
 * waiting ledgerfill PATH days DOMAIN DAY COUNT DAYS      COUNT different rows of 300 domains and
 * (DOMAINS, if given) and of the DAYS days up to DAY, in their order; prints at each power of ten
 * from 10^5 on: how many, rows/s and microseconds of CPU for each, of the second half ledgerfill
 * PATH asked DOMAIN DAY COUNT RUA [QUIET]  COUNT rows of a domain that asks for reports there;
 * QUIET: of them no reason to report ledgerfill PATH wait DOMAIN DAY COUNT THREADS each waits for
 * its commit, as the milter does ledgerfill PATH messages DOMAIN DAY COUNT SOURCES  so many
 * messages of so many sources ledgerfill PATH received - DAY COUNT DOMAINS    COUNT rows of
 * received reports about so many domains and the 30 days up to DAY ledgerfill PATH flood DOMAIN DAY
 * COUNT          COUNT hostile messages, with the bounds that the daemon has by default: each of
 * another source with texts of its own, but one in 20 of 198.51.100.7 and one in 50 of
 * 2001:db8:7::7; with a log line of 1000 bytes Prints the number of messages added.
 */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/clock.h"
#include "store/ledger.h"
#include "store/outbox.h"
#include "store/received.h"

static struct ledger *ledger;
static struct why why;
static int64_t messages;

static struct ledger_row sample(const char *domain, int32_t day)
{
	return (struct ledger_row){
	    .day = day,
	    .policy = {.domain = domain,
		       .p = "quarantine",
		       .sp = "none",
		       .np = "reject",
		       .adkim = "r",
		       .aspf = "s",
		       .fo = "1:d:s",
		       .testing = "n",
		       .discovery = "treewalk",
		       .rua = "mailto:dmarc@example.com"},
	    .source_ip = "192.0.2.1",
	    .disposition = "none",
	    .dkim_aligned = "fail",
	    .spf_aligned = "fail",
	    .reasons = "[]",
	    .header_from = domain,
	    .envelope_from = "bounce.example.net",
	    .dkim = "[]",
	    .dkim_notes = "[]",
	    .spf_domain = "bounce.example.net",
	    .spf_result = "none",
	    .count = 1,
	};
}

/* Returns at once; comes back when there is room in the queue. */
static void add(const struct ledger_row *row)
{
	while (ledger_add(ledger, row, 0, &why) < 0)
		usleep(1000);
	messages += row->count;
}

/* ROW with each of VALUES in FIELD, which is one of its texts; then as it was. */
static void add_each(struct ledger_row *row, const char **field, const char *const *values)
{
	const char *before = *field;

	for (; *values != NULL; values++) {
		*field = *values;
		add(row);
		row->count++;
	}
	*field = before;
}

static const char *many_signatures(void)
{
	static char text[20000];
	size_t len = 0;

	for (int i = 0; i < 100; i++)
		len += (size_t)snprintf(text + len, sizeof text - len,
					"%s{\"domain\":\"d%d.example\",\"selector\":\"s%d\","
					"\"result\":\"fail\"}",
					i == 0 ? "[" : ",", i, i);
	snprintf(text + len, sizeof text - len, "]");
	return text;
}

#define SIGNATURE(result)                                                                          \
	"[{\"domain\":\"example.com\",\"selector\":\"s1\",\"result\":\"" result "\"}]"
#define REASON(type) "[{\"type\":\"" type "\"}]"

static void combinations(const char *domain, int32_t day)
{
	struct ledger_row row = sample(domain, day);
	const char *const dispositions[] = {"none", "pass", "quarantine", "reject", NULL};
	const char *const results[] = {"pass", NULL};
	const char *const spf[] = {"none",    "pass",      "fail",      "softfail", "policy",
				   "neutral", "temperror", "permerror", NULL};
	const char *const sources[] = {"198.51.100.7", "2001:db8::1", "::", NULL};
	const char *const reasons[] = {
	    REASON("local_policy"),
	    REASON("mailing_list"),
	    REASON("other"),
	    REASON("policy_test_mode"),
	    REASON("trusted_forwarder"),
	    "[{\"type\":\"other\",\"comment\":\"<>&\\\"' \\u0000\\u0001]]> \\u20ac\"},"
	    "{\"type\":\"local_policy\",\"comment\":\"\"}]",
	    NULL};
	const char *const dkim[] = {
	    SIGNATURE("none"),      SIGNATURE("pass"),    SIGNATURE("fail"),
	    SIGNATURE("policy"),    SIGNATURE("neutral"), SIGNATURE("temperror"),
	    SIGNATURE("permerror"), many_signatures(),    NULL};
	const char *const names[] = {"",
				     "sub.example.com",
				     "xn--bcher-kva.example",
				     "a&b<c>\"d\".example",
				     "\xff\xfe.example",
				     "nul\001\037.example",
				     "]]>.example",
				     "b\xc3\xbc"
				     "cher.example",
				     "\xed\xa0\x80.example",
				     "\xf4\x90\x80\x80.example",
				     "\xef\xbf\xbf.example",
				     NULL};

	row.policy.error = "_dmarc.example.com: sp= is not valid <&>";
	row.spf_note = "no SPF record";
	add_each(&row, &row.disposition, dispositions);
	add_each(&row, &row.dkim_aligned, results);
	add_each(&row, &row.spf_aligned, results);
	add_each(&row, &row.spf_result, spf);
	add_each(&row, &row.source_ip, sources);
	add_each(&row, &row.reasons, reasons);
	add_each(&row, &row.dkim, dkim);
	add_each(&row, &row.header_from, names);
	add_each(&row, &row.envelope_from, names);
	add_each(&row, &row.envelope_to, names);
	add_each(&row, &row.spf_domain, names);
	row.dkim = SIGNATURE("fail");
	row.dkim_notes = "[{\"text\":\"body hash did not verify <&>\\u001b\"}]";
	row.header_from = "notes.example.com";
	add(&row);
}

static void policies(const char *domain, int32_t day, const char *testing)
{
	struct ledger_row row = sample(domain, day);
	const char *const p[] = {"none", "quarantine", "reject", NULL};

	row.policy.testing = testing;
	add_each(&row, &row.policy.p, p);
}

static void excused(const char *domain, int32_t day, unsigned count)
{
	char source[40], below[256];

	snprintf(below, sizeof below, "below.%s", domain);
	for (unsigned i = 0; i < count; i++) {
		struct ledger_row row = sample(domain, day);

		snprintf(source, sizeof source, "192.0.2.%u", i & 255);
		row.source_ip = source;
		row.reasons = i == 2 ? REASON("mailing_list") : row.reasons;
		row.spf_aligned = i == 3 ? "pass" : row.spf_aligned;
		row.header_from = i == 4 ? below : row.header_from;
		add(&row);
	}
}

static void marked(const char *domain, int32_t day)
{
	struct ledger_row row = sample(domain, day);

	row.disposition = "quarantine";
	row.count = 3;
	add(&row);
}

static void rows(const char *domain, int32_t day, unsigned from, unsigned to)
{
	struct ledger_row row = sample(domain, day);
	char source[40];

	row.dkim = SIGNATURE("pass");
	row.source_ip = source;
	for (unsigned i = from; i < to; i++) {
		snprintf(source, sizeof source, "2001:db8:%x:%x::%x", i * 40503 & 0xffff,
			 i & 0xffff, i >> 16);
		add(&row);
	}
}

/* Until everything before it is in the file. */
static void settle(void)
{
	struct ledger_stats stats;

	do {
		usleep(1000);
		ledger_stats(ledger, &stats);
	} while (stats.pending > 0);
}

struct mark {
	unsigned count;
	int64_t at, cpu;
};

static struct mark mark_now(unsigned count)
{
	struct timespec used;

	settle();
	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &used);
	return (struct mark){count, clock_mono(), used.tv_sec * CLOCK_SECOND + used.tv_nsec};
}

static void tell_speed(const struct mark *from, const struct mark *to)
{
	const double rows = (double)(to->count - from->count);

	printf("%u %.0f %.1f\n", to->count, rows * CLOCK_SECOND / (double)(to->at - from->at),
	       (double)(to->cpu - from->cpu) / 1000 / rows);
	fflush(stdout);
}

static void fill_days(int32_t day, unsigned count, unsigned spread, unsigned domains)
{
	enum { TEN = 10 };
	unsigned next = 50000; /* the second half of each power of ten is measured */
	struct mark from, to;
	char source[40], domain[40];

	for (unsigned i = 1; i <= count; i++) {
		struct ledger_row row =
		    sample(domain, day - (int32_t)spread + 1 +
				       (int32_t)((uint64_t)(i - 1) * spread / count));

		snprintf(domain, sizeof domain, "d%u.example", i * 40503u % domains);
		snprintf(source, sizeof source, "2001:db8:%x:%x::%x", i * 40503 & 0xffff,
			 i & 0xffff, i >> 16);
		row.dkim = SIGNATURE("pass");
		row.source_ip = source;
		add(&row);
		if (i == next)
			from = mark_now(i);
		if (i != 2 * next)
			continue;
		to = mark_now(i);
		tell_speed(&from, &to);
		next *= TEN;
	}
}

struct part {
	pthread_t thread;
	const char *domain;
	int32_t day;
	unsigned from, to;
	int64_t longest;
};

static void *add_part(void *arg)
{
	struct part *part = arg;
	struct ledger_row row = sample(part->domain, part->day);
	char source[40];

	row.source_ip = source;
	for (unsigned i = part->from; i < part->to; i++) {
		int64_t begin = clock_mono();

		snprintf(source, sizeof source, "2001:db8:%x:%x::%x", i * 40503 & 0xffff,
			 i & 0xffff, i >> 16);
		if (ledger_add(ledger, &row, begin + 60 * CLOCK_SECOND, NULL) != 0)
			abort();
		if (clock_mono() - begin > part->longest)
			part->longest = clock_mono() - begin;
	}
	return NULL;
}

static void wait_rows(const char *domain, int32_t day, unsigned count, unsigned threads)
{
	struct part *parts = calloc(threads, sizeof *parts);
	int64_t begin = clock_mono(), longest = 0;
	double seconds;

	if (parts == NULL)
		abort();
	for (unsigned i = 0; i < threads; i++) {
		parts[i] = (struct part){.domain = domain,
					 .day = day,
					 .from = count / threads * i,
					 .to = count / threads * (i + 1)};
		pthread_create(&parts[i].thread, NULL, add_part, &parts[i]);
	}
	for (unsigned i = 0; i < threads; i++) {
		pthread_join(parts[i].thread, NULL);
		if (parts[i].longest > longest)
			longest = parts[i].longest;
	}
	messages = count / threads * threads;
	seconds = (double)(clock_mono() - begin) / 1e9;
	fprintf(stderr, "%.0f rows/s, mean wait %.2f ms, longest %.1f ms\n",
		(double)messages / seconds, seconds * threads / (double)messages * 1e3,
		(double)longest / 1e6);
	free(parts);
}

static void asked(const char *domain, int32_t day, unsigned count, const char *rua, unsigned quiet)
{
	struct ledger_row row = sample(domain, day);
	char source[40];

	row.policy.rua = rua;
	row.source_ip = source;
	for (unsigned i = 0; i < count; i++) {
		snprintf(source, sizeof source, "192.0.2.%u", i & 255);
		row.quiet = i < quiet;
		add(&row);
	}
}

/* What stands for an address in return paths. */
/* ---- received reports ---- */

/* Of DOMAINS domains and 30 days, of REPORTERS each, COUNT rows altogether: nine in ten sources
 * send every day, the others once. */
enum { RECEIVED_DAYS = 30, RECEIVED_REPORTERS = 20 };

struct received_fill {
	struct received_report report;
	unsigned rows, number;
};

static const char *row_dkim(unsigned kind, const char *domain, char text[256])
{
	if (kind == 0)
		return "[]";
	snprintf(text, 256, "[{\"domain\":\"%s\",\"selector\":\"s%u\",\"result\":\"%s\"}]", domain,
		 kind, kind % 3 == 0 ? "fail" : "pass");
	return text;
}

static int put_received(void *arg, struct sql *sql, struct why *reason)
{
	const struct received_fill *fill = arg;

	for (unsigned n = 0; n < fill->rows; n++) {
		unsigned kind = n % 7, once = n % 10 == 9 ? fill->number : 0;
		char dkim[256], spf[256], ip[40];
		struct received_row row = {.source_ip = ip,
					   .messages = 1 + n % 50,
					   .disposition = kind == 6 ? "reject" : "none",
					   .dkim_aligned = kind % 3 == 0 ? "fail" : "pass",
					   .spf_aligned = kind == 1 ? "pass" : "fail",
					   .header_from = fill->report.domain,
					   .reasons = "[]",
					   .spf = spf};

		snprintf(ip, sizeof ip, "%u.%u.%u.%u", 100 + n % 3, once / 250 % 250, once % 250,
			 1 + n % 250);
		snprintf(spf, sizeof spf,
			 "[{\"domain\":\"b%u.example.net\",\"scope\":\"mfrom\",\"result\":\"%s\"}]",
			 n % 20, kind == 1 ? "pass" : "fail");
		row.dkim = row_dkim(kind, fill->report.domain, dkim);
		if (received_put_row(sql, fill->report.key, n, &row, reason) != 0)
			return -1;
		messages += row.messages;
	}
	return 0;
}

static int add_received(struct sql *sql, int32_t day, unsigned number, unsigned of, unsigned rows)
{
	char domain[40], org[40], id[40];
	struct received_fill fill = {.rows = rows, .number = number};
	int64_t begins = clock_day_begin(day);

	snprintf(domain, sizeof domain, "d%u.example.com", number % of);
	snprintf(org, sizeof org, "reporter%u.example", number / of % RECEIVED_REPORTERS);
	snprintf(id, sizeof id, "%u", number);
	fill.report = (struct received_report){.kind = "aggregate",
					       .domain = domain,
					       .org = org,
					       .report_id = id,
					       .begins = begins,
					       .ends = begins + 86399,
					       .received = begins + 90000,
					       .trust = "pass",
					       .mail_from = org,
					       .email = "dmarc@example.net",
					       .p = "none",
					       .rows = rows,
					       .messages = 20 * (int64_t)rows,
					       .passed = 15 * (int64_t)rows,
					       .remarks = "[]"};
	for (unsigned i = 0; i < DRIVER_KEY_LEN; i++)
		fill.report.key[i] = (unsigned char)((number + 1) * 2654435761U >> (i % 4 * 8));
	memcpy(fill.report.key + 4, &number, sizeof number);
	return received_add(sql, &fill.report, put_received, &fill, &why);
}

static int fill_received(const struct ledger_settings *settings, int32_t day, unsigned count,
			 unsigned domains)
{
	unsigned reports = domains * RECEIVED_DAYS * RECEIVED_REPORTERS;
	struct sql *sql = sqlite_sql(settings, &why);
	int status = sql == NULL ? -1 : 0;

	for (unsigned i = 0; status >= 0 && i < reports; i++)
		status = add_received(sql, day - (int32_t)(i / (domains * RECEIVED_REPORTERS)), i,
				      domains, count / reports + (i < count % reports));
	if (status < 0)
		fprintf(stderr, "%s\n", why.text);
	sql_close(sql);
	return status < 0;
}

static int print_token(const struct ledger_settings *settings, const char *address)
{
	struct arena *arena = arena_new(0);
	const char *token = "";
	bool busy;
	struct outbox *outbox = outbox_open(settings, OUTBOX_CHANGE, &busy, &why);
	int result = outbox == NULL ? -1 : outbox_token(outbox, address, arena, &token, &why);

	printf("%s\n", token);
	outbox_close(outbox);
	arena_free(arena);
	return result == 0 ? 0 : 1;
}

/* COUNT messages, one by one, of so many sources; as fast as the writer takes them. */
static void traffic(const char *domain, int32_t day, unsigned count, unsigned sources)
{
	struct ledger_row row = sample(domain, day);
	char source[40];

	row.dkim = SIGNATURE("pass");
	row.source_ip = source;
	for (unsigned i = 0; i < count; i++) {
		unsigned n = i * 2654435761u % sources;

		snprintf(source, sizeof source, "2001:db8:%x:%x::1", n >> 16, n & 0xffff);
		add(&row);
	}
}

/* As long as a name may be, and another one for each N. */
static const char *random_name(unsigned n)
{
	static char names[2][256];
	static unsigned which;
	char *name = names[++which % 2];

	for (unsigned i = 0; i < 240; i++)
		name[i] =
		    i % 60 == 59 ? '.' : (char)('a' + (n = n * 1103515245u + 12345u) / 65536 % 26);
	snprintf(name + 240, 16, "attack.example");
	return name;
}

static void flood(const char *domain, int32_t day, unsigned count)
{
	struct ledger_row row = sample(domain, day);
	char source[40], dkim[1000], line[1001];

	memset(line, 'x', sizeof line - 1);
	line[sizeof line - 1] = '\0';
	row.disposition = "reject";
	row.dkim = dkim;
	for (unsigned i = 0; i < count; i++) {
		snprintf(source, sizeof source, "2001:db8:%x:%x::%x", i * 40503 & 0xffff,
			 i & 0xffff, i >> 16);
		row.source_ip = i % 20 == 0   ? "198.51.100.7"
				: i % 50 == 1 ? "2001:db8:7::7"
					      : source;
		snprintf(dkim, sizeof dkim,
			 "[{\"domain\":\"%s\",\"selector\":\"%s\",\"result\":\"fail\"}]",
			 random_name(i), random_name(i + 1));
		row.envelope_from = row.spf_domain = random_name(i + 2);
		add(&row);
		ledger_log(ledger, clock_wall(), line);
	}
}

/* What the daemon's settings are by default. */
static void bound_ledger(struct ledger_settings *settings)
{
	settings->durability = LEDGER_PROCESS;
	settings->day_rows = 3000;
	settings->max_bytes = INT64_C(2) << 30;
	settings->message_seconds = 7 * 86400;
	settings->message_rows = 200000;
	settings->message_bytes = 24 << 20;
}

int main(int argc, char **argv)
{
	struct ledger_settings settings = {.path = argc > 1 ? argv[1] : ""};
	unsigned count = argc > 5 ? (unsigned)atoi(argv[5]) : 0;
	int64_t begin = clock_mono();
	int32_t day;
	int failed = 0;

	if (argc < 5 || !clock_day_parse(span_of(argv[4]), &day))
		return 64;
	if (strcmp(argv[2], "flood") == 0)
		bound_ledger(&settings);
	ledger = ledger_open(&settings, &why);
	if (ledger == NULL) {
		fprintf(stderr, "%s\n", why.text);
		return 1;
	}
	if (strcmp(argv[2], "messages") == 0)
		traffic(argv[3], day, count, argc > 6 ? (unsigned)atoi(argv[6]) : 1);
	if (strcmp(argv[2], "flood") == 0)
		flood(argv[3], day, count);
	if (strcmp(argv[2], "combinations") == 0)
		combinations(argv[3], day);
	else if (strcmp(argv[2], "policies") == 0)
		policies(argv[3], day, "n");
	else if (strcmp(argv[2], "testing") == 0)
		policies(argv[3], day, "y");
	else if (strcmp(argv[2], "excused") == 0)
		excused(argv[3], day, count);
	else if (strcmp(argv[2], "marked") == 0)
		marked(argv[3], day);
	else if (strcmp(argv[2], "rows") == 0)
		rows(argv[3], day, 0, count);
	else if (strcmp(argv[2], "days") == 0 && argc > 6)
		fill_days(day, count, (unsigned)atoi(argv[6]),
			  argc > 7 ? (unsigned)atoi(argv[7]) : 300);
	else if (strcmp(argv[2], "wait") == 0 && argc > 6)
		wait_rows(argv[3], day, count, (unsigned)atoi(argv[6]));
	else if (strcmp(argv[2], "asked") == 0 && argc > 6)
		asked(argv[3], day, count, argv[6], argc > 7 ? (unsigned)atoi(argv[7]) : 0);
	else if (strcmp(argv[2], "received") == 0 && argc > 6)
		failed = fill_received(&settings, day, count, (unsigned)atoi(argv[6]));
	else if (strcmp(argv[2], "token") == 0)
		return print_token(&settings, argv[3]);
	ledger_close(ledger);
	fprintf(stderr, "%.2f s\n", (double)(clock_mono() - begin) / 1e9);
	printf("%lld\n", (long long)messages);
	return failed;
}
