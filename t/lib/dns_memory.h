/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A back end of the resolver that answers from memory: a zone, and the faults that a network has.
 */
#ifndef T_LIB_DNS_MEMORY_H
#define T_LIB_DNS_MEMORY_H

#include "dns/dns.h"

enum dns_memory_mode {
	DNS_MEMORY_ANSWER,
	DNS_MEMORY_SERVFAIL,
	DNS_MEMORY_SILENT,   /* never answers */
	DNS_MEMORY_BOGUS,    /* DNSSEC forbids to believe the answer */
	DNS_MEMORY_TRUNCATED /* as a resolver without TCP would see it: a temporary failure */
};

struct dns *dns_new_memory(const struct dns_settings *settings); /* servers are ignored */

/* Adds one record; DATA as in struct dns_record's text, or the address as text. For MX: "10 host";
 * SOA, SRV, DS and TLSA: as the wire has it.
 * A name with any record exists (other types: no data); its parents exist too; all others do not.
 * "*.example.com" is a wildcard (RFC 4592). CNAMEs are added with dns_memory_alias. Returns -1
 * with a reason when NAME or DATA is not possible. Every change empties the cache. Without a delay
 * answers are there when dns_start returns. */
int dns_memory_add(struct dns *dns, const char *name, enum dns_type type, const char *data,
		   size_t length, struct why *why);
int dns_memory_alias(struct dns *dns, const char *name, const char *target, struct why *why);
void dns_memory_mode(struct dns *dns, const char *name, int type_or_0, enum dns_memory_mode mode);
void dns_memory_delay(struct dns *dns, int64_t nanoseconds); /* of every answer from now on */
void dns_memory_ttl(struct dns *dns, uint32_t ttl, uint32_t negative_ttl); /* 300, 60 at first */
/* NAME and all below it are signed, and validated, until dns_memory_clear(). "": everything. */
void dns_memory_sign(struct dns *dns, const char *name);
void dns_memory_clear(struct dns *dns); /* records, modes and cache */

#endif
