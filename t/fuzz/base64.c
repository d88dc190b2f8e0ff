/* SPDX-License-Identifier: BSD-2-Clause */
/* lib/codec/base64: what decodes encodes to a text that decodes to the same. */
#include <assert.h>
#include <string.h>

#include "lib/codec/base64.h"
#include "t/lib/fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct arena *arena = arena_new(1 << 20);
	const uint8_t *plain, *again;
	size_t length, again_length;
	struct buf text;

	if (base64_decode(arena, span_make(data, size), &plain, &length)) {
		assert(length <= size / 4 * 3);
		buf_init(&text, arena, 0);
		base64_encode(&text, plain, length);
		assert(base64_decode(arena, buf_view(&text), &again, &again_length));
		assert(again_length == length && memcmp(plain, again, length) == 0);
	}
	arena_free(arena);
	return 0;
}
