/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Addresses come from records of strangers and end in SMTP commands and header fields: only
 * dot-atoms are taken, so that nothing has to be quoted anywhere.
 *
 * The check of external destinations keeps reports from being aimed at somebody who never asked.
 */
#include "policy/dmarc/destination.h"

#include <string.h>

#include "lib/buf.h"
#include "mail/domain.h"
#include "policy/dmarc/record.h"

enum { LOCAL_MAX = 64 }; /* RFC 5321 section 4.5.3.1.1 */

/* ---- mailto ---- */

/* RFC 3986 section 2.1: pct-encoded = "%" HEXDIG HEXDIG. False: a "%" without them, or a NUL. */
static bool percent_decode(struct buf *out, struct span text)
{
	for (; text.p < text.end; text.p++) {
		int high, low;

		if (*text.p != '%') {
			buf_char(out, *text.p);
			continue;
		}
		if (text.end - text.p < 3)
			return false;
		high = char_hex((unsigned char)text.p[1]);
		low = char_hex((unsigned char)text.p[2]);
		if (high < 0 || low < 0 || high + low == 0)
			return false;
		buf_char(out, (char)(high << 4 | low));
		text.p += 2;
	}
	return true;
}

static bool is_atext(int c)
{
	return char_is_alnum(c) || (c != '\0' && strchr("!#$%&'*+-/=?^_`{|}~", c) != NULL);
}

/* RFC 5322 section 3.2.3: dot-atom-text = 1*atext *("." 1*atext) */
static bool is_dot_atom(struct span text)
{
	bool dot = true; /* one before would be at the beginning or doubled */

	for (; text.p < text.end; text.p++) {
		if (*text.p == '.' ? dot : !is_atext((unsigned char)*text.p))
			return false;
		dot = *text.p == '.';
	}
	return !dot;
}

/* What stands before the first of any of STOPS. */
static struct span before(struct span text, const char *stops)
{
	struct span part = {text.p, text.p};

	while (part.end < text.end && (*part.end == '\0' || strchr(stops, *part.end) == NULL))
		part.end++;
	return part;
}

/*
 * RFC 6068 section 2: mailtoURI = "mailto:" [ to ] [ hfields ], of which TO is to be one address;
 * hfields ("?subject=...") is not for us, nor is the size ("!10m") that RFC 7489 had.
 */
static bool parse_mailto(struct arena *arena, struct span uri, struct destination *to)
{
	struct span address, local, host;
	struct buf plain;

	uri = span_trim(uri);
	if (!span_istarts(uri, "mailto:"))
		return false;
	uri.p += strlen("mailto:");
	buf_init(&plain, arena, 0);
	if (!percent_decode(&plain, before(before(uri, "!"), "?")))
		return false;
	address = buf_view(&plain);
	local = before(address, "@");
	if (local.end == address.end || span_len(local) > LOCAL_MAX || !is_dot_atom(local))
		return false;
	host = (struct span){local.end + 1, address.end};
	to->host = domain_to_ascii(arena, host);
	if (to->host == NULL || strchr(to->host, '_') != NULL)
		return false;
	to->address = arena_printf(arena, "%.*s@%s", (int)span_len(local), local.p, to->host);
	to->host = strchr(to->address, '@') + 1;
	return true;
}

static bool is_new(const struct destination *list, unsigned count, const char *address)
{
	while (count > 0)
		if (strcmp(list[--count].address, address) == 0)
			return false;
	return true;
}

/* RFC 9989 section 4.7: dmarc-urilist = dmarc-uri *(*WSP "," *WSP dmarc-uri) */
unsigned destination_parse(struct arena *arena, struct span rua,
			   struct destination list[DESTINATION_MAX])
{
	struct span part;
	unsigned count = 0;
	bool more = true;

	while (count < DESTINATION_MAX && span_split(&rua, &more, ',', &part)) {
		if (parse_mailto(arena, part, &list[count]) &&
		    is_new(list, count, list[count].address))
			count++;
	}
	return count;
}

/* PART of a stranger's record, as a person may see it: "?" for what is not printable ASCII. */
static void add_shown(struct buf *out, struct span part)
{
	part = span_trim(part);
	if (span_empty(part))
		part = span_of("\"\"");
	if (out->len > 0)
		buf_char(out, ' ');
	for (; part.p < part.end; part.p++)
		buf_char(out, *part.p >= ' ' && *part.p <= '~' ? *part.p : '?');
}

const char *destination_unusable(struct arena *arena, struct span rua)
{
	struct span part;
	struct buf out;
	bool more = true;

	buf_init(&out, arena, 0);
	while (span_split(&rua, &more, ',', &part)) {
		struct destination to;

		if (!parse_mailto(arena, part, &to))
			add_shown(&out, part);
	}
	return out.len == 0 ? NULL : buf_text(&out);
}

/* ---- RFC 9990 section 4 ---- */

/* Step 9: the first address that RUA (or ruf) names at the same host takes the place. */
static enum destination_answer override(struct arena *arena, const char *rua,
					struct destination *to, struct why *why)
{
	struct destination list[DESTINATION_MAX];
	unsigned count = destination_parse(arena, span_of(rua), list);

	for (unsigned i = 0; i < count; i++) {
		if (!domain_equal(list[i].host, to->host))
			continue;
		to->address = list[i].address;
		to->host = list[i].host;
		return DESTINATION_YES;
	}
	why_set(why, "%s wants reports at another host (RFC 9990 section 4): %s", to->host, rua);
	return DESTINATION_NO;
}

/* Steps 6 to 9. */
static enum destination_answer read_answer(const struct dns_answer *answer, const char *name,
					   struct arena *arena, enum destination_tag tag,
					   struct destination *to, struct why *why)
{
	bool confirmed = false;

	for (unsigned i = 0; i < answer->count; i++) {
		struct span text = span_make(answer->records[i].text, answer->records[i].length);
		struct dmarc_record record;
		const char *other;

		if (dmarc_record_parse(arena, text, &record, NULL) == -1)
			continue;
		other = tag == DESTINATION_RUA ? record.rua : record.ruf;
		if (other != NULL)
			return override(arena, other, to, why);
		confirmed = true;
	}
	if (confirmed)
		return DESTINATION_YES;
	why_set(why, "%s has not agreed to get these reports: no DMARC record at %s", to->host,
		name);
	return DESTINATION_NO;
}

static enum destination_answer ask_host(struct dns_scope *scope, struct arena *arena,
					enum destination_tag tag, const char *policy_domain,
					struct destination *to, struct why *why)
{
	const char *name = arena_printf(arena, "%s._report._dmarc.%s", policy_domain, to->host);
	const struct dns_answer *answer;

	if (strlen(name) > DNS_NAME_MAX) {
		why_set(why, "%s cannot agree to get these reports: %.60s... is too long a name",
			to->host, name);
		return DESTINATION_NO;
	}
	answer = dns_wait(dns_start(scope, name, DNS_TYPE_TXT));
	if (answer->status != DNS_TEMPFAIL)
		return read_answer(answer, name, arena, tag, to, why);
	why_set(why, "%s: %s", name, answer->reason);
	return DESTINATION_LATER;
}

enum destination_answer destination_check(struct dns_scope *scope, const struct dmarc_rules *rules,
					  struct arena *arena, enum destination_tag tag,
					  const char *policy_domain, struct destination *to,
					  struct why *why)
{
	const char *ours, *theirs;

	if (domain_equal(policy_domain, to->host))
		return DESTINATION_YES;
	if (dmarc_could_align(policy_domain, to->host)) {
		dmarc_start(scope, rules, policy_domain);
		dmarc_start(scope, rules, to->host);
		ours = dmarc_org_domain(scope, rules, arena, policy_domain, why);
		theirs = ours == NULL ? NULL : dmarc_org_domain(scope, rules, arena, to->host, why);
		if (theirs == NULL)
			return DESTINATION_LATER;
		if (domain_equal(ours, theirs))
			return DESTINATION_YES;
	}
	return ask_host(scope, arena, tag, policy_domain, to, why);
}
