/* SPDX-License-Identifier: BSD-2-Clause */
/* report/inbox/wire: what is read as a record is written as the same bytes. */
#include <assert.h>
#include <stdalign.h>
#include <string.h>

#include "report/inbox/wire.h"
#include "t/lib/fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct arena *arena = arena_new(0);
	alignas(max_align_t) char record[INBOX_RECORD_MAX];
	struct span rest = span_make(data, size);
	struct buf again, clean;
	enum inbox_part part;
	int length;

	buf_init(&again, arena, 0);
	while ((length = wire_length(rest)) > 0 && (size_t)length <= span_len(rest)) {
		struct span frame = span_make(rest.p, (size_t)length);

		rest.p += length;
		if (!wire_read(arena, frame, &part, record))
			continue;
		buf_clear(&again);
		wire_write(&again, part, record);
		assert(span_same(buf_view(&again), frame));
	}
	buf_init(&clean, arena, 0);
	wire_clean(&clean, span_make(data, size));
	assert(wire_is_clean(buf_view(&clean)) && clean.len <= WIRE_TEXT_MAX);
	arena_free(arena);
	return 0;
}
