/* SPDX-License-Identifier: BSD-2-Clause */
/* policy/bimi: which messages may show an indicator, and which assertion record is theirs. */
#include <string.h>

#include "lib/buf.h"
#include "lib/clock.h"
#include "policy/bimi/check.h"
#include "policy/bimi/record.h"
#include "policy/bimi/selector.h"
#include "t/lib/dns_memory.h"
#include "t/lib/tap.h"

/* ---- BIMI-Selector ---- */

static const struct {
	const char *value, *want; /* NULL: not valid */
} selectors[] = {
    {" v=BIMI1; s=brand", "brand"},
    {" v=BIMI1; s=Brand;", "brand"},
    {" v=BIMI1;\r\n\ts = a.b-c ; x=y", "a.b-c"},
    {"v=BIMI1;s=1", "1"},
    {"", NULL},
    {" s=brand; v=BIMI1", NULL},
    {" v=bimi1; s=brand", NULL},
    {" V=BIMI1; s=brand", NULL},
    {" v=BIMI2; s=brand", NULL},
    {" v=BIMI1", NULL},
    {" v=BIMI1; s=", NULL},
    {" v=BIMI1; s=a; s=b", NULL},
    {" v=BIMI1; s=-a", NULL},
    {" v=BIMI1; s=a-", NULL},
    {" v=BIMI1; s=a..b", NULL},
    {" v=BIMI1; s=a-.b", NULL},
    {" v=BIMI1; s=a.-b", NULL},
    {" v=BIMI1; s=.a", NULL},
    {" v=BIMI1; s=a.", NULL},
    {" v=BIMI1; s=a b", NULL},
    {" v=BIMI1; s=a_b", NULL},
    {" v=BIMI1; s=a\xc3\xa4", NULL},
    {" v=BIMI1; s=aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", NULL},
};

static void test_selectors(void)
{
	struct arena *arena = arena_new(1 << 16);

	for (size_t i = 0; i < sizeof selectors / sizeof *selectors; i++)
		is_text(bimi_selector_parse(arena, span_of(selectors[i].value)), selectors[i].want,
			"BIMI-Selector:%s", selectors[i].value);
	arena_free(arena);
}

/* ---- messages ---- */

#define STRONG   "_dmarc.example.com v=DMARC1; p=reject\n"
#define LOGO     "v=BIMI1; l=https://example.com/a.svg; a=https://example.com/a.pem"
#define RECORD   "default._bimi.example.com " LOGO "\n"
#define DECLINED "v=BIMI1; l=; a="

/*
 * zone: lines "name text" (TXT), "name" alone: queries for it fail.
 * dkim: d= of a signature that passes; NULL: none, and SPF passes. Its h= is SIGNED.
 * want: "result selector@domain", and a part of the reason.
 */
static const struct {
	const char *name, *zone, *author, *dkim, *signed_fields, *selector, *want, *why;
} messages[] = {
    {"a record", STRONG RECORD, "example.com", "example.com", "from", NULL,
     "skipped default@example.com", "has not been checked"},
    {"no record", STRONG, "example.com", "example.com", "from", NULL, "none default@example.com",
     "no record default._bimi.example.com"},
    {"declined", STRONG "default._bimi.example.com " DECLINED "\n", "example.com", "example.com",
     "from", NULL, "declined default@example.com", "wants no indicator"},
    {"not valid", STRONG "default._bimi.example.com v=BIMI1; l=http://example.com/a.svg\n",
     "example.com", "example.com", "from", NULL, "fail default@example.com", "not an https URI"},
    {"lps=", STRONG "default._bimi.example.com " LOGO "; lps=a,b\n", "example.com", "example.com",
     "from", NULL, "skipped default@example.com", "has not been checked"},
    {"lps= is empty", STRONG "default._bimi.example.com " LOGO "; lps=\n", "example.com",
     "example.com", "from", NULL, "skipped default@example.com", "has not been checked"},
    {"another picture", STRONG "default._bimi.example.com v=BIMI1; l=https://example.com/a.PNG?x\n",
     "example.com", "example.com", "from", NULL, "fail default@example.com", "not an SVG file"},
    {"only a certificate",
     STRONG "default._bimi.example.com v=BIMI1; l=; a=https://example.com/a\n", "example.com",
     "example.com", "from", NULL, "fail default@example.com", "l= is empty"},
    {"avp= is not valid", STRONG "default._bimi.example.com " LOGO "; avp=Brand\n", "example.com",
     "example.com", "from", NULL, "skipped default@example.com", "has not been checked"},
    {"two records", STRONG RECORD RECORD "default._bimi.example.com " DECLINED "\n", "example.com",
     "example.com", "from", NULL, "none default@example.com", "records"},
    {"one of two TXT records", STRONG RECORD "default._bimi.example.com v=spf1 -all\n",
     "example.com", "example.com", "from", NULL, "skipped default@example.com",
     "has not been checked"},
    {"DNS fails", STRONG "default._bimi.example.com\n", "example.com", "example.com", "from", NULL,
     "temperror default@example.com", "default._bimi.example.com"},

    /* ---- DMARC ---- */
    {"SPF only", STRONG RECORD, "example.com", NULL, "", NULL, "skipped @",
     "no aligned DKIM signature"},
    {"another's signature", STRONG RECORD, "example.com", "example.net", "from", NULL, "skipped @",
     "no aligned DKIM signature"},
    {"no DMARC record", RECORD, "example.com", "example.com", "from", NULL, "skipped @",
     "does not pass DMARC"},
    {"DMARC not known", "_dmarc.example.com\n" RECORD, "example.com", "example.com", "from", NULL,
     "temperror @", "_dmarc.example.com"},
    {"p=none", "_dmarc.example.com v=DMARC1; p=none\n" RECORD, "example.com", "example.com", "from",
     NULL, "skipped @", "has p=none"},
    {"sp=none", "_dmarc.example.com v=DMARC1; p=reject; sp=none\n" RECORD, "example.com",
     "example.com", "from", NULL, "skipped @", "has sp=none"},
    {"t=y", "_dmarc.example.com v=DMARC1; p=reject; t=y\n" RECORD, "example.com", "example.com",
     "from", NULL, "skipped @", "t=y"},
    {"quarantine", "_dmarc.example.com v=DMARC1; p=quarantine\n" RECORD, "example.com",
     "example.com", "from", NULL, "skipped default@example.com", "has not been checked"},
    {"quarantine, pct=100", "_dmarc.example.com v=DMARC1; p=quarantine; pct=100\n" RECORD,
     "example.com", "example.com", "from", NULL, "skipped default@example.com",
     "has not been checked"},
    {"quarantine, pct=99", "_dmarc.example.com v=DMARC1; p=quarantine; pct=99\n" RECORD,
     "example.com", "example.com", "from", NULL, "skipped @", "pct="},
    {"reject, pct=50", "_dmarc.example.com v=DMARC1; p=reject; pct=50\n" RECORD, "example.com",
     "example.com", "from", NULL, "skipped default@example.com", "has not been checked"},

    /* ---- subdomains ---- */
    {"the organization's record", STRONG RECORD, "news.example.com", "example.com", "from", NULL,
     "skipped default@example.com", "has not been checked"},
    {"the author's own record", STRONG "default._bimi.news.example.com " DECLINED "\n" RECORD,
     "news.example.com", "example.com", "from", NULL, "declined default@news.example.com",
     "wants no"},
    {"the author's own records are two",
     STRONG "default._bimi.news.example.com " DECLINED "\ndefault._bimi.news.example.com " LOGO
	    "\n" RECORD,
     "news.example.com", "example.com", "from", NULL, "none default@news.example.com", "2 records"},
    {"DNS fails for the author's own", STRONG "default._bimi.news.example.com\n" RECORD,
     "news.example.com", "example.com", "from", NULL, "temperror default@news.example.com",
     "default._bimi.news.example.com"},
    {"the organization is weak",
     "_dmarc.example.com v=DMARC1; p=none\n_dmarc.news.example.com v=DMARC1; p=reject\n" RECORD,
     "news.example.com", "news.example.com", "from", NULL, "skipped @",
     "record of example.com has p=none"},
    {"the author is weak", STRONG "_dmarc.news.example.com v=DMARC1; p=none\n" RECORD,
     "news.example.com", "news.example.com", "from", NULL, "skipped @",
     "record of news.example.com has p=none"},

    /* ---- BIMI-Selector ---- */
    {"signed selector", STRONG RECORD "brand._bimi.example.com " DECLINED "\n", "example.com",
     "example.com", "from:bimi-selector", "v=BIMI1; s=brand", "declined brand@example.com",
     "wants no"},
    {"signed by a sibling", STRONG RECORD "brand._bimi.example.com " DECLINED "\n",
     "news.example.com", "mail.example.com", "From : BIMI-Selector", "v=BIMI1; s=brand",
     "declined brand@example.com", "wants no"},
    {"unsigned selector", STRONG RECORD "brand._bimi.example.com " DECLINED "\n", "example.com",
     "example.com", "from", "v=BIMI1; s=brand", "skipped default@example.com",
     "has not been checked"},
    {"a bad selector", STRONG RECORD, "example.com", "example.com", "from:bimi-selector",
     "v=BIMI1; s=a..b", "skipped default@example.com", "has not been checked"},
    {"no fallback to default", STRONG RECORD, "example.com", "example.com", "from:bimi-selector",
     "v=BIMI1; s=brand", "none brand@example.com", "no record brand._bimi.example.com"},
};

static struct dns *dns;

static void load_zone(struct arena *arena, const char *zone)
{
	struct span rest = span_of(zone), line, name;
	bool more = true, data;

	dns_memory_clear(dns);
	while (span_split(&rest, &more, '\n', &line)) {
		data = true;
		if (span_empty(line))
			continue;
		span_split(&line, &data, ' ', &name);
		if (data)
			ok(dns_memory_add(dns, arena_span(arena, name), DNS_TYPE_TXT, line.p,
					  span_len(line), NULL) == 0,
			   "zone");
		else
			dns_memory_mode(dns, arena_span(arena, name), 0, DNS_MEMORY_SERVFAIL);
	}
}

static void judge_with(const struct bimi_rules *bimi, struct arena *arena, size_t i,
		       unsigned selector_fields, struct bimi_verdict *out)
{
	struct bimi_check_dns lookups = {dns_scope_new(dns, BIMI_CHECK_LOOKUPS, CLOCK_SECOND),
					 dns_scope_new(dns, 30, CLOCK_SECOND)};
	struct dmarc_rules rules = {.authors_max = 4};
	struct dmarc_author author = {
	    .fields = 1, .domains = &messages[i].author, .domain_count = 1};
	struct dkim_verdict dkim = {.result = AUTH_PASS,
				    .domain = messages[i].dkim,
				    .headers = span_of(messages[i].signed_fields)};
	struct verdict verdict = {.dkim = &dkim, .dkim_count = messages[i].dkim != NULL};
	struct bimi_check *check = bimi_check_new(bimi, &rules, &lookups, arena);

	verdict.spf.domain = messages[i].author;
	verdict.spf.result = AUTH_PASS;
	bimi_check_header(check, span_of("From"),
			  span_of(arena_printf(arena, " bob@%s", messages[i].author)));
	for (unsigned n = 0; n < selector_fields; n++)
		bimi_check_header(check, span_of("Bimi-Selector "), span_of(messages[i].selector));
	bimi_check_end_of_headers(check, messages[i].author);
	bimi_check_start_org(check);
	dmarc_check(lookups.policies, &rules, &author, &verdict, arena, &verdict.dmarc);
	bimi_check_finish(check, &author, &verdict, out);
	ok(dns_scope_lookups(lookups.assertions) <= BIMI_CHECK_LOOKUPS, "%s: bounded",
	   messages[i].name);
	out->why = arena_string(arena, out->why);
	out->domain = arena_string(arena, out->domain);
	dns_scope_free(lookups.assertions);
	dns_scope_free(lookups.policies);
}

static void judge_row(struct arena *arena, size_t i, unsigned selector_fields,
		      struct bimi_verdict *out)
{
	const struct bimi_rules bimi = {.evaluate = true};

	judge_with(&bimi, arena, i, selector_fields, out);
}

static void test_messages(void)
{
	for (size_t i = 0; i < sizeof messages / sizeof *messages; i++) {
		struct arena *arena = arena_new(1 << 20);
		struct bimi_verdict out;

		load_zone(arena, messages[i].zone);
		judge_row(arena, i, messages[i].selector != NULL, &out);
		is_text(arena_printf(arena, "%s %s@%s", bimi_text(out.result), out.selector,
				     out.domain),
			messages[i].want, "%s", messages[i].name);
		ok(strstr(out.why, messages[i].why) != NULL, "%s: why: %s", messages[i].name,
		   out.why);
		if (messages[i].selector != NULL && strstr(messages[i].want, "brand@") != NULL) {
			judge_row(arena, i, 2, &out);
			is_text(out.selector, BIMI_SELECTOR_DEFAULT, "%s: twice counts as never",
				messages[i].name);
		}
		arena_free(arena);
	}
}

/* A From field that does not name one address, whatever else passes. */
static void test_authors(void)
{
	static const char *const domains[] = {"example.com", "example.net"};
	const struct dmarc_author authors[] = {
	    {.fields = 2, .domains = domains, .domain_count = 1},
	    {.fields = 1, .domains = domains, .domain_count = 2},
	    {.fields = 1, .domains = domains, .domain_count = 1, .error = "malformed"},
	    {.fields = 0, .domains = domains, .domain_count = 0},
	    {.fields = 1, .domains = domains, .domain_count = 1},
	    {.fields = 1, .domains = domains, .domain_count = 1},
	};
	static const char *const fields[] = {
	    " bob@example.com",
	    " bob@example.com, ann@example.net",
	    " bob",
	    NULL,
	    " bob@example.com, ann@example.com",
	    " friends: bob@example.com, ann@example.com;",
	};
	struct verdict verdict = {.dmarc = {.result = AUTH_PASS, .dkim_aligned = true}};
	struct arena *arena = arena_new(1 << 16);
	struct bimi_check_dns lookups = {NULL, NULL};
	struct dmarc_rules rules = {.authors_max = 4};
	struct bimi_rules bimi = {.evaluate = true};
	struct bimi_check *check;
	struct bimi_verdict out;

	for (size_t i = 0; i < sizeof authors / sizeof *authors; i++) {
		check = bimi_check_new(&bimi, &rules, &lookups, arena);
		for (unsigned n = 0; fields[i] != NULL && n < authors[i].fields; n++)
			bimi_check_header(check, span_of("From"), span_of(fields[i]));
		bimi_check_finish(check, &authors[i], &verdict, &out);
		is_text(bimi_text(out.result), "skipped", "author %zu", i);
		is_text(out.why, "From does not name one address", "and why");
	}
	arena_free(arena);
}

/* ---- what is known of the logo ---- */

static struct bimi_known known;

static void find_known(void *arg, const struct bimi_offer *offer, struct arena *on,
		       struct bimi_known *out)
{
	(void)arg, (void)on;
	is_text(offer->organization, "example.com", "whose organization is known");
	*out = known;
}

static void test_known(void)
{
	/* bimi.indicator is set for every second row. */
	static const struct {
		enum bimi_state state;
		bool certified, needed, allowed, denied;
		const char *want;
	} rows[] = {
	    {BIMI_UNSEEN, false, true, false, false, "skipped not yet checked"},
	    {BIMI_UNAVAILABLE, false, true, false, false, "temperror why"},
	    {BIMI_BAD, false, true, false, false, "fail why"},
	    {BIMI_BAD, false, false, true, false, "fail why"},
	    {BIMI_GOOD, true, true, false, false, "pass "},
	    {BIMI_GOOD, false, true, false, false, "skipped no mark certificate"},
	    {BIMI_GOOD, false, false, false, false, "pass no mark certificate"},
	    {BIMI_GOOD, false, true, true, false, "pass no mark certificate"},
	    {BIMI_GOOD, true, true, true, true, "skipped bimi.deny has the domain"},
	};
	const struct domain_pattern patterns[] = {{.domain = "example.com"}};

	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		struct arena *arena = arena_new(1 << 20);
		struct bimi_rules rules = {.evaluate = true,
					   .certificate = rows[i].needed,
					   .indicator = i % 2 == 0,
					   .find = find_known,
					   .allow = patterns,
					   .allow_count = rows[i].allowed,
					   .deny = patterns,
					   .deny_count = rows[i].denied};
		struct bimi_verdict out;

		known = (struct bimi_known){
		    rows[i].state, rows[i].certified, false, "", "d", "i", "why", 0};
		if (rows[i].state == BIMI_GOOD)
			known.why = "";
		load_zone(arena, messages[0].zone);
		judge_with(&rules, arena, 0, 0, &out);
		is_text(arena_printf(arena, "%s %s", bimi_text(out.result), out.why), rows[i].want,
			"known %zu", i);
		is_text(out.indicator, out.result == BIMI_PASS && i % 2 == 0 ? "i" : "",
			"its indicator");
		is_text(out.preference, out.result == BIMI_PASS ? "brand" : "", "its avp=");
		arena_free(arena);
	}
}

/* ---- lps= ---- */

static void test_local_parts(void)
{
	static const struct {
		const char *prefixes, *local, *want;
	} rows[] = {
	    {"news", "news", "news"},
	    {"news", "newsletter", "newsletter"},
	    {"a, news ,b", "News.Letter_2+tag", "news-letter-2"},
	    {"news", "_.news..x._", "news-x"},
	    {"news", "old-news", NULL},
	    {"News", "news", "news"},
	    {"news", "+news", NULL},
	    {"news", "news!x", NULL},
	    {"news", "n\xc3\xa9ws", NULL},
	    {"n", "n23456789012345678901234567890123456789012345678901234567890123",
	     "n23456789012345678901234567890123456789012345678901234567890123"},
	    {"n", "n234567890123456789012345678901234567890123456789012345678901234", NULL},
	    {"", "news", "news"},
	    {" ", "any.body", "any-body"},
	    {"", "n\xc3\xa9ws", NULL},
	    {",", "news", NULL},
	    {"-", "-", NULL},
	};
	struct arena *arena = arena_new(1 << 16);

	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
		is_text(bimi_record_local(arena, rows[i].prefixes, rows[i].local), rows[i].want,
			"lps=%s for %s", rows[i].prefixes, rows[i].local);
	arena_free(arena);
}

/* ---- records ---- */

static void test_records(void)
{
	static const struct {
		const char *text, *want; /* "l|a|avp", or a part of why it is not valid */
		bool valid;
	} rows[] = {
	    {"v=BIMI1; l=https://a.test/l.svg; a=https://a.test/c.pem",
	     "https://a.test/l.svg|https://a.test/c.pem|brand", true},
	    {"v=BIMI1;l=https://a.test/l.svg", "https://a.test/l.svg||brand", true},
	    {"v=BIMI1; a=; avp=personal; l=https://a.test/l.svg;", "https://a.test/l.svg||personal",
	     true},
	    {"v=BIMI1;\tl = https://a.test/l.svg ; x=y; y=;", "https://a.test/l.svg||brand", true},
	    {"v=BIMI1; l=HTTPS://a.test/l.svg", "HTTPS://a.test/l.svg||brand", true},
	    {"v=BIMI1; l=https://a.test/l.svgz?a=b#c", "https://a.test/l.svgz?a=b#c||brand", true},
	    {"v=BIMI1; l=https://a.test/l.svg?x=.png", "https://a.test/l.svg?x=.png||brand", true},
	    {"v=BIMI1; l=", "||brand", true},
	    {"v=BIMI1; l=; a=", "||brand", true},
	    {"v=BIMI1; l=; a=https://a.test/c.pem", "|https://a.test/c.pem|brand", true},
	    {"v=BIMI1; l=https://a.test/l.svg; avp=PERSONAL", "https://a.test/l.svg||", true},
	    {"v=BIMI1", "l= is missing", false},
	    {"v=BIMI1; a=https://a.test/c.pem", "l= is missing", false},
	    {"v=BIMI1; L=https://a.test/l.svg", "l= is missing", false},
	    {"v=bimi1; l=https://a.test/l.svg", "does not begin", false},
	    {"V=BIMI1; l=https://a.test/l.svg", "does not begin", false},
	    {" v=BIMI1; l=https://a.test/l.svg", "does not begin", false},
	    {"l=https://a.test/l.svg; v=BIMI1", "does not begin", false},
	    {"v=BIMI11; l=https://a.test/l.svg", "does not begin", false},
	    {"v=BIMI1 x; l=https://a.test/l.svg", "v= is not BIMI1", false},
	    {"v=BIMI1; l=https://a.test/l.svg; l=https://b.test/l.svg", "l= appears twice", false},
	    {"v=BIMI1; l=https://a.test/l.svg; v=BIMI1", "v= appears twice", false},
	    {"v=BIMI1; l=https://a.test/l.svg; a", "no \"=\"", false},
	    {"v=BIMI1;; l=https://a.test/l.svg", "empty", false},
	    {"v=BIMI1; l=http://a.test/l.svg", "l= is not an https URI", false},
	    {"v=BIMI1; l=https://", "l= is not an https URI", false},
	    {"v=BIMI1; l=//a.test/l.svg", "l= is not an https URI", false},
	    {"v=BIMI1; l=data:image/svg+xml;base64,AAAA", "tag 3", false},
	    {"v=BIMI1; l=javascript:x", "l= is not an https URI", false},
	    {"v=BIMI1; l=https://a.test/l.svg; a=http://a.test/c.pem", "a= is not an https URI",
	     false},
	    {"v=BIMI1; l=https://a.test/a b.svg", "l= has a byte", false},
	    {"v=BIMI1; l=https://a.test/\xc3\xa4.svg", "l= has a byte", false},
	    {"v=BIMI1; l=https://a.test/\x7f.svg", "l= has a byte", false},
	    {"v=BIMI1; l=https://a.test/l.jpeg", "not an SVG file", false},
	};
	struct arena *arena = arena_new(1 << 20);
	struct bimi_record record;
	struct buf many;
	struct why why;

	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		bool valid = bimi_record_parse(arena, span_of(rows[i].text), &record, &why) == 0;

		is_int(valid, rows[i].valid, "%s", rows[i].text);
		if (valid)
			is_text(arena_printf(arena, "%s|%s|%s", record.location, record.authority,
					     record.preference),
				rows[i].want, "what it says");
		else
			ok(strstr(why.text, rows[i].want) != NULL, "why: %s", why.text);
		if (valid)
			is_int(record.declined,
			       *record.location == '\0' && *record.authority == '\0', "declined");
	}
	buf_init(&many, arena, 0);
	buf_string(&many, "v=BIMI1; l=https://a.test/l.svg");
	for (unsigned i = 0; i < 100; i++)
		buf_printf(&many, "; x%u=y", i);
	is_int(bimi_record_parse(arena, buf_view(&many), &record, &why), -1, "100 tags");
	buf_init(&many, arena, 0);
	buf_string(&many, "v=BIMI1; l=https://a.test/");
	for (unsigned i = 0; i < 60000; i++)
		buf_char(&many, 'x');
	is_int(bimi_record_parse(arena, buf_view(&many), &record, &why), 0, "60,000 bytes");
	is_int((int)strlen(record.location), 60000 + (int)strlen("https://a.test/"), "are not cut");
	arena_free(arena);
}

int main(void)
{
	dns = dns_new_memory(NULL);
	test_records();
	test_selectors();
	test_messages();
	test_authors();
	test_known();
	test_local_parts();
	dns_free(dns);
	return tap_done();
}
