/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * How mail for a domain must be protected on its way there: what DANE (RFC 7672) and MTA-STS (RFC
 * 8461) demand, and what Postfix is told. A function of DNS, the clock and the policies that are
 * held.
 *
 * DANE comes first, and MTA-STS never replaces a DANE check that fails or could not be made (RFC
 * 8461 section 2). Where we do not know, Postfix decides by its own settings, except where DNSSEC
 * shows that TLSA records must be found out first (RFC 7672 section 2.1).
 */
#ifndef TLS_LEVEL_H
#define TLS_LEVEL_H

#include "dns/dns.h"
#include "mail/domain.h"
#include "tls/discover.h"
#include "tls/route.h"
#include "tls/sts.h"

/* What is held of a domain's MTA-STS policy. */
struct sts_held {
	bool present; /* a policy that has not expired */
	struct sts_policy policy;
	const char *text;         /* as it was served */
	const char *id;           /* of the record when it was fetched */
	int64_t fetched, expires; /* wall seconds */
	int64_t renew;            /* and when it is to be fetched again, for a daemon */
	const char *reason;       /* why there is none, or why it is not a newer one; or NULL */
};

/* Finds what is held, and may wait for a policy to be fetched. Strings live in ARENA. */
typedef void sts_source(void *arg, struct arena *arena, const char *domain,
			const struct sts_discovery *discovery, struct sts_held *held);

/* An exception that the operator made. */
struct level_exception {
	struct domain_pattern domain;
	const char *level; /* of Postfix: "may"; "default": as without us */
};

struct level_settings {
	bool dane_fallback;                       /* answer "dane" in place of "dane-only" */
	const struct level_exception *exceptions; /* the first that matches counts */
	unsigned exception_count;
};

enum level_kind {
	LEVEL_DEFAULT,   /* the level of Postfix's own settings */
	LEVEL_DANE_ONLY, /* every host has TLSA records */
	LEVEL_DANE,      /* some have */
	LEVEL_SECURE,    /* MTA-STS, mode enforce */
	LEVEL_DEFER,
	LEVEL_EXCEPTION
};
extern const struct name_code level_names[]; /* "default" "dane-only" "dane" "secure" "defer"
						   "exception" */

struct level {
	enum level_kind kind;
	const char *domain;
	const char *word;   /* LEVEL_EXCEPTION */
	const char *reason; /* a sentence without a full stop */
	bool looked;        /* the next ones are set */
	struct route route;
	bool discovered; /* and so are these */
	struct sts_discovery discovery;
	struct sts_held held;
	uint32_t ttl; /* seconds for which it may be given again */
};

/* The domain that a key of smtp_tls_policy_maps stands for, in ARENA. NULL with a reason: a host in
 * brackets, an address, a port, a part of a domain: there is no policy for such a next hop. */
const char *level_domain(struct arena *arena, struct span key, const char **reason);

/* Lookups of a level, at most. */
enum { LEVEL_LOOKUPS = 2 + 6 * ROUTE_HOSTS_MAX };

void level_decide(const struct level_settings *settings, struct dns_scope *scope,
		  struct arena *arena, const char *domain, sts_source *source, void *arg,
		  struct level *level);

#endif
