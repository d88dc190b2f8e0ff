/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * policy/dkim/check: messages are signed here, by libopendkim and by our own canonicalization and
 * keys (what libopendkim cannot sign), and verified against a zone in memory.
 */
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <openssl/x509.h>
#include <stdlib.h>
#include <string.h>

#include <opendkim/dkim.h>

#include "dns/dns.h"
#include "lib/arena.h"
#include "lib/codec/base64.h"
#include "lib/buf.h"
#include "lib/clock.h"
#include "lib/crypto/der.h"
#include "lib/crypto/hash.h"
#include "lib/crypto/key.h"
#include "lib/lock.h"
#include "policy/dkim/canon.h"
#include "policy/dkim/check.h"
#include "t/lib/dns_memory.h"
#include "t/lib/tap.h"

/* libopendkim does not free the key that it has signed with when that is Ed25519. */
#ifdef __has_feature
#if __has_feature(address_sanitizer)
#define WITH_LEAK_CHECK
#endif
#endif
#if defined(__SANITIZE_ADDRESS__) || defined(WITH_LEAK_CHECK)
#include <sanitizer/lsan_interface.h>
#define LEAKS_BEGIN __lsan_disable()
#define LEAKS_END   __lsan_enable()
#else
#define LEAKS_BEGIN (void)0
#define LEAKS_END   (void)0
#endif

#define HEADER                                                                                     \
	"From: Joe <joe@example.com>\r\nTo: jane@example.net\r\nSubject:  A folded\r\n\t subject " \
	"\r\n"                                                                                     \
	"Date: Sun, 22 Nov 2026 10:00:00 +0000\r\nMessage-ID: <1@example.com>\r\n"
#define BODY "First  line \r\n\tsecond line\r\n\r\nlast\tline\r\n\r\n\r\n"

/* ---- keys ---- */

enum key_id { RSA_2048, RSA_1024, RSA_768, RSA_4096, EDWARDS, OTHER, KEYS };

static struct {
	const char *pem;
	const char *public; /* p= */
} keys[KEYS];

static struct arena *forever;
static struct dkimcheck_engine *engine;
static int64_t now, max_wait = 10 * CLOCK_SECOND;

static char *bio_text(BIO *bio)
{
	char *data;
	long length = BIO_get_mem_data(bio, &data);

	return arena_copy(forever, data, (size_t)length);
}

static const char *base64_text(struct arena *arena, const void *data, size_t length)
{
	struct buf buf;

	buf_init(&buf, arena, 0);
	base64_encode(&buf, data, length);
	return buf_text(&buf);
}

static void make_key(enum key_id id, unsigned bits)
{
	EVP_PKEY *pkey = bits == 0 ? EVP_PKEY_Q_keygen(NULL, NULL, "ED25519") : EVP_RSA_gen(bits);
	BIO *bio = BIO_new(BIO_s_mem());
	unsigned char raw[32], *der = NULL;
	size_t length = sizeof raw;

	PEM_write_bio_PrivateKey(bio, pkey, NULL, NULL, 0, NULL, NULL);
	keys[id].pem = bio_text(bio);
	if (bits == 0) {
		EVP_PKEY_get_raw_public_key(pkey, raw, &length);
		keys[id].public = base64_text(forever, raw, length);
	} else {
		length = (size_t)i2d_PUBKEY(pkey, &der);
		keys[id].public = base64_text(forever, der, length);
		OPENSSL_free(der);
	}
	BIO_free(bio);
	EVP_PKEY_free(pkey);
}

static void make_keys(void)
{
	make_key(RSA_2048, 2048);
	make_key(RSA_1024, 1024);
	make_key(RSA_768, 768);
	make_key(RSA_4096, 4096);
	make_key(EDWARDS, 0);
	make_key(OTHER, 2048);
}

/* ---- the zone ---- */

static struct dns *zone;

static void publish(const char *name, const char *record)
{
	struct why why;

	if (dns_memory_add(zone, name, DNS_TYPE_TXT, record, strlen(record), &why) != 0)
		ok(false, "%s: %s", name, why.text);
}

static void publish_key(const char *selector, const char *tags, enum key_id id)
{
	publish(arena_printf(forever, "%s._domainkey.example.com", selector),
		arena_printf(forever, "v=DKIM1; %sp=%s", tags, keys[id].public));
}

/* RSAPublicKey, as RFC 6376 says and hardly anybody publishes. */
static const char *bare_rsa(enum key_id id)
{
	const uint8_t *der;
	size_t length;

	base64_decode(forever, span_of(keys[id].public), &der, &length);
	return base64_text(forever, der + 24, length - 24);
}

/* An RSA key of that size that nobody has the other half of. */
static const char *unknown_rsa(unsigned bits)
{
	struct buf number, fields, key;

	buf_init(&number, forever, 0);
	buf_char(&number, '\0');
	for (unsigned i = 0; i < bits / 8; i++)
		buf_char(&number, (char)(0x81 + i % 100 * 2 % 128));
	buf_init(&fields, forever, 0);
	der_put(&fields, DER_INTEGER, buf_view(&number));
	der_put(&fields, DER_INTEGER, span_make("\x01\x00\x01", 3));
	buf_init(&key, forever, 0);
	der_put(&key, DER_SEQUENCE, buf_view(&fields));
	return base64_text(forever, key.data, key.len);
}

static void make_zone(void)
{
	const struct dns_settings settings = {0};

	zone = dns_new_memory(&settings);
	publish_key("rsa", "", RSA_2048);
	publish_key("ed", "k=ed25519; ", EDWARDS);
	publish_key("short", "", RSA_1024);
	publish_key("tiny", "", RSA_768);
	publish_key("long", "", RSA_4096);
	publish_key("test", "t=y; ", RSA_2048);
	publish_key("strict", "t=s; ", RSA_2048);
	publish_key("sha1", "h=sha1; ", RSA_2048);
	publish_key("a_b.c-d", "", RSA_2048);
	publish("bits5120._domainkey.example.com",
		arena_printf(forever, "p=%s", unknown_rsa(5120)));
	publish("bits8192._domainkey.example.com",
		arena_printf(forever, "p=%s", unknown_rsa(8192)));
	publish_key("tls", "s=tlsrpt; ", RSA_2048);
	publish_key("wrong", "", OTHER);
	publish("bare._domainkey.example.com", arena_printf(forever, "p=%s", bare_rsa(RSA_2048)));
	publish("revoked._domainkey.example.com", "v=DKIM1; p=");
	publish("junk._domainkey.example.com", "v=DKIM1; p=junk");
	publish("spf._domainkey.example.com", "v=spf1 -all");
	publish_key("beside", "n=one; ", RSA_2048);
	publish("beside._domainkey.example.com", "v=spf1 -all");
	publish_key("two", "", RSA_2048);
	publish_key("two", "n=other; ", RSA_2048);
	dns_memory_mode(zone, "servfail._domainkey.example.com", DNS_TYPE_TXT, DNS_MEMORY_SERVFAIL);
	dns_memory_mode(zone, "silent._domainkey.example.com", DNS_TYPE_TXT, DNS_MEMORY_SILENT);
	publish("rsa._domainkey.news.example.com",
		arena_printf(forever, "v=DKIM1; p=%s", keys[RSA_2048].public));
	publish("rsa._domainkey.example.org",
		arena_printf(forever, "v=DKIM1; p=%s", keys[RSA_2048].public));
}

/* ---- signing ---- */

struct how {
	const char *selector;
	enum key_id key;
	const char *domain; /* NULL: example.com */
	dkim_canon_t header, body;
	const char *identity; /* i=, or NULL */
	ssize_t length;       /* l=, when it is not 0 */
};

static dkim_alg_t algorithm(enum key_id key)
{
	return key == EDWARDS ? DKIM_SIGN_ED25519SHA256 : DKIM_SIGN_RSASHA256;
}

/* Splits the first field off *REST. */
static bool next_field(struct span *rest, struct span *field)
{
	const char *p = rest->p;

	if (span_empty(*rest))
		return false;
	for (; p + 2 <= rest->end; p++)
		if (p[0] == '\r' && p[1] == '\n' && !(p + 2 < rest->end && char_is_wsp(p[2])))
			break;
	*field = (struct span){rest->p, p};
	rest->p = p + 2 <= rest->end ? p + 2 : rest->end;
	return true;
}

/* A DKIM-Signature field with its CRLF, made by libopendkim. */
static const char *sign(struct arena *arena, const struct how *how, const char *header,
			const char *body)
{
	DKIM_LIB *lib = dkim_init(NULL, NULL);
	DKIM_STAT status;
	u_int bits = 1;
	DKIM *dkim = dkim_sign(
	    lib, (const unsigned char *)"t", NULL, (unsigned char *)(uintptr_t)keys[how->key].pem,
	    (const unsigned char *)how->selector,
	    (const unsigned char *)(how->domain ? how->domain : "example.com"), how->header,
	    how->body, algorithm(how->key), how->length != 0 ? how->length : -1, &status);
	struct span rest = span_of(header), field;
	const char *text;
	u_char none[] = "", *value = none;
	size_t length = 0;

	dkim_options(lib, DKIM_OP_SETOPT, DKIM_OPTS_MINKEYBITS, &bits, sizeof bits);
	dkim_set_margin(dkim, 0); /* with folds it signs Ed25519 and simple headers wrongly */
	if (how->identity != NULL)
		dkim_set_signer(dkim, (const u_char *)how->identity);
	while (next_field(&rest, &field))
		dkim_header(dkim, (u_char *)(uintptr_t)field.p, span_len(field));
	LEAKS_BEGIN;
	dkim_eoh(dkim);
	dkim_body(dkim, (u_char *)(uintptr_t)body, strlen(body));
	status = dkim_eom(dkim, NULL);
	LEAKS_END;
	if (status != DKIM_STAT_OK || dkim_getsighdr_d(dkim, 16, &value, &length) != DKIM_STAT_OK)
		ok(false, "libopendkim does not sign: %d", status);
	text = arena_printf(arena, "DKIM-Signature: %.*s\r\n", (int)length, (const char *)value);
	dkim_free(dkim);
	dkim_close(lib);
	return text;
}

/*
 * The same by our own hands: TAGS is the field's value up to "b=", with "bh=@" for the hash of the
 * body; NAMES and their fields are what is signed, in the order of h=.
 */
static const char *sign_by_hand(struct arena *arena, const char *tags, enum key_id id,
				enum dkimsig_canon header_canon, enum dkimsig_canon body_canon,
				const char *const *signed_fields, const char *body)
{
	struct crypt_key *key = crypt_key_parse(span_of(keys[id].pem), NULL);
	struct canon_body *hash = canon_body_new(arena, body_canon);
	struct crypt_hash *all = crypt_hash_new(arena);
	uint8_t digest[32];
	const char *at = strchr(tags, '@'), *value;
	struct span signature;
	struct buf buf;

	canon_body_add(hash, span_of(body));
	canon_body_finish(hash, digest);
	value = at == NULL ? tags
			   : arena_printf(arena, "%.*s%s%s", (int)(at - tags), tags,
					  base64_text(arena, digest, 32), at + 1);
	buf_init(&buf, arena, 0);
	for (; *signed_fields != NULL; signed_fields++) {
		const char *colon = strchr(*signed_fields, ':');

		canon_header(&buf, header_canon,
			     span_make(*signed_fields, (size_t)(colon - *signed_fields)),
			     span_of(colon + 1));
	}
	canon_header(&buf, header_canon, span_of("DKIM-Signature"), span_of(value));
	crypt_hash_add(all, buf.data, buf.len - 2);
	crypt_hash_finish(all, digest);
	crypt_key_sign(key, digest, arena, &signature, NULL);
	crypt_key_free(key);
	return arena_printf(arena, "DKIM-Signature:%s%s\r\n", value,
			    base64_text(arena, signature.p, span_len(signature)));
}

/* ---- verifying: every test runs with every engine ---- */

static struct dkimcheck_rules usual = {
    .max_signatures = 10, .min_rsa_bits = 1024, .accept_testing_keys = true, .clock_drift = 300};

/* As libmilter gives it: a field is gone after its call. */
static void feed_header(struct dkimcheck *check, const char *header)
{
	struct span rest = span_of(header), field;

	while (next_field(&rest, &field)) {
		size_t length = span_len(field);
		char *copy = malloc(length), *colon;

		memcpy(copy, field.p, length);
		colon = memchr(copy, ':', length);
		dkimcheck_header(check, (struct span){copy, colon},
				 (struct span){colon + 1, copy + length});
		memset(copy, 'X', length);
		free(copy);
	}
}

/* The body in two chunks, split at SPLIT. */
static void verify_with(const struct dkimcheck_rules *rules, struct arena *arena,
			const char *author, const char *header, struct span body, size_t split,
			struct verdict *verdict)
{
	struct dns_scope *scope = dns_scope_new(zone, 200, max_wait);
	struct dkimcheck *check = dkimcheck_new(engine, rules, arena, scope, now);

	memset(verdict, 0, sizeof *verdict);
	feed_header(check, header);
	dkimcheck_end_of_headers(check, author);
	if (split > 0)
		dkimcheck_body(check, span_make(body.p, split));
	dkimcheck_body(check, (struct span){body.p + split, body.end});
	dkimcheck_finish(check, verdict);
	if (verdict->disagreement_count > 0)
		ok(false, "%s", verdict->disagreements[0]);
	dns_scope_free(scope);
}

static void verify(struct arena *arena, const char *header, const char *body,
		   struct verdict *verdict)
{
	verify_with(&usual, arena, "example.com", header, span_of(body), 0, verdict);
}

/* One signature: its result, and a part of its reason. */
static void expect(struct arena *arena, const char *header, const char *body, enum auth_result want,
		   const char *why, const char *what)
{
	struct verdict verdict;

	verify(arena, header, body, &verdict);
	is_int(verdict.dkim_count, 1, "%s: one verdict", what);
	if (verdict.dkim_count != 1)
		return;
	is_text(auth_text(verdict.dkim[0].result), auth_text(want), "%s: %s", what,
		verdict.dkim[0].why);
	if (why != NULL)
		ok(strstr(verdict.dkim[0].why, why) != NULL, "%s: reason \"%s\"", what,
		   verdict.dkim[0].why);
}

/* What libopendkim cannot verify, and says so with WHY; our engine can. */
static void expect_beyond(struct arena *arena, const char *header, const char *body,
			  enum auth_result want, const char *why, const char *what)
{
	if (usual.engine == DKIMCHECK_OPENDKIM)
		expect(arena, header, body, AUTH_NEUTRAL, why, what);
	else
		expect(arena, header, body, want, NULL, what);
}

static const char *joined(struct arena *arena, const char *a, const char *b)
{
	return arena_printf(arena, "%s%s", a, b);
}

static const char *replaced(struct arena *arena, const char *text, const char *from, const char *to)
{
	const char *at = strstr(text, from);

	return arena_printf(arena, "%.*s%s%s", (int)(at - text), text, to, at + strlen(from));
}

/* ---- tests ---- */

static void test_forms(struct arena *arena)
{
	for (int i = 0; i < 8; i++) {
		const struct how how = {.selector = i & 4 ? "ed" : "rsa",
					.key = i & 4 ? EDWARDS : RSA_2048,
					.header = i & 1,
					.body = i >> 1 & 1};
		const char *field = sign(arena, &how, HEADER, BODY);
		const char *header = joined(arena, field, HEADER);
		const char *what =
		    arena_printf(arena, "%s %d/%d", how.selector, how.header, how.body);
		struct verdict verdict;

		expect(arena, header, BODY, AUTH_PASS, "good", what);
		expect(arena, replaced(arena, header, "jane", "john"), BODY, AUTH_FAIL,
		       "header and the key", what);
		expect(arena, header, "other body\r\n", AUTH_FAIL, "body", what);
		expect(arena, header, BODY "more\r\n", AUTH_FAIL, "body", what);
		expect(arena, header, BODY "\r\n\r\n", AUTH_PASS, NULL, what);
		expect(arena, header, "First line\r\n second line\r\n\r\nlast line\r\n",
		       how.body ? AUTH_PASS : AUTH_FAIL, NULL, what);
		expect(arena, replaced(arena, header, "A folded\r\n\t", "A folded "), BODY,
		       how.header ? AUTH_PASS : AUTH_FAIL, NULL, what);
		verify(arena, header, BODY, &verdict);
		is_int(verdict.dkim[0].key_bits, i & 4 ? 256 : 2048, "%s: bits", what);
		is_text(verdict.dkim[0].domain, "example.com", "%s: d=", what);
		is_text(verdict.dkim[0].selector, how.selector, "%s: s=", what);
		is_text(verdict.dkim[0].algorithm, i & 4 ? "ed25519-sha256" : "rsa-sha256",
			"%s: a=", what);
		is_int(strlen(verdict.dkim[0].signature), 8, "%s: b=", what);
		ok(!verdict.dkim[0].testing && !verdict.dkim[0].partial, "%s: no flags", what);
	}
}

static const struct key_case {
	const char *selector;
	enum key_id key;
	const char *identity;
	enum auth_result want;
	const char *why;
} key_cases[] = {
    {"short", RSA_1024, NULL, AUTH_PASS, "1024-bit key"},
    {"long", RSA_4096, NULL, AUTH_PASS, "4096-bit key"},
    {"tiny", RSA_768, NULL, AUTH_PERMERROR, "768 bits is too short (RFC 8301"},
    {"bare", RSA_2048, NULL, AUTH_PASS, "2048-bit key"},
    {"a_b.c-d", RSA_2048, NULL, AUTH_PASS, NULL},
    {"bits5120", RSA_2048, NULL, AUTH_FAIL, NULL},
    {"test", RSA_2048, NULL, AUTH_PASS, "for tests"},
    {"beside", RSA_2048, NULL, AUTH_PASS, NULL},
    {"strict", RSA_2048, NULL, AUTH_PASS, NULL},
    {"strict", RSA_2048, "joe@example.com", AUTH_PASS, NULL},
    {"strict", RSA_2048, "joe@news.example.com", AUTH_PERMERROR, "t=s"},
    {"rsa", RSA_2048, "joe@news.example.com", AUTH_PASS, NULL},
    {"sha1", RSA_2048, NULL, AUTH_PERMERROR, "h= does not include sha256"},
    {"tls", RSA_2048, NULL, AUTH_PERMERROR, "s= does not include email"},
    {"wrong", RSA_2048, NULL, AUTH_FAIL, "header and the key"},
    {"ed", RSA_2048, NULL, AUTH_PERMERROR, "k= does not match the signature's a="},
    {"rsa", EDWARDS, NULL, AUTH_PERMERROR, "k= does not match the signature's a="},
    {"revoked", RSA_2048, NULL, AUTH_PERMERROR, "revoked"},
    {"junk", RSA_2048, NULL, AUTH_PERMERROR, "is not a valid key: p= is not an RSA key"},
    {"spf", RSA_2048, NULL, AUTH_PERMERROR, "is not a valid key: v="},
    {"two", RSA_2048, NULL, AUTH_PERMERROR, "2 key records"},
    {"nothing", RSA_2048, NULL, AUTH_PERMERROR, "no key at nothing._domainkey.example.com"},
    {"servfail", RSA_2048, NULL, AUTH_TEMPERROR, "SERVFAIL"},
    {"silent", RSA_2048, NULL, AUTH_TEMPERROR, "no answer"},
};

static void test_keys(struct arena *arena)
{
	const struct how giant = {.selector = "bits8192", .key = RSA_2048};

	expect_beyond(arena, joined(arena, sign(arena, &giant, HEADER, BODY), HEADER), BODY,
		      AUTH_FAIL, "key of 8192 bits is longer", "a key of 8192 bits");
	for (size_t i = 0; i < sizeof key_cases / sizeof *key_cases; i++) {
		const struct key_case *c = &key_cases[i];
		const struct how how = {.selector = c->selector,
					.key = c->key,
					.identity = c->identity,
					.header = DKIM_CANON_RELAXED,
					.body = DKIM_CANON_RELAXED};
		const char *field = sign(arena, &how, HEADER, BODY);

		if (strcmp(c->selector, "silent") == 0)
			max_wait = CLOCK_SECOND / 5;
		expect(arena, joined(arena, field, HEADER), BODY, c->want, c->why,
		       arena_printf(arena, "key %s", c->selector));
		max_wait = 10 * CLOCK_SECOND;
	}
}

static void test_rules(struct arena *arena)
{
	const struct how test_key = {.selector = "test", .key = RSA_2048};
	const struct how short_key = {.selector = "short", .key = RSA_1024};
	struct dkimcheck_rules rules = usual;
	struct verdict verdict;
	const char *header;

	header = joined(arena, sign(arena, &test_key, HEADER, BODY), HEADER);
	rules.accept_testing_keys = false;
	verify_with(&rules, arena, NULL, header, span_of(BODY), 0, &verdict);
	ok(verdict.dkim[0].result == AUTH_POLICY && verdict.dkim[0].testing, "a key for tests: %s",
	   verdict.dkim[0].why);
	verify_with(&rules, arena, NULL, header, span_of("x\r\n"), 0, &verdict);
	ok(verdict.dkim[0].result == AUTH_FAIL && verdict.dkim[0].testing,
	   "a failure with such a key stays one: %s", verdict.dkim[0].why);
	header = joined(arena, sign(arena, &short_key, HEADER, BODY), HEADER);
	rules.min_rsa_bits = 2048;
	verify_with(&rules, arena, NULL, header, span_of(BODY), 0, &verdict);
	ok(verdict.dkim[0].result == AUTH_POLICY && verdict.dkim[0].key_bits == 1024,
	   "a key that is short by our rule: %s", verdict.dkim[0].why);
	rules.min_rsa_bits = 512;
	header = joined(
	    arena, sign(arena, &(struct how){.selector = "tiny", .key = RSA_768}, HEADER, BODY),
	    HEADER);
	verify_with(&rules, arena, NULL, header, span_of(BODY), 0, &verdict);
	is_int(verdict.dkim[0].result, AUTH_PERMERROR, "768 bits are never enough: %s",
	       verdict.dkim[0].why);
}

/* RFC 6376 section 8.15: MORE stands above the signed header. */
static const struct {
	const char *more;
	bool accepted;
} additions[] = {
    {"", true},
    {"X-Spam: no\r\nReceived: from a\r\nReceived: from b\r\n", true},
    {"Comments: a\r\nComments: b\r\n", true},
    {"Subject: another\r\n", false},
    {"SUBJECT : another\r\n", false},
    {"To: another@example.net\r\n", false},
    {"Date: another\r\n", false},
    {"Content-Type: text/html\r\nContent-Type: text/plain\r\n", false},
    {"Content-Type: text/html\r\n", true}, /* not signed, but there is one */
};

static void test_additions(struct arena *arena)
{
	static const char signed_header[] = "From: Joe <joe@example.com>\r\nTo: a@example.net\r\n"
					    "Subject: one\r\nDate: today\r\n";
	static const char *const fields[] = {"From: Joe <joe@example.com>", "To: a@example.net",
					     "Subject: one", "Date: today", NULL};
	static const char *const two[] = {"From: Joe <joe@example.com>", "Subject: one",
					  "Subject: another", NULL};
	static const char tags[] =
	    " v=1; a=rsa-sha256; c=relaxed/relaxed; d=example.com; s=rsa; bh=@;";
	struct dkimcheck_rules rules = usual;
	const char *signature, *header;
	struct verdict verdict;

	signature = sign_by_hand(arena, arena_printf(arena, "%s h=from:to:subject:date; b=", tags),
				 RSA_2048, DKIMSIG_RELAXED, DKIMSIG_RELAXED, fields, BODY);
	for (size_t i = 0; i < sizeof additions / sizeof *additions; i++) {
		header = arena_printf(arena, "%s%s%s", additions[i].more, signature, signed_header);
		rules.accept_added_fields = false;
		verify_with(&rules, arena, NULL, header, span_of(BODY), 0, &verdict);
		is_int(verdict.dkim[0].result, additions[i].accepted ? AUTH_PASS : AUTH_POLICY,
		       "addition %zu: %s", i, verdict.dkim[0].why);
		rules.accept_added_fields = true;
		verify_with(&rules, arena, NULL, header, span_of(BODY), 0, &verdict);
		is_int(verdict.dkim[0].result, AUTH_PASS, "accepted by setting");
	}
	signature = sign_by_hand(arena, arena_printf(arena, "%s h=from:subject:subject; b=", tags),
				 RSA_2048, DKIMSIG_RELAXED, DKIMSIG_RELAXED, two, BODY);
	header = arena_printf(arena, "%sSubject: another\r\n%s", signature, signed_header);
	verify(arena, header, BODY, &verdict);
	is_int(verdict.dkim[0].result, AUTH_PASS, "two that are both signed: %s",
	       verdict.dkim[0].why);
	header =
	    arena_printf(arena, "Subject: x\r\n%sSubject: another\r\n%s", signature, signed_header);
	verify(arena, header, BODY, &verdict);
	is_int(verdict.dkim[0].result, AUTH_POLICY, "a third: %s", verdict.dkim[0].why);
}

static void test_length(struct arena *arena)
{
	struct how how = {.selector = "rsa", .key = RSA_2048, .length = 12};
	struct dkimcheck_rules rules = usual;
	struct verdict verdict;
	const char *header = joined(arena, sign(arena, &how, HEADER, BODY), HEADER);

	ok(strstr(header, "l=12;") != NULL, "l= is there");
	expect(arena, header, BODY, AUTH_POLICY, "unsigned", "l= short of the body");
	expect(arena, header, "First  line changed\r\n", AUTH_POLICY, NULL,
	       "what follows does not matter");
	expect(arena, header, "Fisrt  line \r\n", AUTH_FAIL, "body", "what is signed does");
	expect(arena, header, "First\r\n", AUTH_PERMERROR, "l= is larger", "l= beyond the body");
	rules.accept_partial_body = true;
	verify_with(&rules, arena, NULL, header, span_of(BODY), 0, &verdict);
	ok(verdict.dkim[0].result == AUTH_PASS && verdict.dkim[0].partial, "accepted: %s",
	   verdict.dkim[0].why);
	for (how.body = DKIM_CANON_SIMPLE; how.body <= DKIM_CANON_RELAXED; how.body++) {
		how.length = (ssize_t)strlen(BODY) * 2;
		header = joined(arena, sign(arena, &how, HEADER, BODY), HEADER);
		verify(arena, header, BODY, &verdict);
		ok(verdict.dkim[0].result == AUTH_PASS && !verdict.dkim[0].partial,
		   "l= of the whole canonical body: %s", verdict.dkim[0].why);
	}
}

static const char *by_hand(struct arena *arena, const char *tags, const char *value_tags)
{
	static const char *const from[] = {"From: Joe <joe@example.com>", NULL};
	const char *value =
	    arena_printf(arena, " v=1; a=rsa-sha256; %s s=rsa; bh=@; %s b=", tags, value_tags);

	return joined(
	    arena,
	    sign_by_hand(arena, value, RSA_2048, DKIMSIG_RELAXED, DKIMSIG_RELAXED, from, BODY),
	    HEADER);
}

#define PLAIN "c=relaxed/relaxed; d=example.com; h=from;"

static void test_by_hand(struct arena *arena)
{
	const char *text;
	long long time = (long long)now;

	expect(arena, by_hand(arena, PLAIN, ""), BODY, AUTH_PASS, NULL, "by hand");
	expect(arena,
	       by_hand(arena, "c=relaxed/relaxed;\r\n\td = Example.COM;\r\n h = FROM : Reply-To ;",
		       "q=dns/txt; z=a|b; foo=; "),
	       BODY, AUTH_PASS, NULL, "odd but right");
	expect(arena, by_hand(arena, "c=Relaxed/RELAXED; d=_x.example.com; h=from;", "q=dns;"),
	       BODY, AUTH_PERMERROR, "no key at rsa._domainkey._x.example.com",
	       "odd, up to the key");
	expect(arena, by_hand(arena, "c=Relaxed/RELAXED; d=news.example.com; h=from;", "q=dns;"),
	       BODY, AUTH_PASS, NULL, "names in capitals");
	text = arena_printf(arena, "t=%lld; x=%lld;", time - 10, time + 10);
	expect(arena, by_hand(arena, PLAIN, text), BODY, AUTH_PASS, NULL, "t= and x=");
	text = arena_printf(arena, "t=%lld; x=%lld;", time - 1000, time - 299);
	expect(arena, by_hand(arena, PLAIN, text), BODY, AUTH_PASS, NULL, "x= within the drift");
	text = arena_printf(arena, "t=%lld; x=%lld;", time - 1000, time - 302);
	expect(arena, by_hand(arena, PLAIN, text), BODY, AUTH_POLICY, "expired", "x= past");
	text = arena_printf(arena, "t=%lld;", time + 290);
	expect(arena, by_hand(arena, PLAIN, text), BODY, AUTH_PASS, NULL, "t= within the drift");
	text = arena_printf(arena, "t=%lld;", time + 400);
	expect(arena, by_hand(arena, PLAIN, text), BODY, AUTH_POLICY, "future", "t= to come");
	expect(arena, by_hand(arena, PLAIN, "x=999999999999999;"), BODY, AUTH_PASS, NULL,
	       "x= without end");
	expect_beyond(arena, by_hand(arena, PLAIN, "t=1000;"), BODY, AUTH_PASS, "2002",
		      "t= long ago");
	expect(arena, by_hand(arena, PLAIN, "l=99999999999999999999999;"), BODY, AUTH_PERMERROR,
	       "l=", "l= beyond all");
	expect(arena, by_hand(arena, "c=relaxed/relaxed; d=example.com; h=from:from;", ""), BODY,
	       AUTH_PASS, NULL, "an oversigned From");
	expect(arena,
	       joined(arena, by_hand(arena, "c=relaxed/relaxed; d=example.com; h=from:from;", ""),
		      "From: evil@example.net\r\n"),
	       BODY, AUTH_FAIL, NULL, "and a second From");
	expect(arena, joined(arena, "From: evil@example.net\r\n", by_hand(arena, PLAIN, "")), BODY,
	       AUTH_POLICY, "several From", "a second From above");
	expect(arena, by_hand(arena, PLAIN, "b =x; "), BODY, AUTH_PERMERROR, "twice", "the gate");
	expect_beyond(arena, by_hand(arena, PLAIN, "web=1;"), BODY, AUTH_PASS,
		      "...b=", "a tag that ends with b");
	expect(arena, by_hand(arena, PLAIN, "q=dns/other:dns/txt;"), BODY, AUTH_PASS, NULL,
	       "q= with an unknown method");
	expect(arena, by_hand(arena, PLAIN, "i=joe@example.net;"), BODY, AUTH_PERMERROR,
	       "domain of i=", "i= elsewhere");
	expect_beyond(arena, by_hand(arena, PLAIN, "i=\"a@b\"@example.com;"), BODY, AUTH_PASS,
		      "cannot be verified here", "an i= with two @");
}

static void test_bodies(struct arena *arena)
{
	const struct how relaxed = {.selector = "rsa", .key = RSA_2048, .header = 1, .body = 1};
	const struct how simple = {.selector = "rsa", .key = RSA_2048};
	const struct how *const hows[] = {&simple, &relaxed};
	struct verdict verdict;

	for (int i = 0; i < 2; i++) {
		const char *what = i == 0 ? "simple" : "relaxed";
		const char *header =
		    joined(arena, sign(arena, hows[i], HEADER, "one\r\ntwo\r\n"), HEADER);
		const char *empty = joined(arena, sign(arena, hows[i], HEADER, ""), HEADER);

		expect(arena, header, "one\ntwo\n", AUTH_POLICY, "LF without CR", what);
		expect(arena, header, "one\r\ntwo", AUTH_PASS, NULL, what);
		expect(arena, header, "one\ntwo", AUTH_POLICY, "LF without CR", what);
		expect(arena, header, "one\r\ntwo\r\n\n\n", AUTH_POLICY, "LF without CR", what);
		expect_beyond(arena, header, "one\r\rtwo\r\n", AUTH_FAIL, "a CR", what);
		expect_beyond(arena, header, "one\r\ntwo\r", AUTH_FAIL, "a CR", what);
		expect(arena, empty, "", AUTH_PASS, NULL, what);
		expect(arena, empty, "\r\n", AUTH_PASS, NULL, what);
		expect(arena, empty, "\r\n\r\n", AUTH_PASS, NULL, what);
		expect(arena, empty, "x", AUTH_FAIL, NULL, what);
		header = joined(arena, sign(arena, hows[i], HEADER, BODY), HEADER);
		for (size_t split = 0; split <= strlen(BODY); split++) {
			verify_with(&usual, arena, NULL, header, span_of(BODY), split, &verdict);
			if (verdict.dkim[0].result != AUTH_PASS)
				ok(false, "%s: split at %zu", what, split);
		}
		ok(true, "%s: split everywhere", what);
	}
}

/* A body that fills the library's buffers, in lines and in one line, by chunks of all sizes. */
static void test_large_body(struct arena *arena)
{
	struct buf buf;

	for (int i = 0; i < 4; i++) {
		const struct how how = {
		    .selector = "rsa", .key = RSA_2048, .header = 1, .body = i & 1};
		const char *text, *header;
		struct verdict verdict;

		buf_init(&buf, arena, 0);
		for (int line = 0; line < 4000; line++)
			buf_printf(&buf, "%d  words%s", line, i & 2 ? " " : "\r\n");
		buf_string(&buf, "\r\n");
		text = buf_text(&buf);
		header = joined(arena, sign(arena, &how, HEADER, text), HEADER);
		for (size_t split = 0; split < buf.len; split += 9973) {
			verify_with(&usual, arena, NULL, header, buf_view(&buf), split, &verdict);
			is_int(verdict.dkim[0].result, AUTH_PASS, "large body %d at %zu", i, split);
		}
		verify_with(&usual, arena, NULL, header, span_make(text, buf.len - 2), 100,
			    &verdict);
		is_int(verdict.dkim[0].result, AUTH_PASS, "large body %d without its last CRLF", i);
	}
}

static void test_odd_headers(struct arena *arena)
{
	static const char odd[] = "From: a@example.com\r\nSubject: one\vtwo\r\n";
	static const char blank[] = "From : a@example.com\r\nSubject \t: x\r\n";
	struct how how = {.selector = "rsa", .key = RSA_2048, .header = 1};
	struct verdict verdict;

	expect_beyond(arena,
		      joined(arena,
			     sign(arena, &how, "From: a@example.com\r\nSubject: one two\r\n", ""),
			     odd),
		      "", AUTH_FAIL, "control character", "a VT is not a blank");
	expect(arena,
	       joined(arena, sign(arena, &how, "From: a@example.com\r\nSubject: x\r\n", ""), blank),
	       "", AUTH_PASS, NULL, "blanks before the colon");
	how.header = DKIM_CANON_SIMPLE;
	expect(arena, joined(arena, sign(arena, &how, odd, ""), odd), "", AUTH_PASS, NULL,
	       "a VT, simple");
	expect(arena,
	       joined(arena, sign(arena, &how, "From: undisclosed:;\r\nTo: b\r\n", ""),
		      "From: undisclosed:;\r\nTo: b\r\n"),
	       "", AUTH_PASS, NULL, "a From without an address");
	expect(arena, sign(arena, &how, HEADER, BODY), BODY, AUTH_FAIL, NULL,
	       "a signature and no header");
	verify(arena, "", "", &verdict);
	ok(verdict.dkim_count == 0 && verdict.dkim_ignored == 0, "nothing at all");
	verify(arena, HEADER, BODY, &verdict);
	is_int(verdict.dkim_count, 0, "no signature");
	expect(arena, joined(arena, "DKIM-Signature: x\r\n", HEADER), BODY, AUTH_PERMERROR,
	       "no \"=\"", "junk");
	expect(arena, joined(arena, "DKIM-Signature:\r\n", HEADER), BODY, AUTH_PERMERROR, "empty",
	       "nothing");
}

/* A field whose name begins with a blank is not a signature, and does not shift the others. */
static void test_shifted(struct arena *arena)
{
	const struct how good = {.selector = "rsa", .key = RSA_2048, .header = 1, .body = 1};
	const struct how bad = {.selector = "wrong", .key = RSA_2048, .header = 1, .body = 1};
	const char *gaps[] = {"\r", " ", "\t", "\n"};

	for (size_t i = 0; i < sizeof gaps / sizeof *gaps; i++) {
		const char *shifted =
		    arena_printf(arena, "%s%s", gaps[i], sign(arena, &good, HEADER, BODY));
		struct dns_scope *scope = dns_scope_new(zone, 50, max_wait);
		struct dkimcheck *check = dkimcheck_new(engine, &usual, arena, scope, now);
		const char *colon = strchr(shifted, ':');
		struct verdict verdict = {0};

		dkimcheck_header(check, (struct span){shifted, colon}, span_of(colon + 1));
		feed_header(check, joined(arena, sign(arena, &bad, HEADER, BODY), HEADER));
		feed_header(check, sign(arena, &good, HEADER, BODY));
		dkimcheck_end_of_headers(check, NULL);
		dkimcheck_body(check, span_of(BODY));
		dkimcheck_finish(check, &verdict);
		ok(verdict.dkim_count == 2 && verdict.dkim[0].result == AUTH_FAIL &&
		       verdict.dkim[1].result == AUTH_PASS,
		   "a blank before a name, %zu", i);
		dns_scope_free(scope);
	}
}

/* Fields whose folds came as LF are the same fields. */
static void test_line_feeds(struct arena *arena)
{
	const struct how how = {.selector = "rsa", .key = RSA_2048};
	const char *header = joined(arena, sign(arena, &how, HEADER, BODY), HEADER);
	struct dns_scope *scope = dns_scope_new(zone, 50, max_wait);
	struct dkimcheck *check = dkimcheck_new(engine, &usual, arena, scope, now);
	struct span rest = span_of(header), field;
	struct verdict verdict = {0};

	while (next_field(&rest, &field)) {
		const char *colon = memchr(field.p, ':', span_len(field));
		struct buf buf;

		buf_init(&buf, arena, 0);
		for (const char *p = colon + 1; p < field.end; p++)
			if (*p != '\r')
				buf_char(&buf, *p);
		dkimcheck_header(check, (struct span){field.p, colon}, buf_view(&buf));
	}
	dkimcheck_end_of_headers(check, NULL);
	dkimcheck_body(check, span_of(BODY));
	dkimcheck_finish(check, &verdict);
	is_int(verdict.dkim[0].result, AUTH_PASS, "folds as LF: %s", verdict.dkim[0].why);
	dns_scope_free(scope);
}

static void test_many(struct arena *arena)
{
	const struct how mine = {.selector = "rsa", .key = RSA_2048, .header = 1, .body = 1};
	const struct how below = {.selector = "rsa",
				  .key = RSA_2048,
				  .domain = "news.example.com",
				  .header = 1,
				  .body = 1};
	const struct how other = {
	    .selector = "rsa", .key = RSA_2048, .domain = "example.org", .body = 1};
	const char *other_field = sign(arena, &other, HEADER, BODY);
	struct dkimcheck_rules rules = usual;
	struct verdict verdict;
	const char *header;
	struct buf buf;

	buf_init(&buf, arena, 0);
	for (int i = 0; i < 98; i++)
		buf_string(&buf, i % 7 == 0 ? "DKIM-Signature: broken\r\n" : other_field);
	buf_string(&buf, sign(arena, &below, HEADER, BODY));
	buf_string(&buf, sign(arena, &mine, HEADER, BODY));
	header = joined(arena, buf_text(&buf), HEADER);
	verify(arena, header, BODY, &verdict);
	is_int(verdict.dkim_count, 10, "looked at");
	is_int(verdict.dkim_ignored, 90, "ignored");
	is_text(verdict.dkim[9].domain, "example.com", "the author's is among them");
	is_text(verdict.dkim[8].domain, "news.example.com", "and the one below");
	for (int i = 0; i < 10; i++)
		is_int(verdict.dkim[i].result, AUTH_PASS, "signature %d: %s", i,
		       verdict.dkim[i].why);
	verify_with(&rules, arena, NULL, header, span_of(BODY), 0, &verdict);
	is_text(verdict.dkim[9].domain, "example.org", "without an author: in order");
	rules.max_signatures = 1;
	verify_with(&rules, arena, "news.example.com", header, span_of(BODY), 0, &verdict);
	ok(verdict.dkim_count == 1 && verdict.dkim_ignored == 99, "only one");
	is_text(verdict.dkim[0].domain, "news.example.com", "is the author's");
	header = joined(arena, buf_text(&buf), header);
	rules.max_signatures = 1000;
	verify_with(&rules, arena, "example.com", header, span_of(BODY), 0, &verdict);
	ok(verdict.dkim_count == 100 && verdict.dkim_ignored == 100, "never more than a hundred");
}

/* Different lengths, canonicalizations and keys side by side do not disturb each other. */
static void test_mixed(struct arena *arena)
{
	const struct how hows[] = {
	    {.selector = "rsa", .key = RSA_2048, .length = 5},
	    {.selector = "rsa", .key = RSA_2048, .body = 1},
	    {.selector = "ed", .key = EDWARDS, .header = 1, .body = 1},
	    {.selector = "wrong", .key = RSA_2048, .header = 1},
	    {.selector = "short", .key = RSA_1024, .header = 1, .length = 20, .body = 1},
	    {.selector = "nothing", .key = RSA_2048},
	    {.selector = "long", .key = RSA_4096}};
	const enum auth_result want[] = {AUTH_POLICY, AUTH_PASS,      AUTH_PASS, AUTH_FAIL,
					 AUTH_POLICY, AUTH_PERMERROR, AUTH_PASS};
	const char *header = HEADER;
	struct verdict verdict;

	for (int i = 6; i >= 0; i--)
		header = joined(arena, sign(arena, &hows[i], HEADER, BODY), header);
	verify(arena, header, BODY, &verdict);
	is_int(verdict.dkim_count, 7, "all are looked at");
	for (int i = 0; i < 7; i++)
		is_text(auth_text(verdict.dkim[i].result), auth_text(want[i]), "mixed %d: %s", i,
			verdict.dkim[i].why);
}

/* RFC 6376 section 3.5: h= may list DKIM-Signature; the field itself is never meant. */
static void test_signed_signatures(struct arena *arena)
{
	const struct how how = {.selector = "rsa", .key = RSA_2048, .header = 1, .body = 1};
	const char *first = sign(arena, &how, HEADER, BODY), *second, *header;
	const char *const one[] = {"From: Joe <joe@example.com>", first, NULL};
	const char *const none[] = {"From: Joe <joe@example.com>", NULL};
	const char *tags = " v=1; a=rsa-sha256; c=relaxed/relaxed; d=example.com; s=rsa; bh=@;"
			   " h=from:dkim-signature; b=";
	const char *over = " v=1; a=rsa-sha256; c=relaxed/relaxed; d=example.com; s=rsa; bh=@;"
			   " h=from:dkim-signature:dkim-signature; b=";
	struct verdict verdict;

	first = arena_printf(arena, "%.*s", (int)strlen(first) - 2, first);
	second = sign_by_hand(arena, tags, RSA_2048, DKIMSIG_RELAXED, DKIMSIG_RELAXED,
			      (const char *const[]){one[0], first, NULL}, BODY);
	header = arena_printf(arena, "%s%s\r\n%s", second, first, HEADER);
	verify(arena, header, BODY, &verdict);
	ok(verdict.dkim_count == 2 && verdict.dkim[0].result == AUTH_PASS &&
	       verdict.dkim[1].result == AUTH_PASS,
	   "a signature over another: %s", verdict.dkim[0].why);
	verify(arena, arena_printf(arena, "%s\r\n%s%s", first, second, HEADER), BODY, &verdict);
	is_int(verdict.dkim[1].result, AUTH_PASS, "wherever its field stands: %s",
	       verdict.dkim[1].why);
	verify(arena, arena_printf(arena, "%s%s%s\r\n%s", second, second, first, HEADER), BODY,
	       &verdict);
	ok(verdict.dkim[0].result == AUTH_PASS && verdict.dkim[1].result == AUTH_PASS,
	   "the last one counts: %s", verdict.dkim[0].why);
	verify(arena, replaced(arena, header, "s=rsa", "s=ras"), BODY, &verdict);
	is_int(verdict.dkim[0].result, AUTH_PERMERROR, "%s", verdict.dkim[0].why);
	verify(arena, arena_printf(arena, "%sDKIM-Signature: x\r\n%s", second, HEADER), BODY,
	       &verdict);
	is_int(verdict.dkim[0].result,
	       usual.engine == DKIMCHECK_OPENDKIM ? AUTH_NEUTRAL : AUTH_FAIL,
	       "over a broken one: %s", verdict.dkim[0].why);
	second = sign_by_hand(arena, over, RSA_2048, DKIMSIG_RELAXED, DKIMSIG_RELAXED,
			      (const char *const[]){none[0], first, NULL}, BODY);
	verify(arena, arena_printf(arena, "%s%s\r\n%s", second, first, HEADER), BODY, &verdict);
	is_int(verdict.dkim[0].result,
	       usual.engine == DKIMCHECK_OPENDKIM ? AUTH_NEUTRAL : AUTH_PASS,
	       "one that is not there: %s", verdict.dkim[0].why);
	is_int(verdict.dkim[1].result, AUTH_PASS, "does not disturb the other");
}

/* The search for signed fields stays bounded, whatever h= and the header hold. */
static void test_search(struct arena *arena)
{
	struct buf names, fields;
	const char *header;
	int64_t start = clock_mono();

	buf_init(&names, arena, 0);
	buf_init(&fields, arena, 0);
	for (int i = 0; i < 1900; i++)
		buf_string(&names, ":a");
	for (int i = 0; i < 20000; i++)
		buf_string(&fields, "a:b\r\n");
	header = by_hand(
	    arena,
	    arena_printf(arena, "c=relaxed/relaxed; d=example.com; h=from%s;", buf_text(&names)),
	    "");
	expect_beyond(arena, joined(arena, header, buf_text(&fields)), BODY, AUTH_FAIL, "too many",
		      "many names and fields");
	expect(arena, joined(arena, by_hand(arena, PLAIN, ""), buf_text(&fields)), BODY, AUTH_PASS,
	       NULL, "many fields");
	expect(arena, header, BODY, AUTH_PASS, NULL, "many names");
	ok(clock_mono() - start < 5 * CLOCK_SECOND, "in little time");
}

static void test_flow(struct arena *arena)
{
	const struct how how = {.selector = "rsa", .key = RSA_2048};
	const struct how gone = {.selector = "nothing", .key = RSA_2048};
	struct dns_scope *scope = dns_scope_new(zone, 50, max_wait);
	struct dkimcheck *check = dkimcheck_new(engine, &usual, arena, scope, now);
	struct verdict verdict = {0};

	feed_header(check, "DKIM-Signature: x\r\n");
	is_text(dkimcheck_domain(check, 0), NULL, "a broken one has no domain");
	feed_header(check, sign(arena, &how, HEADER, BODY));
	is_text(dkimcheck_domain(check, 0), "example.com", "its domain is known at once");
	is_int(dns_scope_lookups(scope), 1, "and its key is on the way");
	feed_header(check, HEADER);
	ok(!dkimcheck_body_done(check), "the header is not at its end");
	dkimcheck_end_of_headers(check, "example.com");
	ok(!dkimcheck_body_done(check), "the body is wanted");
	is_text(dkimcheck_domain(check, 0), "example.com", "the domain");
	is_text(dkimcheck_domain(check, 1), NULL, "and no other");
	dkimcheck_body(check, span_of(BODY));
	dkimcheck_finish(check, &verdict);
	ok(verdict.dkim_count == 2 && verdict.dkim[1].result == AUTH_PASS, "%s",
	   verdict.dkim[1].why);

	check = dkimcheck_new(engine, &usual, arena, scope, now);
	feed_header(check, sign(arena, &gone, HEADER, BODY));
	feed_header(check, HEADER);
	dns_wait(dns_start(scope, "nothing._domainkey.example.com", DNS_TYPE_TXT));
	dkimcheck_end_of_headers(check, NULL);
	ok(dkimcheck_body_done(check), "without a key the body is not wanted");
	dkimcheck_body(check, span_of(BODY));
	dkimcheck_finish(check, &verdict);
	is_int(verdict.dkim[0].result, AUTH_PERMERROR, "%s", verdict.dkim[0].why);
	check = dkimcheck_new(engine, &usual, arena, scope, now);
	dkimcheck_end_of_headers(check, NULL);
	ok(dkimcheck_body_done(check), "nor without a signature");
	dns_scope_free(scope);
}

/* A scope whose budget is used up gives no facts. */
static void test_budget(struct arena *arena)
{
	const struct how one = {.selector = "rsa", .key = RSA_2048};
	const struct how two = {.selector = "short", .key = RSA_1024};
	struct dns_scope *scope = dns_scope_new(zone, 1, CLOCK_SECOND);
	struct dkimcheck *check = dkimcheck_new(engine, &usual, arena, scope, now);
	struct verdict verdict = {0};

	feed_header(check, sign(arena, &one, HEADER, BODY));
	feed_header(check, sign(arena, &two, HEADER, BODY));
	feed_header(check, HEADER);
	dkimcheck_end_of_headers(check, NULL);
	dkimcheck_body(check, span_of(BODY));
	dkimcheck_finish(check, &verdict);
	is_int(verdict.dkim[0].result, AUTH_PASS, "within the budget: %s", verdict.dkim[0].why);
	is_int(verdict.dkim[1].result, AUTH_TEMPERROR, "beyond it: %s", verdict.dkim[1].why);
	dns_scope_free(scope);
}

/* ---- random messages: our canonicalization and libopendkim's agree ---- */

static uint64_t random_state = 88172645463325252u;

static unsigned chance(unsigned n)
{
	random_state ^= random_state << 13;
	random_state ^= random_state >> 7;
	random_state ^= random_state << 17;
	return (unsigned)(random_state >> 20) % n;
}

static const char *random_text(struct arena *arena, const char *const *pieces, unsigned count)
{
	struct buf buf;

	buf_init(&buf, arena, 0);
	for (unsigned n = chance(30); n > 0; n--)
		buf_string(&buf, pieces[chance(count)]);
	return buf_text(&buf);
}

enum { RANDOM_FIELDS = 12 };

static const char *random_field(struct arena *arena)
{
	static const char *const names[] = {"From", "To", "X-A", "x-a", "Subject ", "Xa", "fROM"};
	static const char *const pieces[] = {" ",  "\t", "\r\n ", "\r\n\t",  "a",
					     "Bc", ":",  ";",     "\xc3\xa9"};

	return arena_printf(arena, "%s:%s", names[chance(7)],
			    random_text(arena, pieces, sizeof pieces / sizeof *pieces));
}

static bool has_name(const char *field, const char *name)
{
	struct span have = {field, strchr(field, ':')};

	return span_ieq(span_trim(have), name);
}

/* Chooses names for h= and the fields that they mean: for each name the last one not yet meant. */
static const char *random_choice(struct arena *arena, char *const *fields, const char **chosen)
{
	static const char *const names[] = {"from", "To", "X-a", "subject", "XA", "absent"};
	bool used[RANDOM_FIELDS] = {false};
	unsigned count = 0;
	struct buf buf;

	buf_init(&buf, arena, 0);
	for (unsigned left = 1 + chance(12), first = 1; left > 0; left--, first = 0) {
		const char *name = first ? "From" : names[chance(6)];

		buf_printf(&buf, "%s%s", first ? "" : ":", name);
		for (int i = RANDOM_FIELDS - 1; i >= 0; i--) {
			if (used[i] || !has_name(fields[i], name))
				continue;
			used[i] = true;
			chosen[count++] = fields[i];
			break;
		}
	}
	chosen[count] = NULL;
	return buf_text(&buf);
}

static bool random_message(struct arena *arena)
{
	static const char *const pieces[] = {" ",  "\t",   "\r\n", "\r\n", "a",
					     "bc", "\xe9", ".",    "=\r\n"};
	enum dkimsig_canon header_canon = chance(2), body_canon = chance(2);
	const char *body = random_text(arena, pieces, sizeof pieces / sizeof *pieces), *tags;
	const char *chosen[RANDOM_FIELDS + 1], *header = "";
	struct dkimcheck_rules rules = usual;
	char *fields[RANDOM_FIELDS];
	struct verdict verdict;

	for (int i = RANDOM_FIELDS - 1; i >= 0; i--) {
		fields[i] = arena_string(arena, random_field(arena));
		header = arena_printf(arena, "%s\r\n%s", fields[i], header);
	}
	tags = arena_printf(
	    arena, "v=1; a=rsa-sha256;%sd=example.com; s=short; bh=@; c=%s/%s; h=%s; b=",
	    chance(2) ? "\r\n\t " : " ", header_canon ? "relaxed" : "simple",
	    body_canon ? "relaxed" : "simple", random_choice(arena, fields, chosen));
	header = joined(arena,
			sign_by_hand(arena, tags, RSA_1024, header_canon, body_canon, chosen, body),
			header);
	rules.accept_added_fields = true;
	verify_with(&rules, arena, NULL, header, span_of(body), chance((unsigned)strlen(body) + 1),
		    &verdict);
	if (verdict.dkim_count == 1 && verdict.dkim[0].result == AUTH_PASS)
		return true;
	tap_note("%s\r\n%s", header, body);
	return false;
}

static void test_random(struct arena *arena)
{
	unsigned good = 0;

	for (int i = 0; i < 300; i++)
		good += random_message(arena);
	is_int(good, 300, "random messages");
}

static void test_long_line(struct arena *arena)
{
	const struct how how = {.selector = "rsa", .key = RSA_2048, .header = 1, .body = 1};
	const size_t limit = 1 << 20;
	char *body = arena_alloc(arena, limit + 4);
	const char *header;

	memset(body, 'x', limit - 1);
	header = joined(arena, sign(arena, &how, HEADER, joined(arena, body, "\r\n")), HEADER);
	expect(arena, header, body, AUTH_PASS, NULL, "a very long line");
	body[limit - 1] = body[limit] = 'x';
	expect_beyond(arena, header, body, AUTH_FAIL, "too long", "a longer one");
	expect_beyond(arena, header, joined(arena, body, "\r\n"), AUTH_FAIL, "too long",
		      "with its end");
}

/* ---- threads, and what it costs ---- */

struct work {
	const char *header;
	int rounds, good;
};

static void *verify_often(void *arg)
{
	struct work *work = arg;
	struct arena *arena = arena_new(0);
	struct verdict verdict;

	for (int i = 0; i < work->rounds; i++) {
		verify(arena, work->header, BODY, &verdict);
		work->good += verdict.dkim_count == 2 && verdict.dkim[0].result == AUTH_PASS &&
			      verdict.dkim[1].result == AUTH_PASS;
		arena_reset(arena);
	}
	arena_free(arena);
	return NULL;
}

static void test_threads(struct arena *arena)
{
	const struct how rsa = {.selector = "rsa", .key = RSA_2048, .header = 1, .body = 1};
	const struct how edwards = {.selector = "ed", .key = EDWARDS};
	const char *header = arena_printf(arena, "%s%s%s", sign(arena, &rsa, HEADER, BODY),
					  sign(arena, &edwards, HEADER, BODY), HEADER);
	struct work work[4];
	pthread_t threads[4];

	for (int i = 0; i < 4; i++) {
		work[i] = (struct work){.header = header, .rounds = 50};
		thread_start(&threads[i], verify_often, &work[i]);
	}
	for (int i = 0; i < 4; i++) {
		pthread_join(threads[i], NULL);
		is_int(work[i].good, 50, "thread %d", i);
	}
}

/* A body of SIZE bytes or a little less, in lines. */
static const char *long_text(struct arena *arena, size_t size)
{
	struct buf buf;

	buf_init(&buf, arena, 0);
	while (buf.len + 28 <= size)
		buf_string(&buf, "the text of a long message\r\n");
	return buf_text(&buf);
}

static void measure(struct arena *arena, const char *what, const struct how *how)
{
	const char *body = long_text(arena, 4096);
	const char *header = joined(arena, sign(arena, how, HEADER, body), HEADER);
	struct arena *work = arena_new(0);
	const int rounds = 1000;
	struct verdict verdict;
	clock_t start;

	verify(work, header, body, &verdict);
	start = clock();
	for (int i = 0; i < rounds; i++) {
		arena_reset(work);
		verify(work, header, body, &verdict);
	}
	tap_note("%s, 4 KiB: %.0f us", what,
		 (double)(clock() - start) * 1e6 / CLOCKS_PER_SEC / rounds);
	arena_free(work);
}

/* A hundred signatures over 5 MB; the ten looked at each want a length of their own. */
static void measure_worst(struct arena *arena)
{
	const char *body = long_text(arena, 5 << 20), *header = "";
	struct verdict verdict;
	clock_t start;

	for (int i = 0; i < 10; i++) {
		const struct how how = {.selector = "rsa",
					.key = RSA_2048,
					.header = 1,
					.body = 1,
					.length = (ssize_t)strlen(body) / 2 + i};

		header = joined(arena, sign(arena, &how, HEADER, body), header);
	}
	for (int i = 0; i < 90; i++)
		header = joined(arena, header,
				sign(arena, &(struct how){.selector = "rsa"}, HEADER, ""));
	header = arena_printf(arena, "%s%s", header, HEADER);
	start = clock();
	verify(arena, header, body, &verdict);
	tap_note("%u of %u signatures over 5 MB: %.0f ms", verdict.dkim_count,
		 verdict.dkim_count + verdict.dkim_ignored,
		 (double)(clock() - start) * 1e3 / CLOCKS_PER_SEC);
}

static void test_cost(struct arena *arena)
{
	const struct how rsa = {.selector = "rsa", .key = RSA_2048, .header = 1, .body = 1};
	const struct how edwards = {.selector = "ed", .key = EDWARDS, .header = 1, .body = 1};
	const struct how gone = {.selector = "nothing", .key = RSA_2048};

	if (getenv("COUNTERSIGN_MEASURE") == NULL)
		return;
	measure(arena, "RSA-2048", &rsa);
	measure(arena, "Ed25519", &edwards);
	measure(arena, "no key", &gone);
	measure_worst(arena);
}

static const struct engine {
	const char *name;
	enum dkimcheck_choice choice;
} engines[] = {
    {"libopendkim", DKIMCHECK_OPENDKIM}, {"native", DKIMCHECK_NATIVE}, {"both", DKIMCHECK_BOTH}};

static void run_all(const struct engine *with, struct arena *arena)
{
	static void (*const tests[])(struct arena *) = {
	    test_forms,      test_keys,   test_rules,      test_additions,         test_length,
	    test_by_hand,    test_bodies, test_large_body, test_odd_headers,       test_shifted,
	    test_line_feeds, test_many,   test_mixed,      test_signed_signatures, test_search,
	    test_flow,       test_budget, test_random,     test_long_line,         test_threads,
	    test_cost};

	tap_note("engine: %s", with->name);
	usual.engine = with->choice;
	for (size_t i = 0; i < sizeof tests / sizeof *tests; i++) {
		tests[i](arena);
		arena_reset(arena);
	}
}

int main(void)
{
	struct arena *arena = arena_new(0);
	struct why why = {""};

	forever = arena_new(0);
	now = clock_wall();
	engine = dkimcheck_engine_new(&why);
	ok(engine != NULL, "the engine: %s", why.text);
	make_keys();
	make_zone();
	for (size_t i = 0; i < sizeof engines / sizeof *engines; i++)
		run_all(&engines[i], arena);
	dns_free(zone);
	dkimcheck_engine_free(engine);
	arena_free(arena);
	arena_free(forever);
	return tap_done();
}
