/* SPDX-License-Identifier: BSD-2-Clause */
/* report/tls: from datagrams, a log and DNS to a report that our own inbox reads. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/buf.h"
#include "lib/clock.h"
#include "lib/codec/gzip.h"
#include "report/inbox/reader.h"
#include "report/mail.h"
#include "report/tls/datagram.h"
#include "report/tls/document.h"
#include "report/tls/postlog.h"
#include "report/tls/rua.h"
#include "store/ledger.h"
#include "t/lib/dns_memory.h"
#include "t/lib/inbox_check.h"
#include "t/lib/tap.h"

#define COUNT(table) (sizeof(table) / sizeof *(table))

/* "kind source policy detail|..." of what was told. */
static struct buf told;

static void note_session(void *arg, const struct session *session)
{
	(void)arg;
	buf_printf(&told, "%s%s %s %s%s%s", told.len == 0 ? "" : "|", session->domain,
		   name_text(session_kind_names, (int)session->kind), session->policy,
		   session->detail[0] == '\0' ? "" : " ", session->detail);
}

static void forget_events(void)
{
	buf_free(&told);
	buf_init(&told, NULL, 0);
}

/* ---- datagrams ---- */

#define HEAD       "{\"dpv\":\"1\",\"d\":\"example.com\",\"policies\":["
#define NO_POLICY  "{\"policy-type\":\"no-policy-found\",\"policy-domain\":\"example.com\"}"
#define FAILED(fd) HEAD "{\"policy-type\":9,\"failure-details\":[" fd "],\"t\":1,\"f\":1}]}"
#define DETAIL(d)  "example.com failed " NO_POLICY "|example.com detail " NO_POLICY " " d

static const struct {
	const char *what, *text, *want; /* WANT NULL: refused */
} datagrams[] = {
    {"a session without a policy",
     HEAD "{\"policy-type\":9,\"policy-domain\":\"example.com\",\"t\":0,\"f\":0}]}",
     "example.com successful " NO_POLICY},
    {"MTA-STS",
     HEAD "{\"policy-type\":2,\"policy-domain\":\"example.com\",\"policy-string\":[\"version: "
	  "STSv1\",\"mode: enforce\"],\"mx-host\":[\"*.example.com\"],\"f\":0}]}",
     "example.com successful "
     "{\"policy-type\":\"sts\",\"policy-domain\":\"example.com\",\"policy-string\":[\"version: "
     "STSv1\",\"mode: enforce\"],\"mx-host\":[\"*.example.com\"]}"},
    {"DANE",
     HEAD "{\"policy-type\":1,\"policy-domain\":\"example.com\",\"policy-string\":[\"3 1 1 "
	  "ABCD\"],\"f\":0}]}",
     "example.com successful "
     "{\"policy-type\":\"tlsa\",\"policy-domain\":\"example.com\",\"policy-string\":[\"3 1 1 "
     "ABCD\"]}"},
    {"a detail with all members",
     FAILED("{\"c\":203,\"s\":\"192.0.2.1\",\"n\":\"mx.example.com\",\"h\":\"mx\",\"r\":\"192.0.2."
	    "2\",\"a\":\"info\",\"f\":\"why\"}"),
     DETAIL("{\"result-type\":\"certificate-not-trusted\",\"sending-mta-ip\":\"192.0.2.1\","
	    "\"receiving-mx-hostname\":\"mx.example.com\",\"receiving-mx-helo\":\"mx\",\"receiving-"
	    "ip\":\"192.0.2.2\",\"failure-reason-code\":\"why\",\"additional-information\":"
	    "\"info\"}")},
    {"201", FAILED("{\"c\":201}"), DETAIL("{\"result-type\":\"starttls-not-supported\"}")},
    {"202", FAILED("{\"c\":202}"), DETAIL("{\"result-type\":\"certificate-host-mismatch\"}")},
    {"204", FAILED("{\"c\":204}"), DETAIL("{\"result-type\":\"certificate-expired\"}")},
    {"205", FAILED("{\"c\":205}"), DETAIL("{\"result-type\":\"validation-failure\"}")},
    {"301", FAILED("{\"c\":301}"), DETAIL("{\"result-type\":\"sts-policy-fetch-error\"}")},
    {"302", FAILED("{\"c\":302}"), DETAIL("{\"result-type\":\"sts-policy-invalid\"}")},
    {"303", FAILED("{\"c\":303}"), DETAIL("{\"result-type\":\"sts-webpki-invalid\"}")},
    {"304", FAILED("{\"c\":304}"), DETAIL("{\"result-type\":\"tlsa-invalid\"}")},
    {"305", FAILED("{\"c\":305}"), DETAIL("{\"result-type\":\"dnssec-invalid\"}")},
    {"306", FAILED("{\"c\":306}"), DETAIL("{\"result-type\":\"dane-required\"}")},
    {"a code of a later version", FAILED("{\"c\":206}"),
     DETAIL("{\"result-type\":\"validation-failure\"}")},
    {"a code that is not a number", FAILED("{\"c\":\"x\"}"),
     DETAIL("{\"result-type\":\"validation-failure\"}")},
    {"a failed session without details", FAILED(""), "example.com failed " NO_POLICY},
    {"a detail that is not an object", FAILED("5"), "example.com failed " NO_POLICY},
    {"details of a session that went well in the end",
     HEAD "{\"policy-type\":9,\"failure-details\":[{\"c\":201}],\"t\":1,\"f\":0}]}",
     "example.com successful " NO_POLICY},
    {"an unfinished session",
     HEAD "{\"policy-type\":9,\"failure-details\":[{\"c\":901}],\"t\":1,\"f\":0}]}", ""},
    {"the domain in upper case",
     "{\"dpv\":\"1\",\"d\":\"Example.COM\",\"policies\":[{\"policy-type\":9,\"f\":0}]}",
     "example.com successful " NO_POLICY},
    {"a quotation mark in a text", FAILED("{\"c\":201,\"a\":\"a\\\"b\\u0007\"}"),
     DETAIL("{\"result-type\":\"starttls-not-supported\",\"additional-information\":"
	    "\"a\\\"b\xef\xbf\xbd\"}")},
    {"another version",
     "{\"dpv\":\"2\",\"d\":\"example.com\",\"policies\":[{\"policy-type\":9,\"f\":0}]}", NULL},
    {"no version", "{\"d\":\"example.com\",\"policies\":[{\"policy-type\":9,\"f\":0}]}", NULL},
    {"no domain", "{\"dpv\":\"1\",\"policies\":[{\"policy-type\":9,\"f\":0}]}", NULL},
    {"a domain that is none",
     "{\"dpv\":\"1\",\"d\":\"a b\",\"policies\":[{\"policy-type\":9,\"f\":0}]}", NULL},
    {"no policy", "{\"dpv\":\"1\",\"d\":\"example.com\",\"policies\":[]}", NULL},
    {"policies as an object", "{\"dpv\":\"1\",\"d\":\"example.com\",\"policies\":{}}", NULL},
    {"the second policy is not an object", HEAD "{\"policy-type\":9,\"f\":0},7]}", NULL},
    {"two members of one name",
     "{\"dpv\":\"1\",\"dpv\":\"1\",\"d\":\"example.com\",\"policies\":[{\"f\":0}]}", NULL},
    {"a list", "[1]", NULL},
    {"nothing", "", NULL},
    {"half", HEAD, NULL},
};

static void test_datagrams(void)
{
	struct arena *arena = arena_new(0);

	for (unsigned i = 0; i < COUNT(datagrams); i++) {
		struct why why = {""};
		int result;

		forget_events();
		result = datagram_parse(arena, span_of(datagrams[i].text), SESSION_TLSRPT,
					note_session, NULL, &why);
		if (datagrams[i].want == NULL)
			ok(result == -1 && told.len == 0 && why.text[0] != '\0', "%s: refused, %s",
			   datagrams[i].what, why.text);
		else
			is_text(result == 0 ? buf_text(&told) : why.text, datagrams[i].want, "%s",
				datagrams[i].what);
	}
	arena_free(arena);
}

static void test_large_datagrams(void)
{
	struct arena *arena = arena_new(0);
	struct why why = {""};
	struct buf text;

	buf_init(&text, arena, 0);
	buf_printf(&text, HEAD "{\"policy-type\":2,\"policy-string\":[");
	for (unsigned i = 0; i < 100; i++)
		buf_printf(&text, "%s\"%0400u\"", i == 0 ? "" : ",", i);
	buf_printf(&text, "],\"f\":0}]}");
	forget_events();
	is_int(datagram_parse(arena, buf_view(&text), SESSION_TLSRPT, note_session, NULL, &why), 0,
	       "a long policy: %s", why.text);
	ok(told.len < SESSION_POLICY_MAX + 64, "is cut to %zu bytes", told.len);
	buf_clear(&text);
	for (unsigned i = 0; i < DATAGRAM_BYTES_MAX / 8 + 1; i++)
		buf_printf(&text, "        ");
	is_int(datagram_parse(arena, buf_view(&text), SESSION_TLSRPT, note_session, NULL, &why), -1,
	       "a long datagram: %s", why.text);
	arena_free(arena);
}

/* What the policy service writes, the counter reads. */
static void test_written(void)
{
	const struct session_detail detail = {.result = SESSION_STS_FETCH,
					      .reason = "HTTP status 404 \"x\""};
	struct arena *arena = arena_new(0);
	struct why why = {""};
	struct buf text;

	buf_init(&text, arena, 0);
	datagram_write(&text, arena, "example.com", SESSION_STS, &detail);
	forget_events();
	is_int(datagram_parse(arena, buf_view(&text), SESSION_OWN, note_session, NULL, &why), 0,
	       "one of our own: %s", why.text);
	is_text(buf_text(&told),
		"example.com failed {\"policy-type\":\"sts\",\"policy-domain\":\"example.com\"}|"
		"example.com detail {\"policy-type\":\"sts\",\"policy-domain\":\"example.com\"} "
		"{\"result-type\":\"sts-policy-fetch-error\",\"failure-reason-code\":\"HTTP status "
		"404 \\\"x\\\"\"}",
		"and what is in it");
	arena_free(arena);
}

/* ---- the log of Postfix ---- */

#define AT "Nov 29 13:00:01 host postfix/smtp[12]: "
#define TLS(word)                                                                                  \
	AT word                                                                                    \
	    " TLS connection established to mx.example.com[192.0.2.1]:25: TLSv1.3 with cipher X\n"
#define TO(user, rest)                                                                             \
	AT "4A1: to=<" user                                                                        \
	   ">, relay=mx.example.com[192.0.2.1]:25, delay=1, delays=0/0/1/0, " rest "\n"
#define SENT          TO("a@example.com", "dsn=2.0.0, status=sent (250 2.0.0 OK)")
#define DEFERRED(why) TO("a@example.com", "dsn=4.7.5, status=deferred (" why ")")
#define FAULT(words)                                                                               \
	AT "server certificate verification failed for mx.example.com[192.0.2.1]:25: " words "\n"
#define EXPIRED                                                                                    \
	AT "certificate verification failed for mx.example.com[192.0.2.1]:25: certificate has "    \
	   "expired\n"
#define TLSA    "{\"policy-type\":\"tlsa\",\"policy-domain\":\"example.com\"}"
#define AT_HOST "\"receiving-mx-hostname\":\"mx.example.com\",\"receiving-ip\":\"192.0.2.1\"}"
#define FAILURE(policy, type)                                                                      \
	"example.com failed " policy "|example.com detail " policy " {\"result-type\":\"" type     \
	"\"," AT_HOST

static const struct {
	const char *what, *held, *lines, *want;
} logs[] = {
    {"TLS, no policy", NULL, TLS("Trusted") SENT, "example.com successful " NO_POLICY},
    {"an anonymous one", NULL, TLS("Anonymous") SENT, "example.com successful " NO_POLICY},
    {"verified: DANE", NULL, TLS("Verified") SENT, "example.com successful " TLSA},
    {"verified: MTA-STS",
     "version: STSv1\r\nmode: enforce\r\nmx: mx.example.com\r\nmax_age: 99\r\n",
     TLS("Verified") SENT,
     "example.com successful "
     "{\"policy-type\":\"sts\",\"policy-domain\":\"example.com\",\"policy-string\":[\"version: "
     "STSv1\",\"mode: enforce\",\"mx: mx.example.com\",\"max_age: "
     "99\"],\"mx-host\":[\"mx.example.com\"]}"},
    {"a policy with mode none", "version: STSv1\nmode: none\nmax_age: 99\n", TLS("Trusted") SENT,
     "example.com successful " NO_POLICY},
    {"mode testing, a host that nobody trusts",
     "version: STSv1\nmode: testing\nmx: mx.example.com\nmax_age: 9\n", TLS("Untrusted") SENT,
     FAILURE("{\"policy-type\":\"sts\",\"policy-domain\":\"example.com\",\"policy-string\":["
	     "\"version: STSv1\",\"mode: testing\",\"mx: mx.example.com\",\"max_age: "
	     "9\"],\"mx-host\":[\"mx.example.com\"]}",
	     "certificate-not-trusted")},
    {"no TLS, which nobody asked for", NULL, SENT, ""},
    {"a second mail over one connection", NULL, TLS("Trusted") SENT SENT,
     "example.com successful " NO_POLICY},
    {"a refusal after TLS", NULL,
     TLS("Trusted") TO("a@example.com", "dsn=5.1.1, status=bounced (host mx said: 550 no)"),
     "example.com successful " NO_POLICY},
    {"no STARTTLS", NULL,
     DEFERRED("TLS is required, but was not offered by host mx.example.com[192.0.2.1]"),
     FAILURE(TLSA, "starttls-not-supported")},
    {"not trusted: DANE", NULL, TLS("Untrusted") DEFERRED("Server certificate not trusted"),
     FAILURE(TLSA, "certificate-not-trusted")},
    {"not verified: another name", NULL,
     FAULT("num=62:hostname mismatch") TLS("Untrusted") DEFERRED("Server certificate not verified"),
     FAILURE(TLSA, "certificate-host-mismatch")},
    {"not verified, TLSA", NULL,
     FAULT("num=65:no matching DANE TLSA records") TLS("Untrusted")
	 DEFERRED("Server certificate not verified"),
     FAILURE(TLSA, "validation-failure")},
    {"an issuer with such words", NULL,
     AT "certificate verification failed for mx.example.com[192.0.2.1]:25: untrusted issuer "
	"/CN=num=62: certificate has expired\n" TLS("Untrusted")
	    DEFERRED("Server certificate not verified"),
     FAILURE(TLSA, "certificate-not-trusted")},
    {"not verified, not trusted", NULL,
     TLS("Untrusted") DEFERRED("Server certificate not verified"),
     FAILURE(TLSA, "certificate-not-trusted")},
    {"expired", NULL, EXPIRED TLS("Untrusted") DEFERRED("Server certificate not verified"),
     FAILURE(TLSA, "certificate-expired")},
    {"no handshake", NULL, DEFERRED("Cannot start TLS: handshake failure"),
     FAILURE(NO_POLICY, "validation-failure")},
    {"our own words in a reply", NULL,
     TO("a@example.com",
	"dsn=4.0.0, status=deferred (host mx said: 450 (Server certificate not verified))"),
     ""},
    {"another process", NULL,
     TLS("Trusted") "Nov 29 13:00:01 host postfix/smtp[13]: 4A1: to=<a@example.com>, "
		    "relay=mx.example.com[192.0.2.1]:25, status=sent (250)\n",
     ""},
    {"another host", NULL,
     TLS("Trusted") AT
     "4A1: to=<a@example.com>, relay=mx2.example.com[192.0.2.2]:25, status=sent (250)\n",
     ""},
    {"smtpd", NULL,
     "Nov 29 13:00:01 host postfix/smtpd[12]: Trusted TLS connection established to "
     "mx.example.com[192.0.2.1]:25: TLSv1.3\n" SENT,
     ""},
    {"another program that quotes one", NULL,
     "Nov 29 13:00:01 host dovecot: user=postfix/smtp[12]: Trusted TLS connection established "
     "to "
     "mx.example.com[192.0.2.1]:25: TLSv1.3\n" SENT,
     ""},
    {"another instance, RFC 3339", NULL,
     "2026-11-29T13:00:01+00:00 host postfix-out/smtp[12]: Trusted TLS connection established "
     "to "
     "mx.example.com[192.0.2.1]:25: TLSv1.3\n"
     "2026-11-29T13:00:01+00:00 host postfix-out/smtp[12]: 4A1: to=<a@example.com>, "
     "relay=mx.example.com[192.0.2.1]:25, status=sent (250)\n",
     "example.com successful " NO_POLICY},
    {"an address without a domain", NULL, TLS("Trusted") TO("root", "status=sent (250)"), ""},
    {"an address with a quoted @", NULL,
     TLS("Trusted") TO("\"x@y\"@example.com", "status=sent (250)"),
     "example.com successful " NO_POLICY},
};

static const char *find_held(void *arg, struct arena *arena, const char *domain)
{
	(void)arena;
	return strcmp(domain, "example.com") == 0 ? *(const char **)arg : NULL;
}

static const char *held;

static void test_log(void)
{
	for (unsigned i = 0; i < COUNT(logs); i++) {
		struct postlog *postlog = postlog_new(find_held, note_session, &held);
		struct span text = span_of(logs[i].lines), line;
		bool more = true;

		held = logs[i].held;
		forget_events();
		while (span_split(&text, &more, '\n', &line))
			postlog_line(postlog, line);
		is_text(buf_text(&told), logs[i].want, "log: %s", logs[i].what);
		postlog_free(postlog);
	}
}

/* ---- rua ---- */

static const struct {
	const char *text, *want;
} ruas[] = {
    {"mailto:a@example.com", "a@example.com"},
    {"mailto:a@example.com,https://r.example.com/v1", "a@example.com https://r.example.com/v1"},
    {" mailto:a@example.com , mailto:a@example.com", "a@example.com"},
    {"https://r.example.com:443/x", "https://r.example.com:443/x"},
    {"https://r.example.com:8443/x", ""},
    {"https://user@r.example.com/", ""},
    {"https://localhost/", ""},
    {"https://r.example.com/#x", ""},
    {"https://r.example.com/a b", ""},
    {"http://r.example.com/", ""},
    {"mailto:a@example.com!10m", ""},
    {"mailto:a b@example.com", ""},
    {"mailto:", ""},
    {"", ""},
};

/* Each as the record of a domain. */
static void test_rua(void)
{
	const struct dns_settings none = {.servers = NULL};
	struct dns *dns = dns_new_memory(&none);
	struct arena *arena = arena_new(0);
	const char *addresses[RUA_MAX];

	for (unsigned i = 0; i < COUNT(ruas); i++) {
		const char *domain = arena_printf(arena, "d%u.example", i);
		const char *text = arena_printf(arena, "v=TLSRPTv1; rua=%s", ruas[i].text);
		struct dns_scope *scope;
		struct why why;
		struct buf list;
		unsigned count;

		if (dns_memory_add(dns, arena_printf(arena, "_smtp._tls.%s", domain), DNS_TYPE_TXT,
				   text, strlen(text), &why) != 0)
			tap_skip_all("%s", why.text);
		scope = dns_scope_new(dns, 10, CLOCK_SECOND);
		rua_find(scope, arena, domain, addresses, &count);
		dns_scope_free(scope);
		buf_init(&list, arena, 0);
		for (unsigned j = 0; j < count; j++)
			buf_printf(&list, "%s%s", j == 0 ? "" : " ", addresses[j]);
		is_text(buf_text(&list), ruas[i].want, "rua=%s", ruas[i].text);
	}
	dns_free(dns);
	arena_free(arena);
}

static void test_record(void)
{
	static const struct {
		const char *name, *records[2];
		enum rua_answer want;
	} cases[] = {
	    {"one.example", {"v=TLSRPTv1; rua=mailto:a@example.com"}, RUA_FOUND},
	    {"two.example",
	     {"v=TLSRPTv1; rua=mailto:a@b.c", "v=TLSRPTv1; rua=mailto:d@e.f"},
	     RUA_NONE},
	    {"other.example", {"v=spf1 -all", "v=TLSRPTv1;rua=https://a.example/"}, RUA_FOUND},
	    {"bad.example", {"v=TLSRPTv1; rua=ftp://x"}, RUA_NONE},
	    {"none.example", {NULL}, RUA_NONE},
	};
	struct arena *arena = arena_new(0);
	const struct dns_settings none = {.servers = NULL};
	struct dns *dns = dns_new_memory(&none);
	const char *addresses[RUA_MAX];
	struct why why;
	unsigned count;

	for (unsigned i = 0; i < COUNT(cases); i++) {
		const char *name = arena_printf(arena, "_smtp._tls.%s", cases[i].name);
		struct dns_scope *scope;

		for (unsigned j = 0; j < 2 && cases[i].records[j] != NULL; j++)
			if (dns_memory_add(dns, name, DNS_TYPE_TXT, cases[i].records[j],
					   strlen(cases[i].records[j]), &why) != 0)
				tap_skip_all("%s", why.text);
		scope = dns_scope_new(dns, 10, CLOCK_SECOND);
		is_int(rua_find(scope, arena, cases[i].name, addresses, &count), cases[i].want,
		       "the record of %s", cases[i].name);
		dns_scope_free(scope);
	}
	dns_free(dns);
	arena_free(arena);
}

/* ---- the day's sums, the report, and what the inbox reads ---- */

static const struct aggregate_reporter reporter = {
    .org_name = "Test \"Org\"", .email = "tls@sender.example", .receiver = "sender.example"};

static struct sql *open_store(void)
{
	static char path[300];
	struct ledger_settings settings = {.path = path};
	struct ledger *ledger;
	struct why why = {""};

	snprintf(path, sizeof path, "%s/ledger", tap_directory());
	ledger = ledger_open(&settings, &why);
	if (ledger == NULL)
		tap_skip_all("%s", why.text);
	ledger_close(ledger);
	return sqlite_sql(&settings, &why);
}

struct adding {
	struct sql *sql;
	int32_t day;
};

static void add_session(void *arg, const struct session *session)
{
	struct adding *adding = arg;
	struct why why = {""};

	if (sessions_add(adding->sql, adding->day, session, &why) != 0)
		ok(false, "a session is added: %s", why.text);
}

static void add_datagram(struct adding *adding, const char *text)
{
	struct arena *arena = arena_new(0);
	struct why why = {""};

	if (datagram_parse(arena, span_of(text), SESSION_TLSRPT, add_session, adding, &why) != 0)
		ok(false, "%s", why.text);
	arena_free(arena);
}

static void write_whole(struct sql *sql, int32_t day, int64_t reports, FILE *out,
			struct document_sum *sum)
{
	char id[DOCUMENT_ID_MAX];
	struct why why = {""};

	document_id(&reporter, "host", "example.com", day, id);
	is_int(document_write(sql, &reporter, id, "example.com", day, reports, out, sum, &why), 0,
	       "the report is written: %s", why.text);
}

/* Through the mail into the process that reads reports. */
static void test_read(FILE *text, int32_t day, const struct document_sum *sum)
{
	struct arena *arena = arena_new(0);
	struct inbox_check check = {.arena = arena};
	FILE *gz = tmpfile(), *message = tmpfile();
	char id[DOCUMENT_ID_MAX];
	struct mail mail = {.reporter = &reporter,
			    .domain = "example.com",
			    .id = id,
			    .to = "a@example.com",
			    .day = day,
			    .messages = sum->sessions,
			    .date = clock_wall()};
	struct reader_result *result;
	struct why why = {""};

	document_id(&reporter, "host", "example.com", day, id);
	mail.file_name = document_file_name(&reporter, "example.com", day, id, arena);
	is_int(gzip_file(text, gz, &why) + mail_write_tls(&mail, gz, message, &why), 0, "the mail");
	fflush(message);
	result = reader_read(fileno(message), 0, ftello(message), NULL, clock_wall(), &why);
	ok(result != NULL && reader_count(result) == 1 &&
	       reader_report(result, 0)->end.kind == INBOX_TLS,
	   "our own inbox takes it for a TLS report: %s", why.text);
	buf_init(&check.text, arena, 0);
	if (result != NULL)
		reader_each(result, 0, inbox_check_text, &check, &why);
	ok(strstr(buf_text(&check.text), "certificate-expired") != NULL &&
	       strstr(buf_text(&check.text), "mx.example.com") != NULL &&
	       strstr(buf_text(&check.text), id) != NULL,
	   "with its failure, host and identifier");
	tap_note("%s", buf_text(&check.text));
	reader_free(result);
	fclose(gz);
	fclose(message);
	arena_free(arena);
}

static void test_report(struct sql *sql)
{
	struct adding adding = {sql, clock_day(clock_wall()) - 1};
	struct document_sum sum;
	char text[4096] = "";
	FILE *out = tmpfile();

	for (unsigned i = 0; i < 5; i++)
		add_datagram(&adding, datagrams[1].text);
	add_datagram(&adding, FAILED("{\"c\":204,\"n\":\"mx.example.com\"}"));
	add_datagram(&adding, FAILED("{\"c\":204,\"n\":\"mx.example.com\"}"));
	add_datagram(&adding, datagrams[0].text);
	write_whole(sql, adding.day, 2, out, &sum);
	is_int(sum.sessions, 6, "without the two that carried reports");
	is_int(sum.policies, 2, "two policies");
	rewind(out);
	text[fread(text, 1, sizeof text - 1, out)] = '\0';
	ok(strstr(text, "\"organization-name\":\"Test \\\"Org\\\"\"") != NULL &&
	       strstr(text, "T00:00:00Z") != NULL && strstr(text, "T23:59:59Z") != NULL,
	   "its head");
	ok(strstr(text,
		  "{\"policy\":" NO_POLICY ",\"summary\":{\"total-successful-session-count\":0,"
		  "\"total-failure-session-count\":2},\"failure-details\":[{\"result-type\":"
		  "\"certificate-expired\",\"receiving-mx-hostname\":\"mx.example.com\","
		  "\"failed-session-count\":2}]}") != NULL,
	   "a policy with failures: %s", text);
	ok(strstr(text, "{\"total-successful-session-count\":4,"
			"\"total-failure-session-count\":0}}") != NULL,
	   "one without");
	test_read(out, adding.day, &sum);
	fclose(out);
	out = tmpfile();
	write_whole(sql, adding.day - 1, 0, out, &sum);
	is_int(sum.sessions, 0, "a day without sessions");
	fclose(out);
}

/* A report that would only tell of reports is none. */
static void test_only_reports(struct sql *sql)
{
	struct adding adding = {sql, clock_day(clock_wall()) - 5};
	struct document_sum sum;
	FILE *out = tmpfile();

	add_datagram(&adding, datagrams[0].text);
	add_datagram(&adding, datagrams[1].text);
	write_whole(sql, adding.day, 2, out, &sum);
	is_int(sum.sessions, 0, "nothing is left of two sessions with two reports");
	fclose(out);
}

static int count_row(void *arg, const struct session *session)
{
	int64_t *sums = arg;

	sums[0]++;
	sums[1] += session->kind == SESSION_DETAIL ? session->count : 0;
	return 0;
}

static void test_many(struct sql *sql)
{
	struct adding adding = {sql, clock_day(clock_wall()) - 3};
	int64_t sums[2] = {0, 0};
	struct why why = {""};
	char text[512];

	for (unsigned i = 0; i < SESSIONS_ROWS_MAX + 200; i++) {
		snprintf(text, sizeof text, FAILED("{\"c\":204,\"n\":\"mx%u.example.com\"}"), i);
		add_datagram(&adding, text);
	}
	is_int(sessions_each(sql, "example.com", adding.day, count_row, sums, &why), 0,
	       "rows of many hosts: %s", why.text);
	ok(sums[0] <= SESSIONS_ROWS_MAX + 1, "are condensed to %lld", (long long)sums[0]);
	is_int(sums[1], SESSIONS_ROWS_MAX + 200, "and all counted");
	is_int(sessions_expire(sql, adding.day + 1, &why), 0, "old ones go");
	sums[0] = 0;
	sessions_each(sql, "example.com", adding.day, count_row, sums, &why);
	is_int(sums[0], 0, "all of them");
}

int main(void)
{
	struct sql *sql = open_store();

	buf_init(&told, NULL, 0);
	test_datagrams();
	test_large_datagrams();
	test_written();
	test_log();
	test_rua();
	test_record();
	if (ok(sql != NULL, "the ledger is open")) {
		test_report(sql);
		test_only_reports(sql);
		test_many(sql);
	}
	sql_close(sql);
	buf_free(&told);
	return tap_done();
}
