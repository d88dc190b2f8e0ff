/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A TLS connection that libcurl makes to a host whose addresses are known: no DNS, no proxy, no
 * .netrc, TLS 1.2 or later. The host's certificate has its name as a DNS name and is valid by the
 * roots of this system.
 */
#ifndef TLS_DIAL_H
#define TLS_DIAL_H

#include <stdint.h>

#include "dns/dns.h"
#include "lib/ip.h"
#include "lib/why.h"

enum { DIAL_ADDRESSES_MAX = 8 };

struct dial_target {
	const char *host;
	unsigned port;
	const struct ip *addresses;
	unsigned count;      /* at least 1; what is over DIAL_ADDRESSES_MAX is left out */
	const char *ca_file; /* of root certificates; NULL: the system's */
	int64_t timeout;     /* nanoseconds, for all of it */
};

struct dial {
	struct dial_target target;
	void *curl; /* libcurl's handle: the caller sets the URL and the rest */
	struct curl_slist *addresses;
	char error[256]; /* libcurl's reason, or "" */
};

/* TARGET's strings and addresses live until dial_end(). */
void dial_begin(struct dial *dial, const struct dial_target *target);
void dial_end(struct dial *dial);

/* The host proves nothing: for looking at a certificate that was refused. */
void dial_trust_any(struct dial *dial);

/* The IPv6 and IPv4 addresses of HOST as DNS has them, at most DIAL_ADDRESSES_MAX. Waits. */
unsigned dial_find(struct dns_scope *scope, const char *host,
		   struct ip addresses[DIAL_ADDRESSES_MAX]);

/* Nothing of what a server says reaches a log or a terminal as it is. */
void dial_clean(struct why *why);

#endif
