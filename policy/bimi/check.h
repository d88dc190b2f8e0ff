/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * BIMI of one inbound message
 * (draft-brand-indicators-for-message-identification, "Receiver Actions"): whether the message may
 * show an indicator, and which assertion record applies. Nothing is fetched: what is known of the
 * logo and the certificate is asked of whoever keeps it (policy/bimi/known.h).
 *
 *   pass       the indicator may be shown
 *   none       no assertion record applies
 *   declined   the record says that the domain wants no indicator
 *   skipped    the message may not show one: it does not pass DMARC by DKIM, or the domain's policy
 *              does not protect it; or there is a record, whose logo has not been checked, or
 *              which these settings do not accept
 *   fail       the record, the logo or the certificate is not valid
 *   temperror  DNS did not answer, or a web server did not
 *
 * The lookups begin at the end of the header and run beside the others.
 */
#ifndef POLICY_BIMI_CHECK_H
#define POLICY_BIMI_CHECK_H

#include "dns/dns.h"
#include "lib/arena.h"
#include "mail/domain.h"
#include "policy/bimi/known.h"
#include "policy/dmarc/dmarc.h"
#include "policy/result/verdict.h"

enum { BIMI_CHECK_LOOKUPS = 6 }; /* of assertion records, at most */

struct bimi_check_dns {
	struct dns_scope *assertions; /* for BIMI_CHECK_LOOKUPS */
	struct dns_scope *policies;   /* that DMARC uses for the message */
};

struct bimi_rules {
	bool evaluate;
	bool certificate; /* a mark certificate is needed */
	bool indicator;   /* the logo is added to the message */
	bimi_find *find;  /* NULL: logos are not checked, and the result is never pass */
	void *find_arg;
	/* Of the organizational domain: without a certificate; never. */
	const struct domain_pattern *allow, *deny;
	unsigned allow_count, deny_count;
};

struct bimi_check;

/* Lives in ARENA. The rules are borrowed. */
struct bimi_check *bimi_check_new(const struct bimi_rules *rules, const struct dmarc_rules *dmarc,
				  const struct bimi_check_dns *dns, struct arena *arena);

/* NAME and VALUE as in policy/dkim/check.h. */
void bimi_check_header(struct bimi_check *check, struct span name, struct span value);

/* AUTHOR: the From domain, or NULL. */
void bimi_check_end_of_headers(struct bimi_check *check, const char *author);

/* After the message, before the other mechanisms are waited for: starts the lookups at the
 * organizational domain, where it is already known that they are needed or may be. */
void bimi_check_start_org(struct bimi_check *check);

/* VERDICT has the results of DKIM and DMARC. */
void bimi_check_finish(struct bimi_check *check, const struct dmarc_author *author,
		       const struct verdict *verdict, struct bimi_verdict *out);

#endif
