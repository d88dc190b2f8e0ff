/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * milter/native/wire: a whole conversation of whatever the MTA sends. Its answers are whole
 * packets, and the same however the bytes are cut. The first byte says where.
 */
#include <assert.h>
#include <string.h>

#include "milter/native/wire.h"
#include "milter/protocol/packet.h"
#include "t/lib/fuzz.h"
#include "t/lib/scribe.h"

static void play(struct span rest, size_t piece, struct buf *out)
{
	struct wire *wire = wire_new(NULL);
	enum wire_next next = WIRE_MORE;
	struct why why;

	for (const char *end = rest.p; end < rest.end && next == WIRE_MORE;) {
		struct span input;

		end += (size_t)(rest.end - end) < piece ? (size_t)(rest.end - end) : piece;
		input = (struct span){rest.p, end};
		next = wire_take(wire, &input, out, &why);
		assert(input.p >= rest.p && input.p <= end);
		rest.p = input.p;
	}
	wire_free(wire);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const struct header_change changes[] = {{"A", 1, NULL}, {"B", 0, " b"}};
	struct buf whole, cut;
	struct span rest;
	struct packet packet;

	if (size == 0)
		return 0;
	scribe.answer = (struct answer){
	    .action = (enum action)(data[0] & 3), .changes = changes, .change_count = 2};
	scribe.enough = (data[0] & 4) != 0;
	buf_init(&whole, NULL, 0);
	buf_init(&cut, NULL, 0);
	play(span_make(data + 1, size - 1), size, &whole);
	play(span_make(data + 1, size - 1), (size_t)(data[0] >> 3) + 1, &cut);
	assert(whole.len == cut.len &&
	       (cut.len == 0 || memcmp(whole.data, cut.data, cut.len) == 0));
	rest = buf_view(&whole);
	while (packet_take(&rest, &packet) > 0)
		assert(packet.kind > ' ');
	assert(span_empty(rest));
	buf_free(&whole);
	buf_free(&cut);
	return 0;
}
