/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A verdict in RFC 9990's terms. Everything a stranger chose (domains, selectors) becomes clean
 * text here, so that the store and every format can use it as it is.
 */
#include "report/tally.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "lib/clock.h"
#include "lib/utf8.h"
#include "mail/domain.h"
#include "report/json.h"

enum {
	SIGNATURES_MAX = 100, /* section 3.1.3 */
	OTHERS_MAX = 3, /* of signatures that neither passed nor are aligned: anyone can add them */
	COMMENT_MAX = 200,
	ADDRESSES_MAX = 1000 /* of rua= or ruf= */
};

static const struct name_code discovery_names[] = {
    {"treewalk", DMARC_TREEWALK}, {"psl", DMARC_PSL}, {NULL, 0}};

/* TEXT, cut and cleaned if necessary; "" for NULL. */
static const char *clean_text(struct arena *arena, const char *text, size_t max)
{
	struct span s = span_of(text);
	struct buf buf;

	if (span_len(s) > max)
		s.end = s.p + max;
	else if (utf8_is_clean(s))
		return text == NULL ? "" : text;
	buf_init(&buf, arena, 0);
	utf8_clean(&buf, s);
	return buf_text(&buf);
}

/* A list of URIs, as many as fit completely, or NULL. */
static const char *cut_addresses(struct arena *arena, const char *list)
{
	struct span s = span_of(list);

	if (span_len(s) > ADDRESSES_MAX) {
		s.end = s.p + ADDRESSES_MAX;
		while (s.end > s.p && s.end[0] != ',')
			s.end--;
	}
	return list == NULL || span_empty(s)
		   ? NULL
		   : clean_text(arena, arena_span(arena, s), ADDRESSES_MAX);
}

static const char *clean_name(struct arena *arena, const char *name)
{
	return clean_text(arena, name, 255);
}

/* ---- reasons: RFC 9990 section 3.1.6 ---- */

static void add_reason(struct json_writer *list, struct arena *arena, enum override_type type,
		       const char *comment)
{
	json_write_object(list);
	json_write_member(list, "type", name_text(override_names, (int)type));
	if (comment != NULL)
		json_write_member(list, "comment", clean_text(arena, comment, COMMENT_MAX));
}

/* Section 3.1.1.9: there MUST be a reason if alignment fails and the policy applied is not the
 * configured one. The decision gives it; this is the fallback. */
static void add_missing_reason(struct json_writer *list, struct arena *arena,
			       const struct verdict *v)
{
	const struct dmarc_verdict *dmarc = &v->dmarc;

	if (v->decision.override_count > 0 || dmarc->dkim_aligned || dmarc->spf_aligned ||
	    v->decision.disposition == dmarc->policy)
		return;
	if (dmarc->result == AUTH_TEMPERROR)
		add_reason(list, arena, OVERRIDE_OTHER,
			   "temporary error in DNS: no policy was applied");
	else if (dmarc->published->testing)
		add_reason(list, arena, OVERRIDE_POLICY_TEST_MODE, NULL);
	else
		add_reason(list, arena, OVERRIDE_LOCAL_POLICY, NULL);
}

static const char *list_reasons(struct arena *arena, const struct verdict *v)
{
	struct json_writer list;

	json_write_begin(&list, arena);
	for (unsigned i = 0; i < v->decision.override_count && i < OVERRIDES_MAX; i++)
		add_reason(&list, arena, v->decision.overrides[i].type,
			   v->decision.overrides[i].comment);
	add_missing_reason(&list, arena, v);
	return json_write_end(&list);
}

/* ---- signatures: RFC 9990 section 3.1.3 ---- */

struct signature {
	const struct dkim_verdict *dkim;
	unsigned rank;
};

/* It passes in strict alignment, in relaxed alignment, otherwise; it does not pass: aligned, or
 * not. Whether it is aligned was decided elsewhere; this only orders. */
enum { RANK_STRICT = 1, RANK_RELAXED, RANK_PASS, RANK_FAIL, RANK_OTHER };

static unsigned rank_signature(const struct dkim_verdict *dkim, const struct dmarc_verdict *dmarc)
{
	bool passes = dkim->result == AUTH_PASS;

	if (domain_equal(dkim->domain, dmarc->author_domain))
		return passes ? RANK_STRICT : RANK_FAIL;
	if (dmarc->org_domain != NULL && domain_within(dkim->domain, dmarc->org_domain))
		return passes ? RANK_RELAXED : RANK_FAIL;
	return passes ? RANK_PASS : RANK_OTHER;
}

static int compare_signatures(const void *a, const void *b)
{
	const struct signature *x = a, *y = b;
	int order = (int)x->rank - (int)y->rank;

	if (order == 0)
		order = strcmp(x->dkim->domain, y->dkim->domain);
	if (order == 0)
		order = strcmp(x->dkim->selector, y->dkim->selector);
	if (order == 0)
		order = (int)x->dkim->result - (int)y->dkim->result;
	return order;
}

/* RFC 8601 section 2.7.1 has no softfail for DKIM. */
static const char *result_text(enum auth_result result)
{
	return auth_text(result == AUTH_SOFTFAIL ? AUTH_FAIL : result);
}

/* Why it failed; what may hold an address is left out (RFC 9990 section 7.2). */
static const char *make_note(struct arena *arena, enum auth_result result, const char *why)
{
	if (result == AUTH_PASS || why == NULL || strchr(why, '@') != NULL)
		return "";
	return clean_text(arena, why, COMMENT_MAX);
}

/* NULL instead of "": the member is left out. */
static const char *fill_text(const char *text)
{
	return text[0] == '\0' ? NULL : text;
}

/* A signature without a readable d= or s= is useless in a report: left out. */
static unsigned collect_signatures(const struct verdict *v, struct signature *signatures)
{
	unsigned count = 0;

	for (unsigned i = 0; i < v->dkim_count; i++) {
		const struct dkim_verdict *dkim = &v->dkim[i];

		if (dkim->domain[0] == '\0' || dkim->selector[0] == '\0')
			continue;
		signatures[count].dkim = dkim;
		signatures[count++].rank = rank_signature(dkim, &v->dmarc);
	}
	assert(count <= v->dkim_count);
	qsort(signatures, count, sizeof *signatures, compare_signatures);
	for (unsigned i = count; i > OTHERS_MAX && signatures[i - 1].rank == RANK_OTHER &&
				 signatures[i - 1 - OTHERS_MAX].rank == RANK_OTHER;
	     i--)
		count--;
	return count > SIGNATURES_MAX ? SIGNATURES_MAX : count;
}

static void add_signatures(const struct verdict *v, struct arena *arena, struct ledger_row *row)
{
	struct signature *signatures = arena_array(arena, v->dkim_count + 1, sizeof *signatures);
	unsigned count = collect_signatures(v, signatures);
	struct json_writer list, notes;

	json_write_begin(&list, arena);
	json_write_begin(&notes, arena);
	for (unsigned i = 0; i < count; i++) {
		const struct dkim_verdict *dkim = signatures[i].dkim;

		json_write_object(&list);
		json_write_member(&list, "domain", clean_name(arena, dkim->domain));
		json_write_member(&list, "selector", clean_name(arena, dkim->selector));
		json_write_member(&list, "result", result_text(dkim->result));
		json_write_object(&notes);
		json_write_member(&notes, "text",
				  fill_text(make_note(arena, dkim->result, dkim->why)));
	}
	row->dkim = json_write_end(&list);
	row->dkim_notes = json_write_end(&notes);
}

/* ---- the row ---- */

static void set_policy(const struct dmarc_published *published, struct arena *arena,
		       struct ledger_policy *policy)
{
	policy->domain = clean_name(arena, published->domain);
	policy->p = dmarc_policy_text(published->p);
	policy->sp = dmarc_policy_text(published->sp);
	policy->np = dmarc_policy_text(published->np);
	policy->adkim = published->adkim_strict ? "s" : "r";
	policy->aspf = published->aspf_strict ? "s" : "r";
	policy->fo = published->fo == NULL ? "0" : clean_name(arena, published->fo);
	policy->testing = published->testing ? "y" : "n";
	policy->discovery = name_text(discovery_names, (int)published->discovery);
	policy->rua = cut_addresses(arena, published->rua);
	policy->ruf = cut_addresses(arena, published->ruf);
	policy->error =
	    published->faults == NULL ? NULL : clean_text(arena, published->faults, COMMENT_MAX);
}

/* Section 3.1.1.9 and the schema: "pass" is passing under a policy that asks for more than none. */
static const char *choose_disposition(const struct verdict *v)
{
	if (v->dmarc.result == AUTH_PASS)
		return v->dmarc.policy == DMARC_POLICY_NONE ? "none" : "pass";
	return dmarc_policy_text(v->decision.disposition);
}

/* "" for the null sender, whose SPF identity is postmaster@HELO. */
static const char *envelope_from(const struct verdict *v, struct arena *arena)
{
	const char *domain;

	if (v->mail_from == NULL || v->mail_from[0] == '\0')
		return "";
	if (v->spf.domain != NULL && v->spf.domain[0] != '\0')
		return clean_name(arena, v->spf.domain);
	domain = domain_of_address(arena, v->mail_from);
	return domain == NULL ? "" : domain;
}

bool tally_row(const struct verdict *v, const char *rcpt_domain, int64_t received,
	       struct arena *arena, struct ledger_row *row)
{
	const struct dmarc_published *published = v->dmarc.published;
	char source[IP_TEXT_MAX];

	if (published == NULL || published->domain == NULL || published->domain[0] == '\0' ||
	    v->client.family == 0 || v->decision.action == ACTION_TEMPFAIL)
		return false;
	assert(v->dmarc.author_domain != NULL);
	memset(row, 0, sizeof *row);
	row->day = clock_day(received);
	set_policy(published, arena, &row->policy);
	row->source_ip = arena_string(arena, ip_text(&v->client, source));
	row->disposition = choose_disposition(v);
	row->dkim_aligned = v->dmarc.dkim_aligned ? "pass" : "fail";
	row->spf_aligned = v->dmarc.spf_aligned ? "pass" : "fail";
	row->reasons = list_reasons(arena, v);
	row->header_from = clean_name(arena, v->dmarc.author_domain);
	row->envelope_from = envelope_from(v, arena);
	row->envelope_to = clean_name(arena, rcpt_domain);
	add_signatures(v, arena, row);
	row->spf_domain = v->spf.scope == SPF_SCOPE_MFROM ? clean_name(arena, v->spf.domain) : "";
	row->spf_result = auth_text(v->spf.result);
	row->spf_note =
	    row->spf_domain[0] == '\0' ? "" : make_note(arena, v->spf.result, v->spf.why);
	row->count = 1;
	return true;
}
