/* SPDX-License-Identifier: BSD-2-Clause */
/* policy/bimi: which messages may show an indicator, and which assertion record is theirs. */
#include <string.h>

#include "lib/buf.h"
#include "lib/clock.h"
#include "policy/bimi/check.h"
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
     "from", NULL, "skipped default@example.com", "lps="},
    {"lps= is empty", STRONG "default._bimi.example.com " LOGO "; lps=\n", "example.com",
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

static void judge_row(struct arena *arena, size_t i, unsigned selector_fields,
		      struct bimi_verdict *out)
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
	struct bimi_check *check = bimi_check_new(&rules, &lookups, arena);

	verdict.spf.domain = messages[i].author;
	verdict.spf.result = AUTH_PASS;
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

/* A From field that does not name one domain, whatever else passes. */
static void test_authors(void)
{
	static const char *const domains[] = {"example.com", "example.net"};
	const struct dmarc_author authors[] = {
	    {.fields = 2, .domains = domains, .domain_count = 1},
	    {.fields = 1, .domains = domains, .domain_count = 2},
	    {.fields = 1, .domains = domains, .domain_count = 1, .error = "malformed"},
	    {.fields = 0, .domains = domains, .domain_count = 0},
	};
	struct verdict verdict = {.dmarc = {.result = AUTH_PASS, .dkim_aligned = true}};
	struct arena *arena = arena_new(1 << 16);
	struct bimi_check_dns lookups = {NULL, NULL};
	struct dmarc_rules rules = {.authors_max = 4};
	struct bimi_check *check = bimi_check_new(&rules, &lookups, arena);
	struct bimi_verdict out;

	for (size_t i = 0; i < sizeof authors / sizeof *authors; i++) {
		bimi_check_finish(check, &authors[i], &verdict, &out);
		is_text(bimi_text(out.result), "skipped", "author %zu", i);
		is_text(out.why, "From does not name one domain", "and why");
	}
	arena_free(arena);
}

int main(void)
{
	dns = dns_new_memory(NULL);
	test_selectors();
	test_messages();
	test_authors();
	dns_free(dns);
	return tap_done();
}
