/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The grammar of RFC 5322 sections 3.4 and 4.4, read once from left to right, no backtracking: a
 * run of words becomes a local part, a display name or a group's name by the character after it.
 *
 * Strict where readers differ. The field parses as a whole or not at all: text left over, a second
 * "@", an unquoted "," or "<" in a name are errors, never skipped. So are NUL, other controls
 * (obs-NO-WS-CTL), line ends that are not folds, an encoded word inside an address, which some
 * readers decode and RFC 2047 section 5 forbids, and bytes in an address that are not UTF-8 (RFC
 * 6532). In a display name or a comment such bytes are only somebody's old character set; they are
 * let through where no reader of any set could take the character after them for something else.
 * Comments nest to a limit; nothing here recurses but a group into its members, which cannot be
 * groups.
 */
#include "mail/address.h"

#include <assert.h>
#include <string.h>

#include "lib/buf.h"
#include "lib/utf8.h"
#include "mail/cfws.h"
#include "mail/domain.h"

struct reader {
	const char *start, *p, *end;
	struct arena *arena;
	struct buf text; /* the words or the domain being read, decoded */
	struct address_list *list;
	struct why *why;
};

/* A run of words and dots: what it can stand for. */
struct words {
	unsigned count;
	bool local;  /* word *("." word) */
	bool phrase; /* empty, or begins with a word */
};

static bool is_utf8(struct span text)
{
	for (unsigned length; !span_empty(text); text.p += length) {
		length = utf8_length(text);
		if (length == 0)
			return false;
	}
	return true;
}

static int fail_expected(const struct reader *r, const char *what)
{
	return why_set(r->why, "byte %zu: expected %s (RFC 5322 section 3.4)",
		       (size_t)(r->p - r->start) + 1, what);
}

static int peek_char(const struct reader *r)
{
	return r->p == r->end ? -1 : (unsigned char)*r->p;
}

static bool take_char(struct reader *r, int c)
{
	if (peek_char(r) != c)
		return false;
	r->p++;
	return true;
}

/* ---- what may be in the field at all ---- */

/* The byte at P is not UTF-8. In the sets of two bytes that mail has seen (Shift_JIS, GBK, Big5)
 * the second one can be 0x40 to 0x7e, in which there are four that structure a field; and careless
 * readers of UTF-8 find ASCII in overlong forms (RFC 3629 section 10). */
static bool may_be_text(const char *p, const char *end)
{
	unsigned char first = (unsigned char)p[0], second = p + 1 < end ? (unsigned char)p[1] : 0;

	if (second != 0 && second <= 127)
		return strchr("@[\\]", second) == NULL;
	if (second == 0 || second > 0xbf)
		return true;
	return first != 0xc0 && first != 0xc1 && !(first == 0xe0 && second < 0xa0) &&
	       !(first == 0xf0 && second < 0x90);
}

/* How many bytes at R->p may be there (RFC 5322 sections 2.2 and 3.2.2, RFC 6532), 0 for none:
 * printable ASCII, WSP, CRLF with WSP after it, UTF-8, and what may be text in another set. */
static size_t measure_possible(const struct reader *r)
{
	int c = (unsigned char)*r->p;

	if (c > 127) {
		unsigned length = utf8_length((struct span){r->p, r->end});

		return length > 0 ? length : may_be_text(r->p, r->end);
	}
	if (c == '\r')
		return r->end - r->p > 2 && r->p[1] == '\n' && char_is_wsp(r->p[2]) ? 2 : 0;
	return c == '\t' || (c >= ' ' && c < 127);
}

static int check_bytes(struct reader *r)
{
	for (size_t length; r->p < r->end; r->p += length) {
		length = measure_possible(r);
		if (length == 0)
			return why_set(r->why, "byte %zu: %s", (size_t)(r->p - r->start) + 1,
				       *r->p == '\r' || *r->p == '\n'
					   ? "a line end that is not a fold"
				       : (unsigned char)*r->p > 127 ? "not UTF-8, and ambiguous"
								    : "a control character");
	}
	r->p = r->start;
	return 0;
}

/* ---- RFC 5322 section 3.2: the lexical parts ---- */

/* quoted-pair = "\" (VCHAR / WSP): steps onto the quoted character. */
static int skip_backslash(struct reader *r)
{
	r->p++;
	return r->p < r->end && *r->p != '\r' ? 0 : fail_expected(r, "a quoted character");
}

static int skip_cfws(struct reader *r)
{
	struct span rest = {r->p, r->end};
	bool readable = cfws_skip(&rest, NULL);

	r->p = rest.p;
	return readable ? 0 : fail_expected(r, "the end of a comment");
}

/* atext, with UTF8-non-ascii (RFC 6532 section 3.2) */
static bool is_atext(int c)
{
	return c > 127 || (c > 0 && (char_is_alnum(c) || strchr("!#$%&'*+-/=?^_`{|}~", c) != NULL));
}

static void read_atom(struct reader *r)
{
	while (is_atext(peek_char(r)))
		buf_char(&r->text, *r->p++);
}

/* quoted-string = DQUOTE *([FWS] qcontent) [FWS] DQUOTE; qcontent = qtext / quoted-pair. The
 * line break of a fold does not belong to the value; its WSP does. */
static int read_quoted(struct reader *r)
{
	for (r->p++; peek_char(r) != '"'; r->p++) {
		if (peek_char(r) < 0)
			return fail_expected(r, "a closing quote");
		if (*r->p == '\r' || *r->p == '\n')
			continue;
		if (*r->p == '\\' && skip_backslash(r) != 0)
			return -1;
		buf_char(&r->text, *r->p);
	}
	r->p++;
	return 0;
}

/* *(word / "." / CFWS), which covers local-part, obs-local-part, phrase and obs-phrase; and a
 * phrase may have "[" and "]" ("[Desk] Bob <bob@example.com>"), which can mean nothing else there.
 */
static int read_words(struct reader *r, struct words *words)
{
	bool after_word = false;

	buf_clear(&r->text);
	*words = (struct words){.local = true, .phrase = true};
	while (skip_cfws(r) == 0) {
		int c = peek_char(r);

		if (c == '.') {
			words->phrase = words->phrase && words->count > 0;
			words->local = words->local && after_word;
			after_word = false;
			buf_char(&r->text, *r->p++);
			continue;
		}
		if (c == '[' || c == ']') {
			words->local = false;
			words->count++;
			r->p++;
			continue;
		}
		if (c != '"' && !is_atext(c)) {
			words->local = words->local && after_word;
			return 0;
		}
		words->local = words->local && !after_word;
		words->count++;
		after_word = true;
		if (c != '"')
			read_atom(r);
		else if (read_quoted(r) != 0)
			return -1;
	}
	return -1;
}

/* ---- section 3.4.1: addr-spec ---- */

/* domain-literal = "[" *([FWS] dtext) [FWS] "]"; obs-dtext adds quoted-pair */
static int read_literal(struct reader *r)
{
	for (r->p++; peek_char(r) != ']'; r->p++) {
		if (peek_char(r) < 0 || *r->p == '[')
			return fail_expected(r, "\"]\"");
		if (*r->p == '\\' && skip_backslash(r) != 0)
			return -1;
	}
	r->p++;
	return skip_cfws(r);
}

/* domain = dot-atom / domain-literal / obs-domain; obs-domain = atom *("." atom). *DOMAIN is NULL
 * for what is none in the DNS. */
static int read_domain(struct reader *r, const char **domain)
{
	*domain = NULL;
	if (skip_cfws(r) != 0)
		return -1;
	if (peek_char(r) == '[')
		return read_literal(r);
	buf_clear(&r->text);
	for (;;) {
		if (skip_cfws(r) != 0)
			return -1;
		if (!is_atext(peek_char(r)))
			return fail_expected(r, "a domain");
		read_atom(r);
		if (skip_cfws(r) != 0)
			return -1;
		if (!take_char(r, '.'))
			break;
		buf_char(&r->text, '.');
	}
	if (!is_utf8(buf_view(&r->text)))
		return why_set(r->why, "a domain that is not UTF-8 (RFC 6532 section 3.2)");
	*domain = domain_to_ascii(r->arena, buf_view(&r->text));
	return 0;
}

/* addr-spec = local-part "@" domain; the words before R->p are to be the local part. */
static int read_addr_spec(struct reader *r, const struct words *words)
{
	struct address *address;

	if (peek_char(r) != '@' || !words->local)
		return fail_expected(r, "an address");
	if (r->list->count == ADDRESS_MAX)
		return why_set(r->why, "more than %d addresses", ADDRESS_MAX);
	address = &r->list->addresses[r->list->count];
	address->local = arena_span(r->arena, buf_view(&r->text));
	if (strstr(address->local, "=?") != NULL)
		return why_set(r->why, "an encoded word in an address (RFC 2047 section 5)");
	if (!is_utf8(buf_view(&r->text)))
		return why_set(r->why, "an address that is not UTF-8 (RFC 6532 section 3.2)");
	r->p++;
	if (read_domain(r, &address->domain) != 0)
		return -1;
	r->list->count++;
	return 0;
}

/* obs-route = obs-domain-list ":"; obs-domain-list = *(CFWS / ",") "@" domain
 * *("," [CFWS] ["@" domain]). A route is passed over: it was never who wrote the message. */
static int skip_route(struct reader *r)
{
	bool comma = true, any = false;
	const char *ignored;

	while (skip_cfws(r) == 0) {
		if (take_char(r, ',')) {
			comma = true;
		} else if (comma && take_char(r, '@')) {
			if (read_domain(r, &ignored) != 0)
				return -1;
			comma = false;
			any = true;
		} else if (any && take_char(r, ':')) {
			return 0;
		} else {
			return fail_expected(r, "a route and \":\"");
		}
	}
	return -1;
}

/* angle-addr = "<" [obs-route] addr-spec ">" */
static int read_angle(struct reader *r)
{
	struct words words;

	r->p++;
	if (skip_cfws(r) != 0)
		return -1;
	if ((peek_char(r) == '@' || peek_char(r) == ',') && skip_route(r) != 0)
		return -1;
	if (read_words(r, &words) != 0 || read_addr_spec(r, &words) != 0)
		return -1;
	return take_char(r, '>') ? 0 : fail_expected(r, "\">\"");
}

/* ---- sections 3.4 and 4.4: lists ---- */

static int read_list(struct reader *r, bool in_group, unsigned *elements);

/* group = display-name ":" [group-list] ";" */
static int read_group(struct reader *r)
{
	unsigned members;

	r->p++;
	if (read_list(r, true, &members) != 0)
		return -1;
	return take_char(r, ';') ? 0 : fail_expected(r, "\";\" at the end of the group");
}

/* "bob@example.com <bob@example.com>": an address that is not quoted where a name belongs. Readers
 * that take the first and those that take the second must find the same author domain. */
static int read_named_by_address(struct reader *r)
{
	struct address *name = &r->list->addresses[r->list->count - 1], *address = name + 1;

	if (r->list->count == ADDRESS_MAX)
		return why_set(r->why, "more than %d addresses", ADDRESS_MAX);
	if (read_angle(r) != 0)
		return -1;
	if (name->domain == NULL || address->domain == NULL ||
	    !domain_equal(name->domain, address->domain))
		return why_set(r->why, "two addresses of different domains without \",\" between");
	*name = *address;
	r->list->count--;
	return 0;
}

/* address = mailbox / group; mailbox = name-addr / addr-spec */
static int read_address(struct reader *r, bool in_group)
{
	struct words words;

	if (read_words(r, &words) != 0)
		return -1;
	if (peek_char(r) == '<' && words.phrase)
		return read_angle(r);
	if (peek_char(r) == ':' && words.phrase && words.count > 0 && !in_group)
		return read_group(r);
	if (read_addr_spec(r, &words) != 0)
		return -1;
	return peek_char(r) == '<' ? read_named_by_address(r) : 0;
}

/* obs-addr-list = *([CFWS] ",") address *("," [address / CFWS]), which covers address-list; and
 * likewise group-list and obs-group-list, with mailboxes only. */
static int read_list(struct reader *r, bool in_group, unsigned *elements)
{
	bool comma = true;

	*elements = 0;
	while (skip_cfws(r) == 0) {
		if (r->p == r->end || (in_group && peek_char(r) == ';'))
			return 0;
		if (take_char(r, ',')) {
			comma = true;
			continue;
		}
		if (!comma)
			return fail_expected(r, "\",\" or the end");
		if (read_address(r, in_group) != 0)
			return -1;
		comma = false;
		++*elements;
	}
	return -1;
}

int address_parse(struct arena *arena, struct span value, struct address_list *list,
		  struct why *why)
{
	struct reader r = {.start = value.p,
			   .p = value.p,
			   .end = value.end,
			   .arena = arena,
			   .list = list,
			   .why = why};
	unsigned elements;
	int result;

	list->count = 0;
	if (check_bytes(&r) != 0)
		return -1;
	buf_init(&r.text, NULL, 0);
	result = read_list(&r, false, &elements);
	buf_free(&r.text);
	assert(result != 0 || r.p == r.end);
	if (result == 0 && elements == 0)
		return fail_expected(&r, "an address");
	return result;
}

enum { LOCAL_MAX = 64 }; /* RFC 5321 section 4.5.3.1.1 */

/* Nothing of what makes an address more than dot-atom "@" domain (RFC 5322 section 3.4.1). */
static bool is_plain(struct span text)
{
	for (const char *p = text.p; p < text.end; p++) {
		if ((unsigned char)*p <= ' ' || *p == 127 || strchr("()<>,;:\\\"[]", *p) != NULL)
			return false;
	}
	return true;
}

int address_parse_plain(struct arena *arena, struct span text, struct address *address,
			struct why *why)
{
	struct address_list list;

	if (is_plain(text) && address_parse(arena, text, &list, NULL) == 0 && list.count == 1 &&
	    list.addresses[0].domain != NULL && strlen(list.addresses[0].local) <= LOCAL_MAX) {
		*address = list.addresses[0];
		return 0;
	}
	return why_set(why, "\"%.*s\" is not a valid e-mail address; use name@example.com",
		       (int)span_len(text), text.p);
}
