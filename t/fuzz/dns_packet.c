/* SPDX-License-Identifier: BSD-2-Clause */
/* dns/packet, dns/wire: any bytes, and names that end inside them. */
#include <assert.h>

#include "dns/packet.h"
#include "dns/wire.h"
#include "t/lib/fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	size_t offset = 0;

	assert(packet_negative_ttl(data, size) <= 0x7fffffff);
	if (wire_name_skip(data, size, &offset))
		assert(offset > 0 && offset <= size && offset <= WIRE_NAME_MAX + 1);
	return 0;
}
