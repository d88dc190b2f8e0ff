/* SPDX-License-Identifier: BSD-2-Clause */
#include "bimi/evidence.h"

#include <string.h>

#include "lib/codec/gzip.h"
#include "bimi/logo.h"
#include "bimi/logotype.h"
#include "lib/clock.h"
#include "lib/crypto/certificate.h"
#include "lib/crypto/sct.h"

#define MARK_PURPOSE "1.3.6.1.5.5.7.3.31"     /* id-kp-BrandIndicatorforMessageIdentification */
#define MARK_TYPE    "1.3.6.1.4.1.53087.1.13" /* in the subject */
#define PILOT        "1.3.6.1.4.1.53087.4.1"  /* an extension; or, of tests, in the subject */

enum { NAMES_TOLD = BIMI_FACTS_MAX - REVOCATION_LISTS_MAX - 10 /* leaves room for other facts */ };

static const char private_key[] = "PRIVATE KEY-----";

/* ---- the file ---- */

static bool has_text(struct span text, const char *word)
{
	size_t length = strlen(word);

	for (const char *p = text.p; (size_t)(text.end - p) >= length; p++)
		if (memcmp(p, word, length) == 0)
			return true;
	return false;
}

static void check_order(struct bimi_findings *findings, const struct certificates *list)
{
	for (unsigned i = 1; i < certificate_count(list); i++)
		if (!certificate_is_issued(list, i - 1, i))
			bimi_found(findings, BIMI_CERTIFICATE_ORDER, 0,
				   "certificate %u of the file did not issue certificate %u", i + 1,
				   i);
}

static void check_dates(struct bimi_findings *findings, const struct certificates *list,
			int64_t now)
{
	for (unsigned i = 0; i < certificate_count(list); i++) {
		struct certificate one;
		char time[CLOCK_TEXT_MAX];

		certificate_describe(list, i, &one);
		bimi_findings_limit(findings, one.not_after);
		if (one.not_after < now)
			bimi_found(findings, BIMI_CERTIFICATE_DATES, 0,
				   "certificate %u of the file expired on %s", i + 1,
				   clock_utc_text(one.not_after, time));
		else if (one.not_before > now)
			bimi_found(findings, BIMI_CERTIFICATE_DATES, 0,
				   "certificate %u of the file is not valid before %s", i + 1,
				   clock_utc_text(one.not_before, time));
	}
}

/* ---- the mark certificate ---- */

/* The issuer's own purposes, where it has any, limit those of what it issues. */
static void check_purpose(struct bimi_findings *findings, const struct certificates *list)
{
	for (unsigned i = 0; i < 2 && i < certificate_count(list); i++)
		if (!certificate_has_purpose(list, i, MARK_PURPOSE))
			bimi_found(
			    findings, BIMI_CERTIFICATE_PURPOSE, 0,
			    "%s is not for marks: its extended key usage lacks " MARK_PURPOSE,
			    i == 0 ? "the certificate" : "the issuer's certificate");
}

static bool has_name(const struct certificate *leaf, const char *selector, const char *domain,
		     struct arena *arena)
{
	const char *selected = arena_printf(arena, "%s._bimi.%s", selector, domain);

	for (unsigned i = 0; i < leaf->name_count; i++)
		if (span_ieq(span_of(leaf->names[i]), domain) ||
		    span_ieq(span_of(leaf->names[i]), selected))
			return true;
	return false;
}

/* Section "VMC Domain Verification": for the domain of the record or its organizational domain, and
 * either for all selectors or for this one. */
static void check_name(struct bimi_findings *findings, const struct certificate *leaf,
		       const struct bimi_evidence *evidence)
{
	const char *domain = evidence->domain, *org = evidence->organization;
	struct arena *arena = findings->arena;

	if (domain == NULL) {
		bimi_found(findings, BIMI_CERTIFICATE_NO_DOMAIN, 0,
			   "whether it is for your domain has not been checked");
		return;
	}
	if (has_name(leaf, evidence->selector, domain, arena) ||
	    (org != NULL && has_name(leaf, evidence->selector, org, arena)))
		return;
	bimi_found(
	    findings, BIMI_CERTIFICATE_NAME, 0, "it is neither for %s nor for %s._bimi.%s%s%s",
	    domain, evidence->selector, domain,
	    org == NULL || strcmp(org, domain) == 0 ? "" : ", nor for the organizational domain ",
	    org == NULL || strcmp(org, domain) == 0 ? "" : org);
}

/* What an issuer must put into each (draft-fetch-validation-vmc-wchuang). */
static void check_leaf(struct bimi_findings *findings, const struct certificates *list)
{
	const char *mark = certificate_subject_value(list, 0, MARK_TYPE);
	struct span pilot;

	if (mark == NULL)
		bimi_found(findings, BIMI_CERTIFICATE_MARK, 0,
			   "it does not say of what type the mark is");
	else
		bimi_fact(findings, "mark_type", span_of(mark));
	if (certificate_subject_value(list, 0, PILOT) != NULL ||
	    certificate_extension(list, 0, PILOT, &pilot))
		bimi_found(findings, BIMI_CERTIFICATE_MARK, 0,
			   "it is of the pilot program, which ended in March 2025");
}

/* Without known logs, a proof must be there; with them, one of them must have signed it. */
static void check_proofs(struct bimi_findings *findings, const struct certificates *list,
			 const struct bimi_evidence *evidence)
{
	struct sct_logs *logs = NULL;
	struct why why;

	if (!span_empty(evidence->logs) &&
	    sct_logs_read(findings->arena, evidence->logs, &logs, &why) == -1)
		bimi_found(findings, BIMI_CERTIFICATE_NO_LOGS, 0, "the keys of the logs: %s",
			   why.text);
	else if (sct_check(list, logs, evidence->now, &why) == -1)
		bimi_found(findings, BIMI_CERTIFICATE_SCT, 0,
			   "it has no proof that a %scertificate log has it (SCT): %s",
			   logs == NULL ? "" : "known ", why.text);
}

/* Each certificate but a root must say where its list is, or nobody can know that it counts
 * (section "Issuance and Profile Verification"). */
static void find_lists(struct bimi_findings *findings, const struct certificates *list)
{
	const char *uris[REVOCATION_URIS_MAX];

	for (unsigned i = 0; i < certificate_count(list); i++) {
		unsigned count = revocation_uris(list, i, uris);

		if (count == 0 && !revocation_is_root(list, i))
			bimi_found(findings, BIMI_CERTIFICATE_CRL, 0,
				   "certificate %u of the file does not say where to find its "
				   "revocation list",
				   i + 1);
		for (unsigned n = 0; n < count; n++)
			bimi_fact(findings, BIMI_FACT_LIST, span_of(uris[n]));
	}
}

static void check_chain(struct bimi_findings *findings, const struct certificates *list,
			const struct bimi_evidence *evidence)
{
	struct certificates *roots;
	struct why why;

	if (span_empty(evidence->roots))
		bimi_found(findings, BIMI_CERTIFICATE_NO_ROOTS, 0,
			   "whether it leads to a mark root, and whether it has been revoked, has "
			   "not been checked");
	else if (certificate_read(findings->arena, evidence->roots, &roots, &why) == -1)
		bimi_found(findings, BIMI_CERTIFICATE_NO_ROOTS, 0, "the mark roots: %s", why.text);
	else if (certificate_verify(list, roots, evidence->now, &why) == -1)
		bimi_found(findings, BIMI_CERTIFICATE_CHAIN, 0,
			   "it does not lead to one of the mark roots: %s", why.text);
}

/* ---- its logo ---- */

static void check_logo(struct bimi_findings *findings, const struct certificates *list,
		       struct span published)
{
	struct span der, logo, svg;
	struct why why;

	if (!certificate_extension(list, 0, LOGOTYPE_OID, &der)) {
		bimi_found(findings, BIMI_CERTIFICATE_LOGO, 0,
			   "it has no logo (logotype extension)");
		return;
	}
	if (logotype_read(findings->arena, der, &logo, &why) == -1) {
		bimi_found(findings, BIMI_CERTIFICATE_LOGO, 0, "%s", why.text);
		return;
	}
	bimi_logo_check(findings, logo, &svg);
	if (!span_empty(published) && gzip_is(published) &&
	    gzip_inflate(findings->arena, published, BIMI_LOGO_READ_MAX, &published, &why) == -1)
		bimi_found(findings, BIMI_LOGO_GZIP, 0, "the published logo: %s", why.text);
	else if (!span_empty(published) && !span_same(svg, published))
		bimi_found(findings, BIMI_CERTIFICATE_SAME_LOGO, 0,
			   "its logo is not the published one");
}

/* ---- all of it ---- */

static void tell_leaf(struct bimi_findings *findings, const struct certificate *leaf)
{
	char time[CLOCK_TEXT_MAX];

	bimi_fact(findings, "subject", span_of(leaf->subject));
	bimi_fact(findings, "issuer", span_of(leaf->issuer));
	bimi_fact(findings, "not_before", span_of(clock_utc_text(leaf->not_before, time)));
	bimi_fact(findings, "not_after", span_of(clock_utc_text(leaf->not_after, time)));
	for (unsigned i = 0; i < leaf->name_count && i < NAMES_TOLD; i++)
		bimi_fact(findings, "name", span_of(leaf->names[i]));
	if (leaf->name_count > NAMES_TOLD)
		bimi_fact(findings, "name",
			  span_of(arena_printf(findings->arena, "(%u more)",
					       leaf->name_count - NAMES_TOLD)));
}

void bimi_evidence_check(struct bimi_findings *findings, const struct bimi_evidence *evidence)
{
	struct certificates *list;
	struct certificate leaf;
	struct why why;

	if (has_text(evidence->pem, private_key))
		bimi_found(findings, BIMI_CERTIFICATE_PRIVATE_KEY, 0,
			   "the file has a private key, which nobody else may see");
	if (certificate_read(findings->arena, evidence->pem, &list, &why) == -1) {
		bimi_found(findings, BIMI_CERTIFICATE_PEM, 0, "%s", why.text);
		return;
	}
	certificate_describe(list, 0, &leaf);
	tell_leaf(findings, &leaf);
	check_order(findings, list);
	check_dates(findings, list, evidence->now);
	check_purpose(findings, list);
	check_name(findings, &leaf, evidence);
	check_leaf(findings, list);
	check_proofs(findings, list, evidence);
	find_lists(findings, list);
	check_chain(findings, list, evidence);
	check_logo(findings, list, evidence->logo);
}

/* ---- revocation ---- */

void bimi_evidence_check_revoked(struct bimi_findings *findings,
				 const struct bimi_evidence *evidence)
{
	struct certificates *list, *roots;
	enum revocation revocation;
	struct why why;
	int64_t until;

	if (certificate_read(findings->arena, evidence->pem, &list, &why) == -1 ||
	    certificate_read(findings->arena, evidence->roots, &roots, &why) == -1)
		return; /* as bimi_evidence_check() has said */
	revocation = revocation_check(list, roots, evidence->lists, evidence->list_count,
				      evidence->now, &until, &why);
	if (revocation == REVOCATION_NONE)
		bimi_findings_limit(findings, until);
	else if (revocation == REVOCATION_REVOKED)
		bimi_found(findings, BIMI_CERTIFICATE_REVOKED, 0, "%s", why.text);
	else
		bimi_found(findings, BIMI_CERTIFICATE_NO_CRL, 0,
			   "whether it has been revoked is not known: %s", why.text);
}
