/* SPDX-License-Identifier: BSD-2-Clause */
#include "policy/arc/trust.h"

#include <string.h>

#include "lib/buf.h"
#include "mail/authres_read.h"

static bool is_trusted(const struct domain_pattern *sealers, unsigned count, const char *domain)
{
	for (unsigned i = 0; i < count; i++)
		if (domain_pattern_matches(&sealers[i], domain))
			return true;
	return false;
}

bool arctrust_is_sealer(const struct domain_pattern *sealers, unsigned count,
			const struct verdict *verdict)
{
	const struct arc_verdict *arc = &verdict->arc;

	return arc->count > 0 && is_trusted(sealers, count, arc->sets[arc->count - 1].domain);
}

/* ---- what one set's results say ---- */

/* Alignment as far as the author's own records tell: equal, or (relaxed) below the author's
 * organizational domain or that itself. */
static bool is_aligned(const struct dmarc_verdict *dmarc, const char *domain, bool strict)
{
	if (domain_equal(domain, dmarc->author_domain))
		return true;
	return !strict && dmarc->org_domain != NULL && domain_within(domain, dmarc->org_domain);
}

/* The domain of a property, "example.com" or "user@example.com". */
static const char *property_domain(struct arena *arena, const struct authres_result *result,
				   const char *ptype, const char *name)
{
	const char *value = authres_value(result, ptype, name), *at;

	if (value == NULL)
		return NULL;
	at = strrchr(value, '@');
	return domain_to_ascii(arena, span_of(at == NULL ? value : at + 1));
}

static bool passes_for(struct arena *arena, const struct authres_result *result, const char *ptype,
		       const char *name, const struct dmarc_verdict *dmarc, bool strict)
{
	const char *domain;

	if (strcmp(result->result, "pass") != 0)
		return false;
	domain = property_domain(arena, result, ptype, name);
	return domain != NULL && is_aligned(dmarc, domain, strict);
}

/* dkim=pass or spf=pass that is aligned, where the sealer does not evaluate DMARC. */
static bool results_vouch_without_dmarc(struct arena *arena, const struct authres_results *results,
					const struct dmarc_verdict *dmarc)
{
	bool adkim = dmarc->published != NULL && dmarc->published->adkim_strict;
	bool aspf = dmarc->published != NULL && dmarc->published->aspf_strict;

	for (unsigned i = 0; i < results->count; i++) {
		const struct authres_result *result = &results->items[i];

		if (strcmp(result->method, "dkim") == 0 &&
		    (passes_for(arena, result, "header", "d", dmarc, adkim) ||
		     passes_for(arena, result, "header", "i", dmarc, adkim)))
			return true;
		if (strcmp(result->method, "spf") == 0 &&
		    passes_for(arena, result, "smtp", "mailfrom", dmarc, aspf))
			return true;
	}
	return false;
}

static bool results_vouch(struct arena *arena, const struct authres_results *results,
			  const struct dmarc_verdict *dmarc)
{
	const struct authres_result *result = authres_find(results, "dmarc");
	const char *domain;

	if (result == NULL)
		return results_vouch_without_dmarc(arena, results, dmarc);
	domain = property_domain(arena, result, "header", "from");
	return strcmp(result->result, "pass") == 0 && domain != NULL &&
	       domain_equal(domain, dmarc->author_domain);
}

/* ---- the comment ---- */

/* The address from which the first sealer had the message: smtp.remote-ip of any result. */
static const char *first_address(struct arena *arena, const struct arc_verdict *arc)
{
	struct authres_results results;
	const char *address = NULL;
	struct ip ip;

	if (!authres_parse(arena, arc->sets[0].results, &results))
		return NULL;
	for (unsigned i = 0; i < results.count && address == NULL; i++)
		address = authres_value(&results.items[i], "smtp", "remote-ip");
	return address != NULL && ip_parse(span_of(address), &ip) ? address : NULL;
}

/* RFC 8617 section 7.2.2: "arc=pass as[2].d=d2.example as[2].s=s2 ... remote-ip[1]=2001:db8::1a" */
static const char *chain_comment(struct arena *arena, const struct arc_verdict *arc)
{
	unsigned oldest = arc->count > ARCTRUST_SETS_TOLD ? arc->count - ARCTRUST_SETS_TOLD : 0;
	const char *address = first_address(arena, arc);
	struct buf text;

	buf_init(&text, arena, 0);
	buf_string(&text, "arc=pass");
	for (unsigned i = arc->count; i > oldest; i--)
		buf_printf(&text, " as[%u].d=%s as[%u].s=%s", i, arc->sets[i - 1].domain, i,
			   arc->sets[i - 1].selector);
	if (address != NULL)
		buf_printf(&text, " remote-ip[1]=%s", address);
	return buf_text(&text);
}

const char *arctrust_find(const struct domain_pattern *sealers, unsigned count,
			  const struct verdict *verdict, struct arena *arena)
{
	const struct arc_verdict *arc = &verdict->arc;
	struct authres_results results;

	if (arc->result != AUTH_PASS || arc->added != NULL ||
	    verdict->dmarc.author_domain[0] == '\0')
		return NULL;
	for (unsigned i = arc->count; i > 0; i--) {
		if (!is_trusted(sealers, count, arc->sets[i - 1].domain))
			return NULL;
		if (authres_parse(arena, arc->sets[i - 1].results, &results) &&
		    results_vouch(arena, &results, &verdict->dmarc))
			return chain_comment(arena, arc);
	}
	return NULL;
}
