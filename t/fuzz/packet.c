/* SPDX-License-Identifier: BSD-2-Clause */
/* milter/protocol/packet: nothing outside the span is looked at, and what was taken was there. */
#include <assert.h>

#include "milter/protocol/packet.h"
#include "milter/protocol/protocol.h"
#include "t/lib/fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct span rest = span_make(data, size), part;
	struct sockaddr_storage address;
	struct packet packet;
	const char *text;
	uint32_t number;
	bool known;

	while (packet_take(&rest, &packet) > 0) {
		assert(span_len(packet.data) < PROTOCOL_PACKET_MAX);
		assert(packet.data.end == rest.p && rest.p <= rest.end);
		packet_address(packet.data, &address, &known);
		part = packet.data;
		while (packet_text(&part, &text))
			assert(text < part.p && part.p[-1] == '\0' && part.p <= packet.data.end);
		part = packet.data;
		while (packet_number(&part, &number))
			assert(part.p <= packet.data.end);
	}
	return 0;
}
