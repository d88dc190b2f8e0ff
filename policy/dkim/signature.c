/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The list is split first (mail/taglist); then a table says which tags there are and who reads
 * each. Every reader runs even after one has refused, so that a verdict can name the domain and
 * the selector of a broken signature; the first refusal is the one that is told. Unknown tags are
 * ignored, as they must be.
 */
#include "policy/dkim/signature.h"

#include <string.h>

#include "lib/codec/base64.h"
#include "mail/domain.h"
#include "mail/taglist.h"

enum { NUMBER_DIGITS = 12, LENGTH_DIGITS = 76, SHORT_SIGNATURE = 8, SHA256_BYTES = 32 };

struct reader {
	struct arena *arena;
	enum dkimsig_kind kind;
	struct dkimsig *sig;
	struct why why;
};

/* One for each tag. AUTH_NONE, or the result and READER's why. */
typedef enum auth_result read_tag(struct reader *reader, struct span value);

#define refuse_tag(reader, ...) (why_set(&(reader)->why, __VA_ARGS__), AUTH_PERMERROR)
#define decline(reader, ...)    (why_set(&(reader)->why, __VA_ARGS__), AUTH_NEUTRAL)

/* sig-v-tag = %x76 [FWS] "=" [FWS] 1*DIGIT; "1" is the only one there is */
static enum auth_result read_version(struct reader *r, struct span value)
{
	if (!span_eq(value, "1"))
		return refuse_tag(r, "v= is not 1 (RFC 6376 section 3.5)");
	return AUTH_NONE;
}

static const struct name_code algorithms[] = {
    {"rsa-sha256", DKIMSIG_RSA_SHA256},
    {"ed25519-sha256", DKIMSIG_ED25519_SHA256},
    {"rsa-sha1", DKIMSIG_RSA_SHA1},
    {NULL, 0},
};

/* x-sig-a-tag-k "-" x-sig-a-tag-h; both are ALPHA *(ALPHA / DIGIT) */
static bool algorithm_ok(struct span value)
{
	bool first = true;
	unsigned dashes = 0;

	for (const char *p = value.p; p < value.end; p++) {
		if (*p == '-' && !first)
			dashes++;
		else if (first ? !char_is_alpha((unsigned char)*p)
			       : !char_is_alnum((unsigned char)*p))
			return false;
		first = *p == '-';
	}
	return dashes == 1 && !first;
}

/* sig-a-tag-alg = "rsa-sha1" / "rsa-sha256" / x-sig-a-tag-alg; RFC 8463: "ed25519-sha256" */
static enum auth_result read_algorithm(struct reader *r, struct span value)
{
	struct dkimsig *sig = r->sig;

	if (!algorithm_ok(value))
		return refuse_tag(r, "a= is not an algorithm's name (RFC 6376 section 3.5)");
	sig->algorithm = arena_lower(r->arena, value);
	sig->alg = (enum dkimsig_alg)name_code(algorithms, value, DKIMSIG_UNKNOWN);
	if (sig->alg == DKIMSIG_RSA_SHA1)
		return refuse_tag(r, "rsa-sha1 must not be used to verify (RFC 8301 section 3.1)");
	if (sig->alg == DKIMSIG_UNKNOWN)
		return decline(r, "a= names an unknown algorithm (RFC 6376 section 3.3.4)");
	return AUTH_NONE;
}

static const struct name_code canons[] = {
    {"simple", DKIMSIG_SIMPLE}, {"relaxed", DKIMSIG_RELAXED}, {NULL, 0}};

/* sig-c-tag-alg = "simple" / "relaxed"; [ "/" the same ]: the body's is "simple" by default */
static enum auth_result read_canon(struct reader *r, struct span value)
{
	struct span header, body = span_of("simple");
	int codes[2];
	bool more = true;

	span_split(&value, &more, '/', &header);
	if (more)
		body = value;
	if (span_empty(header) || span_empty(body))
		return refuse_tag(r, "c= is not header/body (RFC 6376 section 3.5)");
	codes[0] = name_code(canons, header, -1);
	codes[1] = name_code(canons, body, -1);
	if (codes[0] < 0 || codes[1] < 0)
		return decline(r, "c= names an unknown canonicalization (RFC 6376 section 3.4)");
	r->sig->header_canon = (enum dkimsig_canon)codes[0];
	r->sig->body_canon = (enum dkimsig_canon)codes[1];
	return AUTH_NONE;
}

/* domain-name = sub-domain 1*("." sub-domain); U-labels by RFC 8616 section 4 */
static enum auth_result read_domain(struct reader *r, struct span value)
{
	const char *domain = domain_to_ascii(r->arena, value);

	if (domain == NULL || value.end[-1] == '.' || domain_labels(domain) < 2)
		return refuse_tag(r, "d= is not a domain name (RFC 6376 section 3.5)");
	r->sig->domain = domain;
	return AUTH_NONE;
}

/* selector = sub-domain *( "." sub-domain ), section 3.1 */
static enum auth_result read_selector(struct reader *r, struct span value)
{
	const char *selector = domain_to_ascii(r->arena, value);

	if (selector == NULL || value.end[-1] == '.')
		return refuse_tag(r, "s= is not a selector (RFC 6376 section 3.1)");
	r->sig->selector = selector;
	return AUTH_NONE;
}

/*
 * dkim-quoted-printable = *(FWS / hex-octet / dkim-safe-char), section 2.11;
 * hex-octet = "=" 2HEXDIG. NULL when it is none, or holds what no address has.
 */
static const char *quoted_printable(struct arena *arena, struct span text)
{
	char *out = arena_alloc(arena, span_len(text) + 1), *to = out;

	for (const char *p = text.p; p < text.end; p++) {
		int high, low;

		if (char_is_space((unsigned char)*p))
			continue;
		if (*p != '=') {
			*to++ = *p;
			continue;
		}
		if (text.end - p < 3)
			return NULL;
		high = char_hex((unsigned char)p[1]);
		low = char_hex((unsigned char)p[2]);
		if (high < 0 || low < 0 || high * 16 + low < ' ' || high * 16 + low == 127)
			return NULL;
		*to++ = (char)(high * 16 + low);
		p += 2;
	}
	return out;
}

static char *without_blanks(struct arena *arena, struct span text)
{
	char *out = arena_alloc(arena, span_len(text) + 1), *to = out;

	for (const char *p = text.p; p < text.end; p++)
		if (!char_is_space((unsigned char)*p))
			*to++ = *p;
	return out;
}

static enum auth_result read_instance(struct reader *r, struct span value)
{
	r->sig->instance = taglist_instance(value);
	if (r->sig->instance == 0)
		return refuse_tag(r, "i= is not an instance from 1 to 50 (RFC 8617 section 4.2.1)");
	return AUTH_NONE;
}

static const struct name_code chains[] = {
    {"none", DKIMSIG_CV_NONE}, {"fail", DKIMSIG_CV_FAIL}, {"pass", DKIMSIG_CV_PASS}, {NULL, 0}};

/* seal-cv-tag = %s"cv" [CFWS] "=" [CFWS] chain-status */
static enum auth_result read_chain(struct reader *r, struct span value)
{
	int chain = name_code(chains, value, -1);

	if (chain < 0)
		return refuse_tag(r, "cv= is not none, fail or pass (RFC 8617 section 3.9)");
	r->sig->chain = (enum dkimsig_chain)chain;
	return AUTH_NONE;
}

/* sig-i-tag = %x69 [FWS] "=" [FWS] [ Local-part ] "@" domain-name, as dkim-quoted-printable */
static enum auth_result read_identity(struct reader *r, struct span value)
{
	const char *text, *at;

	if (r->kind != DKIMSIG_DKIM)
		return read_instance(r, value);
	if (span_len(value) > DKIMSIG_IDENTITY_MAX)
		return decline(r, "i= is longer than %d bytes", DKIMSIG_IDENTITY_MAX);
	text = quoted_printable(r->arena, value);
	at = text == NULL ? NULL : strrchr(text, '@');
	if (at != NULL)
		r->sig->identity_domain = domain_to_ascii(r->arena, span_of(at + 1));
	if (at == NULL || r->sig->identity_domain == NULL)
		return refuse_tag(r, "i= is not an identity (RFC 6376 section 3.5)");
	r->sig->identity = without_blanks(r->arena, value);
	return AUTH_NONE;
}

bool dkimsig_next_name(struct span *rest, bool *more, struct span *name)
{
	if (!span_split(rest, more, ':', name))
		return false;
	*name = span_trim(*name);
	return true;
}

/* RFC 5322 section 3.6.8: field-name = 1*ftext; ftext = %d33-57 / %d59-126 */
static bool field_name_ok(struct span name)
{
	for (const char *p = name.p; p < name.end; p++)
		if (*p < 33 || *p > 126)
			return false;
	return !span_empty(name);
}

/* sig-h-tag = %x68 [FWS] "=" [FWS] hdr-name *( [FWS] ":" [FWS] hdr-name ) */
static enum auth_result read_headers(struct reader *r, struct span value)
{
	struct dkimsig *sig = r->sig;
	struct span rest = value, name;
	bool more = true, from = false;

	while (dkimsig_next_name(&rest, &more, &name)) {
		if (!field_name_ok(name))
			return refuse_tag(r, "h= contains something that is not a field name (RFC "
					     "6376 section 3.5)");
		/* Sealers may sign none of the three; a validator is only told that a seal, which
		 * is made last, cannot be among them. Seals are found that sign the others. */
		if (r->kind == DKIMSIG_ARC_MESSAGE && span_ieq(name, "ARC-Seal"))
			return refuse_tag(r, "h= includes ARC-Seal (RFC 8617 section 4.1.2)");
		from = from || span_ieq(name, "From");
		sig->signatures += span_ieq(name, "DKIM-Signature");
		sig->header_names++;
	}
	if (!from)
		return refuse_tag(r, "h= does not include From (RFC 6376 section 6.1.1)");
	sig->headers = value;
	return AUTH_NONE;
}

/* sig-b-tag-data = base64string */
static enum auth_result read_signature(struct reader *r, struct span value)
{
	char *text = without_blanks(r->arena, value);
	const uint8_t *data;
	size_t length;

	if (strlen(text) > SHORT_SIGNATURE)
		text[SHORT_SIGNATURE] = '\0';
	if (!base64_decode(r->arena, value, &data, &length) || length == 0)
		return refuse_tag(r, "b= is not base64 (RFC 6376 section 3.5)");
	r->sig->short_signature = text;
	r->sig->signature = value;
	return AUTH_NONE;
}

/* sig-bh-tag-data = base64string; both algorithms that can be verified have SHA-256 */
static enum auth_result read_body_hash(struct reader *r, struct span value)
{
	const uint8_t *data;
	size_t length;

	if (!base64_decode(r->arena, value, &data, &length))
		return refuse_tag(r, "bh= is not base64 (RFC 6376 section 3.5)");
	if (length != SHA256_BYTES && r->sig->alg <= DKIMSIG_ED25519_SHA256)
		return refuse_tag(r,
				  "bh= is not the length of a SHA-256 hash (RFC 6376 section 3.5)");
	r->sig->body_hash = value;
	return AUTH_NONE;
}

static bool is_digits(struct span value)
{
	for (const char *p = value.p; p < value.end; p++)
		if (!char_is_digit((unsigned char)*p))
			return false;
	return !span_empty(value);
}

/* sig-l-tag = %x6c [FWS] "=" [FWS] 1*76DIGIT */
static enum auth_result read_length(struct reader *r, struct span value)
{
	if (!is_digits(value) || span_len(value) > LENGTH_DIGITS)
		return refuse_tag(r,
				  "l= is not a number of up to 76 digits (RFC 6376 section 3.5)");
	r->sig->has_length = true;
	if (!span_number(value, UINT64_MAX, &r->sig->length))
		r->sig->length = UINT64_MAX;
	return AUTH_NONE;
}

/* sig-t-tag = %x74 [FWS] "=" [FWS] 1*12DIGIT */
static enum auth_result read_timestamp(struct reader *r, struct span value)
{
	uint64_t number = 0;

	if (span_len(value) > NUMBER_DIGITS || !span_number(value, INT64_MAX, &number))
		return refuse_tag(r,
				  "t= is not a number of up to 12 digits (RFC 6376 section 3.5)");
	r->sig->timestamp = (int64_t)number;
	return AUTH_NONE;
}

/* sig-x-tag = %x78 [FWS] "=" [FWS] 1*12DIGIT; section 3.5: a longer one may be infinite */
static enum auth_result read_expiration(struct reader *r, struct span value)
{
	uint64_t number = 0;

	if (!is_digits(value))
		return refuse_tag(r, "x= is not a number (RFC 6376 section 3.5)");
	if (span_len(value) <= NUMBER_DIGITS && span_number(value, INT64_MAX, &number))
		r->sig->expires = (int64_t)number;
	return AUTH_NONE;
}

/* sig-q-tag = %x71 [FWS] "=" [FWS] sig-q-tag-method *([FWS] ":" [FWS] sig-q-tag-method); "dns"
 * alone is how signers wrote "dns/txt" before RFC 4871. */
static enum auth_result read_query(struct reader *r, struct span value)
{
	struct span method;
	bool more = true;

	while (dkimsig_next_name(&value, &more, &method))
		if (span_ieq(method, "dns/txt") || span_ieq(method, "dns"))
			return AUTH_NONE;
	return refuse_tag(r, "q= does not include dns/txt (RFC 6376 section 3.5)");
}

enum need { IGNORED, OPTIONAL, REQUIRED, FORBIDDEN };

/* In the order of a person's interest: the first refusal is told. bh= needs a= read before. What
 * z= copied is for diagnosis only, and not looked at. Needs are by kind: DKIM-Signature,
 * ARC-Message-Signature, ARC-Seal (RFC 8617 sections 4.1.2 and 4.1.3). */
static const struct rule {
	const char *tag;
	enum need need[DKIMSIG_KINDS];
	read_tag *read;
} rules[] = {
    {"v", {REQUIRED, IGNORED, IGNORED}, read_version},
    {"d", {REQUIRED, REQUIRED, REQUIRED}, read_domain},
    {"s", {REQUIRED, REQUIRED, REQUIRED}, read_selector},
    {"a", {REQUIRED, REQUIRED, REQUIRED}, read_algorithm},
    {"b", {REQUIRED, REQUIRED, REQUIRED}, read_signature},
    {"bh", {REQUIRED, REQUIRED, IGNORED}, read_body_hash},
    {"h", {REQUIRED, REQUIRED, FORBIDDEN}, read_headers},
    {"c", {OPTIONAL, OPTIONAL, IGNORED}, read_canon},
    {"i", {OPTIONAL, REQUIRED, REQUIRED}, read_identity},
    {"cv", {IGNORED, IGNORED, REQUIRED}, read_chain},
    {"q", {OPTIONAL, OPTIONAL, IGNORED}, read_query},
    {"l", {OPTIONAL, OPTIONAL, IGNORED}, read_length},
    {"t", {OPTIONAL, OPTIONAL, OPTIONAL}, read_timestamp},
    {"x", {OPTIONAL, OPTIONAL, IGNORED}, read_expiration},
};
enum { RULES = sizeof rules / sizeof *rules };

static const char *const kind_sections[DKIMSIG_KINDS] = {
    "RFC 6376 section 6.1.1", "RFC 8617 section 4.1.2", "RFC 8617 section 4.1.3"};

static enum auth_result read_rule(struct reader *r, const struct rule *rule,
				  const struct taglist *list)
{
	const struct tag *tag = taglist_find(list, rule->tag);
	enum need need = rule->need[r->kind];

	if (need == IGNORED || (tag == NULL && need != REQUIRED))
		return AUTH_NONE;
	if (tag == NULL)
		return refuse_tag(r, "%s= is missing (%s)", rule->tag, kind_sections[r->kind]);
	if (need == FORBIDDEN)
		return refuse_tag(r, "%s= is not allowed (%s)", rule->tag, kind_sections[r->kind]);
	if (span_empty(tag->value))
		return refuse_tag(r, "%s= is empty (RFC 6376 section 3.5)", rule->tag);
	return rule->read(r, tag->value);
}

static enum auth_result read_values(struct reader *r, const struct taglist *list)
{
	for (unsigned i = 0; i < list->count; i++)
		if (!taglist_value_ok(list->tags[i].value, true))
			return refuse_tag(
			    r, "a value contains a control character (RFC 6376 section 3.2)");
	return AUTH_NONE;
}

/* Rules between tags: sections 3.5 (i=, x=) and 6.1.1. */
static enum auth_result read_relations(struct reader *r)
{
	struct dkimsig *sig = r->sig;

	if (sig->identity == NULL)
		sig->identity_domain = sig->domain;
	else if (!domain_within(sig->identity_domain, sig->domain))
		return refuse_tag(
		    r, "the domain of i= is not d= or below it (RFC 6376 section 6.1.1)");
	if (sig->expires >= 0 && sig->timestamp >= 0 && sig->expires <= sig->timestamp)
		return refuse_tag(r, "x= is not after t= (RFC 6376 section 3.5)");
	return AUTH_NONE;
}

static void clear_signature(struct dkimsig *sig)
{
	memset(sig, 0, sizeof *sig);
	sig->domain = sig->selector = sig->algorithm = sig->short_signature = "";
	sig->identity_domain = "";
	sig->headers = sig->signature = sig->body_hash = span_of("");
	sig->alg = DKIMSIG_UNKNOWN;
	sig->timestamp = sig->expires = -1;
}

/* Keeps the first refusal; one for the signer comes before one that is only ours. */
static void note_refusal(struct reader *r, enum auth_result now, enum auth_result *result,
			 struct why *why)
{
	if (now == AUTH_NONE || (*result != AUTH_NONE && (*result == now || now == AUTH_NEUTRAL)))
		return;
	*result = now;
	*why = r->why;
}

enum auth_result dkimsig_parse_kind(struct arena *arena, enum dkimsig_kind kind, struct span value,
				    struct dkimsig *sig, struct why *why)
{
	struct reader reader = {.arena = arena, .kind = kind, .sig = sig};
	enum auth_result result = AUTH_NONE;
	struct taglist list;
	struct why first;

	clear_signature(sig);
	if (span_len(value) > DKIMSIG_FIELD_MAX) {
		why_set(why, "a field longer than %d bytes cannot be verified here",
			DKIMSIG_FIELD_MAX);
		return AUTH_NEUTRAL;
	}
	if (taglist_parse(&list, value, why) != 0)
		return AUTH_PERMERROR;
	note_refusal(&reader, read_values(&reader, &list), &result, &first);
	for (unsigned i = 0; i < RULES; i++)
		note_refusal(&reader, read_rule(&reader, &rules[i], &list), &result, &first);
	if (result == AUTH_NONE)
		note_refusal(&reader, read_relations(&reader), &result, &first);
	if (result != AUTH_NONE && why != NULL)
		*why = first;
	if (sig->identity_domain == NULL)
		sig->identity_domain = "";
	return result;
}

enum auth_result dkimsig_parse(struct arena *arena, struct span value, struct dkimsig *sig,
			       struct why *why)
{
	return dkimsig_parse_kind(arena, DKIMSIG_DKIM, value, sig, why);
}
