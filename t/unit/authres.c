/* SPDX-License-Identifier: BSD-2-Clause */
/* policy/authres: whose field it is, and that everything we write follows the grammar. */
#include <string.h>

#include "lib/buf.h"
#include "mail/authres_read.h"
#include "policy/authres.h"
#include "t/lib/authres_grammar.h"
#include "t/lib/tap.h"

static struct arena *arena;

/* ---- reading; ours is mx.example.com ---- */

static const char *const ours[] = {
    " mx.example.com; none",
    "mx.example.com;none",
    " MX.Example.COM; spf=pass smtp.mailfrom=evil.example",
    "\tmx.example.com\r\n\t1; dkim=pass",
    "\n\tmx.example.com; none",
    " mx.example.com 1 ; none",
    " (comment) mx.example.com (1) 1 (2) ; none",
    " (a (nested \\) comment)) mx.example.com; none",
    " \"mx.example.com\"; none",
    " \"mx\\.example.com\"; none",
    " mx.example.com.; none",
    " mx.example.com 2; whatever",
    /* cannot be read, or not by everyone in the same way */
    "",
    " ",
    ";",
    " ; none",
    " mx.example.com",
    " other.example",
    " mx.example.com none",
    " other.example 2; none",
    " other.example 10; none",
    " other.example 1x; none",
    " other.example 1 1; none",
    " mx(comment).example.com; none",
    " mx. example.com; none",
    " mx.example.com/1; none",
    " spf=pass (sender IP is 192.0.2.1) smtp.mailfrom=other.example; dkim=none",
    " (open other.example; none",
    " \"other.example; none",
    " \"other.example\" x; none",
    " other.example (; none",
    " other.example; none (",
    " other.example; dkim=pass reason=\"x",
    " other.example; none\r\nmx.example.com",
    " other.example; none\rX",
    " other.example; none\n",
    " other\r.example; none",
    " other.example; (\x01)",
    " other.example; \x7f",
    " (\\",
    " \"\\",
    " other.example, mx.example.com; none",
    " @; none",
    " other.example; \"a\\\x01\"",
    " (a\rb) other.example; none",
    " (a\n b\n) other.example; none",
    /* readers differ about what stands before, in or after the id */
    " \xc2\xa0mx.example.com; none", /* U+00A0, a blank to some */
    "\xc2\xa0mx.example.com; none",
    " mx.example.com\xc2\xa0; none",
    " other.example\xc2\xa0mx.example.com; none",
    " \xa0mx.example.com; none", /* the same in ISO 8859-1 */
    " \xffmx.example.com; none", /* never UTF-8 */
    " \x80mx.example.com; none",
    " mx.exa\xc3mple.com; none",         /* a sequence cut short */
    " \xef\xbb\xbfmx.example.com; none", /* byte order mark */
    " \xe2\x80\x8bmx.example.com; none", /* zero width space */
    " \xe3\x80\x80mx.example.com; none", /* ideographic space */
    " \xc2\xadmx.example.com; none",     /* soft hyphen */
    " \"\xc2\xa0mx.example.com\"; none",
    " mx\xe3\x80\x82"
    "example.com; none",                /* ideographic full stop */
    " \xef\xbd\x8dx.example.com; none", /* fullwidth m */
    " \xc2\x85mx.example.com; none",    /* NEL */
    " \x0bmx.example.com; none",
    " \xc2\xa0other.example; none",
};

static const char *const others[] = {
    " other.example; none",
    " mx.example.com.evil.example; dkim=pass",
    " xmx.example.com; none",
    " mx.example.co; none",
    " (mx.example.com) other.example; none",
    " other.example (mx.example.com); none",
    " other.example 1; none",
    " other.example 01; none",
    " \"other example\"; none",
    " \"\"; none",
    (" other.example; dkim=pass header.d=example.com (mx.example.com)\r\n\theader.b=\"a/b\"; "
     "spf=none"),
    " other.example;\n\tdkim=pass\n\t(a \"b)",
    " m\xc3\xbcnchen.example; none",
    " example.com; none",
};

static void test_reading(void)
{
	for (size_t i = 0; i < sizeof ours / sizeof ours[0]; i++)
		ok(authres_is_ours(span_of(ours[i]), "mx.example.com"), "goes: %zu", i);
	for (size_t i = 0; i < sizeof others / sizeof others[0]; i++)
		ok(!authres_is_ours(span_of(others[i]), "mx.example.com"), "stays: %zu", i);
	ok(authres_is_ours(span_make(" other.example\0; none", 21), "mx.example.com"), "NUL");
	ok(authres_is_ours(span_of(" m\xc3\xbcnchen.example; none"), "xn--mnchen-3ya.example"),
	   "U-label");
	ok(authres_is_ours(span_of(" xn--mnchen-3ya.example; none"), "m\xc3\xbcnchen.example"),
	   "A-label");
	ok(authres_is_ours(span_of(" example-auth; none"), "Example-Auth"), "no domain");
	ok(authres_is_ours(span_of(" \"my id\"; none"), "my id"), "no token");
}

static void test_long_reading(void)
{
	struct buf text;

	buf_init(&text, arena, 0);
	for (int i = 0; i < 300000; i++)
		buf_char(&text, '(');
	ok(authres_is_ours(buf_view(&text), "x"), "open comments");
	buf_clear(&text);
	for (int i = 0; i < 300000; i++)
		buf_string(&text, "(a)");
	buf_string(&text, "other.example; none");
	ok(!authres_is_ours(buf_view(&text), "x"), "many comments");
}

/* ---- writing ---- */

static void set_verdict(struct verdict *v, struct dmarc_published *published)
{
	memset(v, 0, sizeof *v);
	memset(published, 0, sizeof *published);
	ip_parse(span_of("192.0.2.1"), &v->client);
	v->helo = "mail.example.com";
	v->mail_from = "bob@example.com";
	v->iprev = (struct iprev_verdict){AUTH_PASS, "mail.example.com", "mail.example.com"};
	v->spf = (struct spf_verdict){
	    .result = AUTH_PASS, .domain = "example.com", .why = "ip4:192.0.2.1 matches"};
	v->spf_helo = (struct spf_verdict){.result = AUTH_NONE,
					   .scope = SPF_SCOPE_HELO,
					   .domain = "mail.example.com",
					   .why = "no record"};
	v->dmarc = (struct dmarc_verdict){.result = AUTH_PASS,
					  .author_domain = "example.com",
					  .published = published,
					  .policy = DMARC_POLICY_REJECT,
					  .policy_tag = "p",
					  .why = "aligned"};
	v->decision.why = "";
}

static void set_signature(struct dkim_verdict *dkim, enum auth_result result)
{
	*dkim = (struct dkim_verdict){.result = result,
				      .domain = "example.com",
				      .selector = "s1",
				      .algorithm = "rsa-sha256",
				      .signature = "abcd/+==",
				      .key_bits = 2048,
				      .why = "body hash does not match"};
}

static void written(const struct verdict *v, const char *want, const char *name)
{
	const char *value = authres_write(arena, "mx.example.com", v);
	const char *read = authres_grammar(arena, span_of(value));

	if (!is_text(read, want, "%s", name))
		tap_note("%s", value);
	ok(authres_is_ours(span_of(value), "mx.example.com"), "%s: is ours", name);
}

/* What was done and why it is not what the policy asks for. */
static void test_overrides(void)
{
	struct dmarc_published published;
	struct verdict v;

	set_verdict(&v, &published);
	published.testing = true;
	v.dmarc.result = AUTH_FAIL;
	v.decision.overrides[0].type = OVERRIDE_POLICY_TEST_MODE;
	v.decision.overrides[1].type = OVERRIDE_TRUSTED_FORWARDER;
	v.decision.overrides[1].comment = "not shown";
	v.decision.override_count = 2;
	ok(strstr(authres_write(arena, "mx.example.com", &v),
		  "\n\tdmarc=fail (p=reject t=y dis=none override=policy_test_mode\n"
		  "\toverride=trusted_forwarder) header.from=example.com "
		  "policy.dmarc=quarantine") != NULL,
	   "overrides are named: %s", authres_write(arena, "mx.example.com", &v));
}

static void test_writing(void)
{
	struct dmarc_published published;
	struct dkim_verdict dkim[2];
	struct verdict v;

	set_verdict(&v, &published);
	is_text(authres_write(arena, "mx.example.com", &v),
		"mx.example.com;\n"
		"\tiprev=pass (mail.example.com) policy.iprev=192.0.2.1;\n"
		"\tspf=pass (ip4:192.0.2.1 matches) smtp.mailfrom=example.com;\n"
		"\tdkim=none;\n"
		"\tarc=none smtp.remote-ip=192.0.2.1;\n"
		"\tdmarc=pass (p=reject dis=none) header.from=example.com policy.dmarc=reject",
		"the text of a field");
	set_signature(&dkim[0], AUTH_FAIL);
	set_signature(&dkim[1], AUTH_PASS);
	v.dkim = dkim;
	v.dkim_count = 2;
	written(
	    &v,
	    "mx.example.com;iprev=pass policy.iprev=192.0.2.1;spf=pass smtp.mailfrom=example.com;"
	    "dkim=pass header.d=example.com header.s=s1 header.a=rsa-sha256 header.b=\"abcd/+==\";"
	    "dkim=fail header.d=example.com header.s=s1 header.a=rsa-sha256 header.b=\"abcd/+==\";"
	    "arc=none smtp.remote-ip=192.0.2.1;dmarc=pass header.from=example.com "
	    "policy.dmarc=reject",
	    "signatures, those that pass first");
	v.dkim_count = 0;
	v.spf_helo.result = AUTH_FAIL;
	v.iprev.result = AUTH_FAIL;
	ip_parse(span_of("2001:db8::1"), &v.client);
	published.testing = true;
	written(&v,
		"mx.example.com;iprev=fail policy.iprev=\"2001:db8::1\";spf=pass "
		"smtp.mailfrom=example.com;"
		"spf=fail smtp.helo=mail.example.com;dkim=none;"
		"arc=none smtp.remote-ip=\"2001:db8::1\";dmarc=pass header.from=example.com "
		"policy.dmarc=quarantine",
		"HELO, IPv6, t=y");
	v.mail_from = "";
	v.spf.domain = "mail.example.com";
	v.dkim_ignored = 3;
	v.dmarc.published = NULL;
	v.dmarc.result = AUTH_NONE;
	v.dmarc.why = "no DMARC record applies to example.com (RFC 9989 section 4.10.1)";
	written(&v,
		"mx.example.com;iprev=fail policy.iprev=\"2001:db8::1\";spf=pass "
		"smtp.helo=mail.example.com;"
		"dkim=neutral;arc=none smtp.remote-ip=\"2001:db8::1\";dmarc=none "
		"header.from=example.com",
		"the null sender, signatures not looked at, no record");
}

static void test_nothing(void)
{
	struct dmarc_published published;
	struct verdict v;

	set_verdict(&v, &published);
	v.client.family = 0;
	v.spf = (struct spf_verdict){.domain = "", .why = "no client address"};
	v.dmarc = (struct dmarc_verdict){
	    .result = AUTH_PERMERROR, .author_domain = "", .why = "there is no From field"};
	written(&v, "mx.example.com;spf=none;dkim=none;arc=none;dmarc=permerror",
		"no client, no author");
	memset(&v, 0, sizeof v);
	written(&v, "mx.example.com;spf=none;dkim=none;arc=none;dmarc=none", "nothing at all");
}

/* Bytes that a sender could put there. */
static const char *const nasty[] = {
    "a;dkim=pass header.d=bank.example",
    "a)(b",
    "\"",
    "\\",
    "a\r\nX: y",
    "a\n b",
    "\x01\x7f\xff",
    " ",
    "(((((",
    ")))))",
    "example.net(.example.com",
    "a b c",
    "=",
    "\xc3\xbc.example",
    "a\\\"b",
    ("aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
     "aaaaaaaaa"),
};

static void test_nasty(void)
{
	for (size_t i = 0; i < sizeof nasty / sizeof nasty[0]; i++) {
		struct dmarc_published published;
		struct dkim_verdict dkim;
		struct verdict v;
		const char *value;

		set_verdict(&v, &published);
		v.iprev.name = v.iprev.why = v.spf.why = v.spf.domain = v.spf_helo.why = nasty[i];
		v.spf_helo.domain = v.dmarc.author_domain = v.dmarc.why = v.mail_from = nasty[i];
		v.spf_helo.result = v.iprev.result = AUTH_PERMERROR;
		dkim = (struct dkim_verdict){.result = AUTH_FAIL,
					     .domain = nasty[i],
					     .selector = nasty[i],
					     .algorithm = nasty[i],
					     .signature = nasty[i],
					     .why = nasty[i]};
		v.dkim = &dkim;
		v.dkim_count = 1;
		v.dmarc.published = NULL;
		value = authres_write(arena, nasty[i], &v);
		ok(authres_grammar(arena, span_of(value)) != NULL, "nasty %zu follows the grammar",
		   i);
		ok(strstr(value, "\ndkim") == NULL && strchr(value, '\r') == NULL,
		   "and stays inside");
	}
}

static void test_size(void)
{
	char *longest = arena_alloc(arena, 100000);
	struct dkim_verdict dkim[DKIM_VERDICTS_MAX];
	struct dmarc_published published;
	struct verdict v;
	const char *value;

	set_verdict(&v, &published);
	memset(longest, '"', 99999);
	for (unsigned i = 0; i < DKIM_VERDICTS_MAX; i++) {
		set_signature(&dkim[i], i == DKIM_VERDICTS_MAX - 1 ? AUTH_PASS : AUTH_FAIL);
		dkim[i].domain = dkim[i].why = longest;
		dkim[i].selector = longest + 99999 - 253;
	}
	v.dkim = dkim;
	v.dkim_count = DKIM_VERDICTS_MAX;
	v.spf.why = v.iprev.name = longest;
	value = authres_write(arena, "mx.example.com", &v);
	ok(authres_grammar(arena, span_of(value)) != NULL, "the largest field follows the grammar");
	ok(strlen(value) < 40000, "and has a bound: %zu bytes", strlen(value));
	ok(strstr(value, "dkim=pass") != NULL, "the last signature passed and is there");
	ok(strstr(value, "75 more signatures") != NULL, "the others are counted");
	ok(strstr(value, "header.d") == NULL, "what is too long to be true is left out");
}

int main(void)
{
	arena = arena_new(1 << 20);
	test_reading();
	test_long_reading();
	test_writing();
	test_overrides();
	test_nothing();
	test_nasty();
	test_size();
	arena_free(arena);
	return tap_done();
}
