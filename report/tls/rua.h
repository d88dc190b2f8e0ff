/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Where a domain wants its TLS reports: the record at _smtp._tls.DOMAIN (RFC 8460 section 3).
 */
#ifndef REPORT_TLS_RUA_H
#define REPORT_TLS_RUA_H

#include "dns/dns.h"
#include "lib/arena.h"

enum { RUA_MAX = 8, RUA_LENGTH_MAX = 512 };

enum rua_answer {
	RUA_FOUND,
	RUA_NONE, /* no record, several, or none that is valid */
	RUA_LATER /* a temporary failure of DNS */
};

/* Addresses "name@example.com" and "https://..." of the record, at most RUA_MAX; others, and those
 * that cannot be used, are left out. Waits. */
enum rua_answer rua_find(struct dns_scope *scope, struct arena *arena, const char *domain,
			 const char *addresses[RUA_MAX], unsigned *count);

bool rua_is_url(const char *address);

#endif
