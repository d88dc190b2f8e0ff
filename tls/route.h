/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Where mail for a domain goes: its MX hosts, with what DNSSEC says of them, and the TLSA records
 * of each (RFC 7672 section 2, RFC 5321 section 5.1, RFC 7505).
 */
#ifndef TLS_ROUTE_H
#define TLS_ROUTE_H

#include <stdbool.h>
#include <stdint.h>

#include "dns/dns.h"
#include "lib/arena.h"

enum { ROUTE_HOSTS_MAX = 32 };

enum host_dane {
	HOST_DANE_NONE,     /* there are no TLSA records, or nothing that DNSSEC secures */
	HOST_DANE_USABLE,   /* one at least can be used (section 3.1) */
	HOST_DANE_UNUSABLE, /* there are some, of which none can be used (section 2.2) */
	HOST_DANE_FAILED    /* it could not be found out: the host must not be used now (2.1.2) */
};

struct route_host {
	const char *name;
	uint16_t preference;
	bool reachable; /* it has an address */
	enum host_dane dane;
	const char *tlsa;   /* the name of its TLSA records, or NULL */
	const char *reason; /* of HOST_DANE_FAILED, and of one that cannot be reached */
};

enum route_kind {
	ROUTE_MX,
	ROUTE_IMPLICIT, /* no MX records: the domain itself is the host (RFC 5321 section 5.1) */
	ROUTE_NULL,     /* the domain accepts no mail (RFC 7505) */
	ROUTE_ABSENT,   /* the domain does not exist */
	ROUTE_UNKNOWN,  /* a temporary failure */
	ROUTE_BOGUS     /* an answer came that DNSSEC forbids to believe */
};

struct route {
	enum route_kind kind;
	bool secure; /* the list of hosts; only then they were asked for TLSA */
	bool cut;    /* there are more than ROUTE_HOSTS_MAX */
	unsigned count;
	struct route_host hosts[ROUTE_HOSTS_MAX]; /* by preference */
	const char *reason;                       /* ROUTE_UNKNOWN, ROUTE_BOGUS */
	uint32_t ttl;                             /* seconds it may be used for */
};

void route_start(struct dns_scope *scope, const char *domain);

/* Waits. Strings live in ARENA. At most 6 lookups a host. */
void route_look(struct dns_scope *scope, struct arena *arena, const char *domain,
		struct route *route);

#endif
