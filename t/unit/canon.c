/* SPDX-License-Identifier: BSD-2-Clause */
/* policy/dkim/canon: the examples of RFC 6376, every chunk split, and a plain reference on random
 * bodies. */
#include <stdlib.h>
#include <string.h>

#include "lib/crypto/hash.h"
#include "policy/dkim/canon.h"
#include "t/lib/tap.h"

static const struct {
	const char *name, *value, *simple, *relaxed;
} headers[] = {
    /* RFC 6376 section 3.4.5 */
    {"A", " X", "A: X\r\n", "a:X\r\n"},
    {"B ", " Y\t\r\n\tZ  ", "B : Y\t\r\n\tZ  \r\n", "b:Y Z\r\n"},
    {"Subject", "", "Subject:\r\n", "subject:\r\n"},
    {"Subject", " \r\n \t", "Subject: \r\n \t\r\n", "subject:\r\n"},
    {"SUBJECT \t", "a\r\n  b", "SUBJECT \t:a\r\n  b\r\n", "subject:a b\r\n"},
    {"X", " a\n\tb", "X: a\r\n\tb\r\n", "x:a b\r\n"},
    {"X", "  a \r\n \r\n\t b\t ", "X:  a \r\n \r\n\t b\t \r\n", "x:a b\r\n"},
    {"X", "a\rb\x0b c", "X:a\rb\x0b c\r\n", "x:a\rb\x0b c\r\n"},
    {"X-\xc3\x84", " \xc3\xa4  \xc3\xb6", "X-\xc3\x84: \xc3\xa4  \xc3\xb6\r\n",
     "x-\xc3\x84:\xc3\xa4 \xc3\xb6\r\n"},
};

static const struct {
	const char *body, *simple, *relaxed;
} bodies[] = {
    /* RFC 6376 section 3.4.5 */
    {" C \r\nD \t E\r\n\r\n\r\n", " C \r\nD \t E\r\n", " C\r\nD E\r\n"},
    {"", "\r\n", ""},
    {"\r\n", "\r\n", ""},
    {"\r\n\r\n\r\n", "\r\n", ""},
    {" \t\r\n \r\n", " \t\r\n \r\n", ""},
    {"a", "a\r\n", "a\r\n"},
    {"a \t", "a \t\r\n", "a\r\n"},
    {"a\n\n\nb\n \n", "a\r\n\r\n\r\nb\r\n \r\n", "a\r\n\r\n\r\nb\r\n"},
    {"\r\n\r\na\r\n", "\r\n\r\na\r\n", "\r\n\r\na\r\n"},
    {"a\r\r\nb\rc\r\n", "a\r\r\nb\rc\r\n", "a\r\r\nb\rc\r\n"},
    {"a\r", "a\r\r\n", "a\r\r\n"},
    {"a \r", "a \r\r\n", "a \r\r\n"},
    {"\ta\t\tb  c \t d\r\n", "\ta\t\tb  c \t d\r\n", " a b c d\r\n"},
    {"one two three four five  six seven\r\n", "one two three four five  six seven\r\n",
     "one two three four five six seven\r\n"},
    {" \t \r\nx\r\n\t\r\n", " \t \r\nx\r\n\t\r\n", "\r\nx\r\n"},
};

static void test_headers(void)
{
	for (size_t i = 0; i < sizeof headers / sizeof *headers; i++) {
		struct span name = span_of(headers[i].name), value = span_of(headers[i].value);
		struct buf out;

		buf_init(&out, NULL, 0);
		canon_header(&out, DKIMSIG_SIMPLE, name, value);
		is_text(buf_text(&out), headers[i].simple, "field %zu simple", i);
		buf_clear(&out);
		canon_header(&out, DKIMSIG_RELAXED, name, value);
		is_text(buf_text(&out), headers[i].relaxed, "field %zu relaxed", i);
		buf_free(&out);
	}
}

/* Whether the body, cut at A and B, hashes like the canonical text. */
static bool hashes_to(enum dkimsig_canon canon, struct span body, size_t a, size_t b,
		      struct span want)
{
	uint8_t have_digest[32], want_digest[32];
	struct arena *arena = arena_new(0);
	struct canon_body *canonical = canon_body_new(arena, canon);
	bool good;

	canon_body_add(canonical, span_make(body.p, a));
	canon_body_add(canonical, span_make(body.p + a, b - a));
	canon_body_add(canonical, span_make(body.p + b, span_len(body) - b));
	canon_body_finish(canonical, have_digest);
	crypt_sha256(want.p, span_len(want), want_digest);
	good = memcmp(have_digest, want_digest, sizeof want_digest) == 0 &&
	       canon_body_length(canonical) == span_len(want);
	arena_free(arena);
	return good;
}

static unsigned wrong_splits(enum dkimsig_canon canon, struct span body, struct span want)
{
	size_t n = span_len(body);
	unsigned wrong = 0;

	for (size_t a = 0; a <= n; a++) {
		for (size_t b = a; b <= n; b++)
			wrong += !hashes_to(canon, body, a, b, want);
	}
	return wrong;
}

static void test_bodies(void)
{
	for (size_t i = 0; i < sizeof bodies / sizeof *bodies; i++) {
		struct span body = span_of(bodies[i].body);

		is_int(wrong_splits(DKIMSIG_SIMPLE, body, span_of(bodies[i].simple)), 0,
		       "body %zu simple, every split", i);
		is_int(wrong_splits(DKIMSIG_RELAXED, body, span_of(bodies[i].relaxed)), 0,
		       "body %zu relaxed, every split", i);
	}
}

/* ---- the reference: whole lines in memory, one step of the RFC after the other ---- */

static void reference_line(struct buf *out, enum dkimsig_canon canon, struct span line)
{
	if (canon == DKIMSIG_SIMPLE) {
		buf_span(out, line);
		return;
	}
	while (!span_empty(line) && char_is_wsp((unsigned char)line.end[-1]))
		line.end--;
	for (; line.p < line.end; line.p++) {
		if (!char_is_wsp((unsigned char)*line.p))
			buf_char(out, *line.p);
		else if (!char_is_wsp((unsigned char)line.p[1]))
			buf_char(out, ' ');
	}
}

static void reference(struct buf *out, enum dkimsig_canon canon, struct span body)
{
	struct span line;
	bool more = true;

	while (span_split(&body, &more, '\n', &line)) {
		if (!more && span_empty(line))
			break;
		if (more && !span_empty(line) && line.end[-1] == '\r')
			line.end--;
		reference_line(out, canon, line);
		buf_string(out, "\r\n");
	}
	while (out->len >= 4 && memcmp(out->data + out->len - 4, "\r\n\r\n", 4) == 0)
		out->len -= 2;
	if (out->len == 2 && memcmp(out->data, "\r\n", 2) == 0)
		out->len = 0;
	if (out->len == 0 && canon == DKIMSIG_SIMPLE)
		buf_string(out, "\r\n");
}

static void random_body(struct buf *body)
{
	static const char *const pieces[] = {
	    "\r\n",      "\r\n",
	    "\r\n\r\n",  "\n",
	    " ",         "  ",
	    "\t",        "a",
	    "word",      "\r",
	    "x y",       "\xc3\xa4",
	    "\r\n.\r\n", "a long run of words, without a fault, as mail has it"};
	long n = random() % 40;

	buf_clear(body);
	for (long i = 0; i < n; i++)
		buf_string(body, pieces[(size_t)random() % (sizeof pieces / sizeof *pieces)]);
	if (random() % 50 == 0) {
		for (int i = 0; i < 3000; i++)
			buf_char(body, "ab \t\r\n"[random() % 6]);
	}
}

static void test_random(void)
{
	struct buf body, want;
	unsigned wrong = 0;

	srandom(6376);
	buf_init(&body, NULL, 0);
	buf_init(&want, NULL, 0);
	for (unsigned i = 0; i < 2000; i++) {
		enum dkimsig_canon canon = i % 2 == 0 ? DKIMSIG_SIMPLE : DKIMSIG_RELAXED;
		size_t a, b;

		random_body(&body);
		buf_clear(&want);
		reference(&want, canon, buf_view(&body));
		a = (size_t)random() % (body.len + 1);
		b = a + (size_t)random() % (body.len - a + 1);
		if (!hashes_to(canon, buf_view(&body), a, b, buf_view(&want)) && wrong++ == 0)
			tap_note("first: body %u, %s", i, buf_text(&body));
	}
	is_int(wrong, 0, "2000 random bodies as the reference has them");
	buf_free(&body);
	buf_free(&want);
}

/* The hash of every prefix, out of one pass. */
static unsigned wrong_prefixes(struct arena *arena, enum dkimsig_canon canon, struct span body,
			       struct span canonical)
{
	struct canon_body *one = canon_body_new(arena, canon);
	uint64_t length = span_len(canonical);
	uint8_t whole[32], have[32], want[32];
	unsigned wrong = 0;

	for (uint64_t i = 1; i <= length; i += 2)
		canon_body_want(one, i);
	canon_body_want(one, UINT64_MAX);
	for (uint64_t i = length + 2; i-- > 0;)
		canon_body_want(one, i);
	canon_body_add(one, span_make(body.p, span_len(body) / 3));
	canon_body_add(one, (struct span){body.p + span_len(body) / 3, body.end});
	canon_body_finish(one, whole);
	for (uint64_t i = 0; i <= length; i++) {
		crypt_sha256(canonical.p, i, want);
		wrong += !canon_body_prefix(one, i, have) || memcmp(have, want, sizeof want) != 0;
	}
	wrong += memcmp(whole, want, sizeof want) != 0;
	wrong += canon_body_prefix(one, length + 1, have);
	wrong += canon_body_prefix(one, UINT64_MAX, have);
	return wrong;
}

static void test_prefixes(void)
{
	struct arena *arena = arena_new(0);
	unsigned wrong = 0;
	struct buf body, want;

	srandom(35);
	buf_init(&body, arena, 0);
	buf_init(&want, arena, 0);
	for (unsigned i = 0; i < 300; i++) {
		random_body(&body);
		buf_clear(&want);
		reference(&want, i % 2, buf_view(&body));
		wrong += wrong_prefixes(arena, i % 2, buf_view(&body), buf_view(&want)) != 0;
	}
	is_int(wrong, 0, "the hashes of all prefixes of 300 random bodies");
	arena_free(arena);
}

/* Millions of empty lines and of blanks are counted, not kept. */
static void test_memory(enum dkimsig_canon canon)
{
	struct arena *arena = arena_new(0);
	struct canon_body *body = canon_body_new(arena, canon);
	size_t before = arena_used(arena);
	uint8_t digest[32];

	canon_body_add(body, span_of("x"));
	for (unsigned i = 0; i < 1000000; i++)
		canon_body_add(body, span_of("\r\n"));
	is_int(canon_body_length(body), 3, "empty lines wait");
	for (unsigned i = 0; i < 1000000; i++)
		canon_body_add(body, span_of(" \t"));
	canon_body_add(body, span_of("y"));
	is_int(canon_body_length(body), canon == DKIMSIG_SIMPLE ? 4000002 : 2000003,
	       "and come with text");
	canon_body_finish(body, digest);
	is_int(arena_used(arena), before, "no memory was taken");
	arena_free(arena);
}

int main(void)
{
	test_headers();
	test_bodies();
	test_random();
	test_prefixes();
	test_memory(DKIMSIG_SIMPLE);
	test_memory(DKIMSIG_RELAXED);
	return tap_done();
}
