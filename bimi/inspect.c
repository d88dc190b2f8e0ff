/* SPDX-License-Identifier: BSD-2-Clause */
#include "bimi/inspect.h"

#include "bimi/examine.h"
#include "bimi/revocation.h"

struct inspection {
	const struct inspect_tools *tools;
	const struct bimi_offer *offer;
	struct bimi_findings *findings;
	struct bimi_evidence evidence;
};

/* What cannot be fetched is a finding of REFUSED, or of FAILED where it may be there later. */
static bool fetch_file(const struct inspection *in, enum obtain_kind kind, const char *uri,
		       enum bimi_rule refused, enum bimi_rule failed, struct span *bytes)
{
	struct why why = {""};
	enum obtain_outcome outcome =
	    bimi_obtain(&in->tools->web, kind, uri, in->findings->arena, bytes, &why);

	if (outcome == OBTAINED)
		return true;
	bimi_found(in->findings, outcome == OBTAIN_REFUSED ? refused : failed, 0, "%.200s: %s", uri,
		   why.text);
	return false;
}

static int examine_file(struct bimi_findings *findings, enum bimi_kind kind,
			const struct bimi_evidence *evidence, struct why *why)
{
	struct bimi_findings *found = arena_make(findings->arena, struct bimi_findings);

	bimi_findings_init(found, findings->arena);
	if (bimi_examine(kind, evidence, found, why) == -1)
		return -1;
	bimi_findings_add(findings, found);
	return 0;
}

static int inspect_logo(struct inspection *in, struct why *why)
{
	struct bimi_evidence logo = {.pem = span_of("")};

	if (!fetch_file(in, OBTAIN_LOGO, in->offer->location, BIMI_LOGO_FETCH,
			BIMI_LOGO_UNREACHABLE, &logo.pem))
		return 0;
	in->evidence.logo = logo.pem;
	return examine_file(in->findings, BIMI_LOGO, &logo, why);
}

int bimi_inspect_evidence(const struct inspect_tools *tools, struct bimi_evidence *evidence,
			  struct bimi_findings *findings, struct why *why)
{
	unsigned faults = bimi_count(findings, BIMI_FAULT);

	if (examine_file(findings, BIMI_CERTIFICATE, evidence, why) == -1)
		return -1;
	if (span_empty(evidence->roots) || bimi_count(findings, BIMI_FAULT) > faults)
		return 0;
	return evidence->list_count > 0 ? examine_file(findings, BIMI_REVOCATION, evidence, why)
					: bimi_revocation_inspect(tools, evidence, findings, why);
}

static int inspect_certificate(struct inspection *in, struct why *why)
{
	if (!fetch_file(in, OBTAIN_CERTIFICATE, in->offer->authority, BIMI_CERTIFICATE_FETCH,
			BIMI_CERTIFICATE_UNREACHABLE, &in->evidence.pem))
		return 0;
	return bimi_inspect_evidence(in->tools, &in->evidence, in->findings, why);
}

int bimi_inspect(const struct inspect_tools *tools, const struct bimi_offer *offer,
		 struct bimi_findings *findings, struct why *why)
{
	struct inspection in = {.tools = tools,
				.offer = offer,
				.findings = findings,
				.evidence = {.pem = span_of(""),
					     .roots = tools->roots,
					     .logs = tools->logs,
					     .domain = offer->domain,
					     .organization = offer->organization,
					     .selector = offer->selector,
					     .logo = span_of(""),
					     .now = tools->now}};

	if (*offer->location != '\0' && inspect_logo(&in, why) == -1)
		return -1;
	return *offer->authority == '\0' ? 0 : inspect_certificate(&in, why);
}
