/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * opinion/: a message is judged, its case is written, read, judged by the libraries with the
 * answers that were seen, and compared; what is not a case is refused; the link between worker and
 * process; what is kept.
 */
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/clock.h"
#include "opinion/case.h"
#include "opinion/compare.h"
#include "opinion/gather.h"
#include "opinion/judge.h"
#include "opinion/keep.h"
#include "opinion/link.h"
#include "policy/check.h"
#include "t/lib/dns_memory.h"
#include "t/lib/tap.h"

enum { NOW = 1700000000 };

static struct dkimcheck_engine *engine;
static struct arena *arena;
static struct dns *zone;

/* ---- a message ---- */

static const struct {
	const char *name;
	enum dns_type type;
	const char *data;
} records[] = {
    {"football.example.com", DNS_TYPE_TXT,
     "v=spf1 mx include:more.example.com exists:%{l}.%{i}.e.example.com -all"},
    {"football.example.com", DNS_TYPE_MX, "10 mail.example.com"},
    {"mail.example.com", DNS_TYPE_A, "192.0.2.1"},
    {"mail.example.com", DNS_TYPE_AAAA, "2001:db8::1"},
    {"more.example.com", DNS_TYPE_TXT, "v=spf1 ptr ?all"},
    {"9.2.0.192.in-addr.arpa", DNS_TYPE_PTR, "a.more.example.com"},
    {"a.more.example.com", DNS_TYPE_A, "192.0.2.9"},
    {"brisbane._domainkey.football.example.com", DNS_TYPE_TXT,
     "v=DKIM1; k=ed25519; p=11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo="},
    {"test._domainkey.football.example.com", DNS_TYPE_TXT,
     "v=DKIM1; k=rsa; p=MIGfMA0GCSqGSIb3DQEBAQUAA4GNADCBiQKBgQDkHlOQoBTzWR"
     "iGs5V6NpP3idY6Wk08a5qhdR6wy5bdOKb2jLQiY/J16JYi0Qvx/byYzCNb3W91y3FutAC"
     "DfzwQ/BC/e/8uBsCR+yz1Lxj+PL6lHvqMKrM3rG4hstT5QjvHO9PzoxZyVYLzBfO2EeC3"
     "Ip3G+2kryOTIKT+l/K4w3QIDAQAB"},
};

/* RFC 8463 appendix A. */
static const struct {
	const char *name, *value;
} fields[] = {
    {"DKIM-Signature", " v=1; a=ed25519-sha256; c=relaxed/relaxed;\r\n"
		       " d=football.example.com; i=@football.example.com;\r\n"
		       " q=dns/txt; s=brisbane; t=1528637909; h=from : to :\r\n"
		       " subject : date : message-id : from : subject : date;\r\n"
		       " bh=2jUSOH9NhtVGCQWNr9BrIAPreKQjO6Sn7XIkfJVOzv8=;\r\n"
		       " b=/gCrinpcQOoIfuHNQIbq4pgh9kyIK3AQUdt9OdqQehSwhEIug4D11Bus\r\n"
		       " Fa3bT3FY5OsU7ZbnKELq+eXdp1Q1Dw=="},
    {"DKIM-Signature", " v=1; a=rsa-sha256; c=relaxed/relaxed;\r\n"
		       " d=football.example.com; i=@football.example.com;\r\n"
		       " q=dns/txt; s=test; t=1528637909; h=from : to : subject :\r\n"
		       " date : message-id : from : subject : date;\r\n"
		       " bh=2jUSOH9NhtVGCQWNr9BrIAPreKQjO6Sn7XIkfJVOzv8=;\r\n"
		       " b=F45dVWDfMbQDGHJFlXUNB2HKfbCeLRyhDXgFpEL8GwpsRe0IeIixNTe3\r\n"
		       " DhCVlUrSjV4BwcVcOF6+FF3Zo9Rpo1tFOeS9mPYQTnGdaSGsgeefOsk2Jz\r\n"
		       " dA+L10TeYt9BgDfQNZtKdN1WO//KgIqXP7OdEFE4LjFYNcUxZQ4FADY+8="},
    {"From", " Joe SixPack <joe@football.example.com>"},
    {"To", " Suzie Q <suzie@shopping.example.net>"},
    {"Subject", " Is dinner ready?"},
    {"Date", " Fri, 11 Jul 2003 21:00:37 -0700 (PDT)"},
    {"Message-ID", " <20030712040037.46341.5F8J@football.example.com>"},
};
static const char body[] = "Hi.\r\n\r\nWe lost the game.  Are you hungry yet?\r\n\r\nJoe.\r\n\r\n";

static void make_zone(void)
{
	struct why why;

	zone = dns_new_memory(NULL);
	for (unsigned i = 0; i < sizeof records / sizeof *records; i++)
		if (dns_memory_add(zone, records[i].name, records[i].type, records[i].data,
				   strlen(records[i].data), &why) != 0)
			ok(false, "%s: %s", records[i].name, why.text);
}

static struct check_rules make_rules(void)
{
	return (struct check_rules){
	    .dkim_engine = engine,
	    .dkim = {.max_signatures = 10, .min_rsa_bits = 1024, .clock_drift = 300}};
}

/* The case of a message from CLIENT, judged by the native engines; SUBJECT: NULL as it was signed.
 */
static void judge_message(const char *client, const char *subject, struct opinion_case *c)
{
	static struct check_rules rules;
	struct check_client envelope = {
	    .helo = "mail.example.com", .mail_from = "joe@football.example.com", .receiver = "mx"};
	struct check_dns dns = {.dns = zone, .budget = 100, .max_wait = CLOCK_SECOND};
	struct check *check;

	rules = make_rules();
	ip_parse(span_of(client), &envelope.ip);
	check = check_new(&rules, &envelope, &dns, arena, NOW);
	for (unsigned i = 0; i < sizeof fields / sizeof *fields; i++) {
		bool changed = subject != NULL && strcmp(fields[i].name, "Subject") == 0;

		check_header(check, span_of(fields[i].name),
			     span_of(changed ? subject : fields[i].value));
	}
	check_end_of_headers(check);
	check_body(check, span_of(body));
	check_finish(check, clock_mono() + CLOCK_SECOND);
	gather_case(check, &rules, "4ABC", span_of(body), arena, c);
}

static struct span write_case(const struct opinion_case *c)
{
	struct buf out;

	buf_init(&out, arena, 0);
	case_write(c, &out);
	return buf_view(&out);
}

/* All the way that a sampled message goes. */
static enum compare_outcome send_through(const struct opinion_case *c,
					 struct compare_finding *finding)
{
	struct opinion_case read, reply;
	struct case_results results;
	struct why why = {""};

	ok(case_parse(write_case(c), arena, &read, &why) == 0, "the case is read: %s", why.text);
	judge_case(&read, engine, arena, &results);
	case_init(&reply);
	reply.library = results;
	ok(case_parse(write_case(&reply), arena, &read, &why) == 0, "and so is the answer: %s",
	   why.text);
	return compare_results(&c->native, &read.library, arena, finding);
}

static void test_agreement(void)
{
	static const struct {
		const char *client, *subject, *spf, *dkim;
	} rows[] = {
	    {"192.0.2.1", NULL, "pass", "pass"},
	    {"2001:db8::1", NULL, "pass", "pass"},
	    {"192.0.2.9", " Is dinner ready!", "pass", "fail"},
	    {"198.51.100.7", NULL, "fail", "pass"},
	};

	for (unsigned i = 0; i < sizeof rows / sizeof *rows; i++) {
		struct compare_finding finding;
		struct opinion_case c;

		judge_message(rows[i].client, rows[i].subject, &c);
		is_int(c.native.count, 4, "%s: two identities, two signatures", rows[i].client);
		is_text(auth_text(c.native.items[0].result), rows[i].spf, "SPF");
		is_text(auth_text(c.native.items[2].result), rows[i].dkim, "Ed25519");
		is_text(auth_text(c.native.items[3].result), rows[i].dkim, "RSA");
		is_int(send_through(&c, &finding), COMPARE_SAME, "the libraries say the same");
		is_text(finding.text, NULL, "there is nothing to say");
	}
}

static void test_difference(void)
{
	struct compare_finding finding;
	struct opinion_case c;

	judge_message("192.0.2.1", NULL, &c);
	c.native.items[0].result = AUTH_SOFTFAIL;
	is_int(send_through(&c, &finding), COMPARE_DIFFERENT, "a wrong result is seen");
	ok(finding.spf && !finding.dkim && finding.count == 1, "as one of SPF");
	ok(strstr(finding.text, "native softfail (192.0.2.1 matches mx") != NULL &&
	       strstr(finding.text, "libspf2 pass (") != NULL,
	   "with both reasons: %s", finding.text);
	judge_message("192.0.2.1", NULL, &c);
	c.native.items[3].result = AUTH_FAIL;
	c.native.items[3].why = "because\n\x1b[1m";
	is_int(send_through(&c, &finding), COMPARE_DIFFERENT, "of DKIM, too");
	ok(!finding.spf && finding.dkim &&
	       strstr(finding.text, "libopendkim pass (good: rsa") != NULL,
	   "%s", finding.text);
	ok(strstr(finding.text, "because??[1m") != NULL, "a reason is one line of printable text");
	c.native.count--;
	is_int(send_through(&c, &finding), COMPARE_DIFFERENT, "a result that is missing is one");
}

/* What the library cannot verify. */
static void test_unjudged(void)
{
	struct case_result native = {CASE_DKIM, AUTH_PASS, "d=x", "good"};
	struct case_result library = {CASE_DKIM, AUTH_NEUTRAL, "d=x", "cannot be verified here"};
	struct case_results one = {&native, 1}, other = {&library, 1};
	struct compare_finding finding;

	is_int(compare_results(&one, &other, arena, &finding), COMPARE_UNJUDGED, "neutral");
	library.result = AUTH_TEMPERROR;
	library.why = "could not be verified: out of memory";
	is_int(compare_results(&one, &other, arena, &finding), COMPARE_UNJUDGED, "it broke");
	library.why = "no answer for the key";
	is_int(compare_results(&one, &other, arena, &finding), COMPARE_DIFFERENT,
	       "another temperror is an opinion");
	native.subject = library.subject = CASE_SPF_MFROM;
	library.result = AUTH_NEUTRAL;
	is_int(compare_results(&one, &other, arena, &finding), COMPARE_DIFFERENT,
	       "a neutral of SPF is one");
}

/* An answer that the native engine did not ask for. */
static void test_unseen(void)
{
	struct compare_finding finding;
	struct opinion_case c;

	judge_message("192.0.2.1", NULL, &c);
	c.lookups[CASE_ENVELOPE].count = 0;
	is_int(send_through(&c, &finding), COMPARE_DIFFERENT, "without answers SPF is temperror");
	ok(strstr(finding.text, "the native engine did not ask for it") != NULL, "%s",
	   finding.text);
}

/* ---- the text of a case ---- */

#define FIRST "countersign-case 1\n"

static void test_grammar(void)
{
	static const struct {
		const char *text;
		bool good;
	} rows[] = {
	    {"", false},
	    {"countersign-case 2\n", false},
	    {FIRST, true},
	    {FIRST "id 1 x\n", true},
	    {FIRST "id 1 x", false},
	    {FIRST "id 2 x\n", false},
	    {FIRST "id 01 x\n", true},
	    {FIRST "id -1 x\n", false},
	    {FIRST "id 99999999999 x\n", false},
	    {FIRST "idx 1 x\n", false},
	    {FIRST "id 0 \n", true},
	    {FIRST "id  1 x\n", false},
	    {FIRST "now 2 -1\n", false},
	    {FIRST "client 9 192.0.2.1\n", true},
	    {FIRST "client 9 192.0.2.x\n", false},
	    {FIRST "spf_helo 1 1\n", true},
	    {FIRST "spf_helo 1 2\n", false},
	    {FIRST "field 3 a:b\nbody 2 \n\n\n", true},
	    {FIRST "field 2 ab\n", false},
	    {FIRST "lookup 26 envelope TXT nxdomain x.yz\n", true},
	    {FIRST "lookup 22 envelope TXT data x.yz\n", false},
	    {FIRST "lookup 22 envelope TXT data x.yz\nrecord 3 a\nb\n", true},
	    {FIRST "lookup 16 keys A data x.yz\nrecord 9 192.0.2.1\n", true},
	    {FIRST "lookup 16 keys A data x.yz\nrecord 3 ::1\n", false},
	    {FIRST "lookup 17 keys MX data x.yz\npreference 2 10\nrecord 3 a.b\n", true},
	    {FIRST "lookup 17 keys MX data x.yz\npreference 5 70000\nrecord 3 a.b\n", false},
	    {FIRST "lookup 18 keys SOA data x.yz\nrecord 3 a.b\n", false},
	    {FIRST "lookup 22 keys TXT tempfail x.yz\nreason 4 late\n", true},
	    {FIRST "lookup 22 keys TXT nxdomain x.yz\nreason 4 late\n", false},
	    {FIRST "record 3 a.b\n", false},
	    {FIRST "preference 1 1\n", false},
	    {FIRST "reason 1 x\n", false},
	    {FIRST "library 9 dkim pass\nname 1 d\nwhy 4 good\n", true},
	    {FIRST "library 9 dkim best\n", false},
	    {FIRST "library 9 arcx pass\n", false},
	    {FIRST "why 4 good\n", false},
	    {FIRST "name 4 good\n", false},
	};
	struct opinion_case c;
	struct why why;

	for (unsigned i = 0; i < sizeof rows / sizeof *rows; i++)
		ok((case_parse(span_of(rows[i].text), arena, &c, &why) == 0) == rows[i].good,
		   "row %u is %sa case", i, rows[i].good ? "" : "not ");
	ok(case_parse(span_make(FIRST "id 1 \0\n", strlen(FIRST) + 7), arena, &c, &why) != 0,
	   "a NUL in a text");
}

static struct span repeat_line(const char *line, unsigned times)
{
	struct buf out;

	buf_init(&out, arena, 0);
	buf_string(&out, FIRST);
	for (unsigned i = 0; i < times; i++)
		buf_string(&out, line);
	return buf_view(&out);
}

static void test_bounds(void)
{
	static const struct {
		const char *line;
		unsigned most;
	} rows[] = {
	    {"field 2 a:\n", CASE_FIELDS_MAX},
	    {"lookup 23 envelope TXT nodata x.y\n", CASE_LOOKUPS_MAX},
	    {"library 9 dkim pass\n", CASE_RESULTS_MAX},
	};
	struct opinion_case c;
	struct why why;

	for (unsigned i = 0; i < sizeof rows / sizeof *rows; i++) {
		ok(case_parse(repeat_line(rows[i].line, rows[i].most), arena, &c, &why) == 0,
		   "as many as may be: %u", rows[i].most);
		ok(case_parse(repeat_line(rows[i].line, rows[i].most + 1), arena, &c, &why) != 0,
		   "and one more");
	}
}

/* Any cut of a whole case is refused or reads as less; never as something else that breaks. */
static void test_cuts(void)
{
	struct opinion_case c, read;
	struct span text;
	struct why why;
	unsigned bad = 0;

	judge_message("192.0.2.1", NULL, &c);
	text = write_case(&c);
	for (const char *end = text.p; end < text.end; end++)
		bad += case_parse((struct span){text.p, end}, arena, &read, &why) != 0;
	ok(bad > span_len(text) - 200, "cuts are seen, but where a line ends: %u of %zu", bad,
	   span_len(text));
	ok(case_parse(text, arena, &read, &why) == 0, "the whole is a case");
	ok(span_same(write_case(&read), text), "and is written as it was");
}

/* ---- the link ---- */

static void test_link(void)
{
	struct link_case sent, received;
	struct span text, answer;
	struct why why;
	int ends[2];

	if (!link_is_built())
		return;
	ok(link_open(ends) == 0, "a link");
	ok(!link_receive(ends[LINK_PROCESS], 0, &received), "there is nothing");
	ok(link_send(ends[LINK_WORKER], span_of("text of a case"), &sent) == 0, "a case is sent");
	ok(link_receive(ends[LINK_PROCESS], 1000, &received), "and received");
	ok(link_read(received.data, arena, &text, &why) == 0 && span_eq(text, "text of a case"),
	   "it is what was sent");
	ok(pwrite(received.data, "X", 1, 0) < 0 && ftruncate(received.data, 0) < 0,
	   "who received it cannot change it");
	ok(!link_take_answer(sent.reply, arena, &answer), "no answer yet");
	link_answer(received.reply, span_of("an answer"));
	ok(link_take_answer(sent.reply, arena, &answer) && span_eq(answer, "an answer"),
	   "the answer");
	link_close(&sent);
	link_close(&received);
	ok(link_send(ends[LINK_WORKER], span_of("next"), &sent) == 0 &&
	       link_receive(ends[LINK_PROCESS], 1000, &received),
	   "the next one");
	link_close(&received);
	ok(!link_take_answer(sent.reply, arena, &answer), "its process ended: no answer");
	link_close(&sent);
	for (unsigned i = 0; i < 2; i++)
		send(ends[LINK_WORKER], "x", 1, 0);
	ok(!link_receive(ends[LINK_PROCESS], 0, &received), "a packet without files is dropped");
	close(ends[0]);
	close(ends[1]);
}

static void test_full_link(void)
{
	struct link_case sent[2000];
	unsigned count = 0;
	int ends[2];

	if (!link_is_built())
		return;
	ok(link_open(ends) == 0, "a link that nobody reads");
	while (count < 400 && link_send(ends[LINK_WORKER], span_of("x"), &sent[count]) == 0)
		count++;
	ok(count > 16 && count < 400, "it is full at last (%u), and nothing waits", count);
	while (count > 0)
		link_close(&sent[--count]);
	close(ends[0]);
	close(ends[1]);
}

/* ---- what is kept ---- */

static void test_keep(void)
{
	const char *directory = arena_printf(arena, "%s/cases", tap_directory()), *name;
	struct opinion_case c, kept;
	struct stat status;
	struct why why;
	char text[16384];
	ssize_t size;
	int fd;

	judge_message("192.0.2.1", NULL, &c);
	c.id = "../4A/B";
	ok(keep_case(directory, &c, arena, &name, &why) != 0, "no directory: %s", why.text);
	mkdir(directory, 0700);
	ok(keep_case(directory, &c, arena, &name, &why) == 0, "kept");
	is_text(name, arena_printf(arena, "%s/%d-___4A_B.case", directory, NOW), "its name");
	ok(stat(name, &status) == 0 && (status.st_mode & 0777) == 0600, "only its owner reads it");
	fd = open(name, O_RDONLY);
	size = read(fd, text, sizeof text);
	close(fd);
	ok(size > 0 && case_parse(span_make(text, (size_t)size), arena, &kept, &why) == 0,
	   "it is a case");
	ok(keep_case(directory, &c, arena, &name, &why) != 0,
	   "a second one of that name is not: %s", why.text);
	for (unsigned i = 1; i < KEEP_FILES_MAX; i++) {
		c.id = arena_printf(arena, "%u", i);
		if (keep_case(directory, &c, arena, &name, &why) != 0)
			ok(false, "%s", why.text);
	}
	c.id = "more";
	ok(keep_case(directory, &c, arena, &name, &why) != 0 && strstr(why.text, "full") != NULL,
	   "as many as there may be: %s", why.text);
}

int main(void)
{
	struct why why = {""};

	arena = arena_new(0);
	engine = dkimcheck_engine_new(&why);
	ok(engine != NULL, "libopendkim: %s", why.text);
	make_zone();
	test_agreement();
	test_difference();
	test_unjudged();
	test_unseen();
	test_grammar();
	test_bounds();
	test_cuts();
	test_link();
	test_full_link();
	test_keep();
	arena_free(arena);
	dns_free(zone);
	dkimcheck_engine_free(engine);
	return tap_done();
}
