/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * iprev, RFC 8601 section 3: the client's address has a name, and the name has the address.
 */
#ifndef POLICY_SPF_IPREV_H
#define POLICY_SPF_IPREV_H

#include "dns/dns.h"
#include "lib/arena.h"
#include "policy/result/verdict.h"

enum { IPREV_NAMES_MAX = 10 };

/* Starts PTR and, when it comes, the addresses of its names. CLIENT outlives SCOPE. */
void iprev_start(struct dns_scope *scope, const struct ip *client);
void iprev_check(struct dns_scope *scope, const struct ip *client, struct arena *arena,
		 struct iprev_verdict *out);

/*
 * The same in two steps, for SPF (RFC 7208 section 5.5): the first IPREV_NAMES_MAX names, whose
 * address lookups are started, and whether a name has the address. iprev_has: DNS_DATA when it has,
 * DNS_NODATA when it has not, DNS_TEMPFAIL. The texts live as long as SCOPE.
 */
struct iprev_names {
	const struct dns_answer *answer; /* to PTR; NULL: the client has no IP address */
	unsigned count;
	const char *name[IPREV_NAMES_MAX];
};
void iprev_names(struct dns_scope *scope, const struct ip *client, struct iprev_names *out);
enum dns_status iprev_has(struct dns_scope *scope, const struct ip *client, const char *name);

#endif
