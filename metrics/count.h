/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What became of a message, as counters.
 */
#ifndef METRICS_COUNT_H
#define METRICS_COUNT_H

#include "dns/dns.h"
#include "policy/origin.h"
#include "policy/outbound.h"
#include "policy/result/verdict.h"

/* ACTION: what was answered, which is not the decision's where the ledger could not be written. */
void count_inbound(enum origin origin, const struct verdict *verdict, enum action action,
		   int64_t nanoseconds);
void count_outbound(enum origin origin, const struct outbound_result *result, enum action action,
		    int64_t nanoseconds);

void count_skipped(enum origin origin, enum action action, int64_t nanoseconds);

/* For struct dns_settings. */
void count_query(enum dns_type type, enum dns_status status, int64_t nanoseconds);

/* How many queries of this process a server has answered. */
uint64_t count_answered(void);

#endif
