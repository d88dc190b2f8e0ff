/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * policy/dkim/native, and what two engines say of each other. t/unit/dkimcheck.c runs with every
 * engine and t/differential/dkim.c compares them; here is what only ours can verify: forms of the
 * signature field, walks over h=, RFC 8616, and the example of RFC 8463.
 */
#include <string.h>

#include "dns/dns.h"
#include "lib/codec/base64.h"
#include "lib/buf.h"
#include "lib/clock.h"
#include "lib/crypto/hash.h"
#include "lib/crypto/key.h"
#include "policy/dkim/canon.h"
#include "policy/dkim/check.h"
#include "policy/dkim/engine.h"
#include "t/lib/dns_memory.h"
#include "t/lib/tap.h"

static struct arena *forever;
static struct crypt_key *key;
static struct dns *zone;
static struct dkimcheck_engine *engine;

static void publish(const char *name, const char *record)
{
	struct why why;

	if (dns_memory_add(zone, name, DNS_TYPE_TXT, record, strlen(record), &why) != 0)
		ok(false, "%s: %s", name, why.text);
}

static const char *base64_text(struct arena *arena, const void *data, size_t length)
{
	struct buf buf;

	buf_init(&buf, arena, 0);
	base64_encode(&buf, data, length);
	return buf_text(&buf);
}

static void make_zone(void)
{
	const struct dns_settings settings = {0};
	const char *record;
	struct span public;

	zone = dns_new_memory(&settings);
	key = crypt_key_generate(CRYPT_ED25519, 0, NULL);
	crypt_key_public(key, forever, &public, NULL);
	record = arena_printf(forever, "k=ed25519; p=%s",
			      base64_text(forever, public.p, span_len(public)));
	publish("s._domainkey.example.com", record);
	publish("s._domainkey.xn--bcher-kva.example", record);
	publish("xn--sl-bja._domainkey.xn--bcher-kva.example", record);
}

/* ---- verifying ---- */

static bool next_field(struct span *rest, struct span *field)
{
	const char *p = rest->p;

	if (span_empty(*rest))
		return false;
	while (p + 2 < rest->end && !(p[0] == '\r' && p[1] == '\n' && !char_is_wsp(p[2])))
		p++;
	*field = (struct span){rest->p, p + 2 < rest->end ? p : rest->end - 2};
	rest->p = p + 2 < rest->end ? p + 2 : rest->end;
	return true;
}

static void verify(struct arena *arena, enum dkimcheck_choice choice, const char *header,
		   const char *body, struct verdict *verdict)
{
	const struct dkimcheck_rules rules = {.engine = choice,
					      .max_signatures = 50,
					      .min_rsa_bits = 1024,
					      .accept_partial_body = true,
					      .accept_added_fields = true,
					      .clock_drift = 300};
	struct dns_scope *scope = dns_scope_new(zone, 200, CLOCK_SECOND);
	struct dkimcheck *check = dkimcheck_new(engine, &rules, arena, scope, 1795341723);
	struct span rest = span_of(header), field;

	memset(verdict, 0, sizeof *verdict);
	while (next_field(&rest, &field)) {
		const char *colon = memchr(field.p, ':', span_len(field));

		dkimcheck_header(check, (struct span){field.p, colon},
				 (struct span){colon + 1, field.end});
	}
	dkimcheck_end_of_headers(check, NULL);
	dkimcheck_body(check, span_of(body));
	dkimcheck_finish(check, verdict);
	dns_scope_free(scope);
}

/* ---- signing ---- */

#define BODY "Hello,\r\n  world\t.\r\n\r\n"

static const char *replaced(struct arena *arena, const char *text, const char *what,
			    const char *with)
{
	const char *at = strstr(text, what);

	return at == NULL ? text
			  : arena_printf(arena, "%.*s%s%s", (int)(at - text), text, with,
					 at + strlen(what));
}

/*
 * A signature field. FIELD is "Name:value" in which BH stands for the body's hash and <...> for the
 * value of b= with the blanks around it, B in it for the signature: when it is hashed, <...> is
 * nothing. FIELDS: what h= means, in its order.
 */
static const char *sign(struct arena *arena, const char *field, enum dkimsig_canon header_canon,
			enum dkimsig_canon body_canon, const char *const *fields)
{
	struct canon_body *body = canon_body_new(arena, body_canon);
	struct crypt_hash *hash = crypt_hash_new(arena);
	uint8_t digest[CRYPT_DIGEST_LEN];
	const char *left, *right, *colon;
	struct span signature;
	struct buf text;

	canon_body_add(body, span_of(BODY));
	canon_body_finish(body, digest);
	field = replaced(arena, field, "BH", base64_text(arena, digest, sizeof digest));
	left = strchr(field, '<');
	right = strchr(field, '>');
	buf_init(&text, arena, 0);
	for (; *fields != NULL; fields++) {
		colon = strchr(*fields, ':');
		canon_header(&text, header_canon, (struct span){*fields, colon},
			     span_of(colon + 1));
	}
	colon = strchr(field, ':');
	canon_header(
	    &text, header_canon, (struct span){field, colon},
	    span_of(arena_printf(arena, "%.*s%s", (int)(left - colon - 1), colon + 1, right + 1)));
	crypt_hash_add(hash, text.data, text.len - 2);
	crypt_hash_finish(hash, digest);
	crypt_key_sign(key, digest, arena, &signature, NULL);
	field = replaced(
	    arena, field, "B>",
	    arena_printf(arena, "%s>", base64_text(arena, signature.p, span_len(signature))));
	field = replaced(
	    arena, field, "B ",
	    arena_printf(arena, "%s ", base64_text(arena, signature.p, span_len(signature))));
	field = replaced(arena, field, "<", "");
	return replaced(arena, field, ">", "");
}

/* ---- forms ---- */

#define FROM "From: Joe <joe@example.com>"
#define TO1  "To: one"
#define TO2  "tO:  two \r\n\tfolded "
#define TAGS "v=1; a=ed25519-sha256; d=example.com; s=s; bh=BH;"

static const struct form {
	const char *what;
	const char *field;
	const char *signed_fields[8];
	const char *header; /* besides the field */
	enum auth_result want;
} forms[] = {
    {"plain", "DKIM-Signature: " TAGS " h=From; b=<B>", {FROM}, FROM "\r\n", AUTH_PASS},
    {"b= first", "DKIM-Signature:b=<B>;" TAGS " h=From", {FROM}, FROM "\r\n", AUTH_PASS},
    {"blanks around b=",
     "DKIM-Signature: " TAGS " b=<\r\n\t B \r\n >; h=From ;",
     {FROM},
     FROM "\r\n",
     AUTH_PASS},
    {"blanks that the signer left standing",
     "DKIM-Signature: " TAGS " b=<B> ; h=From",
     {FROM},
     FROM "\r\n",
     AUTH_FAIL},
    {"blanks before =",
     "DKIM-Signature: " TAGS " h=From; b \r\n\t=<B>",
     {FROM},
     FROM "\r\n",
     AUTH_PASS},
    {"a tag that ends with b",
     "DKIM-Signature: " TAGS " web=x; h=From; b=<B>; ab=cd",
     {FROM},
     FROM "\r\n",
     AUTH_PASS},
    {"tags in capitals",
     "DKIM-Signature: " TAGS " B=x; D=example.net; h=From; b=<B>",
     {FROM},
     FROM "\r\n",
     AUTH_PASS},
    {"a name with a tab",
     "dkim-signature\t : " TAGS " h=From; b=<B>",
     {FROM},
     FROM "\r\n",
     AUTH_PASS},
    {"an i= with two @",
     "DKIM-Signature: " TAGS " i=\"a@b\"@example.com; h=From; b=<B>",
     {FROM},
     FROM "\r\n",
     AUTH_PASS},
    {"a t= of long ago",
     "DKIM-Signature: " TAGS " t=0; h=From; b=<B>",
     {FROM},
     FROM "\r\n",
     AUTH_PASS},

    /* h=, RFC 6376 section 5.4.2 */
    {"bottom up",
     "DKIM-Signature: " TAGS " h=TO:From:to; b=<B>",
     {TO2, FROM, TO1},
     TO1 "\r\n" FROM "\r\n" TO2 "\r\n",
     AUTH_PASS},
    {"top down",
     "DKIM-Signature: " TAGS " h=TO:From:to; b=<B>",
     {TO1, FROM, TO2},
     TO1 "\r\n" FROM "\r\n" TO2 "\r\n",
     AUTH_FAIL},
    {"only the last",
     "DKIM-Signature: " TAGS " h=to:from; b=<B>",
     {TO2, FROM},
     TO1 "\r\n" FROM "\r\n" TO2 "\r\n",
     AUTH_PASS},
    {"more than there are",
     "DKIM-Signature: " TAGS " h=to:from:to:to:From:to; b=<B>",
     {TO2, FROM, TO1},
     TO1 "\r\n" FROM "\r\n" TO2 "\r\n",
     AUTH_PASS},
    {"nothing by that name",
     "DKIM-Signature: " TAGS " h=a:T:From:TOO:z:~; b=<B>",
     {FROM},
     TO1 "\r\n" FROM "\r\n",
     AUTH_PASS},
    {"a blank before the colon",
     "DKIM-Signature: " TAGS " h=subject:from; b=<B>",
     {"Subject \t: x", FROM},
     "Subject \t: x\r\n" FROM "\r\n",
     AUTH_PASS},
    {"names one in another",
     "DKIM-Signature: " TAGS " h=x-ab:from:x:X-A; b=<B>",
     {"X-Ab:1", FROM, "x:2", "X-a:3"},
     "x:2\r\nX-a:3\r\nX-Ab:1\r\n" FROM "\r\n",
     AUTH_PASS},
    {"its own field is not meant",
     "DKIM-Signature: " TAGS " h=from:dkim-signature; b=<B>",
     {FROM},
     FROM "\r\n",
     AUTH_PASS},
    {"another one is",
     "DKIM-Signature: " TAGS " h=DKIM-Signature:from:dkim-signature:dkim-signature; b=<B>",
     {"DKIM-Signature: 2", FROM, "DKIM-Signature:  1"},
     "DKIM-Signature:  1\r\nDKIM-Signature: 2\r\n" FROM "\r\n",
     AUTH_PASS},
    {"control characters are not blanks",
     "DKIM-Signature: " TAGS " h=from:x; b=<B>",
     {FROM, "x: a\v\f b"},
     FROM "\r\nx: a\v\f b\r\n",
     AUTH_PASS},

    /* RFC 8616: names in UTF-8 */
    {"a U-label in d=",
     "DKIM-Signature: v=1; a=ed25519-sha256; d=b\xc3\xbc"
     "cher.example; s=s; bh=BH; h=From; b=<B>",
     {FROM},
     FROM "\r\n",
     AUTH_PASS},
    {"in s=, in i=",
     "DKIM-Signature: v=1; a=ed25519-sha256; d=b\xc3\xbc"
     "cher.example; s=s\xc3\xa9l; i=j\xc3\xb6@m.b\xc3\xbc"
     "cher.example; bh=BH; h=From; b=<B>",
     {FROM},
     FROM "\r\n",
     AUTH_PASS},
    {"an A-label for it",
     "DKIM-Signature: v=1; a=ed25519-sha256; d=xn--bcher-kva.example; s=s; i=@b\xc3\xbc"
     "cher.example; bh=BH; h=From; b=<B>",
     {FROM},
     FROM "\r\n",
     AUTH_PASS},
};

/* In every canonicalization, with the field above the others and below them. */
static void test_forms(struct arena *arena)
{
	for (size_t i = 0; i < sizeof forms / sizeof *forms; i++) {
		const struct form *form = &forms[i];

		for (int canon = 0; canon < 4; canon++) {
			const char *field =
			    replaced(arena, form->field, TAGS,
				     arena_printf(arena, "%s c=%s/%s;", TAGS,
						  canon & 1 ? "relaxed" : "simple",
						  canon & 2 ? "relaxed" : "simple"));
			struct verdict verdict;

			if (field == form->field && canon > 0)
				break;
			field = sign(arena, field, canon & 1, canon >> 1, form->signed_fields);
			verify(arena, DKIMCHECK_NATIVE,
			       canon & 2 ? arena_printf(arena, "%s%s\r\n", form->header, field)
					 : arena_printf(arena, "%s\r\n%s", field, form->header),
			       BODY, &verdict);
			for (unsigned at = 0; at < verdict.dkim_count; at++)
				if (*verdict.dkim[at].domain != '\0')
					is_text(auth_text(verdict.dkim[at].result),
						auth_text(form->want), "%s, %d: %s", form->what,
						canon, verdict.dkim[at].why);
		}
	}
}

/* RFC 8463 appendix A: two keys, repeated names in h=, blanks around their colons. */
static void test_example(struct arena *arena)
{
	static const char header[] =
	    "DKIM-Signature: v=1; a=ed25519-sha256; c=relaxed/relaxed;\r\n"
	    " d=football.example.com; i=@football.example.com;\r\n"
	    " q=dns/txt; s=brisbane; t=1528637909; h=from : to :\r\n"
	    " subject : date : message-id : from : subject : date;\r\n"
	    " bh=2jUSOH9NhtVGCQWNr9BrIAPreKQjO6Sn7XIkfJVOzv8=;\r\n"
	    " b=/gCrinpcQOoIfuHNQIbq4pgh9kyIK3AQUdt9OdqQehSwhEIug4D11Bus\r\n"
	    " Fa3bT3FY5OsU7ZbnKELq+eXdp1Q1Dw==\r\n"
	    "DKIM-Signature: v=1; a=rsa-sha256; c=relaxed/relaxed;\r\n"
	    " d=football.example.com; i=@football.example.com;\r\n"
	    " q=dns/txt; s=test; t=1528637909; h=from : to : subject :\r\n"
	    " date : message-id : from : subject : date;\r\n"
	    " bh=2jUSOH9NhtVGCQWNr9BrIAPreKQjO6Sn7XIkfJVOzv8=;\r\n"
	    " b=F45dVWDfMbQDGHJFlXUNB2HKfbCeLRyhDXgFpEL8GwpsRe0IeIixNTe3\r\n"
	    " DhCVlUrSjV4BwcVcOF6+FF3Zo9Rpo1tFOeS9mPYQTnGdaSGsgeefOsk2Jz\r\n"
	    " dA+L10TeYt9BgDfQNZtKdN1WO//KgIqXP7OdEFE4LjFYNcUxZQ4FADY+8=\r\n"
	    "From: Joe SixPack <joe@football.example.com>\r\n"
	    "To: Suzie Q <suzie@shopping.example.net>\r\n"
	    "Subject: Is dinner ready?\r\n"
	    "Date: Fri, 11 Jul 2003 21:00:37 -0700 (PDT)\r\n"
	    "Message-ID: <20030712040037.46341.5F8J@football.example.com>\r\n";
	static const char body[] =
	    "Hi.\r\n\r\nWe lost the game.  Are you hungry yet?\r\n\r\nJoe.\r\n\r\n";
	struct verdict verdict;

	publish("brisbane._domainkey.football.example.com",
		"v=DKIM1; k=ed25519; p=11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo=");
	publish("test._domainkey.football.example.com",
		"v=DKIM1; k=rsa; p=MIGfMA0GCSqGSIb3DQEBAQUAA4GNADCBiQKBgQDkHlOQoBTzWR"
		"iGs5V6NpP3idY6Wk08a5qhdR6wy5bdOKb2jLQiY/J16JYi0Qvx/byYzCNb3W91y3FutAC"
		"DfzwQ/BC/e/8uBsCR+yz1Lxj+PL6lHvqMKrM3rG4hstT5QjvHO9PzoxZyVYLzBfO2EeC3"
		"Ip3G+2kryOTIKT+l/K4w3QIDAQAB");
	for (enum dkimcheck_choice choice = DKIMCHECK_NATIVE; choice <= DKIMCHECK_BOTH; choice++) {
		verify(arena, choice, header, body, &verdict);
		is_int(verdict.dkim_count, 2, "the example of RFC 8463");
		is_text(auth_text(verdict.dkim[0].result), "pass", "Ed25519: %s",
			verdict.dkim[0].why);
		is_text(auth_text(verdict.dkim[1].result), "pass", "RSA: %s", verdict.dkim[1].why);
		is_int(verdict.disagreement_count, 0, "no disagreement");
		verify(arena, choice, replaced(arena, header, "ready?", "ready!"), body, &verdict);
		ok(verdict.dkim[0].result == AUTH_FAIL && verdict.dkim[1].result == AUTH_FAIL,
		   "and not when it is changed");
	}
}

/* Fifty signatures, all with lengths of their own: one pass over the body serves them. */
static void test_lengths(struct arena *arena)
{
	static const char *const from[] = {FROM, NULL};
	const char *header = FROM "\r\n";
	uint8_t digest[CRYPT_DIGEST_LEN];
	struct verdict verdict;
	struct buf body;
	unsigned good = 0;

	buf_init(&body, arena, 0);
	for (int i = 0; i < 500; i++)
		buf_printf(&body, "line %d\r\n", i);
	for (unsigned i = 0; i < 50; i++) {
		unsigned length = i * 7919 % (unsigned)body.len;
		const char *field;

		crypt_sha256(body.data, length, digest);
		field =
		    arena_printf(arena,
				 "DKIM-Signature: v=1; a=ed25519-sha256; d=example.com; s=s; bh=%s;"
				 " l=%u; h=from; b=<B>",
				 base64_text(arena, digest, sizeof digest), length);
		header = arena_printf(arena, "%s\r\n%s", sign(arena, field, 0, 0, from), header);
	}
	verify(arena, DKIMCHECK_BOTH, header, buf_text(&body), &verdict);
	for (unsigned i = 0; i < verdict.dkim_count; i++)
		good += verdict.dkim[i].result == AUTH_PASS && verdict.dkim[i].partial;
	is_int(good, 50, "fifty lengths");
	is_int(verdict.disagreement_count, 0, "libopendkim agrees");
}

/* Very many names and fields: little time, and right. */
static void test_crowd(struct arena *arena)
{
	const char *fields[3002], *field;
	struct buf names, header;
	struct verdict verdict;
	int64_t start = clock_mono();

	buf_init(&names, arena, 0);
	buf_init(&header, arena, 0);
	for (int i = 0; i < 3000; i++) {
		fields[i] = arena_printf(arena, "X-%d: %d", (3000 - i) % 1500, i);
		buf_printf(&names, "x-%d:", (3000 - i) % 1500);
	}
	for (int i = 3000; i-- > 0;)
		buf_printf(&header, "%s\r\n", fields[i]);
	buf_string(&header, FROM "\r\n");
	fields[3000] = FROM;
	fields[3001] = NULL;
	field = arena_printf(arena, "DKIM-Signature: " TAGS " h=%sFrom; b=<B>", buf_text(&names));
	field = sign(arena, field, DKIMSIG_SIMPLE, DKIMSIG_SIMPLE, fields);
	for (int i = 0; i < 10; i++)
		buf_printf(&header, "%s\r\n", field);
	verify(arena, DKIMCHECK_NATIVE, buf_text(&header), BODY, &verdict);
	is_int(verdict.dkim_count, 10, "ten that sign 3001 fields each");
	for (unsigned i = 0; i < verdict.dkim_count; i++)
		is_int(verdict.dkim[i].result, AUTH_PASS, "%u: %s", i, verdict.dkim[i].why);
	ok(clock_mono() - start < 2 * CLOCK_SECOND, "in little time");
}

/* ---- two engines ---- */

static const char *opinions(struct arena *arena, enum dkimengine_result ours, bool partial,
			    enum dkimengine_result theirs)
{
	static const struct dkimengine one = {.name = "one"}, other = {.name = "other"};
	static const struct dns_record record = {.text = "p=x\n", .length = 4};
	static const struct dns_answer answer = {.count = 1, .records = &record};
	const struct dkimengine_field field = {.name = span_of("DKIM-Signature"),
					       .value = span_of(" v=1;\r\n\td=e.com;\001")};
	const struct dkimengine_task a = {.field = &field, .result = ours, .partial = partial};
	const struct dkimengine_task b = {.field = &field, .result = theirs};

	return dkimengine_disagreement(arena, &one, &a, &other, &b, &answer);
}

static void test_disagreement(struct arena *arena)
{
	is_text(opinions(arena, DKIMENGINE_GOOD, true, DKIMENGINE_BAD_BODY),
		"DKIM engines disagree: one good in part, other other body; "
		"dkim-signature:v=1; d=e.com;?; key \"p=x?\"",
		"a disagreement is one line");
	ok(opinions(arena, DKIMENGINE_BAD_SIGNATURE, false, DKIMENGINE_BAD_BODY) != NULL,
	   "two sorts of failure");
	ok(opinions(arena, DKIMENGINE_GOOD, true, DKIMENGINE_GOOD) != NULL, "in part, or whole");
	for (int i = DKIMENGINE_OPEN; i <= DKIMENGINE_BROKEN; i++) {
		is_text(opinions(arena, i, false, i), NULL, "the same opinion");
		is_text(opinions(arena, i, false, DKIMENGINE_REFUSED), NULL, "no opinion");
		is_text(opinions(arena, DKIMENGINE_BROKEN, false, i), NULL, "nor here");
	}
}

int main(void)
{
	static void (*const tests[])(struct arena *) = {test_forms, test_example, test_lengths,
							test_crowd, test_disagreement};
	struct arena *arena = arena_new(0);

	forever = arena_new(0);
	make_zone();
	engine = dkimcheck_engine_new(NULL);
	for (size_t i = 0; i < sizeof tests / sizeof *tests; i++) {
		tests[i](arena);
		arena_reset(arena);
	}
	dkimcheck_engine_free(engine);
	dns_free(zone);
	crypt_key_free(key);
	arena_free(arena);
	arena_free(forever);
	return tap_done();
}
