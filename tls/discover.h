/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Whether a domain announces an MTA-STS policy: the TXT record at _mta-sts.DOMAIN (RFC 8461 section
 * 3.1).
 */
#ifndef TLS_DISCOVER_H
#define TLS_DISCOVER_H

#include <stdint.h>

#include "dns/dns.h"
#include "lib/arena.h"

enum sts_discovery_state {
	STS_ANNOUNCED, /* exactly one valid record */
	STS_ABSENT,    /* none, several, or one that is not valid: they count as none */
	STS_UNKNOWN    /* a temporary failure of DNS */
};

struct sts_discovery {
	enum sts_discovery_state state;
	const char *id;     /* STS_ANNOUNCED */
	const char *reason; /* else: a sentence without a full stop */
	uint32_t ttl;       /* seconds the answer may be used for */
};

void sts_discover_start(struct dns_scope *scope, struct arena *arena, const char *domain);
void sts_discover(struct dns_scope *scope, struct arena *arena, const char *domain,
		  struct sts_discovery *found);

#endif
