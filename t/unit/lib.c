/* SPDX-License-Identifier: BSD-2-Clause */
/* lib/: spans, arena, buffers, names, addresses, time. */
#include <sys/types.h>
#include <stdio.h>
#include <stdarg.h>
#include <inttypes.h>
#include <string.h>

#include "lib/arena.h"
#include "lib/buf.h"
#include "lib/clock.h"
#include "lib/crypto/hash.h"
#include "lib/endpoint.h"
#include "lib/format.h"
#include "lib/ip.h"
#include "lib/name.h"
#include "lib/url.h"
#include "lib/why.h"
#include "t/lib/tap.h"

static void test_span(void)
{
	struct span rest = span_of("a,,b,"), part;
	bool more = true;
	unsigned parts = 0;
	uint64_t n = 7;

	while (span_split(&rest, &more, ',', &part))
		parts++;
	is_int(parts, 4, "a trailing delimiter gives an empty last part");
	ok(span_ieq(span_of("DKIM"), "dkim") && !span_eq(span_of("DKIM"), "dkim"), "case");
	ok(span_eq(span_trim(span_of(" \r\n\tx y ")), "x y"), "trim");
	ok(span_number(span_of("255"), 255, &n) && n == 255, "the largest number");
	ok(!span_number(span_of("256"), 255, &n), "one more is refused");
	ok(!span_number(span_of("18446744073709551616"), UINT64_MAX, &n), "an overflow is refused");
	ok(!span_number(span_of("2"), 1, &n) && span_number(span_of("1"), 1, &n),
	   "a bound of one digit");
	ok(!span_number(span_of(""), 9, &n) && !span_number(span_of("+1"), 9, &n), "no number");
	ok(span_istarts(span_of("V=Spf1 x"), "v=spf1") && !span_istarts(span_of("v"), "v="),
	   "prefix");
}

static void count_call(void *arg)
{
	++*(int *)arg;
}

static void test_arena(void)
{
	struct arena *arena = arena_new(10000);
	int calls = 0;
	char *zero = arena_alloc(arena, 3000);
	unsigned i, sum = 0;

	for (i = 0; i < 3000; i++)
		sum += (unsigned char)zero[i];
	is_int(sum, 0, "zeroed");
	ok(arena_has_room(arena, 6900) && !arena_has_room(arena, 7000), "the cap");
	ok(!arena_has_room(arena, (size_t)-1), "an absurd size has no room");
	arena_on_free(arena, count_call, &calls);
	arena_reset(arena);
	is_int(calls, 1, "clean-up runs at reset");
	is_int(arena_used(arena), 0, "nothing is used after reset");
	is_text(arena_printf(arena, "%s-%d", "a", 5), "a-5", "printf");
	is_text(arena_lower(arena, span_of("AbC")), "abc", "lower");
	for (i = 0; i < 2000; i++)
		memset(arena_alloc(arena, i), 1, i);
	ok(true, "many sizes");
	arena_free(arena);
	is_int(calls, 1, "but only once");
}

static void test_buf(void)
{
	struct buf buf;

	buf_init(&buf, NULL, 10);
	is_text(buf_text(&buf), "", "an empty buffer has an empty text");
	buf_printf(&buf, "%s", "12345");
	buf_string(&buf, "67890");
	ok(!buf.failed, "the last byte fits");
	buf_char(&buf, '!');
	ok(buf.failed, "one more does not");
	is_text(buf_text(&buf), "1234567890", "what fitted is there");
	buf_free(&buf);
}

static const struct name_code colours[] = {{"red", 1}, {"green", 2}, {"ultramarine", 3}, {NULL, 0}};

static void test_names(void)
{
	static const struct name_code keys[] = {{"kex", 1}, {"KEY", 2}, {NULL, 0}};

	is_int(name_code(colours, span_of("GREEN"), -1), 2, "either case");
	is_int(name_code(colours, span_of("blue"), -1), -1, "absent");
	is_text(name_text(colours, 3), "ultramarine", "back");
	is_text(name_nearest(colours, span_of("ultramarnie")), "ultramarine",
		"two letters swapped");
	is_text(name_nearest(keys, span_of("kye")), "KEY", "which is one change, not two");
	is_text(name_nearest(keys, span_of("kes")), "kex", "as is another letter");
	is_text(name_nearest(keys, span_of("k")), NULL, "two letters of three are missing");
	is_text(name_nearest(keys, span_of("")), NULL, "nothing is near to nothing");
	is_text(name_nearest(colours, span_of("xyzzy")), NULL, "nothing is near");
}

static void ip_case(const char *text, const char *want)
{
	char out[IP_TEXT_MAX];
	struct ip ip;

	is_text(ip_parse(span_of(text), &ip) ? ip_text(&ip, out) : NULL, want, "address %s", text);
}

static bool inside(const char *address, const char *network)
{
	struct ip_network net;
	struct ip ip;

	return ip_parse(span_of(address), &ip) && ip_network_parse(span_of(network), &net) &&
	       ip_in_any(&ip, &net, 1);
}

/* LIST: entries between blanks. */
static bool in_list(const char *address, const char *list)
{
	struct ip_network networks[8];
	struct span rest = span_of(list), item;
	unsigned count = 0;
	bool more = true;
	struct ip ip;

	while (count < 8 && span_split(&rest, &more, ' ', &item))
		if (!ip_network_parse_entry(item, &networks[count++]))
			return false;
	return ip_parse(span_of(address), &ip) && ip_in_any(&ip, networks, count);
}

static void test_exclusions(void)
{
	static const struct {
		const char *address, *list;
		bool in;
	} cases[] = {
	    {"10.1.2.3", "10.0.0.0/8 !10.1.0.0/16", false},
	    {"10.2.2.3", "10.0.0.0/8 !10.1.0.0/16", true},
	    {"10.1.2.3", "!10.1.0.0/16 10.0.0.0/8", false},
	    {"10.1.2.3", "10.0.0.0/8 !10.1.0.0/16 10.1.2.0/24", true},
	    {"10.1.2.3", "10.1.0.0/16 !10.1.0.0/16", false},
	    {"10.1.2.3", "!10.1.0.0/16 10.1.0.0/16", false},
	    {"10.1.2.3", "!0.0.0.0/0 10.0.0.0/8", true},
	    {"10.1.2.3", "!192.0.2.0/24", false},
	    {"::1", "::/0 !0.0.0.0/0", true},
	    {"::ffff:10.1.2.3", "10.0.0.0/8 !10.1.2.3", false},
	};

	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
		ok(in_list(cases[i].address, cases[i].list) == cases[i].in, "%s is %sin %s",
		   cases[i].address, cases[i].in ? "" : "not ", cases[i].list);
}

static void test_ip(void)
{
	char name[IP_REVERSE_MAX];
	struct ip_network net;
	struct ip ip;

	ip_case("192.0.2.1", "192.0.2.1");
	ip_case("::ffff:192.0.2.1", "192.0.2.1");
	ip_case("2001:DB8::1", "2001:db8::1");
	ip_case("192.0.2.256", NULL);
	ip_case("192.0.2.1 ", NULL);
	ip_case("", NULL);
	ok(inside("192.0.2.77", "192.0.2.64/26") && !inside("192.0.2.128", "192.0.2.64/26"), "/26");
	ok(inside("10.0.0.1", "0.0.0.0/0") && !inside("::1", "0.0.0.0/0"), "/0 has a family");
	ok(inside("2001:db8:8000::1", "2001:db8:8000::/33") &&
	       !inside("2001:db8::1", "2001:db8:8000::/33"),
	   "/33");
	ok(!ip_network_parse(span_of("192.0.2.0/33"), &net), "/33 of IPv4");
	ok(!ip_network_parse(span_of("192.0.2.0/"), &net), "an empty length");
	ip_parse(span_of("2001:db8::567:89ab"), &ip);
	is_text(ip_reverse(&ip, name),
		"b.a.9.8.7.6.5.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.8.b.d.0.1.0.0.2.ip6.arpa",
		"reverse name, RFC 3596 section 2.5");
	ip_parse(span_of("192.0.2.1"), &ip);
	is_text(ip_reverse(&ip, name), "1.2.0.192.in-addr.arpa", "reverse name of IPv4");
}

/* What settings name: DNS servers, which libunbound reads again, and mail servers. */
static void test_servers(void)
{
	static const struct {
		const char *text;
		bool good;
	} dns[] = {
	    {"192.0.2.53", true},
	    {"192.0.2.53@5353", true},
	    {"2001:db8::53", true},
	    {"2001:db8::53@53", true},
	    {"fe80::1%eth0", true},
	    {"fe80::1%eth0.7@53", true},
	    {"", false},
	    {"ns.example", false},
	    {"192.0.2.53:53", false},
	    {"192.0.2.53@", false},
	    {"192.0.2.53@0", false},
	    {"192.0.2.53@65536", false},
	    {"192.0.2.53 ", false},
	    {"192.0.2.53@53@53", false},
	    {"192.0.2.53%eth0", false},
	    {"fe80::1%", false},
	    {"fe80::1%a b", false},
	    {"192.0.2.53\n forward-first: yes", false},
	    {"192.0.2.53@53 #", false},
	    {"fe80::1%e\"", false},
	};
	static const struct {
		const char *text;
		bool good, tls, this_host;
	} mail[] = {
	    {"smtp://127.0.0.1:25", true, false, true},
	    {"smtp://127.0.0.1:25/", true, false, true},
	    {"SMTP://LocalHost", true, false, true},
	    {"smtp://[::1]:587", true, false, true},
	    {"smtps://mail.example", true, true, false},
	    {"smtp://[fe80::1%eth0]:25", true, false, false},
	    {"smtp://127.0.0.1.example", true, false, false},
	    {"smtp://", false, false, false},
	    {"127.0.0.1:25", false, false, false},
	    {"smtp://a b", false, false, false},
	    {"smtp://a/b", false, false, false},
	    {"smtp://a?b", false, false, false},
	    {"smtp://a#b", false, false, false},
	    {"smtp://a:65536", false, false, false},
	    {"smtp://user@a", false, false, false},
	    {"smtp://user:secret@a", false, false, false},
	    {"http://a", false, false, false},
	    {"file:///etc/passwd", false, false, false},
	    {"", false, false, false},
	};
	struct url_server server;
	struct why why;

	for (size_t i = 0; i < sizeof dns / sizeof dns[0]; i++)
		is_int(ip_check_server(span_of(dns[i].text), &why), dns[i].good ? 0 : -1,
		       "DNS server \"%s\"", dns[i].text);
	for (size_t i = 0; i < sizeof mail / sizeof mail[0]; i++) {
		int result = url_parse_server(span_of(mail[i].text), &server, &why);

		is_int(result, mail[i].good ? 0 : -1, "mail server \"%s\"", mail[i].text);
		if (result == 0)
			ok(server.tls == mail[i].tls && server.this_host == mail[i].this_host,
			   "whether it has TLS, and is this host");
	}
}

/* The same rules, and no other kind of server. */
static void test_imap_url(void)
{
	struct url_server server;
	struct why why = {""};

	is_int(url_parse_imap(span_of("imaps://imap.example.com:993"), &server, &why), 0, "IMAPS");
	ok(server.tls && !server.this_host, "it has TLS");
	is_int(url_parse_imap(span_of("imap://localhost"), &server, &why), 0, "IMAP");
	ok(!server.tls && server.this_host, "on this host");
	is_int(url_parse_imap(span_of("smtps://a"), &server, &why), -1, "SMTP is another one");
	ok(strstr(why.text, "imaps://") != NULL, "it says what to write: %s", why.text);
	is_int(url_parse_imap(span_of("imaps://user:secret@a"), &server, &why), -1, "no password");
	is_int(url_parse_imap(span_of("imaps://a/INBOX"), &server, &why), -1, "no folder");
}

static void test_store_url(void)
{
	struct why why = {""};

	is_text(url_sqlite_path("sqlite:/var/lib/x.db", &why), "/var/lib/x.db",
		"the path of a URL");
	is_text(url_sqlite_path("sqlite:x.db", &why), NULL, "not a relative one");
	is_text(url_sqlite_path("postgresql://x", &why), NULL, "nothing else");
	ok(strstr(why.text, "sqlite:/") != NULL, "it says what to write: %s", why.text);
}

/* What a stranger has us fetch: the host, with "!" before it where it is without TLS. */
static void test_web_url(void)
{
	static const struct {
		const char *text, *host;
	} cases[] = {
	    {"https://a.test/l.svg", "a.test"},
	    {"HTTPS://A.test:443/l.svg?x#y", "A.test"},
	    {"https://a.test", "a.test"},
	    {"http://crl.a-b.test/x.crl", "!crl.a-b.test"},
	    {"http://a.test:80/", "!a.test"},
	    {"https://a.test:8443/", NULL},
	    {"https://a.test:80/", NULL},
	    {"http://a.test:443/", NULL},
	    {"https://u@a.test/", NULL},
	    {"https://u:p@a.test/", NULL},
	    {"https://192.0.2.1/", NULL},
	    {"https://0x7f000001/", NULL},
	    {"https://2130706433/", NULL},
	    {"https://127.1/", NULL},
	    {"https://[::1]/", NULL},
	    {"https://a.test%00.b/", NULL},
	    {"https://a%2etest/x", "a.test"},
	    {"https://a_b.test/", "a_b.test"},
	    {"https://\xc3\xa9.test/", NULL},
	    {"https:///", NULL},
	    {"ftp://a.test/", NULL},
	    {"file:///etc/passwd", NULL},
	    {"gopher://a.test/", NULL},
	    {"a.test/l.svg", NULL},
	    {"", NULL},
	};
	struct url_web web;
	struct why why;

	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		char got[300] = "";

		if (url_parse_web(cases[i].text, &web, &why) == 0)
			snprintf(got, sizeof got, "%s%s", web.tls ? "" : "!", web.host);
		is_text(got, cases[i].host == NULL ? "" : cases[i].host, "\"%s\"", cases[i].text);
	}
}

/* Where a listener of HTTP requests is: the socket that it stands for, or NULL. */
static void test_http_endpoint(void)
{
	static const struct {
		const char *text, *host;
		int family;
		unsigned port;
	} cases[] = {
	    {"127.0.0.1:9817", "127.0.0.1", AF_INET, 9817},
	    {"[::1]:0", "::1", AF_INET6, 0},
	    {"[::1]:65535", "::1", AF_INET6, 65535},
	    {"[127.0.0.1]:9817", NULL, 0, 0},
	    {"::1:9817", NULL, 0, 0},
	    {"[::1]:65536", NULL, 0, 0},
	    {"localhost:9817", NULL, 0, 0},
	    {"127.0.0.1", NULL, 0, 0},
	    {"127.0.0.1:", NULL, 0, 0},
	    {":9817", NULL, 0, 0},
	    {"", NULL, 0, 0},
	};

	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct endpoint endpoint;
		struct why why = {""};
		bool good = endpoint_parse_http(span_of(cases[i].text), &endpoint, &why) == 0;

		ok(good == (cases[i].host != NULL), "\"%s\": %s", cases[i].text, why.text);
		ok(!good || (span_eq(endpoint.host, cases[i].host) &&
			     endpoint.family == cases[i].family && endpoint.port == cases[i].port),
		   "\"%s\": host and port", cases[i].text);
	}
}

static void test_clock(void)
{
	char text[CLOCK_TEXT_MAX];
	int32_t day;

	ok(clock_day_parse(span_of("2026-11-22"), &day), "a day");
	is_text(clock_day_text(day, text), "2026-11-22", "and back");
	is_int(clock_day(clock_day_begin(day) + 86399), day, "its last second");
	is_int(clock_day(-1), -1, "the day before 1970");
	ok(!clock_day_parse(span_of("2026-02-30"), &day), "no such day");
	ok(!clock_day_parse(span_of("2026-2-03"), &day), "no such form");
	is_text(clock_utc_text(1795341723, text), "2026-11-22T10:02:03Z", "RFC 3339");
}

static void test_why_and_digest(void)
{
	struct why why;
	uint8_t digest[CRYPT_DIGEST_LEN];

	is_int(why_set(&why, "no %s", "key"), -1, "why_set returns -1");
	why_prefix(&why, "%s: ", "file");
	is_text(why.text, "file: no key", "prefix");
	crypt_sha256("abc", 3, digest);
	ok(memcmp(digest, "\xba\x78\x16\xbf\x8f\x01\xcf\xea", 8) == 0,
	   "SHA-256 of abc, FIPS 180-2");
}

/* ---- format ---- */

__attribute__((format(printf, 1, 2))) static void same_format(const char *format, ...)
{
	char want[200], got[200];
	unsigned different = 0;
	va_list ap;

	for (size_t room = 0; room < 100; room++) {
		size_t length;
		int wanted;

		memset(want, '#', sizeof want);
		memset(got, '#', sizeof got);
		va_start(ap, format);
		wanted = vsnprintf(want, room, format, ap);
		va_end(ap);
		va_start(ap, format);
		length = format_text(got, room, format, ap);
		va_end(ap);
		different += length != (size_t)wanted || memcmp(got, want, sizeof got) != 0;
	}
	is_int(different, 0, "as vsnprintf: \"%s\"", format);
}

static void test_format(void)
{
	same_format("plain");
	same_format("%s", "");
	same_format("%s and %s%%", "one", "another");
	same_format("%.*s|%.*s|%.*s", 2, "abc", 0, "x", 9, "abc");
	same_format("%.*s", -1, "abc");
	same_format("%u %u", 0u, UINT32_MAX);
	same_format("%d %d %d", 0, INT32_MIN, INT32_MAX);
	same_format("%" PRIu64 " %" PRId64 " %" PRId64, UINT64_MAX, INT64_MIN, INT64_MAX);
	same_format("%llu %lld %lu %ld", 1ull, -2ll, 3ul, -4l);
	same_format("%zu %zd", SIZE_MAX, (ssize_t)-5);
	same_format("%c%c", 'a', 'b');
	same_format("%02x then %s", 10u, "text");
	same_format("%s then %5d and %-5s|", "text", 42, "x");
	same_format("%s %.3f", "text", 1.5);
	same_format("%hhu %s", (unsigned char)7, "text");
}

int main(void)
{
	test_span();
	test_arena();
	test_buf();
	test_names();
	test_ip();
	test_exclusions();
	test_servers();
	test_imap_url();
	test_store_url();
	test_web_url();
	test_http_endpoint();
	test_clock();
	test_why_and_digest();
	test_format();
	return tap_done();
}
