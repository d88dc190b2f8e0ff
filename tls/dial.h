/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A TLS connection to a host whose addresses are known: no DNS, TLS 1.2 or later. The host's
 * certificate has its name as a DNS name and is valid by the roots of this system.
 */
#ifndef TLS_DIAL_H
#define TLS_DIAL_H

#include <stdint.h>

#include "dns/dns.h"
#include "lib/ip.h"
#include "lib/net/transfer.h"

enum { DIAL_ADDRESSES_MAX = TRANSFER_ADDRESSES_MAX };

struct dial_target {
	const char *host;
	unsigned port;
	const struct ip *addresses;
	unsigned count;      /* at least 1; what is over DIAL_ADDRESSES_MAX is left out */
	const char *ca_file; /* of root certificates; NULL: the system's */
	int64_t timeout;     /* nanoseconds, for all of it */
};

/* The caller adds what is allowed on the connection. */
struct transfer_rules dial_rules(const struct dial_target *target);

/* The IPv6 and IPv4 addresses of HOST as DNS has them, at most DIAL_ADDRESSES_MAX. Waits. */
unsigned dial_find(struct dns_scope *scope, const char *host,
		   struct ip addresses[DIAL_ADDRESSES_MAX]);

#endif
