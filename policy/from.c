/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Readers differ. What the grammar of mail/address accepts is taken as it reads it; but where a
 * reader that takes a shortcut (the first "@", no comments, no quotes, no routes) would see another
 * domain in the same field, the field is ambiguous. What the grammar refuses is not ambiguous for
 * that: "Smith, John <john@example.com>" means one domain to everybody.
 *
 * Therefore every sign that a reader may take for "@" is looked at, with the domain after it as two
 * kinds of reader take it: one stops at the first byte that cannot be in a domain, the other skips
 * blanks, comments and controls. A quoted display name is the one place that all of them skip.
 */
#include "policy/from.h"

#include <assert.h>
#include <string.h>

#include "lib/codec/base64.h"
#include "lib/buf.h"
#include "mail/address.h"
#include "mail/domain.h"

enum {
	FROM_FIELDS_READ = 4,
	FROM_BYTES_MAX = 64 * 1024, /* of one field: it is read again for each sign */
	SIGNS_MAX = ADDRESS_MAX,
	DOMAIN_BYTES_MAX = 1024 /* a longer run is not a domain in any spelling */
};

void from_init(struct from *from, struct arena *arena)
{
	memset(from, 0, sizeof *from);
	from->arena = arena;
}

static void add_domain(struct from *from, const char *domain)
{
	for (unsigned i = 0; i < from->count; i++) {
		if (strcmp(from->domains[i], domain) == 0)
			return;
	}
	if (from->count == FROM_DOMAINS_MAX)
		from->too_many = true;
	else
		from->domains[from->count++] = domain;
}

/* ---- what a reader may take for "@" and for a domain ---- */

static bool starts_with(const char *p, const char *end, const char *bytes)
{
	size_t length = strlen(bytes);

	return (size_t)(end - p) >= length && memcmp(p, bytes, length) == 0;
}

/* Bytes of the sign at P, 0 for none: "@", its fullwidth and small forms (U+FF20, U+FE6B), which
 * Unicode's compatibility mapping makes "@", and its overlong forms (RFC 3629 section 10). */
static unsigned sign_length(const char *p, const char *end)
{
	static const char *const signs[] = {"@", "\xef\xbc\xa0", "\xef\xb9\xab", "\xc1\x80",
					    "\xe0\x81\x80"};

	for (size_t i = 0; i < sizeof signs / sizeof *signs; i++) {
		if (starts_with(p, end, signs[i]))
			return (unsigned)strlen(signs[i]);
	}
	return 0;
}

/* A run of atext and "." (RFC 5322 section 3.2.3, RFC 6532); a character that cannot be in
 * a domain name makes the whole run invalid. */
static const char *skip_run(const char *p, const char *end)
{
	while (p < end && sign_length(p, end) == 0) {
		unsigned char c = (unsigned char)*p;

		if (c <= 127 && !char_is_alnum(c) &&
		    (c == '\0' || strchr("!#$%&'*+-/=?^_`{|}~.", c) == NULL))
			break;
		p++;
	}
	return p;
}

static const char *skip_comment(const char *p, const char *end)
{
	unsigned depth = 0;

	for (; p < end; p++) {
		if (*p == '\\' && p + 1 < end)
			p++;
		else if (*p == '(')
			depth++;
		else if (*p == ')' && --depth == 0)
			return p + 1;
	}
	return end;
}

static bool is_junk(int c, bool odd_angles)
{
	return c <= ' ' || c == 127 || (odd_angles && strchr("<>[]\"\\", c) != NULL);
}

/* Blanks, line ends, controls and comments; and what readers lose where the angles are odd. */
static const char *skip_junk(const char *p, const char *end, bool odd_angles)
{
	while (p < end) {
		if (*p == '(')
			p = skip_comment(p, end);
		else if (is_junk((unsigned char)*p, odd_angles))
			p++;
		else
			break;
	}
	return p;
}

/* False: there is something after the sign, and it is not a domain name. */
static bool add_reading(struct from *from, struct span text)
{
	bool possible = !span_empty(text) && span_len(text) <= DOMAIN_BYTES_MAX;
	const char *domain = possible ? domain_to_ascii(from->arena, text) : NULL;

	if (domain != NULL)
		add_domain(from, domain);
	return domain != NULL || span_empty(text);
}

/* The domain at P as both kinds of reader take it. A run before a sign is a local part. */
static bool add_readings(struct from *from, const char *p, const char *end, bool odd_angles)
{
	struct span first = {skip_junk(p, end, odd_angles), NULL};
	const char *next = first.end = skip_run(first.p, end);
	struct buf all;
	bool good = add_reading(from, first);

	buf_init(&all, NULL, 0);
	buf_span(&all, first);
	while (all.len > 0 && all.len <= DOMAIN_BYTES_MAX &&
	       (p = skip_junk(next, end, odd_angles)) > next) {
		next = skip_run(p, end);
		if (next == p || sign_length(next, end) > 0)
			break;
		buf_span(&all, (struct span){p, next});
	}
	good = add_reading(from, buf_view(&all)) && good && all.len > 0;
	buf_free(&all);
	return good;
}

/* Not one pair, or none: some readers then go on after ">". */
static bool has_odd_angles(struct span text)
{
	unsigned open = 0, closed = 0;

	for (const char *p = text.p; p < text.end; p++) {
		open += *p == '<';
		closed += *p == '>';
	}
	return open != closed || open > 1;
}

/* All signs of TEXT; with a well-formed TEXT those of a quoted string are none, and those of a
 * comment are only for a reader that knows no comments. False: one has no domain after it. */
static bool add_signs(struct from *from, struct span text, bool well_formed)
{
	bool quoted = false, good = true, odd_angles = !well_formed && has_odd_angles(text);
	unsigned depth = 0, signs = 0;

	for (const char *p = text.p; p < text.end; p++) {
		unsigned length = sign_length(p, text.end);

		if (well_formed && (quoted || depth > 0) && *p == '\\') {
			p++;
			continue;
		}
		if (depth == 0 && *p == '"')
			quoted = !quoted;
		if (!quoted && *p == '(')
			depth++;
		if (!quoted && *p == ')' && depth > 0)
			depth--;
		if (length == 0 || (well_formed && quoted))
			continue;
		if (++signs > SIGNS_MAX)
			return false;
		p += length - 1;
		if (well_formed && depth > 0)
			add_reading(from, (struct span){p + 1, skip_run(p + 1, text.end)});
		else
			good = add_readings(from, p + 1, text.end, odd_angles) && good;
	}
	return good;
}

/* ---- encoded words: some readers decode them before they look for addresses ---- */

/* The "Q" encoding of RFC 2047 section 4.2. */
static void decode_q(struct span text, struct buf *out)
{
	for (const char *p = text.p; p < text.end; p++) {
		if (*p == '=' && text.end - p > 2 && char_hex(p[1]) >= 0 && char_hex(p[2]) >= 0) {
			buf_char(out, (char)(char_hex(p[1]) * 16 + char_hex(p[2])));
			p += 2;
		} else {
			buf_char(out, *p == '_' ? ' ' : *p);
		}
	}
}

/* encoded-word = "=?" charset "?" encoding "?" encoded-text "?=" (RFC 2047 section 2): its end, or
 * NULL where there is none at P. */
static const char *decode_word(struct arena *arena, const char *p, const char *end, struct buf *out)
{
	struct span part[3], rest = {p + 2, end};
	const uint8_t *data;
	bool more = true;
	size_t length;

	if (!starts_with(p, end, "=?"))
		return NULL;
	for (unsigned i = 0; i < 3; i++) {
		if (!more || !span_split(&rest, &more, '?', &part[i]))
			return NULL;
	}
	if (!more || span_empty(rest) || *rest.p != '=')
		return NULL;
	if (span_ieq(part[1], "b") && base64_decode(arena, part[2], &data, &length))
		buf_add(out, data, length);
	else
		decode_q(part[2], out);
	return rest.p + 1;
}

/* VALUE with its encoded words decoded; an empty span where it has none. */
static struct span decode_words(struct arena *arena, struct span value)
{
	struct buf out;
	bool any = false;

	buf_init(&out, arena, 0);
	for (const char *p = value.p; p < value.end;) {
		const char *after = decode_word(arena, p, value.end, &out);

		any = any || after != NULL;
		if (after == NULL)
			buf_char(&out, *p++);
		else
			p = after;
	}
	return any ? buf_view(&out) : (struct span){NULL, NULL};
}

/* ---- one From field ---- */

/* Some readers look for "@", "<" and ">" without regard to quotes. */
static bool is_tricky_local(const char *local)
{
	const char *end = local + strlen(local);

	for (const char *p = local; p < end; p++) {
		if (*p == '<' || *p == '>' || sign_length(p, end) > 0)
			return true;
	}
	return false;
}

static const char *name_readings(const struct from *from, unsigned one, unsigned other)
{
	assert(one < from->count && other < from->count);
	return arena_printf(from->arena, "readers of From can see %s or %s", from->domains[one],
			    from->domains[other]);
}

/* What the grammar reads, and then what others may see beside it. */
static void add_list(struct from *from, const struct address_list *list, struct span value)
{
	unsigned before = from->count, listed;
	const char *fault = list->count == 0 ? "From has no address" : NULL;

	for (unsigned i = 0; i < list->count; i++) {
		const struct address *address = &list->addresses[i];

		if (address->domain == NULL)
			fault = "From has an address without a domain name";
		else
			add_domain(from, address->domain);
	}
	listed = from->count;
	for (unsigned i = 0; i < list->count; i++) {
		const char *local = list->addresses[i].local;

		if (!is_tricky_local(local))
			continue;
		fault = "From has \"@\", \"<\" or \">\" in a local part, which readers take "
			"differently";
		add_signs(from, span_of(local), false);
	}
	if (!add_signs(from, value, true) && fault == NULL)
		fault = "From has an address without a domain name";
	if (from->count > listed)
		fault = listed > before ? name_readings(from, before, listed)
					: "readers of From can see different domains";
	if (fault != NULL)
		from->error = fault;
}

/* No address list, for the reason WHY: one domain in all readings of it, or none that is certain.
 */
static void add_malformed(struct from *from, struct span value, const struct why *why)
{
	unsigned before = from->count;
	struct span decoded = decode_words(from->arena, value);
	bool good = add_signs(from, value, false);

	good = add_signs(from, decoded, false) && good;
	if (from->count - before > 1)
		from->error = name_readings(from, before, before + 1);
	else if (!good || from->count == 0)
		from->error = arena_printf(from->arena, "malformed From: %s", why->text);
}

static void read_field(struct from *from, struct span value)
{
	struct address_list *list = arena_make(from->arena, struct address_list);
	struct why why;

	if (span_len(value) > FROM_BYTES_MAX) {
		from->error = "From is too long";
		from->too_many = true;
		return;
	}
	if (address_parse(from->arena, value, list, &why) == 0)
		add_list(from, list, value);
	else
		add_malformed(from, value, &why);
	if (from->too_many && from->error == NULL)
		from->error = "From has more domains than are evaluated";
}

/* ---- a From field inside another one ---- */

/* Does a line of VALUE that is not one of its folds begin like a From field? RFC 5322 section 2.2
 * has CR and LF only together and before a blank; a reader that takes one alone for the end of a
 * line finds an author there whom we would not have judged. */
static bool has_from_after(struct span value, char end_of_line)
{
	const char *at;

	while ((at = memchr(value.p, end_of_line, span_len(value))) != NULL) {
		struct span line = {at + 1, value.end};

		value.p = at + 1;
		if (!span_istarts(line, "from"))
			continue;
		line.p += 4;
		while (line.p < line.end && char_is_wsp((unsigned char)*line.p))
			line.p++;
		if (line.p < line.end && *line.p == ':')
			return true;
	}
	return false;
}

static bool value_hides_from(struct span value)
{
	return !span_empty(value) && (has_from_after(value, '\r') || has_from_after(value, '\n'));
}

/* "X<CR>From" likewise. */
static bool name_hides_from(struct span name)
{
	struct span bare = span_trim(name);

	return span_len(bare) > 5 && span_ieq((struct span){bare.end - 4, bare.end}, "from") &&
	       (bare.end[-5] == '\r' || bare.end[-5] == '\n');
}

void from_header(struct from *from, struct span name, struct span value)
{
	if (value_hides_from(value) || name_hides_from(name)) {
		from->fields++;
		from->hidden = true;
	}
	if (!span_ieq(span_trim(name), "from"))
		return;
	if (from->fields++ < FROM_FIELDS_READ)
		read_field(from, value);
	else
		from->too_many = true;
}

const char *from_fault(const struct from *from)
{
	if (from->hidden)
		return "there is a From field after a CR or LF in another one";
	if (from->fields == 0)
		return "there is no From field";
	if (from->fields > 1)
		return arena_printf(from->arena, "there are %u From fields", from->fields);
	if (from->error == NULL && from->count == 0)
		return "From has no author domain";
	return from->error;
}
