/* SPDX-License-Identifier: BSD-2-Clause */
#include "tls/dial.h"

#include <assert.h>

struct transfer_rules dial_rules(const struct dial_target *target)
{
	assert(target->count > 0);
	return (struct transfer_rules){.host = target->host,
				       .port = target->port,
				       .addresses = target->addresses,
				       .count = target->count,
				       .proof = TRANSFER_PROOF_DNS_NAME,
				       .ca_file = target->ca_file,
				       .connect_timeout = target->timeout,
				       .timeout = target->timeout};
}

unsigned dial_find(struct dns_scope *scope, const char *host,
		   struct ip addresses[DIAL_ADDRESSES_MAX])
{
	static const enum dns_type types[] = {DNS_TYPE_AAAA, DNS_TYPE_A};
	unsigned count = 0;

	for (unsigned t = 0; t < 2; t++)
		(void)dns_start(scope, host, types[t]);
	for (unsigned t = 0; t < 2; t++) {
		const struct dns_answer *answer = dns_wait(dns_start(scope, host, types[t]));

		for (unsigned i = 0; i < answer->count && count < DIAL_ADDRESSES_MAX; i++)
			addresses[count++] =
			    ip_from_bytes(answer->records[i].address, t == 0 ? 16 : 4);
	}
	return count;
}
