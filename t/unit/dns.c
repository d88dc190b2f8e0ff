/* SPDX-License-Identifier: BSD-2-Clause */
/* dns/: scopes, lookups, sharing, time and budget, against the back end in memory. */
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "dns/dns.h"
#include "lib/clock.h"
#include "t/lib/dns_memory.h"
#include "t/lib/tap.h"

enum { LONG_WAIT = 5 }; /* seconds; no test waits so long unless it fails */

static struct dns *new_dns(void)
{
	return dns_new_memory(NULL);
}

static struct dns_scope *new_scope(struct dns *dns)
{
	return dns_scope_new(dns, 1000, LONG_WAIT * CLOCK_SECOND);
}

static void add(struct dns *dns, const char *name, enum dns_type type, const char *data)
{
	struct why why = {""};

	if (dns_memory_add(dns, name, type, data, strlen(data), &why) == -1)
		ok(false, "add %s %s: %s", name, data, why.text);
}

static void alias(struct dns *dns, const char *name, const char *target)
{
	struct why why = {""};

	if (dns_memory_alias(dns, name, target, &why) == -1)
		ok(false, "alias %s: %s", name, why.text);
}

static void nap(int64_t nanoseconds)
{
	struct timespec t = {nanoseconds / CLOCK_SECOND, nanoseconds % CLOCK_SECOND};

	nanosleep(&t, NULL);
}

static const struct dns_answer *ask(struct dns_scope *scope, const char *name, enum dns_type type)
{
	return dns_wait(dns_start(scope, name, type));
}

static uint64_t queries(struct dns *dns)
{
	struct dns_stats stats;

	dns_stats(dns, &stats);
	return stats.queries;
}

/* ---- what an answer is ---- */

static const struct {
	const char *name;
	enum dns_type type;
	enum dns_status status;
	const char *text; /* of the first record, or the reason */
} answer_cases[] = {
    {"a.example", DNS_TYPE_TXT, DNS_DATA, "one"},
    {"A.Example.", DNS_TYPE_TXT, DNS_DATA, "one"},
    {"a.example", DNS_TYPE_AAAA, DNS_NODATA, NULL},
    {"example", DNS_TYPE_TXT, DNS_NODATA, NULL},
    {"b.example", DNS_TYPE_TXT, DNS_NXDOMAIN, NULL},
    {"x.a.example", DNS_TYPE_TXT, DNS_NXDOMAIN, NULL},
    {"broken.example", DNS_TYPE_TXT, DNS_TEMPFAIL, "SERVFAIL"},
    {"broken.example", DNS_TYPE_MX, DNS_DATA, "mx.example"},
    {"cut.example", DNS_TYPE_TXT, DNS_TEMPFAIL, "truncated"},
    {"big.example", DNS_TYPE_TXT, DNS_TEMPFAIL, "answer too large"},
    {"many.example", DNS_TYPE_A, DNS_TEMPFAIL, "answer too large"},
    {"null.example", DNS_TYPE_MX, DNS_DATA, "."},
    {"4.3.2.1.in-addr.arpa", DNS_TYPE_PTR, DNS_DATA, "host.example"},
    /* RFC 4592 section 2.2.1, its example */
    {"host3.w.example", DNS_TYPE_MX, DNS_DATA, "host1.w.example"},
    {"host3.w.example", DNS_TYPE_A, DNS_NODATA, NULL},
    {"foo.bar.w.example", DNS_TYPE_TXT, DNS_DATA, "this is a wildcard"},
    {"host1.w.example", DNS_TYPE_MX, DNS_NODATA, NULL},
    {"sub.*.w.example", DNS_TYPE_MX, DNS_NODATA, NULL},
    {"_telnet._tcp.host1.w.example", DNS_TYPE_TXT, DNS_NXDOMAIN, NULL},
    {"ghost.*.w.example", DNS_TYPE_MX, DNS_NXDOMAIN, NULL},
    {"_ssh.w.example", DNS_TYPE_TXT, DNS_DATA, "this is a wildcard"},
    /* aliases */
    {"alias.example", DNS_TYPE_TXT, DNS_DATA, "one"},
    {"alias2.example", DNS_TYPE_TXT, DNS_DATA, "one"},
    {"alias2.example", DNS_TYPE_MX, DNS_NODATA, NULL},
    {"dangling.example", DNS_TYPE_TXT, DNS_NXDOMAIN, NULL},
    {"tobroken.example", DNS_TYPE_TXT, DNS_TEMPFAIL, "SERVFAIL"},
    {"loop1.example", DNS_TYPE_TXT, DNS_TEMPFAIL, "too many aliases in a chain"},
    {"any.aliases.example", DNS_TYPE_TXT, DNS_DATA, "one"},
    /* names that DNS cannot carry */
    {"", DNS_TYPE_TXT, DNS_NXDOMAIN, NULL},
    {".", DNS_TYPE_TXT, DNS_NXDOMAIN, NULL},
    {"a..example", DNS_TYPE_TXT, DNS_NXDOMAIN, NULL},
    {".a.example", DNS_TYPE_TXT, DNS_NXDOMAIN, NULL},
    {"a.example..", DNS_TYPE_TXT, DNS_NXDOMAIN, NULL},
};

static void fill_answers(struct dns *dns)
{
	static char big[40000];
	char address[20];

	add(dns, "a.example", DNS_TYPE_TXT, "one");
	add(dns, "a.example", DNS_TYPE_TXT, "two");
	add(dns, "broken.example", DNS_TYPE_MX, "10 mx.example");
	dns_memory_mode(dns, "broken.example", DNS_TYPE_TXT, DNS_MEMORY_SERVFAIL);
	dns_memory_mode(dns, "cut.example", 0, DNS_MEMORY_TRUNCATED);
	memset(big, 'x', sizeof big - 1);
	add(dns, "big.example", DNS_TYPE_TXT, big);
	add(dns, "big.example", DNS_TYPE_TXT, big);
	for (int i = 0; i <= DNS_RECORDS_MAX; i++) {
		snprintf(address, sizeof address, "192.0.2.%d", i);
		add(dns, "many.example", DNS_TYPE_A, address);
	}
	add(dns, "null.example", DNS_TYPE_MX, "0 .");
	add(dns, "4.3.2.1.in-addr.arpa.", DNS_TYPE_PTR, "Host.Example.");
	add(dns, "*.w.example", DNS_TYPE_TXT, "this is a wildcard");
	add(dns, "*.w.example", DNS_TYPE_MX, "10 host1.w.example.");
	add(dns, "sub.*.w.example", DNS_TYPE_TXT, "this is not a wildcard");
	add(dns, "host1.w.example", DNS_TYPE_A, "192.0.2.1");
	add(dns, "_ssh._tcp.host1.w.example", DNS_TYPE_TXT, "srv");
	alias(dns, "alias.example", "a.example");
	alias(dns, "alias2.example", "alias.example");
	alias(dns, "dangling.example", "nowhere.example");
	alias(dns, "tobroken.example", "broken.example");
	alias(dns, "loop1.example", "loop2.example");
	alias(dns, "loop2.example", "loop1.example");
	alias(dns, "*.aliases.example", "alias.example");
}

static void check_answers(struct dns *dns, const char *how)
{
	struct dns_scope *scope = new_scope(dns);

	for (size_t i = 0; i < sizeof answer_cases / sizeof *answer_cases; i++) {
		const struct dns_answer *answer =
		    ask(scope, answer_cases[i].name, answer_cases[i].type);
		const char *text = answer->count > 0 ? answer->records[0].text : answer->reason;

		is_text(dns_status_text(answer->status), dns_status_text(answer_cases[i].status),
			"%s: %s %s", how, answer_cases[i].name,
			dns_type_text(answer_cases[i].type));
		is_text(text, answer_cases[i].text, "and its text");
	}
	dns_scope_free(scope);
}

static void test_answers(void)
{
	struct dns *dns = new_dns();

	fill_answers(dns);
	check_answers(dns, "at once");
	check_answers(dns, "from the cache");
	dns_memory_delay(dns, CLOCK_MS);
	dns_flush(dns);
	check_answers(dns, "after 1 ms");
	dns_free(dns);
}

static void test_records(void)
{
	struct dns *dns = new_dns();
	struct dns_scope *scope = new_scope(dns);
	const struct dns_answer *answer;
	char txt[700];
	struct why why;

	memset(txt, 'k', sizeof txt);
	txt[300] = '\0';
	dns_memory_add(dns, "t.example", DNS_TYPE_TXT, txt, sizeof txt, NULL);
	dns_memory_add(dns, "t.example", DNS_TYPE_TXT, "", 0, NULL);
	answer = ask(scope, "t.example", DNS_TYPE_TXT);
	is_int(answer->count, 2, "two TXT records");
	ok(answer->records[0].length == 700 && memcmp(answer->records[0].text, txt, 700) == 0,
	   "strings are joined, any byte goes through");
	ok(answer->records[0].text[700] == '\0', "a NUL comes after it");
	ok(answer->records[1].length == 0, "an empty string is a text");
	add(dns, "m.example", DNS_TYPE_MX, "20 B.example");
	add(dns, "m.example", DNS_TYPE_A, "192.0.2.9");
	add(dns, "m.example", DNS_TYPE_AAAA, "2001:db8::9");
	answer = ask(scope, "m.example", DNS_TYPE_MX);
	is_int(answer->records[0].preference, 20, "preference");
	is_text(answer->records[0].text, "b.example", "host, lower case");
	answer = ask(scope, "m.example", DNS_TYPE_A);
	ok(memcmp(answer->records[0].address, "\xc0\0\x02\x09", 4) == 0, "address");
	answer = ask(scope, "m.example", DNS_TYPE_AAAA);
	ok(memcmp(answer->records[0].address, "\x20\x01\x0d\xb8\0\0\0\0\0\0\0\0\0\0\0\x09", 16) ==
	       0,
	   "IPv6 address");
	is_int(dns_memory_add(dns, "a..b", DNS_TYPE_A, "1.2.3.4", 7, &why), -1, "no name");
	is_text(why.text, "a..b: not a domain name", "is said");
	is_int(dns_memory_add(dns, "m.example", DNS_TYPE_A, "1.2.3", 5, &why), -1, "no address");
	is_text(why.text, "m.example: no data of type A", "is said");
	is_int(dns_memory_add(dns, "m.example", DNS_TYPE_MX, "x b", 3, &why), -1, "no preference");
	is_int(dns_memory_alias(dns, "m.example", "x.example", &why), -1,
	       "no alias beside records");
	dns_scope_free(scope);
	dns_free(dns);
}

/* ---- the scope's own rules ---- */

/* What the records of mail's other types hold, as the wire has them. */
static void test_other_types(void)
{
	static const char srv[] = "\0\12\0\5\3\341\2mx\4test";
	static const char soa[] =
	    "\2ns\4test\0\4root\4test\0\170\0\0\1\0\0\16\20\0\0\3\204\0\11\72\200"
	    "\0\0\1\54";
	static const char tlsa[] = "\3\1\1\252\273";
	static const char dnskey[] = "\1\1\3\15\252\273";
	static const char ds[] = "\4\322\15\2\252";
	static const char rrsig[] =
	    "\0\6\15\1\0\0\1\54\200\0\0\2\177\377\377\1\4\322\1a\4test\0\252";
	struct dns *dns = dns_new_memory(NULL);
	struct dns_scope *scope = new_scope(dns);
	const struct dns_record *record;
	struct why why;

	dns_memory_add(dns, "a.test", DNS_TYPE_RRSIG, rrsig, sizeof rrsig - 1, &why);
	dns_memory_add(dns, "b.test", DNS_TYPE_RRSIG, rrsig, sizeof rrsig - 2, &why);
	dns_memory_add(dns, "c.test", DNS_TYPE_RRSIG, rrsig, 18, &why);
	dns_memory_add(dns, "a.test", DNS_TYPE_SRV, srv, sizeof srv, &why);
	dns_memory_add(dns, "a.test", DNS_TYPE_SOA, soa, sizeof soa - 1, &why);
	dns_memory_add(dns, "a.test", DNS_TYPE_TLSA, tlsa, sizeof tlsa - 1, &why);
	dns_memory_add(dns, "a.test", DNS_TYPE_DS, ds, sizeof ds - 1, &why);
	dns_memory_add(dns, "a.test", DNS_TYPE_DNSKEY, dnskey, sizeof dnskey - 1, &why);
	dns_memory_add(dns, "b.test", DNS_TYPE_DNSKEY, dnskey, 4, &why);
	dns_memory_add(dns, "b.test", DNS_TYPE_TLSA, tlsa, 3, &why);
	add(dns, "a.test", DNS_TYPE_NS, "ns.test.");
	record = ask(scope, "a.test", DNS_TYPE_SRV)->records;
	ok(record->preference == 10 && record->weight == 5 && record->port == 993 &&
	       strcmp(record->text, "mx.test") == 0,
	   "SRV: priority, weight, port and target");
	record = ask(scope, "a.test", DNS_TYPE_SOA)->records;
	ok(record->serial == 0x78000001 && strcmp(record->text, "ns.test") == 0,
	   "SOA: server and serial");
	record = ask(scope, "a.test", DNS_TYPE_TLSA)->records;
	ok(memcmp(record->numbers, "\3\1\1", 3) == 0 && record->length == 2,
	   "TLSA: usage, selector, matching type and data");
	record = ask(scope, "a.test", DNS_TYPE_DS)->records;
	ok(record->preference == 1234 && record->numbers[0] == 13 && record->numbers[1] == 2,
	   "DS: key tag, algorithm and digest type");
	record = ask(scope, "a.test", DNS_TYPE_RRSIG)->records;
	ok(record->preference == DNS_TYPE_SOA && record->begins == 0x7fffff01 &&
	       record->ends == 0x80000002 && strcmp(record->text, "a.test") == 0,
	   "RRSIG: type covered, begin, end and signer");
	record = ask(scope, "a.test", DNS_TYPE_DNSKEY)->records;
	ok(record->preference == 257 && record->numbers[0] == 3 && record->numbers[1] == 13 &&
	       record->length == 2,
	   "DNSKEY: flags, protocol, algorithm and key");
	is_text(ask(scope, "b.test", DNS_TYPE_DNSKEY)->reason, "malformed record",
		"DNSKEY without a key");
	is_text(ask(scope, "b.test", DNS_TYPE_RRSIG)->reason, "malformed record",
		"RRSIG without a signature");
	is_text(ask(scope, "c.test", DNS_TYPE_RRSIG)->reason, "malformed record",
		"RRSIG without a signer");
	is_text(ask(scope, "a.test", DNS_TYPE_NS)->records[0].text, "ns.test", "NS");
	is_text(ask(scope, "b.test", DNS_TYPE_TLSA)->reason, "malformed record", "TLSA, cut");
	dns_scope_free(scope);
	dns_free(dns);
}

static void test_identity_and_budget(void)
{
	struct dns *dns = new_dns();
	struct dns_scope *scope = dns_scope_new(dns, 3, LONG_WAIT * CLOCK_SECOND);
	struct dns_lookup *a = dns_start(scope, "a.example", DNS_TYPE_TXT);
	char label[80];

	ok(dns_start(scope, "A.example.", DNS_TYPE_TXT) == a, "the same question, the same lookup");
	ok(dns_start(scope, "a.example", DNS_TYPE_MX) != a, "another type is another lookup");
	is_text(dns_lookup_name(a), "a.example", "its name");
	is_int(dns_scope_lookups(scope), 2, "two were started");
	memset(label, 'l', sizeof label);
	label[64] = '\0';
	is_int(ask(scope, label, DNS_TYPE_A)->status, DNS_NXDOMAIN, "a label of 64");
	is_int(dns_scope_lookups(scope), 2, "and does not count");
	label[63] = '\0';
	is_int(ask(scope, label, DNS_TYPE_A)->status, DNS_NXDOMAIN, "a label of 63");
	is_int(dns_scope_lookups(scope), 3, "counts");
	is_text(ask(scope, "c.example", DNS_TYPE_A)->reason, "too many lookups for one message",
		"the fourth is refused");
	is_int(ask(scope, "a.example", DNS_TYPE_TXT)->status, DNS_NXDOMAIN,
	       "the first is still there");
	is_int(queries(dns), 3, "what was refused was not asked");
	dns_scope_free(scope);
	scope = dns_scope_new(dns, 1, LONG_WAIT * CLOCK_SECOND);
	dns_start(scope, "a.example", DNS_TYPE_TXT);
	is_int(ask(scope, "a.example", DNS_TYPE_MX)->status, DNS_TEMPFAIL, "cached ones count too");
	dns_scope_free(scope);
	dns_free(dns);
}

static void test_long_names(void)
{
	struct dns *dns = new_dns();
	struct dns_scope *scope = new_scope(dns);
	char *name = malloc(100001);

	for (int i = 0; i < 100000; i++)
		name[i] = i % 2 ? '.' : 'N';
	name[100000] = '\0';
	is_int(ask(scope, name, DNS_TYPE_A)->status, DNS_NXDOMAIN, "100 kB are not a name");
	is_int(strlen(dns_lookup_name(dns_start(scope, name, DNS_TYPE_A))), DNS_NAME_MAX,
	       "it is cut");
	name[255] = '\0';
	is_int(ask(scope, name, DNS_TYPE_A)->status, DNS_NXDOMAIN, "254 and a dot");
	is_int(dns_scope_lookups(scope), 0, "are too many");
	name[253] = '.';
	name[254] = '\0';
	is_int(ask(scope, name, DNS_TYPE_A)->status, DNS_NXDOMAIN, "253 and a dot");
	is_int(dns_scope_lookups(scope), 1, "are possible");
	free(name);
	dns_scope_free(scope);
	dns_free(dns);
}

static void test_deadline(void)
{
	struct dns *dns = new_dns();
	struct dns_scope *scope = new_scope(dns);
	const struct dns_answer *answer;
	struct dns_lookup *lookup;
	int64_t begun, took;

	add(dns, "slow.example", DNS_TYPE_TXT, "late");
	dns_memory_mode(dns, "silent.example", 0, DNS_MEMORY_SILENT);
	dns_memory_delay(dns, 600 * CLOCK_MS);
	lookup = dns_start(scope, "slow.example", DNS_TYPE_TXT);
	ok(dns_lookup_answer(lookup) == NULL, "nothing is there yet");
	begun = clock_mono();
	dns_scope_deadline(scope, begun + 20 * CLOCK_MS);
	answer = dns_wait(lookup);
	took = clock_mono() - begun;
	ok(took >= 20 * CLOCK_MS && (took < 500 * CLOCK_MS || !tap_hurried()),
	   "the wait ends at the deadline");
	ok(strncmp(answer->reason, "no answer in time", 17) == 0, "with its reason: %s",
	   answer->reason);
	nap(700 * CLOCK_MS);
	ok(dns_wait(lookup) == answer && dns_lookup_answer(lookup) == answer, "and stays so");
	begun = clock_mono();
	is_int(ask(scope, "silent.example", DNS_TYPE_TXT)->status, DNS_TEMPFAIL,
	       "after the deadline");
	ok(!tap_hurried() || clock_mono() - begun < 500 * CLOCK_MS, "there is no waiting");
	dns_scope_free(scope);
	scope = dns_scope_new(dns, 9, 20 * CLOCK_MS);
	is_text(ask(scope, "slow.example", DNS_TYPE_TXT)->records[0].text, "late",
		"the answer that came late is in the cache");
	begun = clock_mono();
	is_int(ask(scope, "silent.example", DNS_TYPE_TXT)->status, DNS_TEMPFAIL,
	       "without a deadline");
	ok(clock_mono() - begun >= 20 * CLOCK_MS, "the longest wait holds");
	dns_scope_free(scope);
	dns_free(dns);
}

/* ---- the cache and sharing ---- */

static void test_sharing(void)
{
	struct dns *dns = new_dns();
	struct dns_scope *scopes[10];
	struct dns_lookup *lookups[10];
	struct dns_stats stats;

	add(dns, "a.example", DNS_TYPE_TXT, "one");
	dns_memory_delay(dns, 20 * CLOCK_MS);
	for (int i = 0; i < 10; i++) {
		scopes[i] = new_scope(dns);
		lookups[i] = dns_start(scopes[i], "a.example", DNS_TYPE_TXT);
	}
	for (int i = 0; i < 10; i++)
		is_int(dns_wait(lookups[i])->status, DNS_DATA, "answer %d", i);
	dns_stats(dns, &stats);
	is_int(stats.queries, 1, "one question");
	is_int(stats.shared, 9, "nine joined it");
	is_int(stats.lookups, 10, "ten lookups");
	is_int(stats.entries, 1, "one entry in the cache");
	for (int i = 0; i < 10; i++)
		dns_scope_free(scopes[i]);
	dns_free(dns);
}

static uint64_t ask_anew(struct dns *dns, const char *name)
{
	struct dns_scope *scope = new_scope(dns);

	ask(scope, name, DNS_TYPE_TXT);
	dns_scope_free(scope);
	return queries(dns);
}

static void test_ttl(void)
{
	const struct dns_settings settings = {.max_ttl = 1000, .max_negative_ttl = 1000};
	struct dns *dns = dns_new_memory(&settings);
	struct dns_scope *scope;

	dns_memory_ttl(dns, 2, 1);
	add(dns, "a.example", DNS_TYPE_TXT, "one");
	dns_memory_mode(dns, "broken.example", 0, DNS_MEMORY_SERVFAIL);
	is_int(ask_anew(dns, "a.example"), 1, "asked");
	is_int(ask_anew(dns, "b.example"), 2, "asked");
	is_int(ask_anew(dns, "broken.example"), 3, "asked");
	is_int(ask_anew(dns, "a.example"), 3, "from the cache");
	is_int(ask_anew(dns, "b.example"), 3, "that there is none too");
	is_int(ask_anew(dns, "broken.example"), 3, "a failure too, for a moment");
	nap(1100 * CLOCK_MS);
	is_int(ask_anew(dns, "a.example"), 3, "the longer TTL lasts");
	is_int(ask_anew(dns, "b.example"), 4, "the shorter is over");
	is_int(ask_anew(dns, "broken.example"), 5, "a failure is soon forgotten");
	nap(1000 * CLOCK_MS);
	is_int(ask_anew(dns, "a.example"), 6, "the longer is over");
	dns_flush(dns);
	is_int(ask_anew(dns, "a.example"), 7, "flushed");
	dns_memory_ttl(dns, 0, 4000000000);
	is_int(ask_anew(dns, "a.example"), 8, "TTL 0");
	is_int(ask_anew(dns, "a.example"), 9, "is not kept");
	scope = new_scope(dns);
	is_int(ask(scope, "b.example", DNS_TYPE_TXT)->ttl, 1000, "a TTL is limited");
	dns_scope_free(scope);
	dns_free(dns);
}

static void test_flush_under_way(void)
{
	struct dns *dns = new_dns();
	struct dns_scope *scope = new_scope(dns), *other = new_scope(dns);
	struct dns_lookup *old, *new;

	add(dns, "a.example", DNS_TYPE_TXT, "old");
	dns_memory_delay(dns, 30 * CLOCK_MS);
	old = dns_start(scope, "a.example", DNS_TYPE_TXT);
	dns_memory_clear(dns);
	add(dns, "a.example", DNS_TYPE_TXT, "new");
	new = dns_start(other, "a.example", DNS_TYPE_TXT);
	is_text(dns_wait(old)->records[0].text, "old", "who asked before has the old answer");
	is_text(dns_wait(new)->records[0].text, "new", "who asked after does not join it");
	is_int(ask_anew(dns, "a.example"), 2, "the new one is in the cache");
	dns_scope_free(scope);
	scope = new_scope(dns);
	is_text(ask(scope, "a.example", DNS_TYPE_TXT)->records[0].text, "new", "the new one it is");
	dns_scope_free(scope);
	dns_scope_free(other);
	dns_free(dns);
}

static void test_cache_bounds(void)
{
	const struct dns_settings settings = {.cache_entries = 100};
	struct dns *dns = dns_new_memory(&settings);
	struct dns_scope *scope = new_scope(dns);
	struct dns_stats stats;
	static char big[30000];
	char name[40];

	for (int i = 0; i < 500; i++) {
		snprintf(name, sizeof name, "n%d.example", i);
		ask(scope, name, DNS_TYPE_TXT);
		ask_anew(dns, "n0.example");
	}
	dns_stats(dns, &stats);
	is_int(stats.entries, 100, "no more entries than the bound");
	is_int(stats.queries, 500, "what is used stays");
	dns_scope_free(scope);
	memset(big, 'b', sizeof big - 1);
	for (int i = 0; i < 20; i++) {
		snprintf(name, sizeof name, "b%d.example", i);
		add(dns, name, DNS_TYPE_TXT, big);
	}
	for (int i = 0; i < 20; i++) {
		snprintf(name, sizeof name, "b%d.example", i);
		ask_anew(dns, name);
	}
	dns_stats(dns, &stats);
	is_int(stats.entries, 3, "no more bytes than 1024 for each entry");
	dns_free(dns);
}

static void test_crowd(void)
{
	enum { QUESTIONS_MAX = 8192 };
	struct dns *dns = new_dns();
	struct dns_scope *scope = dns_scope_new(dns, 3 * QUESTIONS_MAX, LONG_WAIT * CLOCK_SECOND);
	struct dns_lookup *last = NULL;
	char name[40];

	dns_memory_delay(dns, LONG_WAIT * CLOCK_SECOND);
	for (int i = 0; i <= QUESTIONS_MAX; i++) {
		snprintf(name, sizeof name, "n%d.example", i);
		last = dns_start(scope, name, DNS_TYPE_TXT);
		if (i == QUESTIONS_MAX - 1)
			ok(dns_lookup_answer(last) == NULL, "%d questions are under way", i + 1);
	}
	is_text(dns_wait(last)->reason, "too many questions under way", "one more is refused");
	ok(dns_lookup_answer(dns_start(scope, "n0.example", DNS_TYPE_TXT)) == NULL, "others wait");
	dns_scope_free(scope);
	scope = new_scope(dns);
	ok(dns_lookup_answer(dns_start(scope, "n1.example", DNS_TYPE_TXT)) == NULL,
	   "joining one of them is possible");
	dns_scope_free(scope);
	dns_free(dns);
}

/* ---- following ---- */

struct chain {
	atomic_int running;
	atomic_int runs;
	atomic_bool overlap;
	int length;
};

static struct chain chain;

static void follow_chain(struct dns_scope *scope, struct dns_lookup *lookup, const void *arg)
{
	const struct dns_answer *answer = dns_lookup_answer(lookup);

	(void)arg;
	if (atomic_fetch_add(&chain.running, 1) != 0)
		atomic_store(&chain.overlap, true);
	atomic_fetch_add(&chain.runs, 1);
	if (answer != NULL && answer->status == DNS_DATA)
		dns_start_follow(scope, answer->records[0].text, DNS_TYPE_TXT, follow_chain, NULL);
	atomic_fetch_sub(&chain.running, 1);
}

static void fill_chain(struct dns *dns, const char *prefix, int length)
{
	char name[80], next[80];

	for (int i = 0; i < length; i++) {
		snprintf(name, sizeof name, "%s%d.example", prefix, i);
		snprintf(next, sizeof next, "%s%d.example", prefix, i + 1);
		add(dns, name, DNS_TYPE_TXT, next);
	}
}

static void wait_runs(int runs)
{
	for (int i = 0; i < LONG_WAIT * 1000 && atomic_load(&chain.runs) < runs; i++)
		nap(CLOCK_MS);
	is_int(atomic_load(&chain.runs), runs, "hooks that ran");
}

static void test_follow(void)
{
	struct dns *dns = new_dns();
	struct dns_scope *scope = new_scope(dns);

	memset(&chain, 0, sizeof chain);
	fill_chain(dns, "c", 200);
	dns_start_follow(scope, "c0.example", DNS_TYPE_TXT, follow_chain, NULL);
	is_int(atomic_load(&chain.runs), 201, "a chain is followed at once to its end");
	dns_start_follow(scope, "c0.example", DNS_TYPE_TXT, follow_chain, NULL);
	is_int(atomic_load(&chain.runs), 402, "once for each call");
	dns_scope_free(scope);

	dns_free(dns);
}

static void test_follow_side_by_side(void)
{
	enum { CHAINS = 20, LINKS = 10 };
	struct dns *dns = new_dns();
	struct dns_scope *scope = new_scope(dns);
	char name[40];
	int64_t begun;

	memset(&chain, 0, sizeof chain);
	for (int i = 0; i < CHAINS; i++) {
		snprintf(name, sizeof name, "c%d-", i);
		fill_chain(dns, name, LINKS);
	}
	dns_memory_delay(dns, 10 * CLOCK_MS);
	begun = clock_mono();
	for (int i = 0; i < CHAINS; i++) {
		snprintf(name, sizeof name, "c%d-0.example", i);
		dns_start_follow(scope, name, DNS_TYPE_TXT, follow_chain, NULL);
	}
	wait_runs(CHAINS * (LINKS + 1));
	ok(clock_mono() - begun >= 110 * CLOCK_MS, "a link costs one delay");
	ok(!tap_hurried() || clock_mono() - begun < 1100 * CLOCK_MS, "chains go side by side");
	ok(!atomic_load(&chain.overlap), "never two hooks at a time");
	is_int(dns_scope_lookups(scope), CHAINS * (LINKS + 1), "every link is a lookup");
	ok(dns_lookup_answer(dns_start(scope, "c0-10.example", DNS_TYPE_TXT)) != NULL,
	   "the end of a chain is there without waiting");
	dns_scope_free(scope);
	dns_free(dns);
}

static void test_follow_late(void)
{
	struct dns *dns = new_dns();
	struct dns_scope *scope = dns_scope_new(dns, 10, 10 * CLOCK_MS);
	struct dns_lookup *lookup;

	memset(&chain, 0, sizeof chain);
	dns_memory_mode(dns, "silent.example", 0, DNS_MEMORY_SILENT);
	lookup = dns_start_follow(scope, "silent.example", DNS_TYPE_TXT, follow_chain, NULL);
	is_int(atomic_load(&chain.runs), 0, "no answer, no hook");
	dns_wait(lookup);
	is_int(atomic_load(&chain.runs), 1, "the deadline's answer is followed too");
	dns_scope_free(scope);
	dns_free(dns);
}

static void follow_slowly(struct dns_scope *scope, struct dns_lookup *lookup, const void *arg)
{
	(void)arg;
	atomic_store(&chain.running, 1);
	nap(30 * CLOCK_MS);
	dns_start(scope, "x.example", DNS_TYPE_TXT);
	is_int(dns_lookup_answer(lookup)->status, DNS_NXDOMAIN,
	       "the scope is there for a running hook");
	atomic_fetch_add(&chain.runs, 1);
	atomic_store(&chain.running, 0);
}

static void test_free_while_following(void)
{
	struct dns *dns = new_dns();
	struct dns_scope *scope = new_scope(dns);

	memset(&chain, 0, sizeof chain);
	dns_memory_delay(dns, CLOCK_MS);
	dns_start_follow(scope, "a.example", DNS_TYPE_TXT, follow_slowly, NULL);
	while (atomic_load(&chain.running) == 0)
		nap(CLOCK_MS / 10);
	dns_start_follow(scope, "a.example", DNS_TYPE_TXT, follow_slowly, NULL);
	dns_scope_free(scope);
	is_int(atomic_load(&chain.running), 0, "free waits for the hook that runs");
	nap(50 * CLOCK_MS);
	is_int(atomic_load(&chain.runs), 1, "and no other one runs after it");
	dns_free(dns);
}

static void test_free_under_way(void)
{
	struct dns *dns = new_dns();
	struct dns_scope *scope = new_scope(dns);

	memset(&chain, 0, sizeof chain);
	add(dns, "a.example", DNS_TYPE_TXT, "one");
	dns_memory_mode(dns, "silent.example", 0, DNS_MEMORY_SILENT);
	dns_memory_delay(dns, 20 * CLOCK_MS);
	dns_start_follow(scope, "a.example", DNS_TYPE_TXT, follow_chain, NULL);
	dns_start_follow(scope, "b.example", DNS_TYPE_TXT, follow_chain, NULL);
	dns_start_follow(scope, "silent.example", DNS_TYPE_TXT, follow_chain, NULL);
	dns_scope_free(scope);
	nap(60 * CLOCK_MS);
	is_int(atomic_load(&chain.runs), 0, "no hook after the scope");
	is_int(ask_anew(dns, "a.example"), 3, "but the answer is in the cache");
	dns_start(scope = new_scope(dns), "silent.example", DNS_TYPE_MX);
	dns_scope_free(scope);
	dns_free(dns);
	ok(true, "questions under way do not hold dns_free");
	dns_free(NULL);
	dns_scope_free(NULL);
}

/* ---- the explanation ---- */

static void write_visit(void *arg, const char *name, enum dns_type type,
			const struct dns_answer *answer, bool cached, int64_t start, int64_t end)
{
	char *text = arg;

	snprintf(text + strlen(text), 400 - strlen(text), "%s %s %s%s%s; ", name,
		 dns_type_text(type), answer == NULL ? "?" : dns_status_text(answer->status),
		 cached ? " cached" : "",
		 end == 0      ? " under way"
		 : end < start ? " wrong"
			       : "");
}

static void test_each(void)
{
	struct dns *dns = new_dns();
	struct dns_scope *scope = new_scope(dns);
	char text[400] = "";

	add(dns, "b.example", DNS_TYPE_TXT, "one");
	ask_anew(dns, "b.example");
	dns_memory_mode(dns, "silent.example", 0, DNS_MEMORY_SILENT);
	ask_anew(dns, "b.example");
	ask(scope, "b.example", DNS_TYPE_TXT);
	ask(scope, "a.example", DNS_TYPE_TXT);
	dns_start(scope, "silent.example", DNS_TYPE_A);
	dns_start(scope, "No..Name", DNS_TYPE_A);
	dns_scope_each(scope, write_visit, text);
	is_text(text,
		"b.example TXT data cached; a.example TXT no name; "
		"silent.example A ? under way; no..name A no name; ",
		"every lookup in its order");
	dns_scope_free(scope);
	dns_free(dns);
}

/* ---- many threads ---- */

enum { THREADS = 8, NAMES = 1000, ROUNDS = 4 };

static atomic_int wrong;

static void follow_number(struct dns_scope *scope, struct dns_lookup *lookup, const void *arg)
{
	const struct dns_answer *answer = dns_lookup_answer(lookup);

	if (answer->status == DNS_DATA)
		dns_start(scope, answer->records[0].text, DNS_TYPE_A);
	atomic_fetch_add(&chain.runs, arg == &chain);
}

static void *ask_many(void *arg)
{
	struct dns *dns = arg;
	char name[40];

	for (int round = 0; round < ROUNDS; round++) {
		struct dns_scope *scope =
		    dns_scope_new(dns, 3 * NAMES, 4 * LONG_WAIT * CLOCK_SECOND);
		static _Thread_local struct dns_lookup *lookups[NAMES];

		for (int i = 0; i < NAMES; i++) {
			snprintf(name, sizeof name, "n%d.example", i);
			lookups[i] =
			    dns_start_follow(scope, name, DNS_TYPE_TXT, follow_number, &chain);
		}
		for (int i = 0; i < NAMES && round % 2 == 0; i++) {
			const struct dns_answer *answer = dns_wait(lookups[i]);

			snprintf(name, sizeof name, "m%d.example", i);
			if (answer->status != DNS_DATA ||
			    strcmp(answer->records[0].text, name) != 0 ||
			    ask(scope, name, DNS_TYPE_A)->status != DNS_NXDOMAIN)
				atomic_fetch_add(&wrong, 1);
		}
		dns_scope_free(scope);
		if (round == 1)
			dns_flush(dns);
	}
	return NULL;
}

static void test_threads(void)
{
	struct dns *dns = new_dns();
	pthread_t threads[THREADS];
	struct dns_stats stats;
	char name[80], next[80];

	memset(&chain, 0, sizeof chain);
	for (int i = 0; i < NAMES; i++) {
		snprintf(name, sizeof name, "n%d.example", i);
		snprintf(next, sizeof next, "m%d.example", i);
		add(dns, name, DNS_TYPE_TXT, next);
	}
	dns_memory_delay(dns, 2 * CLOCK_MS);
	for (int i = 0; i < THREADS; i++)
		pthread_create(&threads[i], NULL, ask_many, dns);
	for (int i = 0; i < THREADS; i++)
		pthread_join(threads[i], NULL);
	is_int(atomic_load(&wrong), 0, "8 threads with 1000 lookups each: every answer is right");
	dns_stats(dns, &stats);
	ok(stats.shared + stats.hits + stats.queries == stats.lookups,
	   "every lookup was cached, shared or asked");
	tap_note("lookups %llu, hits %llu, shared %llu, queries %llu",
		 (unsigned long long)stats.lookups, (unsigned long long)stats.hits,
		 (unsigned long long)stats.shared, (unsigned long long)stats.queries);
	dns_free(dns);
}

/* ---- what it costs; told, not judged ---- */

static void test_cost(void)
{
	enum { TIMES = 20000 };
	struct dns *dns = new_dns();
	struct dns_scope *scope;
	int64_t begun, woken = 0;

	add(dns, "a.example", DNS_TYPE_TXT, "one");
	ask_anew(dns, "a.example");
	begun = clock_mono();
	for (int i = 0; i < TIMES; i++) {
		scope = dns_scope_new(dns, 10, CLOCK_SECOND);
		dns_scope_free(scope);
	}
	tap_note("an empty scope: %lld ns", (long long)((clock_mono() - begun) / TIMES));
	begun = clock_mono();
	for (int i = 0; i < TIMES; i++)
		ask_anew(dns, "a.example");
	tap_note("a scope with one cached lookup: %lld ns",
		 (long long)((clock_mono() - begun) / TIMES));
	dns_memory_delay(dns, CLOCK_MS);
	for (int i = 0; i < 50; i++) {
		dns_flush(dns);
		scope = new_scope(dns);
		begun = clock_mono();
		ask(scope, "a.example", DNS_TYPE_TXT);
		woken += clock_mono() - begun - CLOCK_MS;
		dns_scope_free(scope);
	}
	tap_note("from due to woken, through two threads: %lld ns", (long long)(woken / 50));
	ok(woken / 50 < 50 * CLOCK_MS, "a waiter is woken");
	dns_free(dns);
}

static void test_fixed(void)
{
	char long_text[601];
	struct dns_fixed records[] = {{"s1._domainkey.example.com", "v=DKIM1; p=x"},
				      {"long.example.com", long_text}};
	struct dns *dns = dns_new_fixed(records, 2);
	struct dns_scope *scope = new_scope(dns);
	const struct dns_answer *answer;

	memset(long_text, 'x', sizeof long_text - 1);
	long_text[sizeof long_text - 1] = '\0';
	answer = ask(scope, "S1._domainkey.example.com", DNS_TYPE_TXT);
	is_int(answer->status, DNS_DATA, "a fixed table: its record");
	is_text(answer->records[0].text, "v=DKIM1; p=x", "a fixed table: its text");
	answer = ask(scope, "long.example.com", DNS_TYPE_TXT);
	is_int(answer->records[0].length, 600, "a fixed table: a text of several strings");
	is_int(ask(scope, "s1._domainkey.example.com", DNS_TYPE_A)->status, DNS_NODATA,
	       "a fixed table: no other type");
	is_int(ask(scope, "example.com", DNS_TYPE_TXT)->status, DNS_NXDOMAIN,
	       "a fixed table: no other name");
	dns_scope_free(scope);
	dns_free(dns);
}

int main(void)
{
	test_fixed();
	test_answers();
	test_records();
	test_other_types();
	test_identity_and_budget();
	test_long_names();
	test_deadline();
	test_sharing();
	test_ttl();
	test_flush_under_way();
	test_cache_bounds();
	test_crowd();
	test_follow();
	test_follow_side_by_side();
	test_follow_late();
	test_free_while_following();
	test_free_under_way();
	test_each();
	test_threads();
	test_cost();
	return tap_done();
}
