/* SPDX-License-Identifier: BSD-2-Clause */
#include "tls/answer.h"

#include <string.h>

const struct name_code answer_map_names[] = {
    {"policy", ANSWER_POLICY}, {"policy310", ANSWER_POLICY_310}, {NULL, 0}};

/* ---- MTA-STS ---- */

static void add_name(struct buf *out, bool *first, const char *name)
{
	buf_printf(out, "%s%s", *first ? "" : ":", name);
	*first = false;
}

/*
 * Names of which a certificate must have one. Postfix matches "*.x" against no name and ".x"
 * against all below x; one label (RFC 8461 section 4.1) is meant, so for such a pattern the hosts
 * are named that fit it, where they are known.
 */
static void write_match(struct buf *out, const struct level *level)
{
	const struct sts_policy *policy = &level->held.policy;
	const struct route *route = &level->route;
	bool known = route->kind != ROUTE_UNKNOWN && !route->cut, first = true;

	for (unsigned i = 0; i < policy->count; i++) {
		const struct sts_policy one = {.count = 1, .patterns = {policy->patterns[i]}};
		bool wild = policy->patterns[i][0] == '*';

		if (!wild || !known)
			add_name(out, &first, policy->patterns[i] + wild);
		for (unsigned k = 0; wild && known && k < route->count; k++) {
			if (sts_policy_allows(&one, route->hosts[k].name))
				add_name(out, &first, route->hosts[k].name);
		}
	}
}

/* Postfix ends a value in braces at a brace. */
static bool is_writable(struct span line)
{
	for (const char *p = line.p; p < line.end; p++) {
		if (*p < ' ' || *p > '~' || *p == '{' || *p == '}')
			return false;
	}
	return !span_empty(line);
}

/* policy_type, policy_domain, mx_host_pattern and policy_string, from Postfix 3.10. */
static void write_attributes(struct buf *out, const struct level *level)
{
	const struct sts_policy *policy = &level->held.policy;
	struct span rest = span_of(level->held.text), line;
	bool more = true;

	buf_printf(out, " policy_type=sts policy_domain=%s", level->domain);
	for (unsigned i = 0; i < policy->count; i++)
		buf_printf(out, " mx_host_pattern=%s", policy->patterns[i]);
	while (span_split(&rest, &more, '\n', &line)) {
		line = span_trim(line);
		if (is_writable(line))
			buf_printf(out, " { policy_string = %.*s }", (int)span_len(line), line.p);
	}
}

static void write_secure(struct buf *out, const struct level *level, enum answer_map map)
{
	struct buf attributes;

	buf_string(out, "OK secure match=");
	write_match(out, level);
	buf_string(out, " servername=hostname");
	if (map != ANSWER_POLICY_310)
		return;
	buf_init(&attributes, NULL, ANSWER_MAX - out->len - 1);
	write_attributes(&attributes, level);
	if (!attributes.failed)
		buf_span(out, buf_view(&attributes));
	buf_free(&attributes);
}

/* On one line, and short, whatever the reason has. */
static void write_temporary(struct buf *out, const char *reason)
{
	buf_string(out, "TEMP ");
	for (size_t i = 0; i < 400 && reason[i] != '\0'; i++)
		buf_char(out, reason[i] < ' ' || reason[i] > '~' ? '?' : reason[i]);
}

void answer_write(struct buf *out, const struct level *level, enum answer_map map)
{
	switch (level->kind) {
	case LEVEL_DEFAULT:
		buf_string(out, "NOTFOUND ");
		break;
	case LEVEL_DANE_ONLY:
		buf_string(out, "OK dane-only");
		break;
	case LEVEL_DANE:
		buf_string(out, "OK dane");
		break;
	case LEVEL_SECURE:
		write_secure(out, level, map);
		break;
	case LEVEL_DEFER:
		write_temporary(out, level->reason);
		break;
	case LEVEL_EXCEPTION:
		if (strcmp(level->word, "default") == 0)
			buf_string(out, "NOTFOUND ");
		else
			buf_printf(out, "OK %s", level->word);
		break;
	}
}

/* ---- the protocol ---- */

/* Netstring: decimal length, ":", that many bytes, ",". */
static enum socketmap_state read_length(struct span text, uint64_t *length, struct span *rest)
{
	size_t available = span_len(text);
	size_t room = available < SOCKETMAP_PREFIX_MAX ? available : SOCKETMAP_PREFIX_MAX;
	const char *colon = memchr(text.p, ':', room);

	for (const char *p = text.p; p < text.p + room && p != colon; p++) {
		if (!char_is_digit((unsigned char)*p))
			return SOCKETMAP_BAD;
	}
	if (colon == NULL)
		return available < SOCKETMAP_PREFIX_MAX ? SOCKETMAP_MORE : SOCKETMAP_BAD;
	if (!span_number((struct span){text.p, colon}, SOCKETMAP_REQUEST_MAX, length))
		return SOCKETMAP_BAD;
	*rest = (struct span){colon + 1, text.end};
	return SOCKETMAP_COMPLETE;
}

enum socketmap_state socketmap_parse(struct span text, struct socketmap_request *request)
{
	enum socketmap_state state;
	struct span rest, body;
	uint64_t length;
	const char *blank;

	state = read_length(text, &length, &rest);
	if (state != SOCKETMAP_COMPLETE)
		return state;
	if (span_len(rest) <= length)
		return SOCKETMAP_MORE;
	body = (struct span){rest.p, rest.p + length};
	if (*body.end != ',')
		return SOCKETMAP_BAD;
	blank = memchr(body.p, ' ', span_len(body));
	if (blank == NULL)
		return SOCKETMAP_BAD;
	request->map = (struct span){body.p, blank};
	request->key = (struct span){blank + 1, body.end};
	request->length = (size_t)(body.end + 1 - text.p);
	return SOCKETMAP_COMPLETE;
}

void socketmap_write(struct buf *out, struct span answer)
{
	buf_printf(out, "%zu:", span_len(answer));
	buf_span(out, answer);
	buf_char(out, ',');
}
