/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Only as far as it takes to know whose field it is or what it says, and strictly (mail/cfws.h):
 * what readers could take differently makes the field unreadable.
 */
#include "mail/authres_read.h"

#include <assert.h>
#include <string.h>

#include "lib/buf.h"
#include "mail/cfws.h"
#include "mail/domain.h"
#include "mail/taglist.h"

enum { RESULTS_MAX = 100, PROPERTIES_MAX = 16 /* of one result */ };

/* RFC 2045 section 5.1: token = 1*<any CHAR except SPACE, CTLs, or tspecials> */
static bool is_token_char(int c)
{
	return c > ' ' && c < 127 && strchr("()<>@,;:\\\"/[]?=", c) == NULL;
}

bool authres_is_token(struct span s)
{
	for (const char *p = s.p; p < s.end; p++)
		if (!is_token_char((unsigned char)*p))
			return false;
	return !span_empty(s);
}

/* value = token / quoted-string; UTF-8 may be in both (RFC 8601 section 2.5) */
static bool take_value(struct span *rest, struct buf *out)
{
	if (rest->p < rest->end && *rest->p == '"')
		return cfws_take_enclosed(rest, '"', out);
	while (rest->p < rest->end &&
	       (is_token_char((unsigned char)*rest->p) || (unsigned char)*rest->p > 127))
		buf_char(out, *rest->p++);
	return out->len > 0;
}

/* authres-version = 1*DIGIT: only 1 is known. */
static bool take_version(struct span *rest)
{
	struct span digits = {rest->p, rest->p};
	uint64_t version;

	while (rest->p < rest->end && char_is_digit((unsigned char)*rest->p))
		rest->p++;
	digits.end = rest->p;
	return span_empty(digits) || (span_number(digits, 1, &version) && version == 1);
}

/* The results themselves: every reader must find the same tokens. */
static bool skip_results(struct span *rest)
{
	while (rest->p < rest->end) {
		if (!cfws_skip(rest, NULL))
			return false;
		if (rest->p == rest->end)
			break;
		if (*rest->p == '"') {
			if (!cfws_take_enclosed(rest, '"', NULL))
				return false;
		} else if (cfws_is_control((unsigned char)*rest->p)) {
			return false;
		} else {
			rest->p++;
		}
	}
	return true;
}

/* authres-payload = [CFWS] authserv-id [ CFWS authres-version ] ( no-result / 1*resinfo ) [CFWS];
 * both no-result and resinfo begin with [CFWS] ";" */
static bool read_id(struct span value, struct buf *id)
{
	bool any;

	if (!cfws_skip(&value, NULL) || !take_value(&value, id) || !cfws_skip(&value, &any))
		return false;
	if (any && (!take_version(&value) || !cfws_skip(&value, NULL)))
		return false;
	return value.p < value.end && *value.p == ';' && skip_results(&value);
}

static struct span without_dot(struct span name)
{
	if (!span_empty(name) && name.end[-1] == '.')
		name.end--;
	return name;
}

static bool has_non_ascii(struct span s)
{
	for (const char *p = s.p; p < s.end; p++)
		if ((unsigned char)*p > 127)
			return true;
	return false;
}

/* An id beyond ASCII is a domain name with U-labels (RFC 8601 section 2.5) or it is unreadable: a
 * reader that takes U+00A0 for a blank, or drops a byte that is not UTF-8, finds another id. */
static bool is_same_id(struct span theirs, struct span ours)
{
	struct arena *arena;
	const char *one, *two;
	bool same;

	if (span_isame(theirs, ours))
		return true;
	if (!has_non_ascii(theirs) && !has_non_ascii(ours))
		return false;
	arena = arena_new(0);
	one = domain_to_ascii(arena, theirs);
	two = domain_to_ascii(arena, ours);
	same = one == NULL ? has_non_ascii(theirs) : two != NULL && strcmp(one, two) == 0;
	arena_free(arena);
	return same;
}

bool authres_is_ours(struct span value, const char *ours)
{
	bool result = true;
	struct buf id;

	buf_init(&id, NULL, 0);
	if (read_id(value, &id))
		result =
		    is_same_id(without_dot(span_trim(buf_view(&id))), without_dot(span_of(ours)));
	buf_free(&id);
	return result;
}

/* ---- reading results ---- */

struct reader {
	struct arena *arena;
	struct span rest;
};

/* CHAR with [CFWS] around it. */
static bool take_char(struct reader *r, char c)
{
	if (!cfws_skip(&r->rest, NULL) || r->rest.p == r->rest.end || *r->rest.p != c)
		return false;
	r->rest.p++;
	return cfws_skip(&r->rest, NULL);
}

static bool is_at(const struct reader *r, char c)
{
	return r->rest.p < r->rest.end && *r->rest.p == c;
}

/* Keyword = Ldh-str; properties have "-" and "_" in them too. */
static const char *take_word(struct reader *r)
{
	struct span word = {r->rest.p, r->rest.p};

	while (r->rest.p < r->rest.end &&
	       (char_is_alnum((unsigned char)*r->rest.p) || *r->rest.p == '-' || *r->rest.p == '_'))
		r->rest.p++;
	word.end = r->rest.p;
	return span_empty(word) ? NULL : arena_lower(r->arena, word);
}

/* pvalue = [CFWS] ( value / [ [ local-part ] "@" ] domain-name ) [CFWS] */
static const char *take_pvalue(struct reader *r)
{
	struct buf text;

	buf_init(&text, r->arena, 0);
	if (!cfws_skip(&r->rest, NULL))
		return NULL;
	if (is_at(r, '"') && !cfws_take_enclosed(&r->rest, '"', &text))
		return NULL;
	for (; r->rest.p < r->rest.end; r->rest.p++) {
		unsigned char c = (unsigned char)*r->rest.p;

		if (char_is_space(c) || c == ';' || c == '(')
			break;
		if (cfws_is_control(c) || c == '"')
			return NULL;
		buf_char(&text, (char)c);
	}
	return buf_text(&text);
}

/* propspec = ptype [CFWS] "." [CFWS] property [CFWS] "=" pvalue; reasonspec looks like one without
 * a ptype */
static bool take_property(struct reader *r, struct authres_property *out)
{
	const char *word = take_word(r);

	out->ptype = "";
	if (word == NULL || !cfws_skip(&r->rest, NULL))
		return false;
	if (is_at(r, '.')) {
		out->ptype = word;
		if (!take_char(r, '.') || (word = take_word(r)) == NULL)
			return false;
	}
	out->name = word;
	if (!take_char(r, '='))
		return false;
	out->value = take_pvalue(r);
	return out->value != NULL && cfws_skip(&r->rest, NULL);
}

/* method = Keyword [ [CFWS] "/" [CFWS] method-version ] */
static bool take_method(struct reader *r, struct authres_result *out)
{
	out->method = take_word(r);
	if (out->method == NULL || !cfws_skip(&r->rest, NULL))
		return false;
	if (is_at(r, '/') && (!take_char(r, '/') || take_word(r) == NULL))
		return false;
	if (!take_char(r, '='))
		return false;
	out->result = take_word(r);
	return out->result != NULL && cfws_skip(&r->rest, NULL);
}

/* resinfo = [CFWS] ";" methodspec [ CFWS reasonspec ] [ CFWS 1*propspec ] */
static bool take_result(struct reader *r, struct authres_result *out)
{
	struct authres_property *properties =
	    arena_array(r->arena, PROPERTIES_MAX, sizeof *properties);

	if (!take_method(r, out))
		return false;
	out->properties = properties;
	while (r->rest.p < r->rest.end && !is_at(r, ';')) {
		if (out->property_count == PROPERTIES_MAX ||
		    !take_property(r, &properties[out->property_count++]))
			return false;
	}
	return true;
}

/* authserv-id [ CFWS authres-version ], up to the first ";" */
static bool take_head(struct reader *r)
{
	struct buf id;
	bool any;

	buf_init(&id, r->arena, 0);
	if (!cfws_skip(&r->rest, NULL) || !take_value(&r->rest, &id) || !cfws_skip(&r->rest, &any))
		return false;
	return !any || (take_version(&r->rest) && cfws_skip(&r->rest, NULL));
}

bool authres_parse(struct arena *arena, struct span value, struct authres_results *out)
{
	struct reader r = {arena, value};
	struct authres_result *items = arena_array(arena, RESULTS_MAX, sizeof *items);

	*out = (struct authres_results){items, 0};
	if (!take_head(&r))
		return false;
	while (is_at(&r, ';')) {
		if (!take_char(&r, ';'))
			return false;
		if (r.rest.p == r.rest.end) /* a ";" at the end, as some write */
			break;
		if (span_istarts(r.rest, "none") && out->count == 0) {
			r.rest.p += strlen("none");
			return cfws_skip(&r.rest, NULL) && r.rest.p == r.rest.end;
		}
		if (out->count == RESULTS_MAX || !take_result(&r, &items[out->count++]))
			return false;
	}
	return r.rest.p == r.rest.end;
}

const struct authres_result *authres_find(const struct authres_results *results, const char *method)
{
	for (unsigned i = 0; i < results->count; i++)
		if (strcmp(results->items[i].method, method) == 0)
			return &results->items[i];
	return NULL;
}

const char *authres_value(const struct authres_result *result, const char *ptype, const char *name)
{
	for (unsigned i = 0; i < result->property_count; i++)
		if (strcmp(result->properties[i].ptype, ptype) == 0 &&
		    strcmp(result->properties[i].name, name) == 0)
			return result->properties[i].value;
	return NULL;
}

/* arc-info = instance [CFWS] ";" authres-payload;
 * instance = [CFWS] %s"i" [CFWS] "=" [CFWS] position */
unsigned authres_instance(struct span *value)
{
	struct reader r = {NULL, *value};
	struct span digits;
	unsigned instance = 0;

	if (!take_char(&r, 'i') || !take_char(&r, '='))
		return 0;
	assert(r.rest.p <= r.rest.end);
	digits = (struct span){r.rest.p, r.rest.p};
	while (r.rest.p < r.rest.end && char_is_digit((unsigned char)*r.rest.p))
		r.rest.p++;
	digits.end = r.rest.p;
	instance = taglist_instance(digits);
	if (instance == 0 || !take_char(&r, ';'))
		return 0;
	*value = r.rest;
	return instance;
}
