/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Making answers: immutable, counted references, one block of memory each.
 */
#ifndef DNS_ANSWER_H
#define DNS_ANSWER_H

#include <stdatomic.h>

#include "dns/dns.h"

struct answer {
	struct dns_answer public;
	size_t bytes;           /* of memory, for the cache's bound */
	atomic_uint references; /* 0: static, lives for ever */
};

/* One record's data as the wire has it, without compression (RFC 1035 section 3.3). */
struct rdata {
	const uint8_t *data;
	size_t length;
};

/* COUNT > 0 records of TYPE. Malformed or too much of it makes it a temporary failure. */
struct answer *answer_data(enum dns_type type, const struct rdata *rdata, size_t count,
			   uint32_t ttl, bool secure);
struct answer *answer_negative(enum dns_status status, uint32_t ttl, bool secure);
struct answer *answer_failure(const char *reason); /* which is copied; TTL 1 */

struct answer *answer_take(struct answer *answer);
void answer_drop(struct answer *answer); /* NULL is OK */

/* The ones that need no memory; none of them is for the cache (TTL 0). */
extern struct answer answer_no_budget, answer_crowded, answer_impossible;

#endif
