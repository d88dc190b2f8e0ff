/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The parts of RFC 7208 on which engines cannot differ: who is checked (section 4.3), which record
 * it has (4.4, 4.5), what a name expands to (7), how much may be asked (4.6.4), what is explained
 * (6.2). The order of the terms and what follows from a match is not here but in spf.c (ours) and
 * in libspf2.
 *
 * Two readings of section 4.6.4 that the text leaves open. A void lookup is counted once for a
 * term ("limit the number of "terms" for which DNS queries return ..."): an mx of three hosts
 * without IPv6 addresses is one, not three, to an IPv6 client. And %{p} costs a term of its own,
 * because its PTR query "is included in the overall limit".
 */
#include "policy/spf/eval.h"

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "mail/domain.h"
#include "policy/spf/iprev.h"

void spf_eval_why(struct spf_eval *eval, const char *format, ...)
{
	va_list ap;

	va_start(ap, format);
	eval->out->why = arena_vprintf(eval->arena, format, ap);
	va_end(ap);
}

void spf_eval_trace(const struct spf_eval *eval, const char *format, ...)
{
	struct buf line;
	va_list ap;

	if (eval->request->trace == NULL)
		return;
	buf_init(&line, NULL, 0);
	for (unsigned i = 0; i < eval->depth; i++)
		buf_string(&line, "  ");
	va_start(ap, format);
	buf_vprintf(&line, format, ap);
	va_end(ap);
	eval->request->trace(eval->request->trace_arg, buf_text(&line));
	buf_free(&line);
}

enum dns_type spf_address_type(const struct ip *client)
{
	return client->family == 6 ? DNS_TYPE_AAAA : DNS_TYPE_A;
}

struct ip spf_address(const struct dns_record *record, enum dns_type type)
{
	return ip_from_bytes(record->address, type == DNS_TYPE_AAAA ? 16 : 4);
}

/* Text of any origin in the arena, as one printable line. */
static const char *copy_printable(struct arena *arena, struct span text, size_t max)
{
	char *copy;

	if (span_len(text) > max)
		text.end = text.p + max;
	copy = arena_span(arena, text);
	for (size_t i = 0; i < span_len(text); i++) {
		if (copy[i] < 0x20 || copy[i] > 0x7e)
			copy[i] = '?';
	}
	return copy;
}

/* ---- the identity ---- */

static bool is_ascii(const char *text)
{
	for (; *text != '\0'; text++) {
		if ((unsigned char)*text > 127)
			return false;
	}
	return true;
}

/* Section 2.4: the null sender is postmaster at the HELO domain; 4.3: no local part, likewise. */
static void set_sender(struct arena *arena, const struct spf_request *request, bool from_helo,
		       struct spf_macro_values *values)
{
	const char *at = from_helo ? NULL : strrchr(request->mail_from, '@');

	values->local = "postmaster";
	if (at != NULL && at > request->mail_from)
		values->local = arena_span(arena, (struct span){request->mail_from, at});
	values->local_is_eai = !is_ascii(values->local);
	values->sender = arena_printf(arena, "%s@%s", values->local, values->domain);
	values->sender_domain = values->domain;
}

/* %{h} is what was given; U-labels as the DNS has them (RFC 8616 section 4). */
static const char *helo_value(struct arena *arena, const char *helo)
{
	const char *ascii = is_ascii(helo) ? NULL : domain_to_ascii(arena, span_of(helo));

	return ascii == NULL ? helo : ascii;
}

/* Section 4.3: "malformed ... or is not a multi-label domain name" */
const char *spf_eval_identity(struct arena *arena, const struct spf_request *request,
			      struct spf_macro_values *values)
{
	bool from_helo = request->scope == SPF_SCOPE_HELO || *request->mail_from == '\0';
	const char *text = from_helo ? request->helo : request->mail_from;
	const char *domain =
	    from_helo ? domain_to_ascii(arena, span_of(text)) : domain_of_address(arena, text);
	char shown[SPF_SHOW_MAX];

	memset(values, 0, sizeof *values);
	values->domain = domain == NULL ? "" : domain;
	if (request->client.family == 0)
		return "the client has no IP address";
	if (domain == NULL || domain_labels(domain) < 2)
		return arena_printf(
		    arena, "%s \"%s\" has no domain to ask for (RFC 7208 section 4.3)",
		    from_helo ? "HELO" : "MAIL FROM", spf_show(span_of(text), shown));
	set_sender(arena, request, from_helo, values);
	values->helo = helo_value(arena, request->helo);
	values->receiver = request->receiver;
	values->client = request->client;
	values->now = request->now;
	return NULL;
}

bool spf_eval_begin(struct spf_eval *eval, struct dns_scope *scope,
		    const struct spf_request *request, struct arena *arena, struct spf_verdict *out)
{
	char client[IP_TEXT_MAX], sender[SPF_SHOW_MAX];

	memset(eval, 0, sizeof *eval);
	eval->scope = scope;
	eval->request = request;
	eval->arena = arena;
	eval->out = out;
	memset(out, 0, sizeof *out);
	out->scope = request->scope;
	out->result = AUTH_NONE;
	out->why = spf_eval_identity(arena, request, &eval->values);
	out->domain = eval->values.domain;
	if (out->why != NULL) {
		spf_eval_trace(eval, "none: %s", out->why);
		return false;
	}
	out->why = "";
	spf_eval_trace(eval, "check_host(%s, %s, %s) for the %s identity",
		       ip_text(&request->client, client), out->domain,
		       spf_show(span_of(eval->values.sender), sender), spf_scope_text(out->scope));
	return true;
}

/* The results are what sections 8.1 to 8.7 are about. */
void spf_eval_end(const struct spf_eval *eval)
{
	static const int sections[] = {
	    [AUTH_NONE] = 1,     [AUTH_NEUTRAL] = 2,   [AUTH_PASS] = 3,      [AUTH_FAIL] = 4,
	    [AUTH_SOFTFAIL] = 5, [AUTH_TEMPERROR] = 6, [AUTH_PERMERROR] = 7, [AUTH_POLICY] = 0,
	};

	assert(sections[eval->out->result] > 0);
	spf_eval_trace(eval, "%s (RFC 7208 section 8.%d): %s", auth_text(eval->out->result),
		       sections[eval->out->result], eval->out->why);
}

/* ---- the record ---- */

unsigned spf_eval_select(const struct dns_answer *answer, struct span *text)
{
	unsigned count = 0;

	for (unsigned i = 0; i < answer->count; i++) {
		struct span record = span_make(answer->records[i].text, answer->records[i].length);

		if (spf_record_is(record)) {
			*text = record;
			count++;
		}
	}
	return count;
}

static bool multi_label(const char *name)
{
	return spf_macro_name_ok(span_of(name)) && strchr(name, '.') != NULL;
}

static enum auth_result no_record(struct spf_eval *eval, const char *domain, const char *what)
{
	spf_eval_why(eval, "%s %s (RFC 7208 section 4.5)", domain, what);
	return AUTH_NONE;
}

static enum auth_result parse_record(struct spf_eval *eval, const char *domain, struct span text,
				     struct spf_record *record)
{
	struct why why;

	if (eval->out->record == NULL)
		eval->out->record = copy_printable(eval->arena, text, span_len(text));
	if (eval->request->trace != NULL)
		spf_eval_trace(eval, "record of %s: %s", domain,
			       copy_printable(eval->arena, text, span_len(text)));
	if (spf_record_parse(text, record, &why) < 0) {
		spf_eval_why(eval, "the record of %s: %s", domain, why.text);
		return AUTH_PERMERROR;
	}
	return AUTH_PASS;
}

enum auth_result spf_eval_record(struct spf_eval *eval, const char *domain,
				 struct spf_record *record)
{
	const struct dns_answer *answer;
	struct span text;
	unsigned count;

	if (!multi_label(domain)) {
		spf_eval_why(eval, "\"%s\" is not a domain with a record (RFC 7208 section 4.3)",
			     domain);
		return AUTH_NONE;
	}
	answer = dns_wait(dns_start(eval->scope, domain, DNS_TYPE_TXT));
	switch (answer->status) {
	case DNS_TEMPFAIL:
		spf_eval_why(eval, "TXT of %s: %s (RFC 7208 section 4.4)", domain, answer->reason);
		return AUTH_TEMPERROR;
	case DNS_NXDOMAIN:
		return no_record(eval, domain, "does not exist");
	case DNS_NODATA:
		return no_record(eval, domain, "has no SPF record");
	case DNS_DATA:
		break;
	}
	count = spf_eval_select(answer, &text);
	if (count == 0)
		return no_record(eval, domain, "has no SPF record");
	if (count == 1)
		return parse_record(eval, domain, text, record);
	spf_eval_why(eval, "%s has %u SPF records (RFC 7208 section 4.5)", domain, count);
	return AUTH_PERMERROR;
}

/* ---- limits, names, lookups ---- */

bool spf_eval_charge(struct spf_eval *eval, struct span spec)
{
	eval->void_counted = false;
	eval->out->terms += 1 + spf_macro_uses(spec, "p");
	if (eval->out->terms <= (eval->request->survey != NULL ? SPF_SURVEY_TERMS : SPF_TERMS_MAX))
		return true;
	spf_eval_why(eval,
		     "more than %d terms need a lookup: the record of %s exceeds the limit "
		     "(RFC 7208 section 4.6.4)",
		     SPF_TERMS_MAX, eval->out->domain);
	return false;
}

/* How well a name suits as %{p}: 0 is best. */
static unsigned name_rank(const char *name, const char *domain)
{
	if (domain_equal(name, domain))
		return 0;
	return domain_is_below(name, domain) ? 1 : 2;
}

/*
 * Section 7.2, "p": "If the <domain> is present in the list of validated domains, it SHOULD be
 * used. Otherwise, if a subdomain of the <domain> is present, it SHOULD be used. Otherwise, any
 * name from the list can be used."
 */
static const char *validated_name(struct spf_eval *eval)
{
	struct iprev_names names;

	iprev_names(eval->scope, &eval->values.client, &names);
	for (unsigned rank = 0; rank < 3; rank++) {
		for (unsigned i = 0; i < names.count; i++) {
			if (name_rank(names.name[i], eval->values.domain) == rank &&
			    iprev_has(eval->scope, &eval->values.client, names.name[i]) == DNS_DATA)
				return names.name[i];
		}
	}
	return NULL;
}

enum spf_name spf_eval_name(struct spf_eval *eval, struct span spec, const char **name)
{
	enum spf_name result;
	struct buf out;

	*name = eval->values.domain;
	assert(eval->values.domain != NULL);
	if (span_empty(spec))
		return SPF_NAME_OK;
	if (spf_macro_uses(spec, "p"))
		eval->values.validated = validated_name(eval);
	buf_init(&out, eval->arena, 0);
	result = spf_macro_name(&out, spec, &eval->values);
	if (result == SPF_NAME_OK) {
		*name = buf_text(&out);
		return result;
	}
	spf_eval_trace(eval, "  %s (RFC %s)",
		       result == SPF_NAME_MALFORMED
			   ? "expands to something that is not a domain name"
			   : "the local part is not ASCII: no match",
		       result == SPF_NAME_MALFORMED ? "7208 section 4.8" : "8616 section 4");
	return result;
}

static enum spf_match count_void(struct spf_eval *eval, const char *name, enum dns_type type)
{
	if (eval->void_counted)
		return SPF_MATCH_NO;
	eval->void_counted = true;
	if (++eval->out->voids <= SPF_VOIDS_MAX || eval->request->survey != NULL)
		return SPF_MATCH_NO;
	spf_eval_why(eval,
		     "more than %d terms ask for what does not exist, the last for %s %s "
		     "(RFC 7208 section 4.6.4)",
		     SPF_VOIDS_MAX, dns_type_text(type), name);
	return SPF_MATCH_PERMERROR;
}

enum spf_match spf_eval_lookup(struct spf_eval *eval, const char *name, enum dns_type type,
			       const struct dns_answer **answer)
{
	*answer = dns_wait(dns_start(eval->scope, name, type));
	spf_eval_trace(eval, "  %s %s: %s, %u record%s%s%s", dns_type_text(type), name,
		       dns_status_text((*answer)->status), (*answer)->count,
		       (*answer)->count == 1 ? "" : "s",
		       (*answer)->status == DNS_TEMPFAIL ? ", " : "",
		       (*answer)->status == DNS_TEMPFAIL ? (*answer)->reason : "");
	switch ((*answer)->status) {
	case DNS_DATA:
		return SPF_MATCH_YES;
	case DNS_NODATA:
	case DNS_NXDOMAIN:
		return count_void(eval, name, type);
	case DNS_TEMPFAIL:
		break;
	}
	spf_eval_why(eval, "%s of %s: %s (RFC 7208 section 5)", dns_type_text(type), name,
		     (*answer)->reason);
	return SPF_MATCH_TEMPERROR;
}

/* Section 5.5. An error while looking for names, or for the address of one, does not match. */
enum spf_match spf_eval_ptr(struct spf_eval *eval, const char *domain)
{
	char name[IP_REVERSE_MAX];
	struct iprev_names names;

	ip_reverse(&eval->values.client, name);
	iprev_names(eval->scope, &eval->values.client, &names);
	spf_eval_trace(eval, "  PTR %s: %s, %u names", name, dns_status_text(names.answer->status),
		       names.count);
	if (names.answer->status == DNS_NODATA || names.answer->status == DNS_NXDOMAIN)
		return count_void(eval, name, DNS_TYPE_PTR);
	for (unsigned i = 0; i < names.count; i++) {
		if (!domain_within(names.name[i], domain))
			continue;
		if (iprev_has(eval->scope, &eval->values.client, names.name[i]) == DNS_DATA)
			return SPF_MATCH_YES;
	}
	return SPF_MATCH_NO;
}

/* ---- the explanation ---- */

/* Section 6.2: one TXT record, an explain-string; all else is "as if no exp modifier was given" */
static bool explain_string(struct spf_eval *eval, struct span *text)
{
	const struct dns_answer *answer;
	const char *name, *at;

	if (spf_eval_name(eval, eval->exp, &name) != SPF_NAME_OK)
		return false;
	answer = dns_wait(dns_start(eval->scope, name, DNS_TYPE_TXT));
	spf_eval_trace(eval, "exp: TXT %s: %s, %u record%s (RFC 7208 section 6.2)", name,
		       dns_status_text(answer->status), answer->count,
		       answer->count == 1 ? "" : "s");
	if (answer->count != 1)
		return false;
	*text = span_make(answer->records[0].text, answer->records[0].length);
	return spf_macro_fault(*text, SPF_MACRO_TEXT, &at) == NULL;
}

void spf_eval_explain(struct spf_eval *eval)
{
	struct span text;
	struct buf out;

	if (eval->exp_domain == NULL || span_empty(eval->exp))
		return;
	eval->values.domain = eval->exp_domain;
	if (!explain_string(eval, &text))
		return;
	if (spf_macro_uses(text, "p"))
		eval->values.validated = validated_name(eval);
	buf_init(&out, eval->arena, 8 * SPF_EXPLANATION_MAX);
	if (!spf_macro_expand(&out, text, SPF_MACRO_TEXT, &eval->values))
		return;
	for (size_t i = 0; i < out.len; i++) {
		if (out.data[i] < 0x20 || out.data[i] > 0x7e)
			return; /* a value that is not printable ASCII must not reach the reply */
	}
	if (out.len > SPF_EXPLANATION_MAX)
		out.len = SPF_EXPLANATION_MAX;
	if (out.len > 0)
		eval->out->explanation = buf_text(&out);
}

/* ---- two engines ---- */

enum { ANSWERS_SHOWN = 2000 };

static void put_record(struct buf *out, enum dns_type type, const struct dns_record *record)
{
	char text[IP_TEXT_MAX];
	struct ip ip;

	buf_char(out, ' ');
	if (type == DNS_TYPE_A || type == DNS_TYPE_AAAA) {
		ip = spf_address(record, type);
		buf_string(out, ip_text(&ip, text));
		return;
	}
	buf_char(out, '"');
	for (size_t i = 0; i < record->length; i++)
		buf_char(out,
			 record->text[i] < 0x20 || record->text[i] > 0x7e ? '?' : record->text[i]);
	buf_char(out, '"');
}

/* What DNS said: with it the evaluation can be done again. */
static void put_lookup(void *arg, const char *name, enum dns_type type,
		       const struct dns_answer *answer, bool cached, int64_t start, int64_t end)
{
	struct buf *out = arg;

	(void)cached;
	(void)start;
	(void)end;
	if (answer == NULL || out->len > ANSWERS_SHOWN)
		return;
	buf_printf(out, "; %s %s", dns_type_text(type), name);
	if (answer->status != DNS_DATA)
		buf_printf(out, " (%s)", dns_status_text(answer->status));
	for (unsigned i = 0; i < answer->count && out->len < ANSWERS_SHOWN; i++)
		put_record(out, type, &answer->records[i]);
}

const char *spf_eval_disagreement(struct arena *arena, struct dns_scope *scope,
				  const struct spf_request *request, const struct spf_verdict *ours,
				  const struct spf_verdict *other)
{
	char client[IP_TEXT_MAX], helo[SPF_SHOW_MAX], from[SPF_SHOW_MAX];
	struct buf answers;

	buf_init(&answers, arena, 0);
	dns_scope_each(scope, put_lookup, &answers);
	return arena_printf(
	    arena,
	    "SPF engines disagree: native %s (%.300s), libspf2 %s (%.300s); scope=%s client=%s "
	    "helo=%s "
	    "mail_from=%s%.*s",
	    auth_text(ours->result), ours->why, auth_text(other->result), other->why,
	    spf_scope_text(request->scope), ip_text(&request->client, client),
	    spf_show(span_of(request->helo), helo), spf_show(span_of(request->mail_from), from),
	    ANSWERS_SHOWN, buf_text(&answers));
}
