/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * DMARC, RFC 9989: discovery (tree walk or public suffix list), alignment, and the policy that the
 * author's domain asks for. Pure evaluation: what is done about it is policy/decide.h.
 */
#ifndef POLICY_DMARC_DMARC_H
#define POLICY_DMARC_DMARC_H

#include "dns/dns.h"
#include "lib/arena.h"
#include "mail/address.h"
#include "mail/psl.h"
#include "policy/result/verdict.h"

struct dmarc_rules {
	enum dmarc_discovery discovery;
	const struct psl *psl; /* for DMARC_PSL */
	const char *const
	    *psd_domains; /* names to treat as if their record said psd=y (section 11.8) */
	unsigned psd_count;
	bool align_absent;    /* find out what is aligned where there is no record, too */
	unsigned authors_max; /* From addresses of different domains evaluated at most: 4 */
};

/* Starts the lookups for a domain whose organizational domain may be needed: the author's domain
 * when From arrives, the others at the end of the header. DOMAIN outlives SCOPE. For the author's
 * domain, dmarc_start_author() also finds out whether it exists (np=), if that can matter. */
void dmarc_start(struct dns_scope *scope, const struct dmarc_rules *rules, const char *domain);
void dmarc_start_author(struct dns_scope *scope, const struct dmarc_rules *rules,
			const char *domain);

/* False when DOMAIN cannot be aligned with AUTHOR whatever the DNS says: no lookups are needed. */
bool dmarc_could_align(const char *author, const char *domain);

/* The organizational domain, a pointer into DOMAIN. NULL with a reason when it is not known. */
const char *dmarc_org_domain(struct dns_scope *scope, const struct dmarc_rules *rules,
			     struct arena *arena, const char *domain, struct why *why);

/* What the From fields of a message come to. */
struct dmarc_author {
	unsigned fields;            /* From fields in the message */
	const char *const *domains; /* distinct author domains, in order */
	unsigned domain_count;
	const char *error; /* why there is none to evaluate, or NULL */
	bool hidden;       /* one of FIELDS is seen by some readers only */
	bool incomplete;   /* DOMAINS lacks some that readers can see */
	bool explain;      /* keep the steps of the evaluation (dmarc_verdict.steps) */
};

/*
 * Reads the SPF and DKIM parts of VERDICT and fills OUT. Several author domains: the strictest
 * failing one is OUT (section 11.5). A From that is out of DMARC's scope (none, several, malformed)
 * is permerror; but if it names author domains and one of them fails, that one is OUT.
 */
void dmarc_check(struct dns_scope *scope, const struct dmarc_rules *rules,
		 const struct dmarc_author *author, const struct verdict *verdict,
		 struct arena *arena, struct dmarc_verdict *out);

#endif
