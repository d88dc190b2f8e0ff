/* SPDX-License-Identifier: BSD-2-Clause */
#include "bimi/judge.h"

#include <string.h>

#include "lib/codec/base64.h"
#include "lib/crypto/hash.h"

/* The first finding of WEIGHT that counts, or NULL. Where mark roots were not given, it does not
 * count that there are none. */
static const struct bimi_finding *find_first(const struct bimi_findings *findings,
					     enum bimi_weight weight, bool has_roots)
{
	for (unsigned i = 0; i < findings->count; i++)
		if (bimi_rule_weight(findings->items[i].rule) == weight &&
		    (has_roots || findings->items[i].rule != BIMI_CERTIFICATE_NO_ROOTS))
			return &findings->items[i];
	return NULL;
}

/* All rules about certificates have names that begin so. */
static bool refuses_certificate(const struct bimi_findings *findings)
{
	for (unsigned i = 0; i < findings->count; i++)
		if (bimi_rule_weight(findings->items[i].rule) == BIMI_FAULT &&
		    span_istarts(span_of(bimi_rule_name(findings->items[i].rule)), "certificate."))
			return true;
	return false;
}

static const char *find_fact(const struct bimi_findings *findings, const char *name)
{
	for (unsigned i = 0; i < findings->fact_count; i++)
		if (strcmp(findings->facts[i].name, name) == 0)
			return findings->facts[i].text;
	return "";
}

static const char *digest_text(struct arena *arena, const char *indicator)
{
	uint8_t digest[CRYPT_DIGEST_LEN];
	const uint8_t *svg;
	size_t length;
	struct buf out;

	if (!base64_decode(arena, span_of(indicator), &svg, &length))
		return NULL;
	crypt_sha256(svg, length, digest);
	buf_init(&out, arena, 0);
	for (unsigned i = 0; i < sizeof digest; i++)
		buf_printf(&out, "%02x", digest[i]);
	return buf_text(&out);
}

static void set_state(struct bimi_known *out, enum bimi_state state, const char *why)
{
	*out = (struct bimi_known){
	    .state = state, .mark_type = "", .digest = "", .indicator = "", .why = why};
}

static void explain_finding(const struct bimi_findings *findings, enum bimi_state state,
			    const struct bimi_finding *finding, struct bimi_known *out)
{
	set_state(
	    out, state,
	    arena_printf(findings->arena, "%s: %s", bimi_rule_name(finding->rule), finding->text));
}

void bimi_judge(const struct bimi_findings *findings, const struct bimi_offer *offer,
		bool has_roots, struct bimi_known *out)
{
	const struct bimi_finding *fault = find_first(findings, BIMI_FAULT, has_roots);
	const struct bimi_finding *unchecked = find_first(findings, BIMI_UNCHECKED, has_roots);
	const char *digest;

	if (fault != NULL) {
		explain_finding(findings, BIMI_BAD, fault, out);
		out->refused = refuses_certificate(findings);
		return;
	}
	if (unchecked != NULL) {
		explain_finding(findings, BIMI_UNAVAILABLE, unchecked, out);
		return;
	}
	digest =
	    findings->indicator == NULL ? NULL : digest_text(findings->arena, findings->indicator);
	if (digest == NULL) {
		set_state(out, BIMI_BAD, "the logo is missing");
		return;
	}
	set_state(out, BIMI_GOOD, "");
	out->until = findings->until;
	out->certified = has_roots && *offer->authority != '\0';
	out->mark_type = out->certified ? find_fact(findings, "mark_type") : "";
	out->digest = digest;
	out->indicator = findings->indicator;
}
