/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The body form works line by line and remembers only what it must across chunks: a CR that may
 * begin a line end, blanks that may end a line (relaxed), the number of empty lines that may end
 * the body, whether the line has shown anything yet. A long run of empty lines or of blanks costs
 * no memory. Canonical bytes pass through a small buffer, because a hash is slow to be called for
 * each word.
 *
 * Most lines are canonical already: a look at eight bytes at a time finds that out (no HTAB, no two
 * blanks together), and they are taken whole. Only the others are taken word by word.
 *
 * A CR that is not followed by LF is an ordinary byte.
 *
 * Hashes of prefixes are taken in passing: the lengths that are wanted stand in order, and the hash
 * is looked at when the canonical bytes get there.
 */
#include "policy/dkim/canon.h"

#include "lib/crypto/hash.h"

#include <assert.h>
#include <string.h>

enum { BUFFERED = 960 };

struct prefix {
	struct prefix *next;
	uint64_t length;
	uint8_t digest[CRYPT_DIGEST_LEN];
};

struct canon_body {
	struct arena *arena;
	struct crypt_hash *hash;
	struct prefix *prefixes; /* by length */
	struct prefix *ahead;    /* the first one not yet reached */
	bool relaxed;
	bool cr;        /* the last chunk ended with CR */
	bool blank;     /* relaxed: blanks are pending in this line */
	bool text;      /* this line has shown text */
	uint64_t empty; /* empty lines since the last line with text */
	uint64_t length;
	size_t used;
	char buffer[BUFFERED];
};

/* ---- header fields: RFC 6376 sections 3.4.1 and 3.4.2 ---- */

/* A bare LF in a fold is the CRLF that it stands for. */
static void simple_value(struct buf *out, struct span value)
{
	const char *lf;

	while ((lf = memchr(value.p, '\n', span_len(value))) != NULL) {
		struct span line = {value.p, lf};

		if (!span_empty(line) && line.end[-1] == '\r')
			line.end--;
		buf_span(out, line);
		buf_add(out, "\r\n", 2);
		value.p = lf + 1;
	}
	buf_span(out, value);
}

static bool is_fold(const char *p, const char *end)
{
	return *p == '\n' || (*p == '\r' && p + 1 < end && p[1] == '\n');
}

/* Unfolds, and makes each run of blanks one SP; none at either end. */
static void relaxed_value(struct buf *out, struct span value)
{
	bool blank = false, first = true;

	while (value.p < value.end) {
		const char *word = value.p;

		while (value.p < value.end && !char_is_wsp((unsigned char)*value.p) &&
		       !is_fold(value.p, value.end))
			value.p++;
		if (value.p > word) {
			if (blank && !first)
				buf_char(out, ' ');
			buf_add(out, word, (size_t)(value.p - word));
			blank = first = false;
			continue;
		}
		blank = blank || char_is_wsp((unsigned char)*value.p);
		value.p += *value.p == '\r' ? 2 : 1;
	}
}

static void relaxed_name(struct buf *out, struct span name)
{
	while (!span_empty(name) && char_is_wsp((unsigned char)name.end[-1]))
		name.end--;
	for (; name.p < name.end; name.p++)
		buf_char(out, (char)char_lower((unsigned char)*name.p));
}

void canon_header(struct buf *out, enum dkimsig_canon canon, struct span name, struct span value)
{
	if (canon == DKIMSIG_RELAXED) {
		relaxed_name(out, name);
		buf_char(out, ':');
		relaxed_value(out, value);
	} else {
		buf_span(out, name);
		buf_char(out, ':');
		simple_value(out, value);
	}
	buf_add(out, "\r\n", 2);
}

void canon_own_header(struct buf *out, enum dkimsig_canon canon, struct span name,
		      struct span value, struct span signature)
{
	struct buf text;

	assert(signature.p > value.p && signature.end <= value.end);
	while (char_is_space((unsigned char)signature.p[-1]))
		signature.p--;
	while (signature.end < value.end && char_is_space((unsigned char)*signature.end))
		signature.end++;
	buf_init(&text, out->arena, 0);
	buf_span(&text, (struct span){value.p, signature.p});
	buf_span(&text, (struct span){signature.end, value.end});
	canon_header(out, canon, name, buf_view(&text));
	out->len -= strlen("\r\n");
	if (out->arena == NULL)
		buf_free(&text);
}

/* ---- the body: RFC 6376 sections 3.4.3 and 3.4.4 ---- */

struct canon_body *canon_body_new(struct arena *arena, enum dkimsig_canon canon)
{
	struct canon_body *body = arena_make(arena, struct canon_body);

	body->arena = arena;
	body->hash = crypt_hash_new(arena);
	body->relaxed = canon == DKIMSIG_RELAXED;
	return body;
}

static void flush_buffer(struct canon_body *body)
{
	crypt_hash_add(body->hash, body->buffer, body->used);
	body->used = 0;
}

static void hash_bytes(struct canon_body *body, const char *data, size_t len)
{
	assert(body->used <= BUFFERED);
	body->length += len;
	if (len > BUFFERED - body->used) {
		flush_buffer(body);
		if (len >= BUFFERED) {
			crypt_hash_add(body->hash, data, len);
			return;
		}
	}
	assert(len <= BUFFERED - body->used);
	memcpy(body->buffer + body->used, data, len);
	body->used += len;
}

static void hash_to_lengths(struct canon_body *body, const char *data, size_t len)
{
	while (body->ahead != NULL && body->ahead->length - body->length <= len) {
		size_t part = (size_t)(body->ahead->length - body->length);

		assert(body->ahead->length >= body->length);
		hash_bytes(body, data, part);
		flush_buffer(body);
		crypt_hash_peek(body->hash, NULL, 0, body->ahead->digest);
		body->ahead = body->ahead->next;
		data += part;
		len -= part;
	}
	hash_bytes(body, data, len);
}

static void put_text(struct canon_body *body, const char *from, const char *to)
{
	if (from == to)
		return;
	for (; body->empty > 0; body->empty--)
		hash_to_lengths(body, "\r\n", 2);
	body->text = true;
	hash_to_lengths(body, from, (size_t)(to - from));
}

static void put_char(struct canon_body *body, char c)
{
	put_text(body, &c, &c + 1);
}

/* 0x80 in each byte of WORD that is C. */
static uint64_t bytes_that_are(uint64_t word, char c)
{
	const uint64_t low = UINT64_C(0x7f7f7f7f7f7f7f7f);
	uint64_t x = word ^ (UINT64_C(0x0101010101010101) * (unsigned char)c);

	return ~(((x & low) + low) | x | low);
}

/* No HTAB, and no SP next to a SP: true for most lines. False only means: look closer. */
static bool is_tidy(const char *p, const char *end)
{
	uint64_t untidy = 0, word, next;

	for (; end - p > 8; p += 8) {
		memcpy(&word, p, 8);
		memcpy(&next, p + 1, 8);
		untidy |= bytes_that_are(word, '\t') |
			  (bytes_that_are(word, ' ') & bytes_that_are(next, ' '));
	}
	for (; p < end; p++) {
		if (*p == '\t' || (*p == ' ' && p + 1 < end && p[1] == ' '))
			return false;
	}
	return untidy == 0;
}

static const char *skip_blanks(const char *p, const char *end)
{
	while (p < end && char_is_wsp((unsigned char)*p))
		p++;
	return p;
}

static void put_words(struct canon_body *body, const char *p, const char *end)
{
	while (p < end) {
		const char *word = p;

		while (p < end && !char_is_wsp((unsigned char)*p))
			p++;
		put_text(body, word, p);
		if (p < end)
			put_char(body, ' ');
		p = skip_blanks(p, end);
	}
}

/* A part of a line without its end. */
static void add_text(struct canon_body *body, const char *p, const char *end)
{
	const char *last = end;

	if (!body->relaxed) {
		put_text(body, p, end);
		return;
	}
	if (body->blank)
		p = skip_blanks(p, end);
	while (last > p && char_is_wsp((unsigned char)last[-1]))
		last--;
	if (p < last) {
		if (body->blank)
			put_char(body, ' ');
		if (is_tidy(p, last))
			put_text(body, p, last);
		else
			put_words(body, p, last);
		body->blank = false;
	}
	body->blank = body->blank || last < end;
}

/* The CR that the last chunk ended with did not begin a line end. */
static void settle_cr(struct canon_body *body)
{
	static const char cr[] = "\r";

	if (body->cr)
		add_text(body, cr, cr + 1);
	body->cr = false;
}

static void end_line(struct canon_body *body)
{
	if (body->text)
		hash_to_lengths(body, "\r\n", 2);
	else
		body->empty++;
	body->text = body->blank = false;
}

/* The whole line up to LF, its end included, when it is in canonical form already and nothing is
 * pending; else false, and nothing is done. Bodies of short lines cost half as much by it. */
static bool put_whole_line(struct canon_body *body, const char *p, const char *lf)
{
	if (body->text || body->blank || body->empty > 0 || lf - p < 2 || lf[-1] != '\r')
		return false;
	if (body->relaxed && (char_is_wsp((unsigned char)lf[-2]) || !is_tidy(p, lf - 1)))
		return false;
	hash_to_lengths(body, p, (size_t)(lf + 1 - p));
	return true;
}

void canon_body_add(struct canon_body *body, struct span chunk)
{
	const char *lf;

	if (span_empty(chunk))
		return;
	if (*chunk.p != '\n')
		settle_cr(body);
	while ((lf = memchr(chunk.p, '\n', span_len(chunk))) != NULL) {
		if (!put_whole_line(body, chunk.p, lf)) {
			add_text(body, chunk.p, lf > chunk.p && lf[-1] == '\r' ? lf - 1 : lf);
			end_line(body);
		}
		chunk.p = lf + 1;
	}
	body->cr = !span_empty(chunk) && chunk.end[-1] == '\r';
	add_text(body, chunk.p, body->cr ? chunk.end - 1 : chunk.end);
}

/* A last line without its CRLF gets one; the empty body is CRLF (simple) or nothing (relaxed). */
void canon_body_finish(struct canon_body *body, uint8_t digest[32])
{
	settle_cr(body);
	if (body->text)
		end_line(body);
	hash_to_lengths(body, "\r\n", !body->relaxed && body->length == 0 ? 2 : 0);
	flush_buffer(body);
	crypt_hash_finish(body->hash, digest);
}

uint64_t canon_body_length(const struct canon_body *body)
{
	return body->length;
}

void canon_body_want(struct canon_body *body, uint64_t length)
{
	struct prefix **at = &body->prefixes, *prefix;

	assert(body->length == 0);
	while (*at != NULL && (*at)->length < length)
		at = &(*at)->next;
	if (*at != NULL && (*at)->length == length)
		return;
	prefix = arena_make(body->arena, struct prefix);
	prefix->length = length;
	prefix->next = *at;
	*at = prefix;
	body->ahead = body->prefixes;
}

bool canon_body_prefix(const struct canon_body *body, uint64_t length, uint8_t digest[32])
{
	const struct prefix *prefix = body->prefixes;

	while (prefix != body->ahead && prefix->length != length)
		prefix = prefix->next;
	if (prefix == body->ahead)
		return false;
	memcpy(digest, prefix->digest, sizeof prefix->digest);
	return true;
}
