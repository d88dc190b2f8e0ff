/* SPDX-License-Identifier: BSD-2-Clause */
/* lib/ip: what was read and written is read as the same again. */
#include <assert.h>

#include "lib/ip.h"
#include "t/lib/fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct span text = span_make(data, size);
	struct ip_network network;
	struct ip ip, again;
	char out[IP_TEXT_MAX], reverse[IP_REVERSE_MAX];

	if (ip_parse(text, &ip)) {
		assert(ip_parse(span_of(ip_text(&ip, out)), &again) && ip_equal(&ip, &again));
		assert(span_of(ip_reverse(&ip, reverse)).end[-1] == 'a');
	}
	if (ip_network_parse_entry(text, &network)) {
		assert(network.bits <= (network.ip.family == 4 ? 32 : 128));
		assert(ip_in_network(&network.ip, &network.ip, network.bits));
	}
	return 0;
}
