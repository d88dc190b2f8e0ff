/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The SPF record of a name as a whole: what the evaluator itself says of each term, once for a
 * client with IPv4 and once for one with IPv6, and how many addresses it lets send.
 */
#include <stdlib.h>
#include <string.h>

#include "audit/look.h"
#include "mail/domain.h"
#include "policy/spf/eval.h"
#include "policy/spf/spf.h"

struct survey {
	const struct look *look;
	struct audit_spf *spf;
	bool second; /* the one with IPv6: its terms are the same, in the same order */
	unsigned at;
};

static void add_term(struct survey *survey, const struct spf_survey_term *told)
{
	struct arena *arena = survey->look->arena;
	struct audit_spf *spf = survey->spf;

	spf->terms[spf->term_count++] =
	    (struct audit_term){.domain = arena_string(arena, told->domain),
				.text = arena_span(arena, told->term.text),
				.kind = told->term.kind,
				.qualifier = told->term.qualifier,
				.depth = told->depth,
				.lookups = told->lookups,
				.bits4 = told->term.bits4,
				.is_void = told->is_void,
				.varies = told->varies,
				.loops = told->loops,
				.temporary = told->temporary,
				.fault = arena_string(arena, told->fault)};
	if (told->depth == 0 && told->term.kind == SPF_TERM_ALL)
		spf->all = told->term.qualifier;
	spf->unknown |= told->temporary;
	if (told->is_void && !told->varies)
		spf->voids++;
}

static void take_term(void *arg, const struct spf_survey_term *told)
{
	struct survey *survey = arg;
	struct audit_spf *spf = survey->spf;

	if (!survey->second) {
		if (spf->term_count < AUDIT_TERMS_MAX)
			add_term(survey, told);
		return;
	}
	if (told->is_void && !told->varies)
		spf->voids6++;
	if (survey->at < spf->term_count)
		spf->terms[survey->at++].void6 = told->is_void;
}

/* The client's address only says which type is asked for: no term that matches ends a survey. */
static unsigned survey_record(const struct look *look, const char *name, struct audit_spf *spf,
			      const char *client)
{
	struct survey survey = {look, spf, strchr(client, ':') != NULL, 0};
	const struct spf_survey told = {take_term, &survey};
	struct spf_request request = {.scope = SPF_SCOPE_HELO,
				      .helo = name,
				      .mail_from = "",
				      .now = look->settings->now,
				      .survey = &told};
	struct spf_verdict verdict;

	(void)ip_parse(span_of(client), &request.client);
	spf_start(look->scope, &request, look->arena);
	spf_check(look->scope, &request, look->arena, &verdict);
	return verdict.terms;
}

/* ---- syntax ---- */

/* Strings of one record are joined without a blank (section 3.3): "... include:a" "ip4:b ...". */
static bool blank_repairs(struct arena *arena, struct span text)
{
	static const char *const starts[] = {"ip4:", "ip6:", "include:", "a:",        "mx:",
					     "-all", "~all", "?all",     "redirect=", "exists:"};
	struct spf_record record;
	struct why why;

	for (size_t i = 0; i < sizeof starts / sizeof *starts; i++) {
		size_t length = strlen(starts[i]);

		for (const char *p = text.p + 1; p + length <= text.end; p++) {
			const char *fixed;

			if (memcmp(p, starts[i], length) != 0 || p[-1] == ' ' || p[-1] == '+' ||
			    p[-1] == '-')
				continue;
			fixed = arena_printf(arena, "%.*s %.*s", (int)(p - text.p), text.p,
					     (int)(text.end - p), p);
			if (spf_record_parse(span_of(fixed), &record, &why) == 0)
				return true;
		}
	}
	return false;
}

static void read_records(const struct look *look, struct audit_spf *spf)
{
	struct spf_record record;
	struct why why;

	for (unsigned i = 0; i < spf->txt.count; i++) {
		struct span text = look_text(&spf->txt.records[i]);

		if (spf_record_is(text)) {
			spf->count++;
			spf->record = arena_span(look->arena, text);
		} else if (span_istarts(span_trim(text), "v=spf1")) {
			spf->blank_first |= char_is_space((unsigned char)*text.p);
		}
	}
	if (spf->count != 1) {
		spf->record = NULL;
		return;
	}
	if (spf_record_parse(span_of(spf->record), &record, &why) == 0)
		return;
	spf->syntax = arena_string(look->arena, why.text);
	spf->split = blank_repairs(look->arena, span_of(spf->record));
}

/* ---- addresses ---- */

struct range {
	uint64_t first, last;
};

static int compare_ranges(const void *a, const void *b)
{
	const struct range *x = a, *y = b;

	return x->first < y->first ? -1 : x->first > y->first;
}

static uint64_t count_addresses(struct range *ranges, unsigned count)
{
	uint64_t total = 0, next = 0;

	qsort(ranges, count, sizeof *ranges, compare_ranges);
	for (unsigned i = 0; i < count; i++) {
		uint64_t first = ranges[i].first > next ? ranges[i].first : next;

		if (ranges[i].last < first)
			continue;
		total += ranges[i].last - first + 1;
		next = ranges[i].last + 1;
	}
	return total;
}

/* "ip4:192.0.2.0/24" as the range that it stands for. */
static bool read_range(const struct audit_term *term, struct range *range)
{
	struct ip_network network;
	struct span text = span_of(term->text);
	uint32_t first = 0, mask;

	if (term->kind != SPF_TERM_IP4 || term->qualifier != '+')
		return false;
	text.p += *text.p == '+';
	text.p += strlen("ip4:");
	if (!ip_network_parse(text, &network) || network.ip.family != 4)
		return false;
	mask = network.bits == 0 ? 0 : UINT32_MAX << (32 - network.bits);
	for (unsigned i = 0; i < 4; i++)
		first = first << 8 | network.ip.bytes[i];
	*range = (struct range){first & mask, (first & mask) | ~mask};
	return true;
}

/* Those that the domain's own records name, and those of records of others that it includes. */
static void measure_width(const char *name, struct audit_spf *spf)
{
	struct range own[AUDIT_TERMS_MAX] = {{0, 0}}, included[AUDIT_TERMS_MAX] = {{0, 0}};
	unsigned own_count = 0, included_count = 0;

	for (unsigned i = 0; i < spf->term_count; i++) {
		const struct audit_term *term = &spf->terms[i];

		if (domain_within(term->domain, name))
			own_count += read_range(term, &own[own_count]);
		else
			included_count += read_range(term, &included[included_count]);
	}
	spf->own = count_addresses(own, own_count);
	spf->included = count_addresses(included, included_count);
}

void look_spf(const struct look *look, const char *name, struct audit_spf *spf)
{
	spf->txt = look_ask(look, name, DNS_TYPE_TXT);
	read_records(look, spf);
	if (spf->record == NULL || spf->syntax != NULL)
		return;
	spf->lookups = survey_record(look, name, spf, "0.0.0.0");
	(void)survey_record(look, name, spf, "::");
	measure_width(name, spf);
}
