/* SPDX-License-Identifier: BSD-2-Clause */
/* policy/dkim/signature: the gate, RFC 6376 sections 3.5 and 6.1.1. */
#include <string.h>

#include "lib/arena.h"
#include "lib/buf.h"
#include "policy/dkim/signature.h"
#include "t/lib/tap.h"

#define HASH "47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU="
#define B    "b=dGhlIHNpZ25hdHVyZQ=="
#define HEAD "v=1; a=rsa-sha256; d=example.com; s=sel; "
#define GOOD HEAD "h=From:To; bh=" HASH "; " B

struct sig_case {
	const char *value;
	enum auth_result want;
	const char *why; /* a part of the reason; NULL: none */
};

static const struct sig_case cases[] = {
    {GOOD, AUTH_NONE, NULL},
    {GOOD ";", AUTH_NONE, NULL},
    {" " GOOD "\r\n\t", AUTH_NONE, NULL},
    {"v=1;a=rsa-sha256;d=example.com;s=sel;h=from;bh=" HASH ";" B, AUTH_NONE, NULL},
    {"v = 1 ;\r\n a\t=\r\n rsa-sha256; d =example.com; s= sel; h=\r\n\tTo\r\n :\tFROM ; bh = " HASH
     "; b=dGhl\r\n IHNpZ25hdHVy\t ZQ= =",
     AUTH_NONE, NULL},
    {GOOD "; unknown=x; a_9=", AUTH_NONE, NULL},
    {GOOD "; z=From:a=40b|To:=20c", AUTH_NONE, NULL},
    {GOOD "; z=", AUTH_NONE, NULL},
    {GOOD "; z=x\x01", AUTH_PERMERROR, "control character"},

    /* the list */
    {"", AUTH_PERMERROR, "empty"},
    {"v=1", AUTH_PERMERROR, "d= is missing"},
    {GOOD ";;", AUTH_PERMERROR, "is empty"},
    {GOOD "; d=example.net", AUTH_PERMERROR, "d= appears twice"},
    {GOOD "; junk", AUTH_PERMERROR, "no \"=\""},

    /* each required tag: missing, and empty */
    {"a=rsa-sha256; d=example.com; s=sel; h=From; bh=" HASH "; " B, AUTH_PERMERROR,
     "v= is missing"},
    {"v=1; d=example.com; s=sel; h=From; bh=" HASH "; " B, AUTH_PERMERROR, "a= is missing"},
    {"v=1; a=rsa-sha256; s=sel; h=From; bh=" HASH "; " B, AUTH_PERMERROR, "d= is missing"},
    {"v=1; a=rsa-sha256; d=example.com; h=From; bh=" HASH "; " B, AUTH_PERMERROR, "s= is missing"},
    {HEAD "bh=" HASH "; " B, AUTH_PERMERROR, "h= is missing"},
    {HEAD "h=From; " B, AUTH_PERMERROR, "bh= is missing"},
    {HEAD "h=From; bh=" HASH, AUTH_PERMERROR, "b= is missing"},
    {"v=; a=rsa-sha256; d=example.com; s=sel; h=From; bh=" HASH "; " B, AUTH_PERMERROR,
     "v= is empty"},
    {HEAD "h=; bh=" HASH "; " B, AUTH_PERMERROR, "h= is empty"},
    {HEAD "h=From; bh=" HASH "; b=", AUTH_PERMERROR, "b= is empty"},

    /* v= */
    {"v=2; a=rsa-sha256; d=example.com; s=sel; h=From; bh=" HASH "; " B, AUTH_PERMERROR,
     "v= is not 1"},
    {"v=1.0; a=rsa-sha256; d=example.com; s=sel; h=From; bh=" HASH "; " B, AUTH_PERMERROR,
     "v= is not 1"},
    {"v=01; a=rsa-sha256; d=example.com; s=sel; h=From; bh=" HASH "; " B, AUTH_PERMERROR,
     "v= is not 1"},

    /* a= */
    {"v=1; a=RSA-SHA256; d=example.com; s=sel; h=From; bh=" HASH "; " B, AUTH_NONE, NULL},
    {"v=1; a=ed25519-sha256; d=example.com; s=sel; h=From; bh=" HASH "; " B, AUTH_NONE, NULL},
    {"v=1; a=rsa-sha1; d=example.com; s=sel; h=From; bh=2jmj7l5rSw0yVb/vlWAYkK/YBwk=; " B,
     AUTH_PERMERROR, "RFC 8301"},
    {"v=1; a=rsa-sha512; d=example.com; s=sel; h=From; bh=" HASH HASH "; " B, AUTH_PERMERROR,
     "bh="},
    {"v=1; a=rsa-sha512; d=example.com; s=sel; h=From; bh=" HASH "; " B, AUTH_NEUTRAL,
     "unknown algorithm"},
    {"v=1; a=rsa; d=example.com; s=sel; h=From; bh=" HASH "; " B, AUTH_PERMERROR, "a= is not"},
    {"v=1; a=rsa- sha256; d=example.com; s=sel; h=From; bh=" HASH "; " B, AUTH_PERMERROR,
     "a= is not"},
    {"v=1; a=-sha256; d=example.com; s=sel; h=From; bh=" HASH "; " B, AUTH_PERMERROR, "a= is not"},
    {"v=1; a=rsa-; d=example.com; s=sel; h=From; bh=" HASH "; " B, AUTH_PERMERROR, "a= is not"},

    /* c= */
    {GOOD "; c=simple", AUTH_NONE, NULL},
    {GOOD "; c=simple/relaxed", AUTH_NONE, NULL},
    {GOOD "; c=relaxed/", AUTH_PERMERROR, "c="},
    {GOOD "; c=/relaxed", AUTH_PERMERROR, "c="},
    {GOOD "; c=nofws", AUTH_NEUTRAL, "unknown canonicalization"},
    {GOOD "; c=relaxed / simple", AUTH_NEUTRAL, "unknown canonicalization"},
    {GOOD "; c=relaxed/simple/simple", AUTH_NEUTRAL, "unknown canonicalization"},

    /* d= and s= */
    {"v=1; a=rsa-sha256; d=com; s=sel; h=From; bh=" HASH "; " B, AUTH_PERMERROR, "d= is not"},
    {"v=1; a=rsa-sha256; d=example.com.; s=sel; h=From; bh=" HASH "; " B, AUTH_PERMERROR,
     "d= is not"},
    {"v=1; a=rsa-sha256; d=exa mple.com; s=sel; h=From; bh=" HASH "; " B, AUTH_PERMERROR,
     "d= is not"},
    {"v=1; a=rsa-sha256; d=example..com; s=sel; h=From; bh=" HASH "; " B, AUTH_PERMERROR,
     "d= is not"},
    {"v=1; a=rsa-sha256; d=example.net(.example.com; s=sel; h=From; bh=" HASH "; " B,
     AUTH_PERMERROR, "d= is not"},
    {"v=1; a=rsa-sha256; d=EXAMPLE.com; s=Sel.k1_2; h=From; bh=" HASH "; " B, AUTH_NONE, NULL},
    {"v=1; a=rsa-sha256; d=example.com; s=a..b; h=From; bh=" HASH "; " B, AUTH_PERMERROR,
     "s= is not"},
    {"v=1; a=rsa-sha256; d=example.com; s=a/b; h=From; bh=" HASH "; " B, AUTH_PERMERROR,
     "s= is not"},
    {"v=1; a=rsa-sha256; d=b\xc3\xbc"
     "cher.example; s=sel; h=From; bh=" HASH "; " B,
     AUTH_NONE, NULL},
    {"v=1; a=rsa-sha256; d=b\xff.example; s=sel; h=From; bh=" HASH "; " B, AUTH_PERMERROR,
     "d= is not"},

    /* i= */
    {GOOD "; i=@example.com", AUTH_NONE, NULL},
    {GOOD "; i=joe=20x@news.Example.COM", AUTH_NONE, NULL},
    {GOOD "; i=\"a@b\"@example.com", AUTH_NONE, NULL},
    {GOOD "; i=joe@example.net", AUTH_PERMERROR, "domain of i="},
    {GOOD "; i=joe@notexample.com", AUTH_PERMERROR, "domain of i="},
    {GOOD "; i=joe@com", AUTH_PERMERROR, "domain of i="},
    {GOOD "; i=joe", AUTH_PERMERROR, "i= is not"},
    {GOOD "; i=joe@", AUTH_PERMERROR, "i= is not"},
    {GOOD "; i=", AUTH_PERMERROR, "i= is empty"},
    {GOOD "; i=joe=@example.com", AUTH_PERMERROR, "i= is not"},
    {GOOD "; i=joe@example.com=", AUTH_PERMERROR, "i= is not"},
    {GOOD "; i=joe@example.com=4", AUTH_PERMERROR, "i= is not"},
    {GOOD "; i=joe=00@example.com", AUTH_PERMERROR, "i= is not"},
    {GOOD "; i=joe=40example.com", AUTH_NONE, NULL},

    /* h= */
    {HEAD "h=To:Subject; bh=" HASH "; " B, AUTH_PERMERROR, "does not include From"},
    {HEAD "h=XFrom; bh=" HASH "; " B, AUTH_PERMERROR, "does not include From"},
    {HEAD "h=From:; bh=" HASH "; " B, AUTH_PERMERROR, "not a field name"},
    {HEAD "h=:From; bh=" HASH "; " B, AUTH_PERMERROR, "not a field name"},
    {HEAD "h=From::To; bh=" HASH "; " B, AUTH_PERMERROR, "not a field name"},
    {HEAD "h=From:Sub ject; bh=" HASH "; " B, AUTH_PERMERROR, "not a field name"},
    {HEAD "h=From:From:From; bh=" HASH "; " B, AUTH_NONE, NULL},

    /* b= and bh= */
    {HEAD "h=From; bh=" HASH "; b=####", AUTH_PERMERROR, "b= is not base64"},
    {HEAD "h=From; bh=" HASH "; b=abc", AUTH_PERMERROR, "b= is not base64"},
    {HEAD "h=From; bh=dGVzdA==; " B, AUTH_PERMERROR, "length of a SHA-256"},
    {HEAD "h=From; bh=%; " B, AUTH_PERMERROR, "bh= is not base64"},

    /* l=, t=, x= */
    {GOOD "; l=0", AUTH_NONE, NULL},
    {GOOD "; l=0000000000000000000000000000000000000000000000000000000000000000000000000012",
     AUTH_NONE, NULL},
    {GOOD "; l=9999999999999999999999999999999999999999999999999999999999999999999999999999",
     AUTH_NONE, NULL},
    {GOOD "; l=00000000000000000000000000000000000000000000000000000000000000000000000000000",
     AUTH_PERMERROR, "l="},
    {GOOD "; l=-1", AUTH_PERMERROR, "l="},
    {GOOD "; l=1 2", AUTH_PERMERROR, "l="},
    {GOOD "; l=", AUTH_PERMERROR, "l= is empty"},
    {GOOD "; t=1", AUTH_NONE, NULL},
    {GOOD "; t=999999999999", AUTH_NONE, NULL},
    {GOOD "; t=1000000000000", AUTH_PERMERROR, "t="},
    {GOOD "; t=+1", AUTH_PERMERROR, "t="},
    {GOOD "; t=0x10", AUTH_PERMERROR, "t="},
    {GOOD "; x=1000000000000", AUTH_NONE, NULL},
    {GOOD "; x=12a", AUTH_PERMERROR, "x="},
    {GOOD "; t=5; x=6", AUTH_NONE, NULL},
    {GOOD "; t=5; x=5", AUTH_PERMERROR, "x= is not after t="},
    {GOOD "; t=6; x=5", AUTH_PERMERROR, "x= is not after t="},
    {GOOD "; t=999999999999; x=1000000000000", AUTH_NONE, NULL},

    /* q= */
    {GOOD "; q=dns/txt", AUTH_NONE, NULL},
    {GOOD "; q=other/x : dns/txt", AUTH_NONE, NULL},
    {GOOD "; q=dns", AUTH_NONE, NULL},
    {GOOD "; q=http/well-known", AUTH_PERMERROR, "q="},
    {GOOD "; q=", AUTH_PERMERROR, "q= is empty"},

    /* odd, but right: tag names are taken as they are written (section 3.2) */
    {HEAD "h=From; bh=" HASH "; b =dGhl", AUTH_NONE, NULL},
    {HEAD "h=From; bh=" HASH "; b\r\n =dGhl", AUTH_NONE, NULL},
    {GOOD "; web=1; bx=2", AUTH_NONE, NULL},
    {GOOD "; D=example.net", AUTH_NONE, NULL},
    {GOOD "; bH=" HASH, AUTH_NONE, NULL},
    {GOOD "; B=x", AUTH_NONE, NULL},
    {"V=1; a=rsa-sha256; d=example.com; s=sel; h=From; bh=" HASH "; " B, AUTH_PERMERROR,
     "v= is missing"},
    {GOOD "; web=1; t=x", AUTH_PERMERROR, "t="},
    {GOOD "; n=\xc3\xa9", AUTH_NONE, NULL},
    {GOOD "; c=nofws; t=x", AUTH_PERMERROR, "t="},
};

static void test_results(struct arena *arena)
{
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		const struct sig_case *c = &cases[i];
		struct why why = {""};
		struct dkimsig sig;
		enum auth_result have = dkimsig_parse(arena, span_of(c->value), &sig, &why);

		is_text(auth_text(have), auth_text(c->want), "case %zu", i);
		ok(c->why == NULL ? why.text[0] == '\0' : strstr(why.text, c->why) != NULL,
		   "case %zu: reason \"%s\"", i, why.text);
	}
}

static void test_fields(struct arena *arena)
{
	struct dkimsig sig;
	const char *value =
	    "v=1; a=Ed25519-SHA256; c=relaxed; d=EXAMPLE.com; s=S1;\r\n\tt=100; x=200; l=12;"
	    " i= joe=20\r\n x@News.example.com; h=From : dkim-signature:\r\n To:DKIM-Signature;"
	    " bh=" HASH "; b=dGhl\r\n\tIHNpZ25hdHVyZQ==";

	is_int(dkimsig_parse(arena, span_of(value), &sig, NULL), AUTH_NONE, "all tags");
	is_text(sig.domain, "example.com", "d=");
	is_text(sig.selector, "s1", "s=");
	is_text(sig.identity, "joe=20x@News.example.com", "i= without its fold");
	is_text(sig.identity_domain, "news.example.com", "the domain of i=");
	is_text(sig.algorithm, "ed25519-sha256", "a=");
	is_int(sig.alg, DKIMSIG_ED25519_SHA256, "a= as a code");
	is_int(sig.header_canon, DKIMSIG_RELAXED, "c= for the header");
	is_int(sig.body_canon, DKIMSIG_SIMPLE, "c= for the body is simple by default");
	is_int(sig.header_names, 4, "names in h=");
	is_int(sig.signatures, 2, "DKIM-Signature in h=");
	is_text(sig.short_signature, "dGhlIHNp", "the first characters of b=");
	is_text(arena_span(arena, sig.signature), "dGhl\r\n\tIHNpZ25hdHVyZQ==", "b=");
	is_text(arena_span(arena, sig.body_hash), HASH, "bh=");
	ok(sig.has_length && sig.length == 12, "l=");
	is_int(sig.timestamp, 100, "t=");
	is_int(sig.expires, 200, "x=");
}

static void test_defaults(struct arena *arena)
{
	struct dkimsig sig;
	const char *many = "; l=9999999999999999999999999999; x=9999999999999";

	dkimsig_parse(arena, span_of(GOOD), &sig, NULL);
	is_int(sig.header_canon, DKIMSIG_SIMPLE, "c= is simple");
	is_int(sig.body_canon, DKIMSIG_SIMPLE, "both times");
	is_text(sig.identity, NULL, "i= is absent");
	is_text(sig.identity_domain, "example.com", "its domain is d=");
	ok(!sig.has_length && sig.timestamp == -1 && sig.expires == -1, "no l=, t=, x=");
	dkimsig_parse(arena, span_of(arena_printf(arena, "%s%s", GOOD, many)), &sig, NULL);
	ok(sig.has_length && sig.length == UINT64_MAX, "an l= beyond all bodies");
	is_int(sig.expires, -1, "an x= of 13 digits is not an end");
}

/* RFC 8616 section 4: U-labels are looked up as A-labels. */
static void test_international(struct arena *arena)
{
	const char *value = "v=1; a=rsa-sha256; d=b\xc3\xbc"
			    "cher.example; s=s\xc3\xa9l; i=j\xc3\xb6@\xc3\xa4.b\xc3\xbc"
			    "cher.example; h=From; bh=" HASH "; " B;
	struct dkimsig sig;

	is_int(dkimsig_parse(arena, span_of(value), &sig, NULL), AUTH_NONE, "U-labels");
	is_text(sig.domain, "xn--bcher-kva.example", "d=");
	is_text(sig.selector, "xn--sl-bja", "s=");
	is_text(sig.identity_domain, "xn--4ca.xn--bcher-kva.example", "the domain of i=");
}

/* What a broken signature still tells: for the verdict's texts. */
static void test_remains(struct arena *arena)
{
	struct dkimsig sig;

	dkimsig_parse(arena,
		      span_of("v=9; d=example.com; s=sel; a=rsa-sha1; b=dGhlIHNpZ25hdHVyZQ=="),
		      &sig, NULL);
	is_text(sig.domain, "example.com", "the domain of a broken one");
	is_text(sig.selector, "sel", "its selector");
	is_text(sig.algorithm, "rsa-sha1", "its algorithm");
	is_text(sig.short_signature, "dGhlIHNp", "its signature");
	dkimsig_parse(arena, span_of("d=example.com; d=example.com"), &sig, NULL);
	is_text(sig.domain, "", "nothing is read from a broken list");
	is_text(sig.identity_domain, "", "and no text is NULL");
	dkimsig_parse(arena, span_of(GOOD "; i=joe"), &sig, NULL);
	is_text(sig.identity_domain, "", "nor that of a broken i=");
}

static enum auth_result filled(struct arena *arena, const char *before, size_t count,
			       const char *unit, const char *after)
{
	struct dkimsig sig;
	struct buf buf;

	buf_init(&buf, arena, 0);
	buf_string(&buf, before);
	while (count-- > 0)
		buf_string(&buf, unit);
	buf_string(&buf, after);
	return dkimsig_parse(arena, buf_view(&buf), &sig, NULL);
}

static void test_bounds(struct arena *arena)
{
	const char *after = "; bh=" HASH "; " B;

	is_int(filled(arena, GOOD "; z=", DKIMSIG_FIELD_MAX - strlen(GOOD "; z="), "x", ""),
	       AUTH_NONE, "the longest field");
	is_int(filled(arena, GOOD "; z=", DKIMSIG_FIELD_MAX - strlen(GOOD "; z=") + 1, "x", ""),
	       AUTH_NEUTRAL, "one byte more");
	is_int(filled(arena, HEAD "h=From", 16000, ":a", after), AUTH_NONE, "a very long h=");
	is_int(filled(arena, GOOD "; i=", DKIMSIG_IDENTITY_MAX - 12, "x", "@example.com"),
	       AUTH_NONE, "the longest i=");
	is_int(filled(arena, GOOD "; i=", DKIMSIG_IDENTITY_MAX - 11, "x", "@example.com"),
	       AUTH_NEUTRAL, "one byte more in i=");
}

static void test_names(void)
{
	struct span rest = span_of(" From\r\n : to"), name;
	bool more = true;

	ok(dkimsig_next_name(&rest, &more, &name) && span_eq(name, "From"), "the first name");
	ok(dkimsig_next_name(&rest, &more, &name) && span_eq(name, "to"), "the last name");
	ok(!dkimsig_next_name(&rest, &more, &name), "no more");
}

int main(void)
{
	struct arena *arena = arena_new(0);

	test_results(arena);
	test_fields(arena);
	test_defaults(arena);
	test_international(arena);
	test_remains(arena);
	test_bounds(arena);
	test_names();
	arena_free(arena);
	return tap_done();
}
