/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Blanks are left out of what is hashed: programs fold header fields as they like. Each part ends
 * with NUL, which no header field contains.
 */
#include "policy/binding.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "lib/buf.h"
#include "lib/clock.h"
#include "lib/crypto/hash.h"

#define PROPERTY "policy.binding="

enum {
	MAC_LEN = 16, /* bytes of the HMAC that are written */
	TOKEN_MAX = 64,
	LINE_LEN = 78
};

static bool is_blank(char c)
{
	return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

static void add_part(struct buf *text, struct span part)
{
	for (const char *p = part.p; p < part.end; p++)
		if (!is_blank(*p))
			buf_char(text, *p);
	buf_char(text, '\0');
}

/* DAY "-" 32 hex digits. */
static void write_token(const struct binding *binding, int32_t day, struct span results,
			struct arena *arena, char token[TOKEN_MAX])
{
	uint8_t digest[CRYPT_DIGEST_LEN];
	struct buf text;
	int length;

	buf_init(&text, arena, 0);
	add_part(&text, span_of("countersign results for a list, 1"));
	add_part(&text, span_of(arena_printf(arena, "%d", (int)day)));
	add_part(&text, span_of(binding->list));
	add_part(&text, span_of(binding->author));
	add_part(&text, span_of(binding->message_id));
	add_part(&text, binding->seal);
	add_part(&text, results);
	crypt_hmac(binding->secret, strlen(binding->secret), text.data, text.len, digest);
	length = snprintf(token, TOKEN_MAX, "%d-", (int)day);
	for (unsigned i = 0; i < MAC_LEN; i++)
		length += snprintf(token + length, TOKEN_MAX - (size_t)length, "%02x", digest[i]);
}

/* ---- reading ---- */

/* Where the last PROPERTY of VALUE begins, or NULL. */
static const char *find_property(struct span value)
{
	const size_t length = strlen(PROPERTY);

	for (const char *p = value.end - length; p >= value.p; p--)
		if (memcmp(p, PROPERTY, length) == 0)
			return p;
	return NULL;
}

/* Reads DAY "-" 32 hex digits. */
static bool read_day(struct span token, uint64_t *day)
{
	const char *dash = memchr(token.p, '-', span_len(token));

	if (dash == NULL || !span_number((struct span){token.p, dash}, INT32_MAX, day) ||
	    token.end - dash - 1 != 2 * MAC_LEN)
		return false;
	for (const char *p = dash + 1; p < token.end; p++)
		if (char_hex((unsigned char)*p) < 0)
			return false;
	return true;
}

/* Takes the last binding off *VALUE. False: there is none. */
static bool take_token(struct span *value, struct span *token)
{
	struct span rest = span_trim(*value);
	const char *at = span_len(rest) < strlen(PROPERTY) ? NULL : find_property(rest);
	uint64_t day;

	if (at == NULL)
		return false;
	*token = (struct span){at + strlen(PROPERTY), rest.end};
	if (!read_day(*token, &day))
		return false;
	*value = (struct span){rest.p, at};
	return true;
}

/* Takes the bindings off *VALUE. Their number, at most BINDING_MAX. */
static unsigned take_tokens(struct span *value, struct span tokens[BINDING_MAX])
{
	unsigned count = 0;

	while (count < BINDING_MAX && take_token(value, &tokens[count]))
		count++;
	return count;
}

const char *binding_write(const struct binding *binding, const char *results, struct arena *arena)
{
	struct span alone = span_of(results), others[BINDING_MAX];
	char token[TOKEN_MAX];

	assert(binding->secret != NULL && binding->secret[0] != '\0');
	take_tokens(&alone, others);
	write_token(binding, clock_day(binding->now), alone, arena, token);
	return arena_printf(arena, "%s\n\t" PROPERTY "%s", results, token);
}

/* Takes as long for every token. */
static bool is_same(struct span token, const char *want)
{
	unsigned char differs = 0;

	if (span_len(token) != strlen(want))
		return false;
	for (size_t i = 0; i < span_len(token); i++)
		differs |= (unsigned char)token.p[i] ^ (unsigned char)want[i];
	return differs == 0;
}

static bool is_recent(const struct binding *binding, uint64_t day)
{
	int64_t today = clock_day(binding->now);

	return (int64_t)day <= today + 1 && (int64_t)day + BINDING_DAYS >= today;
}

static const char *fold_results(struct span results, struct arena *arena)
{
	struct buf out;
	size_t column = sizeof "Authentication-Results:" - 1;

	buf_init(&out, arena, 0);
	while (results.p < results.end) {
		const char *word = results.p;

		while (results.p < results.end && !is_blank(*results.p))
			results.p++;
		if (results.p > word) {
			size_t length = (size_t)(results.p - word);

			if (out.len > 0)
				buf_string(&out, column + length >= LINE_LEN ? "\n\t" : " ");
			column = column + length >= LINE_LEN ? 0 : column;
			column += length + 1;
			buf_span(&out, span_make(word, length));
		}
		results.p += results.p < results.end;
	}
	return buf_text(&out);
}

const char *binding_read(const struct binding *binding, struct span value, struct arena *arena)
{
	struct span tokens[BINDING_MAX];
	unsigned count = take_tokens(&value, tokens);
	char want[TOKEN_MAX];
	uint64_t day;

	for (unsigned i = 0; i < count; i++) {
		if (!read_day(tokens[i], &day) || !is_recent(binding, day))
			continue;
		write_token(binding, (int32_t)day, value, arena, want);
		if (is_same(tokens[i], want))
			return fold_results(value, arena);
	}
	return NULL;
}
