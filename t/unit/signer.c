/* SPDX-License-Identifier: BSD-2-Clause */
/* policy/dkim/sign: which fields are signed, how the field is written; it verifies with our own
 * code.
 */
#include "policy/dkim/sign.h"

#include <stdio.h>
#include <string.h>

#include "lib/codec/base64.h"
#include "lib/crypto/hash.h"
#include "lib/crypto/key.h"
#include "lib/crypto/public.h"
#include "policy/dkim/canon.h"
#include "t/lib/tap.h"

enum { NOW = 1795341723 };

static struct arena *arena;
static const struct signing_key *rsa, *ed25519;
static struct crypt_public *rsa_public, *ed25519_public;

static const struct signing_key *make_key(enum crypt_type type, unsigned bits, const char *selector,
					  struct crypt_public **public)
{
	struct crypt_key *key = crypt_key_generate(type, bits, NULL);
	struct span data;
	struct buf pem;

	buf_init(&pem, arena, 0);
	crypt_key_pem(key, &pem, NULL);
	crypt_key_public(key, arena, &data, NULL);
	*public = crypt_public_parse(type, data, NULL);
	crypt_key_free(key);
	return signing_key_make(arena, "example.com", selector, buf_view(&pem), NULL);
}

struct field {
	const char *name, *value;
};

static const struct field usual[] = {
    {"Received", " from a by b; now"},
    {"DKIM-Signature", " v=1; a=rsa-sha256; b=AAAA"},
    {"Authentication-Results", " b; spf=pass"},
    {"ARC-Seal", " i=1; a=rsa-sha256"},
    {"Return-Path", " <a@example.com>"},
    {"to", " First <x@example.net>"},
    {"Subject", "  a\r\n\tfolded  subject "},
    {"X-Mailer", " of no interest"},
    {"FROM", " Alice <alice@example.com>"},
    {"To", " Second <y@example.net>"},
    {"MIME-Version", " 1.0"},
};

static struct signer *feed(const struct signer_rules *rules, const struct field *fields,
			   size_t count, const char *body)
{
	struct signer *signer = signer_new(rules, arena, NOW);

	for (size_t i = 0; i < count; i++)
		signer_header(signer, span_of(fields[i].name), span_of(fields[i].value));
	signer_body(signer, span_of(body));
	return signer;
}

#define FEED(rules, fields, body) feed((rules), (fields), sizeof(fields) / sizeof *(fields), (body))

/* The value of a tag without blanks, or NULL. */
static const char *tag(const char *field, const char *name)
{
	struct span rest = span_of(field), part;
	bool more = true;

	while (span_split(&rest, &more, ';', &part)) {
		const char *equals = memchr(part.p, '=', span_len(part));
		struct buf value;

		if (equals == NULL || !span_eq(span_trim((struct span){part.p, equals}), name))
			continue;
		buf_init(&value, arena, 0);
		for (equals++; equals < part.end; equals++) {
			if (!char_is_space((unsigned char)*equals))
				buf_char(&value, *equals);
		}
		return buf_text(&value);
	}
	return NULL;
}

/* RFC 6376 section 3.7, from the field alone: each name in h= takes the last field not yet taken.
 */
static bool verifies(const char *value, const struct signer_rules *rules,
		     const struct field *fields, size_t count, struct crypt_public *public)
{
	struct span rest = span_of(tag(value, "h")), name;
	struct crypt_hash *hash = crypt_hash_new(arena);
	uint8_t digest[CRYPT_DIGEST_LEN];
	bool taken[100] = {false}, more = true;
	const uint8_t *signature;
	struct buf text;
	size_t length;

	buf_init(&text, arena, 0);
	while (span_split(&rest, &more, ':', &name)) {
		size_t i = count;

		while (i > 0 && (taken[i - 1] || !span_ieq(name, fields[i - 1].name)))
			i--;
		if (i == 0)
			continue;
		taken[i - 1] = true;
		canon_header(&text, rules->header_canon, span_of(fields[i - 1].name),
			     span_of(fields[i - 1].value));
	}
	canon_header(
	    &text, rules->header_canon, span_of("DKIM-Signature"),
	    span_of(arena_printf(arena, " %.*s", (int)(strstr(value, "\tb=") + 3 - value), value)));
	crypt_hash_add(hash, text.data, text.len - 2);
	crypt_hash_finish(hash, digest);
	return base64_decode(arena, span_of(tag(value, "b")), &signature, &length) &&
	       crypt_public_verify(public, digest, span_make(signature, length));
}

static void test_verifies(void)
{
	for (unsigned i = 0; i < 4; i++) {
		struct signer_rules rules = {
		    .header_canon = i / 2, .body_canon = i % 2, .timestamp = true};
		struct signer *signer = FEED(&rules, usual, "Hi.\r\n");
		const char *first = signer_finish(signer, rsa, NULL);
		const char *second = signer_finish(signer, ed25519, NULL);
		size_t count = sizeof usual / sizeof *usual;

		ok(verifies(first, &rules, usual, count, rsa_public), "canonicalisation %u, RSA",
		   i);
		ok(verifies(second, &rules, usual, count, ed25519_public), "and Ed25519");
		ok(!verifies(first, &rules, usual, count - 1, rsa_public), "not with a field less");
		is_text(tag(first, "bh"), tag(second, "bh"), "one body hash");
	}
}

/* What is inserted is signed as an MTA will have it, also when the rules do not name it. */
static void test_insert(void)
{
	static const char *const only[] = {"Subject"};
	static const struct field with[] = {{"BIMI-Selector", " v=BIMI1; s=winter;"},
					    {"From", " Alice <alice@example.com>"},
					    {"Subject", " x"}};
	const struct signer_rules rules = {.header_canon = DKIMSIG_SIMPLE,
					   .body_canon = DKIMSIG_SIMPLE,
					   .headers = only,
					   .header_count = 1};
	struct signer *signer = signer_new(&rules, arena, NOW);
	const char *field;

	for (size_t i = 1; i < 3; i++)
		signer_header(signer, span_of(with[i].name), span_of(with[i].value));
	signer_insert(signer, with[0].name, with[0].value);
	signer_body(signer, span_of("x\r\n"));
	field = signer_finish(signer, ed25519, NULL);
	is_text(tag(field, "h"), "From:From:Subject:BIMI-Selector:BIMI-Selector",
		"it is signed, and no other may be added");
	ok(verifies(field, &rules, with, 3, ed25519_public), "the signature holds");
}

static void test_names(void)
{
	static const char *const oversign[] = {"from", "TO", "cc", "Received", "X-Ours"};
	static const char *const added[] = {"Date", "message-id", "Reply-To"};
	static const char *const headers[] = {"subject", "x-mailer", "dkim-signature", "Subject"};
	struct signer_rules rules = {.header_canon = DKIMSIG_RELAXED,
				     .body_canon = DKIMSIG_RELAXED};

	is_text(tag(signer_finish(FEED(&rules, usual, ""), rsa, NULL), "h"),
		"From:From:Subject:To:To:MIME-Version",
		"the usual fields that occur, From once more");
	rules.oversign = oversign;
	rules.oversign_count = 5;
	is_text(tag(signer_finish(FEED(&rules, usual, ""), rsa, NULL), "h"),
		"From:From:Subject:To:To:To:Cc:MIME-Version:X-Ours", "oversigned");
	rules.oversign = added;
	rules.oversign_count = 3;
	is_text(tag(signer_finish(FEED(&rules, usual, ""), rsa, NULL), "h"),
		"From:From:Reply-To:Subject:To:To:MIME-Version",
		"a Date or Message-ID that is missing may be added");
	rules.oversign = oversign;
	rules.headers = headers;
	rules.header_count = 4;
	rules.oversign_count = 2;
	is_text(tag(signer_finish(FEED(&rules, usual, ""), rsa, NULL), "h"),
		"From:From:subject:x-mailer:TO:TO:TO", "names of one's own");
}

static void test_tags(void)
{
	struct signer_rules rules = {.header_canon = DKIMSIG_RELAXED,
				     .body_canon = DKIMSIG_SIMPLE,
				     .timestamp = true,
				     .expire = 604800};
	struct signer *signer = FEED(&rules, usual, "");
	const char *value = signer_finish(signer, rsa, NULL);

	ok(strncmp(value, "v=1; a=rsa-sha256; c=relaxed/simple; d=example.com; s=s1;\r\n\t", 59) ==
	       0,
	   "begins with v=, without a blank");
	is_text(tag(value, "t"), "1795341723", "t=");
	is_text(tag(value, "x"), "1795946523", "x= a week later");
	is_text(tag(value, "bh"),
		"frcCV1k9oG9oKj3dpUqdJg1PxRT2RSN/XKdLCPjaYaY=", "hash of the empty body, simple");
	ok(tag(value, "l") == NULL && tag(value, "i") == NULL && tag(value, "q") == NULL,
	   "no l=, i=, q=");
	is_text(tag(signer_finish(signer, ed25519, NULL), "a"), "ed25519-sha256",
		"a= of the other key");
	is_text(tag(signer_finish(signer, ed25519, NULL), "s"), "e1", "s= too");
	rules.timestamp = false;
	rules.expire = 0;
	rules.body_canon = DKIMSIG_RELAXED;
	value = signer_finish(FEED(&rules, usual, ""), rsa, NULL);
	ok(tag(value, "t") == NULL && tag(value, "x") == NULL, "neither when not asked for");
	is_text(tag(value, "bh"),
		"47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=", "hash of the empty body, relaxed");
}

static void test_lines(void)
{
	static struct field many[60];
	struct signer_rules rules = {
	    .header_canon = DKIMSIG_RELAXED, .timestamp = true, .expire = 1};
	struct span rest, line;
	size_t longest = 0;
	bool more = true, tabs = true;

	for (size_t i = 0; i < 60; i++)
		many[i] = (struct field){i == 0       ? "From"
					 : i % 2 == 0 ? "Subject"
						      : "List-Unsubscribe-Post",
					 " x"};
	rest = span_of(arena_printf(arena, "DKIM-Signature: %s",
				    signer_finish(FEED(&rules, many, ""), rsa, NULL)));
	while (span_split(&rest, &more, '\n', &line)) {
		size_t columns = span_len(line) - (more ? 1 : 0) + (*line.p == '\t' ? 7 : 0);

		tabs = tabs && (more ? line.end[-1] == '\r' : true) &&
		       (*line.p == '\t' || *line.p == 'D');
		longest = columns > longest ? columns : longest;
	}
	ok(tabs, "folded with CRLF HTAB");
	ok(longest <= 78 && longest > 70, "the longest line has %zu columns", longest);
}

static void test_refused(void)
{
	static struct field many[2000];
	struct signer_rules rules = {.header_canon = DKIMSIG_RELAXED};
	struct why why = {""};

	for (size_t i = 0; i < 2000; i++)
		many[i] = (struct field){i == 0 ? "From" : "To", " x"};
	ok(signer_finish(FEED(&rules, many, ""), rsa, &why) == NULL, "%s", why.text);
	ok(signer_finish(feed(&rules, many + 1, 3, ""), rsa, &why) == NULL, "%s", why.text);
	ok(strstr(why.text, "no From") != NULL, "no From field");
}

int main(void)
{
	arena = arena_new(0);
	rsa = make_key(CRYPT_RSA, 2048, "s1", &rsa_public);
	ed25519 = make_key(CRYPT_ED25519, 0, "e1", &ed25519_public);
	test_verifies();
	test_insert();
	test_names();
	test_tags();
	test_lines();
	test_refused();
	crypt_public_free(rsa_public);
	crypt_public_free(ed25519_public);
	arena_free(arena);
	return tap_done();
}
