/*
 * iprev, RFC 8601 section 3: the client's address has a name, and the name has the address.
 */
#ifndef POLICY_IPREV_H
#define POLICY_IPREV_H

#include "dns/dns.h"
#include "lib/arena.h"
#include "policy/verdict.h"

enum { IPREV_NAMES_MAX = 10 };

/* Starts PTR and, when it comes, the addresses of its names. CLIENT outlives SCOPE. */
void iprev_start(struct dns_scope *scope, const struct ip *client);
void iprev_check(struct dns_scope *scope, const struct ip *client, struct arena *arena,
		 struct iprev_verdict *out);

#endif
