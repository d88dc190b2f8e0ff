/* SPDX-License-Identifier: BSD-2-Clause */
/* policy/dkim/canon: a body hashes alike however it is cut; a relaxed field is its own relaxed
 * form. */
#include <assert.h>
#include <string.h>

#include "policy/dkim/canon.h"
#include "t/lib/fuzz.h"

static void whole(struct arena *arena, enum dkimsig_canon canon, struct span text, size_t step,
		  uint8_t digest[32])
{
	struct canon_body *body = canon_body_new(arena, canon);

	while (!span_empty(text)) {
		size_t n = step < span_len(text) ? step : span_len(text);

		canon_body_add(body, span_make(text.p, n));
		text.p += n;
	}
	canon_body_finish(body, digest);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct span text = span_make(data, size);
	struct arena *arena = arena_new(0);
	uint8_t one[32], other[32];
	struct buf relaxed, again;

	for (int canon = DKIMSIG_SIMPLE; canon <= DKIMSIG_RELAXED; canon++) {
		whole(arena, (enum dkimsig_canon)canon, text, SIZE_MAX, one);
		whole(arena, (enum dkimsig_canon)canon, text, size % 7 + 1, other);
		assert(memcmp(one, other, sizeof one) == 0);
	}
	buf_init(&relaxed, arena, 0);
	buf_init(&again, arena, 0);
	canon_header(&relaxed, DKIMSIG_RELAXED, span_of("X"), text);
	canon_header(&again, DKIMSIG_RELAXED, span_of("x"),
		     span_make(relaxed.data + 2, relaxed.len - 4));
	assert(span_same(buf_view(&relaxed), buf_view(&again)));
	arena_free(arena);
	return 0;
}
